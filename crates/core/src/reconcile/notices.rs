//! Events: one for each result that a user may want to know of, on the binding.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;

use super::effect::{Effect, Line, Notice, NoticeKind};
use super::surroundings::Surroundings;
use crate::api::advice::AdviceReason;
use crate::api::binding::GatePolicy;
use crate::api::condition::{ConditionType, Reason};
use crate::api::event::EventReason;
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
pub(super) struct Told(BTreeMap<String, (Duration, NoticeKind)>);

impl Told {
    /// Those of these Events that are to be told. Every correction says something else.
    pub(super) fn news(&mut self, mut notices: Vec<Notice>, at: Duration) -> Vec<Notice> {
        let correction = EventReason::AttributesCorrected.as_str();
        notices.retain(|one| one.reason == correction || self.is_news(&one.reason, one.kind, at));
        notices
    }

    /// Whether to tell it; of what was told as good news, bad news always.
    fn is_news(&mut self, reason: &str, kind: NoticeKind, at: Duration) -> bool {
        let is_same = |(last, told): &(Duration, NoticeKind)| {
            at.saturating_sub(*last) < QUIET && (kind == NoticeKind::Normal || kind == *told)
        };
        if self.0.get(reason).is_some_and(is_same) {
            return false;
        }
        self.0.insert(reason.to_owned(), (at, kind));
        true
    }
}

/// An Event about a Pod.
pub(super) fn pod_notice(pod: &ObjectKey, uid: &str, kind: NoticeKind, note: &str) -> Notice {
    Notice {
        about: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(pod.name.clone()),
            namespace: Some(pod.namespace.clone()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        },
        kind,
        reason: EventReason::GateClosed.as_str().to_owned(),
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
        kind: NoticeKind::Warning,
        reason: EventReason::HoldUnreadable.as_str().to_owned(),
        action: "FollowConfigMap".to_owned(),
        note: note_of(&format!("{problem}; {until_then}")),
    }
}

/// An Event about a write that is refused.
pub fn refusal_notice(news: &RefusalNews, reason: &str, about: ObjectReference) -> Notice {
    Notice {
        about,
        kind: NoticeKind::Warning,
        reason: reason.to_owned(),
        action: news.field.action().to_owned(),
        note: note_of(&news.note),
    }
}

/// The Events about what is refused for a binding, on it and, where its users look there, on its Service.
pub(super) fn refusal_notices(
    news: &[RefusalNews],
    binding: &DirectAccessBinding,
    service: Option<&Service>,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    for news in news {
        let reason = news.field.reason().as_str();
        notices.push(refusal_notice(news, reason, binding.object_ref(&())));
        let service = service.filter(|_| news.field.is_of_service());
        notices.extend(service.map(|service| refusal_notice(news, reason, service_reference(service))));
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
    for (step, became) in &outcome.steps {
        let is_done = matches!(became, StepOutcome::Done | StepOutcome::Submitted(_));
        if is_done && step.concerns(view.uid(), is_known) {
            let changes = step.target_changes(view.uid());
            let note = if changes.is_empty() { step.to_string() } else { changes.join("; ") };
            let (binding, reason) = (view.display_name(), reason(step));
            lines.push(Line::Changed { binding, reason: reason.to_string(), note: note.clone() });
            notices.push(notice(view, kind_of(reason), reason.as_str(), PROGRAM, &note));
        }
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
        let reason = EventReason::UngatedPods;
        notices.push(notice(view, kind_of(reason), reason.as_str(), "Reconcile", &advice.message));
    }
    notices.extend(config_notice(&before.config_problems, &after.config_problems, view.binding.object_ref(&())));
    notices.extend(readiness(view, before, after));
    notices
}

/// The Event about problems of a config that were not there before.
pub(super) fn config_notice(before: &[EntryProblem], after: &[EntryProblem], about: ObjectReference) -> Option<Notice> {
    let news: Vec<_> = after.iter().filter(|one| !before.contains(one)).map(ToString::to_string).collect();
    let reason = EventReason::ConfigProblems;
    (!news.is_empty()).then(|| Notice {
        about,
        kind: kind_of(reason),
        reason: reason.as_str().to_owned(),
        action: "FollowConfig".to_owned(),
        note: note_of(&news.join("; ")),
    })
}

/// The Event about settings that were taken out of a config, and that the cloud keeps.
pub(super) fn left_notice(left: &[String], about: ObjectReference) -> Option<Notice> {
    let reason = EventReason::SettingsLeft;
    (!left.is_empty()).then(|| Notice {
        about,
        kind: kind_of(reason),
        reason: reason.as_str().to_owned(),
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
    let known = find(before, ConditionType::Ready);
    if known.is_some_and(|known| known.status == ready.status && known.reason == ready.reason) {
        return None;
    }
    let is_told = |reason: &Reason| ready.reason == reason.as_str();
    if [Reason::GateNotWritten, Reason::NotWritten].iter().any(is_told) {
        // Each write that is refused has an Event of its own.
        return None;
    }
    let is_stuck = find(after, ConditionType::Stalled).is_some();
    let kind = match ready.reason.parse::<Reason>() {
        Ok(reason) if !is_stuck => reason.severity(),
        Ok(_) | Err(_) => NoticeKind::Warning,
    };
    Some(notice(view, kind, &ready.reason, "Reconcile", &ready.message))
}

const fn kind_of(reason: EventReason) -> NoticeKind {
    if reason.is_warning() { NoticeKind::Warning } else { NoticeKind::Normal }
}

pub(super) fn notice(view: &BindingView, kind: NoticeKind, reason: &str, action: &str, note: &str) -> Notice {
    Notice {
        about: view.binding.object_ref(&()),
        kind,
        reason: reason.to_owned(),
        action: action.to_owned(),
        note: note_of(note),
    }
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
        Step::ModifyListener { .. }
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
    use super::*;

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
        for (reason, kind, after, expected) in [
            ("Ready", NoticeKind::Normal, 0, true),
            ("Ready", NoticeKind::Normal, 29, false),
            ("Waiting", NoticeKind::Normal, 29, true),
            ("Ready", NoticeKind::Normal, 30, true),
            ("Ready", NoticeKind::Warning, 31, true),
            ("Ready", NoticeKind::Warning, 60, false),
            ("Ready", NoticeKind::Normal, 60, false),
            ("Ready", NoticeKind::Warning, 61, true),
        ] {
            let at = start + Duration::from_secs(after);
            assert_eq!(told.is_news(reason, kind, at), expected, "{reason} after {after} s");
        }
    }
}
