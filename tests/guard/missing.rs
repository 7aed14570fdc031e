//! The guard without its ConfigMap: nothing new is made, and what is there can be ended.

use serde_json::json;

use super::stage::{DEADLINE, DIRECT_ACCESS, HOME, Stage, Who, binding, service};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn without_its_config_map_no_binding_is_made_and_every_one_can_be_ended() {
    let stage = Stage::new().await.with_guard().await;
    let mut kept = binding("{id: lb-kept}", ", listeners: [{port: 80, protocol: TCP}]");
    kept["metadata"]["finalizers"] = json!(["cloud.tencent.com/direct-access"]);
    stage.make("kept", &kept).await;
    stage.kubectl(&["-n", HOME, "delete", "configmap", "direct-access-guard"]).await;

    let allowed = binding("{id: lb-shop2}", "");
    for who in [Who::Editor, Who::Controller] {
        eventually("a binding is refused", DEADLINE, async || {
            let answer = stage.binding(who, "shop", &allowed).await;
            let is_refused =
                answer.as_ref().is_err_and(|words| words.contains("direct-access-bindings.cloud.tencent.com"));
            if is_refused { Ok(Some(())) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }
    // Services of the whole cluster go on; the binding of this one could not be made.
    let asks = service(&[(DIRECT_ACCESS, "true")], &[80]);
    assert_eq!(stage.service(Who::Editor, "shop", &asks).await, Ok(()));
    assert_eq!(stage.service(Who::Editor, "kube-system", &service(&[], &[53])).await, Ok(()));
    stage.kubectl(&["-n", "kept", "delete", "dab", "web", "--wait=false"]).await;
    let object = ("DirectAccessBinding", "web");
    let ended = stage.change(Who::Controller, "kept", object, &json!({"metadata": {"finalizers": null}}), false).await;
    assert_eq!(ended, Ok(()));
    assert_eq!(stage.kubectl(&["-n", "kept", "get", "dab", "-o", "name"]).await, "");
    // It comes back by itself with the ConfigMap.
    stage.install().await;
    assert_eq!(stage.binding(Who::Editor, "shop", &allowed).await, Ok(()));
}
