//! Tasks, the lock of a load balancer, rates and quotas.

use std::time::{Duration, Instant};

use serde_json::json;
use tke_direct_access::sim::{Departure, Dialect, LoadBalancerSpec, Quotas, Settings, Timing};

use crate::support::{call, code, ended, eventually, listener, ok, simulator, simulator_with, slow};
use tke_direct_access::model::Protocol;

#[tokio::test]
async fn a_listener_appears_when_its_task_ends() {
    let (simulator, _) = simulator_with(slow());
    let lb = json!({"LoadBalancerId": "lb-test"});
    let created = ok(
        &simulator,
        "CreateListener",
        json!({"LoadBalancerId": "lb-test", "Ports": [8080, 8081], "Protocol": "tcp", "ListenerNames": ["a", "b"]}),
    )
    .await;
    let ids = created["ListenerIds"].as_array().expect("ids at once").clone();
    assert_eq!(ids.len(), 2);
    assert_eq!(ok(&simulator, "DescribeListeners", lb.clone()).await["TotalCount"], 0);
    let status = ok(&simulator, "DescribeTaskStatus", json!({"TaskId": created["RequestId"]})).await;
    assert_eq!(status["Status"], 2);
    assert_eq!(ended(&simulator, &created).await, 0);
    let listeners = ok(&simulator, "DescribeListeners", lb).await["Listeners"].take();
    assert_eq!(listeners[0]["ListenerId"], ids[0]);
    assert_eq!((&listeners[1]["Port"], &listeners[1]["ListenerName"]), (&json!(8081), &json!("b")));
    assert_eq!((&listeners[0]["Rules"], &listeners[0]["Certificate"]), (&json!(null), &json!(null)));
    assert_eq!(listeners[0]["HealthCheck"]["HttpCode"], json!(null));
}

#[tokio::test]
async fn a_running_task_locks_its_load_balancer_and_no_other() {
    let (simulator, _) = simulator_with(slow());
    simulator.create_load_balancer(&LoadBalancerSpec::with_id("lb-other")).expect("another load balancer");
    let create = |lb: &str, port: u16| json!({"LoadBalancerId": lb, "Ports": [port], "Protocol": "TCP"});
    let first = ok(&simulator, "CreateListener", create("lb-test", 80)).await;
    let busy = call(&simulator, "CreateListener", create("lb-test", 81)).await.expect_err("it is busy");
    assert_eq!(busy.code, "FailedOperation.ResourceInOperating");
    assert_eq!(
        busy.message,
        "Loadbalancer(lb-test) is not in normal desState, maybe some tasks are being processed, please try later."
    );
    let deletion = json!({"LoadBalancerIds": ["lb-test"]});
    assert_eq!(code(&simulator, "DeleteLoadBalancer", deletion).await, "FailedOperation.ResourceInOperating");
    ok(&simulator, "CreateListener", create("lb-other", 80)).await;
    ok(&simulator, "DescribeTargets", json!({"LoadBalancerId": "lb-test"})).await;
    assert_eq!(ended(&simulator, &first).await, 0);
    ok(&simulator, "CreateListener", create("lb-test", 81)).await;
}

#[tokio::test]
async fn the_lock_may_outlast_the_task() {
    let timing = Timing { tail: Duration::from_millis(400), task: Duration::ZERO, ..slow().timing };
    let (simulator, _) = simulator_with(Settings { timing, ..slow() });
    let create = |port: u16| json!({"LoadBalancerId": "lb-test", "Ports": [port], "Protocol": "TCP"});
    let first = ok(&simulator, "CreateListener", create(80)).await;
    assert_eq!(ended(&simulator, &first).await, 0);
    assert_eq!(code(&simulator, "CreateListener", create(81)).await, "FailedOperation.ResourceInOperating");
    eventually("the end of the lock", async || call(&simulator, "CreateListener", create(81)).await.ok()).await;
}

#[tokio::test]
async fn somebody_else_can_hold_the_lock() {
    let (simulator, lb) = simulator();
    let create = json!({"LoadBalancerId": "lb-test", "Ports": [80], "Protocol": "TCP"});
    simulator.hold(&lb, Duration::from_secs(3600)).expect("it exists");
    assert_eq!(code(&simulator, "CreateListener", create.clone()).await, "FailedOperation.ResourceInOperating");
    simulator.hold(&lb, Duration::ZERO).expect("it exists");
    ok(&simulator, "CreateListener", create).await;
}

#[tokio::test]
async fn a_batch_answers_when_it_is_done_or_is_a_task() {
    let batch = |listener: &str| json!({"LoadBalancerId": "lb-test", "Targets": [{"ListenerId": listener, "EniIp": "10.9.9.9", "Port": 80}]});
    for (dialect, synchronous) in [(Dialect::default(), true), ([Departure::BatchTasks].into(), false)] {
        let (simulator, lb) = simulator_with(Settings { dialect, ..slow() });
        let route = listener(&simulator, &lb, Protocol::Tcp, 80);
        let started = Instant::now();
        let answer = ok(&simulator, "BatchRegisterTargets", batch(route.listener.as_str())).await;
        let held = started.elapsed() >= Duration::from_millis(200);
        let registered = simulator.console(|state| state.targets(&lb)[&route].len());
        assert_eq!((held, registered), (synchronous, usize::from(synchronous)));
        assert_eq!((&answer["FailListenerIdSet"], &answer["Message"]), (&json!([]), &json!("")));
        assert_eq!(ended(&simulator, &answer).await, 0);
    }
}

#[tokio::test]
async fn an_action_may_be_called_twenty_times_a_second() {
    let (simulator, _) = simulator_with(Settings { rate_per_second: Some(20), ..Settings::instant() });
    let mut refused = 0;
    for _ in 0..60 {
        match call(&simulator, "DescribeQuota", json!({})).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.code, "RequestLimitExceeded");
                refused += 1;
            }
        }
    }
    assert!((1..=40).contains(&refused), "{refused} of 60 were refused");
    ok(&simulator, "DescribeLoadBalancers", json!({})).await;
    eventually("a token", async || call(&simulator, "DescribeQuota", json!({})).await.ok()).await;
}

#[tokio::test]
async fn quotas_are_kept_and_told() {
    let quotas = Quotas { listeners: 2, targets: 2, public_load_balancers: 2, ..Quotas::default() };
    let (simulator, lb) = simulator_with(Settings { quotas, ..Settings::instant() });
    let create = |ports: &[u16]| json!({"LoadBalancerId": "lb-test", "Ports": ports, "Protocol": "TCP"});
    assert_eq!(code(&simulator, "CreateListener", create(&[1, 2, 3])).await, "LimitExceeded");
    let route = listener(&simulator, &lb, Protocol::Tcp, 1);
    let register = |ports: &[u16]| {
        let targets: Vec<_> = ports.iter().map(|port| json!({"EniIp": "10.9.9.9", "Port": port})).collect();
        json!({"LoadBalancerId": "lb-test", "ListenerId": route.listener.as_str(), "Targets": targets})
    };
    ok(&simulator, "RegisterTargets", register(&[1])).await;
    assert_eq!(code(&simulator, "RegisterTargets", register(&[2, 3])).await, "LimitExceeded");
    ok(&simulator, "RegisterTargets", register(&[1, 2])).await;
    let new = json!({"LoadBalancerType": "OPEN"});
    ok(&simulator, "CreateLoadBalancer", new.clone()).await;
    assert_eq!(code(&simulator, "CreateLoadBalancer", new).await, "LimitExceeded");
    let told = ok(&simulator, "DescribeQuota", json!({})).await["QuotaSet"].take();
    let of = |id: &str| told.as_array().expect("quotas").iter().find(|quota| quota["QuotaId"] == id).cloned();
    let expected = json!({"QuotaId": "TOTAL_OPEN_CLB_QUOTA", "QuotaCurrent": 2, "QuotaLimit": 2});
    assert_eq!(of("TOTAL_OPEN_CLB_QUOTA"), Some(expected));
    assert_eq!(of("TOTAL_TARGET_BIND_QUOTA").expect("a quota")["QuotaCurrent"], json!(null));
}

#[tokio::test]
async fn an_unknown_task_is_an_error() {
    let (simulator, _) = simulator();
    assert_eq!(code(&simulator, "DescribeTaskStatus", json!({"TaskId": "nothing"})).await, "InvalidParameter");
    assert_eq!(code(&simulator, "DescribeTaskStatus", json!({})).await, "InvalidParameter");
}
