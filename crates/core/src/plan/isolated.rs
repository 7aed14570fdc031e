//! A fault of ours in the plan of one binding is that binding's alone.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{BindingPlan, Plan, Snapshot, plan, problem};

/// Decides what this round does. A binding for which that panics is left out: nothing of it is touched, its plan says so, and the
/// others go on.
pub fn plan_isolated(snapshot: &Snapshot) -> Plan {
    isolated(snapshot, &plan)
}

type Decide<'a> = &'a dyn Fn(&Snapshot) -> Plan;

fn isolated(snapshot: &Snapshot, decide: Decide<'_>) -> Plan {
    let message = match guarded(snapshot, decide) {
        Ok(plan) => return plan,
        Err(message) => message,
    };
    let mut faulty: BTreeMap<usize, String> = BTreeMap::new();
    for place in 0..snapshot.bindings.len() {
        if let Err(message) = guarded(&only(snapshot, |other| other == place), decide) {
            faulty.insert(place, message);
        }
    }
    loop {
        match guarded(&only(snapshot, |place| !faulty.contains_key(&place)), decide) {
            Ok(plan) => return with_faulty(snapshot, plan, &faulty),
            Err(_) if faulty.len() == snapshot.bindings.len() => {
                return with_faulty(snapshot, Plan::default(), &faulty);
            }
            // Each by itself is in order, and together they are not: half of them go, the later ones first.
            Err(_) => {
                let sound: Vec<_> = (0..snapshot.bindings.len()).filter(|place| !faulty.contains_key(place)).collect();
                faulty.extend(sound[sound.len() / 2..].iter().map(|place| (*place, message.clone())));
            }
        }
    }
}

fn only(snapshot: &Snapshot, keep: impl Fn(usize) -> bool) -> Snapshot {
    let kept = snapshot.bindings.iter().enumerate().filter(|(place, _)| keep(*place));
    Snapshot { bindings: kept.map(|(_, view)| view.clone()).collect(), ..snapshot.clone() }
}

/// The plan, or the words of the panic.
fn guarded(snapshot: &Snapshot, decide: Decide<'_>) -> Result<Plan, String> {
    // Nothing outlives a plan that panics: it is a function of values.
    catch_unwind(AssertUnwindSafe(|| decide(snapshot))).map_err(|panic| panic_words(&*panic))
}

/// What a panic says.
pub fn panic_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned()
}

/// One plan for each binding, in the snapshot's order.
fn with_faulty(snapshot: &Snapshot, plan: Plan, faulty: &BTreeMap<usize, String>) -> Plan {
    let mut sound = plan.bindings.into_iter();
    let of = |place: usize| match faulty.get(&place) {
        Some(message) => BindingPlan { problems: vec![problem::internal(message)], ..BindingPlan::default() },
        None => sound.next().unwrap_or_default(),
    };
    let mut plan = Plan { bindings: (0..snapshot.bindings.len()).map(of).collect(), ..plan };
    plan.keep_load_balancer();
    plan
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::condition::Reason;
    use crate::plan::tests::acts::web;
    use crate::plan::tests::world::{World, binding};

    /// Five bindings of one load balancer, on ports of their own.
    fn world() -> World {
        let listener =
            |number: u32| json!({"listeners": [{"port": 80 + number, "protocol": "TCP", "servicePort": 80}]});
        let mut world = web(&listener(1), 2);
        world.bindings = (1..=5).map(|number| binding(number, &listener(number))).collect();
        world
    }

    fn faults(plan: &Plan) -> Vec<usize> {
        let is_faulty = |part: &BindingPlan| part.problems.iter().any(|one| one.reason == Reason::Internal);
        (0..plan.bindings.len()).filter(|place| is_faulty(&plan.bindings[*place])).collect()
    }

    fn has(snapshot: &Snapshot, name: &str) -> bool {
        snapshot.bindings.iter().any(|view| view.binding.metadata.name.as_deref() == Some(name))
    }

    #[test]
    fn isolation_of_a_binding_whose_plan_panics() {
        let world = world();
        let snapshot = world.snapshot();
        let whole = plan(&snapshot);
        assert_eq!(isolated(&snapshot, &plan).steps, whole.steps);
        let poisoned = |snapshot: &Snapshot| {
            assert!(!has(snapshot, "b3"), "poison");
            plan(snapshot)
        };
        let found = isolated(&snapshot, &poisoned);
        assert_eq!(faults(&found), [2]);
        assert!(found.bindings[2].problems[0].message.contains("poison"));
        let ports = |plan: &Plan| plan.bindings.iter().map(|part| part.pending.create).collect::<Vec<_>>();
        assert_eq!((ports(&whole), ports(&found)), (vec![1; 5], vec![1, 1, 0, 1, 1]));
    }

    #[test]
    fn isolation_where_only_two_together_panic_and_where_all_do() {
        let snapshot = world().snapshot();
        let pair = |snapshot: &Snapshot| {
            assert!(!(has(snapshot, "b2") && has(snapshot, "b4")), "poison");
            plan(snapshot)
        };
        let found = isolated(&snapshot, &pair);
        assert!(faults(&found).contains(&3) && faults(&found).len() < 5, "{:?}", faults(&found));
        let all = |_: &Snapshot| panic!("poison");
        assert_eq!(faults(&isolated(&snapshot, &all)), [0, 1, 2, 3, 4]);
    }
}
