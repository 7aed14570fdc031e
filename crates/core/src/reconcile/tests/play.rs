//! A small world that plays with a machine: what it asks for happens later, in another order, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub(super) use super::kind::Kind;
use crate::api::{DirectAccessBinding, names};
use crate::model::{
    Caller, Class, Failure, GateState, KeyMark, LoadBalancerId, ObjectKey, Phase, Pod, Region, Service, TaskId,
    TaskState,
};
use crate::plan::annotated::Setting;
use crate::plan::brake::HoldConfig;
use crate::plan::tests::world::World;
use crate::plan::vpc::TkeVpc;
use crate::plan::{
    BindingView, Cluster, ClusterView, DefinitionSight, Departure, DepartureSight, Observed, ServiceSight, Step,
    selects,
};
use crate::reconcile::{
    Answer, Caches, ConfigSight, Effect, Flags, Frame, Input, Key, Machine, NotTaken, Notice, Now, Read, Reply, Shared,
    Surroundings, Taken, Write,
};
use crate::status::RefusalKind;

/// What the machine sees of the world.
struct Sight<'a>(&'a World);

impl Caches for Sight<'_> {
    fn bindings(&self, _key: &Key) -> Vec<Arc<DirectAccessBinding>> {
        self.0.bindings.clone()
    }

    fn view(
        &self,
        binding: Arc<DirectAccessBinding>,
        certificates: BTreeMap<String, Result<String, String>>,
        definition: Option<DefinitionSight>,
    ) -> ClusterView {
        let uid = &binding.metadata.uid;
        let mut views = self.0.snapshot().bindings;
        // One that is gone meanwhile is seen as it was.
        let place = views.iter().position(|view| view.binding.metadata.uid == *uid).unwrap_or_default();
        if views.is_empty() {
            let mut world = self.0.clone();
            world.bindings.push(binding.clone());
            views = world.snapshot().bindings;
        }
        let view = views.swap_remove(place);
        let departure = Departure::of(&binding, view.service.as_deref(), definition, self.setting());
        let BindingView { service, slices, pods, config, speaks_for_service, .. } = view;
        ClusterView { binding, service, slices, pods, certificates, config, speaks_for_service, departure }
    }

    fn has_binding(&self, uid: &str) -> bool {
        self.0.bindings.iter().any(|binding| binding.metadata.uid.as_deref() == Some(uid))
    }

    fn bindings_of(&self, service: &ObjectKey) -> Vec<Arc<DirectAccessBinding>> {
        let is_of = |binding: &&Arc<DirectAccessBinding>| binding.spec.service_ref.name == service.name;
        self.0.bindings.iter().filter(is_of).cloned().collect()
    }

    fn holding(&self, _pod: &Pod) -> Vec<Arc<DirectAccessBinding>> {
        self.0.bindings.clone()
    }

    fn pod(&self, _namespace: &str, uid: &str) -> Option<Arc<Pod>> {
        self.0.pods.values().find(|pod| pod.uid == uid).cloned().map(Arc::new)
    }

    fn reassigned(&self, _namespace: &str, registered: &BTreeMap<IpAddr, String>) -> BTreeSet<IpAddr> {
        let lives = |pod: &&Pod| !matches!(pod.phase, Phase::Finished | Phase::Unknown);
        let is_anothers = |ip: &IpAddr, mark: &str| {
            self.0.pods.values().filter(lives).any(|pod| pod.ips.contains(ip) && !pod.uid.starts_with(mark))
        };
        let is_reassigned = |(ip, mark): &(&IpAddr, &String)| self.0.reassigned.contains(*ip) || is_anothers(ip, mark);
        registered.iter().filter(is_reassigned).map(|(ip, _)| *ip).collect()
    }

    fn named_load_balancers(&self, _region: &Region) -> BTreeSet<LoadBalancerId> {
        BTreeSet::new()
    }

    fn tke_vpc(&self) -> TkeVpc {
        TkeVpc::Absent
    }

    fn cluster(&self) -> Cluster {
        self.0.cluster
    }

    fn setting(&self) -> Setting {
        Setting::default()
    }

    fn hold(&self) -> HoldConfig {
        HoldConfig::default()
    }

    fn signing_key(&self) -> KeyMark {
        KeyMark::new("key".to_owned())
    }

    fn caller(&self, _since: &KeyMark) -> Caller {
        self.0.caller.clone()
    }

    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.0.service.clone().filter(|service| service.key == *key).map(Arc::new)
    }

    fn selecting(&self, pod: &Pod) -> Vec<Arc<Service>> {
        self.0.service.iter().filter(|service| selects(service, pod)).cloned().map(Arc::new).collect()
    }

    fn bindings_in(&self, _namespace: &str) -> Vec<Arc<DirectAccessBinding>> {
        self.0.bindings.clone()
    }

    fn waiting(&self, _namespace: &str) -> Vec<Arc<Pod>> {
        self.0.pods.values().filter(|pod| pod.gate.is_waiting()).cloned().map(Arc::new).collect()
    }

    fn config(&self, _key: &ObjectKey) -> Option<ConfigSight> {
        None
    }
}

/// A machine in a small world. Reads show the world as it is when they are answered; what they take is up to the test.
pub(super) struct Play {
    pub(super) world: World,
    pub(super) machine: Machine,
    shared: Shared,
    flags: Flags,
    pub(super) at: Duration,
    wakes: Option<Duration>,
    /// What is under way, with the time at which it is answered.
    under_way: Vec<(Duration, Effect)>,
    /// How long each kind takes.
    pub(super) takes: BTreeMap<Kind, Duration>,
    /// Writes of these kinds are refused.
    pub(super) refused: BTreeSet<Kind>,
    /// In this way.
    pub(super) refused_as: RefusalKind,
    /// What is taken and changes nothing.
    pub(super) without_effect: BTreeSet<Kind>,
    /// Reads of these kinds are refused.
    pub(super) failing: BTreeSet<Kind>,
    /// How they are.
    pub(super) fails_as: Class,
    /// Steps that the cloud refuses.
    pub(super) refuses: fn(&Step) -> bool,
    /// Steps whose task runs, until when.
    tasks: BTreeMap<String, Duration>,
    /// How long tasks run.
    pub(super) task_lasts: Duration,
    /// What reads of the load balancer show instead of what there is.
    pub(super) shown: Option<Observed>,
    versions: u64,
    /// What was made to happen, with the time.
    pub(super) log: Vec<(Duration, Kind, String)>,
    /// The reasons of the Events.
    pub(super) told: Vec<String>,
    /// The Events.
    pub(super) notices: Vec<Notice>,
    /// After so many effects the machine begins anew from nothing, before or after the effect has happened.
    pub(super) crash: Option<(usize, Crash)>,
}

/// When a machine is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    Before,
    After,
}

fn failure(class: Class) -> Failure {
    let (code, message) = ("InternalError".to_owned(), String::new());
    Failure { class, action: "DescribeListeners", code, message, request_id: None }
}

impl Play {
    pub(super) fn new(world: World) -> Self {
        let region = Region::new("ap-guangzhou");
        let key = Key::LoadBalancer(region.clone(), LoadBalancerId::new("lb-1"));
        Self {
            world,
            machine: Machine::new(key),
            shared: Shared::default(),
            flags: Flags { region, resync: Duration::from_secs(60), vpc_id: None },
            at: Duration::from_secs(1_000),
            wakes: Some(Duration::ZERO),
            under_way: Vec::new(),
            takes: BTreeMap::new(),
            refused: BTreeSet::new(),
            refused_as: RefusalKind::Lasting,
            without_effect: BTreeSet::new(),
            failing: BTreeSet::new(),
            fails_as: Class::Transient,
            refuses: |_| false,
            tasks: BTreeMap::new(),
            task_lasts: Duration::ZERO,
            shown: None,
            versions: 1,
            log: Vec::new(),
            told: Vec::new(),
            notices: Vec::new(),
            crash: None,
        }
    }

    pub(super) fn calls(&self) -> usize {
        self.count(Kind::Call)
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.log.iter().filter(|(_, found, _)| *found == kind).count()
    }

    /// What a machine sees now.
    pub(super) fn with<T>(&self, see: impl FnOnce(&Surroundings<'_>) -> T) -> T {
        let now = Now { wall: self.world.now, at: self.at };
        let sight = Sight(&self.world);
        see(&Surroundings { caches: &sight, shared: &self.shared, flags: &self.flags, now })
    }

    /// Lets the machine take in something.
    pub(super) fn step(&mut self, input: Input) {
        let now = Now { wall: self.world.now, at: self.at };
        let sight = Sight(&self.world);
        let surroundings = Surroundings { caches: &sight, shared: &self.shared, flags: &self.flags, now };
        for effect in self.machine.step(&surroundings, input) {
            match &effect {
                Effect::WakeAt(at) => self.wakes = *at,
                Effect::Tell(notice) => {
                    self.told.push(notice.word.reason().to_owned());
                    self.notices.push(notice.clone());
                }
                Effect::Forget(ticket) => {
                    let is_for = |effect: &Effect| matches!(effect, Effect::Read(other, _) if other == ticket);
                    self.under_way.retain(|(_, effect)| !is_for(effect));
                }
                _ => {
                    if let Some(kind) = Kind::of(&effect) {
                        let takes = self.takes.get(&kind).copied().unwrap_or(Duration::from_millis(5));
                        self.under_way.push((self.at + takes, effect));
                    }
                }
            }
        }
    }

    /// Time goes on to whatever comes next, up to `until`. Returns false when nothing more comes before.
    pub(super) fn go_on(&mut self, until: Duration) -> bool {
        let next = self.under_way.iter().enumerate().min_by_key(|(place, (at, _))| (*at, *place));
        let next = next.map(|(place, (at, _))| (*at, place));
        let wakes = self.wakes;
        let (time, place) = match (next, wakes) {
            (Some((at, place)), Some(wakes)) if at <= wakes => (at, Some(place)),
            (Some((at, place)), None) => (at, Some(place)),
            (_, Some(wakes)) => (wakes, None),
            (None, None) => {
                assert!(self.machine.is_over(), "nothing is under way, and nothing wakes the machine");
                self.pass(until);
                return false;
            }
        };
        if time > until {
            self.pass(until);
            return false;
        }
        self.pass(time.max(self.at));
        match place {
            Some(place) => {
                let (_, effect) = self.under_way.remove(place);
                self.happen(effect);
            }
            None => {
                self.wakes = None;
                self.step(Input::Due);
            }
        }
        true
    }

    /// Plays for so long.
    pub(super) fn play(&mut self, time: Duration) {
        let until = self.at + time;
        for _ in 0..100_000 {
            if !self.go_on(until) {
                return;
            }
        }
        panic!("no end of effects within {time:?}");
    }

    fn pass(&mut self, to: Duration) {
        let passed = to.saturating_sub(self.at);
        self.at = to;
        self.world.now += jiff::SignedDuration::try_from(passed).unwrap();
    }

    /// Makes an effect happen, and brings what came of it.
    fn happen(&mut self, effect: Effect) {
        let kind = Kind::of(&effect).unwrap();
        let words = format!("{effect:?}");
        self.log.push((self.at, kind, words));
        let crash = self.crash.filter(|(after, _)| self.log.len() > *after).map(|(_, crash)| crash);
        if crash == Some(Crash::Before) {
            return self.begin_anew();
        }
        let input = self.perform(kind, effect);
        if crash.is_some() {
            return self.begin_anew();
        }
        self.step(input);
    }

    /// Everything that is not in the cloud or in Kubernetes is lost, and so is whatever was under way.
    pub(super) fn begin_anew(&mut self) {
        self.crash = None;
        self.machine = Machine::new(self.machine.key().clone());
        self.shared = Shared::default();
        self.under_way.clear();
        self.wakes = Some(self.at);
    }

    fn perform(&mut self, kind: Kind, effect: Effect) -> Input {
        match effect {
            Effect::Read(ticket, read) => Input::Answer(ticket, self.answer(read)),
            Effect::Call(step) if (self.refuses)(&step) => Input::Replied(Err(failure(Class::Invalid))),
            Effect::Call(step) => Input::Replied(Ok(self.reply(&step))),
            Effect::Write(ticket, _) if self.refused.contains(&kind) => {
                Input::Written(ticket, Err(NotTaken { kind: self.refused_as, words: "a policy".to_owned() }))
            }
            Effect::Write(ticket, _) if self.without_effect.contains(&kind) => Input::Written(ticket, Ok(Taken::Other)),
            Effect::Write(ticket, write) => Input::Written(ticket, Ok(self.write(write))),
            other => unreachable!("nothing comes back from {other:?}"),
        }
    }

    fn answer(&self, read: Read) -> Answer {
        match read {
            Read::Task(task) => {
                let ends = self.tasks[&task.to_string()];
                Answer::Task(Ok(if self.at < ends { TaskState::Running } else { TaskState::Succeeded(Vec::new()) }))
            }
            Read::Frame if self.failing.contains(&Kind::Frame) => Answer::Frame(Err(failure(self.fails_as))),
            Read::Frame => Answer::Frame(Ok(Frame::Shown(self.shown.clone().unwrap_or_else(|| self.world.observed())))),
            Read::Targets(_) => Answer::Targets(Ok(self.world.observed().targets)),
            Read::Health => Answer::Health(self.world.observed().health),
            Read::Tagged(..) => Answer::Tagged(Ok(Vec::new())),
            Read::Quotas => Answer::Quotas(self.world.limits),
            Read::Certificate(key) => {
                Answer::Certificate(self.world.certificates.get(&key.name).cloned().unwrap_or(Err("none".to_owned())))
            }
            Read::Definition(services) => {
                let shown =
                    |key: &ObjectKey| self.world.service.clone().filter(|service| service.key == *key).map(Arc::new);
                let sight = |key: &ObjectKey| shown(key).map_or(ServiceSight::Gone, ServiceSight::There);
                let services = services.into_iter().map(|key| (key.clone(), sight(&key))).collect();
                Answer::Definition(DepartureSight { definition: DefinitionSight::Stays, services })
            }
            other => unreachable!("{other:?} is read by another machine"),
        }
    }

    /// What concerns targets is done at once; the rest is a task, which shows at once and ends later.
    fn reply(&mut self, step: &Step) -> Reply {
        self.world.perform(step);
        if matches!(step, Step::Register(_) | Step::Deregister(_)) || self.task_lasts.is_zero() {
            return Reply::Done;
        }
        let task = format!("task-{}", self.tasks.len() + 1);
        self.tasks.insert(task.clone(), self.at + self.task_lasts);
        Reply::Submitted(TaskId::new(task))
    }

    fn write(&mut self, write: Write) -> Taken {
        match write {
            Write::Status { binding, status } => self.edit(&binding, |found| found.status = Some(*status)),
            Write::Finalizers { binding, ours } => self.edit(&binding, |found| {
                let finalizers = found.metadata.finalizers.get_or_insert_default();
                finalizers.retain(|one| ![names::FINALIZER, names::FIRST_FINALIZER].contains(&one.as_str()));
                finalizers.extend(ours.iter().map(|one| (*one).to_owned()));
            }),
            Write::Gate { uid, condition, .. } => {
                if let Some(pod) = self.world.pods.values_mut().find(|pod| pod.uid == uid) {
                    pod.gate = if condition.is_open {
                        GateState::Open
                    } else {
                        let message = condition.message_at(self.world.now);
                        GateState::Waiting { reason: condition.reason.to_string(), message }
                    };
                }
                Taken::Other
            }
            Write::Annotations { wanted, .. } => {
                if let Some(service) = &mut self.world.service {
                    for gone in service.our_annotations.iter().filter(|key| !wanted.contains_key(*key)) {
                        service.annotations.remove(gone);
                    }
                    service.our_annotations = wanted.keys().cloned().collect();
                    service.annotations.extend(wanted);
                }
                Taken::Other
            }
            Write::Ingress { addresses, .. } => {
                if let Some(service) = &mut self.world.service {
                    service.has_our_ingress = !addresses.is_empty();
                    service.ingress = addresses;
                }
                Taken::Other
            }
            other => unreachable!("{other:?} is written by another machine"),
        }
    }

    /// An object without finalizers that is being deleted is gone.
    fn edit(&mut self, binding: &DirectAccessBinding, change: impl FnOnce(&mut DirectAccessBinding)) -> Taken {
        self.versions += 1;
        let Some(place) = self.world.bindings.iter().position(|found| found.metadata.uid == binding.metadata.uid)
        else {
            return Taken::Other;
        };
        let found = Arc::make_mut(&mut self.world.bindings[place]);
        change(found);
        found.metadata.resource_version = Some(self.versions.to_string());
        let is_gone =
            found.metadata.deletion_timestamp.is_some() && found.metadata.finalizers.as_ref().is_none_or(Vec::is_empty);
        let taken = Taken::Binding(self.world.bindings[place].clone());
        if is_gone {
            self.world.bindings.remove(place);
        }
        taken
    }
}
