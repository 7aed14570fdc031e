//! What there is in the end, as a text that two plays of one story can be compared by: without times, ids, addresses and names that
//! chance decides.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::Value;
use tke_direct_access::sim::PureCloud;
use tke_direct_access_core::api::condition::GateReason;
use tke_direct_access_core::api::mark::{ListenerName, OWNER_TAG, TargetTag};
use tke_direct_access_core::api::{DirectAccessBinding, DirectAccessBindingStatus, names};
use tke_direct_access_core::model::{self, ListenerState, LoadBalancerId, Route};

use super::Sight;
use super::routes::Wanted;
use super::users::Unsaid;
use crate::pod;
use crate::slices;

/// What `DescribeListeners` shows that chance decides, or that is compared otherwise.
const OF_CHANCE: [&str; 5] = ["ListenerId", "ListenerName", "LocationId", "CreateTime", "Rules"];

/// The settings of listeners and rules by id, as the cloud shows them.
pub(crate) type Settings = BTreeMap<String, String>;

/// The settings of all listeners and rules, as a cloud shows them that is as believed, without those that are not said any more.
pub(crate) fn settings(cloud: &PureCloud, unsaid: &Unsaid) -> Settings {
    let state = cloud.state();
    let all = state.load_balancers().flat_map(|one| state.shown(&one.id));
    let mut found = Settings::new();
    for listener in all.filter_map(|one| serde_json::to_value(one).ok()) {
        let mut keep = |key: &str, of: &Value| {
            let (id, mut of) = (of[key].as_str().unwrap_or_default().to_owned(), of.clone());
            unsaid.hide(&id, &mut of);
            if let Some(of) = of.as_object_mut() {
                of.retain(|key, _| !OF_CHANCE.contains(&key.as_str()));
            }
            found.insert(id, of.to_string());
        };
        keep("ListenerId", &listener);
        listener["Rules"].as_array().into_iter().flatten().for_each(|rule| keep("LocationId", rule));
    }
    found
}

/// What there is.
pub(crate) fn digest(sight: &Sight<'_>, settings: &Settings) -> String {
    let words = Words::of(sight);
    let mut lines = Vec::new();
    sight.objects.bindings.values().for_each(|binding| words.binding(binding, &mut lines));
    words.services(&mut lines);
    words.configs(&mut lines);
    words.pods(&mut lines);
    for id in words.load_balancers.keys() {
        words.load_balancer(&LoadBalancerId::new(id.clone()), settings, &mut lines);
    }
    lines.sort();
    lines.join("\n")
}

/// By port that several bindings want: who has it. The first one that has made its listener keeps it, so that this is a matter of time.
pub(crate) fn holders(sight: &Sight<'_>, wanted: &Wanted) -> BTreeMap<String, String> {
    let words = Words::of(sight);
    let mut claims: BTreeMap<(String, u16, bool), BTreeSet<&str>> = BTreeMap::new();
    for binding in sight.objects.bindings.values() {
        let id = binding.status.as_ref().and_then(|status| status.load_balancer.as_ref()).map(|one| &one.id);
        let uid = binding.metadata.uid.as_deref().unwrap_or_default();
        let (Some(id), Some(wish)) = (id, wanted.get(uid)) else { continue };
        for (port, protocol) in &wish.ports {
            let is_datagram = matches!(*protocol, "UDP" | "QUIC");
            claims.entry((id.clone(), *port, is_datagram)).or_default().insert(uid);
        }
    }
    let contested = claims.into_iter().filter(|(_, by)| by.len() > 1);
    let row = |((id, port, is_datagram), _): ((String, u16, bool), BTreeSet<&str>)| {
        let listeners = sight.cloud.state().listeners(&LoadBalancerId::new(id.clone()));
        let transport = if is_datagram { model::Transport::Udp } else { model::Transport::Tcp };
        let found = listeners.iter().find(|one| one.port == port && one.protocol.transport() == transport);
        let holder = found.map_or_else(|| "nobody".to_owned(), |found| words.owner_of(&found.name));
        (format!("{} {port} {transport:?}", words.text(&id)), holder)
    };
    contested.map(row).collect()
}

/// How many Pods of a workload were let in before the binding that selects them was known.
pub(crate) fn unbound(sight: &Sight<'_>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let reason = GateReason::NotBound.to_string();
    let is_it = |found: &&core::Pod| {
        pod::condition(found, names::GATE)
            .is_some_and(|gate| gate.status == "True" && gate.reason.as_ref() == Some(&reason))
    };
    for found in sight.objects.pods.values().filter(is_it) {
        *counts.entry(workload(&found.metadata)).or_default() += 1;
    }
    counts
}

/// How many letters there are in the id that the cloud gives to what it makes, without its prefix.
const MADE_ID: usize = 8;
/// What one is called that was made, and has lost its tag.
const UNMARKED: &str = "a load balancer made for nobody by now";

/// How things are named that have ids and names by chance.
struct Words<'a> {
    sight: &'a Sight<'a>,
    /// By id of a load balancer: what it is called, and its address.
    load_balancers: BTreeMap<String, (String, String)>,
}

impl<'a> Words<'a> {
    fn of(sight: &'a Sight<'a>) -> Self {
        let mut words = Self { sight, load_balancers: BTreeMap::new() };
        for one in sight.cloud.state().load_balancers() {
            let owner = sight.cloud.tag_of(&one.id, OWNER_TAG);
            let name = owner.map(|uid| format!("the load balancer made for {}", words.binding_of(uid)));
            // Somebody has taken the tag off one that was made; no id of those that were there from the beginning is by chance.
            let was_made = |id: &str| id.trim_start_matches("lb-").len() == MADE_ID;
            let other = || if was_made(one.id.as_str()) { UNMARKED.to_owned() } else { one.id.to_string() };
            let name = name.unwrap_or_else(other);
            words.load_balancers.insert(one.id.to_string(), (name, one.vip.to_string()));
        }
        words
    }

    /// A text without ids and addresses of load balancers.
    fn text(&self, text: &str) -> String {
        self.load_balancers.iter().fold(text.to_owned(), |text, (id, (name, address))| {
            text.replace(&format!("\"{address}\""), &format!("\"address of {name}\"")).replace(id, name)
        })
    }

    fn json(&self, of: &impl Serialize) -> String {
        self.text(&serde_json::to_string(of).unwrap_or_default())
    }

    fn binding_of(&self, uid: &str) -> String {
        let found = self.sight.objects.binding_of_uid(uid).and_then(|one| one.metadata.name.clone());
        found.unwrap_or_else(|| "a binding that is gone".to_owned())
    }

    /// Whose a listener of this name is.
    fn owner_of(&self, listener: &str) -> String {
        ListenerName::owner(listener).map_or_else(|| "somebody".to_owned(), |uid| self.binding_of(uid))
    }

    /// For which workload's Pod a target was registered, and by whom.
    fn target_of(&self, tag: &str) -> String {
        let Some(tag) = TargetTag::parse(tag) else { return "somebody's".to_owned() };
        let is_it =
            |found: &&core::Pod| found.metadata.uid.as_deref().is_some_and(|uid| uid.starts_with(&tag.pod_mark));
        let found = self.sight.objects.pods.values().find(is_it);
        let workload = found.map_or_else(|| "a Pod that is gone".to_owned(), |found| workload(&found.metadata));
        format!("{workload} for {}", self.binding_of(&tag.binding_uid))
    }

    fn binding(&self, binding: &DirectAccessBinding, lines: &mut Vec<String>) {
        let name = binding.metadata.name.as_deref().unwrap_or_default();
        let meta = self.meta(&binding.metadata);
        lines.push(format!("binding {name}: {meta} finalizers {:?}", binding.metadata.finalizers.as_deref()));
        lines.push(format!("binding {name}: spec {}", self.json(&binding.spec)));
        let Some(status) = &binding.status else { return };
        let is_current = Some(status.observed_generation) == binding.metadata.generation;
        let load_balancer = status.load_balancer.as_ref().map(|one| {
            let id = self.text(&one.id);
            format!("{id} {:?} created {} asked for {:?}", one.account, one.created, one.requested_time.is_some())
        });
        lines.push(format!("binding {name}: status is current {is_current}, {load_balancer:?}"));
        if binding.parked().is_some() || binding.metadata.deletion_timestamp.is_some() {
            // What one that is parked has is in `left`; the rest is how it was when it was parked, or deleted.
            let conditions = status.conditions.iter();
            lines.extend(conditions.map(|one| format!("binding {name}: {} {} {}", one.type_, one.status, one.reason)));
            return lines.push(format!("binding {name}: parked or deleted, left {}", self.json(&status.left)));
        }
        self.status(name, status, lines);
    }

    fn status(&self, name: &str, status: &DirectAccessBindingStatus, lines: &mut Vec<String>) {
        for one in &status.conditions {
            lines.push(format!("binding {name}: {} {} {}", one.type_, one.status, one.reason));
        }
        for one in &status.listeners {
            let (ports, counts) = ((&one.service_port, &one.target_port), (one.desired, one.healthy));
            let listener = format!("{} {}", one.protocol.as_str(), one.port);
            lines.push(format!("binding {name}: listener {listener} {ports:?} {counts:?} created {}", one.created));
            let rule = |rule: &tke_direct_access_core::api::binding::RuleStatus| {
                format!("binding {name}: rule {listener} {}{} {}/{}", rule.domain, rule.url, rule.healthy, rule.desired)
            };
            lines.extend(one.rules.iter().map(rule));
        }
        let excluded = status.excluded.iter().map(|one| format!("{} {}", one.reason, one.count));
        let advice = status.advice.iter().map(|one| format!("{} {:?}", one.reason, one.count));
        let rest = (excluded.collect::<Vec<_>>(), advice.collect::<Vec<_>>(), &status.removals_held_by);
        lines.push(format!("binding {name}: excluded, advice, hold {rest:?}"));
        let counts = (status.draining.len(), status.held_weights.len(), status.left.is_some());
        lines.push(format!("binding {name}: draining, held weights, left {counts:?}"));
        let is_ready = status.conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True");
        let gates = status.gates.as_ref().filter(|_| is_ready).map(|gates| (gates.waiting, gates.ungated_pods));
        lines.push(format!("binding {name}: targets {} gates {gates:?}", self.json(&status.targets)));
        lines.push(format!("binding {name}: problems {}", self.json(&status.config_problems)));
        lines.push(format!("binding {name}: annotations {}", self.json(&status.annotations)));
    }

    fn meta(&self, meta: &ObjectMeta) -> String {
        let owners = meta.owner_references.iter().flatten().map(|owner| format!("{} {}", owner.kind, owner.name));
        let is_deleted = if meta.deletion_timestamp.is_some() { " is being deleted" } else { "" };
        let mut annotations = meta.annotations.clone().unwrap_or_default();
        // Since when is left out.
        if let Some(mark) = annotations.get_mut(names::PARKED) {
            *mark = mark.split_whitespace().next().unwrap_or_default().to_owned();
        }
        format!("owners {:?}{is_deleted} annotations {}", owners.collect::<Vec<_>>(), self.json(&annotations))
    }

    fn services(&self, lines: &mut Vec<String>) {
        for service in self.sight.objects.services.values() {
            let name = service.metadata.name.as_deref().unwrap_or_default();
            lines.push(format!("Service {name}: {}", self.meta(&service.metadata)));
            let Some(status) = &service.status else { continue };
            let ingress = status.load_balancer.as_ref().and_then(|one| one.ingress.as_ref());
            lines.push(format!("Service {name}: ingress {}", self.json(&ingress.filter(|all| !all.is_empty()))));
            for one in status.conditions.iter().flatten() {
                lines.push(format!("Service {name}: {} {} {}", one.type_, one.status, one.reason));
            }
        }
    }

    fn configs(&self, lines: &mut Vec<String>) {
        for config in self.sight.objects.configs.values() {
            let name = config.metadata.name.as_deref().unwrap_or_default();
            lines.push(format!("config {name}: {}", self.meta(&config.metadata)));
            let spec = config.fields.get("spec").map(Value::to_string);
            lines.push(format!("config {name}: spec {}", self.text(&spec.unwrap_or_default())));
            let Some(status) = config.fields.get("status") else { continue };
            lines.push(format!("config {name}: used by {} problems {}", status["usedBy"], status["problems"]));
            for one in status["conditions"].as_array().into_iter().flatten() {
                lines.push(format!("config {name}: {} {} {}", one["type"], one["status"], one["reason"]));
            }
        }
    }

    /// Where a binding of the Pod's Service is not ready, which of its Pods were let in before is a matter of time.
    fn waits(&self, found: &core::Pod) -> bool {
        let is_ready = |binding: &DirectAccessBinding| {
            let mut conditions = binding.status.iter().flat_map(|status| &status.conditions);
            conditions.any(|one| one.type_ == "Ready" && one.status == "True")
        };
        let selects = |binding: &DirectAccessBinding| {
            let service = self.sight.objects.services.get(&binding.spec.service_ref.name);
            service.is_some_and(|service| slices::selects(service, found))
        };
        self.sight.objects.bindings.values().any(|binding| selects(binding) && !is_ready(binding))
    }

    /// Pods by workload: what a Pod is called, and which version it has, is a matter of time.
    fn pods(&self, lines: &mut Vec<String>) {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for found in self.sight.objects.pods.values() {
            if pod::has_finished(found) {
                *counts.entry(format!("Pods of {} that have finished", workload(&found.metadata))).or_default() += 1;
                continue;
            }
            if self.waits(found) {
                *counts.entry(format!("Pods of {} that may wait", workload(&found.metadata))).or_default() += 1;
                continue;
            }
            let gate = pod::condition(found, names::GATE);
            // One that is open stays as it was opened: by which reason is a matter of time.
            let gate = gate.map(|gate| match &*gate.status {
                "True" => "open",
                _ => gate.reason.as_deref().unwrap_or_default(),
            });
            let is_ready = pod::is_true(found, "Ready");
            let is_ending = found.metadata.deletion_timestamp.is_some();
            let of = workload(&found.metadata);
            *counts.entry(format!("Pods of {of}: ready {is_ready} ending {is_ending} gate {gate:?}")).or_default() += 1;
        }
        lines.extend(counts.into_iter().map(|(what, count)| format!("{what}: {count}")));
    }

    fn load_balancer(&self, id: &LoadBalancerId, settings: &Settings, lines: &mut Vec<String>) {
        let settings = |id: &str| settings.get(id).map(String::as_str).unwrap_or_default();
        let state = self.sight.cloud.state();
        let targets = state.targets(id);
        let name = self.text(id.as_str());
        lines.push(name.clone());
        for listener in state.listeners(id) {
            let whose = self.owner_of(&listener.name);
            let place = format!("{name}: {} {}", listener.protocol, listener.port);
            let stopped = if listener.state == ListenerState::Stopped { " stopped" } else { "" };
            lines.push(format!("{place} of {whose}{stopped} {}", settings(listener.id.as_str())));
            for rule in &listener.rules {
                let route = format!("{place} {}{}", rule.domain, rule.url);
                lines.push(format!("{route} {}", settings(rule.id.as_str())));
            }
            for route in listener.routes() {
                let rule = listener.rules.iter().find(|rule| Some(&rule.id) == route.rule.as_ref());
                let route_name = rule.map(|rule| format!("{}{}", rule.domain, rule.url)).unwrap_or_default();
                for (what, count) in self.targets(id, &targets, &route) {
                    lines.push(format!("{place} {route_name}: {count} targets {what}"));
                }
            }
        }
    }

    fn targets(
        &self,
        id: &LoadBalancerId,
        all: &BTreeMap<Route, Vec<model::RegisteredTarget>>,
        route: &Route,
    ) -> BTreeMap<String, usize> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for target in all.get(route).into_iter().flatten() {
            let (of, port) = (self.target_of(&target.tag), target.address.port);
            let health = self.sight.cloud.state().health_at(id, route, target.address);
            *counts.entry(format!("{of} port {port} weight {} {health:?}", target.weight)).or_default() += 1;
        }
        counts
    }
}

/// The workload of a Pod.
fn workload(meta: &ObjectMeta) -> String {
    let owner = meta.owner_references.iter().flatten().next().map(|owner| owner.name.as_str()).unwrap_or_default();
    owner.rsplit_once('-').map_or(owner, |(name, _)| name).to_owned()
}
