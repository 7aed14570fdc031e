//! The world: what happens when, one thing after another.

mod acts;
mod alarm;
mod deliver;
mod election;
mod look;
mod probe;
mod watch;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use tke_direct_access::sim::{LoadBalancerSpec, PureCloud, Quotas, Settings, TargetTags};
use tke_direct_access_core::election::Answer as LeaseAnswer;
use tke_direct_access_core::election::Moment;
use tke_direct_access_core::model::ObjectKey;
use tke_direct_access_core::plan::panic_words;
use tke_direct_access_core::reconcile::{Input, NotTaken, OtherRead, Taken, Ticket, Write};

use crate::chance::Chance;
use crate::check::{Checks, Violation};
use crate::cloud::{Came, Reply, Sent};
use crate::cluster::Cluster;
use crate::coverage::Reached;
use crate::objects::{Kind, Objects};
use crate::replica::{Owner, Replica};
use crate::story::Story;
use alarm::{Alarm, alarm_of};

/// How often the cloud probes targets. CLB's default.
const PROBES: Duration = Duration::from_secs(5);
/// How long the world goes on after the last act and the last misfortune.
const CALM: Duration = Duration::from_secs(700);
/// How long nothing may change at the end.
const REST: Duration = Duration::from_secs(180);
/// Quotas are this small in some worlds.
const SMALL_QUOTA: usize = 5;
/// The most steps of one story.
const STEPS: u64 = 400_000;

/// What happens.
enum Happening {
    /// The story goes on.
    Act(usize),
    /// Controllers of the cluster and kubelets go on.
    Cluster,
    /// The controller of slices goes on.
    Slices,
    /// The cloud probes all targets.
    Probe,
    /// A task of the cloud ends.
    Cloud,
    /// A watch brings the next event of a kind.
    Watch { to: Address, kind: Kind },
    /// A list of a kind is answered.
    List { to: Address, kind: Kind },
    /// A call reaches the cloud.
    Call { from: Address, job: u64, sent: Sent },
    /// The reply to a call reaches the replica.
    Reply { to: Address, job: u64, reply: Reply, came: Came },
    /// A write reaches the API server.
    Write { from: Address, owner: Owner, ticket: Ticket, write: Box<Write> },
    /// Its answer reaches the replica.
    Written { to: Address, owner: Owner, ticket: Ticket, result: Result<Taken, NotTaken> },
    /// A read of Kubernetes is answered.
    Read { to: Address, owner: Owner, ticket: Ticket, read: OtherRead },
    /// A read of Services is answered.
    ReadServices { to: Address, owner: Owner, ticket: Ticket, services: Vec<ObjectKey> },
    /// A machine is told what has come of something.
    Came { to: Address, owner: Owner, input: Box<Input> },
    /// A machine is woken.
    Wake { to: Address, owner: Owner },
    /// A replica looks at the election.
    Elect { to: Address },
    /// The API server takes a write of the Lease.
    PutLease { from: Address, sent: Moment, lease: Box<Lease>, is_new: bool },
    /// Its answer reaches the replica.
    LeasePut { to: Address, sent: Moment, answer: LeaseAnswer },
    /// A read of the Lease is answered.
    LeaseRead { to: Address },
    /// A watch tells of the Lease.
    LeaseTold { to: Address, lease: Option<Box<Lease>> },
    /// The process of a replica begins.
    Begin { replica: usize },
}

/// A replica, as it was when something was sent to it or by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Address {
    replica: usize,
    life: u64,
    /// The leadership that it belongs to; `None` where it belongs to none.
    term: Option<u64>,
}

/// What the API server does with writes of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Usual,
    /// It refuses them with this status until then.
    Refuses(u16, Duration),
    /// It does them, and its answers are lost until then.
    Forgets(Duration),
}

/// How a story went.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many things happened.
    pub steps: u64,
    /// What must not be, as far as it was looked for.
    pub violations: Vec<Violation>,
    /// How often each action of the cloud was called.
    pub calls: BTreeMap<String, u64>,
    /// What the product has done and said.
    pub reached: Reached,
    /// What there is in the end, to compare.
    pub end: String,
    /// What was done, called and written, in order, where it was asked for.
    pub telling: Vec<String>,
}

/// The world.
pub struct World {
    now: Duration,
    origin: Timestamp,
    queue: BTreeMap<(Duration, u64), Happening>,
    sequence: u64,
    steps: u64,
    chance: Chance,
    /// The most targets of one listener or rule.
    quota: usize,
    /// Until when some address is refused.
    refused_until: Option<Duration>,
    objects: Objects,
    cluster: Cluster,
    cloud: PureCloud,
    requests: u64,
    replicas: Vec<Replica>,
    mood: Mood,
    /// Calls of the cloud take so much longer until then.
    slow: (Duration, Duration),
    /// Of which kinds replicas hear nothing until when.
    stalled: BTreeMap<(usize, Kind), Duration>,
    /// When the last event of a kind is brought to a replica: they come in order.
    brought: BTreeMap<(usize, Kind), Duration>,
    /// Up to where each kind was announced to replicas.
    announced: BTreeMap<Kind, usize>,
    story: Story,
    checks: Checks,
    outcome: Outcome,
    /// Whether what happens is told.
    telling: Telling,
    /// When something that comes by time alone comes next: the last time that was asked for counts.
    alarms: BTreeMap<Alarm, Duration>,
}

/// Whether what happens is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    Off,
    On,
}

/// Plays a story, and tells what happens.
pub fn tell(story: &Story) -> Outcome {
    let mut world = World::new(story.clone());
    world.telling = Telling::On;
    world.run()
}

/// Plays a story to its end, or to the first violation.
pub fn play(story: &Story) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| World::new(story.clone()).run())) {
        Ok(outcome) => outcome,
        Err(panic) => Outcome {
            violations: vec![Violation { rule: "no panic", at: Duration::ZERO, words: panic_words(&*panic) }],
            ..Outcome::default()
        },
    }
}

impl World {
    /// A world with two replicas and two load balancers, in which nothing has happened yet.
    pub fn new(story: Story) -> Self {
        let origin = Timestamp::from_second(1_800_000_000).unwrap_or_default();
        let mut chance = Chance::new(story.seed);
        let usual = Settings::default();
        let quota = if chance.once_in("small quota", 8) { SMALL_QUOTA } else { usual.quotas.targets };
        let quotas = Quotas { targets: quota, ..usual.quotas };
        let target_tags = if chance.once_in("tags", 16) { TargetTags::Hidden } else { usual.target_tags };
        let account = crate::replica::ACCOUNT.to_owned();
        let settings = Settings { rate_per_second: None, account, quotas, target_tags, ..usual };
        let mut cloud = PureCloud::new(&settings, origin);
        for id in ["lb-one", "lb-two"] {
            let spec = LoadBalancerSpec { vpc_id: Some("vpc-default".to_owned()), ..LoadBalancerSpec::with_id(id) };
            cloud.add_load_balancer(&spec);
        }
        let mut world = Self {
            now: Duration::ZERO,
            origin,
            queue: BTreeMap::new(),
            sequence: 0,
            steps: 0,
            chance,
            quota,
            refused_until: None,
            objects: Objects::new(origin),
            cluster: Cluster::default(),
            cloud,
            requests: 0,
            replicas: Vec::new(),
            mood: Mood::Usual,
            slow: (Duration::ZERO, Duration::ZERO),
            stalled: BTreeMap::new(),
            brought: BTreeMap::new(),
            announced: BTreeMap::new(),
            story,
            checks: Checks::default(),
            outcome: Outcome::default(),
            telling: Telling::Off,
            alarms: BTreeMap::new(),
        };
        for replica in 0..2 {
            world.replicas.push(Replica::new(replica, 0));
            world.at(Duration::from_millis(10 * (replica as u64 + 1)), Happening::Begin { replica });
        }
        for place in 0..world.story.acts.len() {
            let at = Duration::from_millis(world.story.acts[place].0);
            world.at(at, Happening::Act(place));
        }
        world.at(PROBES, Happening::Probe);
        world
    }

    /// Plays to the end.
    pub fn run(mut self) -> Outcome {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
            return self.outcome;
        };
        // The client asks what time it is, and never waits.
        let _entered = runtime.enter();
        let last = self.story.acts.last().map_or(0, |(at, _)| *at);
        let end = Duration::from_millis(last) + CALM;
        let mut is_calm = false;
        while let Some(((at, _), happening)) = self.queue.pop_first() {
            if at > end && !is_calm {
                is_calm = true;
                self.checks.begin_rest(end);
            }
            if at > end + REST || self.steps >= STEPS || !self.outcome.violations.is_empty() {
                break;
            }
            self.pass(at);
            if let Some(alarm) = alarm_of(&happening) {
                if self.alarms.get(&alarm) != Some(&at) {
                    continue;
                }
                self.alarms.remove(&alarm);
            }
            // What the election takes, most of which is the same each second, is no step that anything is learned from.
            let is_election = matches!(
                happening,
                Happening::Elect { .. }
                    | Happening::PutLease { .. }
                    | Happening::LeasePut { .. }
                    | Happening::LeaseRead { .. }
                    | Happening::LeaseTold { .. }
            );
            self.steps += u64::from(!is_election);
            self.happen(happening);
            self.look();
        }
        self.outcome.steps = self.steps;
        for replica in &mut self.replicas {
            self.outcome.reached.extend(std::mem::take(&mut replica.reached));
        }
        if self.steps >= STEPS {
            self.violate("bounded", format!("{STEPS} steps, and no end"));
        }
        if self.outcome.violations.is_empty() {
            self.look_at_the_end();
        }
        self.outcome
    }

    fn pass(&mut self, at: Duration) {
        self.now = self.now.max(at);
        if self.refused_until.is_some_and(|until| until <= self.now) {
            self.refused_until = None;
            self.cloud.clear_faults();
        }
        let passed = SignedDuration::try_from(self.now).unwrap_or_default();
        self.objects.wall = self.origin.checked_add(passed).unwrap_or(self.origin);
    }

    fn at(&mut self, at: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at.max(self.now), self.sequence), happening);
    }

    /// Something comes by time alone: at this time, if that is sooner than what was asked for.
    fn by(&mut self, at: Duration, happening: Happening) {
        let at = at.max(self.now);
        let Some(alarm) = alarm_of(&happening) else { return };
        if self.alarms.get(&alarm).is_none_or(|known| at < *known) {
            self.alarms.insert(alarm, at);
            self.at(at, happening);
        }
    }

    /// A machine is woken at this time, and not at the time asked for before.
    fn wake(&mut self, to: Address, owner: Owner, at: Option<Duration>) {
        let alarm = Alarm::Wake(to.replica, to.life, to.term, owner.clone());
        match at.map(|at| at.max(self.now)) {
            Some(at) => {
                if self.alarms.insert(alarm, at) != Some(at) {
                    self.at(at, Happening::Wake { to, owner });
                }
            }
            None => _ = self.alarms.remove(&alarm),
        }
    }

    /// It happens at this time instead.
    fn later(&mut self, at: Duration, happening: Happening) {
        if let Some(alarm) = alarm_of(&happening) {
            self.alarms.entry(alarm).and_modify(|known| *known = at.min(*known)).or_insert(at);
        }
        self.at(at, happening);
    }

    fn after(&mut self, about: &str, usual: Duration, happening: Happening) {
        let at = self.now + self.chance.latency(about, usual);
        self.at(at, happening);
    }

    fn say(&mut self, what: impl FnOnce() -> String) {
        if self.telling == Telling::On {
            self.outcome.telling.push(format!("{:>9.3} {}", self.now.as_secs_f64(), what()));
        }
    }

    fn violate(&mut self, rule: &'static str, words: impl Into<String>) {
        self.outcome.violations.push(Violation { rule, at: self.now, words: words.into() });
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Act(place) => {
                if let Some((_, act)) = self.story.acts.get(place).cloned() {
                    self.say(|| act.to_string());
                    self.act(act);
                }
            }
            Happening::Cluster => {
                if let Some(due) = self.cluster.sync(&mut self.objects, self.now, &mut self.chance) {
                    self.by(due, Happening::Cluster);
                }
            }
            Happening::Slices => crate::cluster::sync_slices(&mut self.objects),
            Happening::Probe => self.probe(),
            Happening::Cloud => self.advance_cloud(),
            Happening::Begin { replica } => self.begin(replica),
            Happening::Call { from, job, sent } => self.call(from, job, sent),
            Happening::Write { from, owner, ticket, write } => self.write(from, owner, ticket, *write),
            Happening::PutLease { from, sent, lease, is_new } => self.put_lease(from, sent, *lease, is_new),
            Happening::Watch { to, .. }
            | Happening::List { to, .. }
            | Happening::Reply { to, .. }
            | Happening::Written { to, .. }
            | Happening::Read { to, .. }
            | Happening::ReadServices { to, .. }
            | Happening::Came { to, .. }
            | Happening::Wake { to, .. }
            | Happening::Elect { to }
            | Happening::LeasePut { to, .. }
            | Happening::LeaseRead { to }
            | Happening::LeaseTold { to, .. } => self.deliver(to, happening),
        }
        self.announce();
    }

    /// Watches are told of what was written, and controllers of the cluster, too.
    fn announce(&mut self) {
        for kind in crate::objects::KINDS {
            let told = self.objects.told(kind).len();
            let before = self.announced.insert(kind, told).unwrap_or(0);
            if told == before {
                continue;
            }
            if matches!(kind, Kind::Pod | Kind::Service) {
                let at = self.now + self.chance.latency("controller of slices", Duration::from_millis(50));
                self.by(at, Happening::Slices);
            }
            if kind == Kind::Pod {
                let at = self.now + self.chance.latency("kubelets", Duration::from_millis(30));
                self.by(at, Happening::Cluster);
            }
            for _ in before..told {
                for replica in 0..self.replicas.len() {
                    self.announce_to(replica, kind);
                }
            }
        }
    }

    fn announce_to(&mut self, replica: usize, kind: Kind) {
        if !self.replicas[replica].heard.contains_key(&kind) {
            return;
        }
        let to = self.address(replica, None);
        let latency = self.chance.latency("watch", Duration::from_millis(10));
        let stalled = self.stalled.get(&(replica, kind)).copied().unwrap_or_default();
        let brought = self.brought.entry((replica, kind)).or_default();
        *brought = (self.now + latency).max(*brought).max(stalled);
        let at = *brought;
        self.at(at, Happening::Watch { to, kind });
    }

    fn address(&self, replica: usize, term: Option<u64>) -> Address {
        Address { replica, life: self.replicas[replica].life, term }
    }

    /// Tasks of the cloud end that are due.
    fn advance_cloud(&mut self) {
        self.cloud.advance(self.now);
        if let Some(due) = self.cloud.next_due() {
            self.by(due, Happening::Cloud);
        }
    }
}
