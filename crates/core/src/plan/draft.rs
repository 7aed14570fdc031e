//! A plan being written: what is found about listeners, targets and settings, gathered into steps and into what there is to
//! say of each binding.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::api::condition::ConfigProblem;
use crate::api::mark::TargetTag;
use crate::model::{Attribute, ListenerId, LoadBalancerStatus, RegisteredTarget, Route, Rule, RuleId};

use super::desired::{Desired, DesiredListener, Stance};
use super::gate::{HealthTable, RouteRow, gates, health_table, rows_of, ungated, ungated_note};
use super::listener::{Listeners, Present, Resolved};
use super::stand_in::{StandIns, stand_ins};
use super::summary::tally;
use super::target::{TargetPlan, Wanted, targets};
use super::{
    BindingPlan, BindingView, ConfigView, Counts, ListenerFacts, Observed, Plan, Problem, RuleFacts, Snapshot, Step,
    batch, drift, endpoint, placement, problem,
};

/// A plan being written.
pub(super) struct Draft<'a> {
    snapshot: &'a Snapshot,
    observed: &'a Observed,
    health: HealthTable,
    plans: Vec<BindingPlan>,
    create: Vec<Step>,
    routes: Vec<TargetPlan>,
    settings: Vec<Step>,
    delete_rules: Vec<Step>,
    delete: Vec<ListenerId>,
    last: Option<Step>,
}

impl<'a> Draft<'a> {
    /// Nothing is planned yet; `plans` has what is known of each binding before the cloud is looked at.
    pub(super) fn new(snapshot: &'a Snapshot, observed: &'a Observed, plans: Vec<BindingPlan>) -> Self {
        Self {
            snapshot,
            observed,
            health: health_table(observed),
            plans,
            create: Vec::new(),
            routes: Vec::new(),
            settings: Vec::new(),
            delete_rules: Vec::new(),
            delete: Vec::new(),
            last: None,
        }
    }

    /// The plan, its steps in the order in which they are safe.
    pub(super) fn finish(self) -> Plan {
        let limits = &self.snapshot.limits;
        if self.observed.load_balancer.status == LoadBalancerStatus::Creating {
            // It takes no writes yet.
            return Plan { steps: Vec::new(), bindings: self.plans };
        }
        let mut steps = self.create;
        steps.extend(batch::target_steps(self.routes, limits));
        steps.extend(self.settings);
        steps.extend(self.delete_rules);
        steps.extend(batch::delete_steps(self.delete, limits));
        steps.extend(self.last);
        Plan { steps, bindings: self.plans }
    }

    fn observed_targets(&self, route: &Route) -> &'a [RegisteredTarget] {
        self.observed.targets.get(route).map_or(&[], Vec::as_slice)
    }

    /// Listeners and rules that do not exist.
    pub(super) fn plan_creation(&mut self, listeners: &Listeners<'_>) {
        for (binding, problem) in &listeners.problems {
            self.plans[*binding].problems.push(problem.clone());
        }
        for (binding, _) in &listeners.create {
            self.plans[*binding].pending.create += 1;
        }
        for (binding, _, rules) in &listeners.create_rules {
            self.plans[*binding].pending.create_rules += rules.len();
        }
        for binding in &listeners.awaited {
            self.plans[*binding].pending.delegated += 1;
        }
        for binding in &listeners.held_rules {
            self.plans[*binding].pending.create_rules += 1;
        }
        self.create = listeners.create_steps(self.observed.load_balancer.family);
    }

    /// Every route that was read, for every binding that wants something there or has something left there.
    pub(super) fn plan_targets(&mut self, desired: &[Desired], listeners: &Listeners<'_>) {
        let nothing = endpoint::Endpoints::default();
        let mut wanted_at: BTreeMap<&Route, BTreeMap<usize, &Resolved<'_>>> = BTreeMap::new();
        for found in &listeners.resolved {
            wanted_at.entry(&found.route).or_default().insert(found.binding, found);
        }
        let quota = self.snapshot.limits.targets_per_route;
        for (route, observed) in &self.observed.targets {
            let wanting = wanted_at.get(route);
            let mut bindings = self.marked(observed);
            bindings.extend(wanting.into_iter().flat_map(BTreeMap::keys));
            let mut bindings: Vec<usize> = bindings.into_iter().collect();
            bindings.sort_by_key(|binding| self.snapshot.bindings[*binding].seniority());
            let mut taken = BTreeSet::new();
            for binding in bindings {
                let found = wanting.and_then(|wanting| wanting.get(&binding)).copied();
                let endpoints = match (found, desired[binding].stance) {
                    (_, Stance::Abandon | Stance::Observe) => continue,
                    (Some(found), _) => found.desired.endpoints.as_ref(),
                    (None, _) if desired[binding].is_open => None,
                    (None, _) => Some(&nothing),
                };
                let view = &self.snapshot.bindings[binding];
                let stand_ins = match endpoints {
                    Some(endpoints) => {
                        stand_ins(endpoints, (route, observed), view.uid(), &self.health, self.snapshot.now)
                    }
                    None => StandIns::default(),
                };
                self.plans[binding].stand_in(stand_ins.until);
                let plan = targets(&Wanted { view, route, endpoints, quota, taken: &taken, stand_ins }, observed);
                taken.extend(plan.register.iter().map(|registration| registration.address));
                self.plans[binding].add_targets(found, &plan, quota);
                let clash = found.and_then(|found| self.clash(found, &plan, listeners));
                self.plans[binding].problems.extend(clash);
                self.routes.push(plan);
            }
        }
    }

    /// The other wanted listener that has the addresses which are to be registered: the cloud, which tells connections of layer 4
    /// apart by them, refuses that. It is tried all the same, since only the cloud knows its rules.
    fn clash(&self, found: &Resolved<'_>, plan: &TargetPlan, listeners: &Listeners<'_>) -> Option<Problem> {
        let protocol = found.desired.protocol;
        if plan.register.is_empty() || protocol.is_layer7() {
            return None;
        }
        let wanted: HashSet<_> = plan.register.iter().map(|wanted| wanted.address).collect();
        let holds = |other: &&Resolved<'_>| {
            other.desired.protocol == protocol
                && other.route.listener != found.route.listener
                && self.observed_targets(&other.route).iter().any(|target| wanted.contains(&target.address))
        };
        let other = listeners.resolved.iter().find(holds)?;
        Some(problem::clash(&found.desired.route_name(None), &other.desired.route_name(None)))
    }

    /// The bindings that have a target among these.
    fn marked(&self, targets: &[RegisteredTarget]) -> BTreeSet<usize> {
        let uids: BTreeSet<String> =
            targets.iter().filter_map(|target| TargetTag::parse(&target.tag)).map(|tag| tag.binding_uid).collect();
        let is_marked = |(_, view): &(usize, &BindingView)| uids.contains(view.uid());
        self.snapshot.bindings.iter().enumerate().filter(is_marked).map(|(binding, _)| binding).collect()
    }

    /// Settings of listeners of ours that are not as wished.
    pub(super) fn plan_settings(&mut self, listeners: &Listeners<'_>) {
        for present in &listeners.present {
            let view = &self.snapshot.bindings[present.binding];
            let (steps, problems) = drift::corrections(view, present, self.observed.load_balancer.family);
            self.plans[present.binding].config_problems.extend(problems);
            for step in steps {
                self.plan_setting(present.binding, step);
            }
        }
    }

    fn plan_setting(&mut self, binding: usize, step: Step) {
        self.plans[binding].pending.attributes += step.change().map_or(0, |change| change.drift.len());
        self.settings.push(step);
    }

    /// The bandwidth of the load balancer. Where configs disagree, that of the oldest binding counts.
    pub(super) fn plan_bandwidth(&mut self, desired: &[Desired]) {
        let mut order: Vec<usize> =
            (0..desired.len()).filter(|binding| desired[*binding].bandwidth.is_some()).collect();
        order.sort_by(|a, b| self.snapshot.bindings[*a].seniority().cmp(&self.snapshot.bindings[*b].seniority()));
        let Some((&first, others)) = order.split_first() else { return };
        let Some(wish) = desired[first].bandwidth else { return };
        let known = &self.observed.load_balancer.attributes;
        if known.number(Attribute::Bandwidth).is_none() {
            let what = "the load balancer is not public, or is paid for with a package, and has no bandwidth to set; remove it";
            for binding in order {
                self.plans[binding].config_problems.push(drift::bandwidth_problem(ConfigProblem::NotSupported, what));
            }
            return;
        }
        let winner = self.snapshot.bindings[first].display_name();
        for &loser in others.iter().filter(|other| desired[**other].bandwidth != Some(wish)) {
            let what =
                format!("'{winner}' is older and sets {wish} Mbps for the load balancer that both use; set the same");
            self.plans[loser].config_problems.push(drift::bandwidth_problem(ConfigProblem::Contradiction, &what));
            let name = self.snapshot.bindings[loser].display_name();
            self.plans[first]
                .notes
                .push(format!("'{name}' asks for another bandwidth of the load balancer and does not get it"));
        }
        if let Some(change) = drift::bandwidth(wish, known) {
            self.plan_setting(first, Step::ModifyLoadBalancer(change));
        }
    }

    /// Settings of a load balancer that a binding has created.
    pub(super) fn plan_created(&mut self, desired: &[Desired]) {
        for (binding, view) in self.snapshot.bindings.iter().enumerate() {
            if desired[binding].stance != Stance::Manage {
                continue;
            }
            if let Some(step) = placement::settings(view, self.observed) {
                self.plan_setting(binding, step);
            }
        }
    }

    /// A load balancer of ours that goes with its binding.
    pub(super) fn plan_deletion(&mut self) {
        self.last = placement::delete(self.snapshot, self.observed, &mut self.plans);
    }

    /// How many targets on these routes are the binding's, and how many are not.
    fn count(&self, binding: usize, routes: impl Iterator<Item = Route>) -> (usize, usize) {
        let uid = self.snapshot.bindings[binding].uid();
        let is_ours =
            |target: &&RegisteredTarget| TargetTag::parse(&target.tag).is_some_and(|tag| tag.binding_uid == uid);
        routes.map(|route| self.observed_targets(&route)).fold((0, 0), |(ours, foreign), targets| {
            let own = targets.iter().filter(is_ours).count();
            (ours + own, foreign + targets.len() - own)
        })
    }

    /// Rules of ours that nobody wants go once they hold no targets.
    pub(super) fn plan_surplus_rules(&mut self, listeners: &Listeners<'_>) {
        for present in &listeners.present {
            let listener = present.observed;
            let mut doomed: Vec<&Rule> = Vec::new();
            for rule in present.surplus_rules() {
                let route = Route { listener: listener.id.clone(), rule: Some(rule.id.clone()) };
                let (ours, foreign) = self.count(present.binding, [route].into_iter());
                let plan = &mut self.plans[present.binding];
                if foreign > 0 {
                    plan.problems.push(problem::foreign_targets(listener, Some(rule)));
                    continue;
                }
                plan.pending.delete_rules += 1;
                if ours == 0 {
                    doomed.push(rule);
                }
            }
            if !doomed.is_empty() {
                let ids: Vec<RuleId> = doomed.iter().map(|rule| rule.id.clone()).collect();
                let new_default = present.new_default(&ids);
                self.delete_rules.push(Step::DeleteRules { listener: listener.id.clone(), rules: ids, new_default });
            }
        }
    }

    /// Listeners of ours that nobody wants go once they hold no targets.
    pub(super) fn plan_surplus(&mut self, listeners: &Listeners<'_>) {
        for (binding, listener) in &listeners.surplus {
            let (ours, foreign) = self.count(*binding, listener.routes());
            let plan = &mut self.plans[*binding];
            if foreign > 0 {
                plan.problems.push(problem::foreign_targets(listener, None));
            } else {
                plan.pending.delete += 1;
                plan.is_released = false;
                if ours == 0 {
                    self.delete.push(listener.id.clone());
                }
            }
        }
    }

    /// Facts about listeners, and verdicts on gates.
    pub(super) fn judge(&mut self, desired: &[Desired], listeners: &Listeners<'_>) {
        let health = &self.health;
        for (binding, wanted) in desired.iter().enumerate() {
            let view = &self.snapshot.bindings[binding];
            let resolved: Vec<_> = listeners.resolved.iter().filter(|found| found.binding == binding).collect();
            let mut rows = Vec::new();
            let mut facts = Vec::new();
            for listener in &wanted.listeners {
                let own = rows_of(listener, &resolved, &self.observed.targets);
                facts.push(self.facts(view, listener, listeners, &own, health));
                rows.extend(own);
            }
            let plan = &mut self.plans[binding];
            let excluded = rows.iter().filter_map(|row| row.endpoints).flat_map(|endpoints| &endpoints.exclusions);
            plan.exclusions.extend(excluded.cloned());
            if let Some(service) = view.service.as_deref().filter(|_| wanted.stance.is_live()) {
                plan.gates = gates(view, service, &rows, health, self.snapshot.now);
                plan.ungated = ungated(view, service);
                plan.notes.extend(ungated_note(view.binding.spec.readiness_gate.policy, plan.ungated));
            }
            if let ConfigView::Found(config) = &view.config
                && wanted.stance == Stance::Manage
                && plan.pending.awaits_no_setting()
            {
                plan.config_generation = config.metadata.generation;
            }
            let counts = Counts::new(&rows, health);
            if wanted.stance == Stance::Observe {
                plan.pending.delegated += counts.desired - counts.registered;
            }
            plan.conclude(facts, counts, self.observed.health.is_ok());
        }
    }

    fn facts(
        &self,
        view: &BindingView,
        listener: &DesiredListener,
        listeners: &Listeners<'_>,
        rows: &[RouteRow<'_>],
        health: &HealthTable,
    ) -> ListenerFacts {
        let present = listeners.present.iter().find(|present| std::ptr::eq(present.desired, listener));
        let id = present.map(|present| &present.observed.id);
        let id = id.or_else(|| rows.iter().find_map(|row| row.route).map(|route| &route.listener));
        let tallies: Vec<_> = rows.iter().map(|row| tally(row, health)).collect();
        let rule =
            |((rule, row), (desired, healthy)): ((&super::shape::DesiredRule, &RouteRow<'_>), &(usize, usize))| {
                RuleFacts {
                    domain: rule.domain.clone(),
                    url: rule.url.clone(),
                    id: row.route.and_then(|route| route.rule.clone()),
                    desired: *desired,
                    healthy: *healthy,
                }
            };
        ListenerFacts {
            protocol: listener.protocol,
            port: listener.port,
            id: id.cloned(),
            desired: tallies.iter().map(|(desired, _)| desired).sum(),
            healthy: tallies.iter().map(|(_, healthy)| healthy).sum(),
            rules: listener.shape.rules.iter().zip(rows).zip(&tallies).map(rule).collect(),
            written: present.map(|found| drift::written(view, found)).unwrap_or_default(),
        }
    }
}

impl Present<'_> {
    /// The domain to make the default when these rules go: `None` when the default domain stays, or nothing does.
    fn new_default(&self, doomed: &[RuleId]) -> Option<String> {
        let (going, staying): (Vec<_>, Vec<_>) = self.observed.rules.iter().partition(|rule| doomed.contains(&rule.id));
        let default = going.iter().find(|rule| rule.is_default()).map(|rule| &rule.domain)?;
        if staying.iter().any(|rule| rule.domain == *default) {
            return None;
        }
        let is_wanted = |domain: &&String| self.desired.shape.domains.contains_key(*domain);
        let wished = staying.iter().map(|rule| &rule.domain).find(|domain| self.desired.shape.is_default(domain));
        let domains = || staying.iter().map(|rule| &rule.domain);
        wished.or_else(|| domains().find(is_wanted)).or_else(|| domains().next()).cloned()
    }
}
