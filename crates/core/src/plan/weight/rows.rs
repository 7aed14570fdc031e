//! `lb-rs-weight`, as TKE documents it, row by row:
//! `{"defaultWeight":10,"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"web","weights":[{"weight":0,"podIndexes":[0]}]}]}]}`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{MOST, keys, weight};
use crate::api::names;
use crate::model::{KeyProblem, Reading, Service, ServicePort, Transport, Weight, quoted};
use crate::plan::annotated::json::object;

const KEY: &str = names::RS_WEIGHT;
/// What to write.
const FORM: &str = "JSON such as {\"defaultWeight\":10,\"groups\":[]}";

/// The longest name of a StatefulSet. Source: object names of Kubernetes.
const NAME_MAX: usize = 253;

/// One row: a weight, and the Pods that it is for. What cannot be read of the Pods may be any.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// The port and its transport.
    port: Option<(Transport, u16)>,
    /// The StatefulSet.
    set: Option<String>,
    /// The numbers of the Pods.
    ordinals: Option<Vec<u32>>,
    weight: Result<Weight, KeyProblem>,
}

/// All rows of the annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    default: Reading<Weight>,
    rows: Vec<Row>,
    /// Ports that rows are for and the Service does not have, each with what is wrong.
    strays: BTreeMap<(Transport, u16), KeyProblem>,
    /// What has no effect.
    idle: Vec<KeyProblem>,
}

/// The rows that are, or may be, about one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortRows {
    /// Of Pods that no row is about.
    pub(super) default: Reading<Weight>,
    rows: Vec<Row>,
}

impl Default for PortRows {
    fn default() -> Self {
        Self { default: Reading::Absent, rows: Vec::new() }
    }
}

impl PortRows {
    /// What is said of one Pod of a StatefulSet. The last row that names it counts; without one, a row that may be about it and
    /// cannot be read.
    pub(super) fn of(&self, set: &str, ordinal: u32) -> Reading<Weight> {
        let is_set = |row: &&Row| row.set.as_deref().is_none_or(|name| name == set);
        let names =
            |row: &&Row| row.set.is_some() && row.ordinals.as_ref().is_some_and(|ordinals| ordinals.contains(&ordinal));
        let of_set = || self.rows.iter().rev().filter(is_set);
        let named = of_set().find(names);
        let unclear = || of_set().find(|row| row.weight.is_err() && (row.set.is_none() || row.ordinals.is_none()));
        match named.or_else(unclear).map(|row| &row.weight) {
            None => Reading::Absent,
            Some(Ok(weight)) => Reading::Said(*weight),
            Some(Err(problem)) => Reading::Unreadable(problem.clone()),
        }
    }
}

impl Rows {
    const fn none() -> Self {
        Self { default: Reading::Absent, rows: Vec::new(), strays: BTreeMap::new(), idle: Vec::new() }
    }

    /// Reads the annotation of a Service.
    pub(super) fn read(service: &Service) -> Self {
        let all = keys::text(&service.annotations, &[], KEY, FORM).and_then(|text| {
            object(text).map_err(|what| match what {
                Some(what) => KeyProblem::new(KEY, what),
                None => KeyProblem::unreadable(KEY, text, FORM),
            })
        });
        match all {
            Reading::Absent => Self::none(),
            Reading::Unreadable(problem) => Self {
                rows: vec![Row::unclear(problem.clone())],
                default: Reading::Unreadable(problem),
                ..Self::none()
            },
            Reading::Said(all) => Self::from_members(&all, &service.ports),
        }
    }

    fn from_members(all: &Map<String, Value>, ports: &[ServicePort]) -> Self {
        let default = match all.get("defaultWeight") {
            None => Reading::Absent,
            Some(value) => match read_weight("defaultWeight", value) {
                Ok(weight) => Reading::Said(weight),
                Err(problem) => Reading::Unreadable(problem),
            },
        };
        let mut rows = Self { default, ..Self::none() };
        if let Some(odd) = all.keys().find(|name| !["defaultWeight", "groups"].contains(&name.as_str())) {
            // It may be meant for the one of the two that is missing: for rows, which may be about any Pod, or for the weight of all others.
            let problem = KeyProblem::at(KEY, &quoted(odd), "it is not known; defaultWeight and groups are");
            rows.rows.push(Row::unclear(problem.clone()));
            if rows.default == Reading::Absent {
                rows.default = Reading::Unreadable(problem);
            }
        }
        rows.each(all.get("groups"), "groups", &Row::any(), Self::group);
        let is_there = |(transport, number): &(Transport, u16)| {
            ports.iter().any(|port| (port.transport, port.port) == (*transport, *number))
        };
        let strays: BTreeSet<_> = rows.rows.iter().filter_map(|row| row.port).filter(|port| !is_there(port)).collect();
        let problem = |(transport, number): (Transport, u16)| {
            let protocol = if transport == Transport::Tcp { "TCP" } else { "UDP" };
            let what = format!("the Service has no {protocol} port {number}; correct it, or remove the group");
            ((transport, number), KeyProblem::at(KEY, "groups", &what))
        };
        rows.strays = strays.into_iter().map(problem).collect();
        rows.idle.extend(rows.strays.values().cloned());
        rows
    }

    /// Members that nobody knows are about nothing.
    fn only(&mut self, path: &str, members: &Map<String, Value>, known: [&str; 2]) {
        let is_meant = known.iter().any(|name| !members.contains_key(*name));
        let remedy = if is_meant { "correct it" } else { "remove it" };
        for odd in members.keys().filter(|name| !known.contains(&name.as_str())) {
            let what = format!("it is not known; {} and {} are; {remedy}", known[0], known[1]);
            self.idle.push(KeyProblem::at(KEY, &format!("{path}.{}", quoted(odd)), &what));
        }
    }

    /// Reads the list that is the second of these members. Where it is missing, a member that nobody knows may be meant for it.
    fn list_of(
        &mut self,
        members: &Map<String, Value>,
        known: [&str; 2],
        path: &str,
        scope: &Row,
        read: fn(&mut Self, &str, &Map<String, Value>, &Row),
    ) {
        let (name, odd) = (known[1], members.keys().find(|name| !known.contains(&name.as_str())));
        if let (None, Some(odd)) = (members.get(name), odd) {
            let what = format!("is in the place of {name}; write {name}, or remove the row");
            return self.unclear(&format!("{path}.{odd}"), &Value::from(odd.as_str()), &what, scope);
        }
        self.each(members.get(name), &format!("{path}.{name}"), scope, read);
    }

    /// Reads a list, item by item. A list that is none makes a row that may be about all that `scope` is about.
    fn each(
        &mut self,
        list: Option<&Value>,
        path: &str,
        scope: &Row,
        read: fn(&mut Self, &str, &Map<String, Value>, &Row),
    ) {
        let Some(list) = list else { return };
        let Some(items) = list.as_array() else {
            return self.unclear(path, list, "is no list; correct it", scope);
        };
        for (number, item) in items.iter().enumerate() {
            let path = format!("{path}[{number}]");
            match item.as_object() {
                Some(members) => read(self, &path, members, scope),
                None => self.unclear(&path, item, "is no object; correct it", scope),
            }
        }
    }

    fn unclear(&mut self, path: &str, value: &Value, what: &str, scope: &Row) {
        let what = format!("{} {what}", quoted(&value.to_string()));
        self.rows.push(Row { weight: Err(KeyProblem::at(KEY, path, &what)), ..scope.clone() });
    }

    fn group(&mut self, path: &str, members: &Map<String, Value>, scope: &Row) {
        self.only(path, members, ["key", "statefulSets"]);
        let key = members.get("key").unwrap_or(&Value::Null);
        if let Some(members) = key.as_object() {
            self.only(&format!("{path}.key"), members, ["proto", "port"]);
        }
        let Some(port) = read_port(key) else {
            let what = "is no {\"proto\":\"TCP\",\"port\":80}; correct it";
            return self.unclear(&format!("{path}.key"), key, what, scope);
        };
        let scope = Row { port: Some(port), ..scope.clone() };
        self.list_of(members, ["key", "statefulSets"], path, &scope, Self::stateful_set);
    }

    fn stateful_set(&mut self, path: &str, members: &Map<String, Value>, scope: &Row) {
        self.only(path, members, ["name", "weights"]);
        let name = members.get("name").unwrap_or(&Value::Null);
        let Some(set) = name.as_str().filter(|name| (1..=NAME_MAX).contains(&name.len())) else {
            return self.unclear(&format!("{path}.name"), name, "is no name of a StatefulSet; correct it", scope);
        };
        let scope = Row { set: Some(set.to_owned()), ..scope.clone() };
        self.list_of(members, ["name", "weights"], path, &scope, Self::row);
    }

    fn row(&mut self, path: &str, members: &Map<String, Value>, scope: &Row) {
        self.only(path, members, ["weight", "podIndexes"]);
        let listed = members.get("podIndexes").unwrap_or(&Value::Null);
        let ordinal = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        let ordinals: Option<Vec<u32>> = listed.as_array().and_then(|all| all.iter().map(ordinal).collect());
        let Some(ordinals) = ordinals else {
            let what = "is no list of numbers of Pods, such as [0, 1]; correct it";
            return self.unclear(&format!("{path}.podIndexes"), listed, what, scope);
        };
        let weight = read_weight(path, members.get("weight").unwrap_or(&Value::Null));
        self.rows.push(Row { ordinals: Some(ordinals), weight, ..scope.clone() });
    }

    /// The rows that may be about a port.
    pub(super) fn of_port(self, port: &ServicePort) -> PortRows {
        let here = (port.transport, port.port);
        let has_own = self.rows.iter().any(|row| row.port == Some(here));
        let mut rows = Vec::new();
        for row in self.rows {
            match row.port.and_then(|port| self.strays.get(&port)) {
                // It may be meant for this port, where no other row is.
                Some(stray) if !has_own => rows.push(Row { port: Some(here), weight: Err(stray.clone()), ..row }),
                None if row.port.is_none_or(|port| port == here) => rows.push(row),
                _ => {}
            }
        }
        PortRows { default: self.default, rows }
    }

    /// What has no effect.
    pub(super) fn idle(self) -> Vec<KeyProblem> {
        self.idle
    }

    /// The StatefulSets that rows are about which can be read.
    pub(super) fn sets(self) -> BTreeSet<String> {
        self.rows.into_iter().filter(|row| row.weight.is_ok()).filter_map(|row| row.set).collect()
    }

    /// What cannot be read.
    pub(super) fn problems(self) -> Vec<KeyProblem> {
        let of_rows = self.rows.into_iter().filter_map(|row| row.weight.err());
        let mut problems: Vec<KeyProblem> = match self.default {
            Reading::Absent | Reading::Said(_) => Vec::new(),
            Reading::Unreadable(problem) => vec![problem],
        };
        problems.extend(of_rows);
        problems.dedup();
        problems
    }
}

impl Row {
    /// A row that may be about any Pod, and cannot be read.
    fn unclear(problem: KeyProblem) -> Self {
        Self { port: None, set: None, ordinals: None, weight: Err(problem) }
    }

    /// The frame of rows that are about all.
    const fn any() -> Self {
        Self { port: None, set: None, ordinals: None, weight: Ok(0) }
    }
}

fn read_port(key: &Value) -> Option<(Transport, u16)> {
    let transport = match key.get("proto")?.as_str()?.to_ascii_uppercase().as_str() {
        "TCP" => Transport::Tcp,
        "UDP" => Transport::Udp,
        _ => return None,
    };
    Some((transport, u16::try_from(key.get("port")?.as_u64()?).ok()?))
}

fn read_weight(path: &str, value: &Value) -> Result<Weight, KeyProblem> {
    let found = value.as_i64().and_then(weight);
    found.ok_or_else(|| {
        let said = if value.is_number() { value.to_string() } else { quoted(&value.to_string()) };
        let said: String = said.chars().take(70).collect();
        KeyProblem::at(KEY, path, &format!("{said} is no weight from 0 to {MOST}; correct it"))
    })
}
