//! TLS of simulated listeners: an authority of the simulator, and a leaf for whatever certificate a listener was given.
//!
//! The service has the certificates that people uploaded to it; the simulator only knows their ids. So it makes a leaf for each
//! id and asked-for name when it is asked: the common name is the id, so that a client sees which certificate it got.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::http::is_wildcard_match;

/// Leaves that are kept; more than tests and playgrounds have.
const MOST_LEAVES: usize = 1024;

/// Which certificates a listener has, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Certificates {
    /// The listener's own.
    pub(crate) default: Option<String>,
    /// Those of its domains, when it chooses by domain.
    pub(crate) by_domain: Vec<(String, String)>,
}

impl Certificates {
    /// The certificate for a client that asks for `name`.
    fn id_for(&self, name: Option<&str>) -> Option<&str> {
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let exact = self.by_domain.iter().find(|(domain, _)| *domain == name);
        let found = exact.or_else(|| self.by_domain.iter().find(|(domain, _)| is_wildcard_match(domain, &name)));
        found.map(|(_, id)| id.as_str()).or(self.default.as_deref())
    }
}

/// Signs the leaves of all listeners of a simulator.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    leaves: Mutex<BTreeMap<(String, String), Arc<CertifiedKey>>>,
}

impl Authority {
    /// Makes a key and a certificate of its own.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn new() -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named("simulated CLB");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem, leaves: Mutex::default() })
    }

    /// What clients have to trust.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    fn leaf(&self, id: &str, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if leaves.len() >= MOST_LEAVES {
            leaves.clear();
        }
        let key = (id.to_owned(), name.to_owned());
        if let Some(leaf) = leaves.get(&key) {
            return Some(Arc::clone(leaf));
        }
        match self.make_leaf(id, name) {
            Ok(leaf) => {
                let leaf = Arc::new(leaf);
                leaves.insert(key, Arc::clone(&leaf));
                Some(leaf)
            }
            Err(error) => {
                tracing::error!(%error, id, name, "a certificate could not be made");
                None
            }
        }
    }

    fn make_leaf(&self, id: &str, name: &str) -> Result<CertifiedKey, LeafError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name = named(id);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(CertifiedKey::new(vec![certificate.der().clone()], ring::sign::any_supported_type(&private)?))
    }
}

/// Why a leaf could not be made.
#[derive(Debug, thiserror::Error)]
enum LeafError {
    /// Its certificate.
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    /// Its key.
    #[error(transparent)]
    Key(#[from] rustls::Error),
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// The TLS of one listener. Its certificates can be exchanged while it serves.
pub(super) struct Tls {
    authority: Arc<Authority>,
    /// The name for clients that ask for none.
    address: IpAddr,
    certificates: RwLock<Certificates>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("address", &self.address).field("certificates", &self.certificates).finish()
    }
}

impl Tls {
    pub(super) fn new(authority: Arc<Authority>, address: IpAddr) -> Arc<Self> {
        Arc::new(Self { authority, address, certificates: RwLock::default() })
    }

    pub(super) fn update(&self, certificates: &Certificates) {
        let mut current = self.certificates.write().unwrap_or_else(PoisonError::into_inner);
        if *current != *certificates {
            current.clone_from(certificates);
        }
    }

    /// Takes clients in. HTTP/2 is not offered: the simulator does not speak it.
    pub(super) fn acceptor(self: &Arc<Self>, is_http: bool) -> Result<TlsAcceptor, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let resolver = Arc::clone(self);
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        if is_http {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Tls {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        let certificates = self.certificates.read().unwrap_or_else(PoisonError::into_inner);
        let id = certificates.id_for(name)?;
        let address = self.address.to_string();
        self.authority.leaf(id, name.unwrap_or(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_domain_decides() {
        let pair = |domain: &str, id: &str| (domain.to_owned(), id.to_owned());
        let certificates = Certificates {
            default: Some("usual".to_owned()),
            by_domain: vec![pair("*.example.com", "wild"), pair("a.example.com", "exact")],
        };
        let cases = [
            (Some("a.example.com"), Some("exact")),
            (Some("A.example.com"), Some("exact")),
            (Some("b.example.com"), Some("wild")),
            (Some("example.org"), Some("usual")),
            (None, Some("usual")),
        ];
        for (name, expected) in cases {
            assert_eq!(certificates.id_for(name), expected, "{name:?}");
        }
        assert_eq!(Certificates { default: None, ..certificates }.id_for(None), None);
    }
}
