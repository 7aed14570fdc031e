//! What Kubernetes and people do in one second.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::{Ending, GateState, Phase, Pod, PreStop};
use crate::plan::tests::acts::{add, delete, web};
use crate::plan::tests::misfortune::play::Play;
use crate::plan::tests::world::World;

/// Pods with a preStop sleep of 20 s behind a cloud that needs 6 s to find a target healthy.
pub(super) fn sleeping(count: u32) -> Play {
    Play::new(web(&json!({}), count), 6)
}

/// The same with a spec.
pub(super) fn with_spec(spec: &Value, count: u32) -> Play {
    Play::new(web(spec, count), 6)
}

/// Pods that end at once when they are deleted.
pub(super) fn hookless(count: u32) -> Play {
    let mut world = web(&json!({}), count);
    unhook(&mut world, 1..=count);
    Play::new(world, 6)
}

pub(super) fn unhook(world: &mut World, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        world.pod(number).ending = Ending { grace_seconds: 30, pre_stop: PreStop::None };
    }
}

/// The Service selects Pods of this `app`.
pub(super) fn select(world: &mut World, app: &str) {
    let selector = BTreeMap::from([("app".to_owned(), app.to_owned())]);
    world.service.as_mut().unwrap().selector = selector;
}

/// Adds Pods that are not ready yet.
pub(super) fn start(play: &mut Play, numbers: impl IntoIterator<Item = u32>, app: &str) {
    for number in numbers {
        add(&mut play.world, [number], app);
        let pod = play.world.pod(number);
        (pod.containers_ready, pod.phase) = (false, Phase::Pending);
    }
}

/// They are ready.
pub(super) fn ready(play: &mut Play, numbers: impl IntoIterator<Item = u32>) {
    let now = play.world.now;
    for number in numbers {
        let pod = play.world.pod(number);
        (pod.containers_ready, pod.phase, pod.containers_ready_since) = (true, Phase::Running, Some(now));
    }
}

/// Their own probes fail.
pub(super) fn unready(play: &mut Play, numbers: impl IntoIterator<Item = u32>) {
    let now = play.world.now;
    for number in numbers {
        let pod = play.world.pod(number);
        (pod.containers_ready, pod.containers_ready_since) = (false, Some(now));
    }
}

/// A Deployment: how many Pods it wants, how many more it may have, and how many fewer may be available.
#[derive(Clone, Copy)]
pub(super) struct Deployment {
    pub(super) replicas: usize,
    pub(super) surge: usize,
    pub(super) unavailable: usize,
    /// Pods are available once their gates are open.
    pub(super) gated: bool,
    /// Pods end at once.
    pub(super) hookless: bool,
}

/// What the controller of a Deployment does in one second of a rolling update from Pods below 100 to Pods from 101 on. New Pods are
/// ready after two seconds.
pub(super) fn roll(play: &mut Play, deployment: Deployment) {
    let now = play.world.now;
    let begun = |pod: &Pod| pod.created.map_or(i64::MAX, |created| now.duration_since(created).as_secs());
    let due: Vec<u32> = numbers(play, |number, pod| number > 100 && pod.phase == Phase::Pending && begun(pod) >= 2);
    ready(play, due);
    let is_available = |pod: &Pod| pod.containers_ready && !(deployment.gated && pod.gate.is_waiting());
    let living = |pod: &Pod| pod.deleting_since.is_none();
    let total = numbers(play, |_, pod| living(pod)).len();
    let new = numbers(play, |number, pod| number > 100 && living(pod)).len();
    let room = (deployment.replicas + deployment.surge).saturating_sub(total).min(deployment.replicas - new);
    for number in (101..).filter(|number| !play.world.pods.contains_key(number)).take(room).collect::<Vec<u32>>() {
        start(play, [number], "web");
        if deployment.gated {
            play.world.pod(number).gate = GateState::Unset;
        }
        if deployment.hookless {
            unhook(&mut play.world, [number]);
        }
    }
    let available = numbers(play, |_, pod| living(pod) && is_available(pod)).len();
    let spare = available.saturating_sub(deployment.replicas - deployment.unavailable);
    let old = numbers(play, |number, pod| number < 100 && living(pod));
    delete(&mut play.world, old.into_iter().take(spare));
}

fn numbers(play: &Play, is: impl Fn(u32, &Pod) -> bool) -> Vec<u32> {
    play.world.pods.iter().filter(|(number, pod)| is(**number, pod)).map(|(number, _)| *number).collect()
}
