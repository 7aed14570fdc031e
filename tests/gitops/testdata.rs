//! The objects of Argo CD's tests have the statuses that the controller writes: made by the status functions, and compared.

use serde_json::{Value, json};
use tke_direct_access::api::condition::{ConditionType, Reason};
use tke_direct_access::api::{DirectAccessBindingStatus, TkeServiceConfigStatus, names};
use tke_direct_access::plan::{BindingPlan, Counts, Problem};

use super::engine::argo_cd;
use super::statuses::cases::{Case, ConfigCase, T0, at, settled, status};

/// The object as `kubectl get -o yaml` shows it.
fn shown(mut object: Value, name: &str) -> Value {
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.insert("name".to_owned(), json!(name));
    metadata.insert("uid".to_owned(), json!("6f1f5c0e-6f2e-4c55-9a7b-0d2f7a3c1b11"));
    metadata.insert("creationTimestamp".to_owned(), json!("2027-01-15T07:50:00Z"));
    metadata.insert("resourceVersion".to_owned(), json!("4711"));
    if object["kind"] == "DirectAccessBinding" {
        object["metadata"]["finalizers"] = json!([names::FINALIZER]);
        object["spec"]["serviceRef"]["name"] = json!(name);
    }
    object
}

fn binding(case: &Case, previous: &DirectAccessBindingStatus) -> Value {
    shown(case.object(&status(case, previous, at(T0))), "web")
}

fn problem(condition: ConditionType, reason: Reason, message: &str) -> BindingPlan {
    let problem = Problem { condition, reason, message: message.to_owned() };
    BindingPlan { problems: vec![problem], ..settled(counts(3, 3)) }
}

fn counts(healthy: usize, desired: usize) -> Counts {
    Counts { desired, registered: desired, healthy, weighted: desired, ..Counts::default() }
}

/// Each file of test data with its object.
fn documents() -> Vec<(&'static str, Value)> {
    let before = DirectAccessBindingStatus::default();
    let ready = Case::of(settled(counts(3, 3)));
    let waiting = Case::of(settled(counts(1, 3)));
    let stalled = Case::of(problem(
        ConditionType::Accepted,
        Reason::PortConflict,
        "TCP 80 of lb-1 belongs to shop/other, which is older; use another port",
    ));
    let suspended = Case {
        suspend: true,
        plan: BindingPlan {
            management: tke_direct_access::plan::Management::default(),
            ..problem(
                ConditionType::Accepted,
                Reason::Suspended,
                "spec.suspend is true: nothing is changed until it is set to false",
            )
        },
        ..Case::of(settled(counts(3, 3)))
    };
    let mut edited = binding(&ready, &before);
    edited["metadata"]["generation"] = json!(2);
    let in_force = ConfigCase::of(1, &[Some(1)]);
    let rolling_out = ConfigCase::of(2, &[Some(1)]);
    let invalid = ConfigCase::invalid(1);
    let of = |case: &ConfigCase| shown(case.object(&case.status(&TkeServiceConfigStatus::default(), at(T0))), "web");
    vec![
        ("DirectAccessBinding/testdata/new.yaml", shown(ready.object(&before), "web")),
        ("DirectAccessBinding/testdata/ready.yaml", binding(&ready, &before)),
        ("DirectAccessBinding/testdata/edited.yaml", edited),
        ("DirectAccessBinding/testdata/waiting.yaml", binding(&waiting, &before)),
        ("DirectAccessBinding/testdata/stalled.yaml", binding(&stalled, &before)),
        ("DirectAccessBinding/testdata/suspended.yaml", binding(&suspended, &before)),
        ("TkeServiceConfig/testdata/new.yaml", shown(in_force.object(&TkeServiceConfigStatus::default()), "web")),
        ("TkeServiceConfig/testdata/ready.yaml", of(&in_force)),
        ("TkeServiceConfig/testdata/rolling-out.yaml", of(&rolling_out)),
        ("TkeServiceConfig/testdata/invalid.yaml", of(&invalid)),
        ("TkeServiceConfig/testdata/without-status.yaml", shown(in_force.bare(), "web")),
    ]
}

/// What each action makes of an object.
fn acted() -> Vec<(&'static str, Value)> {
    let documents = documents();
    let find = |path: &str| documents.iter().find(|(known, _)| *known == path).unwrap().1.clone();
    let asked = |mut object: Value| {
        object["metadata"]["annotations"] = json!({names::RECONCILE_REQUESTED_AT: "0001-01-01T00:00:00Z"});
        object
    };
    let ready = find("DirectAccessBinding/testdata/ready.yaml");
    let suspended = find("DirectAccessBinding/testdata/suspended.yaml");
    let mut paused = ready.clone();
    paused["spec"]["suspend"] = json!(true);
    let mut resumed = suspended.clone();
    resumed["spec"]["suspend"] = json!(false);
    let config = find("TkeServiceConfig/testdata/ready.yaml");
    vec![
        ("DirectAccessBinding/actions/testdata/ready.yaml", ready.clone()),
        ("DirectAccessBinding/actions/testdata/suspended.yaml", suspended),
        ("DirectAccessBinding/actions/testdata/reconcile.yaml", asked(ready)),
        ("DirectAccessBinding/actions/testdata/suspend.yaml", paused),
        ("DirectAccessBinding/actions/testdata/resume.yaml", resumed),
        ("TkeServiceConfig/actions/testdata/ready.yaml", config.clone()),
        ("TkeServiceConfig/actions/testdata/reconcile.yaml", asked(config)),
    ]
}

#[test]
fn test_data_of_argo_cd_is_what_the_controller_writes() {
    for (path, object) in documents().into_iter().chain(acted()) {
        let path = argo_cd().join("cloud.tencent.com").join(path);
        let made = serde_saphyr::to_string(&object).unwrap();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, made, "{} is outdated: run UPDATE=1 cargo test --test gitops", path.display());
    }
}
