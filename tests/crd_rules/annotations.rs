//! Whatever users write into annotations of Services, the binding that comes of it is one that the definition takes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tke_direct_access::api::{DirectAccessBinding, DirectAccessBindingSpec, names};
use tke_direct_access::k8s;
use tke_direct_access::model::{Known, Service};
use tke_direct_access::plan::annotated::{Acceptance, KEYS, Setting, Treatment, Wish, read};

use crate::definition::{binding_spec, refusals};

const ALL: Setting = Setting { acceptance: Acceptance::All, has_tke: Known::No, is_default: Known::No };

/// Values that nobody should write, under every key.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "true",
    "false",
    "True",
    "null",
    "0",
    "-1",
    "99999999999999999999",
    "1.5",
    "{}",
    "[]",
    "[1,]",
    "{\"443\":",
    "[www.example.com](http://www.example.com)",
    "lb-1,",
    "lb-1a2b,lb-3c4d",
    "LB-1A2B",
    "lb-",
    "../../etc",
    "a/b",
    "-a",
    "a-",
    "a..b",
    "值",
    "a\nb",
    "x-auto-service-config",
    "a234567890123456789012345678901234567890123456789012345678901234567890",
    "sg-1,sg-1,sg-2,sg-3,sg-4,sg-5,sg-6",
    "sg-1;sg-2",
    "2049",
];

/// Values of some sense under each key.
fn plausible(key: &str) -> &'static [&'static str] {
    match key {
        names::DIRECT_ACCESS => &["true"],
        names::SERVICE_CONFIG => &["shop", "shop.v1"],
        names::EXISTING_LOAD_BALANCER_ID => &["lb-1a2b", " lb-1a2b "],
        names::CROSS_REGION_ID => &["ap-beijing", "ap-guangzhou-open"],
        names::CROSS_VPC_ID => &["vpc-1a2b"],
        names::INTERNAL_SUBNET_ID => &["subnet-1a2b"],
        names::INTERNET_CHARGE_TYPE => &["BANDWIDTH_PACKAGE", "TRAFFIC_POSTPAID_BY_HOUR"],
        names::INTERNET_MAX_BANDWIDTH_OUT => &["1", "2048"],
        names::SECURITY_GROUPS => &["sg-1", "sg-1, sg-2,sg-1", ""],
        names::MODE => &["skip"],
        names::RS_WEIGHT => &[r#"{"defaultWeight":20}"#, r#"{"defaultWeight":101}"#],
        names::EXTENSIVE_PARAMETERS => EXTENSIVE,
        names::SPECIFY_PROTOCOL => PROTOCOLS,
        _ => &[],
    }
}

const EXTENSIVE: &[&str] = &[
    r#"{"AddressIPVersion":"IPV4"}"#,
    r#"{"AddressIPVersion":"IPV6"}"#,
    r#"{"AddressIPVersion":"IPv6FullChain"}"#,
    r#"{"AddressIPVersion":"IPv6FullChain","SubnetId":"subnet-1","Vip":"fd00::1","LoadBalancerPassToTarget":true}"#,
    r#"{"VipIsp":"CTCC"}"#,
    r#"{"VipIsp":"BGP","LoadBalancerName":"shop","ZoneId":"ap-guangzhou-1"}"#,
    r#"{"MasterZoneId":"ap-guangzhou-1","SlaveZoneId":"ap-guangzhou-2","SlaType":"clb.c3.small"}"#,
    r#"{"SlaveZoneId":"ap-guangzhou-2"}"#,
    r#"{"Vip":"10.0.0.1"}"#,
    r#"{"VpcId":"vpc-9","SnatPro":true,"Tags":[{"TagKey":"a","TagValue":"b"}]}"#,
    r#"{"Tags":[{"TagKey":""}]}"#,
    r#"{"Tags":[{"TagKey":"a"},{"TagKey":"a"}]}"#,
    r#"{"InternetAccessible":{"InternetChargeType":"BANDWIDTH_PACKAGE","InternetMaxBandwidthOut":5000}}"#,
    r#"{"InternetAccessible":{"InternetMaxBandwidthOut":0}}"#,
    r#"{"BandwidthPackageId":"bwp-1"}"#,
    r#"{"BandwidthPackageId":"[bwp-1](http://x)"}"#,
    r#"{"LoadBalancerName":"a b"}"#,
    r#"{"LoadBalancerName":""}"#,
    r#"{"Vip":"nobody"}"#,
    r#"{"SubnetId":"subnet-7"}"#,
    r#"{"ZoneId":"Guangzhou"}"#,
    r#"{"SlaType":"huge"}"#,
    r#"{"Colour":"red"}"#,
    r#"{"Vip":"10.0.0.1","Vip":"10.0.0.2"}"#,
];

const PROTOCOLS: &[&str] = &[
    r#"{"80":{"protocol":["HTTP"],"hosts":{"a.example.com":{},"*.example.com":{},"":{}}}}"#,
    r#"{"80":{"protocol":["HTTP"],"hosts":{"[a.com](http://a.com)":{}}}}"#,
    r#"{"80":{"protocol":["HTTP"],"hosts":{"A.Example.Com":{},"a.example.com":{}}}}"#,
    r#"{"80":{"protocol":["HTTP"],"hosts":{"a.example.com:8080":{}}}}"#,
    r#"{"443":{"protocol":["HTTPS"],"hosts":{"a.example.com":{"tls":"a"},"b.example.com":{}}}}"#,
    r#"{"443":{"protocol":["HTTPS"],"tls":"cert","hosts":{"a.example.com":{"tls":"a"},"b.example.com":{}}}}"#,
    r#"{"443":{"protocol":["HTTPS"],"tls":"Cert_1"}}"#,
    r#"{"443":{"protocol":["HTTPS"],"tls":""}}"#,
    r#"{"443":{"protocol":["TCP_SSL","UDP"],"tls":"cert"}}"#,
    r#"{"443":{"protocol":["TCP_SSL","QUIC"],"tls":"cert"},"80":{"protocol":["TCP","UDP"]}}"#,
    r#"{"443":{"protocol":["TCP","HTTPS"],"tls":"cert"}}"#,
    r#"{"443":{"protocol":["TCP"],"tls":"cert","hosts":{"a.example.com":{"tls":"a"}}}}"#,
    r#"{"443":{"protocol":["TCP"]},"443":{"protocol":["UDP"]}}"#,
    r#"{"0443":{"protocol":["TCP"]},"443":{"protocol":["UDP"]}}"#,
    r#"{"53":{"protocol":["TCP","UDP"]}}"#,
    r#"{"53":{"protocol":["UDP"]}}"#,
    r#"{"4789":{"protocol":["TCP","QUIC"],"tls":"cert"}}"#,
    r#"{"80":{"protocol":[]}}"#,
    r#"{"80":{"protocol":"HTTP"}}"#,
    r#"{"80":{"protocol":["tcp"]}}"#,
    r#"{"80":{"protocol":["SCTP"]}}"#,
    r#"{"99999":{"protocol":["TCP"]}}"#,
    r#"{"-1":{"protocol":["TCP"]}}"#,
    r#"{"80":null}"#,
];

type Annotations = BTreeMap<&'static str, String>;

fn service(annotations: &Annotations) -> Service {
    let port = |name: &str, protocol: &str, port: u16| json!({"name": name, "protocol": protocol, "port": port});
    let ports = [
        port("http", "TCP", 80),
        port("https", "TCP", 443),
        port("dns", "UDP", 53),
        port("dns-tcp", "TCP", 53),
        port("vxlan", "UDP", 4789),
    ];
    let object = json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "service-uid", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": ports},
    });
    k8s::service(&serde_json::from_value(object).unwrap())
}

fn wished(service: &Service, own: Option<&DirectAccessBinding>) -> Option<DirectAccessBindingSpec> {
    match read(service, ALL, own).wish {
        Wish::Serve(spec, _) => Some(*spec),
        _ => None,
    }
}

/// The binding that a Service has, as the API server has it.
fn owned(spec: &DirectAccessBindingSpec) -> DirectAccessBinding {
    let object = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": "web", "namespace": "shop", "annotations": {names::ASKED_BY: names::ASKED_BY_ANNOTATION}},
        "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

/// Every annotation with every value, alone beside the one that asks.
fn cells() -> impl Iterator<Item = Annotations> {
    let keys = KEYS.iter().filter(|key| key.treatment != Treatment::Written).map(|key| key.name);
    keys.flat_map(|key| {
        let values = HOSTILE.iter().chain(plausible(key));
        values.map(move |value| {
            Annotations::from([(names::DIRECT_ACCESS, "true".to_owned()), (key, (*value).to_owned())])
        })
    })
}

/// What of annotations makes a binding that the API server is to take.
pub(crate) fn specs() -> Vec<(String, Value)> {
    let of = |annotations: Annotations| {
        let spec = wished(&service(&annotations), None)?;
        Some((format!("{annotations:?}"), serde_json::to_value(spec).unwrap()))
    };
    cells().filter_map(of).collect()
}

#[test]
fn words_of_one_annotation_never_make_what_the_definition_refuses() {
    let schema = binding_spec();
    let own = owned(&wished(&service(&Annotations::from([(names::DIRECT_ACCESS, "true".to_owned())])), None).unwrap());
    let (mut made, mut all) = (0, 0);
    for annotations in cells() {
        let service = service(&annotations);
        for own in [None, Some(&own)] {
            all += 1;
            let Some(spec) = wished(&service, own) else { continue };
            made += 1;
            assert_eq!(refusals(&schema, &serde_json::to_value(&spec).unwrap()), [""; 0], "{annotations:?}");
            assert!(own.is_none_or(|own| own.spec.load_balancer == spec.load_balancer), "{annotations:?}");
        }
    }
    eprintln!("{made} bindings of {all} Services");
    assert!(made > all / 2, "{made} of {all}");
}

fn value_of(key: &'static str) -> impl Strategy<Value = String> {
    let sensible = plausible(key);
    let usual: Vec<&str> = if sensible.is_empty() { vec!["true", "false"] } else { sensible.to_vec() };
    prop_oneof![6 => select(usual), 1 => select(HOSTILE)].prop_map(str::to_owned)
}

fn any_annotations() -> impl Strategy<Value = Annotations> {
    let keys = KEYS.iter().filter(|key| key.treatment == Treatment::Applied && key.name != names::DIRECT_ACCESS);
    let each: Vec<_> = keys.map(|key| (Just(key.name), prop::option::weighted(0.4, value_of(key.name)))).collect();
    each.prop_map(|all| {
        let said = all.into_iter().filter_map(|(key, value)| Some((key, value?)));
        said.chain([(names::DIRECT_ACCESS, "true".to_owned())]).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// All annotations at once, for a Service that has nothing and for one that has a binding of other annotations.
    #[test]
    fn words_of_all_annotations_never_make_what_the_definition_refuses(before in any_annotations(), after in any_annotations()) {
        let schema = binding_spec();
        let own = wished(&service(&before), None).map(|spec| owned(&spec));
        for (said, own) in [(&before, None), (&after, own.as_ref())] {
            let Some(spec) = wished(&service(said), own) else { continue };
            prop_assert_eq!(refusals(&schema, &serde_json::to_value(&spec).unwrap()), [""; 0]);
            prop_assert!(own.is_none_or(|own| own.spec.load_balancer == spec.load_balancer));
        }
    }
}
