//! What a load balancer shows, its names and its attributes.

use serde_json::{Value, json};

use super::super::belief::Family::{Attributes, Limits, Tags};
use super::super::belief::{Belief, assumption, fact};
use super::super::step::Needs::OwnLoadBalancer;
use super::super::step::{PREFIX, Scene, Step, call};

const SET: &str = "LoadBalancerSet";

fn shown(scene: &Scene<'_>) -> Option<Value> {
    Some(json!({"LoadBalancerIds": [scene.load_balancer()?]}))
}

fn change(scene: &Scene<'_>, member: &str, value: impl Into<Value>) -> Option<Value> {
    let mut body = json!({"LoadBalancerId": scene.load_balancer()?});
    body[member] = value.into();
    Some(body)
}

pub(super) const STEPS: &[Step] = &[
    call("created", "DescribeLoadBalancers", shown),
    call("rename", "ModifyLoadBalancerAttributes", |scene| change(scene, "LoadBalancerName", scene.named("renamed")))
        .needs(OwnLoadBalancer),
    call("renamed", "DescribeLoadBalancers", shown).needs(OwnLoadBalancer),
    call("rename-dots", "ModifyLoadBalancerAttributes", |scene| {
        change(scene, "LoadBalancerName", scene.named("with.dots"))
    })
    .needs(OwnLoadBalancer),
    call("rename-81", "ModifyLoadBalancerAttributes", |scene| {
        change(scene, "LoadBalancerName", format!("{:x<81}", scene.asked.name()))
    })
    .needs(OwnLoadBalancer),
    call("rename-space", "ModifyLoadBalancerAttributes", |scene| {
        change(scene, "LoadBalancerName", scene.named("with a space"))
    })
    .needs(OwnLoadBalancer),
    call("pass-to-target", "ModifyLoadBalancerAttributes", |scene| change(scene, "LoadBalancerPassToTarget", true))
        .needs(OwnLoadBalancer),
    call("passes-to-target", "DescribeLoadBalancers", shown).needs(OwnLoadBalancer),
    call("no-security-groups", "SetLoadBalancerSecurityGroups", |scene| change(scene, "SecurityGroups", json!([])))
        .needs(OwnLoadBalancer),
];

pub(super) const BELIEFS: &[Belief] = &[
    fact(Attributes, "in-service", "A load balancer in service has Status 1 and Forward 1.", &["created"], |seen| {
        seen.row_of("created", SET, |row| {
            let (status, forward) = (&row["Status"], &row["Forward"]);
            (*status == 1 && *forward == 1, format!("Status {status}, Forward {forward}"))
        })
    }),
    fact(
        Tags,
        "load-balancer-tags",
        "A load balancer shows the tags that it was made with.",
        &["create", "created"],
        |seen| {
            seen.row_of("created", SET, |row| {
                let tags = row["Tags"].as_array().map(Vec::as_slice).unwrap_or_default();
                let has = tags.iter().any(|tag| tag["TagKey"] == PREFIX);
                (has, format!("{} tags", tags.len()))
            })
        },
    ),
    fact(Attributes, "renamed", "A load balancer can be renamed.", &["rename", "renamed"], |seen| {
        seen.row_of("renamed", SET, |row| {
            let name = row["LoadBalancerName"].as_str().unwrap_or_default();
            (name.ends_with("-renamed"), name.to_owned())
        })
    }),
    assumption(
        Attributes,
        "dots-in-names",
        "The name of a load balancer may have dots.",
        &["rename", "rename-dots"],
        |seen| seen.accepted("rename-dots", &["InvalidParameterValue", "InvalidParameter"]),
    ),
    fact(
        Limits,
        "names-80",
        "The name of a load balancer has at most 80 characters.",
        &["rename", "rename-81"],
        |seen| seen.refused("rename-81", &["InvalidParameterValue", "InvalidParameter"], &[]),
    ),
    fact(
        Attributes,
        "no-spaces-in-names",
        "The name of a load balancer has no spaces.",
        &["rename", "rename-space"],
        |seen| seen.refused("rename-space", &["InvalidParameterValue", "InvalidParameter"], &[]),
    ),
    fact(
        Attributes,
        "pass-to-target",
        "LoadBalancerPassToTarget can be switched on and is shown.",
        &["pass-to-target", "passes-to-target"],
        |seen| seen.member(("passes-to-target", SET), "LoadBalancerPassToTarget", &json!(true)),
    ),
    fact(
        Attributes,
        "no-security-groups",
        "An empty list of security groups is accepted, and unbinds all.",
        &["no-security-groups"],
        |seen| seen.accepted("no-security-groups", &["InvalidParameterValue", "InvalidParameter", "MissingParameter"]),
    ),
];
