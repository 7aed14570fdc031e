//! Why bindings go: what decides whether their deletion takes something away.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, CustomResourceExt};

use super::context::Context;
use crate::api::DirectAccessBinding;
use crate::plan::annotated::{Setting, keeps_binding};
use crate::plan::{BindingView, Departure};

/// Finds out why the bindings that are being deleted go.
pub(super) async fn departures(context: &Context, views: &mut [BindingView]) {
    let mut definition = None;
    for view in views.iter_mut().filter(|view| view.is_deleting()) {
        if is_made_again(context, view) {
            view.departure = Departure::MadeAgain;
            continue;
        }
        if definition.is_none() {
            definition = Some(of_definition(context).await);
        }
        view.departure = definition.unwrap_or(Departure::Unknown);
    }
}

/// The Service that owns it is there and asks for a binding.
fn is_made_again(context: &Context, view: &BindingView) -> bool {
    let switches = context.stores.switches();
    let setting = Setting {
        acceptance: context.annotated_services,
        has_tke: switches.has_tke,
        is_default: switches.default_direct_access,
    };
    let service = view.service.as_deref().filter(|_| view.is_of_service());
    service.is_some_and(|service| keeps_binding(service, setting, &view.binding))
}

/// A definition that is being deleted takes all bindings with it, which nobody may have meant.
async fn of_definition(context: &Context) -> Departure {
    let api: Api<CustomResourceDefinition> = Api::all(context.client.clone());
    match api.get_metadata_opt(DirectAccessBinding::crd_name()).await {
        Ok(Some(found)) if found.metadata.deletion_timestamp.is_none() => Departure::Usual,
        Ok(_) => Departure::DefinitionDeleted,
        Err(error) => {
            tracing::warn!(%error, "the definition of DirectAccessBindings cannot be read, so deleted bindings take nothing away");
            Departure::Unknown
        }
    }
}
