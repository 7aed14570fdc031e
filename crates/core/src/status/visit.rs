//! The first look at load balancers after a start: which come first, and what it may say of them.

use crate::api::condition::ConditionType;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus};
use crate::model::{Pod, Service};
use crate::mutant::{self, Mutant};
use crate::plan::{Cloud, Snapshot, selects};

/// Which of the rounds over a load balancer this is, since this controller looks after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visit {
    /// The first: what a status says was found by another controller, or by this one before it was started anew.
    #[default]
    First,
    /// A later one.
    Later,
}

/// When the first round over a load balancer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FirstLook {
    /// Somebody waits for it.
    Now,
    /// Nothing waits for it, as far as is known: it comes when the calls of others leave room.
    InTurn,
}

/// When the first round that concerns a binding comes. `unsettled` are Pods of its namespace, those that
/// [may wait for one](is_unsettled) at least.
pub fn first_look<'a>(
    binding: &DirectAccessBinding,
    service: Option<&Service>,
    mut unsettled: impl Iterator<Item = &'a Pod>,
) -> FirstLook {
    let is_at_rest = |status: &DirectAccessBindingStatus| {
        let is_ready = |found: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
            found.type_ == ConditionType::Ready.as_str() && found.status == "True"
        };
        let leaves = status.targets.as_ref().is_some_and(|targets| targets.retained > 0 || targets.draining > 0);
        status.conditions.iter().any(is_ready)
            && Some(status.observed_generation) == binding.metadata.generation
            && status.draining.is_empty()
            && !leaves
    };
    let is_at_rest = binding.status.as_ref().is_some_and(is_at_rest)
        && binding.metadata.deletion_timestamp.is_none()
        && !binding.asks_for_round();
    let waits = |pod: &Pod| is_unsettled(pod) && service.is_some_and(|service| selects(service, pod));
    if is_at_rest && !unsettled.any(waits) { FirstLook::InTurn } else { FirstLook::Now }
}

/// The Pod is about to end, or waits for its gate.
pub fn is_unsettled(pod: &Pod) -> bool {
    pod.deleting_since.is_some() || pod.gate.is_waiting()
}

/// The status stays as it is, because the first read of this controller has failed. What another one has found is no worse known than
/// before; when the next read fails, too, it is said.
pub(super) fn is_kept(
    visit: Visit,
    snapshot: &Snapshot,
    binding: &DirectAccessBinding,
    previous: &DirectAccessBindingStatus,
) -> bool {
    let is_unread = match &snapshot.cloud {
        Cloud::Failed(_) => true,
        Cloud::Observed(observed) => observed.health.is_err(),
        Cloud::Missing(_) | Cloud::Unplaced(_) => false,
    };
    visit == Visit::First
        && !mutant::is(Mutant::FirstLookTells)
        && is_unread
        && !previous.conditions.is_empty()
        && Some(previous.observed_generation) == binding.metadata.generation
        && !binding.asks_for_round()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::SignedDuration;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;
    use crate::api::names;
    use crate::model::{Class, Failure, GateState, Region};
    use crate::plan::tests::world::World;
    use crate::plan::{Outcome, plan};
    use crate::status::{Round, binding_status};

    /// A world at rest: two Pods, registered, healthy, with open gates.
    fn at_rest() -> World {
        let mut world = World::new(&json!({})).with_pods(1..=2);
        world.add_own_listener();
        world.converge();
        world.heal();
        world.round();
        for number in 1..=2 {
            world.pod(number).gate = GateState::Open;
        }
        world.round();
        world
    }

    type Change = fn(&mut World);

    fn look(world: &World) -> FirstLook {
        first_look(&world.bindings[0], world.service.as_ref(), world.pods.values())
    }

    #[test]
    fn those_come_first_for_which_somebody_waits() {
        assert_eq!(look(&at_rest()), FirstLook::InTurn);
        let changes: [(&str, Change); 9] = [
            ("a Pod ends", |world| world.pod(1).deleting_since = Some(world.now)),
            ("a gate waits", |world| world.pod(1).gate = GateState::Unset),
            ("it is new", |world| Arc::make_mut(&mut world.bindings[0]).status = None),
            ("its spec has changed", |world| Arc::make_mut(&mut world.bindings[0]).metadata.generation = Some(2)),
            ("it is being deleted", |world| {
                Arc::make_mut(&mut world.bindings[0]).metadata.deletion_timestamp = Some(Time(world.now));
            }),
            ("a round was asked for", |world| {
                let asked = [(names::RECONCILE_REQUESTED_AT.to_owned(), "now".to_owned())];
                Arc::make_mut(&mut world.bindings[0]).metadata.annotations = Some(asked.into());
            }),
            ("it is not ready", |world| {
                let status = Arc::make_mut(&mut world.bindings[0]).status.as_mut().unwrap();
                for condition in &mut status.conditions {
                    condition.status = "False".to_owned();
                }
            }),
            ("targets serve until others do", |world| {
                let status = Arc::make_mut(&mut world.bindings[0]).status.as_mut().unwrap();
                status.targets.as_mut().unwrap().retained = 1;
            }),
            ("targets are drained", |world| {
                let status = Arc::make_mut(&mut world.bindings[0]).status.as_mut().unwrap();
                status.targets.as_mut().unwrap().draining = 1;
            }),
        ];
        for (what, change) in changes {
            let mut world = at_rest();
            change(&mut world);
            assert_eq!(look(&world), FirstLook::Now, "{what}");
        }
        let mut world = at_rest();
        world.pod(1).deleting_since = Some(world.now);
        world.pod(1).labels.clear();
        assert_eq!(look(&world), FirstLook::InTurn, "a Pod of somebody else ends");
    }

    /// Whether a round changes the status.
    fn changes(world: &World, visit: Visit) -> bool {
        let snapshot = world.snapshot();
        let round = Round {
            snapshot: &snapshot,
            outcome: &Outcome::default(),
            region: &Region::new("ap-guangzhou"),
            failed_task: None,
            refused_gates: &[],
            refused_writes: &[],
            visit,
        };
        let view = &snapshot.bindings[0];
        let previous = view.binding.status.clone().unwrap_or_default();
        binding_status(&round, view, &plan(&snapshot).bindings[0], &[], &previous) != previous
    }

    #[test]
    fn a_first_read_that_fails_changes_no_status_and_the_second_does() {
        let failure = |class| Failure {
            class,
            action: "DescribeListeners",
            code: "Code".to_owned(),
            message: "words".to_owned(),
            request_id: None,
        };
        for class in Class::ALL {
            for is_health in [false, true] {
                let mut world = at_rest();
                world.now += SignedDuration::from_secs(1);
                if is_health {
                    world.health_failure = Some(failure(class));
                } else {
                    world.unread = Some(Cloud::Failed(failure(class)));
                }
                assert!(!changes(&world, Visit::First), "{class:?}");
                assert!(changes(&world, Visit::Later), "{class:?}");
                Arc::make_mut(&mut world.bindings[0]).metadata.generation = Some(2);
                assert!(changes(&world, Visit::First), "{class:?}: a new spec gets an answer");
                Arc::make_mut(&mut world.bindings[0]).status = None;
                assert!(changes(&world, Visit::First), "{class:?}: a new binding gets a status");
            }
        }
        assert!(!changes(&at_rest(), Visit::Later));
    }
}
