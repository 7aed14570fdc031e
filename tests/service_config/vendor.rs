//! The vendor's own definition of the kind, and none at all, each on a control plane of its own.

use std::time::Duration;

use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use tke_direct_access::api::{self, DirectAccessBinding};
use tke_direct_access::clb::{Credentials, Keys};
use tke_direct_access::operator::Operator;
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings, Simulator};
use tke_direct_access::telemetry;
use tokio_util::sync::CancellationToken;

use crate::stage::{LOAD_BALANCER, binding, deployment, operator_settings, service};
use crate::support::{ControlPlane, Options, eventually};

const DEADLINE: Duration = Duration::from_secs(150);

/// As TKE installs it: nothing is bounded, and there is no status.
fn loose_definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "tkeserviceconfigs.cloud.tencent.com"},
        "spec": {
            "group": "cloud.tencent.com", "scope": "Namespaced",
            "names": {"kind": "TkeServiceConfig", "plural": "tkeserviceconfigs", "singular": "tkeserviceconfig",
                "shortNames": ["tscs"]},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    })
}

/// A control plane with our definition of bindings only.
async fn control_plane() -> ControlPlane {
    telemetry::install_crypto();
    let control_plane = ControlPlane::start(Options { nodes: 1, ..Options::default() }).await.expect("it starts");
    let all = api::crds_yaml().expect("the definitions can be printed");
    let ours = all.split("\n---\n").find(|one| one.contains("name: directaccessbindings.cloud.tencent.com"));
    control_plane
        .kubectl_with_input(&["apply", "-f", "-"], ours.expect("it is there"))
        .await
        .ok()
        .expect("it is taken");
    eventually("kubectl finds bindings", DEADLINE, async || {
        control_plane.kubectl(&["get", "dab"]).await.ok().map(Some)
    })
    .await;
    control_plane
}

async fn apply(control_plane: &ControlPlane, object: &str) {
    control_plane.kubectl_apply("default", object).await.expect("it is taken");
}

/// Runs a controller while `act` goes on.
async fn with_controller(control_plane: &ControlPlane, act: impl AsyncFnOnce(&Simulator)) {
    let mut settings = SimulatorSettings::instant();
    settings.load_balancers = vec![LoadBalancerSpec::with_id(LOAD_BALANCER)];
    let cloud = Simulator::start(settings).expect("the cloud starts");
    let (id, key) = cloud.credentials();
    let credentials = Credentials::fixed(Keys::new(id, key, None).expect("a key"));
    let endpoint = cloud.endpoint();
    let flags = ["controller", "--clb-endpoint", &endpoint, "--listen", "127.0.0.1:0", "--lease-namespace", "default"];
    let stop = CancellationToken::new();
    let settings = operator_settings(&flags);
    let operator = Operator::start(&settings, control_plane.config(), credentials, stop.clone()).await;
    let running = tokio::spawn(operator.expect("the controller starts").run());
    act(&cloud).await;
    stop.cancel();
    running.await.expect("the controller does not panic");
    cloud.shutdown().await;
}

async fn until_targets(control_plane: &ControlPlane, summary: &str) -> DirectAccessBinding {
    let api: Api<DirectAccessBinding> = Api::namespaced(control_plane.client(), "default");
    eventually(&format!("the binding has targets {summary}"), DEADLINE, async || {
        let found = api.get("web").await.map_err(|error| error.to_string())?;
        let targets = found.status.as_ref().and_then(|status| status.targets.clone()).unwrap_or_default();
        if targets.summary == summary { Ok(Some(found)) } else { Err(format!("{:?}", found.status)) }
    })
    .await
}

fn object(spec: &Value) -> String {
    json!({"apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig", "metadata": {"name": "web"},
        "spec": spec})
    .to_string()
}

/// A config that breaks ten things, and has one entry that is right.
async fn each_fault_is_named_and_the_rest_is_applied(control_plane: &ControlPlane, cloud: &Simulator) {
    let check = json!({"enable": "ture", "intervalTime": 1, "timeout": "2", "unhealthNum": 3, "healthNum": 5});
    let spec = json!({"loadBalancer": {
        "internetMaxBandwidthOut": "10", "l7listeners": [], "l4Listeners": [
            {"protocol": "TCP", "port": 80, "healthCheck": check, "scheduler": "RANDOM", "proxyProtocol": {"enable": true}},
            {"protocol": "TCP", "port": "81"}, {"protocol": "FTP", "port": 21}],
        "l7Listeners": [{"protocol": "HTTP", "port": 82, "domains": [{"rules": [{"scheduler": "WRR"}]}]}],
    }});
    let faults = [
        ("loadBalancer", "internetMaxBandwidthOut"),
        ("loadBalancer", "l7listeners"),
        ("TCP:80", "healthCheck.enable"),
        ("TCP:80", "healthCheck.intervalTime"),
        ("TCP:80", "healthCheck.timeout"),
        ("TCP:80", "healthCheck.unhealthNum"),
        ("TCP:80", "scheduler"),
        ("TCP:80", "proxyProtocol.enable"),
        ("l4Listeners[1]", "port"),
        ("FTP:21", "protocol"),
        ("HTTP:82", "domains[].rules[0]"),
    ];
    apply(control_plane, &object(&spec)).await;
    let described = async |kind: &str| control_plane.kubectl(&["describe", kind, "web"]).await.ok();
    eventually("each fault is named where users look", DEADLINE, async || {
        let text = described("dab").await.map_err(|error| error.to_string())?;
        let is_named = |(entry, field): &&(&str, &str)| {
            let lines = [format!("Entry:    {entry}"), format!("Field:    {field}")];
            !lines.iter().all(|line| text.contains(line))
        };
        let missing: Vec<_> = faults.iter().filter(is_named).collect();
        let event = described("tscs").await.map_err(|error| error.to_string())?;
        let is_told = text.contains("ConfigProblems") && event.contains("ConfigProblems");
        if missing.is_empty() && is_told { Ok(Some(())) } else { Err(format!("{missing:?} {text} {event}")) }
    })
    .await;
    let listener = crate::api::ok(cloud, "DescribeListeners", json!({"LoadBalancerId": LOAD_BALANCER})).await;
    assert_eq!(listener["Listeners"][0]["HealthCheck"]["HealthNum"], 5, "{listener}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_definition_is_lived_with() {
    let control_plane = control_plane().await;
    apply(&control_plane, &loose_definition().to_string()).await;
    eventually("kubectl finds configs", DEADLINE, async || {
        control_plane.kubectl(&["get", "tscs"]).await.ok().map(Some)
    })
    .await;
    let definition = async || {
        let path = ["get", "crd", "tkeserviceconfigs.cloud.tencent.com", "-o", "jsonpath={.spec}"];
        control_plane.kubectl(&path).await.ok().expect("it is there")
    };
    let before = definition().await;
    let generated = json!({"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "session": {"enable": false},
        "healthCheck": {"enable": true, "intervalTime": 5, "timeout": 5, "healthNum": 4, "unHealthNum": 4}}]}});
    apply(&control_plane, &object(&generated)).await;
    with_controller(&control_plane, async |cloud| {
        for object in [service(), deployment(1), binding("web", &json!({"serviceConfigRef": {"name": "web"}}))] {
            apply(&control_plane, &object).await;
        }
        eventually(
            "what is possible of the generated object is in force, and the rest is told",
            DEADLINE,
            async || {
                let found = until_targets(&control_plane, "1/1").await.status.unwrap_or_default();
                let told: Vec<_> = found.config_problems.iter().map(|problem| problem.reason.as_str()).collect();
                let listener =
                    crate::api::ok(cloud, "DescribeListeners", json!({"LoadBalancerId": LOAD_BALANCER})).await;
                let check = &listener["Listeners"][0]["HealthCheck"];
                let is_so =
                    check["HealthNum"] == 4 && check["TimeOut"] == 2 && found.observed_config_generation == Some(1);
                if is_so { Ok(Some(())) } else { Err(format!("{check}, {told:?}")) }
            },
        )
        .await;
        each_fault_is_named_and_the_rest_is_applied(&control_plane, cloud).await;
    })
    .await;
    assert_eq!(definition().await, before, "the definition is the vendor's");
    let status = ["get", "tscs", "web", "-o", "jsonpath={.status}"];
    assert_eq!(control_plane.kubectl(&status).await.ok().expect("it is there"), "", "no status is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_definition_bindings_work() {
    let control_plane = control_plane().await;
    with_controller(&control_plane, async |_| {
        for object in [service(), deployment(1), binding("web", &json!({}))] {
            apply(&control_plane, &object).await;
        }
        until_targets(&control_plane, "1/1").await;
        // It may come later.
        apply(&control_plane, &loose_definition().to_string()).await;
        eventually("a config can be made", DEADLINE, async || {
            let dynamic = kube::core::ApiResource::erase::<api::TkeServiceConfig>(&());
            let api: Api<kube::core::DynamicObject> = Api::namespaced_with(control_plane.client(), "default", &dynamic);
            let config: kube::core::DynamicObject = serde_json::from_str(&object(&json!({}))).expect("an object");
            api.create(&PostParams::default(), &config).await.ok().map(|_| ())
        })
        .await;
        apply(&control_plane, &binding("web", &json!({"serviceConfigRef": {"name": "web"}}))).await;
        let api: Api<DirectAccessBinding> = Api::namespaced(control_plane.client(), "default");
        eventually("the config is found", DEADLINE, async || {
            let found = api.get("web").await.map_err(|error| error.to_string())?.status.unwrap_or_default();
            if found.observed_config_generation == Some(1) { Ok(Some(())) } else { Err(format!("{found:?}")) }
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_definition_of_bindings_takes_nothing_away() {
    let control_plane = control_plane().await;
    with_controller(&control_plane, async |cloud| {
        for object in [service(), deployment(1), binding("web", &json!({}))] {
            apply(&control_plane, &object).await;
        }
        until_targets(&control_plane, "1/1").await;
        cloud.reset_calls();
        let definition = ["delete", "crd", "directaccessbindings.cloud.tencent.com", "--timeout=120s"];
        control_plane.kubectl(&definition).await.ok().expect("it goes, and all bindings with it");
        assert_eq!(cloud.writes(), 0, "what serves goes on serving");
    })
    .await;
}
