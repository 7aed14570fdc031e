//! What a change of an object is as an act.

use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access_worlds::{Act, Kind, Workload};

/// What has been done to an object that was `before` and is `after`; `None` where no user has done anything, and an error where
/// the world has nothing of the kind.
pub(super) fn act(
    kind: &str,
    name: &str,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<Option<Act>, String> {
    let name = name.to_owned();
    let Some(after) = after else {
        return Ok(match kind {
            "Deployment" => Some(Act::DeleteWorkload(name)),
            "Service" => Some(Act::DeleteService(name)),
            "TkeServiceConfig" => Some(Act::DeleteConfig(name)),
            // It was deleted when it got its time of deletion.
            "DirectAccessBinding" if before.is_some_and(|before| is_deleted(before) || is_owned(before)) => None,
            "DirectAccessBinding" => Some(Act::DeleteBinding(name)),
            _ => None,
        });
    };
    match kind {
        "Deployment" => deployment(&name, before, after),
        "Service" => match after.pointer("/spec/selector").and_then(Value::as_object) {
            Some(selector) if selector.keys().any(|key| key != "app") => Err(format!("{name} selects by other labels")),
            _ => Ok(service(name, before, after)),
        },
        "DirectAccessBinding" if is_owned(after) => Ok(None),
        "DirectAccessBinding" if is_deleted(after) => {
            Ok(before.is_some_and(|before| !is_deleted(before)).then_some(Act::DeleteBinding(name)))
        }
        "DirectAccessBinding" => Ok(changed(before, after, "/spec").map(|spec| Act::Binding { name, spec })),
        "TkeServiceConfig" if is_owned(after) => Ok(None),
        "TkeServiceConfig" => Ok(changed(before, after, "/spec").map(|spec| Act::Config { name, spec })),
        other => Err(format!("a {other}")),
    }
}

fn is_deleted(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// The controller has made it.
pub(super) fn is_owned(object: &Value) -> bool {
    object.pointer("/metadata/ownerReferences/0").is_some()
}

/// A part of an object, where it is another one than before.
fn changed(before: Option<&Value>, after: &Value, place: &str) -> Option<Value> {
    let part = after.pointer(place)?;
    (before.and_then(|before| before.pointer(place)) != Some(part)).then(|| part.clone())
}

/// What of a Service its users have written.
fn service(name: String, before: Option<&Value>, after: &Value) -> Option<Act> {
    let users = |object: &Value| {
        let ours: Vec<String> = object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|entry| entry["manager"].as_str().is_some_and(|manager| manager.starts_with(names::FIELD_MANAGER)))
            .filter_map(|entry| entry.pointer("/fieldsV1/f:metadata/f:annotations")?.as_object())
            .flat_map(|fields| fields.keys().filter_map(|key| key.strip_prefix("f:").map(str::to_owned)))
            .collect();
        let mut annotations = object.pointer("/metadata/annotations").and_then(Value::as_object).cloned();
        let annotations = annotations.get_or_insert_default();
        annotations.retain(|key, _| !ours.contains(key) && !key.starts_with("kubectl.kubernetes.io/"));
        let allocated = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"];
        let usual = ["sessionAffinity", "externalTrafficPolicy", "allocateLoadBalancerNodePorts"];
        let mut spec = object.pointer("/spec").and_then(Value::as_object).cloned().unwrap_or_default();
        spec.retain(|key, _| !allocated.contains(&key.as_str()) && !usual.contains(&key.as_str()));
        for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            port.as_object_mut().and_then(|port| port.remove("nodePort"));
        }
        (Value::Object(annotations.clone()), Value::Object(spec))
    };
    let (annotations, spec) = users(after);
    let is_new = before.is_none_or(|before| users(before) != (annotations.clone(), spec.clone()));
    is_new.then_some(Act::Service { name, annotations, spec })
}

fn deployment(name: &str, before: Option<&Value>, after: &Value) -> Result<Option<Act>, String> {
    if is_deleted(after) {
        return Ok(None);
    }
    let new = workload(name, after)?;
    let Some(before) = before else { return Ok(Some(Act::Workload(new))) };
    let old = workload(name, before)?;
    let has_template = changed(Some(before), after, "/spec/template").is_some();
    let name = name.to_owned();
    Ok(match (has_template, old == new) {
        (false, true) => None,
        (true, true) => Some(Act::Rollout(name)),
        (false, false) if (Workload { replicas: new.replicas, ..old.clone() }) == new => {
            Some(Act::Scale(name, new.replicas))
        }
        (_, false) if (Workload { broken: new.broken, ..old }) == new => Some(Act::Broken(name, new.broken)),
        (_, false) => Some(Act::Workload(new)),
    })
}

/// What the world knows of a Deployment.
fn workload(name: &str, object: &Value) -> Result<Workload, String> {
    let replicas = object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
    let replicas = usize::try_from(replicas).expect("a small number");
    let strategy = object.pointer("/spec/strategy").cloned().unwrap_or_default();
    let (surge, unavailable) = if strategy["type"] == "Recreate" {
        (0, replicas)
    } else {
        let rolling = &strategy["rollingUpdate"];
        (share(&rolling["maxSurge"], replicas, true), share(&rolling["maxUnavailable"], replicas, false))
    };
    let template = object.pointer("/spec/template").cloned().unwrap_or_default();
    Ok(Workload { replicas, surge, unavailable, ..of_template(name, &template)? })
}

/// What the world knows of a Pod, or the template of Pods: as a Deployment of one.
pub(super) fn of_template(name: &str, template: &Value) -> Result<Workload, String> {
    let number = |place: &str, unset: u64| {
        let number = template.pointer(place).and_then(Value::as_u64).unwrap_or(unset);
        u32::try_from(number).expect("a small number")
    };
    let app = template.pointer("/metadata/labels/app").and_then(Value::as_str);
    let app = app.ok_or_else(|| format!("Pods of {name} have no label app"))?;
    let gates = template.pointer("/spec/readinessGates").and_then(Value::as_array).into_iter().flatten();
    let is_gated = gates.into_iter().any(|gate| gate["conditionType"] == names::GATE);
    let annotations = template.pointer("/metadata/annotations").cloned().unwrap_or_default();
    let delay = annotations["loopback.tke-direct-access.dev/start-delay"].as_str();
    Ok(Workload {
        kind: Kind::Deployment,
        name: name.to_owned(),
        app: app.to_owned(),
        replicas: 1,
        revision: 1,
        surge: 1,
        unavailable: 0,
        grace: number("/spec/terminationGracePeriodSeconds", 30),
        pre_stop: number("/spec/containers/0/lifecycle/preStop/sleep/seconds", 0),
        gate: is_gated,
        weight: annotations[names::CUSTOM_WEIGHT].as_str().map(str::to_owned),
        broken: delay.is_some_and(|delay| delay.ends_with('h')),
        other_gate: false,
    })
}

/// A number, or a share of all: of the Pods more than wanted rounded up, of those less down.
fn share(of: &Value, replicas: usize, is_up: bool) -> usize {
    let percent = |text: &str| text.strip_suffix('%').and_then(|text| text.parse::<usize>().ok());
    match of {
        Value::Number(number) => number.as_u64().and_then(|it| usize::try_from(it).ok()).unwrap_or(1),
        Value::String(text) => {
            let parts = replicas * percent(text).unwrap_or(25);
            if is_up { parts.div_ceil(100) } else { parts / 100 }
        }
        _ => share(&json!("25%"), replicas, is_up),
    }
}
