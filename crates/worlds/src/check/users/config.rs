//! Each word of a config is in force, or it is reported where its user looks.

use serde_json::{Map, Value, json};
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::condition::ConfigProblem;
use tke_direct_access_core::api::service_config::EntryProblem;

use super::table::{Form, Place, Said, said, setting};

/// What the cloud shows of a listener or a rule, and what problems call the entry that is about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// What problems call it, and what it is in.
    names: Vec<String>,
    /// Where in the entry of these names it is; empty for the entry itself.
    within: String,
    /// As the cloud shows it; `None` where there is none.
    pub(super) shown: Option<Value>,
    /// Its listener, or itself.
    listener: Option<Value>,
}

/// A word of a config, and the entry that it is in.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) entry: Entry,
    /// Its path in the entry.
    pub(super) path: String,
    pub(super) value: Value,
    /// The members of the entry.
    members: Value,
}

/// All words of a config, as they are about these listeners.
pub(super) fn words(spec: &Value, listeners: &[Value]) -> Vec<Word> {
    let mut found = Vec::new();
    let top = Entry { names: vec!["spec".to_owned(), "loadBalancer".to_owned()], ..Entry::default() };
    let Some(members) = spec.as_object() else { return found };
    for (name, value) in members {
        match value {
            Value::Object(inner) if name == "loadBalancer" => {
                for (name, value) in inner {
                    let list = value.as_array().filter(|_| ["l4Listeners", "l7Listeners"].contains(&name.as_str()));
                    match list {
                        Some(items) => of_listeners(name, items, listeners, &mut found),
                        None => leaf(&top, name, value, &json!(inner), &mut found),
                    }
                }
            }
            _ => leaf(&top, name, value, spec, &mut found),
        }
    }
    found
}

fn leaf(entry: &Entry, path: &str, value: &Value, members: &Value, found: &mut Vec<Word>) {
    let (entry, members) = (entry.clone(), members.clone());
    found.push(Word { entry, path: path.to_owned(), value: value.clone(), members });
}

/// The words of an entry that are in no list of it.
fn of_entry(entry: &Entry, item: &Map<String, Value>, lists: &[&str], found: &mut Vec<Word>) {
    let members = json!(item);
    for (name, value) in item {
        match value {
            Value::Object(inner) if ["healthCheck", "session", "proxyProtocol"].contains(&name.as_str()) => {
                for (inner, value) in inner {
                    leaf(entry, &format!("{name}.{inner}"), value, &members, found);
                }
            }
            Value::Array(_) if lists.contains(&name.as_str()) => {}
            _ => leaf(entry, name, value, &members, found),
        }
    }
}

fn text<'a>(item: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    item.get(name).and_then(Value::as_str)
}

fn of_listeners(list: &str, items: &[Value], listeners: &[Value], found: &mut Vec<Word>) {
    let mut seen = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let mut names = vec![format!("{list}[{place}]")];
        let Some(item) = item.as_object() else {
            leaf(&Entry { names, ..Entry::default() }, "", item, &Value::Null, found);
            continue;
        };
        let port = item.get("port").filter(|port| port.is_i64());
        let key = text(item, "protocol").map(str::to_uppercase).zip(port.cloned());
        let (mut shown, mut is_twice) = (None, false);
        if let Some((protocol, port)) = &key {
            names.push(format!("{protocol}:{port}"));
            names.push(format!("{}:{port}", text(item, "protocol").unwrap_or_default()));
            let is_layer7 = matches!(protocol.as_str(), "HTTP" | "HTTPS");
            let is_it = |one: &&Value| one["Protocol"] == json!(protocol) && one["Port"] == *port;
            shown = listeners.iter().find(is_it).filter(|_| is_layer7 == (list == "l7Listeners")).cloned();
            is_twice = seen.contains(&key);
        }
        seen.push(key);
        let shown = shown.filter(|_| !is_twice);
        let entry = Entry { names, within: String::new(), listener: shown.clone(), shown };
        of_entry(&entry, item, &["domains"], found);
        let domains = item.get("domains").and_then(Value::as_array);
        for (place, domain) in domains.into_iter().flatten().enumerate() {
            of_domain(&entry, place, domain, found);
        }
    }
}

fn of_domain(listener: &Entry, place: usize, item: &Value, found: &mut Vec<Word>) {
    let mut entry = Entry { within: format!("domains[{place}]"), shown: None, ..listener.clone() };
    let Some(item) = item.as_object() else { return leaf(&entry, "", item, &Value::Null, found) };
    let domain = item.get("domain").map_or(Some(""), Value::as_str);
    let rules = listener.shown.as_ref().and_then(|shown| shown["Rules"].as_array()).cloned().unwrap_or_default();
    let is_of = |rule: &&Value| match domain {
        // The load balancer's own address.
        Some("") => rule["Domain"].as_str().is_some_and(|one| one.parse::<std::net::IpAddr>().is_ok()),
        domain => rule["Domain"].as_str() == domain,
    };
    let of_domain: Vec<Value> = rules.iter().filter(is_of).cloned().collect();
    let called: Vec<String> =
        listener.names.iter().map(|name| format!("{name} {}", domain.unwrap_or_default())).collect();
    entry.names.extend(called.iter().map(|name| name.trim().to_owned()));
    entry.shown = of_domain.first().cloned();
    of_entry(&entry, item, &["rules"], found);
    for (place, rule) in item.get("rules").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let mut of_rule = Entry { within: format!("rules[{place}]"), shown: None, ..entry.clone() };
        let Some(rule) = rule.as_object() else {
            leaf(&of_rule, "", rule, &Value::Null, found);
            continue;
        };
        if let Some(url) = text(rule, "url") {
            of_rule.names.extend(called.iter().map(|name| format!("{name}{url}")));
            of_rule.shown = of_domain.iter().find(|one| one["Url"] == json!(url)).cloned();
        }
        of_entry(&of_rule, rule, &[], found);
    }
}

/// How it stands with a word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Standing {
    /// It says nothing, or only what the entry is about.
    Idle,
    /// The cloud shows it.
    InForce,
    /// The cloud does not show it.
    NotInForce,
    /// Nobody can read it.
    Unreadable,
    /// There is no such listener or rule.
    ForNothing,
}

impl Word {
    /// How it stands with it. `load_balancer` is what the cloud shows of that.
    pub(super) fn standing(&self, load_balancer: &Value) -> Standing {
        let Some((form, place)) = setting(&self.path) else { return Standing::Unreadable };
        let value = match said(form, &self.value) {
            Said::This(value) => value,
            Said::Nothing => return Standing::Idle,
            Said::Unreadable if place == Place::Nowhere => return Standing::NotInForce,
            Said::Unreadable => return Standing::Unreadable,
        };
        let is_there = match place {
            Place::Key if self.entry.shown.is_some() => return Standing::Idle,
            Place::Key => return Standing::ForNothing,
            Place::LoadBalancer(pointer) => load_balancer.pointer(pointer) == Some(&value),
            _ => match &self.entry.shown {
                None => return Standing::ForNothing,
                Some(shown) => self.is_shown(place, shown, &value),
            },
        };
        if is_there { Standing::InForce } else { Standing::NotInForce }
    }

    fn is_shown(&self, place: Place, shown: &Value, value: &Value) -> bool {
        let is_check = self.path.starts_with("healthCheck.");
        match place {
            // While a check is off, what it would be like is not looked at.
            Place::Member(_) if is_check && shown["HealthCheck"]["HealthSwitch"] == json!(0) => true,
            Place::Member(pointer) => shown.pointer(pointer).unwrap_or(&Value::Null) == value,
            Place::Flag(flag) => {
                let flags = self.entry.listener.as_ref().and_then(|one| one["AttrFlags"].as_array());
                flags.is_some_and(|all| all.contains(&json!(flag))) == (value == &json!(true))
            }
            Place::Session => self.is_session(shown),
            Place::CheckSwitch => {
                let counts = self.member("healthCheck", "enable").filter(|one| one.is_boolean()).unwrap_or(value);
                let switch = json!(i32::from(counts == &json!(true)));
                counts == value && shown["HealthCheck"]["HealthSwitch"] == switch
            }
            Place::DefaultServer => shown["Rules"].as_array().is_some_and(|rules| {
                rules.iter().any(|rule| rule["Domain"] == *value && rule["DefaultServer"] == json!(true))
            }),
            Place::Nowhere | Place::Key | Place::LoadBalancer(_) => false,
        }
    }

    fn member(&self, object: &str, name: &str) -> Option<&Value> {
        self.members.get(object)?.get(name)
    }

    /// The session is as its three members say together.
    fn is_session(&self, shown: &Value) -> bool {
        let of = |name: &str, form| match self.member("session", name).map_or(Said::Nothing, |one| said(form, one)) {
            Said::This(value) => Some(value),
            Said::Nothing | Said::Unreadable => None,
        };
        let (enable, enabled) = (of("enable", Form::Switch), of("enabled", Form::Switch));
        let seconds = of("sessionExpireTime", Form::Number(0, 86_400)).and_then(|seconds| seconds.as_i64());
        let is_outvoted = self.path == "session.enabled" && enable.is_some() && enable != enabled;
        let is_on = enable.or(enabled).and_then(|switch| switch.as_bool());
        let wanted: &[i64] = match (is_on, seconds) {
            (Some(false), _) => &[0],
            (Some(true), None) => &[30],
            (Some(true), Some(0)) => &[0, 30],
            (_, Some(seconds)) => &[seconds],
            (None, None) => return true,
        };
        !is_outvoted && shown["SessionExpireTime"].as_i64().is_some_and(|found| wanted.contains(&found))
    }

    /// Whether one of these problems names it.
    pub(super) fn is_reported(&self, problems: &[EntryProblem]) -> bool {
        problems.iter().any(|problem| self.is_named(problem))
    }

    /// Whether the text of an Event names the entry that it is in.
    pub(super) fn is_of_entry_in(&self, note: &str) -> bool {
        self.entry.names.iter().any(|name| note.contains(&format!("{name}: ")))
    }

    fn is_named(&self, problem: &EntryProblem) -> bool {
        if problem.reason == ConfigProblem::Unlisted.as_str() {
            return true;
        }
        if !self.entry.names.iter().any(|name| name.trim() == problem.entry.trim()) {
            return false;
        }
        let last = self.path.rsplit('.').next().unwrap_or_default();
        let Some(field) = &problem.field else { return true };
        // Nobody knows what the entry is about.
        if ["protocol", "port", "domain", "url"].contains(&field.as_str()) {
            return true;
        }
        // What an entry in doubt is in, or it itself; or the field, or what it is in.
        let is_of = |field: &str| {
            let within = |field: &str| self.path == field || self.path.starts_with(&format!("{field}."));
            within(field)
                || (!self.entry.within.is_empty() && field.ends_with(&self.entry.within))
                || (!last.is_empty() && field.rsplit(['.', ' ']).next() == Some(last))
        };
        let is_mentioned = || !last.is_empty() && problem.message.contains(last);
        field.split(", ").any(is_of) || is_mentioned()
    }
}

/// The problems that a binding shows with its config.
pub(super) fn problems(binding: &DirectAccessBinding) -> Vec<EntryProblem> {
    binding.status.as_ref().map(|status| status.config_problems.clone()).unwrap_or_default()
}
