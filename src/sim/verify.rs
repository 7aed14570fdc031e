//! Checks a TC3-HMAC-SHA256 signature from what arrived: headers as received, body as raw bytes.
//!
//! Written from the published algorithm and independent of the client's signer, which it judges.

use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use sha2::{Digest, Sha256};

use super::error::{ApiError, ApiResult};
use super::settings::Credentials;
use crate::clb::wire::Service;

/// How far a request's clock may be off, in seconds.
const SKEW_SECONDS: u64 = 300;

/// The parts of a request that its signature is computed from, and what it names.
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// The `Authorization` header, taken apart.
struct Authorization<'a> {
    secret_id: &'a str,
    date: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

fn auth_failure(kind: &str, message: &str) -> ApiError {
    ApiError::new(format!("AuthFailure.{kind}"), message)
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let fields = text.trim().strip_prefix("TC3-HMAC-SHA256")?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            match field.trim().split_once('=')? {
                ("Credential", value) => credential = Some(value),
                ("SignedHeaders", value) => signed_headers = Some(value),
                ("Signature", value) => signature = Some(value),
                _ => return None,
            }
        }
        let mut scope = credential?.split('/');
        let (secret_id, date, service) = (scope.next()?, scope.next()?, scope.next()?);
        if scope.next()? != "tc3_request" || scope.next().is_some() {
            return None;
        }
        Some(Self { secret_id, date, service, signed_headers: signed_headers?, signature: signature? })
    }
}

/// Who has signed a request, and for which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signer<'a> {
    pub(crate) account: &'a str,
    pub(crate) service: Service,
}

/// A key pair that the simulator knows.
#[derive(Clone, Debug)]
pub(crate) struct Known<'a> {
    /// The account that it belongs to.
    pub(crate) account: &'a str,
    pub(crate) credentials: Credentials,
    /// It was temporary, and its time is over.
    pub(crate) has_ended: bool,
}

/// Checks a request against the key pair of its id, which `find` knows. `now` is in seconds of Unix time.
pub(crate) fn verify<'a>(
    incoming: &Incoming<'_>,
    find: impl FnOnce(&str) -> Option<Known<'a>>,
    now: u64,
) -> ApiResult<Signer<'a>> {
    let header = |name: &str| incoming.headers.get(name).and_then(|value| value.to_str().ok());
    let text = header("authorization")
        .ok_or_else(|| auth_failure("InvalidAuthorization", "the Authorization header is missing"))?;
    let authorization = Authorization::parse(text)
        .ok_or_else(|| auth_failure("InvalidAuthorization", "the Authorization header is malformed"))?;
    let timestamp = header("x-tc-timestamp").ok_or_else(|| ApiError::missing("X-TC-Timestamp"))?;
    let seconds: u64 = timestamp.parse().map_err(|_| ApiError::invalid("X-TC-Timestamp is not a number of seconds"))?;
    let Known { account, credentials, has_ended } = find(authorization.secret_id).ok_or_else(|| {
        auth_failure("SecretIdNotFound", "The SecretId is not found, please ensure that your SecretId is correct.")
    })?;
    if seconds.abs_diff(now) > SKEW_SECONDS {
        return Err(auth_failure(
            "SignatureExpire",
            "The signature expired: the timestamp is more than five minutes off.",
        ));
    }
    let wrong = || {
        auth_failure(
            "SignatureFailure",
            "The provided credentials could not be validated. Please check your signature is correct.",
        )
    };
    if authorization.date != date_of(seconds) {
        return Err(wrong());
    }
    let service = Service::ALL.into_iter().find(|service| service.name() == authorization.service);
    let service = service
        .ok_or_else(|| ApiError::new("NoSuchProduct", format!("service {} is not simulated", authorization.service)))?;
    let canonical = canonical_request(incoming, authorization.signed_headers).ok_or_else(wrong)?;
    let scope = format!("{}/{}/tc3_request", authorization.date, authorization.service);
    let to_sign = format!("TC3-HMAC-SHA256\n{seconds}\n{scope}\n{}", hex_sha256(canonical.as_bytes()));
    let day_key = hmac(format!("TC3{}", credentials.secret_key).as_bytes(), authorization.date.as_bytes());
    let service_key = hmac(&day_key, authorization.service.as_bytes());
    let expected = hex::encode(hmac(&hmac(&service_key, b"tc3_request"), to_sign.as_bytes()));
    if !authorization.signature.eq_ignore_ascii_case(&expected) {
        return Err(wrong());
    }
    match &credentials.token {
        Some(token) if has_ended || header("x-tc-token") != Some(token) => {
            Err(auth_failure("TokenFailure", "The token of the temporary key is missing, wrong or expired."))
        }
        _ => Ok(Signer { account, service }),
    }
}

/// The canonical request over the headers that the caller says it signed; `None` when one of them did not arrive.
fn canonical_request(incoming: &Incoming<'_>, signed_headers: &str) -> Option<String> {
    let mut lines = String::new();
    for name in signed_headers.split(';') {
        let value = incoming.headers.get(name)?.to_str().ok()?;
        lines.push_str(&format!("{}:{}\n", name.to_ascii_lowercase(), value.trim().to_lowercase()));
    }
    let unsigned = incoming.headers.get("x-tc-content-sha256").is_some_and(|value| value == "UNSIGNED-PAYLOAD");
    let payload = if unsigned { b"UNSIGNED-PAYLOAD".as_slice() } else { incoming.body };
    let (method, query) = (incoming.method, incoming.query);
    Some(format!("{method}\n/\n{query}\n{lines}\n{signed_headers}\n{}", hex_sha256(payload)))
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length: the error of `new_from_slice` cannot occur, and an empty result verifies nothing.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// The UTC day of a Unix time, as `YYYY-MM-DD`; empty when it is beyond the calendar.
fn date_of(seconds: u64) -> String {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    timestamp.map(|timestamp| timestamp.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::settings::Account;
    use super::*;

    const NOW: u64 = 1_700_000_000;
    const BODY: &str = r#"{"LoadBalancerId":"lb-aaaa1111","ListenerId":"lbl-bbbb2222","Targets":[{"EniIp":"10.0.1.5","Port":8080,"Weight":10}]}"#;

    fn credentials() -> Credentials {
        Credentials {
            secret_id: "AKIDEXAMPLE0000000000000000000000000".into(),
            secret_key: "ExampleSecretKey0000000000000000".into(),
            token: None,
        }
    }

    /// Two accounts; the first is another one.
    fn accounts(credentials: Credentials) -> Vec<Account> {
        let other = Credentials { secret_id: "AKIDOTHER".into(), ..credentials.clone() };
        vec![Account { id: "1".into(), credentials: other }, Account { id: "2".into(), credentials }]
    }

    fn known<'a>(accounts: &'a [Account]) -> impl Fn(&str) -> Option<Known<'a>> {
        move |id| {
            let found = accounts.iter().find(|account| account.credentials.secret_id == id)?;
            Some(Known { account: &found.id, credentials: found.credentials.clone(), has_ended: false })
        }
    }

    const SIGNER: Signer<'_> = Signer { account: "2", service: Service::Clb };

    fn headers(content_type: &str, host: &str, signed: &str, signature: &str) -> HeaderMap {
        let authorization = format!(
            "TC3-HMAC-SHA256 Credential={}/2023-11-14/clb/tc3_request, SignedHeaders={signed},Signature={signature}",
            credentials().secret_id
        );
        let mut map = HeaderMap::new();
        let all = [
            ("content-type", content_type),
            ("host", host),
            ("x-tc-action", "DescribeQuota"),
            ("x-tc-timestamp", "1700000000"),
            ("authorization", &authorization),
        ];
        for (name, value) in all {
            map.insert(name, value.parse().expect("a header value"));
        }
        map
    }

    fn check(headers: &HeaderMap, body: &str, now: u64) -> Result<(), String> {
        let incoming = Incoming { method: "POST", query: "", headers, body: body.as_bytes() };
        let accounts = accounts(credentials());
        let signer = verify(&incoming, known(&accounts), now).map_err(|error| error.code)?;
        assert_eq!(signer, SIGNER);
        Ok(())
    }

    #[test]
    fn accepts_the_published_vectors() {
        let plain = "content-type;host";
        let cloud = "clb.tencentcloudapi.com";
        let json = "application/json";
        let vectors = [
            (json, cloud, BODY, plain, "bc5f3f3fa5443c31bb3876378a1273a2b677a350ad881804a740da7e0ec3317e"),
            (
                "application/json; charset=utf-8",
                cloud,
                BODY,
                plain,
                "8f98ee5196aa933425306e68b049667468a308d63512a75aa82f3dd7edd98abe",
            ),
            (json, "127.0.0.1:18080", "{}", plain, "36808c0847cfc2947cedaa85c041c879809bdb60a9ba2cc966dff8eaf3e922af"),
            (
                json,
                cloud,
                "{}",
                "content-type;host;x-tc-action",
                "8fb2f47db8605936325ac5d8c419f181602ecf7f388a7a7d03f8809f87e6ff2d",
            ),
        ];
        for (content_type, host, body, signed, signature) in vectors {
            assert_eq!(check(&headers(content_type, host, signed, signature), body, NOW), Ok(()), "{signature}");
        }
    }

    #[test]
    fn each_flaw_has_its_code() {
        let good = headers(
            "application/json",
            "127.0.0.1:18080",
            "content-type;host",
            "36808c0847cfc2947cedaa85c041c879809bdb60a9ba2cc966dff8eaf3e922af",
        );
        let with = |name: &'static str, value: &str| {
            let mut map = good.clone();
            map.insert(name, value.parse().expect("a header value"));
            map
        };
        let code = |headers: &HeaderMap, now| check(headers, "{}", now).expect_err("refused");
        assert_eq!(code(&good, NOW + 301), "AuthFailure.SignatureExpire");
        assert_eq!(check(&good, "{}", NOW + 300), Ok(()));
        assert_eq!(check(&good, "{ }", NOW).expect_err("refused"), "AuthFailure.SignatureFailure");
        assert_eq!(code(&with("host", "127.0.0.1:18081"), NOW), "AuthFailure.SignatureFailure");
        assert_eq!(code(&with("authorization", "SKIP"), NOW), "AuthFailure.InvalidAuthorization");
        assert_eq!(code(&with("x-tc-timestamp", "soon"), NOW), "InvalidParameter");
        let mut bare = good.clone();
        bare.remove("authorization");
        assert_eq!(code(&bare, NOW), "AuthFailure.InvalidAuthorization");
        let stranger =
            "TC3-HMAC-SHA256 Credential=AKIDother/2023-11-14/clb/tc3_request, SignedHeaders=host, Signature=00";
        assert_eq!(code(&with("authorization", stranger), NOW), "AuthFailure.SecretIdNotFound");
    }

    #[test]
    fn a_temporary_key_needs_its_token() {
        let good = headers(
            "application/json",
            "127.0.0.1:18080",
            "content-type;host",
            "36808c0847cfc2947cedaa85c041c879809bdb60a9ba2cc966dff8eaf3e922af",
        );
        let accounts = accounts(Credentials { token: Some("t".into()), ..credentials() });
        let verify_with = |headers: &HeaderMap| {
            verify(&Incoming { method: "POST", query: "", headers, body: b"{}" }, known(&accounts), NOW)
        };
        assert_eq!(verify_with(&good).expect_err("refused").code, "AuthFailure.TokenFailure");
        let mut with_token = good.clone();
        with_token.insert("x-tc-token", "t".parse().expect("a header value"));
        assert_eq!(verify_with(&with_token), Ok(SIGNER));
        let find = known(&accounts);
        let ended = |id: &str| find(id).map(|known| Known { has_ended: true, ..known });
        let late = verify(&Incoming { method: "POST", query: "", headers: &with_token, body: b"{}" }, ended, NOW);
        assert_eq!(late.expect_err("refused").code, "AuthFailure.TokenFailure");
    }
}
