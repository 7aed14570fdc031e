//! Injected faults.

use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{Effect, Fault, Settings, Simulator, When, read_script};

use crate::support::{Call, Raw, call, code, ended, listener, ok, simulator, simulator_with};

fn fault(action: &str, effect: Effect) -> Fault {
    Fault { action: Some(action.into()), load_balancer: None, names: None, when: When::default(), effect }
}

fn create(port: u16) -> Value {
    json!({"LoadBalancerId": "lb-test", "Ports": [port], "Protocol": "TCP"})
}

async fn raw(simulator: &Simulator, action: &str, parameters: &Value) -> io::Result<Raw> {
    Call::new(action, parameters).send(simulator).await
}

fn listeners(simulator: &Simulator) -> usize {
    simulator.console(|state| state.load_balancers().map(|lb| lb.listeners.len()).sum())
}

#[tokio::test]
async fn a_call_fails_with_any_error_once() {
    let (simulator, _) = simulator();
    let effect = Effect::Error { code: "InternalError".into(), message: "no luck".into() };
    simulator.inject(fault("CreateListener", effect));
    ok(&simulator, "DescribeQuota", json!({})).await;
    let error = call(&simulator, "CreateListener", create(80)).await.expect_err("it is struck");
    assert_eq!((error.code.as_str(), error.message.as_str()), ("InternalError", "no luck"));
    assert_eq!(listeners(&simulator), 0);
    ok(&simulator, "CreateListener", create(80)).await;
    assert_eq!(simulator.struck().get("CreateListener"), Some(&1));
}

#[tokio::test]
async fn a_reply_is_lost_although_the_work_is_done() {
    let (simulator, _) = simulator();
    simulator.inject(fault("CreateListener", Effect::LostReply));
    assert!(raw(&simulator, "CreateListener", &create(80)).await.is_err());
    assert_eq!(listeners(&simulator), 1);
    assert_eq!(code(&simulator, "CreateListener", create(80)).await, "InvalidParameter.PortCheckFailed");
}

#[tokio::test]
async fn a_request_is_lost_and_nothing_is_done() {
    let (simulator, _) = simulator();
    simulator.inject(fault("CreateListener", Effect::LostRequest));
    assert!(raw(&simulator, "CreateListener", &create(80)).await.is_err());
    assert_eq!(listeners(&simulator), 0);
    assert_eq!(simulator.writes(), 1, "a lost request was made all the same");
}

#[tokio::test]
async fn something_in_between_answers() {
    let (simulator, _) = simulator();
    for (done, expected) in [(false, 0), (true, 1)] {
        simulator.inject(fault("CreateListener", Effect::HttpStatus { status: 502, done }));
        let raw = raw(&simulator, "CreateListener", &create(80)).await.expect("it is answered");
        assert_eq!((raw.status.as_u16(), raw.content_type.as_str()), (502, "text/html"));
        assert_eq!(listeners(&simulator), expected);
    }
}

#[tokio::test]
async fn an_answer_is_garbled() {
    let (simulator, _) = simulator();
    simulator.inject(fault("DescribeQuota", Effect::MalformedBody { body: None }));
    let half = raw(&simulator, "DescribeQuota", &json!({})).await.expect("it is answered");
    assert!(half.body.starts_with(b"{\"Response\"") && serde_json::from_slice::<Value>(&half.body).is_err());
    simulator.inject(fault("DescribeQuota", Effect::MalformedBody { body: Some("[]".into()) }));
    let other = raw(&simulator, "DescribeQuota", &json!({})).await.expect("it is answered");
    assert_eq!(&other.body[..], b"[]");
}

#[tokio::test]
async fn an_answer_is_late() {
    let (simulator, _) = simulator();
    simulator.inject(fault("DescribeQuota", Effect::Delay { milliseconds: 300 }));
    let started = Instant::now();
    ok(&simulator, "DescribeQuota", json!({})).await;
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_task_fails() {
    let (simulator, _) = simulator();
    simulator.inject(fault("CreateListener", Effect::FailTask { message: "no room".into() }));
    let answer = ok(&simulator, "CreateListener", create(80)).await;
    assert_eq!(ended(&simulator, &answer).await, 1);
    let task = ok(&simulator, "DescribeTaskStatus", json!({"TaskId": answer["RequestId"]})).await;
    assert_eq!((&task["Message"], listeners(&simulator)), (&json!("no room"), 0));
    simulator.inject(fault("CreateLoadBalancer", Effect::FailTask { message: "no room".into() }));
    let answer = ok(&simulator, "CreateLoadBalancer", json!({"LoadBalancerType": "OPEN"})).await;
    assert_eq!(ended(&simulator, &answer).await, 1);
    assert_eq!(ok(&simulator, "DescribeLoadBalancers", json!({})).await["TotalCount"], 1);
}

#[tokio::test]
async fn a_batch_fails_in_part_and_targets_vanish() {
    let (simulator, lb) = simulator();
    let [first, second] = [80, 81].map(|port| listener(&simulator, &lb, Protocol::Tcp, port));
    let batch = |last: u8| {
        let of = |route: &tke_direct_access::model::Route, port: u16| json!({"ListenerId": route.listener.as_str(), "EniIp": format!("10.9.0.{last}"), "Port": port});
        json!({"LoadBalancerId": "lb-test", "Targets": [of(&first, 80), of(&second, 81)]})
    };
    let counts = || {
        simulator.console(|state| {
            let targets = state.targets(&lb);
            (targets[&first].len(), targets[&second].len())
        })
    };
    let listeners = vec![second.listener.to_string()];
    simulator.inject(fault("BatchRegisterTargets", Effect::FailListeners { listeners, message: "half".into() }));
    let answer = ok(&simulator, "BatchRegisterTargets", batch(1)).await;
    assert_eq!(answer["FailListenerIdSet"], json!([second.listener.as_str()]));
    assert_eq!((&answer["Message"], counts()), (&json!("half"), (1, 0)));
    simulator.inject(fault("BatchRegisterTargets", Effect::LoseTargets));
    let answer = ok(&simulator, "BatchRegisterTargets", batch(2)).await;
    assert_eq!((&answer["FailListenerIdSet"], counts()), (&json!([]), (1, 0)));
}

#[tokio::test]
async fn a_script_strikes_from_the_start() {
    let script = "- action: DescribeQuota\n  when: {call: 2}\n  effect: {error: {code: InternalError}}\n";
    let faults = read_script(script).expect("a script");
    let (simulator, _) = simulator_with(Settings { faults, ..Settings::instant() });
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(call(&simulator, "DescribeQuota", json!({})).await.err().map(|error| error.code));
    }
    assert_eq!(codes, [None, Some("InternalError".to_owned()), None]);
}
