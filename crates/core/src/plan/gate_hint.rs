//! What more there is to say of a Pod that has been waiting for its gate for a while: how it is probed, what the cloud says, what to do.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::gate::{GateRow, waiting_since};
use super::health::HealthTable;
use super::{BindingPlan, BindingView, Cloud, GateRule, GateVerdict, Verdict, problem, resolution, selects};
use crate::api::condition::GateReason;
use crate::model::{Address, Class, Health, Pod};

/// How long a Pod waits before more is said of it.
pub const LONG: SignedDuration = SignedDuration::from_secs(10);

/// What more there is to say; empty for a Pod that has not been waiting for long, and where there is nothing.
pub(super) fn hint(
    pod: &Pod,
    verdict: &Verdict,
    since: Option<Timestamp>,
    (rows, health): (&[GateRow<'_>], &HealthTable),
    now: Timestamp,
) -> String {
    let Verdict::Wait(reason, _) = verdict else { return String::new() };
    if since.is_none_or(|since| now.duration_since(since) < LONG) {
        return String::new();
    }
    match reason {
        GateReason::HealthCheck => rows.iter().find_map(|row| probed(pod, row, health)).unwrap_or_default(),
        GateReason::NotRegistered => rows.iter().find_map(|row| excluded(pod, row)).unwrap_or_default(),
        _ => String::new(),
    }
}

/// What is said to Pods of a binding that wait for proof, while nothing is read of the load balancer; nothing where a read that has failed
/// may work in a moment.
pub fn unjudged(view: &BindingView, plan: &BindingPlan, cloud: &Cloud) -> Vec<GateVerdict> {
    let (reason, words) = match cloud {
        Cloud::Failed(failure) if matches!(failure.class, Class::Busy | Class::Throttled | Class::Transient) => {
            return Vec::new();
        }
        Cloud::Observed(_) => return Vec::new(),
        Cloud::Failed(_) => (GateReason::BindingHeld, "the load balancer cannot be read"),
        Cloud::Missing(_) => (GateReason::BindingHeld, "the load balancer is not there"),
        Cloud::Unplaced(_) => (GateReason::NotRegistered, "there is no load balancer yet"),
    };
    let service = resolution::service(view).filter(|_| plan.management.gates() == GateRule::OnProof);
    let waits = |pod: &&Arc<Pod>| {
        let is_selected = service.as_ref().is_some_and(|service| selects(service, pod));
        is_selected && pod.gate.is_waiting() && pod.deleting_since.is_none()
    };
    let verdict = |pod: &Arc<Pod>| GateVerdict {
        pod: pod.key.clone(),
        pod_uid: pod.uid.clone(),
        verdict: Verdict::Wait(reason, words.to_owned()),
        since: waiting_since(pod),
        hint: String::new(),
    };
    view.pods.values().filter(waits).map(verdict).collect()
}

/// How a route probes the Pod, where it has not found it healthy.
fn probed(pod: &Pod, row: &GateRow<'_>, health: &HealthTable) -> Option<String> {
    let route = row.route?;
    let own = |address: &Address| {
        let found = row.endpoints.and_then(|endpoints| endpoints.candidates.get(address));
        found.is_some_and(|candidate| candidate.pod_uid == pod.uid)
    };
    let mut waiting = row.endpoints?.candidates.keys().filter(|address| own(address));
    let seen = |address: &Address| health.get(&(route.clone(), *address)).copied();
    let address = waiting.find(|address| !matches!(seen(address), Some(Health::Healthy | Health::CheckOff)))?;
    Some(problem::probe(row.check?, *address, seen(address)))
}

/// Why the Pod is no target of a route.
fn excluded(pod: &Pod, row: &GateRow<'_>) -> Option<String> {
    let found = row.endpoints?.exclusions.iter().find(|one| one.pod == pod.key.name)?;
    Some(format!("{} {}", found.reason.meaning(), found.reason.remedy().trim_end_matches('.')))
}
