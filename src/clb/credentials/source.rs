//! Where keys come from.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::super::error::{NO_CREDENTIALS, own};
use super::super::settings::SettingsError;
use super::role::{Role, RoleFailure};
use super::web_identity::{self, WebIdentity};
use super::{CredentialsError, Keys, SECRET_ID, SECRET_KEY, files, keys_of};
use crate::model::Failure;

/// The metadata service of machines of the cloud.
pub const METADATA_ENDPOINT: &str = "http://metadata.tencentyun.com";

/// What is said about where keys come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A folder with files that are named as the variables of a key are.
    pub folder: Option<PathBuf>,
    /// The address of the CLB API, beside which STS is; `None`: the public one.
    pub endpoint: Option<String>,
    /// The address of the machine's metadata service, such as [`METADATA_ENDPOINT`]; `None`: it is not asked.
    pub metadata: Option<String>,
}

/// Where keys come from.
pub struct Source(Kind);

enum Kind {
    Environment(Keys),
    Files(PathBuf),
    WebIdentity(Box<WebIdentity>),
    Role(Role),
}

/// A key, and for how long.
pub(super) struct Fetched {
    pub(super) keys: Keys,
    /// `None`: it has no end that is known.
    pub(super) lasts: Option<Duration>,
}

/// Why a source has given no key.
pub(super) enum Unavailable {
    /// It is not there: nobody has set it up.
    Absent(Failure),
    /// It may give one another time.
    Passing(Failure),
}

/// Why no source can be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// What is set up cannot be used.
    #[error("credentials of {0} cannot be used: {1}")]
    Unusable(&'static str, CredentialsError),
    /// An endpoint cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Nothing is set up.
    #[error(
        "no credentials: set {SECRET_ID} and {SECRET_KEY}, or name a folder with files of these names, or have TKE give the Pod a role \
         (TKE_ROLE_ARN), or give the machine a role{}",
        .0.as_ref().map(|failure| format!("; {failure}")).unwrap_or_default()
    )]
    None(Option<Failure>),
}

impl Source {
    /// The first of these that is set up: variables, files, a role for the Pod's identity, the role of the machine.
    ///
    /// # Errors
    /// When what is set up is not whole, and when nothing is.
    pub fn choose(sources: &Sources, variable: impl Fn(&str) -> Option<String>) -> Result<Self, SourceError> {
        let environment = |error| SourceError::Unusable(ENVIRONMENT, error);
        if variable(SECRET_ID).is_some() || variable(SECRET_KEY).is_some() {
            return Ok(Self(Kind::Environment(keys_of(variable).map_err(environment)?)));
        }
        if let Some(folder) = &sources.folder {
            return Ok(Self(Kind::Files(folder.clone())));
        }
        let identity = web_identity::variables(variable);
        if let Some(values) = identity.map_err(|error| SourceError::Unusable(WEB_IDENTITY, error))? {
            let identity = WebIdentity::new(values, sources.endpoint.as_deref())?;
            return Ok(Self(Kind::WebIdentity(Box::new(identity))));
        }
        match &sources.metadata {
            Some(endpoint) => Ok(Self(Kind::Role(Role::new(endpoint)?))),
            None => Err(SourceError::None(None)),
        }
    }

    /// Its name, as logs and metrics have it: one of [`NAMES`](Self::NAMES).
    pub const fn name(&self) -> &'static str {
        match self.0 {
            Kind::Environment(_) => ENVIRONMENT,
            Kind::Files(_) => "files",
            Kind::WebIdentity(_) => WEB_IDENTITY,
            Kind::Role(_) => "machine-role",
        }
    }

    /// The names of all sources.
    pub const NAMES: &'static [&'static str] = &[ENVIRONMENT, "files", WEB_IDENTITY, "machine-role"];

    /// Whether it may give another key at any time.
    pub(super) const fn changes(&self) -> bool {
        matches!(self.0, Kind::Files(_))
    }

    /// Whether a key that the cloud does not take any more is followed by another one as soon as somebody asks.
    pub(super) const fn gives_another_when_asked(&self) -> bool {
        matches!(self.0, Kind::WebIdentity(_) | Kind::Role(_))
    }

    /// Asks for a key.
    pub(super) async fn fetch(&self) -> Result<Fetched, Unavailable> {
        match &self.0 {
            Kind::Environment(keys) => Ok(Fetched { keys: keys.clone(), lasts: None }),
            Kind::Files(folder) => match files::read(folder) {
                Ok(keys) => Ok(Fetched { keys, lasts: None }),
                Err(error) => Err(Unavailable::Passing(own("", NO_CREDENTIALS, error.to_string()))),
            },
            Kind::WebIdentity(identity) => identity.fetch().await.map_err(Unavailable::Passing),
            Kind::Role(role) => role.fetch().await.map_err(|failure| match failure {
                RoleFailure::Absent(failure) => Unavailable::Absent(failure),
                RoleFailure::Passing(failure) => Unavailable::Passing(failure),
            }),
        }
    }
}

const ENVIRONMENT: &str = "environment";
const WEB_IDENTITY: &str = "web-identity";

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [(&str, &str); 2] = [(SECRET_ID, "AKID1"), (SECRET_KEY, "key1")];
    const ROLE: [(&str, &str); 4] = [
        ("TKE_REGION", "ap-guangzhou"),
        ("TKE_PROVIDER_ID", "provider"),
        ("TKE_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("TKE_ROLE_ARN", "qcs::cam::uin/1:roleName/r"),
    ];

    #[test]
    fn the_first_source_that_is_set_up_counts() {
        let metadata = Some(METADATA_ENDPOINT.to_owned());
        let chosen = |set: &[(&str, &str)], folder: Option<&str>, metadata: &Option<String>| {
            let sources = Sources { folder: folder.map(Into::into), endpoint: None, metadata: metadata.clone() };
            let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            Source::choose(&sources, variable).map(|source| source.name()).map_err(|error| error.to_string())
        };
        let both = [KEY.as_slice(), &ROLE].concat();
        assert_eq!(chosen(&both, Some("/keys"), &metadata), Ok("environment"));
        assert_eq!(chosen(&ROLE, Some("/keys"), &metadata), Ok("files"));
        assert_eq!(chosen(&ROLE, None, &metadata), Ok("web-identity"));
        assert_eq!(chosen(&[], None, &metadata), Ok("machine-role"));
        for (set, named) in [
            (&KEY[..1], "credentials of environment cannot be used: TENCENTCLOUD_SECRET_KEY is not set"),
            (&KEY[1..], "credentials of environment cannot be used: TENCENTCLOUD_SECRET_ID is not set"),
            (&ROLE[..3], "credentials of web-identity cannot be used: TKE_ROLE_ARN is not set"),
        ] {
            assert_eq!(chosen(set, None, &metadata), Err(named.to_owned()), "what is begun is not passed over");
        }
        assert!(chosen(&[], None, &None).unwrap_err().starts_with("no credentials: set TENCENTCLOUD_SECRET_ID and"));
        for name in ["environment", "files", "web-identity", "machine-role"] {
            assert!(Source::NAMES.contains(&name));
        }
    }
}
