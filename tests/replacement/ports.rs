//! The ports that traffic takes change, and the Pods serve both.

use serde_json::{Value, json};
use tke_direct_access::model::Protocol;
use tokio::time::Instant;

use crate::clients::Clients;
use crate::objects::{Workload, binding, service, service_port};
use crate::scene::Story;
use crate::stage::{self, DEADLINE};
use crate::support::eventually;

const CHANGES: usize = 10;
/// Longer than kept connections are used, and shorter than the cloud's checks take: its end takes nobody away who is needed.
const DRAIN: u32 = 3;
const FIRST: u16 = 9381;
const SECOND: u16 = 9382;

/// Pods that serve both ports.
fn two_ports() -> String {
    let ports = json!({"ports": [{"containerPort": FIRST}, {"containerPort": SECOND}]});
    Workload::new("web").container(&ports).deployment()
}

/// Every second one comes while the targets of the one before still drain.
#[tokio::test(flavor = "multi_thread")]
async fn ten_changes_of_the_target_port_lose_nothing() {
    let story = Story::begin("target-port").await;
    story.set(&[service(&json!({"app": "web"}), &[(80, FIRST)]), two_ports(), binding(DRAIN)], "3/3").await;
    let first = story.addresses("app=web", FIRST).await;
    let second = story.addresses("app=web", SECOND).await;
    let ended = story
        .watch(async {
            let clients = Clients::start(&story).await;
            let mut times = Vec::new();
            for number in 1..=CHANGES {
                let (port, old, new) =
                    if number % 2 == 1 { (SECOND, &first, &second) } else { (FIRST, &second, &first) };
                story.patch_service(&json!({"ports": [service_port((80, port))]})).await;
                times.push(story.until_replaced(&format!("change {number} of the port"), old, new).await);
                if number % 4 > 1 {
                    story.until_targets(new).await;
                }
            }
            story.until_targets(&first).await;
            story.expect_prompt(&times);
            clients.end("ten changes of the target port").await
        })
        .await;
    story.expect_nothing_lost("ten changes of the target port", &ended);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_changes_to_another_port_of_the_service_loses_nothing() {
    let story = Story::begin("service-port").await;
    let listener = |port: u16| json!([{"port": 80, "protocol": "TCP", "servicePort": port}]);
    let bound = stage::binding("web", &json!({"drain": {"timeoutSeconds": DRAIN}, "listeners": listener(8001)}));
    story.set(&[service(&json!({"app": "web"}), &[(8001, FIRST), (8002, SECOND)]), two_ports(), bound], "3/3").await;
    let first = story.addresses("app=web", FIRST).await;
    let second = story.addresses("app=web", SECOND).await;
    let ended = story
        .watch(async {
            let clients = Clients::start(&story).await;
            for (port, old, new) in [(8002, &first, &second), (8001, &second, &first)] {
                let patch = json!({"spec": {"listeners": listener(port)}}).to_string();
                story.stage.ok(&["patch", "dab", "web", "--type=merge", "-p", &patch]).await;
                story.journal.note(format!("the listener changes to port {port} of the Service"));
                story.until_replaced(&format!("change to port {port}"), old, new).await;
                story.until_targets(new).await;
            }
            clients.end("changes of the Service port").await
        })
        .await;
    story.expect_nothing_lost("changes of the Service port", &ended);
    story.end().await;
}

/// CLB cannot change the protocol of a listener, and one port holds one of TCP, TCP_SSL, HTTP and HTTPS: the old listener goes before
/// the new one is made. This measures what that costs, and that it costs nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_changes_its_protocol_is_dark_for_no_longer_than_it_takes_to_make_another() {
    let story = Story::begin("protocol").await;
    let listener = |protocol: &str, more: &Value| {
        let mut listener = json!({"port": 80, "protocol": protocol});
        listener.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"drain": {"timeoutSeconds": DRAIN}, "listeners": [listener]})
    };
    let tcp = stage::binding("web", &listener("TCP", &json!({})));
    story.set(&[service(&json!({"app": "web"}), &[(80, FIRST)]), two_ports(), tcp], "3/3").await;
    let (begun, ended) = story
        .watch(async {
            let clients = Clients::start(&story).await;
            clients.send(300).await;
            let begun = Instant::now();
            let http = listener("HTTP", &json!({"rules": [{"domain": "shop.example.com"}]}));
            story.stage.apply(&stage::binding("web", &http)).await;
            eventually("there is an HTTP listener", DEADLINE, async || {
                let found = story.stage.listeners();
                if found.iter().any(|one| one.protocol == Protocol::Http) {
                    Ok(Some(()))
                } else {
                    Err(format!("{found:?}"))
                }
            })
            .await;
            story.stage.until_ready("web", "3/3").await;
            let serving = Instant::now();
            clients.send(300).await;
            let ended = clients.end("a change of protocol").await;
            let late = ended.losses.iter().filter(|loss| loss.sent > serving).count();
            story.expect(late == 0, || format!("{late} were lost after the new listener served"));
            (begun, ended)
        })
        .await;
    story.expect_nothing_lost_before("a change of protocol, before it", &ended, begun);
    let sent = || ended.losses.iter().map(|loss| loss.sent);
    let dark = sent().max().zip(sent().min()).map(|(last, first)| last - first);
    eprintln!("a change of protocol: {} of {} lost, within {dark:.1?}", ended.losses.len(), ended.sent);
    story.end().await;
}
