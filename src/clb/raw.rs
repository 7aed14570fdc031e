//! Calls of any action with any parameters, whose replies are handed over as they arrived: for what asks the cloud how it answers.

use std::fmt;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{DATE, HeaderMap};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::clock::{self, Clock};
use super::credentials::Credentials;
use super::error::SIGNATURE_EXPIRED;
use super::settings::{Endpoints, Settings, SettingsError, constant_headers};
use super::transport::{bounded_body, broken, call_headers, http_client};
use super::wire::Service;
use crate::model::Failure;

/// Makes calls one by one. It keeps no rate and asks for no right to write: whoever has it does both.
pub struct RawCalls {
    http: Client,
    endpoints: Endpoints,
    headers: HeaderMap,
    credentials: Credentials,
    clock: Clock,
    deadline: Duration,
}

impl RawCalls {
    /// Nothing is sent yet. Of the settings, the rate is not used, and the deadline of writes holds for all calls.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(settings: &Settings, credentials: Credentials) -> Result<Self, SettingsError> {
        let endpoints = Endpoints::parse(settings.endpoint.as_deref())?;
        Ok(Self {
            http: http_client(endpoints.of(Service::Clb))?,
            endpoints,
            headers: constant_headers(&settings.region, &settings.language)?,
            credentials,
            clock: Clock::default(),
            deadline: settings.write_deadline,
        })
    }

    /// Makes a call, and brings the whole JSON of its reply, which may be a refusal. A call that was refused because this machine's
    /// clock is wrong is repeated once with the cloud's.
    ///
    /// # Errors
    /// In words, when there was no reply, or it was not JSON. They hold no part of the key.
    pub async fn call(&self, service: Service, action: &'static str, parameters: &Value) -> Result<Value, String> {
        let body = parameters.to_string().into_bytes();
        let (reply, date) = self.attempt(service, action, &body).await?;
        if reply["Response"]["Error"]["Code"] != SIGNATURE_EXPIRED {
            return Ok(reply);
        }
        let Some(date) = date else { return Ok(reply) };
        self.clock.correct(date);
        Ok(self.attempt(service, action, &body).await?.0)
    }

    /// A digest of the id of the key, which tells keys apart and says nothing of them: 16 hexadecimal digits; empty while there is no
    /// key.
    pub fn key_digest(&self) -> String {
        let digest = |id: &str| hex::encode(&Sha256::digest(id.as_bytes())[..8]);
        self.credentials.current().map_or_else(|_| String::new(), |keys| digest(&keys.secret_id))
    }

    async fn attempt(
        &self,
        service: Service,
        action: &'static str,
        body: &[u8],
    ) -> Result<(Value, Option<jiff::Timestamp>), String> {
        let words = |failure: Failure| failure.message;
        let keys = self.credentials.current().map_err(words)?;
        let endpoint = self.endpoints.of(service);
        let mut headers = self.headers.clone();
        headers.extend(call_headers((service, action), &keys, &endpoint.host, self.clock.now(), body).map_err(words)?);
        let exchange = async {
            let request = self.http.post(endpoint.url.clone()).headers(headers).body(body.to_vec());
            let response = request.send().await.map_err(|error| broken(action, error))?;
            let status = response.status();
            let date = response.headers().get(DATE).and_then(|date| clock::parse_date(date.as_bytes()));
            Ok((status, date, bounded_body(action, response).await?))
        };
        let late = |_| "no reply until the deadline".to_owned();
        let (status, date, body) = timeout(self.deadline, exchange).await.map_err(late)?.map_err(words)?;
        let text = keys.redacted(&String::from_utf8_lossy(&body));
        let reply = serde_json::from_str(&text);
        Ok((reply.map_err(|_| format!("the reply has status {status} and is not JSON"))?, date))
    }
}

impl fmt::Debug for RawCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawCalls").field("endpoint", &self.endpoints.of(Service::Clb).host).finish_non_exhaustive()
    }
}
