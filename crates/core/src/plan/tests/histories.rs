//! Whatever happens to Pods, and however late their health arrives: who serves goes on until others do.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::acts::{add, delete, remove, web};
use super::misfortune::play::Play;
use crate::api::names;
use crate::model::{Ending, PreStop, TargetPort};

/// Something that happens in one second.
#[derive(Clone, Copy, Debug)]
enum Event {
    Nothing,
    /// A Pod is ready.
    New(u32),
    /// A Pod is deleted and sleeps for so long.
    Deleted(u32, u32),
    /// A Pod is gone.
    Gone(u32),
    /// A Pod has another label.
    Relabelled(u32, bool),
    /// A Pod's own probe.
    Ready(u32, bool),
    /// A readiness gate of somebody else.
    Gate(u32, bool),
    /// A user's weight of 0.
    Weight(u32, bool),
    /// The Service's selector.
    Selector(bool),
    /// The Service's targetPort.
    Port(bool),
}

fn event() -> impl Strategy<Value = Event> {
    let pod = 1u32..8;
    let sleep = prop_oneof![Just(0u32), Just(7), Just(20)];
    prop_oneof![
        6 => Just(Event::Nothing),
        4 => pod.clone().prop_map(Event::New),
        2 => (pod.clone(), sleep).prop_map(|(pod, sleep)| Event::Deleted(pod, sleep)),
        1 => pod.clone().prop_map(Event::Gone),
        2 => (pod.clone(), any::<bool>()).prop_map(|(pod, is_web)| Event::Relabelled(pod, is_web)),
        2 => (pod.clone(), any::<bool>()).prop_map(|(pod, is_ready)| Event::Ready(pod, is_ready)),
        1 => (pod.clone(), any::<bool>()).prop_map(|(pod, is_open)| Event::Gate(pod, is_open)),
        1 => (pod, any::<bool>()).prop_map(|(pod, is_zero)| Event::Weight(pod, is_zero)),
        1 => any::<bool>().prop_map(Event::Selector),
        1 => any::<bool>().prop_map(Event::Port),
    ]
}

fn app(is_web: bool) -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), if is_web { "web" } else { "green" }.to_owned())])
}

fn happen(play: &mut Play, event: Event) {
    let now = play.world.now;
    let world = &mut play.world;
    let (Event::New(number)
    | Event::Deleted(number, _)
    | Event::Gone(number)
    | Event::Relabelled(number, _)
    | Event::Ready(number, _)
    | Event::Gate(number, _)
    | Event::Weight(number, _)) = event
    else {
        let service = world.service.as_mut().unwrap();
        match event {
            Event::Selector(is_web) => service.selector = app(is_web),
            Event::Port(is_usual) => {
                service.ports[0].target_port = TargetPort::Number(if is_usual { 8080 } else { 8081 });
            }
            _ => {}
        }
        return;
    };
    match (event, world.pods.get_mut(&number)) {
        (Event::New(_), None) => add(world, [number], if number % 2 == 0 { "web" } else { "green" }),
        (Event::Gone(_), Some(_)) => remove(world, [number]),
        (Event::Deleted(_, sleep), Some(pod)) if pod.deleting_since.is_none() => {
            pod.ending = Ending { grace_seconds: sleep + 30, pre_stop: PreStop::Sleep(sleep) };
            delete(world, [number]);
        }
        (Event::Relabelled(_, is_web), Some(pod)) => pod.labels = app(is_web),
        (Event::Ready(_, is_ready), Some(pod)) => {
            (pod.containers_ready, pod.containers_ready_since) = (is_ready, Some(now));
        }
        (Event::Gate(_, is_open), Some(pod)) => {
            pod.closed_gates = if is_open { Vec::new() } else { vec!["example.com/gate".to_owned()] };
        }
        (Event::Weight(_, true), Some(pod)) => {
            pod.annotations.insert(names::CUSTOM_WEIGHT.to_owned(), "0".to_owned());
        }
        (Event::Weight(_, false), Some(pod)) => pod.annotations.clear(),
        _ => {}
    }
}

proptest! {
    #[test]
    fn in_between_there_are_never_fewer_healthy_targets_than_could_serve(
        events in prop::collection::vec(event(), 1..40), delay in 1i64..12, forgets in any::<bool>(),
    ) {
        let mut play = Play::new(web(&json!({}), 3), delay);
        play.forgets = forgets;
        for event in events {
            play.run(1, &|play, _| happen(play, event));
        }
        prop_assert!(play.losses.is_empty(), "{:?}", play.losses);
    }
}

#[test]
fn nobody_leaves_for_one_that_a_user_takes_out_in_the_same_round() {
    let mut play = Play::new(web(&json!({}), 3), 3);
    for event in [Event::New(6), Event::Deleted(2, 7), Event::Weight(1, true)] {
        play.run(1, &|play, _| happen(play, event));
    }
    assert_eq!((play.history, play.losses), (vec![3, 3, 2], vec![]));
}
