//! The record of what was asked.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// How many calls are remembered one by one.
const REMEMBERED: usize = 4096;

/// One call, as it was answered. Its parameters are not kept, as they may hold private keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// Milliseconds since the simulator started.
    pub at_milliseconds: u64,
    /// The action.
    pub action: String,
    /// The load balancer it named, if any; of several, the first.
    pub load_balancer: Option<String>,
    /// The id of the call, and of its task.
    pub request_id: String,
    /// The error code it was refused with; absent for a success.
    pub error: Option<String>,
    /// A fault struck it.
    pub struck: bool,
}

/// Counts of calls, and the last of them. A call counts when its signature was good, whatever came of it.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    by_action: BTreeMap<String, u64>,
    /// Targets in the replies of each action.
    described: BTreeMap<String, u64>,
    writes: u64,
    log: VecDeque<CallRecord>,
}

impl Calls {
    /// Adds a call whose reply describes so many targets.
    pub(crate) fn add(&mut self, record: CallRecord, write: bool, described: usize) {
        if described > 0 {
            let described = u64::try_from(described).unwrap_or(u64::MAX);
            *self.described.entry(record.action.clone()).or_default() += described;
        }
        *self.by_action.entry(record.action.clone()).or_default() += 1;
        self.writes += u64::from(write);
        if self.log.len() == REMEMBERED {
            self.log.pop_front();
        }
        self.log.push_back(record);
    }

    pub(crate) fn by_action(&self) -> &BTreeMap<String, u64> {
        &self.by_action
    }

    pub(crate) fn described(&self) -> &BTreeMap<String, u64> {
        &self.described
    }

    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    pub(crate) fn log(&self) -> impl Iterator<Item = &CallRecord> {
        self.log.iter()
    }
}
