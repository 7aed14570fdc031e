//! Writes to Kubernetes that the API server does not take: which of them users are told of, and when each is tried again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::condition::{ConditionType, Reason};
use crate::api::event::EventWord;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus, clip};
use crate::mutant::{self, Mutant};

use super::conditions::{ConditionSet, Truth, Verdict};

/// How long what may pass by itself is nobody's business.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);
/// The shortest and longest time between two attempts. In between, it is half as long as the refusal has lasted.
const PAUSES: [SignedDuration; 2] = [SignedDuration::from_secs(2), SignedDuration::from_secs(30)];
/// How long a refusal lasts before it is told anew: Events are kept for an hour, unless the API server is told otherwise.
const REMINDER: SignedDuration = SignedDuration::from_mins(30);
/// The most characters of the API server's words that are kept.
const WORDS_MAX: usize = 300;
/// The most refused writes that one message has.
const SHOWN: usize = 3;

/// What a refusal says of the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The same write is refused again until somebody changes something.
    Lasting,
    /// It may be taken the next time.
    Passing,
    /// The object is not the one that was read: it has changed or gone, and that starts the next attempt, if anybody sees it.
    Outdated,
}

impl RefusalKind {
    /// By the status of the reply; `None` when there was none. See "HTTP status codes" in Kubernetes' API conventions
    /// (github.com/kubernetes/community, sig-architecture/api-conventions.md): 403 is also what admission policies and quotas answer,
    /// 422 what schemas answer.
    pub const fn of(code: Option<u16>) -> Self {
        match code {
            Some(404 | 409) => Self::Outdated,
            None | Some(408 | 410 | 429 | 500..) => Self::Passing,
            Some(_) => Self::Lasting,
        }
    }
}

/// What is written to Kubernetes for a binding or an annotated Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The readiness gates of Pods.
    Gate,
    /// The finalizer of the binding.
    Finalizer,
    /// The status of the binding.
    Status,
    /// Annotations of the Service.
    Annotations,
    /// The addresses in the status of the Service.
    Ingress,
    /// The condition of the Service.
    ServiceCondition,
    /// The TkeServiceConfig that is made for the binding.
    Config,
    /// The status of the binding's TkeServiceConfig.
    ConfigStatus,
    /// The spec of the binding that is made for the Service.
    OwnBinding,
    /// The mark of a binding whose Service does not ask for it any more.
    Mark,
    /// The end of the binding that was made for the Service.
    Deletion,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Gate,
        Self::Finalizer,
        Self::Status,
        Self::Annotations,
        Self::Ingress,
        Self::ServiceCondition,
        Self::Config,
        Self::ConfigStatus,
        Self::OwnBinding,
        Self::Mark,
        Self::Deletion,
    ];

    const fn words(self) -> &'static str {
        match self {
            Self::Gate => "the readiness gates of",
            Self::Finalizer => "the finalizer of",
            Self::Status => "the status of",
            Self::Annotations => "the annotations of",
            Self::Ingress => "the addresses in the status of",
            Self::ServiceCondition => "the condition of",
            Self::Config => "the entries of",
            Self::ConfigStatus => "the status of",
            Self::OwnBinding => "the spec of",
            Self::Mark => "the annotation that parks",
            Self::Deletion => "the deletion of",
        }
    }

    /// What the controller was about, for Events.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Gate => "WriteGate",
            Self::Finalizer => "WriteFinalizer",
            Self::Status => "WriteStatus",
            Self::Annotations => "WriteAnnotations",
            Self::Ingress => "WriteIngress",
            Self::ServiceCondition => "WriteCondition",
            Self::Config => "WriteConfig",
            Self::ConfigStatus => "WriteConfigStatus",
            Self::OwnBinding => "WriteBinding",
            Self::Mark => "ParkBinding",
            Self::Deletion => "DeleteBinding",
        }
    }

    /// Rounds write it on the Service, so that its users look there.
    pub const fn is_of_service(self) -> bool {
        matches!(self, Self::Annotations | Self::Ingress)
    }

    /// The reason of Events and conditions about it.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Gate => Reason::GateNotWritten,
            _ => Reason::NotWritten,
        }
    }

    /// What an Event about it says.
    pub const fn word(self) -> EventWord {
        EventWord::Condition(self.reason(), None)
    }

    /// The rounds over the binding's load balancer write it.
    const fn is_of_rounds(self) -> bool {
        matches!(self, Self::Gate | Self::Finalizer | Self::Status | Self::Annotations | Self::Ingress)
    }
}

/// One write that was not taken, since it last was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    /// What was to be written: kind and name.
    object: String,
    kind: RefusalKind,
    /// The API server's words.
    words: String,
    since: Timestamp,
    tried: Timestamp,
    /// When users were last told of it.
    told: Option<Timestamp>,
}

impl Refusal {
    fn is_shown(&self, now: Timestamp) -> bool {
        self.kind == RefusalKind::Lasting || now.duration_since(self.since) >= PATIENCE
    }

    /// How long until the next attempt; zero when it is due.
    fn wait(&self, now: Timestamp) -> SignedDuration {
        let tried = now.duration_since(self.tried);
        if self.kind == RefusalKind::Outdated || tried.is_negative() {
            return SignedDuration::ZERO;
        }
        let [shortest, longest] = PAUSES;
        let pause = (self.tried.duration_since(self.since) / 2).clamp(shortest, longest);
        (pause - tried).max(SignedDuration::ZERO)
    }

    /// The same where nothing changes. What is outdated is tried again late: a definition that was not there, or a webhook that says 409,
    /// changes nothing that anybody sees.
    fn wait_without_change(&self, now: Timestamp) -> SignedDuration {
        let tried = now.duration_since(self.tried);
        match self.kind {
            RefusalKind::Outdated if !tried.is_negative() => (PAUSES[1] - tried).max(SignedDuration::ZERO),
            _ => self.wait(now),
        }
    }
}

/// The writes that were not taken, by what was to be written: a field of a binding, or the UID of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedWrites<K = Field>(BTreeMap<K, Refusal>);

impl<K> Default for RefusedWrites<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> RefusedWrites<K> {
    /// A write was not taken.
    pub fn refused(&mut self, key: K, object: &str, kind: RefusalKind, words: &str, now: Timestamp) {
        let previous = self.0.remove(&key);
        let since = previous.as_ref().map_or(now, |previous| previous.since.min(now));
        let words = clip(words.trim_end_matches('.'), WORDS_MAX);
        // Twice in a row, looking again has not helped.
        let is_again = kind == RefusalKind::Outdated && previous.is_some();
        let kind = if is_again { RefusalKind::Passing } else { kind };
        let told = previous.and_then(|previous| previous.told);
        self.0.insert(key, Refusal { object: object.to_owned(), kind, words, since, tried: now, told });
    }

    /// A write was taken, or is not needed any more.
    pub fn taken(&mut self, key: &K) {
        self.0.remove(key);
    }

    /// Forgets what is not so.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&K) -> bool) {
        self.0.retain(|key, _| is_kept(key));
    }

    /// Whether a write is to be tried: it was not refused a moment ago.
    pub fn is_due(&self, key: &K, now: Timestamp) -> bool {
        self.0.get(key).is_none_or(|refusal| refusal.wait(now).is_zero() && !mutant::is(Mutant::NotTriedAgain))
    }

    /// What users are told, with the API server's words.
    pub fn shown(&self, now: Timestamp) -> impl Iterator<Item = (&K, &str)> {
        self.0.iter().filter(move |(_, refusal)| refusal.is_shown(now)).map(|(key, refusal)| (key, &*refusal.words))
    }

    /// How a write was refused, and in which words.
    pub fn refusal(&self, key: &K) -> Option<(RefusalKind, &str)> {
        self.0.get(key).map(|refusal| (refusal.kind, &*refusal.words))
    }

    /// It is refused.
    pub fn has(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// This was not taken, and may be the next time.
    pub fn may_be_taken(&self, key: &K) -> bool {
        self.0.get(key).is_some_and(|refused| refused.kind != RefusalKind::Lasting)
    }

    /// Nothing is refused.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long until the first write is to be tried again without a change that asks for it.
    pub fn wait(&self, now: Timestamp) -> Option<SignedDuration> {
        self.0.values().map(|refusal| refusal.wait_without_change(now)).min()
    }
}

/// What an Event is to tell of a write that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalNews {
    /// What is refused.
    pub field: Field,
    /// The same in words, with those of the API server.
    pub note: String,
}

impl RefusedWrites {
    /// How long until rounds try again what they write of a binding. They look again by themselves at what is outdated.
    pub fn wait_of_rounds(&self, now: Timestamp) -> Option<SignedDuration> {
        let is_asked_for =
            |(field, refusal): &(&Field, &Refusal)| refusal.kind != RefusalKind::Outdated && field.is_of_rounds();
        self.0.iter().filter(is_asked_for).map(|(_, refusal)| refusal.wait(now)).min()
    }

    /// What is refused, in one sentence; `None` when there is nothing to say. Gates have a sentence of their own, and a status that is
    /// not taken can say nothing of itself.
    pub fn sentence(&self, now: Timestamp) -> Option<String> {
        let is_told = |field: &Field| !matches!(field, Field::Gate | Field::Status);
        sentence(self.0.iter().filter(|(field, refusal)| is_told(field) && refusal.is_shown(now)))
    }

    /// What an annotated Service says of its binding that cannot be written.
    pub fn sentence_of_service(&self, now: Timestamp) -> Option<String> {
        let is_told = |field: &Field| *field != Field::ServiceCondition;
        sentence(self.0.iter().filter(|(field, refusal)| is_told(field) && refusal.is_shown(now)))
    }

    /// What is to be told by Events; from now on it counts as told.
    pub fn news(&mut self, now: Timestamp) -> Vec<RefusalNews> {
        let is_news = |refusal: &Refusal| {
            refusal.is_shown(now) && refusal.told.is_none_or(|told| now.duration_since(told) >= REMINDER)
        };
        let fresh = self.0.iter_mut().filter(|(_, refusal)| is_news(refusal));
        fresh
            .map(|(field, refusal)| {
                refusal.told = Some(now);
                RefusalNews { field: *field, note: crate::plan::not_written(&phrase(*field, refusal)) }
            })
            .collect()
    }
}

fn phrase(field: Field, refusal: &Refusal) -> String {
    format!("{} {} cannot be written: {}", field.words(), refusal.object, refusal.words)
}

fn sentence<'a>(rows: impl Iterator<Item = (&'a Field, &'a Refusal)>) -> Option<String> {
    let rows: Vec<_> = rows.collect();
    let mut parts: Vec<_> = rows.iter().take(SHOWN).map(|(field, refusal)| phrase(**field, refusal)).collect();
    if rows.len() > SHOWN {
        parts.push(format!("and {} other writes are refused", rows.len() - SHOWN));
    }
    (!parts.is_empty()).then(|| crate::plan::not_written(&parts.join("; ")))
}

/// The verdict on a binding of which something cannot be written.
pub(super) fn not_written(refused: &RefusedWrites, now: Timestamp) -> Option<Verdict> {
    Some(Verdict::new(Truth::False, Reason::NotWritten, refused.sentence(now)?))
}

/// The status of a binding that is not acted on, because its finalizer cannot be written; `None` while there is nothing to say of that.
/// What is known of it stays.
pub fn held_back_status(
    binding: &DirectAccessBinding,
    refused: &RefusedWrites,
    now: Timestamp,
) -> Option<DirectAccessBindingStatus> {
    let verdict = not_written(refused, now)?;
    let previous = binding.status.clone().unwrap_or_default();
    let generation = binding.metadata.generation.unwrap_or_default();
    let mut set = ConditionSet::new(&previous.conditions, generation, now);
    set.set(ConditionType::Programmed, &verdict);
    set.set(ConditionType::Ready, &verdict);
    set.set(ConditionType::Stalled, &Verdict { truth: Truth::True, ..verdict.clone() });
    let replaced =
        [ConditionType::Programmed, ConditionType::Ready, ConditionType::Stalled, ConditionType::Reconciling];
    let is_kept = |found: &&Condition| !replaced.iter().any(|kind| kind.as_str() == found.type_);
    let conditions = previous.conditions.iter().filter(is_kept).cloned().chain(set.into_vec()).collect();
    Some(DirectAccessBindingStatus { conditions, ..previous })
}

#[cfg(test)]
mod tests;
