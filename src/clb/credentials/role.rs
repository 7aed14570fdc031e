//! Keys of the role of the machine, from its metadata service.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::DATE;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::super::clock::parse_date;
use super::super::error::{CONNECT, HTTP_STATUS, MALFORMED_REPLY, own};
use super::super::settings::{Endpoint, SettingsError};
use super::super::transport::{bounded_body, broken, builder};
use super::super::wire::Secret;
use super::Keys;
use super::source::Fetched;
use crate::model::Failure;

/// What failures are about.
const NAME: &str = "the metadata service of this machine";

/// Where roles and their keys are (<https://www.tencentcloud.com/document/product/213/4934>).
const PATH: &str = "/latest/meta-data/cam/security-credentials/";

/// It is on the same machine, or nowhere.
const DEADLINE: Duration = Duration::from_secs(3);

/// The role of the machine.
pub(super) struct Role {
    http: Client,
    endpoint: Url,
}

/// Why there is no key of a role.
#[derive(Debug)]
pub(super) enum RoleFailure {
    /// There is no metadata service, or the machine has no role.
    Absent(Failure),
    /// It may be there another time.
    Passing(Failure),
}

/// A key, as the metadata service has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    tmp_secret_id: String,
    tmp_secret_key: Secret,
    token: Secret,
    /// When it ends, as Unix time.
    expired_time: i64,
}

impl Role {
    pub(super) fn new(endpoint: &str) -> Result<Self, SettingsError> {
        let endpoint = Endpoint::parse(Some(endpoint))?.url;
        // No proxy can reach it.
        let builder = builder().no_proxy().timeout(DEADLINE);
        Ok(Self { http: builder.build().map_err(SettingsError::Http)?, endpoint })
    }

    /// Asks which role the machine has, and for its key.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn fetch(&self) -> Result<Fetched, RoleFailure> {
        let (name, _) = self.get(PATH).await?;
        let name = String::from_utf8_lossy(&name).trim().to_owned();
        if name.is_empty() {
            return Err(RoleFailure::Absent(own(NAME, HTTP_STATUS, "the machine has no role")));
        }
        let (body, at) = self.get(&format!("{PATH}{name}")).await?;
        let key = serde_json::from_slice(&body).ok().and_then(|key: Key| key.fetched(&name, at));
        key.ok_or_else(|| {
            RoleFailure::Passing(own(NAME, MALFORMED_REPLY, "the reply has no key, or one that cannot be sent"))
        })
    }

    async fn get(&self, path: &str) -> Result<(Vec<u8>, Timestamp), RoleFailure> {
        let url = self.endpoint.join(path);
        let url =
            url.map_err(|_| RoleFailure::Passing(own(NAME, MALFORMED_REPLY, "the name of the role is no path")))?;
        let answer = self.http.get(url).send().await.map_err(|error| {
            let failure = broken(NAME, error);
            if failure.code == CONNECT { RoleFailure::Absent(failure) } else { RoleFailure::Passing(failure) }
        })?;
        let status = answer.status();
        let date = answer.headers().get(DATE).and_then(|date| parse_date(date.as_bytes()));
        let failure = || own(NAME, HTTP_STATUS, format!("the reply has status {status}"));
        match status {
            StatusCode::OK => {
                let body = bounded_body(NAME, answer).await.map_err(RoleFailure::Passing)?;
                Ok((body, date.unwrap_or_else(Timestamp::now)))
            }
            StatusCode::NOT_FOUND => Err(RoleFailure::Absent(failure())),
            _ => Err(RoleFailure::Passing(failure())),
        }
    }
}

impl Key {
    /// The key, which was given at this time by the clock of the service.
    fn fetched(self, role: &str, at: Timestamp) -> Option<Fetched> {
        let keys = Keys::new(&self.tmp_secret_id, self.tmp_secret_key.expose(), Some(self.token.expose())).ok()?;
        let left = u64::try_from(self.expired_time.saturating_sub(at.as_second())).unwrap_or_default();
        Some(Fetched { keys: keys.held_by(role.into()), lasts: Some(Duration::from_secs(left)) })
    }
}
