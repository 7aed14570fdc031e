//! What the cloud knows, and how calls change it: `(State, call, time) → reply`.
//!
//! - No I/O, no clock and no randomness: time, request ids and addresses are handed in.
//! - A write is checked at once and takes effect when its task ends; ids of new things are given at once.
//! - A running task locks its load balancer. Reads are never refused for that.

mod certificate;
mod console;
mod creation;
mod health_check;
mod identity;
mod instance;
mod listener;
mod listener_input;
mod load_balancer;
mod query;
mod registration;
mod rule;
mod rule_input;
mod start_stop;
mod switches;
mod target;
mod target_query;
mod task;
mod view;
mod weight;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::dialect::{Departure, Dialect};
use super::error::{ApiError, ApiResult};
use super::fault::Twist;
use super::settings::{Identities, Quotas, Timing};
use super::{Moment, health::HealthRecord};
use crate::clb::wire::Action;
use crate::model::{Address, Health, LoadBalancerId, Route, TaskId};

pub use console::ConsoleError;
pub use instance::{Listener, LoadBalancer, Rule, Target};
pub(crate) use view::ProbeTarget;

use start_stop::Probing;
use task::{Task, Work};

/// What does not change while a simulator runs.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The account that everything here is in.
    pub(crate) account: String,
    /// What ids are counted from, so that those of accounts differ.
    pub(crate) first_id: u64,
    pub(crate) region: String,
    pub(crate) quotas: Quotas,
    pub(crate) timing: Timing,
    pub(crate) dialect: Dialect,
    /// The wall-clock time of moment zero, for the times that replies show.
    pub(crate) origin: Timestamp,
    pub(crate) identities: Identities,
}

/// Everything the cloud knows.
pub struct State {
    config: Config,
    load_balancers: BTreeMap<LoadBalancerId, LoadBalancer>,
    tasks: BTreeMap<TaskId, Task>,
    /// Tasks that have not ended, by the moment they end at and the order they began in.
    running: BTreeMap<(Moment, u64), TaskId>,
    /// Ended tasks in the order of their end, so that the oldest can be forgotten.
    ended: VecDeque<TaskId>,
    made: u64,
    /// What an idempotency token created.
    client_tokens: BTreeMap<String, Creation>,
    /// Addresses whose health somebody has decided.
    overrides: BTreeMap<Address, bool>,
    /// Load balancers whose listeners, targets or health changed since the data plane was told.
    changed: BTreeSet<LoadBalancerId>,
    /// Recent deletions of load balancers, for the guard against too many.
    deletions: VecDeque<Moment>,
    keyring: identity::Keyring,
    certificates: certificate::Uploads,
}

/// A creation that an idempotency token may ask for again.
struct Creation {
    /// The request in a comparable form.
    fingerprint: String,
    ids: Vec<LoadBalancerId>,
    deal_name: String,
    /// The task of the order.
    task: TaskId,
    /// When it was asked for.
    asked_at: Moment,
}

/// What a call comes with, beside its parameters.
pub(crate) struct Context<'a> {
    pub(crate) now: Moment,
    pub(crate) request_id: &'a str,
    pub(crate) twist: &'a Twist,
    /// Hands out addresses for new load balancers; `None` when there is none left.
    pub(crate) addresses: &'a mut dyn FnMut() -> Option<Ipv4Addr>,
    /// How many targets the reply describes, counted by its handler; 0 for actions that describe none.
    pub(crate) described: usize,
}

/// What a call leads to.
pub(crate) struct Handled<R> {
    pub(crate) reply: R,
    /// The reply is given at this moment; `None`: at once.
    pub(crate) hold_until: Option<Moment>,
}

impl<R> From<R> for Handled<R> {
    fn from(reply: R) -> Self {
        Self { reply, hold_until: None }
    }
}

/// An action that the simulator carries out.
pub(crate) trait Handle: Action {
    /// Checks the call and begins its work.
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Self::Reply>>;
}

/// How many ended tasks can still be asked about. How long the service remembers them is not documented.
const REMEMBERED_TASKS: usize = 10_000;

impl State {
    pub(crate) fn new(config: Config) -> Self {
        let keyring = identity::Keyring::new(config.identities.clone());
        Self {
            made: config.first_id,
            config,
            load_balancers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            running: BTreeMap::new(),
            ended: VecDeque::new(),
            client_tokens: BTreeMap::new(),
            overrides: BTreeMap::new(),
            changed: BTreeSet::new(),
            deletions: VecDeque::new(),
            keyring,
            certificates: certificate::Uploads::new(),
        }
    }

    /// What reads show of it, without tasks and tokens.
    pub(crate) fn to_be_read(&self) -> Self {
        let (load_balancers, overrides) = (self.load_balancers.clone(), self.overrides.clone());
        let certificates = self.certificates.clone();
        Self { load_balancers, overrides, certificates, ..Self::new(self.config.clone()) }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// A new id: `prefix` and eight letters or digits, never the same twice.
    fn new_id(&mut self, prefix: &str) -> String {
        const SPACE: u128 = 36_u128.pow(8);
        // A factor without a common divisor with 36 visits the whole space before it repeats.
        const FACTOR: u128 = 1_000_003_000_019;
        self.made += 1;
        let mut rest = (u128::from(self.made) * FACTOR + 123_456_789) % SPACE;
        let mut id = prefix.to_owned();
        for _ in 0..8 {
            let digit = u32::try_from(rest % 36).unwrap_or_default();
            id.push(char::from_digit(digit, 36).unwrap_or('0'));
            rest /= 36;
        }
        id
    }

    /// A moment on the wall.
    fn wall(&self, moment: Moment) -> Timestamp {
        let passed = SignedDuration::try_from(moment).unwrap_or(SignedDuration::MAX);
        self.config.origin.checked_add(passed).unwrap_or(self.config.origin)
    }

    /// The text form of a moment, as replies have it.
    fn time_text(&self, moment: Moment) -> String {
        self.wall(moment).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// The ISO 8601 form of a moment, in UTC, to the second.
    fn iso_text(&self, moment: Moment) -> String {
        self.wall(moment).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// A moment as Unix time.
    fn unix_seconds(&self, moment: Moment) -> i64 {
        self.wall(moment).as_second()
    }

    /// Lets all tasks end that are due.
    pub(crate) fn advance(&mut self, now: Moment) {
        while let Some(entry) = self.running.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (ended_at, _) = *entry.key();
            let id = entry.remove();
            self.end_task(&id, ended_at);
        }
    }

    /// When the next task ends.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.running.keys().next().map(|(moment, _)| *moment)
    }

    fn end_task(&mut self, id: &TaskId, now: Moment) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        let (work, result) = task.end();
        if let (Some(work), true) = (work, result) {
            self.carry_out(work, now);
        }
        self.ended.push_back(id.clone());
        if self.ended.len() > REMEMBERED_TASKS
            && let Some(oldest) = self.ended.pop_front()
        {
            self.tasks.remove(&oldest);
        }
    }

    fn carry_out(&mut self, work: Work, now: Moment) {
        match work {
            Work::Change(id, change) => {
                if let Some(load_balancer) = self.load_balancers.get_mut(&id) {
                    change(load_balancer, now);
                    self.changed.insert(id);
                }
            }
            Work::Start(ids) => {
                let text = self.time_text(now);
                for id in ids {
                    if let Some(load_balancer) = self.load_balancers.get_mut(&id) {
                        load_balancer.start(text.clone());
                    }
                    self.changed.insert(id);
                }
            }
            Work::Delete(ids) => {
                for id in ids {
                    self.load_balancers.remove(&id);
                    self.changed.insert(id);
                }
            }
        }
    }

    /// Begins a task that locks its load balancers, and says when it ends.
    fn begin(&mut self, context: &Context<'_>, action: &'static str, work: Work, takes: Duration) -> Moment {
        let ends = context.now.saturating_add(takes);
        let free = ends.saturating_add(self.config.timing.scaled(self.config.timing.tail));
        let load_balancers = work.load_balancers();
        for id in &load_balancers {
            if let Some(load_balancer) = self.load_balancers.get_mut(id) {
                load_balancer.busy_until = free;
            }
        }
        let id = TaskId::new(context.request_id);
        let task = Task::new(action, ends, work, context.twist.fail_task.clone());
        self.tasks.insert(id.clone(), task);
        self.made += 1;
        self.running.insert((ends, self.made), id);
        self.advance(context.now);
        ends
    }

    /// Begins a change of one load balancer that takes as long as an ordinary task.
    fn begin_change(
        &mut self,
        context: &Context<'_>,
        action: &'static str,
        id: LoadBalancerId,
        change: impl FnOnce(&mut LoadBalancer, Moment) + Send + 'static,
    ) {
        let takes = self.config.timing.scaled(self.config.timing.task);
        self.begin(context, action, Work::Change(id, Box::new(change)), takes);
    }

    /// The load balancer of a read.
    fn readable(&self, id: &str) -> ApiResult<&LoadBalancer> {
        self.load_balancers.get(&LoadBalancerId::new(id)).ok_or_else(|| ApiError::load_balancer_not_found(id))
    }

    /// The load balancer of a write: it must exist, be in service, and have no task running.
    fn writable(&self, id: &str, now: Moment) -> ApiResult<&LoadBalancer> {
        if self.readable(id)?.is_stopped() {
            return Err(ApiError::new("FailedOperation.InvalidLBStatus", format!("LoadBalancer {id} is stopped")));
        }
        self.startable(id, now)
    }

    /// The load balancer of a write that is possible also while it is stopped.
    fn startable(&self, id: &str, now: Moment) -> ApiResult<&LoadBalancer> {
        let load_balancer = self.readable(id)?;
        if load_balancer.isolated {
            return Err(ApiError::new("FailedOperation.InvalidLBStatus", format!("LoadBalancer {id} is isolated")));
        }
        if now < load_balancer.busy_until {
            return Err(ApiError::busy(id));
        }
        Ok(load_balancer)
    }

    /// Load balancers that changed since the last time this was asked.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<LoadBalancerId> {
        std::mem::take(&mut self.changed)
    }

    /// Adds the result of a probe; true when the verdict changed. A target that has gone meanwhile is ignored.
    pub(crate) fn observe(&mut self, id: &LoadBalancerId, route: &Route, address: Address, success: bool) -> bool {
        let Some(load_balancer) = self.load_balancers.get_mut(id) else { return false };
        let Some((targets, policy)) = load_balancer.targets_and_policy_mut(route) else { return false };
        let Some(target) = targets.iter_mut().find(|target| target.address == address) else { return false };
        let changed = target.record.observe(success, policy);
        if changed {
            self.changed.insert(id.clone());
        }
        changed
    }

    /// Tasks that have not ended: action, load balancers and milliseconds since the start at which they will end.
    pub(crate) fn running_tasks(&self) -> Vec<(&'static str, Vec<&str>, u128)> {
        let tasks = self.running.values().filter_map(|id| self.tasks.get(id));
        tasks.map(|task| (task.action, task.load_balancer_names(), task.ends.as_millis())).collect()
    }

    /// Decides the health of an address on every listener; `None` leaves it to the probes again.
    pub(crate) fn override_health(&mut self, address: Address, healthy: Option<bool>) {
        match healthy {
            Some(healthy) => self.overrides.insert(address, healthy),
            None => self.overrides.remove(&address),
        };
        self.changed.extend(self.load_balancers.keys().cloned());
    }

    /// What is shown of targets whose probes do not agree yet.
    fn health_of_new_targets(&self) -> Health {
        let dialect = &self.config.dialect;
        if dialect.has(Departure::NewTargetsAlive) {
            Health::Healthy
        } else if dialect.has(Departure::NewTargetsDead) {
            Health::Unhealthy
        } else {
            Health::Unknown
        }
    }

    /// The health that counts: nobody's on a stopped listener, else what somebody decided, else what the probes say.
    fn health_of(&self, record: &HealthRecord, address: Address, probing: Probing) -> Health {
        match (self.overrides.get(&address), probing) {
            (_, Probing::Stopped) if !self.config.dialect.has(Departure::StoppedHealthKept) => Health::CheckOff,
            (Some(true), _) => Health::Healthy,
            (Some(false), _) => Health::Unhealthy,
            (None, Probing::On | Probing::Stopped) => match record.verdict() {
                Health::Unknown => self.health_of_new_targets(),
                verdict => verdict,
            },
            (None, Probing::SwitchedOff) => Health::CheckOff,
        }
    }
}
