//! The only writer to the cloud: a plan's steps, in order, to an outcome.

use crate::clb::{BatchReply, Clb, NewListener, NewListeners, NewTarget, NonEmpty};
use crate::model::{Attributes, Failure, LoadBalancerId};
use crate::plan::{Outcome, Plan, Step, StepOutcome};

/// Runs the steps. The first one that fails or starts a task ends the round's writes: the load balancer is locked or in an
/// unknown state, and the next round decides on what it then sees.
pub(super) async fn apply(clb: &Clb, load_balancer: &LoadBalancerId, plan: &Plan) -> Outcome {
    let mut outcome = Outcome::default();
    let mut is_over = false;
    for step in &plan.steps {
        let result = if is_over {
            StepOutcome::Skipped
        } else {
            run(clb, load_balancer, step).await.unwrap_or_else(StepOutcome::Failed)
        };
        is_over |= matches!(result, StepOutcome::Failed(_) | StepOutcome::Submitted(_));
        tracing::info!(%load_balancer, %step, ?result, "step");
        outcome.steps.push((step.clone(), result));
    }
    outcome
}

async fn run(clb: &Clb, load_balancer: &LoadBalancerId, step: &Step) -> Result<StepOutcome, Failure> {
    match step {
        Step::CreateListeners { protocol, listeners } => {
            let listeners = listeners.iter().map(|(port, name)| NewListener { port: *port, name: name.clone() });
            let listeners = listeners.collect();
            let new = NewListeners { protocol: *protocol, listeners, attributes: Attributes::default() };
            let (_, task) = clb.create_listeners(load_balancer, &new).await?;
            Ok(StepOutcome::Submitted(task))
        }
        Step::Register(targets) => {
            let targets: Vec<_> = targets
                .iter()
                .map(|target| NewTarget {
                    route: target.route.clone(),
                    address: target.address,
                    weight: target.weight,
                    tag: target.tag.clone(),
                })
                .collect();
            Ok(batch(clb.register(load_balancer, &targets).await?))
        }
        Step::Reweight(targets) => Ok(StepOutcome::Submitted(clb.reweight(load_balancer, targets).await?)),
        Step::Deregister(targets) => Ok(batch(clb.deregister(load_balancer, targets).await?)),
        Step::DeleteListeners(ids) => match NonEmpty::from_vec(ids.clone()) {
            Some(ids) => Ok(StepOutcome::Submitted(clb.delete_listeners(load_balancer, ids).await?)),
            None => Ok(StepOutcome::Done),
        },
    }
}

fn batch(reply: BatchReply) -> StepOutcome {
    if reply.failed.is_empty() {
        StepOutcome::Done
    } else {
        StepOutcome::Partial { failed: reply.failed, message: reply.message }
    }
}
