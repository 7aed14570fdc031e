//! A small world that plays with machines about one key each. What they write takes its time, is refused or is done without an answer, and
//! caches show it late.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::DynamicObject;
use serde_json::json;

use crate::api::{DirectAccessBinding, TkeServiceConfig, names};
use crate::model::{Caller, GateState, KeyMark, ObjectKey, Pod, Region, Service};
use crate::plan::annotated::{Acceptance, Setting};
use crate::plan::brake::HoldConfig;
use crate::plan::tests::world::{NAMESPACE, uid};
use crate::plan::{BindingView, Cluster, selects};
use crate::reconcile::{
    Answer, Caches, ConfigSight, Effect, Flags, Input, Key, KeyedMachine, News, NotTaken, Notice, Now, OtherRead, Read,
    Shared, StatusField, Surroundings, Taken, Write,
};
use crate::status::RefusalKind;

/// What there is in one namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    pub(super) setting: Setting,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) bindings: BTreeMap<String, Arc<DirectAccessBinding>>,
    /// By UID.
    pub(super) pods: BTreeMap<String, Pod>,
    pub(super) configs: BTreeMap<String, Arc<TkeServiceConfig>>,
}

impl Objects {
    /// All annotated Services are taken.
    pub(super) fn new() -> Self {
        let setting = Setting { acceptance: Acceptance::All, ..Setting::default() };
        Self { setting, ..Self::default() }
    }

    pub(super) fn edit_binding(&mut self, name: &str, change: impl FnOnce(&mut DirectAccessBinding)) {
        if let Some(binding) = self.bindings.get_mut(name) {
            change(Arc::make_mut(binding));
        }
    }

    fn selecting_keys(&self, pod: &Pod) -> BTreeSet<&str> {
        self.services.values().filter(|service| selects(service, pod)).map(|service| service.key.name.as_str()).collect()
    }
}

impl Caches for Objects {
    fn bindings(&self, _key: &Key) -> Vec<Arc<DirectAccessBinding>> {
        unreachable!("it is about a load balancer")
    }

    fn view(&self, _: Arc<DirectAccessBinding>, _: BTreeMap<String, Result<String, String>>) -> BindingView {
        unreachable!("it is about a load balancer")
    }

    fn has_binding(&self, uid: &str) -> bool {
        self.bindings.values().any(|binding| binding.metadata.uid.as_deref() == Some(uid))
    }

    fn bindings_of(&self, service: &ObjectKey) -> Vec<Arc<DirectAccessBinding>> {
        self.bindings.values().filter(|binding| binding.spec.service_ref.name == service.name).cloned().collect()
    }

    fn holding(&self, pod: &Pod) -> Vec<Arc<DirectAccessBinding>> {
        let selecting = self.selecting_keys(pod);
        let holds =
            |binding: &&Arc<DirectAccessBinding>| selecting.contains(binding.spec.service_ref.name.as_str());
        self.bindings.values().filter(holds).cloned().collect()
    }

    fn pod(&self, _namespace: &str, uid: &str) -> Option<Arc<Pod>> {
        self.pods.get(uid).cloned().map(Arc::new)
    }

    fn reassigned(&self, _: &str, _: &BTreeMap<IpAddr, String>) -> BTreeSet<IpAddr> {
        unreachable!("it is about a load balancer")
    }

    fn cluster(&self) -> Cluster {
        Cluster { has_tke: self.setting.has_tke, ..Cluster::default() }
    }

    fn setting(&self) -> Setting {
        self.setting
    }

    fn hold(&self) -> HoldConfig {
        HoldConfig::default()
    }

    fn signing_key(&self) -> KeyMark {
        unreachable!("it is about a load balancer")
    }

    fn caller(&self, _since: &KeyMark) -> Caller {
        unreachable!("it is about a load balancer")
    }

    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.services.get(&key.name).cloned().map(Arc::new)
    }

    fn selecting(&self, pod: &Pod) -> Vec<Arc<Service>> {
        self.services.values().filter(|service| selects(service, pod)).cloned().map(Arc::new).collect()
    }

    fn bindings_in(&self, _namespace: &str) -> Vec<Arc<DirectAccessBinding>> {
        self.bindings.values().cloned().collect()
    }

    fn waiting(&self, _namespace: &str) -> Vec<Arc<Pod>> {
        self.pods.values().filter(|pod| pod.gate.is_waiting()).cloned().map(Arc::new).collect()
    }

    fn config(&self, key: &ObjectKey) -> Option<ConfigSight> {
        let config = self.configs.get(&key.name)?;
        let owners = config.metadata.owner_references.iter().flatten().map(|owner| owner.uid.clone()).collect();
        Some(ConfigSight { owners, version: config.metadata.resource_version.clone(), config: Some(config.clone()) })
    }
}

/// What is read or written, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    OwnBinding,
    Mark,
    Deletion,
    Condition,
    ReadConfig,
    NewConfig,
    Config,
    AskStatus,
    ConfigStatus,
    Gate,
}

impl Deed {
    pub(super) const ALL: [Self; 10] = [
        Self::OwnBinding,
        Self::Mark,
        Self::Deletion,
        Self::Condition,
        Self::ReadConfig,
        Self::NewConfig,
        Self::Config,
        Self::AskStatus,
        Self::ConfigStatus,
        Self::Gate,
    ];

    /// What comes back, if something does.
    fn of(effect: &Effect) -> Option<Self> {
        Some(match effect {
            Effect::Write(_, Write::OwnBinding { .. }) => Self::OwnBinding,
            Effect::Write(_, Write::Mark { .. }) => Self::Mark,
            Effect::Write(_, Write::Deletion { .. }) => Self::Deletion,
            Effect::Write(_, Write::ServiceCondition { .. }) => Self::Condition,
            Effect::Read(_, Read::Other(OtherRead::Config(_))) => Self::ReadConfig,
            Effect::Write(_, Write::NewConfig { .. }) => Self::NewConfig,
            Effect::Write(_, Write::Config { .. }) => Self::Config,
            Effect::Read(_, Read::Other(OtherRead::StatusField)) => Self::AskStatus,
            Effect::Write(_, Write::ConfigStatus { .. }) => Self::ConfigStatus,
            Effect::Write(_, Write::Gate { .. }) => Self::Gate,
            Effect::WakeAt(_) | Effect::Tell(_) | Effect::Log(_) => return None,
            other => unreachable!("{other:?} is for another machine"),
        })
    }
}

/// What becomes of a write. A read that is refused gives the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is not done.
    Refused(RefusalKind),
    /// It is done, and nobody hears of it.
    ReplyLost,
}

impl Fate {
    pub(super) const ALL: [Self; 4] = [
        Self::Refused(RefusalKind::Lasting),
        Self::Refused(RefusalKind::Passing),
        Self::Refused(RefusalKind::Outdated),
        Self::ReplyLost,
    ];
}

/// When a machine is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// Before the effect has happened, which it never does.
    Before,
    /// After it.
    After,
    /// Before it, and it happens 20 s later, into the work of the next one.
    Late,
}

impl Crash {
    pub(super) const ALL: [Self; 3] = [Self::Before, Self::After, Self::Late];
}

const WORDS: &str = "a policy of the test";

/// A machine in a small world.
pub(super) struct KeyedPlay<M: KeyedMachine> {
    key: M::Key,
    machine: Option<M>,
    /// What there is.
    pub(super) objects: Objects,
    /// What caches show.
    sight: Objects,
    /// What they will show, and when.
    sights: VecDeque<(Duration, Objects)>,
    /// How long caches take.
    pub(super) lag: Duration,
    shared: Shared,
    flags: Flags,
    pub(super) at: Duration,
    pub(super) wall: Timestamp,
    wakes: Option<Duration>,
    /// What is under way, with the time at which it happens, and whether anybody waits for it.
    under_way: Vec<(Duration, Effect, bool)>,
    /// How long each takes.
    pub(super) takes: BTreeMap<Deed, Duration>,
    pub(super) fates: BTreeMap<Deed, Fate>,
    pub(super) status_field: StatusField,
    versions: u64,
    /// What was made to happen, with the time.
    pub(super) log: Vec<(Duration, Deed)>,
    pub(super) told: Vec<Notice>,
    /// After so many effects the machine is lost.
    pub(super) crash: Option<(usize, Crash)>,
}

impl<M: KeyedMachine> KeyedPlay<M> {
    pub(super) fn new(key: M::Key, objects: Objects) -> Self {
        let flags = Flags { region: Region::new("ap-guangzhou"), resync: Duration::from_secs(60), vpc_id: None };
        let at = Duration::from_secs(1_000);
        Self {
            key,
            machine: None,
            sight: objects.clone(),
            sights: VecDeque::from([(at, objects.clone())]),
            objects,
            lag: Duration::from_millis(20),
            shared: Shared::default(),
            flags,
            at,
            wall: Timestamp::from_second(1_800_000_000).unwrap(),
            wakes: None,
            under_way: Vec::new(),
            takes: BTreeMap::new(),
            fates: BTreeMap::new(),
            status_field: StatusField::There,
            versions: 1,
            log: Vec::new(),
            told: Vec::new(),
            crash: None,
        }
    }

    /// Everything takes this long.
    pub(super) fn slow(&mut self, takes: Duration) {
        self.takes = Deed::ALL.into_iter().map(|deed| (deed, takes)).collect();
    }

    pub(super) fn count(&self, deed: Deed) -> usize {
        self.log.iter().filter(|(_, found)| *found == deed).count()
    }

    /// There is no machine: it rests and remembers nothing.
    pub(super) fn is_gone(&self) -> bool {
        self.machine.is_none()
    }

    /// Somebody changes something.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Objects)) {
        change(&mut self.objects);
        self.seen_later();
    }

    /// What there is now is seen when caches have it.
    fn seen_later(&mut self) {
        self.sights.push_back((self.at + self.lag, self.objects.clone()));
    }

    /// Something has happened that the machine is told of, although it concerns nothing that it has.
    pub(super) fn news(&mut self) {
        self.step(Input::News(News::Input));
    }

    fn step(&mut self, input: Input) {
        let machine = self.machine.get_or_insert_with(|| M::new(self.key.clone()));
        let now = Now { wall: self.wall, at: self.at };
        let surroundings = Surroundings { caches: &self.sight, shared: &self.shared, flags: &self.flags, now };
        let effects = machine.step(&surroundings, input);
        for effect in effects {
            match effect {
                Effect::WakeAt(at) => self.wakes = at,
                Effect::Tell(notice) => self.told.push(notice),
                effect => {
                    if let Some(deed) = Deed::of(&effect) {
                        let takes = self.takes.get(&deed).copied().unwrap_or(Duration::from_millis(5));
                        self.under_way.push((self.at + takes, effect, true));
                    }
                }
            }
        }
        // As the edge does it.
        if self.machine.as_ref().is_some_and(M::is_idle) {
            assert!(!self.under_way.iter().any(|(.., is_awaited)| *is_awaited), "it waits for what is under way");
            (self.machine, self.wakes) = (None, None);
        }
    }

    /// Time goes on to whatever comes next, up to `until`. Returns false when nothing more comes before.
    fn go_on(&mut self, until: Duration) -> bool {
        let next = self.under_way.iter().enumerate().min_by_key(|(place, (at, ..))| (*at, *place));
        let next = next.map(|(place, (at, ..))| (*at, place));
        let sight = self.sights.front().map(|(at, _)| *at);
        let Some(time) = next.map(|(at, _)| at).into_iter().chain(sight).chain(self.wakes).min() else {
            assert!(self.machine.is_none(), "nothing is under way, and nothing wakes the machine");
            self.pass(until);
            return false;
        };
        if time > until {
            self.pass(until);
            return false;
        }
        self.pass(time.max(self.at));
        if sight == Some(time) {
            self.sight = self.sights.pop_front().unwrap().1;
            self.news();
        } else if let Some((at, place)) = next
            && at == time
        {
            let (_, effect, is_awaited) = self.under_way.remove(place);
            self.happen(effect, is_awaited);
        } else {
            self.wakes = None;
            self.step(Input::Due);
        }
        true
    }

    /// Plays for so long.
    pub(super) fn play(&mut self, time: Duration) {
        let until = self.at + time;
        for _ in 0..20_000 {
            if !self.go_on(until) {
                return;
            }
        }
        panic!("no end of effects within {time:?}");
    }

    fn pass(&mut self, to: Duration) {
        self.wall += jiff::SignedDuration::try_from(to.saturating_sub(self.at)).unwrap();
        self.at = to;
    }

    /// Makes an effect happen, and brings what came of it.
    fn happen(&mut self, effect: Effect, is_awaited: bool) {
        let deed = Deed::of(&effect).unwrap();
        if !is_awaited {
            self.perform(deed, effect);
            return;
        }
        self.log.push((self.at, deed));
        let crash = self.crash.filter(|(after, _)| self.log.len() > *after).map(|(_, crash)| crash);
        if let Some(crash) = crash {
            match crash {
                Crash::Before => {}
                Crash::After => _ = self.perform(deed, effect),
                Crash::Late => self.under_way.push((self.at + Duration::from_secs(20), effect, false)),
            }
            return self.begin_anew();
        }
        let input = self.perform(deed, effect);
        self.step(input);
    }

    /// Everything that is not in Kubernetes is lost, and so is whatever was under way. The next one looks at everything.
    pub(super) fn begin_anew(&mut self) {
        (self.crash, self.machine, self.wakes) = (None, None, None);
        self.shared = Shared::default();
        self.under_way.retain(|(.., is_awaited)| !is_awaited);
        self.seen_later();
    }

    fn perform(&mut self, deed: Deed, effect: Effect) -> Input {
        let fate = self.fates.get(&deed).copied();
        let not_taken = |kind| NotTaken { kind, words: WORDS.to_owned() };
        match effect {
            Effect::Read(ticket, Read::Other(OtherRead::Config(key))) => {
                let found = match fate {
                    Some(Fate::Refused(kind)) => Err(not_taken(kind)),
                    Some(Fate::ReplyLost) => Err(not_taken(RefusalKind::Passing)),
                    None => Ok(self.objects.configs.get(&key.name).map(|config| Box::new(as_dynamic(config)))),
                };
                Input::Answer(ticket, Answer::Config(found))
            }
            Effect::Read(ticket, _) => Input::Answer(ticket, Answer::StatusField(self.status_field)),
            Effect::Write(ticket, write) => {
                let result = match fate {
                    Some(Fate::Refused(kind)) => Err(not_taken(kind)),
                    fate => {
                        let before = format!("{:?}", self.objects);
                        let result = self.write(write);
                        // The API server tells nobody of a write that changes nothing.
                        if format!("{:?}", self.objects) != before {
                            self.seen_later();
                        }
                        if fate == Some(Fate::ReplyLost) { Err(not_taken(RefusalKind::Passing)) } else { result }
                    }
                };
                Input::Written(ticket, result)
            }
            other => unreachable!("nothing comes back from {other:?}"),
        }
    }

    /// Each write as the API server takes it: not of an object with another UID or version.
    fn write(&mut self, write: Write) -> Result<Taken, NotTaken> {
        self.versions += 1;
        let version = self.versions;
        let objects = &mut self.objects;
        let done = match write {
            Write::OwnBinding { service, wanted } => {
                let name = service.key.name.clone();
                let binding = objects.bindings.entry(name).or_insert_with(|| new_binding(&service, version));
                let binding = Arc::make_mut(binding);
                binding.spec = wanted.spec;
                let annotations = binding.metadata.annotations.get_or_insert_default();
                annotations.insert(names::ASKED_BY.to_owned(), wanted.origin.as_str().to_owned());
                Some(())
            }
            Write::Mark { binding, uid, mark } => objects.bindings.get_mut(&binding.name).filter(has(&uid)).map(|found| {
                let annotations = Arc::make_mut(found).metadata.annotations.get_or_insert_default();
                annotations.remove(names::PARKED);
                annotations.extend(mark.map(|mark| (names::PARKED.to_owned(), mark)));
            }),
            Write::Deletion { binding, uid } => {
                let found = objects.bindings.get_mut(&binding.name).filter(has(&uid));
                found.map(|_| ()).inspect(|()| _ = objects.bindings.remove(&binding.name))
            }
            Write::ServiceCondition { service, condition } => {
                let found = objects.services.get_mut(&service.key.name).filter(|found| found.uid == service.uid);
                found.map(|found| found.condition = condition)
            }
            Write::Gate { uid, condition, .. } => {
                objects.pods.get_mut(&uid).filter(|_| condition.is_open).map(|pod| pod.gate = GateState::Open)
            }
            Write::NewConfig { config } => new_config(*config, version).and_then(|config| {
                let name = config.metadata.name.clone()?;
                let is_free = !objects.configs.contains_key(&name);
                is_free.then(|| _ = objects.configs.insert(name, Arc::new(config)))
            }),
            Write::Config { config } => changed_config(objects, *config, version),
            Write::ConfigStatus { config, status } => {
                let name = config.metadata.name.clone().unwrap_or_default();
                let found = objects.configs.get_mut(&name).filter(|found| found.metadata.uid == config.metadata.uid);
                found.map(|found| {
                    let found = Arc::make_mut(found);
                    found.status = Some(*status);
                    found.metadata.resource_version = Some(version.to_string());
                })
            }
            other => unreachable!("{other:?} is written by another machine"),
        };
        let outdated = || NotTaken { kind: RefusalKind::Outdated, words: "the object has been modified".to_owned() };
        done.map(|()| Taken::Other).ok_or_else(outdated)
    }
}

fn has(uid: &str) -> impl Fn(&&mut Arc<DirectAccessBinding>) -> bool {
    move |binding| binding.metadata.uid.as_deref() == Some(uid)
}

fn new_binding(service: &Service, version: u64) -> Arc<DirectAccessBinding> {
    let owner = json!({"apiVersion": "v1", "kind": "Service", "name": service.key.name, "uid": service.uid,
        "controller": true, "blockOwnerDeletion": true});
    let object = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": service.key.name, "namespace": NAMESPACE, "uid": uid(u32::try_from(version).unwrap()),
            "generation": 1, "ownerReferences": [owner]},
        "spec": {"serviceRef": {"name": service.key.name}},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

fn as_dynamic(config: &TkeServiceConfig) -> DynamicObject {
    serde_json::from_value(serde_json::to_value(config).unwrap()).unwrap()
}

fn new_config(config: DynamicObject, version: u64) -> Option<TkeServiceConfig> {
    let mut config: TkeServiceConfig = serde_json::from_value(serde_json::to_value(config).unwrap()).unwrap();
    config.metadata.uid = Some(uid(u32::try_from(version).unwrap()));
    config.metadata.generation = Some(1);
    config.metadata.resource_version = Some(version.to_string());
    Some(config)
}

fn changed_config(objects: &mut Objects, config: DynamicObject, version: u64) -> Option<()> {
    let found = objects.configs.get_mut(config.metadata.name.as_deref()?)?;
    let is_same = found.metadata.resource_version == config.metadata.resource_version;
    is_same.then(|| {
        let next: TkeServiceConfig = serde_json::from_value(serde_json::to_value(config).unwrap()).unwrap();
        let found = Arc::make_mut(found);
        found.spec = next.spec;
        found.metadata.generation = found.metadata.generation.map(|generation| generation + 1);
        found.metadata.resource_version = Some(version.to_string());
    })
}

/// Its deletion is asked for.
pub(super) fn delete(objects: &mut Objects, name: &str, at: Timestamp) {
    objects.edit_binding(name, |binding| binding.metadata.deletion_timestamp = Some(Time(at)));
}
