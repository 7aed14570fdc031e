//! What goes on in the cluster by itself: controllers of workloads and of nodes, and kubelets.

mod change;
mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;

use crate::chance::Chance;
use crate::deployment::{self, Sets};
use crate::objects::Objects;
use crate::pod;
use crate::workload::{Kind, Workload};
use change::Released;
use node::{EVICTED, LOST, Silence};

/// What a kubelet knows of a Pod.
#[derive(Clone, Debug)]
struct Life {
    workload: String,
    revision: u32,
    node: usize,
    made: Duration,
    stage: Stage,
    /// It says that it is not ready: since when, and until when.
    unready: Option<(Duration, Duration)>,
    /// The controller of its other gate has taken it out, until then.
    taken_out: Option<Duration>,
    deleted: Option<Deletion>,
    /// Its workload has it no more.
    released: Option<Released>,
    /// The address that it had before its sandbox was made anew.
    left: Option<String>,
}

impl Life {
    /// It is one of the Pods that its workload has or waits for.
    fn counts(&self) -> bool {
        self.deleted.is_none() && self.released.is_none() && self.stage != Stage::Finished
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has no node yet.
    Pending(Start),
    /// It has a node, whose kubelet has not seen it yet.
    Bound(Start),
    /// Its containers are being made.
    Creating(Start),
    /// Its containers are ready then; `None`: never.
    Starting(Option<Duration>),
    Running,
    /// Its containers have ended, and its object stays.
    Finished,
    /// Its containers have ended; it is gone then.
    Ended(Duration),
}

/// When a Pod that is new goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Start {
    /// It gets a node.
    bound: Duration,
    /// The kubelet begins to make its containers.
    seen: Duration,
    /// It has an address, and its containers run.
    running: Duration,
    /// How long after that they are ready; `None`: never.
    ready: Option<Duration>,
}

/// When a Pod that is deleted goes on.
#[derive(Clone, Copy, Debug)]
struct Deletion {
    /// The end of its preStop hook, from which on it takes no connections.
    stops: Duration,
    /// The end of its containers.
    ends: Duration,
}

/// How many nodes there are.
const NODES: usize = 3;
/// The cluster.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) workloads: BTreeMap<String, Workload>,
    lives: BTreeMap<String, Life>,
    silent: BTreeMap<usize, Silence>,
    /// The ReplicaSets of each workload.
    sets: BTreeMap<String, Sets>,
    made: u64,
}

impl Cluster {
    /// Whether the Pod of this name takes connections now.
    pub(crate) fn serves(&self, name: &str, now: Duration) -> bool {
        self.lives.get(name).is_some_and(|life| {
            let is_off = self.silence(life.node, now).is_some_and(|silence| !silence.serves);
            !is_off && life.stage == Stage::Running && life.deleted.is_none_or(|deleted| now < deleted.stops)
        })
    }

    /// Whether the Pod of this name is not ready by its own probe, although it takes connections.
    pub(crate) fn is_unready(&self, name: &str, now: Duration) -> bool {
        self.lives.get(name).is_some_and(|life| life.unready.is_some_and(|(_, until)| now < until))
    }

    /// The workloads that are in the middle of a rolling update: they have Pods of several versions.
    pub(crate) fn in_rollout(&self) -> BTreeSet<&str> {
        let mut revisions: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
        for life in self.lives.values().filter(|life| life.counts()) {
            revisions.entry(&life.workload).or_default().insert(life.revision);
        }
        revisions.into_iter().filter(|(_, all)| all.len() > 1).map(|(name, _)| name).collect()
    }

    /// For how long the Pod of this name has not been ready by its own probe; `None` where it is.
    pub(crate) fn is_unready_since(&self, name: &str, now: Duration) -> Option<Duration> {
        let (since, _) = self.lives.get(name)?.unready.filter(|(_, until)| now < *until)?;
        Some(now.saturating_sub(since))
    }

    /// The Pod says that it is not ready until then.
    pub(crate) fn make_unready(&mut self, name: &str, now: Duration, until: Duration) {
        if let Some(life) = self.lives.get_mut(name) {
            life.unready = Some((now, until));
        }
    }

    /// The controller of its other gate takes a Pod out until then.
    pub(crate) fn take_out(&mut self, name: &str, until: Duration) {
        if let Some(life) = self.lives.get_mut(name) {
            life.taken_out = Some(until);
        }
    }

    /// Deletes a Pod.
    pub(crate) fn delete(&mut self, objects: &mut Objects, name: &str, now: Duration) {
        let (Some(life), Some(pod)) = (self.lives.get_mut(name), objects.pods.get(name)) else { return };
        if life.deleted.is_some() {
            return;
        }
        // A Pod without a node is gone at once; where no container runs, nothing is waited for.
        if matches!(life.stage, Stage::Pending(_)) {
            self.lives.remove(name);
            return objects.remove_pod(name);
        }
        let has_run = matches!(life.stage, Stage::Starting(_) | Stage::Running);
        let spec = pod.spec.clone().unwrap_or_default();
        let grace = spec.termination_grace_period_seconds.unwrap_or(30);
        let sleep = spec.containers.first().and_then(|one| one.lifecycle.as_ref()?.pre_stop.as_ref()?.sleep.as_ref());
        let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        // A kubelet of which nothing is heard hears nothing either.
        let heard = self.silent.get(&life.node).map_or(now, |silence| silence.until.max(now));
        let stops = heard + seconds(sleep.filter(|_| has_run).map_or(0, |sleep| sleep.seconds.min(grace)));
        let ends = (stops + Duration::from_secs(1)).min(heard + seconds(grace)).max(stops);
        life.deleted = Some(Deletion { stops, ends });
        if self.silent.get(&life.node).is_some_and(|silence| now < silence.until && !silence.serves) {
            // What is not running is not started again.
            life.stage = Stage::Ended(heard);
        }
        if life.stage == Stage::Finished {
            life.stage = Stage::Ended(heard + Duration::from_millis(200));
        }
        let mut pod = pod.clone();
        pod.metadata.deletion_timestamp = Some(Objects::later(&objects.time(), grace));
        pod.metadata.deletion_grace_period_seconds = Some(grace);
        objects.put_pod(pod);
    }

    /// Everything in the cluster goes on as far as it can now. Returns when it goes on next.
    pub(crate) fn sync(&mut self, objects: &mut Objects, now: Duration, chance: &mut Chance) -> Option<Duration> {
        self.silent.retain(|_, silence| now < silence.until);
        self.sync_nodes(objects, now);
        let workloads: Vec<_> = self.workloads.values().cloned().collect();
        for workload in &workloads {
            match workload.kind {
                Kind::Deployment => self.sync_deployment(objects, workload, now, chance),
                Kind::StatefulSet => self.sync_stateful(objects, workload, now, chance),
            }
        }
        self.sets.retain(|name, _| workloads.iter().any(|one| one.name == *name));
        let gone: Vec<String> = self
            .lives
            .keys()
            .filter(|name| self.lives[*name].released.is_none())
            .filter(|name| !workloads.iter().any(|one| self.lives[*name].workload == one.name))
            .cloned()
            .collect();
        gone.iter().for_each(|name| self.delete(objects, name, now));
        let names: Vec<_> = self.lives.keys().cloned().collect();
        for name in names {
            self.sync_pod(objects, &name, now);
        }
        self.next_due(now)
    }

    fn next_due(&self, now: Duration) -> Option<Duration> {
        let of = |life: &Life| {
            let stage = match life.stage {
                Stage::Pending(start) => Some(start.bound),
                Stage::Bound(start) => Some(start.seen),
                Stage::Creating(start) => Some(start.running),
                Stage::Ended(at) => Some(at),
                Stage::Starting(at) => at,
                Stage::Running | Stage::Finished => None,
            };
            let deleted = life.deleted.map(|deleted| deleted.ends);
            stage
                .into_iter()
                .chain(deleted)
                .chain(life.unready.map(|(_, until)| until))
                .chain(life.taken_out)
                .filter(|at| *at > now)
                .min()
        };
        let of_node = |silence: &Silence| {
            let times = [silence.since + LOST, silence.since + LOST + EVICTED, silence.until];
            times.into_iter().filter(|at| *at > now && *at <= silence.until).min()
        };
        let nodes = self.silent.values().filter_map(of_node);
        self.lives.values().filter_map(of).chain(nodes).min()
    }

    /// As the controllers of Deployments and of ReplicaSets do: a Pod more or less in each set, until all are as they should be.
    fn sync_deployment(&mut self, objects: &mut Objects, workload: &Workload, now: Duration, chance: &mut Chance) {
        let mut living: BTreeMap<u32, Vec<(bool, Duration, String)>> = BTreeMap::new();
        for (name, life) in &self.lives {
            if life.workload == workload.name && life.counts() {
                let is_ready = objects.pods.get(name).is_some_and(|pod| pod::is_true(pod, "Ready"));
                living.entry(life.revision).or_default().push((is_ready, life.made, name.clone()));
            }
        }
        let ready =
            living.iter().map(|(revision, all)| (*revision, all.iter().filter(|(is_ready, ..)| *is_ready).count()));
        let sets = self.sets.entry(workload.name.clone()).or_default();
        deployment::roll(sets, workload, &ready.collect());
        let sets = sets.clone();
        for (revision, set) in &sets {
            let count = living.get(revision).map_or(0, Vec::len);
            for _ in count..set.replicas {
                self.start_next(objects, &Workload { revision: *revision, ..set.template.clone() }, now, chance);
            }
        }
        for (revision, mut all) in living {
            let replicas = sets.get(&revision).map_or(0, |set| set.replicas);
            // Those that are not ready go first, and then the youngest.
            all.sort_by_key(|(is_ready, made, _)| (*is_ready, std::cmp::Reverse(*made)));
            for (.., name) in all.iter().take(all.len().saturating_sub(replicas)) {
                self.delete(objects, name, now);
            }
        }
    }

    /// As the controller of StatefulSets does: one Pod after another, from the first to the last; it is updated from the last to the
    /// first. Whoever is deleted has to be gone before a Pod of that name is made.
    fn sync_stateful(&mut self, objects: &mut Objects, workload: &Workload, now: Duration, chance: &mut Chance) {
        let is_ready = |name: &str| objects.pods.get(name).is_some_and(|pod| pod::is_true(pod, "Ready"));
        let name_of = |place: usize| format!("{}-{place}", workload.name);
        for place in 0..workload.replicas {
            match self.lives.get(&name_of(place)) {
                None => return self.start(objects, workload, &name_of(place), now, chance),
                // While the name is that of a Pod which it has not, it makes none.
                Some(life) if life.released.is_some() => return,
                Some(life) if life.stage == Stage::Finished && life.deleted.is_none() => {
                    return self.delete(objects, &name_of(place), now);
                }
                Some(life) if life.deleted.is_some() || !is_ready(&name_of(place)) => return,
                Some(_) => {}
            }
        }
        let last = self
            .lives
            .iter()
            .filter(|(_, life)| life.workload == workload.name && life.released.is_none())
            .filter_map(|(name, life)| Some((name.rsplit_once('-')?.1.parse::<usize>().ok()?, life.clone())))
            .filter(|(place, life)| *place >= workload.replicas || life.revision != workload.revision)
            .max_by_key(|(place, _)| *place);
        if let Some((place, life)) = last
            && life.deleted.is_none()
        {
            self.delete(objects, &name_of(place), now);
        }
    }

    /// A Pod with a name that no other had.
    fn start_next(&mut self, objects: &mut Objects, workload: &Workload, now: Duration, chance: &mut Chance) {
        let name = format!("{}-{}-{}", workload.name, workload.revision, self.made + 1);
        self.start(objects, workload, &name, now, chance);
    }

    fn start(&mut self, objects: &mut Objects, workload: &Workload, name: &str, now: Duration, chance: &mut Chance) {
        self.made += 1;
        let node = usize::try_from(chance.below("node", NODES as u64)).unwrap_or_default();
        let bound = now + chance.latency("scheduling", Duration::from_millis(100));
        let seen = bound + chance.latency("kubelet sees a Pod", Duration::from_millis(50));
        // Now and then there is nothing to be made, and some programs are ready as soon as they run.
        let mut unless_quick = |about: &str, usual: u64| {
            let latency = chance.latency(about, Duration::from_millis(usual));
            if chance.once_in(about, 8) { Duration::ZERO } else { latency }
        };
        let running = seen + unless_quick("creation of containers", 500);
        let starts = unless_quick("start of containers", 2000);
        let ready = (!workload.broken).then_some(starts);
        let stage = Stage::Pending(Start { bound, seen, running, ready });
        let pod = pod::new(objects, workload, name);
        objects.put_pod(pod);
        let (workload, revision) = (workload.name.clone(), workload.revision);
        let life = Life {
            workload,
            revision,
            node,
            made: now,
            stage,
            unready: None,
            taken_out: None,
            deleted: None,
            released: None,
            left: None,
        };
        self.lives.insert(name.to_owned(), life);
    }

    fn sync_pod(&mut self, objects: &mut Objects, name: &str, now: Duration) {
        let (Some(mut life), Some(found)) = (self.lives.get(name).cloned(), objects.pods.get(name)) else { return };
        if self.silence(life.node, now).is_some() {
            return;
        }
        let (mut pod, time) = (found.clone(), objects.time());
        if life.unready.is_some_and(|(_, until)| until <= now) {
            life.unready = None;
        }
        if life.taken_out.is_some_and(|until| until <= now) {
            life.taken_out = None;
        }
        loop {
            match (life.stage, life.deleted) {
                (Stage::Ended(gone), _) if gone <= now => {
                    self.lives.remove(name);
                    return objects.remove_pod(name);
                }
                (Stage::Ended(_), _) | (Stage::Finished, None) => break,
                (_, Some(deleted)) if deleted.ends <= now => {
                    pod::set_containers(&mut pod, false, &time);
                    pod::set(&mut pod, "ContainersReady", false, Some("ContainersNotReady"), &time);
                    life.stage = Stage::Ended(now + Duration::from_millis(200));
                }
                (Stage::Pending(start), None) if start.bound <= now => {
                    pod.spec.get_or_insert_default().node_name = Some(format!("node-{}", life.node));
                    life.stage = Stage::Bound(start);
                }
                (Stage::Bound(start), None) if start.seen <= now => {
                    pod::set_waiting(&mut pod);
                    pod::set(&mut pod, "ContainersReady", false, Some("ContainersNotReady"), &time);
                    life.stage = Stage::Creating(start);
                }
                // Also when it was deleted meanwhile: the kubelet may end what it has begun before it ends the Pod.
                (Stage::Creating(start), _) if start.running <= now => {
                    let status = pod.status.get_or_insert_default();
                    let ip = self.free_address(objects, life.left.as_deref());
                    status.pod_ips = Some(vec![core::PodIP { ip: ip.clone() }]);
                    (status.pod_ip, status.phase) = (Some(ip), Some("Running".to_owned()));
                    pod::set_containers(&mut pod, true, &time);
                    life.stage = Stage::Starting(start.ready.map(|ready| now + ready));
                }
                (Stage::Starting(Some(at)), _) if at <= now => life.stage = Stage::Running,
                _ => break,
            }
        }
        if life.stage == Stage::Running {
            let is_ready = life.unready.is_none();
            pod::set(&mut pod, "ContainersReady", is_ready, (!is_ready).then_some("ContainersNotReady"), &time);
        }
        pod::set_other_gate(&mut pod, life.taken_out.is_none(), &time);
        let is_ready = pod::is_true(&pod, "ContainersReady") && pod::gates_are_open(&pod);
        let reason =
            if pod::is_true(&pod, "ContainersReady") { "ReadinessGatesNotReady" } else { "ContainersNotReady" };
        pod::set(&mut pod, "Ready", is_ready, (!is_ready).then_some(reason), &time);
        objects.put_pod(pod);
        self.lives.insert(name.to_owned(), life);
    }

    /// The lowest address that no Pod has: one is soon another's, and not that of the Pod that has left it.
    fn free_address(&self, objects: &Objects, left: Option<&str>) -> String {
        let is_taken = |ip: &String| {
            objects.pods.values().any(|pod| {
                let name = pod.metadata.name.as_deref().unwrap_or_default();
                let has_ended = self.lives.get(name).is_some_and(|life| matches!(life.stage, Stage::Ended(_)));
                !has_ended && pod::ip(pod) == Some(ip)
            })
        };
        (1..)
            .map(|number: u32| format!("10.0.{}.{}", number / 250, number % 250 + 1))
            .find(|ip| left != Some(ip) && !is_taken(ip))
            .unwrap_or_default()
    }
}
