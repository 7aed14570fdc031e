//! A plan being written: what is found about listeners, targets and settings, gathered into steps and into what there is to
//! say of each binding.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::api::condition::ConfigProblem;
use crate::model::{
    Address, Attribute, Class, Listener, ListenerId, LoadBalancerStatus, RegisteredTarget, Route, RuleId,
};
use crate::mutant::{self, Mutant};

use super::adoption::{self, Retag};
use super::backends::{Backends, Place};
use super::config::fit_new;
use super::desired::ListenerOrigin;
use super::floor::HealthSight;
use super::handover::Awaits;
use super::health::{HealthTable, health_table, last_health, listener_sight};
use super::management::{Management, Proof};
use super::resolution;
use super::routes::{BindingIntent, ListenerIntent, Presence, RouteIntent, RouteRow, marked};
use super::scope::{Holder, RouteScope, RouteTargets};
use super::shape::DesiredRule;
use super::siblings::Siblings;
use super::tags::{TagSight, tag_sight};
use super::target::{TargetPlan, targets};
use super::{Ended, NewRule, Observed, Plan, Snapshot, Step, batch, drift, placement, problem};

/// A plan being written.
pub(super) struct PlanBuilder<'a> {
    snapshot: &'a Snapshot,
    observed: &'a Observed,
    health: HealthTable,
    /// By which it is judged who serves, where no read has answered now.
    last_health: Option<HealthTable>,
    tags: TagSight,
    create: Vec<Step>,
    routes: Vec<TargetPlan>,
    retags: Vec<Retag>,
    settings: Vec<Step>,
    delete_rules: Vec<Step>,
    delete: Vec<(ListenerId, Proof)>,
    last: Option<Step>,
}

/// What one binding has on a route.
#[derive(Clone, Copy)]
struct Stake<'i, 'a> {
    listener: Option<(&'i ListenerIntent<'a>, &'i RouteRow)>,
    holder: Holder,
    proof: Option<Proof>,
}

impl Stake<'_, '_> {
    fn place(&self) -> Option<Place> {
        self.listener.map(|(one, _)| (one.desired.protocol, one.desired.port))
    }
}

impl<'a> PlanBuilder<'a> {
    /// Nothing is planned yet.
    pub(super) fn new(snapshot: &'a Snapshot, observed: &'a Observed) -> Self {
        Self {
            snapshot,
            observed,
            health: health_table(observed),
            last_health: observed.health.is_err().then(|| last_health(observed, &snapshot.remembered)),
            tags: tag_sight(snapshot, observed),
            create: Vec::new(),
            routes: Vec::new(),
            retags: Vec::new(),
            settings: Vec::new(),
            delete_rules: Vec::new(),
            delete: Vec::new(),
            last: None,
        }
    }

    /// The plan, its steps in the order in which they are safe.
    pub(super) fn finish(self, intents: Vec<BindingIntent<'_>>) -> Plan {
        let limits = &self.snapshot.limits;
        let sightings = self.routes.iter().flat_map(|route| route.sightings.iter().cloned()).collect();
        let bindings: Vec<_> = intents.into_iter().map(|intent| intent.plan).collect();
        let listeners = listener_sight(self.observed, &bindings);
        if self.observed.load_balancer.status == LoadBalancerStatus::Creating {
            // It takes no writes yet.
            return Plan { bindings, sightings, listeners, ..Plan::default() };
        }
        let mut steps = batch::target_steps(self.routes, limits);
        steps.extend(self.create);
        steps.extend(batch::retag_steps(self.retags, limits));
        steps.extend(self.settings);
        steps.extend(self.delete_rules);
        steps.extend(batch::delete_steps(self.delete, limits));
        steps.extend(self.last);
        Plan { steps, bindings, sightings, listeners, ..Plan::default() }
    }

    /// Whether health was ever read. Where it is not allowed, nobody waits for it.
    fn reads(&self) -> HealthSight {
        match (&self.observed.health, self.snapshot.remembered.health_read) {
            (Err(failure), Ended::No) if failure.class != Class::Denied => HealthSight::NeverRead,
            _ => HealthSight::Read,
        }
    }

    pub(super) fn observed_targets(&self, route: &Route) -> &'a [RegisteredTarget] {
        self.observed.targets.get(route).map_or(&[], Vec::as_slice)
    }

    /// Listeners and rules that do not exist.
    pub(super) fn plan_creation(&mut self, intents: &mut [BindingIntent<'_>]) {
        let family = self.observed.load_balancer.family;
        let mut alike: BTreeMap<_, Vec<(u16, String)>> = BTreeMap::new();
        let mut rules = Vec::new();
        for intent in intents {
            for one in &intent.listeners {
                let ListenerOrigin::Own { name } = &one.desired.origin else { continue };
                match one.presence {
                    Presence::Missing => {
                        let wish = one.desired.shape.listener(None);
                        let kind = (one.desired.protocol, fit_new(one.desired.protocol, family, &wish));
                        alike.entry(kind).or_default().push((one.desired.port, name.clone()));
                        intent.plan.pending.create += 1;
                    }
                    Presence::Ours(listener) => {
                        let new = self.new_rules(one, listener);
                        intent.plan.pending.create_rules += new.pending;
                        rules.extend(new.step);
                    }
                    Presence::Awaited | Presence::Others(_) | Presence::Blocked => {}
                }
            }
        }
        let listeners = alike.into_iter().flat_map(|((protocol, attributes), listeners)| {
            let step = move |part: &[(u16, String)]| Step::CreateListeners {
                protocol,
                attributes: attributes.clone(),
                listeners: part.to_vec(),
            };
            // CreateListener takes fewer than 50 ports.
            listeners.chunks(49).map(step).collect::<Vec<_>>()
        });
        self.create = listeners.chain(rules).collect();
    }

    /// The rules that a listener of ours lacks, as far as there is room and nothing else is waited for.
    fn new_rules(&self, one: &ListenerIntent<'_>, listener: &Listener) -> NewRules {
        let shape = &one.desired.shape;
        let room = self.snapshot.limits.rules_per_listener.saturating_sub(listener.rules.len());
        let is_missing = |rule: &&DesiredRule| {
            one.routes.iter().any(|row| {
                row.route.is_none()
                    && row.rule.as_ref().is_some_and(|(domain, url)| *domain == rule.domain && *url == rule.url)
            })
        };
        let missing: Vec<_> = shape.rules.iter().filter(is_missing).take(room).collect();
        let family = self.observed.load_balancer.family;
        let new_rule = |rule: &&DesiredRule| {
            let mut attributes = shape.domain(&rule.domain, Some(listener));
            attributes.overlay(&fit_new(one.desired.protocol, family, &rule.attributes));
            NewRule { domain: rule.domain.clone(), url: rule.url.clone(), attributes }
        };
        let ready = missing.iter().filter(|rule| shape.is_rule_creatable(&rule.domain, listener));
        let rules: Vec<_> = ready.map(new_rule).collect();
        let step = (!rules.is_empty()).then(|| Step::CreateRules { listener: listener.id.clone(), rules });
        NewRules { pending: missing.len(), step }
    }

    /// Every route that was read, for every binding that wants something there or has something left there.
    pub(super) fn plan_targets(&mut self, intents: &mut [BindingIntent<'a>]) {
        let mut order: Vec<usize> = (0..intents.len()).collect();
        order.sort_by(|a, b| intents[*a].view.seniority().cmp(&intents[*b].view.seniority()));
        let backends = Backends::find(self.snapshot, self.observed, intents);
        let siblings = Siblings::find(intents);
        let mut taken: BTreeMap<Route, BTreeSet<Address>> = BTreeMap::new();
        for index in order {
            let intent = &mut intents[index];
            if matches!(intent.management, Management::Abandon(_)) && !mutant::is(Mutant::RetainDrains) {
                continue;
            }
            let service = resolution::service(intent.view);
            let stakes = self.stakes(intent);
            let mut found = Vec::new();
            for (route, stake) in stakes {
                let Some(observed) = self.observed.targets.get(&route) else { continue };
                let scope = RouteScope {
                    view: intent.view,
                    service: service.as_ref(),
                    route: &route,
                    holder: stake.holder,
                    wants: wants(intent.management, &stake),
                    quota: self.snapshot.limits.targets_per_route,
                    taken: taken.entry(route.clone()).or_default(),
                    is_elsewhere: &|address| stake.place().is_some_and(|place| backends.is_elsewhere(place, address)),
                    is_idle_elsewhere: &|address| stake.place().is_some_and(|place| backends.is_idle(place, address)),
                    awaits: &|address| stake.place().map_or(Awaits::Nobody, |place| backends.awaits(place, address)),
                    siblings: (&siblings, index),
                    tags: self.tags,
                    reads: self.reads(),
                    health: &|address| {
                        let known = self.last_health.as_ref().unwrap_or(&self.health);
                        known.get(&(route.clone(), address)).copied()
                    },
                    remembered: &self.snapshot.remembered,
                    removals: &self.snapshot.removals,
                    now: self.snapshot.now,
                    at: self.snapshot.at,
                };
                let plan = targets(&scope, observed);
                let name = stake.listener.map(|(listener, row)| {
                    listener.desired.route_name(row.rule.as_ref().map(|(domain, url)| (domain.as_str(), url.as_str())))
                });
                taken.entry(route.clone()).or_default().extend(plan.register.iter().map(|one| one.address));
                found.push((route, name, plan));
            }
            for (route, name, mut plan) in found {
                intent.plan.add_targets(name.as_deref(), &route, &mut plan, self.snapshot, intent.view);
                self.routes.push(plan);
            }
        }
        backends.say(self.observed, &self.routes, intents);
    }

    /// The routes on which a binding wants something or has something left, with what it is.
    fn stakes<'i>(&self, intent: &'i BindingIntent<'a>) -> BTreeMap<Route, Stake<'i, 'a>> {
        let mut stakes = BTreeMap::new();
        let marked = marked(intent.view, self.observed);
        for listener in &intent.listeners {
            for row in &listener.routes {
                let Some(route) = &row.route else { continue };
                let proof = match row.intent {
                    RouteIntent::Unwanted(proof) => Some(proof),
                    RouteIntent::Wanted | RouteIntent::Unresolved => None,
                };
                let holder = listener.presence.holder();
                if row.concerns(intent.view, &marked) {
                    stakes.insert(route.clone(), Stake { listener: Some((listener, row)), holder, proof });
                }
            }
        }
        for leftover in &intent.leftovers {
            for route in leftover.listener.routes() {
                let (holder, proof) = (leftover.holder, Some(leftover.proof));
                stakes.insert(route, Stake { listener: None, holder, proof });
            }
        }
        if matches!(intent.management, Management::Freeze(_) | Management::Observe | Management::Abandon(_)) {
            stakes.clear();
            let is_made = |listener: &&Listener| intent.view.has_made(listener, self.snapshot);
            let made = self.observed.listeners.iter().filter(is_made).flat_map(Listener::routes);
            let of_others = marked.into_iter().map(|route| (route, Holder::Others));
            // Where tags are hidden, the listener says whose they are.
            for (route, holder) in of_others.chain(made.map(|route| (route, Holder::Ours))) {
                stakes.insert(route, Stake { listener: None, holder, proof: None });
            }
        }
        stakes
    }

    /// Settings of listeners of ours that are not as wished.
    pub(super) fn plan_settings(&mut self, intents: &mut [BindingIntent<'_>]) {
        for intent in intents {
            let around = drift::Around::of(intent.view, self.observed);
            for one in &intent.listeners {
                let listener = match one.presence {
                    Presence::Ours(listener) => listener,
                    Presence::Others(listener) if mutant::is(Mutant::SettingsOfOthers) => listener,
                    _ => continue,
                };
                if matches!(one.desired.origin, ListenerOrigin::Held(_)) {
                    continue;
                }
                let (steps, problems) = drift::corrections(intent.view, &one.desired, listener, &around);
                intent.plan.config_problems.extend(problems);
                for step in steps {
                    intent.plan.pending.attributes += step.change().map_or(0, |change| change.drift.len());
                    self.settings.push(step);
                }
            }
        }
    }

    /// The bandwidth of the load balancer. Where configs disagree, that of the oldest binding counts.
    pub(super) fn plan_bandwidth(&mut self, intents: &mut [BindingIntent<'_>]) {
        let mut order: Vec<&mut BindingIntent<'_>> =
            intents.iter_mut().filter(|intent| intent.bandwidth.is_some()).collect();
        order.sort_by(|a, b| a.view.seniority().cmp(&b.view.seniority()));
        let Some((first, others)) = order.split_first_mut() else { return };
        let Some(wish) = first.bandwidth else { return };
        let known = &self.observed.load_balancer.attributes;
        if known.number(Attribute::Bandwidth).is_none() {
            let what = "the load balancer is not public, or is paid for with a package, and has no bandwidth to set; remove it";
            for intent in order {
                intent.plan.config_problems.push(drift::bandwidth_problem(ConfigProblem::NotSupported, what));
            }
            return;
        }
        let winner = first.view.display_name();
        for loser in others.iter_mut().filter(|other| other.bandwidth != Some(wish)) {
            let what =
                format!("'{winner}' is older and sets {wish} Mbps for the load balancer that both use; set the same");
            loser.plan.config_problems.push(drift::bandwidth_problem(ConfigProblem::Contradiction, &what));
            let name = loser.view.display_name();
            first.plan.advice.push(problem::contested(&name, "a bandwidth of the load balancer"));
        }
        if let Some(change) = drift::bandwidth(wish, known) {
            first.plan.pending.attributes += change.drift.len();
            self.settings.push(Step::ModifyLoadBalancer(change));
        }
    }

    /// Settings of a load balancer that a binding has created.
    pub(super) fn plan_created(&mut self, intents: &mut [BindingIntent<'_>]) {
        for intent in intents.iter_mut().filter(|intent| intent.management == Management::Manage) {
            if let Some(step) = placement::settings(intent.view, self.observed) {
                intent.plan.pending.attributes += step.change().map_or(0, |change| change.drift.len());
                self.settings.push(step);
            }
        }
    }

    /// How many targets on these routes are the binding's, and how many are not.
    fn count(&self, view: &super::BindingView, routes: impl Iterator<Item = Route>) -> (usize, usize) {
        let is_ours = |target: &&RegisteredTarget| match crate::api::mark::TargetTag::parse(&target.tag) {
            Some(tag) => view.is_uid_of_ours(&tag.binding_uid),
            None => self.tags == TagSight::Hidden && target.tag.is_empty(),
        };
        routes.map(|route| self.observed_targets(&route)).fold((0, 0), |(ours, foreign), targets| {
            let own = targets.iter().filter(is_ours).count();
            (ours + own, foreign + targets.len() - own)
        })
    }

    /// Rules and listeners of ours that nobody wants go once they hold no targets.
    pub(super) fn plan_removal(&mut self, intents: &mut [BindingIntent<'a>]) {
        for intent in intents {
            let mut gone = Vec::new();
            for one in &intent.listeners {
                let Presence::Ours(listener) = one.presence else { continue };
                gone.extend(self.rules_to_delete(intent.view, one, listener, &mut intent.plan));
            }
            self.delete_rules.extend(gone);
            for leftover in intent.leftovers.iter().filter(|leftover| leftover.holder == Holder::Ours) {
                let (ours, foreign) = self.count(intent.view, leftover.listener.routes());
                if foreign > 0 {
                    intent.plan.problems.push(problem::foreign_targets(leftover.listener, None));
                } else if self.snapshot.removals.held().is_some() {
                    intent.plan.withheld.listeners += 1;
                } else {
                    intent.plan.pending.delete += 1;
                    if ours == 0 {
                        self.delete.push((leftover.listener.id.clone(), leftover.proof));
                    }
                }
            }
        }
    }

    fn rules_to_delete(
        &self,
        view: &super::BindingView,
        one: &ListenerIntent<'_>,
        listener: &Listener,
        plan: &mut super::BindingPlan,
    ) -> Option<Step> {
        let mut doomed: Vec<RuleId> = Vec::new();
        let mut reason = None;
        for row in &one.routes {
            let (RouteIntent::Unwanted(proof), Some(route)) = (row.intent, &row.route) else { continue };
            let (ours, foreign) = self.count(view, std::iter::once(route.clone()));
            let rule = listener.rules.iter().find(|rule| Some(&rule.id) == route.rule.as_ref());
            if foreign > 0 {
                plan.problems.push(problem::foreign_targets(listener, rule));
                continue;
            }
            if self.snapshot.removals.held().is_some() {
                plan.withheld.rules += 1;
                continue;
            }
            plan.pending.delete_rules += 1;
            if ours == 0 {
                doomed.extend(route.rule.clone());
                reason = Some(proof);
            }
        }
        let proof = reason?;
        let new_default = new_default(one, listener, &doomed);
        Some(Step::DeleteRules { proof, listener: listener.id.clone(), rules: doomed, new_default })
    }

    /// Targets that carry the mark of a former binding.
    pub(super) fn plan_marks(&mut self, intents: &mut [BindingIntent<'_>]) {
        for intent in intents.iter_mut().filter(|intent| intent.management == Management::Manage) {
            let leaving = self.routes.iter().flat_map(|plan| plan.deregister.iter().chain(&plan.make_room));
            let leaving: HashSet<_> = leaving.map(|removal| (&removal.route, removal.address)).collect();
            let retags = adoption::retags(intent.view, self.snapshot, self.observed, &leaving);
            intent.plan.pending.attributes += retags.len();
            self.retags.extend(retags);
        }
    }

    /// Says of each binding what is the case on its listeners, and what its Pods' gates wait for.
    pub(super) fn judge(&self, intents: &mut [BindingIntent<'_>]) {
        for intent in intents {
            super::judgement::judge(intent, self.snapshot, self.observed, &self.health, self.tags);
        }
    }

    /// A load balancer of ours that goes with its binding.
    pub(super) fn plan_deletion(&mut self, intents: &mut [BindingIntent<'_>]) {
        self.last = placement::delete(self.snapshot, self.observed, intents);
    }
}

struct NewRules {
    pending: usize,
    step: Option<Step>,
}

fn wants<'i>(management: Management, stake: &Stake<'i, '_>) -> RouteTargets<'i> {
    if matches!(management, Management::Freeze(_) | Management::Observe | Management::Abandon(_)) {
        return RouteTargets::Frozen;
    }
    if let Some(proof) = stake.proof {
        return RouteTargets::Unwanted(proof);
    }
    match stake.listener.and_then(|(listener, _)| listener.desired.endpoints.as_ref()) {
        Some(endpoints) => RouteTargets::Wanted(endpoints),
        None => RouteTargets::Unresolved,
    }
}

/// The domain to make the default when these rules go: `None` when the default domain stays, or nothing does.
fn new_default(one: &ListenerIntent<'_>, listener: &Listener, doomed: &[RuleId]) -> Option<String> {
    let shape = &one.desired.shape;
    let (going, staying): (Vec<_>, Vec<_>) = listener.rules.iter().partition(|rule| doomed.contains(&rule.id));
    let default = going.iter().find(|rule| rule.is_default()).map(|rule| &rule.domain)?;
    if staying.iter().any(|rule| rule.domain == *default) {
        return None;
    }
    let domains = || staying.iter().map(|rule| &rule.domain);
    let wished = domains().find(|domain| shape.is_default(domain));
    let wanted = domains().find(|domain| shape.domains.contains_key(*domain));
    wished.or(wanted).or_else(|| domains().next()).cloned()
}
