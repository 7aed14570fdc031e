//! Making keys and certificates.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use uuid::Uuid;

use super::read::{BUNDLE, LEAF, LEAF_KEY, SIGNER};
use super::{Decision, Found, Leaf, Lifetimes, later};

/// Why nothing could be made.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum IssueError {
    /// A certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// There is no authority to sign with.
    #[error("there is no authority to sign with")]
    NoSigner,
}

/// Carries a decision out: the data that the Secret should have. `served` is what this replica has in use, from before the
/// Secret was damaged.
///
/// # Errors
///
/// When a certificate could not be made.
pub(in super::super) fn issue(
    decision: Decision,
    found: &Found,
    served: Option<&Found>,
    names: &[String],
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<BTreeMap<String, ByteString>, IssueError> {
    let life = |life: SignedDuration| (earlier(now, lifetimes.backdate), later(now, life));
    match decision {
        Decision::Keep(_) | Decision::Prune => {
            let (Ok(signer), Ok(leaf)) = (&found.signer, &found.leaf) else { return Err(IssueError::NoSigner) };
            let first = found.authorities.first().ok_or(IssueError::NoSigner)?;
            Ok(data(&first.pem, &signer.0, &leaf.pem, &leaf.key.0))
        }
        Decision::RotateLeaf(_) => {
            let Ok(signer) = &found.signer else { return Err(IssueError::NoSigner) };
            let first = found.authorities.first().ok_or(IssueError::NoSigner)?;
            let issuer = Issuer::from_ca_cert_pem(&first.pem, KeyPair::from_pem(&signer.0)?)?;
            let (leaf, key) = new_leaf(&issuer, names, life(lifetimes.leaf))?;
            Ok(data(&found.bundle(), &signer.0, &leaf, &key))
        }
        Decision::RotateAuthority(_) => {
            let key = KeyPair::generate()?;
            let params = authority(life(lifetimes.authority));
            let certificate = params.self_signed(&key)?;
            // A leaf that the API server trusts stays until it trusts the new authority, too.
            let kept = [Some(found), served].into_iter().flatten().find_map(|old| Some((old, old.usable(names, now)?)));
            let (bundle, leaf, leaf_key) = match kept {
                Some((old, leaf)) => (certificate.pem() + &signed_by(old, leaf), leaf.pem.clone(), leaf.key.0.clone()),
                None => {
                    let issuer = Issuer::from_params(&params, &key);
                    let (leaf, leaf_key) = new_leaf(&issuer, names, life(lifetimes.leaf))?;
                    (certificate.pem(), leaf, leaf_key)
                }
            };
            Ok(data(&bundle, &key.serialize_pem(), &leaf, &leaf_key))
        }
    }
}

fn signed_by(found: &Found, leaf: &Leaf) -> String {
    found.authorities.get(leaf.authority).map(|authority| authority.pem.clone()).unwrap_or_default()
}

fn data(bundle: &str, signer: &str, leaf: &str, leaf_key: &str) -> BTreeMap<String, ByteString> {
    let entries = [(BUNDLE, bundle), (SIGNER, signer), (LEAF, leaf), (LEAF_KEY, leaf_key)];
    entries.map(|(key, text)| (key.to_owned(), ByteString(text.as_bytes().to_vec()))).into()
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Each authority has a name of its own, so that two in a bundle are never taken for one another.
fn authority(life: (Timestamp, Timestamp)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&format!("tke-direct-access webhook {}", Uuid::new_v4().simple()));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_life(&mut params, life);
    params
}

/// The certificate and its key, in PEM.
fn new_leaf(
    issuer: &Issuer<'_, impl rcgen::SigningKey>,
    names: &[String],
    life: (Timestamp, Timestamp),
) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = named("tke-direct-access webhook");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_life(&mut params, life);
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}

fn earlier(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_sub(duration).unwrap_or(time)
}

fn set_life(params: &mut CertificateParams, (from, until): (Timestamp, Timestamp)) {
    let date = |time: Timestamp| {
        let seconds = u64::try_from(time.as_second()).unwrap_or(0);
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    (params.not_before, params.not_after) = (date(from), date(until));
}
