//! From the parameters of a listener to the listener.

use super::super::error::{ApiError, ApiResult};
use super::health_check::{self, Subject};
use super::load_balancer::check_name;
use super::switches::Switches;
use super::{Listener, State};
use crate::clb::wire;
use crate::clb::wire::{CertificateInput, CertificateOutput, CreateListener, ModifyListener, MultiCertInfo};
use crate::model::{ListenerId, ListenerState, Protocol, RuleId};

/// Ports in one `CreateListener`: the service refuses 50, whatever its documentation says.
const MOST_PORTS: usize = 49;

impl State {
    /// A listener with new ids, which is nowhere yet.
    pub(super) fn make_listener(
        &mut self,
        protocol: Protocol,
        port: u16,
        name: Option<String>,
        is_ipv6: bool,
        created: &str,
        request: &CreateListener,
    ) -> ApiResult<Listener> {
        let id = self.new_id("lbl-");
        let layer4 = !protocol.is_layer7();
        let input = request.health_check.clone().filter(|_| layer4).unwrap_or_default();
        let subject = Subject::listener(protocol, &self.config.dialect).of_ipv6(is_ipv6);
        let (check, policy) = health_check::resolve(&subject, input, None)?;
        let idle = match protocol {
            Protocol::Tcp | Protocol::TcpSsl => Some(900),
            Protocol::Udp | Protocol::Quic => Some(300),
            Protocol::Http | Protocol::Https => None,
        };
        let shown = wire::Listener {
            listener_id: Some(id.clone()),
            protocol: Some(protocol.as_str().to_owned()),
            port: Some(i64::from(port)),
            certificate: certificate(request.certificate.as_ref(), request.multi_cert_info.as_ref()),
            health_check: layer4.then_some(check),
            scheduler: layer4.then(|| request.scheduler.clone().unwrap_or_else(|| "WRR".to_owned())),
            session_expire_time: Some(request.session_expire_time.unwrap_or(0)),
            sni_switch: Some(request.sni_switch.unwrap_or(0)),
            listener_name: Some(name.unwrap_or_else(|| id.clone())),
            create_time: Some(created.to_owned()),
            end_port: Some(0),
            target_type: layer4.then(|| request.target_type.clone().unwrap_or_else(|| "NODE".to_owned())),
            session_type: Some(request.session_type.clone().unwrap_or_else(|| "NORMAL".to_owned())),
            keepalive_enable: (!layer4).then(|| request.keepalive_enable.unwrap_or(0)),
            toa: Some(false),
            deregister_target_rst: Some(request.deregister_target_rst.unwrap_or(false)),
            max_conn: Some(request.max_conn.unwrap_or(-1)),
            max_cps: Some(request.max_cps.unwrap_or(-1)),
            idle_connect_timeout: request.idle_connect_timeout.or(idle),
            reschedule_interval: request.reschedule_interval,
            data_compress_mode: request.data_compress_mode.clone(),
            reschedule_start_time: request.reschedule_start_time,
            ..wire::Listener::default()
        };
        Ok(Listener {
            id: ListenerId::new(id),
            protocol,
            port,
            state: ListenerState::Serving,
            targets: Vec::new(),
            rules: Vec::new(),
            policy,
            synthetic_rule: RuleId::new(self.new_id("loc-")),
            shown,
            switches: Switches::of(request),
        })
    }
}

pub(super) fn check_ports(request: &CreateListener) -> ApiResult<Vec<u16>> {
    if request.ports.is_empty() || request.ports.len() > MOST_PORTS {
        return Err(ApiError::length("Length of .Ports should be less than 50 and more than 0"));
    }
    if request.end_port.is_some() || request.full_end_ports.is_some() {
        return Err(ApiError::new("UnsupportedOperation", "port ranges are not simulated"));
    }
    let names = request.listener_names.as_deref().unwrap_or_default();
    if names.len() > request.ports.len() {
        return Err(ApiError::length("there are more ListenerNames than Ports"));
    }
    names.iter().try_for_each(|name| check_name(Some(name)))?;
    let mut ports = Vec::new();
    for &port in &request.ports {
        let number = u16::try_from(port).ok().filter(|&port| port > 0);
        let number = number.ok_or_else(|| ApiError::range("Ports", 1, 65_535, port))?;
        if ports.contains(&number) {
            return Err(ApiError::value(format!("Ports has {port} twice")));
        }
        ports.push(number);
    }
    Ok(ports)
}

/// What a creation and a change of a listener have in common.
pub(super) struct Choices<'a> {
    scheduler: Option<&'a str>,
    session_expire_time: Option<i64>,
    idle_connect_timeout: Option<i64>,
    sni_switch: Option<i64>,
    has_certificate: bool,
    proxy_protocol: Option<bool>,
    creates: bool,
}

impl<'a> Choices<'a> {
    pub(super) fn of_creation(request: &'a CreateListener) -> Self {
        Self {
            scheduler: request.scheduler.as_deref(),
            session_expire_time: request.session_expire_time,
            idle_connect_timeout: request.idle_connect_timeout,
            sni_switch: request.sni_switch,
            has_certificate: request.certificate.is_some() || request.multi_cert_info.is_some(),
            proxy_protocol: request.proxy_protocol,
            creates: true,
        }
    }

    pub(super) fn of_change(request: &'a ModifyListener) -> Self {
        Self {
            scheduler: request.scheduler.as_deref(),
            session_expire_time: request.session_expire_time,
            idle_connect_timeout: request.idle_connect_timeout,
            sni_switch: request.sni_switch,
            has_certificate: request.certificate.is_some() || request.multi_cert_info.is_some(),
            proxy_protocol: request.proxy_protocol,
            creates: false,
        }
    }
}

/// What is possible with the protocol. `Scheduler` and `HealthCheck` of layer 7 are the rules', and those of the listener have no effect:
/// the vendor's Terraform provider sends `Scheduler` whatever the protocol is (`resource_tc_clb_listener.go`).
pub(super) fn check_listener(protocol: Protocol, choices: &Choices<'_>) -> ApiResult<()> {
    let schedulers: &[&str] = if choices.creates { &["WRR", "LEAST_CONN"] } else { &["WRR", "LEAST_CONN", "IP_HASH"] };
    if let Some(scheduler) = choices.scheduler
        && !schedulers.contains(&scheduler)
    {
        return Err(ApiError::value(format!("Scheduler must be one of {}", schedulers.join(", "))));
    }
    if let Some(seconds) = choices.session_expire_time {
        if seconds != 0 && !(30..=3600).contains(&seconds) {
            return Err(ApiError::range("SessionExpireTime", 30, 3600, seconds));
        }
        if seconds != 0 && choices.scheduler == Some("LEAST_CONN") {
            return Err(ApiError::value("SessionExpireTime is not possible with LEAST_CONN"));
        }
    }
    if let Some(seconds) = choices.idle_connect_timeout
        && !(10..=1980).contains(&seconds)
    {
        return Err(ApiError::range("IdleConnectTimeout", 10, 1980, seconds));
    }
    if choices.proxy_protocol == Some(true) && !matches!(protocol, Protocol::TcpSsl | Protocol::Quic) {
        return Err(ApiError::value("ProxyProtocol is possible with TCP_SSL and QUIC only"));
    }
    if choices.sni_switch == Some(1) && protocol != Protocol::Https {
        return Err(ApiError::value("SniSwitch is possible with HTTPS only"));
    }
    let needs_certificate = match protocol {
        Protocol::TcpSsl | Protocol::Quic => true,
        Protocol::Https => choices.sni_switch != Some(1),
        Protocol::Tcp | Protocol::Udp | Protocol::Http => false,
    };
    if choices.creates && needs_certificate && !choices.has_certificate {
        return Err(ApiError::missing("Certificate"));
    }
    if choices.has_certificate && matches!(protocol, Protocol::Tcp | Protocol::Udp | Protocol::Http) {
        return Err(ApiError::value(format!("Certificate is not possible with {protocol}")));
    }
    Ok(())
}

/// A certificate as it is shown. One that is given by its content gets an id that says so.
pub(super) fn certificate(
    one: Option<&CertificateInput>,
    several: Option<&MultiCertInfo>,
) -> Option<CertificateOutput> {
    let mode = |mode: Option<&String>| Some(mode.cloned().unwrap_or_else(|| "UNIDIRECTIONAL".to_owned()));
    let id = |id: Option<&String>| Some(id.cloned().unwrap_or_else(|| "uploaded".to_owned()));
    match (one, several) {
        (Some(one), _) => Some(CertificateOutput {
            ssl_mode: mode(one.ssl_mode.as_ref()),
            ssl_verify_client: Some(one.ssl_verify_client.clone().unwrap_or_default()),
            cert_id: id(one.cert_id.as_ref()),
            cert_ca_id: Some(one.cert_ca_id.clone().unwrap_or_default()),
            ext_cert_ids: Some(Vec::new()),
        }),
        (None, Some(several)) => {
            let mut ids = several.cert_list.iter().filter_map(|info| id(info.cert_id.as_ref()));
            Some(CertificateOutput {
                ssl_mode: Some(several.ssl_mode.clone()),
                ssl_verify_client: Some(several.ssl_verify_client.clone().unwrap_or_default()),
                cert_id: Some(ids.next().unwrap_or_default()),
                cert_ca_id: Some(String::new()),
                ext_cert_ids: Some(ids.collect()),
            })
        }
        (None, None) => None,
    }
}
