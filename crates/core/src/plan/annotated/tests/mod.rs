mod members;
mod misfortune;
mod ports;
mod reported;
mod unheeded;

use serde_json::{Value, json};

use super::*;
use crate::model::{ServicePort, TargetPort, Transport};
use crate::plan::tests::world::World;

const ALL: Setting = Setting { acceptance: Acceptance::All, has_tke: Known::No, is_default: Known::No };

fn service(annotations: &[(&str, &str)]) -> Service {
    let mut service = World::new(&json!({})).service.unwrap();
    service.is_load_balancer = true;
    service.annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    service
}

/// A Service that says `"true"`, and this.
fn asking(annotations: &[(&str, &str)]) -> Service {
    let mut service = service(annotations);
    if !service.annotations.contains_key(names::DIRECT_ACCESS) {
        service.annotations.insert(names::DIRECT_ACCESS, "true");
    }
    service
}

/// What direct access and these annotations give where nothing is there yet.
fn reading(annotations: &[(&str, &str)]) -> ServiceIntent {
    read(&asking(annotations), ALL, None)
}

fn wished(intent: &ServiceIntent) -> &DirectAccessBindingSpec {
    match &intent.wish {
        Wish::Serve(spec, _) => spec,
        other => panic!("{other:?}: {:?}", intent.problems),
    }
}

fn spec(intent: &ServiceIntent) -> Value {
    serde_json::to_value(wished(intent)).unwrap()
}

fn faults(intent: &ServiceIntent) -> Vec<&str> {
    intent.problems.iter().map(|problem| problem.key.as_str()).collect()
}

fn unheeded(intent: &ServiceIntent) -> Vec<&str> {
    intent.unheeded.iter().map(|problem| problem.key.as_str()).collect()
}

/// The binding that was made for such a Service, whose listeners its status shows.
fn owned(service: &Service) -> DirectAccessBinding {
    let intent = read(service, ALL, None);
    let mut own = (*crate::plan::tests::world::binding(1, &json!({}))).clone();
    own.metadata.annotations =
        Some([(names::ASKED_BY.to_owned(), Origin::Annotation.as_str().to_owned())].into_iter().collect());
    own.spec = wished(&intent).clone();
    let ports = service.ports.iter().map(|port| {
        let protocol = if port.transport == Transport::Tcp { "TCP" } else { "UDP" };
        json!({"protocol": protocol, "port": port.port, "desired": 0, "healthy": 0, "registered": 0, "draining": 0, "foreign": 0})
    });
    own.status = Some(serde_json::from_value(json!({"listeners": ports.collect::<Vec<_>>()})).unwrap());
    own
}

/// A Service with two ports, and what it says of their protocols.
fn two_ports(said: &str) -> Service {
    let mut service = asking(&[(names::SPECIFY_PROTOCOL, said)]);
    let port = |port| ServicePort {
        name: format!("p{port}"),
        transport: Transport::Tcp,
        port,
        target_port: TargetPort::Number(port),
    };
    service.ports = [80, 443].map(port).to_vec();
    service
}

#[test]
fn the_service_of_the_documentation_gets_a_public_load_balancer_that_goes_with_it() {
    let reading = reading(&[]);
    assert_eq!(faults(&reading), [""; 0]);
    let spec = spec(&reading);
    assert_eq!(spec["serviceRef"]["name"], "web");
    assert_eq!(spec["loadBalancer"]["create"]["network"], "Public");
    assert_eq!(spec["deletionPolicy"], "Delete");
    assert_eq!(spec.get("listeners"), None, "one for each port, as the pipeline has it");
}

#[test]
fn who_is_taken() {
    let ours = Some(names::LOAD_BALANCER_CLASS);
    // Acceptance, class, TKE is there, annotations; whether it gets a binding, or is refused.
    let on = (names::DIRECT_ACCESS, "true");
    let skip = (names::MODE, "skip");
    let token = (names::CLIENT_TOKEN, "abc");
    type Case<'a> = (Acceptance, Option<&'a str>, Known, &'a [(&'a str, &'a str)], Option<bool>);
    let cases: [Case<'_>; 19] = [
        (Acceptance::Off, ours, Known::No, &[on], None),
        (Acceptance::OwnClass, None, Known::No, &[on], None),
        (Acceptance::OwnClass, ours, Known::Yes, &[on], Some(true)),
        (Acceptance::All, None, Known::No, &[on], Some(true)),
        (Acceptance::All, ours, Known::No, &[], None),
        (Acceptance::All, Some("other"), Known::No, &[on], None),
        (Acceptance::All, None, Known::Yes, &[on], Some(false)),
        (Acceptance::All, None, Known::Yes, &[on, skip], Some(true)),
        (Acceptance::All, ours, Known::Yes, &[on], Some(true)),
        (Acceptance::All, None, Known::No, &[on, token], Some(false)),
        (Acceptance::All, None, Known::No, &[on, token, skip], Some(true)),
        (Acceptance::All, None, Known::No, &[(names::DIRECT_ACCESS, "false")], None),
        (Acceptance::All, None, Known::No, &[(names::DIRECT_ACCESS, "yes")], None),
        // Nobody knows whether TKE is there: as where it is, for all that it might have.
        (Acceptance::All, None, Known::Unknown, &[on], Some(false)),
        (Acceptance::All, None, Known::Unknown, &[on, skip], Some(true)),
        (Acceptance::All, ours, Known::Unknown, &[on], Some(true)),
        (Acceptance::OwnClass, ours, Known::Unknown, &[on], Some(true)),
        (Acceptance::All, None, Known::Unknown, &[on, token], Some(false)),
        (Acceptance::All, None, Known::Unknown, &[], None),
    ];
    for (acceptance, class, has_tke, annotations, expected) in cases {
        let mut service = service(annotations);
        service.load_balancer_class = class.map(str::to_owned);
        let found = match read(&service, Setting { acceptance, has_tke, is_default: Known::No }, None).wish {
            Wish::None | Wish::Unclear | Wish::NotAccepted(_) | Wish::NotAsked(_) => None,
            Wish::LeftToTke => Some(false),
            Wish::Undecided if has_tke == Known::Unknown => Some(false),
            Wish::Serve(..) => Some(true),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{acceptance:?} {class:?} {has_tke:?} {annotations:?}");
    }
}

/// While nobody knows whether TKE programs the Service, or what the default is, what there is goes on and nothing new is made.
#[test]
fn what_switches_that_are_refused_leave_of_a_binding() {
    use crate::api::condition::Reason::{self, ManagedByTke, Ready};
    use HoldReason::SwitchesRefused;
    let unknown = Setting { acceptance: Acceptance::All, has_tke: Known::Unknown, is_default: Known::Unknown };
    let serves = |intent: &ServiceIntent| matches!(intent.wish, Wish::Serve(..));
    // Whether the Service says "true", who asked as the binding records it, whether it has a listener, what its condition says.
    type Case = (bool, Option<Origin>, bool, Reason, Option<HoldReason>);
    let cases: [Case; 8] = [
        (true, Some(Origin::Annotation), true, Ready, None),
        (true, Some(Origin::Annotation), true, ManagedByTke, Some(HoldReason::ManagedByTke)),
        (true, Some(Origin::Annotation), false, ManagedByTke, Some(HoldReason::ManagedByTke)),
        (true, Some(Origin::Annotation), false, Ready, Some(SwitchesRefused)),
        (false, Some(Origin::Default), true, Ready, None),
        (false, Some(Origin::Default), false, Ready, Some(SwitchesRefused)),
        (false, Some(Origin::Annotation), true, Ready, Some(SwitchesRefused)),
        (false, None, true, Ready, Some(SwitchesRefused)),
    ];
    for (says_so, origin, has_listener, reason, held) in cases {
        let mut own = owned(&asking(&[]));
        let recorded = origin.map(|origin| (names::ASKED_BY.to_owned(), origin.as_str().to_owned()));
        own.metadata.annotations = Some(recorded.into_iter().collect());
        let status = own.status.as_mut().unwrap();
        status.listeners.iter_mut().for_each(|row| row.listener_id = has_listener.then(|| "lbl-1".to_owned()));
        status.conditions = serde_json::from_value(json!([{
            "type": "Ready", "status": "True", "reason": reason.as_str(), "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]))
        .unwrap();
        let service = if says_so { asking(&[]) } else { service(&[]) };
        let intent = read(&service, unknown, Some(&own));
        let what = format!("{says_so} {origin:?} {has_listener} {reason:?}: {:?}", intent.wish);
        match held {
            None => assert!(serves(&intent), "{what}"),
            Some(held) => assert_eq!(intent.wish, Wish::Hold(held), "{what}"),
        }
        assert!(!matches!(intent.wish, Wish::Release(_)), "{what}");
    }
}

#[test]
fn where_direct_access_is_the_default_false_switches_it_off() {
    let setting = Setting { is_default: Known::Yes, ..ALL };
    assert!(matches!(read(&service(&[]), setting, None).wish, Wish::Serve(_, Origin::Default)));
    assert_eq!(read(&service(&[(names::DIRECT_ACCESS, "false")]), setting, None).wish, Wish::None);
    let cluster_ip = Service { is_load_balancer: false, ..service(&[]) };
    assert_eq!(read(&cluster_ip, setting, None).wish, Wish::None);
}

#[test]
fn what_we_wrote_ourselves_asks_for_nothing() {
    let mut service = service(&[(names::DIRECT_ACCESS, "true")]);
    service.our_annotations = vec![names::DIRECT_ACCESS.to_owned()];
    assert_eq!(read(&service, ALL, None).wish, Wish::None);
}

#[test]
fn the_load_balancer_is_the_one_that_annotations_describe() {
    let existing =
        spec(&reading(&[(names::EXISTING_LOAD_BALANCER_ID, "lb-1"), (names::CROSS_REGION_ID, "ap-beijing")]));
    assert_eq!(existing["loadBalancer"], json!({"id": "lb-1", "region": "ap-beijing"}));
    assert_eq!(existing["deletionPolicy"], "Deregister");

    let internal = spec(&reading(&[(names::INTERNAL_SUBNET_ID, "subnet-1"), (names::CROSS_VPC_ID, "vpc-2")]));
    let create = &internal["loadBalancer"]["create"];
    assert_eq!(
        (&create["network"], &create["subnetId"], &create["vpcId"]),
        (&json!("Internal"), &json!("subnet-1"), &json!("vpc-2"))
    );

    let public = spec(&reading(&[
        (names::INTERNET_CHARGE_TYPE, "BANDWIDTH_PACKAGE"),
        (names::INTERNET_MAX_BANDWIDTH_OUT, "100"),
        (names::SECURITY_GROUPS, "sg-b, sg-a"),
        (names::PASS_TO_TARGET, "true"),
        (names::LOAD_BALANCER_RETAIN, "true"),
        (
            names::EXTENSIVE_PARAMETERS,
            r#"{"AddressIPVersion":"IPV6","VipIsp":"CTCC","LoadBalancerName":"shop","SlaType":"clb.c3.small","SnatPro":true,
               "BandwidthPackageId":"bwp-1","Tags":[{"TagKey":"a","TagValue":"b"}]}"#,
        ),
    ]));
    let create = &public["loadBalancer"]["create"];
    let expected = json!({
        "network": "Public", "chargeType": "BandwidthPackage", "bandwidthMbps": 100, "ipVersion": "IPv6Nat64",
        "isp": "CTCC", "name": "shop", "slaType": "clb.c3.small", "snatPro": true, "bandwidthPackageId": "bwp-1",
        "tags": [{"key": "a", "value": "b"}], "passToTarget": true, "securityGroups": ["sg-a", "sg-b"],
    });
    assert_eq!(create, &expected);
    assert_eq!(public["deletionPolicy"], "Deregister");
}

#[test]
fn what_creation_does_not_need_is_named_and_the_rest_is_followed() {
    let cases = [
        (names::SERVICE_CONFIG_AUTO, "yes"),
        (names::SERVICE_CONFIG, "web-auto-service-config"),
        (names::GRACE_SHUTDOWN, "1"),
        (names::GRACE_SHUTDOWN_NOT_READY, ""),
        (names::LOAD_BALANCER_RETAIN, "True"),
        (names::DELETION_PROTECTION, "on"),
        (names::MODE, "go"),
        (names::RS_WEIGHT, "{"),
    ];
    for (key, value) in cases {
        let reading = reading(&[(key, value), (names::CROSS_REGION_ID, "ap-beijing")]);
        assert_eq!(faults(&reading), [key], "{value}");
        assert_eq!(spec(&reading)["loadBalancer"]["region"], "ap-beijing");
        let is_retained = key == names::LOAD_BALANCER_RETAIN || key == names::DELETION_PROTECTION;
        assert_eq!(spec(&reading)["deletionPolicy"] == "Delete", !is_retained, "{key}: unreadable counts as retained");
    }
    let odd = reading(&[(names::SERVICE_CONFIG_AUTO, "true"), (names::SERVICE_CONFIG, "")]);
    assert_eq!(faults(&odd), [names::SERVICE_CONFIG_AUTO, names::SERVICE_CONFIG]);
    assert!(!wished(&odd).auto_service_config);
    let both = reading(&[(names::SERVICE_CONFIG_AUTO, "true"), (names::SERVICE_CONFIG, "web")]);
    assert_eq!(faults(&both), [names::SERVICE_CONFIG_AUTO]);
    assert_eq!(spec(&both)["serviceConfigRef"]["name"], "web");
}

#[test]
fn nothing_is_made_while_what_only_creation_can_set_cannot_be_read() {
    let cases = [
        (names::SECURITY_GROUPS, "CHANGE_ME"),
        (names::SECURITY_GROUPS, "sg-a,vpc-b"),
        (names::SECURITY_GROUPS, "sg-a,,sg-b"),
        (names::EXISTING_LOAD_BALANCER_ID, ""),
        (names::EXISTING_LOAD_BALANCER_ID, "lb-"),
        (names::INTERNAL_SUBNET_ID, " "),
        (names::CROSS_VPC_ID, "vpc"),
        (names::CROSS_REGION_ID, "Beijing"),
        (names::INTERNET_CHARGE_TYPE, "FREE"),
        (names::INTERNET_MAX_BANDWIDTH_OUT, "much"),
        (names::INTERNET_MAX_BANDWIDTH_OUT, "0"),
        (names::PASS_TO_TARGET, "yes"),
        (names::EXTENSIVE_PARAMETERS, "[]"),
        (names::EXTENSIVE_PARAMETERS, r#"{"Vip":7}"#),
        (names::EXTENSIVE_PARAMETERS, r#"{"Colour":"red"}"#),
        (names::EXTENSIVE_PARAMETERS, r#"{"LoadBalancerName":"a b"}"#),
        // What the definition would refuse.
        (names::EXTENSIVE_PARAMETERS, r#"{"VipIsp":"CTCC"}"#),
        (names::EXTENSIVE_PARAMETERS, r#"{"AddressIPVersion":"IPv6FullChain"}"#),
        (names::SPECIFY_PROTOCOL, "{80}"),
        (names::SPECIFY_PROTOCOL, r#"{"80":{"protocol":["SCTP"]}}"#),
        (names::SPECIFY_PROTOCOL, r#"{"80":{"protocol":["HTTPS"]}}"#),
        (names::SPECIFY_PROTOCOL, r#"{"80":{}}"#),
        (names::SPECIFY_PROTOCOL, r#"{"80":{"protocol":["TCP","HTTP"]}}"#),
        (names::SPECIFY_PROTOCOL, r#"{"80":{"protocol":["HTTP"],"hosts":{"[a.com](http://a.com)":{}}}}"#),
        (names::SPECIFY_PROTOCOL, r#"{"http":{"protocol":["HTTP"]}}"#),
    ];
    for (key, value) in cases {
        let reading = reading(&[(key, value)]);
        assert!(matches!(reading.wish, Wish::NotMade(_)), "{key}: {value}");
        assert_eq!(faults(&reading), [key], "{value}");
    }
    let huge = "x".repeat(20_000);
    assert!(matches!(reading(&[(names::EXTENSIVE_PARAMETERS, &huge)]).wish, Wish::NotMade(_)));
    let broken = read(&service(&[(names::DIRECT_ACCESS, "yes")]), ALL, None);
    assert_eq!((faults(&broken), &broken.wish), (vec![names::DIRECT_ACCESS], &Wish::Unclear));
    let none = reading(&[(names::SECURITY_GROUPS, "")]);
    assert_eq!(spec(&none)["loadBalancer"]["create"].get("securityGroups"), None, "TKE documents it as none");
    let unused = reading(&[(names::EXISTING_LOAD_BALANCER_ID, "lb-1"), (names::INTERNAL_SUBNET_ID, "")]);
    assert_eq!(faults(&unused), [names::INTERNAL_SUBNET_ID]);
    assert_eq!(spec(&unused)["loadBalancer"], json!({"id": "lb-1"}), "it is not needed");
}

#[test]
fn what_cannot_be_changed_is_held_by_key_and_blocks_nothing_else() {
    let base = [
        (names::INTERNAL_SUBNET_ID, "subnet-1"),
        (names::SECURITY_GROUPS, "sg-1"),
        (names::EXTENSIVE_PARAMETERS, r#"{"LoadBalancerName":"shop","VpcId":"vpc-1"}"#),
    ];
    let own = owned(&asking(&base));
    for (key, value, expected) in [
        (names::INTERNAL_SUBNET_ID, "subnet-2", names::INTERNAL_SUBNET_ID),
        (names::SECURITY_GROUPS, "sg-1,sg-2", names::SECURITY_GROUPS),
        (names::SECURITY_GROUPS, "", names::SECURITY_GROUPS),
        (names::EXTENSIVE_PARAMETERS, r#"{"LoadBalancerName":"other","VpcId":"vpc-1"}"#, names::EXTENSIVE_PARAMETERS),
        (names::EXTENSIVE_PARAMETERS, r#"{"LoadBalancerName":"shop","VpcId":"vpc-2"}"#, names::EXTENSIVE_PARAMETERS),
        (names::EXISTING_LOAD_BALANCER_ID, "lb-1", names::EXISTING_LOAD_BALANCER_ID),
        (names::CROSS_REGION_ID, "ap-beijing", names::CROSS_REGION_ID),
        (names::INTERNAL_SUBNET_ID, "CHANGE_ME", names::INTERNAL_SUBNET_ID),
        (names::EXTENSIVE_PARAMETERS, "{", names::EXTENSIVE_PARAMETERS),
    ] {
        let mut service = asking(&base);
        service.annotations.insert(key.to_owned(), value.to_owned());
        service.annotations.insert(names::GRACE_SHUTDOWN.to_owned(), "false".to_owned());
        let intent = read(&service, ALL, Some(&own));
        assert_eq!(faults(&intent), [expected], "{key}: {value}");
        assert_eq!(wished(&intent).load_balancer, own.spec.load_balancer);
        assert_eq!(spec(&intent)["drain"]["terminating"], "Deregister", "the rest is followed");
    }
    let same = read(&asking(&base), ALL, Some(&own));
    assert_eq!((faults(&same), wished(&same)), (Vec::new(), &own.spec));
}

#[test]
fn graceful_shutdown_may_be_switched_off() {
    let spec = spec(&reading(&[(names::GRACE_SHUTDOWN, "false"), (names::GRACE_SHUTDOWN_NOT_READY, "false")]));
    assert_eq!(
        (&spec["drain"]["terminating"], &spec["drain"]["notReady"]),
        (&json!("Deregister"), &json!("Deregister"))
    );
}

#[test]
fn what_is_known_and_not_acted_on_is_told_and_what_is_unknown_is_left_alone() {
    let reading =
        reading(&[(names::PREVENT_LOOPBACK, "true"), ("example.com/other", "{"), (names::SYNC_END_TIME, "x")]);
    assert_eq!(unheeded(&reading), [names::PREVENT_LOOPBACK]);
    assert_eq!(faults(&reading), [""; 0]);
}

#[test]
fn what_is_read_is_what_the_definition_takes() {
    use garde::Validate as _;
    let reading = reading(&[
        (names::INTERNAL_SUBNET_ID, "subnet-1"),
        (names::SPECIFY_PROTOCOL, r#"{"80":{"protocol":["TCP","UDP"]}}"#),
    ]);
    wished(&reading).validate().unwrap();
}

#[test]
fn what_no_annotation_says_may_be_set_on_the_binding() {
    let service = two_ports("");
    let mut service = service;
    service.annotations.remove(names::SPECIFY_PROTOCOL);
    let mut own = owned(&service);
    own.spec.suspend = true;
    own.spec.drain.last_not_ready = crate::api::binding::LastNotReady::Follow;
    own.spec.drain.timeout_seconds = 7;
    own.spec.network = crate::api::binding::NetworkMode::VpcCni;
    own.spec.readiness_gate.timeout_seconds = Some(60);
    let wanted = own.spec.clone();
    let intent = read(&service, ALL, Some(&own));
    let found = wished(&intent);
    assert_eq!((found.suspend, &found.drain, found.network), (true, &wanted.drain, wanted.network));
    assert_eq!(found.readiness_gate, wanted.readiness_gate);
}

/// A binding that is deleted is given up to the next one only where that finds what the first one has.
#[test]
fn what_is_made_again_is_on_the_same_load_balancer_or_the_deleted_one_is_held() {
    let (created, existing) = (asking(&[]), asking(&[(names::EXISTING_LOAD_BALANCER_ID, "lb-two")]));
    let another = asking(&[(names::EXISTING_LOAD_BALANCER_ID, "lb-three")]);
    let ended = service(&[(names::DIRECT_ACCESS, "false")]);
    for (before, now, expected) in [
        (&created, &created, Remake::Made),
        (&created, &existing, Remake::Held),
        (&existing, &created, Remake::Held),
        (&existing, &existing, Remake::Made),
        (&existing, &another, Remake::Held),
        (&created, &ended, Remake::NotAsked),
    ] {
        assert_eq!(remake(now, ALL, &owned(before)), expected, "{:?}, then {:?}", before.annotations, now.annotations);
    }
}
