//! Ways in which a cloud may depart from what is believed of new targets, of refusals and of stopped listeners.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tke_direct_access::model::{Health, ListenerState, Protocol, Route};
use tke_direct_access::sim::{Departure, EXCLUSIVE, Quotas, Settings, Simulator, Timing};
use tokio::net::TcpStream;

use crate::support::{Pod, call, client, front, greeting, listener, nobody, ok, simulator_with};

/// Probes come so seldom that a new target stays as it is.
fn unprobed(dialect: &[Departure]) -> Settings {
    let timing = Timing { health_scale: Some(1000.0), ..Settings::instant().timing };
    Settings { timing, ..departing(dialect) }
}

fn departing(dialect: &[Departure]) -> Settings {
    Settings { dialect: dialect.iter().copied().collect(), ..Settings::instant() }
}

async fn detail(simulator: &Simulator) -> Value {
    let mut health = ok(simulator, "DescribeTargetHealth", json!({"LoadBalancerIds": ["lb-test"]})).await;
    health["LoadBalancers"][0]["Listeners"][0]["Rules"][0]["Targets"][0]["HealthStatusDetail"].take()
}

#[test]
fn what_no_cloud_can_be_is_named_once_with_a_reason() {
    let pairs: BTreeSet<_> = EXCLUSIVE.iter().map(|(one, other, _)| (one.min(other), one.max(other))).collect();
    assert_eq!(pairs.len(), EXCLUSIVE.len());
    assert!(EXCLUSIVE.iter().all(|(one, other, why)| one != other && !why.is_empty()));
}

#[tokio::test]
async fn a_new_target_may_be_shown_alive_or_dead_and_may_get_traffic() {
    for (dialect, shown, serves) in [
        (&[][..], "Unknown", false),
        (&[Departure::NewTargetsServe], "Unknown", true),
        (&[Departure::NewTargetsAlive], "Alive", true),
        (&[Departure::NewTargetsServe, Departure::NewTargetsAlive], "Alive", true),
        // Where all are dead, all get traffic.
        (&[Departure::NewTargetsDead], "Dead", true),
    ] {
        let (simulator, lb) = simulator_with(unprobed(dialect));
        let route = listener(&simulator, &lb, Protocol::Tcp, 80);
        let pod = Pod::tcp("a").await;
        // So that the first probe, which may come at once, decides nothing.
        simulator.console(|state| state.put_target(&lb, &route, pod.address, 10, "")).expect("a target");
        let address = front(&simulator, &lb, Protocol::Tcp, 80).await;
        let is_greeted = greeting(address).await.is_ok_and(|name| name == "a");
        assert_eq!((detail(&simulator).await, is_greeted), (json!(shown), serves), "{dialect:?}");
    }
}

#[tokio::test]
async fn a_dead_newcomer_gets_nothing_beside_somebody_alive() {
    let (simulator, lb) = simulator_with(unprobed(&[Departure::NewTargetsDead]));
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let (old, new) = (Pod::tcp("old").await, Pod::tcp("new").await);
    crate::support::put(&simulator, &lb, &route, old.address, 10);
    simulator.console(|state| state.put_target(&lb, &route, new.address, 100, "")).expect("a target");
    let address = front(&simulator, &lb, Protocol::Tcp, 80).await;
    for _ in 0..4 {
        assert_eq!(greeting(address).await.expect("a greeting"), "old");
    }
}

fn batch(listener: &Route, targets: &[&str]) -> Vec<Value> {
    let id = listener.listener.as_str();
    targets.iter().map(|ip| json!({"ListenerId": id, "EniIp": ip, "Port": 80, "Weight": 10})).collect()
}

/// What a call says, and how many targets each of two listeners has then.
async fn after(
    simulator: &Simulator,
    routes: &[Route; 2],
    action: &str,
    targets: Vec<Value>,
) -> (Result<Value, String>, [usize; 2]) {
    let said = call(simulator, action, json!({"LoadBalancerId": "lb-test", "Targets": targets})).await;
    let said = said.map(|mut reply| reply["FailListenerIdSet"].take()).map_err(|error| error.code);
    let all = simulator.console(|state| state.targets(&"lb-test".into()));
    (said, [0, 1].map(|nth| all.get(&routes[nth]).map_or(0, Vec::len)))
}

#[tokio::test]
async fn a_target_that_another_listener_has_fails_there_or_refuses_the_batch() {
    for (dialect, is_whole) in [(&[][..], false), (&[Departure::ConflictsWhole], true)] {
        let (simulator, lb) = simulator_with(departing(dialect));
        let routes = [80, 81].map(|port| listener(&simulator, &lb, Protocol::Tcp, port));
        after(&simulator, &routes, "BatchRegisterTargets", batch(&routes[0], &["10.9.0.1"])).await.0.expect("taken");
        let mut both = batch(&routes[0], &["10.9.0.2"]);
        both.extend(batch(&routes[1], &["10.9.0.1"]));
        let (said, counts) = after(&simulator, &routes, "BatchRegisterTargets", both).await;
        if is_whole {
            assert_eq!((said, counts), (Err("FailedOperation".to_owned()), [1, 0]));
        } else {
            assert_eq!((said, counts), (Ok(json!([routes[1].listener.as_str()])), [2, 0]));
        }
    }
}

#[tokio::test]
async fn a_batch_that_is_over_the_quota_or_names_nobody_is_refused_or_fails_in_part() {
    for (dialect, is_part) in [(&[][..], false), (&[Departure::BatchesInPart], true)] {
        let quotas = Quotas { targets: 2, ..Quotas::default() };
        let (simulator, lb) = simulator_with(Settings { quotas, ..departing(dialect) });
        let routes = [80, 81].map(|port| listener(&simulator, &lb, Protocol::Tcp, port));
        let failed = Ok(json!([routes[1].listener.as_str()]));
        let mut many = batch(&routes[0], &["10.9.0.1"]);
        many.extend(batch(&routes[1], &["10.9.0.2", "10.9.0.3", "10.9.0.4"]));
        let found = after(&simulator, &routes, "BatchRegisterTargets", many).await;
        let whole = |code: &str| Err(code.to_owned());
        assert_eq!(found, if is_part { (failed.clone(), [1, 0]) } else { (whole("LimitExceeded"), [0, 0]) });
        let one = batch(&routes[0], &["10.9.0.1"]);
        if !is_part {
            after(&simulator, &routes, "BatchRegisterTargets", one.clone()).await.0.expect("taken");
        }
        let mut absent = one;
        absent.extend(batch(&routes[1], &["10.9.0.9"]));
        let found = after(&simulator, &routes, "BatchDeregisterTargets", absent).await;
        assert_eq!(found, if is_part { (failed, [0, 0]) } else { (whole("InvalidParameter"), [1, 0]) });
    }
}

#[tokio::test]
async fn a_change_of_weights_that_is_refused_may_have_changed_some() {
    for (dialect, expected) in [(&[][..], 10), (&[Departure::WeightsInPart], 5)] {
        let (simulator, lb) = simulator_with(departing(dialect));
        let routes = [80, 81].map(|port| listener(&simulator, &lb, Protocol::Tcp, port));
        after(&simulator, &routes, "BatchRegisterTargets", batch(&routes[0], &["10.9.0.1"])).await.0.expect("taken");
        let targets = json!([{"EniIp": "10.9.0.1", "Port": 80}, {"EniIp": "10.9.0.9", "Port": 80}]);
        let entry = json!({"ListenerId": routes[0].listener.as_str(), "Weight": 5, "Targets": targets});
        let change = json!({"LoadBalancerId": "lb-test", "ModifyList": [entry]});
        let refused = call(&simulator, "BatchModifyTargetWeight", change).await.expect_err("one is absent");
        let weight = simulator.console(|state| state.targets(&lb)[&routes[0]][0].weight);
        assert_eq!((refused.code.as_str(), weight), ("InvalidParameter", expected), "{dialect:?}");
    }
}

#[tokio::test]
async fn that_a_listener_is_stopped_is_shown_by_its_flag_and_by_health_or_by_one_of_them() {
    for (dialect, state, health, flags, shown) in [
        (&[][..], ListenerState::Stopped, Health::CheckOff, json!(["Stop"]), "Close"),
        (&[Departure::StopHidden], ListenerState::Serving, Health::CheckOff, json!([]), "Close"),
        (&[Departure::StoppedHealthKept], ListenerState::Stopped, Health::Healthy, json!(["Stop"]), "Alive"),
    ] {
        let (simulator, lb) = simulator_with(departing(dialect));
        let route = listener(&simulator, &lb, Protocol::Tcp, 80);
        crate::support::put(&simulator, &lb, &route, nobody().await, 10);
        let address = front(&simulator, &lb, Protocol::Tcp, 80).await;
        simulator
            .console(|state| state.set_listener_state(&lb, &route.listener, ListenerState::Stopped))
            .expect("it exists");
        let listeners = ok(&simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test"})).await;
        assert_eq!((&listeners["Listeners"][0]["AttrFlags"], detail(&simulator).await), (&flags, json!(shown)));
        let seen = client(&simulator);
        assert_eq!(seen.listeners(&lb).await.expect("a read")[0].state, state, "{dialect:?}");
        let all = seen.health(std::slice::from_ref(&lb)).await.expect("a read");
        assert_eq!(all[&lb][0].health, health, "{dialect:?}");
        crate::support::eventually("connections are refused", async || TcpStream::connect(address).await.err()).await;
    }
}
