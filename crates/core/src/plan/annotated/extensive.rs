//! `service.extensiveParameters`: further parameters of a load balancer that is created, which are those of `CreateLoadBalancer`.

use garde::Validate as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::json::object;
use crate::api::binding::{ChargeType, CreateSpec, IpVersion, Tag};
use crate::api::names;
use crate::model::{KeyProblem, nearest, quoted};

/// What to write.
pub(super) const FORM: &str = "a JSON object such as {\"AddressIPVersion\":\"IPV6\"}";
/// The most parameters that are named at once.
const TOLD: usize = 4;
/// All parameters that are known, with what they say. Source: `CreateLoadBalancer` of the CLB API.
pub const PARAMETERS: [(&str, &str); 16] = [
    (
        "AddressIPVersion",
        "IPV4, IPV6 (a public IPv6 address and IPv4 targets), or IPv6FullChain, which needs SubnetId.",
    ),
    ("BandwidthPackageId", "The bandwidth package, with the charge type BANDWIDTH_PACKAGE."),
    ("DynamicVip", "true: a domain name instead of a fixed address, which some accounts need."),
    (
        "InternetAccessible",
        "An object of InternetChargeType and InternetMaxBandwidthOut, as the annotations say them; above 2048 Mbps with SlaType.",
    ),
    ("LoadBalancerName", "The name."),
    ("LoadBalancerPassToTarget", "As the annotation pass-to-target says it."),
    ("MasterZoneId", "The main zone of a public IPv4 load balancer in two zones, such as ap-guangzhou-1."),
    (
        "SlaType",
        "The capacity: clb.c2.medium, clb.c3.small, clb.c3.medium, clb.c4.small, clb.c4.medium, clb.c4.large or clb.c4.xlarge.",
    ),
    ("SlaveZoneId", "The standby zone, with MasterZoneId."),
    ("SnatPro", "true: targets may be outside of the VPC."),
    ("SubnetId", "The subnet, for IPv6FullChain."),
    ("Tags", "A list of objects with TagKey and TagValue."),
    ("Vip", "The address to have, in the subnet."),
    ("VipIsp", "The carrier: BGP, or CMCC, CUCC, CTCC with the charge type BANDWIDTH_PACKAGE."),
    ("VpcId", "The VPC, as the annotation cross-vpc-id says it."),
    ("ZoneId", "The zone of a public IPv4 load balancer, such as ap-guangzhou-1."),
];
/// Parameters that have annotations of their own, too.
const SHARED: [&str; 4] = ["VpcId", "SubnetId", "InternetAccessible", "LoadBalancerPassToTarget"];
const SLA_TYPES: &str =
    "clb.c2.medium, clb.c3.small, clb.c3.medium, clb.c4.small, clb.c4.medium, clb.c4.large and clb.c4.xlarge";
const ISPS: &str = "BGP, CMCC, CUCC and CTCC";

/// The parameters, each of them readable.
#[derive(Debug)]
pub(super) struct Extensive {
    parameters: Map<String, Value>,
}

impl Extensive {
    /// Reads the annotation. One parameter that cannot be read makes all unreadable: only creation can set them. Each that cannot is
    /// named.
    pub(super) fn read(text: &str) -> Result<Self, KeyProblem> {
        let key = names::EXTENSIVE_PARAMETERS;
        let parameters = object(text).map_err(|what| match what {
            Some(what) => KeyProblem::new(key, what),
            None => KeyProblem::unreadable(key, text, FORM),
        })?;
        let mut scratch = CreateSpec::public();
        let mut faults = Vec::new();
        for (name, value) in &parameters {
            let mut trial = scratch.clone();
            match set(&mut trial, name, value).and_then(|()| checked(&trial, value)) {
                Ok(()) => scratch = trial,
                Err(what) => faults.push(format!("{}: {what}", quoted(name))),
            }
        }
        if faults.is_empty() {
            return Ok(Self { parameters });
        }
        let more = faults.len().saturating_sub(TOLD);
        faults.truncate(TOLD);
        faults.extend((more > 0).then(|| format!("{more} more cannot be used")));
        Err(KeyProblem::new(key, faults.join(", ")))
    }

    /// It says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// Applies them.
    pub(super) fn apply(&self, create: &mut CreateSpec) {
        for (name, value) in &self.parameters {
            // Each was tried when it was read, so none fails.
            let _ = set(create, name, value);
        }
    }

    /// Whether it says something that an annotation of its own says, too.
    pub(super) fn has_shared(&self) -> bool {
        SHARED.iter().any(|name| self.parameters.contains_key(*name))
    }
}

/// The billing of public traffic, in the cloud's word.
pub(super) fn charge_type(said: &str) -> Option<ChargeType> {
    let all = [ChargeType::TrafficPostpaidByHour, ChargeType::BandwidthPostpaidByHour, ChargeType::BandwidthPackage];
    all.into_iter().find(|one| one.as_str() == said)
}

/// Whether the definition of bindings takes what a parameter has set.
fn checked(create: &CreateSpec, value: &Value) -> Result<(), String> {
    let Err(report) = create.validate() else { return Ok(()) };
    let what = report.iter().map(|(_, error)| error.to_string()).next().unwrap_or_default();
    Err(format!("{} cannot be used: {what}; correct it", quoted(&value.to_string())))
}

/// A word of a list, in the cloud's spelling.
fn one_of<T: DeserializeOwned>(value: &Value, known: &str) -> Result<Option<T>, String> {
    serde_json::from_value(value.clone())
        .map(Some)
        .map_err(|_| format!("{} is none of {known}; correct it", quoted(&value.to_string())))
}

fn set(create: &mut CreateSpec, name: &str, value: &Value) -> Result<(), String> {
    let cut = || quoted(&value.to_string());
    let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("{} is not a text; correct it", cut()));
    let switch = || value.as_bool().ok_or_else(|| format!("{} is neither true nor false; correct it", cut()));
    match name {
        "AddressIPVersion" => {
            create.ip_version = match text()?.to_ascii_lowercase().as_str() {
                "ipv4" => IpVersion::IPv4,
                "ipv6" => IpVersion::IPv6Nat64,
                "ipv6fullchain" => IpVersion::IPv6FullChain,
                _ => return Err(format!("{} is not IPV4, IPV6 or IPv6FullChain; correct it", cut())),
            }
        }
        "BandwidthPackageId" => create.bandwidth_package_id = Some(text()?),
        "DynamicVip" => create.dynamic_vip = Some(switch()?),
        "InternetAccessible" => accessible(create, value)?,
        "LoadBalancerName" => create.name = Some(text()?),
        "LoadBalancerPassToTarget" => create.pass_to_target = Some(switch()?),
        "MasterZoneId" => create.master_zone_id = Some(text()?),
        "SlaType" => create.sla_type = one_of(value, SLA_TYPES)?,
        "SlaveZoneId" => create.slave_zone_id = Some(text()?),
        "SnatPro" => create.snat_pro = switch()?,
        "SubnetId" => create.subnet_id = Some(text()?),
        "Tags" => create.tags = tags(value)?,
        "Vip" => create.vip = Some(text()?),
        "VipIsp" => create.isp = one_of(value, ISPS)?,
        "VpcId" => create.vpc_id = Some(text()?),
        "ZoneId" => create.zone_id = Some(text()?),
        _ => return Err(unknown(name)),
    }
    Ok(())
}

/// What to do about a parameter that is not known.
fn unknown(name: &str) -> String {
    match nearest(name, PARAMETERS.iter().map(|(known, _)| *known)) {
        Some(known) => format!("the parameter is not known; write {known}, or remove it"),
        None => "the parameter is not known here; remove it, or create the load balancer with it yourself and name it by the annotation \
                 service.kubernetes.io/tke-existed-lbid"
            .to_owned(),
    }
}

fn accessible(create: &mut CreateSpec, value: &Value) -> Result<(), String> {
    let members = value.as_object().ok_or("it is not an object; correct it")?;
    for (name, value) in members {
        let cut = quoted(&value.to_string());
        match (name.as_str(), value.as_str(), value.as_i64()) {
            ("InternetChargeType", Some(said), _) => {
                create.charge_type = Some(charge_type(said).ok_or_else(|| format!("{cut} is not known; correct it"))?);
            }
            ("InternetMaxBandwidthOut", _, Some(mbps)) => {
                let mbps = i32::try_from(mbps).ok().filter(|mbps| (1..=61440).contains(mbps));
                create.bandwidth_mbps = Some(mbps.ok_or_else(|| format!("{cut} is not from 1 to 61440; correct it"))?);
            }
            _ => return Err(format!("{} with {cut} is not known here; correct or remove it", quoted(name))),
        }
    }
    Ok(())
}

fn tags(value: &Value) -> Result<Vec<Tag>, String> {
    let is_known = |name: &String| ["TagKey", "TagValue"].contains(&name.as_str());
    let mut members = value.as_array().into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys);
    if let Some(odd) = members.find(|name| !is_known(name)) {
        return Err(format!("{} is not known; TagKey and TagValue are; correct it", quoted(odd)));
    }
    let tag = |tag: &Value| {
        let key = tag.get("TagKey").and_then(Value::as_str)?.to_owned();
        let value = tag.get("TagValue").map_or(Some(""), Value::as_str)?.to_owned();
        Some(Tag { key, value })
    };
    let tags: Option<Vec<_>> = value.as_array().and_then(|all| all.iter().map(tag).collect());
    let tags = tags.ok_or("it is not a list of objects with TagKey and TagValue; correct it")?;
    let mut keys: Vec<_> = tags.iter().map(|tag| &tag.key).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("two tags have the same TagKey; remove one".to_owned());
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_of_each_parameter_are_followed_or_named() {
        let valid = json!({
            "AddressIPVersion": "IPv6FullChain", "BandwidthPackageId": "bwp-1", "DynamicVip": true, "LoadBalancerName": "shop",
            "InternetAccessible": {"InternetChargeType": "BANDWIDTH_PACKAGE", "InternetMaxBandwidthOut": 5},
            "LoadBalancerPassToTarget": true, "MasterZoneId": "ap-guangzhou-1", "SlaType": "clb.c3.small",
            "SlaveZoneId": "ap-guangzhou-2", "SnatPro": true, "SubnetId": "subnet-1", "Tags": [{"TagKey": "a"}],
            "Vip": "10.0.0.1", "VipIsp": "CMCC", "VpcId": "vpc-1", "ZoneId": "ap-guangzhou-1",
        });
        assert_eq!(valid.as_object().unwrap().len(), PARAMETERS.len(), "each has its value");
        for (name, _) in PARAMETERS {
            let read = |value: &Value| Extensive::read(&json!({name: value}).to_string());
            let mut create = CreateSpec::public();
            read(&valid[name]).unwrap().apply(&mut create);
            assert_ne!(create, CreateSpec::public(), "{name} is applied");
            for odd in
                [json!(null), json!(7), json!("[a](http://a)"), json!([1]), json!({"a": 1}), json!("值".repeat(200))]
            {
                let said = read(&odd).map_err(|problem| problem.message);
                let is_name = name == "LoadBalancerName" && odd == json!("[a](http://a)");
                assert!(
                    said.is_err_and(|words| words.starts_with(&format!("\"{name}\": "))) || is_name,
                    "{name}: {odd}"
                );
            }
        }
        for isp in ["BGP", "CMCC", "CUCC", "CTCC"] {
            assert!(Extensive::read(&json!({"VipIsp": isp}).to_string()).is_ok(), "{isp}");
        }
    }

    #[test]
    fn words_that_cannot_be_used_are_all_named_at_once() {
        let problem =
            Extensive::read(r#"{"Vip":7,"VipIps":"CTCC","Colour":"red","ZoneId":"ap-guangzhou-1"}"#).unwrap_err();
        for words in
            ["\"Vip\": \"7\" is not a text", "\"VipIps\": the parameter is not known; write VipIsp", "\"Colour\": the"]
        {
            assert!(problem.message.contains(words), "{problem}");
        }
        assert!(!problem.message.contains("ZoneId"), "{problem}");
    }
}
