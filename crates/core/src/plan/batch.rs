//! Target plans of many routes gathered into as few steps as the cloud's batch sizes allow.

use crate::model::{Limits, ListenerId, Route};

use super::Step;
use super::adoption::Retag;
use super::management::Proof;
use super::step::WeightChange;
use super::target::TargetPlan;

/// The steps for targets, in the order in which they are safe.
pub(super) fn target_steps(routes: Vec<TargetPlan>, limits: &Limits) -> Vec<Step> {
    let (mut make_room, mut register) = (Vec::new(), Vec::new());
    let (mut reweight, mut deregister) = (Vec::new(), Vec::new());
    for route in routes {
        make_room.extend(route.make_room);
        register.extend(route.register);
        reweight.extend(route.reweight);
        deregister.extend(route.deregister);
    }
    let mut steps = chunks(make_room, limits.targets_per_batch, Step::Deregister);
    steps.extend(chunks(register, limits.targets_per_batch, Step::Register));
    steps.extend(weight_chunks(reweight, limits).into_iter().map(Step::Reweight));
    steps.extend(chunks(deregister, limits.targets_per_batch, Step::Deregister));
    steps
}

/// The steps for targets that are marked anew.
pub(super) fn retag_steps(retags: Vec<Retag>, limits: &Limits) -> Vec<Step> {
    chunks(retags, limits.targets_per_batch, Step::Retag)
}

/// The steps for surplus listeners.
pub(super) fn delete_steps(delete: Vec<(ListenerId, Proof)>, limits: &Limits) -> Vec<Step> {
    chunks(delete, limits.listeners_per_delete, Step::DeleteListeners)
}

fn chunks<T>(mut items: Vec<T>, size: usize, step: impl Fn(Vec<T>) -> Step) -> Vec<Step> {
    let mut steps = Vec::new();
    while !items.is_empty() {
        let rest = items.split_off(size.min(items.len()));
        steps.push(step(std::mem::replace(&mut items, rest)));
    }
    steps
}

/// Chunks that respect all three limits of `BatchModifyTargetWeight`: targets, entries, and targets in an entry.
fn weight_chunks(items: Vec<WeightChange>, limits: &Limits) -> Vec<Vec<WeightChange>> {
    let mut chunks: Vec<Vec<WeightChange>> = Vec::new();
    let mut entries: Vec<(Route, usize)> = Vec::new();
    for item in items {
        let opens_entry = match entries.last() {
            Some((route, count)) => *route != item.route || *count == limits.weights_per_entry,
            None => true,
        };
        let is_full = chunks.last().is_none_or(|chunk| chunk.len() == limits.weights_per_batch)
            || (opens_entry && entries.len() == limits.weight_entries_per_batch);
        if is_full {
            chunks.push(Vec::new());
            entries.clear();
        }
        match entries.last_mut() {
            Some((_, count)) if !opens_entry && !is_full => *count += 1,
            _ => entries.push((item.route.clone(), 1)),
        }
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(item);
        }
    }
    chunks
}
