//! What there is in the end on a real control plane, to compare with what a world comes to.

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;
use tke_direct_access::sim::State;
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::mark::ListenerName;
use tke_direct_access_core::api::service_config::RawServiceConfig;

use super::end::ready;
use crate::objects::Objects;

/// The objects of a namespace, as the API server shows them.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// All bindings.
    pub bindings: Vec<DirectAccessBinding>,
    /// All Services.
    pub services: Vec<core::Service>,
    /// All Pods.
    pub pods: Vec<core::Pod>,
    /// All configs.
    pub configs: Vec<RawServiceConfig>,
}

impl Ending {
    /// What [`Outcome::summary`](crate::Outcome::summary) says of a world, of these objects and this state of the cloud.
    pub fn digest(&self, cloud: &State) -> String {
        let mut objects = Objects::new(Timestamp::UNIX_EPOCH);
        objects.bindings = self.bindings.iter().map(|one| (one.name_any(), one.clone())).collect();
        objects.services = self.services.iter().map(|one| (one.name_any(), one.clone())).collect();
        objects.pods = self.pods.iter().map(|one| (one.name_any(), one.clone())).collect();
        objects.configs = self.configs.iter().map(|one| (one.name_any(), one.clone())).collect();
        summary(&objects, cloud)
    }
}

/// What there is in the end, as far as a real control plane comes to the same: without times, ids and names that chance decides.
pub(crate) fn summary(objects: &Objects, state: &State) -> String {
    let mut lines = Vec::new();
    for binding in objects.bindings.values() {
        let name = binding.metadata.name.as_deref().unwrap_or_default();
        let ready = ready(binding).map(|(status, reason, _)| format!("{status} {reason}"));
        lines.push(format!("binding {name}: {}", ready.unwrap_or_default()));
    }
    let owner = |uid: &str| {
        let found = objects.binding_of_uid(uid).and_then(|one| one.metadata.name.clone());
        found.unwrap_or_else(|| "nobody".to_owned())
    };
    let ids = crate::console::load_balancers(state);
    for (place, id) in ids.iter().enumerate() {
        let targets = state.targets(id);
        for listener in state.listeners(id) {
            let whose = ListenerName::owner(&listener.name).map_or_else(|| "somebody".to_owned(), owner);
            let of_listener = targets.iter().filter(|(route, _)| route.listener == listener.id);
            let weighted: usize =
                of_listener.map(|(_, all)| all.iter().filter(|target| target.weight > 0).count()).sum();
            lines.push(format!(
                "load balancer {place}: {} {} of {whose}: {weighted} targets",
                listener.protocol, listener.port
            ));
        }
    }
    for service in objects.services.values() {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let conditions = service.status.iter().flat_map(|status| status.conditions.iter().flatten());
        for condition in conditions {
            lines.push(format!("service {name}: {} {}", condition.status, condition.reason));
        }
    }
    lines.sort();
    lines.join("\n")
}
