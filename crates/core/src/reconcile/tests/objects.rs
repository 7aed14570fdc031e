//! The objects of one namespace, as the API server has them and as caches show them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::DynamicObject;
use serde_json::json;

use crate::api::{DirectAccessBinding, TkeServiceConfig, names};
use crate::model::{Caller, GateState, KeyMark, LoadBalancerId, ObjectKey, Pod, Region, Service};
use crate::plan::annotated::{Acceptance, Setting};
use crate::plan::brake::HoldConfig;
use crate::plan::tests::world::{NAMESPACE, uid};
use crate::plan::vpc::TkeVpc;
use crate::plan::{Cluster, ClusterView, DefinitionSight, selects};
use crate::reconcile::{Caches, ConfigSight, Key, NotTaken, Taken, Write};
use crate::status::RefusalKind;
use crate::status::service::Application;

/// What there is in one namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    pub(super) setting: Setting,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) bindings: BTreeMap<String, Arc<DirectAccessBinding>>,
    /// By UID.
    pub(super) pods: BTreeMap<String, Pod>,
    pub(super) configs: BTreeMap<String, Arc<TkeServiceConfig>>,
    /// How many writes there were.
    versions: u64,
}

impl Objects {
    /// All annotated Services are taken.
    pub(super) fn new() -> Self {
        let setting = Setting { acceptance: Acceptance::All, ..Setting::default() };
        Self { setting, ..Self::default() }
    }

    pub(super) fn edit_binding(&mut self, name: &str, change: impl FnOnce(&mut DirectAccessBinding)) {
        if let Some(binding) = self.bindings.get_mut(name) {
            change(Arc::make_mut(binding));
        }
    }

    /// All of it, to compare.
    pub(super) fn shown(&self) -> String {
        format!("{:?} {:?} {:?} {:?}", self.services, self.bindings, self.pods, self.configs)
    }

    fn selecting_keys(&self, pod: &Pod) -> BTreeSet<&str> {
        self.services
            .values()
            .filter(|service| selects(service, pod))
            .map(|service| service.key.name.as_str())
            .collect()
    }
}

impl Caches for Objects {
    fn bindings(&self, _key: &Key) -> Vec<Arc<DirectAccessBinding>> {
        unreachable!("it is about a load balancer")
    }

    fn view(
        &self,
        _: Arc<DirectAccessBinding>,
        _: BTreeMap<String, Result<String, String>>,
        _: Option<DefinitionSight>,
    ) -> ClusterView {
        unreachable!("it is about a load balancer")
    }

    fn has_binding(&self, uid: &str) -> bool {
        self.bindings.values().any(|binding| binding.metadata.uid.as_deref() == Some(uid))
    }

    fn bindings_of(&self, service: &ObjectKey) -> Vec<Arc<DirectAccessBinding>> {
        self.bindings.values().filter(|binding| binding.spec.service_ref.name == service.name).cloned().collect()
    }

    fn holding(&self, pod: &Pod) -> Vec<Arc<DirectAccessBinding>> {
        let selecting = self.selecting_keys(pod);
        let holds = |binding: &&Arc<DirectAccessBinding>| selecting.contains(binding.spec.service_ref.name.as_str());
        self.bindings.values().filter(holds).cloned().collect()
    }

    fn pod(&self, _namespace: &str, uid: &str) -> Option<Arc<Pod>> {
        self.pods.get(uid).cloned().map(Arc::new)
    }

    fn reassigned(&self, _: &str, _: &BTreeMap<IpAddr, String>) -> BTreeSet<IpAddr> {
        unreachable!("it is about a load balancer")
    }

    fn named_load_balancers(&self, _: &Region) -> BTreeSet<LoadBalancerId> {
        unreachable!("it is about a load balancer")
    }

    fn tke_vpc(&self) -> TkeVpc {
        unreachable!("it is about a load balancer")
    }

    fn cluster(&self) -> Cluster {
        Cluster { has_tke: self.setting.has_tke, ..Cluster::default() }
    }

    fn setting(&self) -> Setting {
        self.setting
    }

    fn hold(&self) -> HoldConfig {
        HoldConfig::default()
    }

    fn signing_key(&self) -> KeyMark {
        unreachable!("it is about a load balancer")
    }

    fn caller(&self, _since: &KeyMark) -> Caller {
        unreachable!("it is about a load balancer")
    }

    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.services.get(&key.name).cloned().map(Arc::new)
    }

    fn selecting(&self, pod: &Pod) -> Vec<Arc<Service>> {
        self.services.values().filter(|service| selects(service, pod)).cloned().map(Arc::new).collect()
    }

    fn bindings_in(&self, _namespace: &str) -> Vec<Arc<DirectAccessBinding>> {
        self.bindings.values().cloned().collect()
    }

    fn waiting(&self, _namespace: &str) -> Vec<Arc<Pod>> {
        self.pods.values().filter(|pod| pod.gate.is_waiting()).cloned().map(Arc::new).collect()
    }

    fn config(&self, key: &ObjectKey) -> Option<ConfigSight> {
        let config = self.configs.get(&key.name)?;
        let owners = config.metadata.owner_references.iter().flatten().map(|owner| owner.uid.clone()).collect();
        Some(ConfigSight {
            owners,
            version: config.metadata.resource_version.clone(),
            config: Arc::new(TkeServiceConfig::clone(config).into()),
        })
    }
}

impl Objects {
    /// Each write as the API server takes it: not of an object with another UID or version.
    pub(super) fn write(&mut self, write: Write) -> Result<Taken, NotTaken> {
        self.versions += 1;
        let (version, objects) = (self.versions, self);
        let done = match write {
            Write::NewBinding(new) => {
                let name = new.service().key.name.clone();
                let binding = objects.bindings.entry(name).or_insert_with(|| new_binding(new.service(), version));
                become_like(binding, new.wanted());
                Some(())
            }
            Write::OwnBinding { service, uid, wanted } => {
                let found = objects.bindings.get_mut(&service.key.name).filter(has(&uid));
                found.map(|found| become_like(found, &wanted))
            }
            Write::Mark { binding, uid, mark } => {
                objects.bindings.get_mut(&binding.name).filter(has(&uid)).map(|found| {
                    let annotations = Arc::make_mut(found).metadata.annotations.get_or_insert_default();
                    annotations.remove(names::PARKED);
                    annotations.extend(mark.map(|mark| (names::PARKED.to_owned(), mark)));
                })
            }
            Write::Deletion { binding, uid } => {
                let found = objects.bindings.get_mut(&binding.name).filter(has(&uid));
                found.map(|_| ()).inspect(|()| _ = objects.bindings.remove(&binding.name))
            }
            Write::ServiceConditions { service, condition, bound_by_hand } => {
                let found = objects.services.get_mut(&service.key.name).filter(|found| found.uid == service.uid);
                found.map(|found| (found.condition, found.bound_by_hand) = (condition, bound_by_hand))
            }
            Write::Gate { uid, condition, .. } => {
                objects.pods.get_mut(&uid).filter(|_| condition.is_open).map(|pod| pod.gate = GateState::Open)
            }
            Write::NewConfig { config } => new_config(*config, version).and_then(|config| {
                let name = config.metadata.name.clone()?;
                let is_free = !objects.configs.contains_key(&name);
                is_free.then(|| _ = objects.configs.insert(name, Arc::new(config)))
            }),
            Write::Config { config } => changed_config(objects, *config, version),
            Write::ConfigStatus { config, status } => {
                let meta = &config.object.metadata;
                let name = meta.name.clone().unwrap_or_default();
                let found = objects.configs.get_mut(&name).filter(|found| found.metadata.uid == meta.uid);
                found.map(|found| {
                    let found = Arc::make_mut(found);
                    found.status = Some(*status);
                    found.metadata.resource_version = Some(version.to_string());
                })
            }
            other => unreachable!("{other:?} is written by another machine"),
        };
        let outdated = || NotTaken { kind: RefusalKind::Outdated, words: "the object has been modified".to_owned() };
        done.map(|()| Taken::Other).ok_or_else(outdated)
    }
}

fn has(uid: &str) -> impl Fn(&&mut Arc<DirectAccessBinding>) -> bool {
    move |binding| binding.metadata.uid.as_deref() == Some(uid)
}

fn become_like(binding: &mut Arc<DirectAccessBinding>, wanted: &Application) {
    let binding = Arc::make_mut(binding);
    binding.spec = wanted.spec.clone();
    let annotations = binding.metadata.annotations.get_or_insert_default();
    annotations.insert(names::ASKED_BY.to_owned(), wanted.origin.as_str().to_owned());
}

fn new_binding(service: &Service, version: u64) -> Arc<DirectAccessBinding> {
    let owner = json!({"apiVersion": "v1", "kind": "Service", "name": service.key.name, "uid": service.uid,
        "controller": true, "blockOwnerDeletion": true});
    let object = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": service.key.name, "namespace": NAMESPACE, "uid": uid(u32::try_from(version).unwrap()),
            "generation": 1, "ownerReferences": [owner]},
        "spec": {"serviceRef": {"name": service.key.name}},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

pub(super) fn as_dynamic(config: &TkeServiceConfig) -> DynamicObject {
    serde_json::from_value(serde_json::to_value(config).unwrap()).unwrap()
}

fn new_config(config: DynamicObject, version: u64) -> Option<TkeServiceConfig> {
    let mut config: TkeServiceConfig = serde_json::from_value(serde_json::to_value(config).unwrap()).unwrap();
    config.metadata.uid = Some(uid(u32::try_from(version).unwrap()));
    config.metadata.generation = Some(1);
    config.metadata.resource_version = Some(version.to_string());
    Some(config)
}

fn changed_config(objects: &mut Objects, config: DynamicObject, version: u64) -> Option<()> {
    let found = objects.configs.get_mut(config.metadata.name.as_deref()?)?;
    let is_same = found.metadata.resource_version == config.metadata.resource_version;
    is_same.then(|| {
        let next: TkeServiceConfig = serde_json::from_value(serde_json::to_value(config).unwrap()).unwrap();
        let found = Arc::make_mut(found);
        found.spec = next.spec;
        found.metadata.generation = found.metadata.generation.map(|generation| generation + 1);
        found.metadata.resource_version = Some(version.to_string());
    })
}

/// Its deletion is asked for.
pub(super) fn delete(objects: &mut Objects, name: &str, at: Timestamp) {
    objects.edit_binding(name, |binding| binding.metadata.deletion_timestamp = Some(Time(at)));
}
