//! Addresses of Pods on silent nodes that other Pods have by now are recognised, whether the cloud shows tags or not.

use std::time::Duration;

use serde_json::json;

use super::play::Play;
use crate::model::{Address, Phase, Weight};
use crate::plan::tests::acts::{add, listener, web};
use crate::plan::tests::world::{World, address, ip};
use crate::reconcile::{Input, News};

const SECOND: Duration = Duration::from_secs(1);

/// Where the Pod is that has the address by now.
#[derive(Clone, Copy, Debug)]
enum Other {
    /// There is none.
    Nowhere,
    /// In another namespace.
    Elsewhere,
    /// In the same namespace, behind no Service of ours.
    Beside,
}

/// What is left of three targets, of which the first is that of a Pod on a node that has fallen silent.
fn left(other: Other, shows_tags: bool, forgets: bool) -> Vec<(Address, Weight)> {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 3);
    world.shows_tags = shows_tags;
    // The slices name no other Pods.
    world.published = Some(vec![1, 2, 3]);
    let mut play = Play::new(world);
    play.play(SECOND);
    play.world.heal();
    play.play(SECOND * 70);
    assert_eq!(targets(&play.world).len(), 3);
    play.world.pod(1).phase = Phase::Unknown;
    match other {
        Other::Nowhere => {}
        Other::Elsewhere => play.world.reassigned = std::iter::once(ip(1)).collect(),
        Other::Beside => {
            add(&mut play.world, [9], "other");
            play.world.pod(9).ips = vec![ip(1)];
        }
    }
    if forgets {
        play.begin_anew();
    }
    play.step(Input::News(News::Members));
    play.play(SECOND * 3);
    targets(&play.world)
}

fn targets(world: &World) -> Vec<(Address, Weight)> {
    let mut found: Vec<_> = world.targets.values().flatten().map(|one| (one.address, one.weight)).collect();
    found.sort();
    found
}

#[test]
fn an_address_that_another_pod_has_is_given_up_whether_tags_are_shown_or_not() {
    let (one, two, three) = (address(1), address(2), address(3));
    for (other, expected) in [
        (Other::Nowhere, vec![(one, 0), (two, 10), (three, 10)]),
        (Other::Elsewhere, vec![(two, 10), (three, 10)]),
        (Other::Beside, vec![(two, 10), (three, 10)]),
    ] {
        for shows_tags in [true, false] {
            for forgets in [false, true] {
                let found = left(other, shows_tags, forgets);
                assert_eq!(found, expected, "{other:?}, tags are shown: {shows_tags}, a new controller: {forgets}");
            }
        }
    }
}
