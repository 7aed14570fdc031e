//! Whether removals are held: as the controller's ConfigMap says, and as it says itself on bindings.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::session::Session;
use crate::api::condition::HoldCause;
use crate::api::{DirectAccessBinding, names};
use crate::k8s;
use crate::model::Reading;
use crate::plan::brake::{Brake, HoldConfig, HoldFlag, HoldWord};
use crate::plan::{ConfigMapSight, Hold, Removals};

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
    // A word that cannot be read changes nothing.
    let _ = brake.hear(config);
    let by_config = brake.removals();
    let lets_go = config.word == Reading::Said(HoldWord::GoOn);
    let mut messages = bindings
        .filter_map(|binding| binding.status.as_ref())
        .flat_map(|status| status.conditions.iter().map(|condition| condition.message.as_str()));
    let of = |reason| Hold { reason, namespace: namespace.clone(), config_map: config.sight };
    // What is held by the controller alone shows nowhere else. What the ConfigMap lets go on may be said for another moment.
    let alone = if lets_go { vec![HoldCause::Flag] } else { vec![HoldCause::Flag, HoldCause::Mass] };
    let refused = Hold { config_map: ConfigMapSight::Refused, ..of(HoldCause::ConfigMap) };
    let known: Vec<_> = alone.into_iter().map(of).chain([refused]).collect();
    let said = messages.find_map(|message| known.iter().find(|one| message.contains(&one.cause())).cloned());
    match (by_config, said) {
        (Removals::Allowed, Some(hold)) => Removals::Held(hold),
        (by_config, _) => by_config,
    }
}
