//! Whether removals are held: as the controller says itself in statuses of bindings, and as its ConfigMap says.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;

use super::lease;
use super::session::Session;
use crate::api::condition::HoldCause;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus, names};
use crate::k8s::{self, words};
use crate::model::Reading;
use crate::plan::brake::{Brake, HoldConfig, HoldFlag, HoldWord, is_recorded};
use crate::plan::{ConfigMapSight, Hold, Removals};

/// Stands in commands for the namespace of a controller that was not found.
const NOWHERE: &str = "<namespace-of-the-controller>";

/// What is known of the controller's ConfigMap.
pub(super) enum Config {
    /// It says this, or there is none.
    Known(HoldConfig),
    /// Nobody knows, for this reason: that there is no ConfigMap where no controller is says nothing.
    Unknown(String),
}

/// Whether removals are held, as far as is known.
pub(super) struct Word {
    /// What counts.
    pub(super) removals: Removals,
    /// Why it may be otherwise; `None` where it is known.
    pub(super) doubt: Option<String>,
}

impl From<Removals> for Word {
    fn from(removals: Removals) -> Self {
        Self { removals, doubt: None }
    }
}

/// Reads the ConfigMap in the namespace that has the controller's Lease.
pub(super) async fn config(session: &Session) -> Config {
    let namespace = session.controller_namespace().await;
    let place = format!("ConfigMap {namespace}/{}", names::CONTROLLER_CONFIG);
    let api: Api<ConfigMap> = Api::namespaced(session.client.clone(), namespace);
    let found = match api.get_opt(names::CONTROLLER_CONFIG).await {
        Ok(found) => found.as_ref().map(k8s::hold),
        Err(error) => return Config::Unknown(format!("{place} cannot be read: {}", words(&error))),
    };
    let flag = "say which namespace the controller runs in with --controller-namespace";
    match (lease::read(session).await, found) {
        (Ok(Some(_)), found) => Config::Known(found.unwrap_or_default()),
        (Ok(None), _) => Config::Unknown(format!("no controller has its Lease in namespace '{namespace}'; {flag}")),
        (Err(_), Some(found)) => Config::Known(found),
        (Err(error), None) => Config::Unknown(format!(
            "there is no {place}, and whether a controller runs there cannot be read ({}); {flag}",
            words(&error)
        )),
    }
}

/// Namespaces that have a ConfigMap of this name, and no controller: sorted, and none where that cannot be seen.
pub(super) async fn strays(session: &Session) -> Vec<String> {
    let (Ok(Some(_)), Some(controllers)) = (lease::read(session).await, lease::namespaces(&session.client).await)
    else {
        return Vec::new();
    };
    let params = ListParams::default().fields(&format!("metadata.name={}", names::CONTROLLER_CONFIG));
    let found = Api::<ConfigMap>::all(session.client.clone()).list(&params).await;
    let found = found.into_iter().flat_map(|found| found.items).filter_map(|one| one.metadata.namespace);
    let mut strays: Vec<_> = found.filter(|namespace| !controllers.contains(namespace)).collect();
    strays.sort();
    strays
}

/// Whether removals are held. `namespace` is the controller's, `bindings` are those that the user sees.
pub(super) fn removals<'a>(
    namespace: &str,
    config: &Config,
    bindings: impl Iterator<Item = &'a DirectAccessBinding>,
) -> Word {
    let written = bindings.filter_map(|binding| binding.status.as_ref()).filter(|one| one.observed_generation >= 0);
    let statuses: Vec<_> = written.collect();
    let unheard =
        statuses.iter().find(|status| status.removals_held_by.is_some() && status.removals_held_by().is_none());
    if let Some(word) = unheard.and_then(|status| status.removals_held_by.as_deref()) {
        let doubt = format!("bindings say that removals are held by {word}, which this version does not know");
        return Word { removals: Removals::Allowed, doubt: Some(doubt) };
    }
    match config {
        Config::Known(config) => by_both(namespace, config, &statuses).into(),
        Config::Unknown(why) => by_statuses(why, &statuses),
    }
}

/// The controller writes into every status whether removals are held.
fn by_statuses(why: &str, statuses: &[&DirectAccessBindingStatus]) -> Word {
    match HoldCause::ALL.iter().copied().find(|cause| is_recorded(*cause, statuses.iter().copied())) {
        Some(reason) => {
            let config_map = match reason {
                HoldCause::ConfigMap | HoldCause::ConfigMapUnreadable => ConfigMapSight::There,
                HoldCause::Flag | HoldCause::Mass => ConfigMapSight::Absent,
                HoldCause::ConfigMapRefused => ConfigMapSight::Refused,
            };
            Removals::Held(Hold { reason, namespace: NOWHERE.to_owned(), config_map }).into()
        }
        None if statuses.is_empty() => {
            let doubt = format!("whether removals are held is not known: {why}");
            Word { removals: Removals::Allowed, doubt: Some(doubt) }
        }
        None => Removals::Allowed.into(),
    }
}

fn by_both(namespace: &str, config: &HoldConfig, statuses: &[&DirectAccessBindingStatus]) -> Removals {
    let mut brake = Brake::new(HoldFlag::Unset, namespace);
    // What is wrong with it is said by others.
    let _ = brake.hear(config);
    let by_config = brake.removals();
    // What is held by the controller alone shows nowhere else. What the ConfigMap lets go on may be said for another moment, and what it
    // holds may have been followed in a moment.
    let is_alone = |reason: &HoldCause| match reason {
        HoldCause::Flag | HoldCause::ConfigMapRefused => true,
        HoldCause::Mass => config.word != Reading::Said(HoldWord::GoOn),
        HoldCause::ConfigMap | HoldCause::ConfigMapUnreadable => matches!(config.word, Reading::Unreadable(_)),
    };
    let is_said = |cause: &HoldCause| is_alone(cause) && is_recorded(*cause, statuses.iter().copied());
    let said = HoldCause::ALL.iter().copied().find(is_said);
    match said {
        Some(reason) => Removals::Held(Hold { reason, namespace: namespace.to_owned(), config_map: config.sight }),
        // The controller goes on by the last word that it could read.
        None if matches!(config.word, Reading::Unreadable(_)) && !statuses.is_empty() => Removals::Allowed,
        None => by_config,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn binding(status: Option<&serde_json::Value>) -> DirectAccessBinding {
        let object = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "web"},
            "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}}, "status": status,
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn where_no_controller_is_the_bindings_tell_and_else_nobody_knows() {
        let unknown = Config::Unknown("no controller has its Lease in namespace 'here'".to_owned());
        let word = |value: &str| {
            Config::Known(HoldConfig { word: HoldWord::read(Some(value)), sight: ConfigMapSight::There, uid: None })
        };
        let absent = || Config::Known(HoldConfig::default());
        let seen = |by: Option<&str>| Some(json!({"observedGeneration": 1, "removalsHeldBy": by}));
        let fresh = || Some(json!({"observedGeneration": -1}));
        for (config, status, held, doubt) in [
            (&unknown, None, None, "is not known: no controller"),
            (&unknown, fresh(), None, "is not known: no controller"),
            (&unknown, seen(None), None, ""),
            (&unknown, seen(Some("Mass")), Some(HoldCause::Mass), ""),
            (&unknown, seen(Some("ConfigMap")), Some(HoldCause::ConfigMap), ""),
            (&unknown, seen(Some("Comet")), None, "held by Comet, which this version does not know"),
            (&absent(), None, None, ""),
            (&absent(), seen(Some("Mass")), Some(HoldCause::Mass), ""),
            (&word("true"), None, Some(HoldCause::ConfigMap), ""),
            (&word("false"), seen(Some("Mass")), None, ""),
            (&word("True"), seen(None), None, ""),
            (&word("True"), seen(Some("ConfigMapUnreadable")), Some(HoldCause::ConfigMapUnreadable), ""),
        ] {
            let found = removals("home", config, std::iter::once(&binding(status.as_ref())));
            let told = (found.removals.held().map(|hold| hold.reason), found.doubt.unwrap_or_default());
            let is_doubt = if doubt.is_empty() { told.1.is_empty() } else { told.1.contains(doubt) };
            assert!(told.0 == held && is_doubt, "{status:?}: {told:?}");
        }
        let stale = [seen(Some("Mass")), seen(None), seen(None)].map(|status| binding(status.as_ref()));
        for config in [&unknown, &absent()] {
            let found = removals("home", config, stale.iter());
            assert_eq!(found.removals, Removals::Allowed, "one that could not be written says nothing of the others");
        }
    }
}
