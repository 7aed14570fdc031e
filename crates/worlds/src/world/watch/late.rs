//! What should not last.

use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use tke_direct_access_core::api::binding::{DrainSpec, ListenerSpec, Mode, NetworkMode, PodLabel};
use tke_direct_access_core::api::condition::Reason;
use tke_direct_access_core::api::mark::{ListenerName, TargetTag};
use tke_direct_access_core::api::{DirectAccessBinding, names};
use tke_direct_access_core::model::{Address as Target, LoadBalancerId, Route};

use super::MEDDLED;
use crate::act::{Act, Dialect};
use crate::check::{Seen, Sentence};
use crate::pod;
use crate::slices::selects;
use crate::world::World;
use crate::world::watch::said_weight;

/// How long something may be late.
const LATE: Duration = Duration::from_secs(60);
/// How long what needs nothing but a look at Kubernetes may be late.
const SOON: Duration = Duration::from_secs(15);
/// How long a Pod that somebody else has taken out may keep its weight: that waits for no health, which may take 10 s to be read.
const OUT: Duration = Duration::from_secs(8);

/// TKE has come to program its Service.
pub(super) fn is_left_to_tke(binding: &DirectAccessBinding) -> bool {
    let mut conditions = binding.status.iter().flat_map(|status| &status.conditions);
    conditions.any(|condition| condition.reason == Reason::ManagedByTke.as_str())
}

/// Its status shows the listener.
fn has_row(binding: &DirectAccessBinding, route: &Route) -> bool {
    let mut rows = binding.status.iter().flat_map(|status| &status.listeners);
    rows.any(|row| row.listener_id.as_deref() == Some(route.listener.as_str()))
}

/// Something that should not last.
struct Late {
    words: String,
    /// For longer than this.
    most: Duration,
    rule: &'static str,
    /// The load balancer on which it is.
    on: Option<LoadBalancerId>,
}

/// The rule of most of it.
const IN_TIME: &str = "who goes is gone in time";
const COMES: &str = "who comes is registered in time";
const WEIGHED: &str = "who says a weight has it in time";
const NOTHING: &str = "who has nothing goes at once";

impl World {
    /// The Service of a binding selects a Pod, or has selected such when it was last there.
    pub(in crate::world) fn is_pod_of(&self, binding: &DirectAccessBinding, found: &core::Pod) -> bool {
        let labels = found.metadata.labels.as_ref();
        match self.objects.services.get(&binding.spec.service_ref.name) {
            Some(service) => selects(service, found),
            None => binding.status.as_ref().is_some_and(|status| {
                let has = |one: &PodLabel| labels.and_then(|all| all.get(&one.key)) == Some(&one.value);
                !status.pod_selector.is_empty() && status.pod_selector.iter().all(has)
            }),
        }
    }

    /// Looks at what should not last, from time to time.
    pub(in crate::world) fn watch_time(&mut self) {
        let now = self.now;
        for binding in self.objects.bindings.values() {
            let uid = binding.metadata.uid.clone().unwrap_or_default();
            let pods = self.objects.pods.values().filter(|found| self.is_pod_of(binding, found));
            let ips: Vec<_> = pods.filter_map(pod::ip).collect();
            self.checks.watch.selected.extend(ips.into_iter().map(|ip| (uid.clone(), ip.to_owned())));
        }
        let late = self.late();
        let excuses: Vec<_> = late.iter().map(|one| self.hindrance(one.on.as_ref())).collect();
        let is_asked = |what: &String| late.iter().zip(&excuses).any(|(one, why)| why.is_none() && one.words == *what);
        self.checks.watch.lasting.retain(|what, _| is_asked(what));
        let in_general = self.hindrance(None);
        for rule in [IN_TIME, COMES, NOTHING].into_iter().filter(|rule| late.iter().all(|one| one.rule != *rule)) {
            self.judge(rule, Sentence::unless(in_general, || None));
        }
        for (one, excuse) in late.into_iter().zip(excuses) {
            let since = if excuse.is_some() { now } else { self.checks.watch.since(one.words.clone(), now) };
            let is_late = now.saturating_sub(since) > one.most;
            self.judge(one.rule, Sentence::unless(excuse, || is_late.then_some(one.words)));
        }
    }

    /// Why something may be late, on a load balancer or anywhere.
    fn hindrance(&self, on: Option<&LoadBalancerId>) -> Option<&'static str> {
        if self.checks.watch.is_hindered(self.now) {
            return Some("a misfortune may make it late");
        }
        let id = on?;
        if self.checks.is_unseen(id, self.now) {
            return Some(MEDDLED);
        }
        self.has_hidden_pods(id).then_some("the cloud's probes miss a Pod")
    }

    /// All that is the case and should not last.
    fn late(&self) -> Vec<Late> {
        let mut late = Vec::new();
        for (id, seen) in &self.checks.seen {
            let mut add = |words, most, rule| late.push(Late { words, most, rule, on: Some(id.clone()) });
            for (route, targets) in &seen.targets {
                for (address, (weight, tag)) in targets.iter().filter(|(_, (weight, _))| *weight > 0) {
                    if let Some((words, most)) = self.should_go(seen, route, (*address, tag)) {
                        let words = format!("{address} on {route:?} has weight {weight}, and {words}");
                        add(words, most, IN_TIME);
                    }
                }
                self.lacks_room(seen, route).into_iter().for_each(|words| add(words, LATE, IN_TIME));
                self.keeps_awaited(seen, route).into_iter().for_each(|words| add(words, LATE, IN_TIME));
                self.is_not_registered(seen, route).into_iter().for_each(|words| add(words, LATE, COMES));
                self.is_weighed_otherwise(seen, route).into_iter().for_each(|words| add(words, LATE, WEIGHED));
            }
        }
        let words = self.has_nothing().into_iter();
        late.extend(words.map(|words| Late { words, most: SOON, rule: NOTHING, on: None }));
        late
    }

    /// A binding that is being deleted and never was to have anything in the cloud.
    fn has_nothing(&self) -> Option<String> {
        let is_it = |binding: &&DirectAccessBinding| {
            let finalizers = binding.metadata.finalizers.as_deref().unwrap_or_default();
            binding.metadata.deletion_timestamp.is_some() && finalizers.iter().all(|one| one == names::FIRST_FINALIZER)
        };
        let found = self.objects.bindings.values().find(is_it)?;
        Some(format!(
            "{} has never had anything, and is still there",
            found.metadata.name.as_deref().unwrap_or_default()
        ))
    }

    /// The Service whose Pods are to be on a route by its binding's own plain wish.
    pub(super) fn followed_on(&self, seen: &Seen, route: &Route) -> Option<&core::Service> {
        let (name, port, protocol) = seen.listeners.get(route.listener.as_str())?;
        let uid = ListenerName::owner(name)?;
        let binding = self.objects.binding_of_uid(uid)?;
        let wish = self.checks.wanted.get(uid)?;
        let is_any_network = binding.spec.network == NetworkMode::Auto;
        let is_direct = binding.spec.mode == Mode::Direct && !binding.spec.suspend && is_any_network;
        let is_named = wish.gone.is_none() && wish.is_wanted(*port, protocol, self.now) && wish.is_steady(self.now);
        if !is_direct || !is_named || route.rule.is_some() || !self.is_plain(binding, (*port, protocol)) {
            return None;
        }
        if is_left_to_tke(binding) && !has_row(binding, route) {
            // Its listener was made in the moment in which TKE came, and is not used.
            return None;
        }
        self.objects.services.get(&binding.spec.service_ref.name)
    }

    /// A Pod of a binding that has been ready for long is not on the binding's own listener, or has no weight there.
    fn is_not_registered(&self, seen: &Seen, route: &Route) -> Option<String> {
        let service = self.followed_on(seen, route)?;
        // Who is to be on a listener that is full is on no other one of the load balancer either.
        if seen.targets.values().any(|targets| targets.len() >= self.quota) {
            return None;
        }
        let (owner, port, protocol) = seen.listeners.get(route.listener.as_str())?;
        // The cloud takes an address on one listener of a protocol only.
        let serves = |ip: &str| {
            seen.targets.iter().any(|(of, targets)| {
                // What somebody else has marked is theirs to weigh.
                let takes = |weight: u8, tag: &str| of != route || weight > 0 || TargetTag::parse(tag).is_none();
                targets.iter().any(|(one, (weight, tag))| one.ip.to_string() == ip && takes(*weight, tag))
            })
        };
        let is_left_out = |(name, found): &(&String, &core::Pod)| {
            let ip = pod::ip(found).unwrap_or_default();
            self.is_wanted(service, name, found)
                && !serves(ip)
                && pod::has_ports(found, service)
                && !self.checks.watch.refused.iter().any(|one| one == ip)
        };
        let (name, _) = self.objects.pods.iter().find(is_left_out)?;
        Some(format!("{name} is ready, and does not serve on {protocol} {port} of {owner}"))
    }

    /// The binding says nothing of weights, and the port of its Service is known.
    fn is_plain(&self, binding: &DirectAccessBinding, (port, protocol): (u16, &str)) -> bool {
        let service = self.objects.services.get(&binding.spec.service_ref.name);
        let is_silent = service.is_some_and(|service| {
            let annotations = service.metadata.annotations.iter().flatten();
            annotations.into_iter().all(|(key, _)| !key.contains("weight"))
        });
        let is_it = |one: &ListenerSpec| one.port == i32::from(port) && one.protocol.as_str() == protocol;
        let is_said = |one: &ListenerSpec| is_it(one) && one.weight > 0 && self.is_port_known(one, service);
        is_silent && (binding.spec.listeners.is_empty() || binding.spec.listeners.iter().any(is_said))
    }

    pub(super) fn is_port_known(&self, listener: &ListenerSpec, service: Option<&core::Service>) -> bool {
        let said = serde_json::to_value(listener).unwrap_or_default()["servicePort"].clone();
        let mut ports = service
            .and_then(|service| service.spec.as_ref())
            .and_then(|spec| spec.ports.as_ref())
            .into_iter()
            .flatten();
        ports.any(|one| said == serde_json::json!(one.name) || said == serde_json::json!(one.port))
    }

    /// Why a target should have no weight, whoever else serves.
    fn should_go(&self, seen: &Seen, route: &Route, (address, tag): (Target, &str)) -> Option<(String, Duration)> {
        let tag_of = TargetTag::parse(tag)?;
        let binding = self.objects.binding_of_uid(&tag_of.binding_uid)?;
        // What is refused for the target itself holds itself up.
        let is_refused = self.checks.watch.refused.contains(&address.ip.to_string());
        if is_refused || binding.spec.drain != DrainSpec::default() || binding.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let listener = seen.listeners.get(route.listener.as_str());
        let is_ours = listener.is_some_and(|(name, ..)| ListenerName::owner(name).is_some());
        let ip = address.ip.to_string();
        let is_anothers = self.objects.pods.values().any(|found| pod::ip(found) == Some(&*ip));
        match self.pod_of(address, tag) {
            // Where tags are hidden, it counts as that of whoever has the address.
            None if is_anothers && self.hides_tags() => None,
            // On somebody else's listener it may be theirs then, and the status asks for its removal by hand.
            None if self.hides_tags() && !is_ours => None,
            // Another Pod answers there, and nobody else does.
            None if is_anothers && !others_take(seen, route, address) => None,
            None => Some(("its Pod is gone".to_owned(), LATE)),
            Some((name, found)) if !pod::is_let_in(found) && !binding.spec.suspend && !self.holds_removals() => {
                Some((format!("somebody else has taken {name} out"), if self.is_slow_by_nature() { LATE } else { OUT }))
            }
            Some((name, found)) if !binding.spec.suspend && self.is_out_by_word(binding, found) => {
                Some((format!("a user has taken {name} out"), if self.is_slow_by_nature() { LATE } else { OUT }))
            }
            Some(_) => None,
        }
    }

    /// The Pod says that it is to get nothing, and the Service of the binding selects it.
    fn is_out_by_word(&self, binding: &DirectAccessBinding, found: &core::Pod) -> bool {
        let service = self.objects.services.get(&binding.spec.service_ref.name);
        binding.parked().is_none()
            && service.is_some_and(|service| selects(service, found))
            && said_weight(found) == Some(Ok(0))
    }

    /// Pods of a binding find no room, where others that are not wanted have it.
    fn lacks_room(&self, seen: &Seen, route: &Route) -> Option<String> {
        let targets = seen.targets.get(route)?;
        let (_, (_, tag)) = targets.iter().next()?;
        if targets.len() < self.quota || self.holds_removals() {
            return None;
        }
        let binding = self.binding_on(seen, route, tag)?;
        let service = self.objects.services.get(&binding.spec.service_ref.name)?;
        let has = |found: &core::Pod| targets.keys().any(|address| Some(&*address.ip.to_string()) == pod::ip(found));
        let serving =
            targets.iter().filter(|(address, (weight, _))| *weight > 0 && seen.takes(route, **address)).count();
        let (mut leaving, mut coming) = (0, 0);
        for (address, (weight, tag)) in targets {
            let Some((name, found)) = self.pod_of(*address, tag) else { continue };
            if selects(service, found) {
                // While those that have come do not serve yet, nobody makes room for more.
                coming += 1;
                if *weight == 0 || !self.is_well(name, found) || !seen.takes(route, *address) {
                    return None;
                }
            } else if serving > 1 || *weight == 0 || !seen.takes(route, *address) {
                // The last one that serves goes for nobody.
                leaving += 1;
            }
        }
        let mut waiting =
            self.objects.pods.iter().filter(|(name, found)| self.is_wanted(service, name, found) && !has(found));
        let (name, _) = waiting.next().filter(|_| leaving > 0)?;
        Some(format!("{name} finds no room on {route:?} beside {coming}, where there are others that are not wanted"))
    }

    /// Tasks of the cloud take long in this story.
    fn is_slow_by_nature(&self) -> bool {
        let is_slow = |act: &Act| matches!(act, Act::Dialect(Dialect::Tasks(_) | Dialect::Tail(_)));
        self.story.acts.iter().any(|(_, act)| is_slow(act))
    }
}

/// Another target of a route takes traffic.
pub(super) fn others_take(seen: &Seen, route: &Route, address: Target) -> bool {
    let mut targets = seen.targets.get(route).into_iter().flat_map(|all| all.keys());
    targets.any(|other| *other != address && seen.takes(route, *other))
}
