//! What is remembered for the rules that look at more than one moment.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tke_direct_access::sim;
use tke_direct_access_core::api::mark::ListenerName;
use tke_direct_access_core::model::{Address, LoadBalancerId, Route, Service};
use tke_direct_access_core::reconcile::{Answer, OtherRead};

use super::Seen;
use super::losses::Losses;
use super::pods::Pods;
use crate::act::{Act, Fault};

/// After a misfortune, caches and the cloud are taken for known again when so much has gone by.
pub(crate) const CLEARS: Duration = Duration::from_secs(150);
/// Calls are counted over so long.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// What is decided by a read of health has come about after so long: what has only just become well was not so in the read.
pub(crate) const READ: Duration = Duration::from_secs(2);
/// The most calls that change something within [`WINDOW`]: what is refused and tried again at once makes more.
pub(crate) const CALLS: usize = 200;
/// The most calls of an action that are refused within [`WINDOW`] because of one address: on each listener and rule it is tried again
/// after 1 s, 2 s, and then every 4 s.
pub(crate) const REFUSALS: usize = 60;

/// The most reads of one load balancer within [`WINDOW`], at rest and in all.
pub(crate) const READS: (usize, usize) = (120, 1000);

/// The read of health.
const HEALTH: &str = "DescribeTargetHealth";
/// What somebody has changed at the console is read within a minute, and what is written by that takes a little.
pub(super) const READ_AGAIN: Duration = Duration::from_secs(65);

/// A leadership: replica, life and term.
pub(crate) type Writer = (usize, u64, u64);

/// What is remembered of the past.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Until when replicas may know less than what is the case.
    blurred: Duration,
    /// Until when targets may stay that should go: what is only about health, or about one address, holds up no other.
    hindered: Duration,
    /// Until when reads of health may not be answered.
    unread: Duration,
    /// By load balancer, when something of it was read; where a call names none, by its action.
    described: BTreeMap<String, VecDeque<Duration>>,
    /// Calls that have changed something.
    calls: VecDeque<Duration>,
    /// By id, the UIDs of the binding that has made a listener, and of the Service that it was made for; empty where there is none.
    pub(crate) makers: BTreeMap<String, (String, String)>,
    /// Listeners that were renamed while no binding recorded and wanted them: their names alone said whose they are.
    pub(crate) unnamed: BTreeSet<String>,
    /// When the Service of this name was last gone, or did not ask for a binding.
    pub(crate) unasked: BTreeMap<String, Duration>,
    /// Since when a binding is suspended, by UID.
    pub(crate) suspended: BTreeMap<String, Duration>,
    /// Since when the cloud has found a target well, by route.
    well: BTreeMap<(Route, Address), Duration>,
    /// Since when a target has had no weight.
    pub(crate) weightless: BTreeMap<(Route, Address), Duration>,
    /// Since when something is the case that should not last.
    pub(crate) lasting: BTreeMap<String, Duration>,
    /// Addresses of Pods that bindings have selected, by UID.
    pub(crate) selected: BTreeSet<(String, String)>,
    /// Of each leadership and load balancer, how many reads of listeners were answered, and how many were not.
    pub(crate) reads: BTreeMap<(Writer, String), (u32, u32)>,
    /// By replica, life and name, the Service that the API server has shown last when it was asked.
    shown: BTreeMap<(usize, u64, String), Option<Service>>,
    /// The leaderships that have read the health of a load balancer.
    pub(crate) health_read: BTreeSet<(Writer, String)>,
    /// What is refused for this address only.
    pub(crate) refused: Vec<String>,
    /// Until when calls that name an address may not have come about.
    pub(crate) refused_until: Vec<(String, Duration)>,
    /// By action and address, when calls that name it were refused because of it.
    refusals: BTreeMap<(String, String), VecDeque<Duration>>,
    /// What bindings lose of Pods that live.
    pub(crate) losses: Losses,
    /// Single Pods.
    pub(crate) pods: Pods,
}

impl Watch {
    /// Hears of what is done to the world.
    pub(crate) fn hear_act(&mut self, act: &Act, now: Duration) {
        let Act::Fault(fault) = act else { return };
        let seconds = |seconds: u64| Duration::from_secs(seconds) + CLEARS;
        let (blurs, hinders) = match fault {
            Fault::Refused { names, seconds: time, .. } => {
                self.refused.push(names.clone());
                self.refused_until.push((names.clone(), now + seconds(*time)));
                (Duration::ZERO, Duration::ZERO)
            }
            Fault::Calls { action, count, effect: sim::Effect::Delay { milliseconds } } => {
                let time = Duration::from_millis(milliseconds.saturating_mul(*count)) + CLEARS;
                if action.as_deref() == Some(HEALTH) {
                    self.unread = self.unread.max(now + time);
                    (time, Duration::ZERO)
                } else {
                    (time, time)
                }
            }
            // Where one Pod is missed, only its load balancers may be late.
            Fault::Mended | Fault::Unprobed(Some(_), _) => (Duration::ZERO, Duration::ZERO),
            Fault::Calls { .. } | Fault::Relist(..) | Fault::DeleteLease => (CLEARS, CLEARS),
            Fault::Stall(_, _, time)
            | Fault::Freeze(_, time)
            | Fault::CutOff(_, time)
            | Fault::Forget(time)
            | Fault::Unreadable(time)
            | Fault::Refuse { seconds: time, .. }
            | Fault::Slow(_, time)
            | Fault::Delay(_, time)
            | Fault::Skew(_, _, time)
            | Fault::Node { seconds: time, .. } => (seconds(*time), seconds(*time)),
            // What serves goes on to serve when nobody is there, and when nobody is found to.
            Fault::Crash(_, time) | Fault::Unprobed(None, time) => (Duration::ZERO, seconds(*time)),
        };
        self.blurred = self.blurred.max(now + blurs);
        self.hindered = self.hindered.max(now + hinders);
    }

    /// The API server has answered a replica.
    pub(crate) fn show(&mut self, (replica, life): (usize, u64), read: &OtherRead, answer: &Answer) {
        if let (OtherRead::Service(key), Answer::Service(Ok(shown))) = (read, answer) {
            self.shown.insert((replica, life, key.name.clone()), shown.as_deref().cloned());
        }
    }

    /// The API server has shown a replica this Service, with these words.
    pub(crate) fn was_shown(&self, (replica, life): (usize, u64), service: &Service) -> bool {
        let shown = self.shown.get(&(replica, life, service.key.name.clone()));
        shown
            .and_then(Option::as_ref)
            .is_some_and(|shown| shown.uid == service.uid && shown.annotations == service.annotations)
    }

    /// A call meets a misfortune: what waits for it is late, however long ago that misfortune came.
    pub(crate) fn strike(&mut self, action: &str, now: Duration) {
        let late = if action == HEALTH { &mut self.unread } else { &mut self.hindered };
        *late = (*late).max(now + CLEARS);
    }

    /// Reads of health may not be answered: nobody can know who has stopped to serve meanwhile.
    pub(crate) fn is_unread(&self, now: Duration) -> bool {
        now < self.unread
    }

    /// Replicas may know less than what is the case.
    pub(crate) fn is_blurred(&self, now: Duration) -> bool {
        now < self.blurred
    }

    /// Something may be late.
    pub(crate) fn is_hindered(&self, now: Duration) -> bool {
        now < self.hindered
    }

    /// A call of this action was refused because of this address. Returns how many were in a while.
    pub(crate) fn refuse(&mut self, action: &str, address: &str, now: Duration) -> usize {
        let times = self.refusals.entry((action.to_owned(), address.to_owned())).or_default();
        times.push_back(now);
        while times.front().is_some_and(|then| now.saturating_sub(*then) > WINDOW) {
            times.pop_front();
        }
        times.len()
    }

    /// A call reads something of a load balancer. Returns how many do in a while.
    pub(crate) fn describe(&mut self, of: String, now: Duration) -> usize {
        let times = self.described.entry(of).or_default();
        times.push_back(now);
        while times.front().is_some_and(|then| now.saturating_sub(*then) > WINDOW) {
            times.pop_front();
        }
        times.len()
    }

    /// A call changes something. Returns how many do in a while.
    pub(crate) fn count(&mut self, now: Duration) -> usize {
        self.calls.push_back(now);
        while self.calls.front().is_some_and(|then| now.saturating_sub(*then) > WINDOW) {
            self.calls.pop_front();
        }
        self.calls.len()
    }

    /// Since when something has been the case that is the case now.
    pub(crate) fn since(&mut self, what: String, now: Duration) -> Duration {
        *self.lasting.entry(what).or_insert(now)
    }

    /// The cloud has found a target well for so long that whoever has changed something must have read it.
    pub(crate) fn is_known_well(&self, route: &Route, address: Address, now: Duration) -> bool {
        let since = self.well.get(&(route.clone(), address));
        since.is_some_and(|since| now.saturating_sub(*since) >= READ)
    }

    /// Takes in what was seen of a load balancer.
    pub(crate) fn see(&mut self, before: Option<&Seen>, after: &Seen, now: Duration, service: impl Fn(&str) -> String) {
        // Of those that this change ends, it is still asked.
        if let Some(before) = before {
            let is_there = |route: &Route| before.listeners.contains_key(route.listener.as_str());
            self.well.retain(|one, _| before.well.contains(one) || !is_there(&one.0));
        }
        for one in &after.well {
            self.well.entry(one.clone()).or_insert(now);
        }
        for (id, (name, ..)) in &after.listeners {
            if let Some(uid) = ListenerName::owner(name)
                && !self.makers.contains_key(id)
            {
                self.makers.insert(id.clone(), (uid.to_owned(), service(uid)));
            }
        }
        for (route, targets) in &after.targets {
            for (address, (weight, _)) in targets {
                let place = (route.clone(), *address);
                let was = before.and_then(|seen| seen.targets.get(route)?.get(address));
                if let Some((weight, tag)) = was {
                    self.pods.weights.entry((route.clone(), tag.clone())).or_default().insert(*weight);
                }
                let had = was.map_or(0, |(weight, _)| *weight);
                match (*weight, had) {
                    (0, 0) => {}
                    (0, _) => _ = self.weightless.insert(place, now),
                    _ => _ = self.weightless.remove(&place),
                }
            }
        }
    }

    /// A read of a load balancer's listeners was answered, or not.
    pub(crate) fn read(&mut self, writer: Writer, id: &LoadBalancerId, is_answered: bool) {
        let (answered, failed) = self.reads.entry((writer, id.to_string())).or_default();
        if is_answered {
            *answered += 1;
        } else {
            *failed += 1;
        }
    }
}
