//! Bindings that end, rest, or see little of the cloud.

use serde_json::json;

use super::story::Story;
use super::{Row, add, delete, delete_binding, edit, remove, web};
use crate::api::binding::DeletionPolicy;
use crate::model::{AccountId, Caller, GateState, Health, Witnesses};
use crate::plan::tests::world::{ACCOUNT, World, uid};
use crate::plan::{Cloud, Departure, Doubt, Remembered};

pub(super) const STORIES: &[Row] = &[
    ("deletion", deletion),
    ("deletion-with-one-witness", one_witness),
    ("deletion-with-two-witnesses", two_witnesses),
    ("deletion-by-another-account", other_account),
    ("deletion-after-listeners-vanished", vanished),
    ("deletion-of-the-definition", definition),
    ("retained", retained),
    ("suspended-with-a-gone-pod", suspended),
    ("tags-hidden", tags_hidden),
    ("health-not-read", health_not_read),
];

fn deletion() -> Story {
    let mut story = Story::at_rest("A binding is deleted.", web(&json!({}), 2));
    story.after(1, "it is deleted", delete_binding);
    story
}

fn one_witness() -> Story {
    let mut story =
        Story::at_rest("A binding is deleted while one reply says that there is no load balancer.", web(&json!({}), 2));
    story.after(1, "it is deleted", |world| {
        delete_binding(world);
        world.unread = Some(Cloud::Missing(Witnesses::ListOnly));
    });
    story.after(60, "a minute later", |_| {});
    story.after(1, "deletionPolicy is Retain", |world| {
        edit(world, |binding| binding.spec.deletion_policy = DeletionPolicy::Retain);
    });
    story
}

fn two_witnesses() -> Story {
    let mut story = Story::at_rest(
        "A binding is deleted while two replies say that there is no load balancer.",
        web(&json!({}), 2),
    );
    story.after(1, "it is deleted", |world| {
        delete_binding(world);
        world.unread = Some(Cloud::Missing(Witnesses::ListAndListeners));
    });
    story.after(10, "only one reply says so", |world| world.unread = Some(Cloud::Missing(Witnesses::ListOnly)));
    story.after(10, "both say so again", |world| world.unread = Some(Cloud::Missing(Witnesses::ListAndListeners)));
    story.after(29, "29 s later", |_| {});
    story.after(1, "30 s later", |_| {});
    story
}

fn other_account() -> Story {
    let mut story = Story::at_rest(
        "A binding is deleted while the credentials are of another account, which is not shown its load balancer.",
        web(&json!({}), 2),
    );
    story.after(1, "it is deleted", |world| {
        delete_binding(world);
        world.caller = Caller::Known(AccountId::new("200000000002"));
        world.unread = Some(Cloud::Missing(Witnesses::ListAndListeners));
    });
    story.after(60, "a minute later", |_| {});
    story.after(1, "the credentials are right, and nobody says so yet", |world| {
        world.caller = Caller::NotAsked;
    });
    story.after(1, "the load balancer is shown", |world| {
        world.caller = Caller::Known(AccountId::new(ACCOUNT));
        world.unread = None;
    });
    story
}

fn vanished() -> Story {
    let mut story = Story::at_rest("A binding is deleted after reads show nothing of it any more.", web(&json!({}), 2));
    story.after(1, "it is deleted, and no listener is shown", |world| {
        delete_binding(world);
        world.listeners.clear();
        world.targets.clear();
    });
    story.after(30, "30 s later", |_| {});
    story
}

fn definition() -> Story {
    let mut story =
        Story::at_rest("The definition of bindings is being deleted, and with it all bindings.", web(&json!({}), 2));
    story.after(1, "nobody can say yet whether it is", |world| {
        delete_binding(world);
        world.departure = Departure::Unknown(Doubt::Definition);
    });
    story.after(1, "it is", |world| world.departure = Departure::DefinitionDeleted);
    story
}

fn retained() -> Story {
    let mut story = Story::at_rest(
        "A binding with deletionPolicy Retain is deleted.",
        web(&json!({"deletionPolicy": "Retain"}), 2),
    );
    story.after(1, "it is deleted", delete_binding);
    story
}

fn suspended() -> Story {
    let mut story = Story::at_rest("A binding is suspended while Pods come and go.", web(&json!({}), 3));
    story.after(1, "it is suspended", |world| edit(world, |binding| binding.spec.suspend = true));
    story.after(1, "web-1 is deleted, web-2 is gone, and web-4 is ready", |world| {
        delete(world, [1]);
        remove(world, [2]);
        add(world, [4], "web");
    });
    story.after(1, "it goes on", |world| edit(world, |binding| binding.spec.suspend = false));
    story
}

fn tags_hidden() -> Story {
    let mut world = web(&json!({}), 0);
    world.shows_tags = false;
    let mut story = Story::of("A cloud that does not show the tags of targets.", world);
    story.then("three Pods are ready", |world| add(world, 1..=3, "web"));
    story.after(5, "all are found healthy", World::heal);
    story.after(1, "web-3 is deleted and gone", |world| remove(world, [3]));
    story.after(1, "web-2 is gone, and web-9 has its address and waits for its gate", |world| {
        let mut pod = world.pods.remove(&2).unwrap();
        pod.uid = uid(9);
        pod.key.name = "web-9".to_owned();
        pod.gate = GateState::Unset;
        world.pods.insert(9, pod);
    });
    story.after(5, "all are found healthy", World::heal);
    story.after(1, "another controller takes over while web-9 waits for its gate", |world| {
        world.pod(9).gate = GateState::Waiting { reason: "Registering".to_owned(), message: String::new() };
        world.remembered = Remembered::default();
    });
    story.after(1, "another controller takes over, and web-1 is gone", |world| {
        world.pod(9).gate = GateState::Open;
        world.remembered = Remembered::default();
        remove(world, [1]);
    });
    story
}

fn health_not_read() -> Story {
    let mut world = web(&json!({}), 2);
    world.converge();
    let mut story = Story::of("Health has never been read.", world);
    story.after(1, "web-3 is ready, and web-1 is deleted", |world| {
        add(world, [3], "web");
        delete(world, [1]);
    });
    story.after(14, "the sleep of web-1 ends in 5 s", |_| {});
    story.after(1, "it is over", |_| {});
    story.after(5, "the health check is off", |world| {
        world.heal();
        world.health.values_mut().for_each(|health| *health = Health::CheckOff);
    });
    story
}
