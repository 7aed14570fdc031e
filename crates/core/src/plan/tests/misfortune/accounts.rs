//! The table *accounts*: whose load balancer it is, beside whose keys read the cloud, and what these reads may lead to.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use crate::api::binding::{DeletionPolicy, LoadBalancerStatus};
use crate::api::condition::Reason;
use crate::model::{AccountId, Caller, Class, Failure, LoadBalancerId, Witnesses};
use crate::plan::tests::acts::{add, delete_binding, edit, listener, remove, respec, web};
use crate::plan::tests::world::{ACCOUNT, World, address};
use crate::plan::{Cloud, Plan, Release, Sighting, Since, Snapshot, Step, plan};

const OTHER: &str = "200000000002";

/// What is recorded, who reads, and what comes of it.
struct Row {
    recorded: Option<&'static str>,
    caller: fn() -> Caller,
    /// A binding that is being deleted may go after two looks that show no load balancer.
    goes: bool,
    /// A load balancer may be created.
    creates: bool,
    /// One that is shown is changed as the spec says.
    changes: bool,
    /// The reason that a held deletion gives, and words of its message.
    held: Option<(Reason, &'static [&'static str])>,
}

fn owner() -> Caller {
    Caller::Known(AccountId::new(ACCOUNT))
}

fn other() -> Caller {
    Caller::Known(AccountId::new(OTHER))
}

fn not_asked() -> Caller {
    Caller::NotAsked
}

fn unknown() -> Caller {
    Caller::Unknown(Failure {
        class: Class::Denied,
        action: "GetCallerIdentity",
        code: "AuthFailure.TokenFailure".to_owned(),
        message: "the token is wrong".to_owned(),
        request_id: Some("another one each time".to_owned()),
    })
}

const NOT_RECORDED: Option<(Reason, &[&str])> =
    Some((Reason::LoadBalancerNotShown, &["its account is not recorded", "Retain"]));

/// Every recorded account with every caller.
const ROWS: &[Row] = &[
    Row { recorded: Some(ACCOUNT), caller: owner, goes: true, creates: true, changes: true, held: None },
    Row {
        recorded: Some(ACCOUNT),
        caller: other,
        goes: false,
        creates: false,
        changes: false,
        held: Some((Reason::OtherAccount, &[ACCOUNT, OTHER, "Retain"])),
    },
    Row {
        recorded: Some(ACCOUNT),
        caller: not_asked,
        goes: false,
        creates: false,
        changes: true,
        held: Some((Reason::LoadBalancerNotShown, &["not known yet", "Retain"])),
    },
    Row {
        recorded: Some(ACCOUNT),
        caller: unknown,
        goes: false,
        creates: false,
        changes: true,
        held: Some((Reason::LoadBalancerNotShown, &["GetCallerIdentity failed", "the token is wrong", "Retain"])),
    },
    Row { recorded: None, caller: owner, goes: false, creates: false, changes: true, held: NOT_RECORDED },
    Row { recorded: None, caller: other, goes: false, creates: false, changes: true, held: NOT_RECORDED },
    Row { recorded: None, caller: not_asked, goes: false, creates: false, changes: true, held: NOT_RECORDED },
    // Where the cloud never says who calls, load balancers can be created all the same.
    Row { recorded: None, caller: unknown, goes: false, creates: true, changes: true, held: NOT_RECORDED },
];

impl Row {
    fn name(&self) -> String {
        format!("recorded {:?}, read by {:?}", self.recorded, (self.caller)())
    }

    /// A binding at rest, with what is recorded and who reads from now on.
    fn world(&self) -> World {
        let mut world = web(&json!({}), 2);
        world.converge();
        world.heal();
        world.converge();
        record(&mut world, self.recorded);
        world.caller = (self.caller)();
        world
    }
}

fn record(world: &mut World, account: Option<&str>) {
    edit(world, |binding| {
        let found = binding.status.as_mut().unwrap().load_balancer.as_mut().unwrap();
        found.account = account.map(str::to_owned);
    });
}

fn recorded(world: &World) -> Option<String> {
    world.bindings[0].status.clone().unwrap().load_balancer.unwrap().account
}

fn hide(world: &mut World) {
    world.unread = Some(Cloud::Missing(Witnesses::ListAndListeners));
}

/// Rounds of this long, once in ten seconds; the last one's plan.
fn rounds(world: &mut World, seconds: i64) -> Plan {
    for _ in 0..seconds / 10 {
        world.round();
        world.now += SignedDuration::from_secs(10);
    }
    world.round()
}

fn is_released(plan: &Plan) -> bool {
    plan.bindings[0].release == Release::Done
}

/// The reason that holds a deletion, and no more than one.
fn assert_held(row: &Row, plan: &Plan) {
    let found: Vec<_> = plan.bindings[0].problems.iter().map(|one| (one.reason, one.message.as_str())).collect();
    let Some((reason, words)) = row.held else { return assert_eq!(found, [], "{}", row.name()) };
    let [(found, message)] = found.as_slice() else { panic!("{}: {found:?}", row.name()) };
    assert_eq!(*found, reason, "{}: {message}", row.name());
    assert!(words.iter().all(|word| message.contains(word)), "{}: {message}", row.name());
    assert!(!message.contains("another one each time"), "a message stays as it is: {message}");
}

#[test]
fn misfortune_accounts_release_by_proof_only() {
    for row in ROWS {
        let mut world = row.world();
        hide(&mut world);
        delete_binding(&mut world);
        let held = rounds(&mut world, 20);
        assert!(!is_released(&held), "{}: two looks are needed", row.name());
        let plan = rounds(&mut world, 300);
        assert_eq!(is_released(&plan), row.goes, "{}", row.name());
        assert_held(row, &plan);
        assert_eq!(recorded(&world).as_deref(), row.recorded, "{}: nothing was seen", row.name());
        edit(&mut world, |binding| binding.spec.deletion_policy = DeletionPolicy::Retain);
        assert!(is_released(&world.round()), "{}: the way out", row.name());
    }
}

#[test]
fn misfortune_accounts_count_looks_of_the_right_one_only() {
    let mut world = ROWS[0].world();
    hide(&mut world);
    delete_binding(&mut world);
    rounds(&mut world, 20);
    world.caller = other();
    rounds(&mut world, 40);
    world.caller = owner();
    assert!(!is_released(&world.round()), "what another account said does not count");
    assert!(!is_released(&rounds(&mut world, 20)));
    assert!(is_released(&rounds(&mut world, 10)), "30 s of the right one");
}

#[test]
fn misfortune_accounts_change_what_is_shown_unless_it_is_of_another() {
    for row in ROWS {
        let mut world = row.world();
        respec(&mut world, &json!({"listeners": [listener(80, "TCP"), listener(81, "TCP")]}));
        add(&mut world, [3], "web");
        remove(&mut world, [1]);
        world.converge();
        assert_eq!(world.listeners.len() == 2, row.changes, "{}", row.name());
        let id = world.listeners[0].id.clone();
        let found: Vec<_> = world.targets_of(&id).into_iter().map(|(address, _)| address).collect();
        assert_eq!(found, [address(2), address(3)], "{}: Pods come and go", row.name());
        let expected = row.recorded.or_else(|| match (row.caller)() {
            Caller::Known(account) if account.as_str() == ACCOUNT => Some(ACCOUNT),
            Caller::Known(_) => Some(OTHER),
            Caller::NotAsked | Caller::Unknown(_) => None,
        });
        assert_eq!(recorded(&world).as_deref(), expected, "{}: recorded once, and kept", row.name());
    }
}

/// A binding whose load balancer was asked for a while ago and is not shown.
fn unplaced(row: &Row) -> Snapshot {
    let mut world = World::new(&json!({"loadBalancer": {"create": {"network": "Public"}}, "deletionPolicy": "Delete"}));
    let asked = world.now - SignedDuration::from_secs(300);
    edit(&mut world, |binding| {
        binding.status.get_or_insert_default().load_balancer = Some(LoadBalancerStatus {
            created: true,
            account: row.recorded.map(str::to_owned),
            requested_time: Some(Time(asked)),
            ..LoadBalancerStatus::default()
        });
    });
    world.unread = Some(Cloud::Unplaced(Vec::new()));
    world.caller = (row.caller)();
    Snapshot { load_balancer: LoadBalancerId::new(""), ..world.snapshot() }
}

#[test]
fn misfortune_accounts_create_one_load_balancer() {
    for row in ROWS {
        let plan = plan(&unplaced(row));
        let creates = matches!(plan.steps.as_slice(), [Step::CreateLoadBalancer(_)]);
        assert_eq!(creates, row.creates, "{}: {:?}", row.name(), plan.steps);
        let reason = plan.bindings[0].problems.first().map(|one| one.reason);
        let is_other = row.held.is_some_and(|(reason, _)| reason == Reason::OtherAccount);
        assert_eq!(reason == Some(Reason::OtherAccount), is_other, "{}", row.name());
        assert!(creates || is_other || plan.bindings[0].look_at.is_some(), "{}: looked at again", row.name());
    }
}

#[test]
fn misfortune_accounts_give_up_a_creation_by_proof_only() {
    for row in ROWS {
        let mut snapshot = unplaced(row);
        let view = &mut snapshot.bindings[0];
        let (uid, long_ago) = (view.uid().to_owned(), snapshot.now - SignedDuration::from_secs(60));
        std::sync::Arc::make_mut(&mut view.binding).metadata.deletion_timestamp = Some(Time(long_ago));
        let since = Since { at: snapshot.at, before: SignedDuration::from_secs(60) };
        snapshot.remembered.since.insert(Sighting::NothingShown(uid), since);
        let plan = plan(&snapshot);
        assert_eq!(is_released(&plan), row.goes, "{}", row.name());
        assert_held(row, &plan);
    }
}

#[test]
fn misfortune_accounts_are_complete() {
    let callers: [fn() -> Caller; 4] = [owner, other, not_asked, unknown];
    for recorded in [Some(ACCOUNT), None] {
        for caller in callers {
            let is_this = |row: &&Row| row.recorded == recorded && (row.caller)() == caller();
            assert_eq!(ROWS.iter().filter(is_this).count(), 1, "{recorded:?} {:?}", caller());
        }
    }
}
