//! What machines see of the stores.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::triggers::bindings;
use crate::api::DirectAccessBinding;
use crate::k8s::{Look, Stores};
use crate::model::{Caller, KeyMark, LoadBalancerId, ObjectKey, Pod, Region, Service};
use crate::plan::annotated::{Acceptance, Setting};
use crate::plan::brake::HoldConfig;
use crate::plan::vpc::TkeVpc;
use crate::plan::{Cluster, ClusterView, DefinitionSight, placement};
use crate::reconcile::{Caches, ConfigSight, Key};

/// What the stores show, with what flags and the cloud's client say beside them.
pub struct StoreCaches<'a> {
    /// The stores.
    pub stores: &'a Stores,
    /// The region of bindings that name none.
    pub region: &'a Region,
    /// What flags say of the cluster.
    pub cluster: Cluster,
    /// Which annotated Services get a binding.
    pub annotated_services: Acceptance,
    /// The controller's own namespace.
    pub namespace: &'a str,
    /// The key that calls which begin now are signed with.
    pub signing_key: KeyMark,
    /// Tells the account that has made all calls since a key was in use.
    pub caller: &'a (dyn Fn(&KeyMark) -> Caller + Sync),
}

impl Caches for StoreCaches<'_> {
    fn bindings(&self, key: &Key) -> Vec<Arc<DirectAccessBinding>> {
        bindings(key, self.stores, self.region)
    }

    fn view(
        &self,
        binding: Arc<DirectAccessBinding>,
        certificates: BTreeMap<String, Result<String, String>>,
        definition: Option<DefinitionSight>,
    ) -> ClusterView {
        self.stores.view(binding, certificates, definition, self.setting())
    }

    fn has_binding(&self, uid: &str) -> bool {
        self.stores.has_binding(uid)
    }

    fn bindings_of(&self, service: &ObjectKey) -> Vec<Arc<DirectAccessBinding>> {
        self.stores.bindings_of(service).iter().map(|row| row.0.clone()).collect()
    }

    fn holding(&self, pod: &Pod) -> Vec<Arc<DirectAccessBinding>> {
        self.stores.holding(pod).iter().map(|row| row.0.clone()).collect()
    }

    fn pod(&self, namespace: &str, uid: &str) -> Option<Arc<Pod>> {
        self.stores.pods.row(namespace, uid)
    }

    fn reassigned(&self, namespace: &str, registered: &BTreeMap<IpAddr, String>) -> BTreeSet<IpAddr> {
        self.stores.reassigned(namespace, registered)
    }

    fn cluster(&self) -> Cluster {
        let switches = self.stores.switches();
        Cluster { allows_global_route: switches.global_route, has_tke: switches.has_tke, ..self.cluster }
    }

    fn named_load_balancers(&self, region: &Region) -> BTreeSet<LoadBalancerId> {
        let bindings = self.stores.bindings.all();
        let here = bindings.iter().filter(|row| placement::region_of(&row.0, region) == *region);
        let ids = here.filter_map(|row| row.0.spec.load_balancer.as_ref()?.id.as_deref());
        ids.map(LoadBalancerId::new).collect()
    }

    fn tke_vpc(&self) -> TkeVpc {
        self.stores.tke_vpc()
    }

    fn setting(&self) -> Setting {
        let switches = self.stores.switches();
        Setting {
            acceptance: self.annotated_services,
            has_tke: switches.has_tke,
            is_default: switches.default_direct_access,
        }
    }

    fn hold(&self) -> HoldConfig {
        self.stores.hold(self.namespace)
    }

    fn signing_key(&self) -> KeyMark {
        self.signing_key.clone()
    }

    fn caller(&self, since: &KeyMark) -> Caller {
        (self.caller)(since)
    }

    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.stores.services.row(&key.namespace, &key.name)
    }

    fn selecting(&self, pod: &Pod) -> Vec<Arc<Service>> {
        self.stores.selecting(pod)
    }

    fn bindings_in(&self, namespace: &str) -> Vec<Arc<DirectAccessBinding>> {
        self.stores.bindings.rows(namespace).values().map(|row| row.0.clone()).collect()
    }

    fn waiting(&self, namespace: &str) -> Vec<Arc<Pod>> {
        self.stores.pods.rows(namespace).values().filter(|pod| pod.gate.is_waiting()).cloned().collect()
    }

    fn config(&self, key: &ObjectKey) -> Option<ConfigSight> {
        let row = match self.stores.configs.look(&key.namespace, &key.name) {
            Look::Found(row) => row,
            // There is nothing to write a status to.
            Look::Absent | Look::Refused(_) => return None,
        };
        let version = row.resource_version().map(str::to_owned);
        Some(ConfigSight { owners: row.owners.clone(), version, config: row.config.clone() })
    }
}
