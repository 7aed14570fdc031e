//! What replies tell of settings. What a reply does not tell is absent, so that nobody takes it for a default.

use super::wire;
use crate::model::{Attribute, Attributes};

/// The settings of a load balancer: the bandwidth, which only a public one has.
pub(super) fn of_load_balancer(set: &wire::LoadBalancer) -> Attributes {
    let mut told = Attributes::default();
    let bandwidth = set.network_attributes.as_ref().and_then(|network| network.internet_max_bandwidth_out);
    let is_public = set.load_balancer_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("OPEN"));
    told.set_some(Attribute::Bandwidth, bandwidth.filter(|_| is_public));
    told.set_some(Attribute::SnatPro, set.snat_pro);
    told.set_some(Attribute::PassToTarget, set.load_balancer_pass_to_target);
    if let Some(mut groups) = set.secure_groups.clone() {
        groups.sort_unstable();
        told.set(Attribute::SecurityGroups, groups.join(","));
    }
    told
}

/// The settings of a listener. A switch that is shown as a flag is told when it is on; a flag that is absent says nothing, as
/// it is not documented that flags are always shown.
pub(super) fn of_listener(listener: &wire::Listener) -> Attributes {
    let mut told = Attributes::default();
    told.set_some(Attribute::Scheduler, listener.scheduler.as_deref());
    told.set_some(Attribute::SessionSeconds, listener.session_expire_time);
    told.set_some(Attribute::ResetOnDeregister, listener.deregister_target_rst);
    told.set_some(Attribute::Keepalive, listener.keepalive_enable.map(is_on));
    told.set_some(Attribute::Sni, listener.sni_switch.map(is_on));
    told.set_some(Attribute::Certificate, certificate(listener.certificate.as_ref()));
    for (flag, attribute) in
        [(wire::attr_flag::SNAT, Attribute::Snat), (wire::attr_flag::PROXY_PROTOCOL, Attribute::ProxyProtocol)]
    {
        let is_seen = listener.attr_flags.iter().flatten().any(|seen| seen == flag);
        told.set_some(attribute, is_seen.then_some(true));
    }
    if let Some(check) = &listener.health_check {
        health_check(&mut told, check);
        // Null is how the cloud says that each target is probed at its own port.
        told.set(Attribute::CheckPort, check.check_port.unwrap_or(-1));
    }
    told
}

/// The settings of a rule, with those of its domain.
pub(super) fn of_rule(rule: &wire::RuleOutput) -> Attributes {
    let mut told = Attributes::default();
    told.set_some(Attribute::Scheduler, rule.scheduler.as_deref());
    told.set_some(Attribute::SessionSeconds, rule.session_expire_time);
    told.set_some(Attribute::ForwardType, rule.forward_type.as_deref());
    told.set_some(Attribute::Http2, rule.http2);
    told.set_some(Attribute::DefaultServer, rule.default_server);
    told.set_some(Attribute::Certificate, certificate(rule.certificate.as_ref()));
    if let Some(check) = &rule.health_check {
        health_check(&mut told, check);
    }
    told
}

const fn is_on(switch: i64) -> bool {
    switch != 0
}

/// The ids of all server certificates, sorted: their order means nothing.
fn certificate(certificate: Option<&wire::CertificateOutput>) -> Option<String> {
    let certificate = certificate?;
    let further = certificate.ext_cert_ids.iter().flatten();
    let mut ids: Vec<_> =
        certificate.cert_id.iter().chain(further).map(String::as_str).filter(|id| !id.is_empty()).collect();
    ids.sort_unstable();
    ids.dedup();
    (!ids.is_empty()).then(|| ids.join(","))
}

fn health_check(told: &mut Attributes, check: &wire::HealthCheckOutput) {
    told.set_some(Attribute::CheckSwitch, check.health_switch.map(is_on));
    for (attribute, number) in [
        (Attribute::CheckInterval, check.interval_time),
        (Attribute::CheckTimeout, check.time_out),
        (Attribute::CheckHealthyCount, check.health_num),
        (Attribute::CheckUnhealthyCount, check.un_health_num),
        (Attribute::CheckHttpCodes, check.http_code),
        (Attribute::CheckSource, check.source_ip_type),
        (Attribute::CheckPort, check.check_port),
    ] {
        told.set_some(attribute, number);
    }
    for (attribute, text) in [
        (Attribute::CheckType, &check.check_type),
        (Attribute::CheckContextType, &check.context_type),
        (Attribute::CheckSend, &check.send_context),
        (Attribute::CheckReceive, &check.recv_context),
        (Attribute::CheckHttpVersion, &check.http_version),
        (Attribute::CheckPath, &check.http_check_path),
        (Attribute::CheckDomain, &check.http_check_domain),
        (Attribute::CheckMethod, &check.http_check_method),
    ] {
        told.set_some(attribute, text.as_deref());
    }
}
