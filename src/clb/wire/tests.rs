//! The examples of the CLB API reference, with ids made up.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::clb::NonEmpty;

const EXAMPLES: &str = include_str!("../testdata/examples.json");

/// Calls a generic function with the request type of an action.
macro_rules! with_action {
    ($name:expr, $call:ident($argument:expr), [$($action:ident)*]) => {
        match $name {
            $(<$action as Action>::NAME => $call::<$action>($argument),)*
            other => panic!("{other} is not an action"),
        }
    };
    ($name:expr, $call:ident($argument:expr)) => {
        with_action!($name, $call($argument), [
            CreateLoadBalancer DescribeLoadBalancers DeleteLoadBalancer ModifyLoadBalancerAttributes
            SetLoadBalancerSecurityGroups SetLoadBalancerStartStatus CreateLoadBalancerSnatIps DeleteLoadBalancerSnatIps
            CreateListener DescribeListeners ModifyListener DeleteListener DeleteLoadBalancerListeners CreateRule ModifyRule DeleteRule
            ModifyDomainAttributes RegisterTargets DeregisterTargets BatchRegisterTargets BatchDeregisterTargets
            ModifyTargetWeight BatchModifyTargetWeight ModifyTargetPort BatchModifyTargetTag DescribeTargets
            DescribeTargetHealth DescribeTaskStatus DescribeQuota GetCallerIdentity AssumeRoleWithWebIdentity
            UploadCertificate DescribeCertificates DeleteCertificate DescribeLoadBalancerListByCertId
        ])
    };
}

fn request_comes_back<A: Action>(request: &Value) {
    let decoded: A = serde_json::from_value(request.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&decoded).unwrap(), request, "{}", A::NAME);
    let misspelt = {
        let mut request = request.clone();
        request["LoadBalancerID"] = json!("lb-demo0001");
        request
    };
    assert!(serde_json::from_value::<A>(misspelt).err().unwrap().to_string().contains("unknown field"));
}

fn reply_comes_back<A: Action>(reply: &Value) {
    let again = match decode::<A::Reply>(reply.to_string().as_bytes()).unwrap() {
        Answer::Success { reply, request_id } => encode_success(&reply, &request_id.unwrap()),
        Answer::Failure { error, request_id } => encode_failure(&error, &request_id.unwrap()),
    };
    contains(&serde_json::from_slice(&again.unwrap()).unwrap(), reply, A::NAME);
}

/// Every member of `expected` is in `found`; what is only in `found` is null.
fn contains(found: &Value, expected: &Value, path: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (key, value) in expected {
                contains(
                    found.get(key).unwrap_or_else(|| panic!("{path}.{key} is lost")),
                    value,
                    &format!("{path}.{key}"),
                );
            }
            for (key, value) in found.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                assert!(value.is_null(), "{path}.{key} came from nowhere");
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{path}");
            found.iter().zip(expected).for_each(|(found, expected)| contains(found, expected, &format!("{path}[]")));
        }
        _ => assert_eq!(found, expected, "{path}"),
    }
}

#[test]
fn examples_come_back_as_they_were() {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
    assert!(examples.len() > 50);
    for example in &examples {
        let action = example["action"].as_str().unwrap();
        match (example.get("request"), example.get("reply")) {
            (Some(request), None) => with_action!(action, request_comes_back(request)),
            (None, Some(reply)) => with_action!(action, reply_comes_back(reply)),
            _ => panic!("an example is a request or a reply"),
        }
    }
}

#[test]
fn null_and_absent_are_the_same_in_a_reply_and_unknown_members_are_ignored() {
    let absent: Backend = serde_json::from_value(json!({"Port": 80, "Novelty": {"a": 1}})).unwrap();
    let null: Backend = serde_json::from_value(json!({"Port": 80, "Tag": null, "PrivateIpAddresses": null})).unwrap();
    assert_eq!(absent, null);
    assert_eq!(absent.port, Some(80));
}

#[test]
fn a_deletion_without_ids_can_be_read_but_not_written() {
    let all: DeleteLoadBalancerListeners = serde_json::from_value(json!({"LoadBalancerId": "lb-demo0001"})).unwrap();
    assert!(all.listener_ids().is_empty());
    assert!(NonEmpty::<String>::from_vec(Vec::new()).is_none());
    let one = DeleteLoadBalancerListeners::new("lb-demo0001".into(), NonEmpty::from("lbl-demo0001".to_owned()));
    assert_eq!(
        serde_json::to_value(one).unwrap(),
        json!({"LoadBalancerId": "lb-demo0001", "ListenerIds": ["lbl-demo0001"]})
    );
}

#[test]
fn a_private_key_is_sent_but_not_printed() {
    let certificate = CertificateInput { cert_key: Some(Secret::new("BEGIN KEY")), ..CertificateInput::default() };
    assert_eq!(serde_json::to_value(&certificate).unwrap(), json!({"CertKey": "BEGIN KEY"}));
    assert!(!format!("{certificate:?}").contains("BEGIN"));
}

#[test]
fn keys_that_do_not_follow_the_rule_are_spelt_as_the_reference_does() {
    let check = HealthCheck { time_out: Some(2), un_health_num: Some(3), ..HealthCheck::default() };
    assert_eq!(serde_json::to_value(check).unwrap(), json!({"TimeOut": 2, "UnHealthNum": 3}));
    let output = serde_json::to_value(LoadBalancer::default()).unwrap();
    for key in ["AddressIPVersion", "AddressIPv6", "IPv6Mode", "IsDDos", "SlaType", "NfvInfo"] {
        assert_eq!(output.get(key), Some(&Value::Null), "{key}");
    }
    let rule = serde_json::to_value(RuleOutput::default()).unwrap();
    assert!(rule.get("OAuth").is_some() && rule.get("Http2").is_some() && rule.get("HttpGzip").is_some());
}

fn decode_both<A: Action>(text: &[u8]) {
    // Whatever the result: it must not panic.
    let _ = decode::<A::Reply>(text);
    let _ = serde_json::from_slice::<A>(text);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9.:-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(member_name(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn member_name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "Response",
            "Error",
            "Code",
            "Message",
            "RequestId",
            "Listeners",
            "ListenerId",
            "Targets",
            "Rules",
            "Port",
            "Protocol",
            "LoadBalancers",
            "LoadBalancerSet",
            "PrivateIpAddresses",
            "Weight",
            "Status",
            "QuotaSet",
        ])
        .prop_map(str::to_owned),
        "[A-Za-z]{0,8}",
    ]
}

proptest! {
    #[test]
    fn any_json_is_decoded_or_refused(value in json_value()) {
        for text in [value.to_string(), json!({"Response": value}).to_string()] {
            for action in ["DescribeLoadBalancers", "DescribeListeners", "DescribeTargets", "DescribeTargetHealth",
                "DescribeTaskStatus", "DescribeQuota", "GetCallerIdentity", "BatchRegisterTargets", "DeleteLoadBalancerListeners"] {
                with_action!(action, decode_both(text.as_bytes()));
            }
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_both::<DescribeTargets>(&bytes);
    }
}
