//! What a status records of the load balancer: the one that was seen, or the one that is to be created.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::binding::{LoadBalancerStatus, Mode, limit};
use crate::plan::placement::{self, Placement};
use crate::plan::{BindingPlan, BindingView, Cloud, Step, TagSight};

use super::binding::Round;

/// What the cloud says of a token that it has forgotten, or that came with other parameters (`CreateLoadBalancer`).
const TOKEN_EXPIRED: &str = "InvalidParameter.ClientTokenLimitExceeded";

/// The load balancer that a round tells of; `None` when it tells of none.
pub(super) fn load_balancer(round: &Round<'_>, view: &BindingView, plan: &BindingPlan) -> Option<LoadBalancerStatus> {
    match plan.placement {
        Some(_) => placed(round, view, plan),
        None => seen(round, view, plan),
    }
}

/// What is recorded of a load balancer that is to be created, or was found by its tag.
fn placed(round: &Round<'_>, view: &BindingView, plan: &BindingPlan) -> Option<LoadBalancerStatus> {
    let (region, created) = (round.region.to_string(), view.binding.spec.mode == Mode::Direct);
    let account = account(round, view, "").filter(|_| created);
    Some(match plan.placement.as_ref()? {
        Placement::Found(id) => {
            LoadBalancerStatus { id: id.to_string(), region, account, created, ..Default::default() }
        }
        Placement::Wished(wished) => {
            let at = if has_spent_its_token(round) { round.snapshot.now } else { wished.at };
            let (requested_time, requested_vpc_id) = (Some(Time(at)), wished.vpc_id.clone());
            LoadBalancerStatus {
                region,
                account,
                created: true,
                requested_time,
                requested_vpc_id,
                ..Default::default()
            }
        }
    })
}

/// The token of the creation brings nothing any more: the creation has failed, or the cloud has forgotten it. A new wish makes a new
/// one.
fn has_spent_its_token(round: &Round<'_>) -> bool {
    let is_creation = |step: &Step| matches!(step, Step::CreateLoadBalancer(_));
    round.failed_task.is_some_and(|(step, _)| is_creation(step))
        || round.outcome.failures().any(|(step, failure)| is_creation(step) && failure.code == TOKEN_EXPIRED)
}

/// The account that the load balancer of this id is in: as it is recorded, else the one by which this round has read.
fn account(round: &Round<'_>, view: &BindingView, id: &str) -> Option<String> {
    let recorded = view.binding.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let recorded = recorded.filter(|recorded| recorded.id.is_empty() || recorded.id == id);
    let recorded = recorded.and_then(|recorded| recorded.account.clone());
    recorded.or_else(|| round.snapshot.caller.account().map(ToString::to_string))
}

fn seen(round: &Round<'_>, view: &BindingView, plan: &BindingPlan) -> Option<LoadBalancerStatus> {
    let Cloud::Observed(observed) = &round.snapshot.cloud else { return None };
    let found = &observed.load_balancer;
    Some(LoadBalancerStatus {
        id: found.id.to_string(),
        region: round.region.to_string(),
        account: account(round, view, found.id.as_str()),
        address: found.addresses.first().map(ToString::to_string).or_else(|| found.domain.clone()),
        addresses: found.addresses.iter().take(limit::ADDRESSES).map(ToString::to_string).collect(),
        domain: found.domain.clone(),
        created: placement::created(&view.binding).is_some(),
        former_uids: view.former_uids.iter().take(limit::FORMER_UIDS).cloned().collect(),
        hides_tags: plan.tags == TagSight::Hidden,
        requested_time: None,
        requested_vpc_id: None,
    })
}
