//! What may be made, by whom.

use super::stage::{DIRECT_ACCESS, EXISTING, PLACED, SUBNET, Stage, Who, binding, fault, service};

/// A binding: namespace, load balancer, more of its spec, and what a refusal says.
type BindingRow = (&'static str, &'static str, &'static str, &'static [&'static str]);

const MAY_NOT_USE: &[&str] = &["rule LoadBalancer: spec.loadBalancer.id", "may not use load balancer"];
const MAY_NOT_CREATE: &[&str] = &["rule Create: spec.loadBalancer.create", "may not create a load balancer"];
const INTERNAL: &str = "{create: {network: Internal, subnetId: subnet-1}}";
const PUBLIC: &str = "{create: {network: Public}}";
const NAMED: &str = ", listeners: [{port: 80, protocol: TCP}]";

const BINDINGS: &[BindingRow] = &[
    ("shop", "{id: lb-shop1}", ", listeners: [{port: 80, protocol: TCP}, {port: 443, protocol: UDP}]", &[]),
    ("shop", "{id: lb-shop1}", ", listeners: [{port: 8000, protocol: TCP}, {port: 8099, protocol: TCP}]", &[]),
    (
        "shop",
        "{id: lb-shop1}",
        ", listeners: [{port: 80, protocol: TCP}, {port: 8100, protocol: TCP}]",
        &["rule Ports: spec.listeners: namespace shop may not use port 8100 of load balancer lb-shop1"],
    ),
    (
        "shop",
        "{id: lb-shop1}",
        ", listeners: [{port: 7999, protocol: TCP, listenerId: lbl-1}]",
        &["rule Ports", "port 7999 of load balancer lb-shop1"],
    ),
    ("shop", "{id: lb-shop1}", "", &["rule Ports: spec.listeners", "name the ports in spec.listeners"]),
    ("shop", "{id: lb-shop2}", "", &[]),
    ("shop", "{id: lb-shop2}", ", listeners: [{port: 1, protocol: TCP}, {port: 65535, protocol: UDP}]", &[]),
    // A line with a word that is no port allows nothing.
    ("shop", "{id: lb-shop3}", ", listeners: [{port: 7, protocol: TCP}]", MAY_NOT_USE),
    ("shop", "{id: lb-inner}", NAMED, MAY_NOT_USE),
    ("shop", "{id: lb-shop}", NAMED, MAY_NOT_USE),
    ("shop", "{id: lb-shop11}", NAMED, MAY_NOT_USE),
    ("shop", PUBLIC, "", MAY_NOT_CREATE),
    ("shop", INTERNAL, "", MAY_NOT_CREATE),
    ("shop", "{id: lb-inner}", ", mode: Delegate", MAY_NOT_USE),
    ("public", PUBLIC, "", &[]),
    ("public", INTERNAL, "", &["rule Create", "no line create or create Internal under the key public"]),
    ("public", "{id: lb-shop1}", NAMED, MAY_NOT_USE),
    ("inner", INTERNAL, "", &[]),
    ("inner", PUBLIC, "", &["rule Create", "a load balancer of network Public"]),
    ("inner", "{id: lb-inner}", "", &[]),
    ("platform", "{id: lb-shop1}", "", &[]),
    ("platform", "{id: lb-shop1}", ", listeners: [{port: 8100, protocol: TCP}]", &[]),
    ("platform", PUBLIC, "", &[]),
    ("platform", INTERNAL, "", &[]),
    ("typo", "{id: lb-shop1}", NAMED, MAY_NOT_USE),
    ("typo", PUBLIC, "", MAY_NOT_CREATE),
    // A key without lines is a key: what others may does not count.
    ("empty", "{id: lb-common}", ", listeners: [{port: 9000, protocol: TCP}]", MAY_NOT_USE),
    ("nobody", "{id: lb-common}", ", listeners: [{port: 9000, protocol: TCP}]", &[]),
    (
        "nobody",
        "{id: lb-common}",
        ", listeners: [{port: 9001, protocol: TCP}]",
        &["rule Ports", "under the key _others"],
    ),
    (
        "nobody",
        "{id: lb-shop1}",
        NAMED,
        &["rule LoadBalancer", "under the key _others, which counts until there is a key nobody"],
    ),
    ("nobody", PUBLIC, "", MAY_NOT_CREATE),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_may_use_what_its_namespace_may() {
    let stage = Stage::shared().await;
    let mut faults = Vec::new();
    for (namespace, load_balancer, more, expected) in BINDINGS {
        let answer = stage.binding(Who::Editor, namespace, &binding(load_balancer, more)).await;
        faults.extend(fault(&format!("{namespace}: {load_balancer}{more}"), &answer, expected));
        // The controller makes bindings for Services. It may no more, but for ports that it leaves to the Service.
        let by_controller = stage.binding(Who::Controller, namespace, &binding(load_balancer, more)).await;
        let is_bare = expected.iter().any(|part| part.contains("name the ports"));
        faults.extend(fault("by the controller", &by_controller, if is_bare { &[] } else { expected }));
    }
    let nowhere = binding("{}", ", mode: Delegate");
    let mut without = nowhere.clone();
    without["spec"].as_object_mut().unwrap().remove("loadBalancer");
    faults.extend(fault("no load balancer", &stage.binding(Who::Editor, "nobody", &without).await, &[]));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// A Service: namespace, annotations, ports, and what a refusal says.
type ServiceRow = (&'static str, &'static [(&'static str, &'static str)], &'static [u16], &'static [&'static str]);

const ASKS: (&str, &str) = (DIRECT_ACCESS, "true");
const NOT_THAT_ONE: &[&str] =
    &["rule LoadBalancer: metadata.annotations[service.kubernetes.io/tke-existed-lbid]", "may not use load balancer"];
const NOT_A_NEW_ONE: &[&str] = &["rule Create: metadata.annotations[service.cloud.tencent.com/direct-access]"];

const SERVICES: &[ServiceRow] = &[
    ("shop", &[ASKS, (EXISTING, "lb-shop1")], &[80, 8001], &[]),
    ("shop", &[ASKS, (EXISTING, " lb-shop1 ")], &[443], &[]),
    (
        "shop",
        &[ASKS, (EXISTING, "lb-shop1")],
        &[80, 81],
        &["rule Ports: spec.ports", "port 81 of load balancer lb-shop1"],
    ),
    ("shop", &[ASKS, (EXISTING, "lb-shop2")], &[81], &[]),
    ("shop", &[ASKS, (EXISTING, "lb-inner")], &[80], NOT_THAT_ONE),
    // Who programs it makes no difference.
    ("shop", &[(EXISTING, "lb-inner")], &[80], NOT_THAT_ONE),
    ("shop", &[(DIRECT_ACCESS, "false"), (EXISTING, "lb-inner")], &[80], NOT_THAT_ONE),
    ("shop", &[ASKS], &[80], NOT_A_NEW_ONE),
    ("shop", &[ASKS, (EXISTING, "")], &[80], NOT_A_NEW_ONE),
    // A word that cannot be read makes nothing now, and would once it is corrected.
    ("shop", &[(DIRECT_ACCESS, "True")], &[80], NOT_A_NEW_ONE),
    ("shop", &[(DIRECT_ACCESS, "false")], &[80], &[]),
    ("shop", &[], &[80], &[]),
    ("public", &[ASKS], &[80], &[]),
    ("public", &[ASKS, (SUBNET, "subnet-1")], &[80], &["rule Create", "a load balancer of network Internal"]),
    ("inner", &[ASKS, (SUBNET, "subnet-1")], &[80], &[]),
    ("inner", &[ASKS], &[80], &["rule Create", "a load balancer of network Public"]),
    ("platform", &[ASKS, (EXISTING, "lb-shop1")], &[1], &[]),
    ("platform", &[ASKS], &[1], &[]),
    ("typo", &[ASKS, (EXISTING, "lb-shop1")], &[80], NOT_THAT_ONE),
    ("typo", &[ASKS], &[80], NOT_A_NEW_ONE),
    ("empty", &[ASKS, (EXISTING, "lb-common")], &[9000], NOT_THAT_ONE),
    ("nobody", &[ASKS, (EXISTING, "lb-common")], &[9000], &[]),
    ("nobody", &[ASKS, (EXISTING, "lb-common")], &[9001], &["rule Ports"]),
    ("nobody", &[ASKS], &[80], NOT_A_NEW_ONE),
    ("nobody", &[ASKS, (PLACED, "lb-shop1")], &[80], &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_service_may_ask_for_what_its_namespace_may() {
    let stage = Stage::shared().await;
    let mut faults = Vec::new();
    for (namespace, annotations, ports, expected) in SERVICES {
        let mut object = service(annotations, ports);
        let answer = stage.service(Who::Editor, namespace, &object).await;
        faults.extend(fault(&format!("{namespace}: {annotations:?} {ports:?}"), &answer, expected));
        faults.extend(fault("by the controller", &stage.service(Who::Controller, namespace, &object).await, &[]));
        object["spec"]["loadBalancerClass"] = "cloud.tencent.com/direct-access".into();
        faults.extend(fault("of its class", &stage.service(Who::Editor, namespace, &object).await, expected));
        object["spec"]["loadBalancerClass"] = "example.com/other".into();
        faults.extend(fault("of another class", &stage.service(Who::Editor, namespace, &object).await, &[]));
        object["spec"] = serde_json::json!({"selector": {"app": "web"}, "ports": object["spec"]["ports"]});
        faults.extend(fault("inside of the cluster", &stage.service(Who::Editor, namespace, &object).await, &[]));
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// A Service that an editor marks as placed is not judged as one that asks for a new load balancer, and its binding is refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_hides_its_binding_shows() {
    let stage = Stage::shared().await;
    for load_balancer in [PUBLIC, "{id: lb-shop1}"] {
        let answer = stage.binding(Who::Controller, "nobody", &binding(load_balancer, "")).await;
        assert!(answer.as_ref().is_err_and(|words| words.contains("guard, rule ")), "{load_balancer}: {answer:?}");
    }
}
