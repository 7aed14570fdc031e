//! Clouds that depart in several ways at once from what is believed, over the wire: each two ways meet on one of them.

use futures::StreamExt;
use serde_json::json;
use tke_direct_access::model::{ListenerState, LoadBalancerId, Route};
use tke_direct_access::sim::{Departure, Dialect, Settings as SimulatorSettings};
use tke_direct_access_worlds::pairwise;

use crate::scene::{config, listener};
use crate::stage::{DEADLINE, LOAD_BALANCER, Stage};
use crate::support::eventually;

/// So many clouds at a time.
const AT_A_TIME: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn dialects_in_pairs_over_the_wire_lose_nothing_and_report_what_is_so() {
    let clouds: Vec<_> = pairwise().into_iter().enumerate().collect();
    futures::stream::iter(clouds).for_each_concurrent(AT_A_TIME, |(place, cloud)| play(place, cloud)).await;
}

/// What people do at the console, a rollout, and the deletion.
async fn play(place: usize, cloud: Dialect) {
    let settings = SimulatorSettings { dialect: cloud.clone(), ..SimulatorSettings::instant() };
    let mut stage = Stage::without_controller(&format!("dialect-{place}"), settings).await;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    let values = json!({
        "l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": {"intervalTime": 9}}],
        "l7Listeners": [{"protocol": "HTTP", "port": 81, "snatEnable": true}]});
    stage.apply(&config(&values)).await;
    let two = json!({"serviceConfigRef": {"name": "web"}, "listeners": [
        {"port": 80, "protocol": "TCP"},
        {"port": 81, "protocol": "HTTP", "servicePort": 80, "rules": [{"domain": "a.example"}, {"domain": "b.example"}]}]});
    stage.deploy(2, &two).await;
    stage.until_ready("web", "2/2").await;
    stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    by_hand(&stage).await;
    if !cloud.has(Departure::FlagsHidden) {
        switched_off(&stage).await;
    }
    stopped(&stage).await;
    stage.ok(&["rollout", "restart", "deployment/web"]).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=150s"]).await;
    until_bound(&stage).await;
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    assert_eq!(stage.listeners().len(), 1, "only the listener of somebody else is left: {cloud:?}");
    stage.finish().await;
}

/// The binding's listener of layer 4 and its route.
fn own(stage: &Stage) -> Route {
    let found = stage.listeners().into_iter().find(|one| one.port == 80).expect("the listener is there");
    Route { listener: found.id, rule: None }
}

/// Waits until each listener and rule has the Pods that there are, with their weight, and the binding is ready.
async fn until_bound(stage: &Stage) {
    stage.until_ready("web", "2/2").await;
    let pods = "jsonpath={range .items[*]}{.status.podIP}{' '}{end}";
    eventually("the targets are the Pods", DEADLINE, async || {
        let ips = stage.ok(&["get", "pods", "-l", "app=web", "-o", pods]).await;
        let mut ips: Vec<_> = ips.split_whitespace().map(str::to_owned).collect();
        ips.sort();
        let listeners = stage.listeners();
        let of_ours = |route: &Route| listeners.iter().any(|one| one.id == route.listener && one.port != 9999);
        let all = stage.cloud.console(|state| state.targets(&LoadBalancerId::new(LOAD_BALANCER)));
        for (route, targets) in all.iter().filter(|(route, _)| of_ours(route)) {
            let mut found: Vec<_> = targets.iter().map(|one| one.address.ip.to_string()).collect();
            found.sort();
            if found != ips || targets.iter().any(|one| one.weight != 10) {
                return Err(format!("{route:?} has {targets:?}, and the Pods are {ips:?}"));
            }
        }
        Ok((all.len() == 4).then_some(()))
    })
    .await;
}

/// Somebody renames a listener, deregisters a target, and changes a weight.
async fn by_hand(stage: &Stage) {
    let (id, route) = (LoadBalancerId::new(LOAD_BALANCER), own(stage));
    let name = stage.listeners().into_iter().find(|one| one.id == route.listener).expect("it is there").name;
    stage.cloud.console(|state| {
        let targets = state.targets(&id).remove(&route).expect("the listener is there");
        state.rename_listener(&id, &route.listener, "mine").expect("the listener is there");
        state.remove_target(&id, &route, targets[0].address);
        state.put_target(&id, &route, targets[1].address, 77, &targets[1].tag).expect("the listener is there");
    });
    eventually("the listener has its name again", DEADLINE, async || {
        let found = stage.listeners().into_iter().find(|one| one.id == route.listener).map(|one| one.name);
        if found.as_ref() == Some(&name) { Ok(Some(())) } else { Err(format!("{found:?}")) }
    })
    .await;
    until_bound(stage).await;
}

/// Somebody switches off what the config asks for.
async fn switched_off(stage: &Stage) {
    let rows = "jsonpath={.status.listeners[?(@.port==81)].written}";
    eventually("the status says that the flag was shown", DEADLINE, async || {
        let found = stage.ok(&["get", "dab", "web", "-o", rows]).await;
        if found.contains("snatEnable=shown") { Ok(Some(())) } else { Err(found) }
    })
    .await;
    let found = stage.listeners().into_iter().find(|one| one.port == 81).expect("the listener is there");
    stage
        .cloud
        .console(|state| state.switch_off(&LoadBalancerId::new(LOAD_BALANCER), &found.id))
        .expect("the listener is there");
    eventually("the switch is on again", DEADLINE, async || {
        let flags = listener(stage, 81).await["AttrFlags"].take();
        if flags == json!(["SnatEnable"]) { Ok(Some(())) } else { Err(flags.to_string()) }
    })
    .await;
}

/// Somebody stops a listener: the binding does not say that it is ready until it is started.
async fn stopped(stage: &Stage) {
    let (id, route) = (LoadBalancerId::new(LOAD_BALANCER), own(stage));
    let set = |to: ListenerState| {
        let found = stage.cloud.console(|state| state.set_listener_state(&id, &route.listener, to));
        found.expect("the listener is there");
    };
    set(ListenerState::Stopped);
    eventually("the binding is not ready", DEADLINE, async || {
        let ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
        let found = stage.ok(&["get", "dab", "web", "-o", ready]).await;
        if found == "True" { Err(found) } else { Ok(Some(())) }
    })
    .await;
    set(ListenerState::Serving);
    until_bound(stage).await;
}
