//! What the status of a binding says of its config.

use super::listed;
use super::unmatched::Names;
use crate::api::binding::{ListenerStatus, limit};
use crate::api::condition::ConfigProblem;
use crate::api::service_config::EntryProblem;
use crate::model::{Class, ListenerId};
use crate::mutant::{self, Mutant};
use crate::plan::config::problem;
use crate::plan::{BindingPlan, BindingView, ConfigUsers, ConfigView};
use crate::status::binding::Round;

/// What is wrong with the config, what does not go with what is there, what the cloud has refused, and entries that are for nothing.
pub(in crate::status) fn config_problems(
    round: &Round<'_>,
    view: &BindingView,
    plan: &BindingPlan,
    rows: &[ListenerStatus],
) -> Vec<EntryProblem> {
    if mutant::is(Mutant::UsersNotTold) {
        return Vec::new();
    }
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
    let all = plan.config_problems.iter().cloned().chain(told);
    match &view.config {
        ConfigView::Found { config, users: ConfigUsers::This } => {
            let mut names = Names::default();
            names.add(&view.binding.spec, rows);
            listed(all.chain(names.unmatched(config.wishes())), limit::CONFIG_PROBLEMS)
        }
        ConfigView::Found { config, users: ConfigUsers::Several } => {
            let mut names = Names::default();
            names.add(&view.binding.spec, rows);
            let name = view.display_name();
            listed(all.chain(names.for_nothing_of(config.wishes(), &name)), limit::CONFIG_PROBLEMS)
        }
        _ => listed(all, limit::CONFIG_PROBLEMS),
    }
}
