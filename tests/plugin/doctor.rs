//! `doctor`: on a control plane of its own, which gets well step by step and is then hurt.

use std::process::{Child, Command};

use serde_json::{Value, json};
use tke_direct_access::api;
use tke_direct_access::sim::{LoadBalancerSpec, Quotas, Settings as SimulatorSettings, Simulator};

use super::scene::{json_of, plugin};
use crate::stage::{DEADLINE, LOAD_BALANCER, binding, deployment, service};
use crate::support::{ControlPlane, Options, eventually};

/// Not the usual one, so that it is found by the Lease.
const HOME: &str = "load-balancing";

struct Clinic {
    control_plane: ControlPlane,
    cloud: Simulator,
    controller: Option<Child>,
}

impl Drop for Clinic {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Clinic {
    async fn new() -> Self {
        let control_plane = ControlPlane::start(Options { nodes: 1, ..Options::default() }).await.unwrap();
        let cloud = SimulatorSettings {
            quotas: Quotas { listeners: 2, ..Quotas::default() },
            load_balancers: vec![LoadBalancerSpec::with_id(LOAD_BALANCER)],
            ..SimulatorSettings::instant()
        };
        let cloud = Simulator::start(cloud).unwrap();
        Self { control_plane, cloud, controller: None }
    }

    async fn ok(&self, arguments: &[&str]) -> String {
        self.control_plane.kubectl(arguments).await.ok().unwrap()
    }

    async fn apply(&self, yaml: &str) {
        self.control_plane.kubectl_apply("default", yaml).await.unwrap();
    }

    /// The program, with its webhook.
    fn start(&mut self) {
        let (id, key) = self.cloud.credentials();
        let mut command = Command::new(env!("CARGO_BIN_EXE_direct-access-controller"));
        command
            .args(["run", "--listen=127.0.0.1:0", "--gate-injection=Webhook", "--webhook-listen=127.0.0.1:0"])
            .args(["--webhook-host=127.0.0.1", "--webhook-linger-seconds=0", "--lease-namespace", HOME])
            .args(["--clb-endpoint", &self.cloud.endpoint()])
            .env("KUBECONFIG", self.control_plane.kubeconfig())
            .env("TENCENTCLOUD_SECRET_ID", id)
            .env("TENCENTCLOUD_SECRET_KEY", key)
            .env("RUST_LOG", "warn");
        self.controller = Some(command.spawn().expect("the program starts"));
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.controller.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// What the doctor says, and the exit code. `key` is the secret key; none are no credentials.
    async fn doctor(&self, arguments: &[&str], key: Option<&str>) -> (Value, Option<i32>) {
        let (id, _) = self.cloud.credentials();
        let all = [&["direct-access", "doctor", "--output", "json", "--namespace", "default"], arguments].concat();
        let output = self
            .control_plane
            .kubectl_in(&all, "", |command| {
                plugin(command);
                if let Some(key) = key {
                    command.env("TENCENTCLOUD_SECRET_ID", id).env("TENCENTCLOUD_SECRET_KEY", key);
                    command.env("CLB_ENDPOINT", self.cloud.endpoint());
                }
            })
            .await;
        (json_of(&output), output.code)
    }

    /// Waits until these checks stand so, with words that the message has, and gives the exit code.
    async fn until(&self, arguments: &[&str], key: Option<&str>, expected: &[(&str, &str, &str)]) -> Option<i32> {
        eventually(&format!("doctor says {expected:?}"), DEADLINE, async || {
            let (found, code) = self.doctor(arguments, key).await;
            let checks = found["checks"].as_array().unwrap();
            let is_there = |(check, verdict, words): &(&str, &str, &str)| {
                checks.iter().any(|one| {
                    let says = one["message"].as_str().is_some_and(|message| message.contains(words));
                    one["check"] == *check && one["verdict"] == *verdict && says
                })
            };
            if expected.iter().all(is_there) { Ok(Some(code)) } else { Err(found.to_string()) }
        })
        .await
    }
}

impl Clinic {
    /// The ConfigMap cannot be read: an Event on it says so, and the command that the doctor prints ends it as it stands.
    async fn unreadable_hold(&self, key: Option<&str>) {
        eventually("the ConfigMap has an Event", DEADLINE, async || {
            let text = self.ok(&["-n", HOME, "describe", "configmap", "direct-access-controller"]).await;
            if text.contains("HoldUnreadable") && text.contains("until then removals go on, as before") {
                Ok(Some(()))
            } else {
                Err(text)
            }
        })
        .await;
        self.until(&[], key, &[("Removals", "Wrong", "until then removals go on, as before")]).await;
        let (found, _) = self.doctor(&[], key).await;
        let check = found["checks"].as_array().unwrap().iter().find(|one| one["check"] == "Removals").unwrap();
        let remedy = check["remedy"].as_str().unwrap();
        let command = remedy.split('`').find_map(|words| words.strip_prefix("kubectl ")).expect(remedy);
        let words: Vec<_> = command.split(' ').map(|word| word.trim_matches('\'')).collect();
        self.ok(&words).await;
        self.until(&[], key, &[("Removals", "Doubtful", "they are held, because ConfigMap 'load-balancing/")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_is_missing_and_what_is_hurt() {
    let mut clinic = Clinic::new().await;
    let key = clinic.cloud.credentials().1.to_owned();
    let key = Some(key.as_str());

    let bare = [
        ("Definitions", "Wrong", "directaccessbindings.cloud.tencent.com is not installed"),
        ("Definitions", "Doubtful", "tkeserviceconfigs.cloud.tencent.com is not installed"),
        ("Controller", "Wrong", "Lease tke-direct-access/direct-access-controller does not exist"),
        (
            "Removals",
            "Unknown",
            "not known: no controller has its Lease in namespace 'tke-direct-access'; say which namespace",
        ),
        ("Injection", "Doubtful", "neither a webhook configuration nor an admission policy"),
        ("Switches", "Fine", "does not exist"),
        ("Guard", "Fine", "there is none: who may make a binding in a namespace may use every load balancer"),
        ("Key", "Unknown", "the Lease does not say where the leader's key is from"),
        ("Credentials", "Fine", "CLB in ap-guangzhou answers; these are of account 100000000001"),
        ("Bindings", "Unknown", "cannot list directaccessbindings"),
    ];
    assert_eq!(clinic.until(&[], key, &bare).await, Some(2));
    let output = clinic.control_plane.kubectl_in(&["direct-access", "get"], "", plugin).await;
    assert!(
        output.stderr.contains("its definition is not installed, or is being deleted; apply crds/"),
        "{}",
        output.stderr
    );

    clinic.apply(&api::crds_yaml().unwrap()).await;
    clinic.ok(&["create", "namespace", HOME]).await;
    clinic.start();
    clinic.ok(&["label", "namespace", "default", "cloud.tencent.com/direct-access-gates=enabled"]).await;
    clinic.apply(&service()).await;
    clinic.apply(&deployment(1)).await;
    clinic.apply(&binding("web", &json!({}))).await;
    let well = [
        ("Definitions", "Fine", env!("CARGO_PKG_VERSION")),
        ("Definitions", "Fine", "is this project's"),
        ("Rights", "Fine", "yours suffice"),
        ("Controller", "Fine", "leads"),
        ("Injection", "Fine", "direct-access-pods.cloud.tencent.com injects gates"),
        ("Certificate", "Fine", "trusted by the API server"),
        ("Namespaces", "Fine", "all labelled"),
        ("Removals", "Fine", "they go on, and are held when too many come at once"),
        ("Key", "Fine", "the leader's key is from environment, without an end"),
        ("VPC", "Fine", "in vpc-default: the load balancers that bindings name, such as 'lb-test0001', are of it"),
        ("Quota", "Fine", "1 of 2 listeners"),
        ("Bindings", "Fine", "1 here, all ready"),
    ];
    assert_eq!(clinic.until(&[], key, &well).await, Some(0));
    // A ConfigMap that is not there says nothing where no controller is.
    let elsewhere = ["--controller-namespace", "default"];
    let missing = [
        ("Controller", "Wrong", "Lease default/direct-access-controller does not exist"),
        (
            "Removals",
            "Unknown",
            "no binding says that they are held, and nothing else is known: no controller has its Lease in",
        ),
    ];
    assert_eq!(clinic.until(&elsewhere, key, &missing).await, Some(2));

    // What people do to clusters.
    clinic.ok(&["label", "namespace", "default", "cloud.tencent.com/direct-access-gates-"]).await;
    let vendor = r#"{"metadata":{"annotations":{"cloud.tencent.com/bundle-version":null}}}"#;
    let configs = ["crd", "tkeserviceconfigs.cloud.tencent.com"];
    clinic.ok(&["patch", configs[0], configs[1], "--type=merge", "-p", vendor]).await;
    let old = r#"{"metadata":{"annotations":{"cloud.tencent.com/bundle-version":"0.0.1"}}}"#;
    clinic.ok(&["patch", "crd", "directaccessbindings.cloud.tencent.com", "--type=merge", "-p", old]).await;
    let switches = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tke-service-controller-config"},
        "data": {"GlobalRouteDirectAccess": "true", "VERSION": "v2.5.0"},
    });
    clinic.control_plane.kubectl_apply("kube-system", &switches.to_string()).await.unwrap();
    let elsewhere_vpc =
        ["-n", "kube-system", "create", "configmap", "tke-config", "--from-literal=TKE_VPC_ID=vpc-other"];
    clinic.ok(&elsewhere_vpc).await;
    clinic
        .ok(&["-n", HOME, "create", "configmap", "direct-access-controller", "--from-literal=hold-removals=true"])
        .await;
    let listeners = json!([
        {"port": 80, "protocol": "TCP", "servicePort": 80}, {"port": 81, "protocol": "UDP", "servicePort": 80},
    ]);
    clinic.apply(&binding("web", &json!({"listeners": listeners}))).await;
    clinic.ok(&["annotate", "service", "web", "service.cloud.tencent.com/lb-rs-weight=heavy"]).await;
    let hurt = [
        ("Namespaces", "Doubtful", "Pods get no gates by injection: namespace 'default' has no label"),
        ("Definitions", "Fine", "is TKE's own"),
        ("Definitions", "Doubtful", "is of version 0.0.1"),
        ("Switches", "Fine", "TKE's service controller v2.5.0; GlobalRouteDirectAccess true"),
        (
            "VPC",
            "Fine",
            "in vpc-other: TKE_VPC_ID of ConfigMap kube-system/tke-config says so, but load balancer 'lb-test0001' is of 'vpc-default'",
        ),
        ("Removals", "Doubtful", "they are held, because ConfigMap 'load-balancing/direct-access-controller' says"),
        ("Remarks", "Doubtful", "default/web: annotation service.cloud.tencent.com/lb-rs-weight"),
        ("Bindings", "Doubtful", "1 of 1 not ready: default/web"),
    ];
    assert_eq!(clinic.until(&[], key, &hurt).await, Some(0), "nothing of this keeps it from working");
    let doubted = "in vpc-1: --vpc-id says so, but TKE_VPC_ID of ConfigMap kube-system/tke-config says 'vpc-other'";
    clinic.until(&["--vpc-id", "vpc-1"], key, &[("VPC", "Doubtful", doubted)]).await;
    let held = [("Removals", "Doubtful", "they are held, because ConfigMap '<namespace-of-the-controller>/")];
    clinic.until(&elsewhere, key, &held).await;
    let hold = ["-n", HOME, "patch", "configmap", "direct-access-controller", "--type=merge", "-p"];
    for (word, verdict, says) in [("false", "Doubtful", "however many"), ("yes", "Wrong", "\"yes\" cannot be read")] {
        let patch = json!({"data": {"hold-removals": word}}).to_string();
        clinic.ok(&[&hold[..], &[patch.as_str()]].concat()).await;
        clinic.until(&[], key, &[("Removals", verdict, says)]).await;
    }
    clinic.unreadable_hold(key).await;
    clinic.ok(&["-n", HOME, "delete", "configmap", "direct-access-controller"]).await;
    clinic.until(&[], key, &[("Removals", "Fine", "they go on")]).await;
    clinic
        .ok(&["-n", HOME, "create", "configmap", "direct-access-controller", "--from-literal=hold_removals=true"])
        .await;
    let almost = "hold_removals: the key is not known; write hold-removals instead, or remove it; until then removals are held, because";
    clinic.until(&[], key, &[("Removals", "Wrong", almost)]).await;
    clinic.ok(&["-n", HOME, "delete", "configmap", "direct-access-controller"]).await;
    clinic.ok(&["create", "configmap", "direct-access-controller", "--from-literal=hold-removals=true"]).await;
    let stray =
        "ConfigMap default/direct-access-controller is in another namespace than the controller's, load-balancing,";
    clinic.until(&[], key, &[("Removals", "Doubtful", stray), ("Removals", "Fine", "they go on")]).await;
    clinic.ok(&["delete", "configmap", "direct-access-controller"]).await;
    clinic.until(&[], Some("another-key"), &[("Credentials", "Wrong", "AuthFailure")]).await;
    // Where TKE does not say it, load balancers do.
    clinic.ok(&["-n", "kube-system", "delete", "configmap", "tke-config"]).await;
    let vpc = "the load balancers that bindings name were not read, which may say it: ";
    let blind = [("Credentials", "Unknown", "TENCENTCLOUD_SECRET_ID"), ("VPC", "Unknown", vpc)];
    clinic.until(&[], None, &blind).await;

    guard(&clinic, key).await;
    // With the controller gone, nobody repairs.
    clinic.stop();
    clinic.ok(&["-n", HOME, "delete", "secret", "direct-access-webhook"]).await;
    clinic.until(&[], key, &[("Certificate", "Wrong", "has no certificate")]).await;
    assert_eq!(clinic.until(&[], key, &[("Controller", "Wrong", "was last renewed")]).await, Some(2));

    // Somebody with few rights is told which are missing.
    clinic.ok(&["create", "serviceaccount", "guest"]).await;
    let config = super::scene::kubeconfig_of(&clinic.control_plane, "default", "guest").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guest");
    std::fs::write(&path, config).unwrap();
    let path = path.display().to_string();
    let guest = ["--kubeconfig", path.as_str()];
    let denied = [
        ("Rights", "Doubtful", "list directaccessbindings"),
        ("Controller", "Unknown", "cannot be read"),
        ("Definitions", "Unknown", "cannot be read"),
        ("Guard", "Unknown", "cannot be read"),
    ];
    clinic.until(&guest, key, &denied).await;
    uninstall(&mut clinic, key).await;
}

/// The guard as its component is applied, and what people do to it.
async fn guard(clinic: &Clinic, key: Option<&str>) {
    let component = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/components/guard");
    clinic.ok(&["apply", "-f", &format!("{component}/policies.yaml")]).await;
    let missing =
        "ConfigMap tke-direct-access/direct-access-guard, which says who may, does not exist: no binding can be made";
    assert_eq!(clinic.until(&[], key, &[("Guard", "Wrong", missing)]).await, Some(2));
    clinic.ok(&["create", "namespace", "tke-direct-access"]).await;
    clinic.ok(&["apply", "-f", &format!("{component}/config-map.yaml")]).await;
    let nothing = "ConfigMap tke-direct-access/direct-access-guard has a key for no namespace, nor _others: nobody may make a binding";
    clinic.until(&[], key, &[("Guard", "Doubtful", nothing)]).await;
    let patch = ["-n", "tke-direct-access", "patch", "configmap", "direct-access-guard", "--type=merge", "-p"];
    let rows = json!({"data": {"default": "any\ncreate\n"}}).to_string();
    clinic.ok(&[&patch[..], &[rows.as_str()]].concat()).await;
    clinic.until(&[], key, &[("Guard", "Fine", "it is there: ConfigMap")]).await;
    let bindings = ["validatingadmissionpolicy", "direct-access-bindings.cloud.tencent.com", "--type=merge", "-p"];
    for (policy, place) in [("Ignore", Some("spec.failurePolicy")), ("Fail", None)] {
        let change = json!({"spec": {"failurePolicy": policy}}).to_string();
        clinic.ok(&[&["patch"], &bindings[..], &[change.as_str()]].concat()).await;
        match place {
            Some(place) => clinic.until(&[], key, &[("Guard", "Doubtful", place)]).await,
            None => clinic.until(&[], key, &[("Guard", "Fine", "it is there: ConfigMap")]).await,
        };
    }
    let rows = json!({"data": {"default": "any\ncreate\nlb-1 http\n"}}).to_string();
    clinic.ok(&[&patch[..], &[rows.as_str()]].concat()).await;
    clinic.until(&[], key, &[("Guard", "Doubtful", "default, line 3: \"http\" is no port")]).await;
    let warn = r#"{"spec":{"validationActions":["Warn"]}}"#;
    let services = ["validatingadmissionpolicybinding", "direct-access-services.cloud.tencent.com"];
    clinic.ok(&["patch", services[0], services[1], "--type=merge", "-p", warn]).await;
    clinic.until(&[], key, &[("Guard", "Wrong", "direct-access-services.cloud.tencent.com does not say Deny")]).await;
    clinic.ok(&["delete", services[0], services[1]]).await;
    let parts = "parts of it are missing, so that it does not refuse what they are for: ValidatingAdmissionPolicyBinding direct-";
    clinic.until(&[], key, &[("Guard", "Wrong", parts)]).await;
    clinic.ok(&["delete", "-f", &format!("{component}/policies.yaml"), "--ignore-not-found"]).await;
    clinic.until(&[], key, &[("Guard", "Fine", "there is none")]).await;
}

/// The order of an uninstallation is told.
async fn uninstall(clinic: &mut Clinic, key: Option<&str>) {
    let order = ["--uninstall"];
    let held = [("Bindings", "Wrong", "1 are left"), ("Controller", "Wrong", "nobody takes finalizers away")];
    assert_eq!(clinic.until(&order, key, &held).await, Some(2));
    clinic.start();
    clinic
        .ok(&["-n", HOME, "create", "configmap", "direct-access-controller", "--from-literal=hold-removals=true"])
        .await;
    let waits = "1 are left, and their deletion waits, because removals are held: ConfigMap 'load-balancing/";
    clinic.until(&order, key, &[("Bindings", "Wrong", waits)]).await;
    let (found, _) = clinic.doctor(&order, key).await;
    let remedy = &found["checks"][0]["remedy"];
    let way_out = "First run `kubectl -n load-balancing patch configmap direct-access-controller";
    assert!(remedy.as_str().unwrap().starts_with(way_out), "{remedy}");
    clinic.ok(&["-n", HOME, "delete", "configmap", "direct-access-controller"]).await;
    clinic.ok(&["delete", "dab", "--all", "--timeout=150s"]).await;
    let next = [("Bindings", "Fine", "none is left"), ("Injection", "Doubtful", "that nobody would open")];
    assert_eq!(clinic.until(&order, key, &next).await, Some(0));
    clinic.stop();
    clinic.ok(&["delete", "mutatingwebhookconfiguration", "direct-access-pods.cloud.tencent.com"]).await;
    clinic.until(&order, key, &[("Injection", "Fine", "nothing injects gates")]).await;
}
