//! What is created, when, and when a binding whose wish has brought nothing may go.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;
use crate::api::DirectAccessBindingStatus;
use crate::plan::tests::world::{ACCOUNT, World};
use crate::plan::{Cloud, Since, plan};

/// What there is of the binding and of its load balancer.
struct Case {
    /// Seconds since the wish was recorded.
    wished: Option<i64>,
    /// Seconds since the binding was deleted.
    deleted: Option<i64>,
    /// The load balancer with its tag.
    found: Option<State>,
    /// Seconds since no read has shown one.
    unseen: Option<i64>,
}

fn placed(case: &Case) -> (Vec<Step>, Option<Placement>, bool) {
    let spec = json!({"loadBalancer": {"create": {"network": "Public"}}, "deletionPolicy": "Delete"});
    let world = World::new(&spec);
    let ago = |seconds: i64| Time(world.now - SignedDuration::from_secs(seconds));
    let mut snapshot = world.snapshot();
    let Cloud::Observed(observed) = snapshot.cloud else { panic!("a world is observed") };
    let found = case.found.map(|status| LoadBalancer { status, ..observed.load_balancer });
    snapshot.cloud = Cloud::Unplaced(found.into_iter().collect());
    snapshot.load_balancer = LoadBalancerId::new("");
    let mut binding = (*snapshot.bindings[0].binding).clone();
    binding.metadata.deletion_timestamp = case.deleted.map(ago);
    binding.status = case.wished.map(|seconds| DirectAccessBindingStatus {
        load_balancer: Some(LoadBalancerStatus {
            created: true,
            account: Some(ACCOUNT.to_owned()),
            requested_time: Some(ago(seconds)),
            ..LoadBalancerStatus::default()
        }),
        ..DirectAccessBindingStatus::default()
    });
    snapshot.bindings[0].binding = binding.into();
    let since = |seconds: i64| {
        let before = SignedDuration::from_secs(seconds);
        (Sighting::NothingShown(world.binding_uid(0)), Since { at: world.at(), before })
    };
    snapshot.remembered.since = case.unseen.map(since).into_iter().collect();
    let mut plan = plan(&snapshot);
    let part = plan.bindings.remove(0);
    (plan.steps, part.placement, part.release == crate::plan::Release::Done)
}

#[test]
fn nothing_is_asked_for_before_the_wish_is_recorded() {
    let (steps, placement, _) = placed(&Case { wished: None, deleted: None, found: None, unseen: None });
    assert_eq!(steps, []);
    assert!(matches!(placement, Some(Placement::Wished(_))), "{placement:?}");
    let (steps, ..) = placed(&Case { wished: Some(1), deleted: None, found: None, unseen: None });
    let [Step::CreateLoadBalancer(creation)] = steps.as_slice() else { panic!("{steps:?}") };
    assert!(creation.token.len() <= 64 && creation.tags.iter().any(|(key, _)| key == OWNER_TAG), "{creation:?}");
}

#[test]
fn a_wish_that_brings_nothing_is_recorded_anew_for_another_token() {
    let token =
        |wished| match placed(&Case { wished: Some(wished), deleted: None, found: None, unseen: None }).0.as_slice() {
            [Step::CreateLoadBalancer(creation)] => Some(creation.token.clone()),
            _ => None,
        };
    assert_ne!(token(1), token(599));
    assert_eq!(token(600), None);
}

#[test]
fn what_is_found_is_adopted_once_it_runs() {
    let (steps, placement, _) =
        placed(&Case { wished: Some(1), deleted: None, found: Some(State::Creating), unseen: None });
    assert_eq!(steps, []);
    assert!(matches!(placement, Some(Placement::Wished(_))), "{placement:?}");
    let (steps, placement, _) =
        placed(&Case { wished: Some(1), deleted: None, found: Some(State::Running), unseen: None });
    assert_eq!((steps, placement), (vec![], Some(Placement::Found(LoadBalancerId::new("lb-1")))));
}

#[test]
fn a_deleted_binding_goes_when_no_load_balancer_can_come_any_more() {
    for (wished, deleted, found, unseen, expected) in [
        (None, 0, None, None, true),
        (Some(300), 29, None, Some(30), false),
        (Some(300), 30, None, None, false),
        (Some(300), 30, None, Some(29), false),
        (Some(300), 30, None, Some(30), true),
        (Some(300), 300, Some(State::Creating), Some(30), false),
        (Some(300), 300, Some(State::Running), Some(30), false),
    ] {
        let (steps, _, is_released) = placed(&Case { wished, deleted: Some(deleted), found, unseen });
        assert_eq!((steps, is_released), (vec![], expected), "{wished:?} {deleted} {found:?} {unseen:?}");
    }
}
