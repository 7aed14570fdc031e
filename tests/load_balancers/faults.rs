//! Whatever befalls a call: one load balancer in the end, and none when the binding is gone.

use std::collections::BTreeSet;

use serde_json::json;
use tke_direct_access::model::LoadBalancerId;
use tke_direct_access::sim::{Effect, Fault, Settings as SimulatorSettings};

use super::scene::{created, creating, delete, deploy};
use crate::stage::Stage;

const ACTIONS: [&str; 4] = ["CreateLoadBalancer", "DescribeLoadBalancers", "DescribeTaskStatus", "DeleteLoadBalancer"];

fn effects() -> Vec<Effect> {
    let message = || "injected".to_owned();
    vec![
        Effect::Error { code: "InternalError".to_owned(), message: message() },
        Effect::Error { code: "InvalidParameter.ClientTokenLimitExceeded".to_owned(), message: message() },
        Effect::Error { code: "ResourceInsufficient".to_owned(), message: message() },
        Effect::Delay { milliseconds: 700 },
        Effect::LostReply,
        Effect::LostRequest,
        Effect::HttpStatus { status: 502, done: true },
        Effect::MalformedBody { body: None },
        Effect::FailTask { message: message() },
    ]
}

/// It strikes the next call.
fn fault(action: &str, effect: Effect) -> Fault {
    Fault {
        action: Some(action.to_owned()),
        load_balancer: None,
        names: None,
        when: tke_direct_access::sim::When::default(),
        effect,
    }
}

/// Every load balancer that was ever created.
fn ever(stage: &Stage, seen: &mut BTreeSet<LoadBalancerId>) {
    seen.extend(created(stage).into_iter().map(|(id, _)| id));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_any_call_failing_there_is_exactly_one_and_then_none() {
    let mut settings = SimulatorSettings::instant();
    settings.timing.scale = 0.05;
    let mut stage = Stage::without_controller("lb-faults", settings).await;
    stage.start_controller(&[]).await;
    deploy(&stage, 1).await;
    let mut struck = 0;
    for (number, effect) in effects().into_iter().enumerate() {
        let name = format!("web-{number}");
        stage.cloud.clear_faults();
        for action in ACTIONS {
            stage.cloud.inject(fault(action, effect.clone()));
        }
        let spec = json!({"deletionPolicy": "Delete", "listeners": [{"port": 80, "protocol": "HTTP"}]});
        stage.apply(&creating(&name, &json!({"network": "Public"}), &spec)).await;
        stage.until_ready(&name, "1/1").await;
        let mut seen = BTreeSet::new();
        ever(&stage, &mut seen);
        assert_eq!(seen.len(), 1, "{effect:?}: {seen:?}");
        delete(&stage, &name).await;
        ever(&stage, &mut seen);
        assert_eq!(created(&stage), [], "{effect:?}");
        struck = stage.cloud.struck().values().sum::<u64>();
    }
    println!("{struck} calls struck");
    assert_eq!(struck, 4 * 9, "every fault strikes");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_dies_between_call_and_record_finds_what_it_has_created() {
    let mut settings = SimulatorSettings::instant();
    settings.timing.scale = 0.2;
    let mut stage = Stage::without_controller("lb-killed", settings).await;
    stage.start_controller(&[]).await;
    deploy(&stage, 1).await;
    for number in 0..3 {
        let name = format!("web-{number}");
        stage.cloud.inject(fault("CreateLoadBalancer", Effect::Delay { milliseconds: 1500 }));
        stage.cloud.reset_calls();
        let spec = json!({"deletionPolicy": "Delete", "listeners": [{"port": 80, "protocol": "HTTP"}]});
        stage.apply(&creating(&name, &json!({"network": "Public"}), &spec)).await;
        crate::support::eventually("the call is made", crate::stage::DEADLINE, async || {
            Ok::<_, String>((!created(&stage).is_empty()).then_some(()))
        })
        .await;
        // The cloud has done it, and the answer is still on its way.
        stage.take_controller().kill();
        stage.start_controller(&[]).await;
        stage.until_ready(&name, "1/1").await;
        assert_eq!(created(&stage).len(), 1);
        delete(&stage, &name).await;
        assert_eq!(created(&stage), []);
    }
    stage.finish().await;
}
