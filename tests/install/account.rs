//! The controller under its own account: nothing is refused to it, and it has no right that it does not use.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings, Simulator};

use super::DEADLINE;
use super::manifests::{rendered_with, root};
use super::program::create_credentials;
use super::start::start;
use crate::support::{ControlPlane, eventually};

const ACCOUNT: &str = "system:serviceaccount:tke-direct-access:direct-access-controller";

/// Rights that the test does not use, each with its reason.
const UNUSED: &[(&str, &str, &str)] = &[
    ("directaccessbindings", "get", "asked for by the API server of who makes a policy that reads bindings"),
    ("directaccessbindings/finalizers", "update", "for API servers with OwnerReferencesPermissionEnforcement"),
    ("services/finalizers", "update", "for API servers with OwnerReferencesPermissionEnforcement"),
    ("secrets", "delete", "of a certificate that nobody can read, or after a switch to the policy"),
    ("secrets", "list", "a watch may begin with a list"),
    ("secrets", "update", "when the certificate is renewed"),
    ("events", "patch", "of an Event that is repeated"),
    ("mutatingwebhookconfigurations", "list", "a watch may begin with a list"),
    ("mutatingadmissionpolicies", "list", "a watch may begin with a list"),
    ("mutatingadmissionpolicybindings", "list", "a watch may begin with a list"),
    ("mutatingwebhookconfigurations", "create", "asked for where an apply makes the object"),
    ("mutatingadmissionpolicies", "create", "asked for where an apply makes the object"),
    ("mutatingadmissionpolicybindings", "create", "asked for where an apply makes the object"),
    ("directaccessbindings", "create", "asked for where an apply makes the object"),
];

/// Every resource and verb that the roles of the account name, of these objects.
fn rights(objects: &[Value]) -> BTreeSet<(String, String)> {
    let is_role = |object: &&Value| {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        object["kind"].as_str().is_some_and(|kind| kind.ends_with("Role")) && name == "direct-access-controller"
    };
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let rules = objects.iter().filter(is_role).flat_map(|role| role["rules"].as_array().unwrap());
    rules
        .flat_map(|rule| {
            let verbs = texts(&rule["verbs"]);
            let pairs = texts(&rule["resources"]).into_iter();
            pairs.flat_map(move |resource| verbs.clone().into_iter().map(move |verb| (resource.clone(), verb)))
        })
        .collect()
}

async fn until_ready(control_plane: &ControlPlane, namespace: &str, name: &str) {
    eventually(&format!("{name} is ready"), DEADLINE, async || {
        let path = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
        let get = ["-n", namespace, "get", "dab", name, "-o", path];
        let found = control_plane.kubectl(&get).await.ok().unwrap_or_default();
        if found == "True" { Ok(Some(())) } else { Err(found) }
    })
    .await;
}

async fn ok(control_plane: &ControlPlane, arguments: &[&str]) -> String {
    control_plane.kubectl(arguments).await.ok().unwrap()
}

/// Pods of this example got the gate, and it opened.
async fn check_gates(control_plane: &ControlPlane, namespace: &str) {
    let path = "jsonpath={range .items[*]}{.spec.readinessGates[0].conditionType} {end}";
    let gates = ok(control_plane, &["-n", namespace, "get", "pods", "-o", path]).await;
    let all: Vec<_> = gates.split_whitespace().collect();
    assert!(!all.is_empty() && all.iter().all(|gate| gate.ends_with("load-balancer-backendgroup-ready")), "{gates}");
}

/// A Service on a load balancer that exists: its binding is made, and goes when the Service says so.
async fn end_on_existing(control_plane: &ControlPlane, namespace: &str) {
    let service = |wish: &str| {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "existing", "annotations": {
                "service.cloud.tencent.com/direct-access": wish, "service.kubernetes.io/tke-existed-lbid": "lb-6efswuxa",
            }},
            "spec": {"type": "LoadBalancer", "selector": {"app": "none"}, "ports": [{"port": 7070}]},
        })
        .to_string()
    };
    for (wish, is_there) in [("true", true), ("false", false)] {
        let apply = ["-n", namespace, "apply", "-f", "-"];
        control_plane.kubectl_with_input(&apply, &service(wish)).await.ok().unwrap();
        eventually(&format!("direct-access {wish} is followed"), DEADLINE, async || {
            let found = ok(control_plane, &["-n", namespace, "get", "dab", "-o", "name"]).await;
            if found.contains("/existing") == is_there { Ok(Some(())) } else { Err(found) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_apply_is_enough_and_every_right_is_needed() {
    let control_plane = ControlPlane::shared().await;
    let cloud = Simulator::start(SimulatorSettings::instant()).unwrap();
    cloud.create_load_balancer(&LoadBalancerSpec::with_id("lb-6efswuxa")).unwrap();
    // The component follows one class; all are followed by a change of its argument.
    let rendered = rendered_with(control_plane, &["annotated-services"]).await;
    let rendered = rendered.replace("--annotated-services=OwnClass", "--annotated-services=All");
    control_plane.kubectl_with_input(&["apply", "-f", "-"], &rendered).await.ok().unwrap();
    let configs = root().join("crds/cloud.tencent.com_tkeserviceconfigs.yaml").display().to_string();
    ok(control_plane, &["apply", "-f", &configs]).await;
    create_credentials(control_plane, "tke-direct-access", &cloud.endpoint(), &cloud).await;

    // By policy, and then by webhook, which takes over from it.
    for (round, flags) in [&[][..], &["--gate-injection=Webhook"], &["--gate-injection=Policy"]].iter().enumerate() {
        let program = start(control_plane, "tke-direct-access", flags).await;
        let namespace = format!("shop-{round}");
        ok(control_plane, &["create", "namespace", &namespace]).await;
        ok(control_plane, &["label", "namespace", &namespace, "cloud.tencent.com/direct-access-gates=enabled"]).await;
        let kind = if flags.contains(&"--gate-injection=Webhook") {
            "mutatingwebhookconfiguration"
        } else {
            "mutatingadmissionpolicybinding"
        };
        eventually("gates are injected", DEADLINE, async || {
            let found = ok(control_plane, &["get", kind, "-o", "name"]).await;
            if found.contains("direct-access-pods") { Ok(Some(())) } else { Err(found) }
        })
        .await;
        let config = root().join("examples/05-session-persistence.yaml").display().to_string();
        ok(control_plane, &["-n", &namespace, "apply", "-f", &config]).await;
        let annotated = root().join("examples/13-annotated-service.yaml").display().to_string();
        ok(control_plane, &["-n", &namespace, "apply", "-f", &annotated]).await;
        until_ready(control_plane, &namespace, "annotated").await;
        let auto = r#"{"metadata":{"annotations":{"service.cloud.tencent.com/tke-service-config-auto":"true"}}}"#;
        ok(control_plane, &["-n", &namespace, "patch", "service", "annotated", "--type=merge", "-p", auto]).await;
        eventually("the config is made", DEADLINE, async || {
            let found = ok(control_plane, &["-n", &namespace, "get", "tsc", "-o", "name"]).await;
            if found.contains("annotated-auto-service-config") { Ok(Some(())) } else { Err(found) }
        })
        .await;
        if round == 0 {
            // The first Pods may have come before the policy was in force; those of later rounds show injection as well.
            ok(control_plane, &["-n", &namespace, "rollout", "restart", "deployment/annotated"]).await;
            ok(control_plane, &["-n", &namespace, "rollout", "status", "deployment/annotated", "--timeout=150s"]).await;
        }
        check_gates(control_plane, &namespace).await;
        // Nothing serves the second port: what comes after this needs no healthy Pod.
        let more =
            r#"{"spec":{"ports":[{"name":"a","port":80,"targetPort":9376},{"name":"b","port":81,"targetPort":9377}]}}"#;
        ok(control_plane, &["-n", &namespace, "patch", "service", "annotated", "--type=merge", "-p", more]).await;
        eventually("the config follows", DEADLINE, async || {
            let get = ["-n", &namespace, "get", "tsc", "annotated-auto-service-config", "-o", "json"];
            let found = ok(control_plane, &get).await;
            if found.contains("81") { Ok(Some(())) } else { Err(found) }
        })
        .await;
        let off = r#"{"metadata":{"annotations":{"service.cloud.tencent.com/direct-access":"false"}}}"#;
        ok(control_plane, &["-n", &namespace, "patch", "service", "annotated", "--type=merge", "-p", off]).await;
        let mark = r"jsonpath={.metadata.annotations.direct-access\.cloud\.tencent\.com/parked}";
        eventually("the Service's binding is parked", DEADLINE, async || {
            let found = ok(control_plane, &["-n", &namespace, "get", "dab", "annotated", "-o", mark]).await;
            if found.contains("SaidFalse") { Ok(Some(())) } else { Err(found) }
        })
        .await;
        end_on_existing(control_plane, &namespace).await;
        ok(control_plane, &["-n", &namespace, "delete", "dab", "--all", "--timeout=150s"]).await;
        drop(program);
    }

    let requests: Vec<_> = control_plane.requests().unwrap().into_iter().filter(|one| one.user == ACCOUNT).collect();
    let refused: BTreeSet<_> = requests
        .iter()
        .filter(|one| one.code == 403)
        .map(|one| format!("{} {} {}/{}", one.verb, one.resource, one.namespace, one.name))
        .collect();
    assert_eq!(refused, BTreeSet::new(), "requests that were refused to the account");
    let used: BTreeSet<_> = requests.iter().map(|one| (one.resource.clone(), one.verb.clone())).collect();
    let is_excused =
        |right: &&(String, String)| UNUSED.iter().any(|(resource, verb, _)| right.0 == *resource && right.1 == *verb);
    let rights = rights(&serde_saphyr::from_multiple::<Value>(&rendered).unwrap());
    let idle: Vec<_> = rights.iter().filter(|right| !used.contains(right) && !is_excused(right)).collect();
    assert!(idle.is_empty(), "rights that nothing used: {idle:?}");
    println!("{} requests of {ACCOUNT}, {} rights", requests.len(), rights.len());
    cloud.shutdown().await;
}
