//! Secrets that bindings name as certificates: the id of a certificate of the cloud under one key, as TKE has them, or a certificate
//! with its private key, as cert-manager makes them.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::api::names::CERTIFICATE_KEY;
use crate::api::upload_mark::fingerprint;
use crate::model::ObjectKey;

/// The type of Secrets with a certificate and its key.
const TLS: &str = "kubernetes.io/tls";
const CHAIN: &str = "tls.crt";
const PRIVATE: &str = "tls.key";

/// What a Secret has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// The id of a certificate of the cloud.
    Id(String),
    /// A certificate with its key.
    Pair(Pair),
}

/// A certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What tells it from others.
    pub fingerprint: String,
    /// The chain, in PEM.
    pub chain: String,
    /// The private key, in PEM.
    pub key: PrivateKey,
    /// When it ends.
    pub ends: Option<Timestamp>,
}

/// A private key. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(String);

impl PrivateKey {
    /// The key itself, in PEM.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// What a Secret has, or why nothing of it can be used, in words for users.
///
/// # Errors
///
/// Why there is nothing.
pub async fn read(client: &Client, key: &ObjectKey) -> Result<Certificate, String> {
    let api: Api<Secret> = Api::namespaced(client.clone(), &key.namespace);
    match api.get_opt(&key.name).await {
        Ok(Some(secret)) => certificate(&secret),
        Ok(None) => Err("it does not exist".to_owned()),
        Err(kube::Error::Api(status)) => Err(format!("the API server does not give it ({})", status.reason)),
        Err(error) => {
            tracing::warn!(secret = %key, %error, "the Secret of a certificate cannot be read");
            Err("it cannot be read".to_owned())
        }
    }
}

/// The id wins where there is one: somebody has written it by hand.
fn certificate(secret: &Secret) -> Result<Certificate, String> {
    let value = |key: &str| secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.as_slice());
    match value(CERTIFICATE_KEY) {
        Some(id) => certificate_id(id).map(Certificate::Id),
        None if secret.type_.as_deref() == Some(TLS) => {
            pair(value(CHAIN).unwrap_or_default(), value(PRIVATE).unwrap_or_default()).map(Certificate::Pair)
        }
        None => Err(format!("it has no key {CERTIFICATE_KEY}, and is not of type {TLS}")),
    }
}

fn certificate_id(value: &[u8]) -> Result<String, String> {
    let id = str::from_utf8(value).unwrap_or_default().trim();
    let is_id = !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    is_id.then(|| id.to_owned()).ok_or_else(|| format!("its key {CERTIFICATE_KEY} is not the id of a certificate"))
}

/// No words of a parser are passed on: some quote what they have read.
fn pair(chain: &[u8], key: &[u8]) -> Result<Pair, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let certificates = certificates.ok().filter(|found| !found.is_empty());
    let certificates = certificates.ok_or_else(|| format!("its key {CHAIN} is not a chain of certificates in PEM"))?;
    let leaf = certificates.first().and_then(|leaf| x509_parser::parse_x509_certificate(leaf).ok());
    let Some((_, leaf)) = leaf else {
        return Err(format!("the first certificate in its key {CHAIN} cannot be read"));
    };
    let ends = Timestamp::from_second(leaf.validity().not_after.timestamp()).ok();
    let private = PrivateKeyDer::from_pem_slice(key);
    let private = private.map_err(|_| format!("its key {PRIVATE} is not a private key in PEM, without a password"))?;
    // A key of a kind that is not known here is for the cloud to judge.
    if let Ok(signing) = ring::sign::any_supported_type(&private) {
        let both = CertifiedKey::new(certificates.clone(), signing);
        if both.keys_match() == Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) {
            return Err(format!("its key {PRIVATE} does not belong to the certificate in its key {CHAIN}"));
        }
    }
    let text = |bytes: &[u8], name: &str| {
        str::from_utf8(bytes).map(str::to_owned).map_err(|_| format!("its key {name} is not a text"))
    };
    Ok(Pair {
        fingerprint: fingerprint(certificates.iter().map(|one| one.as_ref())),
        chain: text(chain, CHAIN)?,
        key: PrivateKey(text(key, PRIVATE)?),
        ends,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn secret(kind: &str, data: &[(&str, &str)]) -> Secret {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
        Secret { type_: Some(kind.to_owned()), data: Some(data.collect()), ..Secret::default() }
    }

    /// A chain of one, and its key.
    fn made(name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        (leaf.pem(), key.serialize_pem())
    }

    #[test]
    fn the_id_is_read_from_its_key_and_wins() {
        let (chain, key) = made("a.example");
        let id =
            |value| certificate(&secret(TLS, &[("qcloud_cert_id", value), ("tls.crt", &chain), ("tls.key", &key)]));
        assert_eq!(id("zjUMifFK\n"), Ok(Certificate::Id("zjUMifFK".to_owned())));
        for value in ["", "a b"] {
            assert!(id(value).unwrap_err().contains("qcloud_cert_id"), "{value}: what is written is not passed over");
        }
        let opaque = certificate(&secret("Opaque", &[("tls.crt", &chain), ("tls.key", &key)])).unwrap_err();
        assert!(opaque.contains("qcloud_cert_id") && opaque.contains("kubernetes.io/tls"), "{opaque}");
        assert!(certificate(&Secret::default()).is_err());
    }

    #[test]
    fn a_certificate_with_its_key_is_read_or_says_what_is_wrong() {
        let ((chain, key), (other, other_key)) = (made("a.example"), made("b.example"));
        let read = |chain: &str, key: &str| certificate(&secret(TLS, &[("tls.crt", chain), ("tls.key", key)]));
        let whole = format!("{chain}{other}");
        let mut fingerprints = BTreeMap::new();
        for (name, chain, key) in [("one", &chain, &key), ("chain", &whole, &key), ("other", &other, &other_key)] {
            let Ok(Certificate::Pair(pair)) = read(chain, key) else { panic!("{name} is one") };
            let printed = format!("{pair:?}");
            assert!(!printed.contains("PRIVATE KEY") && pair.key.expose() == key, "{printed}");
            assert!(pair.ends.is_some_and(|ends| ends.to_string().starts_with("4096-01-01")), "{printed}");
            fingerprints.insert(pair.fingerprint, name);
        }
        assert_eq!(fingerprints.len(), 3);
        let Ok(Certificate::Pair(spaced)) = read(&format!("\n# issued\n{chain}\n"), &key) else { panic!("it is one") };
        assert_eq!(fingerprints.get(&spaced.fingerprint), Some(&"one"), "what is around it is no other certificate");
        let body = key.lines().nth(1).unwrap();
        let cut = chain.replace("-----END CERTIFICATE-----", "");
        for (chain, key, words) in [
            ("", key.as_str(), "tls.crt"),
            (cut.as_str(), &key, "tls.crt"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key, "first certificate"),
            (&chain, "", "tls.key"),
            (&chain, &key.replace("-----END", "-----AND"), "tls.key"),
            (&chain, &chain, "tls.key"),
            (&chain, &other_key, "does not belong"),
        ] {
            let refused = read(chain, key).unwrap_err();
            assert!(refused.contains(words) && !refused.contains(body), "{refused}");
        }
    }
}
