//! Changes of registered targets: weight, port and free text.

use std::time::Duration;

use super::super::dialect::Departure;
use super::super::error::{ApiError, ApiResult};
use super::registration::{
    Item, address_of, check_distinct, conflicts, first_missing, is_registered, not_registered, port_of, route_of,
    weight_of,
};
use super::task::Work;
use super::{Context, Handle, Handled, LoadBalancer, State, Target};
use crate::clb::wire;
use crate::clb::wire::{
    Action, BatchModifyTargetTag, BatchModifyTargetWeight, Done, ModifyTargetPort, ModifyTargetWeight, RsTagRule,
    RsWeightRule,
};
use crate::model::{Address, Route};

/// Entries in one `BatchModifyTargetWeight`.
const MOST_ENTRIES: usize = 100;
/// Targets in one entry of it.
const MOST_IN_ENTRY: usize = 50;
/// Targets in all entries of a batch.
const MOST_IN_BATCH: usize = 500;

/// Targets of one route, with what becomes of each.
type Changes<T> = Vec<(Route, Address, T)>;

/// Checks that all are registered, and that none is named twice.
fn check<T>(load_balancer: &LoadBalancer, changes: &Changes<T>) -> ApiResult<()> {
    let pairs = || changes.iter().map(|(route, address, _)| (route, *address));
    check_distinct(pairs())?;
    match first_missing(load_balancer, pairs()) {
        Some(address) => Err(not_registered(address)),
        None => Ok(()),
    }
}

fn apply<T>(load_balancer: &mut LoadBalancer, changes: Changes<T>, change: impl Fn(&mut Target, T)) {
    for (route, address, value) in changes {
        let targets = load_balancer.targets_mut(&route).map(Vec::as_mut_slice).unwrap_or_default();
        if let Some(target) = targets.iter_mut().find(|target| target.address == address) {
            change(target, value);
        }
    }
}

fn address(target: &wire::Target) -> ApiResult<Address> {
    address_of(target.eni_ip.as_deref(), target.instance_id.as_deref(), target.port)
}

impl Handle for ModifyTargetWeight {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        if self.targets.is_empty() {
            return Err(ApiError::length("Targets is empty"));
        }
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let listener = load_balancer.expect_listener(&self.listener_id)?;
        let (location, domain, url) = (self.location_id.as_deref(), self.domain.as_deref(), self.url.as_deref());
        let route = route_of(listener, location, domain, url)?;
        let one =
            |target: &wire::Target| Ok((route.clone(), address(target)?, weight_of(target.weight.or(self.weight))?));
        let changes = self.targets.iter().map(one).collect::<ApiResult<Changes<_>>>()?;
        check(load_balancer, &changes)?;
        let id = load_balancer.id.clone();
        state.begin_change(context, Self::NAME, id, move |load_balancer, _| {
            apply(load_balancer, changes, |target, weight| target.weight = weight);
        });
        Ok(Done {}.into())
    }
}

/// The changes of one entry of a batch.
fn entry<T>(
    load_balancer: &LoadBalancer,
    (listener, location): (&str, Option<&str>),
    targets: &[wire::Target],
    value: impl Fn(&wire::Target) -> ApiResult<T>,
) -> ApiResult<Changes<T>> {
    let listener = load_balancer.expect_listener(listener)?;
    let route = route_of(listener, location, None, None)?;
    targets.iter().map(|target| Ok((route.clone(), address(target)?, value(target)?))).collect()
}

fn check_batch(counts: &[usize]) -> ApiResult<()> {
    let total: usize = counts.iter().sum();
    if counts.is_empty() || counts.len() > MOST_ENTRIES {
        return Err(ApiError::length(format!("ModifyList must have 1 to {MOST_ENTRIES} entries")));
    }
    if counts.iter().any(|&count| count == 0 || count > MOST_IN_ENTRY) {
        return Err(ApiError::length(format!("an entry must have 1 to {MOST_IN_ENTRY} Targets")));
    }
    match total > MOST_IN_BATCH {
        true => Err(ApiError::length(format!("at most {MOST_IN_BATCH} Targets in all"))),
        false => Ok(()),
    }
}

impl Handle for BatchModifyTargetWeight {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        check_batch(&self.modify_list.iter().map(|rule| rule.targets.len()).collect::<Vec<_>>())?;
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let of = |rule: &RsWeightRule| {
            let place = (rule.listener_id.as_str(), rule.location_id.as_deref());
            entry(load_balancer, place, &rule.targets, |target| weight_of(target.weight.or(rule.weight)))
        };
        let mut changes = self.modify_list.iter().map(of).collect::<ApiResult<Vec<_>>>()?.concat();
        let checked = check(load_balancer, &changes);
        if state.config.dialect.has(Departure::WeightsInPart) {
            changes.retain(|(route, address, _)| is_registered(load_balancer, route, *address));
        } else if let Err(refused) = checked {
            return Err(refused);
        }
        let id = load_balancer.id.clone();
        if !changes.is_empty() {
            state.begin_change(context, Self::NAME, id, move |load_balancer, _| {
                apply(load_balancer, changes, |target, weight| target.weight = weight);
            });
        }
        checked.map(|()| Done {}.into())
    }
}

impl Handle for BatchModifyTargetTag {
    /// Takes effect at once: this is the only write that is documented as synchronous.
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        let total: usize = self.modify_list.iter().map(|rule| rule.targets.len()).sum();
        if total == 0 || total > MOST_IN_BATCH {
            return Err(ApiError::length(format!("1 to {MOST_IN_BATCH} Targets in all")));
        }
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let of = |rule: &RsTagRule| {
            let place = (rule.listener_id.as_str(), rule.location_id.as_deref());
            let tag = |target: &wire::Target| Ok(target.tag.clone().or(rule.tag.clone()).unwrap_or_default());
            entry(load_balancer, place, &rule.targets, tag)
        };
        let changes = self.modify_list.iter().map(of).collect::<ApiResult<Vec<_>>>()?.concat();
        check(load_balancer, &changes)?;
        let id = load_balancer.id.clone();
        let change = move |load_balancer: &mut LoadBalancer, _| {
            apply(load_balancer, changes, |target, tag| target.tag = tag);
        };
        state.begin(context, Self::NAME, Work::Change(id, Box::new(change)), Duration::ZERO);
        Ok(Done {}.into())
    }
}

impl Handle for ModifyTargetPort {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        if self.targets.is_empty() {
            return Err(ApiError::length("Targets is empty"));
        }
        let port = port_of(self.new_port)?;
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let listener = load_balancer.expect_listener(&self.listener_id)?;
        let (location, domain, url) = (self.location_id.as_deref(), self.domain.as_deref(), self.url.as_deref());
        let route = route_of(listener, location, domain, url)?;
        let changes: Changes<u16> =
            self.targets.iter().map(|target| Ok((route.clone(), address(target)?, port))).collect::<ApiResult<_>>()?;
        check(load_balancer, &changes)?;
        check_moves(load_balancer, &changes)?;
        let id = load_balancer.id.clone();
        state.begin_change(context, Self::NAME, id, move |load_balancer, now| {
            apply(load_balancer, changes, |target, port| {
                let moved = Address { port, ..target.address };
                *target = Target::new(moved, target.weight, std::mem::take(&mut target.tag), now);
            });
        });
        Ok(Done {}.into())
    }
}

/// A port that another target of the same address has, here or on another listener, is refused.
fn check_moves(load_balancer: &LoadBalancer, changes: &Changes<u16>) -> ApiResult<()> {
    let moved = |(route, address, port): &(Route, Address, u16)| Item {
        route: route.clone(),
        address: Address { port: *port, ..*address },
        weight: 0,
        tag: String::new(),
    };
    let items: Vec<Item> = changes.iter().map(moved).collect();
    check_distinct(items.iter().map(|item| (&item.route, item.address)))?;
    let here = |item: &&Item| {
        load_balancer.targets(&item.route).unwrap_or_default().iter().any(|target| target.address == item.address)
    };
    if let Some(item) = items.iter().find(here) {
        return Err(ApiError::new("InvalidParameterValue.Duplicate", format!("target {} exists", item.address)));
    }
    match conflicts(load_balancer, &items).into_values().next() {
        Some(message) => Err(ApiError::new("FailedOperation", message)),
        None => Ok(()),
    }
}
