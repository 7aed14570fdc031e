//! What a binding says about Pods that end too early for their drain.

use serde_json::json;
use tke_direct_access::api::DirectAccessBinding;

use crate::seen::web_pods;
use crate::stage::{DEADLINE, Stage, binding, deployment_with, service};
use crate::support::eventually;

/// Reasons and messages of the advice in the status.
fn advice(binding: &DirectAccessBinding) -> Vec<(String, String)> {
    let advice = binding.status.iter().flat_map(|status| &status.advice);
    let of_endings = advice.filter(|one| ["StopsEarly", "CutEarly", "GraceUsedUp"].contains(&one.reason.as_str()));
    of_endings.map(|one| (one.reason.clone(), one.message.clone())).collect()
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
    let told = eventually("both are told", DEADLINE, async || {
        let told = advice(&stage.binding("web").await.unwrap());
        if told.len() == 2 { Ok(Some(told)) } else { Err(format!("{told:?}")) }
    })
    .await;
    let [(stops, early), (cut, cut_early)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((stops.as_str(), cut.as_str()), ("StopsEarly", "CutEarly"), "{told:?}");
    assert!(early.contains("may stop accepting 0 s after") && cut_early.contains("are cut 8 s after"), "{told:?}");
    for pod in web_pods(&stage).await {
        assert!(!format!("{told:?}").contains(&crate::seen::name(&pod)), "{told:?}");
    }

    // Other Pods of the same kind: the words stay as they are.
    stage.ok(&["rollout", "restart", "deployment/web"]).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=240s"]).await;
    stage.until_ready("web", "2/2").await;
    // Pods of before may be on their way out, which is told for as long as it lasts.
    eventually("the words are those of before", DEADLINE, async || {
        let now = advice(&stage.binding("web").await.unwrap());
        if now == told { Ok(Some(())) } else { Err(format!("{now:?}")) }
    })
    .await;

    let long = json!({"terminationGracePeriodSeconds": 40, "containers": containers(Some(5))});
    stage.apply(&deployment_with(2, &json!({}), &long)).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=240s"]).await;
    eventually("nothing is told any more", DEADLINE, async || {
        let told = advice(&stage.binding("web").await.unwrap());
        if told.is_empty() { Ok(Some(())) } else { Err(format!("{told:?}")) }
    })
    .await;
    stage.finish().await;
}
