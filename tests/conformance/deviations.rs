//! Clouds that are not as believed: the kit names what differs, and nothing else.

use std::num::NonZeroU8;
use std::time::Duration;

use serde_json::{Value, json};
use tke_direct_access::sim::{Departure, LoadBalancerSpec};

use super::proxy;
use super::stage::{asked, differing, run, settings, start, with};

/// Replies of a cloud that departs in six more ways than the simulator can.
fn rewrite(action: &str, request: &Value, reply: &mut Value) {
    let error = reply["Error"]["Code"].as_str().unwrap_or_default().to_owned();
    let refused = |code: &str, message: &str| json!({"Code": code, "Message": message});
    match action {
        // Limits and errors.
        "DescribeTargets" if error == "InvalidParameter.LBIdNotFound" => {
            reply["Error"] = refused("ResourceNotFound", "no such load balancer");
        }
        "CreateListener" if error == "InvalidParameter.PortCheckFailed" => {
            reply["Error"] = refused("InvalidParameterValue.Duplicate", "the port is taken");
        }
        "CreateRule" if reply["Error"]["Message"].as_str().is_some_and(|words| words.contains("only support HTTP")) => {
            reply["Error"] = refused("InvalidParameterValue", "wrong protocol");
        }
        // What is shown.
        "DescribeTargets" => {
            for target in
                reply["Listeners"].as_array_mut().into_iter().flatten().flat_map(|row| row["Targets"].as_array_mut())
            {
                target
                    .iter_mut()
                    .filter(|target| target["Weight"] == 10)
                    .for_each(|target| target["Weight"] = json!(1));
            }
        }
        "DescribeTargetHealth" => {
            if let Some(target) = reply.pointer_mut("/LoadBalancers/0/Listeners/0/Rules/0/Targets/0")
                && target["HealthStatusDetail"] == "Close"
            {
                target["HealthStatusDetail"] = json!("Unknown");
            }
        }
        "DescribeQuota" if request.as_object().is_some_and(serde_json::Map::is_empty) => {
            let quotas = reply["QuotaSet"].as_array_mut().unwrap();
            quotas.retain(|quota| quota["QuotaId"] != "TOTAL_LISTENER_RULE_QUOTA");
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deviation_is_named_and_nothing_else() {
    let mut settings = settings();
    // All that the simulator can but one, which hides another: what is reset is not kept.
    settings.dialect = [
        Departure::BatchTasks,
        Departure::FlagsHidden,
        Departure::TagsHidden,
        Departure::MembersKept,
        Departure::IdsLate,
        Departure::TokensReplayed,
        Departure::DotsRefused,
    ]
    .into_iter()
    .collect();
    settings.timing.tail = Duration::ZERO;
    // So that a task that is not waited for is seen on a busy machine.
    settings.timing.batch = Duration::from_secs(1);
    let simulator = start(settings, NonZeroU8::new(2).unwrap());
    let proxy = proxy::start(&simulator.endpoint(), rewrite).await;
    let recording = run(&proxy.endpoint, &asked(None)).await;
    let expected = [
        "batches-wait",
        "dots-in-names",
        "flags-shown",
        "health-of-unchecked",
        "ids-at-once",
        "lock-lingers",
        "members-dropped",
        "no-rules-for-tcp",
        "ports-are-unique",
        "quotas-named",
        "tags-shown",
        "targets-of-nothing",
        "tokens-spent",
        "weight-10",
    ];
    assert_eq!(differing(&recording), expected, "{:?}", with(&recording, "differs"));
    // What builds on what differs is not asked.
    let not_asked: Vec<_> = with(&recording, "not asked").into_iter().map(|(name, _)| name).collect();
    assert_eq!(not_asked, ["http-check-needs-a-domain", "tags-changed", "tokens-replayed-while-there"]);
    assert_eq!(simulator.state()["loadBalancers"], json!([]), "something is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_load_balancer_that_is_given_nothing_else_is_touched() {
    let mut settings = settings();
    settings.load_balancers = vec!["lb-theirs00,TCP:9999,HTTP:80".parse::<LoadBalancerSpec>().unwrap()];
    settings.dialect = [Departure::ChecksReset].into_iter().collect();
    settings.denied_actions.insert("BatchModifyTargetTag".to_owned());
    let simulator = start(settings, NonZeroU8::new(3).unwrap());
    let before = simulator.state()["loadBalancers"].clone();
    let recording = run(&simulator.endpoint(), &asked(Some("lb-theirs00"))).await;
    assert_eq!(differing(&recording), ["all-is-allowed", "checks-kept"], "{:?}", with(&recording, "differs"));
    assert_eq!(simulator.state()["loadBalancers"], before);
    let calls = simulator.calls();
    for action in
        ["CreateLoadBalancer", "DeleteLoadBalancer", "ModifyLoadBalancerAttributes", "SetLoadBalancerSecurityGroups"]
    {
        assert_eq!(calls.get(action), None, "{action}");
    }
}
