//! What would be done to one load balancer, and what there is to say of its bindings.

use serde::Serialize;

use super::is_named;
use super::steps::{action, details};
use crate::api::condition::{ConditionType, Reason};
use crate::cli::Error;
use crate::cli::output::{Printer, Tone};
use crate::cli::remarks::{Remark, Topic, of_plan};
use crate::cli::session::Session;
use crate::cli::world::{Seen, Sight, World};
use crate::model::ListenerId;
use crate::plan::{Problem, Step};
use crate::status::{ForecastEnd, forecast};

/// What was asked for.
pub(super) struct Focus<'a> {
    /// Where.
    pub(super) world: &'a World,
    /// The names of bindings; all when there are none.
    pub(super) names: &'a [String],
}

impl Focus<'_> {
    fn is_mine(&self, seen: &Seen<'_>) -> bool {
        self.world.is_asked_for(&seen.view.binding) && is_named(&seen.view.binding, self.names)
    }

    /// A binding that was asked for is on it.
    pub(super) fn has(&self, sight: &Sight) -> bool {
        sight.bindings().any(|seen| self.is_mine(&seen))
    }
}

/// What would be done to one load balancer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    load_balancer: String,
    /// The bindings that were asked for, and then the others.
    bindings: Vec<String>,
    steps: Vec<StepRow>,
    problems: Vec<ProblemRow>,
    remarks: Vec<RemarkRow>,
    /// How many of the bindings were asked for.
    #[serde(skip)]
    mine: usize,
    /// Something of these follows later than was looked.
    #[serde(skip)]
    end: ForecastEnd,
}

/// Whether somebody asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Owner {
    Mine,
    Other,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepRow {
    action: &'static str,
    summary: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
    /// Which look at the load balancer brings it, from 1.
    round: usize,
    /// How long drains last before it, in seconds.
    #[serde(skip_serializing_if = "is_zero")]
    after_seconds: i64,
    #[serde(skip)]
    owner: Owner,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemRow {
    binding: String,
    condition: &'static str,
    reason: &'static str,
    message: String,
    #[serde(skip)]
    owner: Owner,
    #[serde(skip)]
    is_impossible: bool,
}

/// What there is to say of a binding besides.
#[derive(Serialize)]
struct RemarkRow {
    binding: String,
    #[serde(flatten)]
    remark: Remark,
    #[serde(skip)]
    owner: Owner,
}

/// The binding can never work as it is written: waiting does not help, and neither does anything in the cloud.
fn is_impossible(problem: &Problem, has_load_balancer: bool) -> bool {
    let is_of_spec = matches!(problem.condition, ConditionType::Accepted | ConditionType::ResolvedRefs);
    let is_somebodys_wish = matches!(problem.reason, Reason::Suspended | Reason::Parked | Reason::Deleting);
    // What the controller may read is not known here, and TKE may yet choose a load balancer.
    let may_change = matches!(problem.reason, Reason::SwitchesRefused)
        || problem.reason == Reason::LoadBalancerNotFound && !has_load_balancer;
    is_of_spec && !is_somebodys_wish && !may_change
}

impl Row {
    pub(super) fn new(session: &Session, focus: &Focus<'_>, sight: &Sight) -> Self {
        let owner = |seen: &Seen<'_>| if focus.is_mine(seen) { Owner::Mine } else { Owner::Other };
        let mut all: Vec<_> = sight.bindings().map(|seen| (owner(&seen), seen)).collect();
        all.sort_by_key(|(owner, _)| *owner != Owner::Mine);
        let problems = all.iter().flat_map(|(owner, seen)| {
            seen.plan.problems.iter().map(|problem| ProblemRow {
                binding: seen.view.display_name(),
                condition: problem.condition.as_str(),
                reason: problem.reason.as_str(),
                message: problem.message.clone(),
                owner: *owner,
                is_impossible: is_impossible(problem, sight.home.is_some()),
            })
        });
        let remarks = all.iter().flat_map(|(owner, seen)| {
            let binding = seen.view.display_name();
            of_plan(seen.plan).into_iter().map(move |remark| RemarkRow {
                binding: binding.clone(),
                remark,
                owner: *owner,
            })
        });
        let mine: Vec<_> = all.iter().filter(|(owner, _)| *owner == Owner::Mine).map(|(_, seen)| *seen).collect();
        let (steps, end) = steps(session, sight, &mine);
        Self {
            load_balancer: match &sight.home {
                Some((region, id)) => format!("{id} ({region})"),
                None => "no load balancer yet".to_owned(),
            },
            bindings: all.iter().map(|(_, seen)| seen.view.display_name()).collect(),
            steps,
            problems: problems.collect(),
            remarks: remarks.collect(),
            mine: mine.len(),
            end,
        }
    }

    /// Nothing would be done for what was asked for.
    pub(super) fn is_empty(&self) -> bool {
        !self.steps.iter().any(|step| step.owner == Owner::Mine)
    }

    /// Something that was asked for can never work as it is written.
    pub(super) fn is_impossible(&self) -> bool {
        let is_config = |row: &RemarkRow| row.owner == Owner::Mine && row.remark.topic == Topic::Config;
        let of_mine = |row: &ProblemRow| row.owner == Owner::Mine && row.is_impossible;
        self.problems.iter().any(of_mine) || self.remarks.iter().any(is_config)
    }

    pub(super) fn print(&self, is_everything_shown: bool, printer: &mut Printer) -> Result<(), Error> {
        let is_shown = |owner: Owner| owner == Owner::Mine || is_everything_shown;
        let bindings = if is_everything_shown { &self.bindings[..] } else { &self.bindings[..self.mine] };
        let steps: Vec<_> = self.steps.iter().filter(|step| is_shown(step.owner)).collect();
        let count = match steps.len() {
            0 => "nothing to do".to_owned(),
            1 => "1 step".to_owned(),
            count => format!("{count} steps"),
        };
        printer.line(format!("{}, {}: {count}", self.load_balancer, bindings.join(", ")))?;
        let mut waited = 0;
        for step in steps {
            if step.after_seconds > waited {
                printer.line(format!("  after {} s, in which connections end:", step.after_seconds - waited))?;
                waited = step.after_seconds;
            }
            printer.line(format!("  {}: {}", step.action, step.summary))?;
            step.details.iter().try_for_each(|detail| printer.line(format!("    {detail}")))?;
        }
        if self.end == ForecastEnd::Unknown {
            printer.line("  and more, which was not looked for: plan again once this is done")?;
        }
        for problem in self.problems.iter().filter(|problem| is_shown(problem.owner)) {
            let mark = printer.tint(Tone::Bad, "✗");
            printer.line(format!("  {mark} {} {}: {}", problem.binding, problem.reason, problem.message))?;
        }
        for row in self.remarks.iter().filter(|row| is_shown(row.owner)) {
            let mark = printer.tint(Tone::Odd, "!");
            printer.line(format!("  {mark} {}: {}", row.binding, row.remark.message))?;
        }
        self.folded().filter(|_| !is_everything_shown).map_or(Ok(()), |line| printer.line(format!("  {line}")))
    }

    /// What others have on the load balancer, in one line; nothing where they have nothing.
    fn folded(&self) -> Option<String> {
        let others = self.bindings.len().saturating_sub(self.mine);
        let count = |word: &str, count: usize| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let steps = self.steps.iter().filter(|step| step.owner == Owner::Other).count();
        let problems = self.problems.iter().filter(|problem| problem.owner == Owner::Other).count();
        (others > 0).then(|| {
            let (others, steps, problems) =
                (count("other binding", others), count("step", steps), count("problem", problems));
            format!("{others} on it: {steps}, {problems} (--all shows them)")
        })
    }
}

/// All steps to the end, those of others too.
fn steps(session: &Session, sight: &Sight, mine: &[Seen<'_>]) -> (Vec<StepRow>, ForecastEnd) {
    let region = sight.home.as_ref().map_or(&session.region, |(region, _)| region);
    let forecast = forecast(&sight.snapshot, region);
    let owner = |step: &Step| {
        let is_mine = mine.iter().any(|seen| step.concerns(seen.view.uid(), |listener| has(seen, listener)));
        if is_mine { Owner::Mine } else { Owner::Other }
    };
    let mut rows = Vec::new();
    let mut waited = 0;
    for (at, round) in forecast.rounds.iter().enumerate() {
        waited += round.after.as_secs();
        rows.extend(round.steps.iter().map(|step| StepRow {
            action: action(step),
            summary: step.to_string(),
            details: details(step),
            round: at + 1,
            after_seconds: waited,
            owner: owner(step),
        }));
    }
    (rows, forecast.end)
}

/// The listener is one of the binding's, or is to be.
fn has(seen: &Seen<'_>, listener: &ListenerId) -> bool {
    seen.routes.iter().any(|route| {
        let new = format!("(new {}/{})", route.port, route.protocol);
        route.listener.as_ref() == Some(listener) || route.listener.is_none() && listener.as_str() == new
    }) || seen.owns(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waiting_helps_is_not_impossible() {
        let problem = |condition, reason| Problem { condition, reason, message: String::new() };
        use ConditionType::{Accepted, Programmed, ResolvedRefs};
        for (condition, reason, has_load_balancer, expected) in [
            (Accepted, Reason::PortConflict, true, true),
            (ResolvedRefs, Reason::LoadBalancerNotFound, true, true),
            (ResolvedRefs, Reason::LoadBalancerNotFound, false, false),
            (ResolvedRefs, Reason::ServiceNotFound, true, true),
            (ResolvedRefs, Reason::ConfigNotFound, true, true),
            (Accepted, Reason::ManagedByTke, true, true),
            (Accepted, Reason::Suspended, true, false),
            (Accepted, Reason::SwitchesRefused, true, false),
            (Programmed, Reason::QuotaExceeded, true, false),
        ] {
            assert_eq!(is_impossible(&problem(condition, reason), has_load_balancer), expected, "{reason}");
        }
    }
}
