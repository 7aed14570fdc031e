//! Each word of a binding is in force, or its conditions say why not.

use k8s_openapi::api::core::v1::ServicePort;
use serde_json::{Value, json};
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::mark::TargetTag;

use super::{Sight, shown};

/// Where a word of a binding is seen.
#[derive(Clone, Copy)]
enum Seen {
    /// Here, by this look.
    By(fn(&Look<'_>, &Value, &Value) -> bool),
    /// In this member of the load balancer that is created, in the cloud's words.
    Created(&'static str),
    /// Only in how something goes on: another check looks at it, which this names.
    Elsewhere,
}
use Seen::{By, Created, Elsewhere};

/// Each word, by its path in the spec.
const WORDS: &[(&str, Seen)] = &[
    ("serviceRef.name", By(|look, name, _| look.sight.objects.services.contains_key(text(name)))),
    ("serviceConfigRef.name", By(|look, name, _| look.sight.objects.configs.contains_key(text(name)))),
    ("autoServiceConfig", By(|look, value, item| look.has_auto_config(value, item))),
    ("loadBalancer.id", By(|look, id, _| look.load_balancer["LoadBalancerId"] == *id)),
    ("loadBalancer.region", By(|_, region, _| text(region) == crate::replica::REGION)),
    ("listeners[].port", By(|look, _, item| look.listener(item).is_some())),
    ("listeners[].protocol", By(|look, _, item| look.listener(item).is_some())),
    ("listeners[].servicePort", By(|look, value, item| look.has_service_port(value, item))),
    ("listeners[].listenerId", By(|look, value, item| look.has_listener_id(value, item))),
    ("listeners[].certificate.id", By(|look, value, item| look.has_certificate(value, item))),
    // There are no Secrets in the world.
    ("listeners[].certificate.secretName", By(|_, _, _| false)),
    ("listeners[].rules[].domain", By(|look, value, item| look.has_rules(value, item))),
    ("listeners[].rules[].url", By(|look, value, item| look.has_rules(value, item))),
    ("listeners[].rules[].certificate.id", By(|look, value, item| look.has_certificate(value, item))),
    ("listeners[].rules[].certificate.secretName", By(|_, _, _| false)),
    // Others use it, and there is one namespace in the world.
    ("listeners[].sharedWith[]", Elsewhere),
    ("listeners[].weight", By(|look, value, item| look.has_weight(value, item))),
    ("loadBalancer.create.name", Created("/LoadBalancerName")),
    ("loadBalancer.create.network", Created("/LoadBalancerType")),
    ("loadBalancer.create.vpcId", Created("/VpcId")),
    ("loadBalancer.create.subnetId", Created("/SubnetId")),
    ("loadBalancer.create.vip", Elsewhere),
    (
        "loadBalancer.create.dynamicVip",
        By(|look, value, _| look.is_among("/AttributeFlags", &json!("IsDomainCLB")) == (*value == true)),
    ),
    ("loadBalancer.create.ipVersion", Elsewhere),
    ("loadBalancer.create.chargeType", Created("/NetworkAttributes/InternetChargeType")),
    ("loadBalancer.create.bandwidthMbps", Created("/NetworkAttributes/InternetMaxBandwidthOut")),
    ("loadBalancer.create.bandwidthPackageId", Elsewhere),
    ("loadBalancer.create.isp", Created("/VipIsp")),
    ("loadBalancer.create.zoneId", Elsewhere),
    ("loadBalancer.create.masterZoneId", Elsewhere),
    ("loadBalancer.create.slaveZoneId", Elsewhere),
    ("loadBalancer.create.slaType", Created("/SlaType")),
    ("loadBalancer.create.snatPro", Created("/SnatPro")),
    ("loadBalancer.create.passToTarget", Created("/LoadBalancerPassToTarget")),
    ("loadBalancer.create.securityGroups[]", By(|look, id, _| look.is_among("/SecureGroups", id))),
    ("loadBalancer.create.tags[].key", Elsewhere),
    ("loadBalancer.create.tags[].value", Elsewhere),
    // "never the last", "gates open in the end", "a finalizer goes last", and what is Ready look at these.
    ("mode", Elsewhere),
    ("network", Elsewhere),
    ("readinessGate.policy", Elsewhere),
    ("readinessGate.timeoutSeconds", Elsewhere),
    ("drain.terminating", Elsewhere),
    ("drain.notReady", Elsewhere),
    ("drain.lastNotReady", Elsewhere),
    ("drain.timeoutSeconds", Elsewhere),
    ("deletionPolicy", Elsewhere),
    ("suspend", Elsewhere),
];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What is looked at.
struct Look<'a> {
    sight: &'a Sight<'a>,
    binding: &'a DirectAccessBinding,
    load_balancer: Value,
    listeners: Vec<Value>,
}

impl Look<'_> {
    /// The listener of an item of `listeners`, as the cloud shows it.
    fn listener(&self, item: &Value) -> Option<&Value> {
        let is_it = |one: &&Value| one["Protocol"] == item["protocol"] && one["Port"] == item["port"];
        self.listeners.iter().find(is_it)
    }

    fn has_auto_config(&self, value: &Value, _: &Value) -> bool {
        let name = self.binding.metadata.name.as_deref().unwrap_or_default();
        let auto = tke_direct_access_core::api::names::auto_config_name(name);
        value != &json!(true) || self.sight.objects.configs.contains_key(&auto)
    }

    fn has_service_port(&self, value: &Value, _: &Value) -> bool {
        let service = self.sight.objects.services.get(&self.binding.spec.service_ref.name);
        let ports = service.and_then(|service| service.spec.as_ref()?.ports.as_ref());
        let is_it = |port: &ServicePort| json!(port.name) == *value || json!(port.port) == *value;
        ports.is_some_and(|ports| ports.iter().any(is_it))
    }

    fn has_listener_id(&self, value: &Value, _: &Value) -> bool {
        let all = self.sight.cloud.state().load_balancers().flat_map(|one| &one.listeners);
        all.into_iter().any(|one| one.id.as_str() == text(value))
    }

    fn has_certificate(&self, value: &Value, item: &Value) -> bool {
        let Some(listener) = self.listener(item) else { return false };
        let rules = listener["Rules"].as_array().into_iter().flatten();
        rules.chain([listener]).any(|one| one["Certificate"]["CertId"] == *value)
    }

    /// Each rule of the listener is there.
    fn has_rules(&self, _: &Value, item: &Value) -> bool {
        let Some(listener) = self.listener(item) else { return false };
        let found = listener["Rules"].as_array().cloned().unwrap_or_default();
        let is_there = |rule: &Value| {
            let is_it = |one: &Value| {
                one["Url"] == rule["url"] && (text(&rule["domain"]).is_empty() || one["Domain"] == rule["domain"])
            };
            found.iter().any(is_it)
        };
        item["rules"].as_array().into_iter().flatten().all(is_there)
    }

    /// What takes traffic there has this weight, except what somebody else has registered.
    fn has_weight(&self, value: &Value, item: &Value) -> bool {
        let Some(listener) = self.listener(item) else { return false };
        let state = self.sight.cloud.state();
        let id = tke_direct_access_core::model::LoadBalancerId::new(text(&self.load_balancer["LoadBalancerId"]));
        let all = state.targets(&id);
        let own = all.iter().filter(|(route, _)| route.listener.as_str() == text(&listener["ListenerId"]));
        // What a Pod says of itself counts more.
        let mut pods = self.sight.objects.pods.values();
        let has_own = pods.any(|found| found.metadata.annotations.as_ref().is_some_and(|all| !all.is_empty()));
        let is_it = |weight: u8| has_own || weight == 0 || json!(weight) == *value;
        let mut ours = own.flat_map(|(_, targets)| targets).filter(|target| TargetTag::parse(&target.tag).is_some());
        ours.all(|target| is_it(target.weight))
    }

    fn is_among(&self, pointer: &str, value: &Value) -> bool {
        self.load_balancer.pointer(pointer).and_then(Value::as_array).is_some_and(|all| all.contains(value))
    }

    /// A condition that is not True names the value, or the port of the listener, or what it is about.
    fn is_reported(&self, path: &str, value: &Value, item: &Value) -> bool {
        let mut needles = vec![path.rsplit('.').next().unwrap_or_default().trim_end_matches("[]").to_owned()];
        needles.push(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        needles.extend(item.get("port").map(ToString::to_string));
        let status = self.binding.status.iter();
        let conditions = status.clone().flat_map(|status| &status.conditions).filter(|one| one.status != "True");
        let advice = status.flat_map(|status| &status.advice);
        let words = conditions.map(|one| one.message.as_str()).chain(advice.map(|one| one.message.as_str()));
        let mut words = words;
        words.any(|words| needles.iter().any(|needle| !needle.is_empty() && words.contains(needle.as_str())))
    }
}

/// Each leaf of a spec: its path, its value, and the item of `listeners` that it is in.
fn leaves(value: &Value, path: &str, item: &Value, found: &mut Vec<(String, Value, Value)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                leaves(value, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, item, found);
            }
        }
        Value::Array(items) => {
            let is_listeners = path == "listeners";
            for one in items {
                leaves(one, &format!("{path}[]"), if is_listeners { one } else { item }, found);
            }
        }
        _ => found.push((path.to_owned(), value.clone(), item.clone())),
    }
}

/// The listeners that a binding names by their ids, which somebody else has made.
fn named(sight: &Sight<'_>, binding: &DirectAccessBinding) -> Vec<Value> {
    let state = sight.cloud.state();
    let is_named = |id: &str| binding.spec.listeners.iter().any(|one| one.listener_id.as_deref() == Some(id));
    let all = state.load_balancers().flat_map(|one| state.shown(&one.id));
    all.filter_map(|listener| serde_json::to_value(listener).ok())
        .filter(|listener| listener["ListenerId"].as_str().is_some_and(is_named))
        .collect()
}

/// The words of a binding that are neither in force nor reported.
pub(super) fn faults(sight: &Sight<'_>, binding: &DirectAccessBinding) -> Vec<String> {
    let (load_balancer, mut listeners) = shown(sight, binding);
    listeners.extend(named(sight, binding));
    let look = Look { sight, binding, load_balancer, listeners };
    let mut found = Vec::new();
    leaves(&serde_json::to_value(&binding.spec).unwrap_or_default(), "", &Value::Null, &mut found);
    let name = binding.metadata.name.as_deref().unwrap_or_default();
    let mut faults = Vec::new();
    for (path, value, item) in found {
        let Some((_, seen)) = WORDS.iter().find(|(known, _)| *known == path) else { continue };
        let is_there = match seen {
            // Where nothing is created, the conditions say so.
            Created(pointer) => look.load_balancer.pointer(pointer).is_some_and(|shown| is_same(shown, &value)),
            By(is_seen) => is_seen(&look, &value, &item),
            Elsewhere => true,
        };
        // What is not ready says why in one sentence, and which word is meant is the first of what is wrong.
        if !is_there && !look.is_reported(&path, &value, &item) && !super::is_false(binding, "Ready") {
            let conditions = binding.status.as_ref().map(|status| &status.conditions);
            faults.push(format!("binding {name}: {path} {value} has no effect and no report: {conditions:?}"));
        }
    }
    faults
}

/// The same in the cloud's words: without case and underscores, and with its names of networks.
fn is_same(shown: &Value, value: &Value) -> bool {
    let plain = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.to_lowercase().replace('_', "")
    };
    let word = plain(value);
    let networks = [("public", "open"), ("internal", "internal")];
    plain(shown) == word || networks.iter().any(|(ours, theirs)| word == *ours && plain(shown) == *theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::admit::Definitions;

    fn paths(schema: &Value, path: &str, found: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                paths(property, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
            }
        } else if let Some(items) = schema.get("items") {
            paths(items, &format!("{path}[]"), found);
        } else {
            found.push(path.to_owned());
        }
    }

    #[test]
    fn each_word_of_the_definition_is_in_the_table() {
        let mut found = Vec::new();
        paths(Definitions::new().binding_schema(), "", &mut found);
        let missing: Vec<_> = found.iter().filter(|path| !WORDS.iter().any(|(known, _)| known == path)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let gone: Vec<_> = WORDS.iter().filter(|(known, _)| !found.iter().any(|path| path == known)).collect();
        assert!(gone.is_empty(), "{:?}", gone.iter().map(|(known, _)| known).collect::<Vec<_>>());
    }
}
