//! Secrets that bindings name as certificates, as TKE has them: the id of a certificate of the cloud under one key.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use crate::api::names::CERTIFICATE_KEY;
use crate::model::ObjectKey;

/// The id of the certificate in a Secret, or why there is none.
pub async fn read(client: &Client, key: &ObjectKey) -> Result<String, String> {
    let api: Api<Secret> = Api::namespaced(client.clone(), &key.namespace);
    match api.get_opt(&key.name).await {
        Ok(Some(secret)) => certificate_id(&secret),
        Ok(None) => Err("it does not exist".to_owned()),
        Err(kube::Error::Api(status)) => Err(format!("the API server does not give it ({})", status.reason)),
        Err(error) => {
            tracing::warn!(secret = %key, %error, "the Secret of a certificate cannot be read");
            Err("it cannot be read".to_owned())
        }
    }
}

fn certificate_id(secret: &Secret) -> Result<String, String> {
    let value = secret.data.as_ref().and_then(|data| data.get(CERTIFICATE_KEY));
    let value = value.ok_or_else(|| format!("it has no key {CERTIFICATE_KEY}"))?;
    let id = str::from_utf8(&value.0).unwrap_or_default().trim();
    let is_id = !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    is_id.then(|| id.to_owned()).ok_or_else(|| format!("its key {CERTIFICATE_KEY} is not the id of a certificate"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;

    use super::*;

    #[test]
    fn the_id_is_read_from_its_key_and_nothing_else_is_taken() {
        let said = |key: &str, value: &str| {
            let data = BTreeMap::from([(key.to_owned(), ByteString(value.as_bytes().to_vec()))]);
            certificate_id(&Secret { data: Some(data), ..Secret::default() })
        };
        assert_eq!(said("qcloud_cert_id", "zjUMifFK\n"), Ok("zjUMifFK".to_owned()));
        for (key, value) in [("tls.crt", "zjUMifFK"), ("qcloud_cert_id", ""), ("qcloud_cert_id", "a b")] {
            assert!(said(key, value).unwrap_err().contains("qcloud_cert_id"), "{key} {value}");
        }
    }
}
