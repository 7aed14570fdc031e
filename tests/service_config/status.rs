//! What a config tells of itself.

use serde_json::json;

use crate::scene::{config, until_config, with_config};
use crate::stage::{DEADLINE, Stage, binding};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn the_table_and_the_description_show_use_and_problems() {
    let stage = Stage::new("tsc").await;
    let values = json!({"l4Listeners": [
        {"protocol": "TCP", "port": 80, "session": {"enable": true}, "scheduler": "LEAST_CONN"},
        {"protocol": "TCP", "port": 81, "scheduler": "WRR"},
    ]});
    stage.apply(&config(&values)).await;
    until_config(&stage, "web", "True", "NotUsed").await;
    stage.deploy(1, &with_config()).await;
    stage
        .apply(&binding(
            "other",
            &json!({
                "serviceConfigRef": {"name": "web"}, "listeners": [{"port": 90, "protocol": "HTTP", "servicePort": 80}]
            }),
        ))
        .await;
    stage.until_ready("web", "1/1").await;
    stage.until_ready("other", "1/1").await;
    until_config(&stage, "web", "True", "PartlyApplied").await;
    eventually("both users are counted", DEADLINE, async || {
        let table = stage.ok(&["get", "tsc"]).await;
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["NAME", "USED-BY", "READY", "REASON", "AGE"]);
        if lines[1][..4] == ["web", "2", "True", "PartlyApplied"] { Ok(Some(())) } else { Err(table) }
    })
    .await;
    let description = stage.ok(&["describe", "tsc", "web"]).await;
    for words in ["TCP:80", "LEAST_CONN and session persistence exclude each other", "TCP:81", "NoListener"] {
        assert!(description.contains(words), "{words} is not in:\n{description}");
    }
    stage.ok(&["delete", "dab", "web", "other", "--timeout=150s"]).await;
    let left = until_config(&stage, "web", "True", "NotUsed").await;
    assert_eq!(left.status.unwrap().used_by, 0);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_is_not_ready_before_its_bindings_show_it() {
    let stage = Stage::new("waiting").await;
    stage.apply(&config(&json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "scheduler": "LEAST_CONN"}]}))).await;
    // The load balancer of this binding does not exist.
    let lost = json!({"serviceConfigRef": {"name": "web"}, "loadBalancer": {"id": "lb-nowhere1"}});
    stage.apply(&crate::stage::service()).await;
    stage.apply(&binding("web", &lost)).await;
    let config = until_config(&stage, "web", "False", "InProgress").await;
    let conditions = config.status.unwrap().conditions;
    assert!(conditions.iter().any(|one| one.type_ == "Reconciling" && one.message.contains("web")), "{conditions:?}");
    stage.finish().await;
}
