//! The request signature, TC3-HMAC-SHA256. Pure.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::tz::Offset;
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// Longest key that HMAC-SHA256 uses as it is.
const BLOCK: usize = 64;

/// What is signed: a POST to `/` without query.
#[derive(Clone, Copy)]
pub struct Unsigned<'a> {
    /// Id of the key, which is sent in the clear.
    pub secret_id: &'a str,
    /// The key.
    pub secret_key: &'a str,
    /// Time of the request; the cloud accepts 300 s of difference.
    pub timestamp: Timestamp,
    /// Service of the scope, such as `clb`.
    pub service: &'a str,
    /// Headers to sign: names in lower case and in alphabetical order, values as they are sent.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, byte by byte.
    pub body: &'a [u8],
}

/// The value of the header `Authorization`.
pub fn authorization(request: &Unsigned<'_>) -> String {
    // The date of the scope comes from the same instant as the timestamp: a second clock read could fall on the next day.
    let date = Offset::UTC.to_datetime(request.timestamp).date().to_string();
    let scope = format!("{date}/{}/tc3_request", request.service);
    let canonical = hex::encode(Sha256::digest(canonical_request(request)));
    let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{canonical}", request.timestamp.as_second());
    let date_key = mac(format!("TC3{}", request.secret_key).as_bytes(), date.as_bytes());
    let service_key = mac(&date_key, request.service.as_bytes());
    let signing_key = mac(&service_key, b"tc3_request");
    let signature = hex::encode(mac(&signing_key, to_sign.as_bytes()));
    format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
        request.secret_id,
        signed_headers(request),
    )
}

fn canonical_request(request: &Unsigned<'_>) -> String {
    let headers: String =
        request.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim().to_lowercase())).collect();
    let body = hex::encode(Sha256::digest(request.body));
    format!("POST\n/\n\n{headers}\n{}\n{body}", signed_headers(request))
}

fn signed_headers(request: &Unsigned<'_>) -> String {
    request.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // HMAC pads short keys with zeros and hashes long ones. Doing so here gives a key of the exact size, which cannot fail.
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    Hmac::<Sha256>::new(&block.into()).chain_update(message).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"LoadBalancerId":"lb-aaaa1111","ListenerId":"lbl-bbbb2222","Targets":[{"EniIp":"10.0.1.5","Port":8080,"Weight":10}]}"#;

    fn unsigned<'a>(headers: &'a [(&'a str, &'a str)], body: &'a str) -> Unsigned<'a> {
        Unsigned {
            secret_id: "AKIDEXAMPLE0000000000000000000000000",
            secret_key: "ExampleSecretKey0000000000000000",
            timestamp: Timestamp::constant(1_700_000_000, 0),
            service: "clb",
            headers,
            body: body.as_bytes(),
        }
    }

    fn assert_signature(headers: &[(&str, &str)], body: &str, signature: &str) {
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        assert_eq!(
            authorization(&unsigned(headers, body)),
            format!(
                "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE0000000000000000000000000/2023-11-14/clb/tc3_request, \
                 SignedHeaders={names}, Signature={signature}"
            )
        );
    }

    #[test]
    fn vectors_made_with_the_official_sdk() {
        let host = ("host", "clb.tencentcloudapi.com");
        let json = ("content-type", "application/json");
        assert_signature(&[json, host], BODY, "bc5f3f3fa5443c31bb3876378a1273a2b677a350ad881804a740da7e0ec3317e");
        assert_signature(
            &[("content-type", "application/json; charset=utf-8"), host],
            BODY,
            "8f98ee5196aa933425306e68b049667468a308d63512a75aa82f3dd7edd98abe",
        );
        assert_signature(
            &[json, ("host", "127.0.0.1:18080")],
            "{}",
            "36808c0847cfc2947cedaa85c041c879809bdb60a9ba2cc966dff8eaf3e922af",
        );
        assert_signature(
            &[json, host, ("x-tc-action", "DescribeQuota")],
            "{}",
            "8fb2f47db8605936325ac5d8c419f181602ecf7f388a7a7d03f8809f87e6ff2d",
        );
    }

    #[test]
    fn canonical_request_of_the_first_vector() {
        let headers = [("content-type", "application/json"), ("host", "clb.tencentcloudapi.com")];
        assert_eq!(
            hex::encode(Sha256::digest(canonical_request(&unsigned(&headers, BODY)))),
            "71bbee95cf4396f9110b2828d1ab03e209bee9126eb7566ca2b950e94ae4dad2"
        );
    }

    #[test]
    fn padding_is_that_of_hmac() {
        for length in [0, 1, 63, 64, 65, 200] {
            let key = vec![7_u8; length];
            let expected = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(b"text").finalize().into_bytes();
            assert_eq!(mac(&key, b"text")[..], expected[..], "{length}");
        }
    }
}
