//! Settings of listeners that are shown as flags, and those that may not be shown at all.

use serde_json::{Value, json};
use tke_direct_access::model::Attribute;
use tke_direct_access::sim::{Departure, Settings, Simulator};

use crate::support::{client, ok, simulator_with};

async fn flags(simulator: &Simulator) -> Value {
    ok(simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test"})).await["Listeners"][0]["AttrFlags"].take()
}

/// A TCP_SSL listener with all switches on, and a change that switches two of them off.
async fn create(simulator: &Simulator) -> Value {
    let listener = json!({
        "LoadBalancerId": "lb-test", "Ports": [443], "Protocol": "TCP_SSL", "Certificate": {"CertId": "cert-one"},
        "SnatEnable": true, "ProxyProtocol": true, "RescheduleTargetZeroWeight": true, "RescheduleUnhealthy": true,
        "RescheduleExpandTarget": true,
    });
    let id = ok(simulator, "CreateListener", listener).await["ListenerIds"][0].take();
    json!({"LoadBalancerId": "lb-test", "ListenerId": id, "ProxyProtocol": false, "RescheduleUnhealthy": false})
}

#[tokio::test]
async fn switches_that_are_on_are_flags() {
    let (simulator, lb) = simulator_with(Settings::instant());
    let change = create(&simulator).await;
    let on =
        ["SnatEnable", "ProxyProtocol", "RescheduleTargetZeroWeight", "RescheduleUnhealthy", "RescheduleExpandTarget"];
    assert_eq!(flags(&simulator).await, json!(on));
    let told = async || client(&simulator).listeners(&lb).await.expect("a read").remove(0).attributes;
    assert_eq!(told().await.switch(Attribute::ProxyProtocol), Some(true));
    ok(&simulator, "ModifyListener", change).await;
    assert_eq!(flags(&simulator).await, json!(["SnatEnable", "RescheduleTargetZeroWeight", "RescheduleExpandTarget"]));
    let told = told().await;
    assert_eq!((told.switch(Attribute::Snat), told.switch(Attribute::ProxyProtocol)), (Some(true), None));
    let h2c = json!({"LoadBalancerId": "lb-test", "Ports": [80], "Protocol": "HTTP", "H2cSwitch": true});
    ok(&simulator, "CreateListener", h2c).await;
    let shown = ok(&simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test", "Port": 80})).await;
    assert_eq!(shown["Listeners"][0]["AttrFlags"], json!(["H2cSwitch"]));
}

#[tokio::test]
async fn a_cloud_that_hides_flags_shows_only_that_a_listener_is_stopped() {
    let settings = Settings { dialect: [Departure::FlagsHidden].into(), ..Settings::instant() };
    let (simulator, lb) = simulator_with(settings);
    let created = create(&simulator).await;
    assert_eq!(flags(&simulator).await, json!([]));
    let stop = json!({"LoadBalancerId": "lb-test", "ListenerIds": [created["ListenerId"]], "OperationType": "Stop"});
    ok(&simulator, "SetLoadBalancerStartStatus", stop).await;
    assert_eq!(flags(&simulator).await, json!(["Stop"]));
    let found = client(&simulator).listeners(&lb).await.expect("a read").remove(0);
    assert_eq!(found.state, tke_direct_access::model::ListenerState::Stopped);
    assert_eq!((found.attributes.get(Attribute::Snat), found.attributes.get(Attribute::ProxyProtocol)), (None, None));
}
