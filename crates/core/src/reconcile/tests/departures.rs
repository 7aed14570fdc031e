//! Why a binding goes, while what it depends on changes and the cloud is slow, busy or silent, played with.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::play::{Kind, Play};
use crate::api::binding::DeletionPolicy;
use crate::api::{DirectAccessBinding, names};
use crate::plan::tests::acts::{delete_binding, listener, web};
use crate::reconcile::{Input, News};

const SECOND: Duration = Duration::from_secs(1);

fn edit(play: &mut Play, change: impl FnOnce(&mut DirectAccessBinding)) {
    let binding = Arc::make_mut(&mut play.world.bindings[0]);
    change(binding);
    // Another version, as the API server would have it.
    binding.metadata.resource_version = Some("900".to_owned());
}

/// A binding with two targets that was made for its Service, which asks for direct access.
fn at_rest() -> Play {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")], "deletionPolicy": DeletionPolicy::Deregister}), 2);
    let owner =
        json!([{"apiVersion": "v1", "kind": "Service", "name": "web", "controller": true, "uid": "service-uid"}]);
    Arc::make_mut(&mut world.bindings[0]).metadata.owner_references = Some(serde_json::from_value(owner).unwrap());
    let service = world.service.as_mut().unwrap();
    service.is_load_balancer = true;
    service.annotations.insert(names::DIRECT_ACCESS.to_owned(), "true".to_owned());
    let mut play = Play::new(world);
    play.play(SECOND);
    play.world.heal();
    play.play(SECOND * 60);
    assert_eq!(weighted(&play), 2);
    play
}

/// How many targets of the first listener have weight.
fn weighted(play: &Play) -> usize {
    let first = play.world.listeners.first().map(|listener| play.world.targets_of(&listener.id));
    first.into_iter().flatten().filter(|(_, weight)| *weight > 0).count()
}

fn news(play: &mut Play) {
    play.step(Input::News(News::Input));
}

/// A task that runs for 20 s.
fn submit_task(play: &mut Play) {
    play.task_lasts = SECOND * 20;
    edit(play, |binding| {
        let more = json!([listener(80, "TCP"), {"port": 90, "protocol": "UDP", "servicePort": 80}]);
        binding.spec.listeners = serde_json::from_value(more).unwrap();
        binding.metadata.generation = Some(7);
    });
    news(play);
    play.play(SECOND * 2);
}

type Trouble = fn(&mut Play);

const TROUBLES: [(&str, Trouble); 4] = [
    ("none", |_| {}),
    ("a task runs", submit_task),
    ("the load balancer cannot be read", |play| _ = play.failing.insert(Kind::Frame)),
    ("targets are read slowly", |play| _ = play.takes.insert(Kind::Targets, SECOND * 8)),
];

/// An answer from before the Service was made again releases nothing, however long the round that asked could not act on it.
#[test]
fn what_serves_stays_when_the_service_is_made_again_before_its_binding_goes() {
    for (trouble, begin) in TROUBLES.into_iter().skip(1) {
        let mut play = at_rest();
        begin(&mut play);
        let before = weighted(&play);
        let service = play.world.service.take();
        delete_binding(&mut play.world);
        news(&mut play);
        while play.log.iter().all(|(_, kind, _)| *kind != Kind::Definition) {
            play.play(SECOND / 100);
        }
        play.world.service = service;
        news(&mut play);
        for _ in 0..600 {
            play.play(SECOND / 10);
            assert_eq!(weighted(&play), before, "{trouble}, at {:?}", play.at);
        }
    }
}

/// The binding goes although no round can be done at once.
#[test]
fn a_binding_goes_with_its_service_however_long_the_cloud_takes() {
    for (trouble, begin) in TROUBLES {
        let mut play = at_rest();
        begin(&mut play);
        play.world.service = None;
        delete_binding(&mut play.world);
        news(&mut play);
        play.play(SECOND * 60);
        play.failing.clear();
        play.play(SECOND * 240);
        assert!(play.world.bindings.is_empty() && play.world.listeners.is_empty(), "{trouble}");
    }
}
