//! Making a load balancer, and finding it again.

use serde_json::{Value, json};

use super::super::belief::Family::{Creation, Locks, Tags};
use super::super::belief::{Belief, Verdict, assumption, fact};
use super::super::seen::{About, Leg};
use super::super::step::Needs::OwnLoadBalancer;
use super::super::step::{PREFIX, Scene, Step, call};

/// What nothing is named, and no tag has.
const NOBODYS: &str = "clb-conformance-nobodys";

/// What a refusal says of an account that makes load balancers with domain names only; there is no code for it.
const DOMAINS: &str = "domain clb";

/// The creation. Each call of it has the same parameters, and with them the same token.
pub(super) fn creation(scene: &Scene<'_>) -> Option<Value> {
    let asked = scene.asked;
    let mut body = json!({
        "LoadBalancerType": if asked.public { "OPEN" } else { "INTERNAL" },
        "Forward": 1,
        "LoadBalancerName": asked.name(),
        "Number": 1,
        "Tags": [{"TagKey": PREFIX, "TagValue": asked.run}],
        "ClientToken": asked.name(),
    });
    if asked.dynamic_vip {
        body["DynamicVip"] = json!(true);
    }
    for (member, value) in [("VpcId", &asked.vpc_id), ("SubnetId", &asked.subnet_id)] {
        if let Some(value) = value {
            body[member] = json!(value);
        }
    }
    Some(body)
}

fn by_filter(name: &str, value: &str) -> Value {
    json!({"Filters": [{"Name": name, "Values": [value]}]})
}

fn by_tag(scene: &Scene<'_>) -> Option<Value> {
    Some(by_filter(&format!("tag:{PREFIX}"), &scene.asked.run))
}

pub(super) const STEPS: &[Step] = &[
    call("create", "CreateLoadBalancer", creation).needs(OwnLoadBalancer).hurries(),
    call("found-at-once", "DescribeLoadBalancers", by_tag).needs(OwnLoadBalancer).hurries(),
    call("create-again", "CreateLoadBalancer", creation).needs(OwnLoadBalancer),
    call("found-by-tag", "DescribeLoadBalancers", by_tag).needs(OwnLoadBalancer),
    call("found-by-key", "DescribeLoadBalancers", |scene| {
        let mut body = by_filter("tag-key", PREFIX);
        body["LoadBalancerIds"] = json!([scene.load_balancer()?]);
        Some(body)
    })
    .needs(OwnLoadBalancer),
    call("found-by-another-tag", "DescribeLoadBalancers", |_| Some(by_filter(&format!("tag:{PREFIX}"), "nobodys")))
        .needs(OwnLoadBalancer),
    call("found-by-name", "DescribeLoadBalancers", |scene| {
        let name = scene.asked.name();
        Some(json!({"LoadBalancerName": name.get(..name.len().saturating_sub(1))?}))
    })
    .needs(OwnLoadBalancer),
    call("found-by-another-key", "DescribeLoadBalancers", |scene| {
        let mut body = by_filter("tag-key", NOBODYS);
        body["LoadBalancerIds"] = json!([scene.load_balancer()?]);
        Some(body)
    })
    .needs(OwnLoadBalancer),
    call("found-by-another-name", "DescribeLoadBalancers", |_| Some(json!({"LoadBalancerName": NOBODYS})))
        .needs(OwnLoadBalancer),
];

/// Load balancers that a read has shown.
fn set(reply: &Value) -> usize {
    reply["LoadBalancerSet"].as_array().map_or(0, Vec::len)
}

pub(super) const BELIEFS: &[Belief] = &[
    assumption(
        Creation,
        "ids-at-once",
        "CreateLoadBalancer answers with the ids of what it creates.",
        &["create"],
        |seen| {
            seen.reply_of("create", |reply| {
                let ids = reply["LoadBalancerIds"].as_array().map_or(0, Vec::len);
                (ids == 1, format!("{ids} ids"))
            })
        },
    ),
    assumption(
        Creation,
        "fixed-addresses",
        "The account makes load balancers with fixed addresses.",
        &["create"],
        |seen| match seen.leg("create") {
            _ if seen.recording().inputs.dynamic_vip => Verdict::LeftOut("--dynamic-vip was given".to_owned()),
            refused @ Leg::Refused { message, .. } if message.to_lowercase().contains(DOMAINS) => Verdict::Differs(
                format!("{}; give --dynamic-vip, or --load-balancer with one that is there", refused.words("create")),
            ),
            _ => seen.accepted("create", &[]),
        },
    ),
    fact(
        Creation,
        "tokens-replayed-while-there",
        "A creation that is repeated with its ClientToken answers with the same ids, and makes nothing new.",
        &["create", "create-again"],
        |seen| {
            let first = seen.reply("create").map(|reply| &reply["LoadBalancerIds"]);
            match first.filter(|ids| ids.get(0).is_some()) {
                Some(first) => {
                    seen.reply_unless("create-again", (&[About::Asked, About::Taken], &["InvalidParameter"]), |reply| {
                        let again = &reply["LoadBalancerIds"];
                        (again == first, format!("{first}, then {again}"))
                    })
                }
                None => Verdict::NotAsked("the creation was answered without ids".to_owned()),
            }
        },
    ),
    fact(
        Creation,
        "one-for-one-token",
        "Two calls with one ClientToken make one load balancer.",
        &["create-again", "found-by-tag"],
        |seen| seen.rows("found-by-tag", "LoadBalancerSet", 1),
    ),
    assumption(
        Tags,
        "tags-at-once",
        "A load balancer is found by its tag as soon as its creation is answered.",
        &["create", "found-at-once", "found-by-another-tag"],
        |seen| seen.filtered(("found-at-once", 1), "found-by-another-tag", set),
    ),
    fact(
        Locks,
        "creations-are-tasks",
        "The RequestId of a creation is a task, which names the load balancer when it has ended well.",
        &["create", "create/task"],
        |seen| {
            seen.reply_unless("create/task", (&[About::Asked, About::Missing], &["InvalidParameter"]), |reply| {
                let (status, ids) = (&reply["Status"], reply["LoadBalancerIds"].as_array().map_or(0, Vec::len));
                (*status == 0 && ids == 1, format!("Status {status}, {ids} ids"))
            })
        },
    ),
    fact(
        Tags,
        "found-by-key",
        "DescribeLoadBalancers finds by tag-key.",
        &["found-by-key", "found-by-another-key"],
        |seen| seen.filtered(("found-by-key", 1), "found-by-another-key", set),
    ),
    fact(
        Tags,
        "other-tags-not-found",
        "DescribeLoadBalancers leaves out load balancers whose tag has another value.",
        &["found-by-another-tag"],
        |seen| seen.rows("found-by-another-tag", "LoadBalancerSet", 0),
    ),
    fact(
        Creation,
        "found-by-part-of-name",
        "LoadBalancerName of DescribeLoadBalancers finds by a part of the name.",
        &["create", "found-by-name", "found-by-another-name"],
        |seen| seen.filtered(("found-by-name", 1), "found-by-another-name", set),
    ),
];
