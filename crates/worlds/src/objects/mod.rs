//! A small model of the API server: objects with versions, what watches tell of them, and what it says to writes.

pub(crate) mod admit;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use tke_direct_access::k8s::{self, BindingRow, ConfigRow};
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::service_config::RawServiceConfig;
use tke_direct_access_core::model::{Pod, Service, Slice};

use crate::chance;
use admit::Definitions;
pub use write::NO_NEW_FINALIZERS;
pub(crate) use write::{disown_annotations, own_annotations};

/// The only namespace in which something happens.
pub(crate) const NAMESPACE: &str = "shop";

/// A kind of objects that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Binding,
    Service,
    Slice,
    Pod,
    Config,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Binding => "DirectAccessBinding",
            Self::Service => "Service",
            Self::Slice => "EndpointSlice",
            Self::Pod => "Pod",
            Self::Config => "TkeServiceConfig",
        }
    }
}

/// All of them.
pub(crate) const KINDS: [Kind; 5] = [Kind::Binding, Kind::Service, Kind::Slice, Kind::Pod, Kind::Config];

/// What a cache keeps of an object.
#[derive(Clone, Debug)]
pub(crate) enum Row {
    Binding(BindingRow),
    Service(Box<Service>),
    Slice(Slice),
    Pod(Box<Pod>),
    Config(ConfigRow),
}

/// What a watch tells.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Under which key caches keep it: Pods by UID, others by name.
    pub(crate) place: String,
    /// `None` where it is gone.
    pub(crate) row: Option<Arc<Row>>,
}

/// The objects.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    versions: u64,
    uids: u64,
    pub(crate) bindings: BTreeMap<String, DirectAccessBinding>,
    pub(crate) services: BTreeMap<String, core::Service>,
    pub(crate) slices: BTreeMap<String, EndpointSlice>,
    pub(crate) pods: BTreeMap<String, core::Pod>,
    pub(crate) configs: BTreeMap<String, RawServiceConfig>,
    pub(crate) lease: Option<Lease>,
    pub(crate) definitions: Definitions,
    log: BTreeMap<Kind, Vec<Event>>,
    /// The time, by its own clock.
    pub(crate) wall: Timestamp,
}

impl Objects {
    pub(crate) fn new(wall: Timestamp) -> Self {
        Self { wall, definitions: Definitions::new(), ..Self::default() }
    }

    /// What watches of a kind have told so far, from the beginning.
    pub(crate) fn told(&self, kind: Kind) -> &[Event] {
        self.log.get(&kind).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a list of a kind shows.
    pub(crate) fn list(&self, kind: Kind) -> Vec<Event> {
        match kind {
            Kind::Binding => self.bindings.values().map(binding_event).collect(),
            Kind::Service => self.services.values().map(service_event).collect(),
            Kind::Slice => self.slices.values().map(slice_event).collect(),
            Kind::Pod => self.pods.values().map(pod_event).collect(),
            Kind::Config => self.configs.values().map(config_event).collect(),
        }
    }

    fn tell(&mut self, kind: Kind, event: Event) {
        self.log.entry(kind).or_default().push(event);
    }

    fn version(&mut self) -> String {
        self.versions += 1;
        self.versions.to_string()
    }

    /// The metadata of an object that is made now.
    pub(crate) fn new_meta(&mut self, name: &str) -> ObjectMeta {
        self.uids += 1;
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            uid: Some(chance::uid(self.uids)),
            creation_timestamp: Some(self.time()),
            generation: Some(1),
            ..ObjectMeta::default()
        }
    }

    /// Now, as objects have it: in whole seconds.
    pub(crate) fn time(&self) -> Time {
        Time(Timestamp::from_second(self.wall.as_second()).unwrap_or(self.wall))
    }

    /// Writes a binding. A change of the spec is another generation, and so is the request for its deletion; what changes nothing is not
    /// told.
    pub(crate) fn put_binding(&mut self, mut binding: DirectAccessBinding) {
        let name = binding.metadata.name.clone().unwrap_or_default();
        match self.bindings.get(&name) {
            Some(before) if *before == binding => return,
            Some(before)
                if before.spec != binding.spec
                    || before.metadata.deletion_timestamp != binding.metadata.deletion_timestamp =>
            {
                binding.metadata.generation = Some(before.metadata.generation.unwrap_or(1) + 1);
            }
            _ => {}
        }
        let is_over = binding.metadata.deletion_timestamp.is_some()
            && binding.metadata.finalizers.as_ref().is_none_or(Vec::is_empty);
        if is_over {
            return self.drop_binding(&name);
        }
        binding.metadata.resource_version = Some(self.version());
        self.tell(Kind::Binding, binding_event(&binding));
        self.bindings.insert(name, binding);
    }

    fn drop_binding(&mut self, name: &str) {
        if self.bindings.remove(name).is_some() {
            self.version();
            self.tell(Kind::Binding, Event { place: name.to_owned(), row: None });
        }
    }

    /// Deletes a binding, which stays while it has finalizers.
    pub(crate) fn delete_binding(&mut self, name: &str) {
        let Some(binding) = self.bindings.get(name) else { return };
        let mut binding = binding.clone();
        if binding.metadata.finalizers.as_ref().is_none_or(Vec::is_empty) {
            return self.drop_binding(name);
        }
        if binding.metadata.deletion_timestamp.is_none() {
            binding.metadata.deletion_timestamp = Some(self.time());
            self.put_binding(binding);
        }
    }

    /// Takes all finalizers off a binding.
    pub(crate) fn replace_binding(&mut self, name: &str) {
        let Some(binding) = self.bindings.get(name) else { return };
        if binding.metadata.deletion_timestamp.is_some() {
            return self.drop_binding(name);
        }
        let mut binding = binding.clone();
        binding.metadata.finalizers = None;
        self.put_binding(binding);
    }

    /// Writes a Service.
    pub(crate) fn put_service(&mut self, mut service: core::Service) {
        let name = service.metadata.name.clone().unwrap_or_default();
        if self.services.get(&name) == Some(&service) {
            return;
        }
        service.metadata.resource_version = Some(self.version());
        self.tell(Kind::Service, service_event(&service));
        self.services.insert(name, service);
    }

    /// Deletes a Service. Bindings that it owns are left to the garbage collector.
    pub(crate) fn delete_service(&mut self, name: &str) {
        if self.services.remove(name).is_some() {
            self.version();
            self.tell(Kind::Service, Event { place: name.to_owned(), row: None });
        }
    }

    /// Deletes the bindings whose owners are gone, as the garbage collector does.
    pub(crate) fn collect_garbage(&mut self) {
        let is_there = |uid: &String| self.services.values().any(|one| one.metadata.uid.as_ref() == Some(uid));
        let is_orphan = |binding: &&DirectAccessBinding| {
            let owners = binding.metadata.owner_references.as_deref().unwrap_or_default();
            !owners.is_empty() && !owners.iter().any(|owner| is_there(&owner.uid))
        };
        let orphans: Vec<_> =
            self.bindings.values().filter(is_orphan).filter_map(|binding| binding.metadata.name.clone()).collect();
        orphans.iter().for_each(|name| self.delete_binding(name));
    }

    /// Writes a slice.
    pub(crate) fn put_slice(&mut self, mut slice: EndpointSlice) {
        let name = slice.metadata.name.clone().unwrap_or_default();
        slice.metadata.resource_version =
            self.slices.get(&name).and_then(|before| before.metadata.resource_version.clone());
        if self.slices.get(&name) == Some(&slice) {
            return;
        }
        slice.metadata.resource_version = Some(self.version());
        self.tell(Kind::Slice, slice_event(&slice));
        self.slices.insert(name, slice);
    }

    /// Whether a slice is not written as it is.
    pub(crate) fn lacks_slice(&self, slice: &EndpointSlice) -> bool {
        let Some(found) = self.slices.get(slice.metadata.name.as_deref().unwrap_or_default()) else { return true };
        (&found.endpoints, &found.ports, &found.metadata.owner_references)
            != (&slice.endpoints, &slice.ports, &slice.metadata.owner_references)
    }

    /// Deletes a slice.
    pub(crate) fn delete_slice(&mut self, name: &str) {
        if self.slices.remove(name).is_some() {
            self.version();
            self.tell(Kind::Slice, Event { place: name.to_owned(), row: None });
        }
    }

    /// Writes a Pod.
    pub(crate) fn put_pod(&mut self, mut pod: core::Pod) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        if self.pods.get(&name) == Some(&pod) {
            return;
        }
        pod.metadata.resource_version = Some(self.version());
        self.tell(Kind::Pod, pod_event(&pod));
        self.pods.insert(name, pod);
    }

    /// A Pod is gone.
    pub(crate) fn remove_pod(&mut self, name: &str) {
        if let Some(pod) = self.pods.remove(name) {
            self.version();
            self.tell(Kind::Pod, Event { place: pod.metadata.uid.unwrap_or_default(), row: None });
        }
    }

    /// Writes a config.
    pub(crate) fn put_config(&mut self, mut config: RawServiceConfig) {
        let name = config.metadata.name.clone().unwrap_or_default();
        match self.configs.get(&name) {
            Some(before) if *before == config => return,
            Some(before) if before.fields.get("spec") != config.fields.get("spec") => {
                config.metadata.generation = Some(before.metadata.generation.unwrap_or(1) + 1);
            }
            _ => {}
        }
        config.metadata.resource_version = Some(self.version());
        self.tell(Kind::Config, config_event(&config));
        self.configs.insert(name, config);
    }

    /// Deletes a config.
    pub(crate) fn delete_config(&mut self, name: &str) {
        if self.configs.remove(name).is_some() {
            self.version();
            self.tell(Kind::Config, Event { place: name.to_owned(), row: None });
        }
    }

    /// Writes the Lease, which gets a version.
    pub(crate) fn put_lease(&mut self, mut lease: Lease) -> Lease {
        lease.metadata.resource_version = Some(self.version());
        self.lease = Some(lease.clone());
        lease
    }

    /// The time so long after another one.
    pub(crate) fn later(time: &Time, seconds: i64) -> Time {
        Time(time.0.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(time.0))
    }

    /// The binding of this UID.
    pub(crate) fn binding_of_uid(&self, uid: &str) -> Option<&DirectAccessBinding> {
        self.bindings.values().find(|binding| binding.metadata.uid.as_deref() == Some(uid))
    }
}

fn name(meta: &ObjectMeta) -> String {
    meta.name.clone().unwrap_or_default()
}

fn binding_event(binding: &DirectAccessBinding) -> Event {
    let row = k8s::binding(&kube::core::DeserializeGuard(Ok(binding.clone()))).map(Row::Binding);
    Event { place: name(&binding.metadata), row: row.map(Arc::new) }
}

fn service_event(service: &core::Service) -> Event {
    Event { place: name(&service.metadata), row: Some(Arc::new(Row::Service(Box::new(k8s::service(service))))) }
}

fn slice_event(slice: &EndpointSlice) -> Event {
    Event { place: name(&slice.metadata), row: k8s::slice(slice).map(Row::Slice).map(Arc::new) }
}

fn pod_event(pod: &core::Pod) -> Event {
    let place = pod.metadata.uid.clone().unwrap_or_default();
    Event { place, row: Some(Arc::new(Row::Pod(Box::new(k8s::pod(pod))))) }
}

fn config_event(config: &RawServiceConfig) -> Event {
    Event { place: name(&config.metadata), row: k8s::config(config).map(Row::Config).map(Arc::new) }
}
