use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::world::{World, address, uid};
use crate::api::mark::TargetTag;
use crate::model::{Address, Phase, Weight};
use crate::plan::{Step, plan};

/// A binding that is not in the world: of another cluster, perhaps.
const ANOTHER_BINDING: &str = "ffffffff-0000-4000-8000-ffffffffffff";

/// What one Pod may be like, and what may be registered at its address.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    is_selected: bool,
    is_ready: bool,
    is_deleting: bool,
    is_finished: bool,
    exists: bool,
    target: Target,
}

#[derive(Clone, Debug)]
enum Target {
    None,
    Own(Weight),
    OfFormerPod,
    Foreign,
    OfAnotherBinding,
    Unmarked,
}

pub(super) fn cell() -> impl Strategy<Value = Cell> {
    let target = prop_oneof![
        3 => Just(Target::None),
        3 => (0u8..=20).prop_map(Target::Own),
        1 => Just(Target::OfFormerPod),
        1 => Just(Target::Foreign),
        1 => Just(Target::OfAnotherBinding),
        1 => Just(Target::Unmarked),
    ];
    let chance = |weight: f64| prop::bool::weighted(weight);
    (chance(0.8), chance(0.8), chance(0.2), chance(0.1), chance(0.8), target).prop_map(
        |(is_selected, is_ready, is_deleting, is_finished, exists, target)| Cell {
            is_selected,
            is_ready,
            is_deleting,
            is_finished,
            exists,
            target,
        },
    )
}

pub(super) fn world(cells: &[Cell], policy: &str) -> World {
    let mut world = World::new(&json!({"drain": {"terminating": policy, "notReady": policy}}));
    let listener = world.add_own_listener();
    for (number, cell) in (1u32..).zip(cells) {
        if cell.exists {
            world = world.with_pods([number]);
            let now = world.now;
            let pod = world.pod(number);
            if !cell.is_selected {
                pod.labels.clear();
            }
            pod.containers_ready = cell.is_ready;
            pod.deleting_since = cell.is_deleting.then_some(now);
            if cell.is_finished {
                pod.phase = Phase::Finished;
            }
        }
        let (binding, place) = (world.binding_uid(0), address(number));
        match cell.target {
            Target::None => {}
            Target::Own(weight) => {
                let tag = TargetTag::new(binding, &uid(number)).to_string();
                world.add_target(&listener, place, weight, &tag);
            }
            Target::OfFormerPod => {
                let tag = TargetTag::new(binding, &uid(number + 1000)).to_string();
                world.add_target(&listener, place, 10, &tag);
            }
            Target::Foreign => world.add_target(&listener, place, 10, "somebody's"),
            Target::OfAnotherBinding => {
                let tag = TargetTag::new(ANOTHER_BINDING, &uid(number)).to_string();
                world.add_target(&listener, place, 10, &tag);
            }
            Target::Unmarked => world.add_target(&listener, place, 10, ""),
        }
    }
    world
}

fn foreign(world: &World) -> BTreeSet<(Address, String)> {
    let targets = world.targets.values().flatten();
    let own = world.binding_uid(0);
    let is_foreign = |tag: &str| TargetTag::parse(tag).is_none_or(|tag| tag.binding_uid != own);
    targets.filter(|target| is_foreign(&target.tag)).map(|target| (target.address, target.tag.clone())).collect()
}

fn serving(world: &World) -> usize {
    world.targets.values().flatten().filter(|target| target.weight > 0).count()
}

pub(super) fn policy() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("WeightZero"), Just("Keep"), Just("Deregister")]
}

proptest! {
    #[test]
    fn every_world_comes_to_rest_and_foreign_targets_are_still_there(
        cells in prop::collection::vec(cell(), 0..12), policy in policy(),
    ) {
        let mut world = world(&cells, policy);
        let before = foreign(&world);
        world.converge();
        prop_assert_eq!(foreign(&world), before);
    }

    #[test]
    fn a_plan_does_not_depend_on_the_order_of_what_was_seen(
        cells in prop::collection::vec(cell(), 0..12), seed in 0usize..12,
    ) {
        let world = world(&cells, "WeightZero");
        let mut turned = world.snapshot();
        if let crate::plan::Cloud::Observed(observed) = &mut turned.cloud {
            for targets in observed.targets.values_mut() {
                let middle = seed.min(targets.len());
                targets.rotate_left(middle);
            }
        }
        let ordered = |steps: Vec<Step>| {
            let sorted = |step| match step {
                Step::Register(mut all) => { all.sort_by_key(|one| one.address); Step::Register(all) }
                Step::Reweight(mut all) => { all.sort_by_key(|one| one.address); Step::Reweight(all) }
                Step::Deregister(mut all) => { all.sort_by_key(|one| one.address); Step::Deregister(all) }
                other => other,
            };
            steps.into_iter().map(sorted).collect::<Vec<_>>()
        };
        prop_assert_eq!(ordered(plan(&turned).steps), ordered(world.plan().steps));
    }

    #[test]
    fn in_between_there_are_never_fewer_serving_targets_than_before_or_after(
        cells in prop::collection::vec(cell(), 0..12), policy in policy(),
    ) {
        let mut world = world(&cells, policy);
        let before = serving(&world);
        let mut seen = vec![before];
        for _ in 0..20 {
            let steps = world.plan().steps;
            for step in &steps {
                world.perform(step);
                // A former Pod's target leads nowhere: its removal takes nothing away from anyone.
                if !matches!(step, Step::Deregister(_)) {
                    seen.push(serving(&world));
                }
            }
        }
        let after = serving(&world);
        let former = cells.iter().filter(|cell| matches!(cell.target, Target::OfFormerPod)).count();
        let gone = cells.iter().filter(|cell| !cell.exists || cell.is_finished).count();
        let least = before.min(after).saturating_sub(former + gone);
        prop_assert!(seen.iter().all(|count| *count >= least), "{seen:?} with {before} before and {after} after");
    }

    #[test]
    fn batches_respect_the_limits(count in 0u32..260, batch in 1usize..40) {
        let mut world = World::new(&json!({})).with_pods(1..=count);
        world.limits.targets_per_batch = batch;
        world.limits.targets_per_route = 10_000;
        world.add_own_listener();
        let plan = world.plan();
        let sizes: Vec<usize> = plan.steps.iter().map(|step| match step {
            Step::Register(targets) => targets.len(),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert!(sizes.iter().all(|size| (1..=batch).contains(size)));
        prop_assert_eq!(sizes.iter().sum::<usize>(), count as usize);
    }
}
