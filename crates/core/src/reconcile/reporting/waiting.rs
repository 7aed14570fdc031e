//! Events on the Pods that have been waiting for their gates for long.

use super::{Report, Writing};
use crate::api::DirectAccessBindingStatus;
use crate::api::condition::{ConditionType, GateReason, Reason};
use crate::api::event::EventWord;
use crate::plan::{BindingView, GateVerdict, Verdict, unjudged};
use crate::reconcile::effect::Effect;
use crate::reconcile::notices::{OPEN_GATE, notice, pod_notice};
use crate::reconcile::waiting::{News, Wait};
use crate::status::said;

impl Report<'_> {
    /// Tells, on Pods, what they wait for.
    pub(super) fn announce_waiting(&self, statuses: &[DirectAccessBindingStatus], writing: &mut Writing<'_>) {
        let now = writing.now();
        for ((view, plan), status) in self.parts().zip(statuses) {
            let unjudged = unjudged(view, plan, &self.snapshot.cloud);
            let gates = plan.gates.iter().chain(&unjudged);
            let waits = gates.filter_map(|gate| wait(gate, view, status)).collect();
            let News { told, more } = writing.surroundings.shared.waiting().news(view.uid(), waits, now.at, now.wall);
            let told = told.iter().map(|(severity, wait)| pod_notice(&wait.pod, &wait.uid, *severity, &wait.note));
            writing.out.extend(told.map(Effect::Tell));
            writing.out.extend(more.map(|(worst, first, more)| {
                let note =
                    format!("{more} more Pods wait for their gates, such as '{}': {}", first.pod.name, first.note);
                Effect::Tell(notice(view, EventWord::GateClosed(worst), OPEN_GATE, &note))
            }));
        }
    }
}

/// What there is to tell of a Pod; `None` when its gate may open, or it is not there.
fn wait(gate: &GateVerdict, view: &BindingView, status: &DirectAccessBindingStatus) -> Option<Wait> {
    let Verdict::Wait(reason, message) = &gate.verdict else { return None };
    let pod = view.pods.get(&gate.pod_uid)?;
    let name = view.binding.metadata.name.as_deref().unwrap_or_default();
    let more = match (gate.hint.as_str(), reason.remedy().trim_end_matches('.')) {
        ("", remedy) => remedy,
        (hint, _) => hint,
    };
    let trouble = trouble(*reason, status).unwrap_or_default();
    Some(Wait {
        pod: gate.pod.clone(),
        uid: gate.pod_uid.clone(),
        reason: *reason,
        since: gate.since,
        said: said(&pod.gate).map(|(reason, since)| (reason.to_owned(), since)),
        note: format!("DirectAccessBinding '{name}': {message}; {more}{trouble}"),
    })
}

/// What keeps the binding of a Pod from going on, where the Pod's own wait does not say it.
fn trouble(reason: GateReason, status: &DirectAccessBindingStatus) -> Option<String> {
    if matches!(reason, GateReason::HealthCheck | GateReason::ListenerStopped) {
        return None;
    }
    let ready = status.conditions.iter().find(|found| found.type_ == ConditionType::Ready.as_str())?;
    let is_said = |reason: Reason| {
        let says = [Reason::InProgress, Reason::Waiting, Reason::Unhealthy, Reason::NoTargets, Reason::Pending];
        says.contains(&reason)
    };
    let is_news = ready.status != "True" && !ready.reason.parse().is_ok_and(is_said);
    is_news.then(|| format!("; the binding is not ready ({}): {}", ready.reason, ready.message))
}
