//! The only writer to the cloud: a step to a call. Each call leaves only while this replica leads.

use tracing::{Instrument, error_span};

use super::context::Context;
use super::creation::new_load_balancer;
use super::reads::client;
use crate::clb::error::{FAILED_LISTENERS, classify};
use crate::clb::wire::InternetAccessible;
use crate::clb::{
    BatchReply, Fence, LoadBalancerChange, NewListener, NewListeners, NewRule, NewTarget, NonEmpty, Writer,
};
use crate::model::{Attribute, Failure, LoadBalancerId};
use crate::plan::{self, Change, Step};
use crate::reconcile::{Key, Reply};

/// Makes the call that a step becomes.
///
/// # Errors
///
/// What the cloud has against it.
pub(super) async fn call(context: &Context, key: &Key, step: &Step) -> Result<Reply, Failure> {
    let cloud = client(context, key.region())?;
    let writer = cloud.clb.writer(&context.leadership);
    // The client tells of the call.
    let reply = run(&writer, &key.load_balancer(), step).instrument(error_span!("step", %step)).await;
    match &reply {
        Ok(Reply::Done | Reply::Submitted(_)) => context.metrics.targets_changed(step),
        Ok(Reply::DoneExcept(listeners, failure)) => {
            let request_id = failure.request_id.as_deref();
            let reply = &failure.message;
            tracing::warn!(%step, ?listeners, request_id, reply, "done in part; the rest will be tried again");
        }
        Err(failure) => {
            let (class, request_id) = (failure.class.as_str(), failure.request_id.as_deref());
            tracing::warn!(%step, class, request_id, %failure, "step failed");
        }
    }
    reply
}

/// Makes the call that a step becomes, by this client.
///
/// # Errors
///
/// What the cloud has against it.
pub async fn run<F: Fence>(clb: &Writer<'_, F>, load_balancer: &LoadBalancerId, step: &Step) -> Result<Reply, Failure> {
    let task = match step {
        Step::Register(targets) => return register(clb, load_balancer, targets).await,
        Step::Deregister(targets) => {
            let targets: Vec<_> = targets.iter().map(|one| (one.route.clone(), one.address)).collect();
            return Ok(batch("BatchDeregisterTargets", clb.deregister(load_balancer, &targets).await?));
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
        Step::Retag(marks) => {
            let marks: Vec<_> = marks.iter().map(|one| (one.route.clone(), one.address, one.tag.clone())).collect();
            clb.retag(load_balancer, &marks).await?
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
            None => return Ok(Reply::Done),
        },
        Step::DeleteListeners(ids) => match NonEmpty::from_vec(ids.iter().map(|(id, _)| id.clone()).collect()) {
            Some(ids) => clb.delete_listeners(load_balancer, ids).await?,
            None => return Ok(Reply::Done),
        },
    };
    Ok(Reply::Submitted(task))
}

async fn register<F: Fence>(
    clb: &Writer<'_, F>,
    load_balancer: &LoadBalancerId,
    targets: &[plan::Registration],
) -> Result<Reply, Failure> {
    let target = |target: &plan::Registration| NewTarget {
        route: target.route.clone(),
        address: target.address,
        weight: target.weight,
        tag: target.tag.clone(),
    };
    let targets: Vec<_> = targets.iter().map(target).collect();
    Ok(batch("BatchRegisterTargets", clb.register(load_balancer, &targets).await?))
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

fn batch(action: &'static str, reply: BatchReply) -> Reply {
    if reply.failed.is_empty() {
        return Reply::Done;
    }
    let failure = Failure {
        class: classify(action, FAILED_LISTENERS, &reply.message),
        action,
        code: FAILED_LISTENERS.to_owned(),
        message: reply.message,
        request_id: Some(reply.task.to_string()),
    };
    Reply::DoneExcept(reply.failed, failure)
}
