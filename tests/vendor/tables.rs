//! The vendor's tables, as its command line carries them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::python;

/// The command line of the vendor. Only its tables are read, so that nothing it depends on is installed.
const PACKAGE: &str = "tccli==3.1.189.1";

/// The tables of a service.
pub struct Tables {
    /// The structures that requests and replies are made of, by name.
    structures: BTreeMap<String, BTreeMap<String, Member>>,
    /// By action: the structures of its request and reply.
    actions: BTreeMap<String, (String, String)>,
    /// By action: the texts of the official replies.
    examples: BTreeMap<String, Vec<String>>,
}

/// A member of a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What it holds.
    pub kind: Kind,
    /// Requests must have it.
    pub required: bool,
    /// Replies always have it.
    pub always: bool,
    /// It may be null in a reply.
    pub nullable: bool,
    /// It is out of use: requests should not have it, and replies may.
    pub disabled: bool,
}

/// What a member holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// An integer.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// A structure of this name.
    Structure(String),
    /// A list.
    List(Box<Kind>),
}

impl Tables {
    /// The tables of a service and version, such as `clb` and `v20180317`.
    pub fn of(service: &str, version: &str) -> Self {
        let python = python::environment(&[PACKAGE], &["--no-deps", "--no-compile"]);
        let folder = python::site_packages(&python).join("tccli/services").join(service).join(version);
        let read = |name: &str| -> Value {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let (api, examples) = (read("api.json"), read("examples.json"));
        let structures = entries(&api["objects"]).map(|(name, one)| (name.to_owned(), members(one)));
        let actions = entries(&api["actions"])
            .map(|(name, one)| (name.to_owned(), (text(&one["input"]).to_owned(), text(&one["output"]).to_owned())));
        let examples = entries(&examples["actions"]).map(|(name, list)| {
            let list = list.as_array().expect("a list of examples");
            (name.to_owned(), list.iter().map(|one| text(&one["output"]).to_owned()).collect())
        });
        Self { structures: structures.collect(), actions: actions.collect(), examples: examples.collect() }
    }

    /// The names of all actions.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.keys().map(String::as_str)
    }

    /// The structures of an action's request and reply.
    pub fn action(&self, name: &str) -> (&str, &str) {
        let (input, output) = self.actions.get(name).unwrap_or_else(|| panic!("the tables have no action {name}"));
        (input, output)
    }

    /// The members of a structure, by name.
    pub fn structure(&self, name: &str) -> &BTreeMap<String, Member> {
        self.structures.get(name).unwrap_or_else(|| panic!("the tables have no structure {name}"))
    }

    /// The official replies of an action.
    pub fn examples(&self, action: &str) -> &[String] {
        self.examples.get(action).map(Vec::as_slice).unwrap_or_default()
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().expect("an object").iter().map(|(name, one)| (name.as_str(), one))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn members(structure: &Value) -> BTreeMap<String, Member> {
    let list = structure["members"].as_array().expect("a list of members");
    list.iter().map(|one| (text(&one["name"]).to_owned(), member(one))).collect()
}

fn member(one: &Value) -> Member {
    let is = |key: &str| one.get(key).and_then(Value::as_bool).unwrap_or_default();
    let single = match text(&one["member"]) {
        "string" | "datetime" => Kind::Text,
        "int64" | "uint64" => Kind::Integer,
        "float" => Kind::Number,
        "bool" => Kind::Boolean,
        structure => Kind::Structure(structure.to_owned()),
    };
    let kind = if text(&one["type"]) == "list" { Kind::List(Box::new(single)) } else { single };
    // The id of a request has no marks at all, and is in every reply.
    let always = (is("output_required") && !is("disabled")) || text(&one["name"]) == "RequestId";
    Member { kind, required: is("required"), always, nullable: is("value_allowed_null"), disabled: is("disabled") }
}
