//! Whether removals are held, as the controller's ConfigMap says.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::session::Session;
use crate::api::names;
use crate::k8s;
use crate::plan::Removals;
use crate::plan::brake::{Brake, HoldConfig, HoldFlag};

/// What the ConfigMap says; nothing where there is none.
pub(super) async fn config(session: &Session) -> Result<HoldConfig, kube::Error> {
    let api: Api<ConfigMap> = Api::namespaced(session.client.clone(), &session.controller_namespace);
    Ok(api.get_opt(names::CONTROLLER_CONFIG).await?.as_ref().map(k8s::hold).unwrap_or_default())
}

/// Whether it holds removals. Who may not look at it is told what would be done without.
pub(super) async fn removals(session: &Session) -> Removals {
    let mut brake = Brake::new(HoldFlag::Unset, &session.controller_namespace);
    // A word that cannot be read changes nothing.
    let _ = brake.hear(&config(session).await.unwrap_or_default());
    brake.removals()
}
