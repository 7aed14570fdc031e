//! Certificates of servers, as the cloud lists them.

use jiff::Timestamp;

/// A certificate that the account has. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCertificate {
    /// Its id.
    pub id: String,
    /// The name for people, which says whose upload it is.
    pub alias: String,
    /// When it ends, as far as the cloud says.
    pub ends: Option<Timestamp>,
}
