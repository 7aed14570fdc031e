//! Load balancers through the API.

use std::time::Duration;

use serde_json::{Value, json};
use tke_direct_access::model::{Address, LoadBalancerId, Protocol};
use tke_direct_access::sim::{Departure, Dialect, Effect, Fault, LoadBalancerSpec, Settings, Timing, When};

use crate::support::{call, code, ended, eventually, listener, ok, put, simulator, simulator_with, slow};

#[tokio::test]
async fn a_new_load_balancer_is_there_at_once_and_usable_later() {
    let (simulator, _) = simulator_with(slow());
    let tags = json!([{"TagKey": "owner", "TagValue": "us"}]);
    let new = json!({"LoadBalancerType": "OPEN", "LoadBalancerName": "web", "Tags": tags});
    let created = ok(&simulator, "CreateLoadBalancer", new).await;
    let id = created["LoadBalancerIds"][0].clone();
    let describe = json!({"LoadBalancerIds": [id]});
    let shown = ok(&simulator, "DescribeLoadBalancers", describe.clone()).await["LoadBalancerSet"][0].take();
    assert_eq!((&shown["Status"], &shown["Tags"]), (&json!(0), &tags));
    let listener = json!({"LoadBalancerId": id, "Ports": [80], "Protocol": "TCP"});
    assert_eq!(code(&simulator, "CreateListener", listener.clone()).await, "FailedOperation.ResourceInOperating");
    assert_eq!(ended(&simulator, &created).await, 0);
    let task = ok(&simulator, "DescribeTaskStatus", json!({"DealName": created["DealName"]})).await;
    assert_eq!(task["LoadBalancerIds"], json!([id]));
    let shown = ok(&simulator, "DescribeLoadBalancers", describe).await["LoadBalancerSet"][0].take();
    assert_eq!((&shown["Status"], &shown["LoadBalancerName"]), (&json!(1), &json!("web")));
    assert!(shown["LoadBalancerVips"][0].as_str().is_some_and(|vip| vip.starts_with("127.")), "{shown}");
    assert_eq!((&shown["NetworkAttributes"]["InternetMaxBandwidthOut"], &shown["SubnetId"]), (&json!(10), &json!("")));
    ok(&simulator, "CreateListener", listener).await;
}

#[tokio::test]
async fn a_token_makes_a_repeated_creation_the_same() {
    let (simulator, _) = simulator();
    let new = |name: &str| json!({"LoadBalancerType": "OPEN", "LoadBalancerName": name, "ClientToken": "t-1"});
    let first = ok(&simulator, "CreateLoadBalancer", new("a")).await;
    let second = ok(&simulator, "CreateLoadBalancer", new("a")).await;
    assert_eq!(first["LoadBalancerIds"], second["LoadBalancerIds"]);
    let error = code(&simulator, "CreateLoadBalancer", new("b")).await;
    assert_eq!(error, "InvalidParameter.ClientTokenLimitExceeded");
    let without = json!({"LoadBalancerType": "OPEN", "LoadBalancerName": "a"});
    let third = ok(&simulator, "CreateLoadBalancer", without).await["LoadBalancerIds"][0].clone();
    let shown = ok(&simulator, "DescribeLoadBalancers", json!({"LoadBalancerIds": [third]})).await;
    assert_ne!(shown["LoadBalancerSet"][0]["LoadBalancerName"], "a", "a name that is taken is replaced silently");
}

#[tokio::test]
async fn a_token_stands_for_its_creation_until_that_fails_or_is_gone() {
    const SPENT: &str = "InvalidParameter.ClientTokenLimitExceeded";
    let new = json!({"LoadBalancerType": "OPEN", "ClientToken": "t-1"});
    let (simulator, _) = simulator();
    let fails = Effect::FailTask { message: "no address".to_owned() };
    let fault = Fault { action: None, load_balancer: None, names: None, when: When::Next(1), effect: fails };
    simulator.inject(fault);
    let failed = ok(&simulator, "CreateLoadBalancer", new.clone()).await;
    assert_eq!(ended(&simulator, &failed).await, 1);
    assert_eq!(code(&simulator, "CreateLoadBalancer", new.clone()).await, SPENT);
    for (dialect, is_replayed) in [(Dialect::default(), false), ([Departure::TokensReplayed].into(), true)] {
        let (simulator, _) = simulator_with(Settings { dialect, ..Settings::instant() });
        let made = ok(&simulator, "CreateLoadBalancer", new.clone()).await["LoadBalancerIds"].take();
        assert_eq!(ok(&simulator, "CreateLoadBalancer", new.clone()).await["LoadBalancerIds"], made);
        ok(&simulator, "DeleteLoadBalancer", json!({"LoadBalancerIds": made})).await;
        let again = call(&simulator, "CreateLoadBalancer", new.clone()).await;
        match again {
            Ok(reply) => assert!(is_replayed && reply["LoadBalancerIds"] == made, "{reply}"),
            Err(error) => assert_eq!((is_replayed, error.code.as_str()), (false, SPENT)),
        }
    }
}

#[tokio::test]
async fn a_token_whose_order_stalls_is_refused() {
    // The scale makes ten minutes 6 ms, and the creation one that takes an hour.
    let timing =
        Timing { scale: 0.000_01, create_load_balancer: Duration::from_secs(360_000_000), ..Timing::default() };
    let (simulator, _) = simulator_with(Settings { timing, ..Settings::instant() });
    let new = json!({"LoadBalancerType": "OPEN", "ClientToken": "t-1"});
    ok(&simulator, "CreateLoadBalancer", new.clone()).await;
    let refused = async || call(&simulator, "CreateLoadBalancer", new.clone()).await.err();
    assert_eq!(eventually("the end", refused).await.code, "InvalidParameter.ClientTokenLimitExceeded");
}

#[tokio::test]
async fn what_was_asked_for_is_shown() {
    let (simulator, _) = simulator();
    let new = json!({
        "LoadBalancerType": "OPEN", "VipIsp": "CMCC", "ProjectId": 7, "SlaType": "clb.c3.small", "Vip": "10.0.0.50",
        "MasterZoneId": "100003", "SlaveZoneId": "ap-guangzhou-4", "LBChargeType": "PREPAID", "SnatPro": true,
        "SnatIps": [{"SubnetId": "subnet-1"}],
    });
    let id = ok(&simulator, "CreateLoadBalancer", new.clone()).await["LoadBalancerIds"][0].take();
    let shown = ok(&simulator, "DescribeLoadBalancers", json!({"LoadBalancerIds": [id]})).await;
    let shown = &shown["LoadBalancerSet"][0];
    let texts = [("VipIsp", "CMCC"), ("SlaType", "clb.c3.small"), ("ChargeType", "PREPAID")];
    for (member, expected) in texts {
        assert_eq!(shown[member], expected, "{member}");
    }
    assert_eq!((&shown["ProjectId"], &shown["LoadBalancerVips"]), (&json!(7), &json!(["10.0.0.50"])));
    let zones = (&shown["MasterZone"]["ZoneId"], &shown["MasterZone"]["Zone"], &shown["BackupZoneSet"][0]["Zone"]);
    assert_eq!(zones, (&json!(100_003), &json!("ap-guangzhou-3"), &json!("ap-guangzhou-4")));
    assert_eq!(shown["SnatIps"][0]["SubnetId"], "subnet-1");
    assert_eq!(code(&simulator, "CreateLoadBalancer", new).await, "InvalidParameterValue", "the address is taken");
}

#[tokio::test]
async fn a_slow_creation_names_its_ids_by_its_task() {
    let (simulator, _) = simulator_with(Settings { dialect: [Departure::IdsLate].into(), ..Settings::instant() });
    let created = ok(&simulator, "CreateLoadBalancer", json!({"LoadBalancerType": "OPEN"})).await;
    assert_eq!(created["LoadBalancerIds"], json!([]));
    let task = ok(&simulator, "DescribeTaskStatus", json!({"TaskId": created["RequestId"]})).await;
    assert_eq!((&task["Status"], task["LoadBalancerIds"].as_array().map(Vec::len)), (&json!(0), Some(1)));
}

#[tokio::test]
async fn names_of_load_balancers_have_no_other_characters() {
    let refused = async |dialect: Dialect, name: &str| {
        let (simulator, _) = simulator_with(Settings { dialect, ..Settings::instant() });
        let new = json!({"LoadBalancerType": "OPEN", "LoadBalancerName": name});
        let change = json!({"LoadBalancerId": "lb-test", "LoadBalancerName": name});
        let creation = call(&simulator, "CreateLoadBalancer", new).await.err();
        let change = call(&simulator, "ModifyLoadBalancerAttributes", change).await.err();
        assert_eq!(creation, change);
        creation.map(|error| error.code)
    };
    let invalid = Some("InvalidParameterValue".to_owned());
    for (name, expected) in
        [("web_1-a", None), ("负载均衡", None), ("web.1", None), ("a/b", invalid.clone()), ("a b", invalid.clone())]
    {
        assert_eq!(refused(Dialect::default(), name).await, expected, "{name}");
    }
    assert_eq!(refused([Departure::DotsRefused].into(), "web.1").await, invalid);
}

#[tokio::test]
async fn creations_are_checked() {
    let (simulator, _) = simulator();
    let cases = [
        (json!({}), "MissingParameter"),
        (json!({"LoadBalancerType": "SECRET"}), "InvalidParameterValue"),
        (json!({"LoadBalancerType": "INTERNAL", "VpcId": "vpc-1"}), "MissingParameter"),
        (json!({"LoadBalancerType": "OPEN", "SubnetId": "subnet-1"}), "InvalidParameterValue"),
        (json!({"LoadBalancerType": "OPEN", "Number": 21}), "InvalidParameterValue.Range"),
        (json!({"LoadBalancerType": "OPEN", "LoadBalancerName": ""}), "InvalidParameterValue.Length"),
        (json!({"LoadBalancerType": "OPEN", "AddressIPVersion": "IPv6FullChain"}), "MissingParameter"),
        (json!({"LoadBalancerType": "OPEN", "AddressIPVersion": "IPv5"}), "InvalidParameterValue"),
    ];
    for (parameters, expected) in cases {
        assert_eq!(code(&simulator, "CreateLoadBalancer", parameters.clone()).await, expected, "{parameters}");
    }
}

#[tokio::test]
async fn load_balancers_are_found_by_tag_name_and_page() {
    let (simulator, _) = simulator();
    for nth in 0..25 {
        let spec = LoadBalancerSpec {
            name: Some(format!("web-{nth}")),
            tags: vec![("nth".into(), nth.to_string())],
            ..LoadBalancerSpec::default()
        };
        simulator.create_load_balancer(&spec).expect("a load balancer");
    }
    let count = |parameters: Value| {
        let simulator = &simulator;
        async move {
            let found = ok(simulator, "DescribeLoadBalancers", parameters).await;
            (found["TotalCount"].as_u64(), found["LoadBalancerSet"].as_array().map(Vec::len))
        }
    };
    assert_eq!(count(json!({})).await, (Some(26), Some(20)));
    assert_eq!(count(json!({"Offset": 20, "Limit": 100})).await, (Some(26), Some(6)));
    let by_tag = json!({"Filters": [{"Name": "tag:nth", "Values": ["3", "4"]}]});
    assert_eq!(count(by_tag).await, (Some(2), Some(2)));
    assert_eq!(count(json!({"LoadBalancerName": "web-1"})).await, (Some(11), Some(11)));
    let strange = json!({"Filters": [{"Name": "colour", "Values": ["red"]}]});
    assert_eq!(code(&simulator, "DescribeLoadBalancers", strange).await, "InvalidParameterValue.InvalidFilter");
}

#[tokio::test]
async fn attributes_are_changed() {
    let (simulator, _) = simulator();
    let change = json!({"LoadBalancerId": "lb-test", "SnatPro": true, "LoadBalancerName": "n", "DeleteProtect": true});
    ok(&simulator, "ModifyLoadBalancerAttributes", change).await;
    let groups = json!({"LoadBalancerId": "lb-test", "SecurityGroups": ["sg-1"]});
    ok(&simulator, "SetLoadBalancerSecurityGroups", groups).await;
    let more = json!({"LoadBalancerId": "lb-test", "SnatIps": [{"SubnetId": "subnet-1"}], "Number": 2});
    ok(&simulator, "CreateLoadBalancerSnatIps", more).await;
    let shown = ok(&simulator, "DescribeLoadBalancers", json!({})).await["LoadBalancerSet"][0].take();
    assert_eq!((&shown["SnatPro"], &shown["LoadBalancerName"]), (&json!(true), &json!("n")));
    assert_eq!((&shown["SecureGroups"], &shown["AttributeFlags"]), (&json!(["sg-1"]), &json!(["DeleteProtect"])));
    let ip = shown["SnatIps"][1]["Ip"].clone();
    ok(&simulator, "DeleteLoadBalancerSnatIps", json!({"LoadBalancerId": "lb-test", "Ips": [ip]})).await;
    let again = json!({"LoadBalancerId": "lb-test", "Ips": [ip]});
    assert_eq!(code(&simulator, "DeleteLoadBalancerSnatIps", again).await, "InvalidParameter");
    let deletion = json!({"LoadBalancerIds": ["lb-test"]});
    assert_eq!(code(&simulator, "DeleteLoadBalancer", deletion).await, "OperationDenied");
}

#[tokio::test]
async fn a_deletion_takes_everything_or_nothing() {
    let (simulator, lb) = simulator();
    let both = json!({"LoadBalancerIds": ["lb-test", "lb-no"]});
    assert_eq!(code(&simulator, "DeleteLoadBalancer", both).await, "InvalidParameter.LBIdNotFound");
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    for last in 1..=20 {
        let ip = std::net::IpAddr::from([10, 9, 9, last]);
        put(&simulator, &lb, &route, tke_direct_access::model::Address { ip, port: 80 }, 10);
    }
    let one = json!({"LoadBalancerIds": ["lb-test"]});
    assert_eq!(code(&simulator, "DeleteLoadBalancer", one.clone()).await, "FailedOperation.TargetNumCheckRisk");
    ok(&simulator, "DeleteLoadBalancer", json!({"LoadBalancerIds": ["lb-test"], "ForceDelete": true})).await;
    assert_eq!(code(&simulator, "DeleteLoadBalancer", one).await, "InvalidParameter.LBIdNotFound");
    eventually("the listener to end", async || simulator.data_plane(&lb, Protocol::Tcp, 80).is_none().then_some(()))
        .await;
}

#[tokio::test]
async fn an_isolated_load_balancer_refuses_writes() {
    let (simulator, lb) = simulator();
    simulator.console(|state| state.set_isolated(&lb, true)).expect("it exists");
    let create = json!({"LoadBalancerId": "lb-test", "Ports": [80], "Protocol": "TCP"});
    assert_eq!(code(&simulator, "CreateListener", create).await, "FailedOperation.InvalidLBStatus");
    let shown = call(&simulator, "DescribeLoadBalancers", json!({})).await.expect("reads work");
    assert_eq!(shown["LoadBalancerSet"][0]["Isolation"], 1);
}

#[tokio::test]
async fn load_balancers_of_two_simulators_have_different_addresses() {
    let (one, lb) = simulator();
    let (two, _) = simulator_with(Settings::instant());
    let address = |simulator: &tke_direct_access::sim::Simulator| {
        simulator.console(|state| state.load_balancer(&LoadBalancerId::new("lb-test")).map(|lb| lb.vip))
    };
    assert_ne!(address(&one), address(&two));
    listener(&one, &lb, Protocol::Tcp, 80);
    listener(&two, &lb, Protocol::Tcp, 80);
    let fronts = (one.data_plane(&lb, Protocol::Tcp, 80), two.data_plane(&lb, Protocol::Tcp, 80));
    assert!(fronts.0.is_some() && fronts.1.is_some() && fronts.0 != fronts.1, "{fronts:?}");
}

#[tokio::test]
async fn load_balancers_are_found_by_what_is_in_them_and_around_them() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    simulator
        .console(|state| state.put_target(&lb, &route, Address { ip: [10, 9, 0, 1].into(), port: 80 }, 10, ""))
        .expect("a target");
    let new = json!({"LoadBalancerType": "OPEN", "MasterZoneId": "100003", "ProjectId": 7});
    let id = ok(&simulator, "CreateLoadBalancer", new).await["LoadBalancerIds"][0].take();
    let found = async |parameters: Value| {
        let reply = ok(&simulator, "DescribeLoadBalancers", parameters).await;
        let ids = reply["LoadBalancerSet"].as_array().cloned().unwrap_or_default();
        ids.into_iter().map(|mut one| one["LoadBalancerId"].take()).collect::<Vec<_>>()
    };
    let by = |name: &str, value: &str| json!({"Filters": [{"Name": name, "Values": [value]}]});
    let (old, new, both) = (vec![json!("lb-test")], vec![id.clone()], 2);
    assert_eq!(found(json!({"BackendPrivateIps": ["10.9.0.1"]})).await, old);
    assert_eq!(found(json!({"BackendPublicIps": ["10.9.0.1"]})).await, Vec::<Value>::new());
    assert_eq!(found(json!({"MasterZone": "ap-guangzhou-3"})).await, new);
    assert_eq!(found(json!({"ProjectId": 7})).await, new);
    assert_eq!(found(by("master-zone-id", "100003")).await, new);
    assert_eq!(found(by("internet-charge-type", "TRAFFIC_POSTPAID_BY_HOUR")).await.len(), both);
    assert_eq!(found(by("exclusive", "0")).await.len(), both);
    assert_eq!(found(by("exclusive", "1")).await, Vec::<Value>::new());
    let values: Vec<_> = (0..101).map(|number| number.to_string()).collect();
    let filters: Vec<_> = (0..11).map(|_| json!({"Name": "exclusive", "Values": ["0"]})).collect();
    for too_many in [json!([{"Name": "exclusive", "Values": values}]), json!(filters)] {
        let refused = code(&simulator, "DescribeLoadBalancers", json!({"Filters": too_many})).await;
        assert_eq!(refused, "InvalidParameterValue.Length");
    }
}

#[tokio::test]
async fn an_action_may_be_denied() {
    let denied_actions = ["CreateListener".to_owned()].into();
    let (simulator, lb) = simulator_with(Settings { denied_actions, ..Settings::instant() });
    let create = json!({"LoadBalancerId": "lb-test", "Ports": [80], "Protocol": "TCP"});
    assert_eq!(code(&simulator, "CreateListener", create).await, "UnauthorizedOperation");
    ok(&simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test"})).await;
    assert_eq!(simulator.console(|state| state.listeners(&lb).len()), 0);
}

#[tokio::test]
async fn a_region_that_cannot_be_is_refused() {
    let (simulator, _) = simulator();
    let to =
        |region: &str| json!({"LoadBalancerId": "lb-test", "TargetRegionInfo": {"Region": region, "VpcId": "vpc-1"}});
    ok(&simulator, "ModifyLoadBalancerAttributes", to("ap-shanghai")).await;
    let refused = code(&simulator, "ModifyLoadBalancerAttributes", to("Shanghai")).await;
    assert_eq!(refused, "InvalidParameter.RegionNotFound");
}
