//! Sending, receiving, waiting, and everything that can go wrong with them.

use std::time::Instant;

use jiff::Timestamp;

use super::*;
use crate::clb::sign::{Unsigned, authorization};
use crate::model::{Failure, Listener, ListenerId};

async fn listeners_from(reply: Vec<u8>) -> Result<Vec<Listener>, Failure> {
    let server = Server::replying(reply).await;
    let (clb, calls) = server.client();
    let result = clb.listeners(&lb("lb-1")).await;
    let class = result.as_ref().err().map(|failure| failure.class);
    assert_eq!(calls.seen(), [("DescribeListeners", class)], "the observer hears what the caller does");
    result
}

async fn assert_unreachable(reply: Vec<u8>, code: &str) -> Failure {
    let failure = listeners_from(reply).await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Unreachable, code), "{failure}");
    failure
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_signed() {
    let server = Server::replying(success(json!({"Listeners": [], "TotalCount": 0}))).await;
    let (clb, _) = server.client();
    assert_eq!(clb.listeners(&lb("lb-1")).await, Ok(vec![]));
    let request = &server.requests()[0];
    let host = server.endpoint.strip_prefix("http://").unwrap();
    assert!(request.head.starts_with("POST / HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.body, br#"{"LoadBalancerId":"lb-1"}"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("host", host),
        ("x-tc-action", "DescribeListeners"),
        ("x-tc-version", "2018-03-17"),
        ("x-tc-region", "ap-guangzhou"),
        ("x-tc-language", "en-US"),
        ("x-tc-token", "token-of-hunter"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    let seconds: i64 = request.header("x-tc-timestamp").unwrap().parse().unwrap();
    assert!((Timestamp::now().as_second() - seconds).abs() < 60);
    let expected = authorization(&Unsigned {
        secret_id: "AKIDEXAMPLE",
        secret_key: "hunter2",
        timestamp: Timestamp::from_second(seconds).unwrap(),
        service: "clb",
        headers: &[("content-type", "application/json"), ("host", host)],
        body: &request.body,
    });
    assert_eq!(request.header("authorization"), Some(expected.as_str()));
}

#[tokio::test]
async fn a_refusal_counts_whatever_the_status() {
    for status in ["200 OK", "403 Forbidden", "502 Bad Gateway"] {
        let body = refusal("InvalidParameter.LBIdNotFound", "no lb-1").to_string();
        let failure = listeners_from(http(status, "", body.as_bytes())).await.unwrap_err();
        assert_eq!(
            failure,
            Failure {
                class: Class::NotFound,
                action: "DescribeListeners",
                code: "InvalidParameter.LBIdNotFound".into(),
                message: "no lb-1".into(),
                request_id: Some("request-2".into()),
            }
        );
    }
}

#[tokio::test]
async fn other_statuses_are_unreachable() {
    assert_unreachable(http("502 Bad Gateway", "", b"<html>bad gateway</html>"), error::HTTP_STATUS).await;
    let good = json!({"Response": {"Listeners": [], "TotalCount": 0, "RequestId": "request-1"}}).to_string();
    assert_unreachable(http("500 Internal Server Error", "", good.as_bytes()), error::HTTP_STATUS).await;
    let redirect = http("307 Temporary Redirect", "Location: http://127.0.0.1:1/\r\n", b"");
    let failure = assert_unreachable(redirect, error::HTTP_STATUS).await;
    assert!(failure.message.contains("307"), "{failure}");
}

#[tokio::test]
async fn replies_that_are_not_the_protocol_are_unreachable() {
    for body in
        ["", "{", "null", "[]", "{}", r#"{"Response": 1}"#, r#"{"Response": {"Listeners": null, "TotalCount": 1}}"#]
    {
        assert_unreachable(http("200 OK", "", body.as_bytes()), error::MALFORMED_REPLY).await;
    }
    let deep = "[".repeat(100_000);
    assert_unreachable(http("200 OK", "", deep.as_bytes()), error::MALFORMED_REPLY).await;
}

#[tokio::test]
async fn a_reply_with_a_row_that_cannot_be_read_fails_as_a_whole() {
    let named = |id: &str| json!({"ListenerId": id, "ListenerName": "a", "Protocol": "TCP", "Port": 80});
    let nameless = json!({"ListenerName": "b", "Protocol": "TCP", "Port": 81});
    for (reply, words) in [
        (json!({"TotalCount": 2, "Listeners": [named("lbl-1"), nameless]}), "Listeners[1]: ListenerId is missing"),
        (json!({"TotalCount": 2, "Listeners": [named("lbl-1")]}), "Listeners has 1 of 2 items"),
    ] {
        let failure = listeners_from(success(reply)).await.unwrap_err();
        assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, error::UNREADABLE_REPLY), "{failure}");
        assert_eq!(failure.request_id.as_deref(), Some("request-1"));
        assert_eq!((failure.action, failure.message.as_str()), ("DescribeListeners", words));
    }
}

#[tokio::test]
async fn a_member_of_another_type_is_one_that_cannot_be_read() {
    for listeners in [json!("none"), json!([{"ListenerId": "lbl-1", "Port": {"of": 80}}]), json!([7])] {
        let failure = listeners_from(success(json!({"TotalCount": 1, "Listeners": listeners}))).await.unwrap_err();
        assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, error::UNREADABLE_REPLY), "{failure}");
    }
}

#[tokio::test]
async fn broken_connections_are_unreachable() {
    let mut truncated = success(json!({"Listeners": [], "TotalCount": 0}));
    truncated.truncate(truncated.len() - 5);
    assert_unreachable(truncated, error::CONNECT).await;
    assert_unreachable(Vec::new(), error::CONNECT).await;
    assert_unreachable(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), error::CONNECT).await;
}

#[tokio::test]
async fn a_reply_that_does_not_end_is_cut_off() {
    let body = vec![b' '; (64 << 20) + 1];
    let failure = assert_unreachable(http("200 OK", "", &body), error::MALFORMED_REPLY).await;
    assert!(failure.message.contains("longer"), "{failure}");
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (clb, calls) = client(Settings { endpoint: Some(format!("http://{unused}")), ..settings() });
    let failure = clb.listeners(&lb("lb-1")).await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Unreachable, error::CONNECT));
    assert!(failure.message.contains("refused"), "{failure}");
    assert_eq!(calls.seen(), [("DescribeListeners", Some(Class::Unreachable))]);
}

#[tokio::test]
async fn a_silent_server_costs_no_more_than_the_deadline() {
    let server = Server::start(|_, _| Behaviour::Hang).await;
    let (clb, _) = client(Settings {
        endpoint: Some(server.endpoint.clone()),
        read_deadline: Duration::from_millis(300),
        write_deadline: Duration::from_millis(600),
        ..settings()
    });
    let start = Instant::now();
    let failure = clb.listeners(&lb("lb-1")).await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Unreachable, error::TIMEOUT));
    assert!((Duration::from_millis(300)..Duration::from_millis(5000)).contains(&start.elapsed()));
    let start = Instant::now();
    let failure = clb.writer(&Unfenced).delete_listener(&lb("lb-1"), &ListenerId::from("lbl-1")).await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Unreachable, error::TIMEOUT));
    assert!(start.elapsed() >= Duration::from_millis(600));
    // The lock went with the call: the next write is sent.
    clb.writer(&Unfenced).delete_listener(&lb("lb-1"), &ListenerId::from("lbl-1")).await.unwrap_err();
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn waiting_for_the_rate_is_no_failure_and_takes_no_time_from_the_call() {
    let server = Server::replying(success(json!({"Listeners": [], "TotalCount": 0}))).await;
    let (clb, calls) = client(Settings {
        endpoint: Some(server.endpoint.clone()),
        rate_per_second: NonZeroU32::new(2).unwrap(),
        // Less than what a call waits for its turn.
        read_deadline: Duration::from_millis(800),
        ..settings()
    });
    let start = Instant::now();
    for _ in 0..3 {
        clb.listeners(&lb("lb-1")).await.unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(1900), "{:?}", start.elapsed());
    assert_eq!(calls.seen(), [("DescribeListeners", None); 3]);
}

#[tokio::test]
async fn writes_to_a_load_balancer_go_one_after_another() {
    let signal = Arc::new(Notify::new());
    let held = Arc::clone(&signal);
    let server = Server::start(move |request, _| match request.json()["LoadBalancerId"].as_str() {
        Some("lb-1") => Behaviour::WaitFor(Arc::clone(&held), success(json!({}))),
        _ => Behaviour::Write(success(json!({"Listeners": [], "TotalCount": 0}))),
    })
    .await;
    let (clb, _) = server.client();
    let listener = ListenerId::from("lbl-1");
    let (first_lb, second_lb) = (lb("lb-1"), lb("lb-2"));
    let writer = clb.writer(&Unfenced);
    let first = writer.delete_listener(&first_lb, &listener);
    let second = writer.delete_listener(&first_lb, &listener);
    let script = async {
        server.until_requests(1).await;
        // Neither reads nor other load balancers wait.
        writer.delete_listener(&second_lb, &listener).await.unwrap();
        clb.listeners(&second_lb).await.unwrap();
        assert_eq!(server.requests().len(), 3);
        signal.notify_one();
        server.until_requests(4).await;
        signal.notify_one();
    };
    let (first, second, ()) = tokio::join!(first, second, script);
    assert_eq!((first.unwrap().as_str(), second.unwrap().as_str()), ("request-1", "request-1"));
}

#[tokio::test]
async fn a_write_that_waits_for_another_is_sent_when_that_is_given_up() {
    let server = Server::start(|_, number| match number {
        1 => Behaviour::Hang,
        _ => Behaviour::Write(success(json!({}))),
    })
    .await;
    let (clb, _) = client(Settings {
        endpoint: Some(server.endpoint.clone()),
        write_deadline: Duration::from_millis(800),
        ..settings()
    });
    let (id, listener) = (lb("lb-1"), ListenerId::from("lbl-1"));
    let writer = clb.writer(&Unfenced);
    let later = async {
        server.until_requests(1).await;
        writer.delete_listener(&id, &listener).await
    };
    let (first, second) = tokio::join!(writer.delete_listener(&id, &listener), later);
    assert_eq!(first.unwrap_err().code, error::TIMEOUT);
    assert_eq!(second.unwrap().as_str(), "request-1");
}

#[tokio::test]
async fn a_read_that_is_refused_for_haste_goes_again_at_a_lower_rate_and_not_for_ever() {
    let refused = http("200 OK", "", refusal("RequestLimitExceeded", "too many").to_string().as_bytes());
    let throttled = ("DescribeListeners", Some(Class::Throttled));
    let good = success(json!({"Listeners": [], "TotalCount": 0}));
    let answers = refused.clone();
    let server =
        Server::start(move |_, number| Behaviour::Write(if number < 3 { answers.clone() } else { good.clone() })).await;
    let (clb, calls) = server.client();
    clb.listeners(&lb("lb-1")).await.unwrap();
    assert_eq!(calls.seen(), [throttled, throttled, ("DescribeListeners", None)]);
    let rates = clb.rates().now();
    assert!(matches!(rates[..], [("DescribeListeners", rate)] if (249.0..400.0).contains(&rate)), "{rates:?}");
    let server = Server::replying(refused).await;
    let (clb, calls) = server.client();
    assert_eq!(clb.listeners(&lb("lb-1")).await.unwrap_err().class, Class::Throttled);
    assert_eq!(calls.seen(), [throttled; 5]);
    let rates = clb.rates();
    drop(clb);
    assert!(rates.now().is_empty(), "rates are those of a client that is there");
}

#[tokio::test]
async fn a_write_that_meets_a_locked_load_balancer_goes_again_for_a_moment_before_others() {
    let refused = http("200 OK", "", refusal("FailedOperation.ResourceInOperating", "").to_string().as_bytes());
    let (id, listener) = (lb("lb-1"), ListenerId::from("lbl-1"));
    let busy = ("DeleteListener", Some(Class::Busy));
    let answers = refused.clone();
    let server = Server::start(move |_, number| {
        Behaviour::Write(if number <= 2 { answers.clone() } else { success(json!({})) })
    })
    .await;
    let (clb, calls) = server.client();
    let writer = clb.writer(&Unfenced);
    let later = async {
        server.until_requests(1).await;
        writer.delete_listener(&id, &ListenerId::from("lbl-2")).await
    };
    let (first, second) = tokio::join!(writer.delete_listener(&id, &listener), later);
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert_eq!(calls.seen(), [busy, busy, ("DeleteListener", None), ("DeleteListener", None)]);
    let listeners: Vec<_> = server.requests().iter().map(|request| request.json()["ListenerId"].clone()).collect();
    assert_eq!(listeners, ["lbl-1", "lbl-1", "lbl-1", "lbl-2"]);
    let server = Server::replying(refused).await;
    let (clb, calls) = server.client();
    let failure = clb.writer(&Unfenced).delete_listener(&id, &listener).await.unwrap_err();
    assert_eq!((failure.class, calls.seen()), (Class::Busy, vec![busy; 3]));
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_once() {
    let date = "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n";
    let expired = http("200 OK", date, refusal("AuthFailure.SignatureExpire", "late").to_string().as_bytes());
    let good = success(json!({"Listeners": [], "TotalCount": 0}));
    let server =
        Server::start(move |_, number| Behaviour::Write(if number == 2 { good.clone() } else { expired.clone() }))
            .await;
    let (clb, calls) = server.client();
    clb.listeners(&lb("lb-1")).await.unwrap();
    let seconds = |index: usize| -> i64 { server.requests()[index].header("x-tc-timestamp").unwrap().parse().unwrap() };
    assert!((seconds(1) - 1_700_000_000).abs() < 60, "{}", seconds(1));
    let expected = "Credential=AKIDEXAMPLE/2023-11-14/clb/tc3_request";
    assert!(server.requests()[1].header("authorization").unwrap().contains(expected));
    // The correction stays, and a refusal after it is final.
    let failure = clb.listeners(&lb("lb-1")).await.unwrap_err();
    assert_eq!((failure.class, server.requests().len()), (Class::Denied, 4));
    assert!((seconds(2) - 1_700_000_000).abs() < 60);
    let denied = ("DescribeListeners", Some(Class::Denied));
    assert_eq!(calls.seen(), [denied, ("DescribeListeners", None), denied, denied]);
}

#[tokio::test]
async fn nothing_else_is_repeated() {
    for code in ["RequestLimitExceeded", "InternalError", "AuthFailure.TokenFailure"] {
        let server = Server::replying(http("200 OK", "", refusal(code, "").to_string().as_bytes())).await;
        let (clb, _) = server.client();
        clb.writer(&Unfenced).delete_listener(&lb("lb-1"), &ListenerId::from("lbl-1")).await.unwrap_err();
        assert_eq!(server.requests().len(), 1, "{code}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_printed_or_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // While there is just one subscriber, tracing takes the first thread that comes to an event for all threads. That thread may
    // be another test's, which has none, so that the event would be off for ever.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let guard = tracing::subscriber::set_default(subscriber);
    let server = Server::start(|_, number| match number {
        1 => Behaviour::Write(success(json!({"Listeners": [], "TotalCount": 0}))),
        _ => Behaviour::Write(http("200 OK", "", refusal("AuthFailure.SignatureFailure", "").to_string().as_bytes())),
    })
    .await;
    let (clb, _) = server.client();
    clb.listeners(&lb("lb-1")).await.unwrap();
    let failure = clb.listeners(&lb("lb-1")).await.unwrap_err();
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("request-1") && log.contains("lb-1") && log.contains("AuthFailure.SignatureFailure"), "{log}");
    let printed = format!("{log} {clb:?} {failure:?} {failure}");
    for secret in ["hunter2", "token-of-hunter", "Signature=", "AKIDEXAMPLE"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

/// A right to write that ends when it is told to.
#[derive(Clone, Default)]
struct Ending(tokio_util::sync::CancellationToken);

impl Fence for Ending {
    fn is_open(&self) -> bool {
        !self.0.is_cancelled()
    }

    async fn guard<T: Send>(&self, call: impl Future<Output = T> + Send) -> Result<T, Closed> {
        tokio::select! {
            biased;
            () = self.0.cancelled() => Err(Closed),
            ended = call => Ok(ended),
        }
    }
}

#[tokio::test]
async fn a_write_whose_right_ends_while_it_waits_for_another_is_not_sent() {
    let signal = Arc::new(Notify::new());
    let release = Arc::clone(&signal);
    let server = Server::start(move |_, _| Behaviour::WaitFor(Arc::clone(&release), success(json!({})))).await;
    let (clb, calls) = server.client();
    let (id, listener, right) = (lb("lb-1"), ListenerId::from("lbl-1"), Ending::default());
    let (first, second) = (clb.writer(&Unfenced), clb.writer(&right));
    let later = async {
        server.until_requests(1).await;
        let end = async {
            right.0.cancel();
            signal.notify_one();
        };
        tokio::join!(second.delete_listener(&id, &listener), end).0.unwrap_err()
    };
    let (first, second) = tokio::join!(first.delete_listener(&id, &listener), later);
    first.unwrap();
    assert_eq!((second.class, second.code.as_str()), (Class::Unreachable, error::NOT_LEADING));
    assert_eq!(server.requests().len(), 1, "the second was not sent");
    assert_eq!(calls.0.lock().unwrap().len(), 2, "and counts as a call that has failed");
}

#[tokio::test]
async fn a_write_whose_right_ends_is_dropped_under_way() {
    let server = Server::start(|_, _| Behaviour::Hang).await;
    let (clb, _) = server.client();
    let (id, listener, right) = (lb("lb-1"), ListenerId::from("lbl-1"), Ending::default());
    let writer = clb.writer(&right);
    let script = async {
        server.until_requests(1).await;
        right.0.cancel();
    };
    let (failure, ()) = tokio::join!(writer.delete_listener(&id, &listener), script);
    assert_eq!(failure.unwrap_err().code, error::NOT_LEADING);
    clb.writer(&Ending(right.0.clone())).delete_listener(&id, &listener).await.unwrap_err();
    assert_eq!(server.requests().len(), 1, "nor is another begun, or waited for");
}

/// A right that ends when a call has begun, and of which only the connection hears.
#[derive(Clone, Default)]
struct Begun(Arc<std::sync::atomic::AtomicBool>);

impl Fence for Begun {
    fn is_open(&self) -> bool {
        !self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    async fn guard<T: Send>(&self, call: impl Future<Output = T> + Send) -> Result<T, Closed> {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(call.await)
    }
}

#[tokio::test]
async fn a_write_whose_right_ends_on_the_way_to_its_connection_is_not_sent() {
    let server = Server::start(|_, _| Behaviour::Write(success(json!({})))).await;
    let (clb, _) = server.client();
    let (id, listener, right) = (lb("lb-1"), ListenerId::from("lbl-1"), Begun::default());
    let failure = clb.writer(&right).delete_listener(&id, &listener).await.unwrap_err();
    assert_eq!(failure.class, Class::Unreachable, "{failure}");
    clb.writer(&Unfenced).delete_load_balancer(&id, false).await.unwrap();
    let requests = server.requests.lock().unwrap();
    assert_eq!(requests.iter().map(Request::action).collect::<Vec<_>>(), ["DeleteLoadBalancer"]);
}
