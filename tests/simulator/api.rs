//! The envelope: signatures, headers and parameters.

use hyper::StatusCode;
use serde_json::json;

use crate::support::{Call, call, code, simulator, unix_now, unwrap};

#[tokio::test]
async fn errors_have_status_200_and_the_exact_content_type() {
    let (simulator, _) = simulator();
    let raw = Call { secret_key: "wrong", ..Call::new("DescribeQuota", &json!({})) }.send(&simulator).await;
    let raw = raw.expect("it is answered");
    assert_eq!((raw.status, raw.content_type.as_str()), (StatusCode::OK, "application/json"));
    assert_eq!(unwrap(&raw).expect_err("it is refused").code, "AuthFailure.SignatureFailure");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_has_its_code() {
    let (simulator, _) = simulator();
    let empty = json!({});
    let good = || Call::new("DescribeQuota", &empty);
    let cases = [
        (Call { secret_id: "AKIDother", ..good() }, "AuthFailure.SecretIdNotFound"),
        (Call { timestamp: unix_now() - 400, ..good() }, "AuthFailure.SignatureExpire"),
        (Call { timestamp: unix_now() + 400, ..good() }, "AuthFailure.SignatureExpire"),
        (Call { version: "2017-03-12", ..good() }, "NoSuchVersion"),
        (Call { region: "ap-nowhere", ..good() }, "UnsupportedRegion"),
        (Call { action: "DescribeNothing", ..good() }, "InvalidAction"),
        (Call { body: r#"{"Typo":1}"#.into(), ..good() }, "UnknownParameter"),
        (Call { body: "no json".into(), ..good() }, "InvalidParameter"),
        (Call { action: "DescribeTargets", ..good() }, "MissingParameter"),
    ];
    for (call, expected) in cases {
        let raw = call.send(&simulator).await.expect("it is answered");
        assert_eq!(unwrap(&raw).expect_err("it is refused").code, expected);
    }
    assert!(simulator.calls().keys().all(|action| action != "DescribeNothing"));
}

#[tokio::test]
async fn ids_that_do_not_exist_are_named() {
    let (simulator, _) = simulator();
    let unknown = json!({"LoadBalancerId": "lb-unknown"});
    for action in ["DescribeListeners", "DescribeTargets"] {
        let error = call(&simulator, action, unknown.clone()).await.expect_err("it is refused");
        assert_eq!(error.code, "InvalidParameter.LBIdNotFound");
        assert!(error.message.contains("lb-unknown"), "{}", error.message);
    }
    let health = json!({"LoadBalancerIds": ["lb-test", "lb-unknown"]});
    assert_eq!(code(&simulator, "DescribeTargetHealth", health).await, "InvalidParameter.LBIdNotFound");
    let several = json!({"LoadBalancerIds": ["lb-test", "lb-unknown"]});
    let found = call(&simulator, "DescribeLoadBalancers", several).await.expect("unknown ids are absent");
    assert_eq!(found["TotalCount"], 1);
}

#[tokio::test]
async fn lists_have_the_documented_lengths() {
    let (simulator, _) = simulator();
    let ids = |count: usize| (0..count).map(|n| format!("x-{n}")).collect::<Vec<_>>();
    let cases = [
        ("DescribeLoadBalancers", json!({"LoadBalancerIds": ids(21)})),
        ("DescribeTargetHealth", json!({"LoadBalancerIds": ids(31)})),
        ("DescribeTargets", json!({"LoadBalancerId": "lb-test", "ListenerIds": ids(21)})),
        ("DescribeListeners", json!({"LoadBalancerId": "lb-test", "ListenerIds": ids(101)})),
        ("DeleteLoadBalancerListeners", json!({"LoadBalancerId": "lb-test", "ListenerIds": ids(21)})),
    ];
    for (action, parameters) in cases {
        assert_eq!(code(&simulator, action, parameters).await, "InvalidParameterValue.Length", "{action}");
    }
}
