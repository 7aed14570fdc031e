//! What the machines of one replica share. All of it but the brake is lost with the leadership, and costs calls and writes then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::NotTaken;
use super::waiting::WaitingPods;
use crate::model::{LoadBalancerId, ObjectKey};
use crate::plan::brake::Brake;
use crate::plan::config::ConfigObject;
use crate::plan::vpc::{ClusterVpc, KnownVpc, NamedVpcs, VpcSight};
use crate::plan::{GateVerdict, Verdict};
use crate::status::{Field, RefusalNews, RefusedWrites};

/// How long after a gate was opened a round that does not know it yet may open it again.
const ECHO: Duration = Duration::from_secs(60);
/// How long the answer of one is waited for by all whom the definition of TkeServiceConfigs keeps from writing.
const ASKING: Duration = Duration::from_secs(5);

/// What the machines of one replica share. Each part is locked for a moment, so that machines decide side by side.
#[derive(Debug, Default)]
pub struct Shared {
    ledger: Mutex<Ledger>,
    refused: Mutex<RefusedByBinding>,
    brake: Arc<Mutex<Brake>>,
    vpcs: Mutex<Vpcs>,
    waiting: Mutex<WaitingPods>,
    /// Until when the definition of TkeServiceConfigs is believed to have no status; `None` where that was never seen.
    without_status: Mutex<Option<Duration>>,
    /// What was said once of Services whose status stays as it is.
    notices: Mutex<BTreeMap<ObjectKey, String>>,
    /// The configs that bindings use, as they were looked at last.
    configs: Mutex<BTreeMap<ObjectKey, Arc<ConfigObject>>>,
}

/// What a panic has left is as good as anything: all of it may be forgotten.
fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Nothing is known yet but what holds removals, which outlasts a leadership.
    pub fn new(brake: Arc<Mutex<Brake>>) -> Self {
        Self { brake, ..Self::default() }
    }

    /// What each binding last said of each waiting Pod.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// What the API server does not take.
    pub fn refused(&self) -> MutexGuard<'_, RefusedByBinding> {
        lock(&self.refused)
    }

    /// What was told of Pods that wait for their gates.
    pub(super) fn waiting(&self) -> MutexGuard<'_, WaitingPods> {
        lock(&self.waiting)
    }

    /// Whether removals are held.
    pub fn brake(&self) -> MutexGuard<'_, Brake> {
        lock(&self.brake)
    }

    /// What has been seen of VPCs.
    pub fn vpcs(&self) -> MutexGuard<'_, Vpcs> {
        lock(&self.vpcs)
    }

    /// Takes in a config as it is now; `None` for one that is not there, or that no binding uses. Returns it as it was looked at last.
    pub fn replace_config(&self, key: &ObjectKey, now: Option<&Arc<ConfigObject>>) -> Option<Arc<ConfigObject>> {
        let mut configs = lock(&self.configs);
        match now {
            Some(now) => configs.insert(key.clone(), now.clone()),
            None => configs.remove(key),
        }
    }

    /// The definition of TkeServiceConfigs has no status, which is believed until this time.
    pub fn statuses_are_missing(&self, until: Duration) {
        *lock(&self.without_status) = Some(until);
    }

    /// The definition of TkeServiceConfigs has a status.
    pub fn statuses_are_there(&self) {
        *lock(&self.without_status) = None;
    }

    /// Until when the definition of TkeServiceConfigs is believed to have no status; `None` where it is not.
    pub fn statuses_are_missing_until(&self, now: Duration) -> Option<Duration> {
        lock(&self.without_status).filter(|until| now < *until)
    }

    /// Takes in what is to be said once of a Service. Returns true when that was not said yet, since something else was, or nothing.
    pub fn is_first_notice(&self, service: &ObjectKey, words: Option<&str>) -> bool {
        let mut notices = lock(&self.notices);
        match words {
            Some(words) => notices.insert(service.clone(), words.to_owned()).is_none_or(|before| before != words),
            None => {
                notices.remove(service);
                false
            }
        }
    }

    /// Somebody asks whether there is a status. Where there was none, the others wait for the answer for so long.
    pub fn ask_for_statuses(&self, now: Duration) {
        if let Some(until) = lock(&self.without_status).as_mut() {
            *until = now + ASKING;
        }
    }
}

/// What each binding last said of each waiting Pod, so that a Pod behind several load balancers is judged by all of them. After a restart
/// it is empty, and a gate waits until every binding has spoken again.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By Pod UID and binding UID.
    verdicts: BTreeMap<String, BTreeMap<String, GateVerdict>>,
    /// When which gates were opened of late, by Pod UID.
    opened: BTreeMap<String, Duration>,
    /// Since when a write of a gate is under way, by Pod UID, and whether it opens it.
    writing: BTreeMap<String, (Duration, bool)>,
    /// When writes ended that have opened gates, or may have, which caches need not show yet. By Pod UID.
    ended: BTreeMap<String, Duration>,
}

/// A write of a gate that has lasted so long is taken for ended: nobody may be left to say so.
const GATE_WRITE: Duration = Duration::from_secs(30);

impl Ledger {
    /// Replaces what a binding has said by what it says now.
    pub fn record(&mut self, binding: &str, gates: &[GateVerdict]) {
        self.verdicts.retain(|_, by_binding| {
            by_binding.remove(binding);
            !by_binding.is_empty()
        });
        for gate in gates {
            let by_binding = self.verdicts.entry(gate.pod_uid.clone()).or_default();
            by_binding.insert(binding.to_owned(), gate.clone());
        }
    }

    /// A write of a gate begins. Returns false while another one is under way: two that were decided at different times may come about
    /// in the other order, and what was decided first would close again what is open. One that does not open it waits as well while caches
    /// need not show yet that another one has.
    pub fn begin_write(&mut self, pod: &str, is_open: bool, now: Duration) -> bool {
        self.writing.retain(|_, (since, _)| now.saturating_sub(*since) < GATE_WRITE);
        self.ended.retain(|_, since| now.saturating_sub(*since) < GATE_WRITE);
        if self.writing.contains_key(pod) || (!is_open && self.ended.contains_key(pod)) {
            return false;
        }
        self.writing.insert(pod.to_owned(), (now, is_open));
        true
    }

    /// A write of a gate has ended. Whatever the answer, it may have been taken.
    pub fn end_write(&mut self, pod: &str, now: Duration) {
        if let Some((_, true)) = self.writing.remove(pod) {
            self.ended.insert(pod.to_owned(), now);
        }
    }

    /// A gate was opened. Returns false when a round over another load balancer of the Pod has just done the same.
    pub fn is_first_opening(&mut self, pod: &str, now: Duration) -> bool {
        self.opened.retain(|_, since| now.saturating_sub(*since) < ECHO);
        self.opened.insert(pod.to_owned(), now).is_none()
    }

    /// What one binding last said of a Pod.
    pub fn verdict(&self, pod: &str, binding: &str) -> Option<&Verdict> {
        self.verdicts.get(pod)?.get(binding).map(|gate| &gate.verdict)
    }
}

/// The VPCs of load balancers, as rounds over them have seen them.
#[derive(Debug, Default)]
pub struct Vpcs {
    seen: NamedVpcs,
    known: Option<KnownVpc>,
}

impl Vpcs {
    /// A round has seen this of a load balancer in the cluster's region. What was read once is not forgotten for a read that fails.
    pub(super) fn see(&mut self, id: &LoadBalancerId, sight: VpcSight) {
        match (self.seen.get(id), &sight) {
            (Some(VpcSight::Of(_)), VpcSight::NotShown) => {}
            _ => drop(self.seen.insert(id.clone(), sight)),
        }
    }

    /// What is known of these, which bindings name; of others nothing is kept.
    pub(super) fn of(&mut self, named: BTreeSet<LoadBalancerId>) -> NamedVpcs {
        self.seen.retain(|id, _| named.contains(id));
        named.into_iter().map(|id| (id.clone(), self.seen.get(&id).cloned().unwrap_or_default())).collect()
    }

    /// This is what was found of the cluster's VPC. What is not known for a moment changes nothing.
    pub(super) fn found(&mut self, vpc: &ClusterVpc) {
        if let ClusterVpc::Known(known) = vpc {
            self.known = Some(known.clone());
        }
    }

    /// The cluster's VPC, as a round that creates a load balancer has found it; `None` before there was one.
    pub const fn known(&self) -> Option<&KnownVpc> {
        self.known.as_ref()
    }
}

/// What the API server does not take of what is written for bindings, from all loops that write for them, by the UID of the binding.
#[derive(Debug, Default)]
pub struct RefusedByBinding(BTreeMap<String, RefusedWrites>);

impl RefusedByBinding {
    /// Whether a write is to be tried: it was not refused a moment ago.
    pub fn is_due(&self, binding: &str, field: Field, now: Timestamp) -> bool {
        self.0.get(binding).is_none_or(|writes| writes.is_due(&field, now))
    }

    /// What became of a write to an object, which is given by kind and name.
    pub fn record<T>(
        &mut self,
        binding: &str,
        (field, object): (Field, &str),
        result: &Result<T, NotTaken>,
        now: Timestamp,
    ) {
        match result {
            Ok(_) => self.taken(binding, field),
            Err(NotTaken { kind, words }) => {
                let writes = self.0.entry(binding.to_owned()).or_default();
                writes.refused(field, object, *kind, words, now);
            }
        }
    }

    /// A write was taken, or is not needed any more.
    pub fn taken(&mut self, binding: &str, field: Field) {
        if let Some(writes) = self.0.get_mut(binding) {
            writes.taken(&field);
            if writes.is_empty() {
                self.0.remove(binding);
            }
        }
    }

    /// Something is refused for this binding.
    pub fn is_known(&self, binding: &str) -> bool {
        self.0.contains_key(binding)
    }

    /// Forgets bindings that are gone.
    pub fn retain(&mut self, lives: impl Fn(&str) -> bool) {
        self.0.retain(|uid, _| lives(uid));
    }

    /// What is refused for these bindings.
    pub fn of<'a>(&self, bindings: impl Iterator<Item = &'a str>) -> Vec<(String, RefusedWrites)> {
        bindings.filter_map(|uid| Some((uid.to_owned(), self.0.get(uid)?.clone()))).collect()
    }

    /// Whether this is refused for one of these bindings.
    pub fn has<'a>(&self, mut bindings: impl Iterator<Item = &'a str>, field: Field) -> bool {
        bindings.any(|uid| self.0.get(uid).is_some_and(|writes| writes.has(&field)))
    }

    /// This was not taken for the binding, and may be the next time.
    pub fn may_be_taken(&self, binding: &str, field: Field) -> bool {
        self.0.get(binding).is_some_and(|writes| writes.may_be_taken(&field))
    }

    /// What Events are to tell of a binding; from now on it counts as told.
    pub fn news(&mut self, binding: &str, now: Timestamp) -> Vec<RefusalNews> {
        self.0.get_mut(binding).map(|writes| writes.news(now)).unwrap_or_default()
    }

    /// How long until rounds try again what was refused for one of these bindings.
    pub fn wait<'a>(&self, bindings: impl Iterator<Item = &'a str>, now: Timestamp) -> Option<Duration> {
        let first = bindings.filter_map(|uid| self.0.get(uid)?.wait_of_rounds(now)).min()?;
        Some(Duration::try_from(first).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_two_rounds_open_counts_once() {
        let (mut ledger, now) = (Ledger::default(), Duration::from_secs(1));
        assert!(ledger.begin_write("a", false, now) && ledger.begin_write("b", true, now));
        assert!(!ledger.begin_write("a", true, now + GATE_WRITE / 2), "another one is under way");
        assert!(ledger.begin_write("a", false, now + GATE_WRITE), "nobody was left to say that it has ended");
        ledger.end_write("a", now + GATE_WRITE);
        assert!(ledger.begin_write("a", true, now + GATE_WRITE));
        ledger.end_write("a", now + GATE_WRITE);
        assert!(!ledger.begin_write("a", false, now + GATE_WRITE), "caches may not show that it is open");
        assert!(ledger.begin_write("a", false, now + GATE_WRITE * 2));
        assert!(ledger.is_first_opening("a", now));
        assert!(!ledger.is_first_opening("a", now + Duration::from_secs(1)));
        assert!(ledger.is_first_opening("b", now + Duration::from_secs(1)));
        assert!(ledger.is_first_opening("c", now + ECHO * 2));
        assert_eq!(ledger.opened.len(), 1, "what is long past is forgotten");
    }

    #[test]
    fn a_vpc_that_was_read_once_stays_known_and_one_that_nobody_names_goes() {
        let (mut vpcs, of) = (Vpcs::default(), |id: &str| VpcSight::Of(id.to_owned()));
        let (one, two) = (LoadBalancerId::new("lb-1"), LoadBalancerId::new("lb-2"));
        vpcs.see(&one, of("vpc-1"));
        vpcs.see(&one, VpcSight::NotShown);
        let both = BTreeSet::from([one.clone(), two.clone()]);
        assert_eq!(
            vpcs.of(both.clone()),
            NamedVpcs::from([(one.clone(), of("vpc-1")), (two.clone(), VpcSight::NotRead)])
        );
        vpcs.see(&two, VpcSight::NotShown);
        vpcs.see(&two, of("vpc-2"));
        assert_eq!(vpcs.of(BTreeSet::from([two.clone()])), NamedVpcs::from([(two, of("vpc-2"))]));
        assert_eq!(vpcs.of(both)[&one], VpcSight::NotRead);
    }
}
