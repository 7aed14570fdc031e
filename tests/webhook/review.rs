//! Questions that no API server would ask, and some that it would, put to the webhook directly.

use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::ByteString;
use reqwest::{Certificate, Client, StatusCode};
use serde_json::{Value, json};
use tke_direct_access::api::names::GATE;

use crate::stage::{Stage, expectations, web_pod};

/// A client that trusts these authorities only.
pub(crate) fn client(bundle: &str) -> Client {
    let authorities = Certificate::from_pem_bundle(bundle.as_bytes()).expect("the bundle is well formed");
    // A connection of its own for each request, so that each sees the certificate in use.
    let builder = Client::builder().tls_certs_only(authorities).pool_max_idle_per_host(0).no_proxy();
    builder.build().expect("a client")
}

/// The certificate that a server shows, whether it can be trusted or not.
pub(crate) async fn served_certificate(address: SocketAddr) -> Option<Vec<u8>> {
    let provider = rustls::crypto::ring::default_provider();
    let verifier = Arc::new(Any(provider.signature_verification_algorithms));
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
    let config = config.ok()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    tokio::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(address).ok()?;
        let mut session = rustls::ClientConnection::new(Arc::new(config), address.ip().into()).ok()?;
        while session.is_handshaking() {
            session.complete_io(&mut socket).ok()?;
        }
        Some(session.peer_certificates()?.first()?.to_vec())
    })
    .await
    .ok()?
}

/// Looks at certificates without judging them.
#[derive(Debug)]
struct Any(rustls::crypto::WebPkiSupportedAlgorithms);

impl rustls::client::danger::ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// What an API server of 1.34 sends, cut down to a Pod's essentials.
pub(crate) fn question(namespace: &str, object: &Value) -> Value {
    json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "0df28fbd-5f5f-11e8-bc74-36e6bb280816",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
            "requestResource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": namespace, "operation": "CREATE",
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": ["system:authenticated"]},
            "object": object, "oldObject": null, "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_questions_get_an_error_and_good_ones_an_answer() {
    let stage = Stage::new("review").await;
    let replica = stage.working().await;
    let client = client(&stage.entry("ca.crt").await);
    let url = format!("https://{}/mutate-pods", replica.address.unwrap());
    let ask = async |body: Vec<u8>| {
        let reply =
            client.post(&url).header("content-type", "application/json").body(body).send().await.expect("an answer");
        (reply.status(), reply.text().await.expect("a body"))
    };
    for bad in
        ["", "{", "null", "[[[[", "\u{0}", "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}"]
    {
        let (status, text) = ask(bad.as_bytes().to_vec()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(text.contains("AdmissionReview"), "{text}");
    }
    assert_eq!(ask(vec![b'['; 200_000]).await.0, StatusCode::BAD_REQUEST, "nesting is bounded");
    assert_eq!(ask(vec![b' '; 9 * 1024 * 1024]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(client.get(&url).send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);

    let answer = async |namespace: &str, object: &Value| {
        let (status, text) = ask(question(namespace, object).to_string().into_bytes()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["response"]["uid"], "0df28fbd-5f5f-11e8-bc74-36e6bb280816");
        assert_eq!(answer["response"]["allowed"], true);
        answer["response"].clone()
    };
    for odd in [json!(null), json!([]), json!({}), json!({"spec": 3}), json!({"metadata": {"labels": 7}, "spec": {}})] {
        let response = answer(&stage.shop.name, &odd).await;
        assert!(response["warnings"][0].as_str().unwrap().contains("cannot read"), "{odd}: {response}");
        assert_eq!(response.get("patch"), None);
    }
    for reserved in ["kube-system", "kube-node-lease", &stage.own.name] {
        assert_eq!(answer(reserved, &web_pod()).await.get("patch"), None, "{reserved}");
    }
    for (what, pod, expected) in expectations() {
        // The configuration, not the webhook, leaves out the controller itself.
        if what.contains("own Pod") {
            continue;
        }
        let once = patched(&pod, &answer(&stage.shop.name, &pod).await);
        let gates: Vec<&str> = once["spec"]["readinessGates"]
            .as_array()
            .map_or_else(Vec::new, |gates| gates.iter().map(|gate| gate["conditionType"].as_str().unwrap()).collect());
        assert_eq!(gates, expected, "{what}");
        let twice = answer(&stage.shop.name, &once).await;
        assert_eq!(twice.get("patch"), None, "{what}: once is enough");
    }
    assert_eq!(stage.dry_run(&web_pod()).await, [GATE], "it still works");
    stage.finish(vec![replica]).await;
}

fn patched(pod: &Value, response: &Value) -> Value {
    let mut pod = pod.clone();
    if let Some(patch) = response.get("patch") {
        assert_eq!(response["patchType"], "JSONPatch");
        let patch: ByteString = serde_json::from_value(patch.clone()).unwrap();
        let patch: json_patch::Patch = serde_json::from_slice(&patch.0).unwrap();
        json_patch::patch(&mut pod, &patch).unwrap();
    }
    pod
}
