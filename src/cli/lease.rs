//! The controller's Lease: where it is, and who holds it.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use kube::{Api, Client};

use super::session::Session;
use crate::api::names;
use crate::k8s::words;

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

/// Who leads.
pub(super) async fn leader(session: &Session) -> Leader {
    let place = format!("Lease {}/{}", session.controller_namespace().await, names::LEASE);
    match read(session).await {
        Ok(Some(lease)) => judge(&lease, &place, Timestamp::now()),
        Ok(None) => Leader::Gone { why: format!("{place} does not exist") },
        Err(error) => Leader::Unknown { why: format!("{place} cannot be read: {}", words(&error)) },
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

/// The namespace of the only Lease of a controller that somebody holds, else of the only one there is; `None` where there are several,
/// or none, or they may not be looked for.
pub(super) async fn namespace(client: &Client) -> Option<String> {
    choose(&leases(client).await?, Timestamp::now())
}

fn choose(all: &[Lease], now: Timestamp) -> Option<String> {
    let held: Vec<_> = all.iter().filter(|lease| matches!(judge(lease, "", now), Leader::Alive { .. })).collect();
    let only = match (held.as_slice(), all) {
        ([only], _) => only,
        ([], [only]) => only,
        _ => return None,
    };
    only.metadata.namespace.clone()
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
        for (all, expected) in [
            (vec![], None),
            (vec![lease("one", fresh)], Some("one")),
            (vec![lease("one", stale)], Some("one")),
            (vec![lease("one", stale), lease("two", fresh)], Some("two")),
            (vec![lease("one", fresh), lease("two", fresh)], None),
            (vec![lease("one", stale), lease("two", stale)], None),
        ] {
            assert_eq!(choose(&all, now).as_deref(), expected, "{all:?}");
        }
    }
}
