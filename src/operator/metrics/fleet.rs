//! Gauges over all load balancers: each one's rounds leave their part here, which goes with them, and sums are made when asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use crate::api::DirectAccessBindingStatus;
use crate::api::binding::GatePolicy;
use crate::api::condition::{ConditionType, ExclusionReason, Reason};
use crate::plan::{BindingPlan, BindingView, Sight, Verdict, selects};
use crate::reconcile::UseOfQuotas;
use crate::telemetry::catalog::{self, CONTROLLER_NAME, Family};

/// The parts of all load balancers. Clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::operator) struct Fleet(Arc<Mutex<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    last: u64,
    by_share: HashMap<u64, Part>,
}

/// What one load balancer contributes.
#[derive(Debug, Default)]
struct Part {
    bindings: HashMap<String, Facts>,
    quotas: [f64; 3],
}

/// What one binding contributes.
#[derive(Clone, Debug, Default)]
struct Facts {
    ready: Option<(&'static str, &'static str)>,
    not_ready_since: Option<Timestamp>,
    /// Desired, registered, healthy, unhealthy, draining.
    targets: [i64; 5],
    excluded: Vec<(&'static str, i64)>,
    waiting: i64,
    oldest_waiting: Option<Timestamp>,
    ungated: i64,
    is_held: bool,
}

impl Fleet {
    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn share(&self) -> Share {
        let mut parts = self.lock();
        parts.last += 1;
        let id = parts.last;
        parts.by_share.insert(id, Part::default());
        Share { fleet: self.clone(), id }
    }
}

/// One load balancer's part.
#[derive(Debug)]
pub(in crate::operator) struct Share {
    fleet: Fleet,
    id: u64,
}

impl Share {
    fn with(&self, change: impl FnOnce(&mut Part)) {
        change(self.fleet.lock().by_share.entry(self.id).or_default());
    }

    /// Replaces what a binding contributes by what a round found.
    pub(in crate::operator) fn record(
        &self,
        view: &BindingView,
        plan: &BindingPlan,
        status: &DirectAccessBindingStatus,
    ) {
        self.with(|part| {
            let known = part.bindings.entry(view.uid().to_owned()).or_default();
            *known = facts(view, plan, status, known);
        });
    }

    /// Forgets bindings that have gone elsewhere or for good.
    pub(in crate::operator) fn retain(&self, is_here: impl Fn(&str) -> bool) {
        self.with(|part| part.bindings.retain(|uid, _| is_here(uid)));
    }

    /// Takes in how much of each quota a read shows in use. Without a read, what was known stays.
    pub(in crate::operator) fn use_of_quotas(&self, found: &UseOfQuotas) {
        self.with(|part| part.quotas = quota_use(found));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.fleet.lock().by_share.remove(&self.id);
    }
}

/// The parts that are in use.
fn quota_use(found: &UseOfQuotas) -> [f64; 3] {
    [
        ratio(found.targets, found.limits.targets_per_route),
        ratio(found.listeners, found.limits.listeners_per_load_balancer),
        ratio(found.rules, found.limits.rules_per_listener),
    ]
}

fn ratio(used: usize, limit: usize) -> f64 {
    let exact = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    exact(used) / exact(limit.max(1))
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The status says what is known, also when the cloud did not answer; what it leaves out stays as it was `known`.
fn facts(view: &BindingView, plan: &BindingPlan, status: &DirectAccessBindingStatus, known: &Facts) -> Facts {
    let targets = status.targets.clone().unwrap_or_default();
    let unhealthy = if plan.sight != Sight::Nothing { whole(plan.counts.unhealthy) } else { known.targets[3] };
    let (waiting, oldest_waiting) = waiting(view, plan);
    let policy = view.binding.spec.readiness_gate.policy;
    let ungated =
        status.gates.as_ref().filter(|_| policy != GatePolicy::Disabled).map_or(0, |gates| gates.ungated_pods);
    let (ready, not_ready_since) = ready(status, known);
    Facts {
        ready,
        not_ready_since,
        targets: [
            i64::from(targets.desired),
            i64::from(targets.registered),
            i64::from(targets.healthy),
            unhealthy,
            i64::from(targets.draining),
        ],
        excluded: status
            .excluded
            .iter()
            .filter_map(|row| Some((row.reason.parse::<ExclusionReason>().ok()?.as_str(), i64::from(row.count))))
            .collect(),
        waiting,
        oldest_waiting,
        ungated: i64::from(ungated),
        is_held: plan.problems.iter().any(|problem| problem.reason == Reason::RemovalHeld),
    }
}

/// The condition Ready, and since when it is not True. A change from False to Unknown and back does not begin anew.
fn ready(
    status: &DirectAccessBindingStatus,
    known: &Facts,
) -> (Option<(&'static str, &'static str)>, Option<Timestamp>) {
    let found = status.conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str());
    let Some(condition) = found else { return (None, None) };
    let truth = ["True", "False"].into_iter().find(|word| *word == condition.status).unwrap_or("Unknown");
    let reason = condition.reason.parse::<Reason>().map_or("Pending", Reason::as_str);
    let since = (truth != "True").then_some(condition.last_transition_time.0);
    (Some((truth, reason)), since.map(|since| known.not_ready_since.map_or(since, |known| known.min(since))))
}

/// Pods that wait for nothing but their gate, and since when the first of them. They are counted by what Kubernetes shows: they
/// wait also while the cloud cannot be read.
fn waiting(view: &BindingView, plan: &BindingPlan) -> (i64, Option<Timestamp>) {
    let Some(service) = view.service.as_deref() else { return (0, None) };
    let is_opened =
        |uid: &str| plan.gates.iter().any(|gate| gate.pod_uid == uid && matches!(gate.verdict, Verdict::Open(_)));
    let waiting = view.pods.values().filter(|pod| {
        let waits = pod.gate.is_waiting() && pod.containers_ready && pod.deleting_since.is_none();
        waits && selects(service, pod) && !is_opened(&pod.uid)
    });
    let since: Vec<_> = waiting.map(|pod| pod.containers_ready_since).collect();
    (whole(since.len()), since.into_iter().flatten().min())
}

impl Collector for Fleet {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let parts = self.lock();
        let bindings: Vec<&Facts> = parts.by_share.values().flat_map(|part| part.bindings.values()).collect();
        let sum = |count: fn(&Facts) -> i64| bindings.iter().map(|facts| count(facts)).sum::<i64>();
        let load_balancers = whole(parts.by_share.len());
        let oldest = bindings.iter().filter_map(|facts| facts.oldest_waiting).min();
        let largest = |quota: fn(&Part) -> f64| parts.by_share.values().map(quota).fold(0.0, f64::max);
        let encoder = &mut encoder;
        by_label(encoder, &catalog::MAX_CONCURRENT, [(CONTROLLER_NAME, load_balancers)])?;
        plain(encoder, &catalog::LOAD_BALANCERS, load_balancers)?;
        encode_readiness(encoder, &bindings)?;
        let states = [
            ("desired", sum(|facts| facts.targets[0])),
            ("registered", sum(|facts| facts.targets[1])),
            ("healthy", sum(|facts| facts.targets[2])),
            ("unhealthy", sum(|facts| facts.targets[3])),
            ("draining", sum(|facts| facts.targets[4])),
        ];
        by_label(encoder, &catalog::TARGETS, states)?;
        encode_excluded(encoder, &bindings)?;
        plain(encoder, &catalog::REMOVALS_HELD, sum(|facts| i64::from(facts.is_held)))?;
        let quotas = [
            ("targets_per_listener", largest(|part| part.quotas[0])),
            ("listeners_per_load_balancer", largest(|part| part.quotas[1])),
            ("rules_per_listener", largest(|part| part.quotas[2])),
        ];
        let mut metric = catalog::QUOTA_USED.gauge(encoder)?;
        for (quota, used) in quotas {
            metric.encode_family(&catalog::QUOTA_USED.with([quota]))?.encode_gauge(&used)?;
        }
        plain(encoder, &catalog::GATES_WAITING, sum(|facts| facts.waiting))?;
        plain(encoder, &catalog::GATES_OLDEST, oldest.map_or(0, Timestamp::as_second))?;
        plain(encoder, &catalog::UNGATED, sum(|facts| facts.ungated))
    }
}

fn plain(encoder: &mut DescriptorEncoder<'_>, family: &Family, value: i64) -> Result<(), std::fmt::Error> {
    family.gauge(encoder)?.encode_gauge(&value)
}

fn by_label(
    encoder: &mut DescriptorEncoder<'_>,
    family: &Family,
    values: impl IntoIterator<Item = (&'static str, i64)>,
) -> Result<(), std::fmt::Error> {
    let mut metric = family.gauge(encoder)?;
    for (label, value) in values {
        metric.encode_family(&family.with([label]))?.encode_gauge(&value)?;
    }
    Ok(())
}

fn encode_readiness(encoder: &mut DescriptorEncoder<'_>, bindings: &[&Facts]) -> Result<(), std::fmt::Error> {
    let mut counts: BTreeMap<_, i64> = BTreeMap::new();
    let mut since: BTreeMap<_, Timestamp> = BTreeMap::new();
    for facts in bindings {
        let Some((truth, reason)) = facts.ready else { continue };
        *counts.entry([truth, reason]).or_default() += 1;
        if let Some(begun) = facts.not_ready_since {
            since.entry(reason).and_modify(|known| *known = begun.min(*known)).or_insert(begun);
        }
    }
    let mut metric = catalog::BINDINGS.gauge(encoder)?;
    for (labels, count) in counts {
        metric.encode_family(&catalog::BINDINGS.with(labels))?.encode_gauge(&count)?;
    }
    by_label(encoder, &catalog::NOT_READY_SINCE, since.into_iter().map(|(reason, begun)| (reason, begun.as_second())))
}

fn encode_excluded(encoder: &mut DescriptorEncoder<'_>, bindings: &[&Facts]) -> Result<(), std::fmt::Error> {
    let mut counts: BTreeMap<&'static str, i64> =
        ExclusionReason::ALL.iter().map(|reason| (reason.as_str(), 0)).collect();
    for (reason, count) in bindings.iter().flat_map(|facts| &facts.excluded) {
        *counts.entry(reason).or_default() += count;
    }
    by_label(encoder, &catalog::EXCLUDED, counts)
}
