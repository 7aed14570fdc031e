//! The keys that calls are signed with.

use std::fmt;

use tokio::sync::watch;

use crate::model::KeyMark;

/// A key, permanent or temporary. Printing it shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    pub(super) secret_id: String,
    pub(super) secret_key: String,
    pub(super) token: Option<String>,
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
        })
    }
}

impl Keys {
    /// What tells this key from others.
    pub(super) fn mark(&self) -> KeyMark {
        KeyMark::new(self.secret_id.clone())
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

/// Where the client takes its key from: each call uses the one that is current when it is signed.
#[derive(Clone)]
pub struct Credentials(watch::Receiver<Keys>);

impl Credentials {
    /// One key for good.
    pub fn fixed(keys: Keys) -> Self {
        Self(watch::channel(keys).1)
    }

    /// Keys that somebody else renews. When the sender is gone, the last key stays.
    pub const fn renewed(keys: watch::Receiver<Keys>) -> Self {
        Self(keys)
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
        let required = |name: &'static str| variable(name).ok_or(CredentialsError::Missing(name));
        let secret_id = required("TENCENTCLOUD_SECRET_ID")?;
        let secret_key = required("TENCENTCLOUD_SECRET_KEY")?;
        let token = variable("TENCENTCLOUD_TOKEN");
        Keys::new(&secret_id, &secret_key, token.as_deref()).map(Self::fixed)
    }

    /// The key to sign with now.
    pub(super) fn current(&self) -> Keys {
        self.0.borrow().clone()
    }

    /// Waits until there is another key than this one; for ever when nobody renews them.
    pub(super) async fn other_than(&self, key: &KeyMark) {
        let mut keys = self.0.clone();
        let is_there = keys.wait_for(|keys| keys.mark() != *key).await.is_ok();
        if !is_there {
            std::future::pending::<()>().await;
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Why there is no key. It never holds a part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// An environment variable is not set.
    #[error("environment variable {0} is not set")]
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
        let keys = Credentials::from_variables(variables(&set)).unwrap().current();
        assert_eq!(keys, Keys::new("AKID1", "key1", Some("token1")).unwrap());
        let keys = Credentials::from_variables(variables(&set[..2])).unwrap().current();
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
        let (sender, receiver) = watch::channel(Keys::new("AKID1", "old", None).unwrap());
        let credentials = Credentials::renewed(receiver);
        sender.send(Keys::new("AKID2", "new", Some("token2")).unwrap()).unwrap();
        assert_eq!(credentials.current().secret_id, "AKID2");
        drop(sender);
        assert_eq!(credentials.current().secret_key, "new");
    }
}
