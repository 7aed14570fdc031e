//! What is the case on the listeners of a binding, what its Pods' gates wait for, and whether it may go.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::api::binding::{GatePolicy, Left, ListenerStatus};
use crate::api::condition::{ExclusionReason, Reason};
use crate::model::{Attributes, ListenerId, ListenerState, ObjectKey, Route};
use crate::mutant::{self, Mutant};

use super::absence::{self, Absence};
use super::deletion::Departure;
use super::desired::{DesiredListener, ListenerOrigin};
use super::flags::Flags;
use super::gate::{Basis, Evidence, GateRow, gates, next_opening, registered, ungated};
use super::health::HealthTable;
use super::management::{Frozen, Management};
use super::resolution::row_of;
use super::routes::{BindingIntent, Leftover, ListenerIntent, Presence, RouteIntent, RouteRow, marked};
use super::scope::Holder;
use super::summary::{Counts, Maker, Release, Sight, tally, unhealthy};
use super::tags::TagSight;
use super::target::KeptTarget;
use super::{
    BindingPlan, BindingView, Cleared, Cloud, ConfigView, ListenerFacts, NoTargets, Observed, Problem, RuleFacts,
    Sighting, Snapshot, drift, ownership, problem, selects,
};

/// How long slices may lag behind before it is said.
const SLICES_LAG: SignedDuration = SignedDuration::from_secs(60);
/// How long nothing may be shown of a thing before it counts as gone, where no task of ours has taken it away.
pub(super) const GONE_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Facts about listeners, verdicts on gates, and whether a binding that is being deleted may go.
pub(super) fn judge(
    intent: &mut BindingIntent<'_>,
    snapshot: &Snapshot,
    observed: &Observed,
    health: &HealthTable,
    tags: TagSight,
) {
    let (view, management) = (intent.view, intent.management);
    let mut sightings = Vec::new();
    let mut facts = Vec::new();
    let mut rows = Vec::new();
    let marked = marked(view, observed);
    for listener in &intent.listeners {
        let own = Judged { view, marked: &marked, snapshot, observed }.rows(listener, &mut sightings);
        facts.push(facts_of(view, listener, (&own, &intent.plan.kept), health));
        rows.extend(own);
    }
    let plan = &mut intent.plan;
    let endpoints = rows.iter().filter_map(|row| row.endpoints);
    plan.exclusions.extend(endpoints.flat_map(|endpoints| &endpoints.exclusions).cloned());
    judge_pods(view, plan, &rows, snapshot, &mut sightings);
    judge_gates(view, plan, management, &Basis::Read(Evidence { rows: &rows, health }), snapshot.now);
    if let Some(service) = super::resolution::service(view).filter(|_| management.is_live()) {
        let ungated = ungated(view, &service);
        plan.ungated = ungated.len();
        let is_wanted = view.binding.spec.readiness_gate.policy != GatePolicy::Disabled;
        plan.advice.extend(is_wanted.then(|| problem::ungated(view, &ungated)).flatten());
    }
    if let ConfigView::Found { config, .. } = &view.config
        && management == Management::Manage
        && plan.pending.awaits_no_setting()
    {
        plan.config_generation = config.object.metadata.generation;
    }
    let counts = Counts::new(&rows, &plan.kept, health);
    plan.unhealthy = unhealthy(view, &rows, health);
    plan.no_targets = no_targets(view, &intent.listeners, &facts);
    drop(rows);
    if management == Management::Observe {
        plan.pending.delegated += counts.desired - counts.registered;
    }
    plan.problems.extend(problems_of_listeners(&intent.listeners, tags));
    plan.sightings.extend(sightings);
    plan.config_problems.sort();
    plan.config_problems.dedup();
    plan.exclusions.sort();
    plan.exclusions.dedup();
    plan.left = left(management, &intent.leftovers, plan.losses.weighted);
    plan.listeners = facts;
    plan.counts = counts;
    plan.tags = tags;
    plan.health_failure = observed.health.as_ref().err().cloned();
    plan.sight = if observed.health.is_ok() { Sight::Whole } else { Sight::WithoutHealth };
    release(intent, snapshot, observed);
}

/// The listeners behind which nobody is to serve.
fn no_targets(view: &BindingView, listeners: &[ListenerIntent<'_>], facts: &[ListenerFacts]) -> Vec<NoTargets> {
    let service = super::resolution::service(view);
    let rows = listeners.iter().zip(facts).filter(|(_, facts)| facts.desired == 0);
    let nobody = |desired: &DesiredListener| {
        problem::no_targets(view, service.as_ref(), &desired.route_name(None), desired.endpoints.as_ref())
    };
    rows.map(|(listener, _)| nobody(&listener.desired)).collect()
}

/// What the binding says of the Pods that wait for their gates.
fn judge_gates(view: &BindingView, plan: &mut BindingPlan, management: Management, basis: &Basis<'_>, now: Timestamp) {
    let Some(service) = super::resolution::service(view) else { return };
    plan.gates = gates(view, &service, management.gates(), basis, now);
    plan.look_by(next_opening(management.gates(), &plan.gates));
}

/// Says which Pods are not waited for, and which ones slices forget.
fn judge_pods(
    view: &BindingView,
    plan: &mut BindingPlan,
    rows: &[GateRow<'_>],
    snapshot: &Snapshot,
    sightings: &mut Vec<Sighting>,
) {
    let endpoints = || rows.iter().filter_map(|row| row.endpoints);
    for row in rows {
        let Some(endpoints) = row.endpoints.filter(|endpoints| endpoints.candidates.is_empty()) else { continue };
        if endpoints.exclusions.iter().any(|excluded| excluded.reason == ExclusionReason::NoPort) {
            let service = super::resolution::service(view);
            let pods = view.pods.values().map(|pod| &**pod);
            let pods = pods.filter(|pod| service.as_ref().is_some_and(|service| selects(service, pod)));
            plan.problems.push(problem::no_pod_port(&row.name, &endpoints.port, pods));
        }
    }
    let late: Vec<_> = endpoints().flat_map(|endpoints| &endpoints.late).map(String::as_str).collect();
    if !late.is_empty() && plan.pending.retained > 0 {
        plan.advice.push(problem::late(late));
    }
    let unnamed = endpoints().flat_map(|endpoints| &endpoints.unnamed).min();
    if let (Some(unnamed), Some(service)) = (unnamed, view.service.as_deref()) {
        let sighting = Sighting::SlicesStale(ObjectKey::clone(&service.key));
        if has_lasted(snapshot, &sighting, SLICES_LAG) {
            plan.problems.push(problem::slices_stale(&service.key, unnamed));
        } else {
            plan.look_by(lasts_until(snapshot, &sighting, SLICES_LAG));
        }
        sightings.push(sighting);
    }
}

/// What a binding that is parked still has; `weighted` of its targets have weight.
fn left(management: Management, leftovers: &[Leftover<'_>], weighted: usize) -> Option<Left> {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let own = leftovers.iter().filter(|leftover| leftover.holder == Holder::Ours);
    matches!(management, Management::Park(_)).then(|| Left { targets: count(weighted), listeners: count(own.count()) })
}

fn problems_of_listeners(listeners: &[ListenerIntent<'_>], tags: TagSight) -> Vec<Problem> {
    let stopped = listeners.iter().filter(|one| state(one) == ListenerState::Stopped);
    let stopped = stopped.filter_map(|one| one.presence.listener()).map(problem::listener_stopped);
    let is_blind_to_tags = tags == TagSight::Hidden && listeners.iter().any(is_shared);
    stopped.chain(is_blind_to_tags.then(problem::tags_not_shown)).collect()
}

/// A listener of somebody else that holds targets of ours.
fn is_shared(one: &ListenerIntent<'_>) -> bool {
    matches!(one.presence, Presence::Others(_)) && !matches!(one.desired.origin, ListenerOrigin::Delegated)
}

pub(super) fn has_lasted(snapshot: &Snapshot, sighting: &Sighting, time: SignedDuration) -> bool {
    mutant::is(Mutant::GoneAtFirstSight)
        || snapshot.remembered.since.get(sighting).is_some_and(|since| since.lasts(snapshot) >= time)
}

/// When something will have been the case for so long.
pub(super) fn lasts_until(snapshot: &Snapshot, sighting: &Sighting, time: SignedDuration) -> Option<Timestamp> {
    let lasts = snapshot.remembered.since.get(sighting).map_or(SignedDuration::ZERO, |since| since.lasts(snapshot));
    snapshot.now.saturating_add(time.saturating_sub(lasts)).ok()
}

fn state(one: &ListenerIntent<'_>) -> ListenerState {
    one.presence.listener().map_or(ListenerState::Serving, |listener| listener.state)
}

/// The settings of the listener or rule that a route stands for.
fn check<'a>(one: &ListenerIntent<'a>, route: Option<&Route>) -> Option<&'a Attributes> {
    let listener = one.presence.listener()?;
    match &route?.rule {
        None => Some(&listener.attributes),
        Some(id) => listener.rules.iter().find(|rule| rule.id == *id).map(|rule| &rule.attributes),
    }
}

/// The routes that are judged: by them facts, counts, gates and traces say how it is with the binding's Pods. They are those on which
/// targets come and go for it, wanted or held.
pub(super) struct Judged<'a> {
    /// The binding.
    pub(super) view: &'a BindingView,
    /// The routes that have a target with its mark.
    pub(super) marked: &'a BTreeSet<Route>,
    /// What the round knows.
    pub(super) snapshot: &'a Snapshot,
    /// What it has read.
    pub(super) observed: &'a Observed,
}

impl Judged<'_> {
    /// One row for each of those of a listener.
    pub(super) fn rows<'i>(&self, of: &'i ListenerIntent<'_>, sightings: &mut Vec<Sighting>) -> Vec<GateRow<'i>> {
        let is_judged =
            |row: &&RouteRow| !matches!(row.intent, RouteIntent::Unwanted(_)) && row.concerns(self.view, self.marked);
        let endpoints = of.desired.endpoints.as_ref();
        let mut rows = Vec::new();
        for row in of.routes.iter().filter(is_judged) {
            let (route, rule) = (row.route.as_ref(), row.rule.as_ref());
            let targets = route.and_then(|route| self.observed.targets.get(route)).map_or(&[][..], Vec::as_slice);
            rows.push(GateRow {
                name: of.desired.route_name(rule.map(|(domain, url)| (domain.as_str(), url.as_str()))),
                rule,
                route,
                intent: row.intent,
                state: state(of),
                check: check(of, route),
                endpoints,
                registered: route
                    .map(|route| registered(route, targets, endpoints, self.snapshot, sightings))
                    .unwrap_or_default(),
            });
        }
        let is_held = matches!(of.desired.origin, ListenerOrigin::Held(_));
        if rows.is_empty() && !(is_held && of.presence.listener().is_some()) {
            // One that does not exist has no routes yet, and is waited for.
            rows.push(GateRow::missing(of));
        }
        rows
    }
}

fn facts_of(
    view: &BindingView,
    intent: &ListenerIntent<'_>,
    (rows, kept): (&[GateRow<'_>], &[KeptTarget]),
    health: &HealthTable,
) -> ListenerFacts {
    let desired = &intent.desired;
    let tallies: Vec<_> = rows.iter().map(|row| tally(row, kept, health)).collect();
    let found = intent.presence.listener();
    let recorded = row_of(view, desired.protocol, desired.port).filter(|row| row.created);
    let maker = match intent.presence {
        Presence::Ours(_) => Maker::Binding,
        // One that a read does not show may still be there.
        Presence::Missing | Presence::Awaited if recorded.is_some() => Maker::Binding,
        _ => Maker::Others,
    };
    let last = recorded.filter(|_| maker == Maker::Binding).and_then(|row: &ListenerStatus| row.listener_id.clone());
    ListenerFacts {
        protocol: desired.protocol,
        port: desired.port,
        id: found.map(|listener| listener.id.clone()).or_else(|| last.map(ListenerId::new)),
        maker,
        service_port: desired.resolution.as_ref().map(|resolution| resolution.port.clone()),
        desired: tallies.iter().map(|(wanted, _)| wanted).sum(),
        healthy: tallies.iter().map(|(_, healthy)| healthy).sum(),
        rules: rules_of(rows, &tallies),
        flags: match intent.presence {
            Presence::Ours(listener) => drift::flags(view, desired, listener),
            _ => Flags::default(),
        },
    }
}

fn rules_of(rows: &[GateRow<'_>], tallies: &[(usize, usize)]) -> Vec<RuleFacts> {
    let mut rules = Vec::new();
    for (row, (desired, healthy)) in rows.iter().zip(tallies) {
        let Some((domain, url)) = row.rule else { continue };
        let id = row.route.and_then(|route| route.rule.clone());
        rules.push(RuleFacts { domain: domain.clone(), url: url.clone(), id, desired: *desired, healthy: *healthy });
    }
    rules
}

/// Whether a binding that is being deleted may go: nothing of it is shown, and that it is gone is proven.
fn release(intent: &mut BindingIntent<'_>, snapshot: &Snapshot, observed: &Observed) {
    let view = intent.view;
    match intent.management {
        Management::Abandon(_) => intent.plan.release = Release::Done,
        Management::Release(_) => {
            if !view.is_submitted() {
                intent.plan.release = Release::Done;
                return;
            }
            let is_left = observed.listeners.iter().any(|listener| view.has_made(listener, snapshot))
                || !marked(view, observed).is_empty();
            if is_left {
                return;
            }
            let sighting = Sighting::NothingShown(view.uid().to_owned());
            if unproven(view, snapshot).is_empty() || has_lasted(snapshot, &sighting, GONE_AFTER) {
                intent.plan.release = Release::Done;
            } else {
                intent.plan.problems.push(problem::not_proven_gone());
                intent.plan.look_by(lasts_until(snapshot, &sighting, GONE_AFTER));
            }
            intent.plan.sightings.push(sighting);
        }
        Management::Manage | Management::Observe | Management::Hold | Management::Freeze(_) | Management::Park(_) => {}
    }
}

/// Recorded listeners on which the binding had something, and from which no task of ours has taken it.
fn unproven(view: &BindingView, snapshot: &Snapshot) -> Vec<ListenerId> {
    let Some(status) = &view.binding.status else { return Vec::new() };
    let had_targets = status.targets.as_ref().is_some_and(|targets| targets.registered > 0 || targets.draining > 0);
    let rows = status.listeners.iter().filter(|row| row.created || had_targets);
    rows.filter_map(|row| Some((row.created, ListenerId::new(row.listener_id.clone()?))))
        .filter(|(is_created, id)| {
            let cleared = |what| snapshot.remembered.cleared.contains(&(what, id.clone()));
            // Of one that it has made, the listener itself goes, too.
            let has_lost_targets = !is_created && cleared(Cleared::TargetsOf(view.uid().to_owned()));
            !cleared(Cleared::Whole) && !has_lost_targets
        })
        .map(|(_, id)| id)
        .collect()
}

/// Why nothing is known of a binding's Pods, for their gates.
fn unread(snapshot: &Snapshot) -> String {
    match &snapshot.cloud {
        Cloud::Missing(_) => format!(
            "load balancer '{}' is not there in region {} ({}); see the binding's condition ResolvedRefs",
            snapshot.load_balancer,
            snapshot.region,
            Reason::LoadBalancerNotFound
        ),
        Cloud::Failed(failure) => {
            format!("its load balancer cannot be read: {} failed: {}", failure.action, failure.code)
        }
        Cloud::Unplaced(_) => "its load balancer is not created yet".to_owned(),
        Cloud::Observed(_) => "its load balancer has not been looked at yet".to_owned(),
    }
}

/// What can be said without a read of the load balancer.
pub(super) fn judge_blind(intent: &mut BindingIntent<'_>, snapshot: &Snapshot) {
    let (view, plan) = (intent.view, &mut intent.plan);
    judge_gates(view, plan, intent.management, &Basis::Nothing(unread(snapshot)), snapshot.now);
    let witnesses = match &snapshot.cloud {
        Cloud::Missing(witnesses) => Some(*witnesses),
        _ => None,
    };
    let is_followed = view.is_deleting() && view.departure == Departure::MadeAgain;
    if witnesses.is_some()
        && (intent.management.is_live() || intent.management == Management::Freeze(Frozen::Undecided))
    {
        let doubt = ownership::standing(&view.binding, &snapshot.caller).doubt();
        plan.problems.push(problem::load_balancer_not_found(
            view,
            &snapshot.load_balancer,
            &snapshot.region,
            doubt.as_deref(),
        ));
    }
    // It goes on to count while the finalizer is taken off.
    let is_counted = is_followed || matches!(intent.management, Management::Release(_));
    let counted = witnesses.filter(|witnesses| is_counted && absence::is_evidence(view, snapshot, *witnesses));
    plan.sightings.extend(counted.map(|_| Sighting::LoadBalancerNotShown));
    match intent.management {
        Management::Abandon(_) => plan.release = Release::Done,
        Management::Release(_) if !view.is_submitted() => plan.release = Release::Done,
        Management::Release(_) => {
            let Some(witnesses) = witnesses else { return };
            match absence::of_load_balancer(view, snapshot, witnesses) {
                Absence::Proven => plan.release = Release::Done,
                Absence::Unproven { doubt, look } => {
                    plan.problems.push(problem::load_balancer_not_shown(&snapshot.load_balancer, doubt.as_deref()));
                    plan.look_by(look);
                }
            }
        }
        Management::Freeze(Frozen::Undecided) => {
            let absence =
                witnesses.filter(|_| is_followed).map(|found| absence::of_load_balancer(view, snapshot, found));
            if let Some(Absence::Unproven { look, .. }) = absence {
                plan.look_by(look);
            }
        }
        Management::Manage | Management::Observe | Management::Hold | Management::Freeze(_) | Management::Park(_) => {}
    }
}
