//! Events: one for each result that a user may want to know of, on the binding.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;

use super::effect::{Effect, Line, Notice};
use super::surroundings::Surroundings;
use crate::api::advice::AdviceReason;
use crate::api::binding::GatePolicy;
use crate::api::condition::{ConditionType, Reason};
use crate::api::course::{Motion, Severity, Teller};
use crate::api::event::{EventReason, EventWord};
use crate::api::service_config::EntryProblem;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus, names};
use crate::model::{KeyProblem, ListenerId, ObjectKey, Service};
use crate::plan::{BindingView, Outcome, Step, StepOutcome};
use crate::status::RefusalNews;

/// What the controller was about when it changed something in the cloud.
const PROGRAM: &str = "Program";

/// What the controller was about when it found a gate that it cannot open.
pub(super) const OPEN_GATE: &str = "OpenGate";

/// The most bytes that events.k8s.io takes as a note.
const NOTE_MAX: usize = 1024;

/// A note of a length that the API server takes. It counts bytes, although it says characters.
pub(super) fn note_of(text: &str) -> String {
    if text.len() <= NOTE_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(NOTE_MAX - '…'.len_utf8());
    format!("{}…", &text[..end])
}

/// A rollout repeats the same Events. Each is published once in this time; the status has the result.
const QUIET: Duration = Duration::from_secs(30);

/// When which reason was last told of a binding. Forgetting it costs an Event.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(BTreeMap<&'static str, (Duration, Severity)>);

impl Told {
    /// Those of these Events that are to be told. Every correction says something else.
    pub(super) fn news(&mut self, mut notices: Vec<Notice>, at: Duration) -> Vec<Notice> {
        let correction = EventWord::Other(EventReason::AttributesCorrected);
        notices.retain(|one| one.word == correction || self.is_news(one.word.reason(), one.word.severity(), at));
        notices
    }

    /// Whether to tell it; of what was told as good news, bad news always.
    fn is_news(&mut self, reason: &'static str, severity: Severity, at: Duration) -> bool {
        let is_same = |(last, told): &(Duration, Severity)| {
            at.saturating_sub(*last) < QUIET && (severity == Severity::Normal || severity == *told)
        };
        if self.0.get(reason).is_some_and(is_same) {
            return false;
        }
        self.0.insert(reason, (at, severity));
        true
    }
}

/// An Event about a Pod.
pub(super) fn pod_notice(pod: &ObjectKey, uid: &str, severity: Severity, note: &str) -> Notice {
    Notice {
        about: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(pod.name.clone()),
            namespace: Some(pod.namespace.clone()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        },
        word: EventWord::GateClosed(severity),
        action: OPEN_GATE.to_owned(),
        note: note_of(note),
    }
}

/// What an Event about a Service refers to.
pub fn service_reference(service: &Service) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Service".to_owned()),
        name: Some(service.key.name.clone()),
        namespace: Some(service.key.namespace.clone()),
        uid: Some(service.uid.clone()),
        ..ObjectReference::default()
    }
}

/// Takes in what the controller's ConfigMap says of removals. What cannot be read is said where its users look.
pub(super) fn hear_hold(surroundings: &Surroundings<'_>) -> Option<[Effect; 2]> {
    let config = surroundings.caches.hold();
    let mut brake = surroundings.shared.brake();
    let problem = brake.hear(&config)?;
    let until_then = brake.removals().until_then();
    let notice = hold_notice(&problem, until_then, brake.namespace(), config.uid);
    Some([Effect::Log(Line::HoldUnreadable { problem, until_then }), Effect::Tell(notice)])
}

/// The Event about a ConfigMap of the controller that cannot be read, on it.
fn hold_notice(problem: &KeyProblem, until_then: &str, namespace: &str, uid: Option<String>) -> Notice {
    Notice {
        about: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("ConfigMap".to_owned()),
            name: Some(names::CONTROLLER_CONFIG.to_owned()),
            namespace: Some(namespace.to_owned()),
            uid,
            ..ObjectReference::default()
        },
        word: EventWord::Other(EventReason::HoldUnreadable),
        action: "FollowConfigMap".to_owned(),
        note: note_of(&format!("{problem}; {until_then}")),
    }
}

/// An Event about a write that is refused.
pub fn refusal_notice(news: &RefusalNews, word: EventWord, about: ObjectReference) -> Notice {
    Notice { about, word, action: news.field.action().to_owned(), note: note_of(&news.note) }
}

/// The Events about what is refused for a binding, on it and, where its users look there, on its Service.
pub(super) fn refusal_notices(
    news: &[RefusalNews],
    binding: &DirectAccessBinding,
    service: Option<&Service>,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    for news in news {
        let word = news.field.word();
        notices.push(refusal_notice(news, word, binding.object_ref(&())));
        let service = service.filter(|_| news.field.is_of_service());
        notices.extend(service.map(|service| refusal_notice(news, word, service_reference(service))));
    }
    notices
}

fn find(status: &DirectAccessBindingStatus, kind: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

/// The Events and lines about what was done for a binding that has this status.
pub(super) fn deeds(
    view: &BindingView,
    outcome: &Outcome,
    status: &DirectAccessBindingStatus,
) -> (Vec<Notice>, Vec<Line>) {
    let (mut notices, mut lines) = (Vec::new(), Vec::new());
    let is_known = |id: &ListenerId| status.listeners.iter().any(|row| row.listener_id.as_deref() == Some(id.as_str()));
    let is_done = |became: &StepOutcome| matches!(became, StepOutcome::Done | StepOutcome::Submitted(_));
    for (step, _) in outcome.steps.iter().filter(|(_, became)| is_done(became)) {
        let Some(note) = step.words_for(view.uid(), is_known) else { continue };
        let (binding, reason) = (view.display_name(), reason(step));
        lines.push(Line::Changed { binding, reason: reason.to_string(), note: note.clone() });
        notices.push(notice(view, EventWord::Other(reason), PROGRAM, &note));
    }
    (notices, lines)
}

/// The Events about what changed from one status of a binding to the next.
pub(super) fn announce(
    view: &BindingView,
    before: &DirectAccessBindingStatus,
    after: &DirectAccessBindingStatus,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    if ungated(before) == 0
        && ungated(after) > 0
        && let Some(advice) = after.advice.iter().find(|one| one.reason == AdviceReason::UngatedPods.as_str())
        && view.binding.spec.readiness_gate.policy != GatePolicy::Disabled
    {
        notices.push(notice(view, EventWord::Other(EventReason::UngatedPods), "Reconcile", &advice.message));
    }
    notices.extend(config_notice(&before.config_problems, &after.config_problems, view.binding.object_ref(&())));
    notices.extend(readiness(view, before, after));
    notices
}

/// The Event about problems of a config that were not there before.
pub(super) fn config_notice(before: &[EntryProblem], after: &[EntryProblem], about: ObjectReference) -> Option<Notice> {
    let news: Vec<_> = after.iter().filter(|one| !before.contains(one)).map(ToString::to_string).collect();
    (!news.is_empty()).then(|| Notice {
        about,
        word: EventWord::Other(EventReason::ConfigProblems),
        action: "FollowConfig".to_owned(),
        note: note_of(&news.join("; ")),
    })
}

/// The Event about settings that were taken out of a config, and that the cloud keeps.
pub(super) fn left_notice(left: &[String], about: ObjectReference) -> Option<Notice> {
    (!left.is_empty()).then(|| Notice {
        about,
        word: EventWord::Other(EventReason::SettingsLeft),
        action: "FollowConfig".to_owned(),
        note: note_of(&format!(
            "the config does not name these any more, and they stay as they are: {}",
            left.join("; ")
        )),
    })
}

fn readiness(
    view: &BindingView,
    before: &DirectAccessBindingStatus,
    after: &DirectAccessBindingStatus,
) -> Option<Notice> {
    let ready = find(after, ConditionType::Ready)?;
    // This version has written it.
    let reason: Reason = ready.reason.parse().ok()?;
    let motion = |status| find(status, ConditionType::Stalled).map(|_| Motion::Stuck);
    let severity = |status| reason.severity_in(motion(status));
    let is_known = find(before, ConditionType::Ready).is_some_and(|known| {
        known.reason == ready.reason && known.status == ready.status && severity(before) >= severity(after)
    });
    let is_told = !is_known && reason.teller() == Teller::Binding;
    is_told.then(|| notice(view, EventWord::Condition(reason, motion(after)), "Reconcile", &ready.message))
}

pub(super) fn notice(view: &BindingView, word: EventWord, action: &str, note: &str) -> Notice {
    Notice { about: view.binding.object_ref(&()), word, action: action.to_owned(), note: note_of(note) }
}

/// What people look for in the log of a binding: when it became ready, or ceased to be, and why.
pub(super) fn status_line(
    view: &BindingView,
    before: &DirectAccessBindingStatus,
    after: &DirectAccessBindingStatus,
) -> Line {
    let ready = |status| find(status, ConditionType::Ready).map(|found| (found.status.clone(), found.reason.clone()));
    let news = ready(after).filter(|news| ready(before).as_ref() != Some(news));
    Line::Status { binding: view.display_name(), ready: news }
}

fn ungated(status: &DirectAccessBindingStatus) -> i32 {
    status.gates.as_ref().map_or(0, |gates| gates.ungated_pods)
}

const fn reason(step: &Step) -> EventReason {
    match step {
        Step::CreateListeners { .. } => EventReason::CreatingListeners,
        Step::CreateRules { .. } => EventReason::CreatingRules,
        Step::Register(_) => EventReason::RegisteredTargets,
        Step::Reweight(_) => EventReason::ReweightingTargets,
        Step::Deregister(_) => EventReason::DeregisteredTargets,
        Step::Retag(_)
        | Step::ModifyListener { .. }
        | Step::ModifyDomain { .. }
        | Step::ModifyRule { .. }
        | Step::ModifyLoadBalancer(_)
        | Step::SetSecurityGroups(_) => EventReason::AttributesCorrected,
        Step::CreateLoadBalancer(_) => EventReason::CreatingLoadBalancer,
        Step::DeleteLoadBalancer => EventReason::DeletingLoadBalancer,
        Step::DeleteRules { .. } => EventReason::DeletingRules,
        Step::DeleteListeners(_) => EventReason::DeletingListeners,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::plan::tests::world::World;

    /// A status with these conditions.
    fn status(ready: (&str, Reason), negative: Option<ConditionType>) -> DirectAccessBindingStatus {
        let condition = |kind: ConditionType, status: &str, reason: Reason| Condition {
            type_: kind.to_string(),
            status: status.to_owned(),
            reason: reason.to_string(),
            message: "words".to_owned(),
            observed_generation: Some(1),
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
        };
        let negative = negative.map(|kind| condition(kind, "True", ready.1));
        let conditions = [condition(ConditionType::Ready, ready.0, ready.1)].into_iter().chain(negative).collect();
        DirectAccessBindingStatus { conditions, ..DirectAccessBindingStatus::default() }
    }

    /// Every reason, with every type of an Event that the table gives it, and how it got there.
    #[test]
    fn an_event_of_a_binding_has_the_type_that_the_table_gives_its_reason() {
        let view = World::new(&serde_json::json!({})).snapshot().bindings.remove(0);
        let before = status(("True", Reason::Ready), None);
        for &reason in Reason::ALL.iter().filter(|reason| **reason != Reason::Ready) {
            let told = |before, negative| readiness(&view, before, &status(("False", reason), negative));
            let types = |notice: Option<Notice>| notice.map(|one| (one.word.reason(), one.word.severity()));
            let is_own = reason.teller() == Teller::Binding;
            let expected = |severity| is_own.then_some((reason.as_str(), severity));
            for negative in [None, Some(ConditionType::Reconciling)] {
                assert_eq!(types(told(&before, negative)), expected(reason.severity()), "{reason}");
            }
            let stalled = Some(ConditionType::Stalled);
            assert_eq!(types(told(&before, stalled)), expected(Severity::Warning), "{reason}");
            // What was told as good news is told once more when somebody has to act.
            let moving = status(("False", reason), Some(ConditionType::Reconciling));
            let worse = expected(Severity::Warning).filter(|_| reason.severity() == Severity::Normal);
            assert_eq!(types(told(&moving, stalled)), worse, "{reason}");
            assert_eq!(types(told(&moving, Some(ConditionType::Reconciling))), None, "{reason}");
        }
    }

    #[test]
    fn what_is_said_of_a_binding_names_nothing_of_another() {
        let mut world = World::new(&serde_json::json!({})).with_pods(1..=2);
        let other = serde_json::json!({"listeners": [{"port": 81, "protocol": "TCP", "servicePort": 80}]});
        world.bindings.push(crate::plan::tests::world::binding(2, &other));
        let (snapshot, plan) = (world.snapshot(), world.plan());
        let create = |step: &&Step| matches!(step, Step::CreateListeners { listeners, .. } if listeners.len() == 2);
        assert!(plan.steps.iter().any(|step| create(&step)), "both are created by one call: {:?}", plan.steps);
        let steps = plan.steps.into_iter().map(|step| (step, StepOutcome::Done)).collect();
        let outcome = Outcome { steps, ..Outcome::default() };
        for (view, own) in snapshot.bindings.iter().zip(["create listener 80/TCP", "create listener 81/TCP"]) {
            let (notices, lines) = deeds(view, &outcome, &DirectAccessBindingStatus::default());
            let notes: Vec<_> = notices.iter().map(|notice| notice.note.as_str()).collect();
            assert_eq!((notes.as_slice(), lines.len()), (&[own][..], 1));
        }
    }

    #[test]
    fn no_note_is_longer_than_the_api_server_takes() {
        for text in ["x".repeat(1024), "x".repeat(1025), "值".repeat(342), "x".repeat(5000), "a值".repeat(1000)] {
            let note = note_of(&text);
            assert!(note.len() <= 1024 && (note == text || note.ends_with('…')), "{}", note.len());
        }
    }

    #[test]
    fn what_happens_again_and_again_is_told_now_and_then_and_news_that_has_become_bad_at_once() {
        let (mut told, start) = (Told::default(), Duration::from_secs(1));
        for (reason, severity, after, expected) in [
            ("Ready", Severity::Normal, 0, true),
            ("Ready", Severity::Normal, 29, false),
            ("Waiting", Severity::Normal, 29, true),
            ("Ready", Severity::Normal, 30, true),
            ("Ready", Severity::Warning, 31, true),
            ("Ready", Severity::Warning, 60, false),
            ("Ready", Severity::Normal, 60, false),
            ("Ready", Severity::Warning, 61, true),
        ] {
            let at = start + Duration::from_secs(after);
            assert_eq!(told.is_news(reason, severity, at), expected, "{reason} after {after} s");
        }
    }
}
