//! Reads a config entry by entry and field by field: what cannot be read is reported with its path, and harms nothing else.

mod shape;
#[cfg(test)]
mod tests;
mod words;

use serde_json::{Map, Value};

use super::Wishes;
use super::doubt::{DoubtsByPosition, Field, List, Position};
use super::judge::judge;
use super::problems::{Problems, Report};
use crate::api::condition::ConfigProblem;
use crate::api::service_config::RawServiceConfig;
use crate::api::{TkeServiceConfig, TkeServiceConfigSpec, clip};
use crate::model::{Protocol, nearest};
use crate::mutant::{self, Mutant};
use shape::{Kind, Presence, Shape};

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
    /// What it wishes, which was judged once when it was read.
    wishes: Wishes,
}

impl ConfigObject {
    /// What it wishes, whatever it meets.
    pub const fn wishes(&self) -> &Wishes {
        &self.wishes
    }
}

impl From<RawServiceConfig> for ConfigObject {
    fn from(raw: RawServiceConfig) -> Self {
        let mut reader = Reader::default();
        let name = raw.metadata.name.clone().unwrap_or_default();
        for field in raw.fields.keys().filter(|field| !COMMON.contains(&field.as_str())) {
            let is_there = |name: &str| raw.fields.contains_key(name);
            reader.unknown(field, &["spec"], is_there, &Place::default().named("TkeServiceConfig"));
        }
        let written = raw.fields.get("spec").cloned().unwrap_or_default();
        let mut spec = reader.spec(&written);
        if mutant::is(Mutant::OneBadSpoilsAll) && !reader.problems.is_empty() {
            spec = TkeServiceConfigSpec::default();
        }
        let wishes = judge(&spec, reader.problems, &reader.doubts);
        let mut object = TkeServiceConfig::new(&name, spec);
        object.metadata = raw.metadata;
        // A status that cannot be read is as good as none: it is written anew.
        object.status = raw.fields.get("status").and_then(|status| serde_json::from_value(status.clone()).ok());
        Self { object, written, wishes }
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
#[derive(Clone, Debug, Default)]
struct Place {
    /// The entry, as problems name it.
    entry: String,
    /// The field within the entry that problems name; empty for the entry itself.
    field: String,
    /// The position of the innermost entry that it is in.
    position: Position,
    /// Its path within that entry; empty for the entry itself.
    path: String,
}

impl Place {
    /// An entry of this name at the same position.
    fn named(&self, entry: impl Into<String>) -> Self {
        Self { entry: entry.into(), position: self.position.clone(), ..Self::default() }
    }

    fn join(&self, part: &str) -> Self {
        let joined = |path: &str| if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
        Self { field: joined(&self.field), path: joined(&self.path), ..self.clone() }
    }

    /// Where the item of a list is: the `index`-th as it was written, and the `kept`-th that can be read.
    fn item(&self, field: &str, (index, kept): (usize, usize), item: Option<&Map<String, Value>>) -> Self {
        let position = List::of(field).map(|list| self.position.item(list, kept)).unwrap_or_default();
        Self { position, path: String::new(), ..self.name_of_item(field, index, item) }
    }

    /// What an item is called by what it is about. One that is no object says nothing of that, and has its place only.
    fn name_of_item(&self, field: &str, index: usize, item: Option<&Map<String, Value>>) -> Self {
        let text = |name: &str| item?.get(name).and_then(Value::as_str);
        let by_place = format!("{field}[{index}]");
        match field {
            "l4Listeners" | "l7Listeners" => {
                let port = item.and_then(|item| item.get("port")).and_then(Value::as_i64);
                let Some((protocol, port)) = text("protocol").zip(port) else { return self.named(by_place) };
                let known = protocol.parse::<Protocol>().map(|known| known.to_string());
                self.named(format!("{}:{port}", known.unwrap_or_else(|_| clip(protocol, NAME_MAX))))
            }
            "domains" => match item.map(|item| item.get("domain")) {
                Some(None | Some(Value::Null)) => self.join("domains[]"),
                Some(Some(Value::String(domain))) if domain.is_empty() => self.join("domains[]"),
                Some(Some(Value::String(domain))) => self.named(format!("{} {}", self.entry, clip(domain, NAME_MAX))),
                Some(Some(_)) | None => self.join(&by_place),
            },
            _ => match (text("url"), self.field.as_str()) {
                (Some(url), "") => self.named(format!("{}{url}", self.entry)),
                // That of the domain which is the load balancer's own address.
                (Some(url), "domains[]") => self.named(format!("{} {url}", self.entry)),
                _ => self.join(&by_place),
            },
        }
    }
}

/// A config being read.
#[derive(Default)]
struct Reader {
    problems: Problems,
    doubts: DoubtsByPosition,
    /// Entries that were read.
    items: usize,
}

impl Reader {
    fn spec(&mut self, written: &Value) -> TkeServiceConfigSpec {
        let place = Place::default().named("spec");
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
                "loadBalancer" => place.named(name),
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
                    let at = place.item(name, (index, read.len()), item.as_object());
                    read.extend(self.item(item, shape, &at));
                }
                Some(Value::Array(read))
            }
            _ => {
                self.wrong_type(value, kind, at);
                None
            }
        }
    }

    /// What can be read of an item of a list; `None` where nobody knows what it is about.
    fn item(&mut self, item: &Value, shape: &'static Shape, at: &Place) -> Option<Value> {
        let Value::Object(item) = item else {
            self.wrong_type(item, Kind::Object(shape), at);
            return None;
        };
        let read = self.object(item, shape, at).map(Value::Object);
        if read.is_none() {
            self.doubts.forget(&at.position);
        }
        read
    }

    fn wrong_type(&mut self, value: &Value, kind: Kind, at: &Place) {
        let report = self.report(at, ConfigProblem::Unreadable, &words::wrong_type(value, kind));
        if let Some(field) = Field::of(&at.path) {
            self.doubts.add(&at.position, field, report);
        }
    }

    /// A field that no object of this kind has.
    fn unknown(&mut self, name: &str, known: &[&str], is_there: impl Fn(&str) -> bool, place: &Place) {
        // Which field is meant is not looked for in what may be a megabyte of names.
        let is_looked_for = !self.problems.is_full();
        if !is_looked_for {
            self.doubts.add_any(&place.position);
        }
        let near = nearest(name, known.iter().copied().filter(|_| is_looked_for && name.len() <= NAME_LONGEST));
        let message = words::unknown(name, near.map(|near| (near, is_there(near))));
        let report = self.report(&place.join(&clip(name, NAME_MAX)), ConfigProblem::UnknownField, &message);
        // Where the right one is there too, it counts.
        let meant = near.filter(|near| !is_there(near)).and_then(|near| Field::of(&place.join(near).path));
        if let Some(field) = meant {
            self.doubts.add(&place.position, field, report);
        }
    }

    fn report(&mut self, at: &Place, reason: ConfigProblem, message: &str) -> Report {
        let field = Some(at.field.as_str()).filter(|field| !field.is_empty());
        self.problems.add(&at.entry, field, reason, message)
    }
}

/// Numbers of the cloud's API are of this size.
fn is_small(number: &serde_json::Number) -> bool {
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}
