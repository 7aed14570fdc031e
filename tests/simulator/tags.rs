//! The free text of targets, by which this project knows its own.

use serde_json::{Value, json};
use tke_direct_access::clb::Unfenced;
use tke_direct_access::model::{Address, LoadBalancerId, Protocol, Route};
use tke_direct_access::sim::{Departure, Settings, Simulator};

use crate::support::{client, code, listener, ok, simulator, simulator_with};

const IP: [u8; 4] = [10, 9, 0, 1];

fn address(port: u16) -> Address {
    Address { ip: IP.into(), port }
}

/// One listener without rules and one with a rule, each with a target.
fn routes(simulator: &Simulator, lb: &LoadBalancerId) -> [Route; 2] {
    let tcp = listener(simulator, lb, Protocol::Tcp, 80);
    let http = listener(simulator, lb, Protocol::Http, 81).listener;
    let rule = simulator.console(|state| state.add_rule(lb, &http, "a.example", "/")).expect("a rule");
    let routes = [tcp, Route { listener: http, rule: Some(rule) }];
    for route in &routes {
        simulator.console(|state| state.put_target(lb, route, address(80), 10, "mine")).expect("a target");
    }
    routes
}

fn stored(simulator: &Simulator, lb: &LoadBalancerId, route: &Route) -> Vec<String> {
    simulator.console(|state| state.targets(lb)[route].iter().map(|target| target.tag.clone()).collect())
}

fn shown(reply: &Value) -> [&Value; 2] {
    ["/Listeners/0/Targets/0", "/Listeners/1/Rules/0/Targets/0"].map(|at| reply.pointer(at).expect("a target"))
}

#[tokio::test]
async fn a_cloud_may_keep_tags_without_showing_them() {
    let settings = Settings { dialect: [Departure::TagsHidden].into(), ..Settings::instant() };
    let (simulator, lb) = simulator_with(settings);
    let routes = routes(&simulator, &lb);
    let found = ok(&simulator, "DescribeTargets", json!({"LoadBalancerId": "lb-test"})).await;
    for target in shown(&found) {
        assert_eq!((&target["Tag"], &target["Weight"]), (&Value::Null, &json!(10)));
    }
    let read = client(&simulator).targets(&lb).await.expect("a read");
    for route in &routes {
        assert_eq!((stored(&simulator, &lb, route), read[route][0].tag.as_str()), (vec!["mine".to_owned()], ""));
    }
    let by_tag = json!({"LoadBalancerId": "lb-test", "Filters": [{"Name": "tag", "Values": ["other"]}]});
    let none = ok(&simulator, "DescribeTargets", by_tag).await;
    assert_eq!(none.pointer("/Listeners/0/Targets"), Some(&json!([])), "it filters by what it keeps");
}

#[tokio::test]
async fn tags_of_targets_of_listeners_and_rules_change() {
    let (simulator, lb) = simulator();
    let [tcp, http] = routes(&simulator, &lb);
    simulator.console(|state| state.put_target(&lb, &http, address(81), 0, "other")).expect("a target");
    let change = [(tcp.clone(), address(80), "one".to_owned()), (http.clone(), address(80), String::new())];
    client(&simulator).writer(&Unfenced).retag(&lb, &change).await.expect("a change");
    let found = ok(&simulator, "DescribeTargets", json!({"LoadBalancerId": "lb-test"})).await;
    assert_eq!(shown(&found).map(|target| &target["Tag"]), [&json!("one"), &json!("")]);
    assert_eq!(stored(&simulator, &lb, &http), ["", "other"], "the other target keeps its own");
    let weights = simulator.console(|state| [&tcp, &http].map(|route| state.targets(&lb)[route][0].weight));
    assert_eq!(weights, [10, 10], "nothing else changes");
}

#[tokio::test]
async fn one_target_that_does_not_exist_fails_a_change_of_tags() {
    let (simulator, lb) = simulator();
    let [tcp, http] = routes(&simulator, &lb);
    let entry = |route: &Route, rule: Option<&str>, port: u16| {
        let mut entry = json!({"ListenerId": route.listener.as_str(), "Tag": "new",
            "Targets": [{"EniIp": "10.9.0.1", "Port": port}]});
        entry["LocationId"] = json!(rule);
        entry
    };
    let rule = http.rule.as_ref().map(|rule| rule.as_str());
    let good = entry(&tcp, None, 80);
    let cases = [
        (entry(&http, rule, 99), "InvalidParameter"),
        (entry(&http, Some("loc-no"), 80), "InvalidParameter.LocationNotFound"),
        (entry(&http, None, 80), "MissingParameter"),
        (entry(&tcp, rule, 80), "InvalidParameter.ProtocolCheckFailed"),
        (good.clone(), "InvalidParameterValue.Duplicate"),
    ];
    for (bad, expected) in cases {
        let request = json!({"LoadBalancerId": "lb-test", "ModifyList": [good, bad]});
        assert_eq!(code(&simulator, "BatchModifyTargetTag", request).await, expected, "{bad}");
    }
    assert_eq!(stored(&simulator, &lb, &tcp), ["mine"]);
}
