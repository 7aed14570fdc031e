//! What there is in the end on a real control plane, to compare with what a world comes to.

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use kube::ResourceExt;
use tke_direct_access::sim::State;
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::service_config::RawServiceConfig;

use super::end::digest;
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
    /// What [`Outcome::end`](crate::Outcome::end) says of a world, of these objects and this state of the cloud.
    pub fn digest(&self, cloud: &State) -> String {
        let mut objects = Objects::new(Timestamp::UNIX_EPOCH);
        objects.bindings = self.bindings.iter().map(|one| (one.name_any(), one.clone())).collect();
        objects.services = self.services.iter().map(|one| (one.name_any(), one.clone())).collect();
        objects.pods = self.pods.iter().map(|one| (one.name_any(), one.clone())).collect();
        objects.configs = self.configs.iter().map(|one| (one.name_any(), one.clone())).collect();
        digest(&objects, cloud)
    }
}
