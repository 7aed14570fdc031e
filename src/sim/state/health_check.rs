//! Health checks: defaults, bounds, and what they mean for the prober.

use std::time::Duration;

use super::super::dialect::{Departure, Dialect};
use super::super::error::{ApiError, ApiResult};
use super::super::health::{HealthPolicy, ProbeKind};
use crate::clb::wire::{HealthCheck, HealthCheckOutput};
use crate::model::Protocol;

/// Most characters of a path that is asked for (<https://cloud.tencent.com/document/product/214/50011>).
const LONGEST_PATH: usize = 80;

/// What a health check belongs to, and the cloud that it is in.
pub(super) struct Subject<'a> {
    protocol: Protocol,
    /// The domain of a rule; `None` for a layer-4 listener.
    domain: Option<&'a str>,
    /// The protocol towards the targets of a rule; `None` where it is HTTP, and for a layer-4 listener.
    forward_type: Option<&'a str>,
    /// Its load balancer has IPv6 targets.
    is_ipv6: bool,
    dialect: &'a Dialect,
}

impl<'a> Subject<'a> {
    /// A layer-4 listener.
    pub(super) const fn listener(protocol: Protocol, dialect: &'a Dialect) -> Self {
        Self { protocol, domain: None, forward_type: None, is_ipv6: false, dialect }
    }

    /// The same on a load balancer that has IPv6 targets, or not.
    pub(super) const fn of_ipv6(self, is_ipv6: bool) -> Self {
        Self { is_ipv6, ..self }
    }

    /// A rule.
    pub(super) const fn rule(
        protocol: Protocol,
        domain: &'a str,
        forward_type: Option<&'a str>,
        dialect: &'a Dialect,
    ) -> Self {
        Self { protocol, domain: Some(domain), forward_type, is_ipv6: false, dialect }
    }

    /// The check type for which nothing else was asked: that of HTTPS rules is the protocol towards targets (`HealthCheck.CheckType` of
    /// the API's data structures).
    fn usual_type(&self) -> &'static str {
        match (self.protocol, self.forward_type) {
            (Protocol::Tcp | Protocol::TcpSsl | Protocol::Quic, _) => "TCP",
            (Protocol::Udp, _) => "PING",
            (Protocol::Https, Some("HTTPS")) => "HTTPS",
            (Protocol::Https, Some("GRPC" | "GRPCS")) => "GRPC",
            (Protocol::Http | Protocol::Https, _) => "HTTP",
        }
    }
}

/// The check as it is shown, and as it is carried out. What the input leaves out stays as in `before`, or is the default.
pub(super) fn resolve(
    subject: &Subject<'_>,
    input: HealthCheck,
    before: Option<&HealthCheckOutput>,
) -> ApiResult<(HealthCheckOutput, HealthPolicy)> {
    if input.http_check_domain.as_ref().is_some_and(|domain| domain.contains('*')) {
        return Err(ApiError::value("HealthCheck.HttpCheckDomain must be a certain domain"));
    }
    let before = before.filter(|_| !subject.dialect.has(Departure::ChecksReset));
    let mut check = merge(before.cloned().unwrap_or_default(), HealthCheckOutput::from(input));
    if check.check_port == Some(-1) {
        check.check_port = None;
    }
    fill(subject, &mut check);
    if !subject.dialect.has(Departure::MembersKept) {
        drop_inapplicable(subject.protocol, &mut check);
    }
    check_bounds(&check)?;
    check_path(&check)?;
    check_kind(subject, &check)?;
    check_ipv6(subject, &check)?;
    let policy = policy(subject.protocol, &check)?;
    Ok((check, policy))
}

fn merge(before: HealthCheckOutput, input: HealthCheckOutput) -> HealthCheckOutput {
    HealthCheckOutput {
        health_switch: input.health_switch.or(before.health_switch),
        time_out: input.time_out.or(before.time_out),
        interval_time: input.interval_time.or(before.interval_time),
        health_num: input.health_num.or(before.health_num),
        un_health_num: input.un_health_num.or(before.un_health_num),
        http_code: input.http_code.or(before.http_code),
        http_check_path: input.http_check_path.or(before.http_check_path),
        http_check_domain: input.http_check_domain.or(before.http_check_domain),
        http_check_method: input.http_check_method.or(before.http_check_method),
        check_port: input.check_port.or(before.check_port),
        context_type: input.context_type.or(before.context_type),
        send_context: input.send_context.or(before.send_context),
        recv_context: input.recv_context.or(before.recv_context),
        check_type: input.check_type.or(before.check_type),
        http_version: input.http_version.or(before.http_version),
        source_ip_type: input.source_ip_type.or(before.source_ip_type),
        extended_code: input.extended_code.or(before.extended_code),
    }
}

fn fill(subject: &Subject<'_>, check: &mut HealthCheckOutput) {
    check.health_switch.get_or_insert(1);
    check.time_out.get_or_insert(2);
    check.interval_time.get_or_insert(5);
    check.health_num.get_or_insert(3);
    check.un_health_num.get_or_insert(3);
    check.source_ip_type.get_or_insert(i64::from(!subject.is_ipv6));
    let kind = check.check_type.get_or_insert_with(|| subject.usual_type().to_owned());
    *kind = kind.to_ascii_uppercase();
    if matches!(kind.as_str(), "HTTP" | "HTTPS") {
        check.http_code.get_or_insert(31);
        check.http_check_path.get_or_insert_with(|| "/".to_owned());
        check.http_check_method.get_or_insert_with(|| "HEAD".to_owned());
        if let Some(domain) = subject.domain {
            check.http_check_domain.get_or_insert_with(|| domain.to_owned());
        }
    }
}

/// Members that a check of this type does not have: null in the official examples.
fn drop_inapplicable(protocol: Protocol, check: &mut HealthCheckOutput) {
    let kind = check.check_type.as_deref().unwrap_or_default();
    let is_http = matches!(kind, "HTTP" | "HTTPS");
    let (is_grpc, is_custom) = (kind == "GRPC", kind == "CUSTOM");
    let texts = [
        (is_http || is_grpc, &mut check.http_check_path),
        (is_http || is_grpc, &mut check.http_check_domain),
        (is_http, &mut check.http_check_method),
        (is_http && !protocol.is_layer7(), &mut check.http_version),
        (is_grpc, &mut check.extended_code),
        (is_custom, &mut check.context_type),
        (is_custom, &mut check.send_context),
        (is_custom, &mut check.recv_context),
    ];
    for (_, text) in texts.into_iter().filter(|(applies, _)| !applies) {
        *text = None;
    }
    check.http_code = check.http_code.filter(|_| is_http);
}

fn check_bounds(check: &HealthCheckOutput) -> ApiResult<()> {
    let bounds = [
        ("HealthCheck.HealthSwitch", check.health_switch, 0, 1),
        ("HealthCheck.TimeOut", check.time_out, 2, 60),
        ("HealthCheck.IntervalTime", check.interval_time, 2, 300),
        ("HealthCheck.HealthNum", check.health_num, 2, 10),
        ("HealthCheck.UnHealthNum", check.un_health_num, 2, 10),
        ("HealthCheck.HttpCode", check.http_code, 1, 31),
        ("HealthCheck.CheckPort", check.check_port, 1, 65_535),
        ("HealthCheck.SourceIpType", check.source_ip_type, 0, 1),
    ];
    for (name, value, low, high) in bounds {
        if let Some(value) = value
            && !(low..=high).contains(&value)
        {
            return Err(ApiError::range(name, low, high, value));
        }
    }
    if check.time_out >= check.interval_time {
        return Err(ApiError::value("HealthCheck.TimeOut must be less than HealthCheck.IntervalTime"));
    }
    let texts = [
        ("HealthCheck.HttpCheckPath", &check.http_check_path, LONGEST_PATH),
        ("HealthCheck.HttpCheckDomain", &check.http_check_domain, 80),
        ("HealthCheck.SendContext", &check.send_context, 500),
        ("HealthCheck.RecvContext", &check.recv_context, 500),
    ];
    for (name, value, longest) in texts {
        if value.as_ref().is_some_and(|text| text.chars().count() > longest) {
            return Err(ApiError::length(format!("{name} has more than {longest} characters")));
        }
    }
    Ok(())
}

/// A path that is asked for begins with a slash; a client may send an empty one with a check that has none.
fn check_path(check: &HealthCheckOutput) -> ApiResult<()> {
    let asks = matches!(check.check_type.as_deref(), Some("HTTP" | "HTTPS" | "GRPC"));
    match check.http_check_path.as_deref().filter(|_| asks) {
        Some(path) if !path.starts_with('/') => {
            Err(ApiError::value("HealthCheck.HttpCheckPath must begin with '/' and have 1 to 80 characters"))
        }
        _ => Ok(()),
    }
}

fn check_kind(subject: &Subject<'_>, check: &HealthCheckOutput) -> ApiResult<()> {
    let kind = check.check_type.as_deref().unwrap_or_default();
    let allowed: &[&str] = match subject.protocol {
        Protocol::Tcp => &["TCP", "HTTP", "CUSTOM"],
        Protocol::TcpSsl | Protocol::Quic => &["TCP", "HTTP"],
        Protocol::Udp => &["PING", "CUSTOM"],
        Protocol::Http => &["HTTP", "GRPC", "TCP"],
        Protocol::Https => &["HTTP", "HTTPS", "GRPC", "TCP"],
    };
    if !allowed.contains(&kind) {
        let protocol = subject.protocol;
        return Err(ApiError::value(format!("HealthCheck.CheckType {kind} is not possible with {protocol}")));
    }
    if subject.protocol == Protocol::Tcp && kind == "HTTP" {
        if check.http_version.is_none() {
            return Err(ApiError::value("HealthCheck.HttpVersion is needed for an HTTP check of a TCP listener"));
        }
        if check.http_check_domain.is_none() {
            return Err(ApiError::value("HealthCheck.HttpCheckDomain is needed for an HTTP check of a TCP listener"));
        }
    }
    let among = |name: &str, value: &Option<String>, allowed: &[&str]| match value {
        Some(value) if !allowed.contains(&value.as_str()) => {
            Err(ApiError::value(format!("{name} must be one of {}", allowed.join(", "))))
        }
        _ => Ok(()),
    };
    among("HealthCheck.HttpCheckMethod", &check.http_check_method, &["HEAD", "GET"])?;
    among("HealthCheck.HttpVersion", &check.http_version, &["HTTP/1.0", "HTTP/1.1"])?;
    among("HealthCheck.ContextType", &check.context_type, &["HEX", "TEXT"])
}

/// What checks of a load balancer of IPv6 cannot be (<https://cloud.tencent.com/document/product/214/50011>, and
/// `HealthCheck` of the API's data structures).
fn check_ipv6(subject: &Subject<'_>, check: &HealthCheckOutput) -> ApiResult<()> {
    if !subject.is_ipv6 {
        return Ok(());
    }
    let kind = check.check_type.as_deref().unwrap_or_default();
    let is_barred = matches!((subject.protocol, kind), (Protocol::Tcp, "HTTP" | "CUSTOM") | (Protocol::Udp, "CUSTOM"));
    if is_barred {
        return Err(ApiError::value(format!("HealthCheck.CheckType {kind} is not possible with IPv6")));
    }
    if check.interval_time.is_some_and(|seconds| seconds < 5) {
        return Err(ApiError::range("HealthCheck.IntervalTime", 5, 300, check.interval_time.unwrap_or_default()));
    }
    match check.source_ip_type {
        Some(0) => Ok(()),
        _ => Err(ApiError::value("HealthCheck.SourceIpType must be 0 with IPv6")),
    }
}

fn policy(protocol: Protocol, check: &HealthCheckOutput) -> ApiResult<HealthPolicy> {
    let seconds =
        |value: Option<i64>| Duration::from_secs(value.and_then(|v| u64::try_from(v).ok()).unwrap_or_default());
    let count = |value: Option<i64>| value.and_then(|v| u32::try_from(v).ok()).unwrap_or(3);
    Ok(HealthPolicy {
        probe: if check.health_switch == Some(0) { None } else { Some(probe_kind(protocol, check)?) },
        timeout: seconds(check.time_out),
        interval: seconds(check.interval_time),
        healthy_after: count(check.health_num),
        unhealthy_after: count(check.un_health_num),
        port: check.check_port.and_then(|port| u16::try_from(port).ok()),
    })
}

/// `GRPC` checks are carried out as connections: the simulator does not speak it.
fn probe_kind(protocol: Protocol, check: &HealthCheckOutput) -> ApiResult<ProbeKind> {
    let text = |value: &Option<String>, otherwise: &str| value.clone().unwrap_or_else(|| otherwise.to_owned());
    Ok(match check.check_type.as_deref() {
        Some(kind @ ("HTTP" | "HTTPS")) => ProbeKind::Http {
            method: text(&check.http_check_method, "HEAD"),
            path: text(&check.http_check_path, "/"),
            host: text(&check.http_check_domain, ""),
            version: text(&check.http_version, "HTTP/1.1"),
            codes: check.http_code.and_then(|codes| u8::try_from(codes).ok()).unwrap_or(31),
            tls: kind == "HTTPS",
        },
        Some("PING") => ProbeKind::Ping,
        Some("CUSTOM") => {
            let send = context_bytes(check, check.send_context.as_deref())?;
            let expect = context_bytes(check, check.recv_context.as_deref())?;
            match protocol {
                Protocol::Udp => ProbeKind::UdpExchange { send, expect },
                _ => ProbeKind::TcpExchange { send, expect },
            }
        }
        _ => ProbeKind::Connect,
    })
}

fn context_bytes(check: &HealthCheckOutput, context: Option<&str>) -> ApiResult<Vec<u8>> {
    let context = context.unwrap_or_default();
    match check.context_type.as_deref() {
        Some("HEX") => hex::decode(context).map_err(|_| ApiError::value("a HEX context is not hexadecimal")),
        _ => Ok(context.as_bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(protocol: Protocol, input: HealthCheck) -> Result<(HealthCheckOutput, HealthPolicy), String> {
        let dialect = Dialect::default();
        let subject = match protocol.is_layer7() {
            true => Subject::rule(protocol, "app.example.com", None, &dialect),
            false => Subject::listener(protocol, &dialect),
        };
        resolve(&subject, input, None).map_err(|error| error.code)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let (check, policy) = resolved(Protocol::Tcp, HealthCheck::default()).expect("the default is valid");
        assert_eq!((check.time_out, check.interval_time, check.health_num), (Some(2), Some(5), Some(3)));
        assert_eq!((check.check_type.as_deref(), check.http_code), (Some("TCP"), None));
        assert_eq!((policy.probe, policy.unhealthy_after), (Some(ProbeKind::Connect), 3));
        let (_, policy) = resolved(Protocol::Udp, HealthCheck::default()).expect("the default is valid");
        assert_eq!(policy.probe, Some(ProbeKind::Ping));
        let (check, _) = resolved(Protocol::Http, HealthCheck::default()).expect("the default is valid");
        assert_eq!(check.http_check_domain.as_deref(), Some("app.example.com"));
    }

    #[test]
    fn a_check_can_be_switched_off() {
        let off = HealthCheck { health_switch: Some(0), ..HealthCheck::default() };
        assert_eq!(resolved(Protocol::Tcp, off).expect("it is valid").1.probe, None);
    }

    #[test]
    fn what_is_left_out_of_a_change_stays() {
        let numbers = |dialect: &Dialect| {
            let subject = Subject::listener(Protocol::Tcp, dialect);
            let first = HealthCheck { health_num: Some(5), ..HealthCheck::default() };
            let (before, _) = resolve(&subject, first, None).expect("it is valid");
            let change = HealthCheck { un_health_num: Some(7), ..HealthCheck::default() };
            let (after, _) = resolve(&subject, change, Some(&before)).expect("it is valid");
            (after.health_num, after.un_health_num)
        };
        assert_eq!(numbers(&Dialect::default()), (Some(5), Some(7)));
        assert_eq!(numbers(&[Departure::ChecksReset].into()), (Some(3), Some(7)), "another cloud");
    }

    #[test]
    fn members_of_another_type_are_not_shown() {
        let text = |text: &str| Some(text.to_owned());
        let (http_version, http_check_domain) = (text("HTTP/1.1"), text("a.example"));
        let http = HealthCheck { check_type: text("HTTP"), http_version, http_check_domain, ..HealthCheck::default() };
        let members = |dialect: &Dialect| {
            let subject = Subject::listener(Protocol::Tcp, dialect);
            let (before, _) = resolve(&subject, http.clone(), None).expect("it is valid");
            // As the vendor's Terraform provider writes it.
            let to_tcp = HealthCheck { check_type: text("TCP"), http_check_path: text(""), ..HealthCheck::default() };
            let (after, policy) = resolve(&subject, to_tcp, Some(&before)).expect("it is valid");
            assert_eq!(policy.probe, Some(ProbeKind::Connect));
            assert_eq!((before.http_code, before.http_check_path.as_deref()), (Some(31), Some("/")));
            (after.http_code, after.http_check_path, after.http_version, after.http_check_domain)
        };
        assert_eq!(members(&Dialect::default()), (None, None, None, None));
        let kept = (Some(31), text(""), text("HTTP/1.1"), text("a.example"));
        assert_eq!(members(&[Departure::MembersKept].into()), kept, "another cloud");
    }

    #[test]
    fn the_usual_type_of_https_rules_is_the_protocol_towards_targets() {
        let dialect = Dialect::default();
        let cases = [
            (Protocol::Https, None, "HTTP"),
            (Protocol::Https, Some("HTTP"), "HTTP"),
            (Protocol::Https, Some("HTTPS"), "HTTPS"),
            (Protocol::Https, Some("GRPC"), "GRPC"),
            (Protocol::Http, Some("GRPC"), "HTTP"),
        ];
        for (protocol, forward_type, expected) in cases {
            let subject = Subject::rule(protocol, "a.example", forward_type, &dialect);
            let (check, _) = resolve(&subject, HealthCheck::default(), None).expect("the default is valid");
            assert_eq!(check.check_type.as_deref(), Some(expected), "{protocol} {forward_type:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let code = |protocol, input| resolved(protocol, input).expect_err("refused");
        let text = |text: &str| Some(text.to_owned());
        let cases = [
            (Protocol::Tcp, HealthCheck { time_out: Some(1), ..Default::default() }, "InvalidParameterValue.Range"),
            (Protocol::Tcp, HealthCheck { time_out: Some(5), ..Default::default() }, "InvalidParameterValue"),
            (Protocol::Tcp, HealthCheck { check_type: text("PING"), ..Default::default() }, "InvalidParameterValue"),
            (Protocol::Tcp, HealthCheck { check_type: text("HTTP"), ..Default::default() }, "InvalidParameterValue"),
            (Protocol::Udp, HealthCheck { check_type: text("TCP"), ..Default::default() }, "InvalidParameterValue"),
            (
                Protocol::Udp,
                HealthCheck {
                    check_type: text("CUSTOM"),
                    context_type: text("HEX"),
                    send_context: text("xyz"),
                    ..Default::default()
                },
                "InvalidParameterValue",
            ),
            (
                Protocol::Http,
                HealthCheck { http_check_path: Some("/".repeat(81)), ..Default::default() },
                "InvalidParameterValue.Length",
            ),
            (
                Protocol::Http,
                HealthCheck { http_check_path: text("no"), ..Default::default() },
                "InvalidParameterValue",
            ),
            (
                Protocol::Http,
                HealthCheck { http_check_domain: text("*.example"), ..Default::default() },
                "InvalidParameterValue",
            ),
        ];
        for (protocol, input, expected) in cases {
            assert_eq!(code(protocol, input.clone()), expected, "{input:?}");
        }
    }
}
