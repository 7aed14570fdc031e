//! Where and how the cloud is called.

use std::num::NonZeroU32;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, USER_AGENT};

use super::wire::Service;
use crate::model::Region;

/// The cloud's public endpoint.
pub const DEFAULT_ENDPOINT: &str = "https://clb.tencentcloudapi.com";

/// The media type, byte by byte as it is signed.
pub(super) const MEDIA_TYPE: &str = "application/json";

/// Settings of the client.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `http://` or `https://`, host and perhaps port; `None` for [`DEFAULT_ENDPOINT`]. Where the host begins with `clb.`, that of
    /// another service begins with its name; any other host, such as a proxy, serves all.
    pub endpoint: Option<String>,
    /// The region of the load balancers.
    pub region: Region,
    /// The cloud's limit for one action: no second has more calls of it, so that a long run has about five sixths of it.
    /// The cloud's own default is 20, counted for the whole account; when it refuses a call, fewer are made for a while.
    pub rate_per_second: NonZeroU32,
    /// How long a read may take, from when it is sent.
    pub read_deadline: Duration,
    /// How long a write may take, from when it is sent.
    pub write_deadline: Duration,
    /// Language of the cloud's messages: `en-US` or `zh-CN`. Some errors are told from English messages only.
    pub language: String,
}

impl Settings {
    /// The defaults in a region: public endpoint, 20 calls per second, 10 s for reads, 30 s for writes, English.
    pub fn new(region: Region) -> Self {
        Self {
            endpoint: None,
            region,
            rate_per_second: NonZeroU32::MIN.saturating_add(19),
            read_deadline: Duration::from_secs(10),
            write_deadline: Duration::from_secs(30),
            language: "en-US".to_owned(),
        }
    }
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The endpoint is not a URL.
    #[error("endpoint '{endpoint}' is not a URL: {reason}")]
    NotAUrl {
        /// The endpoint as it was given.
        endpoint: String,
        /// What is wrong.
        reason: String,
    },
    /// The endpoint has parts that the cloud's protocol has no place for.
    #[error("an endpoint is http:// or https://, a host and perhaps a port, without user, path or query")]
    NotAnEndpoint,
    /// Region or language cannot be sent.
    #[error("{name} '{value}' cannot be sent in a header")]
    NotAHeader {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong.
        #[source]
        source: InvalidHeaderValue,
    },
    /// The HTTP client cannot be made, for example because the system has no certificates of authorities.
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

/// An endpoint, with the host as it is sent and signed.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) host: String,
}

impl Endpoint {
    pub(super) fn parse(endpoint: Option<&str>) -> Result<Self, SettingsError> {
        let endpoint = endpoint.unwrap_or(DEFAULT_ENDPOINT);
        let url = Url::parse(endpoint).map_err(|error| SettingsError::NotAUrl {
            // A URL may hold a password, which a message must not.
            endpoint: if endpoint.contains('@') { "…".to_owned() } else { endpoint.to_owned() },
            reason: error.to_string(),
        })?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        match url.host_str() {
            Some(host) if plain => {
                let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
                Ok(Self { url, host })
            }
            _ => Err(SettingsError::NotAnEndpoint),
        }
    }

    /// Where another service is called: the host's first label is the name of the service, as in
    /// `clb.internal.tencentcloudapi.com`. A host that does not begin so serves all services.
    ///
    /// # Errors
    /// When the host cannot be changed, which none that was read causes.
    fn of(&self, service: Service) -> Result<Self, SettingsError> {
        let mut url = self.url.clone();
        let first = format!("{}.", Service::Clb.name());
        let rest = url.host_str().and_then(|host| host.strip_prefix(&first)).map(str::to_owned);
        if let Some(rest) = rest {
            let host = format!("{}.{rest}", service.name());
            url.set_host(Some(&host)).map_err(|_| SettingsError::NotAnEndpoint)?;
        }
        Self::parse(Some(url.as_str()))
    }

    /// True when the endpoint is on this machine, which no proxy can reach.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

/// The endpoints of all services.
#[derive(Debug)]
pub(super) struct Endpoints {
    clb: Endpoint,
    sts: Endpoint,
    ssl: Endpoint,
}

impl Endpoints {
    pub(super) fn parse(endpoint: Option<&str>) -> Result<Self, SettingsError> {
        let clb = Endpoint::parse(endpoint)?;
        Ok(Self { sts: clb.of(Service::Sts)?, ssl: clb.of(Service::Ssl)?, clb })
    }

    pub(super) const fn of(&self, service: Service) -> &Endpoint {
        match service {
            Service::Clb => &self.clb,
            Service::Sts => &self.sts,
            Service::Ssl => &self.ssl,
        }
    }
}

/// The headers that are the same in all calls.
pub(super) fn constant_headers(region: &Region, language: &str) -> Result<HeaderMap, SettingsError> {
    let header = |name: &'static str, value: &str| {
        HeaderValue::from_str(value).map_err(|source| SettingsError::NotAHeader {
            name,
            value: value.to_owned(),
            source,
        })
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers
        .insert(USER_AGENT, HeaderValue::from_static(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"))));
    headers.insert(HeaderName::from_static("x-tc-region"), header("region", region.as_str())?);
    headers.insert(HeaderName::from_static("x-tc-language"), header("language", language)?);
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_written_as_http_does() {
        for (endpoint, host, loopback) in [
            (None, "clb.tencentcloudapi.com", false),
            (Some("https://CLB.example.com:443"), "clb.example.com", false),
            (Some("http://127.0.0.1:18080/"), "127.0.0.1:18080", true),
            (Some("http://[::1]:80"), "[::1]", true),
            (Some("http://localhost:8443"), "localhost:8443", true),
        ] {
            let endpoint = Endpoint::parse(endpoint).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.is_loopback()), (host, loopback));
        }
    }

    #[test]
    fn each_service_has_its_host_unless_one_serves_all() {
        for (endpoint, url, host) in [
            (None, "https://sts.tencentcloudapi.com/", "sts.tencentcloudapi.com"),
            (
                Some("http://clb.internal.tencentcloudapi.com:8080"),
                "http://sts.internal.tencentcloudapi.com:8080/",
                "sts.internal.tencentcloudapi.com:8080",
            ),
            (Some("http://127.0.0.1:18080"), "http://127.0.0.1:18080/", "127.0.0.1:18080"),
            (Some("https://clb-proxy.example.com"), "https://clb-proxy.example.com/", "clb-proxy.example.com"),
        ] {
            let endpoints = Endpoints::parse(endpoint).unwrap();
            let found = endpoints.of(Service::Sts);
            assert_eq!((found.url.as_str(), found.host.as_str()), (url, host));
            let ssl = endpoints.of(Service::Ssl);
            assert_eq!(ssl.host, host.replace("sts.", "ssl."));
            let clb = endpoints.of(Service::Clb);
            assert_eq!(clb.host, Endpoint::parse(endpoint).unwrap().host);
        }
    }

    #[test]
    fn other_urls_are_refused_without_their_password() {
        for endpoint in ["ftp://host", "http://host/path", "http://host?x=1", "http://u:hunter2@host", "unix:/socket"] {
            let error = Endpoint::parse(Some(endpoint)).unwrap_err();
            assert!(matches!(error, SettingsError::NotAnEndpoint), "{endpoint}: {error}");
        }
        for endpoint in ["", "clb.example.com", "http://u:hunter2@:0:0"] {
            let error = Endpoint::parse(Some(endpoint)).unwrap_err();
            assert!(matches!(error, SettingsError::NotAUrl { .. }), "{endpoint}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_region_that_cannot_be_sent_is_named() {
        let region = Region::from("ap\nguangzhou");
        let error = constant_headers(&region, "en-US").unwrap_err();
        assert!(error.to_string().starts_with("region "), "{error}");
    }
}
