//! The rows.

use jiff::SignedDuration;
use serde_json::json;

use super::Row;
use super::deeds::{Deployment, hookless, ready, roll, select, sleeping, start, unready, with_spec};
use crate::model::{Attribute, Phase, PodNetwork, ServicePort, TargetPort, Transport};
use crate::plan::tests::acts::{add, delete, listener, remove, respec, web};
use crate::plan::tests::misfortune::play::{Check, Play};
use crate::plan::tests::world::World;

const BLUE: &[&str] = &["10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.3:8080"];
const GREEN: &[&str] = &["10.1.0.4:8080", "10.1.0.5:8080", "10.1.0.6:8080"];
/// Where nobody is known to serve, those that live go on for as long as that is so.
const BOTH: &[&str] =
    &["10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.3:8080", "10.1.0.4:8080", "10.1.0.5:8080", "10.1.0.6:8080"];

/// The selector moves from the three Pods that serve to three that are ready.
fn switch(play: &mut Play, second: i64) {
    if second == 1 {
        add(&mut play.world, 4..=6, "green");
        select(&mut play.world, "green");
    }
}

/// All Pods are deleted at once; the Pods that replace them are ready after 8 s.
fn delete_all(play: &mut Play, second: i64) {
    match second {
        1 => {
            delete(&mut play.world, 1..=3);
            start(play, 4..=6, "web");
        }
        9 => ready(play, 4..=6),
        _ => {}
    }
}

/// Of ten Pods, all are replaced under the quota of the world.
fn switch_ten(play: &mut Play, second: i64) {
    if second == 1 {
        add(&mut play.world, 11..=20, "green");
        select(&mut play.world, "green");
    }
}

fn with_quota(quota: usize) -> Play {
    let mut world = web(&json!({}), 10);
    world.limits.targets_per_route = quota;
    let mut play = Play::new(world, 6);
    play.slack = 1;
    play
}

fn checked(check: Check) -> Play {
    let mut play = sleeping(3);
    play.check = check;
    for listener in &mut play.world.listeners {
        listener.attributes.set(Attribute::CheckSwitch, check != Check::Off);
    }
    play
}

fn two_ports(world: &mut World) {
    let port = ServicePort {
        name: "next".to_owned(),
        transport: Transport::Tcp,
        port: 81,
        target_port: TargetPort::Number(8081),
    };
    let ports = &mut world.service.as_mut().unwrap().ports;
    ports[0].name = "web".to_owned();
    ports.push(port);
}

const TEN_GREEN: &[&str] = &[
    "10.1.0.11:8080",
    "10.1.0.12:8080",
    "10.1.0.13:8080",
    "10.1.0.14:8080",
    "10.1.0.15:8080",
    "10.1.0.16:8080",
    "10.1.0.17:8080",
    "10.1.0.18:8080",
    "10.1.0.19:8080",
    "10.1.0.20:8080",
];

pub(super) const ROWS: &[Row] = &[
    Row { name: "selector", begin: || sleeping(3), act: switch, seconds: 320, least: 3, why: "", rest: GREEN },
    Row {
        name: "targetPort",
        begin: || sleeping(2),
        act: |play, second| {
            if second == 1 {
                play.world.service.as_mut().unwrap().ports[0].target_port = TargetPort::Number(8081);
            }
        },
        seconds: 320,
        least: 2,
        why: "",
        rest: &["10.1.0.1:8081", "10.1.0.2:8081"],
    },
    Row {
        name: "servicePort",
        begin: || {
            let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 2);
            two_ports(&mut world);
            Play::new(world, 6)
        },
        act: |play, second| {
            if second == 1 {
                let listener = json!({"port": 80, "protocol": "TCP", "servicePort": "next"});
                respec(&mut play.world, &json!({"listeners": [listener]}));
            }
        },
        seconds: 320,
        least: 2,
        why: "",
        rest: &["10.1.0.1:8081", "10.1.0.2:8081"],
    },
    Row {
        name: "network",
        begin: || sleeping(2),
        act: |play, second| {
            if second == 1 {
                add(&mut play.world, 3..=4, "web");
                play.world.cluster.network = crate::model::ClusterNetwork::GlobalRouter;
                (3..=4).for_each(|number| play.world.pod(number).network = PodNetwork::VpcCni);
                respec(&mut play.world, &json!({"network": "VpcCni"}));
            }
        },
        seconds: 320,
        least: 2,
        why: "",
        rest: &["10.1.0.3:8080", "10.1.0.4:8080"],
    },
    Row {
        name: "relabelled Pods",
        begin: || sleeping(3),
        act: |play, second| {
            if second == 1 {
                (1..=3).for_each(|number| play.world.pod(number).labels.clear());
                start(play, 4..=6, "web");
            } else if second == 10 {
                ready(play, 4..=6);
            }
        },
        seconds: 320,
        least: 3,
        why: "",
        rest: GREEN,
    },
    Row {
        name: "all unready",
        begin: || sleeping(3),
        act: |play, second| match second {
            1 => unready(play, 1..=3),
            200 => ready(play, 1..=3),
            _ => {}
        },
        seconds: 210,
        least: 3,
        why: "",
        rest: BLUE,
    },
    Row { name: "all deleted", begin: || sleeping(3), act: delete_all, seconds: 40, least: 3, why: "", rest: GREEN },
    Row {
        name: "all deleted",
        begin: || hookless(3),
        act: delete_all,
        seconds: 40,
        least: 0,
        why: "Pods without a hook stop accepting at once, and the new ones need 14 s",
        rest: GREEN,
    },
    Row {
        name: "node drained without budget",
        begin: || sleeping(3),
        act: |play, second| match second {
            1 => {
                delete(&mut play.world, 1..=2);
                start(play, 4..=5, "web");
            }
            12 => ready(play, 4..=5),
            _ => {}
        },
        seconds: 40,
        least: 1,
        why: "the new Pods are ready too late: one is healthy at 17 s, and the sleep less 5 s ends at 16 s",
        rest: &["10.1.0.3:8080", "10.1.0.4:8080", "10.1.0.5:8080"],
    },
    Row {
        name: "Recreate",
        begin: || sleeping(3),
        act: |play, second| match second {
            1 => delete(&mut play.world, 1..=3),
            23 => start(play, 4..=6, "web"),
            25 => ready(play, 4..=6),
            _ => {}
        },
        seconds: 40,
        least: 0,
        why: "the strategy starts new Pods once the old ones are gone",
        rest: GREEN,
    },
    Row {
        name: "StatefulSet of one",
        begin: || sleeping(1),
        act: |play, second| match second {
            1 => delete(&mut play.world, [1]),
            23 => start(play, [4], "web"),
            25 => ready(play, [4]),
            _ => {}
        },
        seconds: 40,
        least: 0,
        why: "there is one Pod, and the next one is started once it is gone",
        rest: &["10.1.0.4:8080"],
    },
    Row {
        name: "node lost",
        begin: || sleeping(3),
        act: |play, second| match second {
            1 => (1..=3).for_each(|number| play.world.pod(number).phase = Phase::Unknown),
            100 => delete(&mut play.world, [1]),
            400 => {
                play.dead.insert(1);
            }
            _ => {}
        },
        seconds: 410,
        least: 2,
        why: "in the end one of the nodes is really dead",
        rest: &["10.1.0.2:8080", "10.1.0.3:8080"],
    },
    Row {
        name: "scale to 0 and back",
        begin: || sleeping(3),
        act: |play, second| match second {
            1 => delete(&mut play.world, 1..=3),
            30 => start(play, 4..=6, "web"),
            32 => ready(play, 4..=6),
            _ => {}
        },
        seconds: 50,
        least: 0,
        why: "no Pod is wanted",
        rest: GREEN,
    },
    Row {
        name: "blue/green",
        begin: || sleeping(3),
        act: |play, second| match second {
            1 => add(&mut play.world, 4..=6, "green"),
            2 => select(&mut play.world, "green"),
            5 => select(&mut play.world, "web"),
            7 => select(&mut play.world, "green"),
            40 => remove(&mut play.world, 1..=3),
            _ => {}
        },
        seconds: 60,
        least: 3,
        why: "",
        rest: GREEN,
    },
    Row {
        name: "grace shortened at deletion",
        begin: || sleeping(3),
        act: |play, second| {
            if second == 1 {
                delete(&mut play.world, [1]);
                let killed_at = play.world.now + SignedDuration::from_secs(2);
                play.world.pod(1).killed_at = Some(killed_at);
                add(&mut play.world, [4], "web");
            }
        },
        seconds: 20,
        least: 2,
        why: "the Pod is killed after 2 s, and the new one is healthy after 6 s",
        rest: &["10.1.0.2:8080", "10.1.0.3:8080", "10.1.0.4:8080"],
    },
    Row {
        name: "selector that matches nothing",
        begin: || sleeping(3),
        act: |play, second| {
            if second == 1 {
                select(&mut play.world, "wbe");
            }
        },
        seconds: 400,
        least: 3,
        why: "",
        rest: BLUE,
    },
    Row {
        name: "green that never gets healthy",
        begin: || sleeping(3),
        act: |play, second| {
            switch(play, second);
            play.dead.extend(4..=6);
        },
        seconds: 400,
        least: 3,
        why: "",
        rest: &[BLUE[0], BLUE[1], BLUE[2], GREEN[0], GREEN[1], GREEN[2]],
    },
    Row { name: "check off", begin: || checked(Check::Off), act: switch, seconds: 320, least: 3, why: "", rest: GREEN },
    Row {
        name: "all Dead",
        begin: || checked(Check::AllDead),
        act: switch,
        seconds: 320,
        least: 3,
        why: "",
        rest: BOTH,
    },
    Row {
        name: "never read",
        begin: || checked(Check::Denied),
        act: switch,
        seconds: 320,
        least: 3,
        why: "",
        rest: BOTH,
    },
    Row {
        name: "quota 100/100",
        begin: || with_quota(10),
        act: switch_ten,
        seconds: 400,
        least: 9,
        why: "one leaves for each newcomer, because the listener holds no more",
        rest: TEN_GREEN,
    },
    Row {
        name: "quota 150/200",
        begin: || with_quota(13),
        act: switch_ten,
        seconds: 400,
        least: 10,
        why: "",
        rest: TEN_GREEN,
    },
    Row {
        name: "rolling update 25 %/25 % without hook",
        begin: || hookless(4),
        act: |play, second| {
            if second >= 1 {
                roll(play, Deployment { replicas: 4, surge: 1, unavailable: 1, gated: false, hookless: true });
            }
        },
        seconds: 60,
        least: 0,
        why: "Pods that end at once are deleted as soon as others are ready, which the cloud has not found healthy yet",
        rest: &["10.1.0.101:8080", "10.1.0.102:8080", "10.1.0.103:8080", "10.1.0.104:8080"],
    },
    Row {
        name: "rolling update with hook and gates",
        begin: || sleeping(4),
        act: |play, second| {
            if second >= 1 {
                roll(play, Deployment { replicas: 4, surge: 1, unavailable: 0, gated: true, hookless: false });
            }
        },
        seconds: 120,
        least: 4,
        why: "",
        rest: &["10.1.0.101:8080", "10.1.0.102:8080", "10.1.0.103:8080", "10.1.0.104:8080"],
    },
    Row {
        name: "canary beside",
        begin: || with_spec(&json!({}), 3),
        act: |play, second| match second {
            1 => start(play, [4], "web"),
            3 => ready(play, [4]),
            20 => delete(&mut play.world, [4]),
            _ => {}
        },
        seconds: 60,
        least: 3,
        why: "",
        rest: BLUE,
    },
    Row {
        name: "tags not shown",
        begin: || {
            let mut world = web(&json!({}), 3);
            world.shows_tags = false;
            Play::new(world, 6)
        },
        act: delete_all,
        seconds: 40,
        least: 3,
        why: "",
        rest: GREEN,
    },
    Row {
        name: "tags not shown",
        begin: || {
            let mut world = web(&json!({}), 3);
            world.shows_tags = false;
            Play::new(world, 6)
        },
        act: switch,
        seconds: 320,
        least: 3,
        why: "",
        rest: GREEN,
    },
];
