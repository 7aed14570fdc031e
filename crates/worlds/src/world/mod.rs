//! The world: what happens when, one thing after another.

mod acts;
mod alarm;
mod announce;
mod deeds;
mod deliver;
mod dialect;
mod election;
mod hold;
mod look;
mod play;
mod probe;
mod trouble;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use tke_direct_access::sim::{LoadBalancerSpec, PureCloud};
use tke_direct_access_core::election::Answer as LeaseAnswer;
use tke_direct_access_core::election::Moment;
use tke_direct_access_core::model::ObjectKey;
use tke_direct_access_core::reconcile::{Input, NotTaken, OtherRead, Taken, Ticket, Write};

use crate::act::{Act, Fault};
use crate::chance::Chance;
use crate::check::{Checks, Judged, Violation};
use crate::cloud::{Came, Reply, Sent};
use crate::cluster::Cluster;
use crate::coverage::Reached;
use crate::history::{self, History};
use crate::objects::{Kind, Objects};
use crate::perturb::Point;
use crate::replica::{Owner, Replica};
use crate::slices::{Left, Slicer};
use crate::story::Story;
use alarm::{Alarm, alarm_of};
use play::Telling;
pub(crate) use play::play_perturbed;
pub use play::{play, play_briefly, tell};
use trouble::Trouble;
pub(crate) use watch::said_weight;

/// How often the cloud probes targets. CLB's default.
const PROBES: Duration = Duration::from_secs(5);
/// How long the world goes on after the last act and the last misfortune.
const CALM: Duration = Duration::from_secs(1000);
/// How long nothing may change at the end.
const REST: Duration = Duration::from_secs(180);
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
    /// The garbage collector goes on.
    Garbage,
    /// The cloud probes all targets.
    Probe,
    /// A task of the cloud ends.
    Cloud,
    /// A watch brings the next event of a kind.
    Watch { to: Address, kind: Kind },
    /// A list of a kind is answered.
    List { to: Address, kind: Kind },
    /// A call reaches the cloud.
    Call { from: Address, job: u64, sent: Sent, deadline: Duration },
    /// The reply to a call reaches the replica.
    Reply { to: Address, job: u64, reply: Reply, came: Came },
    /// A call that waits by the clock of the client, for its rate or its turn, goes on.
    GoOn { to: Address, job: u64 },
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
    /// A watch brings the controller's ConfigMap.
    Hold { to: Address },
    /// The process of a replica begins.
    Begin { replica: usize },
    /// A misfortune that belongs to another one.
    Misfortune(Fault),
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
    /// How often rules were looked at that know excuses.
    pub judged: Judged,
    /// The most reads of one load balancer within a minute: at rest, and otherwise.
    pub reads: (usize, usize),
    /// What there is in the end, to compare with another play of the world.
    pub end: String,
    /// What there is in the end, as far as a real control plane comes to the same.
    pub summary: String,
    /// What acts found that have a meaning only by what there is, in order, to compare.
    pub deeds: Vec<String>,
    /// By port that several bindings want in the end: who has it.
    pub holders: BTreeMap<String, String>,
    /// By workload, how many of its Pods that are there in the end were let in before the binding that selects them was known.
    pub unbound: BTreeMap<String, usize>,
    /// The workloads that are in the middle of a rolling update in the end.
    pub in_rollout: BTreeSet<String>,
    /// What could be perturbed, in order; the first one has the number 1.
    pub points: Vec<Point>,
    /// What was done, called and written, in order, where it was asked for.
    pub telling: Vec<String>,
    /// What there was before each act, as `summary` says it, where what happens was asked for.
    pub before: Vec<String>,
    /// What objects were shown as, where what happens was asked for.
    pub histories: Vec<History>,
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
    slicer: Slicer,
    cloud: PureCloud,
    requests: u64,
    replicas: Vec<Replica>,
    mood: Mood,
    /// Reads of the API server are refused until then.
    unreadable: Duration,
    /// What the controller's ConfigMap says of removals, where there is one.
    hold: Option<String>,
    /// Replies of the cloud take so much longer until then.
    slow: (Duration, Duration),
    /// Calls of the cloud take so much longer on their way there until then.
    delay: (Duration, Duration),
    /// The clocks of the machines that replicas run on are off by so much until then.
    skew: BTreeMap<usize, (SignedDuration, Duration)>,
    /// Until when replicas do not reach the API server.
    cut_off: BTreeMap<usize, Duration>,
    /// Of which kinds replicas hear nothing until when.
    stalled: BTreeMap<(usize, Kind), Duration>,
    /// Pods that probes do not reach until then; all of them where none is named.
    unprobed: Vec<(Option<String>, Duration)>,
    /// When the last event of a kind is brought to a replica: they come in order.
    brought: BTreeMap<(usize, Kind), Duration>,
    /// Up to where each kind was announced to replicas.
    announced: BTreeMap<Kind, usize>,
    story: Story,
    checks: Checks,
    outcome: Outcome,
    /// What is done to one point of the story.
    trouble: Trouble,
    /// Whether what happens is told.
    telling: Telling,
    /// How long the world goes on after all is over, and for how long nothing may change then.
    end: (Duration, Duration),
    /// When something that comes by time alone comes next: the last time that was asked for counts.
    alarms: BTreeMap<Alarm, Duration>,
}

impl World {
    /// A world with two replicas and two load balancers, in which nothing has happened yet.
    pub fn new(story: Story) -> Self {
        let origin = Timestamp::from_second(1_800_000_000).unwrap_or_default();
        let mut cloud = PureCloud::new(&dialect::settings(&story), origin);
        let chance = Chance::new(story.seed);
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
            quota: dialect::settings(&story).quotas.targets,
            refused_until: None,
            objects: Objects::new(origin),
            cluster: Cluster::default(),
            slicer: Slicer::default(),
            cloud,
            requests: 0,
            replicas: Vec::new(),
            mood: Mood::Usual,
            unreadable: Duration::ZERO,
            hold: None,
            slow: (Duration::ZERO, Duration::ZERO),
            delay: (Duration::ZERO, Duration::ZERO),
            skew: BTreeMap::new(),
            cut_off: BTreeMap::new(),
            stalled: BTreeMap::new(),
            unprobed: Vec::new(),
            brought: BTreeMap::new(),
            announced: BTreeMap::new(),
            story,
            checks: Checks::default(),
            outcome: Outcome::default(),
            trouble: Trouble::default(),
            telling: Telling::Off,
            end: (CALM, REST),
            alarms: BTreeMap::new(),
        };
        for replica in 0..2 {
            world.replicas.push(Replica::new(replica, 0, origin, Duration::ZERO));
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
        // The client waits by the clock of its runtime, which stands still but for what goes by here.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let Ok(runtime) = runtime else { return self.outcome };
        let _entered = runtime.enter();
        let over = |(at, act): &(u64, Act)| Duration::from_millis(*at) + act.lasts();
        let (calm, rest) = self.end;
        let end = self.story.acts.iter().map(over).max().unwrap_or_default() + calm;
        let mut is_calm = false;
        while let Some(((at, _), happening)) = self.queue.pop_first() {
            if at > end && !is_calm {
                is_calm = true;
                self.checks.begin_rest(end);
            }
            if at > end + rest || self.steps >= STEPS || !self.outcome.violations.is_empty() {
                break;
            }
            let passes = at.saturating_sub(self.now);
            if !passes.is_zero() {
                runtime.block_on(tokio::time::advance(passes));
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
            self.meet(happening);
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
        if self.telling == Telling::On {
            self.outcome.histories = history::told(&self.objects);
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

    /// The time that a replica goes by: its own clock's when it began, and that of the API server as its answers tell it.
    fn wall_of(&self, replica: usize) -> Timestamp {
        self.replicas[replica].time.at(self.now)
    }

    /// The time by the clock of the machine that a replica runs on.
    fn own_clock(&self, replica: usize) -> Timestamp {
        let off = self.skew.get(&replica).filter(|(_, until)| self.now < *until).map(|(by, _)| *by).unwrap_or_default();
        self.objects.wall.checked_add(off).unwrap_or(self.objects.wall)
    }

    fn at(&mut self, at: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at.max(self.now), self.sequence), happening);
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

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Act(place) => {
                if let Some((_, act)) = self.story.acts.get(place).cloned() {
                    self.say(|| act.to_string());
                    self.look_before_act();
                    self.note_deed(&act);
                    self.act(act);
                }
            }
            Happening::Cluster => {
                if let Some(due) = self.cluster.sync(&mut self.objects, self.now, &mut self.chance) {
                    self.by(due, Happening::Cluster);
                }
            }
            Happening::Slices => {
                if self.slicer.sync(&mut self.objects, &mut self.chance) == Left::More {
                    let at = self.now + self.chance.latency("another slice", Duration::from_millis(200));
                    self.by(at, Happening::Slices);
                }
            }
            Happening::Garbage => self.objects.collect_garbage(),
            Happening::Probe => self.probe(),
            Happening::Cloud => self.advance_cloud(),
            Happening::Begin { replica } => self.begin(replica),
            Happening::Misfortune(fault) => self.misfortune(fault),
            Happening::Call { from, job, sent, deadline } => self.call(from, job, sent, deadline),
            Happening::Write { from, owner, ticket, write } => self.write(from, owner, ticket, *write),
            Happening::PutLease { from, sent, lease, is_new } => self.put_lease(from, sent, *lease, is_new),
            Happening::Watch { to, .. }
            | Happening::List { to, .. }
            | Happening::Reply { to, .. }
            | Happening::GoOn { to, .. }
            | Happening::Written { to, .. }
            | Happening::Read { to, .. }
            | Happening::ReadServices { to, .. }
            | Happening::Came { to, .. }
            | Happening::Wake { to, .. }
            | Happening::Elect { to }
            | Happening::Hold { to }
            | Happening::LeasePut { to, .. }
            | Happening::LeaseRead { to }
            | Happening::LeaseTold { to, .. } => self.deliver(to, happening),
        }
        self.announce();
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
