//! Keys of a role for who shows a token of an identity provider, as Pods of TKE have it.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Client;

use super::super::clock::Clock;
use super::super::error::{INVALID_REQUEST, MALFORMED_REPLY, TIMEOUT, own};
use super::super::fence::Unfenced;
use super::super::settings::{Endpoint, Endpoints, SettingsError, constant_headers};
use super::super::transport::{Success, Way, exchange, http_client, unsigned_headers};
use super::super::wire::{Action, AssumeRoleWithWebIdentity, AssumeRoleWithWebIdentityReply, Secret, Service};
use super::source::Fetched;
use super::{CredentialsError, Keys};
use crate::model::{Failure, Region};

const NAME: &str = AssumeRoleWithWebIdentity::NAME;

/// How long keys are asked for, as the vendor's SDKs do.
const LASTS: i64 = 7200;

/// How long an answer is waited for.
const DEADLINE: Duration = Duration::from_secs(10);

/// The variables that say whom to show which token for which role. All are needed, as by the vendor's SDKs.
pub(super) const VARIABLES: [&str; 4] =
    ["TKE_REGION", "TKE_PROVIDER_ID", "TKE_WEB_IDENTITY_TOKEN_FILE", "TKE_ROLE_ARN"];

/// A role that an identity may assume.
pub(super) struct WebIdentity {
    provider: String,
    token_file: PathBuf,
    role: String,
    endpoint: Endpoint,
    headers: reqwest::header::HeaderMap,
    way: Way,
    clock: Clock,
}

/// What variables say of a role; `None` where none of them is set.
///
/// # Errors
/// When some are set and one is not.
pub(super) fn variables(variable: impl Fn(&str) -> Option<String>) -> Result<Option<[String; 4]>, CredentialsError> {
    let values = VARIABLES.map(|name| variable(name).filter(|value| !value.trim().is_empty()));
    if values.iter().all(Option::is_none) {
        return Ok(None);
    }
    match VARIABLES.iter().zip(&values).find(|(_, value)| value.is_none()) {
        Some((missing, _)) => Err(CredentialsError::Missing(missing)),
        None => Ok(Some(values.map(|value| value.unwrap_or_default().trim().to_owned()))),
    }
}

impl WebIdentity {
    /// Asks STS beside this endpoint of CLB.
    pub(super) fn new(
        [region, provider, token_file, role]: [String; 4],
        endpoint: Option<&str>,
    ) -> Result<Self, SettingsError> {
        let endpoint = Endpoints::parse(endpoint)?.of(Service::Sts).clone();
        let http: Client = http_client(&endpoint)?;
        Ok(Self {
            provider,
            token_file: token_file.into(),
            role,
            headers: constant_headers(&Region::new(region), "en-US")?,
            way: Way::Http(http),
            endpoint,
            clock: Clock::default(),
        })
    }

    /// Asks for a key. The token is read anew each time, because the kubelet exchanges it.
    ///
    /// # Errors
    /// Why there is none; without the token.
    pub(super) async fn fetch(&self) -> Result<Fetched, Failure> {
        let token = tokio::fs::read_to_string(&self.token_file).await.map_err(|error| {
            own(NAME, INVALID_REQUEST, format!("the token {} cannot be read: {error}", self.token_file.display()))
        })?;
        let token = token.trim();
        let request = AssumeRoleWithWebIdentity {
            provider_id: self.provider.clone(),
            web_identity_token: Secret::new(token),
            role_arn: self.role.clone(),
            role_session_name: env!("CARGO_PKG_NAME").to_owned(),
            duration_seconds: Some(LASTS),
        };
        let answer = self.ask(&request).await;
        answer.map_err(|failure| Failure { message: failure.message.replace(token, "…"), ..failure })
    }

    async fn ask(&self, request: &AssumeRoleWithWebIdentity) -> Result<Fetched, Failure> {
        let body = serde_json::to_vec(request)
            .map_err(|error| own(NAME, INVALID_REQUEST, format!("the request cannot be written: {error}")))?;
        let mut headers = self.headers.clone();
        headers.extend(unsigned_headers((Service::Sts, NAME), &self.endpoint.host, self.clock.now())?);
        let exchange = exchange::<AssumeRoleWithWebIdentity>(&self.way, &self.endpoint, headers, body, &Unfenced);
        let late = |_| own(NAME, TIMEOUT, "no reply until the deadline");
        let answer = tokio::time::timeout(DEADLINE, exchange).await.map_err(late)?;
        let Success { reply, date, .. } = answer.map_err(|refusal| {
            if let Some(date) = refusal.date {
                self.clock.correct(date);
            }
            refusal.failure
        })?;
        let fetched = fetched(reply, date.unwrap_or_else(|| self.clock.now()), &self.role);
        fetched.ok_or_else(|| own(NAME, MALFORMED_REPLY, "the reply has no key, or one that cannot be sent"))
    }
}

/// The key of a reply that was given at this time, by the cloud's clock.
fn fetched(reply: AssumeRoleWithWebIdentityReply, at: Timestamp, role: &str) -> Option<Fetched> {
    let key = reply.credentials?;
    let token = key.token?;
    let keys = Keys::new(&key.tmp_secret_id?, key.tmp_secret_key?.expose(), Some(token.expose())).ok()?;
    let left = u64::try_from(reply.expired_time?.saturating_sub(at.as_second())).unwrap_or_default();
    Some(Fetched { keys: keys.held_by(role.into()), lasts: Some(Duration::from_secs(left)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_variables_are_needed_or_none() {
        let with = |set: &'static [&'static str]| variables(move |name| set.contains(&name).then(|| "x".to_owned()));
        assert_eq!(with(&[]), Ok(None));
        assert_eq!(with(&VARIABLES).unwrap().unwrap().len(), 4);
        for missing in VARIABLES {
            let some = |name: &str| (name != missing).then(|| "x".to_owned());
            assert_eq!(variables(some), Err(CredentialsError::Missing(missing)));
        }
        assert_eq!(variables(|_| Some(" ".to_owned())), Ok(None), "an empty one counts as none");
    }

    #[test]
    fn a_key_lasts_by_the_clock_of_who_gives_it() {
        let reply = |text: &str| serde_json::from_str::<AssumeRoleWithWebIdentityReply>(text).unwrap();
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let key = r#""Credentials":{"Token":"t","TmpSecretId":"AKIDt","TmpSecretKey":"k"}"#;
        let whole = fetched(reply(&format!(r#"{{"ExpiredTime":1700007200,{key}}}"#)), at, "role").unwrap();
        assert_eq!(whole.lasts, Some(Duration::from_secs(7200)));
        let next = key.replace("AKIDt", "AKIDu");
        let next = fetched(reply(&format!(r#"{{"ExpiredTime":1600000000,{next}}}"#)), at, "role").unwrap();
        assert_eq!(next.lasts, Some(Duration::ZERO), "it has ended");
        assert_eq!(whole.keys.mark(), next.keys.mark(), "keys of one role are of one account");
        for bad in
            ["{}", r#"{"ExpiredTime":1}"#, &format!("{{{key}}}"), r#"{"ExpiredTime":1,"Credentials":{"Token":"t"}}"#]
        {
            assert!(fetched(reply(bad), at, "role").is_none(), "{bad}");
        }
    }
}
