//! Rules of layer-7 listeners through the API.

use serde_json::{Value, json};
use tke_direct_access::model::Protocol;

use crate::support::{call, code, listener, ok, simulator};

#[tokio::test]
async fn rules_are_made_changed_and_deleted() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Http, 80);
    let id = route.listener.as_str();
    let with = |more: Value| {
        let mut parameters = json!({"LoadBalancerId": "lb-test", "ListenerId": id});
        parameters.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        parameters
    };
    let rules = || async {
        ok(&simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test"})).await["Listeners"][0]["Rules"].take()
    };
    let two = json!({"Rules": [{"Domain": "a.example", "Url": "/"}, {"Domain": "b.example", "Url": "/x"}]});
    let made = ok(&simulator, "CreateRule", with(two)).await["LocationIds"].take();
    let shown = rules().await;
    assert_eq!((&shown[0]["LocationId"], &shown[0]["DefaultServer"]), (&made[0], &json!(true)));
    assert_eq!((&shown[1]["Domains"], &shown[1]["DefaultServer"]), (&json!(["b.example"]), &json!(false)));
    assert_eq!(shown[0]["HealthCheck"]["HttpCheckDomain"], "a.example");
    let again = json!({"Rules": [{"Domain": "a.example", "Url": "/"}]});
    assert_eq!(code(&simulator, "CreateRule", with(again)).await, "InvalidParameter");
    let change = json!({"LocationId": made[1], "Url": "/y", "Scheduler": "IP_HASH"});
    ok(&simulator, "ModifyRule", with(change)).await;
    assert_eq!((&rules().await[1]["Url"], &rules().await[1]["Scheduler"]), (&json!("/y"), &json!("IP_HASH")));
    ok(&simulator, "ModifyDomainAttributes", with(json!({"Domain": "b.example", "NewDomain": "c.example"}))).await;
    ok(&simulator, "ModifyDomainAttributes", with(json!({"Domain": "c.example", "DefaultServer": true}))).await;
    let shown = rules().await;
    assert_eq!((&shown[1]["Domain"], &shown[1]["DefaultServer"]), (&json!("c.example"), &json!(true)));
    assert_eq!(shown[0]["DefaultServer"], false);
    assert_eq!(code(&simulator, "DeleteRule", with(json!({"LocationIds": [made[1]]}))).await, "InvalidParameterValue");
    let with_heir = json!({"LocationIds": [made[1]], "NewDefaultServerDomain": "a.example"});
    ok(&simulator, "DeleteRule", with(with_heir)).await;
    ok(&simulator, "DeleteRule", with(json!({"Domain": "a.example"}))).await;
    assert_eq!(rules().await, json!([]));
    let missing = code(&simulator, "DeleteRule", with(json!({"LocationIds": ["loc-no"]}))).await;
    assert_eq!(missing, "InvalidParameter.LocationNotFound");
}

#[tokio::test]
async fn rules_need_a_layer_7_listener() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let rule = json!({
        "LoadBalancerId": "lb-test", "ListenerId": route.listener.as_str(),
        "Rules": [{"Domain": "a.example", "Url": "/"}],
    });
    let error = call(&simulator, "CreateRule", rule).await.expect_err("no layer 7");
    assert_eq!(error.code, "InvalidParameterValue");
    assert!(error.message.contains("only support HTTP/HTTPS listener"), "{}", error.message);
}

#[tokio::test]
async fn targets_of_layer_7_belong_to_a_rule() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Http, 80);
    let id = route.listener.as_str();
    let rule = simulator.console(|state| state.add_rule(&lb, &route.listener, "a.example", "/")).expect("a rule");
    let target = json!([{"EniIp": "10.9.0.1", "Port": 80}]);
    let bare = json!({"LoadBalancerId": "lb-test", "ListenerId": id, "Targets": target});
    assert_eq!(code(&simulator, "RegisterTargets", bare).await, "MissingParameter");
    let by_domain = json!({
        "LoadBalancerId": "lb-test", "ListenerId": id, "Targets": target, "Domain": "a.example", "Url": "/",
    });
    ok(&simulator, "RegisterTargets", by_domain).await;
    let by_id = json!({"LoadBalancerId": "lb-test", "Targets": [
        {"ListenerId": id, "LocationId": rule.as_str(), "EniIp": "10.9.0.2", "Port": 80},
    ]});
    ok(&simulator, "BatchRegisterTargets", by_id).await;
    let shown = ok(&simulator, "DescribeTargets", json!({"LoadBalancerId": "lb-test"})).await["Listeners"][0].take();
    assert_eq!((&shown["Targets"], shown["Rules"][0]["Targets"].as_array().map(Vec::len)), (&json!(null), Some(2)));
    let health = ok(&simulator, "DescribeTargetHealth", json!({"LoadBalancerIds": ["lb-test"]})).await;
    let shown = &health["LoadBalancers"][0]["Listeners"][0]["Rules"][0];
    assert_eq!((&shown["LocationId"], &shown["Domain"]), (&json!(rule.as_str()), &json!("a.example")));
    let unknown = json!({"LoadBalancerId": "lb-test", "Targets": [
        {"ListenerId": id, "LocationId": "loc-no", "EniIp": "10.9.0.3", "Port": 80},
    ]});
    assert_eq!(code(&simulator, "BatchRegisterTargets", unknown).await, "InvalidParameter.LocationNotFound");
}

#[tokio::test]
async fn listeners_of_layer_7_take_what_belongs_to_rules_without_effect() {
    let (simulator, _) = simulator();
    for (protocol, port) in [("HTTP", 80), ("HTTPS", 443)] {
        let check = json!({"HealthSwitch": 1, "CheckType": "PING"});
        let mut create = json!({"LoadBalancerId": "lb-test", "Ports": [port], "Protocol": protocol, "Scheduler": "WRR", "HealthCheck": check});
        if protocol == "HTTPS" {
            create["Certificate"] = json!({"CertId": "cert-one"});
        }
        let id = ok(&simulator, "CreateListener", create).await["ListenerIds"][0].take();
        let change =
            json!({"LoadBalancerId": "lb-test", "ListenerId": id, "Scheduler": "LEAST_CONN", "HealthCheck": check});
        ok(&simulator, "ModifyListener", change).await;
        let shown = ok(&simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test", "Port": port})).await;
        let shown = &shown["Listeners"][0];
        assert_eq!((&shown["Scheduler"], &shown["HealthCheck"]), (&Value::Null, &Value::Null), "{protocol}");
    }
}

#[tokio::test]
async fn whether_a_domain_speaks_quic_is_shown() {
    let (simulator, _) = simulator();
    let create = json!({"LoadBalancerId": "lb-test", "Ports": [443], "Protocol": "HTTPS", "Certificate": {"CertId": "cert-one"}});
    let id = ok(&simulator, "CreateListener", create).await["ListenerIds"][0].take();
    let rule = json!({"LoadBalancerId": "lb-test", "ListenerId": id, "Rules": [{"Domain": "a.example", "Url": "/", "Quic": true}]});
    ok(&simulator, "CreateRule", rule).await;
    let status = async || {
        let shown = ok(&simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test"})).await;
        shown["Listeners"][0]["Rules"][0]["QuicStatus"].clone()
    };
    assert_eq!(status().await, "QUIC_ACTIVE");
    let change = json!({"LoadBalancerId": "lb-test", "ListenerId": id, "Domain": "a.example", "Quic": false});
    ok(&simulator, "ModifyDomainAttributes", change).await;
    assert_eq!(status().await, "QUIC_INACTIVE");
}
