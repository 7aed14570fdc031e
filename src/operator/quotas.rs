//! Quotas of the account in one region: read when first needed, and again from time to time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clb::Clb;
use crate::model::{Limits, Quotas};

/// How long quotas are believed. They change when somebody asks the vendor.
const LASTS: Duration = Duration::from_secs(3600);
/// How soon to ask again when the cloud did not say.
const RETRY: Duration = Duration::from_secs(300);

/// What is known. Forgetting it costs a call.
#[derive(Debug, Default)]
pub(super) struct QuotaReads {
    known: Mutex<Option<(Quotas, Instant)>>,
}

impl QuotaReads {
    /// The limits with what the cloud says of quotas, where flags say nothing. Without an answer, those of a new account.
    pub(super) async fn limits(&self, clb: &Clb, flags: Quotas) -> Limits {
        if flags.is_complete() {
            return Limits::default().with(flags);
        }
        let now = Instant::now();
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let quotas = match known.filter(|(_, until)| now < *until) {
            Some((quotas, _)) => quotas,
            None => {
                let (quotas, lasts) = match clb.quotas().await {
                    Ok(found) => (Quotas::of(&found), LASTS),
                    Err(failure) => {
                        let request_id = failure.request_id.as_deref();
                        tracing::warn!(request_id, %failure, "quotas cannot be read, and are taken for those known before or usual");
                        (known.map(|(quotas, _)| quotas).unwrap_or_default(), RETRY)
                    }
                };
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((quotas, now + lasts));
                quotas
            }
        };
        Limits::default().with(quotas).with(flags)
    }
}
