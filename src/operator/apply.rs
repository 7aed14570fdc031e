//! The only writer to the cloud: a plan's steps, in order, to an outcome. Each call leaves only while this replica leads.

use std::time::Instant;

use tracing::{Instrument, error_span};

use super::creation::new_load_balancer;
use super::leadership::Leadership;
use super::metrics::Metrics;
use super::refusal::Refusals;
use crate::clb::wire::InternetAccessible;
use crate::clb::{BatchReply, LoadBalancerChange, NewListener, NewListeners, NewRule, NewTarget, NonEmpty, Writer};
use crate::model::{Attribute, Failure, LoadBalancerId};
use crate::plan::{self, Change, Outcome, Plan, Step, StepOutcome};

/// Runs the steps. What [ends the round](StepOutcome::ends_round) is followed by nothing: the load balancer is locked or in an
/// unknown state, and the next round decides on what it then sees.
pub(super) async fn apply(
    clb: &Writer<'_, Leadership>,
    load_balancer: &LoadBalancerId,
    plan: &Plan,
    refusals: &mut Refusals,
    metrics: &Metrics,
) -> Outcome {
    refusals.forget_all_but(&plan.steps);
    let mut outcome = Outcome::default();
    let mut is_over = false;
    for step in &plan.steps {
        let result = if is_over {
            StepOutcome::Skipped
        } else if let Some(failure) = refusals.held(step, Instant::now()) {
            StepOutcome::Held(failure)
        } else {
            // The client tells of the call that the step becomes.
            let ran = run(clb, load_balancer, step).instrument(error_span!("step", %step));
            ran.await.unwrap_or_else(StepOutcome::Failed)
        };
        is_over |= result.ends_round(step);
        match &result {
            StepOutcome::Failed(failure) => {
                refusals.note(step, failure, Instant::now());
                let (class, request_id) = (failure.class.as_str(), failure.request_id.as_deref());
                tracing::warn!(%step, class, request_id, %failure, "step failed");
            }
            StepOutcome::Done | StepOutcome::Submitted(_) => metrics.targets_changed(step),
            StepOutcome::Partial { .. } | StepOutcome::Held(_) | StepOutcome::Skipped => {}
        }
        outcome.steps.push((step.clone(), result));
    }
    outcome
}

async fn run(
    clb: &Writer<'_, Leadership>,
    load_balancer: &LoadBalancerId,
    step: &Step,
) -> Result<StepOutcome, Failure> {
    let task = match step {
        Step::Register(targets) => return register(clb, load_balancer, targets).await,
        Step::Deregister(targets) => {
            let targets: Vec<_> = targets.iter().map(|one| (one.route.clone(), one.address)).collect();
            return Ok(batch(clb.deregister(load_balancer, &targets).await?));
        }
        Step::CreateListeners { protocol, attributes, listeners } => {
            let listeners = listeners.iter().map(|(port, name)| NewListener { port: *port, name: name.clone() });
            let (protocol, attributes) = (*protocol, attributes.clone());
            let new = NewListeners { protocol, listeners: listeners.collect(), attributes };
            clb.create_listeners(load_balancer, &new).await?.1
        }
        Step::CreateRules { listener, rules } => {
            let rule = |rule: &plan::NewRule| NewRule {
                domain: rule.domain.clone(),
                url: rule.url.clone(),
                attributes: rule.attributes.clone(),
            };
            let rules: Vec<_> = rules.iter().map(rule).collect();
            clb.create_rules(load_balancer, listener, &rules).await?.1
        }
        Step::Reweight(targets) => {
            let targets: Vec<_> = targets.iter().map(|one| (one.route.clone(), one.address, one.to)).collect();
            clb.reweight(load_balancer, &targets).await?
        }
        Step::ModifyListener { listener, change } => {
            clb.modify_listener(load_balancer, listener, &change.attributes).await?
        }
        Step::ModifyDomain { listener, domain, change } => {
            clb.modify_domain(load_balancer, listener, domain, &change.attributes).await?
        }
        Step::ModifyRule { listener, rule, change } => {
            clb.modify_rule(load_balancer, listener, rule, &change.attributes).await?
        }
        Step::CreateLoadBalancer(creation) => clb.create_load_balancer(&new_load_balancer(creation)).await?.1,
        Step::SetSecurityGroups(change) => {
            let groups = change.attributes.text(Attribute::SecurityGroups).unwrap_or_default();
            let groups: Vec<_> = groups.split(',').map(str::to_owned).collect();
            clb.set_security_groups(load_balancer, &groups).await?
        }
        Step::DeleteLoadBalancer => clb.delete_load_balancer(load_balancer, false).await?,
        Step::ModifyLoadBalancer(change) => {
            clb.modify_load_balancer(load_balancer, &load_balancer_change(change)).await?
        }
        Step::DeleteRules { listener, rules, new_default, .. } => match NonEmpty::from_vec(rules.clone()) {
            Some(rules) => clb.delete_rules(load_balancer, listener, rules, new_default.as_deref()).await?,
            None => return Ok(StepOutcome::Done),
        },
        Step::DeleteListeners(ids) => match NonEmpty::from_vec(ids.iter().map(|(id, _)| id.clone()).collect()) {
            Some(ids) => clb.delete_listeners(load_balancer, ids).await?,
            None => return Ok(StepOutcome::Done),
        },
    };
    Ok(StepOutcome::Submitted(task))
}

async fn register(
    clb: &Writer<'_, Leadership>,
    load_balancer: &LoadBalancerId,
    targets: &[plan::Registration],
) -> Result<StepOutcome, Failure> {
    let target = |target: &plan::Registration| NewTarget {
        route: target.route.clone(),
        address: target.address,
        weight: target.weight,
        tag: target.tag.clone(),
    };
    let targets: Vec<_> = targets.iter().map(target).collect();
    Ok(batch(clb.register(load_balancer, &targets).await?))
}

fn load_balancer_change(change: &Change) -> LoadBalancerChange {
    let bandwidth = change.attributes.number(Attribute::Bandwidth);
    let accessible =
        |mbps| InternetAccessible { internet_max_bandwidth_out: Some(mbps), ..InternetAccessible::default() };
    LoadBalancerChange {
        internet_accessible: bandwidth.map(accessible),
        snat_pro: change.attributes.switch(Attribute::SnatPro),
        pass_to_target: change.attributes.switch(Attribute::PassToTarget),
        ..LoadBalancerChange::default()
    }
}

fn batch(reply: BatchReply) -> StepOutcome {
    if reply.failed.is_empty() {
        StepOutcome::Done
    } else {
        let BatchReply { failed, message, task } = &reply;
        tracing::warn!(request_id = %task, listeners = ?failed, reply = %message, "done in part; the rest will be tried again");
        StepOutcome::Partial { failed: reply.failed, message: reply.message }
    }
}
