//! Fields of a config that are there and cannot be had: what depends on one of them waits, in the same entry and in no other.

use std::collections::BTreeMap;

use super::problems::Report;
use crate::model::Attribute;

/// A list of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    Layer4,
    Layer7,
    Domains,
    Rules,
}

impl List {
    /// The list that a field is; `None` for a field that is none.
    pub(super) fn of(field: &str) -> Option<Self> {
        match field {
            "l4Listeners" => Some(Self::Layer4),
            "l7Listeners" => Some(Self::Layer7),
            "domains" => Some(Self::Domains),
            "rules" => Some(Self::Rules),
            _ => None,
        }
    }
}

/// Where an entry is in what could be read of a config. Two entries of one name are at two positions.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(Vec<(List, usize)>);

impl Position {
    /// The position of an item of a list of this entry.
    pub(super) fn item(&self, list: List, index: usize) -> Self {
        Self(self.0.iter().copied().chain([(list, index)]).collect())
    }
}

/// A field on which others depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    /// What this attribute is set by.
    Setting(Attribute),
    /// Whether sessions persist.
    SessionSwitch,
    /// For how long they do.
    SessionTime,
}

impl Field {
    /// The field at this path of an entry; `None` for one on which nothing depends.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "session.enable" | "session.enabled" => Some(Self::SessionSwitch),
            "session.sessionExpireTime" => Some(Self::SessionTime),
            "healthCheck.enabled" => Some(Self::Setting(Attribute::CheckSwitch)),
            path => Attribute::ALL.into_iter().find(|attribute| attribute.field() == path).map(Self::Setting),
        }
    }

    /// Its path.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Setting(attribute) => attribute.field(),
            Self::SessionSwitch => "session.enable",
            Self::SessionTime => "session.sessionExpireTime",
        }
    }
}

/// The doubts of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubts {
    /// Each with where it is reported.
    fields: BTreeMap<Field, Report>,
    /// Any of its fields may be meant by what is not listed.
    is_any: bool,
}

impl Doubts {
    /// The field is there and cannot be had. The first report of it counts.
    pub(super) fn add(&mut self, field: Field, report: Report) {
        self.fields.entry(field).or_insert(report);
    }

    /// Where it is reported that a field is there and cannot be had; `None` when that is not so.
    pub(super) fn report(&self, field: Field) -> Option<Report> {
        self.fields.get(&field).copied().or(self.is_any.then_some(Report::Unlisted))
    }
}

/// The doubts of a config.
#[derive(Debug, Default)]
pub(super) struct DoubtsByPosition(BTreeMap<Position, Doubts>);

impl DoubtsByPosition {
    /// The field of an entry is there and cannot be had.
    pub(super) fn add(&mut self, position: &Position, field: Field, report: Report) {
        self.0.entry(position.clone()).or_default().add(field, report);
    }

    /// Any field of the entry may be there and not be had.
    pub(super) fn add_any(&mut self, position: &Position) {
        self.0.entry(position.clone()).or_default().is_any = true;
    }

    /// The entry is not among those that could be read: the next one gets its position.
    pub(super) fn forget(&mut self, position: &Position) {
        let within = self.0.range(position.clone()..).take_while(|(found, _)| found.0.starts_with(&position.0));
        let within: Vec<_> = within.map(|(found, _)| found.clone()).collect();
        for found in within {
            self.0.remove(&found);
        }
    }

    /// The doubts of an entry.
    pub(super) fn of(&self, position: &Position) -> Doubts {
        self.0.get(position).cloned().unwrap_or_default()
    }
}
