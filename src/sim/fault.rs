//! Injected faults: which calls they strike, and what they do to them.
//!
//! A script is a YAML list, or a mapping with the key `faults`:
//!
//! ```yaml
//! - action: BatchRegisterTargets
//!   when: {call: 2}
//!   effect: !lostReply
//! - action: CreateListener
//!   when: {next: 1}
//!   effect: !error {code: LimitExceeded, message: no more listeners}
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::ApiError;

/// One injected fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The action it strikes, such as `RegisterTargets`; absent: every action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The load balancer the call must name; absent: any, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<String>,
    /// A text that the request must contain, such as an address; absent: any request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
    /// Which of the matching calls it strikes; absent: the next one.
    #[serde(default)]
    pub when: When,
    /// What it does.
    pub effect: Effect,
}

/// Which of the matching calls are struck. Calls are counted from 1, from the moment the fault is injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// The n-th matching call only.
    Call(u64),
    /// The next n matching calls.
    Next(u64),
    /// Every n-th matching call, for ever.
    Every(u64),
    /// All matching calls, for ever.
    Always,
}

impl Default for When {
    fn default() -> Self {
        Self::Next(1)
    }
}

impl When {
    fn strikes(self, nth: u64) -> bool {
        match self {
            Self::Call(n) => nth == n,
            Self::Next(n) => nth <= n,
            Self::Every(n) => n > 0 && nth.is_multiple_of(n),
            Self::Always => true,
        }
    }

    /// True when no later call can be struck.
    fn is_spent(self, nth: u64) -> bool {
        match self {
            Self::Call(n) | Self::Next(n) => nth >= n,
            Self::Every(_) | Self::Always => false,
        }
    }
}

/// What a fault does to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// The call is refused with this error; nothing is done.
    #[serde(rename_all = "camelCase")]
    Error {
        /// The cloud's error code.
        code: String,
        /// The message.
        #[serde(default)]
        message: String,
    },
    /// The answer takes this much longer, in real milliseconds; the call is done before the wait.
    #[serde(rename_all = "camelCase")]
    Delay {
        /// Milliseconds.
        milliseconds: u64,
    },
    /// The call is done, and the connection is closed without an answer.
    LostReply,
    /// The connection is closed without an answer, and nothing is done.
    LostRequest,
    /// The answer has this HTTP status and an HTML body, as a proxy in between would send it.
    #[serde(rename_all = "camelCase")]
    HttpStatus {
        /// The status, such as 502.
        status: u16,
        /// Whether the call is done.
        #[serde(default)]
        done: bool,
    },
    /// The call is done, and the answer is this text instead of the reply.
    #[serde(rename_all = "camelCase")]
    MalformedBody {
        /// The body; absent: the real reply, cut in half.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// The call is done, and the lists of the answer are empty; a count beside them is 0.
    EmptyReply,
    /// The call is done, and the last item of each list of the answer is missing; a count beside them is as it was.
    PartialReply,
    /// The call is accepted, and its task ends as failed, without any change.
    #[serde(rename_all = "camelCase")]
    FailTask {
        /// The task's message.
        message: String,
    },
    /// A batch call fails for these listeners and is done for the others.
    #[serde(rename_all = "camelCase")]
    FailListeners {
        /// The listeners; empty: the first one that the call names.
        #[serde(default)]
        listeners: Vec<String>,
        /// The reply's message.
        #[serde(default)]
        message: String,
    },
    /// A registration is reported as done, and nothing is bound.
    LoseTargets,
}

/// A script as a file holds it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Script {
    List(Vec<Fault>),
    Mapping { faults: Vec<Fault> },
}

/// Reads a fault script.
///
/// # Errors
/// A text naming the place in the script that cannot be understood.
pub fn read_script(yaml: &str) -> Result<Vec<Fault>, String> {
    // The plain list first: its errors name the place, those of an untagged choice do not.
    match serde_saphyr::from_str::<Vec<Fault>>(yaml) {
        Ok(faults) => Ok(faults),
        Err(list_error) => match serde_saphyr::from_str::<Script>(yaml) {
            Ok(Script::List(faults) | Script::Mapping { faults }) => Ok(faults),
            Err(_) => Err(list_error.to_string()),
        },
    }
}

/// Everything that strikes one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) error: Option<ApiError>,
    pub(crate) delay_milliseconds: u64,
    pub(crate) reply: Spoiled,
    pub(crate) twist: Twist,
}

/// What happens to the answer on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Spoiled {
    #[default]
    No,
    Lost {
        done: bool,
    },
    Status {
        status: u16,
        done: bool,
    },
    Malformed(Option<String>),
    Emptied,
    Partial,
}

/// What happens inside the cloud while it does the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Twist {
    pub(crate) fail_task: Option<String>,
    /// The listeners (empty: the first named) and the message.
    pub(crate) fail_listeners: Option<(Vec<String>, String)>,
    pub(crate) lose_targets: bool,
}

impl Strike {
    fn add(&mut self, effect: &Effect) {
        match effect.clone() {
            Effect::Error { code, message } => self.error = Some(ApiError { code, message }),
            Effect::Delay { milliseconds } => {
                self.delay_milliseconds = self.delay_milliseconds.saturating_add(milliseconds);
            }
            Effect::LostReply => self.reply = Spoiled::Lost { done: true },
            Effect::LostRequest => self.reply = Spoiled::Lost { done: false },
            Effect::HttpStatus { status, done } => self.reply = Spoiled::Status { status, done },
            Effect::MalformedBody { body } => self.reply = Spoiled::Malformed(body),
            Effect::EmptyReply => self.reply = Spoiled::Emptied,
            Effect::PartialReply => self.reply = Spoiled::Partial,
            Effect::FailTask { message } => self.twist.fail_task = Some(message),
            Effect::FailListeners { listeners, message } => self.twist.fail_listeners = Some((listeners, message)),
            Effect::LoseTargets => self.twist.lose_targets = true,
        }
    }
}

/// The faults that may still strike, and how many calls each has seen.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<(Fault, u64)>,
    struck: BTreeMap<String, u64>,
}

impl Faults {
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.armed.push((fault, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn armed(&self) -> impl Iterator<Item = &Fault> {
        self.armed.iter().map(|(fault, _)| fault)
    }

    /// How many calls of each action were struck.
    pub(crate) fn struck(&self) -> &BTreeMap<String, u64> {
        &self.struck
    }

    /// Counts a call and collects what strikes it.
    pub(crate) fn strike(&mut self, action: &str, load_balancer: Option<&str>, request: &[u8]) -> Strike {
        let mut strike = Strike::default();
        let mut hit = false;
        self.armed.retain_mut(|(fault, seen)| {
            let named = fault.action.as_deref().is_none_or(|name| name == action);
            let here = fault.load_balancer.as_deref().is_none_or(|id| Some(id) == load_balancer);
            let holds = |text: &String| String::from_utf8_lossy(request).contains(text.as_str());
            if !(named && here && fault.names.as_ref().is_none_or(holds)) {
                return true;
            }
            *seen += 1;
            if fault.when.strikes(*seen) {
                strike.add(&fault.effect);
                hit = true;
            }
            !fault.when.is_spent(*seen)
        });
        if hit {
            *self.struck.entry(action.to_owned()).or_default() += 1;
        }
        strike
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(when: When) -> Fault {
        Fault { action: Some("A".into()), load_balancer: None, names: None, when, effect: Effect::LostReply }
    }

    fn struck(when: When, calls: u64) -> Vec<u64> {
        let mut faults = Faults::default();
        faults.inject(fault(when));
        (1..=calls).filter(|_| faults.strike("A", None, b"{}").reply != Spoiled::No).collect()
    }

    #[test]
    fn counts_calls_from_injection() {
        assert_eq!(struck(When::Call(2), 5), [2]);
        assert_eq!(struck(When::Next(2), 5), [1, 2]);
        assert_eq!(struck(When::Every(2), 5), [2, 4]);
        assert_eq!(struck(When::Always, 3), [1, 2, 3]);
        assert_eq!(struck(When::Every(0), 3), [0; 0]);
    }

    #[test]
    fn leaves_other_actions_and_load_balancers_alone() {
        let mut faults = Faults::default();
        faults.inject(Fault { load_balancer: Some("lb-1".into()), ..fault(When::Always) });
        assert_eq!(faults.strike("B", Some("lb-1"), b"{}"), Strike::default());
        assert_eq!(faults.strike("A", Some("lb-2"), b"{}"), Strike::default());
        assert_eq!(faults.strike("A", None, b"{}"), Strike::default());
        assert_eq!(faults.strike("A", Some("lb-1"), b"{}").reply, Spoiled::Lost { done: true });
    }

    #[test]
    fn strikes_requests_that_name_something() {
        let mut faults = Faults::default();
        faults.inject(Fault { names: Some("10.0.0.1".into()), ..fault(When::Always) });
        assert_eq!(faults.strike("A", None, b"{\"EniIp\":\"10.0.0.2\"}"), Strike::default());
        assert_ne!(faults.strike("A", None, b"{\"EniIp\":\"10.0.0.1\"}"), Strike::default());
    }

    #[test]
    fn several_faults_add_up() {
        let mut faults = Faults::default();
        faults.inject(Fault { effect: Effect::Delay { milliseconds: 5 }, ..fault(When::Always) });
        faults.inject(fault(When::Always));
        let strike = faults.strike("A", None, b"{}");
        assert_eq!((strike.delay_milliseconds, strike.reply), (5, Spoiled::Lost { done: true }));
    }

    #[test]
    fn a_script_is_a_list_or_a_mapping() {
        let list = "- action: A\n  when: {call: 3}\n  effect: {error: {code: X, message: y}}\n- effect: lostReply\n";
        let faults = read_script(list).expect("the list reads");
        assert_eq!(faults[0].when, When::Call(3));
        assert_eq!(faults[0].effect, Effect::Error { code: "X".into(), message: "y".into() });
        assert_eq!((faults[1].when, &faults[1].effect), (When::Next(1), &Effect::LostReply));
        let mapping = "faults:\n- effect: {httpStatus: {status: 502}}\n  when: always\n";
        assert_eq!(read_script(mapping).expect("the mapping reads").len(), 1);
        assert!(read_script("- efect: lostReply\n").is_err());
    }
}
