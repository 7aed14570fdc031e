//! A world played second by second: Kubernetes ends Pods, the cloud probes targets, and it is counted who really serves.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::api::mark::TargetTag;
use crate::model::{
    Address, Class, Containers, Failure, GateState, Health, ListenerState, Phase, Pod, PreStop, RegisteredTarget,
};
use crate::plan::tests::world::World;
use crate::plan::{Verdict, selects};

/// Seconds after which probes that fail make a target unhealthy.
const FAILS: i64 = 3;
/// Seconds for which a Pod that is not ready is waited for.
const WAITED: i64 = 60;
/// Seconds before the end of a sleep at which a target is let go.
const SPREAD: i64 = 5;

/// What the cloud tells of health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan::tests) enum Check {
    /// What its probes find.
    On,
    /// That the check is off.
    Off,
    /// That all are unhealthy, although they serve; it then sends traffic to all.
    AllDead,
    /// Nothing: the action is denied.
    Denied,
}

/// What may stay of Pods that end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan::tests) enum Leftovers {
    /// Nothing: they get no traffic any more once they stop accepting, and their targets go with them.
    None,
    /// Their weight, until they are gone.
    UntilGone,
    /// Everything.
    All,
}

/// A world and its second.
pub(in crate::plan::tests) struct Play {
    pub(in crate::plan::tests) world: World,
    pub(in crate::plan::tests) second: i64,
    /// Seconds after which a target that is probed well is healthy.
    pub(in crate::plan::tests) delay: i64,
    pub(in crate::plan::tests) check: Check,
    /// Pods of which nothing answers, whatever their objects say.
    pub(in crate::plan::tests) dead: BTreeSet<u32>,
    /// Ports on which nothing answers.
    pub(in crate::plan::tests) dead_ports: BTreeSet<u16>,
    /// Another controller takes over in each second.
    pub(in crate::plan::tests) forgets: bool,
    /// Pods cannot be bound, so that none are wanted.
    pub(in crate::plan::tests) is_barred: bool,
    /// What may stay of Pods that end.
    pub(in crate::plan::tests) leftovers: Leftovers,
    /// What was to be told was told in some second.
    pub(in crate::plan::tests) told: bool,
    /// How many serve, in each second.
    pub(in crate::plan::tests) history: Vec<usize>,
    /// How many fewer than that may serve, because room is needed.
    pub(in crate::plan::tests) slack: usize,
    /// Loss that no reason of the table allows.
    pub(in crate::plan::tests) losses: Vec<String>,
    begun: Timestamp,
    /// For how long each registered address has been probed well (positive) or badly.
    streaks: BTreeMap<Address, i64>,
    /// Who has been found to serve since it was registered: nobody can rely on others.
    proven: BTreeSet<Address>,
    serving: BTreeSet<Address>,
}

impl Play {
    /// The world comes to rest with all targets healthy, and the play begins.
    pub(in crate::plan::tests) fn new(mut world: World, delay: i64) -> Self {
        world.converge();
        world.heal();
        world.converge();
        let begun = world.now;
        let streaks: BTreeMap<_, _> = world.targets.values().flatten().map(|target| (target.address, delay)).collect();
        let proven = streaks.keys().copied().collect();
        let mut play = Self {
            world,
            second: 0,
            delay,
            check: Check::On,
            dead: BTreeSet::new(),
            dead_ports: BTreeSet::new(),
            forgets: false,
            is_barred: false,
            leftovers: Leftovers::None,
            told: false,
            history: Vec::new(),
            slack: 0,
            losses: Vec::new(),
            begun,
            streaks,
            proven,
            serving: BTreeSet::new(),
        };
        play.serving = play.serving_now();
        play
    }

    /// A person changes something in the cloud: what is lost by that is not ours.
    pub(in crate::plan::tests) fn by_hand(&mut self, act: fn(&mut World)) {
        act(&mut self.world);
        self.serving = self.serving_now();
        self.leftovers = Leftovers::All;
    }

    /// Plays so many seconds more; `act` says what happens in each.
    pub(in crate::plan::tests) fn run(&mut self, seconds: i64, act: &dyn Fn(&mut Self, i64)) {
        for _ in 0..seconds {
            self.world.now = self.begun + SignedDuration::from_secs(self.second);
            self.end_pods();
            act(self, self.second);
            self.probe();
            if self.forgets {
                self.world.remembered = crate::plan::Remembered::default();
            }
            self.world.converge();
            self.open_gates();
            self.judge();
            self.second += 1;
        }
    }

    /// Pods whose containers have stopped are gone.
    fn end_pods(&mut self) {
        let now = self.world.now;
        self.world.pods.retain(|_, pod| accepting_end(pod).is_none_or(|end| now <= end));
    }

    fn open_gates(&mut self) {
        if !self.world.pods.values().any(|pod| pod.gate.is_waiting()) {
            return;
        }
        let plan = self.world.plan();
        let gates = plan.bindings.iter().flat_map(|part| &part.gates);
        let open: BTreeSet<_> =
            gates.filter(|gate| matches!(gate.verdict, Verdict::Open(_))).map(|gate| gate.pod_uid.clone()).collect();
        let waiting = self.world.pods.values_mut().filter(|pod| open.contains(&pod.uid));
        waiting.for_each(|pod| pod.gate = GateState::Open);
    }

    /// Something answers at this address.
    fn answers(&self, address: Address) -> bool {
        let is_at = |(number, pod): &(&u32, &Pod)| {
            pod.ips.contains(&address.ip) && !self.dead.contains(number) && self.accepts(pod)
        };
        !self.dead_ports.contains(&address.port) && self.world.pods.iter().any(|row| is_at(&row))
    }

    fn accepts(&self, pod: &Pod) -> bool {
        let runs = pod.containers == Containers::Running && pod.phase != Phase::Finished && pod.phase != Phase::Pending;
        runs && accepting_end(pod).is_none_or(|end| self.world.now < end)
    }

    /// The cloud probes what is registered.
    fn probe(&mut self) {
        let registered: BTreeSet<_> = self.registered().map(|target| target.address).collect();
        self.streaks.retain(|address, _| registered.contains(address));
        self.proven.retain(|address| registered.contains(address));
        for address in registered {
            let answers = self.answers(address);
            let streak = self.streaks.entry(address).or_default();
            *streak = if answers { (*streak).max(0) + 1 } else { (*streak).min(0) - 1 };
            let found = match self.check {
                Check::Off => Some(Health::CheckOff),
                Check::AllDead => Some(Health::Unhealthy),
                Check::On | Check::Denied if *streak >= self.delay => Some(Health::Healthy),
                Check::On | Check::Denied if *streak <= -FAILS => Some(Health::Unhealthy),
                Check::On | Check::Denied => None,
            };
            if let Some(found) = found {
                if matches!(found, Health::Healthy | Health::CheckOff) {
                    self.proven.insert(address);
                }
                self.world.health.insert(address, found);
            }
        }
        self.world.health_failure = (self.check == Check::Denied).then(|| Failure {
            class: Class::Denied,
            action: "DescribeTargetHealth",
            code: "UnauthorizedOperation".to_owned(),
            message: "not allowed".to_owned(),
            request_id: None,
        });
    }

    fn registered(&self) -> impl Iterator<Item = &RegisteredTarget> {
        self.world.targets.values().flatten()
    }

    /// The targets of listeners that take traffic.
    fn reached(&self) -> impl Iterator<Item = &RegisteredTarget> {
        let is_open = |id: &crate::model::ListenerId| {
            self.world.listeners.iter().any(|one| one.id == *id && one.state == ListenerState::Serving)
        };
        let open = self.world.targets.iter().filter(move |(route, _)| is_open(&route.listener));
        open.flat_map(|(_, targets)| targets)
    }

    /// The cloud sends the address traffic, whatever it finds of others.
    fn is_sent(&self, address: Address) -> bool {
        matches!(self.world.health.get(&address), Some(Health::Healthy | Health::CheckOff))
    }

    /// Addresses that get traffic and answer. Where none is healthy the cloud sends traffic to all.
    fn serving_now(&self) -> BTreeSet<Address> {
        let weighted: Vec<_> = self.reached().filter(|target| target.weight > 0).collect();
        let is_open_to_all = !weighted.iter().any(|target| self.is_sent(target.address));
        let sent = weighted.iter().filter(|target| is_open_to_all || self.is_sent(target.address));
        sent.map(|target| target.address).filter(|address| self.answers(*address)).collect()
    }

    /// How many Pods should serve.
    pub(in crate::plan::tests) fn wanted(&self) -> usize {
        if self.is_barred {
            return 0;
        }
        let Some(service) = &self.world.service else { return usize::MAX };
        let is_wanted = |pod: &&Pod| {
            let since = pod.containers_ready_since.or(pod.created);
            let waited = since.map_or(i64::MAX, |since| self.world.now.duration_since(since).as_secs());
            selects(service, pod)
                && pod.deleting_since.is_none()
                && pod.closed_gates.is_empty()
                && pod.annotations.is_empty()
                && pod.phase != Phase::Unknown
                && (!pod.host_network || self.world.cluster.allows_host_network)
                && (pod.containers_ready || waited < WAITED)
        };
        self.world.pods.values().filter(is_wanted).count()
    }

    /// Whoever served a second ago, still can, and is not taken out by a user, goes on until another serves.
    fn judge(&mut self) {
        let serving = self.serving_now();
        let before = std::mem::replace(&mut self.serving, serving.clone());
        let wanted = self.wanted();
        // What keeps its weight, or would keep it, and gets no traffic, is left out by the cloud.
        let weighted: BTreeSet<_> =
            self.registered().filter(|target| target.weight > 0).map(|target| target.address).collect();
        let is_by_health = weighted.iter().any(|address| self.is_sent(*address));
        let is_reached = |address: &Address| {
            serving.contains(address) || !weighted.contains(address) && (!is_by_health || self.is_sent(*address))
        };
        let could: Vec<_> = before.iter().filter(|address| self.answers(**address) && is_reached(address)).collect();
        let can_wait = could.iter().filter(|address| self.is_replaceable(***address)).count();
        let due = can_wait.min(wanted).saturating_sub(self.slack);
        let is_out = |address: &Address| self.pod_at(*address).is_none_or(is_taken_out);
        let is_last_lost = serving.is_empty() && could.iter().any(|address| !is_out(address));
        let second = self.second;
        if serving.len() < due {
            self.losses.push(format!("{second} s: {} serve, {can_wait} could, {wanted} are wanted", serving.len()));
        } else if is_last_lost {
            self.losses.push(format!("{second} s: nobody serves, {} could", could.len()));
        }
        let left: Vec<_> = self.left(&serving).collect();
        if !left.is_empty() {
            self.losses.push(format!("{second} s: traffic goes to Pods that end: {left:?}"));
        }
        self.history.push(serving.len());
    }

    fn pod_at(&self, address: Address) -> Option<&Pod> {
        self.world.pods.values().find(|pod| pod.ips.contains(&address.ip))
    }

    /// The target is not judged: it may serve on until it is replaced.
    fn is_replaceable(&self, address: Address) -> bool {
        let Some(pod) = self.pod_at(address) else { return false };
        let has_time = accepting_end(pod).is_none_or(|end| self.world.now < end - SignedDuration::from_secs(SPREAD));
        pod.containers_ready && pod.phase == Phase::Running && !is_taken_out(pod) && has_time
    }

    /// Targets with weight of Pods that are gone, and of those that end while others serve that have been found to.
    fn left(&self, serving: &BTreeSet<Address>) -> impl Iterator<Item = Address> {
        let ends =
            |pod: &Pod| accepting_end(pod).is_some_and(|end| self.world.now >= end - SignedDuration::from_secs(SPREAD));
        let goes_on = |address: &Address| self.pod_at(*address).is_some_and(|pod| !ends(pod));
        let others = serving.iter().any(|address| self.proven.contains(address) && goes_on(address));
        let is_left = move |address: &Address| match (self.pod_at(*address), self.leftovers) {
            (_, Leftovers::All) | (Some(_), Leftovers::UntilGone) => false,
            (None, _) => true,
            (Some(pod), Leftovers::None) => others && ends(pod),
        };
        let is_ours = |tag: &str| tag.is_empty() || TargetTag::parse(tag).is_some();
        let weighted = self.registered().filter(move |target| target.weight > 0 && is_ours(&target.tag));
        weighted.map(|target| target.address).filter(is_left)
    }

    /// The Pods that are targets with weight, by the last byte of their address and port.
    pub(in crate::plan::tests) fn rest(&self) -> BTreeSet<String> {
        let weighted = self.registered().filter(|target| target.weight > 0);
        weighted.map(|target| target.address.to_string()).collect()
    }

    /// The fewest that served in any second.
    pub(in crate::plan::tests) fn least(&self) -> usize {
        self.history.iter().copied().min().unwrap_or_default()
    }
}

fn is_taken_out(pod: &Pod) -> bool {
    !pod.closed_gates.is_empty() || pod.annotations.values().any(|weight| *weight == *"0")
}

/// When a Pod that is being deleted stops accepting; it is gone a moment later. Nobody tells those of a silent node.
fn accepting_end(pod: &Pod) -> Option<Timestamp> {
    if pod.phase == Phase::Unknown {
        return None;
    }
    let sleep = match pod.ending.pre_stop {
        PreStop::None | PreStop::Unknown => 0,
        PreStop::Sleep(seconds) => i64::from(seconds),
    };
    let end = pod.deleting_since? + SignedDuration::from_secs(sleep);
    Some(pod.killed_at.map_or(end, |killed_at| end.min(killed_at)))
}
