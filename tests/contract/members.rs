//! The members of every request and reply, against the tables: names, types, and which a request must have.

use crate::shape::{Field, Shape};
use crate::vendor::{Kind, Tables};
use crate::{actions, tables};

/// What differs from the tables and is meant to: the difference, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("RsWeightRule.Domain is out of use", "accepted, as clients of earlier versions send it"),
    ("RsWeightRule.Url is out of use", "accepted, as clients of earlier versions send it"),
];

/// What differs between a structure of ours and that of the tables, in words.
struct Comparison<'a> {
    tables: &'a Tables,
    is_request: bool,
    found: Vec<String>,
}

impl Comparison<'_> {
    fn structure(&mut self, name: &str, fields: &[(&'static str, Field)]) {
        let members = self.tables.structure(name);
        for (key, field) in fields {
            match members.get(*key) {
                None => self.found.push(format!("{name}.{key} is not in the tables")),
                Some(member) => {
                    if self.is_request && member.disabled {
                        self.found.push(format!("{name}.{key} is out of use"));
                    }
                    if self.is_request && member.required == field.optional {
                        let ours = if field.optional { "optional" } else { "required" };
                        self.found.push(format!("{name}.{key} is {ours} here only"));
                    }
                    self.kind(&format!("{name}.{key}"), &member.kind, &field.shape);
                }
            }
        }
        for (key, _) in members.iter().filter(|(key, member)| !member.disabled && key.as_str() != "RequestId") {
            if !fields.iter().any(|(own, _)| own == key) {
                self.found.push(format!("{name}.{key} is in the tables only"));
            }
        }
    }

    fn kind(&mut self, path: &str, kind: &Kind, shape: &Shape) {
        match (kind, shape) {
            (_, Shape::Any)
            | (Kind::Text, Shape::Text)
            | (Kind::Integer, Shape::Integer)
            | (Kind::Boolean, Shape::Boolean) => {}
            (Kind::List(kind), Shape::List(shape)) => self.kind(path, kind, shape),
            (Kind::Structure(name), Shape::Structure(fields)) => self.structure(name, fields),
            (kind, shape) => self.found.push(format!("{path} is {kind:?} in the tables and {shape:?} here")),
        }
    }
}

/// All differences, of the requests or of the replies of all actions.
fn differences(is_request: bool) -> Vec<String> {
    let mut found = Vec::new();
    for row in actions::all() {
        let tables = tables(row.service);
        let (input, output) = tables.action(row.name);
        let (name, shape) = if is_request { (input, (row.request)()) } else { (output, (row.reply)()) };
        let Shape::Structure(fields) = shape else { panic!("{} is no structure", row.name) };
        let mut comparison = Comparison { tables, is_request, found: Vec::new() };
        comparison.structure(name, &fields);
        found.append(&mut comparison.found);
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn the_members_of_requests_and_replies_are_those_of_the_tables() {
    let mut found = [differences(true), differences(false)].concat();
    found.sort();
    let expected: Vec<&str> = DIFFERENCES.iter().map(|(difference, _)| *difference).collect();
    assert_eq!(found, expected);
}
