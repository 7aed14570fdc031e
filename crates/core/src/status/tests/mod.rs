//! Every status that can come out of a round, judged by the rules of the tools that read it.

#[allow(dead_code, reason = "tests/gitops uses the rest")]
mod cases;
mod rules;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use self::cases::{Case, Read, T0, at, case, config_case, failure, settled, status, status_with};
use self::rules::Seen;
use crate::api::condition::{ChangeReason, ConditionType, GateReason, Reason};
use crate::api::{DirectAccessBindingStatus, TkeServiceConfigStatus};
use crate::model::{Class, Failure, ObjectKey};
use crate::plan::{BindingPlan, Counts, GateVerdict, Pending, Problem, RetainedPod, Until, Verdict};
use crate::status::{Field, RefusalKind, RefusedGate, RefusedWrites, reason_of};

// The cases name the library as its users do, so that tests outside of it can include them.
extern crate self as tke_direct_access;

fn find(status: &DirectAccessBindingStatus, kind: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

/// What is true of the statuses of both kinds.
fn judge(seen: &Seen<'_>) -> Result<(), TestCaseError> {
    prop_assert_eq!(seen.broken(), Vec::<&str>::new());
    prop_assert_eq!(seen.observed, seen.generation);
    let find = |kind: ConditionType| seen.conditions.iter().find(|condition| condition.type_ == kind.as_str());
    let ready = find(ConditionType::Ready).unwrap();
    let negative: Vec<_> = [ConditionType::Reconciling, ConditionType::Stalled].into_iter().filter_map(find).collect();
    for condition in seen.conditions {
        prop_assert_eq!(condition.observed_generation, Some(seen.generation));
        prop_assert!(!condition.reason.is_empty() && !condition.message.is_empty());
    }
    for negative in &negative {
        prop_assert_eq!(&negative.status, "True");
        prop_assert_eq!((&negative.reason, &negative.message), (&ready.reason, &ready.message));
    }
    // Flux asks for it of conditions of one's own only; here it holds for all, and so says what the reader has to wait for.
    let is_paused =
        [Reason::Suspended, Reason::Parked, Reason::NoWeight].iter().any(|reason| ready.reason == reason.as_str());
    prop_assert_eq!(negative.is_empty(), ready.status == "True" || is_paused);
    if !seen.is_deleting {
        prop_assert_eq!(seen.kstatus() == "Current", seen.ends_wait());
        prop_assert_eq!(seen.kstatus() == "Failed", find(ConditionType::Stalled).is_some());
    }
    // The next edit makes it old at once.
    let edited = Seen { generation: seen.generation + 1, ..*seen };
    prop_assert!(!edited.ends_wait());
    prop_assert_eq!(edited.kstatus(), if seen.is_deleting { "Terminating" } else { "InProgress" });
    Ok(())
}

fn judge_binding(case: &Case, status: &DirectAccessBindingStatus) -> Result<(), TestCaseError> {
    judge(&Seen {
        generation: case.generation,
        observed: status.observed_generation,
        is_deleting: case.deleting,
        conditions: &status.conditions,
    })?;
    let kinds: Vec<_> = status.conditions.iter().map(|condition| condition.type_.as_str()).take(5).collect();
    prop_assert_eq!(kinds, ["Accepted", "ResolvedRefs", "Programmed", "TargetsHealthy", "Ready"]);
    let all = status.conditions.iter().take(4).all(|condition| condition.status == "True");
    prop_assert_eq!(find(status, ConditionType::Ready).unwrap().status == "True", all);
    if case.suspend {
        prop_assert_eq!(&find(status, ConditionType::Ready).unwrap().reason, "Suspended");
    }
    if case.asked.as_ref().is_none_or(|asked| asked.len() <= 256) {
        prop_assert_eq!(&status.last_handled_reconcile_at, &case.asked);
    }
    Ok(())
}

#[test]
fn a_status_that_nobody_has_written_is_not_taken_for_ready() {
    let (binding, config) = (DirectAccessBindingStatus::default(), TkeServiceConfigStatus::default());
    for (observed, conditions) in
        [(binding.observed_generation, &binding.conditions), (config.observed_generation, &config.conditions)]
    {
        let seen = Seen { generation: 1, observed, is_deleting: false, conditions };
        assert_eq!((seen.kstatus(), seen.ends_wait()), ("InProgress", false));
    }
}

/// A generator that never makes a kind of status says nothing of it.
#[test]
fn the_cases_make_every_kind_of_status() {
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3000 {
        let case = case().new_tree(&mut runner).unwrap().current();
        let status = status(&case, &DirectAccessBindingStatus::default(), at(T0));
        let ready = find(&status, ConditionType::Ready).unwrap();
        seen.insert((ready.status.clone(), status.conditions.get(5).map(|condition| condition.type_.clone())));
        seen.insert((ready.reason.clone(), None));
    }
    let reconciling = || Some("Reconciling".to_owned());
    for expected in [
        ("True", None),
        ("False", None),
        ("False", reconciling()),
        ("False", Some("Stalled".to_owned())),
        ("Unknown", reconciling()),
    ] {
        assert!(seen.contains(&(expected.0.to_owned(), expected.1.clone())), "{expected:?}");
    }
    let never: Vec<_> = Reason::ALL.iter().filter(|one| !seen.contains(&(one.to_string(), None))).collect();
    assert_eq!(never, Vec::<&Reason>::new());
}

proptest! {
    #[test]
    fn every_status_obeys_the_rules(case in case()) {
        judge_binding(&case, &status(&case, &DirectAccessBindingStatus::default(), at(T0)))?;
    }

    #[test]
    fn every_further_status_obeys_the_rules(first in case(), second in case()) {
        let before = status(&first, &DirectAccessBindingStatus::default(), at(T0));
        judge_binding(&second, &status(&second, &before, at(T0 + second.after)))?;
    }

    #[test]
    fn every_status_of_a_config_obeys_the_rules(first in config_case(), second in config_case(), after in 0i64..300) {
        let before = first.status(&TkeServiceConfigStatus::default(), at(T0));
        let found = second.status(&before, at(T0 + after));
        judge(&Seen {
            generation: second.generation,
            observed: found.observed_generation,
            is_deleting: false,
            conditions: &found.conditions,
        })?;
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
            let course = |one: &Condition| one.reason.parse().map(Reason::course);
            let goes_on = |known: &Condition| {
                let is_same = (course(known), known.observed_generation) == (course(condition), condition.observed_generation);
                condition.type_ != "Reconciling" || is_same
            };
            let same = known.is_some_and(|known| known.status == condition.status && goes_on(known));
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
    let plan =
        BindingPlan { problems: vec![problem], management: crate::plan::Management::Manage, ..BindingPlan::default() };
    let case = Case::of(plan);
    let early = status(&case, &DirectAccessBindingStatus::default(), at(T0));
    assert!(find(&early, ConditionType::Reconciling).is_some());
    let soon = status(&case, &early, at(T0 + 119));
    assert!(find(&soon, ConditionType::Reconciling).is_some());
    let late = status(&case, &soon, at(T0 + 120));
    assert!(find(&late, ConditionType::Stalled).is_some());
}

/// What has gone wrong may pass by itself, for a while, and the while begins anew when something else went on in between, or the spec is
/// another one.
#[test]
fn what_is_tried_again_stalls_when_it_lasts() {
    let counts = Counts { desired: 3, registered: 3, healthy: 3, weighted: 3, ..Counts::default() };
    let read = |class| Case { read: Read::Failed(failure(class)), ..Case::of(settled(counts)) };
    let held = Problem {
        condition: ConditionType::Programmed,
        reason: Reason::RemovalHeld,
        message: "make other Pods ready".to_owned(),
    };
    let held = Case::of(BindingPlan { problems: vec![held], ..settled(counts) });
    let busy = Case::of(BindingPlan { pending: Pending { register: 1, ..Pending::default() }, ..settled(counts) });
    for (case, reason) in [
        (read(Class::Unreachable), "CloudUnreachable"),
        (read(Class::Transient), "Failed"),
        (read(Class::Throttled), "Throttled"),
        (read(Class::Busy), "Busy"),
        (held, "RemovalHeld"),
    ] {
        let is_stalled = |found: &DirectAccessBindingStatus| {
            let ready = find(found, ConditionType::Ready).unwrap();
            assert_eq!(ready.reason, reason);
            let is_stalled = find(found, ConditionType::Stalled).is_some();
            assert!(!is_stalled || ready.status == "False", "{reason}");
            is_stalled
        };
        let work = status(&busy, &DirectAccessBindingStatus::default(), at(T0));
        let first = status(&case, &work, at(T0 + 3_600));
        assert!(!is_stalled(&first), "{reason}: an hour of work is no failure");
        let soon = status(&case, &first, at(T0 + 3_600 + 599));
        assert!(!is_stalled(&soon), "{reason}");
        let late = status(&case, &soon, at(T0 + 3_600 + 600));
        assert!(is_stalled(&late), "{reason}");
        assert!(is_stalled(&status(&case, &late, at(T0 + 3_600 + 601))), "{reason}");
        let again = status(&case, &status(&busy, &late, at(T0 + 4_300)), at(T0 + 4_301));
        assert!(!is_stalled(&again), "{reason}: something else went on in between");
        let edited = Case { generation: case.generation + 1, ..case };
        assert!(!is_stalled(&status(&edited, &late, at(T0 + 4_300))), "{reason}: its user has tried something");
    }
}

#[test]
fn a_rollout_that_stands_still_stalls_and_one_that_goes_on_does_not() {
    let pending = Pending { retained: 1, ..Pending::default() };
    let of = |healthy, ready: i64| {
        let counts = Counts { desired: 3, registered: 3, healthy, weighted: 3, ..Counts::default() };
        let ill = crate::plan::Unhealthy {
            since: Some(at(ready)),
            pod: "web-1".to_owned(),
            route: "80/TCP".to_owned(),
            probe: String::new(),
        };
        let unhealthy = if healthy < 3 { vec![ill] } else { Vec::new() };
        Case::of(BindingPlan { pending, unhealthy, ..settled(counts) })
    };
    let begun = status(&of(2, T0), &DirectAccessBindingStatus::default(), at(T0));
    let reason = |found: &DirectAccessBindingStatus| {
        let is_stalled = find(found, ConditionType::Stalled).is_some();
        (find(found, ConditionType::Ready).unwrap().reason.clone(), is_stalled)
    };
    let row = |is_stalled| ("Replacing".to_owned(), is_stalled);
    assert_eq!(reason(&begun), row(false));
    assert_eq!(reason(&status(&of(2, T0 + 500), &begun, at(T0 + 1_000))), row(false), "it is another Pod");
    assert_eq!(reason(&status(&of(3, 0), &begun, at(T0 + 1_000))), row(false));
    assert_eq!(reason(&status(&of(2, T0), &begun, at(T0 + 600))), row(true));
}

#[test]
fn a_failed_health_read_keeps_the_health_that_was_known() {
    let counts = Counts { desired: 3, registered: 3, healthy: 3, weighted: 3, ..Counts::default() };
    let known = settled(counts);
    let before = status(&Case::of(known.clone()), &DirectAccessBindingStatus::default(), at(T0));
    let counts = Counts { healthy: 0, ..counts };
    let plan = BindingPlan { counts, sight: crate::plan::Sight::WithoutHealth, ..known };
    let after = status(&Case::of(plan.clone()), &before, at(T0 + 1));
    assert_eq!(after.targets.clone().unwrap().summary, "3/3");
    assert_eq!(find(&after, ConditionType::TargetsHealthy).unwrap().status, "Unknown");
    for class in Class::ALL {
        let failure = Failure { action: "DescribeTargetHealth", ..failure(class) };
        let words = failure.code.clone();
        let plan = BindingPlan { health_failure: Some(failure), ..plan.clone() };
        let after = status(&Case::of(plan), &before, at(T0 + 1));
        let healthy = find(&after, ConditionType::TargetsHealthy).unwrap();
        assert_eq!((healthy.status.as_str(), healthy.reason.as_str()), ("Unknown", reason_of(class).as_str()));
        assert!(healthy.message.contains("DescribeTargetHealth failed") && healthy.message.contains(&words));
    }
}

#[test]
fn gates_that_the_api_server_does_not_take_are_counted_with_its_words() {
    let counts = Counts { desired: 2, registered: 2, healthy: 2, weighted: 2, ..Counts::default() };
    let gate = |uid: &str| GateVerdict {
        pod: ObjectKey::new("shop", uid),
        pod_uid: uid.to_owned(),
        verdict: Verdict::Open(GateReason::BackendReady),
        since: None,
        hint: String::new(),
    };
    let plan = BindingPlan { gates: vec![gate("one"), gate("two")], ..settled(counts) };
    let refused = |uid: &str| RefusedGate { pod_uid: uid.to_owned(), message: "pods/status is forbidden.".to_owned() };
    let refused = ["one", "two", "somebody else's"].map(refused);
    let found = status_with(&Case::of(plan), &DirectAccessBindingStatus::default(), at(T0), &refused, &[]);
    let programmed = find(&found, ConditionType::Programmed).unwrap();
    assert_eq!((programmed.status.as_str(), programmed.reason.as_str()), ("False", "GateNotWritten"));
    assert!(
        programmed.message.contains("of 2 Pods") && programmed.message.contains("forbidden"),
        "{}",
        programmed.message
    );
    assert_eq!(find(&found, ConditionType::Ready).unwrap().status, "False");
}

#[test]
fn what_the_api_server_does_not_take_is_said_whatever_else_is_to_be_said() {
    let counts = Counts { desired: 2, registered: 2, healthy: 2, ..Counts::default() };
    let case = Case::of(settled(counts));
    let programmed = |case: &Case, code, uid: &str| {
        let mut writes = RefusedWrites::default();
        writes.refused(Field::Ingress, "Service 'web'", RefusalKind::of(code), "exceeded quota.", at(T0));
        let writes = [(uid.to_owned(), writes)];
        let found = status_with(case, &DirectAccessBindingStatus::default(), at(T0), &[], &writes);
        let is_stalled = find(&found, ConditionType::Stalled).is_some();
        let programmed = find(&found, ConditionType::Programmed).unwrap();
        (programmed.status.clone(), programmed.reason.clone(), programmed.message.clone(), is_stalled)
    };
    let uid = case.view().uid().to_owned();
    let (status, reason, message, is_stalled) = programmed(&case, Some(403), &uid);
    assert_eq!((&*status, &*reason, is_stalled), ("False", "NotWritten", true));
    let expected = "the addresses in the status of Service 'web' cannot be written: exceeded quota; allow the controller to write it, ";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!(programmed(&case, Some(403), "another's").1, "Programmed");
    assert_eq!(programmed(&case, Some(503), &uid).1, "Programmed", "it may pass");
    let mut busy = settled(counts);
    busy.pending.register = 1;
    let (_, reason, message, _) = programmed(&Case::of(busy), Some(403), &uid);
    assert_eq!(reason, "InProgress");
    assert!(
        message.starts_with("1 target to register; and ") && message.contains("exceeded quota; allow"),
        "{message}"
    );
}

#[test]
fn a_failed_read_keeps_what_was_known() {
    let counts = Counts { desired: 3, registered: 3, healthy: 3, weighted: 3, ..Counts::default() };
    let known = status(&Case::of(settled(counts)), &DirectAccessBindingStatus::default(), at(T0));
    assert_eq!(find(&known, ConditionType::Ready).unwrap().status, "True");
    let plan = BindingPlan { management: crate::plan::Management::Manage, ..BindingPlan::default() };
    let case = Case { read: Read::Failed(failure(Class::Unreachable)), ..Case::of(plan) };
    let blind = status(&case, &known, at(T0 + 1));
    assert_eq!(blind.targets.unwrap().summary, "3/3");
    let programmed = blind.conditions.iter().find(|condition| condition.type_ == "Programmed").unwrap();
    assert_eq!((programmed.status.as_str(), programmed.reason.as_str()), ("Unknown", "CloudUnreachable"));
}

#[test]
fn pods_that_serve_on_until_others_do_are_named() {
    let counts = Counts { desired: 1, registered: 1, healthy: 1, weighted: 1, ..Counts::default() };
    let message = |pods: &[&str]| {
        let of =
            |pod: &&str| RetainedPod { pod: (*pod).to_owned(), reason: ChangeReason::PodDeleted, until: Until::Turn };
        let pending = Pending { retained: pods.len(), ..Pending::default() };
        let plan = BindingPlan { retained: pods.iter().map(of).collect(), pending, ..settled(counts) };
        let found = status(&Case::of(plan), &DirectAccessBindingStatus::default(), at(T0));
        let programmed = find(&found, ConditionType::Programmed).unwrap();
        assert_eq!(programmed.reason, "Replacing");
        programmed.message.clone()
    };
    let begins = "targets on the way out serving on until others do";
    assert_eq!(message(&["web-1"]), "1 target on the way out serving on until others do ('web-1')");
    // One Pod on two listeners is one Pod, and one whose object is gone has no name.
    assert_eq!(message(&["web-1", "web-1", ""]), format!("3 {begins} ('web-1')"));
    assert_eq!(message(&["a", "b", "c"]), format!("3 {begins} ('a', 'b', 'c')"));
    assert_eq!(message(&["a", "b", "c", "d"]), format!("4 {begins} ('a', 'b', 'c' and 1 other Pod)"));
    assert_eq!(message(&["a", "b", "c", "d", "e"]), format!("5 {begins} ('a', 'b', 'c' and 2 other Pods)"));
}
