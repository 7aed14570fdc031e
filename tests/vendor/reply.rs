//! A raw reply against the tables.

use std::fmt;

use serde_json::Value;

use super::{Kind, Tables};

/// What is wrong with a member of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The structure has no such member.
    Unknown,
    /// It has another type.
    WrongType,
    /// It is always there, and is absent here.
    Absent,
    /// It is always there and never null, and is null here.
    Null,
}

/// Something that is wrong with a reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// What is wrong.
    pub what: What,
    /// The structure.
    pub structure: String,
    /// Its member.
    pub member: String,
}

/// Something that is wrong by the tables and right nevertheless: what, the structure, the member, and why.
pub type Exception = (What, &'static str, &'static str, &'static str);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}: {:?}", self.structure, self.member, self.what)
    }
}

/// All exceptions.
pub const EXCEPTIONS: &[Exception] = &[
    (What::Null, "ListenerBackend", "Rules", "null for layer 4 in the official examples of DescribeTargets"),
    (What::Null, "ListenerBackend", "Targets", "null for layer 7 in the official examples of DescribeTargets"),
];

impl Fault {
    /// The exception that permits it.
    pub fn exception(&self) -> Option<&'static Exception> {
        EXCEPTIONS.iter().find(|(what, structure, member, _)| {
            *what == self.what && *structure == self.structure && *member == self.member
        })
    }
}

impl Tables {
    /// What is wrong with `Response` of a success, exceptions included.
    pub fn faults_of_reply(&self, action: &str, response: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.structure_faults(self.action(action).1, response, &mut faults);
        faults
    }

    /// Fails when `Response` of a success is not what the tables say.
    #[track_caller]
    pub fn judge(&self, action: &str, response: &Value) {
        let faults: Vec<String> = self
            .faults_of_reply(action, response)
            .iter()
            .filter(|fault| fault.exception().is_none())
            .map(ToString::to_string)
            .collect();
        assert!(faults.is_empty(), "the reply of {action} differs from the vendor's tables: {faults:?}\n{response:#}");
    }

    fn structure_faults(&self, structure: &str, found: &Value, faults: &mut Vec<Fault>) {
        let fault = |what, member: &str| Fault { what, structure: structure.to_owned(), member: member.to_owned() };
        let members = self.structure(structure);
        let found = found.as_object().expect("only objects are compared with structures");
        for (name, member) in members {
            match found.get(name) {
                None if member.always => faults.push(fault(What::Absent, name)),
                Some(Value::Null) if member.always && !member.nullable => faults.push(fault(What::Null, name)),
                None | Some(Value::Null) => {}
                Some(value) if !self.kind_fits(&member.kind, value, faults) => {
                    faults.push(fault(What::WrongType, name));
                }
                Some(_) => {}
            }
        }
        let unknown = found.keys().filter(|name| !members.contains_key(*name));
        faults.extend(unknown.map(|name| fault(What::Unknown, name)));
    }

    /// Whether a value has the type; what is wrong deeper inside is added to the faults.
    fn kind_fits(&self, kind: &Kind, value: &Value, faults: &mut Vec<Fault>) -> bool {
        match kind {
            Kind::Text => value.is_string(),
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Number => value.is_number(),
            Kind::Boolean => value.is_boolean(),
            Kind::Structure(name) if value.is_object() => {
                self.structure_faults(name, value, faults);
                true
            }
            Kind::Structure(_) => false,
            Kind::List(item) => {
                value.as_array().is_some_and(|list| list.iter().all(|value| self.kind_fits(item, value, faults)))
            }
        }
    }
}
