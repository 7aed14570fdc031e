//! Why bindings go: what decides whether their deletion takes something away.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use super::context::Context;
use crate::api::DirectAccessBinding;
use crate::plan::annotated::{Remake, Setting, remake};
use crate::plan::{BindingView, Departure};

/// Finds out why the bindings that are being deleted go. The definition comes first: while it goes, nothing is made again.
pub(super) async fn departures(context: &Context, views: &mut [BindingView]) {
    if !views.iter().any(BindingView::is_deleting) {
        return;
    }
    let definition = of_definition(context).await;
    for view in views.iter_mut().filter(|view| view.is_deleting()) {
        view.departure = match (definition, of_service(context, view)) {
            (Departure::Usual, Remake::Made) => Departure::MadeAgain,
            (Departure::Usual, Remake::Held) => Departure::Held,
            (definition, _) => definition,
        };
    }
}

/// What the Service for which a binding was made has to say. It counts by name: a reference that came from a backup names another UID.
fn of_service(context: &Context, view: &BindingView) -> Remake {
    let Some(service) = view.service.as_deref() else { return Remake::NotAsked };
    let owners = view.binding.metadata.owner_references.iter().flatten();
    let mut services = owners.filter(|owner| owner.kind == "Service" && owner.controller == Some(true));
    if services.next().is_none_or(|owner| owner.name != service.key.name) {
        return Remake::NotAsked;
    }
    let switches = context.stores.switches();
    let setting = Setting {
        acceptance: context.annotated_services,
        has_tke: switches.has_tke,
        is_default: switches.default_direct_access,
    };
    remake(service, setting, &view.binding)
}

/// A definition that is being deleted takes all bindings with it, which nobody may have meant.
async fn of_definition(context: &Context) -> Departure {
    match context.kubernetes.metadata::<CustomResourceDefinition>(DirectAccessBinding::crd_name()).await {
        Ok(Some(found)) if found.metadata.deletion_timestamp.is_none() => Departure::Usual,
        Ok(_) => Departure::DefinitionDeleted,
        Err(error) => {
            tracing::warn!(%error, "the definition of DirectAccessBindings cannot be read, so deleted bindings take nothing away");
            Departure::Unknown
        }
    }
}
