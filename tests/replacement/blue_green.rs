//! The selector of the Service changes, and all Pods live.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tke_direct_access::model::Address;
use tke_direct_access::sim::{Effect, Fault, When};

use crate::clients::{Clients, Ended};
use crate::objects::{Workload, binding, service};
use crate::scene::Story;
use crate::stage::DEADLINE;
use crate::support::eventually;

const SWITCHES: usize = 10;
/// Longer than the cloud's checks take.
const LONG_DRAIN: u32 = 6;
/// Shorter than these, and longer than kept connections are used.
const SHORT_DRAIN: u32 = 3;

fn selector(color: &str) -> Value {
    json!({"app": "web", "color": color})
}

/// Pods of a color; the Service selects those that are blue.
fn colored(name: &'static str) -> Workload {
    Workload::new(name).label("color", name)
}

async fn stage(name: &str, drain: u32, workload: fn(&'static str) -> Workload) -> Story {
    let story = Story::begin(name).await;
    let deployments = ["blue", "green"].map(|color| workload(color).deployment());
    let [blue, green] = deployments;
    story.set(&[service(&selector("blue"), &[(80, 8080)]), blue, green, binding(drain)], "3/3").await;
    story.stage.ok(&["rollout", "status", "deployment/green", "--timeout=150s"]).await;
    story
}

/// Every second one comes while the targets of the one before still drain.
#[tokio::test(flavor = "multi_thread")]
async fn ten_switches_between_blue_and_green_pods_lose_nothing() {
    let story = stage("switch", LONG_DRAIN, colored).await;
    let blue = story.addresses("color=blue", 8080).await;
    let green = story.addresses("color=green", 8080).await;
    let ended = story
        .watch(async {
            let clients = Clients::start(&story).await;
            let mut times = Vec::new();
            for number in 1..=SWITCHES {
                let (color, old, new) =
                    if number % 2 == 1 { ("green", &blue, &green) } else { ("blue", &green, &blue) };
                story.patch_service(&json!({"selector": {"color": color}})).await;
                times.push(story.until_replaced(&format!("switch {number}"), old, new).await);
                if number % 4 > 1 {
                    story.until_targets(new).await;
                }
            }
            story.until_targets(&blue).await;
            story.expect_prompt(&times);
            clients.end("ten switches").await
        })
        .await;
    story.expect_pods(6, &ended);
    story.expect_nothing_lost("ten switches", &ended);
    story.end().await;
}

/// Pods whose answers take long.
fn slow(name: &'static str) -> Workload {
    colored(name).behaves("response-delay", "4s")
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_to_pods_that_the_selector_leaves_are_answered() {
    let story = stage("flight", LONG_DRAIN, slow).await;
    let ended = story.watch(left_in_flight(&story, None)).await;
    story.expect_pods(6, &ended);
    story.expect_nothing_lost("switch with requests in flight", &ended);
    story.end().await;
}

/// It begins with weight 0 in the cloud, not with the wish for it.
#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_are_answered_although_the_drain_begins_late() {
    let story = stage("late", LONG_DRAIN, slow).await;
    let ended = story.watch(left_in_flight(&story, Some("RequestLimitExceeded"))).await;
    let struck = story.stage.cloud.struck();
    assert!(struck.contains_key("BatchModifyTargetWeight"), "{struck:?}");
    story.expect_pods(6, &ended);
    story.expect_nothing_lost("late switch with requests in flight", &ended);
    story.end().await;
}

/// A switch to green. With an error code, no weight can be changed for longer than a drain takes.
async fn left_in_flight(story: &Story, refusal: Option<&str>) -> Ended {
    let blue = story.addresses("color=blue", 8080).await;
    let green = story.addresses("color=green", 8080).await;
    let clients = Clients::start(story).await;
    clients.send(500).await;
    if let Some(code) = refusal {
        story.stage.cloud.inject(fault("BatchModifyTargetWeight", code));
    }
    story.patch_service(&json!({"selector": {"color": "green"}})).await;
    if refusal.is_some() {
        clients.send(1_800).await;
        story.journal.note("weights can be changed again");
        story.stage.cloud.clear_faults();
    } else {
        story.until_replaced("switch with requests in flight", &blue, &green).await;
    }
    story.until_targets(&green).await;
    clients.end("switch with requests in flight").await
}

fn fault(action: &str, code: &str) -> Fault {
    let effect = Effect::Error { code: code.to_owned(), message: "injected".to_owned() };
    Fault { action: Some(action.to_owned()), load_balancer: None, names: None, when: When::Always, effect }
}

/// What was healthy is not known to be any more, and what is new not yet: both serve, however long that takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_switch_while_health_cannot_be_read_loses_nothing() {
    let story = stage("blind", LONG_DRAIN, colored).await;
    let (blue, green) = (story.addresses("color=blue", 8080).await, story.addresses("color=green", 8080).await);
    let all: BTreeSet<Address> = blue.union(&green).copied().collect();
    let ended = story
        .watch(async {
            let clients = Clients::start(&story).await;
            story.stage.cloud.inject(fault("DescribeTargetHealth", "UnauthorizedOperation"));
            story.patch_service(&json!({"selector": {"color": "green"}})).await;
            eventually("both serve", DEADLINE, async || story.weighted() == all).await;
            // Longer than the drain.
            clients.send(u64::from(LONG_DRAIN + 5) * 120).await;
            story.expect(story.weighted() == all, || format!("these serve on: {:?}", story.weighted()));
            let struck = story.stage.cloud.struck();
            assert!(struck.contains_key("DescribeTargetHealth"), "{struck:?}");
            story.stage.cloud.clear_faults();
            eventually("green and nobody else serves", DEADLINE, async || story.weighted() == green).await;
            clients.send(200).await;
            clients.end("switch while health cannot be read").await
        })
        .await;
    story.expect_pods(6, &ended);
    story.expect_nothing_lost("switch while health cannot be read", &ended);
    story.end().await;
}

/// First it matches Pods that do not listen, and then none. In the end the Pods themselves go and come back.
#[tokio::test(flavor = "multi_thread")]
async fn living_pods_serve_on_when_the_selector_matches_nobody_who_serves() {
    let story = stage("nobody", SHORT_DRAIN, colored).await;
    let deaf = colored("red").behaves("start-delay", "1h").deployment();
    story.stage.apply(&deaf).await;
    story.stage.ok(&["rollout", "status", "deployment/red", "--timeout=150s"]).await;
    let blue = story.addresses("color=blue", 8080).await;
    for (what, color) in [("selector that matches the deaf", "red"), ("selector that matches nothing", "white")] {
        let ended = story.watch(left_and_taken_back(&story, what, color, &blue)).await;
        story.expect_nothing_lost(what, &ended);
    }
    story.watch(scaled_to_nothing_and_back(&story)).await;
    story.end().await;
}

async fn left_and_taken_back(story: &Story, what: &str, color: &str, blue: &BTreeSet<Address>) -> Ended {
    let clients = Clients::start(story).await;
    story.patch_service(&json!({"selector": {"color": color}})).await;
    // Much longer than the cloud's checks and the drain take.
    clients.send(1_200).await;
    story.expect(blue.is_subset(&story.weighted()), || format!("{what}: these serve on: {:?}", story.weighted()));
    story.expect_reason("RemovalHeld").await;
    story.patch_service(&json!({"selector": {"color": "blue"}})).await;
    story.stage.until_ready("web", "3/3").await;
    story.until_targets(blue).await;
    clients.end(what).await
}

async fn scaled_to_nothing_and_back(story: &Story) {
    story.stage.ok(&["scale", "deployment/blue", "--replicas=0"]).await;
    story.until_targets(&BTreeSet::new()).await;
    story.stage.ok(&["scale", "deployment/blue", "--replicas=3"]).await;
    story.until_serving(3).await;
    let clients = Clients::start(story).await;
    clients.send(500).await;
    let ended = clients.end("after a scale to 0 and back").await;
    story.expect_nothing_lost("after a scale to 0 and back", &ended);
}
