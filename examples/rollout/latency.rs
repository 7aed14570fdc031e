//! How long Pods wait for their gates.

use std::collections::HashMap;
use std::net::IpAddr;

use anyhow::{Context, Result};
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use serde::Serialize;
use tke_direct_access::api::names;
use tke_direct_access::model::{Address, Health};
use tke_direct_access::sim::HealthChange;

use crate::objects::POD_PORT;

/// When a watch first showed what of each Pod, by UID.
#[derive(Debug, Default)]
pub(crate) struct Sightings(HashMap<String, Sighting>);

#[derive(Debug, Default)]
struct Sighting {
    ip: Option<IpAddr>,
    seen: Option<Timestamp>,
    containers_ready: Option<Timestamp>,
    gate_open: Option<Timestamp>,
    ready: Option<Timestamp>,
}

/// Seconds; nearest rank.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Percentiles {
    /// How many Pods were measured.
    pub(crate) count: usize,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// Of all Pods whose gate opened.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct GateLatency {
    /// From ContainersReady to the gate: the whole of what the load balancer adds to the start of a Pod.
    pub(crate) from_containers_ready: Percentiles,
    /// From the moment at which the cloud first shows the target as healthy: the controller's own part.
    pub(crate) from_healthy: Percentiles,
}

/// Follows the Pods from before `act` begins until it ends, and returns what was seen beside its result.
///
/// # Errors
/// `act` failed, or the Pods could not be listed.
pub(crate) async fn sighted<T>(pods: Api<Pod>, act: impl Future<Output = Result<T>>) -> Result<(T, Sightings)> {
    let mut events = std::pin::pin!(watcher(pods, watcher::Config::default()).default_backoff());
    let mut act = std::pin::pin!(act);
    let mut sightings = Sightings::default();
    // What the first list shows was there before.
    loop {
        match events.next().await.context("the watch of Pods ended")?? {
            watcher::Event::InitDone => break,
            watcher::Event::InitApply(pod) => sightings.ignore(&pod),
            _ => {}
        }
    }
    loop {
        tokio::select! {
            result = &mut act => return Ok((result?, sightings)),
            Some(event) = events.next() => match event {
                // What a list shows may have been so for long; only Pods that are new to it are measured.
                Ok(watcher::Event::Apply(pod)) => sightings.note(&pod, Timestamp::now()),
                Ok(watcher::Event::InitApply(pod)) => sightings.ignore(&pod),
                Ok(_) => {}
                Err(error) => eprintln!("the watch of Pods: {error}"),
            },
        }
    }
}

impl Sightings {
    fn ignore(&mut self, pod: &Pod) {
        self.0.entry(pod.metadata.uid.clone().unwrap_or_default()).or_default();
    }

    fn note(&mut self, pod: &Pod, now: Timestamp) {
        let status = pod.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let is_true = |kind: &str| conditions.iter().any(|found| found.type_ == kind && found.status == "True");
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let sighting = self.0.entry(uid).or_insert_with(|| Sighting { seen: Some(now), ..Sighting::default() });
        sighting.ip = status.and_then(|status| status.pod_ip.as_deref()?.parse().ok()).or(sighting.ip);
        if is_true("ContainersReady") {
            sighting.containers_ready.get_or_insert(now);
        }
        if is_true(names::GATE) {
            sighting.gate_open.get_or_insert(now);
        }
        if is_true("Ready") {
            sighting.ready.get_or_insert(now);
        }
    }

    /// When the last of the Pods that were first seen while watching became ready; `None` when none has.
    pub(crate) fn all_ready(&self) -> Option<Timestamp> {
        self.0.values().filter(|pod| pod.seen.is_some()).filter_map(|pod| pod.ready).max()
    }

    /// The latencies of the Pods that were first seen while watching.
    pub(crate) fn latency(&self, changes: &[HealthChange]) -> GateLatency {
        let measured = || self.0.values().filter_map(|pod| Some((pod, pod.seen?, pod.gate_open?)));
        let from_containers_ready = measured()
            .filter_map(|(pod, _, open)| Some(open.duration_since(pod.containers_ready?).as_secs_f64()))
            .collect();
        let from_healthy = measured()
            .filter_map(|(pod, seen, open)| {
                let address = Address { ip: pod.ip?, port: POD_PORT };
                let is_first = |change: &&HealthChange| {
                    change.address == address && change.health == Health::Healthy && change.at >= seen
                };
                let healthy = changes.iter().find(is_first)?.at;
                Some(open.duration_since(healthy).as_secs_f64())
            })
            .collect();
        GateLatency {
            from_containers_ready: Percentiles::of(from_containers_ready),
            from_healthy: Percentiles::of(from_healthy),
        }
    }
}

impl Percentiles {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| {
            let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
            values.get(index).map_or(f64::NAN, |value| (value * 1000.0).round() / 1000.0)
        };
        Self { count: values.len(), p50: rank(50), p90: rank(90), p99: rank(99), max: rank(100) }
    }
}
