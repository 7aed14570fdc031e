//! What a real API server accepts and refuses, with the message that users get.
//!
//! Each refused case names the field that its message must point at. Objects are sent as dry runs, except where an update needs
//! something to update.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the whole file is a test")]

mod annotations;
mod cases;
mod cel;
mod definition;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use cases::{BASE, BINDINGS, CONFIGS, CREATE, LISTENERS, LOAD_BALANCERS, UPDATES};
use garde::Validate;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde_json::{Value, json};
use support::{ControlPlane, Namespace, Options, eventually};
use tke_direct_access::api::{self, DirectAccessBinding, TkeServiceConfig};
use tokio::sync::OnceCell;

static CLUSTER: OnceCell<ControlPlane> = OnceCell::const_new();

/// A control plane without nodes, with our definitions established; shared by the tests of this file.
async fn cluster() -> &'static ControlPlane {
    CLUSTER
        .get_or_init(|| async {
            let cluster = ControlPlane::start(Options { nodes: 0, ..Options::default() }).await.unwrap();
            cluster.kubectl_apply("default", &api::crds_yaml().unwrap()).await.unwrap();
            // Discovery follows a moment after a definition is established.
            eventually("kubectl finds both kinds", Duration::from_secs(30), async || {
                cluster.kubectl(&["get", "dab,tsc", "--all-namespaces"]).await.ok().map(Some)
            })
            .await;
            cluster
        })
        .await
}

fn binding_api(client: Client) -> Api<DynamicObject> {
    Api::default_namespaced_with(client, &ApiResource::erase::<DirectAccessBinding>(&()))
}

fn config_api(client: Client) -> Api<DynamicObject> {
    Api::default_namespaced_with(client, &ApiResource::erase::<TkeServiceConfig>(&()))
}

/// An object of a kind, from the spec's YAML.
fn object<K: Resource<DynamicType = ()>>(name: &str, spec: &str) -> DynamicObject {
    let spec: Value = serde_saphyr::from_str(spec).unwrap_or_else(|error| panic!("{spec}: {error}"));
    DynamicObject::new(name, &ApiResource::erase::<K>(&())).data(json!({ "spec": spec }))
}

fn dry_run() -> PostParams {
    PostParams { dry_run: true, ..PostParams::default() }
}

/// What the API server answered: nothing, or its message.
fn answer<T>(result: kube::Result<T>) -> Result<T, String> {
    result.map_err(|error| match error {
        kube::Error::Api(status) => status.message.clone(),
        other => panic!("the API server was not reached: {other}"),
    })
}

/// The messages of the rules across fields: those that compare with the object before, or those that do not.
fn rule_messages(compares: bool) -> Vec<String> {
    fn collect(schema: &Value, compares: bool, found: &mut Vec<String>) {
        let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
        let asked = rules.filter(|rule| rule["rule"].as_str().unwrap().contains("oldSelf") == compares);
        found.extend(asked.map(|rule| rule["message"].as_str().unwrap().to_owned()));
        for child in schema["properties"].as_object().into_iter().flat_map(|properties| properties.values()) {
            collect(child, compares, found);
        }
        if let Some(items) = schema.get("items") {
            collect(items, compares, found);
        }
    }
    let mut found = Vec::new();
    for definition in api::crds().unwrap() {
        let definition = serde_json::to_value(definition).unwrap();
        collect(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"], compares, &mut found);
    }
    assert!(!found.is_empty());
    found
}

/// Rules that refused nothing.
fn idle(messages: Vec<String>, refusals: &[String]) -> Vec<String> {
    let idle = messages.into_iter().filter(|message| !refusals.iter().any(|refusal| refusal.contains(message)));
    idle.map(|message| format!("no case breaks this rule: {message}")).collect()
}

/// Sends every case and returns those that were not answered as they should be. An empty expectation means accepted.
async fn wrong<K: Resource<DynamicType = ()>>(
    objects: &Api<DynamicObject>,
    cases: &[(&str, &str)],
    refusals: &mut Vec<String>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (spec, expected) in cases {
        let spec = if spec.starts_with('{') { (*spec).to_owned() } else { format!("{{{BASE}, {spec}}}") };
        match (answer(objects.create(&dry_run(), &object::<K>("case", &spec)).await), expected.is_empty()) {
            (Ok(accepted), true) => wrong.extend(stricter(&accepted).map(|fault| format!("{spec}: {fault}"))),
            (Err(message), false) if message.contains(expected) => refusals.push(message),
            (Ok(_), false) => wrong.push(format!("accepted: {spec}; expected: {expected}")),
            (Err(message), _) => wrong.push(format!("refused: {spec}\n  with: {message}\n  expected: {expected}")),
        }
    }
    wrong
}

/// What the types refuse in an object that the API server accepted: they must not be stricter than the definition.
fn stricter(accepted: &DynamicObject) -> Option<String> {
    let spec = accepted.data["spec"].clone();
    let verdict = match accepted.types.as_ref()?.kind.as_str() {
        "DirectAccessBinding" => {
            let spec = serde_json::from_value::<api::DirectAccessBindingSpec>(spec);
            let create = spec.as_ref().ok().and_then(|spec| spec.load_balancer.as_ref()?.create.as_ref());
            if let Some(broken) = create.and_then(|create| create.broken_rules().pop()) {
                return Some(format!("the types refuse it: {broken:?}"));
            }
            spec.map(|spec| spec.validate())
        }
        _ => serde_json::from_value::<api::TkeServiceConfigSpec>(spec).map(|spec| spec.validate()),
    };
    match verdict {
        Ok(Ok(())) => None,
        Ok(Err(report)) => Some(format!("the types refuse it: {report}")),
        Err(error) => Some(format!("the types cannot read it: {error}")),
    }
}

#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[tokio::test]
async fn bindings_are_judged_with_the_field_named() {
    let namespace = cluster().await.namespace("rules").await;
    let objects = binding_api(namespace.client());
    let create: Vec<(String, &str)> = CREATE
        .iter()
        .map(|(create, expected)| {
            (format!("{{serviceRef: {{name: web}}, loadBalancer: {{create: {{{create}}}}}}}"), *expected)
        })
        .collect();
    let listeners: Vec<(String, &str)> =
        LISTENERS.iter().map(|(listeners, expected)| (format!("listeners: [{listeners}]"), *expected)).collect();
    let (mut faults, mut refusals) = (Vec::new(), Vec::new());
    for cases in [BINDINGS, LOAD_BALANCERS] {
        faults.extend(wrong::<DirectAccessBinding>(&objects, cases, &mut refusals).await);
    }
    for cases in [&create, &listeners] {
        let cases: Vec<(&str, &str)> = cases.iter().map(|(spec, expected)| (spec.as_str(), *expected)).collect();
        faults.extend(wrong::<DirectAccessBinding>(&objects, &cases, &mut refusals).await);
    }
    let long = object::<DirectAccessBinding>(&"a".repeat(64), &format!("{{{BASE}}}"));
    refusals.push(answer(objects.create(&dry_run(), &long).await).unwrap_err());
    let longest = object::<DirectAccessBinding>(&"a".repeat(63), &format!("{{{BASE}}}"));
    answer(objects.create(&dry_run(), &longest).await).unwrap();
    faults.extend(idle(rule_messages(false), &refusals));
    none(&faults);
}

/// The definition as it is read here, without an API server, takes and refuses what that does.
#[test]
fn what_the_definition_takes_is_known_without_an_api_server() {
    let schema = definition::binding_spec();
    let within = |words: &str| format!("{{{BASE}, {words}}}");
    let of_create = |create: &str| format!("{{serviceRef: {{name: web}}, loadBalancer: {{create: {{{create}}}}}}}");
    let whole = |words: &str| if words.starts_with('{') { words.to_owned() } else { within(words) };
    let all = [BINDINGS, LOAD_BALANCERS].into_iter().flatten().map(|(words, expected)| (whole(words), expected));
    let all = all.chain(CREATE.iter().map(|(create, expected)| (of_create(create), expected)));
    let all = all.chain(LISTENERS.iter().map(|(words, expected)| (within(&format!("listeners: [{words}]")), expected)));
    for (spec, expected) in all {
        let refusals = definition::refusals(&schema, &serde_saphyr::from_str(&spec).unwrap());
        assert_eq!(refusals.is_empty(), expected.is_empty(), "{spec}: {refusals:?}");
    }
}

#[tokio::test]
async fn words_of_annotations_make_bindings_that_the_api_server_takes() {
    let namespace = cluster().await.namespace("rules").await;
    let objects = binding_api(namespace.client());
    let specs = annotations::specs();
    let mut faults = Vec::new();
    for (annotations, spec) in &specs {
        let object =
            DynamicObject::new("web", &ApiResource::erase::<DirectAccessBinding>(&())).data(json!({"spec": spec}));
        if let Err(message) = answer(objects.create(&dry_run(), &object).await) {
            faults.push(format!("{annotations}: {message}"));
        }
    }
    eprintln!("{} bindings", specs.len());
    none(&faults);
}

#[tokio::test]
async fn sizes_are_bounded() {
    let namespace = cluster().await.namespace("rules").await;
    let objects = binding_api(namespace.client());
    let listeners = |count: u32| {
        let each: Vec<String> = (1..=count).map(|port| format!("{{port: {port}, protocol: TCP}}")).collect();
        format!("listeners: [{}]", each.join(", "))
    };
    let (most, more) = (listeners(50), listeners(51));
    let domain = format!("listeners: [{{port: 80, protocol: HTTP, rules: [{{domain: '{}'}}]}}]", "a".repeat(81));
    let cases = [
        (most.as_str(), ""),
        (more.as_str(), "spec.listeners: Too many: 51: must have at most 50 items"),
        (domain.as_str(), "spec.listeners[0].rules[0].domain: Too long: may not be more than 80"),
    ];
    none(&wrong::<DirectAccessBinding>(&objects, &cases, &mut Vec::new()).await);
}

#[tokio::test]
async fn defaults_are_written_into_new_bindings() {
    let namespace = cluster().await.namespace("rules").await;
    let spec =
        "{serviceRef: {name: web}, loadBalancer: {id: lb-1}, listeners: [{port: 80, protocol: HTTP, rules: [{}]}]}";
    let created = binding_api(namespace.client())
        .create(&PostParams::default(), &object::<DirectAccessBinding>("web", spec))
        .await
        .unwrap();
    assert_eq!(created.data["status"], json!({"observedGeneration": -1}));
    assert_eq!(
        created.data["spec"],
        json!({
            "serviceRef": {"name": "web"},
            "mode": "Direct",
            "loadBalancer": {"id": "lb-1"},
            "listeners": [{"port": 80, "protocol": "HTTP", "weight": 10, "rules": [{"domain": "", "url": "/"}]}],
            "autoServiceConfig": false,
            "network": "Auto",
            "readinessGate": {"policy": "Healthy"},
            "drain": {"terminating": "WeightZero", "notReady": "WeightZero", "lastNotReady": "Keep", "timeoutSeconds": 300},
            "deletionPolicy": "Deregister",
            "suspend": false,
        })
    );
    // What the types fill in is what the API server fills in.
    let typed: DirectAccessBinding = created.clone().try_parse().unwrap();
    let least: api::DirectAccessBindingSpec = serde_saphyr::from_str(spec).unwrap();
    assert_eq!(typed.spec, least);
    assert_eq!(serde_json::to_value(&least).unwrap(), created.data["spec"]);
    assert_eq!(typed.status.unwrap(), api::DirectAccessBindingStatus::default());
}

async fn update(objects: &Api<DynamicObject>, name: &str, spec: &str) -> Result<DynamicObject, String> {
    let spec: Value = serde_saphyr::from_str(spec).unwrap();
    let params = PatchParams { dry_run: true, ..PatchParams::default() };
    answer(objects.patch(name, &params, &Patch::Merge(json!({ "spec": spec }))).await)
}

#[tokio::test]
async fn what_cannot_change_stays() {
    let namespace = cluster().await.namespace("rules").await;
    let objects = binding_api(namespace.client());
    let specs = [
        ("web", "{serviceRef: {name: web}, loadBalancer: {id: lb-1, region: ap-guangzhou}}"),
        ("made", "{serviceRef: {name: web}, loadBalancer: {create: {network: Public, bandwidthMbps: 5}}}"),
        ("later", "{serviceRef: {name: web}, mode: Delegate}"),
    ];
    for (name, spec) in specs {
        objects.create(&PostParams::default(), &object::<DirectAccessBinding>(name, spec)).await.unwrap();
    }
    let mut cases: Vec<(&str, &str, &str)> = UPDATES.iter().map(|(spec, expected)| ("web", *spec, *expected)).collect();
    cases.extend([
        ("made", "{loadBalancer: {create: {bandwidthMbps: 6}}}", "spec.loadBalancer.create: Invalid value"),
        ("made", "{loadBalancer: {create: null, id: lb-1}}", "loadBalancer.create cannot be changed or removed"),
        ("made", "{loadBalancer: {region: ap-beijing}}", "loadBalancer.region cannot be set, changed or removed later"),
        ("made", "{suspend: true, deletionPolicy: Delete}", ""),
        ("later", "{mode: Direct, loadBalancer: {id: lb-1}}", ""),
        ("later", "{mode: Direct}", "spec.loadBalancer: Required value"),
        (
            "later",
            "{listeners: [{port: 80, protocol: TCP, listenerId: lbl-1}]}",
            "listeners may have listenerId only in mode Direct",
        ),
    ]);
    let (mut faults, mut refusals) = (Vec::new(), Vec::new());
    for (name, spec, expected) in cases {
        match (update(&objects, name, spec).await, expected.is_empty()) {
            (Ok(_), true) => {}
            (Err(message), false) if message.contains(expected) => refusals.push(message),
            (outcome, _) => {
                faults.push(format!("{name} {spec}: {:?}\n  expected: {expected}", outcome.map(|_| "accepted")))
            }
        }
    }
    faults.extend(idle(rule_messages(true), &refusals));
    none(&faults);
}

#[tokio::test]
async fn a_status_at_its_bounds_is_accepted() {
    let namespace = cluster().await.namespace("rules").await;
    let objects: Api<DirectAccessBinding> = Api::default_namespaced(namespace.client());
    let binding: DirectAccessBinding =
        object::<DirectAccessBinding>("web", &format!("{{{BASE}}}")).try_parse().unwrap();
    objects.create(&PostParams::default(), &binding).await.unwrap();
    let status = full_status();
    let patch = json!({"apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "status": status});
    let params = PatchParams::apply(api::names::FIELD_MANAGER).force();
    let written = answer(objects.patch_status("web", &params, &Patch::Apply(&patch)).await).unwrap();
    assert_eq!(written.status.as_ref(), Some(&status), "what was written is what is read");

    let again = answer(objects.patch_status("web", &params, &Patch::Apply(&patch)).await).unwrap();
    assert_eq!(
        again.metadata.resource_version, written.metadata.resource_version,
        "the same status again is no change"
    );

    let table = cluster().await.kubectl(&["get", "dab", "-n", &namespace.name, "-o", "wide"]).await.ok().unwrap();
    let columns: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "SERVICE", "LB", "ADDRESS", "TARGETS", "READY", "REASON", "MODE", "MESSAGE", "AGE"]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().take(8).collect();
    assert_eq!(row, ["web", "web", "lb-6efswuxa", "203.0.113.10", "4/5", "False", "Waiting", "Direct"]);
    objects.delete("web", &DeleteParams::default()).await.unwrap();
}

/// A status in which every list and text is as long as may be.
fn full_status() -> api::DirectAccessBindingStatus {
    use tke_direct_access::api::binding::limit;
    let text = |length: usize| "文".repeat(length);
    let condition = |kind: &api::condition::ConditionType| {
        json!({"type": kind.as_str(), "status": "False", "reason": "Waiting", "message": text(api::MESSAGE_MAX),
            "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 1})
    };
    let key = |index: usize| format!("example.com/{index}-{}", "k".repeat(60));
    let status = json!({
        "observedGeneration": 1,
        "observedConfigGeneration": 7,
        "loadBalancer": {"id": "lb-6efswuxa", "region": "ap-guangzhou", "address": "203.0.113.10",
            "addresses": vec!["203.0.113.10"; limit::ADDRESSES],
            "domain": text(253), "created": true},
        "targets": {"desired": 5, "registered": 5, "healthy": 4, "draining": 1, "excluded": i32::MAX, "summary": "4/5"},
        "listeners": (1..=limit::LISTENERS).map(|port| json!({"protocol": "TCP", "port": port, "listenerId": text(64),
            "desired": 1, "healthy": 0})).collect::<Vec<_>>(),
        "excluded": (1..=limit::EXCLUSIONS).map(|index| json!({"reason": format!("Reason{index}"), "count": 2,
            "pods": vec!["p".repeat(253); limit::PODS], "message": text(api::MESSAGE_MAX)})).collect::<Vec<_>>(),
        "gates": {"waiting": 1, "oldestTime": "2026-01-02T03:04:05Z", "ungatedPods": 0},
        "annotations": (0..limit::ANNOTATIONS).map(|index| json!({"key": key(index), "value": text(limit::ANNOTATION_VALUE)})).collect::<Vec<_>>(),
        "podSelector": (0..limit::LABELS).map(|index| json!({"key": key(index), "value": "v".repeat(63)})).collect::<Vec<_>>(),
        "lastHandledReconcileAt": text(256),
        "conditions": api::condition::ConditionType::ALL.iter().map(condition).collect::<Vec<_>>(),
    });
    serde_json::from_value(status).unwrap()
}

#[tokio::test]
async fn configs_of_the_vendors_shape_are_accepted_and_what_they_have_more_is_kept() {
    let namespace = cluster().await.namespace("rules").await;
    let objects = config_api(namespace.client());
    none(&wrong::<TkeServiceConfig>(&objects, CONFIGS, &mut Vec::new()).await);

    for (index, (spec, _)) in CONFIGS.iter().enumerate().filter(|(_, (_, expected))| expected.is_empty()) {
        let sent = object::<TkeServiceConfig>(&format!("config-{index}"), spec);
        let stored = objects.create(&PostParams::default(), &sent).await.unwrap();
        let mut expected = sent.data["spec"].clone();
        if let Some(domain) =
            expected.pointer_mut("/loadBalancer/l7Listeners/0/domains/0").and_then(Value::as_object_mut)
        {
            domain.entry("domain").or_insert_with(|| json!(""));
        }
        assert_eq!(stored.data["spec"], expected, "{spec}");
        assert_eq!(stored.data["status"], json!({"observedGeneration": -1}));
        stored.try_parse::<TkeServiceConfig>().unwrap_or_else(|error| panic!("{spec}: {error}"));
    }
    let table = cluster().await.kubectl(&["get", "tsc", "-n", &namespace.name]).await.ok().unwrap();
    assert_eq!(
        table.lines().next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["NAME", "USED-BY", "READY", "REASON", "AGE"]
    );
}

#[tokio::test]
async fn two_managers_each_keep_their_listeners() {
    let namespace = cluster().await.namespace("rules").await;
    let objects = binding_api(namespace.client());
    let apply = async |manager: &str, spec: String| {
        let object = object::<DirectAccessBinding>("web", &spec);
        answer(objects.patch("web", &PatchParams::apply(manager), &Patch::Apply(&object)).await).unwrap()
    };
    let rules = |urls: &str| format!("{{{BASE}, listeners: [{{port: 80, protocol: HTTP, rules: [{urls}]}}]}}");
    apply("first", rules("{url: /a}, {}")).await;
    let both = apply("second", format!("{{{BASE}, listeners: [{{port: 81, protocol: TCP}}]}}")).await;
    let ports = both
        .data
        .pointer("/spec/listeners")
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|listener| listener["port"].clone());
    assert_eq!(ports.collect::<Vec<_>>(), [json!(80), json!(81)]);
    let less = apply("first", rules("{url: /a}")).await;
    assert_eq!(less.data.pointer("/spec/listeners/0/rules"), Some(&json!([{"domain": "", "url": "/a"}])));
}

#[tokio::test]
async fn kubectl_finds_explains_and_warns() {
    let cluster = cluster().await;
    let namespace: Namespace = cluster.namespace("rules").await;
    // What is explained follows a moment after a definition is established.
    let fields = eventually("kubectl explains", Duration::from_secs(30), async || {
        cluster.kubectl(&["explain", "dab.spec", "--recursive"]).await.ok().map(Some)
    })
    .await;
    for field in ["serviceRef", "loadBalancer", "listeners", "readinessGate", "drain", "deletionPolicy", "suspend"] {
        assert!(fields.contains(field), "{field} is missing in:\n{fields}");
    }
    for (field, says) in [
        ("dab.spec.drain", "Default: weight 0 for both"),
        ("dab.spec.listeners.rules.domain", "at most 80 characters"),
        ("dab.spec.readinessGate.timeoutSeconds", "Seconds after which the gate"),
        ("tsc.spec.loadBalancer.l4Listeners.healthCheck.unHealthNum", "Failed probes in a row"),
        ("dab.status.conditions.reason", "Why it has this status"),
    ] {
        let text = cluster.kubectl(&["explain", field]).await.ok().unwrap();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(says), "{field}:\n{text}");
    }
    let misspelt = "{apiVersion: cloud.tencent.com/v1alpha1, kind: DirectAccessBinding, metadata: {name: web},
        spec: {serviceRef: {name: web}, loadBalancer: {id: lb-1}, listners: []}}";
    let error = cluster.kubectl_apply(&namespace.name, misspelt).await.unwrap_err().to_string();
    assert!(error.contains("unknown field \"spec.listners\""), "{error}");

    let good = misspelt.replace(", listners: []", "");
    cluster.kubectl_apply(&namespace.name, &good).await.unwrap();
    let by_service = ["get", "tke", "-n", &namespace.name, "-o", "name"];
    let found = cluster.kubectl(&by_service).await.ok().unwrap();
    assert_eq!(found.trim(), "directaccessbinding.cloud.tencent.com/web");
    let selected = cluster
        .kubectl(&["get", "dab", "-n", &namespace.name, "-o", "name", "--field-selector", "spec.serviceRef.name=web"])
        .await;
    assert_eq!(selected.ok().unwrap().trim(), "directaccessbinding.cloud.tencent.com/web");
}
