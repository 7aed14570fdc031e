//! From the parameters of a rule to the rule.

use super::super::error::{ApiError, ApiResult};
use super::health_check::{self, Subject};
use super::listener_input::certificate;
use super::{Rule, State};
use crate::clb::wire::{RewriteTarget, RuleInput, RuleOutput};
use crate::model::{ListenerId, Protocol, RuleId};

/// The domains of a rule, from `Domain` or `Domains`.
pub(super) fn domains_of(domain: Option<String>, domains: Option<Vec<String>>) -> ApiResult<Vec<String>> {
    let domains = match (domain, domains) {
        (Some(_), Some(_)) => return Err(ApiError::value("Domain and Domains exclude each other")),
        (Some(domain), None) => vec![domain],
        (None, Some(domains)) => domains,
        (None, None) => return Err(ApiError::missing("Domain")),
    };
    if domains.is_empty() {
        return Err(ApiError::length("Domains is empty"));
    }
    if domains.iter().any(|domain| domain.is_empty() || domain.chars().count() > 80) {
        return Err(ApiError::length("a domain must have 1 to 80 characters"));
    }
    Ok(domains)
}

/// Paths have 1–200 characters.
pub(super) fn check_url(url: &str) -> ApiResult<()> {
    match url.chars().count() {
        1..=200 => Ok(()),
        _ => Err(ApiError::length("Url must have 1 to 200 characters")),
    }
}

/// Bounds of what a rule schedules by.
pub(super) fn check_scheduling(scheduler: Option<&str>, session_expire_time: Option<i64>) -> ApiResult<()> {
    if let Some(scheduler) = scheduler
        && !["WRR", "LEAST_CONN", "IP_HASH"].contains(&scheduler)
    {
        return Err(ApiError::value("Scheduler must be one of WRR, LEAST_CONN, IP_HASH"));
    }
    match session_expire_time {
        Some(seconds) if seconds != 0 && !(30..=86_400).contains(&seconds) => {
            Err(ApiError::range("SessionExpireTime", 30, 86_400, seconds))
        }
        Some(seconds) if seconds != 0 && scheduler.is_some_and(|scheduler| scheduler != "WRR") => {
            Err(ApiError::value("SessionExpireTime is possible with WRR only"))
        }
        _ => Ok(()),
    }
}

/// What is shown of a rule that redirects nowhere. Only the ids may be null; what the other members are then is not documented.
fn no_redirection() -> RewriteTarget {
    RewriteTarget {
        rewrite_code: Some(0),
        take_url: Some(false),
        rewrite_type: Some(String::new()),
        ..RewriteTarget::default()
    }
}

/// How it is shown whether a domain speaks QUIC; what is asked for is kept, without effect on traffic.
pub(super) fn quic_status(on: bool) -> String {
    if on { "QUIC_ACTIVE" } else { "QUIC_INACTIVE" }.to_owned()
}

impl State {
    /// A rule with a new id, which is nowhere yet.
    pub(super) fn make_rule(
        &mut self,
        listener: &ListenerId,
        protocol: Protocol,
        is_ipv6: bool,
        created: &str,
        input: RuleInput,
    ) -> ApiResult<Rule> {
        check_url(&input.url)?;
        check_scheduling(input.scheduler.as_deref(), input.session_expire_time)?;
        let domains = domains_of(input.domain, input.domains)?;
        let domain = domains.first().cloned().unwrap_or_default();
        if input.quic == Some(true) && protocol != Protocol::Https {
            return Err(ApiError::value("Quic is possible with HTTPS only"));
        }
        let subject =
            Subject::rule(protocol, &domain, input.forward_type.as_deref(), &self.config.dialect).of_ipv6(is_ipv6);
        let (check, policy) = health_check::resolve(&subject, input.health_check.unwrap_or_default(), None)?;
        let id = self.new_id("loc-");
        let empty = || Some(String::new());
        let shown = RuleOutput {
            location_id: Some(id.clone()),
            domain: Some(domain),
            url: Some(input.url.clone()),
            session_expire_time: Some(input.session_expire_time.unwrap_or(0)),
            health_check: Some(check),
            certificate: certificate(input.certificate.as_ref(), input.multi_cert_info.as_ref()),
            scheduler: Some(input.scheduler.unwrap_or_else(|| "WRR".to_owned())),
            listener_id: Some(listener.to_string()),
            rewrite_target: Some(no_redirection()),
            http_gzip: Some(false),
            be_auto_created: Some(false),
            default_server: Some(input.default_server.unwrap_or(false)),
            http2: Some(input.http2.unwrap_or(false)),
            forward_type: Some(input.forward_type.unwrap_or_else(|| "HTTP".to_owned())),
            create_time: Some(created.to_owned()),
            target_type: Some(input.target_type.unwrap_or_else(|| "NODE".to_owned())),
            waf_domain_id: empty(),
            trpc_callee: empty(),
            trpc_func: empty(),
            quic_status: Some(quic_status(input.quic.unwrap_or_default())),
            domains: Some(domains.clone()),
            cookie_name: input.cookie_name,
            ..RuleOutput::default()
        };
        Ok(Rule { id: RuleId::new(id), domains, url: input.url, targets: Vec::new(), policy, shown })
    }
}
