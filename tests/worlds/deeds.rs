//! What a person, or misfortune, does to a real control plane where a story has an act.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access::sim::{Fault as CloudFault, When};
use tke_direct_access_worlds::{Act, Fault, Kind, PodChange, Workload, console};

use crate::player::{Later, Player};
use crate::replica::Replica;
use crate::support::eventually;

/// The prefix of annotations that say how a Pod behaves.
const BEHAVIOUR: &str = "loopback.tke-direct-access.dev";
/// What keeps a Pod from listening for longer than any story lasts.
const NEVER: &str = "1h";
/// Where a Pod keeps the label that a user has taken away.
const FORMER_APP: &str = "former-app";

impl Player {
    pub(crate) async fn act(&mut self, act: Act) {
        if !matches!(act, Act::Workload(_) | Act::Service { .. } | Act::Binding { .. } | Act::Config { .. }) {
            self.flush().await;
        }
        match act {
            Act::Workload(workload) => self.apply_workload(&workload),
            Act::DeleteWorkload(name) => self.delete(self.kind_of(&name), &name).await,
            Act::Scale(name, replicas) => {
                self.user(&["scale", self.kind_of(&name), &name, &format!("--replicas={replicas}")]).await;
            }
            Act::Rollout(name) => self.roll_out(&name, json!({})).await,
            Act::Broken(name, is_broken) => {
                let delay = if is_broken { Value::from(NEVER) } else { Value::Null };
                self.roll_out(&name, json!({format!("{BEHAVIOUR}/start-delay"): delay})).await;
            }
            Act::DeletePod(place) => {
                if let Some(name) = self.pod_at(place).await {
                    self.delete("pod", &name).await;
                }
            }
            Act::Unready(place, seconds) => {
                if let Some(name) = self.pod_at(place).await {
                    self.user(&["annotate", "pod", &name, &format!("{BEHAVIOUR}/fail-health=true")]).await;
                    self.after(seconds, Later::Heal(name));
                }
            }
            Act::Service { name, annotations, spec } => {
                let meta = json!({"name": name, "annotations": annotations});
                self.applied.push(json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}));
            }
            Act::DeleteService(name) => self.delete("service", &name).await,
            Act::Binding { name, spec } => {
                self.next_second().await;
                self.applied.push(custom("DirectAccessBinding", &name, &spec));
            }
            Act::DeleteBinding(name) => self.delete("directaccessbinding", &name).await,
            Act::Replace(name) => {
                let bare = r#"{"metadata":{"finalizers":null}}"#;
                self.user(&["patch", "directaccessbinding", &name, "--type=merge", "-p", bare]).await;
            }
            Act::Config { name, spec } => self.applied.push(custom("TkeServiceConfig", &name, &spec)),
            Act::DeleteConfig(name) => self.delete("tkeserviceconfig", &name).await,
            // Where nothing comes of it, nothing comes of it in the world either.
            Act::Console(act) => _ = self.stage.cloud.console(|state| console::perform(state, &act)),
            Act::Fault(fault) => self.misfortune(fault).await,
            Act::Pod(place, change) => self.change_pod(place, &change).await,
            other @ (Act::Dialect(_) | Act::VendorsConfigs | Act::TakeOut(..) | Act::Slices(_) | Act::Hold(_)) => {
                panic!("{other:?} cannot be done to a control plane")
            }
        }
    }

    async fn change_pod(&self, place: usize, change: &PodChange) {
        let may = |pod: &Pod| match change {
            PodChange::Label => pod.labels().contains_key(FORMER_APP),
            PodChange::Weigh(None) => pod.annotations().contains_key(names::CUSTOM_WEIGHT),
            _ => true,
        };
        let pods: Vec<_> = self.pods().await.into_iter().filter(may).collect();
        let Some(pod) = pods.get(place % pods.len().max(1)) else { return };
        let (name, weight) = (&*pod.name_any(), names::CUSTOM_WEIGHT);
        let label = |key: &str| pod.labels().get(key).cloned().unwrap_or_default();
        match change {
            PodChange::Unlabel => {
                self.user(&["label", "pod", name, "app-", &format!("{FORMER_APP}={}", label("app"))]).await;
            }
            PodChange::Label => {
                let app = format!("app={}", label(FORMER_APP));
                self.user(&["label", "pod", name, &app, &format!("{FORMER_APP}-")]).await;
            }
            PodChange::Weigh(Some(word)) => {
                self.user(&["annotate", "--overwrite", "pod", name, &format!("{weight}={word}")]).await;
            }
            PodChange::Weigh(None) => self.user(&["annotate", "pod", name, &format!("{weight}-")]).await,
            PodChange::Force => {
                self.user(&["delete", "pod", name, "--force", "--grace-period=0", "--wait=false"]).await;
            }
            PodChange::Finish(_) | PodChange::Readdress(_) => panic!("{change:?} cannot be done to a control plane"),
        }
    }

    async fn misfortune(&mut self, fault: Fault) {
        match fault {
            Fault::Calls { action, count, effect } => self.stage.cloud.inject(CloudFault {
                action,
                load_balancer: None,
                names: None,
                when: When::Next(count),
                effect,
            }),
            Fault::Mended => self.stage.cloud.clear_faults(),
            Fault::Crash(replica, seconds) => {
                drop(self.replicas.remove(&(replica % 2)));
                self.after(seconds, Later::Start(replica % 2));
            }
            Fault::Freeze(replica, seconds) => {
                if let Some(found) = self.replicas.get(&(replica % 2)) {
                    found.signal("STOP");
                    self.after(seconds, Later::Thaw(replica % 2));
                }
            }
            Fault::DeleteLease => {
                self.user(&["delete", "leases", "--all", "--wait=false"]).await;
            }
            other => panic!("{other:?} cannot be done to a control plane"),
        }
    }

    pub(crate) async fn do_later(&mut self, what: Later) {
        match what {
            // One that was told twice to begin does so once.
            Later::Start(number) => {
                let stage = &self.stage;
                self.replicas.entry(number).or_insert_with(|| Replica::start(stage, number));
            }
            Later::Thaw(number) => {
                if let Some(found) = self.replicas.get(&number) {
                    found.signal("CONT");
                }
            }
            Later::Heal(name) => {
                self.user(&["annotate", "pod", &name, &format!("{BEHAVIOUR}/fail-health-")]).await;
            }
        }
    }

    /// Does what a user asks for. What there is not, or what the API server refuses, is theirs to know.
    async fn user(&self, arguments: &[&str]) {
        let _ = self.stage.kubectl(arguments).await;
    }

    async fn delete(&self, kind: &str, name: &str) {
        self.user(&["delete", kind, name, "--wait=false"]).await;
    }

    /// Waits until it is a later second than that of the last binding.
    async fn next_second(&mut self) {
        let second = || std::time::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_secs());
        let last = self.last_binding;
        eventually("the second is over", Duration::from_secs(5), || std::future::ready(second() > last)).await;
        self.last_binding = second();
    }

    /// Applies what users have made ready.
    pub(crate) async fn flush(&mut self) {
        let objects = std::mem::take(&mut self.applied);
        let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
        if !texts.is_empty() {
            let namespace = &self.stage.namespace.name;
            // What the API server refuses is theirs to know.
            let _ = self.stage.control_plane.kubectl_apply(namespace, &texts.join("\n---\n")).await;
        }
    }

    /// The Pods that there are, by name.
    async fn pods(&self) -> Vec<Pod> {
        let pods: Api<Pod> = Api::default_namespaced(self.stage.namespace.client());
        let mut all = pods.list(&ListParams::default()).await.expect("Pods can be listed").items;
        all.sort_by_key(Pod::name_any);
        all
    }

    /// The name of the Pod at this place.
    async fn pod_at(&self, place: usize) -> Option<String> {
        let all = self.pods().await;
        all.get(place % all.len().max(1)).map(Pod::name_any)
    }

    /// Changes a template, by its version at least.
    async fn roll_out(&mut self, name: &str, annotations: Value) {
        let revision = self.revise(name);
        let mut annotations = annotations;
        annotations[format!("{BEHAVIOUR}/version")] = Value::from(format!("v{revision}"));
        let patch = json!({"spec": {"template": {"metadata": {"annotations": annotations}}}}).to_string();
        self.user(&["patch", self.kind_of(name), name, "--type=merge", "--patch", &patch]).await;
    }

    fn kind_of(&self, name: &str) -> &'static str {
        match self.kinds.get(name) {
            Some(Kind::StatefulSet) => "statefulset",
            Some(Kind::Deployment) | None => "deployment",
        }
    }

    fn revise(&mut self, name: &str) -> u32 {
        let revision = self.revisions.entry(name.to_owned()).or_default();
        *revision += 1;
        *revision
    }

    fn apply_workload(&mut self, workload: &Workload) {
        let revision = self.revise(&workload.name);
        let mut annotations = json!({format!("{BEHAVIOUR}/version"): format!("v{revision}")});
        if let Some(weight) = &workload.weight {
            annotations[names::CUSTOM_WEIGHT] = Value::from(weight.clone());
        }
        if workload.broken {
            annotations[format!("{BEHAVIOUR}/start-delay")] = Value::from(NEVER);
        }
        let mut container = json!({
            "name": "web", "image": "registry.example.com/web:v1",
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1},
        });
        if workload.pre_stop > 0 {
            container["lifecycle"] = json!({"preStop": {"sleep": {"seconds": workload.pre_stop}}});
        }
        let mut pod = json!({
            "automountServiceAccountToken": false, "terminationGracePeriodSeconds": workload.grace,
            "containers": [container],
        });
        if workload.gate {
            pod["readinessGates"] = json!([{"conditionType": names::GATE}]);
        }
        let labels = json!({"app": workload.app});
        // One of both has to be above 0.
        let surge = workload.surge.max(usize::from(workload.unavailable == 0));
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": workload.name},
            "spec": {
                "replicas": workload.replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod},
            },
        });
        if workload.kind == Kind::StatefulSet {
            (object["kind"], object["spec"]["serviceName"]) = ("StatefulSet".into(), workload.name.clone().into());
        } else {
            object["spec"]["strategy"] =
                json!({"rollingUpdate": {"maxSurge": surge, "maxUnavailable": workload.unavailable}});
        }
        self.kinds.insert(workload.name.clone(), workload.kind);
        self.applied.push(object);
    }
}

fn custom(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "cloud.tencent.com/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}
