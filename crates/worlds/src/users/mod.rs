//! Users whose words are made from the product's own schemas and tables: right ones, almost right ones, and garbage; edited one property
//! after another, and changed back. Source of the way: Acto (SOSP'23).

mod annotations;
mod edit;
mod values;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tke_direct_access_core::api::names;

use crate::act::{Act, Fault, Workload};
use crate::chance::Chance;
use crate::objects::admit::Definitions;
use crate::story::Story;
use edit::Editor;
use values::Tone;
pub(crate) use values::garbage_text;

/// The names of workloads, Services and bindings.
const NAMES: [&str; 3] = ["web", "api", "old"];
/// The names of configs.
pub(crate) const CONFIGS: [&str; 2] = ["checks", "turns"];

/// Makes a story up in which users edit.
pub fn story(seed: u64) -> Story {
    let mut users = Users {
        chance: Chance::new(seed ^ 0x05E5),
        definitions: Definitions::new(),
        acts: Vec::new(),
        at: 500,
        words: BTreeMap::new(),
        before: Vec::new(),
        ports: BTreeMap::new(),
    };
    users.begin();
    let count = 4 + users.chance.below("edits", 12);
    for _ in 0..count {
        users.pause();
        users.something();
    }
    Story { seed, acts: users.acts }
}

/// A config with an entry for a listener that there often is.
pub(crate) fn plain_config(chance: &mut Chance) -> Map<String, Value> {
    let check = json!({"intervalTime": 4 + chance.below("interval", 20), "healthNum": 2});
    let mut layer4 = json!({"protocol": "TCP", "port": 80, "healthCheck": check});
    if chance.once_in("session", 2) {
        layer4["session"] = json!({"enable": true, "sessionExpireTime": 60});
    } else {
        layer4["scheduler"] = json!("LEAST_CONN");
    }
    let rule = json!({"url": "/", "healthCheck": {"intervalTime": 7}, "scheduler": "IP_HASH"});
    let layer7 = json!({"protocol": "HTTP", "port": 80, "domains": [{"domain": "a.example", "rules": [rule]}]});
    let all = json!({"loadBalancer": {"l4Listeners": [layer4], "l7Listeners": [layer7]}});
    all.as_object().cloned().unwrap_or_default()
}

/// Something that a user writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Service,
    Binding,
    Config,
}

type Object = (Kind, &'static str);

struct Users {
    chance: Chance,
    definitions: Definitions,
    acts: Vec<(u64, Act)>,
    at: u64,
    /// What each object says.
    words: BTreeMap<Object, Map<String, Value>>,
    /// What objects have said before, in order.
    before: Vec<(Object, Map<String, Value>)>,
    /// The port of each Service.
    ports: BTreeMap<&'static str, u16>,
}

impl Users {
    fn push(&mut self, act: Act) {
        self.acts.push((self.at, act));
    }

    /// Mostly long enough for what was written to be in force.
    fn pause(&mut self) {
        self.at += match self.chance.below("pause", 8) {
            0 => self.chance.below("at once", 500),
            1 | 2 => self.chance.below("seconds", 10_000),
            _ => 15_000 + self.chance.below("a while", 60_000),
        };
    }

    fn begin(&mut self) {
        let is_vendors = self.chance.once_in("vendor", 3);
        if is_vendors {
            self.push(Act::VendorsConfigs);
        }
        for name in CONFIGS {
            let mut spec = plain_config(&mut self.chance);
            let count = self.chance.below("settings", 5);
            self.edit_config(&mut spec, Tone::Right, name, count);
            // What our definition would refuse is there from the beginning, among what is right.
            self.edit_config(&mut spec, Tone::Any, &format!("config-{name}"), if is_vendors { 2 } else { 0 });
            self.apply((Kind::Config, name), spec);
        }
        let count = usize::try_from(1 + self.chance.below("count", 3)).unwrap_or(1);
        for name in NAMES.into_iter().take(count) {
            self.at += self.chance.below("apply", 400);
            let workload = Workload {
                kind: crate::act::Kind::Deployment,
                other_gate: false,
                name: name.to_owned(),
                app: name.to_owned(),
                replicas: 1 + usize::try_from(self.chance.below("replicas", 2)).unwrap_or_default(),
                revision: 1,
                surge: 1,
                unavailable: 0,
                grace: 30,
                pre_stop: 20,
                gate: true,
                weight: None,
                broken: false,
            };
            self.push(Act::Workload(workload));
            let port = *self.chance.one_of("port", &[80, 80, 443]);
            self.ports.insert(name, port);
            if self.chance.once_in("annotated", 2) {
                self.annotated(name);
            } else {
                self.apply((Kind::Service, name), Map::new());
                self.bound(name);
            }
        }
        self.at += 40_000;
    }

    fn annotated(&mut self, name: &'static str) {
        let mut all = Map::new();
        all.insert(names::DIRECT_ACCESS.to_owned(), json!("true"));
        if !self.chance.once_in("creates", 3) {
            let id = *self.chance.one_of("load balancer", &["lb-one", "lb-two"]);
            all.insert(names::EXISTING_LOAD_BALANCER_ID.to_owned(), json!(id));
        }
        if self.chance.once_in("config", 2) {
            let config = *self.chance.one_of("which config", &CONFIGS);
            all.insert(names::SERVICE_CONFIG.to_owned(), json!(config));
        }
        self.apply((Kind::Service, name), all);
    }

    fn bound(&mut self, name: &'static str) {
        let id = *self.chance.one_of("load balancer", &["lb-one", "lb-one", "lb-two"]);
        let mut spec = json!({"serviceRef": {"name": name}, "loadBalancer": {"id": id}});
        if self.chance.once_in("creates", 6) {
            spec["loadBalancer"] = json!({"create": {"network": "Public"}});
        }
        if self.chance.once_in("rules", 3) {
            let rules = json!([{"domain": "a.example", "url": "/"}, {"domain": "b.example", "url": "/cart"}]);
            spec["listeners"] = json!([{"port": 80, "protocol": "HTTP", "servicePort": "http", "rules": rules}]);
        }
        if !self.chance.once_in("no config", 4) {
            spec["serviceConfigRef"] = json!({"name": *self.chance.one_of("which config", &CONFIGS)});
        }
        self.apply((Kind::Binding, name), spec.as_object().cloned().unwrap_or_default());
    }

    fn edit_config(&mut self, spec: &mut Map<String, Value>, tone: Tone, owner: &str, count: u64) {
        for _ in 0..count {
            let chance = &mut self.chance;
            Editor { chance, tone, owner }.object(self.definitions.config_schema(), spec, "");
        }
    }

    /// A user applies what an object says from now on. One whose words are refused goes on from what was there.
    fn apply(&mut self, object: Object, words: Map<String, Value>) {
        let (kind, name) = (object.0, object.1.to_owned());
        let spec = Value::Object(words.clone());
        let is_vendors = self.acts.iter().any(|(_, act)| *act == Act::VendorsConfigs);
        let is_taken = match kind {
            Kind::Service => true,
            Kind::Binding => self.definitions.binding(&spec, None).is_ok(),
            Kind::Config => is_vendors || self.definitions.config(&spec).is_ok(),
        };
        self.push(match kind {
            Kind::Service => {
                let port = self.ports.get(object.1).copied().unwrap_or(80);
                let spec = json!({
                    "type": "LoadBalancer",
                    "selector": {"app": name},
                    "ports": [{"name": "http", "port": port, "protocol": "TCP", "targetPort": 8080}],
                });
                Act::Service { name, annotations: Value::Object(words.clone()), spec }
            }
            Kind::Binding => Act::Binding { name, spec },
            Kind::Config => Act::Config { name, spec },
        });
        if is_taken && let Some(before) = self.words.insert(object, words) {
            self.before.push((object, before));
        }
    }

    fn something(&mut self) {
        let name = *self.chance.one_of("name", &NAMES);
        match self.chance.below("something", 20) {
            0 | 1 => self.push(Act::Rollout(name.to_owned())),
            2 => self.change_back(),
            3 => {
                let config = *self.chance.one_of("which config", &CONFIGS);
                self.words.remove(&(Kind::Config, config));
                self.push(Act::DeleteConfig(config.to_owned()));
            }
            4 => {
                let config = *self.chance.one_of("which config", &CONFIGS);
                let spec = plain_config(&mut self.chance);
                self.apply((Kind::Config, config), spec);
            }
            5 => {
                let seconds = 1 + self.chance.below("down", 20);
                let replica = usize::try_from(self.chance.below("replica", 2)).unwrap_or_default();
                self.push(Act::Fault(Fault::Crash(replica, seconds)));
            }
            _ => self.edit(),
        }
    }

    /// Somebody changes one property of something.
    fn edit(&mut self) {
        let objects: Vec<Object> = self.words.keys().copied().collect();
        if objects.is_empty() {
            return;
        }
        let object = *self.chance.one_of("object", &objects);
        let Some(mut words) = self.words.get(&object).cloned() else { return };
        let owner = format!("{:?}-{}", object.0, object.1).to_lowercase();
        let chance = &mut self.chance;
        match object.0 {
            Kind::Service => annotations::edit(&mut words, Tone::Any, &owner, chance),
            Kind::Config => self.edit_config(&mut words, Tone::Any, &owner, 1),
            Kind::Binding => {
                let schema = self.definitions.binding_schema();
                Editor { chance, tone: Tone::Any, owner: &owner }.object(schema, &mut words, "");
            }
        }
        self.apply(object, words);
    }

    /// Somebody changes back what was changed last.
    fn change_back(&mut self) {
        if let Some((object, words)) = self.before.pop()
            && self.words.contains_key(&object)
        {
            self.apply(object, words);
            self.before.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::values::all_right;
    use super::*;

    /// Each leaf of a schema, with its path.
    fn leaves(schema: &Value, path: &str, found: &mut Vec<(String, Value)>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                leaves(property, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
            }
        } else if let Some(items) = schema.get("items") {
            leaves(items, &format!("{path}[]"), found);
        } else {
            found.push((path.to_owned(), schema.clone()));
        }
    }

    #[test]
    fn each_leaf_has_values_that_its_schema_takes() {
        let definitions = Definitions::new();
        for schema in [definitions.binding_schema(), definitions.config_schema()] {
            let mut all = Vec::new();
            leaves(schema, "", &mut all);
            assert!(all.len() > 30, "{all:?}");
            for (path, schema) in all {
                let values = all_right(&schema, &path);
                assert!(!values.is_empty(), "{path} has no values");
                for value in values {
                    let taken = crate::objects::admit::admit(&schema, &value, &path);
                    assert_eq!(taken, Ok(value.clone()), "{path}");
                }
            }
        }
    }

    #[test]
    fn stories_are_the_same_each_time_and_say_all_kinds_of_words() {
        let (mut refused, definitions) = (0, Definitions::new());
        for seed in 0..20 {
            let one = story(seed);
            assert_eq!(one, story(seed));
            assert_eq!(one.to_string().parse(), Ok(one.clone()));
            for (_, act) in &one.acts {
                refused += match act {
                    Act::Binding { spec, .. } => usize::from(definitions.binding(spec, None).is_err()),
                    Act::Config { spec, .. } => usize::from(definitions.config(spec).is_err()),
                    _ => 0,
                };
            }
        }
        assert!(refused > 5, "{refused}");
    }
}
