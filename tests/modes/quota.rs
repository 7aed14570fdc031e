//! The quotas of the account are read, and kept to.

use serde_json::json;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{Quotas, Settings as SimulatorSettings};

use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

async fn excluded(stage: &Stage) -> String {
    let path = "jsonpath={range .status.excluded[*]}{.reason} {.count};{end}";
    stage.ok(&["get", "dab", "web", "-o", path]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_bound_up_to_the_quota_and_the_rest_is_told() {
    let settings =
        SimulatorSettings { quotas: Quotas { targets: 3, ..Quotas::default() }, ..SimulatorSettings::instant() };
    let mut stage = Stage::without_controller("quota", settings).await;
    stage.start_controller(&[]).await;
    stage.deploy(5, &json!({})).await;
    eventually("three are bound, and two are over quota", DEADLINE, async || {
        let bound = stage.targets(Protocol::Tcp, 80).unwrap_or_default().len();
        let found = excluded(&stage).await;
        if bound == 3 && found == "OverQuota 2;" { Ok(Some(())) } else { Err(format!("{bound} {found}")) }
    })
    .await;
    stage.until("web", "Programmed", "False", "QuotaExceeded").await;
    assert_eq!(stage.cloud.calls().get("DescribeQuota"), Some(&1), "once, and not in every round");
    // One that ends makes room for one that waits.
    stage.ok(&["scale", "deployment/web", "--replicas=3"]).await;
    stage.until_ready("web", "3/3").await;
    eventually("nothing is left out", DEADLINE, async || match excluded(&stage).await.as_str() {
        "" => Ok(Some(())),
        some => Err(some.to_owned()),
    })
    .await;
    stage.finish().await;
}
