//! Every status that can come out of a round, judged by the rules of the tools that read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use proptest::prelude::*;
use serde_json::json;

use super::{Round, binding_status};
use crate::api::condition::{ConditionType, Reason};
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus};
use crate::model::{Class, Failure, Limits, LoadBalancerId, Region};
use crate::plan::{
    BindingPlan, BindingView, Cloud, Cluster, ConfigView, Counts, Outcome, Pending, Problem, Snapshot, Step,
    StepOutcome,
};

const T0: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn binding(generation: i64) -> Arc<DirectAccessBinding> {
    let object = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "generation": generation},
        "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

fn failure(class: Class) -> Failure {
    Failure { class, action: "RegisterTargets", code: "Code".to_owned(), message: "words".to_owned(), request_id: None }
}

/// One input of the status function.
#[derive(Clone, Debug)]
struct Case {
    generation: i64,
    cloud: Option<Failure>,
    outcome: Option<Failure>,
    plan: BindingPlan,
    after: i64,
}

fn case() -> impl Strategy<Value = Case> {
    let class = prop::sample::select(Class::ALL.to_vec()).prop_map(failure);
    let problem = (prop::sample::select(Reason::ALL.to_vec()), 0usize..3).prop_map(|(reason, which)| Problem {
        condition: [ConditionType::Accepted, ConditionType::ResolvedRefs, ConditionType::Programmed][which],
        reason,
        message: "what to do".to_owned(),
    });
    let counts = (0usize..4, 0usize..4, 0usize..4, 0usize..4).prop_map(|(desired, registered, healthy, unhealthy)| {
        let registered = registered.min(desired);
        let healthy = healthy.min(registered);
        Counts { desired, registered, healthy, unhealthy: unhealthy.min(registered - healthy), ..Counts::default() }
    });
    let plan = (prop::collection::vec(problem, 0..3), counts, 0usize..3, any::<[bool; 3]>()).prop_map(
        |(problems, counts, register, [is_observed, is_health_known, is_managed])| BindingPlan {
            problems,
            counts,
            pending: Pending { register, ..Pending::default() },
            is_observed,
            is_health_known,
            is_managed,
            ..BindingPlan::default()
        },
    );
    let cloud = prop::option::weighted(0.2, class.clone());
    let outcome = prop::option::weighted(0.3, class);
    (1i64..4, cloud, outcome, plan, 0i64..300).prop_map(|(generation, cloud, outcome, plan, after)| Case {
        generation,
        cloud,
        outcome,
        plan,
        after,
    })
}

fn status(case: &Case, previous: &DirectAccessBindingStatus, now: Timestamp) -> DirectAccessBindingStatus {
    let snapshot = Snapshot {
        load_balancer: LoadBalancerId::new("lb-1"),
        cloud: case.cloud.clone().map_or(Cloud::Missing, Cloud::Failed),
        bindings: Vec::new(),
        cluster: Cluster::default(),
        vpc_id: None,
        limits: Limits::default(),
        now,
    };
    let steps = case.outcome.clone().map(|failure| (Step::Register(Vec::new()), StepOutcome::Failed(failure)));
    let outcome = Outcome { steps: steps.into_iter().collect() };
    let view = BindingView {
        binding: binding(case.generation),
        service: None,
        slices: Vec::new(),
        pods: Arc::new(BTreeMap::new()),
        certificates: BTreeMap::new(),
        config: ConfigView::None,
        speaks_for_service: true,
    };
    let region = Region::new("ap-guangzhou");
    let round = Round { snapshot: &snapshot, outcome: &outcome, region: &region, failed_task: None };
    binding_status(&round, &view, &case.plan, &[], previous)
}

fn find(status: &DirectAccessBindingStatus, kind: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

/// The rules of kstatus and of Flux' condition checks.
fn judge(status: &DirectAccessBindingStatus, generation: i64) -> Result<(), TestCaseError> {
    prop_assert_eq!(status.observed_generation, generation);
    for condition in &status.conditions {
        prop_assert_eq!(condition.observed_generation, Some(generation));
        prop_assert!(!condition.reason.is_empty() && !condition.message.is_empty());
    }
    let kinds: Vec<_> = status.conditions.iter().map(|condition| condition.type_.as_str()).take(5).collect();
    prop_assert_eq!(kinds, ["Accepted", "ResolvedRefs", "Programmed", "TargetsHealthy", "Ready"]);
    let ready = find(status, ConditionType::Ready).unwrap();
    let reconciling = find(status, ConditionType::Reconciling);
    let stalled = find(status, ConditionType::Stalled);
    prop_assert!(reconciling.is_none() || stalled.is_none(), "both are there");
    for negative in [reconciling, stalled].into_iter().flatten() {
        prop_assert_eq!(&negative.status, "True");
        prop_assert_ne!(&ready.status, "True");
        prop_assert_eq!((&negative.reason, &negative.message), (&ready.reason, &ready.message));
    }
    if ready.status == "Unknown" {
        prop_assert!(reconciling.is_some() || stalled.is_some() || ready.reason == "Suspended");
    }
    let all = status.conditions.iter().take(4).all(|condition| condition.status == "True");
    prop_assert_eq!(ready.status == "True", all);
    Ok(())
}

proptest! {
    #[test]
    fn every_status_obeys_the_rules(case in case()) {
        let status = status(&case, &DirectAccessBindingStatus::default(), at(T0));
        judge(&status, case.generation)?;
    }

    #[test]
    fn the_same_round_again_changes_nothing(case in case()) {
        let first = status(&case, &DirectAccessBindingStatus::default(), at(T0));
        // As it comes back from the API server.
        let stored = serde_json::from_value(serde_json::to_value(&first).unwrap()).unwrap();
        prop_assert_eq!(&stored, &first);
        let second = status(&case, &stored, at(T0) + SignedDuration::from_secs(1));
        let third = status(&case, &second, at(T0) + SignedDuration::from_secs(2));
        prop_assert_eq!(second, third);
    }

    #[test]
    fn a_time_changes_exactly_when_the_status_does(first in case(), second in case()) {
        let before = status(&first, &DirectAccessBindingStatus::default(), at(T0));
        let after = status(&second, &before, at(T0 + 1 + second.after));
        for condition in &after.conditions {
            let known = before.conditions.iter().find(|known| known.type_ == condition.type_);
            let same = known.is_some_and(|known| known.status == condition.status);
            let kept = known.is_some_and(|known| known.last_transition_time == condition.last_transition_time);
            prop_assert_eq!(same, kept, "{}", &condition.type_);
        }
    }
}

#[test]
fn a_missing_service_stalls_only_after_a_while() {
    let problem = Problem {
        condition: ConditionType::ResolvedRefs,
        reason: Reason::ServiceNotFound,
        message: "create it".to_owned(),
    };
    let plan = BindingPlan { problems: vec![problem], is_managed: true, ..BindingPlan::default() };
    let case = Case { generation: 1, cloud: None, outcome: None, plan, after: 0 };
    let early = status(&case, &DirectAccessBindingStatus::default(), at(T0));
    assert!(find(&early, ConditionType::Reconciling).is_some());
    let soon = status(&case, &early, at(T0 + 119));
    assert!(find(&soon, ConditionType::Reconciling).is_some());
    let late = status(&case, &soon, at(T0 + 120));
    assert!(find(&late, ConditionType::Stalled).is_some());
}

#[test]
fn a_failed_health_read_keeps_the_health_that_was_known() {
    let counts = Counts { desired: 3, registered: 3, healthy: 3, ..Counts::default() };
    let known =
        BindingPlan { counts, is_observed: true, is_health_known: true, is_managed: true, ..BindingPlan::default() };
    let before = status(
        &Case { generation: 1, cloud: None, outcome: None, plan: known.clone(), after: 0 },
        &DirectAccessBindingStatus::default(),
        at(T0),
    );
    let counts = Counts { healthy: 0, ..counts };
    let plan = BindingPlan { counts, is_health_known: false, ..known };
    let after = status(&Case { generation: 1, cloud: None, outcome: None, plan, after: 0 }, &before, at(T0 + 1));
    assert_eq!(after.targets.clone().unwrap().summary, "3/3");
    assert_eq!(find(&after, ConditionType::TargetsHealthy).unwrap().status, "Unknown");
}

#[test]
fn a_failed_read_keeps_what_was_known() {
    let counts = Counts { desired: 3, registered: 3, healthy: 3, ..Counts::default() };
    let plan =
        BindingPlan { counts, is_observed: true, is_health_known: true, is_managed: true, ..BindingPlan::default() };
    let known = status(
        &Case { generation: 1, cloud: None, outcome: None, plan, after: 0 },
        &DirectAccessBindingStatus::default(),
        at(T0),
    );
    let plan = BindingPlan { is_managed: true, ..BindingPlan::default() };
    let case = Case { generation: 1, cloud: Some(failure(Class::Unreachable)), outcome: None, plan, after: 0 };
    let blind = status(&case, &known, at(T0 + 1));
    assert_eq!(blind.targets.unwrap().summary, "3/3");
    let programmed = blind.conditions.iter().find(|condition| condition.type_ == "Programmed").unwrap();
    assert_eq!((programmed.status.as_str(), programmed.reason.as_str()), ("Unknown", "CloudUnreachable"));
}
