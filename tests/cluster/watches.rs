//! The part of the misfortune table *cluster* that is about what the controller reads: watches that fall silent or expire, lists whose
//! pages expire, kinds that may not be looked at. While it lasts, what serves goes on serving and nothing is taken away for want of a
//! list; when it ends, all gets right by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access::clb::Keys;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::line::journal::Journal;
use crate::line::{KINDS, Lines, Misfortune, Rule, kind};
use crate::stage::{DEADLINE, Stage, binding, deployment, service};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode};

/// How long a watch that says nothing may go unnoticed, with what a busy machine adds.
const LONGEST_SILENCE: Duration = Duration::from_secs(35);
/// The kinds that may be missing, or forbidden, in a cluster: the controller does without.
const OPTIONAL: [&str; 3] = ["tkeserviceconfigs", SWITCHES, "configmaps"];
/// The kind of TKE's switches.
const SWITCHES: &str = "configmaps of kube-system";
/// The kinds by which Pods come and go.
const MEMBERS: [&str; 2] = ["pods", "endpointslices"];

/// What a row plays on.
struct Scene {
    stage: Stage,
    journal: Journal,
    lines: Lines,
    /// Pods of `web`.
    size: usize,
    begun: Instant,
}

/// An object of `web` as one of another name.
fn renamed(text: &str, name: &str) -> Value {
    let mut object: Value = serde_json::from_str(&text.replace("\"web\"", &format!("\"{name}\""))).unwrap();
    if let Some(container) = object.pointer_mut("/spec/template/spec/containers/0/name") {
        *container = json!("web");
    }
    object
}

fn side() -> [String; 3] {
    let renamed = |text: String| renamed(&text, "side").to_string();
    let listener = json!([{"port": 81, "protocol": "TCP", "servicePort": 80}]);
    let spec = json!({"serviceRef": {"name": "side"}, "listeners": listener, "serviceConfigRef": {"name": "tuned"}});
    [renamed(service()), renamed(deployment(1)), binding("side", &spec)]
}

fn config(name: &str) -> String {
    let health = json!({"enable": true, "intervalTime": 7, "timeout": 2, "healthNum": 2, "unHealthNum": 2});
    let listener = json!({"protocol": "TCP", "port": 81, "healthCheck": health});
    json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig", "metadata": {"name": name},
        "spec": {"loadBalancer": {"l4Listeners": [listener]}},
    })
    .to_string()
}

impl Scene {
    async fn new() -> Self {
        let mut stage = Stage::without_controller("watches", SimulatorSettings::instant()).await;
        let journal = Journal::default();
        let lines = Lines::open(&stage, "only", &journal, Rule::Pass).await;
        for object in [config("tuned"), config("spare")].into_iter().chain(side()) {
            stage.apply(&object).await;
        }
        stage.deploy(2, &json!({})).await;
        start(&mut stage, &lines).await;
        let scene = Self { stage, journal, lines, size: 2, begun: Instant::now() };
        scene.members_follow().await;
        scene.side_follows().await;
        scene
    }

    /// Another size for `web`, in turn.
    async fn scale(&mut self) {
        self.size = if self.size == 2 { 3 } else { 2 };
        self.stage.ok(&["scale", "deployment/web", &format!("--replicas={}", self.size)]).await;
    }

    /// The targets of `web` are its Pods, all of them and no others.
    async fn members_follow(&self) {
        self.stage.until_ready("web", &format!("{0}/{0}", self.size)).await;
        self.targets_are_pods("web", 80, self.size).await;
    }

    async fn side_follows(&self) {
        self.stage.until_ready("side", "1/1").await;
        self.targets_are_pods("side", 81, 1).await;
    }

    async fn targets_are_pods(&self, app: &str, port: u16, count: usize) {
        eventually(&format!("the targets of {app} are its Pods"), DEADLINE, async || {
            let pods = pods(&self.stage, app).await;
            let targets: BTreeSet<String> = self.weights(port).into_keys().collect();
            if pods.len() == count && pods == targets { Ok(Some(())) } else { Err(format!("{pods:?} {targets:?}")) }
        })
        .await;
    }

    /// The weight of each address behind a port.
    fn weights(&self, port: u16) -> BTreeMap<String, u8> {
        let targets = self.stage.targets(Protocol::Tcp, port).unwrap_or_default();
        targets.into_iter().map(|(address, target)| (address.ip.to_string(), target.weight)).collect()
    }

    /// Type, status and reason of the conditions of a binding.
    async fn conditions(&self, name: &str) -> Vec<(String, String, String)> {
        let status = self.stage.binding(name).await.and_then(|binding| binding.status).unwrap_or_default();
        status.conditions.into_iter().map(|one| (one.type_, one.status, one.reason)).collect()
    }

    /// The conditions of the bindings, once nothing is under way.
    async fn calm(&self) -> [Vec<(String, String, String)>; 2] {
        eventually("nothing is under way", DEADLINE, async || {
            let found = [self.conditions("web").await, self.conditions("side").await];
            let is_calm = found.iter().all(|conditions| conditions.iter().all(|(_, status, _)| status == "True"))
                && found.iter().flatten().all(|(kind, _, _)| kind != "Reconciling");
            if is_calm && found.iter().all(|conditions| !conditions.is_empty()) {
                Ok(Some(found))
            } else {
                Err(format!("{found:?}"))
            }
        })
        .await
    }

    async fn strike(&self, kinds: &[&'static str], only: Option<&'static str>, misfortune: Misfortune) {
        self.lines.set(Rule::Strike(only, misfortune));
        eventually(&format!("{misfortune:?} befalls {kinds:?}"), DEADLINE, async || self.lines.has_struck(kinds)).await;
    }

    /// A change of each kind is seen, but of TKE's switches, which all tests share.
    async fn changes_are_seen(&mut self) {
        self.scale().await;
        self.members_follow().await;
        let port = |number: u16| json!({"spec": {"ports": [{"port": number, "targetPort": 8080}]}}).to_string();
        self.stage.ok(&["patch", "service", "side", "--type=merge", "-p", &port(79)]).await;
        self.stage.until("side", "ResolvedRefs", "False", "ServicePortNotFound").await;
        self.stage.ok(&["patch", "service", "side", "--type=merge", "-p", &port(80)]).await;
        self.side_follows().await;
        self.stage.ok(&["delete", "tsc", "tuned"]).await;
        self.stage.until("side", "ResolvedRefs", "False", "ConfigNotFound").await;
        self.stage.apply(&config("tuned")).await;
        self.side_follows().await;
        let listener = json!([{"port": 82, "protocol": "TCP", "servicePort": 80}]);
        let third = binding("third", &json!({"serviceRef": {"name": "nobody"}, "listeners": listener}));
        self.stage.apply(&third).await;
        self.stage.until("third", "ResolvedRefs", "False", "ServiceNotFound").await;
        self.stage.ok(&["delete", "dab", "third", "--timeout=150s"]).await;
        self.stage.ok(&["create", "configmap", "direct-access-controller", "--from-literal=hold-removals=true"]).await;
        self.until_held(Some("ConfigMap")).await;
        self.stage.ok(&["delete", "configmap", "direct-access-controller"]).await;
        self.until_held(None).await;
    }

    /// Removals are held for this reason, or for none.
    async fn until_held(&self, reason: Option<&str>) {
        eventually(&format!("removals are held by {reason:?}"), DEADLINE, async || {
            let text =
                reqwest::get(format!("http://{}/metrics", self.stage.admin())).await.unwrap().text().await.unwrap();
            let of_hold = text.lines().filter_map(|line| line.strip_prefix("direct_access_hold_removals{reason=\""));
            let held: Vec<_> = of_hold.filter_map(|line| line.strip_suffix("\"} 1")).collect();
            if held == Vec::from_iter(reason) { Ok(Some(())) } else { Err(format!("{held:?}")) }
        })
        .await;
    }

    /// A Service that asks by annotation, and a Pod of it: what TKE's own service controller would program and open, were it there.
    async fn apply_late(&self) {
        let mut asking = renamed(&service(), "late");
        asking["metadata"]["annotations"] = json!({(names::DIRECT_ACCESS): "true"});
        asking["spec"]["type"] = json!("LoadBalancer");
        self.stage.apply(&asking.to_string()).await;
        self.stage.apply(&renamed(&deployment(1), "late").to_string()).await;
    }

    /// The Service says this of its annotations.
    async fn until_late_says(&self, reason: &str) {
        eventually(&format!("Service late says {reason}"), DEADLINE, async || {
            let path = format!("jsonpath={{.status.conditions[?(@.type==\"{}\")].reason}}", names::SERVICE_CONDITION);
            let found = self.stage.ok(&["get", "service", "late", "-o", &path]).await;
            if found == reason { Ok(Some(())) } else { Err(found) }
        })
        .await;
    }

    fn tell(&mut self, row: &str) {
        println!("misfortune_cluster, {row}: {:.1?}", self.begun.elapsed());
        self.begun = Instant::now();
    }
}

async fn start(stage: &mut Stage, lines: &Lines) {
    let (id, key) = stage.cloud.credentials();
    let keys = Keys::new(id, key, None).unwrap();
    let config = kube::Config::new(lines.api().parse().unwrap());
    let controller = stage.controller_of(config, keys, &["--resync-seconds", "1", "--annotated-services", "All"]).await;
    stage.put_controller(controller);
}

/// The addresses of the Pods with this `app` label.
async fn pods(stage: &Stage, app: &str) -> BTreeSet<String> {
    let api: Api<Pod> = Api::default_namespaced(stage.namespace.client());
    let listed = api.list(&ListParams::default().labels(&format!("app={app}"))).await.unwrap().items;
    listed.iter().filter_map(|pod| pod.status.as_ref()?.pod_ip.clone()).collect()
}

/// All kinds expire at once, in each way.
async fn expire(scene: &mut Scene) {
    // A list of one object has one page.
    let paged = ["directaccessbindings", "services", "endpointslices", "pods", "tkeserviceconfigs"];
    for (misfortune, kinds) in [
        (Misfortune::ExpireByEvent, KINDS.as_slice()),
        (Misfortune::ExpireByStatus, KINDS.as_slice()),
        (Misfortune::ExpirePages, paged.as_slice()),
    ] {
        scene.strike(kinds, None, misfortune).await;
        scene.lines.set(Rule::Pass);
        scene.changes_are_seen().await;
        scene.tell(&format!("{misfortune:?} of all kinds"));
    }
}

/// All watches fall silent during a rolling update, and nobody ends them.
async fn stall(scene: &mut Scene) {
    scene.strike(&KINDS, None, Misfortune::Stall).await;
    let silent = Instant::now();
    scene.stage.ok(&["rollout", "restart", "deployment/web"]).await;
    scene.stage.ok(&["rollout", "status", "deployment/web", "--timeout=150s"]).await;
    scene.members_follow().await;
    println!("misfortune_cluster: a rolling update ended {:.1?} after all watches had fallen silent", silent.elapsed());
    assert!(silent.elapsed() < LONGEST_SILENCE, "{:?}", silent.elapsed());
    scene.lines.set(Rule::Pass);
    scene.tell("Stall of all kinds");
}

/// One kind after the other is forbidden while the controller is at work.
async fn forbid(scene: &mut Scene) {
    for kind in KINDS {
        let [_, calm] = scene.calm().await;
        let before = scene.weights(80);
        scene.strike(&[kind], Some(kind), Misfortune::Forbid).await;
        if MEMBERS.contains(&kind) {
            scene.size = 3;
            scene.stage.ok(&["scale", "deployment/web", "--replicas=3"]).await;
            // The end of this one is not seen, or not believed, until then.
            scene.stage.ok(&["delete", "pod", "-l", "app=side", "--wait=true"]).await;
            let now = scene.weights(80);
            assert!(
                before.iter().all(|(address, weight)| now.get(address) == Some(weight)),
                "{kind}: {before:?} {now:?}"
            );
        } else {
            scene.scale().await;
            scene.members_follow().await;
            assert_eq!(scene.conditions("side").await, calm, "{kind}");
        }
        scene.lines.set(Rule::Pass);
        scene.members_follow().await;
        scene.side_follows().await;
        if MEMBERS.contains(&kind) {
            scene.scale().await;
            scene.members_follow().await;
        }
        scene.tell(&format!("Forbid {kind}"));
    }
}

/// One kind after the other is forbidden when the controller starts.
async fn forbid_from_the_start(scene: &mut Scene) {
    for kind in KINDS {
        let calm = scene.calm().await;
        let (web, side) = (scene.weights(80), scene.weights(81));
        scene.stage.take_controller().end().await;
        scene.strike_at_start(kind).await;
        match kind {
            "tkeserviceconfigs" => scene.stage.until("side", "ResolvedRefs", "False", "ConfigUnreadable").await,
            "configmaps" => scene.until_held(Some("ConfigMapRefused")).await,
            SWITCHES => {
                scene.apply_late().await;
                scene.until_late_says("SwitchesRefused").await;
            }
            _ => {}
        }
        if OPTIONAL.contains(&kind) {
            scene.scale().await;
            scene.members_follow().await;
        } else {
            let ready = reqwest::get(format!("http://{}/readyz", scene.stage.admin())).await.unwrap();
            assert!(!ready.status().is_success(), "{kind}: who has not seen the cluster is not ready");
            assert_eq!((scene.weights(80), scene.weights(81)), (web, side), "{kind}");
            assert_eq!([scene.conditions("web").await, scene.conditions("side").await], calm, "{kind}");
        }
        if kind == SWITCHES {
            // The cloud has the new targets before the status says so.
            assert_eq!(scene.calm().await, calm, "{kind}");
            assert!(scene.stage.binding("late").await.is_none(), "TKE may program it");
            let path = format!("jsonpath={{.items[0].status.conditions[?(@.type==\"{}\")].status}}", names::GATE);
            let gate = scene.stage.ok(&["get", "pods", "-l", "app=late", "-o", &path]).await;
            assert_ne!(gate, "True", "TKE may open it");
        }
        scene.lines.set(Rule::Pass);
        scene.side_follows().await;
        if kind == SWITCHES {
            scene.stage.until_ready("late", "1/1").await;
            scene.until_late_says("Accepted").await;
            scene.stage.ok(&["delete", "service/late", "deployment/late", "--timeout=150s"]).await;
            let is_gone = async || match scene.stage.binding("late").await {
                None => Ok(Some(())),
                Some(found) => Err(format!("{:?}", found.status)),
            };
            eventually("the binding of late is gone", DEADLINE, is_gone).await;
        }
        scene.until_held(None).await;
        scene.scale().await;
        scene.members_follow().await;
        scene.tell(&format!("Forbid {kind} from the start"));
    }
}

impl Scene {
    async fn strike_at_start(&mut self, kind: &'static str) {
        let from = self.journal.len();
        self.lines.set(Rule::Strike(Some(kind), Misfortune::Forbid));
        start(&mut self.stage, &self.lines).await;
        eventually("it is refused", DEADLINE, async || self.lines.has_struck(&[kind])).await;
        if !OPTIONAL.contains(&kind) {
            assert_eq!(self.journal.write_of("only", from).map(|entry| entry.event), None, "{kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn misfortune_cluster_reads_that_fail() {
    let mut scene = Scene::new().await;
    // The elector has a table of its own.
    let watched = scene.journal.watches().into_iter().filter(|path| !path.ends_with("/leases"));
    let watched: BTreeSet<_> = watched.map(|path| kind(&path).unwrap_or_else(|| panic!("{path} has no row"))).collect();
    assert_eq!(watched, KINDS.into_iter().collect(), "each kind that is followed has its rows");
    let load = Load::start(&format!("http://{}/", scene.stage.data_plane(Protocol::Tcp, 80)), 50, Mode::Both);
    scene.tell("at rest");
    expire(&mut scene).await;
    stall(&mut scene).await;
    forbid(&mut scene).await;
    forbid_from_the_start(&mut scene).await;
    let totals = load.stop().await.unwrap();
    println!("misfortune_cluster, reads that fail: {totals}");
    assert!(totals.sent > 0 && totals.lost == 0, "{totals}");
    scene.stage.finish().await;
}
