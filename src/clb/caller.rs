//! The account that calls are made by, remembered for the key that they are signed with.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Clb;
use crate::model::{AccountId, Caller, Failure, KeyMark};

/// How soon to ask again when the cloud did not say.
const RETRY: Duration = Duration::from_secs(30);

/// Who calls, asked once per key. One task asks ([`keep`](Self::keep)), so that nobody else ever waits for the answer.
pub struct CallerReads {
    clb: Clb,
    /// The last answer, and the key that it is about. Forgetting it costs a call.
    last: Mutex<Option<(KeyMark, Result<AccountId, Failure>)>>,
}

impl CallerReads {
    /// Asks with this client, whose keys those of all regions are.
    pub const fn new(clb: Clb) -> Self {
        Self { clb, last: Mutex::new(None) }
    }

    /// The key of calls that begin now.
    pub fn mark(&self) -> KeyMark {
        self.clb.key()
    }

    /// The account that has made all calls since `mark`, as far as is known now. Nothing is asked.
    pub fn since(&self, mark: &KeyMark) -> Caller {
        if self.clb.key() != *mark {
            return Caller::NotAsked;
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref().filter(|(key, _)| key == mark) {
            None => Caller::NotAsked,
            Some((_, Ok(account))) => Caller::Known(account.clone()),
            Some((_, Err(failure))) => Caller::Unknown(failure.clone()),
        }
    }

    /// Keeps the answer up to date: asks, asks again until there is an answer, and again when the key is another. Never ends.
    pub async fn keep(&self) {
        loop {
            let key = self.clb.key();
            let answer = self.clb.account().await;
            match &answer {
                Ok(account) => tracing::info!(%account, "the credentials' account is known"),
                Err(failure) => {
                    let request_id = failure.request_id.as_deref();
                    tracing::warn!(request_id, %failure, "the credentials' account cannot be read");
                }
            }
            let is_known = answer.is_ok();
            if self.clb.key() == key {
                // The call was signed with it.
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((key.clone(), answer));
            }
            let renewed = self.clb.key_other_than(&key);
            if is_known {
                renewed.await;
            } else {
                // Whichever comes first.
                let _ = tokio::time::timeout(RETRY, renewed).await;
            }
        }
    }
}
