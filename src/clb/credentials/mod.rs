//! The keys that calls are signed with: where they come from, and how they are renewed.
//!
//! [`Source`] is chosen once, at the start. A [`Renewer`] asks it for a key, and again well before that one ends, and [`Credentials`]
//! have the one that is current. Nothing here prints a key or a token.

mod files;
mod renewer;
mod role;
mod schedule;
mod source;
mod web_identity;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::model::{Failure, KeyMark};

pub use renewer::{KeyObserver, Renewer};
pub use source::{METADATA_ENDPOINT, Source, SourceError, Sources};

/// How long a call waits for another key when the cloud does not take its own any more.
const RENEWAL: Duration = Duration::from_secs(5);

/// A key, permanent or temporary. Printing it shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    pub(super) secret_id: String,
    pub(super) secret_key: String,
    pub(super) token: Option<String>,
    /// Of temporary keys, whom they are given to; those of one holder are of one account. `None`: the key stands for itself.
    holder: Option<Arc<str>>,
}

impl Keys {
    /// A key. Whitespace around its parts is dropped, because it often comes from files that end in a line break and the
    /// cloud takes it for another key.
    ///
    /// # Errors
    /// When a part is empty or cannot be sent in a header.
    pub fn new(secret_id: &str, secret_key: &str, token: Option<&str>) -> Result<Self, CredentialsError> {
        let token = token.map(str::trim).filter(|token| !token.is_empty());
        Ok(Self {
            secret_id: checked("the secret id", secret_id)?,
            secret_key: checked("the secret key", secret_key)?,
            token: token.map(|token| checked("the token", token)).transpose()?,
            holder: None,
        })
    }

    /// The same key, as one of many that this holder is given one after another.
    fn held_by(mut self, holder: Arc<str>) -> Self {
        self.holder = Some(holder);
        self
    }

    /// What tells the account of this key from that of others.
    pub(super) fn mark(&self) -> KeyMark {
        KeyMark::new(self.holder.as_deref().unwrap_or(&self.secret_id).to_owned())
    }

    /// A text of somebody else's without the parts of this key: a proxy may answer with the request that it did not understand.
    pub(super) fn redacted(&self, text: &str) -> String {
        let parts = [Some(&self.secret_key), self.token.as_ref(), Some(&self.secret_id)];
        parts.into_iter().flatten().fold(text.to_owned(), |text, part| text.replace(part.as_str(), "…"))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Where the current key is from, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// The name of the source: one of [`Source::NAMES`].
    pub source: &'static str,
    /// `None`: it has no end that is known.
    pub ends: Option<Timestamp>,
}

impl fmt::Display for Given {
    /// As `environment`, or `web-identity until 2026-11-28T05:41:10Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ends {
            Some(ends) => write!(f, "{} until {}", self.source, ends.strftime("%Y-%m-%dT%H:%M:%SZ")),
            None => f.write_str(self.source),
        }
    }
}

/// The key, or why there is none yet.
type Held = Result<Keys, Failure>;

/// Where the client takes its key from: each call uses the one that is current when it is signed.
#[derive(Clone)]
pub struct Credentials {
    held: watch::Receiver<Held>,
    /// `None` where nobody says.
    given: Option<watch::Receiver<Option<Given>>>,
    /// Heard by who renews temporary keys, when the cloud does not take one; `None` where nobody does.
    refused: Option<Arc<Notify>>,
}

impl Credentials {
    /// One key for good.
    pub fn fixed(keys: Keys) -> Self {
        Self::renewed(watch::channel(Ok(keys)).1)
    }

    /// Keys that somebody else renews. When the sender is gone, the last key stays.
    pub const fn renewed(held: watch::Receiver<Held>) -> Self {
        Self { held, given: None, refused: None }
    }

    /// The key in `TENCENTCLOUD_SECRET_ID`, `TENCENTCLOUD_SECRET_KEY` and, when it is temporary, `TENCENTCLOUD_TOKEN`.
    ///
    /// # Errors
    /// When one of the first two is missing, or one of the three cannot be sent.
    pub fn from_environment() -> Result<Self, CredentialsError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`Self::from_environment`], with another source of variables.
    ///
    /// # Errors
    /// The same.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, CredentialsError> {
        keys_of(variable).map(Self::fixed)
    }

    /// Where the current key is from, and when it ends; `None` where that is not known, or there is none.
    pub fn given(&self) -> Option<Given> {
        self.given.as_ref().and_then(|given| *given.borrow())
    }

    /// The key to sign with now.
    ///
    /// # Errors
    /// When there is none yet: why.
    pub(super) fn current(&self) -> Held {
        self.held.borrow().clone()
    }

    /// What tells the account of the current key from that of others; of nobody while there is none.
    pub(super) fn mark(&self) -> KeyMark {
        self.held.borrow().as_ref().map_or_else(|_| KeyMark::new(String::new()), Keys::mark)
    }

    /// Waits until the key is of another account than this one may be; for ever when nobody renews them.
    pub(super) async fn other_than(&self, mark: &KeyMark) {
        let mut held = self.held.clone();
        let is_there = held.wait_for(|held| held.as_ref().is_ok_and(|keys| keys.mark() != *mark)).await.is_ok();
        if !is_there {
            std::future::pending::<()>().await;
        }
    }

    /// The cloud does not take this key any more. Whether there is another one now, or soon.
    pub(super) async fn refused(&self, secret_id: &str) -> bool {
        let Some(refused) = &self.refused else { return false };
        refused.notify_one();
        let mut held = self.held.clone();
        let another = held.wait_for(|held| held.as_ref().is_ok_and(|keys| keys.secret_id != secret_id));
        tokio::time::timeout(RENEWAL, another).await.is_ok_and(|found| found.is_ok())
    }
}

/// The key that variables, or what goes by their names, hold.
fn keys_of(variable: impl Fn(&str) -> Option<String>) -> Result<Keys, CredentialsError> {
    let required = |name: &'static str| variable(name).ok_or(CredentialsError::Missing(name));
    let (secret_id, secret_key) = (required(SECRET_ID)?, required(SECRET_KEY)?);
    Keys::new(&secret_id, &secret_key, variable(TOKEN).as_deref())
}

/// The variables, and files, of a key.
const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
const TOKEN: &str = "TENCENTCLOUD_TOKEN";

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Why there is no key. It never holds a part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// An environment variable is not set, or a file is not there.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A part is empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A part has characters that a key never has.
    #[error("{0} has characters other than visible ASCII")]
    Malformed(&'static str),
}

fn checked(name: &'static str, text: &str) -> Result<String, CredentialsError> {
    let text = text.trim();
    if text.is_empty() {
        Err(CredentialsError::Empty(name))
    } else if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(CredentialsError::Malformed(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn variables_are_read_and_trimmed() {
        let set = [
            ("TENCENTCLOUD_SECRET_ID", "AKID1\n"),
            ("TENCENTCLOUD_SECRET_KEY", " key1 "),
            ("TENCENTCLOUD_TOKEN", "token1"),
        ];
        let keys = Credentials::from_variables(variables(&set)).unwrap().current().unwrap();
        assert_eq!(keys, Keys::new("AKID1", "key1", Some("token1")).unwrap());
        let keys = Credentials::from_variables(variables(&set[..2])).unwrap().current().unwrap();
        assert_eq!(keys.token, None);
    }

    #[test]
    fn what_is_wrong_is_named_without_the_value() {
        let refused = |set: &[(&str, &str)]| Credentials::from_variables(variables(set)).unwrap_err();
        let id = ("TENCENTCLOUD_SECRET_ID", "AKID1");
        assert_eq!(refused(&[]), CredentialsError::Missing("TENCENTCLOUD_SECRET_ID"));
        assert_eq!(refused(&[id]), CredentialsError::Missing("TENCENTCLOUD_SECRET_KEY"));
        assert_eq!(refused(&[id, ("TENCENTCLOUD_SECRET_KEY", "\n")]), CredentialsError::Empty("the secret key"));
        let malformed = refused(&[id, ("TENCENTCLOUD_SECRET_KEY", "hun ter2")]);
        assert_eq!(malformed, CredentialsError::Malformed("the secret key"));
        assert!(!malformed.to_string().contains("hun"));
    }

    #[test]
    fn nothing_is_printed() {
        let keys = Keys::new("AKID1", "hunter2", Some("token1")).unwrap();
        let text = format!("{keys:?} {:?}", Credentials::fixed(keys.clone()));
        assert!(!text.contains("AKID1") && !text.contains("hunter2") && !text.contains("token1"), "{text}");
    }

    #[test]
    fn what_others_say_is_printed_without_the_key() {
        let keys = Keys::new("AKID1", "hunter2", Some("token1")).unwrap();
        assert_eq!(keys.redacted("id AKID1, key hunter2, token token1"), "id …, key …, token …");
    }

    #[test]
    fn a_renewed_key_is_used_from_the_next_call_on() {
        let (sender, receiver) = watch::channel(Keys::new("AKID1", "old", None).map_err(|_| unreachable!()));
        let credentials = Credentials::renewed(receiver);
        sender.send(Ok(Keys::new("AKID2", "new", Some("token2")).unwrap())).unwrap();
        assert_eq!(credentials.current().unwrap().secret_id, "AKID2");
        drop(sender);
        assert_eq!(credentials.current().unwrap().secret_key, "new");
    }
}
