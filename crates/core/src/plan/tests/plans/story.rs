//! A story: a small world, what happens in it, and every plan until it comes to rest, as text.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::super::world::World;
use crate::model::{Health, ListenerState, Route};
use crate::plan::{BindingPlan, Cloud, Management, Pending, Plan, Record, Release, Step, Verdict};

/// The most rounds in which a world has to come to rest.
const ROUNDS: usize = 20;

/// A world and what was told of it so far.
pub(super) struct Story {
    pub(super) world: World,
    text: String,
    begun: Timestamp,
    notes: Vec<Vec<String>>,
}

impl Story {
    /// A story begins: one sentence of what the world is.
    pub(super) fn of(sentence: &str, world: World) -> Self {
        let begun = world.now;
        Self { world, text: format!("{sentence}\n"), begun, notes: Vec::new() }
    }

    /// A world that has come to rest with all targets healthy; how it came there is not told.
    pub(super) fn at_rest(sentence: &str, mut world: World) -> Self {
        world.converge();
        world.heal();
        world.converge();
        Self::of(sentence, world)
    }

    /// Something happens, and rounds follow until there is nothing to do.
    pub(super) fn then(&mut self, what: &str, change: impl FnOnce(&mut World)) {
        change(&mut self.world);
        let _ = write!(self.text, "\n== +{} s: {what}\n{}", self.passed(self.world.now), seen(&self.world));
        let mut previous = String::new();
        for _ in 0..ROUNDS {
            let plan = self.world.round();
            let told = self.told(&plan);
            if told != previous {
                let _ = write!(self.text, "-- plan\n{told}");
            }
            if is_at_rest(&plan) {
                return;
            }
            previous = told;
        }
        panic!("no rest after {ROUNDS} rounds:\n{}", self.text);
    }

    /// The same, so many seconds later.
    pub(super) fn after(&mut self, seconds: i64, what: &str, change: impl FnOnce(&mut World)) {
        self.world.now += SignedDuration::from_secs(seconds);
        self.then(what, change);
    }

    /// The whole story.
    pub(super) fn text(self) -> String {
        self.text
    }

    fn passed(&self, time: Timestamp) -> i64 {
        time.duration_since(self.begun).as_secs()
    }

    fn told(&mut self, plan: &Plan) -> String {
        let mut text = if plan.steps.is_empty() { "  nothing to do\n".to_owned() } else { String::new() };
        plan.steps.iter().for_each(|step| tell_step(&mut text, step));
        self.notes.resize(plan.bindings.len(), Vec::new());
        for (place, part) in plan.bindings.iter().enumerate() {
            let name = self.world.bindings[place].metadata.name.clone().unwrap_or_default();
            let _ = writeln!(text, "  {name}: {}", management(part.management));
            self.tell_binding(&mut text, part);
            let notes: Vec<_> = part.advice.iter().map(|one| one.message.clone()).collect();
            let is_new = |note: &&String| !self.notes[place].contains(note);
            notes.iter().filter(is_new).for_each(|note| line(&mut text, &format!("note: {note}")));
            self.notes[place] = notes;
        }
        text
    }

    fn tell_binding(&self, text: &mut String, part: &BindingPlan) {
        for problem in &part.problems {
            line(text, &format!("{} {}: {}", problem.condition, problem.reason, problem.message));
        }
        for problem in &part.config_problems {
            line(text, &format!("config {}: {}: {}", problem.entry, problem.reason, problem.message));
        }
        if !part.pending.is_empty() {
            line(text, &format!("pending: {}", pending(&part.pending)));
        }
        for one in &part.draining {
            let since = self.passed(one.since);
            line(text, &format!("draining: {} of {} since +{since} s: {}", one.address, route(&one.route), one.reason));
        }
        if part.record == Record::First {
            line(text, "the start of the drain is recorded first");
        }
        for gate in &part.gates {
            let verdict = match &gate.verdict {
                Verdict::Open(reason) => format!("open, {reason}"),
                Verdict::Wait(reason, message) => format!("waits, {reason}: {message}"),
            };
            line(text, &format!("gate of {}: {verdict}", gate.pod.name));
        }
        if let Management::Release(_) | Management::Abandon(_) = part.management {
            let may = if part.release == Release::Done { "may go" } else { "has to wait" };
            line(text, &format!("the binding {may}"));
        }
        if let Some(time) = part.look_at {
            line(text, &format!("next look at +{} s", self.passed(time)));
        }
    }
}

fn is_at_rest(plan: &Plan) -> bool {
    plan.steps.is_empty() && plan.bindings.iter().all(|part| part.record == Record::Kept)
}

fn line(text: &mut String, what: &str) {
    let _ = writeln!(text, "    {what}");
}

const fn management(management: Management) -> &'static str {
    match management {
        Management::Manage => "managed",
        Management::Observe => "observed",
        Management::Hold => "held",
        Management::Freeze(_) => "frozen",
        Management::Park(_) => "parked",
        Management::Release(_) => "released",
        Management::Abandon(_) => "abandoned",
    }
}

fn tell_step(text: &mut String, step: &Step) {
    let _ = writeln!(text, "  {step}");
    match step {
        Step::Register(all) => all.iter().for_each(|one| line(text, &format!("{}: {one}", route(&one.route)))),
        Step::Reweight(all) => all.iter().for_each(|one| line(text, &format!("{}: {one}", route(&one.route)))),
        Step::Deregister(all) => all.iter().for_each(|one| line(text, &format!("{}: {one}", route(&one.route)))),
        Step::DeleteRules { proof, listener, rules, new_default } => {
            let rules: Vec<_> = rules.iter().map(ToString::to_string).collect();
            line(text, &format!("{listener} {}: {}", rules.join(" "), proof.reason()));
            new_default.iter().for_each(|domain| line(text, &format!("the default becomes {domain}")));
        }
        Step::DeleteListeners(all) => {
            all.iter().for_each(|(id, proof)| line(text, &format!("{id}: {}", proof.reason())));
        }
        _ => {}
    }
}

fn route(route: &Route) -> String {
    let rule = route.rule.as_ref().map(|rule| format!("/{rule}"));
    format!("{}{}", route.listener, rule.unwrap_or_default())
}

fn pending(pending: &Pending) -> String {
    let Pending {
        create,
        create_rules,
        register,
        reweight,
        deregister,
        retained,
        awaited,
        attributes,
        delete_rules,
        delete,
        delegated,
        create_load_balancer,
        delete_load_balancer,
    } = *pending;
    let all = [
        ("create", create),
        ("create rules", create_rules),
        ("register", register),
        ("reweight", reweight),
        ("deregister", deregister),
        ("retained", retained),
        ("awaited", awaited),
        ("attributes", attributes),
        ("delete rules", delete_rules),
        ("delete", delete),
        ("delegated", delegated),
        ("create load balancer", create_load_balancer),
        ("delete load balancer", delete_load_balancer),
    ];
    let some: Vec<_> =
        all.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    some.join(", ")
}

/// What a read of the cloud shows.
fn seen(world: &World) -> String {
    let mut text = String::new();
    match &world.unread {
        Some(Cloud::Missing(witnesses)) => return format!("  seen: no load balancer ({witnesses:?})\n"),
        Some(_) => return "  seen: nothing\n".to_owned(),
        None if world.listeners.is_empty() => text.push_str("  seen: no listener\n"),
        None => {}
    }
    for listener in &world.listeners {
        let state = if listener.state == ListenerState::Stopped { " stopped" } else { "" };
        let place = format!("{} {}/{}{state}", listener.id, listener.port, listener.protocol);
        if listener.protocol.is_layer7() && listener.rules.is_empty() {
            let _ = writeln!(text, "  seen: {place} without rules");
        }
        for found in listener.routes() {
            let rule = listener.rules.iter().find(|rule| Some(&rule.id) == found.rule.as_ref());
            let rule = rule.map(|rule| format!(" {} {}{}", rule.id, rule.domain, rule.url)).unwrap_or_default();
            let _ = writeln!(text, "  seen: {place}{rule}: {}", targets(world, &found));
        }
    }
    text
}

/// The targets of a route, those alike together.
fn targets(world: &World, route: &Route) -> String {
    let mut alike: Vec<(String, Vec<String>)> = Vec::new();
    let mut all: Vec<_> = world.targets.get(route).into_iter().flatten().collect();
    all.sort_by_key(|target| target.address);
    for target in all {
        let health = world.health.get(&target.address).copied().unwrap_or(Health::Unknown);
        let tag = if target.tag.is_empty() { " untagged" } else { "" };
        let kind = format!("weight {} {health:?}{tag}", target.weight);
        match alike.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, addresses)) => addresses.push(target.address.to_string()),
            None => alike.push((kind, vec![target.address.to_string()])),
        }
    }
    let groups: Vec<_> = alike.iter().map(|(kind, addresses)| format!("{kind} {}", addresses.join(" "))).collect();
    if groups.is_empty() { "no targets".to_owned() } else { groups.join("; ") }
}
