//! The webhook's certificate against the configuration that the API server trusts.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use x509_parser::pem::Pem;

use super::Check;
use crate::api::names;
use crate::cli::error::of_api_server;
use crate::cli::session::Session;

const CHECK: &str = "Certificate";
/// The controller renews long before that; later is a fault.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Nothing where there is no webhook.
pub(super) async fn checks(session: &Session) -> Vec<Check> {
    let webhooks: Api<MutatingWebhookConfiguration> = Api::all(session.client.clone());
    let configuration = match webhooks.get_opt(names::GATE_INJECTION).await {
        Ok(Some(found)) => found,
        Ok(None) => return Vec::new(),
        Err(error) => {
            return vec![Check::unknown(
                CHECK,
                format!("the webhook configuration cannot be read: {}", of_api_server(&error)),
            )];
        }
    };
    let bundle = configuration.webhooks.iter().flatten().find_map(|webhook| webhook.client_config.ca_bundle.as_ref());
    let bundle = bundle.map(|bundle| bundle.0.clone()).unwrap_or_default();
    let namespace = session.controller_namespace().await;
    let api: Api<Secret> = Api::namespaced(session.client.clone(), namespace);
    let place = format!("Secret {namespace}/{}", names::WEBHOOK_SERVICE);
    let leaf = match api.get_opt(names::WEBHOOK_SERVICE).await {
        Ok(Some(secret)) => secret.data.and_then(|mut data| data.remove("tls.crt")).map(|bytes| bytes.0),
        Ok(None) => None,
        Err(error) => return vec![Check::unknown(CHECK, format!("{place} cannot be read: {}", of_api_server(&error)))],
    };
    let Some(leaf) = leaf else {
        let what = format!("{place} has no certificate");
        return vec![Check::wrong(CHECK, what, "The controller makes it: look at its Pods and logs.")];
    };
    vec![judge(&leaf, &bundle, Timestamp::now())]
}

/// Whether the API server will believe the certificate, and for how long.
fn judge(leaf: &[u8], bundle: &[u8], now: Timestamp) -> Check {
    const REMEDY: &str = "The controller repairs this by itself within a minute: look at its Pods and logs.";
    let Some(Ok(block)) = Pem::iter_from_buffer(leaf).next() else {
        return Check::wrong(CHECK, "the Secret's tls.crt is not a certificate", REMEDY);
    };
    let Ok(parsed) = block.parse_x509() else {
        return Check::wrong(CHECK, "the Secret's tls.crt is not a certificate", REMEDY);
    };
    let until = Timestamp::from_second(parsed.validity().not_after.timestamp()).unwrap_or_default();
    if until <= now {
        return Check::wrong(CHECK, format!("the webhook's certificate expired at {until}"), REMEDY);
    }
    let is_trusted = Pem::iter_from_buffer(bundle).flatten().any(|authority| {
        let authority = authority.parse_x509();
        authority.is_ok_and(|authority| parsed.verify_signature(Some(authority.public_key())).is_ok())
    });
    if !is_trusted {
        let what = "the webhook's certificate is signed by nobody in caBundle of its configuration";
        return Check::wrong(CHECK, what, REMEDY);
    }
    if until.duration_since(now) < SOON {
        return Check::doubtful(CHECK, format!("the webhook's certificate is valid only until {until}"), REMEDY);
    }
    Check::fine(CHECK, format!("trusted by the API server, and valid until {until}"))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};

    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_certificate_is_judged_by_trust_and_time() {
        let authority = || {
            let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
        };
        let (ours, other) = (authority(), authority());
        let mut params = CertificateParams::new(vec!["webhook".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let leaf = params.signed_by(&KeyPair::generate().unwrap(), &ours).unwrap().pem();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (calm, late, after) = (at("2029-06-01T00:00:00Z"), at("2029-12-30T00:00:00Z"), at("2030-06-01T00:00:00Z"));
        for (bundle, now, verdict) in [
            (ours.pem(), calm, Verdict::Fine),
            (format!("{}{}", other.pem(), ours.pem()), calm, Verdict::Fine),
            (other.pem(), calm, Verdict::Wrong),
            (String::new(), calm, Verdict::Wrong),
            (ours.pem(), late, Verdict::Doubtful),
            (ours.pem(), after, Verdict::Wrong),
        ] {
            let check = judge(leaf.as_bytes(), bundle.as_bytes(), now);
            assert_eq!(check.verdict, verdict, "{}", check.message);
        }
        assert_eq!(judge(b"nonsense", ours.pem().as_bytes(), calm).verdict, Verdict::Wrong);
    }
}
