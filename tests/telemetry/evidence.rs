//! What is left of the life of one program: its log, its metrics, and what it has written to Kubernetes. Made once, for all
//! tests that look at it.

use std::path::Path;

use serde_json::Value;
use tke_direct_access::sim::{LoadBalancerSpec, Settings, Simulator};
use tke_direct_access::telemetry;
use tokio::sync::OnceCell;

use crate::exposition::Scrape;
use crate::program::{Program, kubeconfig, scrape};
use crate::scenario::{BINDINGS, binding_name, bindings, deployment, faults, load_balancer};
use crate::stage::{DEADLINE, control_plane};
use crate::support::{ControlPlane, Namespace, eventually};

/// How many bindings are there at the end.
pub(crate) const LEFT: usize = 2;

/// See the module.
pub(crate) struct Evidence {
    pub(crate) log: String,
    /// Where in the log nothing was to be done for a while.
    pub(crate) quiet: std::ops::Range<usize>,
    /// With all bindings, after a rollout and all faults.
    pub(crate) busy: Scrape,
    /// With most bindings deleted.
    pub(crate) after: Scrape,
    /// Everything in the namespaces but Secrets, the Events, and the webhook's configuration, as JSON.
    pub(crate) objects: String,
    /// What must be nowhere, with its name.
    pub(crate) secrets: Vec<(String, String)>,
    /// Names of objects, none of which may be a label.
    pub(crate) names: Vec<String>,
    /// Calls of the cloud that a fault has struck.
    pub(crate) struck: u64,
}

/// The evidence.
pub(crate) async fn evidence() -> &'static Evidence {
    static EVIDENCE: OnceCell<Evidence> = OnceCell::const_new();
    EVIDENCE.get_or_init(gather).await
}

struct Scene {
    control_plane: &'static ControlPlane,
    shop: Namespace,
    own: Namespace,
    cloud: Simulator,
}

async fn gather() -> Evidence {
    telemetry::install_crypto();
    let control_plane = control_plane().await;
    let load_balancers = (0..BINDINGS).map(|number| LoadBalancerSpec::with_id(load_balancer(number))).collect();
    let settings = Settings { load_balancers, ..Settings::instant() };
    let scene = Scene {
        control_plane,
        shop: control_plane.namespace("telemetry").await,
        own: control_plane.namespace("telemetry-own").await,
        cloud: Simulator::start(settings).expect("the cloud starts"),
    };
    let folder = tempfile::tempdir().unwrap();
    let evidence = scene.play(folder.path()).await;
    scene.cloud.shutdown().await;
    evidence
}

impl Scene {
    async fn play(&self, folder: &Path) -> Evidence {
        let (kubeconfig, token) = kubeconfig(self.control_plane, &self.own, folder).await;
        self.ok(&["label", "namespace", &self.shop.name, "cloud.tencent.com/direct-access-gates=enabled"]).await;
        let mut program = Program::start(&self.cloud, &kubeconfig, &self.shop.name, &self.own.name, folder);
        let address = program.address().await;
        self.apply(&bindings(0..BINDINGS)).await;
        eventually("the webhook is set up", DEADLINE, async || {
            let found = self.ok(&["get", "mutatingwebhookconfiguration", "-o", "name"]).await;
            (!found.is_empty()).then_some(())
        })
        .await;
        self.apply(&deployment(2)).await;
        self.until_ready(0..BINDINGS, "2/2").await;
        self.ok(&["rollout", "restart", "deployment/web"]).await;
        self.ok(&["rollout", "status", "deployment/web", "--timeout=150s"]).await;
        let struck = self.suffer().await;
        self.until_ready(0..BINDINGS, "3/3").await;
        let quiet = self.rest(&program).await;
        let busy = scrape(&address).await;
        let mut names = vec![self.shop.name.clone(), self.own.name.clone()];
        names.extend(
            self.ok(&["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"]).await.split(' ').map(str::to_owned),
        );
        names.extend((0..BINDINGS).flat_map(|number| [load_balancer(number), binding_name(number)]));
        let doomed: Vec<String> = (LEFT..BINDINGS).map(binding_name).collect();
        let delete: Vec<&str> = ["delete", "dab"].into_iter().chain(doomed.iter().map(String::as_str)).collect();
        self.ok(&delete).await;
        let after = self.until_forgotten(&address).await;
        let (objects, secrets) = (self.objects().await, self.secrets(token).await);
        program.end().await;
        self.ok(&["delete", "mutatingwebhookconfiguration", "--all"]).await;
        Evidence { log: program.log(), quiet, busy, after, objects, secrets, names, struck }
    }

    async fn ok(&self, arguments: &[&str]) -> String {
        let all: Vec<&str> = ["--namespace", &self.shop.name].iter().chain(arguments).copied().collect();
        self.control_plane.kubectl(&all).await.ok().expect("kubectl succeeds")
    }

    async fn apply(&self, yaml: &str) {
        self.control_plane.kubectl_apply(&self.shop.name, yaml).await.expect("the objects are taken");
    }

    async fn until_ready(&self, numbers: std::ops::Range<usize>, summary: &str) {
        eventually(&format!("bindings are ready with {summary}"), DEADLINE, async || {
            let path = r#"jsonpath={range .items[*]}{.status.targets.summary} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}"#;
            let found = self.ok(&["get", "dab", "-o", path]).await;
            let ready = found.lines().filter(|line| *line == format!("{summary} True")).count();
            if ready == numbers.len() { Ok(Some(())) } else { Err(found) }
        })
        .await;
    }

    /// One fault after the other, while a Pod is added.
    async fn suffer(&self) -> u64 {
        let (id, key) = self.cloud.credentials();
        let faults = faults(id, key);
        let count = u64::try_from(faults.len()).unwrap();
        for fault in faults {
            self.cloud.inject(fault);
        }
        self.ok(&["scale", "deployment/web", "--replicas=3"]).await;
        eventually("the faults strike", DEADLINE, async || {
            let struck = self.cloud.struck();
            if struck.values().sum::<u64>() >= count { Ok(Some(())) } else { Err(format!("{struck:?} of {count}")) }
        })
        .await;
        count
    }

    /// Waits until rounds have found nothing to do for a while; returns that part of the log.
    async fn rest(&self, program: &Program) -> std::ops::Range<usize> {
        let rounds = |log: &str| log.matches(r#""message":"round done""#).count();
        // Pods that have ended may leave late, and a status says that, too.
        let versions = || async {
            let path = "jsonpath={.items[*].metadata.resourceVersion}";
            (self.ok(&["get", "dab", "-o", path]).await, self.ok(&["get", "pods", "-o", path]).await)
        };
        let settled = || async {
            let objects = versions().await;
            let begin = program.log().len();
            let writes = self.cloud.writes();
            let known = rounds(&program.log());
            eventually("rounds go on", DEADLINE, async || rounds(&program.log()) > known + 3 * BINDINGS).await;
            let end = program.log().len();
            (self.cloud.writes() == writes && versions().await == objects).then_some(begin..end)
        };
        settled().await;
        eventually("nothing is written any more", DEADLINE, settled).await
    }

    async fn until_forgotten(&self, address: &str) -> Scrape {
        eventually("what was deleted is not counted any more", DEADLINE, async || {
            let found = scrape(address).await;
            let left = found.sum("direct_access_load_balancers", &[]);
            if left == f64::from(u32::try_from(LEFT).unwrap()) {
                Ok(Some(found))
            } else {
                Err(format!("{left} are left"))
            }
        })
        .await
    }

    async fn objects(&self) -> String {
        let kinds = "all,dab,tsc,configmaps,endpointslices,leases,serviceaccounts,events,events.events.k8s.io";
        let mut text = String::new();
        for namespace in [&self.shop.name, &self.own.name, "default"] {
            let show = ["-n", namespace, "get", kinds, "-o", "json", "--show-managed-fields"];
            text += &self.control_plane.kubectl(&show).await.ok().unwrap();
        }
        text + &self.ok(&["get", "mutatingwebhookconfiguration", "-o", "json"]).await
    }

    async fn secrets(&self, token: String) -> Vec<(String, String)> {
        let (id, key) = self.cloud.credentials();
        let signature = token.rsplit('.').next().unwrap_or_default().to_owned();
        let mut secrets = vec![
            ("the secret id".to_owned(), id.to_owned()),
            ("the secret key".to_owned(), key.to_owned()),
            ("the token of the kubeconfig".to_owned(), token),
            ("the signature of that token".to_owned(), signature),
        ];
        let show = ["-n", &self.own.name, "get", "secrets", "-o", "json"];
        let found: Value = serde_json::from_str(&self.control_plane.kubectl(&show).await.ok().unwrap()).unwrap();
        for data in found["items"].as_array().unwrap().iter().filter_map(|secret| secret["data"].as_object()) {
            for (name, value) in data.iter().filter(|(name, _)| name.ends_with(".key")) {
                let encoded = value.as_str().unwrap();
                secrets.push((format!("{name} as the Secret has it"), encoded.get(60..120).unwrap().to_owned()));
                let pem = serde_json::from_value::<k8s_openapi::ByteString>(value.clone()).unwrap();
                let pem = String::from_utf8(pem.0).unwrap();
                let lines = pem.lines().filter(|line| !line.starts_with("-----"));
                secrets.extend(lines.map(|line| (format!("a line of {name}"), line.to_owned())));
            }
        }
        secrets
    }
}
