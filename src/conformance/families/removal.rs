//! Taking away what was made, and what is left of it.

use serde_json::{Value, json};

use super::super::belief::Family::{Creation, Limits, Removal};
use super::super::belief::{Belief, Verdict, assumption, fact};
use super::super::seen::{About, Leg};
use super::super::step::Needs::OwnLoadBalancer;
use super::super::step::{Scene, Step, call};
use super::creation::creation;
use super::listeners::{UDP, read};
use super::{NO_LISTENER, nobodys};

fn delete_udp(scene: &Scene<'_>) -> Option<Value> {
    Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerId": scene.listener(UDP)?}))
}

fn delete(scene: &Scene<'_>) -> Option<Value> {
    // Never one that was given.
    Some(json!({"LoadBalancerIds": [scene.seen.created_load_balancer()?]}))
}

pub(super) const STEPS: &[Step] = &[
    call("delete-some-unknown", "DeleteLoadBalancerListeners", |scene| {
        let ids = [scene.listener(UDP)?, NO_LISTENER.to_owned()];
        Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": ids}))
    }),
    call("none-deleted", "DescribeListeners", |scene| read(scene, UDP)),
    call("delete-21", "DeleteLoadBalancerListeners", |scene| {
        Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": nobodys("lbl", 21)}))
    }),
    call("delete-udp", "DeleteListener", delete_udp),
    call("udp-deleted", "DescribeListeners", |scene| read(scene, UDP)),
    call("delete-udp-again", "DeleteListener", delete_udp),
    call("delete-tcp", "DeleteLoadBalancerListeners", |scene| {
        let listener = scene.listener(&["create-tcp"])?;
        Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": [listener]}))
    }),
    call("tcp-deleted", "DescribeListeners", |scene| read(scene, &["create-tcp"])),
    call("delete", "DeleteLoadBalancer", delete).needs(OwnLoadBalancer),
    call("deleted", "DescribeLoadBalancers", delete).needs(OwnLoadBalancer),
    call("delete-again", "DeleteLoadBalancer", delete).needs(OwnLoadBalancer),
    call("create-with-spent-token", "CreateLoadBalancer", creation).needs(OwnLoadBalancer).once(),
];

pub(super) const BELIEFS: &[Belief] = &[
    fact(
        Removal,
        "unknown-listeners-stop-deletions",
        "DeleteLoadBalancerListeners with an unknown id is refused with InvalidParameter; the words have \"some ListenerId\" and \"not \
         found\".",
        &["delete-some-unknown"],
        |seen| {
            seen.refused_for(
                About::Missing,
                "delete-some-unknown",
                &["InvalidParameter"],
                &["some listenerid", "not found"],
            )
        },
    ),
    fact(
        Removal,
        "deletions-are-whole",
        "DeleteLoadBalancerListeners deletes nothing when one of its ids is unknown.",
        &["none-deleted", "delete-some-unknown"],
        |seen| match seen.leg("delete-some-unknown") {
            // Refused for another reason, it deletes nothing in any case.
            Leg::Refused { code, .. } if !code.starts_with("InvalidParameter") => {
                Verdict::NotAsked(seen.leg("delete-some-unknown").words("delete-some-unknown"))
            }
            Leg::Silent(why) => Verdict::NotAsked(why.to_owned()),
            Leg::Refused { .. } => seen.rows("none-deleted", "Listeners", 1),
            Leg::Shown(_) => match seen.rows("none-deleted", "Listeners", 1) {
                // It may be done later, or not at all.
                Verdict::Believed(_) => {
                    Verdict::NotAsked("the deletion was accepted, and nothing was deleted".to_owned())
                }
                other => other,
            },
        },
    ),
    fact(Limits, "deletions-20", "DeleteLoadBalancerListeners takes at most 20 ids.", &["delete-21"], |seen| {
        seen.refused("delete-21", &["InvalidParameterValue.Length"], &[])
    }),
    fact(
        Removal,
        "listener-deleted",
        "A listener is gone when the task of DeleteListener has ended.",
        &["delete-udp", "udp-deleted"],
        |seen| seen.rows("udp-deleted", "Listeners", 0),
    ),
    fact(
        Removal,
        "deleted-listener-refused",
        "DeleteListener of a listener that is gone is refused with InvalidParameter or what refines it.",
        &["delete-udp", "delete-udp-again"],
        |seen| seen.refused_for(About::Missing, "delete-udp-again", &["InvalidParameter"], &[]),
    ),
    fact(
        Removal,
        "listeners-deleted",
        "A listener is gone when the task of DeleteLoadBalancerListeners has ended.",
        &["delete-tcp", "tcp-deleted"],
        |seen| seen.rows("tcp-deleted", "Listeners", 0),
    ),
    fact(
        Removal,
        "load-balancer-deleted",
        "A load balancer is not shown any more when the task of its deletion has ended.",
        &["delete", "deleted"],
        |seen| seen.rows("deleted", "LoadBalancerSet", 0),
    ),
    fact(
        Removal,
        "deleted-load-balancer-refused",
        "DeleteLoadBalancer of one that is gone is refused with InvalidParameter.LBIdNotFound.",
        &["delete", "delete-again"],
        |seen| seen.refused_for(About::NoLoadBalancer, "delete-again", &["InvalidParameter.LBIdNotFound"], &[]),
    ),
    assumption(
        Creation,
        "tokens-spent",
        "The ClientToken of a load balancer that was deleted is refused with ClientTokenLimitExceeded.",
        &["delete", "create-with-spent-token"],
        |seen| seen.refused("create-with-spent-token", &["InvalidParameter.ClientTokenLimitExceeded"], &[]),
    ),
];
