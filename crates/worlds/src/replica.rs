//! A replica of the controller: its caches, its part in the election, and, while it leads, its machines with what is under way for them.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use tke_direct_access::clb::{Clb, Credentials, Keys, Settings};
use tke_direct_access::k8s::{Change, Stores};
use tke_direct_access::operator::parts::{self, StoreCaches};
use tke_direct_access_core::api::names;
use tke_direct_access_core::election::{Election, Moment};
use tke_direct_access_core::model::{AccountId, Caller, KeyMark, ObjectKey, Region, ServerTime};
use tke_direct_access_core::mutant::{self, Mutant};
use tke_direct_access_core::plan::Cluster;
use tke_direct_access_core::plan::annotated::Acceptance;
use tke_direct_access_core::plan::brake::{Brake, HoldConfig, HoldFlag};
use tke_direct_access_core::reconcile::{
    ConfigMachine, Confined, Effect, Flags, Input, Key, KeyedMachine, Line, Machine, News, Notice, Now, OtherRead,
    Read, ReleaseMachine, ServiceMachine, Shared, StatusField, Surroundings, Ticket, Write,
};

use crate::cloud::{Right, Sent, Wire};
use crate::coverage::Reached;
use crate::job::{KnownQuotas, calling, reading};
use crate::objects::{Event, KINDS, Kind, Row};

/// The region of everything.
pub(crate) const REGION: &str = "ap-guangzhou";
/// The account of the credentials.
pub(crate) const ACCOUNT: &str = "100000000001";
/// The controller's own namespace.
const OWN_NAMESPACE: &str = "kube-system";

/// What a machine is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    LoadBalancer(Key),
    Service(ObjectKey),
    Config(ObjectKey),
    Release(String),
}

/// What a replica wants from the world.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Make this call for a job.
    Send(u64, Sent),
    /// A job waits by the clock: let it go on soon.
    GoOn(u64),
    /// A machine is to be told what has come of something.
    Came(Owner, Box<Input>),
    /// Write this to Kubernetes.
    Write(Owner, Ticket, Box<Write>),
    /// Read this from Kubernetes.
    Read(Owner, Ticket, OtherRead),
    /// Read which of these Services are there.
    ReadServices(Owner, Ticket, Vec<ObjectKey>),
    /// List everything.
    List,
    /// Wake a machine.
    Wake(Owner, Option<Duration>),
    /// An Event.
    Tell(Box<Notice>),
    /// A machine has panicked.
    Panicked(String),
}

/// A read or a call of the cloud that is under way.
struct Job {
    owner: Owner,
    /// Whether it is a read, by its ticket.
    ticket: Option<Ticket>,
    /// How many of its calls have not been answered.
    unanswered: usize,
    future: Pin<Box<dyn Future<Output = Input> + Send>>,
}

/// A leadership of a replica.
pub(crate) struct Leading {
    pub(crate) term: u64,
    shared: Shared,
    load_balancers: BTreeMap<Key, Machine>,
    services: BTreeMap<ObjectKey, Confined<ServiceMachine>>,
    configs: BTreeMap<ObjectKey, Confined<ConfigMachine>>,
    releases: BTreeMap<String, Confined<ReleaseMachine>>,
    jobs: BTreeMap<u64, Job>,
    wire: Wire,
    clb: Clb,
    right: Right,
    quotas: KnownQuotas,
}

/// How a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    Running,
    /// It stands still until then.
    Frozen(Duration),
    /// It does not run until then.
    Down(Duration),
}

/// A replica.
pub(crate) struct Replica {
    /// How often its process has begun.
    pub(crate) life: u64,
    pub(crate) pulse: Pulse,
    pub(crate) stores: Stores,
    /// How much of what watches tell it has heard, by kind; none of a kind that it has not listed yet.
    pub(crate) heard: BTreeMap<Kind, usize>,
    /// The last leadership that it had by the election, and the kinds that it has listed since.
    caught_up: (u64, BTreeSet<Kind>),
    /// The time as the API server says it.
    pub(crate) time: ServerTime,
    pub(crate) election: Election,
    /// An attempt of the election is under way.
    pub(crate) attempts: bool,
    brake: Arc<Mutex<Brake>>,
    pub(crate) leading: Option<Leading>,
    jobs: u64,
    flags: Flags,
    /// What its machines have done and said.
    pub(crate) reached: Reached,
}

/// The moment of an election.
pub(crate) fn moment(now: Duration) -> Moment {
    Moment::after_start(now)
}

/// Whether each kind of objects was listed.
fn are_listed(is_listed: impl Fn(&Kind) -> bool) -> bool {
    KINDS.iter().all(&is_listed) || mutant::is(Mutant::UnlistedIsGone) && KINDS.iter().any(is_listed)
}

impl Replica {
    /// One whose process has just begun; the clock of its machine says this time.
    pub(crate) fn new(number: usize, life: u64, clock: Timestamp, now: Duration) -> Self {
        Self {
            time: ServerTime::new(clock, now),
            life,
            pulse: Pulse::Running,
            stores: Stores::default(),
            heard: BTreeMap::new(),
            caught_up: (0, BTreeSet::new()),
            election: Election::new(format!("controller-{number}-{life}")),
            attempts: false,
            brake: Arc::new(Mutex::new(Brake::new(HoldFlag::Unset, OWN_NAMESPACE))),
            leading: None,
            jobs: 0,
            reached: Reached::default(),
            flags: Flags {
                region: Region::new(REGION),
                resync: Duration::from_secs(60),
                vpc_id: Some("vpc-default".to_owned()),
            },
        }
    }

    /// It has seen everything once.
    pub(crate) fn is_synced(&self) -> bool {
        are_listed(|kind| self.heard.contains_key(kind))
    }

    /// Takes in what a watch tells. Returns what has changed.
    pub(crate) fn hear(&self, namespace: &str, kind: Kind, event: &Event) -> Option<Change> {
        let (stores, place) = (&self.stores, event.place.as_str());
        match event.row.as_deref() {
            None => match kind {
                Kind::Binding => stores.bindings.remove(namespace, place).map(Change::Binding),
                Kind::Service => stores.services.remove(namespace, place).map(Change::Service),
                Kind::Slice => stores.slices.remove(namespace, place).map(Change::Slice),
                Kind::Pod => stores.pods.remove(namespace, place).map(Change::Pod),
                Kind::Config => stores.configs.table().remove(namespace, place).map(Change::Config),
            },
            Some(Row::Binding(row)) => stores.bindings.put(namespace, place, row.clone()).map(Change::Binding),
            Some(Row::Service(row)) => stores.services.put(namespace, place, (**row).clone()).map(Change::Service),
            Some(Row::Slice(row)) => stores.slices.put(namespace, place, row.clone()).map(Change::Slice),
            Some(Row::Pod(row)) => stores.pods.put(namespace, place, (**row).clone()).map(Change::Pod),
            Some(Row::Config(row)) => stores.configs.table().put(namespace, place, row.clone()).map(Change::Config),
        }
    }

    /// Takes in what the controller's ConfigMap says; `None` where there is none. Returns what has changed.
    pub(crate) fn hear_hold(&self, config: Option<HoldConfig>) -> Option<Change> {
        let (table, place) = (self.stores.hold.table(), names::CONTROLLER_CONFIG);
        match config {
            Some(config) => table.put(OWN_NAMESPACE, place, config).map(Change::Hold),
            None => table.remove(OWN_NAMESPACE, place).map(Change::Hold),
        }
    }

    /// It holds removals.
    pub(crate) fn holds_removals(&self) -> bool {
        self.brake.lock().is_ok_and(|brake| brake.removals().held().is_some())
    }

    /// Takes in a list. Returns what has changed.
    pub(crate) fn hear_list(&mut self, namespace: &str, kind: Kind, listed: &[Event]) -> Vec<Change> {
        self.caught_up.1.insert(kind);
        let mut changes: Vec<_> = listed.iter().filter_map(|event| self.hear(namespace, kind, event)).collect();
        let places: BTreeSet<&str> =
            listed.iter().filter(|event| event.row.is_some()).map(|event| event.place.as_str()).collect();
        let keep = |_: &str, place: &str| places.contains(place);
        match kind {
            Kind::Binding => changes.extend(self.stores.bindings.retain(keep).into_iter().map(Change::Binding)),
            Kind::Service => changes.extend(self.stores.services.retain(keep).into_iter().map(Change::Service)),
            Kind::Slice => changes.extend(self.stores.slices.retain(keep).into_iter().map(Change::Slice)),
            Kind::Pod => changes.extend(self.stores.pods.retain(keep).into_iter().map(Change::Pod)),
            Kind::Config => changes.extend(self.stores.configs.table().retain(keep).into_iter().map(Change::Config)),
        }
        changes
    }

    /// Begins or ends leading, as the election says.
    pub(crate) fn heed_election(&mut self, now: Duration, wall: Timestamp, wishes: &mut Vec<Wish>) {
        let term = self.election.term(moment(now)).filter(|_| self.is_synced());
        let term = term.filter(|term| self.has_caught_up(term.number, wishes));
        match (&self.leading, term) {
            (Some(leading), Some(term)) if leading.term == term.number => {
                leading.right.set(now, now + term.until.since(moment(now)));
            }
            (_, Some(term)) => {
                self.leading = self.lead(term.number, now);
                if let Some(leading) = &self.leading {
                    leading.right.set(now, now + term.until.since(moment(now)));
                }
                self.begin(now, wall, wishes);
            }
            (_, None) => self.leading = None,
        }
    }

    /// It has listed everything since this leadership began; where that is new, it asks for that.
    fn has_caught_up(&mut self, term: u64, wishes: &mut Vec<Wish>) -> bool {
        if mutant::is(Mutant::BeginsBehind) {
            return true;
        }
        if self.caught_up.0 != term {
            self.caught_up = (term, BTreeSet::new());
            wishes.push(Wish::List);
        }
        are_listed(|kind| self.caught_up.1.contains(kind))
    }

    fn lead(&self, term: u64, now: Duration) -> Option<Leading> {
        let bindings = self.stores.bindings.all();
        let statuses = bindings.iter().filter_map(|row| row.0.status.as_ref());
        if let Ok(mut brake) = self.brake.lock() {
            brake.begin(statuses, now);
        }
        let wire = Wire::default();
        let keys = Keys::new("AKIDsimulator", "simulator-secret-key", None).ok()?;
        let settings = Settings::new(Region::new(REGION));
        let clb = Clb::carried(Arc::new(wire.clone()), settings, Credentials::fixed(keys), Arc::new(())).ok()?;
        Some(Leading {
            term,
            shared: Shared::new(self.brake.clone()),
            load_balancers: BTreeMap::new(),
            services: BTreeMap::new(),
            configs: BTreeMap::new(),
            releases: BTreeMap::new(),
            jobs: BTreeMap::new(),
            wire,
            clb,
            right: Right::default(),
            quotas: KnownQuotas::default(),
        })
    }

    /// Looks at everything that there is.
    fn begin(&mut self, now: Duration, wall: Timestamp, wishes: &mut Vec<Wish>) {
        let mut owners: Vec<Owner> = parts::all_namespaces(&self.stores).into_iter().map(Owner::Release).collect();
        owners.extend(parts::all_configs(&self.stores).into_iter().map(Owner::Config));
        owners.extend(parts::all_services(&self.stores).into_iter().map(Owner::Service));
        owners.extend(
            parts::in_order(&self.stores, &self.flags.region).into_iter().map(|(key, _)| Owner::LoadBalancer(key)),
        );
        for owner in owners {
            let input = if matches!(owner, Owner::LoadBalancer(_)) { Input::Due } else { Input::News(News::Input) };
            self.step(&owner, input, now, wall, wishes);
        }
    }

    /// Wakes the machines that a change concerns.
    pub(crate) fn take_in(&mut self, change: &Change, now: Duration, wall: Timestamp, wishes: &mut Vec<Wish>) {
        if self.leading.is_none() {
            return;
        }
        let (stores, region) = (self.stores.clone(), self.flags.region.clone());
        let news = parts::news(change);
        let mut keys = parts::keys(change, &stores, &region);
        if parts::is_of_all(change) {
            keys.extend(stores.bindings.all().iter().map(|row| Key::of(&row.0, &region)));
        }
        let mut owners: Vec<(Owner, Input)> = Vec::new();
        for key in keys {
            let is_new = self.leading.as_ref().is_some_and(|leading| !leading.load_balancers.contains_key(&key));
            owners.push((Owner::LoadBalancer(key), if is_new { Input::Due } else { Input::News(news) }));
        }
        let input = || Input::News(News::Input);
        owners.extend(parts::namespaces(change, &stores).into_iter().map(|name| (Owner::Release(name), input())));
        owners.extend(parts::configs(change, &stores).into_iter().map(|key| (Owner::Config(key), input())));
        owners.extend(parts::services(change, &stores).into_iter().map(|key| (Owner::Service(key), input())));
        for (owner, input) in owners {
            self.step(&owner, input, now, wall, wishes);
        }
    }

    /// Whether something is under way for this machine.
    pub(crate) fn has(&self, owner: &Owner) -> bool {
        self.leading.as_ref().is_some_and(|leading| match owner {
            Owner::LoadBalancer(key) => leading.load_balancers.contains_key(key),
            Owner::Service(key) => leading.services.contains_key(key),
            Owner::Config(key) => leading.configs.contains_key(key),
            Owner::Release(name) => leading.releases.contains_key(name),
        })
    }

    /// Lets a machine take in something, and makes what it wants the world's wishes.
    pub(crate) fn step(&mut self, owner: &Owner, input: Input, now: Duration, wall: Timestamp, wishes: &mut Vec<Wish>) {
        let Some(leading) = &mut self.leading else { return };
        self.reached.see_input(&input);
        let account = AccountId::new(ACCOUNT);
        let caller = |_: &KeyMark| Caller::Known(account.clone());
        let caches = StoreCaches {
            stores: &self.stores,
            region: &self.flags.region,
            cluster: Cluster::default(),
            annotated_services: Acceptance::All,
            namespace: OWN_NAMESPACE,
            signing_key: KeyMark::new("AKIDsimulator".to_owned()),
            caller: &caller,
        };
        let now = Now { wall, at: now };
        let seen = Surroundings { caches: &caches, shared: &leading.shared, flags: &self.flags, now };
        let effects = match owner {
            Owner::LoadBalancer(key) => {
                let machine = leading.load_balancers.entry(key.clone()).or_insert_with(|| Machine::new(key.clone()));
                let effects = machine.step(&seen, input);
                if machine.is_over() {
                    leading.load_balancers.remove(key);
                }
                effects
            }
            Owner::Service(key) => keyed(&mut leading.services, key, &seen, input),
            Owner::Config(key) => keyed(&mut leading.configs, key, &seen, input),
            Owner::Release(name) => keyed(&mut leading.releases, name, &seen, input),
        };
        for effect in effects {
            self.perform(owner, effect, wishes);
        }
        // Something was bound while the machine ended.
        if let Owner::LoadBalancer(key) = owner
            && !self.has(owner)
            && !parts::bindings(key, &self.stores, &self.flags.region).is_empty()
        {
            wishes.push(Wish::Wake(owner.clone(), Some(now.at)));
        }
    }

    fn perform(&mut self, owner: &Owner, effect: Effect, wishes: &mut Vec<Wish>) {
        let Some(leading) = &mut self.leading else { return };
        self.reached.see(&effect);
        match effect {
            Effect::Read(ticket, Read::Other(what)) => wishes.push(Wish::Read(owner.clone(), ticket, what)),
            Effect::Read(ticket, Read::Definition(services)) => {
                wishes.push(Wish::ReadServices(owner.clone(), ticket, services));
            }
            Effect::Read(ticket, read) => {
                let future = reading(leading.clb.clone(), leading.quotas.clone(), owner.clone(), ticket, read);
                self.start(owner, Some(ticket), Box::pin(future), wishes);
            }
            Effect::Call(step) => {
                let future = calling(leading.clb.clone(), leading.right.clone(), owner.clone(), step);
                self.start(owner, None, Box::pin(future), wishes);
            }
            Effect::Forget(ticket) => {
                leading.jobs.retain(|_, job| !(job.owner == *owner && job.ticket == Some(ticket)));
            }
            Effect::Write(ticket, write) => wishes.push(Wish::Write(owner.clone(), ticket, Box::new(write))),
            Effect::WakeAt(at) => wishes.push(Wish::Wake(owner.clone(), at)),
            Effect::Tell(notice) => wishes.push(Wish::Tell(Box::new(notice))),
            Effect::Log(Line::Panicked { words, .. }) => wishes.push(Wish::Panicked(words)),
            Effect::Log(_) | Effect::Show(_) | Effect::Begun(_) | Effect::Ended(_) => {}
        }
    }

    fn start(
        &mut self,
        owner: &Owner,
        ticket: Option<Ticket>,
        future: Pin<Box<dyn Future<Output = Input> + Send>>,
        wishes: &mut Vec<Wish>,
    ) {
        self.jobs += 1;
        let id = self.jobs;
        if let Some(leading) = &mut self.leading {
            leading.jobs.insert(id, Job { owner: owner.clone(), ticket, unanswered: 0, future });
        }
        self.go_on(id, wishes);
    }

    /// A call of a job was answered.
    pub(crate) fn replied(&mut self, id: u64, wishes: &mut Vec<Wish>) {
        if let Some(job) = self.leading.as_mut().and_then(|leading| leading.jobs.get_mut(&id)) {
            job.unanswered = job.unanswered.saturating_sub(1);
        }
        self.go_on(id, wishes);
    }

    /// Lets a job go on.
    pub(crate) fn go_on(&mut self, id: u64, wishes: &mut Vec<Wish>) {
        let Some(leading) = &mut self.leading else { return };
        let Some(job) = leading.jobs.get_mut(&id) else { return };
        let polled = job.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let sent = leading.wire.take();
        job.unanswered += sent.len();
        wishes.extend(sent.into_iter().map(|sent| Wish::Send(id, sent)));
        match polled {
            Poll::Ready(input) => {
                if let Some(job) = leading.jobs.remove(&id) {
                    wishes.push(Wish::Came(job.owner, Box::new(input)));
                }
            }
            Poll::Pending if job.unanswered == 0 => wishes.push(Wish::GoOn(id)),
            Poll::Pending => {}
        }
    }
}

fn keyed<M: KeyedMachine>(
    machines: &mut BTreeMap<M::Key, M>,
    key: &M::Key,
    seen: &Surroundings<'_>,
    input: Input,
) -> Vec<Effect> {
    let machine = machines.entry(key.clone()).or_insert_with(|| M::new(key.clone()));
    let effects = machine.step(seen, input);
    if machine.is_idle() {
        machines.remove(key);
    }
    effects
}

/// What a read of Kubernetes gives, with the status subresource there.
pub(crate) const STATUS_FIELD: StatusField = StatusField::There;
