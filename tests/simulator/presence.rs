//! Whether something is there: neither an empty answer nor a partial one proves that it is not.

use serde_json::json;
use tke_direct_access::clb::Presence;
use tke_direct_access::model::{Address, Class, LoadBalancerId, Protocol, Route, Witnesses};
use tke_direct_access::sim::{Effect, Fault, Simulator, When};

use crate::support::{client, listener, put, simulator};

fn once(simulator: &Simulator, action: &str, effect: Effect) {
    strike(simulator, action, When::Next(1), effect);
}

fn strike(simulator: &Simulator, action: &str, when: When, effect: Effect) {
    simulator.inject(Fault { action: Some(action.to_owned()), load_balancer: None, names: None, when, effect });
}

fn error(code: &str) -> Effect {
    Effect::Error { code: code.to_owned(), message: String::new() }
}

/// Who says that it is gone; `None` when it is there.
async fn witnesses(simulator: &Simulator, id: &LoadBalancerId) -> Result<Option<Witnesses>, Class> {
    match client(simulator).contents(id).await {
        Ok(Presence::Found(found)) => {
            assert_eq!(found.load_balancer.id, *id);
            Ok(None)
        }
        Ok(Presence::NotShown { witnesses }) => Ok(Some(witnesses)),
        Err(failure) => Err(failure.class),
    }
}

#[tokio::test]
async fn a_load_balancer_that_does_not_exist_has_two_witnesses() {
    let (simulator, lb) = simulator();
    assert_eq!(witnesses(&simulator, &lb).await, Ok(None));
    let unknown = LoadBalancerId::new("lb-unknown");
    assert_eq!(witnesses(&simulator, &unknown).await, Ok(Some(Witnesses::ListAndListeners)));
    assert!(simulator.console(|state| state.remove_load_balancer(&lb)));
    assert_eq!(witnesses(&simulator, &lb).await, Ok(Some(Witnesses::ListAndListeners)));
}

#[tokio::test]
async fn an_empty_list_alone_is_doubtful() {
    let (simulator, lb) = simulator();
    // With listeners and without.
    for port in [80, 81] {
        once(&simulator, "DescribeLoadBalancers", Effect::EmptyReply);
        assert_eq!(witnesses(&simulator, &lb).await, Ok(Some(Witnesses::ListOnly)));
        assert_eq!(witnesses(&simulator, &lb).await, Ok(None), "the fault strikes once");
        listener(&simulator, &lb, Protocol::Tcp, port);
    }
}

#[tokio::test]
async fn a_second_witness_that_cannot_be_heard_fails_the_read() {
    let (simulator, lb) = simulator();
    for (effect, expected) in [
        (error("InternalError"), Class::Transient),
        (error("UnauthorizedOperation"), Class::Denied),
        (error("RequestLimitExceeded"), Class::Throttled),
        (Effect::LostReply, Class::Unreachable),
        (Effect::MalformedBody { body: None }, Class::Unreachable),
    ] {
        once(&simulator, "DescribeLoadBalancers", Effect::EmptyReply);
        // A read that is refused for haste is sent again.
        strike(&simulator, "DescribeListeners", When::Always, effect);
        assert_eq!(witnesses(&simulator, &lb).await, Err(expected));
        simulator.clear_faults();
    }
    once(&simulator, "DescribeLoadBalancers", Effect::EmptyReply);
    once(&simulator, "DescribeListeners", error("InvalidParameter.LBIdNotFound"));
    assert_eq!(witnesses(&simulator, &lb).await, Ok(Some(Witnesses::ListAndListeners)));
}

#[tokio::test]
async fn a_list_that_is_cut_short_is_no_list() {
    let (simulator, lb) = simulator();
    for port in [80, 81] {
        listener(&simulator, &lb, Protocol::Tcp, port);
    }
    for action in ["DescribeLoadBalancers", "DescribeListeners"] {
        once(&simulator, action, Effect::PartialReply);
        let failure = client(&simulator).contents(&lb).await.expect_err("an item is missing");
        assert_eq!((failure.class, failure.action), (Class::Transient, action), "{failure}");
        assert_eq!(witnesses(&simulator, &lb).await, Ok(None));
    }
}

#[tokio::test]
async fn a_listener_that_is_missing_among_targets_is_asked_for_again() {
    let (simulator, lb) = simulator();
    let routes = [80, 81].map(|port| listener(&simulator, &lb, Protocol::Tcp, port));
    put(&simulator, &lb, &routes[1], Address { ip: [10, 9, 0, 1].into(), port: 80 }, 10);
    for effect in [Effect::PartialReply, Effect::EmptyReply] {
        simulator.reset_calls();
        once(&simulator, "DescribeTargets", effect);
        let Ok(Presence::Found(found)) = client(&simulator).contents(&lb).await else { panic!("it is there") };
        assert_eq!(routes.each_ref().map(|route| found.targets[route].len()), [0, 1]);
        assert_eq!(simulator.calls()["DescribeTargets"], 2);
    }
}

#[tokio::test]
async fn rules_that_only_their_targets_show_are_read_again() {
    let (simulator, lb) = simulator();
    let http = listener(&simulator, &lb, Protocol::Http, 80).listener;
    simulator.console(|state| state.add_rule(&lb, &http, "a.example", "/")).expect("a rule");
    let row =
        json!({"ListenerId": http.as_str(), "ListenerName": "test", "Protocol": "HTTP", "Port": 80, "Rules": null});
    let body = json!({"Response": {"TotalCount": 1, "Listeners": [row], "RequestId": "one"}}).to_string();
    let without_rules = Effect::MalformedBody { body: Some(body) };
    once(&simulator, "DescribeListeners", without_rules.clone());
    let Ok(Presence::Found(found)) = client(&simulator).contents(&lb).await else { panic!("it is there") };
    assert_eq!(found.listeners[0].rules.len(), 1);
    let always = Fault {
        action: Some("DescribeListeners".to_owned()),
        load_balancer: None,
        names: None,
        when: When::Always,
        effect: without_rules,
    };
    simulator.inject(always);
    assert_eq!(witnesses(&simulator, &lb).await, Err(Class::Transient));
}

#[tokio::test]
async fn a_listener_that_cannot_be_read_hides_others_only_when_it_is_ours() {
    let (simulator, lb) = simulator();
    let tcp = listener(&simulator, &lb, Protocol::Tcp, 80);
    let odd = listener(&simulator, &lb, Protocol::Tcp, 81);
    let address = Address { ip: [10, 9, 0, 1].into(), port: 80 };
    simulator.console(|state| state.put_target(&lb, &odd, address, 10, "ours")).expect("a target");
    let body = |name: &str| {
        let row = |route: &Route, name: &str, protocol: &str| json!({"ListenerId": route.listener.as_str(), "ListenerName": name, "Protocol": protocol, "Port": 80});
        let rows = [row(&tcp, "test", "TCP"), row(&odd, name, "CARRIER_PIGEON")];
        json!({"Response": {"TotalCount": 2, "Listeners": rows, "RequestId": "one"}}).to_string()
    };
    for (name, ours, is_readable) in [("foreign", "none", true), ("mine", "mine", false), ("foreign", "ours", false)] {
        once(&simulator, "DescribeListeners", Effect::MalformedBody { body: Some(body(name)) });
        let Ok(Presence::Found(found)) = client(&simulator).contents(&lb).await else { panic!("it is there") };
        assert_eq!((found.listeners.len(), &found.unreadable[0].id), (1, &odd.listener));
        let read = found.readable(|mark| mark == ours);
        assert_eq!(read.is_ok(), is_readable, "{name} {ours}");
        if let Err(failure) = read {
            assert_eq!(failure.class, Class::Transient);
            assert!(failure.message.contains(odd.listener.as_str()) && failure.message.contains("PIGEON"), "{failure}");
        }
    }
}
