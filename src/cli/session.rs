//! Connections: to the API server with the user's kubeconfig, to the cloud where there are credentials.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::Error;
use super::error::of_api_server;
use super::lease::{self, Home};
use super::options::{Global, Network};
use crate::api::DirectAccessBinding;
use crate::clb::{Clb, Credentials, Settings};
use crate::model::{Caller, ClusterNetwork, Known, Region, nearest};
use crate::plan::Cluster;

/// The field manager of what the plugin writes. Flux drops what managers write whose names begin with kubectl.
pub(super) const FIELD_MANAGER: &str = "tke-direct-access-cli";

/// What a command works with.
pub(super) struct Session {
    /// The API server.
    pub(super) client: Client,
    /// The namespace that was asked for, else the context's.
    pub(super) namespace: String,
    /// The region of bindings that name none.
    pub(super) region: Region,
    /// What flags say of the cluster.
    pub(super) cluster: Cluster,
    /// The VPC of the cluster, where a flag says it.
    pub(super) vpc_id: Option<String>,
    /// Credentials, or what is missing.
    pub(super) credentials: Result<Credentials, String>,
    endpoint: Option<String>,
    /// Where the controller runs, once somebody has asked for it, or as a flag says.
    home: OnceCell<Home>,
    /// Who calls the cloud, once it was asked.
    caller: OnceCell<Caller>,
}

impl Session {
    /// Reads the kubeconfig and makes clients; nothing is asked of anybody yet.
    pub(super) async fn start(global: &Global) -> Result<Self, Error> {
        let options = KubeConfigOptions { context: global.context.clone(), ..KubeConfigOptions::default() };
        let config = match &global.kubeconfig {
            Some(path) => Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?,
            None => Config::from_kubeconfig(&options).await?,
        };
        let namespace = global.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let cluster = Cluster {
            network: match global.cluster_network {
                Network::VpcCni => ClusterNetwork::VpcCni,
                Network::GlobalRouter => ClusterNetwork::GlobalRouter,
            },
            allows_host_network: global.host_network,
            ..Cluster::default()
        };
        Ok(Self {
            client: Client::try_from(config).map_err(|error| Error::Client(of_api_server(&error)))?,
            namespace,
            region: Region::new(global.region.as_str()),
            cluster,
            vpc_id: global.vpc_id.clone(),
            credentials: Credentials::from_environment().map_err(|error| error.to_string()),
            endpoint: global.clb_endpoint.clone(),
            home: OnceCell::new_with(global.controller_namespace.clone().map(Home::Known)),
            caller: OnceCell::new(),
        })
    }

    /// The namespace that the controller runs in: as the flag says, else where its Lease is, else the usual one.
    pub(super) async fn controller_namespace(&self) -> &str {
        self.home().await.namespace()
    }

    /// Where the controller runs, as far as is known.
    pub(super) async fn home(&self) -> &Home {
        self.home.get_or_init(|| lease::home(&self.client)).await
    }

    /// The account of the credentials, asked once.
    pub(super) async fn caller(&self, clb: &Clb) -> Caller {
        let ask = async || clb.account().await.map_or_else(Caller::Unknown, Caller::Known);
        self.caller.get_or_init(ask).await.clone()
    }

    /// A client of the cloud in a region; `None` without credentials.
    pub(super) fn cloud(&self, region: &Region) -> Result<Option<Clb>, Error> {
        let Ok(credentials) = &self.credentials else { return Ok(None) };
        let settings = Settings { endpoint: self.endpoint.clone(), ..Settings::new(region.clone()) };
        Ok(Some(Clb::new(settings, credentials.clone(), std::sync::Arc::new(()))?))
    }

    /// The bindings of the namespace.
    pub(super) fn bindings(&self) -> Api<DirectAccessBinding> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// One binding of the namespace.
    pub(super) async fn binding(&self, name: &str) -> Result<DirectAccessBinding, Error> {
        let read = self.bindings().get_opt(name).await;
        let found = read.map_err(Error::kubernetes(format!("cannot read DirectAccessBinding '{name}'")))?;
        match found {
            Some(found) => Ok(found),
            None => Err(self.missing(&self.bindings(), "DirectAccessBinding", "directaccessbindings", name).await),
        }
    }

    /// That there is no binding: in the namespace, which may not exist either, or anywhere.
    pub(super) async fn nothing_found(&self, is_everywhere: bool) -> String {
        if is_everywhere {
            return nothing_found(None, Known::Unknown);
        }
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        // Few may look.
        let is_there = match namespaces.get_metadata_opt(&self.namespace).await {
            Ok(found) => Known::from(found.is_some()),
            Err(_) => Known::Unknown,
        };
        nothing_found(Some(&self.namespace), is_there)
    }

    /// That a binding is not among those that were listed.
    pub(super) fn no_binding<'a>(&self, name: &str, there: impl Iterator<Item = &'a str>) -> Error {
        let (kind, plural) = ("DirectAccessBinding", "directaccessbindings");
        let near = nearest(name, there).map(str::to_owned);
        Error::NotFound { kind, plural, name: name.to_owned(), namespace: self.namespace.clone(), near }
    }

    /// That an object of the namespace does not exist, with the name that was probably meant, where the user may list them.
    pub(super) async fn missing<K>(&self, api: &Api<K>, kind: &'static str, plural: &'static str, name: &str) -> Error
    where
        K: Clone + DeserializeOwned + Debug,
    {
        let found = api.list_metadata(&ListParams::default()).await;
        let names: Vec<_> = found.into_iter().flatten().filter_map(|found| found.metadata.name).collect();
        let near = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
        Error::NotFound { kind, plural, name: name.to_owned(), namespace: self.namespace.clone(), near }
    }

    /// Merges a change into a binding.
    pub(super) async fn patch_binding(&self, name: &str, change: &Value) -> Result<DirectAccessBinding, Error> {
        // Tells a missing one in words of its own.
        self.binding(name).await?;
        let patched = self.bindings().patch(name, &merge(), &Patch::Merge(change)).await;
        patched.map_err(Error::kubernetes(format!("cannot change DirectAccessBinding '{name}'")))
    }
}

/// How the plugin writes.
pub(super) fn merge() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

/// The name in `pod/NAME`.
pub(super) fn pod_name(argument: &str) -> Result<&str, Error> {
    let name = match argument.split_once('/') {
        Some(("pod" | "pods" | "po", name)) => name,
        None => argument,
        Some((kind, _)) => {
            return Err(Error::Argument(format!("'{argument}' is a {kind}; say which Pod, as pod/NAME")));
        }
    };
    if name.is_empty() { Err(Error::Argument("say which Pod, as pod/NAME".to_owned())) } else { Ok(name) }
}

/// That there is no binding in this namespace, or anywhere.
fn nothing_found(namespace: Option<&str>, is_there: Known) -> String {
    match (namespace, is_there) {
        (None, _) => "no DirectAccessBindings found".to_owned(),
        (Some(namespace), Known::No) => format!("namespace '{namespace}' does not exist"),
        (Some(namespace), Known::Yes | Known::Unknown) => {
            format!("no DirectAccessBindings found in namespace '{namespace}'")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_binding_the_namespace_is_named() {
        assert_eq!(nothing_found(Some("shop"), Known::No), "namespace 'shop' does not exist");
        assert_eq!(nothing_found(Some("shop"), Known::Unknown), "no DirectAccessBindings found in namespace 'shop'");
        assert_eq!(nothing_found(None, Known::Unknown), "no DirectAccessBindings found");
    }
}
