//! What the status of a binding says of its config.

use super::{User, for_nothing_of, unmatched};
use crate::api::binding::{ListenerStatus, limit};
use crate::api::condition::ConfigProblem;
use crate::api::service_config::EntryProblem;
use crate::model::{Class, ListenerId};
use crate::plan::config::{problem, wishes};
use crate::plan::{BindingPlan, BindingView, ConfigUsers, ConfigView};
use crate::status::binding::Round;

/// What is wrong with the config, what does not go with what is there, what the cloud has refused, and entries that are for nothing.
pub(in crate::status) fn config_problems(
    round: &Round<'_>,
    view: &BindingView,
    plan: &BindingPlan,
    rows: &[ListenerStatus],
) -> Vec<EntryProblem> {
    let has = |id: &ListenerId| plan.listeners.iter().any(|listener| listener.id.as_ref() == Some(id));
    let refused = round.outcome.failures().filter(|(step, failure)| {
        matches!(failure.class, Class::Invalid | Class::Denied) && step.concerns(view.uid(), has)
    });
    let told = refused.filter_map(|(step, failure)| {
        let change = step.change()?;
        let fields: Vec<_> = change.drift.iter().map(|drift| drift.attribute.field()).collect();
        let message = format!("{}: {}", failure.code, failure.message);
        Some(problem(&change.subject, Some(&fields.join(", ")), ConfigProblem::Refused, &message))
    });
    let unmatched = match &view.config {
        ConfigView::Found { config, users: ConfigUsers::This } => {
            unmatched(&wishes(config), &[User { spec: &view.binding.spec, rows }])
        }
        ConfigView::Found { config, users: ConfigUsers::Several } => {
            for_nothing_of(&wishes(config), &User { spec: &view.binding.spec, rows }, &view.display_name())
        }
        _ => Vec::new(),
    };
    plan.config_problems.iter().cloned().chain(told).chain(unmatched).take(limit::CONFIG_PROBLEMS).collect()
}
