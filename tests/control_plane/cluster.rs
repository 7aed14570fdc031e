//! It is a Kubernetes: versions, nodes, accounts, webhooks, rollouts with readiness gates.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, anyhow, bail};
use axum::Json;
use axum::routing::post;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{Api, ListParams, PostParams};
use serde_json::{Value, json};

use crate::support::{ControlPlane, eventually};
use crate::workload::{SOON, World, condition};

const GATE: &str = "example.com/gate";

#[tokio::test]
async fn kubectl_and_the_api_server_say_their_version() {
    let control_plane = ControlPlane::shared().await;
    let version = control_plane.kubectl(&["version", "--output=json"]).await.ok().unwrap();
    let version: Value = serde_json::from_str(&version).unwrap();
    assert_eq!(version["clientVersion"]["gitVersion"], version["serverVersion"]["gitVersion"]);
    assert_eq!(version["serverVersion"]["major"], "1");
    let refused = control_plane.kubectl(&["get", "nonsense"]).await;
    assert!(!refused.success);
    assert!(refused.stderr.contains("nonsense"), "{refused:?}");
}

#[tokio::test]
async fn nodes_have_addresses_of_their_own() {
    let control_plane = ControlPlane::shared().await;
    let nodes = Api::<Node>::all(control_plane.client()).list(&ListParams::default()).await.unwrap().items;
    assert_eq!(nodes.len(), 2);
    for (node, subnet) in nodes.iter().zip(control_plane.subnets()) {
        let addresses = node.status.as_ref().and_then(|status| status.addresses.clone()).unwrap();
        let internal = addresses.iter().find(|address| address.type_ == "InternalIP").unwrap();
        assert_eq!(internal.address, format!("10.{subnet}.255.254"));
    }
}

fn gated_deployment(version: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web", "version": version}},
                "spec": {
                    "terminationGracePeriodSeconds": 2,
                    "readinessGates": [{"conditionType": GATE}],
                    "containers": [{
                        "name": "web", "image": "any", "ports": [{"name": "http", "containerPort": 8081}],
                        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
                    }],
                },
            },
        },
    })
}

fn version(pod: &Pod) -> &str {
    pod.metadata.labels.as_ref().map_or("", |labels| &labels["version"])
}

/// The Pods of a version, once there are so many of them, all probed with success.
async fn probed(world: &World, wanted: &str, count: usize) -> Vec<Pod> {
    eventually(&format!("{count} Pods of {wanted} answer their probes"), SOON, || async {
        let pods: Vec<_> = world.pods_of("web").await?.into_iter().filter(|pod| version(pod) == wanted).collect();
        let probed = pods.iter().filter(|pod| condition(pod, "ContainersReady").0 == "True").count();
        if probed != count || pods.len() != count {
            bail!("{probed} of {}", pods.len());
        }
        Ok(Some(pods))
    })
    .await
}

#[tokio::test]
async fn a_readiness_gate_holds_a_rollout_until_it_is_opened() {
    let world = World::new("gate").await;
    let deployments: Api<Deployment> = Api::default_namespaced(world.namespace.client());
    world.apply(&gated_deployment("v1")).await;
    for pod in &probed(&world, "v1", 2).await {
        let ready = condition(pod, "Ready");
        assert_eq!(ready, ("False".to_owned(), "ReadinessGatesNotReady".to_owned()));
        world.open_gate(pod, GATE).await.unwrap();
    }
    eventually("the Deployment is available", SOON, || async {
        let status = deployments.get("web").await?.status.unwrap_or_default();
        anyhow::Ok((status.available_replicas == Some(2)).then_some(()))
    })
    .await;

    world.apply(&gated_deployment("v2")).await;
    let surge = probed(&world, "v2", 1).await;
    // The gate is closed: the rollout must not touch the old Pods, however often it is looked at.
    assert_eq!(probed(&world, "v1", 2).await.len(), 2);
    world.open_gate(&surge[0], GATE).await.unwrap();
    let second = probed(&world, "v2", 2).await;
    for pod in &second {
        world.open_gate(pod, GATE).await.unwrap();
    }
    eventually("only v2 is left, and ready", SOON, || async {
        let pods = world.pods_of("web").await?;
        let done = pods.len() == 2 && pods.iter().all(|p| version(p) == "v2" && condition(p, "Ready").0 == "True");
        if done { Ok(Some(())) } else { Err(anyhow!("{:?}", pods.iter().map(version).collect::<Vec<_>>())) }
    })
    .await;
}

#[tokio::test]
async fn service_accounts_have_tokens_and_only_the_rights_they_are_given() {
    let world = World::new("account").await;
    let namespace = world.namespace.name.as_str();
    let kubectl = async |arguments: &[&str]| {
        let arguments = [&["--namespace", namespace], arguments].concat();
        world.control_plane.kubectl(&arguments).await.ok()
    };
    kubectl(&["create", "serviceaccount", "reader"]).await.unwrap();
    let token = kubectl(&["create", "token", "reader"]).await.unwrap();
    let mut config = world.control_plane.config();
    config.auth_info =
        kube::config::AuthInfo { token: Some(token.trim().to_owned().into()), ..kube::config::AuthInfo::default() };
    let pods: Api<Pod> = Api::namespaced(kube::Client::try_from(config).unwrap(), namespace);
    let refused = pods.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{refused}");

    let account = format!("--serviceaccount={namespace}:reader");
    kubectl(&["create", "rolebinding", "reader", "--clusterrole=view", &account]).await.unwrap();
    eventually("the account may read", SOON, || async { pods.list(&ListParams::default()).await.map(Some) }).await;
}

/// Serves a webhook that refuses everything, and returns its URL, its certificate and the number of its calls.
fn refusing_webhook() -> Result<(String, String, Arc<AtomicUsize>)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let certificate = certified.cert.pem();
    let key = certified.signing_key.serialize_pem();
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    listener.set_nonblocking(true)?;
    let url = format!("https://{}/", listener.local_addr()?);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let answer = post(async move |Json(review): Json<Value>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let response = json!({"uid": review["request"]["uid"], "allowed": false, "status": {"message": "no, says it"}});
        Json(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}))
    });
    let pem = certificate.clone();
    tokio::spawn(async move {
        let config = axum_server::tls_rustls::RustlsConfig::from_pem(pem.into_bytes(), key.into_bytes()).await?;
        let app = axum::Router::new().route("/", answer);
        axum_server::from_tcp_rustls(listener, config)?.serve(app.into_make_service()).await
    });
    Ok((url, certificate, calls))
}

#[tokio::test]
async fn webhooks_on_loopback_are_called() {
    let world = World::new("webhook").await;
    let namespace = world.namespace.name.as_str();
    let (url, certificate, calls) = refusing_webhook().unwrap();
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [{
            "name": "refuse.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": url, "caBundle": base64(certificate.as_bytes())},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
        }],
    });
    world.apply(&configuration).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(world.namespace.client());
    let refusal = eventually("the webhook refuses", SOON, || async {
        let mut map = ConfigMap::default();
        map.metadata.generate_name = Some("refused-".to_owned());
        // The API server learns of a webhook a moment after it was created.
        maps.create(&PostParams::default(), &map).await.err().map(|error| error.to_string())
    })
    .await;
    world.control_plane.kubectl(&["delete", "validatingwebhookconfiguration", namespace]).await.ok().unwrap();
    assert!(refusal.contains("no, says it"), "{refusal}");
    assert!(calls.load(Ordering::SeqCst) > 0);
}

fn base64(bytes: &[u8]) -> String {
    // The one encoder at hand: Kubernetes bytes are base64 in JSON.
    let value = serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec())).unwrap();
    value.as_str().unwrap().to_owned()
}
