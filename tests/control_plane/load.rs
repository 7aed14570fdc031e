//! The load counts what is lost, and only that.

use std::time::Duration;

use serde_json::json;

use crate::support::eventually;
use crate::support::traffic::{Load, Mode};
use crate::workload::{SOON, World, socket};

#[tokio::test]
async fn nothing_is_lost_while_nothing_happens() {
    let world = World::new("load").await;
    let pod = world.ready_pod("load", json!({}), json!({})).await;
    let load = Load::start(&format!("http://{}/", socket(&pod, 8080)), 200, Mode::Both);
    eventually("200 requests are sent", SOON, || async { load.totals().sent >= 200 }).await;
    let totals = load.stop().await.unwrap();
    assert_eq!((totals.lost, totals.retried), (0, 0), "{totals}");
    assert_eq!(totals.by_pod, [("load".to_owned(), totals.sent)].into());
    assert!(totals.p50 > Duration::ZERO && totals.p50 <= totals.p99, "{totals}");
}

#[tokio::test]
async fn every_request_to_a_failing_or_absent_server_is_lost() {
    let world = World::new("loss").await;
    let pod = world.ready_pod("loss", json!({}), json!({})).await;
    let load = Load::start(&format!("http://{}/", socket(&pod, 8080)), 100, Mode::Both);
    world.annotate("loss", "fail-health", "true").await;
    eventually("errors are counted", SOON, || async { load.totals().by_error.contains_key("status 500") }).await;
    world.delete("loss").await;
    eventually("refused connections are counted", SOON, || async {
        load.totals().by_error.keys().any(|error| error.starts_with("connect: "))
    })
    .await;
    eventually("ended connections are counted", SOON, || async {
        let totals = load.totals();
        totals.cut + totals.retried > 0
    })
    .await;
    let totals = load.stop().await.unwrap();
    assert_eq!(totals.lost, totals.by_error.values().sum::<u64>(), "{totals}");
    assert_eq!(totals.losses.len() as u64, totals.lost, "each has its time");
    assert_eq!(totals.sent, totals.lost + totals.by_pod.values().sum::<u64>(), "{totals}");
}
