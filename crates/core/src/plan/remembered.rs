//! What earlier rounds have seen and done, which no single read shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::{Address, ListenerId, ObjectKey, Route};

use super::{Cloud, Plan, Snapshot, Step};

/// What earlier rounds have seen and done, as far as this controller has looked without a break. Forgetting it makes rounds wait
/// longer, and never does harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Since when things have been as they are.
    pub since: BTreeMap<Sighting, Timestamp>,
    /// Targets that were registered, each with the UID of its Pod.
    pub registered: BTreeMap<(Route, Address), String>,
    /// Listeners that were deleted, or from which all targets of ours were taken, by tasks that ended well.
    pub cleared: BTreeSet<ListenerId>,
    /// The load balancer was deleted, by a task that ended well.
    pub load_balancer: Ended,
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
    /// A target has no mark, so that nobody knows for which Pod it was registered.
    Unmarked(Route, Address),
}

impl Remembered {
    /// Takes in what a round has seen, by a read that no task of ours could have changed meanwhile.
    pub fn see(&mut self, snapshot: &Snapshot, plan: &Plan) {
        let seen = plan.sightings.iter().chain(plan.bindings.iter().flat_map(|binding| &binding.sightings));
        let since = |sighting: &Sighting| self.since.get(sighting).copied().unwrap_or(snapshot.now);
        self.since = seen.map(|sighting| (sighting.clone(), since(sighting))).collect();
        if let Cloud::Observed(observed) = &snapshot.cloud {
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
            }
            Step::Deregister(targets) => {
                self.cleared.extend(targets.iter().map(|one| one.route.listener.clone()));
                for one in targets {
                    self.registered.remove(&(one.route.clone(), one.address));
                }
            }
            Step::DeleteListeners(ids) => self.cleared.extend(ids.iter().map(|(id, _)| id.clone())),
            Step::DeleteLoadBalancer => self.load_balancer = Ended::Yes,
            _ => {}
        }
    }
}
