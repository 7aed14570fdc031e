//! Weights of single Pods.

use std::collections::BTreeMap;

use serde_json::json;
use tke_direct_access::model::Protocol;

use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

const CUSTOM_WEIGHT: &str = "service.cloud.tencent.com/custom-weight";

/// Weights by address.
fn weights(stage: &Stage) -> BTreeMap<String, u8> {
    let targets = stage.targets(Protocol::Tcp, 80).unwrap_or_default();
    targets.into_iter().map(|(address, target)| (address.ip.to_string(), target.weight)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_may_have_a_weight_of_its_own_and_is_drained_by_zero() {
    let stage = Stage::new("weight").await;
    stage.deploy(3, &json!({})).await;
    stage.until_ready("web", "3/3").await;
    let pods =
        stage.ok(&["get", "pods", "-o", r#"jsonpath={range .items[*]}{.metadata.name} {.status.podIP};{end}"#]).await;
    let pods: Vec<(&str, &str)> = pods.split_terminator(';').filter_map(|pod| pod.split_once(' ')).collect();
    for (weight, told) in [("50", 50), ("none", 50), ("0", 0), ("off", 0)] {
        stage.ok(&["annotate", "pod", pods[0].0, "--overwrite", &format!("{CUSTOM_WEIGHT}={weight}")]).await;
        let expected: BTreeMap<_, _> =
            pods.iter().map(|(name, ip)| ((*ip).to_owned(), if *name == pods[0].0 { told } else { 10 })).collect();
        eventually(&format!("the weights with {weight}"), DEADLINE, async || {
            let found = weights(&stage);
            if found == expected { Ok(Some(())) } else { Err(format!("{found:?}")) }
        })
        .await;
        if weight == "0" {
            let address = stage.data_plane(Protocol::Tcp, 80);
            for _ in 0..12 {
                let answer = reqwest::get(format!("http://{address}/")).await.unwrap().text().await.unwrap();
                assert!(!answer.contains(pods[0].0), "a Pod of weight 0 gets nothing new: {answer}");
            }
        }
    }
    let ready = ["get", "pod", pods[0].0, "-o", r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#];
    assert_eq!(stage.ok(&ready).await, "True", "weights say nothing of readiness");
    eventually("the odd value is told", DEADLINE, async || {
        let path = r#"jsonpath={.status.advice[?(@.reason=="WeightUnreadable")].message}"#;
        let message = stage.ok(&["get", "dab", "web", "-o", path]).await;
        if message.contains(CUSTOM_WEIGHT) && message.contains("\"off\"") { Ok(Some(())) } else { Err(message) }
    })
    .await;
    stage.finish().await;
}
