//! The annotations of one Service as words, and the problems found in them so far.

use crate::api::names;
use crate::model::{Annotation, KeyProblem, Reading, Service};
use crate::mutant::{self, Mutant};

use super::keys;

/// What to write for a switch.
const SWITCH: &str = "\"true\" or \"false\"";

/// The annotations that the user has set, with the problems found so far.
pub(super) struct Words<'a> {
    pub(super) service: &'a Service,
    /// What cannot be followed.
    pub(super) problems: Vec<KeyProblem>,
    /// Those of them without which a binding could be made.
    pub(super) blocking: Vec<KeyProblem>,
    /// What can be read, and has no effect.
    pub(super) unheeded: Vec<KeyProblem>,
}

impl<'a> Words<'a> {
    pub(super) const fn new(service: &'a Service) -> Self {
        Self { service, problems: Vec::new(), blocking: Vec::new(), unheeded: Vec::new() }
    }

    /// The value of an annotation as it stands; `None` when it is absent, or ours.
    pub(super) fn raw(&self, key: &str) -> Option<&'a Annotation> {
        let is_ours = self.service.our_annotations.iter().any(|ours| ours == key);
        self.service.annotations.get(key).filter(|_| !is_ours)
    }

    /// The text of an annotation; `form` says what to write instead of one that cannot be read.
    pub(super) fn text(&self, key: &str, form: &str) -> Reading<&'a str> {
        keys::text(&self.service.annotations, &self.service.our_annotations, key, form)
    }

    /// An annotation that is `"true"` or `"false"`.
    pub(super) fn switch(&self, key: &str) -> Reading<bool> {
        let text = self.text(key, SWITCH);
        if mutant::is(Mutant::UnreadableIsAbsent) && !matches!(text, Reading::Said("true" | "false")) {
            return Reading::Absent;
        }
        text.and_then(|text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(KeyProblem::unreadable(key, other, SWITCH)),
        })
    }

    /// An annotation that names a thing of the cloud, such as `lb-1a2b3c4d`, by the beginning of its id.
    pub(super) fn id(&self, key: &str, prefix: &str) -> Reading<String> {
        let form = format!("an id such as {prefix}1a2b3c4d");
        self.text(key, &form).and_then(|text| {
            let is_id = is_id(text, prefix);
            if is_id { Ok(text.to_owned()) } else { Err(KeyProblem::unreadable(key, text, &form)) }
        })
    }

    /// One value from a reading, see [`Reading::or_held`].
    pub(super) fn settle<T>(&mut self, reading: Reading<T>, absent: T, held: T) -> T {
        reading.or_held(absent, held, &mut self.problems)
    }

    /// The problems from this one on leave nothing to make a binding of. What is for a load balancer that is created does not where one
    /// that exists is named.
    pub(super) fn blocks_since(&mut self, first: usize) {
        let uses_existing = matches!(self.text(names::EXISTING_LOAD_BALANCER_ID, ""), Reading::Said(_))
            && !self.problems.iter().any(|problem| problem.key == names::EXISTING_LOAD_BALANCER_ID);
        let is_of_existing = |key: &str| [names::CROSS_REGION_ID, names::SPECIFY_PROTOCOL].contains(&key);
        let new = self.problems.iter().skip(first).filter(|problem| !uses_existing || is_of_existing(&problem.key));
        let new: Vec<_> = new.cloned().collect();
        self.blocking.extend(new);
    }

    pub(super) fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(KeyProblem::new(key, message));
    }

    /// Something that can be read, and has no effect: why, and what to do.
    pub(super) fn without_effect(&mut self, key: &str, message: impl Into<String>) {
        self.unheeded.push(KeyProblem::new(key, message));
    }

    /// Whether the Service says that TKE's own service controller is to leave it alone.
    pub(super) fn is_skipped(&mut self) -> bool {
        let form = format!("\"{}\"", names::MODE_SKIP);
        let mode = self.text(names::MODE, &form).and_then(|text| {
            let is_known = text == names::MODE_SKIP;
            if is_known { Ok(true) } else { Err(KeyProblem::unreadable(names::MODE, text, &form)) }
        });
        self.settle(mode, false, false)
    }
}

/// An id of the cloud, as the definition takes it.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let is_of_id = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
    text.len() <= 32 && text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_of_id))
}
