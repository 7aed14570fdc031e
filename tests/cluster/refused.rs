//! The part of the misfortune table *cluster* that is about writes: each kind is refused by an admission policy while everything else
//! goes on. It is said in the policy's words, nothing that serves is lost, another binding does not notice, and when the refusal ends,
//! all gets right by itself.

use std::time::Instant;

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access::model::Protocol;
use tke_direct_access::operator::USER_AGENT;
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, deployment, service};
use crate::support::traffic::{Load, Mode};
use crate::support::{Request, eventually};

/// Label of the namespace: the write that is refused in it.
const REFUSED: &str = "refused";

/// The writes, by the word of the label.
const WRITES: [(&str, &str); 11] = [
    (
        "gate",
        "request.resource.resource == 'pods' && variables.sub == 'status' && variables.manager == 'tke-direct-access'",
    ),
    ("finalizer", "variables.isBinding && request.operation == 'UPDATE' && variables.manager == 'tke-direct-access'"),
    ("status", "request.resource.resource == 'directaccessbindings' && variables.sub == 'status'"),
    ("annotations", "variables.isService && variables.sub == '' && variables.manager == 'tke-direct-access'"),
    ("ingress", "variables.isService && variables.sub == 'status' && variables.manager == 'tke-direct-access'"),
    (
        "condition",
        "variables.isService && variables.sub == 'status' && variables.manager == 'tke-direct-access-services'",
    ),
    (
        "config",
        "request.resource.resource == 'tkeserviceconfigs' && variables.sub == '' && request.operation == 'CREATE'",
    ),
    ("config-status", "request.resource.resource == 'tkeserviceconfigs' && variables.sub == 'status'"),
    ("binding", "variables.isBinding && variables.manager == 'tke-direct-access-services'"),
    ("event", "request.resource.resource == 'events'"),
    ("deletion", "variables.isBinding && request.operation == 'DELETE'"),
];

/// Installs the policy for the stage's namespace. It goes by a label, which it sees at once, where a change of itself takes seconds.
async fn install(stage: &Stage) {
    let name = &stage.namespace.name;
    let validations: Vec<Value> = WRITES
        .iter()
        .map(|(word, write)| {
            json!({
                "expression": format!("!(variables.refused == '{word}' && {write})"),
                "message": format!("the {word} is refused by the test"),
            })
        })
        .collect();
    let rule = |groups: &str, resources: &[&str]| json!({"apiGroups": [groups], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE", "DELETE"], "resources": resources});
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
                "resourceRules": [
                    rule("", &["pods/status", "services", "services/status"]),
                    rule("events.k8s.io", &["events"]),
                    rule(names::GROUP, &["*", "*/status"]),
                ],
            },
            "variables": [
                {"name": "refused", "expression": format!("has(namespaceObject.metadata.labels) && '{REFUSED}' in namespaceObject.metadata.labels ? namespaceObject.metadata.labels['{REFUSED}'] : ''")},
                {"name": "sub", "expression": "has(request.subResource) ? request.subResource : ''"},
                {"name": "manager", "expression": "has(request.options.fieldManager) ? request.options.fieldManager : ''"},
                {"name": "isBinding", "expression": "request.resource.resource == 'directaccessbindings' && variables.sub == ''"},
                {"name": "isService", "expression": "request.resource.resource == 'services'"},
            ],
            "validations": validations,
        },
    });
    let bound = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    for object in [policy, bound] {
        stage.control_plane.kubectl_with_input(&["apply", "-f", "-"], &object.to_string()).await.ok().unwrap();
    }
    refuse(stage, "deletion").await;
    stage.apply(&binding("probe", &json!({"suspend": true}))).await;
    eventually("the policy is in force", DEADLINE, async || {
        let deletion = stage.kubectl(&["delete", "dab", "probe", "--dry-run=server"]).await;
        deletion.ok().is_err()
    })
    .await;
    allow(stage).await;
    eventually("the policy has seen the end of the refusal", DEADLINE, async || {
        stage.kubectl(&["delete", "dab", "probe", "--wait=false"]).await.ok().is_ok()
    })
    .await;
}

async fn uninstall(stage: &Stage) {
    let name = &stage.namespace.name;
    for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
        stage.control_plane.kubectl(&["delete", kind, name]).await.ok().unwrap();
    }
}

async fn refuse(stage: &Stage, word: &str) {
    let label = format!("{REFUSED}={word}");
    stage.ok(&["label", "namespace", &stage.namespace.name, "--overwrite", &label]).await;
}

async fn allow(stage: &Stage) {
    stage.ok(&["label", "namespace", &stage.namespace.name, &format!("{REFUSED}-")]).await;
}

/// Everything about `web`, for Pods of another name and a Service of another port.
fn renamed(object: &str, name: &str) -> String {
    let mut object: Value = serde_json::from_str(&object.replace("\"web\"", &format!("\"{name}\""))).unwrap();
    if let Some(container) = object.pointer_mut("/spec/template/spec/containers/0/name") {
        *container = json!("web");
    }
    object.to_string()
}

/// Status, reason and message of a condition of a binding.
async fn condition(stage: &Stage, name: &str, kind: &str) -> String {
    let status = stage.binding(name).await.and_then(|binding| binding.status).unwrap_or_default();
    let found = status.conditions.into_iter().find(|one| one.type_ == kind);
    found.map(|one| format!("{} {} {}", one.status, one.reason, one.message)).unwrap_or_default()
}

async fn until_says(stage: &Stage, name: &str, reason: &str, words: &str) {
    let wanted = format!("False {reason} ");
    eventually(&format!("binding {name} says {reason}: {words}"), DEADLINE, async || {
        let found = condition(stage, name, "Programmed").await;
        if found.starts_with(&wanted) && found.contains(words) { Ok(Some(())) } else { Err(found) }
    })
    .await;
}

async fn until_warned(stage: &Stage, kind: &str, name: &str, reason: &str, words: &str) {
    eventually(&format!("an Event of {kind} {name} says {reason}: {words}"), DEADLINE, async || {
        let selector = format!(
            "--field-selector=involvedObject.kind={kind},involvedObject.name={name},type=Warning,reason={reason}"
        );
        let path = "jsonpath={range .items[*]}{.message}{\"\\n\"}{end}";
        let found = stage.ok(&["get", "events", &selector, "-o", path]).await;
        match found.lines().filter(|line| line.contains(words)).count() {
            0 => Err(found),
            count => {
                assert_eq!(count, 1, "it is one Event: {found}");
                Ok(Some(()))
            }
        }
    })
    .await;
}

async fn jsonpath(stage: &Stage, object: &str, path: &str) -> String {
    stage.ok(&["get", object, "-o", &format!("jsonpath={path}"), "--ignore-not-found"]).await
}

async fn until_is(stage: &Stage, object: &str, path: &str, wanted: &str) {
    eventually(&format!("{object} has {path} {wanted}"), DEADLINE, async || {
        let found = jsonpath(stage, object, path).await;
        if found == wanted { Ok(Some(())) } else { Err(found) }
    })
    .await;
}

const ID: &str = "{.metadata.annotations.service\\.kubernetes\\.io/loadbalance-id}";
const INGRESS: &str = "{.status.loadBalancer.ingress[*].ip}";
const TOLD: &str = "{range .status.conditions[?(@.type=='cloud.tencent.com/direct-access')]}{.status} {.reason}{end}";

/// Binding `web` with a Service of our class, and `other`, which must not notice anything.
async fn deploy(stage: &Stage) {
    let mut web: Value = serde_json::from_str(&service()).unwrap();
    web["spec"]["type"] = json!("LoadBalancer");
    web["spec"]["loadBalancerClass"] = json!(names::LOAD_BALANCER_CLASS);
    web["spec"]["allocateLoadBalancerNodePorts"] = json!(false);
    for object in [web.to_string(), deployment(1)] {
        stage.apply(&object).await;
    }
    for name in ["other", "late"] {
        stage.apply(&renamed(&service(), name)).await;
        stage.apply(&renamed(&deployment(1), name)).await;
    }
    stage.apply(&binding("web", &json!({}))).await;
    stage.apply(&binding("other", &on_port("other", 81))).await;
    for name in ["web", "other"] {
        stage.until_ready(name, "1/1").await;
    }
    until_is(stage, "service/web", ID, LOAD_BALANCER).await;
    eventually("the Service has an address", DEADLINE, async || {
        let address = jsonpath(stage, "service/web", INGRESS).await;
        !address.is_empty()
    })
    .await;
}

fn on_port(service: &str, port: u16) -> Value {
    json!({"serviceRef": {"name": service}, "listeners": [{"port": port, "protocol": "TCP", "servicePort": 80}]})
}

/// What is written for a binding and its Pods, Service and config.
async fn of_a_binding(stage: &Stage) -> usize {
    refuse(stage, "gate").await;
    stage.ok(&["scale", "deployment/web", "--replicas=2"]).await;
    until_says(stage, "web", "GateNotWritten", "of 1 Pods cannot be written").await;
    until_warned(stage, "DirectAccessBinding", "web", "GateNotWritten", "the gate is refused by the test").await;
    allow(stage).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=60s"]).await;
    stage.until_ready("web", "2/2").await;

    refuse(stage, "annotations").await;
    stage.ok(&["annotate", "service", "web", "service.kubernetes.io/loadbalance-id-", "theirs=stays"]).await;
    until_says(stage, "web", "NotWritten", "annotations of Service 'web'").await;
    for (kind, name) in [("DirectAccessBinding", "web"), ("Service", "web")] {
        until_warned(stage, kind, name, "NotWritten", "the annotations is refused by the test").await;
    }
    allow(stage).await;
    until_is(stage, "service/web", ID, LOAD_BALANCER).await;
    until_is(stage, "service/web", "{.metadata.annotations.theirs}", "stays").await;
    stage.until_ready("web", "2/2").await;

    let address = jsonpath(stage, "service/web", INGRESS).await;
    refuse(stage, "ingress").await;
    let theirs = json!({"status": {"loadBalancer": {"ingress": []}, "conditions": [{
        "type": "example.com/theirs", "status": "True", "reason": "Theirs", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
    stage.ok(&["patch", "service", "web", "--subresource=status", "--type=merge", "-p", &theirs.to_string()]).await;
    until_says(stage, "web", "NotWritten", "the ingress is refused by the test").await;
    until_warned(stage, "Service", "web", "NotWritten", "the ingress is refused by the test").await;
    allow(stage).await;
    until_is(stage, "service/web", INGRESS, &address).await;
    until_is(stage, "service/web", "{.status.conditions[*].reason}", "Theirs").await;
    stage.until_ready("web", "2/2").await;

    refuse(stage, "status").await;
    stage.ok(&["scale", "deployment/web", "--replicas=3"]).await;
    until_warned(stage, "DirectAccessBinding", "web", "NotWritten", "the status is refused by the test").await;
    eventually("targets follow all the same", DEADLINE, async || {
        stage.targets(Protocol::Tcp, 80).is_some_and(|targets| targets.len() == 3)
    })
    .await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=60s"]).await;
    allow(stage).await;
    stage.until_ready("web", "3/3").await;

    refuse(stage, "config").await;
    stage.ok(&["patch", "dab", "web", "--type=merge", "-p", r#"{"spec":{"autoServiceConfig":true}}"#]).await;
    let words = "TkeServiceConfig 'web-auto-service-config' cannot be written";
    eventually("the binding says it", DEADLINE, async || {
        let found = condition(stage, "web", "Programmed").await;
        if found.contains(words) { Ok(Some(())) } else { Err(found) }
    })
    .await;
    until_warned(stage, "DirectAccessBinding", "web", "NotWritten", "the config is refused by the test").await;
    refuse(stage, "config-status").await;
    until_warned(stage, "DirectAccessBinding", "web", "NotWritten", "the config-status is refused by the test").await;
    until_says(stage, "web", "NotWritten", "the config-status is refused by the test").await;
    allow(stage).await;
    stage.until_ready("web", "3/3").await;
    6
}

/// The finalizer, which stands before everything, and after it.
async fn of_a_finalizer(stage: &Stage) -> usize {
    let listeners = stage.listeners().len();
    refuse(stage, "finalizer").await;
    stage.apply(&binding("late", &on_port("late", 82))).await;
    until_says(stage, "late", "NotWritten", "the finalizer is refused by the test").await;
    until_warned(stage, "DirectAccessBinding", "late", "NotWritten", "the finalizer is refused by the test").await;
    assert_eq!(stage.listeners().len(), listeners, "nothing is made before it is there");
    allow(stage).await;
    stage.until_ready("late", "1/1").await;

    // Another's finalizer, added and taken off by its owner only.
    let theirs = json!([{"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/theirs"}]).to_string();
    stage.ok(&["patch", "dab", "late", "--type=json", "-p", &theirs]).await;
    refuse(stage, "finalizer").await;
    stage.ok(&["delete", "dab", "late", "--wait=false"]).await;
    until_says(stage, "late", "NotWritten", "finalizer of DirectAccessBinding 'late'").await;
    assert_eq!(stage.listeners().len(), listeners);
    allow(stage).await;
    until_is(stage, "dab/late", "{.metadata.finalizers[*]}", "example.com/theirs").await;
    stage.ok(&["patch", "dab", "late", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]).await;
    2
}

/// Events, which are a courtesy: nothing waits for one, and nothing is said of it.
async fn of_an_event(stage: &Stage) -> usize {
    let refused = || {
        let requests = stage.control_plane.requests().unwrap();
        let ours = |request: &&Request| request.user_agent == USER_AGENT && request.namespace == stage.namespace.name;
        requests.iter().filter(ours).filter(|request| request.resource == "events" && request.code == 422).count()
    };
    let before = refused();
    refuse(stage, "event").await;
    stage.ok(&["scale", "deployment/web", "--replicas=4"]).await;
    stage.until_ready("web", "4/4").await;
    stage.ok(&["scale", "deployment/web", "--replicas=3"]).await;
    stage.until_ready("web", "3/3").await;
    eventually("an Event is refused", DEADLINE, async || refused() > before).await;
    allow(stage).await;
    1
}

/// What is written for an annotated Service.
async fn of_an_annotated_service(stage: &Stage) -> usize {
    let annotations = json!({
        "service.cloud.tencent.com/direct-access": "true", "service.kubernetes.io/tke-existed-lbid": LOAD_BALANCER,
    });
    let noted = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "noted", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": names::LOAD_BALANCER_CLASS, "selector": {"app": "late"},
                 "allocateLoadBalancerNodePorts": false, "ports": [{"port": 83, "targetPort": 8080}]},
    });
    refuse(stage, "binding").await;
    stage.apply(&noted.to_string()).await;
    until_is(stage, "service/noted", TOLD, "False NotTaken").await;
    until_warned(stage, "Service", "noted", "NotTaken", "the binding is refused by the test").await;
    allow(stage).await;
    until_is(stage, "service/noted", TOLD, "True Accepted").await;
    stage.until_ready("noted", "1/1").await;

    refuse(stage, "condition").await;
    stage.ok(&["annotate", "service", "noted", "service.cloud.tencent.com/specify-protocol={80}"]).await;
    until_warned(stage, "Service", "noted", "NotWritten", "the condition is refused by the test").await;
    until_says(stage, "noted", "NotWritten", "the condition is refused by the test").await;
    allow(stage).await;
    until_is(stage, "service/noted", TOLD, "False InvalidAnnotation").await;
    stage.ok(&["annotate", "service", "noted", "service.cloud.tencent.com/specify-protocol-"]).await;
    until_is(stage, "service/noted", TOLD, "True Accepted").await;
    stage.until_ready("noted", "1/1").await;

    refuse(stage, "deletion").await;
    stage.ok(&["annotate", "service", "noted", "--overwrite", "service.cloud.tencent.com/direct-access=false"]).await;
    until_is(stage, "service/noted", TOLD, "False NotTaken").await;
    until_warned(stage, "Service", "noted", "NotTaken", "the deletion is refused by the test").await;
    until_says(stage, "noted", "NotWritten", "the deletion is refused by the test").await;
    allow(stage).await;
    until_is(stage, "dab/noted", "{.metadata.name}", "").await;
    until_is(stage, "service/noted", TOLD, "").await;
    3
}

/// The words by which the controller tells a patch that met another object from one that is refused.
#[tokio::test(flavor = "multi_thread")]
async fn misfortune_cluster_words_of_a_patch_whose_test_fails() {
    let stage = Stage::without_controller("outdated", SimulatorSettings::instant()).await;
    stage.apply(&service()).await;
    let patch = json!([{"op": "test", "path": "/metadata/uid", "value": "another"}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    let api: Api<Service> = Api::default_namespaced(stage.namespace.client());
    let found = api.patch("web", &PatchParams::default(), &patch).await;
    let Err(kube::Error::Api(status)) = found else { panic!("{found:?}") };
    assert!(
        status.code == 422 && status.message.starts_with("the server rejected our request due to an error"),
        "{status:?}"
    );
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn misfortune_cluster_writes_that_are_refused() {
    let mut stage = Stage::without_controller("refused", SimulatorSettings::instant()).await;
    stage.start_controller(&["--annotated-services", "All", "--resync-seconds", "1"]).await;
    install(&stage).await;
    deploy(&stage).await;
    let before = stage.binding("other").await.unwrap().status.unwrap().conditions;
    let loads =
        [80, 81].map(|port| Load::start(&format!("http://{}/", stage.data_plane(Protocol::Tcp, port)), 20, Mode::Both));
    let (begin, mut rows) = (Instant::now(), 0);
    rows += of_a_binding(&stage).await;
    rows += of_a_finalizer(&stage).await;
    rows += of_an_event(&stage).await;
    rows += of_an_annotated_service(&stage).await;
    eprintln!("misfortune_cluster, refused writes: {rows} rows in {:.1?}", begin.elapsed());
    for load in loads {
        let totals = load.stop().await.unwrap();
        assert!(totals.sent > 0 && totals.lost == 0, "{totals}");
    }
    assert_eq!(stage.binding("other").await.unwrap().status.unwrap().conditions, before, "it has not noticed");
    uninstall(&stage).await;
    stage.finish().await;
}
