//! Whether removals are held: as the controller's ConfigMap says, and as it says itself in statuses of bindings.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::session::Session;
use crate::api::condition::HoldCause;
use crate::api::{DirectAccessBinding, names};
use crate::k8s;
use crate::model::Reading;
use crate::plan::brake::{Brake, HoldConfig, HoldFlag, HoldWord};
use crate::plan::{Hold, Removals};

/// What the ConfigMap says; nothing where there is none.
pub(super) async fn config(session: &Session) -> Result<HoldConfig, kube::Error> {
    let api: Api<ConfigMap> = Api::namespaced(session.client.clone(), &session.controller_namespace);
    Ok(api.get_opt(names::CONTROLLER_CONFIG).await?.as_ref().map(k8s::hold).unwrap_or_default())
}

/// Whether removals are held. `bindings` are those that the user sees.
pub(super) fn removals<'a>(
    session: &Session,
    config: &HoldConfig,
    bindings: impl Iterator<Item = &'a DirectAccessBinding>,
) -> Removals {
    let namespace = &session.controller_namespace;
    let mut brake = Brake::new(HoldFlag::Unset, namespace);
    // What is wrong with it is said by others.
    let _ = brake.hear(config);
    let by_config = brake.removals();
    let statuses: Vec<_> = bindings.filter_map(|binding| binding.status.as_ref()).collect();
    // What is held by the controller alone shows nowhere else. What the ConfigMap lets go on may be said for another moment, and what it
    // holds may have been followed in a moment.
    let is_alone = |reason: &HoldCause| match reason {
        HoldCause::Flag | HoldCause::ConfigMapRefused => true,
        HoldCause::Mass => config.word != Reading::Said(HoldWord::GoOn),
        HoldCause::ConfigMap | HoldCause::ConfigMapUnreadable => matches!(config.word, Reading::Unreadable(_)),
    };
    let said = statuses.iter().filter_map(|status| status.removals_held_by()).find(is_alone);
    match said {
        Some(reason) => Removals::Held(Hold { reason, namespace: namespace.clone(), config_map: config.sight }),
        // The controller goes on by the last word that it could read.
        None if matches!(config.word, Reading::Unreadable(_)) && !statuses.is_empty() => Removals::Allowed,
        None => by_config,
    }
}
