//! Reads what the chain is decided on.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1 as core;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};

use super::facts::{Around, Injection};
use super::subject::Subject;
use super::words;
use crate::api::names;
use crate::cli::Error;
use crate::cli::gate_label;
use crate::cli::lease::leader;
use crate::cli::session::Session;
use crate::cli::workload::{self, Workload};
use crate::cli::world::World;

/// Reads what is around the Pods of the namespace.
pub(super) async fn around(session: &Session) -> Result<Around, Error> {
    let world = World::read(session, false).await?;
    let sights = world.look(session).await?;
    Ok(Around {
        namespace: session.namespace.clone(),
        services: world.stores.services.rows(&session.namespace).values().cloned().collect(),
        pods: world.stores.pods.rows(&session.namespace).values().cloned().collect(),
        sights,
        leader: leader(session).await,
        injection: injection(session).await,
    })
}

/// The Pods that are asked about. What is missing is an error, but for a Service that a binding names.
pub(super) async fn pods(session: &Session, subject: &Subject<'_>) -> Result<Vec<core::Pod>, Error> {
    let api: Api<core::Pod> = Api::namespaced(session.client.clone(), &session.namespace);
    match subject {
        Subject::Pod(name) => {
            let found = api.get_opt(name).await.map_err(Error::kubernetes(format!("cannot read Pod '{name}'")))?;
            match found {
                Some(found) => Ok(vec![found]),
                None => Err(session.missing(&api, "Pod", "pods", name).await),
            }
        }
        Subject::Workload(workload, name) => {
            let found = workload::read(session, workload, name).await?;
            workload::pods(session, workload, found).await
        }
        Subject::Service(name) => {
            let services: Api<core::Service> = Api::namespaced(session.client.clone(), &session.namespace);
            match service(session, name).await? {
                Some(found) => selected(&api, &found).await,
                None => Err(session.missing(&services, "Service", "services", name).await),
            }
        }
        Subject::Binding(name) => {
            let binding = session.binding(name).await?;
            match service(session, &binding.spec.service_ref.name).await? {
                Some(found) => selected(&api, &found).await,
                None => Ok(Vec::new()),
            }
        }
    }
}

async fn service(session: &Session, name: &str) -> Result<Option<core::Service>, Error> {
    let api: Api<core::Service> = Api::namespaced(session.client.clone(), &session.namespace);
    api.get_opt(name).await.map_err(Error::kubernetes(format!("cannot read Service '{name}'")))
}

/// The Pods that a Service selects: none when it has no selector.
async fn selected(api: &Api<core::Pod>, service: &core::Service) -> Result<Vec<core::Pod>, Error> {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref()).filter(|labels| !labels.is_empty());
    let Some(selector) = selector else { return Ok(Vec::new()) };
    let labels: Vec<_> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let params = ListParams::default().labels(&labels.join(","));
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let found = api.list(&params).await;
    Ok(found.map_err(Error::kubernetes(format!("cannot list the Pods of Service '{name}'")))?.items)
}

/// Why a workload has no Pods, as far as it says; `None` where it says nothing.
pub(super) async fn without_pods(
    session: &Session,
    workload: &'static Workload,
    name: &str,
) -> Result<Option<String>, Error> {
    let found = workload::read(session, workload, name).await?;
    Ok(words::without_pods(&found.data))
}

async fn injection(session: &Session) -> Injection {
    let name = session.namespace.as_str();
    Injection {
        label: gate_label::of_namespace(&session.client, name).await,
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
