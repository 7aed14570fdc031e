//! The stores, filled once: for programs that look and end.

use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource, ResourceExt};

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::Stores;
use super::stores::{binding, config, name, switches, vpc};
use super::table::{OptionalTable, Sight, Table};
use super::words::words;
use super::{pod, service, slice};
use crate::api::service_config::RawServiceConfig;
use crate::api::{DirectAccessBinding, MESSAGE_MAX, clip, names};

/// Objects of one kind cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot list {kind}{}: {}", .namespace.as_ref().map(|name| format!(" in namespace '{name}'")).unwrap_or_default(), words(error.as_ref()))]
pub struct ListError {
    /// The plural of the kind.
    pub kind: &'static str,
    /// The namespace; all of them when absent.
    pub namespace: Option<String>,
    /// What the API server said.
    pub error: Box<kube::Error>,
}

impl ListError {
    /// The user may not list them.
    pub fn is_forbidden(&self) -> bool {
        matches!(&*self.error, kube::Error::Api(status) if status.code == 403)
    }
}

impl Stores {
    /// Reads everything that rounds look at in one namespace, or in all, into these stores. Bindings are put there last, so that there are
    /// none without what they refer to.
    ///
    /// # Errors
    /// When something cannot be listed. TkeServiceConfigs and TKE's switches may be missing or forbidden.
    pub async fn fill(&self, client: &Client, namespace: Option<&str>) -> Result<(), ListError> {
        macro_rules! list {
            ($type:ty, $table:expr, $name:literal) => {{
                let api: Api<$type> = match namespace {
                    Some(namespace) => Api::namespaced(client.clone(), namespace),
                    None => Api::all(client.clone()),
                };
                match api.list(&ListParams::default()).await {
                    Err(kube::Error::Api(status)) if $name == "tkeserviceconfigs" && status.code == 404 => {
                        Ok(Vec::new())
                    }
                    Err(kube::Error::Api(status)) if $name == "tkeserviceconfigs" && status.code == 403 => {
                        $table.set_sight(Sight::Refused(clip(&status.message, MESSAGE_MAX)));
                        Ok(Vec::new())
                    }
                    Err(error) => {
                        let (kind, error) = ($name, Box::new(error));
                        Err(ListError { kind, namespace: namespace.map(str::to_owned), error })
                    }
                    Ok(found) => Ok(found.items),
                }
            }};
        }
        let bindings = list!(DeserializeGuard<DirectAccessBinding>, self.bindings, "directaccessbindings")?;
        put(&self.services, list!(core::Service, self.services, "services")?, |found| Some(service(found)), name);
        put(&self.slices, list!(EndpointSlice, self.slices, "endpointslices")?, slice, name);
        let uid = |found: &core::Pod| found.metadata.uid.clone().unwrap_or_default();
        put(&self.pods, list!(core::Pod, self.pods, "pods")?, |found| Some(pod(found)), uid);
        let configs = list!(RawServiceConfig, self.configs.table(), "tkeserviceconfigs")?;
        put(self.configs.table(), configs, config, name);
        put(&self.bindings, bindings, binding, name);
        fill_one(client, names::SWITCHES_NAME, &self.switches, switches).await;
        fill_one(client, names::TKE_CONFIG, &self.vpc, vpc).await;
        Ok(())
    }
}

/// Reads one of TKE's ConfigMaps. Those who may not see it go without.
async fn fill_one<V: PartialEq>(
    client: &Client,
    only: &str,
    table: &OptionalTable<V>,
    row: fn(&core::ConfigMap) -> Option<V>,
) {
    let api: Api<core::ConfigMap> = Api::namespaced(client.clone(), names::SWITCHES_NAMESPACE);
    match api.get_opt(only).await {
        Ok(Some(found)) => {
            row(&found).and_then(|row| table.table().put(names::SWITCHES_NAMESPACE, only, row));
        }
        Ok(None) => {}
        Err(error) => {
            table.table().set_sight(Sight::Refused(clip(&words(&error), MESSAGE_MAX)));
        }
    }
}

impl Stores {
    /// Puts a config into the place of the one that is there, if any: as it would be once it is applied.
    pub fn put_config(&self, config: &RawServiceConfig) {
        let (namespace, key) = (config.metadata.namespace.clone().unwrap_or_default(), config.name_any());
        if let Some(row) = self::config(config) {
            self.configs.table().overwrite(&namespace, &key, row);
        }
    }
}

fn put<K: Resource, V: PartialEq>(
    table: &Table<V>,
    objects: Vec<K>,
    row: impl Fn(&K) -> Option<V>,
    key: impl Fn(&K) -> String,
) {
    for object in objects {
        if let Some(found) = row(&object) {
            table.put(object.meta().namespace.as_deref().unwrap_or_default(), &key(&object), found);
        }
    }
}
