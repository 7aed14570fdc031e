//! The mark of a certificate that was uploaded from a Secret: its alias, the only place where it can say whose it is.

use std::fmt;

use sha2::{Digest, Sha256};

const PREFIX: &str = "dac";
/// Hexadecimal digits of the scope, and of the Secret: nobody finds another one with the same ones.
const HASH_LEN: usize = 16;
/// Hexadecimal digits of the namespace, which only tells apart what one controller looks after.
const NAMESPACE_LEN: usize = 8;
/// Hexadecimal digits of the chain.
const FINGERPRINT_LEN: usize = 32;
/// The most characters of an alias. How many the cloud takes is not documented.
const ALIAS_MAX: usize = 128;

fn hash(text: &str, length: usize) -> String {
    let digest = Sha256::digest(text);
    let mut digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.truncate(length);
    digits
}

/// One cluster in one region. A certificate belongs to the account and serves all of its clusters and regions, and only those who use it
/// know whether it is still needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(String);

impl Scope {
    /// The scope of a cluster, which the UID of its definition of bindings names.
    pub fn new(cluster_uid: &str, region: &str) -> Self {
        Self(hash(&format!("{cluster_uid}/{region}"), HASH_LEN))
    }

    /// What the aliases of all its uploads begin with, and no others.
    pub fn prefix(&self) -> String {
        format!("{PREFIX}-{}-", self.0)
    }
}

/// What an upload is of: the chain in a Secret of a cluster, for a region. Nothing in it is made from a private key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadMark {
    scope: Scope,
    namespace: String,
    secret: String,
    fingerprint: String,
}

/// The fingerprint of a chain: of its certificates as they are encoded, in their order.
pub fn fingerprint<'a>(chain: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut digest = Sha256::new();
    for certificate in chain {
        digest.update(certificate.len().to_be_bytes());
        digest.update(certificate);
    }
    let digits: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    digits.chars().take(FINGERPRINT_LEN).collect()
}

impl UploadMark {
    /// The mark of what a Secret holds now.
    pub fn new(scope: &Scope, namespace: &str, secret: &str, fingerprint: &str) -> Self {
        Self {
            scope: scope.clone(),
            namespace: hash(namespace, NAMESPACE_LEN),
            secret: hash(&format!("{namespace}/{secret}"), HASH_LEN),
            fingerprint: fingerprint.to_owned(),
        }
    }

    /// The alias for an upload: the mark, and the name of the Secret for people as far as it fits.
    pub fn alias(&self, namespace: &str, secret: &str) -> String {
        format!("{self}_{namespace}_{secret}").chars().take(ALIAS_MAX).collect()
    }

    /// Reads an alias; `None` for that of somebody else.
    pub fn parse(alias: &str) -> Option<Self> {
        let mark = alias.split('_').next()?;
        let [prefix, scope, namespace, secret, fingerprint] = mark.split('-').collect::<Vec<_>>().try_into().ok()?;
        let is_hash =
            |part: &str, length| part.len() == length && part.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        let is_ours = prefix == PREFIX
            && is_hash(scope, HASH_LEN)
            && is_hash(namespace, NAMESPACE_LEN)
            && is_hash(secret, HASH_LEN)
            && is_hash(fingerprint, FINGERPRINT_LEN);
        let [scope, namespace, secret, fingerprint] = [scope, namespace, secret, fingerprint].map(str::to_owned);
        is_ours.then_some(Self { scope: Scope(scope), namespace, secret, fingerprint })
    }

    /// Where it is used.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether it is of this Secret.
    pub fn is_of(&self, namespace: &str, secret: &str) -> bool {
        self.secret == hash(&format!("{namespace}/{secret}"), HASH_LEN)
    }

    /// Whether its Secret is in this namespace.
    pub fn is_in(&self, namespace: &str) -> bool {
        self.namespace == hash(namespace, NAMESPACE_LEN)
    }
}

impl fmt::Display for UploadMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, namespace, secret, fingerprint } = self;
        write!(f, "{}{namespace}-{secret}-{fingerprint}", scope.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(secret: &str) -> UploadMark {
        UploadMark::new(&Scope::new("5f1a", "ap-guangzhou"), "shop", secret, &fingerprint([&b"leaf"[..], b"issuer"]))
    }

    #[test]
    fn an_alias_says_whose_upload_it_is() {
        for name in ["web-tls", "web.tls", &"a".repeat(253)] {
            let mark = mark(name);
            let alias = mark.alias("shop", name);
            assert_eq!(UploadMark::parse(&alias), Some(mark.clone()), "{alias}");
            assert!(alias.starts_with(&mark.scope().prefix()) && alias.chars().count() <= ALIAS_MAX, "{alias}");
            assert!(alias.contains("_shop_") && mark.is_of("shop", name) && mark.is_in("shop"));
            assert!(!mark.is_of("shop", "other") && !mark.is_of("shop-2", name) && !mark.is_in("shop-2"));
        }
    }

    #[test]
    fn what_somebody_else_has_named_is_theirs() {
        let own = mark("web-tls").to_string();
        let upper = own.to_uppercase();
        for alias in ["", "web", "dac-1-2-3-4", own.get(1..).unwrap(), &upper, &format!("x{own}"), &format!("{own}-1")]
        {
            assert_eq!(UploadMark::parse(alias), None, "{alias}");
        }
        assert!(UploadMark::parse(&format!("{own}_renamed by somebody")).is_some(), "the mark counts, and no name");
    }

    #[test]
    fn clusters_regions_and_chains_are_told_apart() {
        assert_ne!(Scope::new("1", "ap-guangzhou"), Scope::new("2", "ap-guangzhou"));
        assert_ne!(Scope::new("1", "ap-guangzhou"), Scope::new("1", "ap-shanghai"));
        let chains = [fingerprint([&b"ab"[..], b"c"]), fingerprint([&b"a"[..], b"bc"]), fingerprint([&b"abc"[..]])];
        assert!(chains[0] != chains[1] && chains[1] != chains[2] && chains[0] != chains[2]);
    }
}
