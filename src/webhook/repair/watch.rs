//! When to look: whenever one of the objects changes.

use std::fmt::Debug;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::api::DynamicObject;
use kube::core::{ApiResource, PartialObjectMeta};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Repair;
use crate::api::names::GATE_INJECTION as NAME;
use crate::k8s::events;
use crate::webhook::Injection;
use crate::webhook::configuration::{policy_binding_resource, policy_resource, webhook_resource};

impl Repair {
    /// Starts a watch on each object that is kept.
    pub(super) fn watch(&self, changed: &Arc<Notify>, stop: &CancellationToken, tasks: &mut JoinSet<()>) {
        let dynamic = |resource: &ApiResource| Api::<DynamicObject>::all_with(self.client.clone(), resource);
        match self.injection {
            Injection::Webhook | Injection::Auto => {
                let secrets: Api<PartialObjectMeta<Secret>> = Api::namespaced(self.client.clone(), &self.namespace);
                tasks.spawn(follow(secrets, self.secret.clone(), changed.clone(), stop.clone()));
                tasks.spawn(follow(dynamic(&webhook_resource()), NAME.to_owned(), changed.clone(), stop.clone()));
            }
            Injection::Policy => {
                for resource in [policy_resource(), policy_binding_resource()] {
                    tasks.spawn(follow(dynamic(&resource), NAME.to_owned(), changed.clone(), stop.clone()));
                }
            }
            Injection::None => {}
        }
    }
}

/// Reports every change of one object.
async fn follow<K>(api: Api<K>, name: String, changed: Arc<Notify>, stop: CancellationToken)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let events = events(api, Some(&name)).take_until(stop.cancelled_owned());
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(_) => changed.notify_one(),
            Err(error) => tracing::warn!(name, %error, "watch failed and will be retried"),
        }
    }
}
