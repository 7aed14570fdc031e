//! Reads that need nothing, and calls that are refused as they are.

use serde_json::json;

use super::super::belief::Family::{Limits, Locks, Reading, Rights};
use super::super::belief::{Belief, Verdict, assumption, fact};
use super::super::seen::About;
use super::super::step::{ACTIONS, Step, call};
use super::{NO_LOAD_BALANCER, nobodys};

/// Quotas that rounds read.
const QUOTAS: [&str; 3] = ["TOTAL_LISTENER_QUOTA", "TOTAL_LISTENER_RULE_QUOTA", "TOTAL_TARGET_BIND_QUOTA"];

pub(super) const STEPS: &[Step] = &[
    call("caller", "GetCallerIdentity", |_| Some(json!({}))),
    call("quota", "DescribeQuota", |_| Some(json!({}))),
    call("unknown-parameter", "DescribeQuota", |_| Some(json!({"NoSuchParameter": 1}))),
    call("missing-parameter", "DescribeListeners", |_| Some(json!({}))),
    call("wrong-type", "DescribeListeners", |_| Some(json!({"LoadBalancerId": 1}))),
    call("unknown-load-balancer", "DescribeLoadBalancers", |_| Some(json!({"LoadBalancerIds": [NO_LOAD_BALANCER]}))),
    call("unknown-listeners", "DescribeListeners", |_| Some(json!({"LoadBalancerId": NO_LOAD_BALANCER}))),
    call("unknown-targets", "DescribeTargets", |_| Some(json!({"LoadBalancerId": NO_LOAD_BALANCER}))),
    call("unknown-health", "DescribeTargetHealth", |_| Some(json!({"LoadBalancerIds": [NO_LOAD_BALANCER]}))),
    call("ids-21", "DescribeLoadBalancers", |_| Some(json!({"LoadBalancerIds": nobodys("lb", 21)}))),
    call("page-101", "DescribeLoadBalancers", |_| Some(json!({"LoadBalancerIds": [NO_LOAD_BALANCER], "Limit": 101}))),
    call("health-31", "DescribeTargetHealth", |_| Some(json!({"LoadBalancerIds": nobodys("lb", 31)}))),
    call("unknown-filter", "DescribeLoadBalancers", |_| {
        let filters = json!([{"Name": "no-such-filter", "Values": ["clb-conformance"]}]);
        Some(json!({"LoadBalancerIds": [NO_LOAD_BALANCER], "Filters": filters}))
    }),
    call("unknown-task", "DescribeTaskStatus", |_| Some(json!({"TaskId": "00000000-0000-4000-8000-000000000000"}))),
    call("no-task", "DescribeTaskStatus", |_| Some(json!({}))),
];

pub(super) const BELIEFS: &[Belief] = &[
    fact(Rights, "caller-named", "GetCallerIdentity needs no right and names the account.", &["caller"], |seen| {
        if seen.denied_actions().contains(&"GetCallerIdentity") {
            return Verdict::Differs("it was denied".to_owned());
        }
        seen.reply_of("caller", |reply| {
            let is_there = reply["AccountId"].as_str().is_some_and(|account| !account.is_empty());
            (is_there, if is_there { "AccountId is there" } else { "AccountId is missing" }.to_owned())
        })
    }),
    assumption(
        Rights,
        "all-is-allowed",
        "The key may call every action that the controller needs.",
        &["caller"],
        |seen| {
            let denied = seen.denied_actions();
            let answered = seen.answered_actions();
            let missing: Vec<_> = ACTIONS.iter().filter(|action| !answered.contains(*action)).copied().collect();
            match (denied.is_empty(), missing.is_empty()) {
                (false, _) => Verdict::Differs(denied.join(", ")),
                (true, true) => Verdict::Believed("nothing was denied".to_owned()),
                (true, false) => seen.left_out(&missing),
            }
        },
    ),
    fact(
        Reading,
        "quotas-named",
        "DescribeQuota has the quotas of listeners, rules and targets.",
        &["quota"],
        |seen| {
            seen.reply_of("quota", |reply| {
                let rows = reply["QuotaSet"].as_array().map(Vec::as_slice).unwrap_or_default();
                let has = |name: &&str| rows.iter().any(|row| row["QuotaId"] == **name && row["QuotaLimit"].is_i64());
                let missing: Vec<_> = QUOTAS.iter().filter(|name| !has(name)).copied().collect();
                let words =
                    if missing.is_empty() { "all three".to_owned() } else { format!("without {}", missing.join(", ")) };
                (missing.is_empty(), words)
            })
        },
    ),
    fact(
        Reading,
        "unknown-parameters-refused",
        "A parameter that the action does not have is refused with UnknownParameter.",
        &["unknown-parameter"],
        |seen| seen.refused("unknown-parameter", &["UnknownParameter"], &[]),
    ),
    fact(
        Reading,
        "missing-parameters-refused",
        "A required parameter that is missing is refused with MissingParameter.",
        &["missing-parameter"],
        |seen| seen.refused("missing-parameter", &["MissingParameter"], &[]),
    ),
    fact(
        Reading,
        "types-checked",
        "A parameter of another type is refused with InvalidParameter or what refines it.",
        &["wrong-type"],
        |seen| seen.refused("wrong-type", &["InvalidParameter", "InvalidParameterValue"], &[]),
    ),
    fact(
        Reading,
        "unknown-load-balancers-absent",
        "DescribeLoadBalancers leaves out ids that nothing has.",
        &["unknown-load-balancer"],
        |seen| seen.rows("unknown-load-balancer", "LoadBalancerSet", 0),
    ),
    fact(
        Reading,
        "listeners-of-nothing",
        "DescribeListeners of an unknown load balancer is refused with InvalidParameter.LBIdNotFound and the words \"not exist\".",
        &["unknown-listeners"],
        |seen| {
            seen.refused_for(
                About::NoLoadBalancer,
                "unknown-listeners",
                &["InvalidParameter.LBIdNotFound"],
                &["not exist"],
            )
        },
    ),
    fact(
        Reading,
        "targets-of-nothing",
        "DescribeTargets of an unknown load balancer is refused with InvalidParameter.LBIdNotFound.",
        &["unknown-targets"],
        |seen| seen.refused_for(About::NoLoadBalancer, "unknown-targets", &["InvalidParameter.LBIdNotFound"], &[]),
    ),
    fact(
        Reading,
        "health-of-nothing",
        "DescribeTargetHealth of an unknown load balancer is refused with InvalidParameter.LBIdNotFound.",
        &["unknown-health"],
        |seen| seen.refused_for(About::NoLoadBalancer, "unknown-health", &["InvalidParameter.LBIdNotFound"], &[]),
    ),
    fact(Limits, "load-balancers-20", "DescribeLoadBalancers takes at most 20 ids.", &["ids-21"], |seen| {
        seen.refused("ids-21", &["InvalidParameterValue.Length"], &[])
    }),
    fact(Limits, "pages-100", "DescribeLoadBalancers shows at most 100 at once.", &["page-101"], |seen| {
        seen.refused("page-101", &["InvalidParameterValue"], &[])
    }),
    fact(Limits, "health-30", "DescribeTargetHealth takes at most 30 load balancers.", &["health-31"], |seen| {
        seen.refused("health-31", &["InvalidParameterValue.Length"], &[])
    }),
    fact(
        Reading,
        "unknown-filters-refused",
        "A filter that DescribeLoadBalancers does not have is refused with InvalidParameterValue.InvalidFilter.",
        &["unknown-filter"],
        |seen| seen.refused("unknown-filter", &["InvalidParameterValue.InvalidFilter"], &[]),
    ),
    fact(
        Locks,
        "unknown-tasks-refused",
        "DescribeTaskStatus of an unknown task is refused with InvalidParameter.",
        &["unknown-task"],
        |seen| seen.refused_for(About::Missing, "unknown-task", &["InvalidParameter"], &[]),
    ),
    fact(
        Locks,
        "tasks-named",
        "DescribeTaskStatus without TaskId and DealName is refused with InvalidParameter.",
        &["no-task"],
        |seen| seen.refused("no-task", &["InvalidParameter"], &[]),
    ),
];
