//! Says when the certificates of listeners end: as a metric, and in the log before they do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::context::Context;
use super::reads::client;
use crate::k8s::certificate::Certificate;
use crate::model::ObjectKey;
use crate::plan::expiry::{Ends, Held, Named};
use crate::plan::named_certificates;

/// How long what the cloud says of an end is believed, and how soon it is asked again where it has not said it.
const LASTS: Duration = Duration::from_secs(3600);
/// How often the log says it of one certificate.
const REMINDER: Duration = Duration::from_secs(24 * 3600);

/// What this leadership knows of ends.
#[derive(Default)]
pub(super) struct CertificateEnds(Mutex<Known>);

#[derive(Default)]
struct Known {
    ends: Ends,
    /// When the cloud was asked last.
    asked: Option<Duration>,
    /// When the log has said it.
    logged: BTreeMap<Named, Duration>,
}

impl CertificateEnds {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A Secret has this.
    pub(super) fn hold(&self, secret: &ObjectKey, certificate: &Certificate) {
        let held = match certificate {
            Certificate::Id(id) => Held::Id(id.clone()),
            Certificate::Pair(pair) => Held::Certificate(pair.ends),
        };
        self.lock().ends.hold(secret, held);
    }

    /// Asks for what is not known, and says what is.
    pub(super) async fn look(&self, context: &Context) {
        let bindings = context.stores.bindings.all();
        let named: BTreeSet<Named> = bindings.iter().flat_map(|row| named_certificates(&row.0)).collect();
        self.ask(context, &named).await;
        let now = context.clock.now();
        let mut known = self.lock();
        context.metrics.certificates_end(known.ends.soonest(&named));
        let soon = known.ends.soon(&named, now.wall);
        known.logged.retain(|one, _| soon.iter().any(|(named, _)| named == one));
        for (one, ends) in soon {
            if known.logged.get(&one).is_some_and(|logged| now.at < *logged + REMINDER) {
                continue;
            }
            match &one {
                Named::Id(certificate) => {
                    tracing::warn!(certificate, %ends, "the certificate of a listener expires soon")
                }
                Named::Secret(secret) => tracing::warn!(%secret, %ends, "the certificate of a listener expires soon"),
            }
            known.logged.insert(one, now.at);
        }
    }

    /// Certificates are the account's, whatever the region.
    async fn ask(&self, context: &Context, named: &BTreeSet<Named>) {
        let at = context.clock.at();
        let ids = {
            let mut known = self.lock();
            let ids = known.ends.ids(named);
            let is_fresh = known.asked.is_some_and(|asked| at < asked + LASTS);
            if ids.is_empty() || is_fresh && known.ends.knows(&ids) {
                return;
            }
            known.asked = Some(at);
            ids
        };
        let Ok(cloud) = client(context, context.clouds.default_region()) else { return };
        let ends = match cloud.clb.certificates(&ids).await {
            Ok(found) => Some(found.into_iter().map(|one| (one.id, one.ends)).collect()),
            Err(failure) => {
                let request_id = failure.request_id.as_deref();
                tracing::debug!(request_id, %failure, "when certificates expire cannot be read");
                None
            }
        };
        self.lock().ends.answered(ids, ends.as_ref());
    }
}
