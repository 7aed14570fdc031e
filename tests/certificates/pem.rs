//! Certificates as cert-manager writes them.

use rcgen::{CertificateParams, KeyPair};

/// A chain of one, and its private key, both in PEM.
pub(crate) fn made(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    (leaf.pem(), key.serialize_pem())
}
