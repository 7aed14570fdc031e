//! What a machine sees when it decides: caches, what the machines of a replica share, and the time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Effect, Key, NotTaken, Shared};
use crate::api::DirectAccessBinding;
use crate::model::{Caller, KeyMark, LoadBalancerId, ObjectKey, Pod, Region, Service};
use crate::plan::annotated::Setting;
use crate::plan::brake::HoldConfig;
use crate::plan::config::ConfigObject;
use crate::plan::vpc::TkeVpc;
use crate::plan::{Cluster, ClusterView, DefinitionSight};
use crate::status::Field;

/// What the caches of a replica show at one moment. It asks nobody and waits for nothing.
pub trait Caches {
    /// The bindings that a machine is about.
    fn bindings(&self, key: &Key) -> Vec<Arc<DirectAccessBinding>>;
    /// The binding with the objects that it refers to. `certificates` are the ids of certificates, or why there is none, by the name of
    /// the Secret in the binding's namespace; `definition` is absent until it was asked for.
    fn view(
        &self,
        binding: Arc<DirectAccessBinding>,
        certificates: BTreeMap<String, Result<String, String>>,
        definition: Option<DefinitionSight>,
    ) -> ClusterView;
    /// Whether a binding of this UID is there.
    fn has_binding(&self, uid: &str) -> bool;
    /// The bindings of a Service.
    fn bindings_of(&self, service: &ObjectKey) -> Vec<Arc<DirectAccessBinding>>;
    /// The bindings that hold a Pod: their Service selects it, or did when it was last seen.
    fn holding(&self, pod: &Pod) -> Vec<Arc<DirectAccessBinding>>;
    /// A Pod by namespace and UID.
    fn pod(&self, namespace: &str, uid: &str) -> Option<Arc<Pod>>;
    /// Which of these addresses, each registered for a Pod of this namespace whose UID begins with a mark, another living Pod of the
    /// cluster has by now.
    fn reassigned(&self, namespace: &str, registered: &BTreeMap<IpAddr, String>) -> BTreeSet<IpAddr>;
    /// What the cluster is like.
    fn cluster(&self) -> Cluster;
    /// What decides about annotated Services.
    fn setting(&self) -> Setting;
    /// What the controller's ConfigMap says of removals.
    fn hold(&self) -> HoldConfig;
    /// The key that calls of the cloud which begin now are signed with.
    fn signing_key(&self) -> KeyMark;
    /// The account that has made all calls since this key was in use, as far as is known.
    fn caller(&self, since: &KeyMark) -> Caller;
    /// A Service.
    fn service(&self, key: &ObjectKey) -> Option<Arc<Service>>;
    /// The Services that select a Pod.
    fn selecting(&self, pod: &Pod) -> Vec<Arc<Service>>;
    /// The bindings of a namespace.
    fn bindings_in(&self, namespace: &str) -> Vec<Arc<DirectAccessBinding>>;
    /// The Pods of a namespace whose gate is not open.
    fn waiting(&self, namespace: &str) -> Vec<Arc<Pod>>;
    /// The load balancers that bindings name, in this region.
    fn named_load_balancers(&self, region: &Region) -> BTreeSet<LoadBalancerId>;
    /// What TKE's ConfigMap says of the cluster's VPC.
    fn tke_vpc(&self) -> TkeVpc;
    /// A TkeServiceConfig.
    fn config(&self, key: &ObjectKey) -> Option<ConfigSight>;
}

/// What the caches show of a TkeServiceConfig.
#[derive(Clone, Debug)]
pub struct ConfigSight {
    /// UIDs of the objects that own it.
    pub owners: Vec<String>,
    /// Its resource version.
    pub version: Option<String>,
    /// The object, as far as it can be read.
    pub config: Arc<ConfigObject>,
}

/// What flags say.
#[derive(Clone, Debug)]
pub struct Flags {
    /// The region of bindings that name none.
    pub region: Region,
    /// How often a load balancer is read that nothing happens to.
    pub resync: Duration,
    /// The VPC of the cluster, where a flag says it.
    pub vpc_id: Option<String>,
}

/// The time.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// By the API server's clock, which may go back: for what is read from objects and recorded in them.
    pub wall: Timestamp,
    /// Since some moment that stays the same, by a clock that never goes back: for everything that lasts.
    pub at: Duration,
}

/// What a machine sees when it decides.
pub struct Surroundings<'a> {
    /// What the caches show.
    pub caches: &'a dyn Caches,
    /// What the machines of a replica share.
    pub shared: &'a Shared,
    /// What flags say.
    pub flags: &'a Flags,
    /// The time.
    pub now: Now,
}

impl Surroundings<'_> {
    /// What became of a write for a binding to an object, which is given by kind and name.
    pub fn record<T>(&self, binding: &str, field: (Field, &str), result: &Result<T, NotTaken>) {
        let mut refused = self.shared.refused();
        if result.is_err() && !refused.is_known(binding) {
            refused.retain(|uid| self.caches.has_binding(uid));
        }
        refused.record(binding, field, result, self.now.wall);
    }
}

/// What a step sees, and where its effects go.
pub(super) struct At<'a, 'b> {
    pub(super) surroundings: &'a Surroundings<'b>,
    pub(super) out: &'a mut Vec<Effect>,
}

impl At<'_, '_> {
    /// Since some moment that stays the same.
    pub(super) fn at(&self) -> Duration {
        self.surroundings.now.at
    }
}
