//! The Secret that holds the webhook's certificate. It is the source of truth for all replicas: each write carries the version
//! that was read, so of two replicas that want to write, the second reads what the first wrote.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};

use super::configuration::MANAGED_BY;
use crate::api::names::FIELD_MANAGER;

/// The Secret's type: other tools know its keys.
const TYPE: &str = "kubernetes.io/tls";

/// The Secret of one controller.
pub(super) struct Keeper {
    /// Its namespace.
    pub(super) api: Api<Secret>,
    name: String,
}

impl Keeper {
    pub(super) fn new(client: Client, namespace: &str, name: String) -> Self {
        Self { api: Api::namespaced(client, namespace), name }
    }

    /// The Secret as it is.
    pub(super) async fn read(&self) -> Result<Option<Secret>, kube::Error> {
        self.api.get_opt(&self.name).await
    }

    /// Writes the data; whatever else people have put on the Secret stays. A conflict means that somebody was faster.
    pub(super) async fn write(
        &self,
        before: Option<Secret>,
        data: BTreeMap<String, ByteString>,
    ) -> Result<Secret, kube::Error> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        match before {
            None => self.api.create(&params, &self.fresh(data)).await,
            Some(mut secret) => {
                let labels = secret.metadata.labels.get_or_insert_default();
                labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
                secret.data.get_or_insert_default().extend(data);
                self.api.replace(&self.name, &params, &secret).await
            }
        }
    }

    fn fresh(&self, data: BTreeMap<String, ByteString>) -> Secret {
        let labels = BTreeMap::from([(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned())]);
        let metadata = ObjectMeta { name: Some(self.name.clone()), labels: Some(labels), ..ObjectMeta::default() };
        Secret { metadata, data: Some(data), type_: Some(TYPE.to_owned()), ..Secret::default() }
    }
}
