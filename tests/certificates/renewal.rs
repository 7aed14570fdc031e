//! A Secret is renewed while clients come: at no moment is its listener without a certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::Settings;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::pem::made;
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

const NAME: &str = "a.example";

/// A Secret as cert-manager writes it.
fn secret(chain: &str, key: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "web-tls"},
        "stringData": {"tls.crt": chain, "tls.key": key},
    })
    .to_string()
}

/// The id of the certificate that the listener shows.
fn shown(stage: &Stage) -> Option<String> {
    let https = stage.listeners().into_iter().find(|listener| listener.protocol == Protocol::Https)?;
    stage.cloud.console(|state| state.certificates_of(&stage.load_balancer, &https.id)).into_iter().next()
}

fn certificates(stage: &Stage) -> Vec<(String, String)> {
    stage.cloud.console(|state| state.certificates())
}

/// Waits until the listener shows another certificate than this one.
async fn shows_other_than(stage: &Stage, before: Option<&str>) -> String {
    eventually("the listener has the certificate of the Secret", DEADLINE, async || {
        match shown(stage).filter(|id| Some(id.as_str()) != before) {
            Some(id) => Ok(Some(id)),
            None => Err(format!("{:?}", stage.binding("web").await.and_then(|binding| binding.status))),
        }
    })
    .await
}

/// Clients that come by TLS, one after the other, until they are told to stop. Counts them, and says what went wrong.
async fn clients(stage: &Stage, stop: Arc<AtomicBool>, served: Arc<AtomicUsize>) -> Vec<String> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(stage.cloud.authority_pem().as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let connector = TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()));
    let front = stage.data_plane(Protocol::Https, 443);
    let mut lost = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let tried =
            async { connector.connect(ServerName::try_from(NAME).unwrap(), TcpStream::connect(front).await?).await };
        match tried.await {
            Ok(_) => _ = served.fetch_add(1, Ordering::Relaxed),
            Err(error) => lost.push(error.to_string()),
        }
        // What a listener shows must be there: the cloud does not look.
        let (shown, there) = (shown(stage), certificates(stage));
        if !shown.as_ref().is_some_and(|shown| there.iter().any(|(id, _)| id == shown)) {
            lost.push(format!("the listener shows {shown:?}, and there are {there:?}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_secret_is_followed_without_a_moment_without_certificate() {
    let mut stage = Stage::without_controller("certificates", Settings::instant()).await;
    let ((first, first_key), (second, second_key)) = (made(NAME), made(NAME));
    // Somebody else has the same certificate, with a name that looks alike.
    let foreign = stage.cloud.console(|state| state.add_certificate("dac_web-tls", &first)).unwrap();
    stage.start_controller(&["--resync-seconds", "2"]).await;
    stage.apply(&secret(&first, &first_key)).await;
    let listener = json!({
        "port": 443, "protocol": "HTTPS", "servicePort": 80, "certificate": {"secretName": "web-tls"},
        "rules": [{"domain": NAME}],
    });
    stage.deploy(1, &json!({"listeners": [listener]})).await;
    let old = shows_other_than(&stage, None).await;
    stage.until_ready("web", "1/1").await;
    assert_ne!(old, foreign);

    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let play = async {
        // It cannot be read for a while: the listener stays as it is, and the status says why.
        stage.ok(&["patch", "secret", "web-tls", "-p", r#"{"stringData": {"tls.crt": "none"}}"#]).await;
        stage.until("web", "ResolvedRefs", "False", "CertificateNotFound").await;
        assert_eq!(shown(&stage).as_deref(), Some(&*old));
        stage.apply(&secret(&second, &second_key)).await;
        let new = shows_other_than(&stage, Some(&old)).await;
        let renewed_at = std::time::Instant::now();
        eventually("the former certificate has gone", DEADLINE, async || {
            let there = certificates(&stage);
            if there.iter().any(|(id, _)| *id == old) { Err(format!("{there:?}")) } else { Ok(Some(())) }
        })
        .await;
        assert!(renewed_at.elapsed() >= Duration::from_secs(29), "two looks, 30 s apart: {:?}", renewed_at.elapsed());
        stop.store(true, Ordering::Relaxed);
        new
    };
    let (new, lost) = tokio::join!(play, clients(&stage, stop.clone(), served.clone()));
    assert_eq!(lost, Vec::<String>::new());
    assert!(served.load(Ordering::Relaxed) > 100, "{served:?} clients came");
    let there: Vec<_> = certificates(&stage).into_iter().map(|(id, _)| id).collect();
    assert!(there.len() == 2 && there.contains(&new) && there.contains(&foreign), "{there:?}");
    let calls = stage.cloud.calls();
    assert_eq!((calls["UploadCertificate"], calls["DeleteCertificate"]), (2, 1));
    stage.until("web", "ResolvedRefs", "True", "Resolved").await;
    stage.finish().await;
}
