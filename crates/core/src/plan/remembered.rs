//! What earlier rounds have seen and done, which no single read shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::api::mark::TargetTag;
use crate::model::{Address, ListenerId, LoadBalancerId, ObjectKey, RegisteredTarget, Route, Weight};

use super::health::{HealthTable, health_table, is_healthy};
use super::placement::Creation;
use super::{Cloud, HeldWeight, Observed, Outcome, Plan, Snapshot, Step, StepOutcome};

/// What earlier rounds have seen and done, as far as this controller has looked without a break. Forgetting it makes rounds wait
/// longer, and never does harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Since when things have been as they are.
    pub since: BTreeMap<Sighting, Since>,
    /// Targets that were registered, each with the UID of its Pod.
    pub registered: BTreeMap<(Route, Address), String>,
    /// Listeners that were deleted, or from which all targets of ours were taken, by tasks that ended well.
    pub cleared: BTreeSet<(Cleared, ListenerId)>,
    /// Some read has shown a tag.
    pub tags_shown: Ended,
    /// Weights of Pods that their targets do not show, by name of the Pod; as the status records them.
    pub weights: BTreeMap<(Route, String), HeldWeight>,
    /// Targets that were registered and have not been found healthy since.
    pub unproven: BTreeSet<(Route, Address)>,
    /// Targets whose weight the cloud does not take.
    pub refused_weights: BTreeSet<(Route, Address)>,
    /// Marks that targets were given in place of those of former bindings: where the cloud does not show them they are not given again.
    pub retagged: BTreeSet<(Route, Address, String)>,
    /// Where the cloud does not take targets that are to be registered.
    pub refused_registrations: BTreeSet<Route>,
    /// Health as the last read that answered showed it.
    pub health: Arc<HealthTable>,
    /// Some read of health has answered.
    pub health_read: Ended,
    /// The targets as the last read showed them.
    pub targets: Arc<BTreeMap<Route, Vec<RegisteredTarget>>>,
    /// The load balancer was deleted, by a task that ended well.
    pub load_balancer: Ended,
    /// The load balancer that was made, by a task that ended well, with the token that asked for it; `None` when none was, or the cloud
    /// named none. Reads by tag may be slow to find it.
    pub made: Option<(String, LoadBalancerId)>,
    /// The load balancer that the cloud has last refused to make. The same call may be made again, however old its wish is.
    pub refused_creation: Option<Creation>,
}

/// What was taken from a listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cleared {
    /// Everything: it was deleted.
    Whole,
    /// The targets of the binding of this UID, as far as a step could.
    TargetsOf(String),
}

/// Whether something was brought to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    /// It was not, as far as is known.
    #[default]
    No,
    /// It was.
    Yes,
}

/// Since when something has been the case. It is counted by the clock that never goes back and not by the one on the wall, so that a step
/// of that one proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// When it was first seen, by [`Snapshot::at`].
    pub at: Duration,
    /// How long it had been the case by then, as another controller has recorded; never negative.
    pub before: SignedDuration,
}

impl Since {
    /// How long it has been the case.
    pub fn lasts(&self, snapshot: &Snapshot) -> SignedDuration {
        self.lasts_at(snapshot.at)
    }

    /// The same, at a moment.
    pub(super) fn lasts_at(&self, at: Duration) -> SignedDuration {
        let seen = SignedDuration::try_from(at.saturating_sub(self.at)).unwrap_or(SignedDuration::MAX);
        seen.saturating_add(self.before)
    }
}

/// Something that counts by how long it has been the case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sighting {
    /// No read shows the load balancer.
    LoadBalancerNotShown,
    /// No read shows anything of the binding of this UID, of which something is recorded.
    NothingShown(String),
    /// The slices of this Service do not name the Pods that it stands for.
    SlicesStale(ObjectKey),
    /// A target of a living Pod is on its way out, and has weight.
    Leaving(Route, Address),
    /// A target of a living Pod is on its way out, and has no weight.
    Drained(Route, Address),
    /// A target has no mark, so that nobody knows for which Pod it was registered; the Pod of this UID has the address.
    Unmarked(Route, Address, String),
}

impl Remembered {
    /// Takes in what a round has seen, by a read that no task of ours could have changed meanwhile.
    pub fn see(&mut self, snapshot: &Snapshot, plan: &Plan) {
        if matches!(snapshot.cloud, Cloud::Failed(_)) {
            // It has shown nothing, and takes nothing back.
            return;
        }
        let seen = plan.sightings.iter().chain(plan.bindings.iter().flat_map(|binding| &binding.sightings));
        let since = |sighting: &Sighting| {
            let first = || Since { at: snapshot.at, before: recorded_before(sighting, snapshot, plan) };
            self.since.get(sighting).copied().unwrap_or_else(first)
        };
        self.since = seen.map(|sighting| (sighting.clone(), since(sighting))).collect();
        if let Cloud::Observed(observed) = &snapshot.cloud {
            let rows = plan.bindings.iter().flat_map(|binding| &binding.held_weights);
            self.weights = rows.map(|row| ((row.route.clone(), row.pod.clone()), row.clone())).collect();
            let mut targets = observed.targets.values().flatten();
            if targets.any(|target| !target.tag.is_empty()) {
                self.tags_shown = Ended::Yes;
            }
            self.cleared.retain(|(what, id)| !is_shown(observed, what, id));
            self.registered.retain(|(route, address), _| is_target(observed, route, *address));
            self.retagged.retain(|(route, address, _)| is_target(observed, route, *address));
            self.unproven.retain(|(route, address)| is_target(observed, route, *address));
            if *self.targets != observed.targets {
                self.targets = Arc::new(observed.targets.clone());
            }
            self.see_health(observed);
        }
    }

    fn see_health(&mut self, observed: &Observed) {
        let Ok(rows) = &observed.health else { return };
        if !rows.is_empty() {
            self.health_read = Ended::Yes;
        }
        let table = health_table(observed);
        let is_healthy = |key: &(Route, Address)| is_healthy(table.get(key).copied());
        self.unproven.retain(|key| !is_healthy(key));
        if *self.health != table {
            self.health = Arc::new(table);
        }
    }

    /// What was read of a target is not true of what has its place now.
    fn forget_health(&mut self, route: &Route, address: Address) {
        let key = (route.clone(), address);
        if self.health.contains_key(&key) {
            Arc::make_mut(&mut self.health).remove(&key);
        }
    }

    /// The weight that the last read showed of a target; `None` of one that it did not show.
    pub(super) fn weight(&self, route: &Route, address: Address) -> Option<Weight> {
        self.targets.get(route)?.iter().find(|target| target.address == address).map(|target| target.weight)
    }

    /// Takes in whether the cloud has refused to make a load balancer. Of one that it may have made nobody may say so.
    pub fn note_creation(&mut self, outcome: &Outcome) {
        for (step, outcome) in &outcome.steps {
            let Step::CreateLoadBalancer(creation) = step else { continue };
            match outcome {
                StepOutcome::Failed(failure) if !failure.class.may_be_done() => {
                    self.refused_creation = Some(creation.as_ref().clone());
                }
                StepOutcome::Failed(_) | StepOutcome::Done | StepOutcome::Submitted(_) => self.refused_creation = None,
                StepOutcome::Held(_) | StepOutcome::Skipped => {}
            }
        }
    }

    /// Takes in a task that has ended well, with the load balancers that it names.
    pub fn end_task(&mut self, step: &Step, made: Vec<LoadBalancerId>) {
        if let (Step::CreateLoadBalancer(creation), Some(first)) = (step, made.into_iter().min()) {
            self.made = Some((creation.token.clone(), first));
        }
        self.end(step);
    }

    /// Takes in a step that was brought to a good end.
    pub fn end(&mut self, step: &Step) {
        match step {
            Step::Register(targets) => {
                let row = |one: &super::Registration| ((one.route.clone(), one.address), one.pod_uid.clone());
                self.registered.extend(targets.iter().map(row));
                self.unproven.extend(targets.iter().map(|one| (one.route.clone(), one.address)));
                for one in targets {
                    self.forget_health(&one.route, one.address);
                }
                for one in targets {
                    self.cleared.remove(&(Cleared::TargetsOf(one.owner.clone()), one.route.listener.clone()));
                }
            }
            Step::Deregister(targets) => {
                let of = |one: &super::Removal| (Cleared::TargetsOf(one.owner.clone()), one.route.listener.clone());
                self.cleared.extend(targets.iter().map(of));
                for one in targets {
                    let key = (one.route.clone(), one.address);
                    self.registered.remove(&key);
                    self.unproven.remove(&key);
                    self.forget_health(&one.route, one.address);
                }
            }
            Step::DeleteListeners(ids) => self.cleared.extend(ids.iter().map(|(id, _)| (Cleared::Whole, id.clone()))),
            Step::Retag(all) => {
                self.retagged.extend(all.iter().map(|one| (one.route.clone(), one.address, one.tag.clone())));
            }
            Step::DeleteLoadBalancer => self.load_balancer = Ended::Yes,
            _ => {}
        }
    }
}

/// How long something that is seen for the first time has been the case, as a status records it.
fn recorded_before(sighting: &Sighting, snapshot: &Snapshot, plan: &Plan) -> SignedDuration {
    let Sighting::Drained(route, address) = sighting else { return SignedDuration::ZERO };
    let rows = plan.bindings.iter().flat_map(|binding| &binding.draining);
    let since = rows.filter(|row| row.route == *route && row.address == *address).map(|row| row.since).min();
    since.map_or(SignedDuration::ZERO, |since| snapshot.now.duration_since(since)).max(SignedDuration::ZERO)
}

fn is_target(observed: &Observed, route: &Route, address: Address) -> bool {
    observed.targets.get(route).is_some_and(|all| all.iter().any(|target| target.address == address))
}

/// What counts as cleared is shown again.
fn is_shown(observed: &Observed, what: &Cleared, id: &ListenerId) -> bool {
    match what {
        Cleared::Whole => observed.listeners.iter().any(|listener| listener.id == *id),
        Cleared::TargetsOf(uid) => {
            observed.targets.iter().filter(|(route, _)| route.listener == *id).any(|(_, all)| {
                all.iter().any(|target| match TargetTag::parse(&target.tag) {
                    Some(tag) => tag.binding_uid == *uid,
                    None => target.tag.is_empty(),
                })
            })
        }
    }
}
