//! Whose keys the cloud is called with.

use std::fmt;

use super::{AccountId, Failure};

/// The key that calls are signed with at some moment. Printing it shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyMark(String);

impl KeyMark {
    /// The mark of the key with this id.
    pub const fn new(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Debug for KeyMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMark(…)")
    }
}

/// The account that a round's calls are made by. An account sees its own load balancers only: what one does not show may be alive in
/// another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// No answer has come yet for these keys, or the keys have changed while the round read.
    #[default]
    NotAsked,
    /// This one.
    Known(AccountId),
    /// The cloud does not say.
    Unknown(Failure),
}

impl Caller {
    /// The account, where it is known.
    pub const fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Known(account) => Some(account),
            Self::NotAsked | Self::Unknown(_) => None,
        }
    }
}
