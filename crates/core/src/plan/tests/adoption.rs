//! A binding that is made again takes the place of its former self by consent, and of nobody else.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;

use super::acts::{adopt, remove, web};
use super::world::{NAMESPACE, PORT, World, address, binding, uid};
use crate::api::condition::Reason;
use crate::api::mark::{ListenerName, OWNER_NAME_TAG, OWNER_TAG, TargetTag};
use crate::api::names;
use crate::model::{Health, ListenerId, LoadBalancer, LoadBalancerId, Protocol, Weight};
use crate::plan::adoption::candidates;
use crate::plan::placement::Placement;
use crate::plan::{Cloud, Plan, Problem, Step, plan};

const FORMER: &str = "0b5a3f0e-6f4c-4a52-9a3e-6c1d1c3f5a77";
const EARLIER: &str = "1b5a3f0e-6f4c-4a52-9a3e-6c1d1c3f5a77";

/// The mark that a former binding of this namespace and name gave to its listeners.
fn mark(namespace: &str, name: &str) -> String {
    ListenerName::new(FORMER, namespace, name).to_string()
}

fn add_former_target(world: &mut World, listener: &ListenerId, number: u32) {
    let tag = TargetTag::new(FORMER, &uid(number)).to_string();
    world.add_target(listener, address(number), 10, &tag);
    world.health.insert(address(number), Health::Healthy);
}

/// Two Pods that a former binding has registered on its listener of this name, and one that is gone.
fn left(listener: &str) -> (World, ListenerId) {
    let mut world = web(&json!({}), 2);
    let id = world.add_listener(listener, Protocol::Tcp, PORT);
    (1..=3).for_each(|number| add_former_target(&mut world, &id, number));
    (world, id)
}

fn problems(world: &World) -> Vec<Problem> {
    world.plan().bindings.remove(0).problems
}

fn reasons(world: &World) -> Vec<Reason> {
    problems(world).into_iter().map(|problem| problem.reason).collect()
}

fn tags(world: &World, listener: &ListenerId) -> Vec<String> {
    let targets = world.targets.iter().filter(|(route, _)| route.listener == *listener).flat_map(|(_, all)| all);
    targets.map(|target| target.tag.clone()).collect()
}

/// What the annotation says, the name of the listener, the reasons of problems, and words of one of them.
type Row<'a> = (&'a str, Option<&'a str>, String, &'a [Reason], &'a str);

/// What is asked for, what stands on the load balancer, and what comes of it.
#[test]
fn the_former_binding_of_the_same_name_is_adopted_by_consent_and_no_other() {
    use Reason::{NotAdopted, PortConflict};
    let full = || mark(NAMESPACE, "b1");
    let former_format = |namespace: &str| format!("dab-{FORMER}-{namespace}-b1");
    let rows: [Row<'_>; 11] = [
        ("no consent", None, full(), &[PortConflict], "run 'kubectl direct-access adopt b1 -n shop'"),
        ("consent", Some(FORMER), full(), &[], ""),
        (
            "several",
            Some("1b5a3f0e-6f4c-4a52-9a3e-6c1d1c3f5a77, 0b5a3f0e-6f4c-4a52-9a3e-6c1d1c3f5a77"),
            full(),
            &[],
            "",
        ),
        ("the format of earlier versions", Some(FORMER), former_format("shop"), &[], ""),
        (
            "the same, that may be another's",
            Some(FORMER),
            former_format("shop-x"),
            &[NotAdopted, PortConflict],
            "of another",
        ),
        (
            "another namespace",
            Some(FORMER),
            mark("net", "b1"),
            &[NotAdopted, PortConflict],
            "of another namespace or name",
        ),
        (
            "another name",
            Some(FORMER),
            mark(NAMESPACE, "b2"),
            &[NotAdopted, PortConflict],
            "of another namespace or name",
        ),
        (
            "no name",
            Some(FORMER),
            format!("dab-{FORMER}"),
            &[NotAdopted, PortConflict],
            "rename a listener of it to 'dab-",
        ),
        ("another UID", Some(EARLIER), full(), &[PortConflict], "adopt b1 -n shop"),
        ("garbage", Some("web"), full(), &[NotAdopted, PortConflict], "cannot be read; write the UIDs"),
        ("nothing", Some(""), full(), &[NotAdopted, PortConflict], "cannot be read; write the UIDs"),
    ];
    for (what, asked, listener, expected, words) in rows {
        let (mut world, id) = left(&listener);
        asked.into_iter().for_each(|asked| adopt(&mut world, asked));
        let mut found = reasons(&world);
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected, "{what}: {:?}", problems(&world));
        let said = problems(&world).into_iter().any(|problem| problem.message.contains(words));
        assert!(said || words.is_empty(), "{what}: {:?}", problems(&world));
        let before = (world.targets_of(&id), tags(&world, &id));
        let weights: Vec<(_, Weight)> = [1, 2].map(|number| (address(number), 10)).to_vec();
        world.converge();
        if expected.is_empty() {
            assert_eq!(world.targets_of(&id), weights, "{what}: that of the gone Pod leaves, the others stay");
            assert!(tags(&world, &id).iter().all(|tag| tag.contains(&world.binding_uid(0))), "{what}");
            let owner = world.binding_uid(0);
            assert_eq!(ListenerName::owner(&world.listener(&id).name), Some(&*owner), "{what}");
            assert_eq!(reasons(&world), [], "{what}: the annotation may stay");
            let status = world.bindings[0].status.clone().unwrap().load_balancer.unwrap();
            assert_eq!(status.former_uids, Vec::<String>::new(), "{what}: and is not needed any more");
        } else {
            assert_eq!((world.targets_of(&id), tags(&world, &id)), before, "{what}: nothing is touched");
            assert_eq!(world.listener(&id).name, listener, "{what}");
        }
    }
}

/// In a world that is converged, what cannot be read, and what is refused, changes nothing.
#[test]
fn an_annotation_that_is_not_followed_changes_nothing_of_what_is_there() {
    for (value, expected) in [("web", 1), (FORMER, 0), ("", 1)] {
        let mut world = web(&json!({}), 2);
        world.converge();
        world.heal();
        world.converge();
        adopt(&mut world, value);
        let plan = world.plan();
        assert_eq!(plan.steps, [], "{value}");
        let found = reasons(&world).into_iter().filter(|reason| *reason == Reason::NotAdopted).count();
        assert_eq!(found, expected, "{value}");
    }
}

/// Another binding has the UID: it keeps what it has, and both hear of it.
#[test]
fn a_binding_that_lives_is_not_adopted_and_hears_who_asks() {
    let mut world = web(&json!({}), 2);
    world.converge();
    let owner = world.binding_uid(0);
    let mut other = Arc::unwrap_or_clone(binding(2, &json!({})));
    other.metadata.namespace = Some("net".to_owned());
    other.metadata.annotations = Some([(names::ADOPT.to_owned(), owner)].into());
    world.bindings.push(Arc::new(other));
    let plan = world.plan();
    assert_eq!(plan.steps, []);
    let refused = plan.bindings[1].problems.iter().find(|problem| problem.reason == Reason::NotAdopted);
    let message = &refused.expect("it is refused").message;
    assert!(message.contains("exists") && message.contains("remove the annotation"), "{message}");
    let advice: Vec<_> = plan.bindings[0].advice.iter().filter(|one| one.message.contains("net/b2")).collect();
    assert!(advice.iter().any(|one| one.message.contains(names::ADOPT)), "{advice:?}");
    assert_eq!(plan.bindings[0].problems, []);
}

/// Targets are marked in place, before the listener that proves whose they are: whoever takes over in between finds the same.
#[test]
fn targets_are_marked_anew_in_place_and_the_listener_last() {
    let (mut world, id) = left(&mark(NAMESPACE, "b1"));
    adopt(&mut world, FORMER);
    let mut order = Vec::new();
    for _ in 0..5 {
        // Another controller takes over.
        world.remembered = Default::default();
        let Plan { steps, .. } = world.round();
        for step in &steps {
            match step {
                Step::Retag(all) => order.push(format!("retag {}", all.len())),
                Step::ModifyListener { .. } => order.push("rename".to_owned()),
                Step::Deregister(all) => order.push(format!("deregister {}", all.len())),
                other => panic!("nothing else is done: {other:?}"),
            }
        }
        assert!([1, 2].iter().all(|number| world.targets_of(&id).contains(&(address(*number), 10))));
        assert_eq!(problems(&world), []);
    }
    assert_eq!(order, ["deregister 1", "retag 2", "rename"]);
}

/// Where the cloud takes the new mark and does not show it, it is not given again and again.
#[test]
fn a_mark_that_is_not_shown_is_given_once_and_the_former_one_goes_on_to_count() {
    let (mut world, id) = left(&mark(NAMESPACE, "b1"));
    adopt(&mut world, FORMER);
    let before = world.targets.clone();
    world.round();
    for targets in world.targets.values_mut() {
        let shown = |address| before.values().flatten().find(|target| target.address == address).unwrap().tag.clone();
        targets.iter_mut().for_each(|target| target.tag = shown(target.address));
    }
    assert_eq!(world.plan().steps, []);
    assert_eq!(world.listener(&id).name, mark(NAMESPACE, "b1"));
    remove(&mut world, [2]);
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 10)], "what is gone leaves by the former mark");
}

/// Former and new targets stand side by side, on the listener that carries the former name, also when the Pods are replaced.
#[test]
fn a_rollout_after_an_adoption_leaves_nothing_behind() {
    let (mut world, id) = left(&mark(NAMESPACE, "b1"));
    adopt(&mut world, FORMER);
    world.shows_tags = true;
    super::acts::add(&mut world, 4..=5, "web");
    world.round();
    world.heal();
    remove(&mut world, [1, 2]);
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(4), 10), (address(5), 10)]);
}

/// What an earlier adoption has left between two restores: the second names both.
#[test]
fn an_heir_of_an_heir_names_both() {
    let (mut world, id) = left(&mark(NAMESPACE, "b1"));
    let name = ListenerName::new(EARLIER, NAMESPACE, "b1").to_string();
    let other = world.add_listener(&name, Protocol::Tcp, 81);
    let tag = TargetTag::new(EARLIER, &uid(1)).to_string();
    world.add_target(&other, address(1), 10, &tag);
    let snapshot = world.snapshot();
    let found = candidates(&snapshot.bindings[0].binding, &snapshot.cloud, |_| false);
    let uids: Vec<_> = found.iter().map(|one| (one.uid.as_str(), one.targets)).collect();
    assert_eq!(uids, [(FORMER, 3), (EARLIER, 1)]);
    assert_eq!(
        candidates(&snapshot.bindings[0].binding, &snapshot.cloud, |uid| uid == FORMER).len(),
        1,
        "who lives is none"
    );
    adopt(&mut world, &format!("{FORMER},{EARLIER}"));
    world.converge();
    assert_eq!(world.targets_of(&id).len(), 2);
    assert!(world.listeners.iter().all(|listener| listener.id != other), "nobody wants it, by proof");
    let snapshot = world.snapshot();
    assert_eq!(candidates(&snapshot.bindings[0].binding, &snapshot.cloud, |_| false), []);
}

/// What is found by the tags of a created load balancer, and whether another one is asked for.
#[test]
fn a_created_load_balancer_is_found_by_the_tags_of_the_former_binding_and_no_second_one_is_made() {
    let tags = |owner: &str, name: &str| vec![(OWNER_TAG, owner.to_owned()), (OWNER_NAME_TAG, name.to_owned())];
    let rows = [
        ("its own", Some(FORMER), Some(tags(FORMER, "shop/b1")), Some("lb-1"), ""),
        ("another's", Some(FORMER), Some(tags(FORMER, "net/b1")), None, "of another namespace or name"),
        ("without a name", Some(FORMER), Some(tags(FORMER, "")[..1].to_vec()), None, "does not say in full"),
        ("none", Some(FORMER), None, None, "none is created while the annotation asks"),
        ("garbage", Some("lb-1"), None, None, "cannot be read"),
    ];
    for (what, asked, tags, expected, words) in rows {
        let mut world = World::new(&json!({"loadBalancer": {"create": {"network": "Public"}}}));
        asked.into_iter().for_each(|asked| adopt(&mut world, asked));
        let Cloud::Observed(observed) = world.snapshot().cloud else { panic!("a world is observed") };
        let shown = tags.map(|tags| LoadBalancer {
            tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            ..observed.load_balancer
        });
        world.unread = Some(Cloud::Unplaced(shown.into_iter().collect()));
        let mut snapshot = world.snapshot();
        snapshot.load_balancer = LoadBalancerId::new("");
        let plan = plan(&snapshot);
        assert_eq!(plan.steps, [], "{what}: no second one");
        let part = &plan.bindings[0];
        let found = expected.map(|id| Placement::Found(LoadBalancerId::new(id)));
        assert_eq!(part.placement, found, "{what}");
        let said = part.problems.iter().any(|one| one.reason == Reason::NotAdopted && one.message.contains(words));
        assert!(said || words.is_empty(), "{what}: {:?}", part.problems);
    }
}

/// The tags of the load balancer prove it as well as a name of a listener does.
#[test]
fn on_a_created_load_balancer_the_tags_prove_whose_it_was() {
    let (mut world, id) = left("renamed by somebody");
    world.listener(&id).name = format!("dab-{FORMER}");
    world.tags = vec![(OWNER_TAG.to_owned(), FORMER.to_owned()), (OWNER_NAME_TAG.to_owned(), "shop/b1".to_owned())];
    adopt(&mut world, FORMER);
    world.converge();
    assert_eq!(problems(&world), []);
    assert_eq!(world.targets_of(&id), [1, 2].map(|number| (address(number), 10)));
}

/// A listener of an earlier version is not renamed for its format alone; one that somebody has renamed is.
#[test]
fn an_upgrade_renames_no_listener() {
    let mut world = web(&json!({}), 2);
    let former = format!("dab-{}-shop-b1", world.binding_uid(0));
    let id = world.add_listener(&former, Protocol::Tcp, PORT);
    (1..=2).for_each(|number| world.add_own_target(&id, number));
    world.converge();
    assert_eq!(world.listener(&id).name, former);
    world.listener(&id).name = format!("dab-{}-shop-b2", world.binding_uid(0));
    world.converge();
    let name = ListenerName::new(&world.binding_uid(0), NAMESPACE, "b1").to_string();
    assert_eq!(world.listener(&id).name, name);
}

/// What is found of the former cluster's Pods, of new ones, after how many seconds, and whose weight stays: of both.
type Left<'a> = (&'a str, [Health; 2], [Health; 2], i64, [bool; 2]);

/// The cluster was lost, and its Pods may run on: those that are found healthy serve until new ones do.
#[test]
fn pods_of_a_lost_cluster_serve_on_until_others_do() {
    use Health::{Healthy, Unhealthy, Unknown};
    let rows: [Left<'_>; 8] = [
        ("new ones are not judged yet", [Healthy; 2], [Unknown; 2], 0, [true, true]),
        ("one of the new ones serves", [Healthy; 2], [Healthy, Unknown], 0, [true, false]),
        ("both of them do", [Healthy; 2], [Healthy; 2], 0, [false, false]),
        ("one has ended", [Unhealthy, Healthy], [Unknown; 2], 0, [false, true]),
        ("both have", [Unhealthy; 2], [Unknown; 2], 0, [false, false]),
        ("one of the new ones does not get well", [Healthy; 2], [Healthy, Unhealthy], 299, [true, false]),
        ("and the time is over", [Healthy; 2], [Healthy, Unhealthy], 300, [false, false]),
        ("nobody else serves, and the time is over", [Healthy; 2], [Unhealthy; 2], 400, [true, true]),
    ];
    for (what, former, new, seconds, expected) in rows {
        let mut world = web(&json!({}), 0);
        super::acts::add(&mut world, 11..=12, "web");
        let id = world.add_listener(&mark(NAMESPACE, "b1"), Protocol::Tcp, PORT);
        (1..=2).for_each(|number| add_former_target(&mut world, &id, number));
        adopt(&mut world, FORMER);
        world.round();
        assert_eq!(world.targets_of(&id).len(), 4, "{what}: new ones are registered beside them");
        for (number, health) in (1..=2).zip(former).chain((11..=12).zip(new)) {
            world.health.insert(address(number), health);
        }
        world.round();
        world.now += SignedDuration::from_secs(seconds);
        world.converge();
        let stays = |number: u32| world.targets_of(&id).contains(&(address(number), 10));
        assert_eq!([stays(1), stays(2)], expected, "{what}: {:?}", world.targets_of(&id));
        assert!(stays(11) && stays(12), "{what}");
        let is_over = expected == [false, false];
        assert_eq!(world.listener(&id).name == mark(NAMESPACE, "b1"), !is_over, "{what}: the proof goes last");
    }
}

/// Another controller takes over before anything is known of health: nobody leaves for that.
#[test]
fn pods_of_a_lost_cluster_wait_for_the_first_read_of_health() {
    let mut world = web(&json!({}), 0);
    super::acts::add(&mut world, 11..=12, "web");
    let id = world.add_listener(&mark(NAMESPACE, "b1"), Protocol::Tcp, PORT);
    (1..=2).for_each(|number| add_former_target(&mut world, &id, number));
    adopt(&mut world, FORMER);
    world.health_failure = Some(super::late::failure(crate::model::Class::Throttled));
    world.converge();
    assert_eq!(world.targets_of(&id).len(), 4);
    world.health_failure = None;
    for number in 1..=2 {
        world.health.insert(address(number), Health::Unhealthy);
    }
    world.converge();
    assert_eq!(world.targets_of(&id), [11, 12].map(|number| (address(number), 10)));
}
