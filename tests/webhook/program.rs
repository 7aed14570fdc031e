//! The program itself, with all its parts: injected gates open when the cloud says healthy.

use std::process::{Child, Command};

use serde_json::{Value, json};
use tke_direct_access::api::names::GATE;
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings, Simulator};

use crate::stage::{DEADLINE, Stage, gates, web_pod};
use crate::support::eventually;

/// Ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(stage: &Stage, cloud: &Simulator, flags: &[&str]) -> Program {
    let (id, key) = cloud.credentials();
    let mut command = Command::new(env!("CARGO_BIN_EXE_direct-access-controller"));
    command
        .args(["run", "--listen=127.0.0.1:0", "--webhook-listen=127.0.0.1:0", "--webhook-linger-seconds=0"])
        .args(["--clb-endpoint", &cloud.endpoint(), "--watch-namespace", &stage.shop.name])
        .args(["--lease-namespace", &stage.own.name])
        .args(flags)
        .env("KUBECONFIG", stage.control_plane.kubeconfig())
        .env("TENCENTCLOUD_SECRET_ID", id)
        .env("TENCENTCLOUD_SECRET_KEY", key)
        .args(["--log-format=text"]);
    Program(command.spawn().expect("the program starts"))
}

async fn gates_open(name: &str, flags: &[&str], kind: &str) {
    let mut settings = SimulatorSettings::instant();
    settings.load_balancers = vec![LoadBalancerSpec::with_id("lb-test0001")];
    let stage = Stage::new(name).await;
    let cloud = Simulator::start(settings).expect("the cloud starts");
    let mut program = start(&stage, &cloud, flags);
    stage.until_injecting(DEADLINE).await;
    let found = stage.ok(&["get", kind, "-o", "name"]).await;
    assert!(found.contains("direct-access-pods"), "{found}");
    let mut template = web_pod();
    template["metadata"] = json!({"labels": {"app": "web"}});
    template["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80}]);
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template_of(&template)},
    });
    stage.control_plane.kubectl_apply(&stage.shop.name, &deployment.to_string()).await.unwrap();
    eventually("both Pods are ready by their gate", DEADLINE, async || {
        let listed = stage.pods(&stage.shop.name).list(&kube::api::ListParams::default().labels("app=web")).await;
        let listed = listed.map_err(|error| error.to_string())?;
        let is_open = |pod: &&k8s_openapi::api::core::v1::Pod| {
            let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
            let open =
                conditions.filter(|one| one.status == "True" && [GATE, "Ready"].contains(&one.type_.as_str())).count();
            gates(pod) == [GATE] && open == 2
        };
        let open = listed.items.iter().filter(is_open).count();
        if open == 2 { Ok(Some(())) } else { Err(format!("{open} of {}", listed.items.len())) }
    })
    .await;
    // SIGTERM ends it, and well.
    let terminated = Command::new("kill").arg(program.0.id().to_string()).status().unwrap();
    assert!(terminated.success());
    let child = &mut program.0;
    let code = eventually("the program ends", DEADLINE, || std::future::ready(child.try_wait())).await;
    assert!(code.success(), "{code}");
    cloud.shutdown().await;
    stage.finish(vec![]).await;
}

fn template_of(pod: &Value) -> Value {
    json!({"metadata": pod["metadata"], "spec": pod["spec"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn by_webhook() {
    gates_open("by-hook", &["--gate-injection=Webhook", "--webhook-host=127.0.0.1"], "mutatingwebhookconfiguration")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_policy_where_the_api_server_has_it() {
    gates_open("by-policy", &[], "mutatingadmissionpolicy").await;
}
