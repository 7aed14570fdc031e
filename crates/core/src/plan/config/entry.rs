//! One entry of a config, being read: each value is taken, or told why not.

use serde_json::Value as Json;

use crate::api::condition::ConfigProblem;
use crate::api::service_config::SessionConfig;
use crate::model::{Attribute, Attributes, IpFamily, Protocol, Value};
use crate::mutant::{self, Mutant};

use super::doubt::{Doubts, Field};
use super::problems::{Problems, Report};
use super::{Subject, fit};

/// Seconds of session persistence when only its switch is set; the vendor's default.
const SESSION_SECONDS: i64 = 30;

/// An entry being judged.
pub(super) struct Entry<'a> {
    pub(super) subject: Subject,
    attributes: Attributes,
    /// The problems of the whole config.
    problems: &'a mut Problems,
    /// Fields of this entry that are there and cannot be had.
    doubts: Doubts,
    /// Where it is reported that a field cannot be had, each with those that wait for it.
    waits: Vec<(Report, Vec<&'static str>)>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(subject: Subject, doubts: Doubts, problems: &'a mut Problems) -> Self {
        Self { subject, attributes: Attributes::default(), problems, doubts, waits: Vec::new() }
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.subject.protocol
    }

    /// Where it is reported that the field is there, and cannot be had.
    pub(super) fn doubt(&self, field: Field) -> Option<Report> {
        self.doubts.report(field)
    }

    /// A value that cannot be had.
    pub(super) fn refuse(&mut self, field: Field, reason: ConfigProblem, message: &str) -> Report {
        let report = self.tell(field.path(), reason, message);
        self.doubts.add(field, report);
        report
    }

    /// What is wrong with something on which nothing depends.
    fn tell(&mut self, field: &str, reason: ConfigProblem, message: &str) -> Report {
        self.problems.add(&self.subject.entry(), Some(field), reason, message)
    }

    pub(super) fn set_some(&mut self, attribute: Attribute, value: Option<impl Into<Value>>) {
        self.attributes.set_some(attribute, value);
    }

    /// A value among a few words.
    pub(super) fn word(&mut self, attribute: Attribute, value: Option<&str>, words: &[&str]) {
        let Some(value) = value else { return };
        match words.iter().find(|word| word.eq_ignore_ascii_case(value)) {
            Some(word) => self.attributes.set(attribute, *word),
            None => {
                let message = format!("'{value}' is not possible with {}; use {}", self.protocol(), words.join(", "));
                self.refuse(Field::Setting(attribute), ConfigProblem::NotAllowed, &message);
            }
        }
    }

    /// A number within bounds. Zero is how generated objects leave a number unsaid.
    pub(super) fn number(&mut self, attribute: Attribute, value: Option<i32>, low: i32, high: i32) {
        match value {
            None | Some(0) => {}
            Some(number) if (low..=high).contains(&number) => self.attributes.set(attribute, i64::from(number)),
            Some(number) if number > high && mutant::is(Mutant::CutsInSilence) => {
                self.attributes.set(attribute, i64::from(high));
            }
            Some(number) => {
                let message = format!("{number} is not possible; use {low} to {high}");
                self.refuse(Field::Setting(attribute), ConfigProblem::NotAllowed, &message);
            }
        }
    }

    /// A switch that only some protocols have.
    pub(super) fn only_for(&mut self, protocols: &[Protocol], attribute: Attribute, value: Option<bool>) {
        let Some(value) = value else { return };
        if protocols.contains(&self.protocol()) {
            self.attributes.set(attribute, value);
        } else if value {
            // Off is what a listener without the switch is anyway.
            let names: Vec<_> = protocols.iter().map(|protocol| protocol.as_str()).collect();
            let message =
                format!("{} listeners do not have it, only {}; remove it", self.protocol(), names.join(" and "));
            self.refuse(Field::Setting(attribute), ConfigProblem::NotSupported, &message);
        }
    }

    /// The name of a listener of ours is the mark that it is ours.
    pub(super) fn own_name(&mut self, name: Option<&str>) {
        if name.is_some() {
            let message = "the name of a listener marks its owner and cannot be chosen; remove it";
            self.refuse(Field::Setting(Attribute::Name), ConfigProblem::NotSupported, message);
        }
    }

    /// Fields of the vendor's first design, which never came to be.
    pub(super) fn left_to_the_binding(&mut self, field: &str, value: Option<&Json>) {
        if value.is_some_and(|value| !value.is_null()) {
            let message = "certificates are named in the DirectAccessBinding, in listeners[].certificate or \
                           listeners[].rules[].certificate; move it there";
            self.tell(field, ConfigProblem::NotSupported, message);
        }
    }

    pub(super) fn scheduler(&mut self, name: Option<&str>) {
        self.word(Attribute::Scheduler, name, &["WRR", "LEAST_CONN", "IP_HASH"]);
    }

    pub(super) fn forward_type(&mut self, name: Option<&str>) {
        self.word(Attribute::ForwardType, name, &["HTTP", "HTTPS", "GRPC", "GRPCS"]);
    }

    pub(super) fn keepalive(&mut self, value: Option<i32>) {
        match value {
            None => {}
            Some(0) => self.attributes.set(Attribute::Keepalive, false),
            Some(1) => self.attributes.set(Attribute::Keepalive, true),
            Some(other) => {
                let message = format!("{other} is not possible; use 0 or 1");
                self.refuse(Field::Setting(Attribute::Keepalive), ConfigProblem::NotAllowed, &message);
            }
        }
    }

    /// These wait for a field that cannot be had, as is reported there.
    pub(super) fn wait_for(&mut self, report: Report, waiting: &[&'static str]) {
        self.waits.push((report, waiting.to_vec()));
    }

    /// A switch of which the old spelling is there too.
    pub(super) fn both_spellings(&mut self, old: &str, enable: Option<bool>, enabled: Option<bool>) {
        if let (Some(enable), Some(enabled)) = (enable, enabled)
            && enable != enabled
        {
            let message = format!(
                "it is the old spelling of enable, and says {enabled} where enable says {enable}, which counts; remove it"
            );
            self.tell(old, ConfigProblem::Contradiction, &message);
        }
    }

    /// Off is 0 seconds. On without a time is the vendor's default, and a time without a switch is on.
    pub(super) fn session(&mut self, config: Option<&SessionConfig>) {
        let Some(config) = config else { return };
        self.both_spellings("session.enabled", config.enable, config.enabled);
        let switches = [(config.enable, "session.enable"), (config.enabled, "session.enabled")];
        let switches: Vec<_> = switches.into_iter().filter_map(|(switch, path)| switch.map(|_| path)).collect();
        let high = if self.protocol().is_layer7() { 86_400 } else { 3_600 };
        if let (None, Some(report)) = (config.switch(), self.doubt(Field::SessionSwitch)) {
            // Whether it is meant to be on is not known.
            let time = config.session_expire_time.map(|_| Field::SessionTime.path());
            self.wait_for(report, time.as_slice());
            return;
        }
        if let (None | Some(true), None, Some(report)) =
            (config.switch(), config.session_expire_time, self.doubt(Field::SessionTime))
        {
            self.wait_for(report, &switches);
            return;
        }
        let seconds = match (config.switch(), config.session_expire_time) {
            (Some(false), _) | (None, Some(0)) => 0,
            (None, None) => return,
            (Some(true), None | Some(0)) => SESSION_SECONDS,
            (_, Some(seconds)) => i64::from(seconds),
        };
        if seconds == 0 || (30..=high).contains(&seconds) {
            self.attributes.set(Attribute::SessionSeconds, seconds);
        } else {
            let message = format!("{seconds} s is not possible with {}; use 30 to {high}", self.protocol());
            let report = self.refuse(Field::SessionTime, ConfigProblem::NotAllowed, &message);
            self.wait_for(report, &switches);
        }
    }

    /// What belongs to a type of check waits where the type is not known, and the type where it would lack what it needs.
    fn type_of_check(&mut self) {
        let kind = self.attributes.text(Attribute::CheckType);
        let needed = kind.map(|kind| fit::needs_of(self.protocol(), kind)).unwrap_or_default();
        let is_there = |attribute: &&Attribute| self.attributes.get(**attribute).is_some();
        let mut depended_on = [Attribute::CheckType].iter().chain(needed).filter(|one| !is_there(one));
        let Some(report) = depended_on.find_map(|one| self.doubt(Field::Setting(*one))) else { return };
        let members = [Attribute::CheckType].into_iter().chain(fit::MEMBERS_OF_TYPE);
        let waiting: Vec<_> = members.filter(|member| self.attributes.remove(*member).is_some()).collect();
        self.waits.push((report, waiting.into_iter().map(Attribute::field).collect()));
    }

    /// What can be applied, whatever it meets.
    pub(super) fn finish(mut self) -> Attributes {
        self.type_of_check();
        for (report, waiting) in self.waits.into_iter().filter(|(_, waiting)| !waiting.is_empty()) {
            self.problems.amend(report, &format!("until then {} stay as they are", waiting.join(", ")));
        }
        let (attributes, told) = fit::consistent(self.subject.protocol, IpFamily::V4, &self.attributes);
        for misfit in told {
            let field = misfit.attribute.field();
            self.problems.add(&self.subject.entry(), Some(field), misfit.reason, &misfit.message);
        }
        attributes
    }
}
