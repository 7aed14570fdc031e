//! `service.extensiveParameters`: further parameters of a load balancer that is created, which are those of `CreateLoadBalancer`.

use garde::Validate as _;
use serde_json::{Map, Value};

use crate::api::binding::{ChargeType, CreateSpec, IpVersion, Tag};
use crate::api::names;
use crate::model::{KeyProblem, quoted};

/// What to write.
pub(super) const FORM: &str = "a JSON object such as {\"AddressIPVersion\":\"IPV6\"}";
/// Parameters that have annotations of their own, too.
const SHARED: [&str; 4] = ["VpcId", "SubnetId", "InternetAccessible", "LoadBalancerPassToTarget"];

/// The parameters, each of them readable.
#[derive(Debug)]
pub(super) struct Extensive {
    parameters: Map<String, Value>,
}

impl Extensive {
    /// Reads the annotation. One parameter that cannot be read makes all unreadable: only creation can set them.
    pub(super) fn read(text: &str) -> Result<Self, KeyProblem> {
        let key = names::EXTENSIVE_PARAMETERS;
        let Ok(parameters) = serde_json::from_str::<Map<String, Value>>(text) else {
            return Err(KeyProblem::unreadable(key, text, FORM));
        };
        let mut scratch = CreateSpec::public();
        for (name, value) in &parameters {
            let mut trial = scratch.clone();
            set(&mut trial, name, value).map_err(|what| KeyProblem::at(key, &quoted(name), &what))?;
            if let Err(report) = trial.validate() {
                let what = report.iter().map(|(_, error)| error.to_string()).next().unwrap_or_default();
                let what = format!("{} cannot be used: {what}; correct it", quoted(&value.to_string()));
                return Err(KeyProblem::at(key, &quoted(name), &what));
            }
            scratch = trial;
        }
        Ok(Self { parameters })
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

fn set(create: &mut CreateSpec, name: &str, value: &Value) -> Result<(), String> {
    let cut = || quoted(&value.to_string());
    let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("{} is not a text; correct it", cut()));
    let switch = || value.as_bool().ok_or_else(|| format!("{} is neither true nor false; correct it", cut()));
    let unknown = |_| format!("{} is not known; correct it", cut());
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
        "InternetAccessible" => accessible(create, value)?,
        "LoadBalancerName" => create.name = Some(text()?),
        "LoadBalancerPassToTarget" => create.pass_to_target = Some(switch()?),
        "MasterZoneId" => create.master_zone_id = Some(text()?),
        "SlaType" => create.sla_type = Some(serde_json::from_value(value.clone()).map_err(unknown)?),
        "SlaveZoneId" => create.slave_zone_id = Some(text()?),
        "SnatPro" => create.snat_pro = switch()?,
        "SubnetId" => create.subnet_id = Some(text()?),
        "Tags" => create.tags = tags(value)?,
        "Vip" => create.vip = Some(text()?),
        "VipIsp" => create.isp = Some(serde_json::from_value(value.clone()).map_err(unknown)?),
        "VpcId" => create.vpc_id = Some(text()?),
        "ZoneId" => create.zone_id = Some(text()?),
        _ => return Err("the parameter is not known here; remove it".to_owned()),
    }
    Ok(())
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
