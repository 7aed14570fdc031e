//! The table *console*: what people do by hand, on every kind of listener, and what becomes of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::play::Play;
use crate::api::condition::Reason;
use crate::api::mark::TargetTag;
use crate::model::{Attribute, ListenerState, Protocol, RegisteredTarget, Route};
use crate::plan::tests::acts::web;
use crate::plan::tests::world::{World, address, uid};

/// Where it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A listener of layer 4 that the binding has made.
    Own,
    /// A listener of layer 7 that the binding has made.
    OwnRules,
    /// Somebody else's listener of layer 4, by listenerId.
    Shared,
    /// Somebody else's listener of layer 7, by listenerId.
    SharedRules,
}

use Place::{Own, OwnRules, Shared, SharedRules};

const PLACES: [Place; 4] = [Own, OwnRules, Shared, SharedRules];

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything is as it was before.
    Corrected,
    /// Everything stays as the person has made it.
    Kept,
    /// The same Pods are targets again, on a listener or rule that is new.
    MadeAgain,
}

use Outcome::{Corrected, Kept, MadeAgain};

/// What a person does, and what becomes of it in each place, with the reason that is reported.
struct Row {
    what: &'static str,
    act: fn(&mut World),
    places: &'static [(Place, Outcome, Option<Reason>)],
    /// The places where it cannot be done, or means nothing.
    nowhere: &'static [Place],
}

const ROWS: &[Row] = &[
    Row {
        what: "rename the listener",
        act: |world| world.listeners[0].name = "shop".to_owned(),
        places: &[(Own, Corrected, None), (OwnRules, Corrected, None), (Shared, Kept, None), (SharedRules, Kept, None)],
        nowhere: &[],
    },
    Row {
        what: "stop the listener",
        act: |world| world.listeners[0].state = ListenerState::Stopped,
        places: &[
            (Own, Kept, Some(Reason::ListenerStopped)),
            (OwnRules, Kept, Some(Reason::ListenerStopped)),
            (Shared, Kept, Some(Reason::ListenerStopped)),
            (SharedRules, Kept, Some(Reason::ListenerStopped)),
        ],
        nowhere: &[],
    },
    Row {
        what: "delete the listener",
        act: delete_listener,
        places: &[
            (Own, MadeAgain, None),
            (OwnRules, MadeAgain, None),
            (Shared, Kept, Some(Reason::ListenerNotFound)),
            (SharedRules, Kept, Some(Reason::ListenerNotFound)),
        ],
        nowhere: &[],
    },
    Row {
        what: "delete the listener and make it again by hand",
        act: |world| {
            let (protocol, port) = (world.listeners[0].protocol, world.listeners[0].port);
            delete_listener(world);
            world.add_listener("by hand", protocol, port);
        },
        places: &[
            (Own, Kept, Some(Reason::PortConflict)),
            (OwnRules, Kept, Some(Reason::PortConflict)),
            (Shared, Kept, Some(Reason::ListenerNotFound)),
            (SharedRules, Kept, Some(Reason::ListenerNotFound)),
        ],
        nowhere: &[],
    },
    Row {
        what: "give the listener another port",
        act: |world| world.listeners[0].port = 8443,
        places: &[
            (Own, MadeAgain, None),
            (OwnRules, MadeAgain, None),
            (Shared, Kept, Some(Reason::Invalid)),
            (SharedRules, Kept, Some(Reason::Invalid)),
        ],
        nowhere: &[],
    },
    Row {
        what: "delete a rule",
        act: |world| {
            let rule = world.listeners[0].rules.remove(0);
            world.targets.retain(|route, _| route.rule.as_ref() != Some(&rule.id));
        },
        places: &[(OwnRules, MadeAgain, None), (SharedRules, Kept, Some(Reason::ListenerNotFound))],
        nowhere: &[Own, Shared],
    },
    Row {
        what: "set a weight to 1",
        act: |world| first(world).weight = 1,
        places: &[
            (Own, Corrected, None),
            (OwnRules, Corrected, None),
            (Shared, Corrected, None),
            (SharedRules, Corrected, None),
        ],
        nowhere: &[],
    },
    Row {
        what: "set all weights to 0",
        act: |world| world.targets.values_mut().flatten().for_each(|target| target.weight = 0),
        places: &[
            (Own, Corrected, None),
            (OwnRules, Corrected, None),
            (Shared, Corrected, None),
            (SharedRules, Corrected, None),
        ],
        nowhere: &[],
    },
    Row {
        what: "deregister a target",
        act: |world| {
            world.targets.values_mut().next().unwrap().remove(0);
        },
        places: &[
            (Own, Corrected, None),
            (OwnRules, Corrected, None),
            (Shared, Corrected, None),
            (SharedRules, Corrected, None),
        ],
        nowhere: &[],
    },
    // A target without a tag at the address of a Pod serves as well.
    Row {
        what: "clear a tag",
        act: |world| first(world).tag.clear(),
        places: &[(Own, Kept, None), (OwnRules, Kept, None), (Shared, Kept, None), (SharedRules, Kept, None)],
        nowhere: &[],
    },
    Row {
        what: "write another text as tag",
        act: |world| first(world).tag = "somebody's".to_owned(),
        places: &[
            (Own, Kept, Some(Reason::BackendConflict)),
            (OwnRules, Kept, Some(Reason::BackendConflict)),
            (Shared, Kept, Some(Reason::BackendConflict)),
            (SharedRules, Kept, Some(Reason::BackendConflict)),
        ],
        nowhere: &[],
    },
    Row {
        what: "write the tag of another cluster's binding",
        act: |world| first(world).tag = TargetTag::new(uid(0x00ff_0001), &uid(1)).to_string(),
        places: &[
            (Own, Kept, Some(Reason::BackendConflict)),
            (OwnRules, Kept, Some(Reason::BackendConflict)),
            (Shared, Kept, Some(Reason::BackendConflict)),
            (SharedRules, Kept, Some(Reason::BackendConflict)),
        ],
        nowhere: &[],
    },
    // What no config names is left as it is.
    Row {
        what: "change health check and scheduler",
        act: |world| {
            let listener = &mut world.listeners[0];
            let all = std::iter::once(&mut listener.attributes);
            for attributes in all.chain(listener.rules.iter_mut().map(|rule| &mut rule.attributes)) {
                attributes.set(Attribute::CheckInterval, 60_i64);
                attributes.set(Attribute::Scheduler, "LEAST_CONN");
            }
        },
        places: &[(Own, Kept, None), (OwnRules, Kept, None), (Shared, Kept, None), (SharedRules, Kept, None)],
        nowhere: &[],
    },
    Row {
        what: "add a listener with a target",
        act: |world| {
            let id = world.add_listener("somebody's", Protocol::Tcp, 8443);
            world.add_target(&id, address(1), 10, "");
        },
        places: &[(Own, Kept, None), (OwnRules, Kept, None), (Shared, Kept, None), (SharedRules, Kept, None)],
        nowhere: &[],
    },
    Row {
        what: "add a rule with a target",
        act: |world| {
            let id = world.listeners[0].id.clone();
            let rule = world.add_rule(&id, "new.example", "/");
            world.put_target(&Route { listener: id, rule: Some(rule) }, address(77), 10, "");
        },
        places: &[(OwnRules, Kept, Some(Reason::RemovalHeld)), (SharedRules, Kept, None)],
        nowhere: &[Own, Shared],
    },
    // The rules of a listener of ours are those of the spec.
    Row {
        what: "add a rule without targets",
        act: |world| {
            let id = world.listeners[0].id.clone();
            world.add_rule(&id, "new.example", "/");
        },
        places: &[(OwnRules, Corrected, None), (SharedRules, Kept, None)],
        nowhere: &[Own, Shared],
    },
    Row {
        what: "add a target",
        act: |world| {
            let route = world.targets.keys().next().unwrap().clone();
            world.put_target(&route, address(77), 10, "");
        },
        places: &[(Own, Kept, None), (OwnRules, Kept, None), (Shared, Kept, None), (SharedRules, Kept, None)],
        nowhere: &[],
    },
    Row {
        what: "give the load balancer another address",
        act: |world| world.addresses = vec!["203.0.113.2".parse().unwrap()],
        places: &[
            (Own, Kept, None),
            (OwnRules, MadeAgain, None),
            (Shared, Kept, None),
            (SharedRules, Kept, Some(Reason::ListenerNotFound)),
        ],
        nowhere: &[],
    },
    Row {
        what: "give the load balancer a domain name in the place of its address",
        act: |world| {
            world.addresses.clear();
            world.domain = Some("lb-1.clb.example".to_owned());
        },
        places: &[
            (Own, Kept, None),
            (OwnRules, Kept, Some(Reason::UnsupportedValue)),
            (Shared, Kept, None),
            (SharedRules, Kept, Some(Reason::UnsupportedValue)),
        ],
        nowhere: &[],
    },
];

/// What becomes of something else where the cloud shows no tags of targets, and why.
const WITHOUT_TAGS: &[(&str, &[Place], Outcome, &str)] = &[
    ("write another text as tag", &PLACES, Kept, "nobody sees it"),
    ("write the tag of another cluster's binding", &PLACES, Kept, "nobody sees it"),
    ("add a target", &[Own, OwnRules], Corrected, "on a listener of the binding, what has no tag is the binding's own"),
    ("add a rule with a target", &[OwnRules], Corrected, "so is its target, which keeps the rule else"),
];

fn delete_listener(world: &mut World) {
    let gone = world.listeners.remove(0);
    world.targets.retain(|route, _| route.listener != gone.id);
}

fn first(world: &mut World) -> &mut RegisteredTarget {
    &mut world.targets.values_mut().next().unwrap()[0]
}

/// Two Pods behind a listener; of its two rules one has the load balancer's own address as domain.
fn world(place: Place) -> World {
    let rules = json!([{"domain": ""}, {"domain": "a.example"}]);
    let spec = |protocol: &str, id: Option<&str>, rules: &Value| {
        let listener = json!({"port": 80, "protocol": protocol, "servicePort": 80, "listenerId": id, "rules": rules});
        json!({"listeners": [listener]})
    };
    match place {
        Own => web(&spec("TCP", None, &json!([])), 2),
        OwnRules => web(&spec("HTTP", None, &rules), 2),
        Shared => {
            let mut world = web(&spec("TCP", Some("lbl-1"), &json!([])), 2);
            world.add_listener("somebody's", Protocol::Tcp, 80);
            world
        }
        SharedRules => {
            let mut world = web(&spec("HTTP", Some("lbl-1"), &rules), 2);
            let id = world.add_listener("somebody's", Protocol::Http, 80);
            world.add_rule(&id, "203.0.113.1", "/");
            world.add_rule(&id, "a.example", "/");
            world
        }
    }
}

/// Everything that the cloud shows.
fn shown(world: &World) -> Vec<String> {
    let mut lines: Vec<String> = world.listeners.iter().map(|listener| format!("{listener:?}")).collect();
    for (route, targets) in &world.targets {
        lines.extend(targets.iter().map(|target| format!("{route:?} {target:?}")));
    }
    lines.sort();
    lines
}

#[test]
fn misfortune_console_is_answered_as_the_table_says() {
    let (mut cells, mut faults) = (0, Vec::new());
    for row in ROWS {
        let places = row.places.iter().map(|(place, ..)| *place).chain(row.nowhere.iter().copied());
        assert_eq!(places.collect::<BTreeSet<_>>(), BTreeSet::from(PLACES), "{}: every place has its row", row.what);
        for (place, outcome, reason) in row.places {
            cells += 1;
            let found = play(row, world(*place), *outcome, &Vec::from_iter(*reason));
            faults.extend(found.into_iter().map(|fault| format!("{}, {place:?}: {fault}", row.what)));
        }
    }
    crate::plan::tests::report(&format!("console: {cells} cells"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn misfortune_console_is_answered_so_where_the_cloud_shows_no_tags() {
    let (mut used, mut faults) = (BTreeSet::new(), Vec::new());
    for row in ROWS {
        for (place, outcome, reason) in row.places {
            let differs = WITHOUT_TAGS.iter().find(|(what, places, ..)| *what == row.what && places.contains(place));
            used.extend(differs.map(|(what, ..)| *what));
            let (outcome, reason) = differs.map_or((*outcome, *reason), |(_, _, outcome, _)| (*outcome, None));
            let mut world = world(*place);
            world.shows_tags = false;
            // On listeners of somebody else it is said, as long as there are targets to have tags.
            let has_targets = |world: &World| world.targets.values().flatten().next().is_some();
            let mut after = world.clone();
            after.converge();
            (row.act)(&mut after);
            let is_said = matches!(place, Shared | SharedRules) && has_targets(&after) && reason.is_none();
            let told: Vec<_> = is_said.then_some(Reason::TagsNotShown).into_iter().chain(reason).collect();
            let found = play(row, world, outcome, &told);
            faults.extend(found.into_iter().map(|fault| format!("{}, {place:?}: {fault}", row.what)));
        }
    }
    assert_eq!(used, WITHOUT_TAGS.iter().map(|(what, ..)| *what).collect(), "every exception is one");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The first of the reasons is what is reported first.
fn play(row: &Row, world: World, outcome: Outcome, reasons: &[Reason]) -> Vec<String> {
    let mut play = Play::new(world, 6);
    let (before, rest) = (shown(&play.world), play.rest());
    play.by_hand(row.act);
    let changed = shown(&play.world);
    let at_first = programmed_at_first(&play.world);
    play.run(20, &|_, _| {});
    let after = shown(&play.world);
    let mut faults = std::mem::take(&mut play.losses);
    let is_so = match outcome {
        Corrected => after == before,
        Kept => after == changed,
        MadeAgain => after != before && after != changed && play.rest() == rest,
    };
    if !is_so {
        faults.push(format!("not {outcome:?}:\n  before {before:#?}\n  changed {changed:#?}\n  after {after:#?}"));
    }
    if outcome != Kept && at_first {
        faults.push("the status says that all is as desired while it is not".to_owned());
    }
    let told: Vec<_> = play.world.plan().bindings[0].problems.iter().map(|problem| problem.reason).collect();
    if told.first() != reasons.first() {
        faults.push(format!("told is {told:?}, not {reasons:?}"));
    }
    faults
}

/// Whether the status that the next round writes has `Programmed` True.
fn programmed_at_first(world: &World) -> bool {
    let mut world = world.clone();
    world.round();
    let conditions = world.bindings[0].status.iter().flat_map(|status| &status.conditions);
    let mut programmed = conditions.filter(|condition| condition.type_ == "Programmed");
    programmed.all(|condition| condition.status == "True")
}
