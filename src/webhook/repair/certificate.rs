//! Keeping the certificate.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use super::object::delete;
use super::report::{Deed, reference};
use super::{LookError, Repair};
use crate::webhook::certificate::{Cause, Decision, Found, decide, issue, read};
use crate::webhook::configuration::MANAGED_BY;

/// Steps in a row that one look may take; three make a whole rotation.
const STEPS: usize = 4;

impl Repair {
    /// Makes the Secret hold a sound certificate, and puts it to use. Returns what the API server should trust, and when the next
    /// step is due.
    pub(super) async fn secure(&mut self) -> Result<(String, Timestamp), LookError> {
        let mut secret = self.keeper.read().await?;
        let mut due = Timestamp::now();
        for _ in 0..STEPS {
            let now = Timestamp::now();
            let found = read(secret.as_ref().and_then(|secret| secret.data.as_ref()).unwrap_or(&BTreeMap::new()));
            match decide(&found, &self.names, &self.lifetimes, now) {
                Decision::Keep(until) => {
                    due = until;
                    break;
                }
                decision => secret = Some(self.step(decision, &found, secret, now).await?),
            }
        }
        let found = read(secret.as_ref().and_then(|secret| secret.data.as_ref()).unwrap_or(&BTreeMap::new()));
        let bundle = found.bundle();
        self.put_to_use(found);
        Ok((bundle, due))
    }

    fn put_to_use(&mut self, found: Found) {
        let Ok(leaf) = &found.leaf else { return };
        self.metrics.set_certificate_expiry(leaf.validity.until.as_second());
        self.certificate.send_replace(Some(leaf.certified.clone()));
        self.sound = Some(found);
    }

    /// Carries a decision out and tells of it.
    async fn step(
        &mut self,
        decision: Decision,
        found: &Found,
        before: Option<Secret>,
        now: Timestamp,
    ) -> Result<Secret, LookError> {
        if before.as_ref().is_some_and(is_foreign) {
            return Err(LookError::Foreign(self.secret.clone()));
        }
        let data = issue(decision, found, self.sound.as_ref(), &self.names, &self.lifetimes, now)?;
        let written = match self.keeper.write(before.clone(), data).await {
            Err(kube::Error::Api(status)) if status.is_invalid() => {
                // An immutable Secret can only be replaced by another; the next look makes it.
                if let Some(before) = &before {
                    delete(&self.keeper.api, before).await?;
                }
                return Err(kube::Error::Api(status).into());
            }
            written => written?,
        };
        let (cause, what) = match decision {
            Decision::RotateAuthority(cause) => (cause, "a new authority"),
            Decision::RotateLeaf(cause) => (cause, "a new certificate"),
            Decision::Prune | Decision::Keep(_) => (Cause::Superseded, "the new authority only"),
        };
        let deed = match cause {
            Cause::Expiring if found.usable(&self.names, now).is_none() => Deed::Repaired,
            Cause::Expiring | Cause::Superseded | Cause::Renamed => Deed::Renewed,
            Cause::Missing if self.sound.is_none() => Deed::Created,
            Cause::Missing | Cause::Damaged => Deed::Repaired,
        };
        let note = format!("The webhook's Secret {} has {what} now: {}", self.secret, words(cause));
        self.report(&reference(&written, &()), deed, "secret", cause.as_str(), &note).await;
        Ok(written)
    }

    /// Removes the Secret when it is ours.
    pub(super) async fn remove_secret(&mut self) -> Result<(), LookError> {
        let Some(secret) = self.keeper.read().await? else { return Ok(()) };
        if !is_ours(&secret) {
            return Ok(());
        }
        delete(&self.keeper.api, &secret).await?;
        let note = "The webhook's Secret was removed: there is no webhook";
        self.report(&reference(&secret, &()), Deed::Removed, "secret", "unused", note).await;
        Ok(())
    }
}

fn is_ours(secret: &Secret) -> bool {
    secret.labels().get(MANAGED_BY.0).map(String::as_str) == Some(MANAGED_BY.1)
}

/// Neither our label nor an authority's key, but something else: the name is taken. An empty Secret may be filled.
fn is_foreign(secret: &Secret) -> bool {
    let data = secret.data.as_ref();
    !is_ours(secret) && data.is_some_and(|data| !data.is_empty() && !data.contains_key("ca.key"))
}

fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::Missing => "there was none",
        Cause::Damaged => "what was there could not be used",
        Cause::Expiring => "its time was running out",
        Cause::Renamed => "the webhook has another name",
        Cause::Superseded => "a rotation goes on",
    }
}
