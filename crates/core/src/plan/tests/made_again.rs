//! What becomes of a deleted binding whose Service still asks for it, by what there is of its load balancer.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::acts::{delete_binding, edit, web};
use super::world::{ACCOUNT, World};
use crate::api::binding::LoadBalancerStatus;
use crate::api::mark::SERVICE_TAG;
use crate::model::{AccountId, Caller, Class, Failure, LoadBalancer, LoadBalancerId, Witnesses};
use crate::plan::Management::{self, Abandon, Freeze};
use crate::plan::placement::Placement;
use crate::plan::{Cloud, Departure, Frozen, Heir, Plan, Release, Step, plan};

/// What was asked of the cloud for the binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Nothing.
    Nothing,
    /// A load balancer, by a wish that is recorded.
    Recorded,
    /// The same, and there it is.
    Created,
}

/// A binding that was made for its Service, that wants its load balancer created, and that is being deleted.
fn world(departure: Departure, asked: Asked) -> World {
    let mut world = web(&json!({"loadBalancer": {"create": {"network": "Public"}}, "deletionPolicy": "Delete"}), 1);
    let uid = world.service.as_ref().unwrap().uid.clone();
    let owner = json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": uid, "controller": true});
    let at = Time(world.now - SignedDuration::from_secs(5));
    edit(&mut world, |binding| {
        binding.metadata.owner_references = Some(vec![serde_json::from_value(owner).unwrap()]);
        binding.status.get_or_insert_default().load_balancer = (asked != Asked::Nothing).then(|| LoadBalancerStatus {
            id: if asked == Asked::Created { "lb-1".to_owned() } else { String::new() },
            created: true,
            account: Some(ACCOUNT.to_owned()),
            requested_time: Some(at),
            ..LoadBalancerStatus::default()
        });
    });
    delete_binding(&mut world);
    world.departure = departure;
    world
}

fn failed() -> Cloud {
    let (code, message) = ("InternalError".to_owned(), String::new());
    Cloud::Failed(Failure { class: Class::Transient, action: "DescribeLoadBalancers", code, message, request_id: None })
}

/// The load balancer of the binding, born with the mark of its Service.
fn shown(world: &World) -> LoadBalancer {
    let Cloud::Observed(observed) = world.snapshot().cloud else { panic!("a world is observed") };
    let mut found = observed.load_balancer;
    found.tags.push((SERVICE_TAG.to_owned(), world.service.as_ref().unwrap().uid.clone()));
    found
}

fn planned(world: &World, cloud: Cloud) -> Plan {
    let mut snapshot = world.snapshot();
    if matches!(cloud, Cloud::Unplaced(_)) {
        snapshot.load_balancer = LoadBalancerId::new("");
    }
    snapshot.cloud = cloud;
    plan(&snapshot)
}

fn words(plan: &Plan) -> String {
    let problems = plan.bindings[0].problems.iter().map(|problem| problem.message.clone());
    problems.collect::<Vec<_>>().join("; ")
}

/// What is unreadable is not absent; where there is nothing, nothing is left for which a binding would have to stay.
#[test]
fn a_binding_that_is_made_again_goes_when_there_is_no_load_balancer() {
    use Asked::{Created, Nothing, Recorded};
    use Departure::{Held, MadeAgain};
    let (gone, kept) = (Abandon(Heir::Successor), Freeze(Frozen::Undecided));
    let found = |is_shown: bool| {
        let found = shown(&world(MadeAgain, Recorded));
        Cloud::Unplaced(if is_shown { vec![found] } else { Vec::new() })
    };
    let missing = |witnesses| Cloud::Missing(witnesses);
    let rows: [(Departure, Asked, Cloud, Management, &str); 11] = [
        (MadeAgain, Nothing, found(false), gone, ""),
        (MadeAgain, Nothing, found(true), Management::Manage, "its load balancer is still created"),
        (MadeAgain, Recorded, found(false), Management::Manage, "its load balancer is still created"),
        (MadeAgain, Recorded, found(true), Management::Manage, "its load balancer is still created"),
        (MadeAgain, Recorded, failed(), kept, "cannot be read"),
        (MadeAgain, Created, failed(), kept, "cannot be read"),
        (MadeAgain, Created, missing(Witnesses::ListAndListeners), kept, "two looks, 30 s apart"),
        (MadeAgain, Created, missing(Witnesses::ListOnly), kept, "two looks, 30 s apart"),
        (Held, Created, missing(Witnesses::ListAndListeners), kept, "is not shown, so nothing can be changed"),
        (Held, Nothing, found(false), kept, "no load balancer is created for it"),
        (Held, Recorded, found(false), kept, "no load balancer is created for it"),
    ];
    for (departure, asked, cloud, expected, said) in rows {
        let what = format!("{departure:?} {asked:?} {cloud:?}");
        let plan = planned(&world(departure, asked), cloud);
        let part = &plan.bindings[0];
        assert_eq!(part.management, expected, "{what}");
        assert_eq!(part.release == Release::Done, expected == gone, "{what}");
        let words = words(&plan);
        assert!(words.contains(said) && !words.contains("everything goes on"), "{what}: {words}");
    }
}

/// It is still created, by the call that was made before if it was; the next binding finds it by its tag.
#[test]
fn what_was_asked_for_is_still_created_for_the_next_binding() {
    let mut world = world(Departure::MadeAgain, Asked::Recorded);
    let steps = planned(&world, Cloud::Unplaced(Vec::new())).steps;
    let [Step::CreateLoadBalancer(creation)] = steps.as_slice() else { panic!("{steps:?}") };
    let uid = world.service.as_ref().unwrap().uid.clone();
    assert!(creation.tags.contains(&(SERVICE_TAG.to_owned(), uid)), "{creation:?}");
    edit(&mut world, |binding| binding.spec.suspend = true);
    let plan = planned(&world, Cloud::Unplaced(Vec::new()));
    assert_eq!((plan.bindings[0].management, plan.steps.len()), (Freeze(Frozen::Suspended), 0));
}

/// The task of its creation names it before a read by tag finds it.
#[test]
fn a_load_balancer_that_was_created_is_taken_as_soon_as_its_task_has_ended() {
    for named in [&[][..], &["lb-1"], &["lb-2", "lb-1"]] {
        let mut world = world(Departure::MadeAgain, Asked::Recorded);
        let creation = planned(&world, Cloud::Unplaced(Vec::new())).steps.swap_remove(0);
        let made = named.iter().copied().map(LoadBalancerId::new).collect();
        world.remembered.end_task(&creation, made);
        let plan = planned(&world, Cloud::Unplaced(Vec::new()));
        let found = Placement::Found(LoadBalancerId::new("lb-1"));
        assert_eq!(plan.bindings[0].placement.as_ref() == Some(&found), !named.is_empty(), "{named:?}");
        assert_eq!(plan.steps.is_empty(), !named.is_empty(), "{named:?}: {:?}", plan.steps);
    }
}

#[test]
fn a_suspended_binding_takes_no_load_balancer_that_is_found() {
    for suspend in [false, true] {
        let mut world = world(Departure::MadeAgain, Asked::Recorded);
        edit(&mut world, |binding| binding.spec.suspend = suspend);
        let plan = planned(&world, Cloud::Unplaced(vec![shown(&world)]));
        assert_eq!(plan.bindings[0].placement.is_none(), suspend, "suspended: {suspend}");
    }
}

#[test]
fn a_load_balancer_whose_deletion_has_ended_is_gone_at_once() {
    for departure in [Departure::Usual, Departure::MadeAgain] {
        for is_ended in [false, true] {
            let mut world = world(departure, Asked::Created);
            if is_ended {
                world.remembered.end_task(&Step::DeleteLoadBalancer, Vec::new());
            }
            let plan = planned(&world, Cloud::Missing(Witnesses::ListOnly));
            assert_eq!(plan.bindings[0].release == Release::Done, is_ended, "{departure:?}");
        }
    }
}

/// Two looks of the account that is recorded, 30 s apart.
#[test]
fn a_load_balancer_that_is_gone_lets_its_binding_go_when_that_is_proven() {
    let other = Caller::Known(AccountId::new("200000000002"));
    for (witnesses, caller, is_proof) in [
        (Witnesses::ListAndListeners, None, true),
        (Witnesses::ListOnly, None, false),
        (Witnesses::ListAndListeners, Some(Caller::NotAsked), false),
        (Witnesses::ListAndListeners, Some(other), false),
    ] {
        let mut world = world(Departure::MadeAgain, Asked::Created);
        world.caller = caller.clone().unwrap_or(world.caller);
        world.unread = Some(Cloud::Missing(witnesses));
        for seconds in [0, 29, 30] {
            let plan = world.round();
            let is_released = plan.bindings[0].release == Release::Done;
            assert_eq!(is_released, is_proof && seconds == 30, "{witnesses:?} {caller:?} {seconds}");
            let words = words(&plan);
            assert!(is_released || words.contains("is not shown") || words.contains("account"), "{words}");
            let passes = if seconds == 0 { 29 } else { 1 };
            world.now += SignedDuration::from_secs(passes);
        }
    }
}
