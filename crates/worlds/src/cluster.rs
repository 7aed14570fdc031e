//! What goes on in the cluster by itself: a controller of workloads, kubelets, and the controller of slices.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::deployment::{self, Sets};
use crate::objects::{NAMESPACE, Objects};
use crate::pod;

/// A Deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// The label of its Pods, by which a Service selects them.
    pub app: String,
    /// How many Pods it is to have.
    pub replicas: usize,
    /// The version of its template.
    pub revision: u32,
    /// How many Pods there may be beyond `replicas` in a rolling update.
    pub surge: usize,
    /// How many Pods may be missing in a rolling update.
    pub unavailable: usize,
    /// The grace of its Pods, in seconds.
    pub grace: u32,
    /// How long the preStop hook of its Pods sleeps, in seconds; 0 for no hook.
    pub pre_stop: u32,
    /// Its Pods get our readiness gate.
    pub gate: bool,
    /// The weight that its Pods are annotated with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// New Pods never become ready.
    #[serde(default)]
    pub broken: bool,
}

impl Workload {
    /// Its Pods get our readiness gate.
    pub(crate) const fn is_gated(&self) -> bool {
        self.gate
    }
}

/// What a kubelet knows of a Pod.
#[derive(Clone, Debug)]
struct Life {
    workload: String,
    revision: u32,
    made: Duration,
    stage: Stage,
    /// It says that it is not ready, until then.
    unready: Option<Duration>,
    deleted: Option<Deletion>,
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

/// The cluster.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) workloads: BTreeMap<String, Workload>,
    lives: BTreeMap<String, Life>,
    /// The ReplicaSets of each workload.
    sets: BTreeMap<String, Sets>,
    made: u64,
}

impl Cluster {
    /// Whether the Pod of this name takes connections now.
    pub(crate) fn serves(&self, name: &str, now: Duration) -> bool {
        self.lives
            .get(name)
            .is_some_and(|life| life.stage == Stage::Running && life.deleted.is_none_or(|deleted| now < deleted.stops))
    }

    /// Whether the Pod of this name is not ready by its own probe, although it takes connections.
    pub(crate) fn is_unready(&self, name: &str, now: Duration) -> bool {
        self.lives.get(name).is_some_and(|life| life.unready.is_some_and(|until| now < until))
    }

    /// The Pod says that it is not ready for so long.
    pub(crate) fn make_unready(&mut self, name: &str, until: Duration) {
        if let Some(life) = self.lives.get_mut(name) {
            life.unready = Some(until);
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
        let has_run = !matches!(life.stage, Stage::Bound(_) | Stage::Creating(_));
        let spec = pod.spec.clone().unwrap_or_default();
        let grace = spec.termination_grace_period_seconds.unwrap_or(30);
        let sleep = spec.containers.first().and_then(|one| one.lifecycle.as_ref()?.pre_stop.as_ref()?.sleep.as_ref());
        let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let stops = now + seconds(sleep.filter(|_| has_run).map_or(0, |sleep| sleep.seconds.min(grace)));
        let ends = (stops + Duration::from_secs(1)).min(now + seconds(grace)).max(stops);
        life.deleted = Some(Deletion { stops, ends });
        let mut pod = pod.clone();
        pod.metadata.deletion_timestamp = Some(Objects::later(&objects.time(), grace));
        pod.metadata.deletion_grace_period_seconds = Some(grace);
        objects.put_pod(pod);
    }

    /// Everything in the cluster goes on as far as it can now. Returns when it goes on next.
    pub(crate) fn sync(&mut self, objects: &mut Objects, now: Duration, chance: &mut Chance) -> Option<Duration> {
        let workloads: Vec<_> = self.workloads.values().cloned().collect();
        for workload in &workloads {
            self.sync_workload(objects, workload, now, chance);
        }
        self.sets.retain(|name, _| workloads.iter().any(|one| one.name == *name));
        let gone: Vec<String> = self
            .lives
            .keys()
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
                Stage::Running => None,
            };
            let deleted = life.deleted.map(|deleted| deleted.ends);
            stage.into_iter().chain(deleted).chain(life.unready).filter(|at| *at > now).min()
        };
        self.lives.values().filter_map(of).min()
    }

    /// As the controllers of Deployments and of ReplicaSets do: a Pod more or less in each set, until all are as they should be.
    fn sync_workload(&mut self, objects: &mut Objects, workload: &Workload, now: Duration, chance: &mut Chance) {
        let mut living: BTreeMap<u32, Vec<(bool, Duration, String)>> = BTreeMap::new();
        for (name, life) in &self.lives {
            if life.workload == workload.name && life.deleted.is_none() {
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
                self.start(objects, &Workload { revision: *revision, ..set.template.clone() }, now, chance);
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

    fn start(&mut self, objects: &mut Objects, workload: &Workload, now: Duration, chance: &mut Chance) {
        self.made += 1;
        let name = format!("{}-{}-{}", workload.name, workload.revision, self.made);
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
        let pod = pod::new(objects, workload, &name);
        objects.put_pod(pod);
        let life = Life {
            workload: workload.name.clone(),
            revision: workload.revision,
            made: now,
            stage,
            unready: None,
            deleted: None,
        };
        self.lives.insert(name, life);
    }

    fn sync_pod(&mut self, objects: &mut Objects, name: &str, now: Duration) {
        let (Some(mut life), Some(found)) = (self.lives.get(name).cloned(), objects.pods.get(name)) else { return };
        let (mut pod, time) = (found.clone(), objects.time());
        if life.unready.is_some_and(|until| until <= now) {
            life.unready = None;
        }
        loop {
            match (life.stage, life.deleted) {
                (Stage::Ended(gone), _) if gone <= now => {
                    self.lives.remove(name);
                    return objects.remove_pod(name);
                }
                (Stage::Ended(_), _) => break,
                (_, Some(deleted)) if deleted.ends <= now => {
                    pod::set_containers(&mut pod, false, &time);
                    pod::set(&mut pod, "ContainersReady", false, Some("ContainersNotReady"), &time);
                    life.stage = Stage::Ended(now + Duration::from_millis(200));
                }
                (Stage::Pending(start), None) if start.bound <= now => {
                    pod.spec.get_or_insert_default().node_name = Some("node-1".to_owned());
                    life.stage = Stage::Bound(start);
                }
                (Stage::Bound(start), None) if start.seen <= now => {
                    pod::set_waiting(&mut pod);
                    pod::set(&mut pod, "ContainersReady", false, Some("ContainersNotReady"), &time);
                    life.stage = Stage::Creating(start);
                }
                (Stage::Creating(start), None) if start.running <= now => {
                    let status = pod.status.get_or_insert_default();
                    let ip = self.free_address(objects);
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
        let is_ready = pod::is_true(&pod, "ContainersReady") && pod::gates_are_open(&pod);
        let reason =
            if pod::is_true(&pod, "ContainersReady") { "ReadinessGatesNotReady" } else { "ContainersNotReady" };
        pod::set(&mut pod, "Ready", is_ready, (!is_ready).then_some(reason), &time);
        objects.put_pod(pod);
        self.lives.insert(name.to_owned(), life);
    }

    /// The lowest address that no Pod has: one is soon another's.
    fn free_address(&self, objects: &Objects) -> String {
        let is_taken = |ip: &String| {
            objects.pods.values().any(|pod| {
                let name = pod.metadata.name.as_deref().unwrap_or_default();
                let has_ended = self.lives.get(name).is_some_and(|life| matches!(life.stage, Stage::Ended(_)));
                !has_ended && pod::ip(pod) == Some(ip)
            })
        };
        (1..)
            .map(|number: u32| format!("10.0.{}.{}", number / 250, number % 250 + 1))
            .find(|ip| !is_taken(ip))
            .unwrap_or_default()
    }
}

/// Brings slices up to date, as the controller of slices does.
pub(crate) fn sync_slices(objects: &mut Objects) {
    let services: Vec<_> = objects.services.values().cloned().collect();
    for service in &services {
        let slice = slice_of(objects, service);
        objects.put_slice(slice);
    }
    let is_orphan = |slice: &EndpointSlice| {
        let owner = slice.metadata.owner_references.iter().flatten().next().map(|owner| owner.uid.clone());
        !services.iter().any(|service| service.metadata.uid == owner)
    };
    let orphans: Vec<_> = objects
        .slices
        .values()
        .filter(|slice| is_orphan(slice))
        .filter_map(|slice| slice.metadata.name.clone())
        .collect();
    orphans.iter().for_each(|name| objects.delete_slice(name));
}

/// Whether a Service selects a Pod.
pub(crate) fn selects(service: &core::Service, pod: &core::Pod) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let labels = pod.metadata.labels.as_ref();
    selector.is_some_and(|selector| {
        !selector.is_empty()
            && selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    })
}

fn slice_of(objects: &mut Objects, service: &core::Service) -> EndpointSlice {
    let name = format!("{}-x", service.metadata.name.as_deref().unwrap_or_default());
    let spec = service.spec.clone().unwrap_or_default();
    let port = |port: &core::ServicePort| EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
        port: match &port.target_port {
            Some(IntOrString::Int(number)) => Some(*number),
            Some(IntOrString::String(name)) => (name == "http").then_some(i32::from(pod::PORT)),
            None => Some(port.port),
        },
        ..EndpointPort::default()
    };
    let endpoint = |found: &core::Pod| {
        let is_ready = pod::is_true(found, "Ready");
        let is_ending = found.metadata.deletion_timestamp.is_some();
        Some(Endpoint {
            addresses: vec![pod::ip(found)?.to_owned()],
            conditions: Some(EndpointConditions {
                ready: Some(is_ready && !is_ending),
                serving: Some(is_ready),
                terminating: Some(is_ending),
            }),
            target_ref: Some(core::ObjectReference {
                kind: Some("Pod".to_owned()),
                name: found.metadata.name.clone(),
                namespace: Some(NAMESPACE.to_owned()),
                uid: found.metadata.uid.clone(),
                ..core::ObjectReference::default()
            }),
            ..Endpoint::default()
        })
    };
    let endpoints = objects.pods.values().filter(|found| selects(service, found)).filter_map(endpoint).collect();
    let mut meta = match objects.slices.get(&name) {
        Some(found) => found.metadata.clone(),
        None => objects.new_meta(&name),
    };
    let label = "kubernetes.io/service-name".to_owned();
    meta.labels = Some([(label, service.metadata.name.clone().unwrap_or_default())].into());
    meta.owner_references = Some(vec![OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        name: service.metadata.name.clone().unwrap_or_default(),
        uid: service.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    }]);
    EndpointSlice {
        metadata: meta,
        address_type: "IPv4".to_owned(),
        ports: Some(spec.ports.unwrap_or_default().iter().map(port).collect()),
        endpoints,
    }
}
