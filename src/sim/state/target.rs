//! Registering and deregistering targets.

use std::collections::BTreeMap;

use super::super::dialect::Departure;
use super::super::error::{ApiError, ApiResult};
use super::registration::{
    Item, address_of, check_distinct, check_family, conflicts, deregister, first_missing, missing, not_registered,
    over_quota, register, route_of, weight_of,
};
use super::task::Work;
use super::{Context, Handle, Handled, LoadBalancer, State};
use crate::clb::wire::{
    Action, BatchDeregisterTargets, BatchRegisterTargets, BatchTarget, BatchTargetsReply, DeregisterTargets, Done,
    RegisterTargets, Target,
};
use crate::model::{Address, ListenerId, LoadBalancerId, Route};

/// Targets in one `RegisterTargets` or `DeregisterTargets`.
const MOST_TARGETS: usize = 20;
/// Targets in one batch call.
const MOST_IN_BATCH: usize = 500;

fn check_count(count: usize, most: usize) -> ApiResult<()> {
    match count {
        0 => Err(ApiError::length("Targets is empty")),
        n if n > most => Err(ApiError::length(format!("Targets has {n} items, at most {most} are possible"))),
        _ => Ok(()),
    }
}

fn item(route: Route, target: &Target) -> ApiResult<Item> {
    Ok(Item {
        route,
        address: address_of(target.eni_ip.as_deref(), target.instance_id.as_deref(), target.port)?,
        weight: weight_of(target.weight)?,
        tag: target.tag.clone().unwrap_or_default(),
    })
}

/// The items of a batch: every listener and rule it names must exist.
fn batch_items(load_balancer: &LoadBalancer, targets: &[BatchTarget]) -> ApiResult<Vec<Item>> {
    let item = |target: &BatchTarget| {
        let listener = load_balancer
            .listener(&target.listener_id)
            .ok_or_else(|| ApiError::listener_not_found(&target.listener_id))?;
        Ok(Item {
            route: route_of(listener, target.location_id.as_deref(), None, None)?,
            address: address_of(target.eni_ip.as_deref(), target.instance_id.as_deref(), target.port)?,
            weight: weight_of(target.weight)?,
            tag: target.tag.clone().unwrap_or_default(),
        })
    };
    targets.iter().map(item).collect()
}

fn pairs(items: &[Item]) -> impl Iterator<Item = (&Route, Address)> {
    items.iter().map(|item| (&item.route, item.address))
}

impl Handle for RegisterTargets {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        check_count(self.targets.len(), MOST_TARGETS)?;
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let listener = load_balancer.expect_listener(&self.listener_id)?;
        let (location, domain, url) = (self.location_id.as_deref(), self.domain.as_deref(), self.url.as_deref());
        let route = route_of(listener, location, domain, url)?;
        let items: Vec<Item> =
            self.targets.iter().map(|target| item(route.clone(), target)).collect::<Result<_, _>>()?;
        check_distinct(pairs(&items))?;
        check_family(load_balancer, &items)?;
        whole(over_quota(load_balancer, &items, state.config.quotas.targets))?;
        if let Some(message) = conflicts(load_balancer, &items).into_values().next() {
            return Err(ApiError::new("FailedOperation", message));
        }
        let id = load_balancer.id.clone();
        let loses = context.twist.lose_targets;
        state.begin_change(context, Self::NAME, id, move |load_balancer, now| {
            if !loses {
                register(load_balancer, items, now);
            }
        });
        Ok(Done {}.into())
    }
}

impl Handle for DeregisterTargets {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        check_count(self.targets.len(), MOST_TARGETS)?;
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let listener = load_balancer.expect_listener(&self.listener_id)?;
        let (location, domain, url) = (self.location_id.as_deref(), self.domain.as_deref(), self.url.as_deref());
        let route = route_of(listener, location, domain, url)?;
        let items: Vec<Item> =
            self.targets.iter().map(|target| item(route.clone(), target)).collect::<Result<_, _>>()?;
        check_distinct(pairs(&items))?;
        if let Some(address) = first_missing(load_balancer, pairs(&items)) {
            return Err(not_registered(address));
        }
        let id = load_balancer.id.clone();
        let doomed: Vec<_> = items.into_iter().map(|item| (item.route, item.address)).collect();
        state.begin_change(context, Self::NAME, id, move |load_balancer, _| deregister(load_balancer, &doomed));
        Ok(Done {}.into())
    }
}

impl Handle for BatchRegisterTargets {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<BatchTargetsReply>> {
        check_count(self.targets.len(), MOST_IN_BATCH)?;
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let items = batch_items(load_balancer, &self.targets)?;
        check_distinct(pairs(&items))?;
        check_family(load_balancer, &items)?;
        let mut failures = in_part(state, over_quota(load_balancer, &items, state.config.quotas.targets))?;
        let conflicts = conflicts(load_balancer, &items);
        if let (true, Some(message)) = (state.config.dialect.has(Departure::ConflictsWhole), conflicts.values().next())
        {
            return Err(ApiError::new("FailedOperation", message.clone()));
        }
        failures.extend(conflicts);
        failures.extend(injected_failures(context, &items));
        let items = without_failed(items, &failures);
        let id = load_balancer.id.clone();
        let loses = context.twist.lose_targets;
        begin_batch(state, context, Self::NAME, id, failures, move |load_balancer, now| {
            if !loses {
                register(load_balancer, items, now);
            }
        })
    }
}

impl Handle for BatchDeregisterTargets {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<BatchTargetsReply>> {
        check_count(self.targets.len(), MOST_IN_BATCH)?;
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let items = batch_items(load_balancer, &self.targets)?;
        check_distinct(pairs(&items))?;
        let mut failures = in_part(state, missing(load_balancer, pairs(&items)))?;
        failures.extend(injected_failures(context, &items));
        let items = without_failed(items, &failures);
        let id = load_balancer.id.clone();
        let doomed: Vec<_> = items.into_iter().map(|item| (item.route, item.address)).collect();
        begin_batch(state, context, Self::NAME, id, failures, move |load_balancer, _| {
            deregister(load_balancer, &doomed)
        })
    }
}

/// One bad target refuses the whole call.
fn whole(failures: BTreeMap<ListenerId, ApiError>) -> ApiResult<()> {
    failures.into_values().next().map_or(Ok(()), Err)
}

/// One bad target refuses the whole batch, or fails on its listener only.
fn in_part(state: &State, failures: BTreeMap<ListenerId, ApiError>) -> ApiResult<BTreeMap<ListenerId, String>> {
    if !state.config.dialect.has(Departure::BatchesInPart) {
        whole(failures)?;
        return Ok(BTreeMap::new());
    }
    Ok(failures.into_iter().map(|(listener, error)| (listener, error.message)).collect())
}

/// Listeners that a fault makes fail.
fn injected_failures(context: &Context<'_>, items: &[Item]) -> BTreeMap<ListenerId, String> {
    let Some((listeners, message)) = &context.twist.fail_listeners else { return BTreeMap::new() };
    let named = |id: &ListenerId| listeners.iter().any(|listener| listener == id.as_str());
    let first = items.first().map(|item| item.route.listener.clone());
    items
        .iter()
        .map(|item| item.route.listener.clone())
        .filter(|id| if listeners.is_empty() { Some(id) == first.as_ref() } else { named(id) })
        .map(|id| (id, message.clone()))
        .collect()
}

fn without_failed(items: Vec<Item>, failures: &BTreeMap<ListenerId, String>) -> Vec<Item> {
    items.into_iter().filter(|item| !failures.contains_key(&item.route.listener)).collect()
}

/// Begins a batch. In synchronous mode the answer is held until the work is done, and a failed task is an error at once.
fn begin_batch(
    state: &mut State,
    context: &Context<'_>,
    action: &'static str,
    id: LoadBalancerId,
    failures: BTreeMap<ListenerId, String>,
    change: impl FnOnce(&mut LoadBalancer, super::super::Moment) + Send + 'static,
) -> ApiResult<Handled<BatchTargetsReply>> {
    let takes = state.config.timing.scaled(state.config.timing.batch);
    let ends = state.begin(context, action, Work::Change(id, Box::new(change)), takes);
    let synchronous = !state.config.dialect.has(Departure::BatchTasks);
    if let (true, Some(reason)) = (synchronous, &context.twist.fail_task) {
        return Err(ApiError::new("FailedOperation", reason.clone()));
    }
    let reply = BatchTargetsReply {
        message: Some(failures.values().cloned().collect::<Vec<_>>().join("; ")),
        fail_listener_id_set: Some(failures.into_keys().map(|id| id.to_string()).collect()),
    };
    Ok(Handled { reply, hold_until: synchronous.then_some(ends) })
}
