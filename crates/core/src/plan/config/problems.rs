//! The problems of one config, as they are found.

use super::problem;
use crate::api::condition::ConfigProblem;
use crate::api::service_config::EntryProblem;
use crate::api::{MESSAGE_MAX, clip};

/// The most problems of one config that are told apart. Where there are more, the last one says so.
pub(super) const PROBLEMS_MAX: usize = 64;

/// Where something is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// By the problem with this index, which may be filed under another spelling of its field.
    Problem(usize),
    /// Only among those that are counted and not listed.
    Unlisted,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    listed: Vec<EntryProblem>,
    /// How many more there are.
    more: usize,
}

impl Problems {
    /// There is room for no more.
    pub(super) fn is_full(&self) -> bool {
        self.listed.len() >= PROBLEMS_MAX
    }

    /// Nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Adds a problem of an entry, or of a field of it.
    pub(super) fn add(&mut self, entry: &str, field: Option<&str>, reason: ConfigProblem, message: &str) -> Report {
        if self.is_full() {
            self.more += 1;
            return Report::Unlisted;
        }
        self.listed.push(problem(entry, field, reason, message));
        Report::Problem(self.listed.len() - 1)
    }

    /// Adds words to a problem that was reported.
    pub(super) fn amend(&mut self, report: Report, words: &str) {
        let Report::Problem(index) = report else { return };
        if let Some(problem) = self.listed.get_mut(index) {
            problem.message = clip(&format!("{}; {words}", problem.message), MESSAGE_MAX);
        }
    }

    /// All of them, the last of which says how many more there are.
    pub(super) fn finish(self) -> Vec<EntryProblem> {
        let Self { mut listed, more } = self;
        if more > 0 {
            let message = format!("{more} more problems are not listed; correct these first");
            listed.push(problem("TkeServiceConfig", None, ConfigProblem::Unlisted, &message));
        }
        listed
    }
}
