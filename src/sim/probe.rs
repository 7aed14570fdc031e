//! Probes: one task per target of a listener or rule, at the pace its health check asks for.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::data_plane::dial_address;
use super::health::{HealthPolicy, ProbeKind};
use super::settings::Traffic;
use super::state::ProbeTarget;
use super::trusting;
use crate::model::{Address, LoadBalancerId, Route};

/// What a probe of layer 4 says, so that a target can tell it from traffic.
const MARK: &[u8] = b"HEALTH CHECK";
/// As much of an HTTP answer as its status needs.
const STATUS_LINE: usize = 12;
/// The longest part of an answer that is compared.
const ANSWER: usize = 1024;

/// The pace of assumed probes of a target that they have made healthy: they change nothing any more.
const SELDOM: Duration = Duration::from_secs(60);

/// Takes the result of a probe.
pub(crate) type Report = Arc<dyn Fn(&LoadBalancerId, &Route, Address, bool) + Send + Sync>;

/// All probes that run.
pub(crate) struct Prober {
    running: BTreeMap<LoadBalancerId, BTreeMap<(Route, Address), Running>>,
    report: Report,
    traffic: Traffic,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Running {
    policy: HealthPolicy,
    stop: CancellationToken,
}

impl Prober {
    pub(crate) fn new(report: Report, traffic: Traffic, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { running: BTreeMap::new(), report, traffic, tasks, stop }
    }

    /// Makes the probes of a load balancer what `targets` say. Must be called within a Tokio runtime.
    pub(crate) fn publish(&mut self, id: &LoadBalancerId, targets: Vec<ProbeTarget>) {
        let mut before = self.running.remove(id).unwrap_or_default();
        let mut running = BTreeMap::new();
        for target in targets {
            let key = (target.route.clone(), target.address);
            let probe = match before.remove(&key) {
                Some(same) if same.policy == target.policy => same,
                other => {
                    if let Some(outdated) = other {
                        outdated.stop.cancel();
                    }
                    self.start(id.clone(), target)
                }
            };
            running.insert(key, probe);
        }
        before.values().for_each(|gone| gone.stop.cancel());
        if !running.is_empty() {
            self.running.insert(id.clone(), running);
        }
    }

    fn start(&self, id: LoadBalancerId, target: ProbeTarget) -> Running {
        let stop = self.stop.child_token();
        let running = Running { policy: target.policy.clone(), stop: stop.clone() };
        let (report, traffic) = (Arc::clone(&self.report), self.traffic);
        self.tasks.spawn(async move {
            let probing = async {
                match traffic {
                    Traffic::Served => watch(&id, &target, &report).await,
                    Traffic::Assumed => assume(&id, &target, &report).await,
                }
            };
            stop.run_until_cancelled(probing).await;
        });
        running
    }
}

/// Probes one target until cancelled. The first probe is made at once; the pace is from start to start.
async fn watch(id: &LoadBalancerId, target: &ProbeTarget, report: &Report) {
    let mut pace = interval(target.policy.interval);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let success = succeeds(target.address, &target.policy).await;
        report(id, &target.route, target.address, success);
    }
}

/// Reports successes until cancelled. The first comes at once, as that of [`watch`].
async fn assume(id: &LoadBalancerId, target: &ProbeTarget, report: &Report) {
    for made in 1_u32.. {
        report(id, &target.route, target.address, true);
        let is_healthy = made >= target.policy.healthy_after;
        tokio::time::sleep(if is_healthy { SELDOM } else { target.policy.interval }).await;
    }
}

/// One probe. An address that this machine may not dial fails.
async fn succeeds(address: Address, policy: &HealthPolicy) -> bool {
    let address = Address { port: policy.port.unwrap_or(address.port), ..address };
    let (Some(dial), Some(kind)) = (dial_address(address), policy.probe.as_ref()) else { return false };
    let within = policy.timeout;
    match kind {
        ProbeKind::Ping => ping(dial, within).await.unwrap_or(false),
        ProbeKind::UdpExchange { send, expect } => finishes(exchange_udp(dial, send, expect), within).await,
        ProbeKind::Connect => finishes(connect(dial), within).await,
        ProbeKind::TcpExchange { send, expect } => finishes(exchange_tcp(dial, send, expect), within).await,
        ProbeKind::Http { .. } => finishes(request(dial, kind), within).await,
    }
}

async fn finishes(probe: impl Future<Output = io::Result<bool>>, within: Duration) -> bool {
    matches!(timeout(within, probe).await, Ok(Ok(true)))
}

/// Ends in a reset, as the real probe does: it leaves no connection waiting to be forgotten at either side.
async fn connect(dial: SocketAddr) -> io::Result<bool> {
    let stream = TcpStream::connect(dial).await?;
    stream.set_zero_linger()?;
    // A closed port of the loopback address itself may be met by the probe's own port: a connection to nobody.
    Ok(stream.local_addr()? != dial)
}

async fn exchange_tcp(dial: SocketAddr, send: &[u8], expect: &[u8]) -> io::Result<bool> {
    let mut stream = TcpStream::connect(dial).await?;
    stream.write_all(send).await?;
    let wanted = expect.get(..expect.len().min(ANSWER)).unwrap_or_default();
    let mut answer = vec![0; wanted.len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer == wanted)
}

async fn request(dial: SocketAddr, kind: &ProbeKind) -> io::Result<bool> {
    let ProbeKind::Http { method, path, host, version, codes, tls } = kind else { return Ok(false) };
    let text = format!(
        "{method} {path} {version}\r\nHost: {host}\r\nUser-Agent: clb-healthcheck\r\nConnection: close\r\n\r\n"
    );
    let stream = TcpStream::connect(dial).await?;
    let line = if *tls {
        let mut stream = trusting::connect(host, stream).await?;
        ask(&mut stream, &text).await?
    } else {
        let mut stream = stream;
        let line = ask(&mut stream, &text).await?;
        // The rest is not wanted, and a target that writes it should not have to wait for that.
        stream.set_zero_linger()?;
        line
    };
    Ok(status_class(&line).is_some_and(|class| codes & (1 << (class - 1)) != 0))
}

/// Sends a request, and reads as much of the answer as its status needs.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), text: &str) -> io::Result<[u8; STATUS_LINE]> {
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await?;
    let mut line = [0; STATUS_LINE];
    stream.read_exact(&mut line).await?;
    Ok(line)
}

/// 1–5 for 1xx–5xx; `None` when the line is no HTTP status.
fn status_class(line: &[u8]) -> Option<u8> {
    let digit = match line {
        [b'H', b'T', b'T', b'P', b'/', _, b'.', _, b' ', digit, _, _] => digit.checked_sub(b'0')?,
        _ => return None,
    };
    (1..=5).contains(&digit).then_some(digit)
}

async fn udp(dial: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(dial).await?;
    Ok(socket)
}

/// The service pings: the host must answer, and must not say that the port is closed. On loopback the host always answers,
/// so this comes down to the second: a closed port refuses the datagram at once, and silence is success.
async fn ping(dial: SocketAddr, within: Duration) -> io::Result<bool> {
    let socket = udp(dial).await?;
    socket.send(MARK).await?;
    let mut buffer = [0; 16];
    match timeout(within, socket.recv(&mut buffer)).await {
        Ok(Err(_)) => Ok(false),
        Ok(Ok(_)) | Err(_) => Ok(true),
    }
}

async fn exchange_udp(dial: SocketAddr, send: &[u8], expect: &[u8]) -> io::Result<bool> {
    let socket = udp(dial).await?;
    socket.send(send).await?;
    let mut answer = vec![0; 65_535];
    let length = socket.recv(&mut answer).await?;
    Ok(answer.get(..length).is_some_and(|answer| answer.starts_with(expect)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn policy(kind: ProbeKind) -> HealthPolicy {
        HealthPolicy {
            probe: Some(kind),
            timeout: Duration::from_millis(500),
            interval: Duration::from_secs(5),
            healthy_after: 3,
            unhealthy_after: 3,
            port: None,
        }
    }

    fn pod(address: SocketAddr) -> Address {
        Address { ip: "10.0.0.1".parse().expect("an address"), port: address.port() }
    }

    async fn http_server(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                if stream.read(&mut request).await.is_ok() {
                    stream.write_all(answer.as_bytes()).await.ok();
                }
            }
        });
        address
    }

    fn http(codes: u8) -> ProbeKind {
        ProbeKind::Http {
            method: "HEAD".into(),
            path: "/".into(),
            host: "a".into(),
            version: "HTTP/1.1".into(),
            codes,
            tls: false,
        }
    }

    #[tokio::test]
    async fn a_pod_is_probed_at_its_loopback_twin() {
        let address = pod(http_server("HTTP/1.1 200 OK\r\n\r\n").await);
        assert!(succeeds(address, &policy(ProbeKind::Connect)).await);
        let nowhere = Address { ip: "192.0.2.1".parse().expect("an address"), ..address };
        assert!(!succeeds(nowhere, &policy(ProbeKind::Connect)).await);
    }

    #[tokio::test]
    async fn the_status_class_decides() {
        let address = pod(http_server("HTTP/1.1 503 Service Unavailable\r\n\r\n").await);
        assert!(succeeds(address, &policy(http(31))).await);
        assert!(!succeeds(address, &policy(http(15))).await);
        let strange = pod(http_server("220 mail.example.com ESMTP\r\n").await);
        assert!(!succeeds(strange, &policy(http(31))).await);
        assert!(succeeds(strange, &policy(ProbeKind::TcpExchange { send: vec![b'x'], expect: b"220".to_vec() })).await);
    }

    #[tokio::test]
    async fn a_closed_port_fails_every_kind() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = pod(listener.local_addr().expect("an address"));
        drop(listener);
        for kind in [ProbeKind::Connect, http(31), ProbeKind::Ping] {
            assert!(!succeeds(address, &policy(kind.clone())).await, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn a_silent_udp_port_is_alive_to_a_ping_and_dead_to_an_exchange() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = pod(socket.local_addr().expect("an address"));
        assert!(succeeds(address, &policy(ProbeKind::Ping)).await);
        let exchange = ProbeKind::UdpExchange { send: b"a".to_vec(), expect: b"b".to_vec() };
        assert!(!succeeds(address, &policy(exchange)).await);
    }
}
