//! The API server as rounds use it. Reads are few, because stores have most; a write needs the leadership that the rounds belong to.
//!
//! Nobody in a round has the client itself, so that there is no other way to write. The Lease, Events and the repair of injection are
//! written by others, without a leadership.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{NamespaceResourceScope, PartialObjectMeta};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::leadership::Leadership;
use crate::clb::Fence;
use crate::k8s::certificate::{self, Certificate};
use crate::model::ObjectKey;

/// How long an answer is waited for. Admission webhooks may take 30 s (kubernetes.io/docs/reference/access-authn-authz/
/// extensible-admission-controllers/#timeouts), and the API server does the rest.
pub(super) const PATIENCE: Duration = Duration::from_secs(35);

/// Why a write has failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// This replica does not lead any more. A write that was under way may have happened.
    #[error("this replica does not lead any more")]
    NotLeading,
    /// The API server did not answer. The write may have happened.
    #[error("the API server has not answered within {} s", PATIENCE.as_secs())]
    NoAnswer,
    /// What the client or the API server says.
    #[error(transparent)]
    Refused(#[from] kube::Error),
}

/// The API server, within one leadership.
pub(super) struct Kubernetes {
    client: Client,
    leadership: Leadership,
}

impl Kubernetes {
    pub(super) fn new(client: Client, leadership: Leadership) -> Self {
        Self { client, leadership }
    }

    /// The writes of one kind in a namespace.
    pub(super) fn writes<K>(&self, namespace: &str) -> Writes<'_, K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Writes { api: Api::namespaced(self.client.clone(), namespace), leadership: &self.leadership }
    }

    /// The writes of a kind whose fields are not known, in a namespace.
    pub(super) fn writes_of(&self, namespace: &str, resource: &ApiResource) -> Writes<'_, DynamicObject> {
        Writes { api: Api::namespaced_with(self.client.clone(), namespace, resource), leadership: &self.leadership }
    }

    /// An object whose fields are not known; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When it could not be read.
    pub(super) async fn object(
        &self,
        key: &ObjectKey,
        resource: &ApiResource,
    ) -> Result<Option<DynamicObject>, kube::Error> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &key.namespace, resource);
        api.get_opt(&key.name).await
    }

    /// A Service as it is now; `None` when there is none. By a list, which the controller may make anyway.
    ///
    /// # Errors
    ///
    /// When it could not be read.
    pub(super) async fn service(&self, key: &ObjectKey) -> Result<Option<core::Service>, kube::Error> {
        let api: Api<core::Service> = Api::namespaced(self.client.clone(), &key.namespace);
        let only = ListParams::default().fields(&format!("metadata.name={}", key.name));
        Ok(api.list(&only).await?.items.into_iter().next())
    }

    /// The metadata of an object of the cluster; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When it could not be read.
    pub(super) async fn metadata<K>(&self, name: &str) -> Result<Option<PartialObjectMeta<K>>, kube::Error>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        Api::<K>::all(self.client.clone()).get_metadata_opt(name).await
    }

    /// The resources of a group and version, such as `apps/v1`.
    ///
    /// # Errors
    ///
    /// When the API server does not say.
    pub(super) async fn resources(&self, version: &str) -> Result<APIResourceList, kube::Error> {
        self.client.list_api_group_resources(version).await
    }

    /// What the Secret of a certificate has: an id, or a certificate with its key.
    ///
    /// # Errors
    ///
    /// Why there is none, in words for users.
    pub(super) async fn certificate(&self, key: &ObjectKey) -> Result<Certificate, String> {
        certificate::read(&self.client, key).await
    }
}

/// The writes of one kind in a namespace. Each leaves only while the leadership lasts.
pub(super) struct Writes<'a, K> {
    api: Api<K>,
    leadership: &'a Leadership,
}

impl<K> Writes<'_, K>
where
    K: Clone + Debug + DeserializeOwned + Serialize + Send + Sync,
{
    /// Patches an object.
    ///
    /// # Errors
    ///
    /// Without leadership, and when the API server refuses it.
    pub(super) async fn patch<P: Serialize + Debug + Sync>(
        &self,
        name: &str,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K, WriteError> {
        self.guarded(self.api.patch(name, params, patch)).await
    }

    /// Patches the status of an object.
    ///
    /// # Errors
    ///
    /// Without leadership, and when the API server refuses it.
    pub(super) async fn patch_status<P: Serialize + Debug + Sync>(
        &self,
        name: &str,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K, WriteError> {
        self.guarded(self.api.patch_status(name, params, patch)).await
    }

    /// Creates an object.
    ///
    /// # Errors
    ///
    /// Without leadership, and when the API server refuses it.
    pub(super) async fn create(&self, object: &K) -> Result<K, WriteError> {
        self.guarded(self.api.create(&PostParams::default(), object)).await
    }

    /// Replaces an object, which carries the version that was read.
    ///
    /// # Errors
    ///
    /// Without leadership, and when the API server refuses it.
    pub(super) async fn replace(&self, name: &str, object: &K) -> Result<K, WriteError> {
        self.guarded(self.api.replace(name, &PostParams::default(), object)).await
    }

    /// Deletes an object.
    ///
    /// # Errors
    ///
    /// Without leadership, and when the API server refuses it.
    pub(super) async fn delete(&self, name: &str, params: &DeleteParams) -> Result<(), WriteError> {
        self.guarded(self.api.delete(name, params)).await.map(drop)
    }

    async fn guarded<T: Send>(
        &self,
        write: impl Future<Output = Result<T, kube::Error>> + Send,
    ) -> Result<T, WriteError> {
        match self.leadership.guard(answered(write)).await {
            Ok(result) => result,
            Err(_) => Err(WriteError::NotLeading),
        }
    }
}

/// Waits for an answer, for as long as there may be one.
async fn answered<T>(write: impl Future<Output = Result<T, kube::Error>> + Send) -> Result<T, WriteError> {
    match tokio::time::timeout(PATIENCE, write).await {
        Ok(result) => result.map_err(WriteError::Refused),
        Err(_) => Err(WriteError::NoAnswer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::NotTaken;
    use crate::status::RefusalKind;

    #[tokio::test(start_paused = true)]
    async fn a_write_that_gets_no_answer_is_refused_for_now() {
        let begin = tokio::time::Instant::now();
        let slow = answered(async {
            tokio::time::sleep(Duration::from_secs(31)).await;
            Ok(())
        });
        assert!(slow.await.is_ok(), "a webhook may take 30 s");
        let failure = answered(std::future::pending::<Result<(), _>>()).await.unwrap_err();
        assert_eq!(begin.elapsed(), Duration::from_secs(31) + PATIENCE);
        let NotTaken { kind, words } = failure.into();
        assert_eq!((kind, &*words), (RefusalKind::Passing, "the API server has not answered within 35 s"));
    }
}
