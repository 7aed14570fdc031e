//! What is read of Pods and Services.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

fn pod_of(spec: &Value, status: &Value) -> Pod {
    let object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "1"}, "spec": spec, "status": status});
    pod(&serde_json::from_value(object).unwrap())
}

fn hook(hook: &Value) -> Value {
    json!({"preStop": hook})
}

#[test]
fn the_ending_is_that_of_the_containers_that_serve() {
    let sleep = |seconds: u32| hook(&json!({"sleep": {"seconds": seconds}}));
    let exec = hook(&json!({"exec": {"command": ["drain"]}}));
    let serving = |lifecycle: &Value| json!({"name": "a", "ports": [{"containerPort": 80}], "lifecycle": lifecycle});
    let silent = |lifecycle: &Value| json!({"name": "b", "lifecycle": lifecycle});
    let nothing = json!({});
    for (containers, pre_stop) in [
        (json!([serving(&nothing)]), PreStop::None),
        (json!([serving(&sleep(7))]), PreStop::Sleep(7)),
        (json!([serving(&exec)]), PreStop::Unknown),
        (json!([serving(&sleep(7)), silent(&nothing)]), PreStop::Sleep(7)),
        (json!([serving(&sleep(7)), serving(&sleep(3))]), PreStop::Sleep(3)),
        (json!([serving(&sleep(7)), serving(&nothing)]), PreStop::None),
        (json!([serving(&exec), serving(&sleep(3))]), PreStop::Sleep(3)),
        (json!([silent(&sleep(2)), silent(&exec)]), PreStop::Sleep(2)),
        (json!([]), PreStop::None),
    ] {
        let found = pod_of(&json!({"terminationGracePeriodSeconds": 45, "containers": containers}), &json!({}));
        assert_eq!(found.ending, Ending { grace_seconds: 45, pre_stop }, "{containers}");
    }
    assert_eq!(pod_of(&json!({"containers": []}), &json!({})).ending.grace_seconds, 30);
}

#[test]
fn a_pod_that_is_ready_is_so_whatever_is_said_of_its_containers() {
    let is_ready = |conditions: &[(&str, &str)]| {
        let condition = |(kind, status): &(&str, &str)| json!({"type": kind, "status": status});
        let conditions: Vec<_> = conditions.iter().map(condition).collect();
        pod_of(&json!({"containers": []}), &json!({"phase": "Running", "conditions": conditions})).containers_ready
    };
    // As virtual kubelets write it.
    assert!(is_ready(&[("Ready", "True")]));
    assert!(is_ready(&[("Ready", "True"), ("ContainersReady", "False")]));
    assert!(is_ready(&[("Ready", "False"), ("ContainersReady", "True")]), "it waits for a gate");
    assert!(!is_ready(&[("Ready", "False")]) && !is_ready(&[]));
}

/// What of it is said to people is in `plan`.
#[test]
fn the_selector_of_an_external_name_counts_for_nothing() {
    for (kind, is_external, selects) in [("ExternalName", true, false), ("ClusterIP", false, true)] {
        let object = json!({"metadata": {"name": "web"}, "spec": {"type": kind, "selector": {"app": "web"}}});
        let found = service(&serde_json::from_value(object).unwrap());
        assert_eq!((found.is_external_name, !found.selector.is_empty()), (is_external, selects), "{kind}");
    }
}

#[test]
fn of_a_service_it_is_known_whether_it_is_headless_and_keeps_clients() {
    let of = |spec: Value| {
        let found = service(&serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": spec})).unwrap());
        (found.is_headless, found.client_ip_affinity)
    };
    assert_eq!(of(json!({"clusterIP": "None"})), (true, None));
    assert_eq!(of(json!({"clusterIP": "10.0.0.1", "sessionAffinity": "None"})), (false, None));
    assert_eq!(of(json!({"sessionAffinity": "ClientIP"})), (false, Some(10_800)));
    let affinity =
        json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}});
    assert_eq!(of(affinity), (false, Some(60)));
}

#[test]
fn a_port_of_a_protocol_that_no_listener_has_is_kept_by_name() {
    let object = json!({"metadata": {"name": "web"}, "spec": {"loadBalancerIP": "192.0.2.7", "ports": [
        {"name": "http", "port": 80}, {"name": "sig", "port": 5000, "protocol": "SCTP"}]}});
    let found = service(&serde_json::from_value(object).unwrap());
    assert_eq!(found.ports.iter().map(|port| port.port).collect::<Vec<_>>(), [80]);
    assert_eq!(found.unbindable_ports, ["5000 (sig, SCTP)"]);
    let keys: Vec<_> = found.field_problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["spec.loadBalancerIP", "spec.ports[].protocol"]);
}

#[test]
fn the_network_shows_in_annotation_resources_or_node() {
    let network = |annotation: Option<&str>, spec: Value| {
        let annotations: BTreeMap<_, _> = annotation.map(|value| (names::NETWORKS, value)).into_iter().collect();
        let object = json!({"metadata": {"name": "web", "annotations": annotations}, "spec": spec});
        pod(&serde_json::from_value(object).unwrap()).network
    };
    let asks = |key: &str| json!({"containers": [{"name": "a"}, {"name": "b", "resources": {"limits": {key: "1"}}}]});
    let plain = json!({"containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}], "nodeName": "10.0.0.7"});
    for (annotation, spec, expected) in [
        (None, plain.clone(), PodNetwork::Usual),
        (Some("tke-bridge"), plain.clone(), PodNetwork::GlobalRouter),
        (Some("tke-bridge"), asks("tke.cloud.tencent.com/eni-ip"), PodNetwork::VpcCni),
        (Some("flannel"), plain.clone(), PodNetwork::Usual),
        (Some("tke-route-eni"), plain.clone(), PodNetwork::VpcCni),
        (Some("flannel, tke-direct-eni"), plain, PodNetwork::VpcCni),
        (None, asks("tke.cloud.tencent.com/eni-ip"), PodNetwork::VpcCni),
        (None, asks("tke.cloud.tencent.com/sub-eni"), PodNetwork::VpcCni),
        (None, asks("tke.cloud.tencent.com/other"), PodNetwork::Usual),
        (None, json!({"containers": [], "nodeName": "eklet-subnet-1a2b3c4d-0"}), PodNetwork::SuperNode),
    ] {
        assert_eq!(network(annotation, spec.clone()), expected, "{annotation:?} {spec}");
    }
}

const GATED: [&str; 2] = [names::GATE, "example.com/other"];

/// The phase of a running Pod with two gates and these conditions: type, status, reason, and minute of the transition.
fn phase_with(conditions: &[(&str, &str, &str, u32)]) -> Phase {
    let condition = |(kind, status, reason, minute): &(&str, &str, &str, u32)| json!({"type": kind, "status": status, "reason": reason, "lastTransitionTime": format!("2026-01-01T00:{minute:02}:00Z")});
    let gates = GATED.map(|gate| json!({"conditionType": gate}));
    let conditions: Vec<_> = conditions.iter().map(condition).collect();
    pod_of(&json!({"containers": [], "readinessGates": gates}), &json!({"phase": "Running", "conditions": conditions}))
        .phase
}

#[test]
fn a_pod_is_lost_when_it_was_ready_and_somebody_says_otherwise_without_a_reason() {
    let base = [("ContainersReady", "True", "", 1), (GATED[0], "True", "", 2), (GATED[1], "True", "", 3)];
    let with = |ready| phase_with(&[base[0], base[1], base[2], ready]);
    assert_eq!(with(("Ready", "False", "", 4)), Phase::Unknown);
    assert_eq!(with(("Ready", "True", "", 4)), Phase::Running);
    assert_eq!(with(("Ready", "False", "ReadinessGatesNotReady", 4)), Phase::Running, "the kubelet has a reason");
    assert_eq!(with(("Ready", "False", "", 2)), Phase::Running, "it has not been ready since its gates opened");
    assert_eq!(phase_with(&base), Phase::Running);
    let waiting = [base[0], base[1], (GATED[1], "False", "", 3), ("Ready", "False", "", 4)];
    assert_eq!(phase_with(&waiting), Phase::Running, "it waits for another gate");
    let starting = [("ContainersReady", "False", "", 1), base[1], base[2], ("Ready", "False", "", 4)];
    assert_eq!(phase_with(&starting), Phase::Running);
}

/// Conditions go by the clock of the node, the time of creation by that of the API server.
#[test]
fn a_pod_is_not_ready_or_unready_for_longer_than_it_exists() {
    for (created, changed, since) in [
        (Some("2026-01-01T00:00:10Z"), "2026-01-01T00:00:30Z", "2026-01-01T00:00:30Z"),
        (Some("2026-01-01T00:05:10Z"), "2026-01-01T00:00:30Z", "2026-01-01T00:05:10Z"),
        (None, "2026-01-01T00:00:30Z", "2026-01-01T00:00:30Z"),
    ] {
        let condition = json!({"type": "ContainersReady", "status": "True", "lastTransitionTime": changed});
        let meta = json!({"name": "web", "namespace": "shop", "uid": "1", "creationTimestamp": created});
        let object = json!({"metadata": meta, "spec": {"containers": []}, "status": {"conditions": [condition]}});
        let found = pod(&serde_json::from_value(object).unwrap()).containers_ready_since;
        assert_eq!(found, Some(since.parse().unwrap()), "{created:?} {changed}");
    }
}
