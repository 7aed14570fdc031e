//! What earlier rounds have seen and done, which no single read shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::api::condition::ChangeReason;
use crate::api::mark::TargetTag;
use crate::model::{Address, ListenerId, ObjectKey, Route, Weight};

use super::{Cloud, Observed, Plan, Snapshot, Step};

/// What earlier rounds have seen and done, as far as this controller has looked without a break. Forgetting it makes rounds wait
/// longer, and never does harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Since when things have been as they are.
    pub since: BTreeMap<Sighting, Timestamp>,
    /// Targets that were registered, each with the UID of its Pod.
    pub registered: BTreeMap<(Route, Address), String>,
    /// Listeners that were deleted, or from which all targets of ours were taken, by tasks that ended well.
    pub cleared: BTreeSet<(Cleared, ListenerId)>,
    /// Some read has shown a tag.
    pub tags_shown: Ended,
    /// The weights that targets had before this controller took them, because their Pods could not serve.
    pub weights: BTreeMap<(Route, Address), Weight>,
    /// The load balancer was deleted, by a task that ended well.
    pub load_balancer: Ended,
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
        let since = |sighting: &Sighting| self.since.get(sighting).copied().unwrap_or(snapshot.now);
        self.since = seen.map(|sighting| (sighting.clone(), since(sighting))).collect();
        if let Cloud::Observed(observed) = &snapshot.cloud {
            let mut targets = observed.targets.values().flatten();
            if targets.any(|target| !target.tag.is_empty()) {
                self.tags_shown = Ended::Yes;
            }
            self.cleared.retain(|(what, id)| !is_shown(observed, what, id));
            self.registered.retain(|(route, address), _| {
                observed.targets.get(route).is_some_and(|all| all.iter().any(|target| target.address == *address))
            });
        }
    }

    /// Takes in a step that was brought to a good end.
    pub fn end(&mut self, step: &Step) {
        match step {
            Step::Register(targets) => {
                let row = |one: &super::Registration| ((one.route.clone(), one.address), one.pod_uid.clone());
                self.registered.extend(targets.iter().map(row));
                for one in targets {
                    self.cleared.remove(&(Cleared::TargetsOf(one.owner.clone()), one.route.listener.clone()));
                }
            }
            Step::Reweight(changes) => {
                for change in changes {
                    let key = (change.route.clone(), change.address);
                    if change.to == 0 && change.from > 0 && change.reason != ChangeReason::UserWeight {
                        self.weights.insert(key, change.from);
                    } else {
                        self.weights.remove(&key);
                    }
                }
            }
            Step::Deregister(targets) => {
                let of = |one: &super::Removal| (Cleared::TargetsOf(one.owner.clone()), one.route.listener.clone());
                self.cleared.extend(targets.iter().map(of));
                for one in targets {
                    self.registered.remove(&(one.route.clone(), one.address));
                    self.weights.remove(&(one.route.clone(), one.address));
                }
            }
            Step::DeleteListeners(ids) => self.cleared.extend(ids.iter().map(|(id, _)| (Cleared::Whole, id.clone()))),
            Step::DeleteLoadBalancer => self.load_balancer = Ended::Yes,
            _ => {}
        }
    }
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
