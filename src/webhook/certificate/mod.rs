//! The webhook's certificate: an authority of its own and a leaf that it signs.
//!
//! What to do is decided from what is there and the time, by [`decide`], which is pure; [`read`] tells what is there, and
//! [`issue`] makes keys and certificates.
//!
//! An authority is replaced in steps, so that at every moment all leaves in use are trusted by all who may ask:
//!
//! 1. The new authority is put before the old one in the bundle; the old leaf stays.
//! 2. When the bundle has been out for the overlap, a leaf of the new authority is made.
//! 3. When that has been out for the overlap, the old authority is taken out of the bundle.
//!
//! Everything needed for that is in the certificates themselves: a new replica goes on where another stopped.

mod issue;
mod read;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::sign::CertifiedKey;

pub(super) use issue::{IssueError, issue};
pub(super) use read::read;

/// How long certificates live. Each is renewed when a third of its life is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Life of an authority.
    pub authority: SignedDuration,
    /// Life of a leaf.
    pub leaf: SignedDuration,
    /// How long a step of a rotation is left to reach every API server and replica before the next.
    pub overlap: SignedDuration,
    /// How far back the life of a certificate begins, for clocks that are behind.
    pub backdate: SignedDuration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self {
            authority: days(3 * 365),
            leaf: days(90),
            overlap: SignedDuration::from_mins(2),
            backdate: SignedDuration::from_mins(5),
        }
    }
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    /// The beginning.
    pub(super) from: Timestamp,
    /// The end.
    pub(super) until: Timestamp,
}

impl Validity {
    /// When a successor is due.
    fn renewal(&self) -> Timestamp {
        let life = self.until.duration_since(self.from);
        later(self.from, life.checked_mul(2).and_then(|twice| twice.checked_div(3)).unwrap_or(life))
    }

    fn contains(&self, now: Timestamp) -> bool {
        (self.from..self.until).contains(&now)
    }
}

/// A private key in PEM. It is not printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PrivateKey(pub(super) String);

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// What is wrong with a part of the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is not there.
    Missing,
    /// It cannot be read, or does not fit the rest.
    Damaged,
}

/// An authority that may be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    /// The certificate.
    pub(super) pem: String,
    /// When it is valid.
    pub(super) validity: Validity,
}

/// A leaf that fits its key and was signed by an authority of the bundle.
#[derive(Clone)]
pub(super) struct Leaf {
    /// The certificate.
    pub(super) pem: String,
    /// Its key.
    pub(super) key: PrivateKey,
    /// When it is valid.
    pub(super) validity: Validity,
    /// The names that it has.
    pub(super) names: Vec<String>,
    /// The position of the authority that signed it.
    pub(super) authority: usize,
    /// Certificate and key, ready for use.
    pub(super) certified: Arc<CertifiedKey>,
}

/// What is there.
#[derive(Clone)]
pub(super) struct Found {
    /// The authorities of the bundle; the first signs.
    pub(super) authorities: Vec<Authority>,
    /// The key of the first authority.
    pub(super) signer: Result<PrivateKey, Flaw>,
    /// The leaf.
    pub(super) leaf: Result<Leaf, Flaw>,
}

impl Found {
    /// What the API server should trust, in PEM.
    pub(super) fn bundle(&self) -> String {
        self.authorities.iter().map(|authority| authority.pem.as_str()).collect()
    }

    /// The leaf, when a client with the bundle would take it now.
    pub(super) fn usable(&self, names: &[String], now: Timestamp) -> Option<&Leaf> {
        let leaf = self.leaf.as_ref().ok()?;
        let signed_by = self.authorities.get(leaf.authority)?;
        let is_usable = leaf.validity.contains(now) && signed_by.validity.contains(now) && leaf.has(names);
        is_usable.then_some(leaf)
    }
}

impl Leaf {
    fn has(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.names.contains(name))
    }
}

/// Why something is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It was not there.
    Missing,
    /// It could not be read, or did not fit.
    Damaged,
    /// A third of its life is left, or less.
    Expiring,
    /// The webhook has other names now.
    Renamed,
    /// A newer authority is to sign.
    Superseded,
}

impl Cause {
    /// For metrics and Events.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Damaged => "damaged",
            Self::Expiring => "expiring",
            Self::Renamed => "renamed",
            Self::Superseded => "superseded",
        }
    }
}

impl From<Flaw> for Cause {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Missing => Self::Missing,
            Flaw::Damaged => Self::Damaged,
        }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing before this time.
    Keep(Timestamp),
    /// Make a new authority; a leaf too, unless there is a usable one.
    RotateAuthority(Cause),
    /// Make a new leaf.
    RotateLeaf(Cause),
    /// Leave only the first authority in the bundle.
    Prune,
}

/// What to do about what was found. `names` are those that the API server may call the webhook by.
pub(super) fn decide(found: &Found, names: &[String], lifetimes: &Lifetimes, now: Timestamp) -> Decision {
    let (Some(authority), Ok(_)) = (found.authorities.first(), &found.signer) else {
        let flaw = found.signer.as_ref().err().copied().unwrap_or(Flaw::Missing);
        return Decision::RotateAuthority(flaw.into());
    };
    if now >= authority.validity.renewal() || now < authority.validity.from {
        return Decision::RotateAuthority(Cause::Expiring);
    }
    let leaf = match &found.leaf {
        Ok(leaf) => leaf,
        Err(flaw) => return Decision::RotateLeaf((*flaw).into()),
    };
    if !leaf.has(names) {
        return Decision::RotateLeaf(Cause::Renamed);
    }
    let settled = |validity: Validity| later(later(validity.from, lifetimes.backdate), lifetimes.overlap);
    let is_usable = found.usable(names, now).is_some();
    if leaf.authority != 0 {
        let due = settled(authority.validity).min(leaf.validity.until);
        return if now >= due || !is_usable { Decision::RotateLeaf(Cause::Superseded) } else { Decision::Keep(due) };
    }
    if now >= leaf.validity.renewal() || !is_usable {
        return Decision::RotateLeaf(Cause::Expiring);
    }
    let mut next = leaf.validity.renewal().min(authority.validity.renewal());
    if found.authorities.len() > 1 {
        let due = settled(leaf.validity);
        if now >= due {
            return Decision::Prune;
        }
        next = next.min(due);
    }
    Decision::Keep(next)
}

fn later(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
