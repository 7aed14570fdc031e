//! No failure of the webhook keeps a Pod from being created.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::ByteString;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tke_direct_access::api::names::GATE;
use tke_direct_access::webhook::NAME;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::stage::{DEADLINE, Stage, WEBHOOK, With, web_pod};
use crate::support::eventually;

/// The API server's patience with one webhook, which ours has set to 3 s, and time for the rest on a busy machine: less than the 10 s that it
/// would have of its own accord.
const PATIENCE: Duration = Duration::from_secs(9);

/// The configuration of a replica that has gone; nobody repairs it any more.
async fn abandoned(name: &str) -> Stage {
    let stage = Stage::new(name).await;
    stage.working().await.end().await;
    stage
}

async fn point_to(stage: &Stage, address: SocketAddr, bundle: Option<&str>) {
    let mut operations = vec![
        json!({"op": "replace", "path": "/webhooks/0/clientConfig/url", "value": format!("https://{address}/mutate-pods")}),
    ];
    if let Some(bundle) = bundle {
        let bundle = ByteString(bundle.as_bytes().to_vec());
        operations.push(json!({"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}));
    }
    let patch = Value::Array(operations).to_string();
    stage.ok(&["patch", "mutatingwebhookconfiguration", NAME, "--type=json", "-p", &patch]).await;
}

async fn admitted_as_it_is(stage: &Stage) -> Duration {
    let started = Instant::now();
    assert_eq!(stage.dry_run(&web_pod()).await, Vec::<String>::new());
    let elapsed = started.elapsed();
    assert!(elapsed < PATIENCE, "{elapsed:?}");
    elapsed
}

#[tokio::test(flavor = "multi_thread")]
async fn when_it_is_down() {
    let stage = abandoned("down").await;
    let elapsed = admitted_as_it_is(&stage).await;
    println!("down: {elapsed:?}");
    stage.finish(vec![]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_it_does_not_answer() {
    let stage = abandoned("slow").await;
    // Connections are taken into the backlog and nothing is ever said.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    point_to(&stage, silent.local_addr().unwrap(), None).await;
    // The API server may need a moment to learn of the address.
    let elapsed = eventually("the API server waits for the webhook", DEADLINE, async || {
        let elapsed = admitted_as_it_is(&stage).await;
        (elapsed > Duration::from_secs(2)).then_some(elapsed)
    })
    .await;
    println!("silent: {elapsed:?}");
    stage.finish(vec![]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_it_has_just_started() {
    let stage = Stage::new("cold").await;
    let replica = stage.replica(With { flags: WEBHOOK, is_cold: true, ..With::default() }).await;
    let arguments = ["create", "--dry-run=server", "-n", &stage.shop.name, "-o", "yaml", "-f", "-"];
    eventually("whoever creates the Pod is warned", DEADLINE, async || {
        let output = stage.control_plane.kubectl_with_input(&arguments, &web_pod().to_string()).await;
        assert!(output.success, "{}", output.stderr);
        assert!(!output.stdout.contains(GATE));
        output.stderr.contains("Warning: tke-direct-access has just started")
    })
    .await;
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_certificate_has_expired() {
    let stage = abandoned("expired").await;
    let mut expired = Expired::start().await;
    point_to(&stage, expired.address, Some(&expired.bundle)).await;
    let refusal = eventually("the API server refuses the certificate", DEADLINE, || {
        let refused = expired.refusals.try_recv().ok();
        let stage = &stage;
        async move {
            admitted_as_it_is(stage).await;
            refused
        }
    })
    .await;
    println!("expired: {refusal}");
    expired.serving.abort();
    stage.finish(vec![]).await;
}

/// A server whose certificate expired a minute ago. It tells how handshakes fail.
struct Expired {
    address: SocketAddr,
    bundle: String,
    refusals: mpsc::Receiver<String>,
    serving: JoinHandle<()>,
}

impl Expired {
    async fn start() -> Self {
        let (config, bundle) = expired_certificate();
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, refusals) = mpsc::channel(16);
        let serving = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (config, socket) = (config.clone(), socket.into_std().unwrap());
                let shaken = tokio::task::spawn_blocking(move || shake(config, socket)).await.unwrap();
                if let Err(error) = shaken {
                    let _ = sender.try_send(error.to_string());
                }
            }
        });
        Self { address, bundle, refusals, serving }
    }
}

fn shake(config: Arc<rustls::ServerConfig>, mut socket: std::net::TcpStream) -> std::io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut session = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    while session.is_handshaking() {
        session.complete_io(&mut socket)?;
    }
    Ok(())
}

fn expired_certificate() -> (Arc<rustls::ServerConfig>, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let mut leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let date = |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(seconds).unwrap());
    (leaf.not_before, leaf.not_after) = (date(now - 3600), date(now - 60));
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let chain = vec![leaf.der().clone()];
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    (Arc::new(config), authority.pem())
}
