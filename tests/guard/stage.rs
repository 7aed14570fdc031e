//! An API server with the guard, and what it answers.

use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tke_direct_access::api::{self, DirectAccessBinding};
use tokio::sync::OnceCell;

use crate::support::{ControlPlane, Options, eventually};

/// The namespace of the controller and of the guard's ConfigMap.
pub(super) const HOME: &str = "tke-direct-access";
/// Policies are taken in about once a second, and their parameters likewise.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);
pub(super) const DIRECT_ACCESS: &str = "service.cloud.tencent.com/direct-access";
pub(super) const EXISTING: &str = "service.kubernetes.io/tke-existed-lbid";
pub(super) const SUBNET: &str = "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid";
pub(super) const PLACED: &str = "service.kubernetes.io/loadbalance-id";

/// What each namespace may; `nobody` has no key.
const NAMESPACES: [&str; 8] = ["shop", "public", "inner", "platform", "typo", "empty", "nobody", "kept"];

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Somebody with every right.
    Editor,
    /// The account of the controller.
    Controller,
}

/// An API server with the definitions and the component.
pub(super) struct Stage {
    control_plane: ControlPlane,
}

static SHARED: OnceCell<Stage> = OnceCell::const_new();

impl Stage {
    /// The one that the tables share.
    pub(super) async fn shared() -> &'static Self {
        SHARED.get_or_init(|| async { Self::new().await.with_guard().await }).await
    }

    /// One of its own, for whoever takes parts away.
    pub(super) async fn new() -> Self {
        let options = Options { api_server_alone: true, ..Options::default() };
        let stage = Self { control_plane: ControlPlane::start(options).await.unwrap() };
        stage.control_plane.kubectl_apply("default", &api::crds_yaml().unwrap()).await.unwrap();
        for name in NAMESPACES.iter().chain(&[HOME]) {
            stage.kubectl(&["create", "namespace", name]).await;
        }
        eventually("kubectl finds the kind", DEADLINE, async || {
            stage.control_plane.kubectl(&["get", "dab", "--all-namespaces"]).await.ok().map(Some)
        })
        .await;
        stage
    }

    /// Puts the component in, with what the namespaces may, and waits until it is at work.
    pub(super) async fn with_guard(self) -> Self {
        self.install().await;
        self
    }

    pub(super) async fn install(&self) {
        let component = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/components/guard");
        for file in ["config-map.yaml", "policies.yaml"] {
            self.kubectl(&["apply", "-f", &format!("{component}/{file}")]).await;
        }
        self.allow(&json!({
            "_contact": "the network team\n",
            "_others": "lb-common 9000",
            "shop": "# the web\nlb-shop1 80, 443\t8000-8099 # and more\n\nlb-shop2\r\nlb-shop3 99999-1\nlb-shop3 7-8-9 x\nlb-shop3 7 x\n",
            "public": "create Public",
            "inner": "create Internal\nlb-inner",
            "platform": "any\ncreate",
            "typo": "lb_typo\nlbshop 80\ncreat\nany-thing\n",
            "empty": "",
            "kept": "lb-kept 80\n",
        }))
        .await;

        eventually("the guard is at work", DEADLINE, async || {
            let binding = self.binding(Who::Editor, "empty", &binding("{id: lb-probe}", "")).await;
            let service = self.service(Who::Editor, "empty", &service(&[(EXISTING, "lb-probe")], &[80])).await;
            let is_refused = |answer: &Result<(), String>| {
                answer.as_ref().is_err_and(|words| words.contains("ask the network team"))
            };
            if is_refused(&binding) && is_refused(&service) {
                Ok(Some(()))
            } else {
                Err(format!("{binding:?} {service:?}"))
            }
        })
        .await;
    }

    /// Replaces what the namespaces may.
    pub(super) async fn allow(&self, data: &Value) {
        let patch = json!([{"op": "add", "path": "/data", "value": data}]).to_string();
        self.kubectl(&["-n", HOME, "patch", "configmap", "direct-access-guard", "--type=json", "-p", &patch]).await;
    }

    /// Waits until this may be made.
    pub(super) async fn until_allowed(&self, namespace: &str, object: &Value) {
        eventually("what is allowed counts", DEADLINE, async || {
            let answer = self.binding(Who::Editor, namespace, object).await;
            if answer.is_ok() { Ok(Some(())) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }

    pub(super) async fn kubectl(&self, arguments: &[&str]) -> String {
        self.control_plane.kubectl(arguments).await.ok().unwrap()
    }

    fn client(&self, who: Who) -> kube::Client {
        let mut config = self.control_plane.config();
        if who == Who::Controller {
            config.auth_info.impersonate = Some(format!("system:serviceaccount:{HOME}:direct-access-controller"));
            config.auth_info.impersonate_groups = Some(vec!["system:masters".to_owned()]);
        }
        kube::Client::try_from(config).unwrap()
    }

    fn api(&self, who: Who, namespace: &str, object: &Value) -> Api<DynamicObject> {
        let resource = match object["kind"].as_str() {
            Some("Service") => ApiResource::erase::<k8s_openapi::api::core::v1::Service>(&()),
            _ => ApiResource::erase::<DirectAccessBinding>(&()),
        };
        Api::namespaced_with(self.client(who), namespace, &resource)
    }

    async fn create(&self, who: Who, namespace: &str, object: &Value, is_dry: bool) -> Result<(), String> {
        let params = PostParams { dry_run: is_dry, ..PostParams::default() };
        let typed = serde_json::from_value(object.clone()).unwrap();
        answer(self.api(who, namespace, object).create(&params, &typed).await)
    }

    /// What is answered to a new binding, which is not kept.
    pub(super) async fn binding(&self, who: Who, namespace: &str, object: &Value) -> Result<(), String> {
        self.create(who, namespace, object, true).await
    }

    /// What is answered to a new Service, which is not kept.
    pub(super) async fn service(&self, who: Who, namespace: &str, object: &Value) -> Result<(), String> {
        self.create(who, namespace, object, true).await
    }

    /// Makes an object.
    pub(super) async fn make(&self, namespace: &str, object: &Value) {
        self.create(Who::Editor, namespace, object, false).await.unwrap();
    }

    /// What is answered to a change of `kind` `name`, which is kept if `is_dry` is false.
    pub(super) async fn change(
        &self,
        who: Who,
        namespace: &str,
        (kind, name): (&str, &str),
        patch: &Value,
        is_dry: bool,
    ) -> Result<(), String> {
        let params = PatchParams { dry_run: is_dry, ..PatchParams::default() };
        let api = self.api(who, namespace, &json!({"kind": kind}));
        answer(api.patch(name, &params, &Patch::Merge(patch)).await)
    }
}

fn answer<T>(result: kube::Result<T>) -> Result<(), String> {
    match result {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message.clone()),
        Err(other) => panic!("the API server was not reached: {other}"),
    }
}

/// A binding with this load balancer, and more of its spec.
pub(super) fn binding(load_balancer: &str, more: &str) -> Value {
    let spec = format!("{{serviceRef: {{name: web}}, loadBalancer: {load_balancer}{more}}}");
    let spec: Value = serde_saphyr::from_str(&spec).unwrap_or_else(|error| panic!("{spec}: {error}"));
    json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "web"}, "spec": spec,
    })
}

/// A Service of type LoadBalancer with these annotations and ports.
pub(super) fn service(annotations: &[(&str, &str)], ports: &[u16]) -> Value {
    let annotations: serde_json::Map<_, _> =
        annotations.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
    let ports: Vec<_> = ports.iter().map(|port| json!({"name": format!("p{port}"), "port": port})).collect();
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": ports},
    })
}

/// What is wrong with an answer; nothing when it is as it should be. An empty expectation means accepted; a refusal has all of the
/// parts, and names the rule, the ConfigMap, and whom to ask.
pub(super) fn fault(what: &str, answer: &Result<(), String>, expected: &[&str]) -> Option<String> {
    match (answer, expected.is_empty()) {
        (Ok(()), true) => None,
        (Ok(()), false) => Some(format!("accepted: {what}; expected: {expected:?}")),
        (Err(words), false) => {
            let always = ["guard, rule ", "ConfigMap tke-direct-access/direct-access-guard", "ask the network team"];
            let missing: Vec<_> = expected.iter().chain(&always).filter(|part| !words.contains(**part)).collect();
            (!missing.is_empty()).then(|| format!("{what}: {words}\n  lacks: {missing:?}"))
        }
        (Err(words), true) => Some(format!("refused: {what}\n  with: {words}")),
    }
}
