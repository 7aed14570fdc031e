use serde_json::{Value, json};

use super::*;
use crate::api::binding::ListenerProtocol;
use crate::model::{ServicePort, Transport};
use crate::plan::tests::world::World;

const ALL: Setting = Setting { acceptance: Acceptance::All, has_tke: false, is_default: false };

fn service(annotations: &[(&str, &str)]) -> Service {
    let mut service = World::new(&json!({})).service.unwrap();
    service.is_load_balancer = true;
    service.annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    service
}

/// What direct access and these annotations give.
fn reading(annotations: &[(&str, &str)]) -> Reading {
    let mut service = service(annotations);
    service.annotations.insert(names::DIRECT_ACCESS.to_owned(), "true".to_owned());
    read(&service, ALL)
}

fn spec(reading: &Reading) -> Value {
    match &reading.wish {
        Wish::Binding(spec) => serde_json::to_value(spec).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn faults(reading: &Reading) -> Vec<&'static str> {
    reading.faults.iter().map(|fault| fault.key).collect()
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
    type Case<'a> = (Acceptance, Option<&'a str>, bool, &'a [(&'a str, &'a str)], Option<bool>);
    let cases: [Case<'_>; 13] = [
        (Acceptance::Off, ours, false, &[on], None),
        (Acceptance::OwnClass, None, false, &[on], None),
        (Acceptance::OwnClass, ours, true, &[on], Some(true)),
        (Acceptance::All, None, false, &[on], Some(true)),
        (Acceptance::All, ours, false, &[], None),
        (Acceptance::All, Some("other"), false, &[on], None),
        (Acceptance::All, None, true, &[on], Some(false)),
        (Acceptance::All, None, true, &[on, skip], Some(true)),
        (Acceptance::All, ours, true, &[on], Some(true)),
        (Acceptance::All, None, false, &[on, token], Some(false)),
        (Acceptance::All, None, false, &[on, token, skip], Some(true)),
        (Acceptance::All, None, false, &[(names::DIRECT_ACCESS, "false")], None),
        (Acceptance::All, None, false, &[(names::DIRECT_ACCESS, "yes")], None),
    ];
    for (acceptance, class, has_tke, annotations, expected) in cases {
        let mut service = service(annotations);
        service.load_balancer_class = class.map(str::to_owned);
        let found = match read(&service, Setting { acceptance, has_tke, is_default: false }).wish {
            Wish::None => None,
            Wish::Refused(_) => Some(false),
            Wish::Binding(_) => Some(true),
        };
        assert_eq!(found, expected, "{acceptance:?} {class:?} {has_tke} {annotations:?}");
    }
}

#[test]
fn where_direct_access_is_the_default_false_switches_it_off() {
    let setting = Setting { is_default: true, ..ALL };
    assert!(matches!(read(&service(&[]), setting).wish, Wish::Binding(_)));
    assert_eq!(read(&service(&[(names::DIRECT_ACCESS, "false")]), setting).wish, Wish::None);
    let cluster_ip = Service { is_load_balancer: false, ..service(&[]) };
    assert_eq!(read(&cluster_ip, setting).wish, Wish::None);
}

#[test]
fn what_we_wrote_ourselves_asks_for_nothing() {
    let mut service = service(&[(names::DIRECT_ACCESS, "true")]);
    service.our_annotations = vec![names::DIRECT_ACCESS.to_owned()];
    assert_eq!(read(&service, ALL).wish, Wish::None);
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
        (names::INTERNET_CHARGE_TYPE, "TRAFFIC_POSTPAID_BY_HOUR"),
        (names::INTERNET_MAX_BANDWIDTH_OUT, "100"),
        (names::SECURITY_GROUPS, "sg-b, sg-a"),
        (names::PASS_TO_TARGET, "true"),
        (names::LOAD_BALANCER_RETAIN, "true"),
        (
            names::EXTENSIVE_PARAMETERS,
            r#"{"AddressIPVersion":"IPV6","VipIsp":"CTCC","LoadBalancerName":"shop","SlaType":"clb.c3.small","SnatPro":true,
               "ZoneId":"ap-guangzhou-1","Tags":[{"TagKey":"a","TagValue":"b"}]}"#,
        ),
    ]));
    let create = &public["loadBalancer"]["create"];
    let expected = json!({
        "network": "Public", "chargeType": "TrafficPostpaidByHour", "bandwidthMbps": 100, "ipVersion": "IPv6Nat64",
        "isp": "CTCC", "name": "shop", "slaType": "clb.c3.small", "snatPro": true, "zoneId": "ap-guangzhou-1",
        "tags": [{"key": "a", "value": "b"}], "passToTarget": true, "securityGroups": ["sg-a", "sg-b"],
    });
    assert_eq!(create, &expected);
    assert_eq!(public["deletionPolicy"], "Deregister");
}

#[test]
fn protocols_are_specified_by_port() {
    let mut service = service(&[
        (names::DIRECT_ACCESS, "true"),
        (
            names::SPECIFY_PROTOCOL,
            r#"{"80":{"protocol":["HTTP"],"hosts":{"a.example.com":{}}},
                "443":{"protocol":["HTTPS"],"hosts":{"a.example.com":{"tls":"a"},"b.example.com":{"tls":"b"}}},
                "7000":{"protocol":["TCP","UDP"]},
                "8443":{"protocol":["TCP_SSL","QUIC"],"tls":"cert"},
                "9999":{"protocol":["TCP"]}}"#,
        ),
    ]);
    let port = |port| ServicePort {
        name: format!("p{port}"),
        transport: Transport::Tcp,
        port,
        target_port: crate::model::TargetPort::Number(port),
    };
    service.ports = [80, 443, 7000, 8443, 22].map(port).to_vec();
    let reading = read(&service, ALL);
    assert_eq!(faults(&reading), [""; 0]);
    let Wish::Binding(spec) = &reading.wish else { panic!("{reading:?}") };
    let found: Vec<_> = spec
        .listeners
        .iter()
        .map(|listener| {
            let rules: Vec<_> = listener
                .rules
                .iter()
                .map(|rule| {
                    let secret = rule.certificate.as_ref().and_then(|found| found.secret_name.as_deref());
                    (rule.domain.as_str(), secret)
                })
                .collect();
            let secret = listener.certificate.as_ref().and_then(|found| found.secret_name.as_deref());
            (listener.port, listener.protocol, secret, rules)
        })
        .collect();
    let (a, b) = ("a.example.com", "b.example.com");
    assert_eq!(
        found,
        [
            (80, ListenerProtocol::Http, None, vec![(a, None)]),
            (443, ListenerProtocol::Https, None, vec![(a, Some("a")), (b, Some("b"))]),
            (7000, ListenerProtocol::Tcp, None, vec![]),
            (7000, ListenerProtocol::Udp, None, vec![]),
            (8443, ListenerProtocol::TcpSsl, Some("cert"), vec![]),
            (8443, ListenerProtocol::Quic, Some("cert"), vec![]),
            (22, ListenerProtocol::Tcp, None, vec![]),
        ]
    );
}

#[test]
fn each_broken_annotation_is_named_and_the_rest_is_followed() {
    let cases = [
        (names::SERVICE_CONFIG_AUTO, "yes"),
        (names::INTERNET_CHARGE_TYPE, "FREE"),
        (names::INTERNET_MAX_BANDWIDTH_OUT, "much"),
        (names::SECURITY_GROUPS, "sg-a,vpc-b"),
        (names::PASS_TO_TARGET, "yes"),
        (names::GRACE_SHUTDOWN, "1"),
        (names::GRACE_SHUTDOWN_NOT_READY, ""),
        (names::LOAD_BALANCER_RETAIN, "True"),
        (names::MODE, "go"),
        (names::RS_WEIGHT, "{"),
        (names::SPECIFY_PROTOCOL, "{80}"),
        (names::SPECIFY_PROTOCOL, r#"{"80":{"protocol":["SCTP"]}}"#),
        (names::SPECIFY_PROTOCOL, r#"{"80":{"protocol":["HTTPS"]}}"#),
        (names::EXTENSIVE_PARAMETERS, "[]"),
        (names::EXTENSIVE_PARAMETERS, r#"{"Vip":7}"#),
        (names::EXTENSIVE_PARAMETERS, r#"{"Colour":"red"}"#),
    ];
    for (key, value) in cases {
        // One of the two is a reference that makes the auto switch count.
        let reading = reading(&[(key, value), (names::SERVICE_CONFIG, "web"), (names::CROSS_REGION_ID, "ap-beijing")]);
        assert_eq!(faults(&reading), [key], "{value}");
        assert_eq!(spec(&reading)["loadBalancer"]["region"], "ap-beijing");
    }
    let broken = read(&service(&[(names::DIRECT_ACCESS, "yes")]), ALL);
    assert_eq!(faults(&broken), [names::DIRECT_ACCESS]);
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
    assert_eq!(reading.ignored, [names::PREVENT_LOOPBACK]);
    assert_eq!(faults(&reading), [""; 0]);
}

#[test]
fn what_is_read_is_what_the_definition_takes() {
    use garde::Validate as _;
    let reading = reading(&[
        (names::INTERNAL_SUBNET_ID, "subnet-1"),
        (names::SPECIFY_PROTOCOL, r#"{"80":{"protocol":["TCP","UDP"]}}"#),
    ]);
    let Wish::Binding(spec) = reading.wish else { panic!("no binding") };
    spec.validate().unwrap();
}
