//! Everything one round saw, frozen: what Kubernetes says, what the cloud says, and which reads failed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::adoption::{self, Adoption, Refused};
use super::config::ConfigObject;
use super::config::reference;
use super::deletion::Departure;
use super::placement::is_controlling_service;
use super::remembered::Remembered;
use super::removals::Removals;
use super::tags::registered_addresses;
use super::vpc::ClusterVpc;
use crate::api::DirectAccessBinding;
use crate::model::{
    Caller, ClusterNetwork, Failure, Known, Limits, Listener, LoadBalancer, LoadBalancerId, Pod, Region,
    RegisteredTarget, Route, Service, Slice, TargetHealth, Witnesses,
};

/// The input of a plan.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The load balancer that this round is about.
    pub load_balancer: LoadBalancerId,
    /// The region that it is in.
    pub region: Region,
    /// What the cloud said.
    pub cloud: Cloud,
    /// The account by which it was asked.
    pub caller: Caller,
    /// The bindings of this load balancer, in any order.
    pub bindings: Vec<BindingView>,
    /// What the cluster is like.
    pub cluster: Cluster,
    /// The VPC of the cluster. For a load balancer that is there: as the flag or TKE says it, whatever load balancers are of.
    pub vpc: ClusterVpc,
    /// Whether what was read of the cloud may be acted on.
    pub reads: ReadState,
    /// Whether removals are held.
    pub removals: Removals,
    /// Batch sizes and quotas.
    pub limits: Limits,
    /// What earlier rounds have seen and done.
    pub remembered: Remembered,
    /// When the round began, by the API server's clock: for what is read from objects and recorded in them, and for nothing else.
    pub now: Timestamp,
    /// The same since some moment that stays the same, by a clock that never goes back: for everything that lasts.
    pub at: Duration,
}

/// What the cluster is like, as far as it concerns binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The network of Pods that say nothing of theirs.
    pub network: ClusterNetwork,
    /// Pods in GlobalRouter may be bound directly.
    pub allows_global_route: Known,
    /// TKE's own service controller is there.
    pub has_tke: Known,
    /// Pods with the address of their node may be bound.
    pub allows_host_network: bool,
}

/// Whether what was read of the cloud may be acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadState {
    /// All of it: no task of ours has ended since the reads began.
    #[default]
    Settled,
    /// Of the targets: listeners, or health, are still being read. What is on the way out goes, and nothing else is done or said.
    TargetsOnly,
    /// All of it, but that health was never read and is being read now: nothing is said yet.
    HealthPending,
    /// Nothing: a task of ours runs. It shows what gates wait for.
    DuringTask,
}

/// What the reads of the cloud gave.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a round has one, and moves it twice")]
pub enum Cloud {
    /// All reads worked.
    Observed(Observed),
    /// The cloud does not show the load balancer.
    Missing(Witnesses),
    /// The binding names no load balancer, and none is recorded that it has created. These carry its tag.
    Unplaced(Vec<LoadBalancer>),
    /// A read failed, so nothing is known; nothing may be changed.
    Failed(Failure),
}

/// The observed state of one load balancer.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The load balancer.
    pub load_balancer: LoadBalancer,
    /// All its listeners, ours and foreign.
    pub listeners: Vec<Listener>,
    /// The targets of the listeners that concern us: one entry for each route, also when it has no targets.
    pub targets: BTreeMap<Route, Vec<RegisteredTarget>>,
    /// Health, by a read that began after the targets of `health_basis` were read, so that it cannot be older than a registration
    /// seen there. `Err` when that read failed: targets can still be planned, health is then unknown.
    pub health: Result<Vec<TargetHealth>, Failure>,
    /// The targets as they were read before health was, where that took so long that they were read again since; `None` when these
    /// are the targets. Health says nothing of others.
    pub health_basis: Option<Arc<BTreeMap<Route, Vec<RegisteredTarget>>>>,
}

/// One binding with the objects it refers to, before anybody has looked at the cloud for it: nothing can be planned on it.
#[derive(Clone, Debug)]
pub struct ClusterView {
    /// The binding.
    pub binding: Arc<DirectAccessBinding>,
    /// Its Service; `None` when there is none of that name.
    pub service: Option<Arc<Service>>,
    /// The slices of the Service.
    pub slices: Vec<Arc<Slice>>,
    /// All Pods of the namespace.
    pub pods: Arc<BTreeMap<String, Arc<Pod>>>,
    /// What the Secrets that the binding names as certificates say, by name: the id of a certificate, or why there is none.
    pub certificates: BTreeMap<String, Result<String, String>>,
    /// The TkeServiceConfig that it uses.
    pub config: ConfigView,
    /// This binding is the oldest of its Service, and so the one that speaks for it in annotations.
    pub speaks_for_service: bool,
    /// Why it goes, if it does.
    pub departure: Departure,
}

impl ClusterView {
    /// The view with what the cloud shows of the binding. Whoever plans, the controller and the plugin, makes it here, so that none knows
    /// less of what is the binding's. `has_binding` tells whether a binding of a UID is there; `reassigned` which of some addresses, each
    /// registered for a Pod whose UID begins with a mark, another living Pod has by now.
    pub fn on(
        self,
        cloud: &Cloud,
        remembered: &Remembered,
        has_binding: impl Fn(&str) -> bool,
        reassigned: impl FnOnce(&BTreeMap<IpAddr, String>) -> BTreeSet<IpAddr>,
    ) -> BindingView {
        let Self { binding, service, slices, pods, certificates, config, speaks_for_service, departure } = self;
        let mut view = BindingView {
            binding,
            service,
            slices,
            pods,
            reassigned: BTreeSet::new(),
            certificates,
            config,
            speaks_for_service,
            departure,
            former_uids: BTreeSet::new(),
            not_adopted: Vec::new(),
        };
        let Adoption { former_uids, refused } = adoption::of_binding(&view.binding, cloud, has_binding);
        (view.former_uids, view.not_adopted) = (former_uids, refused);
        if let Cloud::Observed(observed) = cloud {
            view.reassigned = reassigned(&registered_addresses(&view, observed, remembered));
        }
        view
    }
}

/// One binding with the objects it refers to, and with what the cloud shows of it. [`ClusterView::on`] makes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BindingView {
    /// The binding.
    pub binding: Arc<DirectAccessBinding>,
    /// Its Service; `None` when there is none of that name.
    pub service: Option<Arc<Service>>,
    /// The slices of the Service.
    pub slices: Vec<Arc<Slice>>,
    /// All Pods of the namespace.
    pub pods: Arc<BTreeMap<String, Arc<Pod>>>,
    /// Addresses of Pods on silent nodes that another Pod of the cluster, in whatever namespace, has by now.
    pub reassigned: BTreeSet<IpAddr>,
    /// What the Secrets that the binding names as certificates say, by name: the id of a certificate, or why there is none.
    pub certificates: BTreeMap<String, Result<String, String>>,
    /// The TkeServiceConfig that it uses.
    pub config: ConfigView,
    /// This binding is the oldest of its Service, and so the one that speaks for it in annotations.
    pub speaks_for_service: bool,
    /// Why it goes, if it does.
    pub departure: Departure,
    /// UIDs by which marks in the cloud name it besides its own: those of bindings whose place it has taken.
    pub former_uids: BTreeSet<String>,
    /// What it asks to take the place of and may not.
    pub not_adopted: Vec<Refused>,
}

/// Where a binding's reference to a TkeServiceConfig leads.
#[derive(Clone, Debug, Default)]
pub enum ConfigView {
    /// It refers to none.
    #[default]
    None,
    /// There is none of that name. These are the names of the configs of the namespace, sorted.
    Missing(Vec<String>),
    /// There is none yet: the controller is about to make it for the binding.
    Making,
    /// The binding would make it, and there is one of that name that is not the binding's.
    Foreign,
    /// Whether there is one is not known: the API server refuses to list them, in these words.
    Refused(String),
    /// This one.
    Found {
        /// The config, as far as it can be read.
        config: Arc<ConfigObject>,
        /// Whether other bindings use it.
        users: ConfigUsers,
    },
}

/// Who uses a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigUsers {
    /// This binding alone: an entry without a listener of this binding is for nothing.
    This,
    /// Others too.
    Several,
}

impl BindingView {
    /// The name of the config that it uses; empty when it uses none.
    pub(super) fn config_name(&self) -> String {
        reference(&self.binding, self.service.as_deref()).map(|found| found.name).unwrap_or_default()
    }

    /// The UID, which marks what is ours in the cloud.
    pub fn uid(&self) -> &str {
        self.binding.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The binding was made for its annotated Service, which owns it.
    pub fn is_of_service(&self) -> bool {
        let owners = self.binding.metadata.owner_references.as_deref().unwrap_or_default();
        owners.iter().any(|owner| {
            is_controlling_service(owner) && self.service.as_deref().is_none_or(|service| service.uid == owner.uid)
        })
    }

    /// `namespace/name`, for messages.
    pub fn display_name(&self) -> String {
        let (namespace, name) = self.place();
        format!("{namespace}/{name}")
    }

    /// Its namespace and its name.
    pub fn place(&self) -> (&str, &str) {
        let meta = &self.binding.metadata;
        (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
    }

    /// Deletion was asked for.
    pub fn is_deleting(&self) -> bool {
        self.binding.metadata.deletion_timestamp.is_some()
    }

    /// Order of seniority: creation time, then UID. The smaller one wins a conflict.
    pub fn seniority(&self) -> (Option<Timestamp>, &str) {
        (self.binding.metadata.creation_timestamp.as_ref().map(|t| t.0), self.uid())
    }
}
