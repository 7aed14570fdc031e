//! Who calls, and temporary keys: for who shows a token, and for the role of a machine.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::error::{ApiError, ApiResult};
use super::super::settings::{Credentials, Identities};
use super::{Context, Handle, Handled, Moment, State};
use crate::clb::wire::{
    AssumeRoleWithWebIdentity, AssumeRoleWithWebIdentityReply, GetCallerIdentity, GetCallerIdentityReply, Secret,
    TemporaryKey,
};

/// How long a key lasts when the call does not say, and at most, in seconds.
const USUAL_SECONDS: i64 = 7200;
const LONGEST_SECONDS: i64 = 43_200;

fn lasting(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// Temporary keys, and who may have them.
pub(super) struct Keyring {
    accepted: Identities,
    keys: BTreeMap<String, Temporary>,
    /// The id of the last key that the machine's role was given.
    of_role: Option<String>,
}

/// A temporary key.
#[derive(Clone)]
struct Temporary {
    secret_key: String,
    token: String,
    made: Moment,
    until: Moment,
}

impl Keyring {
    pub(super) fn new(accepted: Identities) -> Self {
        Self { accepted, keys: BTreeMap::new(), of_role: None }
    }

    /// Makes a key that lasts so long, or as long as keys last here. `about` is another one each time.
    fn make(&mut self, about: &str, lasts: Duration, now: Moment) -> (String, Temporary) {
        let part = |name: &str| hex::encode(Sha256::digest(format!("{name} {about}")));
        let id = format!("AKIDt{}", part("id").get(..32).unwrap_or_default());
        let lasts = self.accepted.longest.map_or(lasts, |longest| lasts.min(longest));
        let (secret_key, token) = (part("key"), part("token"));
        let key = Temporary { secret_key, token, made: now, until: now.saturating_add(lasts) };
        self.keys.insert(id.clone(), key.clone());
        (id, key)
    }
}

impl State {
    /// The temporary key of this id, and whether it has ended; `None` when there never was one.
    pub(crate) fn temporary_key(&self, id: &str, now: Moment) -> Option<(Credentials, bool)> {
        let key = self.keyring.keys.get(id)?;
        let (secret_key, token) = (key.secret_key.clone(), Some(key.token.clone()));
        Some((Credentials { secret_id: id.to_owned(), secret_key, token }, key.until <= now))
    }

    /// The tokens that are accepted from now on, and no others.
    pub fn accept_tokens(&mut self, tokens: impl IntoIterator<Item = String>) {
        self.keyring.accepted.tokens = tokens.into_iter().collect();
    }

    /// Ends all temporary keys before their time.
    pub fn end_temporary_keys(&mut self) {
        for key in self.keyring.keys.values_mut() {
            key.until = Moment::ZERO;
        }
    }

    /// How many temporary keys were given so far.
    pub fn temporary_keys(&self) -> usize {
        self.keyring.keys.len()
    }

    /// What a machine's metadata service answers at a path below that of the keys of roles; `None`: there is no such path. A key is
    /// made anew when a tenth of its time is left.
    pub(crate) fn metadata(&mut self, path: &str, now: Moment) -> Option<String> {
        let role = self.keyring.accepted.machine_role.clone()?;
        match path {
            "" => Some(role),
            path if path == role => Some(self.key_of_role(now).to_string()),
            _ => None,
        }
    }

    fn key_of_role(&mut self, now: Moment) -> Value {
        let current = self.keyring.of_role.clone();
        let current = current.and_then(|id| Some((id.clone(), self.keyring.keys.get(&id)?.clone())));
        let current =
            current.filter(|(_, key)| key.until.saturating_sub(now) > key.until.saturating_sub(key.made) / 10);
        let (id, key) = current.unwrap_or_else(|| {
            let about = self.new_id("role-");
            self.keyring.make(&about, lasting(USUAL_SECONDS), now)
        });
        self.keyring.of_role = Some(id.clone());
        json!({
            "TmpSecretId": id, "TmpSecretKey": key.secret_key, "Token": key.token, "Code": "Success",
            "ExpiredTime": self.unix_seconds(key.until), "Expiration": self.iso_text(key.until),
        })
    }
}

impl Handle for GetCallerIdentity {
    fn handle(self, state: &mut State, _: &mut Context<'_>) -> ApiResult<Handled<GetCallerIdentityReply>> {
        // Keys here are those of the account itself.
        let id = state.config.account.clone();
        let reply = GetCallerIdentityReply {
            arn: Some(format!("qcs::cam:{id}:uin/{id}")),
            account_id: Some(id.clone()),
            user_id: Some(id.clone()),
            principal_id: Some(id),
            kind: Some("CAMUser".to_owned()),
        };
        Ok(reply.into())
    }
}

impl Handle for AssumeRoleWithWebIdentity {
    fn handle(
        self,
        state: &mut State,
        context: &mut Context<'_>,
    ) -> ApiResult<Handled<AssumeRoleWithWebIdentityReply>> {
        let Identities { provider, role_arn, tokens, .. } = &state.keyring.accepted;
        if *role_arn != self.role_arn {
            return Err(ApiError::new("ResourceNotFound.RoleNotFound", "The role does not exist."));
        }
        if *provider != self.provider_id || !tokens.contains(self.web_identity_token.expose()) {
            return Err(ApiError::new(
                "InvalidParameter.WebIdentityTokenError",
                "The web identity token is wrong or has expired.",
            ));
        }
        let seconds = self.duration_seconds.unwrap_or(USUAL_SECONDS);
        if !(1..=LONGEST_SECONDS).contains(&seconds) {
            return Err(ApiError::new("InvalidParameter.OverTimeError", "DurationSeconds is out of range."));
        }
        let (id, key) = state.keyring.make(context.request_id, lasting(seconds), context.now);
        let reply = AssumeRoleWithWebIdentityReply {
            expired_time: Some(state.unix_seconds(key.until)),
            expiration: Some(state.iso_text(key.until)),
            credentials: Some(TemporaryKey {
                token: Some(Secret::new(key.token)),
                tmp_secret_id: Some(id),
                tmp_secret_key: Some(Secret::new(key.secret_key)),
            }),
        };
        Ok(reply.into())
    }
}
