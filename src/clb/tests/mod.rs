//! The client against a TCP server that answers by the letter: what the simulator, which speaks proper HTTP, cannot do.

mod caller;
mod calls;
mod exchange;
mod shared_reads;

use std::future::pending;
use std::io;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::*;
use crate::model::{Class, LoadBalancerId, Region};

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn action(&self) -> &str {
        self.header("x-tc-action").unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the server does with a request.
enum Behaviour {
    /// Writes these bytes and closes.
    Write(Vec<u8>),
    /// Never answers.
    Hang,
    /// Answers when told to.
    WaitFor(Arc<Notify>, Vec<u8>),
}

/// A server on a free port, which ends with the value.
struct Server {
    endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
    arrived: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start(behaviour: impl Fn(&Request, usize) -> Behaviour + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let arrived = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        let (log, notify) = (Arc::clone(&requests), Arc::clone(&arrived));
        tasks.spawn(async move {
            let behaviour = Arc::new(behaviour);
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (log, notify, behaviour) = (Arc::clone(&log), Arc::clone(&notify), Arc::clone(&behaviour));
                connections.spawn(async move {
                    // A client that gives up closes the connection; that is its right.
                    let _ = serve(stream, &log, &notify, &*behaviour).await;
                });
            }
        });
        Self { endpoint, requests, arrived, _tasks: tasks }
    }

    async fn replying(reply: Vec<u8>) -> Self {
        Self::start(move |_, _| Behaviour::Write(reply.clone())).await
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    async fn until_requests(&self, count: usize) {
        while self.requests().len() < count {
            tokio::time::timeout(Duration::from_secs(10), self.arrived.notified()).await.unwrap();
        }
    }

    fn client(&self) -> (Clb, Arc<Calls>) {
        client(Settings { endpoint: Some(self.endpoint.clone()), ..settings() })
    }
}

async fn serve(
    stream: TcpStream,
    log: &Mutex<Vec<Request>>,
    arrived: &Notify,
    behaviour: &(impl Fn(&Request, usize) -> Behaviour + Send + Sync),
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let mut request = Request { head, body: Vec::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).await?;
    let number = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len()
    };
    arrived.notify_one();
    let reply = match behaviour(&request, number) {
        Behaviour::Write(reply) => reply,
        Behaviour::Hang => pending().await,
        Behaviour::WaitFor(signal, reply) => {
            signal.notified().await;
            reply
        }
    };
    stream.write_all(&reply).await?;
    stream.shutdown().await
}

fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn success(mut reply: Value) -> Vec<u8> {
    reply["RequestId"] = json!("request-1");
    http("200 OK", "Content-Type: application/json\r\n", json!({"Response": reply}).to_string().as_bytes())
}

fn refusal(code: &str, message: &str) -> Value {
    json!({"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "request-2"}})
}

/// What the observer was told.
#[derive(Default)]
struct Calls(Mutex<Vec<(&'static str, Option<Class>)>>);

impl Calls {
    fn seen(&self) -> Vec<(&'static str, Option<Class>)> {
        self.0.lock().unwrap().clone()
    }
}

impl CallObserver for Calls {
    fn observe(&self, action: &'static str, class: Option<Class>, _elapsed: Duration) {
        self.0.lock().unwrap().push((action, class));
    }
}

fn settings() -> Settings {
    Settings {
        rate_per_second: NonZeroU32::new(1000).unwrap(),
        read_deadline: Duration::from_secs(10),
        write_deadline: Duration::from_secs(10),
        ..Settings::new(Region::from("ap-guangzhou"))
    }
}

fn client(settings: Settings) -> (Clb, Arc<Calls>) {
    let keys = Keys::new("AKIDEXAMPLE", "hunter2", Some("token-of-hunter")).unwrap();
    let calls = Arc::new(Calls::default());
    let clb = Clb::new(settings, Credentials::fixed(keys), calls.clone()).unwrap();
    (clb, calls)
}

fn lb(name: &str) -> LoadBalancerId {
    LoadBalancerId::from(name)
}
