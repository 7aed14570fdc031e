//! How a Deployment replaces Pods: its ReplicaSets, and how many Pods each is to have.
//!
//! As `pkg/controller/deployment/rolling.go` of Kubernetes does it; sets are not scaled in proportion while a rollout is under way.

use std::collections::BTreeMap;

use crate::workload::Workload;

/// A ReplicaSet.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    /// What its Pods are made from.
    pub(crate) template: Workload,
    /// How many Pods it is to have.
    pub(crate) replicas: usize,
}

/// The ReplicaSets of a Deployment, by revision.
pub(crate) type Sets = BTreeMap<u32, Set>;

/// Takes the next step of a rolling update, or of a change of scale. `available` says how many Pods of each revision are ready.
pub(crate) fn roll(sets: &mut Sets, workload: &Workload, available: &BTreeMap<u32, usize>) {
    sets.retain(|revision, set| set.replicas > 0 || *revision == workload.revision);
    sets.entry(workload.revision).or_insert_with(|| Set { template: workload.clone(), replicas: 0 });
    let all: usize = sets.values().map(|set| set.replicas).sum();
    if let Some(new) = sets.get_mut(&workload.revision) {
        new.template.clone_from(workload);
        let most = if all == new.replicas { workload.replicas } else { workload.replicas + surge(workload) };
        let room = most.saturating_sub(all).min(workload.replicas.saturating_sub(new.replicas));
        new.replicas = (new.replicas + room).min(workload.replicas);
    }
    scale_down(sets, workload, available);
}

/// One of both has to be above 0.
fn surge(workload: &Workload) -> usize {
    workload.surge.max(usize::from(workload.unavailable == 0))
}

/// Old sets lose Pods that are not ready, as far as enough are left when the new ones are not ready either, and then those that are.
fn scale_down(sets: &mut Sets, workload: &Workload, available: &BTreeMap<u32, usize>) {
    let ready = |revision: &u32| available.get(revision).copied().unwrap_or_default();
    let least = workload.replicas.saturating_sub(workload.unavailable);
    let all: usize = sets.values().map(|set| set.replicas).sum();
    let of_new = sets.get(&workload.revision).map_or(0, |set| set.replicas);
    let missing = of_new.saturating_sub(ready(&workload.revision));
    let mut room = all.saturating_sub(least + missing);
    for (revision, set) in sets.iter_mut().filter(|(revision, _)| **revision != workload.revision) {
        let unhealthy = set.replicas.saturating_sub(ready(revision)).min(room);
        set.replicas -= unhealthy;
        room -= unhealthy;
    }
    let mut spare = sets.keys().map(ready).sum::<usize>().saturating_sub(least).min(room);
    for (_, set) in sets.iter_mut().filter(|(revision, _)| **revision != workload.revision) {
        let fewer = set.replicas.min(spare);
        set.replicas -= fewer;
        spare -= fewer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(replicas: usize, revision: u32, surge: usize, unavailable: usize) -> Workload {
        Workload {
            kind: crate::workload::Kind::Deployment,
            other_gate: false,
            name: "web".to_owned(),
            app: "web".to_owned(),
            replicas,
            revision,
            surge,
            unavailable,
            grace: 30,
            pre_stop: 0,
            gate: true,
            weight: None,
            broken: false,
        }
    }

    /// The sets after one step after another, with so many ready Pods in each before it.
    fn steps(workload: &Workload, before: &[(u32, usize)], ready: &[&[(u32, usize)]]) -> Vec<Vec<(u32, usize)>> {
        let set =
            |(revision, replicas): &(u32, usize)| (*revision, Set { template: workload.clone(), replicas: *replicas });
        let mut sets: Sets = before.iter().map(set).collect();
        let step = |ready: &&[(u32, usize)]| {
            roll(&mut sets, workload, &ready.iter().copied().collect());
            sets.iter().map(|(revision, set)| (*revision, set.replicas)).collect()
        };
        ready.iter().map(step).collect()
    }

    #[test]
    fn a_rollout_goes_up_first_and_down_as_new_pods_are_ready() {
        let found = steps(&workload(3, 2, 1, 0), &[(1, 3)], &[&[(1, 3)], &[(1, 3), (2, 1)], &[(1, 2), (2, 1)]]);
        assert_eq!(found, [vec![(1, 3), (2, 1)], vec![(1, 2), (2, 1)], vec![(1, 2), (2, 2)]]);
    }

    /// Seen on a real control plane: 4 old Pods that are not ready stay beside 2 new ones that are not.
    #[test]
    fn old_pods_that_are_not_ready_stay_while_new_ones_are_not_either() {
        let found = steps(&workload(4, 2, 2, 0), &[(1, 4)], &[&[], &[], &[(2, 2)]]);
        assert_eq!(found, [vec![(1, 4), (2, 2)], vec![(1, 4), (2, 2)], vec![(1, 2), (2, 2)]]);
    }

    #[test]
    fn a_scale_that_changes_changes_the_only_set() {
        assert_eq!(steps(&workload(5, 1, 1, 0), &[(1, 2)], &[&[(1, 2)]]), [vec![(1, 5)]]);
        assert_eq!(steps(&workload(0, 1, 1, 0), &[(1, 2)], &[&[(1, 2)]]), [vec![(1, 0)]]);
    }

    #[test]
    fn with_one_that_may_be_missing_one_goes_at_once() {
        let found = steps(&workload(2, 2, 1, 1), &[(1, 2)], &[&[(1, 2)]]);
        assert_eq!(found, [vec![(1, 1), (2, 1)]]);
    }
}
