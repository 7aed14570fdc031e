//! What was called and answered, as a value and as a file.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Calls of one run, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// The version of the kit that made it.
    pub version: String,
    /// What it was given.
    pub inputs: Inputs,
    /// It ended by its time limit, before its script did.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_cut: bool,
    /// The calls.
    pub calls: Vec<Entry>,
}

/// What a run was given that decides what can be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// The load balancer was made by the run.
    pub own_load_balancer: bool,
    /// It was made with a domain name.
    #[serde(default)]
    pub dynamic_vip: bool,
    /// At least one target was given.
    pub has_target: bool,
    /// A certificate was given.
    pub has_certificate: bool,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The step that made it; polls of its task have `/task` behind it.
    pub step: String,
    /// The action.
    pub action: String,
    /// The parameters.
    pub request: Value,
    /// What came back.
    #[serde(flatten)]
    pub answer: Answer,
    /// When it was sent, in milliseconds from the beginning of the run.
    #[serde(default)]
    pub at: u64,
    /// Between sending and the end of the reply.
    pub milliseconds: u64,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// A success: the members of `Response`.
    Reply(Value),
    /// A refusal.
    Error {
        /// The code.
        code: String,
        /// The words.
        message: String,
    },
    /// Nothing that could be read, in words.
    Unanswered(String),
}

impl Answer {
    /// What the JSON of a reply says.
    pub(super) fn of(mut reply: Value) -> Self {
        let response = reply["Response"].take();
        let text = |member: &Value| member.as_str().unwrap_or_default().to_owned();
        match &response["Error"] {
            Value::Null if response.is_object() => Self::Reply(response),
            Value::Null => Self::Unanswered("the reply has no Response".to_owned()),
            error => Self::Error { code: text(&error["Code"]), message: text(&error["Message"]) },
        }
    }
}

impl Recording {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no recording.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
    }

    /// Writes a file, with one line for each call.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let (version, inputs) = (serde_json::to_string(&self.version)?, serde_json::to_string(&self.inputs)?);
        let cut = if self.is_cut { "\"isCut\":true," } else { "" };
        let calls = self.calls.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        fs::write(
            path,
            format!("{{\"version\":{version},\"inputs\":{inputs},{cut}\"calls\":[\n{}\n]}}\n", calls.join(",\n")),
        )
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
const fn is_false(is_so: &bool) -> bool {
    !*is_so
}

/// Whether a load balancer was there to be asked.
pub(super) fn has_load_balancer(recording: &Recording) -> bool {
    let shows =
        |entry: &Entry| matches!(&entry.answer, Answer::Reply(reply) if reply["LoadBalancerSet"].get(0).is_some());
    recording.calls.iter().filter(|entry| entry.step == "created").any(shows)
}
