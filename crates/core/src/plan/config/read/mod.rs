//! Reads a config entry by entry and field by field: what cannot be read is reported with its path, and harms nothing else.

mod shape;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::problem;
use crate::api::condition::ConfigProblem;
use crate::api::service_config::{EntryProblem, RawServiceConfig};
use crate::api::{TkeServiceConfig, TkeServiceConfigSpec, clip};
use crate::model::{Protocol, nearest};
use shape::{Kind, Presence, Shape};

/// The most problems of one config that are told apart. Where there are more, the last one says so.
const PROBLEMS_MAX: usize = 64;
/// The most entries, of listeners, domains and rules together, that are read of one config. Twice as many as CLB takes of a load balancer, and
/// few enough for every round to look at.
const ITEMS_MAX: usize = 5_000;
/// The longest name that may be a misspelt one.
const NAME_LONGEST: usize = 64;
/// The members of an object of Kubernetes that are not read here.
const COMMON: [&str; 4] = ["apiVersion", "kind", "spec", "status"];
/// The most characters of a name that users choose.
const NAME_MAX: usize = 80;

/// A config as far as this version can read it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigObject {
    /// The config. Its spec has what can be read.
    pub object: TkeServiceConfig,
    /// The spec as it was written.
    pub written: Value,
    /// What cannot be read, or is not known.
    pub problems: Vec<EntryProblem>,
    /// Entries and their fields that are there and cannot be read. What depends on one of them is not judged.
    doubts: BTreeMap<String, BTreeSet<String>>,
}

impl ConfigObject {
    /// The fields of an entry that are there and cannot be read.
    pub(super) fn doubts(&self, entry: &str) -> impl Iterator<Item = &str> {
        self.doubts.get(entry).into_iter().flatten().map(String::as_str)
    }
}

impl From<RawServiceConfig> for ConfigObject {
    fn from(raw: RawServiceConfig) -> Self {
        let mut reader = Reader::default();
        let name = raw.metadata.name.clone().unwrap_or_default();
        for field in raw.fields.keys().filter(|field| !COMMON.contains(&field.as_str())) {
            let is_there = |name: &str| raw.fields.contains_key(name);
            reader.unknown(field, &["spec"], is_there, &Place::of("TkeServiceConfig"));
        }
        let written = raw.fields.get("spec").cloned().unwrap_or_default();
        let spec = reader.spec(&written);
        let mut object = TkeServiceConfig::new(&name, spec);
        object.metadata = raw.metadata;
        // A status that cannot be read is as good as none: it is written anew.
        object.status = raw.fields.get("status").and_then(|status| serde_json::from_value(status.clone()).ok());
        let Reader { problems, doubts, more, items: _ } = reader;
        let mut problems = problems;
        if more > 0 {
            let message = format!("{more} more problems are not listed; correct these first");
            problems.push(problem("TkeServiceConfig", None, ConfigProblem::Unreadable, &message));
        }
        Self { object, written, problems, doubts }
    }
}

impl From<TkeServiceConfig> for ConfigObject {
    fn from(config: TkeServiceConfig) -> Self {
        let spec = serde_json::to_value(&config.spec).unwrap_or_default();
        let mut object = Self::from(RawServiceConfig {
            metadata: config.metadata,
            fields: [("spec".to_owned(), spec)].into_iter().collect(),
        });
        object.object.status = config.status;
        object
    }
}

impl From<TkeServiceConfigSpec> for ConfigObject {
    fn from(spec: TkeServiceConfigSpec) -> Self {
        TkeServiceConfig::new("", spec).into()
    }
}

/// Where in a config something is.
#[derive(Clone, Debug)]
struct Place {
    /// The entry, as problems name it.
    entry: String,
    /// The field within the entry; empty for the entry itself.
    field: String,
}

impl Place {
    fn of(entry: impl Into<String>) -> Self {
        Self { entry: entry.into(), field: String::new() }
    }

    fn join(&self, part: &str) -> Self {
        let field = if self.field.is_empty() { part.to_owned() } else { format!("{}.{part}", self.field) };
        Self { entry: self.entry.clone(), field }
    }

    /// Where the item of a list is.
    fn item(&self, field: &str, index: usize, item: &Map<String, Value>) -> Self {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        match field {
            "l4Listeners" | "l7Listeners" => match (text("protocol"), item.get("port").and_then(Value::as_i64)) {
                (Some(protocol), Some(port)) => {
                    let known = protocol.parse::<Protocol>().map(|known| known.to_string());
                    Self::of(format!("{}:{port}", known.unwrap_or_else(|_| clip(protocol, NAME_MAX))))
                }
                _ => Self::of(format!("{field}[{index}]")),
            },
            "domains" => match item.get("domain") {
                None | Some(Value::Null) => self.join("domains[]"),
                Some(Value::String(domain)) => self.join(&format!("domains[{}]", clip(domain, NAME_MAX))),
                Some(_) => self.join(&format!("domains[{index}]")),
            },
            _ => match (text("url"), self.domain()) {
                (Some(url), Some(domain)) => Self::of(format!("{} {domain}{url}", self.entry)),
                _ => self.join(&format!("{field}[{index}]")),
            },
        }
    }

    /// The domain whose fields are here.
    fn domain(&self) -> Option<&str> {
        self.field.strip_prefix("domains[")?.strip_suffix(']')
    }
}

/// A config being read.
#[derive(Default)]
struct Reader {
    problems: Vec<EntryProblem>,
    doubts: BTreeMap<String, BTreeSet<String>>,
    /// Entries that were read.
    items: usize,
    /// Problems beyond those that are listed.
    more: usize,
}

impl Reader {
    fn spec(&mut self, written: &Value) -> TkeServiceConfigSpec {
        let place = Place::of("spec");
        let Value::Object(written) = written else {
            if !written.is_null() {
                self.wrong_type(written, Kind::Object(&shape::SPEC), &place);
            }
            return TkeServiceConfigSpec::default();
        };
        let read = self.object(written, &shape::SPEC, &place).unwrap_or_default();
        serde_json::from_value(Value::Object(read)).unwrap_or_else(|error| {
            // Only where the table of fields and the type differ, against which there is a test.
            self.report(&place, ConfigProblem::Unreadable, &format!("{error}; correct it"));
            TkeServiceConfigSpec::default()
        })
    }

    /// What can be read of an object; `None` where nobody knows what it is about.
    fn object(&mut self, written: &Map<String, Value>, shape: &Shape, place: &Place) -> Option<Map<String, Value>> {
        let (mut read, mut is_known) = (Map::new(), true);
        let is_key = |name: &str| shape.keys.iter().any(|(key, _)| *key == name);
        for (name, value) in written {
            let Some(kind) = shape.kind(name) else {
                let known: Vec<_> = shape.fields.iter().map(|(field, _)| *field).collect();
                self.unknown(name, &known, |name| written.contains_key(name), place);
                continue;
            };
            if value.is_null() {
                continue;
            }
            let at = match name.as_str() {
                "loadBalancer" => Place::of(name),
                _ => place.join(name),
            };
            match self.value(value, kind, name, place, &at) {
                Some(value) => drop(read.insert(name.clone(), value)),
                None => is_known &= !is_key(name),
            }
        }
        for (key, presence) in shape.keys {
            let is_missing = written.get(*key).is_none_or(Value::is_null);
            if *presence == Presence::Needed && is_missing {
                let message = format!("{key} is missing, so that nobody knows what this is for; set it");
                self.report(place, ConfigProblem::MissingValue, &message);
                is_known = false;
            }
        }
        is_known.then_some(read)
    }

    fn value(&mut self, value: &Value, kind: Kind, name: &str, place: &Place, at: &Place) -> Option<Value> {
        match (kind, value) {
            (Kind::Any, _) | (Kind::Text, Value::String(_)) | (Kind::Switch, Value::Bool(_)) => Some(value.clone()),
            (Kind::Number, Value::Number(number)) if is_small(number) => Some(value.clone()),
            (Kind::Object(shape), Value::Object(object)) => self.object(object, shape, at).map(Value::Object),
            (Kind::List(shape), Value::Array(items)) => {
                let mut read = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    self.items += 1;
                    if self.items > ITEMS_MAX {
                        let message =
                            format!("it has more than {ITEMS_MAX} entries, of which no more are read; remove some");
                        self.report(at, ConfigProblem::NotAllowed, &message);
                        break;
                    }
                    match item {
                        Value::Object(item) => {
                            let at = place.item(name, index, item);
                            read.extend(self.object(item, shape, &at).map(Value::Object));
                        }
                        _ => {
                            let at = place.item(name, index, &Map::new());
                            self.wrong_type(item, Kind::Object(shape), &at);
                        }
                    }
                }
                Some(Value::Array(read))
            }
            _ => {
                self.wrong_type(value, kind, at);
                None
            }
        }
    }

    fn wrong_type(&mut self, value: &Value, kind: Kind, at: &Place) {
        self.doubts.entry(at.entry.clone()).or_default().insert(at.field.clone());
        self.report(at, ConfigProblem::Unreadable, &words::wrong_type(value, kind));
    }

    /// A field that no object of this kind has.
    fn unknown(&mut self, name: &str, known: &[&str], is_there: impl Fn(&str) -> bool, place: &Place) {
        if self.problems.len() >= PROBLEMS_MAX {
            self.more += 1;
            return;
        }
        let near = nearest(name, known.iter().copied().filter(|_| name.len() <= NAME_LONGEST));
        // Where the right one is there too, it counts.
        if let Some(near) = near.filter(|near| !is_there(near)) {
            self.doubts.entry(place.entry.clone()).or_default().insert(place.join(near).field);
        }
        let message = words::unknown(name, near.map(|near| (near, is_there(near))));
        self.report(&place.join(&clip(name, NAME_MAX)), ConfigProblem::UnknownField, &message);
    }

    fn report(&mut self, at: &Place, reason: ConfigProblem, message: &str) {
        if self.problems.len() >= PROBLEMS_MAX {
            self.more += 1;
            return;
        }
        let field = Some(at.field.as_str()).filter(|field| !field.is_empty());
        self.problems.push(problem(&at.entry, field, reason, message));
    }
}

/// Numbers of the cloud's API are of this size.
fn is_small(number: &serde_json::Number) -> bool {
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}
