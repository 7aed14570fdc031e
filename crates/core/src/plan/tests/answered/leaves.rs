//! The leaves of a config as they were written, whatever the reader makes of them: each is in force or reported.

use serde_json::{Map, Value};

use crate::api::condition::ConfigProblem;
use crate::api::service_config::EntryProblem;
use crate::model::{Attribute, Attributes, Listener, Protocol, Value as Setting};
use crate::plan::tests::world::World;

/// Where a leaf is.
#[derive(Clone, Debug)]
struct Place {
    /// The entries that it is in, as problems name them, from the listener to the innermost.
    entries: Vec<String>,
    /// The names of its fields within the innermost entry.
    path: Vec<String>,
    protocol: Option<Protocol>,
    port: Option<i64>,
    domain: Option<String>,
    url: Option<String>,
    /// An entry before it names the same.
    is_repeated: bool,
}

/// Objects and lists down to what has no more parts.
fn leaves(value: &Value, place: &Place, found: &mut Vec<(Place, Value)>) {
    let Value::Object(fields) = value else {
        found.push((place.clone(), value.clone()));
        return;
    };
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("l4Listeners" | "l7Listeners", Value::Array(all)) => listeners(name, all, found),
            ("domains" | "rules", Value::Array(all)) => parts(name, all, place, found),
            _ => {
                let mut at = place.clone();
                at.path.push(name.clone());
                leaves(value, &at, found);
            }
        }
    }
}

fn text(value: &Value, field: &str) -> Option<String> {
    value[field].as_str().map(str::to_owned)
}

fn listeners(list: &str, all: &[Value], found: &mut Vec<(Place, Value)>) {
    let key =
        |one: &Value| (one["protocol"].as_str().and_then(|text| text.parse::<Protocol>().ok()), one["port"].as_i64());
    for (index, one) in all.iter().enumerate() {
        let (protocol, port) = key(one);
        let name = protocol.map(|known| known.to_string()).or_else(|| text(one, "protocol"));
        let entry = match (name, port) {
            (Some(protocol), Some(port)) => format!("{protocol}:{port}"),
            _ => format!("{list}[{index}]"),
        };
        let is_repeated = all[..index].iter().any(|before| key(before) == key(one));
        let (entries, path) = (vec![entry], Vec::new());
        let place = Place { entries, path, protocol, port, domain: None, url: None, is_repeated };
        leaves(one, &place, found);
    }
}

fn parts(list: &str, all: &[Value], place: &Place, found: &mut Vec<(Place, Value)>) {
    let field = if list == "domains" { "domain" } else { "url" };
    for (index, one) in all.iter().enumerate() {
        let name = text(one, field).unwrap();
        let mut at = place.clone();
        at.path.clear();
        at.is_repeated |= all[..index].iter().any(|before| text(before, field).as_ref() == Some(&name));
        if list == "domains" {
            at.entries.push(format!("{} {name}", place.entries[0]));
            at.domain = Some(name);
        } else {
            at.entries.push(format!("{}{name}", place.entries[1]));
            at.url = Some(name);
        }
        leaves(one, &at, found);
    }
}

impl Place {
    /// The name that problems of the leaf have.
    fn field(&self) -> String {
        self.path.join(".")
    }

    /// What of the cloud the leaf is about.
    fn shown<'a>(&self, world: &'a World) -> Option<(&'a Listener, &'a Attributes)> {
        let is_it = |one: &&Listener| Some(one.protocol) == self.protocol && Some(i64::from(one.port)) == self.port;
        let listener = world.listeners.iter().find(is_it)?;
        let Some(domain) = &self.domain else { return Some((listener, &listener.attributes)) };
        let mut rules = listener.rules.iter().filter(|rule| rule.domain == *domain);
        let rule = rules.find(|rule| self.url.as_ref().is_none_or(|url| rule.url == *url))?;
        Some((listener, &rule.attributes))
    }

    /// The problem is about the leaf: it names it, or something that it is in.
    fn is_in(&self, problem: &EntryProblem) -> bool {
        // What is said of a second one of a name is not said of the first.
        let is_of_second = problem.reason == "Contradiction" && problem.message.contains("the first one counts");
        if is_of_second && !self.is_repeated {
            return false;
        }
        let (field, last) = (self.field(), self.path.last().cloned().unwrap_or_default());
        let innermost = self.entries.last().map_or("loadBalancer", String::as_str);
        match &problem.field {
            None => self.entries.contains(&problem.entry),
            Some(_) if is_of_second => self.entries.contains(&problem.entry),
            // Nobody knows what an entry is for whose key cannot be had.
            Some(key) if key == "protocol" || key == "port" => self.entries.contains(&problem.entry),
            Some(named) if problem.entry == innermost => {
                let is_within = field.strip_prefix(named.as_str()).is_some_and(|rest| rest.starts_with('.'));
                let of_object = format!("the other settings of {} ", self.path[0]);
                field == *named
                    || is_within
                    || problem.message.contains(&of_object)
                    || problem.message.contains(&last)
                    || named.split(", ").any(|one| one == field)
            }
            Some(_) => false,
        }
    }
}

/// The value is what the cloud shows, or what it need not show.
fn is_in_force(place: &Place, value: &Value, world: &World) -> bool {
    let field = place.path.join(".");
    if place.entries.is_empty() {
        return field == "internetMaxBandwidthOut" && world.attributes.number(Attribute::Bandwidth) == value.as_i64();
    }
    let Some((listener, shown)) = place.shown(world) else { return false };
    let seconds = shown.number(Attribute::SessionSeconds).unwrap_or_default();
    match (field.as_str(), value) {
        ("protocol" | "port" | "domain" | "url", _) => true,
        ("defaultServer", Value::String(domain)) => {
            listener.rules.iter().any(|rule| rule.domain == *domain && rule.is_default())
        }
        ("session.enable" | "session.enabled", Value::Bool(switch)) => (seconds > 0) == *switch,
        // One that is switched off has no time.
        ("session.sessionExpireTime", Value::Number(number)) => number.as_i64() == Some(seconds) || seconds == 0,
        ("keepaliveEnable", Value::Number(number)) => {
            number.as_i64() == Some(i64::from(shown.switch(Attribute::Keepalive) == Some(true)))
        }
        _ => {
            let path = if field == "healthCheck.enabled" { "healthCheck.enable" } else { &field };
            let Some(attribute) = Attribute::ALL.into_iter().find(|one| one.field() == path) else { return false };
            let is_off = shown.switch(Attribute::CheckSwitch) == Some(false) && attribute != Attribute::CheckSwitch;
            is_off && attribute.is_check() || is_shown(value, shown.get(attribute))
        }
    }
}

fn is_shown(value: &Value, shown: Option<&Setting>) -> bool {
    match (value, shown) {
        (Value::Bool(switch), Some(Setting::Switch(shown))) => switch == shown,
        // Of what is off nothing is shown.
        (Value::Bool(switch), None) => !switch,
        (Value::Number(number), Some(Setting::Number(shown))) => number.as_i64() == Some(*shown),
        (Value::String(text), Some(Setting::Text(shown))) => text.eq_ignore_ascii_case(shown),
        _ => false,
    }
}

/// What generated objects have where nothing is said.
fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("") || value.as_i64() == Some(0)
}

/// The leaves that are neither in force nor reported.
pub(super) fn unanswered(world: &World, problems: &[EntryProblem], written: &Value) -> Vec<String> {
    // A status has room for some dozens of problems, and says in its last row that there are more.
    if problems.iter().any(|problem| problem.reason == ConfigProblem::Unlisted.as_str()) {
        return Vec::new();
    }
    let (entries, path) = (Vec::new(), Vec::new());
    let whole = Place { entries, path, protocol: None, port: None, domain: None, url: None, is_repeated: false };
    let mut found = Vec::new();
    leaves(&written["loadBalancer"], &whole, &mut found);
    let is_reported = |place: &Place| problems.iter().any(|problem| place.is_in(problem));
    // Of a second entry nothing is in force, even where it says the same.
    let is_answered = |place: &Place, value: &Value| {
        let is_meant = !place.is_repeated && is_in_force(place, value, world);
        says_nothing(value) || is_meant || is_reported(place)
    };
    let lacking = found.iter().filter(|(place, value)| !is_answered(place, value));
    lacking.map(|(place, value)| format!("{} {}: {value}", place.entries.join(" > "), place.field())).collect()
}

#[test]
fn a_leaf_that_is_dropped_is_seen() {
    use serde_json::json;
    let mut world = World::new(&json!({})).with_pods([1]);
    world.converge();
    let entry = |more: (&str, Value)| {
        let mut entry: Map<String, Value> =
            [("protocol".to_owned(), json!("TCP")), ("port".to_owned(), json!(80))].into_iter().collect();
        entry.insert(more.0.to_owned(), more.1);
        json!({"loadBalancer": {"l4Listeners": [entry]}})
    };
    let lacking = |more| unanswered(&world, &[], &entry(more));
    assert_eq!(lacking(("scheduler", json!("WRR"))), Vec::<String>::new());
    assert_eq!(lacking(("scheduler", json!("LEAST_CONN"))), ["TCP:80 scheduler: \"LEAST_CONN\""]);
    assert_eq!(lacking(("healthCheck", json!({"intervaltime": 5}))), ["TCP:80 healthCheck.intervaltime: 5"]);
    let domains = json!({"loadBalancer": {"l7Listeners": [
        {"protocol": "HTTP", "port": 81, "defaultServer": "a.example", "domains": [{"domain": "b.example"}]}]}});
    assert_eq!(unanswered(&world, &[], &domains).len(), 4, "protocol, port, the default and the domain");
}
