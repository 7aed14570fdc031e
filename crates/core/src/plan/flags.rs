//! Switches of a listener that the cloud shows as flags, and what the status of a binding remembers of them.
//!
//! A flag that is shown is on. What it means that one is not shown depends on the cloud: it is off, or flags are not shown at all. That
//! is settled for each switch of each listener by the first read that shows its flag. Until then the last write counts, so that no
//! write is repeated for ever. A write makes the question open again, for the same reason.

use std::collections::BTreeMap;

use crate::model::{Attribute, Attributes, Value};

/// What is remembered of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    /// It was written so, and its flag was not shown since.
    Written(bool),
    /// Its flag was shown, and it was not written since: it is off when its flag is absent.
    Shown,
}

/// What is remembered of the switches of one listener. What is absent was neither written nor shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags(BTreeMap<Attribute, Flag>);

impl Flags {
    /// As rows of a status say. What cannot be read is left out.
    pub(super) fn parse<'a>(rows: impl IntoIterator<Item = &'a str>) -> Self {
        Self(rows.into_iter().filter_map(parse).collect())
    }

    /// As rows of a status, at most one for each switch.
    pub fn rows(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(attribute, flag)| match flag {
            Flag::Written(value) => format!("{}={value}", attribute.field()),
            Flag::Shown => format!("{}=shown", attribute.field()),
        })
    }

    /// A read has shown these settings.
    pub(super) fn read(&mut self, observed: &Attributes) {
        for attribute in Attribute::ALL.into_iter().filter(|one| one.is_flag()) {
            if observed.switch(attribute) == Some(true) {
                self.0.insert(attribute, Flag::Shown);
            }
        }
    }

    /// These settings were written.
    pub fn wrote(&mut self, change: &Attributes) {
        let flags = change.iter().filter(|(attribute, _)| attribute.is_flag());
        self.0.extend(flags.filter_map(|(attribute, value)| match value {
            Value::Switch(value) => Some((attribute, Flag::Written(*value))),
            Value::Number(_) | Value::Text(_) => None,
        }));
    }

    /// The write of these settings has failed.
    pub fn failed(&mut self, change: &Attributes) {
        self.0.retain(|attribute, flag| *flag == Flag::Shown || change.get(*attribute).is_none());
    }

    /// How the switches are, where a read has shown these settings.
    pub(super) fn known(&self, observed: &Attributes) -> Attributes {
        let remembered = self.0.iter().map(|(attribute, flag)| match flag {
            Flag::Written(value) => (*attribute, (*value).into()),
            Flag::Shown => (*attribute, false.into()),
        });
        let mut known: Attributes = remembered.collect();
        known.overlay(observed);
        known
    }
}

fn parse(row: &str) -> Option<(Attribute, Flag)> {
    let (field, value) = row.split_once('=')?;
    let attribute = Attribute::ALL.into_iter().find(|one| one.is_flag() && one.field() == field)?;
    let flag = if value == "shown" { Flag::Shown } else { Flag::Written(value.parse().ok()?) };
    Some((attribute, flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(flags: &Flags) -> Vec<String> {
        flags.rows().collect()
    }

    /// What a row says, what a read shows, how the switch is then, and what is remembered.
    #[test]
    fn an_absent_flag_is_off_only_where_it_was_shown_and_not_written_since() {
        let cases = [
            (None, false, None, None),
            (None, true, Some(true), Some("snatEnable=shown")),
            (Some("snatEnable=true"), false, Some(true), Some("snatEnable=true")),
            (Some("snatEnable=true"), true, Some(true), Some("snatEnable=shown")),
            (Some("snatEnable=false"), false, Some(false), Some("snatEnable=false")),
            (Some("snatEnable=false"), true, Some(true), Some("snatEnable=shown")),
            (Some("snatEnable=shown"), false, Some(false), Some("snatEnable=shown")),
            (Some("snatEnable=shown"), true, Some(true), Some("snatEnable=shown")),
        ];
        for (row, is_shown, known, remembered) in cases {
            let mut flags = Flags::parse(row);
            let mut observed = Attributes::default();
            observed.set_some(Attribute::Snat, is_shown.then_some(true));
            flags.read(&observed);
            assert_eq!(flags.known(&observed).switch(Attribute::Snat), known, "{row:?} {is_shown}");
            assert_eq!(rows(&flags).first().map(String::as_str), remembered, "{row:?} {is_shown}");
        }
    }

    #[test]
    fn a_write_counts_until_the_flag_is_shown_and_a_failed_one_counts_for_nothing() {
        let mut flags = Flags::parse(["snatEnable=shown", "proxyProtocol.enable=true"]);
        let mut change = Attributes::default();
        change.set(Attribute::Snat, true);
        change.set(Attribute::Scheduler, "WRR");
        flags.wrote(&change);
        assert_eq!(rows(&flags), ["proxyProtocol.enable=true", "snatEnable=true"]);
        flags.failed(&change);
        assert_eq!(rows(&flags), ["proxyProtocol.enable=true"]);
    }

    #[test]
    fn rows_that_nobody_can_read_are_left_out() {
        for row in ["", "snatEnable", "snatEnable=", "snatEnable=maybe", "scheduler=true", "other=shown"] {
            assert_eq!(Flags::parse([row]), Flags::default(), "{row}");
        }
    }
}
