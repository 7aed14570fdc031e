//! What is created, when, and when a binding whose wish has brought nothing may go.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;
use crate::api::DirectAccessBindingStatus;
use crate::model::{Class, Failure};
use crate::plan::tests::world::{ACCOUNT, World};
use crate::plan::vpc::{ClusterVpc, KnownVpc, VpcDoubt, VpcSource};
use crate::plan::{Cloud, Outcome, Since, StepOutcome, plan};

/// What there is of the binding and of its load balancer.
#[derive(Clone, Copy, Default)]
struct Case {
    /// Seconds since the wish was recorded.
    wished: Option<i64>,
    /// Seconds since the binding was deleted.
    deleted: Option<i64>,
    /// The load balancer with its tag.
    found: Option<State>,
    /// Seconds since no read has shown one.
    unseen: Option<i64>,
    /// Seconds since the wish for which a task has made one, as the cloud said, was recorded.
    made: Option<i64>,
    /// How the call of this wish, which was recorded so many seconds ago, has failed.
    failed: Option<(i64, Class)>,
}

fn placed(case: &Case) -> (Vec<Step>, Option<Placement>, bool) {
    let spec = json!({"loadBalancer": {"create": {"network": "Public"}}, "deletionPolicy": "Delete"});
    let world = World::new(&spec);
    let ago = |seconds: i64| Time(world.now - SignedDuration::from_secs(seconds));
    let mut snapshot = world.snapshot();
    let Cloud::Observed(observed) = snapshot.cloud else { panic!("a world is observed") };
    let found = case.found.map(|status| LoadBalancer { status, ..observed.load_balancer });
    snapshot.cloud = Cloud::Unplaced(found.into_iter().collect());
    snapshot.load_balancer = LoadBalancerId::new("");
    let mut binding = (*snapshot.bindings[0].binding).clone();
    binding.metadata.deletion_timestamp = case.deleted.map(ago);
    binding.status = case.wished.map(|seconds| DirectAccessBindingStatus {
        load_balancer: Some(LoadBalancerStatus {
            created: true,
            account: Some(ACCOUNT.to_owned()),
            requested_time: Some(ago(seconds)),
            ..LoadBalancerStatus::default()
        }),
        ..DirectAccessBindingStatus::default()
    });
    snapshot.bindings[0].binding = binding.into();
    let since = |seconds: i64| {
        let before = SignedDuration::from_secs(seconds);
        (Sighting::NothingShown(world.binding_uid(0)), Since { at: world.at(), before })
    };
    snapshot.remembered.since = case.unseen.map(since).into_iter().collect();
    let token = |seconds: i64| format!("dab-{}-{}", world.binding_uid(0), ago(seconds).0.as_second());
    snapshot.remembered.made = case.made.map(|seconds| (token(seconds), LoadBalancerId::new("lb-made")));
    if let Some((seconds, class)) = case.failed {
        snapshot.remembered.note_creation(&failed(token(seconds), class));
    }
    let mut plan = plan(&snapshot);
    let part = plan.bindings.remove(0);
    (plan.steps, part.placement, part.release == crate::plan::Release::Done)
}

/// A call with this token has failed.
fn failed(token: String, class: Class) -> Outcome {
    let mut steps = placed(&Case { wished: Some(1), ..Case::default() }).0;
    let [Step::CreateLoadBalancer(creation)] = steps.as_mut_slice() else { panic!("{steps:?}") };
    creation.token = token;
    let (code, message) = (String::new(), String::new());
    let failure = Failure { class, action: "CreateLoadBalancer", code, message, request_id: None };
    let steps = steps.into_iter().map(|step| (step, StepOutcome::Failed(failure.clone()))).collect();
    Outcome { steps, ..Outcome::default() }
}

#[test]
fn nothing_is_asked_for_before_the_wish_is_recorded() {
    let (steps, placement, _) = placed(&Case::default());
    assert_eq!(steps, []);
    assert!(matches!(placement, Some(Placement::Wished(_))), "{placement:?}");
    let (steps, ..) = placed(&Case { wished: Some(1), ..Case::default() });
    let [Step::CreateLoadBalancer(creation)] = steps.as_slice() else { panic!("{steps:?}") };
    assert!(creation.token.len() <= 64 && creation.tags.iter().any(|(key, _)| key == OWNER_TAG), "{creation:?}");
}

#[test]
fn a_wish_that_brings_nothing_is_recorded_anew_for_another_token() {
    let token = |wished| match placed(&Case { wished: Some(wished), ..Case::default() }).0.as_slice() {
        [Step::CreateLoadBalancer(creation)] => Some(creation.token.clone()),
        _ => None,
    };
    assert_ne!(token(1), token(599));
    assert_eq!(token(600), None);
}

/// Each new record is a write of the status, and begins the waits between calls anew.
#[test]
fn a_call_that_the_cloud_has_refused_is_made_again_as_the_same_call() {
    let asks = |wished, failed| !placed(&Case { wished: Some(wished), failed, ..Case::default() }).0.is_empty();
    for class in Class::ALL {
        assert_eq!(asks(100_000, Some((100_000, class))), !class.may_be_done(), "{class:?}");
        // It was another call.
        assert!(!asks(600, Some((601, class))), "{class:?}");
    }
}

#[test]
fn what_is_found_is_adopted_once_it_runs() {
    let (steps, placement, _) = placed(&Case { wished: Some(1), found: Some(State::Creating), ..Case::default() });
    assert_eq!(steps, []);
    assert!(matches!(placement, Some(Placement::Wished(_))), "{placement:?}");
    let (steps, placement, _) = placed(&Case { wished: Some(1), found: Some(State::Running), ..Case::default() });
    assert_eq!((steps, placement), (vec![], Some(Placement::Found(LoadBalancerId::new("lb-1")))));
}

/// No read by tag has found it yet, and none may for as long as it takes: another one would be a second one.
#[test]
fn what_a_task_has_made_is_adopted_before_a_read_finds_it() {
    let made = Some(Placement::Found(LoadBalancerId::new("lb-made")));
    for deleted in [None, Some(1), Some(3600)] {
        let case = Case { wished: Some(599), deleted, made: Some(599), unseen: Some(599), ..Case::default() };
        let (steps, placement, is_released) = placed(&case);
        assert_eq!((steps, placement, is_released), (vec![], made.clone(), false), "{deleted:?}");
    }
    let (_, placement, _) =
        placed(&Case { found: Some(State::Running), wished: Some(1), made: Some(1), ..Case::default() });
    assert_eq!(placement, Some(Placement::Found(LoadBalancerId::new("lb-1"))), "what is shown counts");
    let (steps, ..) = placed(&Case { wished: Some(1), made: Some(700), ..Case::default() });
    assert!(matches!(steps.as_slice(), [Step::CreateLoadBalancer(_)]), "that was for another wish: {steps:?}");
}

#[test]
fn a_deleted_binding_goes_when_no_load_balancer_can_come_any_more() {
    for (wished, deleted, found, unseen, expected) in [
        (None, 0, None, None, true),
        (Some(300), 29, None, Some(30), false),
        (Some(300), 30, None, None, false),
        (Some(300), 30, None, Some(29), false),
        (Some(300), 30, None, Some(30), true),
        (Some(300), 300, Some(State::Creating), Some(30), false),
        (Some(300), 300, Some(State::Running), Some(30), false),
    ] {
        let (steps, _, is_released) =
            placed(&Case { wished, deleted: Some(deleted), found, unseen, ..Case::default() });
        assert_eq!((steps, is_released), (vec![], expected), "{wished:?} {deleted} {found:?} {unseen:?}");
    }
}

/// What a round over such a binding gives.
struct Asked {
    /// The VPC of the call.
    call: Option<String>,
    /// How many seconds old the wish is, and its VPC.
    wish: Option<(i64, Option<String>)>,
    /// Why nothing is asked for.
    problem: String,
}

/// A binding that wants an internal load balancer and names no VPC, with this wish recorded: seconds ago, and its VPC.
fn internal(wished: Option<(i64, Option<&str>)>, vpc: ClusterVpc) -> Asked {
    let create = json!({"network": "Internal", "subnetId": "subnet-1"});
    let mut world = World::new(&json!({"loadBalancer": {"create": create}}));
    world.vpc = vpc;
    let mut snapshot = world.snapshot();
    (snapshot.cloud, snapshot.load_balancer) = (Cloud::Unplaced(Vec::new()), LoadBalancerId::new(""));
    let mut binding = (*snapshot.bindings[0].binding).clone();
    binding.status = wished.map(|(seconds, vpc)| DirectAccessBindingStatus {
        load_balancer: Some(LoadBalancerStatus {
            created: true,
            account: Some(ACCOUNT.to_owned()),
            requested_time: Some(Time(world.now - SignedDuration::from_secs(seconds))),
            requested_vpc_id: vpc.map(str::to_owned),
            ..LoadBalancerStatus::default()
        }),
        ..DirectAccessBindingStatus::default()
    });
    snapshot.bindings[0].binding = binding.into();
    let mut plan = plan(&snapshot);
    let part = plan.bindings.remove(0);
    let call = plan.steps.into_iter().find_map(|step| match step {
        Step::CreateLoadBalancer(creation) => Some(creation.spec.vpc_id),
        _ => None,
    });
    let wish = match part.placement {
        Some(Placement::Wished(wish)) => Some((snapshot.now.duration_since(wish.at).as_secs(), wish.vpc_id)),
        _ => None,
    };
    assert!(wish.is_some() || part.look_at.is_some(), "it is looked at again");
    let problems = part.problems.iter().filter(|problem| problem.message.contains("vpcId"));
    Asked { call: call.flatten(), wish, problem: problems.map(|problem| problem.message.clone()).collect() }
}

#[test]
fn the_vpc_is_recorded_with_the_wish_and_stays_while_it_counts() {
    let known = |id: &str, source| ClusterVpc::Known(KnownVpc { id: id.to_owned(), source, dissent: Vec::new() });
    let of = |id: &str| known(id, VpcSource::LoadBalancer(LoadBalancerId::new("lb-9")));
    let (tke, flag) = (|id: &str| known(id, VpcSource::TkeConfig), |id: &str| known(id, VpcSource::Flag));
    let nobody = || ClusterVpc::Unknown(VpcDoubt::Nobody);
    let (one, two) = (Some("vpc-1"), Some("vpc-2"));
    for (wished, vpc, call, wish) in [
        // Nothing is asked for before the wish is recorded.
        (None, of("vpc-1"), None, Some((0, one))),
        (Some((1, one)), of("vpc-1"), one, Some((1, one))),
        // What is found by now, or not any more, changes nothing about it.
        (Some((1, one)), of("vpc-2"), one, Some((1, one))),
        (Some((599, one)), nobody(), one, Some((599, one))),
        (Some((1, one)), ClusterVpc::Pending, one, Some((1, one))),
        // One that has brought nothing is followed by another.
        (Some((600, one)), of("vpc-2"), None, Some((0, two))),
        // A flag, or TKE, ends one of another VPC, when no call of it can be under way.
        (Some((29, one)), tke("vpc-2"), one, Some((29, one))),
        (Some((30, one)), tke("vpc-2"), None, Some((0, two))),
        (Some((30, one)), of("vpc-2"), one, Some((30, one))),
        (Some((29, one)), flag("vpc-2"), one, Some((29, one))),
        (Some((30, one)), flag("vpc-2"), None, Some((0, two))),
        (Some((30, one)), flag("vpc-1"), one, Some((30, one))),
        // An earlier version recorded none.
        (Some((1, None)), flag("vpc-1"), one, Some((1, None))),
        (Some((1, None)), of("vpc-1"), None, Some((0, one))),
        // Nothing is asked for without one.
        (None, ClusterVpc::Pending, None, None),
        (None, nobody(), None, None),
        (Some((1, None)), nobody(), None, Some((1, None))),
    ] {
        let is_refused = vpc == nobody() && call.is_none();
        let expected = (call.map(str::to_owned), wish.map(|(age, id)| (age, id.map(str::to_owned))));
        let Asked { call, wish, problem } = internal(wished, vpc.clone());
        assert_eq!((call, wish), expected, "{wished:?} {vpc:?}");
        assert_eq!(problem.contains("--vpc-id"), is_refused, "{wished:?} {vpc:?}: {problem}");
    }
}
