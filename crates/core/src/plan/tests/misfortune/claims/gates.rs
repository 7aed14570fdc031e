//! Whatever cannot be resolved: the gate of a Pod that serves does not say that it is no target.

use crate::api::condition::GateReason;
use crate::api::mark::TargetTag;
use crate::model::{GateState, Health, Pod, RegisteredTarget, Route, RuleId};
use crate::plan::Verdict;
use crate::plan::tests::world::World;

/// A Pod that every route of the binding has found healthy, with weight, and whose gate would still wait for a registration.
/// Pods that are not to be targets, which the status says, are left out.
pub(super) fn unopened(world: &World) -> Option<String> {
    let mut gated = world.clone();
    gated.pods.values_mut().for_each(|pod| pod.gate = GateState::Unset);
    let plan = gated.plan();
    let part = &plan.bindings[0];
    let routes = routes(world).filter(|routes| !routes.is_empty())?;
    let is_out = |pod: &Pod| part.exclusions.iter().any(|one| one.pod == pod.key.name);
    let mut serving = gated.pods.values().filter(|pod| !is_out(pod) && routes.iter().all(|on| serves(world, on, pod)));
    serving.find_map(|pod| {
        let gate = part.gates.iter().find(|gate| gate.pod_uid == pod.uid)?;
        match &gate.verdict {
            Verdict::Wait(GateReason::NotRegistered | GateReason::Registering, why) => {
                Some(format!("{} serves, and its gate says: {why}", pod.key.name))
            }
            Verdict::Wait(..) | Verdict::Open(_) => None,
        }
    })
}

/// Where the binding has targets with weight, and what its status names; `None` while something of that does not exist.
fn routes(world: &World) -> Option<Vec<Route>> {
    let is_own = |target: &RegisteredTarget| {
        TargetTag::parse(&target.tag).is_some_and(|tag| tag.binding_uid == world.binding_uid(0)) && target.weight > 0
    };
    let has_own = |(_, targets): &(&Route, &Vec<RegisteredTarget>)| targets.iter().any(is_own);
    let mut routes: Vec<_> = world.targets.iter().filter(has_own).map(|(route, _)| route.clone()).collect();
    let is_there = |id: &str| world.listeners.iter().any(|one| one.id.as_str() == id);
    let named = world.bindings[0].spec.listeners.iter().filter_map(|listener| listener.listener_id.as_deref());
    if named.into_iter().any(|id| !is_there(id)) {
        return None;
    }
    for row in world.bindings[0].status.iter().flat_map(|status| &status.listeners) {
        let listener = world.listeners.iter().find(|one| Some(one.id.as_str()) == row.listener_id.as_deref())?;
        let route = |rule| Route { listener: listener.id.clone(), rule };
        if row.rules.is_empty() {
            routes.push(route(None));
        }
        for rule in &row.rules {
            routes.push(route(Some(RuleId::new(rule.location_id.clone()?))));
        }
    }
    Some(routes)
}

/// The Pod has a target there that gets traffic.
fn serves(world: &World, route: &Route, pod: &Pod) -> bool {
    let is_of = |target: &&RegisteredTarget| {
        TargetTag::parse(&target.tag).is_some_and(|tag| pod.uid.starts_with(&tag.pod_mark)) && target.weight > 0
    };
    let found = world.targets.get(route).and_then(|targets| targets.iter().find(is_of));
    found.is_some_and(|target| world.health.get(&target.address) == Some(&Health::Healthy))
}
