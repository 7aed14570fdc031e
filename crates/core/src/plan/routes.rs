//! Listeners and rules: which exist for a binding, which are to be made, and which may be taken away.
//!
//! What carries our mark and is not wanted goes by [`Proof`] alone. Where it is not proven, it is held: it stays as it is, and Pods
//! go on to come and go there.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::mark::{ListenerName, TargetTag};
use crate::model::{Listener, ListenerId, Route, Rule, RuleId};
use crate::mutant::{self, Mutant};

use super::clash;
use super::desired::{Completeness, Desired, DesiredListener, ListenerOrigin, Resolver};
use super::management::{Management, Proof};
use super::resolution::row_by_id;
use super::scope::Holder;
use super::shape::Shape;
use super::sharing::Barred;
use super::{BindingPlan, BindingView, Observed, Snapshot, problem};

/// One binding on its way through the plan: what it wants, what is there of it, and what there is to say.
pub(super) struct BindingIntent<'a> {
    /// The binding.
    pub(super) view: &'a BindingView,
    /// How far it is acted on.
    pub(super) management: Management,
    /// Whether the listeners that follow are all that is wanted.
    pub(super) completeness: Completeness,
    /// Listeners that are wanted, and those that are held.
    pub(super) listeners: Vec<ListenerIntent<'a>>,
    /// Listeners that nobody wants, by proof.
    pub(super) leftovers: Vec<Leftover<'a>>,
    /// The bandwidth that its config wishes of the load balancer, in Mbps.
    pub(super) bandwidth: Option<i64>,
    /// What there is to say.
    pub(super) plan: BindingPlan,
}

/// A listener that is wanted or held.
pub(super) struct ListenerIntent<'a> {
    /// What is wanted.
    pub(super) desired: DesiredListener,
    /// What is there.
    pub(super) presence: Presence<'a>,
    /// The listener itself at layer 4, its rules at layer 7.
    pub(super) routes: Vec<RouteRow>,
}

/// What is there of a wanted listener.
#[derive(Clone, Copy, Debug)]
pub(super) enum Presence<'a> {
    /// Nothing: it is to be made.
    Missing,
    /// Nothing, and it waits for something before it can be made.
    Awaited,
    /// One that the binding has made.
    Ours(&'a Listener),
    /// One that somebody else has made.
    Others(&'a Listener),
    /// Something stands in the way, which is a problem of the binding.
    Blocked,
}

impl<'a> Presence<'a> {
    /// The listener that is there.
    pub(super) const fn listener(self) -> Option<&'a Listener> {
        match self {
            Self::Ours(listener) | Self::Others(listener) => Some(listener),
            Self::Missing | Self::Awaited | Self::Blocked => None,
        }
    }

    pub(super) const fn holder(self) -> Holder {
        match self {
            Self::Ours(_) => Holder::Ours,
            Self::Missing | Self::Awaited | Self::Others(_) | Self::Blocked => Holder::Others,
        }
    }
}

/// Where targets are or are to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteRow {
    /// Domain and path; `None` at layer 4.
    pub(super) rule: Option<(String, String)>,
    /// Its ids; `None` while it does not exist.
    pub(super) route: Option<Route>,
    /// Whether it is wanted.
    pub(super) intent: RouteIntent,
}

impl RouteRow {
    /// Whether targets come and go there for the binding. Where nobody knows whether it is wanted, nothing of the binding stands and
    /// nothing is recorded, it is somebody else's, on a listener that is shared.
    pub(super) fn concerns(&self, view: &BindingView, marked: &BTreeSet<Route>) -> bool {
        match (self.intent, &self.route) {
            (RouteIntent::Unresolved, Some(route)) => marked.contains(route) || is_recorded(view, route),
            (RouteIntent::Wanted | RouteIntent::Unwanted(_) | RouteIntent::Unresolved, _) => true,
        }
    }
}

/// The status records the route as one of the binding's.
fn is_recorded(view: &BindingView, route: &Route) -> bool {
    let Some(row) = row_by_id(view, &route.listener) else { return false };
    let Some(id) = &route.rule else { return true };
    row.rules.iter().any(|rule| rule.location_id.as_deref() == Some(id.as_str()))
}

/// Whether a listener or rule is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RouteIntent {
    /// It is.
    Wanted,
    /// It is not, by proof.
    Unwanted(Proof),
    /// Nobody knows: it stays as it is, and its members change.
    Unresolved,
}

/// A listener that nobody wants, by proof.
pub(super) struct Leftover<'a> {
    /// The listener.
    pub(super) listener: &'a Listener,
    /// Whose it is: of somebody else's, only targets go.
    pub(super) holder: Holder,
    /// Why it may go.
    pub(super) proof: Proof,
}

/// Every listener and rule of a spec is accepted, resolved, and there. Only [`EveryRouteExists::check`] makes it.
pub(super) struct EveryRouteExists(());

impl EveryRouteExists {
    fn check(completeness: Completeness, listeners: &[ListenerIntent<'_>]) -> Option<Self> {
        let exists = |row: &RouteRow| row.intent != RouteIntent::Wanted || row.route.is_some();
        let is_there = |one: &ListenerIntent<'_>| one.presence.listener().is_some() && one.routes.iter().all(exists);
        let is_whole = completeness == Completeness::Whole && listeners.iter().all(is_there);
        (is_whole || mutant::is(Mutant::AbsentIsUnwanted)).then_some(Self(()))
    }
}

/// A listener can be made as soon as its port is free: certificate and rules are known. Only [`Successor::of`] makes it.
pub(super) struct Successor(());

impl Successor {
    fn of(completeness: Completeness, desired: &DesiredListener) -> Option<Self> {
        let is_known = completeness == Completeness::Whole && desired.shape.is_creatable();
        (is_known || mutant::is(Mutant::GoesBeforeCertificate)).then_some(Self(()))
    }
}

impl BindingView {
    /// The listener was made by this binding: its name says so, or it is recorded and its name says nothing else.
    pub(super) fn has_made(&self, listener: &Listener, snapshot: &Snapshot) -> bool {
        match ListenerName::owner(&listener.name) {
            _ if mutant::is(Mutant::ForeignListeners) => true,
            Some(uid) if self.is_uid_of_ours(uid) => true,
            _ if mutant::is(Mutant::RenamedIsForeign) => false,
            Some(uid) if snapshot.bindings.iter().any(|other| other.is_uid_of_ours(uid)) => false,
            _ => row_by_id(self, &listener.id).is_some_and(|row| row.created),
        }
    }

    /// The UID by which the binding marks what is its own, or that of the binding whose place it has taken.
    pub fn is_uid_of_ours(&self, uid: &str) -> bool {
        self.uid() == uid || self.former_uids.contains(uid)
    }
}

/// Finds what is there of what each binding wants.
pub(super) fn find_routes<'a>(snapshot: &'a Snapshot, observed: &'a Observed, intents: &mut [BindingIntent<'a>]) {
    let limits = &snapshot.limits;
    for intent in &mut *intents {
        for listener in &mut intent.listeners {
            listener.presence = presence(intent.view, snapshot, observed, &listener.desired, &mut intent.plan);
        }
    }
    respect_quota(intents, observed.listeners.len(), limits.listeners_per_load_balancer);
    for intent in intents {
        for listener in &mut intent.listeners {
            find_rules(listener, limits.rules_per_listener, &mut intent.plan);
        }
        find_others(snapshot, observed, intent);
    }
}

fn presence<'a>(
    view: &BindingView,
    snapshot: &Snapshot,
    observed: &'a Observed,
    desired: &DesiredListener,
    plan: &mut BindingPlan,
) -> Presence<'a> {
    let mut listeners = observed.listeners.iter();
    match &desired.origin {
        ListenerOrigin::Delegated => {
            let found = listeners.find(|one| one.port == desired.port && one.protocol == desired.protocol);
            plan.pending.delegated += usize::from(found.is_none());
            found.map_or(Presence::Awaited, Presence::Others)
        }
        ListenerOrigin::Existing(id) => match listeners.find(|listener| listener.id == *id) {
            None => {
                plan.problems.push(problem::listener_not_found(
                    id.as_str(),
                    (desired.protocol, desired.port),
                    &observed.listeners,
                ));
                Presence::Blocked
            }
            Some(found) if found.protocol != desired.protocol || found.port != desired.port => {
                plan.problems.push(problem::listener_mismatch(found, desired.protocol, desired.port));
                Presence::Blocked
            }
            Some(found) => match Barred::check(view, snapshot, observed, found) {
                None => Presence::Others(found),
                Some(Barred { problem, is_bound }) => {
                    plan.problems.push(problem);
                    if is_bound { Presence::Others(found) } else { Presence::Blocked }
                }
            },
        },
        ListenerOrigin::Held(id) => match listeners.find(|listener| listener.id == *id) {
            Some(found) if view.has_made(found, snapshot) => Presence::Ours(found),
            Some(found) => Presence::Others(found),
            None => Presence::Blocked,
        },
        ListenerOrigin::Own { .. } => {
            let transport = desired.protocol.transport();
            let on_port = |one: &&Listener| one.port == desired.port && one.protocol.transport() == transport;
            match listeners.find(on_port) {
                None if desired.shape.is_creatable() => Presence::Missing,
                None => Presence::Awaited,
                Some(found) if !view.has_made(found, snapshot) => {
                    plan.problems.push(problem::held_by_foreign(view, desired.protocol, desired.port, found));
                    Presence::Blocked
                }
                Some(found) if found.protocol == desired.protocol => Presence::Ours(found),
                // Ours with another protocol goes first.
                Some(_) => Presence::Awaited,
            }
        }
    }
}

/// Takes listeners that find no room on the load balancer out of those that are to be made.
fn respect_quota(intents: &mut [BindingIntent<'_>], existing: usize, limit: usize) {
    let mut room = limit.saturating_sub(existing);
    for intent in intents {
        for listener in &mut intent.listeners {
            if !matches!(listener.presence, Presence::Missing) {
                continue;
            }
            if room == 0 {
                listener.presence = Presence::Blocked;
                intent.plan.problems.push(problem::listener_quota(limit));
            } else {
                room -= 1;
            }
        }
    }
}

/// The routes of a wanted listener. Whether its other rules are wanted is found out later.
fn find_rules(intent: &mut ListenerIntent<'_>, limit: usize, plan: &mut BindingPlan) {
    let (desired, observed) = (&intent.desired, intent.presence.listener());
    let wish = match desired.origin {
        ListenerOrigin::Held(_) => RouteIntent::Unresolved,
        _ => RouteIntent::Wanted,
    };
    if !desired.protocol.is_layer7() {
        let route = observed.map(|listener| Route { listener: listener.id.clone(), rule: None });
        intent.routes = vec![RouteRow { rule: None, route, intent: wish }];
        return;
    }
    let known = known_rules(observed);
    let row = |(domain, url): (&str, &str)| RouteRow {
        rule: Some((domain.to_owned(), url.to_owned())),
        route: observed
            .zip(known.get(&(domain, url)))
            .map(|(listener, id)| Route { listener: listener.id.clone(), rule: Some((*id).clone()) }),
        intent: wish,
    };
    let keys: Vec<(&str, &str)> = match desired.origin {
        ListenerOrigin::Held(_) => known.keys().copied().collect(),
        _ => desired.shape.rules.iter().map(super::shape::DesiredRule::key).collect(),
    };
    intent.routes = keys.into_iter().map(row).collect();
    let missing = intent.routes.iter().filter(|row| row.route.is_none()).count();
    match (&intent.desired.origin, observed) {
        (ListenerOrigin::Delegated, Some(_)) => plan.pending.delegated += missing,
        (ListenerOrigin::Existing(_), Some(listener)) => {
            let lost = intent.routes.iter().filter(|row| row.route.is_none()).filter_map(|row| row.rule.as_ref());
            plan.problems.extend(lost.map(|(domain, url)| problem::rule_not_found(listener, domain, url)));
        }
        (ListenerOrigin::Own { .. }, Some(listener)) if missing > limit.saturating_sub(listener.rules.len()) => {
            plan.problems.push(problem::rule_quota(listener, limit));
        }
        _ => {}
    }
}

fn known_rules(listener: Option<&Listener>) -> BTreeMap<(&str, &str), &RuleId> {
    let rules = listener.into_iter().flat_map(|listener| &listener.rules);
    rules.map(|rule| ((rule.domain.as_str(), rule.url.as_str()), &rule.id)).collect()
}

/// What is there of the binding and is not in its spec.
fn find_others<'a>(snapshot: &'a Snapshot, observed: &'a Observed, intent: &mut BindingIntent<'a>) {
    let proof = match intent.management {
        Management::Manage => {
            EveryRouteExists::check(intent.completeness, &intent.listeners).map(|witness| Proof::absence(&witness))
        }
        Management::Park(proof) | Management::Release(proof) => Some(proof),
        Management::Observe | Management::Hold | Management::Freeze(_) | Management::Abandon(_) => return,
    };
    let view = intent.view;
    let marked = marked(view, observed);
    let found: BTreeSet<&ListenerId> =
        intent.listeners.iter().filter_map(|one| one.presence.listener()).map(|listener| &listener.id).collect();
    let others: Vec<&Listener> = observed.listeners.iter().filter(|one| !found.contains(&one.id)).collect();
    for one in &mut intent.listeners {
        other_rules(one, proof, &marked);
    }
    for listener in others {
        let holder = if view.has_made(listener, snapshot) { Holder::Ours } else { Holder::Others };
        let has_targets = listener.routes().any(|route| marked.contains(&route));
        if holder == Holder::Others && !has_targets {
            continue;
        }
        let successor = intent.listeners.iter().find(|one| is_successor(&one.desired, listener));
        let proof = match successor.filter(|_| holder == Holder::Ours) {
            Some(one) => Successor::of(intent.completeness, &one.desired).map(|known| Proof::succession(&known)),
            None => proof,
        };
        match proof {
            Some(proof) => {
                let successor = successor.filter(|_| holder == Holder::Ours);
                let note = successor.map(|one| clash::goes_first(listener, &one.desired));
                intent.plan.advice.extend(note.map(problem::listener_replaced));
                intent.leftovers.push(Leftover { listener, holder, proof });
            }
            None => {
                let held = held(intent, snapshot, observed, listener, holder);
                // What only waits for others to be made in this round needs no words.
                let is_blocked =
                    |one: &ListenerIntent<'_>| matches!(one.presence, Presence::Blocked | Presence::Awaited);
                if intent.completeness == Completeness::Partial || intent.listeners.iter().any(is_blocked) {
                    intent.plan.problems.push(problem::route_held(listener));
                }
                if holder == Holder::Ours && intent.is_under_way() {
                    let note = clash::will_leave_first(intent, observed, listener);
                    intent.plan.advice.extend(note.map(problem::listener_replaced));
                }
                intent.listeners.push(held);
            }
        }
    }
}

fn is_successor(desired: &DesiredListener, listener: &Listener) -> bool {
    matches!(desired.origin, ListenerOrigin::Own { .. })
        && desired.port == listener.port
        && desired.protocol != listener.protocol
        && desired.protocol.transport() == listener.protocol.transport()
}

/// Rules of a listener that the spec does not name.
fn other_rules(one: &mut ListenerIntent<'_>, proof: Option<Proof>, marked: &BTreeSet<Route>) {
    let Some(listener) = one.presence.listener().filter(|listener| listener.protocol.is_layer7()) else { return };
    let is_ours = matches!(one.presence, Presence::Ours(_));
    let known: BTreeSet<&Route> = one.routes.iter().filter_map(|row| row.route.as_ref()).collect();
    let other = |rule: &Rule| {
        let route = Route { listener: listener.id.clone(), rule: Some(rule.id.clone()) };
        let concerns_us = is_ours || marked.contains(&route);
        (concerns_us && !known.contains(&route)).then(|| RouteRow {
            rule: Some((rule.domain.clone(), rule.url.clone())),
            route: Some(route),
            intent: proof.map_or(RouteIntent::Unresolved, RouteIntent::Unwanted),
        })
    };
    let others: Vec<_> = listener.rules.iter().filter_map(other).collect();
    one.routes.extend(others);
}

/// A listener that is neither wanted nor proven to be unwanted: what is recorded of it goes on.
fn held<'a>(
    intent: &BindingIntent<'a>,
    snapshot: &'a Snapshot,
    observed: &'a Observed,
    listener: &'a Listener,
    holder: Holder,
) -> ListenerIntent<'a> {
    let resolver = Resolver { view: intent.view, snapshot, load_balancer: Some(&observed.load_balancer) };
    let recorded = row_by_id(intent.view, &listener.id).and_then(|row| resolver.recorded(row));
    let desired = recorded.unwrap_or_else(|| DesiredListener {
        protocol: listener.protocol,
        port: listener.port,
        origin: ListenerOrigin::Held(listener.id.clone()),
        shape: Shape::default(),
        resolution: None,
        endpoints: None,
    });
    let presence = match holder {
        Holder::Ours => Presence::Ours(listener),
        Holder::Others => Presence::Others(listener),
    };
    let row = |route: Route| {
        let rule = listener.rules.iter().find(|rule| Some(&rule.id) == route.rule.as_ref());
        let rule = rule.map(|rule| (rule.domain.clone(), rule.url.clone()));
        RouteRow { rule, route: Some(route), intent: RouteIntent::Unresolved }
    };
    ListenerIntent { desired, presence, routes: listener.routes().map(row).collect() }
}

/// The routes that have a target with the mark of the binding.
pub(super) fn marked(view: &BindingView, observed: &Observed) -> BTreeSet<Route> {
    let is_ours = |tag: &str| TargetTag::parse(tag).is_some_and(|tag| view.is_uid_of_ours(&tag.binding_uid));
    let routes = observed.targets.iter().filter(|(_, all)| all.iter().any(|target| is_ours(&target.tag)));
    routes.map(|(route, _)| route.clone()).collect()
}

impl BindingIntent<'_> {
    /// What is wanted and is not there can be made.
    fn is_under_way(&self) -> bool {
        let is_blocked = |one: &ListenerIntent<'_>| matches!(one.presence, Presence::Blocked);
        self.completeness == Completeness::Whole && !self.listeners.iter().any(is_blocked)
    }
}

impl<'a> BindingIntent<'a> {
    /// What a binding wants, before anything of the cloud was looked at.
    pub(super) fn new(view: &'a BindingView, desired: Desired) -> Self {
        let Desired { management, listeners, completeness, problems, config_problems, bandwidth } = desired;
        let plan = BindingPlan { problems, config_problems, management, ..BindingPlan::default() };
        let listener = |desired| ListenerIntent { desired, presence: Presence::Blocked, routes: Vec::new() };
        let listeners = listeners.into_iter().map(listener).collect();
        Self { view, management, completeness, listeners, leftovers: Vec::new(), bandwidth, plan }
    }
}
