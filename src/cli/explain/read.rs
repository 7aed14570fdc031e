//! Reads what the chain is decided on.

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1 as core;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};

use super::facts::{Facts, Injection};
use crate::api::names;
use crate::cli::Error;
use crate::cli::lease::leader;
use crate::cli::session::Session;
use crate::cli::world::World;
use crate::k8s;

/// Reads everything that concerns one Pod.
pub(super) async fn read(session: &Session, name: &str) -> Result<Facts, Error> {
    let pods: Api<core::Pod> = Api::namespaced(session.client.clone(), &session.namespace);
    let found = pods.get_opt(name).await.map_err(Error::kubernetes(format!("cannot read Pod '{name}'")))?;
    let object = found.ok_or_else(|| Error::NotFound {
        kind: "Pod",
        plural: "pods",
        name: name.to_owned(),
        namespace: session.namespace.clone(),
    })?;
    let world = World::read(session, false).await?;
    let sights = world.look(session).await?;
    Ok(Facts {
        pod: Arc::new(k8s::pod(&object)),
        object,
        services: world.stores.services.rows(&session.namespace).values().cloned().collect(),
        sights,
        leader: leader(session).await,
        injection: injection(session).await,
    })
}

async fn injection(session: &Session) -> Injection {
    let namespaces: Api<core::Namespace> = Api::all(session.client.clone());
    let found = namespaces.get_opt(&session.namespace).await;
    let is_enabled = |found: core::Namespace| {
        let labels = found.metadata.labels.unwrap_or_default();
        labels.get(names::GATES_LABEL).is_some_and(|value| value == names::GATES_ENABLED)
    };
    let name = session.namespace.as_str();
    Injection {
        is_labelled: found.ok().map(|found| found.is_some_and(is_enabled)),
        is_reserved: names::is_reserved_namespace(name, session.controller_namespace().await),
        is_there: mechanism(&session.client).await.map(|found| found != Mechanism::Nothing),
    }
}

/// What injects gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// A webhook configuration of ours is there.
    Webhook,
    /// An admission policy of ours is there.
    Policy,
    /// Neither is.
    Nothing,
}

impl Mechanism {
    /// How to take it away.
    pub(crate) fn deletion(self) -> Option<String> {
        let kinds = match self {
            Self::Webhook => "mutatingwebhookconfiguration",
            Self::Policy => "mutatingadmissionpolicy,mutatingadmissionpolicybinding",
            Self::Nothing => return None,
        };
        Some(format!("kubectl delete {kinds} {}", names::GATE_INJECTION))
    }
}

/// What injects gates; `None` when neither kind can be read.
pub(crate) async fn mechanism(client: &Client) -> Option<Mechanism> {
    let webhooks: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let webhook = webhooks.get_opt(names::GATE_INJECTION).await;
    let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy");
    let resource = ApiResource::from_gvk_with_plural(&kind, "mutatingadmissionpolicies");
    let policies: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let policy = policies.get_opt(names::GATE_INJECTION).await;
    match (webhook, policy) {
        (Ok(Some(_)), _) => Some(Mechanism::Webhook),
        (_, Ok(Some(_))) => Some(Mechanism::Policy),
        (Err(_), Err(_)) => None,
        _ => Some(Mechanism::Nothing),
    }
}
