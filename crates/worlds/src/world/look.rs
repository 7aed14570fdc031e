//! The world is looked at after each step.

use std::time::Duration;

use tke_direct_access::clb::Carried;
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::binding::{DeletionPolicy, LastNotReady};
use tke_direct_access_core::api::condition::GateReason;
use tke_direct_access_core::api::mark::{ListenerName, OWNER_TAG, TargetTag};
use tke_direct_access_core::model::{Address as Target, LoadBalancerId, Route};
use tke_direct_access_core::reconcile::{Notice, Write};

use super::watch::{MEDDLED, SLEEP_LEFT, said_weight};
use super::{Address, Telling, World};
use crate::act::Act;
use crate::check::{
    READ, Seen, Sentence, Sight, Violation, digest, emptied, end_faults, holders, marks, routes, settings, summary,
    unbound, users,
};
use crate::pod;

impl World {
    /// A rule was looked at.
    pub(super) fn judge(&mut self, rule: &'static str, sentence: Sentence) {
        if let Some(words) = self.outcome.judged.count(rule, sentence) {
            self.violate(rule, words);
        }
    }

    /// A rule is broken.
    pub(super) fn violate(&mut self, rule: &'static str, words: impl Into<String>) {
        self.outcome.violations.push(Violation { rule, at: self.now, words: words.into() });
    }

    /// A call is about to reach the cloud.
    pub(super) fn before_call(&mut self, from: Address, call: &Carried) {
        if !is_write(call.action) {
            return self.watch_read(call);
        }
        let (now, action) = (self.now, call.action);
        self.watch_call(from, call);
        let writer = (from.replica, from.life, from.term.unwrap_or_default());
        let is_former = self.checks.writers.iter().rev().skip(1).any(|(known, _)| *known == writer);
        match self.checks.writers.last() {
            Some((last, _)) if *last == writer => {}
            _ if is_former => {
                self.violate("no effect without leadership", format!("{writer:?} writes again after others: {action}"));
            }
            _ => self.checks.writers.push((writer, now)),
        }
    }

    /// A call has reached the cloud.
    pub(super) fn after_call(&mut self, _: Address, call: &Carried, reply: Option<&(u16, Vec<u8>)>) {
        let is_refused = reply.is_some_and(|(_, body)| body.windows(9).any(|part| part == br#""Error":{"#));
        if is_write(call.action) {
            let words = || format!("{} {}", call.action, String::from_utf8_lossy(&call.body));
            if is_refused {
                self.checks.hear_refusal(self.now, words);
                self.watch_refusal(call, reply);
            } else {
                self.checks.hear_write(self.now, words);
            }
        }
        if call.action != "CreateLoadBalancer" {
            return;
        }
        let is_new = |id: &&LoadBalancerId| !self.checks.seen.contains_key(*id);
        let new = self.cloud.state().load_balancers().map(|one| &one.id).filter(is_new);
        let made_for: Vec<String> = new.filter_map(|id| self.cloud.tag_of(id, OWNER_TAG).map(str::to_owned)).collect();
        made_for.iter().for_each(|owner| self.watch_creation(owner));
        let mut owners: Vec<String> = self.cloud.tags(OWNER_TAG);
        owners.sort();
        if let Some(pair) = owners.windows(2).find(|pair| pair[0] == pair[1]) {
            let words = format!("two load balancers for the binding {}", pair[0]);
            self.violate("at most one load balancer a wish", words);
        }
    }

    /// A write is about to be taken.
    pub(super) fn before_write(&mut self, from: Address, write: &Write) {
        let now = self.now;
        self.watch_write(from, write);
        self.checks.hear_write(now, || words_of(write));
        match write {
            Write::Gate { pod, uid, condition }
                if condition.is_open && condition.reason == GateReason::BackendReady =>
            {
                self.look_at_gate(&pod.name, uid);
            }
            Write::Finalizers { binding, ours } if ours.is_empty() => {
                let retains = binding.spec.deletion_policy == DeletionPolicy::Retain;
                // The Service has it made again, and what is there goes on.
                let is_made_again = binding.metadata.owner_references.iter().flatten().any(|owner| {
                    self.objects.services.values().any(|one| one.metadata.uid.as_ref() == Some(&owner.uid))
                });
                let uid = binding.metadata.uid.as_deref().unwrap_or_default();
                let mut left = self.left_of(uid);
                let goes_too = binding.spec.deletion_policy == DeletionPolicy::Delete;
                let created = self.cloud.tags(OWNER_TAG).into_iter().filter(|owner| goes_too && owner == uid);
                left.extend(created.map(|_| "the load balancer".to_owned()));
                if !retains && !is_made_again && !left.is_empty() {
                    let name = binding.metadata.name.as_deref().unwrap_or_default();
                    self.violate("a finalizer goes last", format!("{name} has left {left:?}"));
                }
            }
            _ => {}
        }
    }

    /// An Event.
    pub(super) fn told(&mut self, notice: &Notice) {
        let now = self.now;
        let reason = notice.word.reason();
        let about = [&notice.about.kind, &notice.about.name].map(|word| word.as_deref().unwrap_or_default());
        self.checks.users.hear_note(about[0], about[1], &notice.note);
        self.checks.hear_write(now, || format!("Event {reason} {}", notice.note));
        self.say(|| format!("Event {:?} on {:?}: {}", notice.word, notice.about.name, notice.note));
    }

    /// What a binding has in the cloud.
    fn left_of(&self, uid: &str) -> Vec<String> {
        let mut left = Vec::new();
        for seen in self.checks.seen.values() {
            let ours = |(_, (name, port, _)): (&String, &(String, u16, &str))| {
                (ListenerName::owner(name) == Some(uid)).then(|| format!("listener {port}"))
            };
            left.extend(seen.listeners.iter().filter_map(ours));
            for (route, targets) in &seen.targets {
                // Where the cloud shows no tags, what is on a listener of somebody else is nobody's, as the status says.
                let listener = seen.listeners.get(route.listener.as_str());
                if self.hides_tags() && listener.is_none_or(|(name, ..)| ListenerName::owner(name).is_none()) {
                    continue;
                }
                let ours = targets
                    .iter()
                    .filter(|(_, (_, tag))| TargetTag::parse(tag).is_some_and(|tag| tag.binding_uid == uid));
                left.extend(ours.map(|(address, _)| format!("target {address}")));
            }
        }
        left
    }

    /// Looks at what has changed in the cloud.
    pub(super) fn look(&mut self) {
        routes::update(&mut self.checks.wanted, &self.objects, self.now);
        self.watch_objects();
        let is_console = std::mem::take(&mut self.checks.console);
        for id in self.cloud.take_changed() {
            let after = Seen::of(&self.cloud, &id);
            let before = match &after {
                Some(after) => self.checks.seen.insert(id.clone(), after.clone()),
                None => self.checks.seen.remove(&id),
            };
            let is_gone = after.is_none();
            let after = after.unwrap_or_default();
            let objects = &self.objects;
            let service = |uid: &str| objects.binding_of_uid(uid).and_then(service_of).unwrap_or_default();
            self.checks.watch.see(before.as_ref(), &after, self.now, service);
            for (route, targets) in &after.targets {
                let well = targets.iter().filter(|(address, _)| after.well.contains(&(route.clone(), **address)));
                let well = well.map(|(address, (_, tag))| (route.clone(), *address, tag.clone()));
                self.checks.was_well.extend(well);
            }
            let watch = &self.checks.watch;
            let is_made = |id: &str| watch.makers.contains_key(id);
            let is_known = |route: &Route, address, tag: &str| watch.pods.may_count_as_ours((route, address, tag));
            let strangers = marks::Strangers::of(&self.cloud, (&id, &after), self.hides_tags(), is_made, is_known);
            let known = self.checks.foreign.insert(id.clone(), strangers.clone());
            if is_console {
                self.checks.meddled.insert(id.clone(), self.now);
            }
            let Some(before) = before.filter(|_| !is_console) else { continue };
            let is_wanted = |address: Target| self.is_of_a_pod(address);
            let lost =
                known.map(|known| known.lost(&strangers, &after, is_wanted, |key| self.is_setting_asked_for(key)));
            let lost = lost.unwrap_or_default();
            if is_gone && before.owner.is_none() && !self.checks.is_unseen(&id, self.now) {
                self.violate("nothing foreign is touched", format!("{id} is gone, and was made for nobody"));
            }
            if !lost.is_empty() {
                self.violate("nothing foreign is touched", format!("{id}: {lost:?}"));
            }
            if before == after {
                continue;
            }
            self.look_at_removals(&id, &before, &after);
            self.look_at_floor(&id, &before, &after);
            self.watch_change(&id, &before, &after);
        }
    }

    /// The address is that of a Pod.
    fn is_of_a_pod(&self, address: Target) -> bool {
        let ip = address.ip.to_string();
        self.objects.pods.values().any(|found| pod::ip(found) == Some(&*ip))
    }

    /// Somebody has asked for a setting of load balancers by this name, if only once: the bandwidth, which configs have. What is not asked
    /// for any more stays.
    fn is_setting_asked_for(&self, key: &str) -> bool {
        let asks = |act: &Act| match act {
            Act::Config { spec, .. } => spec.to_string().contains("internetMaxBandwidthOut"),
            _ => false,
        };
        let begun = self.story.acts.iter().filter(|(at, _)| Duration::from_millis(*at) <= self.now);
        key == "NetworkAttributes" && begun.into_iter().any(|(_, act)| asks(act))
    }

    /// The Pod at this address has stopped to serve, and nobody can know it yet: neither the cloud's probes nor Kubernetes say so, or the
    /// cloud does not tell.
    fn has_just_stopped(&self, ip: &str) -> bool {
        let now = self.now;
        let mut pods = self.objects.pods.iter().filter(|(_, found)| pod::ip(found) == Some(ip));
        pods.any(|(name, _)| {
            let is_off = self.cluster.is_off_since(name, now);
            is_off.is_some_and(|time| time < NOTICED || self.checks.watch.is_unread(now))
                || self.cluster.is_unready_since(name, now).is_some_and(|time| time < READ)
        })
    }

    fn look_at_removals(&mut self, id: &LoadBalancerId, before: &Seen, after: &Seen) {
        let gone = before.listeners.iter().filter(|(key, _)| !after.listeners.contains_key(*key));
        let has = |uid: &str, port: u16, protocol: &str| {
            // One that is named by its id is somebody else's.
            let is_named = |id: &str| {
                let spec = self.objects.binding_of_uid(uid).map(|binding| &binding.spec);
                let mut listeners = spec.into_iter().flat_map(|spec| &spec.listeners);
                listeners.any(|one| one.listener_id.as_deref() == Some(id))
            };
            let is_it = |(id, (name, found, of)): (&String, &(String, u16, &'static str))| {
                *found == port && *of == protocol && (ListenerName::owner(name) == Some(uid) || is_named(id))
            };
            before.listeners.iter().any(is_it)
        };
        let mut found = Vec::new();
        for (key, (name, port, protocol)) in gone {
            let Some(uid) = ListenerName::owner(name) else { continue };
            let Some(wish) = self.checks.wanted.get(uid) else { continue };
            if wish.is_wanted(*port, protocol, self.now) || wish.retains && wish.gone.is_some() {
                found.push(format!("{id}: the listener {protocol} {port} of {name} is gone, and is wanted"));
            }
            // A listener that is not wanted any more goes when all that are wanted are there; another protocol of a port has to wait for it.
            let is_kept = wish.gone.is_none() && !wish.ports.contains(&(*port, protocol));
            // Of another protocol, it is not the one that is asked for.
            let is_another = before.listeners.values().any(|(_, of, other)| of == port && other != protocol);
            if wish.gone.is_some()
                && !is_another
                && self.checks.watch.makers.get(key).is_some_and(|(_, service)| self.is_asked_by(service, *port))
            {
                found.push(format!(
                    "{id}: the listener {protocol} {port} of {name} is gone, and its Service asks for it"
                ));
            }
            if self.lacks_certificate(uid, *port, protocol) {
                found.push(format!(
                    "{id}: the listener {protocol} {port} of {name} is gone, and its successor has no certificate"
                ));
            }
            let missing: Vec<_> =
                wish.ports.iter().filter(|(wanted, of)| *wanted != *port && !has(uid, *wanted, of)).collect();
            let is_known = wish.is_steady_for(self.now, SECONDS) || wish.has_ended_last((*port, protocol), SECONDS);
            let is_seen = !self.checks.is_unseen(id, self.now);
            if is_kept && is_known && is_seen && !missing.is_empty() {
                found.push(format!(
                    "{id}: the listener {protocol} {port} of {name} is gone before {missing:?} is there"
                ));
            }
        }
        found.into_iter().for_each(|words| self.violate("a listener goes on proof", words));
    }

    fn look_at_floor(&mut self, id: &LoadBalancerId, before: &Seen, after: &Seen) {
        // Who read the targets before somebody took away who was to serve on knew nothing of it.
        if self.checks.is_unseen(id, self.now) {
            return self.judge(LAST, Sentence::Excused(MEDDLED));
        }
        let found = emptied(
            before,
            after,
            self.hides_tags(),
            |address, tag| {
                let mark = TargetTag::parse(tag).map(|tag| tag.pod_mark);
                let found = self.serving_pod(&address.ip.to_string());
                // One that another controller has taken out goes whoever serves.
                found.is_some_and(|(_, found)| {
                    let uid = found.metadata.uid.as_deref().unwrap_or_default();
                    pod::is_let_in(found) && mark.is_none_or(|mark| uid.starts_with(&mark))
                })
            },
            |address| {
                let ip = address.ip.to_string();
                self.has_just_stopped(&ip) || self.has_just_been_stopped(&ip)
            },
        );
        let mut sentences = Vec::new();
        for one in found {
            let (name, port, protocol) = &one.listener;
            // A listener that is not ours may have targets of several bindings.
            let owner = ListenerName::owner(name).map(str::to_owned);
            let owner = owner.or_else(|| one.left.iter().find_map(|(_, tag)| Some(TargetTag::parse(tag)?.binding_uid)));
            let Some(wish) = owner.as_ref().and_then(|uid| self.checks.wanted.get(uid)) else { continue };
            let follows = owner.as_deref().and_then(|uid| self.objects.binding_of_uid(uid)).is_some_and(|binding| {
                let is_out = binding.spec.listeners.iter().any(|one| one.port == i32::from(*port) && one.weight == 0);
                is_out || binding.spec.drain.last_not_ready == LastNotReady::Follow
            });
            let is_asked = one.left.iter().all(|(address, _)| self.is_taken_out(*address));
            let is_unread = self.has_read_no_health(id) || self.checks.watch.is_unread(self.now);
            if is_unread && one.left.iter().all(|(address, _)| self.ends_soon(*address)) {
                // Who knows no health takes anybody who lives for better than who ends.
                sentences.push(Sentence::Excused("health is not read"));
                continue;
            }
            let is_rule_wanted = one.rule.as_ref().is_none_or(|rule| wish.is_rule_wanted(*port, rule, self.now));
            if follows || is_asked || !wish.is_wanted(*port, protocol, self.now) || !is_rule_wanted {
                continue;
            }
            let left: Vec<_> = one.left.iter().map(|(address, _)| address.to_string()).collect();
            let targets = after.targets.get(&one.route);
            let words = format!("{id}: nobody serves on {protocol} {port}: {left:?} left, and there are {targets:?}");
            sentences.push(Sentence::Broken(words));
        }
        if sentences.is_empty() {
            sentences.push(Sentence::Holds);
        }
        sentences.into_iter().for_each(|sentence| self.judge(LAST, sentence));
    }

    /// Who has written last has not read the health of the load balancer's targets.
    fn has_read_no_health(&self, id: &LoadBalancerId) -> bool {
        let writer = self.checks.writers.last().map(|(writer, _)| (*writer, id.to_string()));
        writer.is_none_or(|writer| !self.checks.watch.health_read.contains(&writer))
    }

    /// The Pod at this address is being deleted, and the end of its preStop sleep is near.
    fn ends_soon(&self, address: Target) -> bool {
        let ip = address.ip.to_string();
        self.objects.pods.iter().any(|(name, found)| {
            pod::ip(found) == Some(&*ip)
                && found.metadata.deletion_timestamp.is_some()
                && !self.cluster.serves(name, self.now + SLEEP_LEFT)
        })
    }

    /// A user takes the Pod at this address out, by its weight, or has just done so.
    fn is_taken_out(&self, address: Target) -> bool {
        let ip = address.ip.to_string();
        let mut pods = self.objects.pods.iter().filter(|(_, found)| pod::ip(found) == Some(&*ip));
        pods.any(|(name, found)| said_weight(found) == Some(Ok(0)) || self.has_just_been_out(name))
    }

    /// Looks at what there is before an act, where it is asked for.
    pub(super) fn look_before_act(&mut self) {
        if self.telling == Telling::On {
            self.outcome.before.push(summary(&self.objects, self.cloud.state()));
        }
    }

    /// Looks at what has come about.
    pub(super) fn look_at_the_end(&mut self) {
        let sight = Sight { objects: &self.objects, cluster: &self.cluster, cloud: &self.cloud, now: self.now };
        let mut faults = end_faults(&sight, &self.checks.wanted);
        faults.extend(users::faults(&sight, &self.checks.users));
        let configs = self.story.acts.iter().filter_map(|(_, act)| match act {
            Act::Config { spec, .. } => Some(spec),
            _ => None,
        });
        let unsaid = users::Unsaid::of(&sight, configs);
        self.outcome.end = digest(&sight, &settings(&self.cloud, &unsaid));
        self.outcome.holders = holders(&sight, &self.checks.wanted);
        self.outcome.unbound = unbound(&sight);
        self.outcome.in_rollout = self.cluster.in_rollout().into_iter().map(str::to_owned).collect();
        self.outcome.summary = summary(&self.objects, self.cloud.state());
        self.watch_the_end();
        let restless = std::mem::take(&mut self.checks.restless);
        for (rule, words) in faults {
            self.violate(rule, words);
        }
        if !restless.is_empty() {
            self.violate("nothing is written at rest", format!("{restless:#?}"));
        }
    }
}

/// The rule that somebody serves on.
const LAST: &str = "never the last";
/// By then the cloud's probes have found out that a target is gone.
pub(super) const NOTICED: Duration = Duration::from_secs(25);
/// What is written is known everywhere after so long.
const SECONDS: Duration = Duration::from_secs(20);

/// The UID of the Service that a binding was made for; `None` where somebody has made it by hand.
pub(super) fn service_of(binding: &DirectAccessBinding) -> Option<String> {
    let mut owners = binding.metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.kind == "Service").map(|owner| owner.uid.clone())
}

/// Whether an action changes something.
pub(super) fn is_write(action: &str) -> bool {
    !action.starts_with("Describe") && !action.starts_with("Get")
}

pub(super) fn words_of(write: &Write) -> String {
    let mut words = match write {
        Write::Status { binding, status } => {
            let conditions = status.conditions.iter();
            let conditions =
                conditions.map(|one| format!("{}={} {}: {}", one.type_, one.status, one.reason, one.message));
            let name = binding.metadata.name.as_deref().unwrap_or_default();
            format!("status of {name}: {}", conditions.collect::<Vec<_>>().join("; "))
        }
        Write::Finalizers { binding, ours } => {
            format!("finalizers of {}: {ours:?}", binding.metadata.name.as_deref().unwrap_or_default())
        }
        Write::ServiceConditions { service, condition, bound_by_hand } => {
            format!("conditions of Service {}: {condition:?} {bound_by_hand:?}", service.key)
        }
        Write::NewBinding(new) => format!("new binding of Service {}", new.service().key),
        Write::OwnBinding { service, .. } => format!("binding of Service {}", service.key),
        other => format!("{other:?}"),
    };
    words.truncate(words.floor_char_boundary(1500));
    words
}
