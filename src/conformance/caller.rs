//! Calls at the pace of a run.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::pace::{Pace, Times, pause};
use super::recording::{Answer, Entry};
use super::seen::class;
use super::step::service;
use crate::clb::RawCalls;
use crate::model::Class;

/// How long is waited after the cloud has refused a call because there were too many.
const THROTTLED: Duration = Duration::from_secs(1);
/// How often a call is made that is refused for that.
const ATTEMPTS: usize = 10;

/// Makes calls.
pub(super) struct Caller {
    raw: RawCalls,
    pace: Pace,
    pub(super) times: Times,
    /// When the first call was made.
    began: Option<Instant>,
    /// Takes lines about how it goes.
    pub(super) notes: fn(&str),
}

impl Caller {
    pub(super) const fn new(raw: RawCalls, times: Times) -> Self {
        Self { raw, pace: Pace::new(&times), times, began: None, notes: |_| {} }
    }

    /// Says how it goes.
    pub(super) fn say(&self, words: &str) {
        (self.notes)(words);
    }

    /// A digest of the id of the key.
    pub(super) fn key(&self) -> String {
        self.raw.key_digest()
    }

    /// Makes one call, the first of so many that follow one another; again where there were too many. The last counts.
    pub(super) async fn call(&mut self, step: &str, action: &'static str, request: &Value, calls: usize) -> Entry {
        let mut attempts = 1;
        loop {
            self.pace.ready(calls).await;
            let sent = Instant::now();
            let began = *self.began.get_or_insert(sent);
            let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let reply = self.raw.call(service(action), action, request).await;
            let entry = Entry {
                step: step.to_owned(),
                action: action.to_owned(),
                request: request.clone(),
                answer: reply.map_or_else(Answer::Unanswered, Answer::of),
                at: milliseconds(sent.duration_since(began)),
                milliseconds: milliseconds(sent.elapsed()),
            };
            if class(&entry) != Some(Class::Throttled) || attempts == ATTEMPTS {
                return entry;
            }
            attempts += 1;
            pause(THROTTLED).await;
        }
    }

    /// Makes a call that no step of the script is, and brings what came of it.
    ///
    /// # Errors
    /// The class of a refusal, and the words; no class when there was no reply.
    pub(super) async fn ask(&mut self, action: &'static str, request: &Value) -> Result<Value, Refused> {
        let entry = self.call("", action, request, 1).await;
        let class = class(&entry);
        match entry.answer {
            Answer::Reply(reply) => Ok(reply),
            Answer::Error { code, message } => Err(Refused { class, words: format!("{action}: {code}: {message}") }),
            Answer::Unanswered(why) => Err(Refused { class, words: format!("{action}: {why}") }),
        }
    }
}

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) class: Option<Class>,
    pub(super) words: String,
}
