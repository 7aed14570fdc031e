//! The controller's Lease: where it is, and who holds it.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use kube::{Api, Client};

use super::session::Session;
use crate::api::names;
use crate::k8s::words;

/// The namespace of deploy/install.yaml.
const USUAL_NAMESPACE: &str = "tke-direct-access";
/// How far clocks may be apart before a Lease counts as left.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(10);

/// What the Lease says of the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leader {
    /// A replica leads.
    Alive {
        /// Its name.
        holder: String,
    },
    /// Nobody leads.
    Gone {
        /// What is the case.
        why: String,
    },
    /// The Lease cannot be read.
    Unknown {
        /// Why.
        why: String,
    },
}

/// The Lease in the controller's namespace; `None` where there is none.
///
/// # Errors
///
/// When it cannot be read.
pub(super) async fn read(session: &Session) -> Result<Option<Lease>, kube::Error> {
    let api: Api<Lease> = Api::namespaced(session.client.clone(), session.controller_namespace().await);
    api.get_opt(names::LEASE).await
}

/// Who leads. That no controller is found where the user may not look everywhere says nothing.
pub(super) async fn leader(session: &Session) -> Leader {
    let flag = "name its namespace with --controller-namespace";
    let home = session.home().await;
    let namespace = home.namespace();
    let place = format!("Lease {namespace}/{}", names::LEASE);
    if let Home::Several(namespaces) = home {
        let why = format!("there are several controllers, in {}; {flag}", namespaces.join(", "));
        return Leader::Unknown { why };
    }
    match (read(session).await, home) {
        (Ok(Some(lease)), _) => judge(&lease, &place, Timestamp::now()),
        (Ok(None), Home::Hidden) => Leader::Unknown {
            why: format!("{place} does not exist, and you may not look for it in other namespaces; {flag}"),
        },
        (Ok(None), Home::Nowhere) => {
            Leader::Gone { why: format!("{place} does not exist, nor one in another namespace") }
        }
        (Ok(None), _) => Leader::Gone { why: format!("{place} does not exist") },
        (Err(error), _) => Leader::Unknown { why: format!("{place} cannot be read: {}; {flag}", words(&error)) },
    }
}

fn judge(lease: &Lease, place: &str, now: Timestamp) -> Leader {
    let spec = lease.spec.clone().unwrap_or_default();
    let holder = spec.holder_identity.filter(|holder| !holder.is_empty());
    let (Some(holder), Some(renewed)) = (holder, spec.renew_time) else {
        return Leader::Gone { why: format!("nobody holds {place}") };
    };
    let lasts = SignedDuration::from_secs(spec.lease_duration_seconds.unwrap_or(15).into());
    let age = now.duration_since(renewed.0);
    if age > lasts + CLOCK_SKEW {
        return Leader::Gone { why: format!("{place} was last renewed {} s ago, by {holder}", age.as_secs()) };
    }
    Leader::Alive { holder }
}

/// The namespaces that have a Lease of a controller; `None` where they may not be looked for.
pub(super) async fn namespaces(client: &Client) -> Option<Vec<String>> {
    Some(leases(client).await?.into_iter().filter_map(|lease| lease.metadata.namespace).collect())
}

async fn leases(client: &Client) -> Option<Vec<Lease>> {
    let params = ListParams::default().fields(&format!("metadata.name={}", names::LEASE));
    Some(Api::<Lease>::all(client.clone()).list(&params).await.ok()?.items)
}

/// Where the controller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// There: a flag says so, or the only Lease that somebody holds, or else the only one there is.
    Known(String),
    /// In several of these, or in one of them, and nobody knows in which.
    Several(Vec<String>),
    /// No namespace has a Lease.
    Nowhere,
    /// The user may not look for Leases in all namespaces.
    Hidden,
}

impl Home {
    /// The namespace to look in.
    pub(super) fn namespace(&self) -> &str {
        match self {
            Self::Known(namespace) => namespace,
            Self::Several(_) | Self::Nowhere | Self::Hidden => USUAL_NAMESPACE,
        }
    }
}

/// Looks for Leases of controllers in all namespaces.
pub(super) async fn home(client: &Client) -> Home {
    match leases(client).await {
        Some(all) => choose(&all, Timestamp::now()),
        None => Home::Hidden,
    }
}

fn choose(all: &[Lease], now: Timestamp) -> Home {
    let held: Vec<_> = all.iter().filter(|lease| matches!(judge(lease, "", now), Leader::Alive { .. })).collect();
    let namespace = |lease: &Lease| lease.metadata.namespace.clone().unwrap_or_default();
    match (held.as_slice(), all) {
        ([only], _) => Home::Known(namespace(only)),
        ([], [only]) => Home::Known(namespace(only)),
        ([], []) => Home::Nowhere,
        ([], _) => Home::Several(all.iter().map(namespace).collect()),
        (held, _) => Home::Several(held.iter().map(|lease| namespace(lease)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_only_lease_that_is_held_says_where_the_controller_is() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let lease = |namespace: &str, renewed: &str| -> Lease {
            let spec = json!({"holderIdentity": "a", "leaseDurationSeconds": 4, "renewTime": renewed});
            serde_json::from_value(json!({"metadata": {"namespace": namespace}, "spec": spec})).unwrap()
        };
        let (fresh, stale) = ("2026-01-01T00:00:59.000000Z", "2026-01-01T00:00:00.000000Z");
        let known = |name: &str| Home::Known(name.to_owned());
        let several = || Home::Several(vec!["one".to_owned(), "two".to_owned()]);
        for (all, expected) in [
            (vec![], Home::Nowhere),
            (vec![lease("one", fresh)], known("one")),
            (vec![lease("one", stale)], known("one")),
            (vec![lease("one", stale), lease("two", fresh)], known("two")),
            (vec![lease("one", fresh), lease("two", fresh)], several()),
            (vec![lease("one", stale), lease("two", stale)], several()),
        ] {
            assert_eq!(choose(&all, now), expected, "{all:?}");
        }
    }
}
