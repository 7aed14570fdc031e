//! Bounds of calls on targets. What they name is refused as it is, or is on listeners of the run.

use serde_json::{Value, json};

use super::super::belief::Family::{Limits, Targets};
use super::super::belief::{Belief, fact};
use super::super::seen::About;
use super::super::step::Needs::Target;
use super::super::step::{Scene, Step, call};
use super::{NO_LISTENER, nobodys};

/// So many targets at the first target's address, each at a port of its own.
fn many(scene: &Scene<'_>, number: u16, listener: Option<&str>) -> Option<Vec<Value>> {
    let ip = scene.target()?.0;
    let one = |place: u16| {
        let mut target = json!({"EniIp": ip, "Port": 30_001 + place});
        if let Some(listener) = listener {
            target["ListenerId"] = json!(listener);
        }
        target
    };
    Some((0..number).map(one).collect())
}

/// A call on the TCP listener with these targets.
fn single(scene: &Scene<'_>, targets: &[Value]) -> Option<Value> {
    let (load_balancer, listener) = (scene.load_balancer()?, scene.listener(&["create-tcp"])?);
    Some(json!({"LoadBalancerId": load_balancer, "ListenerId": listener, "Targets": targets}))
}

fn batch(scene: &Scene<'_>, targets: &[Value]) -> Option<Value> {
    Some(json!({"LoadBalancerId": scene.load_balancer()?, "Targets": targets}))
}

pub(super) const STEPS: &[Step] = &[
    call("register-21", "RegisterTargets", |scene| single(scene, &many(scene, 21, None)?)).needs(Target),
    call("register-501", "BatchRegisterTargets", |scene| {
        let listener = scene.listener(&["create-tcp"])?;
        batch(scene, &many(scene, 501, Some(&listener))?)
    })
    .needs(Target),
    call("register-twice", "RegisterTargets", |scene| {
        let one = many(scene, 1, None)?;
        single(scene, &[one.clone(), one].concat())
    })
    .needs(Target),
    call("weight-101", "RegisterTargets", |scene| {
        let mut targets = many(scene, 1, None)?;
        targets.iter_mut().for_each(|target| target["Weight"] = json!(101));
        single(scene, &targets)
    })
    .needs(Target),
    call("register-nowhere", "BatchRegisterTargets", |scene| batch(scene, &many(scene, 1, Some(NO_LISTENER))?))
        .needs(Target),
    call("targets-21", "DescribeTargets", |scene| {
        Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": nobodys("lbl", 21)}))
    }),
    call("unknown-target-filter", "DescribeTargets", |scene| {
        let filters = json!([{"Name": "no-such-filter", "Values": ["clb-conformance"]}]);
        let listener = scene.listener(&["create-tcp"])?;
        Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": [listener], "Filters": filters}))
    }),
];

pub(super) const BELIEFS: &[Belief] = &[
    fact(Limits, "targets-20", "RegisterTargets takes at most 20 targets.", &["register", "register-21"], |seen| {
        seen.refused("register-21", &["InvalidParameterValue.Length", "InvalidParameterValue", "InvalidParameter"], &[])
    }),
    fact(
        Limits,
        "batches-500",
        "BatchRegisterTargets takes at most 500 targets.",
        &["register", "register-501"],
        |seen| {
            seen.refused(
                "register-501",
                &["InvalidParameterValue.Length", "InvalidParameterValue", "InvalidParameter"],
                &[],
            )
        },
    ),
    fact(
        Targets,
        "duplicates-refused",
        "A call that names a target twice is refused with InvalidParameterValue.Duplicate.",
        &["register", "register-twice"],
        |seen| seen.refused("register-twice", &["InvalidParameterValue.Duplicate"], &[]),
    ),
    fact(Limits, "weights-100", "The weight of a target is at most 100.", &["register", "weight-101"], |seen| {
        seen.refused("weight-101", &["InvalidParameterValue", "InvalidParameter"], &[])
    }),
    fact(
        Targets,
        "unknown-listeners-in-batches",
        "BatchRegisterTargets on an unknown listener is refused with InvalidParameter.ListenerIdNotFound.",
        &["register", "register-nowhere"],
        |seen| seen.refused_for(About::Missing, "register-nowhere", &["InvalidParameter.ListenerIdNotFound"], &[]),
    ),
    fact(Limits, "targets-of-20-listeners", "DescribeTargets takes at most 20 listeners.", &["targets-21"], |seen| {
        seen.refused("targets-21", &["InvalidParameterValue.Length"], &[])
    }),
    fact(
        Targets,
        "unknown-target-filters-refused",
        "A filter that DescribeTargets does not have is refused with InvalidParameterValue.InvalidFilter.",
        &["unknown-target-filter"],
        |seen| seen.refused("unknown-target-filter", &["InvalidParameterValue.InvalidFilter"], &[]),
    ),
];
