//! Everything of Kubernetes that rounds look at, kept up to date by watches.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bounded;
use super::convert;
use super::index::{self, Word};
use super::table::{Difference, Look, OptionalTable, Table};
use super::watch::{Kind, Sink, follow};
use crate::api::binding::Mode;
use crate::api::service_config::RawServiceConfig;
use crate::api::{DirectAccessBinding, MESSAGE_MAX, clip, names};
use crate::model::{Known, ObjectKey, Pod, Reading, Service, Slice};
use crate::plan::brake::{HoldConfig, HoldWord};
use crate::plan::config::ConfigObject;
use crate::plan::vpc::TkeVpc;
use crate::plan::{ConfigMapSight, selects};

/// Something that rounds may depend on is not what it was.
#[derive(Clone, Debug)]
pub enum Change {
    /// A binding.
    Binding(Difference<BindingRow>),
    /// A Service.
    Service(Difference<Service>),
    /// A slice.
    Slice(Difference<Slice>),
    /// A Pod.
    Pod(Difference<Pod>),
    /// TKE's switches.
    Switches(Difference<Switches>),
    /// The ConfigMap in which TKE says the cluster's VPC.
    Vpc(Difference<TkeVpc>),
    /// The controller's own ConfigMap.
    Hold(Difference<HoldConfig>),
    /// A TkeServiceConfig.
    Config(Difference<ConfigRow>),
}

/// A binding as stored. Two rows are the same when everything but status and bookkeeping is: our own status writes must not
/// start a round.
#[derive(Clone, Debug)]
pub struct BindingRow(pub Arc<DirectAccessBinding>);

impl PartialEq for BindingRow {
    fn eq(&self, other: &Self) -> bool {
        // Every write is kept, so that the store has the newest status and resource version; see `is_same_input`.
        self.0.metadata.resource_version == other.0.metadata.resource_version
    }
}

impl BindingRow {
    /// Nothing that a round reads has changed.
    pub fn is_same_input(&self, other: &Self) -> bool {
        let (a, b) = (&self.0.metadata, &other.0.metadata);
        a.uid == b.uid
            && a.generation == b.generation
            && a.deletion_timestamp == b.deletion_timestamp
            && a.finalizers == b.finalizers
            && a.annotations == b.annotations
            && placement(&self.0) == placement(&other.0)
    }
}

/// What the status records of a load balancer that is created, which decides where the binding belongs.
fn placement(binding: &DirectAccessBinding) -> Option<(&str, bool)> {
    let is_delegated = binding.spec.mode == Mode::Delegate;
    let recorded = binding.status.as_ref()?.load_balancer.as_ref();
    let recorded = recorded.filter(|recorded| recorded.created || is_delegated)?;
    Some((&recorded.id, recorded.requested_time.is_some()))
}

/// A TkeServiceConfig as stored.
#[derive(Clone, Debug)]
pub struct ConfigRow {
    /// Its name.
    pub key: ObjectKey,
    /// UIDs of the objects that own it.
    pub owners: Vec<String>,
    /// The object, as far as it can be read.
    pub config: Arc<ConfigObject>,
    resource_version: Option<String>,
}

impl PartialEq for ConfigRow {
    fn eq(&self, other: &Self) -> bool {
        self.resource_version == other.resource_version
    }
}

impl ConfigRow {
    /// Its resource version; absent only in files.
    pub fn resource_version(&self) -> Option<&str> {
        self.resource_version.as_deref()
    }

    /// The object of this UID owns it.
    pub fn is_owned_by(&self, uid: Option<&str>) -> bool {
        self.owners.iter().any(|owner| Some(owner.as_str()) == uid)
    }

    /// Nothing that a round reads has changed.
    pub fn is_same_input(&self, other: &Self) -> bool {
        let (before, after) = (&self.config.object.metadata, &other.config.object.metadata);
        let asked = |meta: &kube::api::ObjectMeta| {
            meta.annotations.as_ref().and_then(|all| all.get(names::RECONCILE_REQUESTED_AT)).cloned()
        };
        before.uid == after.uid
            && asked(before) == asked(after)
            && before.generation == after.generation
            && before.owner_references == after.owner_references
            && self.config.written == other.config.written
            && self.config.wishes() == other.config.wishes()
    }
}

/// What TKE's ConfigMap of switches says. Source: TKE's page 457/131136.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// Pods in GlobalRouter may be bound directly.
    pub global_route: Known,
    /// Services that do not say are taken to ask for direct access.
    pub default_direct_access: Known,
    /// TKE's own service controller is there: it writes its version into the ConfigMap.
    pub has_tke: Known,
}

impl Switches {
    /// Nobody knows what they say.
    pub const UNKNOWN: Self =
        Self { global_route: Known::Unknown, default_direct_access: Known::Unknown, has_tke: Known::Unknown };
}

/// The stores. Clones share them.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Bindings by name.
    pub bindings: Arc<Table<BindingRow>>,
    /// Services by name.
    pub services: Arc<Table<Service>>,
    /// Slices by name.
    pub slices: Arc<Table<Slice>>,
    /// Pods by UID.
    pub pods: Arc<Table<Pod>>,
    /// The ConfigMap with TKE's switches, by name.
    pub switches: OptionalTable<Switches>,
    /// The ConfigMap in which TKE says the cluster's VPC, by name.
    pub vpc: OptionalTable<TkeVpc>,
    /// The controller's own ConfigMap, by name.
    pub hold: OptionalTable<HoldConfig>,
    /// TkeServiceConfigs by name.
    pub configs: OptionalTable<ConfigRow>,
}

impl Default for Stores {
    fn default() -> Self {
        Self {
            bindings: Arc::new(Table::indexed(index::BINDINGS)),
            services: Arc::new(Table::indexed(index::SERVICES)),
            slices: Arc::new(Table::indexed(index::SLICES)),
            pods: Arc::default(),
            switches: OptionalTable::default(),
            vpc: OptionalTable::default(),
            hold: OptionalTable::default(),
            configs: OptionalTable::default(),
        }
    }
}

/// Tells whether all stores have been filled once, and has them filled anew.
#[derive(Clone, Debug)]
pub struct Synced(Vec<Followed>);

/// One watch: how many further lists were asked for, and the last of them that the store has; `None` before the first one.
#[derive(Clone, Debug)]
struct Followed {
    asked: watch::Sender<u64>,
    listed: watch::Receiver<Option<u64>>,
}

impl Synced {
    /// Those of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// True when all stores have been filled once.
    pub fn is_done(&self) -> bool {
        self.0.iter().all(|one| one.listed.borrow().is_some())
    }

    /// Waits for that; returns at once when the watches have ended.
    pub async fn wait(&mut self) {
        self.wait_for(&[]).await;
    }

    /// Has everything listed anew, and waits until the stores have it: what a watch has told may be behind by as long as it may fall silent.
    /// Returns at once when the watches have ended.
    pub async fn renew(&mut self) {
        let ask = |one: &Followed| {
            one.asked.send_modify(|asked| *asked += 1);
            *one.asked.borrow()
        };
        let asked: Vec<_> = self.0.iter().map(ask).collect();
        self.wait_for(&asked).await;
    }

    /// Waits for these lists, or for any.
    async fn wait_for(&mut self, asked: &[u64]) {
        for (place, one) in self.0.iter_mut().enumerate() {
            let least = asked.get(place).copied().unwrap_or_default();
            if one.listed.wait_for(|listed| listed.is_some_and(|listed| listed >= least)).await.is_err() {
                return;
            }
        }
    }
}

/// A watch to begin: where it writes, and what is known of it.
fn followed<V>(table: Arc<Table<V>>, changes: &mpsc::Sender<Change>) -> (Sink<V>, Followed) {
    let ((asked, wished), (listed, known)) = (watch::channel(0), watch::channel(None));
    (Sink { table, changes: changes.clone(), wished, listed }, Followed { asked, listed: known })
}

/// What TKE's ConfigMap of switches says.
pub fn switches(object: &core::ConfigMap) -> Option<Switches> {
    let is_on = |key: &str| object.data.as_ref().and_then(|data| data.get(key)).is_some_and(|value| value == "true");
    let has_tke = object.data.as_ref().is_some_and(|data| data.contains_key(names::TKE_VERSION_KEY));
    Some(Switches {
        global_route: Known::from(is_on(names::GLOBAL_ROUTE_SWITCH)),
        default_direct_access: Known::from(is_on(names::DEFAULT_DIRECT_ACCESS_SWITCH)),
        has_tke: Known::from(has_tke),
    })
}

/// What the ConfigMap in which TKE says the cluster's VPC says.
pub fn vpc(object: &core::ConfigMap) -> Option<TkeVpc> {
    let said = object.data.as_ref().and_then(|data| data.get(names::TKE_VPC_KEY));
    Some(said.map_or(TkeVpc::Absent, |id| TkeVpc::Said(clip(id, names::VPC_MAX))))
}

/// What the controller's ConfigMap says of removals.
pub fn hold(object: &core::ConfigMap) -> HoldConfig {
    HoldConfig {
        word: object.data.as_ref().map_or(Reading::Absent, HoldWord::read_data),
        sight: ConfigMapSight::There,
        uid: object.metadata.uid.clone(),
    }
}

pub(super) fn name<K: Resource>(object: &K) -> String {
    object.name_any()
}

/// A binding that cannot be read is left alone as a whole: what it has in the cloud is foreign to all others.
pub fn binding(object: &DeserializeGuard<DirectAccessBinding>) -> Option<BindingRow> {
    match &object.0 {
        Ok(binding) => {
            let mut binding = binding.clone();
            bounded::slim(&mut binding.metadata);
            Some(BindingRow(Arc::new(binding)))
        }
        Err(invalid) => {
            let meta = &invalid.metadata;
            let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
            let error = clip(&invalid.error, MESSAGE_MAX);
            tracing::error!(namespace, name, %error, "this version cannot read the DirectAccessBinding and leaves it alone");
            None
        }
    }
}

/// A TkeServiceConfig, as far as it can be read.
pub fn config(object: &RawServiceConfig) -> Option<ConfigRow> {
    let mut config = ConfigObject::from(object.clone());
    bounded::slim(&mut config.object.metadata);
    let meta = &object.metadata;
    let key = ObjectKey::new(meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
    let owners = meta.owner_references.iter().flatten().map(|owner| owner.uid.clone()).collect();
    Some(ConfigRow { key, owners, resource_version: meta.resource_version.clone(), config: Arc::new(config) })
}

impl Stores {
    /// TKE's switches; all off where there is no such ConfigMap, and unknown where the API server refuses it.
    pub fn switches(&self) -> Switches {
        match self.switches.look(names::SWITCHES_NAMESPACE, names::SWITCHES_NAME) {
            Look::Found(row) => *row,
            Look::Absent => Switches::default(),
            Look::Refused(_) => Switches::UNKNOWN,
        }
    }

    /// What TKE's ConfigMap says of the cluster's VPC.
    pub fn tke_vpc(&self) -> TkeVpc {
        match self.vpc.look(names::SWITCHES_NAMESPACE, names::TKE_CONFIG) {
            Look::Found(row) => TkeVpc::clone(&row),
            Look::Absent => TkeVpc::Absent,
            Look::Refused(words) => TkeVpc::Refused(words),
        }
    }

    /// What the controller's ConfigMap says of removals; nothing where there is no such ConfigMap.
    pub fn hold(&self, namespace: &str) -> HoldConfig {
        match self.hold.look(namespace, names::CONTROLLER_CONFIG) {
            Look::Found(row) => HoldConfig::clone(&row),
            Look::Absent => HoldConfig::default(),
            Look::Refused(_) => HoldConfig { sight: ConfigMapSight::Refused, ..HoldConfig::default() },
        }
    }

    /// Starts the watches as tasks of `tasks`, over one namespace or all. They send every change to `changes` and end with
    /// `stop`.
    pub fn watch(
        &self,
        client: &Client,
        namespace: Option<&str>,
        changes: &mpsc::Sender<Change>,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> Synced {
        let mut synced = Vec::new();
        macro_rules! start {
            ($type:ty, $table:expr, $name:literal, $row:expr, $key:expr, $change:expr) => {{
                let (sink, one) = followed($table.clone(), changes);
                synced.push(one);
                let is_optional = $name == "tkeserviceconfigs";
                let kind = Kind { is_optional, only: None, name: $name, row: $row, key: $key, change: $change };
                let api: Api<$type> = match namespace {
                    Some(namespace) => Api::namespaced(client.clone(), namespace),
                    None => Api::all(client.clone()),
                };
                tasks.spawn(follow(api, kind, sink, stop.clone()));
            }};
        }
        // Guarded, so that an object that a newer version wrote and this one cannot read hides itself and no other.
        type Binding = DeserializeGuard<DirectAccessBinding>;
        start!(Binding, self.bindings, "directaccessbindings", binding, name, Change::Binding);
        let service = |object: &core::Service| Some(convert::service(object));
        start!(core::Service, self.services, "services", service, name, Change::Service);
        start!(EndpointSlice, self.slices, "endpointslices", convert::slice, name, Change::Slice);
        let pod = |object: &core::Pod| Some(convert::pod(object));
        let uid = |object: &core::Pod| object.metadata.uid.clone().unwrap_or_default();
        start!(core::Pod, self.pods, "pods", pod, uid, Change::Pod);
        start!(RawServiceConfig, self.configs.table(), "tkeserviceconfigs", config, name, Change::Config);
        macro_rules! start_one {
            ($table:expr, $only:expr, $row:expr, $change:expr) => {{
                let (sink, one) = followed($table.table().clone(), changes);
                synced.push(one);
                let (only, row, change) = (Some($only), $row, $change);
                let kind = Kind { is_optional: true, only, name: "configmaps", row, key: name, change };
                let api: Api<core::ConfigMap> = Api::namespaced(client.clone(), names::SWITCHES_NAMESPACE);
                tasks.spawn(follow(api, kind, sink, stop.clone()));
            }};
        }
        start_one!(self.switches, names::SWITCHES_NAME, switches, Change::Switches);
        start_one!(self.vpc, names::TKE_CONFIG, vpc, Change::Vpc);
        Synced(synced)
    }

    /// Starts the watch of the controller's own ConfigMap in its namespace, as [`watch`](Self::watch) does.
    pub fn watch_hold(
        &self,
        client: &Client,
        namespace: &str,
        changes: &mpsc::Sender<Change>,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> Synced {
        let (sink, one) = followed(self.hold.table().clone(), changes);
        let row = |object: &core::ConfigMap| Some(hold(object));
        let (only, change) = (Some(names::CONTROLLER_CONFIG), Change::Hold);
        let kind = Kind { is_optional: true, only, name: "configmaps", row, key: name, change };
        let api: Api<core::ConfigMap> = Api::namespaced(client.clone(), namespace);
        tasks.spawn(follow(api, kind, sink, stop.clone()));
        Synced(vec![one])
    }

    /// The slices of a Service.
    pub fn slices_of(&self, service: &ObjectKey) -> Vec<Arc<Slice>> {
        self.slices.found(&Word::Service(service.clone()))
    }

    /// The bindings of a Service.
    pub fn bindings_of(&self, service: &ObjectKey) -> Vec<Arc<BindingRow>> {
        self.bindings.found(&Word::Service(service.clone()))
    }

    /// The bindings that hold a Pod: their Service selects it, or did when it was last seen, where it is missing or selects nobody now.
    /// By that [`plan`](crate::plan) goes too.
    pub fn holding(&self, pod: &Pod) -> Vec<Arc<BindingRow>> {
        let of_services = self.selecting(pod).into_iter().flat_map(|service| self.bindings_of(&service.key));
        let mut rows: Vec<_> = of_services.collect();
        let namespace = &pod.key.namespace;
        for (key, value) in &pod.labels {
            let word = Word::Label(namespace.clone(), key.clone(), value.clone());
            let is_recorded = |row: &Arc<BindingRow>| {
                let service = self.services.row(namespace, &row.0.spec.service_ref.name);
                let selector = row.0.status.iter().flat_map(|status| &status.pod_selector);
                service.is_none_or(|service| service.selector.is_empty())
                    && selector.into_iter().all(|label| pod.labels.get(&label.key) == Some(&label.value))
            };
            rows.extend(self.bindings.found(&word).into_iter().filter(is_recorded));
        }
        rows.sort_by(|a, b| a.0.metadata.uid.cmp(&b.0.metadata.uid));
        rows.dedup_by(|a, b| a.0.metadata.uid == b.0.metadata.uid);
        rows
    }

    /// The Services that select a Pod.
    pub fn selecting(&self, pod: &Pod) -> Vec<Arc<Service>> {
        let labels = pod.labels.iter();
        let word =
            |(key, value): (&String, &String)| Word::Label(pod.key.namespace.clone(), key.clone(), value.clone());
        let services = labels.flat_map(|label| self.services.found(&word(label)));
        services.filter(|service| selects(service, pod)).collect()
    }
}
