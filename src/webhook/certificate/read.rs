//! From the data of a Secret to what can be relied on. Total: whatever is in it, the answer is a flaw at worst.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use rcgen::{KeyPair, PublicKeyData};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;

use super::{Authority, Flaw, Found, Leaf, PrivateKey, Validity};

/// Key of the Secret: the bundle of authorities.
pub(super) const BUNDLE: &str = "ca.crt";
/// Key of the Secret: the key of the first authority.
pub(super) const SIGNER: &str = "ca.key";
/// Key of the Secret: the leaf.
pub(super) const LEAF: &str = "tls.crt";
/// Key of the Secret: the leaf's key.
pub(super) const LEAF_KEY: &str = "tls.key";

/// Tells what a Secret's data is worth.
pub(in super::super) fn read(data: &BTreeMap<String, ByteString>) -> Found {
    let text = |key: &str| {
        let bytes = data.get(key).map(|bytes| bytes.0.as_slice()).filter(|bytes| !bytes.is_empty());
        bytes.ok_or(Flaw::Missing).and_then(|bytes| std::str::from_utf8(bytes).map_err(|_| Flaw::Damaged))
    };
    let bundle = text(BUNDLE).map(pieces);
    let pieces = bundle.as_deref().unwrap_or_default();
    let blocks: Vec<(Pem, &String)> = pieces.iter().filter_map(|piece| Some((block(piece)?, piece))).collect();
    let parsed: Vec<(X509Certificate<'_>, Authority)> =
        blocks.iter().filter_map(|(block, piece)| authority(block, piece)).collect();
    let is_whole = match &bundle {
        Ok(pieces) if pieces.len() == parsed.len() => Ok(()),
        Ok(_) => Err(Flaw::Damaged),
        Err(flaw) => Err(*flaw),
    };
    let signer = is_whole.and(text(SIGNER)).and_then(|key| signer(key, parsed.first().map(|(parsed, _)| parsed)));
    let leaf = text(LEAF).and_then(|pem| leaf(pem, text(LEAF_KEY)?, &parsed));
    let authorities = parsed.into_iter().map(|(_, authority)| authority).collect();
    Found { authorities, signer, leaf }
}

/// The pieces of a PEM text with certificates only. Every piece must be a certificate for the text to be whole.
fn pieces(text: &str) -> Vec<String> {
    let pieces = text.split_inclusive("-----END CERTIFICATE-----").map(str::trim).filter(|piece| !piece.is_empty());
    pieces.map(|piece| format!("{piece}\n")).collect()
}

fn validity(certificate: &X509Certificate<'_>) -> Option<Validity> {
    let validity = certificate.validity();
    let time = |seconds: i64| Timestamp::from_second(seconds).ok();
    Some(Validity { from: time(validity.not_before.timestamp())?, until: time(validity.not_after.timestamp())? })
}

fn block(piece: &str) -> Option<Pem> {
    if !piece.starts_with("-----BEGIN CERTIFICATE-----") {
        return None;
    }
    let (_, block) = x509_parser::pem::parse_x509_pem(piece.as_bytes()).ok()?;
    Some(block)
}

fn authority<'a>(block: &'a Pem, piece: &str) -> Option<(X509Certificate<'a>, Authority)> {
    let parsed = block.parse_x509().ok()?;
    let is_sound = parsed.is_ca() && parsed.verify_signature(None).is_ok();
    let authority = Authority { pem: piece.to_owned(), validity: validity(&parsed)? };
    is_sound.then_some((parsed, authority))
}

fn signer(key: &str, authority: Option<&X509Certificate<'_>>) -> Result<PrivateKey, Flaw> {
    let pair = KeyPair::from_pem(key).map_err(|_| Flaw::Damaged)?;
    let fits = authority.is_some_and(|authority| authority.public_key().raw == pair.subject_public_key_info());
    fits.then(|| PrivateKey(key.to_owned())).ok_or(Flaw::Damaged)
}

fn leaf(pem: &str, key: &str, authorities: &[(X509Certificate<'_>, Authority)]) -> Result<Leaf, Flaw> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| Flaw::Damaged)?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|_| Flaw::Damaged)?;
    let is_signed = |(authority, _): &(X509Certificate<'_>, Authority)| {
        parsed.issuer() == authority.subject() && parsed.verify_signature(Some(authority.public_key())).is_ok()
    };
    let authority = authorities.iter().position(is_signed).ok_or(Flaw::Damaged)?;
    let (validity, names) = (validity(&parsed).ok_or(Flaw::Damaged)?, names(&parsed));
    let private = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| Flaw::Damaged)?;
    let signing = ring::sign::any_supported_type(&private).map_err(|_| Flaw::Damaged)?;
    let certified = CertifiedKey::new(vec![der.clone()], signing);
    certified.keys_match().map_err(|_| Flaw::Damaged)?;
    Ok(Leaf {
        pem: pem.to_owned(),
        key: PrivateKey(key.to_owned()),
        validity,
        names,
        authority,
        certified: Arc::new(certified),
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|four| std::net::IpAddr::from(four).to_string());
            four.ok().or_else(|| Some(std::net::IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()))
        }
        _ => None,
    };
    names.value.general_names.iter().filter_map(text).collect()
}
