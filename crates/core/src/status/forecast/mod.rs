//! What a plan leads to: the rounds that follow it, played on what was read, for people who ask before anything is done.
//!
//! It is assumed that the cloud does what it is asked for and shows it, that targets which are registered are found healthy, that gates
//! open by that, and that nobody changes an object. Time passes only where a drain waits for it.

mod cloud;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::DirectAccessBindingStatus;
use crate::model::{GateState, Region};
use crate::plan::placement::Placement;
use crate::plan::{BindingPlan, BindingView, Cloud, Outcome, Plan, ReadState, Snapshot, Step, Verdict, plan};

use super::{Round, Visit, binding_status};

/// The most rounds that are played.
const ROUNDS: usize = 24;
/// How long a round takes.
const ROUND_LASTS: SignedDuration = SignedDuration::from_secs(1);

/// The rounds in which something is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// They, in their order.
    pub rounds: Vec<ForecastRound>,
    /// How they end.
    pub end: ForecastEnd,
}

/// One round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForecastRound {
    /// What is done.
    pub steps: Vec<Step>,
    /// How long a drain lasts that this waits for since the round before; zero where it waits for none.
    pub after: SignedDuration,
}

/// How the rounds end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForecastEnd {
    /// Nothing is left to do.
    #[default]
    Rest,
    /// Something is, after as many rounds as are played.
    Unknown,
}

/// Plays what follows from a snapshot. The first round is its plan. `region` is that of the load balancer.
pub fn forecast(snapshot: &Snapshot, region: &Region) -> Forecast {
    let mut play = Play { snapshot: snapshot.clone(), region };
    let mut rounds = Vec::new();
    let mut after = SignedDuration::ZERO;
    for _ in 0..ROUNDS {
        let plan = plan(&play.snapshot);
        let has_news = play.carry_out(&plan);
        if !plan.steps.is_empty() {
            rounds.push(ForecastRound { steps: plan.steps, after: std::mem::take(&mut after) });
            play.wait(ROUND_LASTS);
        } else if !has_news {
            let Some(wait) = next_drain(&plan, play.snapshot.now) else {
                return Forecast { rounds, end: ForecastEnd::Rest };
            };
            after += wait;
            play.wait(wait);
        }
    }
    Forecast { rounds, end: ForecastEnd::Unknown }
}

/// How long it takes until a drain is over; `None` when nothing waits for one.
fn next_drain(plan: &Plan, now: Timestamp) -> Option<SignedDuration> {
    let draining = plan.bindings.iter().filter(|part| !part.draining.is_empty());
    let next = draining.filter_map(|part| part.look_at).filter(|time| *time > now).min()?;
    Some(next.duration_since(now))
}

struct Play<'a> {
    snapshot: Snapshot,
    region: &'a Region,
}

impl Play<'_> {
    /// Does what is planned, and writes what the controller would write. Says whether Kubernetes shows something new by that.
    fn carry_out(&mut self, plan: &Plan) -> bool {
        let before = self.snapshot.clone();
        self.snapshot.reads = ReadState::Settled;
        self.snapshot.remembered.see(&before, plan);
        for step in &plan.steps {
            cloud::perform(&mut self.snapshot.cloud, step);
            self.snapshot.remembered.end(step);
        }
        cloud::probe(&mut self.snapshot.cloud);
        let has_statuses = self.write_statuses(&before, plan);
        let has_gates = self.open_gates(plan);
        self.place(plan);
        has_statuses || has_gates
    }

    fn write_statuses(&mut self, before: &Snapshot, plan: &Plan) -> bool {
        let round = Round {
            snapshot: before,
            outcome: &Outcome::default(),
            region: self.region,
            failed_task: None,
            refused_gates: &[],
            refused_writes: &[],
            visit: Visit::Later,
        };
        let mut has_news = false;
        for ((view, now), part) in before.bindings.iter().zip(&mut self.snapshot.bindings).zip(&plan.bindings) {
            let status = next_status(&round, view, part);
            if view.binding.status.as_ref() != Some(&status) {
                Arc::make_mut(&mut now.binding).status = Some(status);
                has_news = true;
            }
        }
        has_news
    }

    fn open_gates(&mut self, plan: &Plan) -> bool {
        let gates = plan.bindings.iter().flat_map(|part| &part.gates);
        let open: BTreeSet<_> =
            gates.filter(|gate| matches!(gate.verdict, Verdict::Open(_))).map(|gate| gate.pod_uid.as_str()).collect();
        let mut has_news = false;
        for view in &mut self.snapshot.bindings {
            let waits = |uid: &str| view.pods.get(uid).is_some_and(|pod| pod.gate.is_waiting());
            let opening: Vec<_> = open.iter().filter(|uid| waits(uid)).collect();
            has_news |= !opening.is_empty();
            for uid in opening {
                if let Some(pod) = Arc::make_mut(&mut view.pods).get_mut(*uid) {
                    Arc::make_mut(pod).gate = GateState::Open;
                }
            }
        }
        has_news
    }

    /// A load balancer that was created is the one that rounds are about once its id is recorded.
    fn place(&mut self, plan: &Plan) {
        let Cloud::Unplaced(found) = &self.snapshot.cloud else { return };
        let placed = plan.bindings.iter().find_map(|part| match &part.placement {
            Some(Placement::Found(id)) => found.iter().find(|one| one.id == *id && cloud::is_new(id)),
            _ => None,
        });
        if let Some(load_balancer) = placed.cloned() {
            self.snapshot.load_balancer = load_balancer.id.clone();
            self.snapshot.cloud = cloud::empty(load_balancer);
        }
    }

    fn wait(&mut self, time: SignedDuration) {
        self.snapshot.now = self.snapshot.now.saturating_add(time).unwrap_or(self.snapshot.now);
        self.snapshot.at += Duration::try_from(time).unwrap_or_default();
    }
}

/// The status after a round; annotations of Services are of no account here.
fn next_status(round: &Round<'_>, view: &BindingView, part: &BindingPlan) -> DirectAccessBindingStatus {
    let previous = view.binding.status.clone().unwrap_or_default();
    let annotations = previous.annotations.clone();
    DirectAccessBindingStatus { annotations, ..binding_status(round, view, part, &[], &previous) }
}

#[cfg(test)]
mod tests;
