//! Listeners and targets through the API.

use serde_json::{Value, json};
use tke_direct_access::model::{Address, Protocol, Route};

use crate::support::{call, code, listener, ok, put, simulator};

fn with(mut parameters: Value, more: &Value) -> Value {
    let object = parameters.as_object_mut().expect("an object");
    object.insert("LoadBalancerId".into(), "lb-test".into());
    object.extend(more.as_object().expect("an object").clone());
    parameters
}

#[tokio::test]
async fn a_port_belongs_to_one_listener_of_its_transport() {
    let (simulator, _) = simulator();
    let create =
        |protocol: &str, ports: &[u16]| json!({"LoadBalancerId": "lb-test", "Ports": ports, "Protocol": protocol});
    ok(&simulator, "CreateListener", create("TCP", &[80])).await;
    assert_eq!(code(&simulator, "CreateListener", create("HTTP", &[80])).await, "InvalidParameter.PortCheckFailed");
    assert_eq!(code(&simulator, "CreateListener", create("TCP", &[79, 80])).await, "InvalidParameter.PortCheckFailed");
    ok(&simulator, "CreateListener", create("UDP", &[80])).await;
    let many: Vec<u16> = (1000..1050).collect();
    let error = call(&simulator, "CreateListener", create("TCP", &many)).await.expect_err("too many");
    assert!(error.message.contains("Length of .Ports should be less than 50"), "{}", error.message);
    assert_eq!(code(&simulator, "CreateListener", create("SCTP", &[1])).await, "InvalidParameterValue");
    assert_eq!(code(&simulator, "CreateListener", create("TCP", &[0])).await, "InvalidParameterValue.Range");
    assert_eq!(code(&simulator, "CreateListener", create("HTTPS", &[443])).await, "MissingParameter");
}

#[tokio::test]
async fn a_change_of_a_listener_leaves_the_rest_as_it_is() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let this = json!({"ListenerId": route.listener.as_str()});
    let change = json!({"ListenerName": "new", "HealthCheck": {"UnHealthNum": 5}, "Scheduler": "LEAST_CONN"});
    ok(&simulator, "ModifyListener", with(change, &this)).await;
    let shown = ok(&simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test"})).await["Listeners"][0].take();
    assert_eq!((&shown["ListenerName"], &shown["Scheduler"]), (&json!("new"), &json!("LEAST_CONN")));
    assert_eq!(shown["HealthCheck"]["UnHealthNum"], 5);
    assert_eq!(shown["HealthCheck"]["HealthNum"], 3);
    let wrong = json!({"HealthCheck": {"TimeOut": 9}});
    assert_eq!(code(&simulator, "ModifyListener", with(wrong, &this)).await, "InvalidParameterValue");
}

#[tokio::test]
async fn one_unknown_listener_fails_a_deletion_and_no_listener_means_all() {
    let (simulator, lb) = simulator();
    let routes = [80, 81, 82].map(|port| listener(&simulator, &lb, Protocol::Tcp, port));
    let delete = |ids: &[&str]| json!({"LoadBalancerId": "lb-test", "ListenerIds": ids});
    let left = || simulator.console(|state| state.listeners(&lb).len());
    let known = routes[0].listener.as_str();
    let error = call(&simulator, "DeleteLoadBalancerListeners", delete(&[known, "lbl-no"])).await;
    let error = error.expect_err("one is unknown");
    assert_eq!(error.code, "InvalidParameter");
    assert!(error.message.contains("some ListenerId") && error.message.contains("lbl-no"), "{}", error.message);
    assert_eq!(left(), 3);
    ok(&simulator, "DeleteLoadBalancerListeners", delete(&[known])).await;
    assert_eq!(left(), 2);
    ok(&simulator, "DeleteListener", json!({"LoadBalancerId": "lb-test", "ListenerId": routes[1].listener.as_str()}))
        .await;
    assert_eq!(left(), 1);
    listener(&simulator, &lb, Protocol::Udp, 80);
    ok(&simulator, "DeleteLoadBalancerListeners", json!({"LoadBalancerId": "lb-test"})).await;
    assert_eq!(left(), 0);
}

#[tokio::test]
async fn targets_come_and_go_one_listener_at_a_time() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let this = json!({"ListenerId": route.listener.as_str()});
    let targets = |all: Value| with(json!({"Targets": all}), &this);
    let registered = || async {
        let shown = ok(&simulator, "DescribeTargets", json!({"LoadBalancerId": "lb-test"})).await;
        let listener = &shown["Listeners"][0];
        assert_eq!(listener["Rules"], json!(null));
        let show = |target: &Value| {
            let text = format!("{}:{} {}", target["PrivateIpAddresses"][0], target["Port"], target["Weight"]);
            text.replace('"', "")
        };
        listener["Targets"].as_array().expect("targets").iter().map(show).collect::<Vec<_>>()
    };
    let two = json!([{"EniIp": "10.9.0.1", "Port": 80, "Tag": "mine"}, {"EniIp": "10.9.0.2", "Port": 80, "Weight": 0}]);
    ok(&simulator, "RegisterTargets", targets(two)).await;
    assert_eq!(registered().await, ["10.9.0.1:80 10", "10.9.0.2:80 0"]);
    ok(&simulator, "RegisterTargets", targets(json!([{"EniIp": "10.9.0.1", "Port": 80, "Weight": 77}]))).await;
    assert_eq!(registered().await, ["10.9.0.1:80 10", "10.9.0.2:80 0"]);
    let by_tag = json!({"LoadBalancerId": "lb-test", "Filters": [{"Name": "tag", "Values": ["mine"]}]});
    let tagged = ok(&simulator, "DescribeTargets", by_tag).await["Listeners"][0]["Targets"].take();
    assert_eq!((tagged.as_array().map(Vec::len), &tagged[0]["Tag"]), (Some(1), &json!("mine")));
    let twice = json!([{"EniIp": "10.9.0.3", "Port": 80}, {"EniIp": "10.9.0.3", "Port": 80}]);
    assert_eq!(code(&simulator, "RegisterTargets", targets(twice)).await, "InvalidParameterValue.Duplicate");
    let many: Vec<_> = (1..=21).map(|port| json!({"EniIp": "10.9.0.4", "Port": port})).collect();
    assert_eq!(code(&simulator, "RegisterTargets", targets(json!(many))).await, "InvalidParameterValue.Length");
    let half = json!([{"EniIp": "10.9.0.1", "Port": 80}, {"EniIp": "10.9.0.9", "Port": 80}]);
    assert_eq!(code(&simulator, "DeregisterTargets", targets(half)).await, "InvalidParameter");
    ok(&simulator, "DeregisterTargets", targets(json!([{"EniIp": "10.9.0.1", "Port": 80}]))).await;
    assert_eq!(registered().await, ["10.9.0.2:80 0"]);
}

#[tokio::test]
async fn a_target_needs_an_address_a_port_and_a_weight_within_bounds() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let register = |target: Value| json!({"LoadBalancerId": "lb-test", "ListenerId": route.listener.as_str(), "Targets": [target]});
    let cases = [
        (json!({"Port": 80}), "MissingParameter"),
        (json!({"EniIp": "10.0.0.1"}), "MissingParameter"),
        (json!({"EniIp": "pod", "Port": 80}), "InvalidParameterValue"),
        (json!({"EniIp": "fd00::1", "Port": 80}), "InvalidParameterValue"),
        (json!({"InstanceId": "ins-1", "Port": 80}), "InvalidParameterValue"),
        (json!({"EniIp": "10.0.0.1", "Port": 0}), "InvalidParameterValue.Range"),
        (json!({"EniIp": "10.0.0.1", "Port": 80, "Weight": 101}), "InvalidParameterValue.Range"),
        (json!({"EniIp": "10.0.0.1", "Port": 80, "Weight": -1}), "InvalidParameterValue.Range"),
        (json!({"EniIp": "10.0.0.1", "Port": "80"}), "InvalidParameter.FormatError"),
    ];
    for (target, expected) in cases {
        assert_eq!(code(&simulator, "RegisterTargets", register(target.clone())).await, expected, "{target}");
    }
}

#[tokio::test]
async fn weights_and_tags_change_and_ports_move() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let id = route.listener.as_str();
    let targets = json!([{"EniIp": "10.9.0.1", "Port": 80}, {"EniIp": "10.9.0.2", "Port": 80}]);
    ok(&simulator, "RegisterTargets", with(json!({"ListenerId": id, "Targets": targets}), &json!({}))).await;
    let weights = || simulator.console(|state| state.targets(&lb)[&route].iter().map(|t| t.weight).collect::<Vec<_>>());
    let one = json!({"ListenerId": id, "Weight": 5, "Targets": [{"EniIp": "10.9.0.1", "Port": 80}]});
    ok(&simulator, "ModifyTargetWeight", with(one, &json!({}))).await;
    assert_eq!(weights(), [5, 10]);
    let own = json!([{"EniIp": "10.9.0.1", "Port": 80, "Weight": 0}, {"EniIp": "10.9.0.2", "Port": 80}]);
    let batch = json!({"ModifyList": [{"ListenerId": id, "Weight": 50, "Targets": own}]});
    ok(&simulator, "BatchModifyTargetWeight", with(batch, &json!({}))).await;
    assert_eq!(weights(), [0, 50]);
    let missing = json!({"ModifyList": [{"ListenerId": id, "Targets": [{"EniIp": "10.9.0.7", "Port": 80}]}]});
    assert_eq!(code(&simulator, "BatchModifyTargetWeight", with(missing, &json!({}))).await, "InvalidParameter");
    let many: Vec<_> = (1..=51).map(|port| json!({"EniIp": "10.9.0.1", "Port": port})).collect();
    let long = json!({"ModifyList": [{"ListenerId": id, "Targets": many}]});
    let long = code(&simulator, "BatchModifyTargetWeight", with(long, &json!({}))).await;
    assert_eq!(long, "InvalidParameterValue.Length");
    let tag = json!({"ModifyList": [{"ListenerId": id, "Tag": "t", "Targets": [{"EniIp": "10.9.0.2", "Port": 80}]}]});
    ok(&simulator, "BatchModifyTargetTag", with(tag, &json!({}))).await;
    assert_eq!(simulator.console(|state| state.targets(&lb)[&route][1].tag.clone()), "t");
    let moved = json!({"ListenerId": id, "NewPort": 81, "Targets": [{"EniIp": "10.9.0.2", "Port": 80}]});
    ok(&simulator, "ModifyTargetPort", with(moved, &json!({}))).await;
    let after = simulator.console(|state| state.targets(&lb)[&route][1].clone());
    assert_eq!((after.address.port, after.weight, after.tag.as_str()), (81, 50, "t"));
}

#[tokio::test]
async fn one_backend_cannot_be_behind_two_listeners_of_a_protocol() {
    let (simulator, lb) = simulator();
    let [first, second] = [80, 81].map(|port| listener(&simulator, &lb, Protocol::Tcp, port));
    let other = listener(&simulator, &lb, Protocol::Udp, 80);
    let one = |listener: &str| json!({"LoadBalancerId": "lb-test", "ListenerId": listener, "Targets": [{"EniIp": "10.9.0.1", "Port": 80}]});
    ok(&simulator, "RegisterTargets", one(first.listener.as_str())).await;
    assert_eq!(code(&simulator, "RegisterTargets", one(second.listener.as_str())).await, "FailedOperation");
    ok(&simulator, "RegisterTargets", one(other.listener.as_str())).await;
    let batch = json!({"LoadBalancerId": "lb-test", "Targets": [
        {"ListenerId": second.listener.as_str(), "EniIp": "10.9.0.1", "Port": 80},
        {"ListenerId": first.listener.as_str(), "EniIp": "10.9.0.2", "Port": 80},
    ]});
    let answer = ok(&simulator, "BatchRegisterTargets", batch).await;
    assert_eq!(answer["FailListenerIdSet"], json!([second.listener.as_str()]));
    assert!(answer["Message"].as_str().is_some_and(|text| text.contains("10.9.0.1:80")), "{answer}");
    let counts = simulator.console(|state| {
        let targets = state.targets(&lb);
        [&first, &second, &other].map(|route| targets[route].len())
    });
    assert_eq!(counts, [2, 0, 1]);
}

#[tokio::test]
async fn batches_are_refused_as_a_whole_for_what_does_not_exist() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let id = route.listener.as_str();
    let batch = |targets: Value| json!({"LoadBalancerId": "lb-test", "Targets": targets});
    let good = json!({"ListenerId": id, "EniIp": "10.9.0.1", "Port": 80});
    let stranger = json!({"ListenerId": "lbl-no", "EniIp": "10.9.0.1", "Port": 80});
    let with_rule = json!({"ListenerId": id, "LocationId": "loc-no", "EniIp": "10.9.0.1", "Port": 80});
    let many: Vec<_> = (1..=501).map(|port| json!({"ListenerId": id, "EniIp": "10.9.0.1", "Port": port})).collect();
    let cases = [
        ("BatchRegisterTargets", json!([good, stranger]), "InvalidParameter.ListenerIdNotFound"),
        ("BatchRegisterTargets", json!([with_rule]), "InvalidParameter.ProtocolCheckFailed"),
        ("BatchRegisterTargets", json!(many), "InvalidParameterValue.Length"),
        ("BatchRegisterTargets", json!([]), "InvalidParameterValue.Length"),
        ("BatchDeregisterTargets", json!([good]), "InvalidParameter"),
    ];
    for (action, targets, expected) in cases {
        assert_eq!(code(&simulator, action, batch(targets)).await, expected);
    }
    assert!(simulator.console(|state| state.targets(&lb)[&route].is_empty()));
}

#[tokio::test]
async fn targets_that_replies_describe_are_counted_by_action() {
    let (simulator, lb) = simulator();
    let (http, tcp) =
        (listener(&simulator, &lb, Protocol::Http, 80).listener, listener(&simulator, &lb, Protocol::Tcp, 81));
    let rule = simulator.console(|state| state.add_rule(&lb, &http, "a.example", "/")).expect("a rule");
    let rule = Route { listener: http, rule: Some(rule) };
    for (route, count) in [(&rule, 2), (&tcp, 3)] {
        for last in 1..=count {
            put(&simulator, &lb, route, Address { ip: [10, 9, 0, last].into(), port: 80 }, 10);
        }
    }
    let all = json!({"LoadBalancerId": "lb-test"});
    ok(&simulator, "DescribeTargets", all.clone()).await;
    ok(&simulator, "DescribeTargets", with(json!({}), &json!({"ListenerIds": [tcp.listener.as_str()]}))).await;
    ok(&simulator, "DescribeTargetHealth", json!({"LoadBalancerIds": ["lb-test"]})).await;
    ok(&simulator, "DescribeListeners", all).await;
    let described = [("DescribeTargetHealth".to_owned(), 5), ("DescribeTargets".to_owned(), 5 + 3)];
    assert_eq!(simulator.described(), described.into());
    simulator.reset_calls();
    assert!(simulator.described().is_empty());
}
