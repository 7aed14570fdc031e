//! What a binding says about Pods that end too early for their drain.

use serde_json::json;
use tke_direct_access::api::DirectAccessBinding;

use crate::seen::web_pods;
use crate::stage::{DEADLINE, Stage, binding, deployment_with, service};
use crate::support::eventually;

/// Status, reason, message and time of condition Accepted.
fn accepted(binding: &DirectAccessBinding) -> (String, String, String, String) {
    let conditions = binding.status.iter().flat_map(|status| &status.conditions);
    let found = conditions.into_iter().find(|found| found.type_ == "Accepted").expect("it is always there");
    (found.status.clone(), found.reason.clone(), found.message.clone(), format!("{:?}", found.last_transition_time))
}

fn containers(hook: Option<u32>) -> serde_json::Value {
    let mut container =
        json!({"name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}]});
    if let Some(seconds) = hook {
        container["lifecycle"] = json!({"preStop": {"sleep": {"seconds": seconds}}});
    }
    json!([container])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grace_period_that_cannot_cover_the_drain_is_told_once_and_until_it_can() {
    let stage = Stage::new("grace").await;
    let short = json!({"terminationGracePeriodSeconds": 8, "containers": containers(None)});
    stage.apply(&service()).await;
    stage.apply(&deployment_with(2, &json!({}), &short)).await;
    stage.apply(&binding("web", &json!({"drain": {"timeoutSeconds": 20}}))).await;
    stage.until_ready("web", "2/2").await;
    let told = accepted(&stage.binding("web").await.unwrap());
    assert_eq!((told.0.as_str(), told.1.as_str()), ("True", "Accepted"), "it is a warning, not a fault");
    assert!(told.2.contains("may stop accepting 0 s after") && told.2.contains("are cut 8 s after"), "{}", told.2);
    for pod in web_pods(&stage).await {
        assert!(!told.2.contains(&crate::seen::name(&pod)), "{}", told.2);
    }

    // Other Pods of the same kind: the words stay as they are.
    stage.ok(&["rollout", "restart", "deployment/web"]).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=240s"]).await;
    stage.until_ready("web", "2/2").await;
    assert_eq!(accepted(&stage.binding("web").await.unwrap()), told);

    let long = json!({"terminationGracePeriodSeconds": 40, "containers": containers(Some(5))});
    stage.apply(&deployment_with(2, &json!({}), &long)).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=240s"]).await;
    eventually("nothing is told any more", DEADLINE, async || {
        let message = accepted(&stage.binding("web").await.unwrap()).2;
        if message == "the spec is valid and without conflict" { Ok(Some(())) } else { Err(message) }
    })
    .await;
    stage.finish().await;
}
