//! Gates of new Pods while a binding goes, or serves nothing, played with.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::play::{Kind, Play};
use crate::api::names;
use crate::model::GateState;
use crate::plan::brake::{Brake, HoldFlag};
use crate::plan::tests::acts::{add, delete_binding, listener, web};
use crate::plan::tests::world::binding;
use crate::reconcile::{Input, News};

const SECOND: Duration = Duration::from_secs(1);

fn at_rest() -> Play {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 3);
    world.pods.values_mut().for_each(|pod| pod.gate = GateState::Unset);
    let mut play = Play::new(world);
    play.play(SECOND);
    play.world.heal();
    play.play(SECOND * 30);
    assert!(play.world.pods.values().all(|pod| pod.gate == GateState::Open));
    play
}

type Strike = fn(&mut Play);

/// A Pod of a rollout.
fn newcomer(play: &mut Play) {
    add(&mut play.world, [4], "web");
    play.world.pod(4).gate = GateState::Unset;
    play.step(Input::News(News::Members));
}

#[test]
fn a_deletion_that_is_held_or_cannot_be_seen_through_keeps_no_rollout_waiting() {
    let causes: [(&str, Strike); 2] = [
        ("removals are held", |play| play.with(|s| *s.shared.brake() = Brake::new(HoldFlag::Set, "system"))),
        ("the load balancer cannot be read", |play| _ = play.failing.insert(Kind::Frame)),
    ];
    for (cause, strike) in causes {
        let mut play = at_rest();
        strike(&mut play);
        delete_binding(&mut play.world);
        play.step(Input::News(News::Input));
        play.play(SECOND * 10);
        newcomer(&mut play);
        play.play(SECOND * 3);
        assert!(play.world.pods[&4].gate.is_waiting(), "{cause}: objects of one release arrive in any order");
        play.play(SECOND * 4);
        assert_eq!(play.world.bindings.len(), 1, "{cause}");
        assert_eq!(play.world.pods[&4].gate, GateState::Open, "{cause}");
        let writes = play.count(Kind::Gate);
        play.play(SECOND * 600);
        assert_eq!(play.count(Kind::Gate), writes, "{cause}: once");
    }
}

/// Another binding of the Service goes on, and its proof is all that the Pod waits for.
#[test]
fn a_binding_that_serves_nothing_holds_no_gate_of_another_one() {
    let mut play = at_rest();
    let mut parked = binding(2, &json!({}));
    let owner =
        json!([{"apiVersion": "v1", "kind": "Service", "name": "web", "controller": true, "uid": "service-uid"}]);
    let meta = &mut Arc::make_mut(&mut parked).metadata;
    meta.owner_references = Some(serde_json::from_value(owner).unwrap());
    meta.annotations.get_or_insert_default().insert(names::PARKED.to_owned(), "SaidFalse".to_owned());
    play.world.bindings.push(parked);
    play.step(Input::News(News::Input));
    play.play(SECOND * 10);
    newcomer(&mut play);
    play.play(SECOND * 30);
    assert!(play.world.pods[&4].gate.is_waiting(), "it is not healthy yet");
    play.world.heal();
    play.play(SECOND * 30);
    assert_eq!(play.world.pods[&4].gate, GateState::Open);
}

/// A watch is late: rounds want to write what was taken already, and write it no second time.
#[test]
fn a_gate_opens_at_once_after_rounds_that_did_not_see_what_was_written() {
    let mut play = at_rest();
    play.without_effect.insert(Kind::Gate);
    newcomer(&mut play);
    play.play(SECOND * 5);
    assert_eq!(play.world.pods[&4].gate, GateState::Unset, "no cache shows that it waits");
    play.without_effect.clear();
    play.world.heal();
    play.play(SECOND * 3);
    assert_eq!(play.world.pods[&4].gate, GateState::Open);
}
