//! The reads of a round: caches and cloud to a snapshot. Reads that fail become part of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, Frame, Read};
use super::memory::{Begun, Known, Memory, READ_RETRY};
use super::reads::{HealthAnswer, PATIENCE, Wait};
use super::surroundings::Surroundings;
use super::tickets::Tickets;
use super::{Key, Refusals};
use crate::api::DirectAccessBinding;
use crate::model::{Caller, Failure};
use crate::mutant::{self, Mutant};
use crate::plan::vpc::{self, ClusterVpc, NamedVpcs, VpcSight};
use crate::plan::{Cloud, Observed, ReadState, Snapshot, placement};

/// The reads of one round, on their way.
#[derive(Debug)]
pub(super) struct Gathering {
    bindings: Vec<Arc<DirectAccessBinding>>,
    begun: Begun,
    /// When the round began to read.
    since: Duration,
    state: ReadState,
    /// Why the load balancer cannot be read, where its targets can.
    failure: Option<Failure>,
    part: Part,
    /// A task of ours runs.
    is_busy: bool,
    /// Load balancer and listeners are those of an earlier round.
    is_frame_old: bool,
}

/// What the round reads now of the cloud.
#[derive(Debug)]
enum Part {
    /// The load balancer; what was seen before may serve where that takes long.
    Frame(Option<Observed>),
    /// The targets of what is known.
    Targets(Observed),
    /// Health, asked for at this time.
    Health(Observed, Duration),
    /// Load balancers by tag, with the tags that are left to ask for.
    Tagged(Vec<(&'static str, String)>),
    /// Nothing more.
    Over(Cloud),
}

/// Where a gathering reads from, and what it asks for.
pub(super) struct Reading<'a> {
    pub(super) memory: &'a mut Memory,
    pub(super) tickets: &'a mut Tickets,
    pub(super) out: &'a mut Vec<Effect>,
    /// The time, since some moment that stays the same.
    pub(super) at: Duration,
}

impl Gathering {
    /// Asks for what this round decides on, as far as it is not known. A binding that goes, and one that asks for it, is looked at anew.
    pub(super) fn begin(
        key: &Key,
        bindings: Vec<Arc<DirectAccessBinding>>,
        is_busy: bool,
        surroundings: &Surroundings<'_>,
        reading: &mut Reading<'_>,
    ) -> Self {
        let Reading { memory, tickets, out, at } = reading;
        memory.sign(&surroundings.caches.signing_key());
        let is_deleting = |binding: &Arc<DirectAccessBinding>| binding.metadata.deletion_timestamp.is_some();
        let is_asked = |binding: &Arc<DirectAccessBinding>| binding.asks_for_round();
        if !is_busy && bindings.iter().any(|binding| is_asked(binding) || is_deleting(binding)) {
            // What is under way is new enough: whatever we write ends it.
            memory.doubt_frame();
        }
        if bindings.iter().any(is_asked) {
            memory.refusals = Refusals::default();
        }
        let known = memory.known(surroundings.flags.resync, is_busy, *at);
        let begun = memory.begun(&known, *at);
        let is_frame_old = !matches!(known, Known::Nothing(_));
        let is_whole = matches!(known, Known::Nothing(_));
        memory.reads.certificates.refresh(&bindings, is_whole, tickets, out);
        let has_cloud = has_cloud(key, &bindings);
        if has_cloud && (is_whole || memory.limits.is_none()) {
            memory.reads.quotas.ask(Read::Quotas, *at, tickets, out);
        }
        let part = match (key, known) {
            (Key::Unplaced(..), _) if !has_cloud => Part::Over(Cloud::Unplaced(Vec::new())),
            (Key::Unplaced(..), _) => {
                let one = bindings.iter().find(|binding| placement::awaits_placement(binding));
                Part::Tagged(one.map(|binding| placement::owner_tags(binding)).unwrap_or_default())
            }
            (Key::LoadBalancer(..), Known::Nothing(before)) => Part::Frame(before),
            (Key::LoadBalancer(..), Known::Frame(observed)) => Part::Targets(observed),
            (Key::LoadBalancer(..), Known::Targets(observed)) => health(observed, reading),
        };
        let since = reading.at;
        let (state, failure) = (ReadState::Settled, None);
        let mut gathering = Self { bindings, begun, since, state, failure, part, is_busy, is_frame_old };
        gathering.ask(reading);
        gathering
    }

    /// The load balancer cannot be read. Its targets are, by what was seen before: what is on the way out goes.
    fn blind(&mut self, before: Observed, failure: Failure) -> Part {
        (self.state, self.begun.all, self.failure) = (ReadState::TargetsOnly, None, Some(failure));
        Part::Targets(before)
    }

    /// Asks for what is read now.
    fn ask(&mut self, reading: &mut Reading<'_>) {
        let unread = reading.memory.unread.clone();
        if let (Part::Frame(before), Some((failure, at))) = (&mut self.part, unread)
            && reading.at < at + READ_RETRY
            && let Some(before) = before.take()
        {
            // It was asked for a moment ago.
            self.part = self.blind(before, failure);
        }
        let Reading { memory, tickets, out, at } = reading;
        match &mut self.part {
            Part::Frame(_) => memory.reads.frame.ask(Read::Frame, *at, tickets, out),
            Part::Targets(known) => memory.reads.targets.ask(Read::Targets(known.listeners.clone()), *at, tickets, out),
            Part::Tagged(tags) => match tags.first() {
                Some((key, value)) => {
                    memory.reads.ask_tagged(key, value, *at, tickets, out);
                }
                None => self.part = Part::Over(Cloud::Unplaced(Vec::new())),
            },
            Part::Health(..) | Part::Over(_) => {}
        }
    }

    /// Goes on with what has come. Returns what is known of the cloud when the round has all that it waits for.
    pub(super) fn advance(&mut self, reading: &mut Reading<'_>) -> Option<Cloud> {
        // It counts for so long only, and the cloud may take longer.
        reading.memory.reads.ask_departures(&self.bindings, reading.at, reading.tickets, reading.out);
        while let Some(next) = self.next(reading) {
            self.part = next;
            self.ask(reading);
        }
        let is_waited_for = reading.memory.is_beside_pending(reading.at) && reading.at < self.since + PATIENCE;
        match &mut self.part {
            Part::Over(cloud) if !is_waited_for => Some(std::mem::replace(cloud, Cloud::Unplaced(Vec::new()))),
            _ => None,
        }
    }

    /// When there is something to do whatever has come.
    pub(super) fn deadline(&self, memory: &Memory) -> Option<Duration> {
        let renewal = memory.reads.departures.renewal();
        self.patience().into_iter().chain(renewal).min()
    }

    /// When the round goes on whatever has come.
    fn patience(&self) -> Option<Duration> {
        match &self.part {
            Part::Frame(Some(_)) | Part::Over(_) => Some(self.since + PATIENCE),
            Part::Health(..) if mutant::is(Mutant::WeightsWaitForHealth) => None,
            Part::Health(_, asked) => Some(*asked + PATIENCE),
            Part::Frame(None) | Part::Targets(_) | Part::Tagged(_) => None,
        }
    }

    /// What is read next; `None` while something is waited for, and when there is nothing more.
    fn next(&mut self, reading: &mut Reading<'_>) -> Option<Part> {
        match &mut self.part {
            Part::Frame(before) => match reading.memory.reads.frame.take() {
                Some((Ok(Frame::Shown(observed)), begun)) => {
                    reading.memory.unread = None;
                    self.begun.all = Some(begun);
                    if begun < self.since {
                        // Its targets may have changed since.
                        return Some(Part::Targets(observed));
                    }
                    self.begun.targets = begun;
                    Some(health(observed, reading))
                }
                Some((Ok(Frame::NotShown(witnesses)), begun)) => {
                    self.begun.all = Some(begun);
                    Some(Part::Over(Cloud::Missing(witnesses)))
                }
                Some((Err(failure), _)) => {
                    reading.memory.unread = Some((failure.clone(), reading.at));
                    match before.take() {
                        Some(before) => Some(self.blind(before, failure)),
                        None => Some(Part::Over(Cloud::Failed(failure))),
                    }
                }
                None if reading.at >= self.since + PATIENCE => {
                    let before = before.take()?;
                    (self.state, self.begun.all) = (ReadState::TargetsOnly, None);
                    Some(Part::Targets(before))
                }
                None => None,
            },
            Part::Targets(known) => match reading.memory.reads.targets.take()? {
                (Ok(targets), _) => Some(health(Observed { targets, ..known.clone() }, reading)),
                (Err(failure), _) => Some(Part::Over(Cloud::Failed(failure))),
            },
            Part::Health(observed, asked) => {
                let Reading { memory, tickets, out, at } = reading;
                let is_over = *at >= *asked + PATIENCE && !mutant::is(Mutant::WeightsWaitForHealth);
                if !memory.reads.health.is_done(&observed.targets, *at, tickets, out) && !is_over {
                    return None;
                }
                let HealthAnswer { rows, basis, wait } = memory.reads.health.answer(&observed.targets);
                (observed.health, observed.health_basis) = (rows, basis);
                let tags_shown = memory.remembered.tags_shown;
                memory.written_targets.add_named(observed, tags_shown, self.begun.targets);
                if wait == Wait::Goes && self.state == ReadState::Settled {
                    self.state = ReadState::HealthPending;
                }
                Some(Part::Over(Cloud::Observed(observed.clone())))
            }
            Part::Tagged(tags) => match reading.memory.reads.tagged.take()? {
                (Ok(found), _) if found.is_empty() => Some(Part::Tagged(tags.drain(1..).collect())),
                (Ok(found), _) => Some(Part::Over(Cloud::Unplaced(found))),
                (Err(failure), _) => Some(Part::Over(Cloud::Failed(failure))),
            },
            Part::Over(_) => None,
        }
    }

    /// What this round decides on, with what is known of the cloud.
    pub(super) fn finish(
        self,
        key: &Key,
        cloud: Cloud,
        surroundings: &Surroundings<'_>,
        memory: &mut Memory,
    ) -> Gathered {
        let Self { bindings, begun, since, state, failure, is_busy, is_frame_old, .. } = self;
        let state = match state {
            _ if is_busy => ReadState::DuringTask,
            // Something may still say otherwise.
            _ if memory.is_beside_pending(surroundings.now.at) => ReadState::TargetsOnly,
            state => state,
        };
        if let Some((limits, _)) = memory.reads.quotas.take() {
            memory.limits = Some(limits);
        }
        memory.reads.see();
        let sight = memory.reads.departures.current(surroundings.now.at).cloned();
        let definition = sight.as_ref().map(|sight| sight.definition);
        if state == ReadState::Settled {
            // A round that does less leaves it to the next one.
            memory.reads.forget_departures();
        }
        let caches = surroundings.caches;
        let view = |binding: Arc<DirectAccessBinding>| {
            let namespace = binding.metadata.namespace.clone().unwrap_or_default();
            let view = caches.view(binding, memory.reads.certificates.of_namespace(&namespace), definition);
            let reassigned = |registered: &BTreeMap<_, _>| caches.reassigned(&namespace, registered);
            let mut view = view.on(&cloud, &memory.remembered, |uid| caches.has_binding(uid), reassigned);
            if view.is_deleting() {
                let (cached, setting) = (view.service.as_deref(), caches.setting());
                view.departure = view.departure.seen(&view.binding, cached, sight.as_ref(), setting);
            }
            view
        };
        let bindings = bindings.into_iter().map(view).collect();
        memory.remembered.refused_weights = memory.refusals.weights();
        memory.remembered.refused_registrations = memory.refusals.registrations();
        let vpc = vpc(key, &cloud, surroundings);
        let snapshot = Snapshot {
            load_balancer: key.load_balancer(),
            region: key.region().clone(),
            cloud,
            reads: state,
            removals: surroundings.shared.brake().removals(),
            caller: memory.key().map_or(Caller::NotAsked, |key| caches.caller(key)),
            bindings,
            cluster: caches.cluster(),
            vpc,
            limits: memory.limits.unwrap_or_default(),
            remembered: memory.remembered.clone(),
            now: surroundings.now.wall,
            at: surroundings.now.at,
        };
        Gathered { snapshot, begun, since, is_frame_old, failure }
    }
}

/// What a round decides on.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) snapshot: Snapshot,
    pub(super) begun: Begun,
    /// When the round began to read.
    pub(super) since: Duration,
    /// Load balancer and listeners are those of an earlier round.
    pub(super) is_frame_old: bool,
    /// Why the load balancer cannot be read, where its targets can: the snapshot has what was seen before.
    pub(super) failure: Option<Failure>,
}

/// Whether anything is to be read of the cloud.
pub(super) fn has_cloud(key: &Key, bindings: &[Arc<DirectAccessBinding>]) -> bool {
    matches!(key, Key::LoadBalancer(..)) || bindings.iter().any(|binding| placement::awaits_placement(binding))
}

/// The VPC of the cluster, as it concerns this key, of which the round has seen this. What is seen of a load balancer is kept for those
/// that are to be created.
fn vpc(key: &Key, cloud: &Cloud, surroundings: &Surroundings<'_>) -> ClusterVpc {
    let Surroundings { caches, shared, flags, .. } = surroundings;
    let find = |named: &NamedVpcs| vpc::find(flags.vpc_id.as_deref(), named, &caches.tke_vpc());
    let find_among_named = || {
        let named = caches.named_load_balancers(&flags.region);
        let mut vpcs = shared.vpcs();
        let found = find(&vpcs.of(named));
        vpcs.found(&found);
        found
    };
    match key {
        Key::LoadBalancer(region, id) => {
            let sight = match cloud {
                Cloud::Observed(observed) => VpcSight::Of(observed.load_balancer.vpc_id.clone()),
                Cloud::Missing(_) | Cloud::Failed(_) | Cloud::Unplaced(_) => VpcSight::NotShown,
            };
            if *region == flags.region {
                shared.vpcs().see(id, sight);
            }
            // Where it is stated, other load balancers change nothing, and are not looked through in each round.
            let stated = find(&NamedVpcs::new());
            if stated.known().is_some() { stated } else { find_among_named() }
        }
        Key::Unplaced(region, _) => find_among_named().within(region, &flags.region),
    }
}

/// Health comes last: a read that began after the targets were read is never older than a registration seen there.
fn health(mut observed: Observed, reading: &mut Reading<'_>) -> Part {
    (observed.health, observed.health_basis) = (Ok(Vec::new()), None);
    if observed.targets.values().all(Vec::is_empty) {
        return Part::Over(Cloud::Observed(observed));
    }
    let Reading { memory, tickets, out, at } = reading;
    memory.reads.health.begin(&observed.targets, *at, tickets, out);
    Part::Health(observed, *at)
}
