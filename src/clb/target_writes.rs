//! Writes to targets, in batches over the listeners and rules of a load balancer.

use std::collections::BTreeMap;

use super::client::checked;
use super::fence::{Fence, Writer};
use super::request::{BatchReply, NewTarget};
use super::wire::{self, Action};
use crate::model::{Address, Failure, Limits, ListenerId, LoadBalancerId, Route, TaskId, Weight};

/// The highest weight of a target.
const HIGHEST_WEIGHT: Weight = 100;

impl<F: Fence> Writer<'_, F> {
    /// Registers 1–500 targets.
    ///
    /// # Errors
    /// When the call failed as a whole; [`BatchReply::failed`] says what failed in part.
    pub async fn register(&self, load_balancer: &LoadBalancerId, targets: &[NewTarget]) -> Result<BatchReply, Failure> {
        let action = wire::BatchRegisterTargets::NAME;
        batch_size(action, targets.len(), Limits::default().targets_per_batch)?;
        targets.iter().try_for_each(|target| weight(action, target.weight))?;
        let targets = targets.iter().map(|target| wire::BatchTarget {
            weight: Some(i64::from(target.weight)),
            tag: Some(target.tag.clone()).filter(|tag| !tag.is_empty()),
            ..batch_target(&target.route, target.address)
        });
        let load_balancer_id = load_balancer.to_string();
        self.batch(&wire::BatchRegisterTargets { load_balancer_id, targets: targets.collect() }).await
    }

    /// Deregisters 1–500 targets.
    ///
    /// # Errors
    /// When the call failed as a whole, also because a target was not registered
    /// ([`Class::NotFound`](crate::model::Class::NotFound)); [`BatchReply::failed`] says what failed in part.
    pub async fn deregister(
        &self,
        load_balancer: &LoadBalancerId,
        targets: &[(Route, Address)],
    ) -> Result<BatchReply, Failure> {
        let action = wire::BatchDeregisterTargets::NAME;
        batch_size(action, targets.len(), Limits::default().targets_per_batch)?;
        let targets = targets.iter().map(|(route, address)| batch_target(route, *address));
        let load_balancer_id = load_balancer.to_string();
        self.batch(&wire::BatchDeregisterTargets { load_balancer_id, targets: targets.collect() }).await
    }

    /// Changes the weights of 1–500 targets, of which the task is all that is ever known.
    ///
    /// # Errors
    /// When the call failed, or the targets make more than 100 entries of one route and 50 targets each.
    pub async fn reweight(
        &self,
        load_balancer: &LoadBalancerId,
        targets: &[(Route, Address, Weight)],
    ) -> Result<TaskId, Failure> {
        let (action, limits) = (wire::BatchModifyTargetWeight::NAME, Limits::default());
        batch_size(action, targets.len(), limits.weights_per_batch)?;
        targets.iter().try_for_each(|target| weight(action, target.2))?;
        let modify_list = weight_rules(targets, limits.weights_per_entry);
        let (entries, most) = (modify_list.len(), limits.weight_entries_per_batch);
        checked(action, entries <= most, || format!("{entries} entries in one call; {most} are possible"))?;
        self.task_of(&wire::BatchModifyTargetWeight { load_balancer_id: load_balancer.to_string(), modify_list }).await
    }

    /// Changes the free text of 1–500 targets. The change is done when the call returns.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn retag(
        &self,
        load_balancer: &LoadBalancerId,
        targets: &[(Route, Address, String)],
    ) -> Result<TaskId, Failure> {
        batch_size(wire::BatchModifyTargetTag::NAME, targets.len(), Limits::default().targets_per_batch)?;
        let modify_list = tag_rules(targets);
        self.task_of(&wire::BatchModifyTargetTag { load_balancer_id: load_balancer.to_string(), modify_list }).await
    }

    async fn batch<A: Action<Reply = wire::BatchTargetsReply>>(&self, request: &A) -> Result<BatchReply, Failure> {
        let (reply, task) = self.write(request, Ok).await?;
        let failed = reply.fail_listener_id_set.unwrap_or_default();
        Ok(BatchReply {
            failed: failed.into_iter().map(ListenerId::new).collect(),
            message: reply.message.unwrap_or_default(),
            task,
        })
    }
}

fn batch_size(action: &'static str, count: usize, most: usize) -> Result<(), Failure> {
    checked(action, (1..=most).contains(&count), || format!("{count} targets in one call; 1–{most} are possible"))
}

fn weight(action: &'static str, weight: Weight) -> Result<(), Failure> {
    checked(action, weight <= HIGHEST_WEIGHT, || format!("weight {weight} is over {HIGHEST_WEIGHT}"))
}

fn batch_target(route: &Route, address: Address) -> wire::BatchTarget {
    wire::BatchTarget {
        listener_id: route.listener.to_string(),
        location_id: route.rule.as_ref().map(ToString::to_string),
        eni_ip: Some(address.ip.to_string()),
        port: i64::from(address.port),
        ..Default::default()
    }
}

fn target(address: Address) -> wire::Target {
    wire::Target { eni_ip: Some(address.ip.to_string()), port: i64::from(address.port), ..Default::default() }
}

fn by_route<T>(items: impl Iterator<Item = (Route, T)>) -> BTreeMap<Route, Vec<T>> {
    let mut routes: BTreeMap<Route, Vec<T>> = BTreeMap::new();
    items.for_each(|(route, item)| routes.entry(route).or_default().push(item));
    routes
}

fn weight_rules(targets: &[(Route, Address, Weight)], per_entry: usize) -> Vec<wire::RsWeightRule> {
    let weighted = targets.iter().map(|(route, address, weight)| {
        (route.clone(), wire::Target { weight: Some(i64::from(*weight)), ..target(*address) })
    });
    let mut rules = Vec::new();
    for (route, targets) in by_route(weighted) {
        rules.extend(targets.chunks(per_entry).map(|targets| wire::RsWeightRule {
            listener_id: route.listener.to_string(),
            // Each part names the rule again: without it a layer-7 target is not found.
            location_id: route.rule.as_ref().map(ToString::to_string),
            targets: targets.to_vec(),
            ..Default::default()
        }));
    }
    rules
}

fn tag_rules(targets: &[(Route, Address, String)]) -> Vec<wire::RsTagRule> {
    let tagged = targets
        .iter()
        .map(|(route, address, tag)| (route.clone(), wire::Target { tag: Some(tag.clone()), ..target(*address) }));
    let rule = |(route, targets): (Route, Vec<wire::Target>)| wire::RsTagRule {
        listener_id: route.listener.to_string(),
        location_id: route.rule.as_ref().map(ToString::to_string),
        targets,
        tag: None,
    };
    by_route(tagged).into_iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn route(listener: &str, rule: Option<&str>) -> Route {
        Route { listener: listener.into(), rule: rule.map(Into::into) }
    }

    fn address(port: u16) -> Address {
        Address { ip: [10, 0, 1, 5].into(), port }
    }

    #[test]
    fn weights_are_grouped_by_route_in_parts_that_name_their_rule() {
        let targets: Vec<_> = (0..120)
            .map(|port| (route("lbl-1", Some("loc-1")), address(port), 0))
            .chain([(route("lbl-2", None), address(80), 10)])
            .collect();
        let rules = weight_rules(&targets, 50);
        let sizes: Vec<_> = rules.iter().map(|rule| (rule.location_id.as_deref(), rule.targets.len())).collect();
        assert_eq!(sizes, [(Some("loc-1"), 50), (Some("loc-1"), 50), (Some("loc-1"), 20), (None, 1)]);
        assert_eq!(
            serde_json::to_value(&rules[3]).unwrap(),
            json!({"ListenerId": "lbl-2", "Targets": [{"Port": 80, "Weight": 10, "EniIp": "10.0.1.5"}]})
        );
    }

    #[test]
    fn tags_are_written_also_when_they_become_empty() {
        let rules = tag_rules(&[(route("lbl-1", None), address(80), String::new())]);
        assert_eq!(
            serde_json::to_value(&rules).unwrap(),
            json!([{"ListenerId": "lbl-1", "Targets": [{"Port": 80, "EniIp": "10.0.1.5", "Tag": ""}]}])
        );
    }
}
