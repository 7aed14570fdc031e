//! Rules across fields, which the API server checks: `x-kubernetes-validations` in CEL.
//!
//! Every rule stands on the struct that holds all fields it reads, so that removing a field is seen as well as changing
//! it. Lists and texts it walks over are bounded, or the API server would refuse the rule for its estimated cost. A
//! message names the field and says what is allowed.

use serde::Serialize;

/// One rule of `x-kubernetes-validations`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    rule: &'static str,
    message: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_path: Option<&'static str>,
}

impl Rule {
    /// The field that the rule is about, and what the API server answers where it does not hold.
    pub(super) fn words(&self) -> (&'static str, &'static str) {
        (self.field_path.map_or("", |path| path.trim_start_matches('.')), self.message)
    }
}

const fn invalid(field_path: &'static str, message: &'static str, rule: &'static str) -> Rule {
    Rule { rule, message, reason: "FieldValueInvalid", field_path: Some(field_path) }
}

const fn required(field_path: &'static str, message: &'static str, rule: &'static str) -> Rule {
    Rule { rule, message, reason: "FieldValueRequired", field_path: Some(field_path) }
}

const fn forbidden(field_path: &'static str, message: &'static str, rule: &'static str) -> Rule {
    Rule { rule, message, reason: "FieldValueForbidden", field_path: Some(field_path) }
}

/// A rule about the whole object rather than one of its fields.
const fn whole(message: &'static str, rule: &'static str) -> Rule {
    Rule { rule, message, reason: "FieldValueInvalid", field_path: None }
}

/// Rules of the spec.
pub(super) const SPEC: &[Rule] = &[
    required(
        ".loadBalancer",
        "loadBalancer must be set in mode Direct; only in mode Delegate it may be left out",
        "self.mode == 'Delegate' || has(self.loadBalancer)",
    ),
    required(
        ".loadBalancer",
        "loadBalancer cannot be removed once it is set; make a new binding",
        "!has(oldSelf.loadBalancer) || has(self.loadBalancer)",
    ),
    forbidden(
        ".autoServiceConfig",
        "autoServiceConfig must be false when serviceConfigRef is set",
        "!(self.autoServiceConfig && has(self.serviceConfigRef))",
    ),
    forbidden(
        ".deletionPolicy",
        "deletionPolicy may be Delete only with loadBalancer.create; a load balancer given by id is never deleted",
        "self.deletionPolicy != 'Delete' || (has(self.loadBalancer) && has(self.loadBalancer.create))",
    ),
    invalid(
        ".listeners",
        "listeners must differ in port, or one be UDP or QUIC and the other TCP, TCP_SSL, HTTP or HTTPS",
        "!has(self.listeners) || self.listeners.all(l, self.listeners.exists_one(m, m.port == l.port \
         && (m.protocol in ['UDP', 'QUIC']) == (l.protocol in ['UDP', 'QUIC'])))",
    ),
    forbidden(
        ".listeners",
        "listeners may have listenerId only in mode Direct; TKE's service controller makes its own listeners",
        "self.mode != 'Delegate' || !has(self.listeners) || self.listeners.all(l, !has(l.listenerId))",
    ),
];

/// Rules of a reference to a config.
pub(super) const CONFIG_REF: &[Rule] = &[invalid(
    ".name",
    "serviceConfigRef.name must not end in -auto-service-config or -auto-ingress-config, which are reserved; use autoServiceConfig",
    "!self.name.endsWith('-auto-service-config') && !self.name.endsWith('-auto-ingress-config')",
)];

/// Rules of the load balancer.
pub(super) const LOAD_BALANCER: &[Rule] = &[
    whole("loadBalancer must have exactly one of id and create", "has(self.id) != has(self.create)"),
    invalid(
        ".id",
        "loadBalancer.id cannot be changed or removed; make a new binding",
        "has(self.id) == has(oldSelf.id) && (!has(self.id) || self.id == oldSelf.id)",
    ),
    invalid(
        ".region",
        "loadBalancer.region cannot be set, changed or removed later; make a new binding",
        "has(self.region) == has(oldSelf.region) && (!has(self.region) || self.region == oldSelf.region)",
    ),
    invalid(
        ".create",
        "loadBalancer.create cannot be changed or removed; make a new binding",
        "has(self.create) == has(oldSelf.create) && (!has(self.create) || self.create == oldSelf.create)",
    ),
];

/// Rules of a load balancer to create. Sources: `CreateLoadBalancer` and `InternetAccessible` of the CLB API.
pub(super) const CREATE: &[Rule] = &[
    required(
        ".subnetId",
        "subnetId must be set for network Internal and for ipVersion IPv6FullChain",
        "has(self.subnetId) || (self.network == 'Public' && self.ipVersion != 'IPv6FullChain')",
    ),
    forbidden(
        ".subnetId",
        "subnetId may be set only for network Internal or ipVersion IPv6FullChain",
        "!has(self.subnetId) || self.network == 'Internal' || self.ipVersion == 'IPv6FullChain'",
    ),
    invalid(
        ".ipVersion",
        "ipVersion must be IPv4 for network Internal",
        "self.network == 'Public' || self.ipVersion == 'IPv4'",
    ),
    forbidden(".vip", "vip may be set only with subnetId", "!has(self.vip) || has(self.subnetId)"),
    forbidden(
        ".vip",
        "vip may not be set with dynamicVip, which has no fixed address",
        "!has(self.vip) || !has(self.dynamicVip) || !self.dynamicVip",
    ),
    forbidden(
        ".bandwidthMbps",
        "bandwidthMbps may be set only for network Public, or with slaType",
        "!has(self.bandwidthMbps) || self.network == 'Public' || has(self.slaType)",
    ),
    invalid(
        ".bandwidthMbps",
        "bandwidthMbps must be at most 2048 without slaType",
        "!has(self.bandwidthMbps) || self.bandwidthMbps <= 2048 || has(self.slaType)",
    ),
    forbidden(
        ".bandwidthPackageId",
        "bandwidthPackageId may be set only with chargeType BandwidthPackage",
        "!has(self.bandwidthPackageId) || (has(self.chargeType) && self.chargeType == 'BandwidthPackage')",
    ),
    forbidden(".isp", "isp may be set only for network Public", "!has(self.isp) || self.network == 'Public'"),
    invalid(
        ".isp",
        "isp must be BGP unless chargeType is BandwidthPackage",
        "!has(self.isp) || self.isp == 'BGP' || (has(self.chargeType) && self.chargeType == 'BandwidthPackage')",
    ),
    forbidden(
        ".zoneId",
        "zoneId may be set only for network Public with ipVersion IPv4, and not with masterZoneId",
        "!has(self.zoneId) || (self.network == 'Public' && self.ipVersion == 'IPv4' && !has(self.masterZoneId))",
    ),
    forbidden(
        ".masterZoneId",
        "masterZoneId may be set only for network Public with ipVersion IPv4",
        "!has(self.masterZoneId) || (self.network == 'Public' && self.ipVersion == 'IPv4')",
    ),
    forbidden(
        ".slaveZoneId",
        "slaveZoneId may be set only with masterZoneId",
        "!has(self.slaveZoneId) || has(self.masterZoneId)",
    ),
    forbidden(
        ".passToTarget",
        "passToTarget may not be set for ipVersion IPv6FullChain",
        "!has(self.passToTarget) || self.ipVersion != 'IPv6FullChain'",
    ),
];

/// Rules of a listener.
pub(super) const LISTENER: &[Rule] = &[
    forbidden(
        ".rules",
        "rules may be set only for protocol HTTP or HTTPS",
        "self.protocol in ['HTTP', 'HTTPS'] || !has(self.rules) || size(self.rules) == 0",
    ),
    forbidden(
        ".certificate",
        "certificate may not be set with listenerId; the attributes of an existing listener are not touched",
        "!has(self.certificate) || !has(self.listenerId)",
    ),
    forbidden(
        ".certificate",
        "certificate may be set only for protocol HTTPS, TCP_SSL or QUIC",
        "!has(self.certificate) || self.protocol in ['HTTPS', 'TCP_SSL', 'QUIC']",
    ),
    required(
        ".certificate",
        "certificate must be set for protocol HTTPS, TCP_SSL or QUIC, unless listenerId or a certificate of every rule is set",
        "!(self.protocol in ['HTTPS', 'TCP_SSL', 'QUIC']) || has(self.certificate) || has(self.listenerId) \
         || (has(self.rules) && size(self.rules) > 0 && self.rules.all(r, has(r.certificate)))",
    ),
    forbidden(
        ".rules",
        "rules may have a certificate only for protocol HTTPS without listenerId",
        "!has(self.rules) || (self.protocol == 'HTTPS' && !has(self.listenerId)) \
         || self.rules.all(r, !has(r.certificate))",
    ),
    forbidden(
        ".sharedWith",
        "sharedWith may not be set with listenerId; a listener is shared by the binding that has made it",
        "!has(self.sharedWith) || !has(self.listenerId)",
    ),
    invalid(
        ".port",
        "port must not be 4789 for protocol UDP or QUIC; the cloud reserves it",
        "!(self.port == 4789 && self.protocol in ['UDP', 'QUIC'])",
    ),
];

/// Rules of a certificate.
pub(super) const CERTIFICATE: &[Rule] =
    &[whole("certificate must have exactly one of id and secretName", "has(self.id) != has(self.secretName)")];
