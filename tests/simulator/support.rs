//! A signer and a client written for these tests alone, Pods on loopback, and waiting by condition.

#[path = "../vendor/mod.rs"]
mod vendor;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tke_direct_access::clb::{self, Clb, Credentials, Keys};
use tke_direct_access::model::{Address, Health, ListenerId, LoadBalancerId, Protocol, Region, Route};
use tke_direct_access::sim::{LoadBalancerSpec, Settings, Simulator, Timing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use vendor::Tables;

/// Held by tests that start processes, and by those that look at sockets which have just been closed: a new process has copies
/// of all sockets for the moment between fork and exec.
pub(crate) static PROCESSES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// How long anything may take before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `check` gives something.
pub(crate) async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A simulator in which nothing takes time, with the load balancer `lb-test`.
pub(crate) fn simulator() -> (Simulator, LoadBalancerId) {
    simulator_with(Settings::instant())
}

/// A simulator with the load balancer `lb-test`.
pub(crate) fn simulator_with(settings: Settings) -> (Simulator, LoadBalancerId) {
    // What may take long is done before time counts.
    TABLES.get_or_init(|| Tables::of("clb", "v20180317"));
    let settings = Settings { load_balancers: vec![LoadBalancerSpec::with_id("lb-test")], ..settings };
    (Simulator::start(settings).expect("the simulator starts"), LoadBalancerId::new("lb-test"))
}

/// Tasks take 300 ms and batches 200 ms, as on a quick day of the real service.
pub(crate) fn slow() -> Settings {
    let timing = Timing {
        scale: 1.0,
        task: Duration::from_millis(300),
        batch: Duration::from_millis(200),
        create_load_balancer: Duration::from_millis(300),
        tail: Duration::ZERO,
        health_scale: Some(0.02),
    };
    Settings { timing, ..Settings::instant() }
}

/// A call that was answered: what is in `Response`.
pub(crate) type Answered = Result<Value, Refused>;

/// `Response.Error` of a call that was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// The HTTP answer to a call.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// A call with all that can be wrong with it.
pub(crate) struct Call<'a> {
    pub(crate) action: &'a str,
    pub(crate) body: String,
    pub(crate) secret_id: &'a str,
    pub(crate) secret_key: &'a str,
    pub(crate) version: &'a str,
    pub(crate) region: &'a str,
    pub(crate) timestamp: u64,
}

pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

impl<'a> Call<'a> {
    pub(crate) fn new(action: &'a str, parameters: &Value) -> Self {
        Self {
            action,
            body: parameters.to_string(),
            secret_id: "AKIDsimulator",
            secret_key: "simulator-secret-key",
            version: "2018-03-17",
            region: "ap-guangzhou",
            timestamp: unix_now(),
        }
    }

    fn signature(&self, host: &str, date: &str) -> String {
        let digest = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        let hmac = |key: &[u8], text: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        };
        let canonical = format!(
            "POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{}",
            digest(self.body.as_bytes())
        );
        let text =
            format!("TC3-HMAC-SHA256\n{}\n{date}/clb/tc3_request\n{}", self.timestamp, digest(canonical.as_bytes()));
        let key = hmac(&hmac(&hmac(format!("TC3{}", self.secret_key).as_bytes(), date), "clb"), "tc3_request");
        hex::encode(hmac(&key, &text))
    }

    /// Sends it on a connection of its own.
    pub(crate) async fn send(&self, simulator: &Simulator) -> io::Result<Raw> {
        let host = simulator.endpoint().trim_start_matches("http://").to_owned();
        let seconds = i64::try_from(self.timestamp).expect("a time of this age");
        let date = jiff::Timestamp::from_second(seconds).expect("a time").strftime("%Y-%m-%d").to_string();
        let signature = self.signature(&host, &date);
        let authorization = format!(
            "TC3-HMAC-SHA256 Credential={}/{date}/clb/tc3_request, SignedHeaders=content-type;host, Signature={signature}",
            self.secret_id
        );
        let request = Request::post("/")
            .header("host", host)
            .header("content-type", "application/json")
            .header("authorization", authorization)
            .header("x-tc-action", self.action)
            .header("x-tc-version", self.version)
            .header("x-tc-region", self.region)
            .header("x-tc-timestamp", self.timestamp)
            .body(Full::from(self.body.clone()))
            .expect("a request");
        let raw = exchange(simulator, request).await?;
        judge(self.action, &raw);
        Ok(raw)
    }
}

/// What the vendor says that replies have. [`simulator_with`] reads it; tests that have the simulator from elsewhere judge no reply,
/// as they would wait for an installation in the middle of their work.
static TABLES: OnceLock<Tables> = OnceLock::new();

/// Holds every success against the vendor's tables. What a fault has spoiled so that it is none is not judged.
fn judge(action: &str, raw: &Raw) {
    let reply: Value = serde_json::from_slice(&raw.body).unwrap_or_default();
    let success = reply.get("Response").filter(|response| response.get("Error").is_none());
    if let (Some(tables), Some(response)) = (TABLES.get(), success) {
        tables.judge(action, response);
    }
}

async fn exchange(simulator: &Simulator, request: Request<Full<Bytes>>) -> io::Result<Raw> {
    let stream = TcpStream::connect(simulator.endpoint().trim_start_matches("http://")).await?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    drop(sender);
    driver.abort();
    let content_type = parts.headers.get("content-type").map(|value| value.to_str().expect("text").to_owned());
    Ok(Raw { status: parts.status, content_type: content_type.unwrap_or_default(), body })
}

/// A request to the admin endpoint.
pub(crate) async fn admin(simulator: &Simulator, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("host", "simulator");
    let request = request.body(Full::from(body.to_string())).expect("a request");
    let raw = exchange(simulator, request).await.expect("the admin endpoint answers");
    (raw.status, serde_json::from_slice(&raw.body).expect("JSON"))
}

/// Takes an answer out of its envelope, which must be as the SDKs want it.
pub(crate) fn unwrap(raw: &Raw) -> Answered {
    assert_eq!((raw.status, raw.content_type.as_str()), (StatusCode::OK, "application/json"));
    let mut envelope: Value = serde_json::from_slice(&raw.body).expect("JSON");
    let response = envelope["Response"].take();
    assert!(response["RequestId"].as_str().is_some_and(|id| id.len() == 36), "a RequestId in {response}");
    match response.get("Error") {
        None => Ok(response),
        Some(error) => {
            let text = |key: &str| error[key].as_str().expect("text").to_owned();
            Err(Refused { code: text("Code"), message: text("Message") })
        }
    }
}

/// A call as the SDKs make it.
pub(crate) async fn call(simulator: &Simulator, action: &str, parameters: Value) -> Answered {
    let raw = Call::new(action, &parameters).send(simulator).await.expect("the call is answered");
    unwrap(&raw)
}

/// The code that a call is refused with.
pub(crate) async fn code(simulator: &Simulator, action: &str, parameters: Value) -> String {
    call(simulator, action, parameters).await.expect_err("the call is refused").code
}

/// The answer to a call that must succeed.
pub(crate) async fn ok(simulator: &Simulator, action: &str, parameters: Value) -> Value {
    call(simulator, action, parameters).await.unwrap_or_else(|error| panic!("{action} is refused: {error:?}"))
}

/// Waits for the task of an answer, and gives its status.
pub(crate) async fn ended(simulator: &Simulator, answer: &Value) -> i64 {
    let task = json!({"TaskId": answer["RequestId"]});
    eventually("the end of a task", async || {
        let status = ok(simulator, "DescribeTaskStatus", task.clone()).await["Status"].as_i64().expect("a status");
        (status != 2).then_some(status)
    })
    .await
}

/// A listener made by somebody else, with a health check as it is by default.
pub(crate) fn listener(simulator: &Simulator, lb: &LoadBalancerId, protocol: Protocol, port: u16) -> Route {
    let id = simulator.console(|state| state.add_listener(lb, "test", protocol, port)).expect("a listener");
    Route { listener: id, rule: None }
}

/// Registers with a decided verdict, so that traffic may begin.
pub(crate) fn put(simulator: &Simulator, lb: &LoadBalancerId, route: &Route, target: Address, weight: u8) {
    simulator.console(|state| state.put_target(lb, route, target, weight, "")).expect("a target");
    simulator.set_health_override(target, Some(true));
}

/// Waits until a target has this health by its probes.
pub(crate) async fn becomes(
    simulator: &Simulator,
    lb: &LoadBalancerId,
    route: &Route,
    target: Address,
    health: Health,
) {
    eventually(&format!("{target} to be {health:?}"), async || {
        (simulator.console(|state| state.health_at(lb, route, target)) == Some(health)).then_some(())
    })
    .await;
}

/// Where a listener is reached, as soon as it is served.
pub(crate) async fn front(simulator: &Simulator, lb: &LoadBalancerId, protocol: Protocol, port: u16) -> SocketAddr {
    eventually("a listener", async || simulator.data_plane(lb, protocol, port)).await
}

/// This project's client, with a key of the simulator's id.
pub(crate) fn client_with(simulator: &Simulator, secret_key: &str) -> Clb {
    let endpoint = Some(simulator.endpoint());
    let settings = clb::Settings { endpoint, ..clb::Settings::new(Region::new("ap-guangzhou")) };
    let keys = Keys::new(simulator.credentials().0, secret_key, None).expect("a key");
    Clb::new(settings, Credentials::fixed(keys), Arc::new(())).expect("a client")
}

/// This project's client.
pub(crate) fn client(simulator: &Simulator) -> Clb {
    client_with(simulator, simulator.credentials().1)
}

pub(crate) fn json_id(value: &Value) -> ListenerId {
    ListenerId::new(value.as_str().expect("an id"))
}

/// A Pod on loopback that ends with the value.
pub(crate) struct Pod {
    /// Its address in the cluster: 10.a.b.c for a server on 127.a.b.c.
    pub(crate) address: Address,
    /// Connections or datagrams so far.
    pub(crate) seen: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pod {
    fn new(bound: SocketAddr, seen: &Arc<AtomicU64>, task: JoinHandle<()>) -> Self {
        Self { address: cluster_address(bound), seen: Arc::clone(seen), task }
    }

    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Says its name when a connection begins, and repeats what it is told.
    pub(crate) async fn tcp(name: &'static str) -> Self {
        Self::tcp_at(name, 0).await
    }

    /// As [`Pod::tcp`], on a certain port.
    pub(crate) async fn tcp_at(name: &'static str, port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a port");
        let bound = listener.local_addr().expect("an address");
        let seen = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                connections.spawn(async move {
                    stream.write_all(format!("{name}\n").as_bytes()).await.ok();
                    let (mut reader, mut writer) = stream.split();
                    tokio::io::copy(&mut reader, &mut writer).await.ok();
                });
            }
        });
        Self::new(bound, &seen, task)
    }

    /// Answers every request with its name, and with the status that the path asks for: `/status/503`.
    pub(crate) async fn http(name: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let bound = listener.local_addr().expect("an address");
        let seen = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                connections.spawn(async move {
                    while let Some(head) = read_head(&mut stream).await {
                        counter.fetch_add(1, Ordering::Relaxed);
                        if stream.write_all(http_answer(name, &head).as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self::new(bound, &seen, task)
    }

    /// Answers every datagram with its name.
    pub(crate) async fn udp(name: &'static str) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let bound = socket.local_addr().expect("an address");
        let seen = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((_, client)) = socket.recv_from(&mut buffer).await {
                counter.fetch_add(1, Ordering::Relaxed);
                socket.send_to(name.as_bytes(), client).await.ok();
            }
        });
        Self::new(bound, &seen, task)
    }
}

fn cluster_address(bound: SocketAddr) -> Address {
    let IpAddr::V4(ip) = bound.ip() else { panic!("pods have IPv4 addresses") };
    let [_, b, c, d] = ip.octets();
    Address { ip: IpAddr::from([10, b, c, d]), port: bound.port() }
}

/// An address at which nothing listens.
pub(crate) async fn nobody() -> Address {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    cluster_address(listener.local_addr().expect("an address"))
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn http_answer(name: &str, head: &str) -> String {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let status = path.strip_prefix("/status/").unwrap_or("200");
    let forwarded = head.lines().find_map(|line| line.strip_prefix("x-forwarded-for: ")).unwrap_or_default();
    let body = if head.starts_with("HEAD") { "" } else { name };
    format!(
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nX-Seen-Client: {forwarded}\r\n\r\n{body}",
        name.len().min(if body.is_empty() { 0 } else { usize::MAX })
    )
}

/// The name that a TCP Pod says first, or why it was not heard.
pub(crate) async fn greeting(front: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(front).await?;
    read_name(&mut stream).await
}

pub(crate) async fn read_name(stream: &mut TcpStream) -> io::Result<String> {
    let mut name = String::new();
    loop {
        let mut byte = [0];
        let read = tokio::time::timeout(DEADLINE, stream.read(&mut byte)).await.map_err(io::Error::other)??;
        match byte {
            _ if read == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            [b'\n'] => return Ok(name),
            [byte] => name.push(char::from(byte)),
        }
    }
}

/// A certificate of a server and its private key, in PEM.
pub(crate) fn certificate(name: &str) -> (String, clb::wire::Secret) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
    (params.self_signed(&key).expect("a certificate").pem(), clb::wire::Secret::new(key.serialize_pem()))
}
