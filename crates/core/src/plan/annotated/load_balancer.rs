//! The load balancer that annotations ask to be created.

use serde_json::{Map, Value};

use super::Reader;
use crate::api::binding::{ChargeType, CreateSpec, IpVersion, LoadBalancerNetwork, Tag};
use crate::api::names;

impl Reader<'_> {
    pub(super) fn create(&mut self) -> CreateSpec {
        let subnet = self.text(names::INTERNAL_SUBNET_ID).filter(|id| !id.is_empty()).map(str::to_owned);
        let network = if subnet.is_some() { LoadBalancerNetwork::Internal } else { LoadBalancerNetwork::Public };
        let is_public = network == LoadBalancerNetwork::Public;
        let mut create = CreateSpec {
            network,
            name: None,
            vpc_id: self.text(names::CROSS_VPC_ID).filter(|id| !id.is_empty()).map(str::to_owned),
            subnet_id: subnet,
            vip: None,
            ip_version: IpVersion::IPv4,
            charge_type: self.charge_type().filter(|_| is_public),
            bandwidth_mbps: self.bandwidth().filter(|_| is_public),
            bandwidth_package_id: None,
            isp: None,
            zone_id: None,
            master_zone_id: None,
            slave_zone_id: None,
            sla_type: None,
            snat_pro: false,
            pass_to_target: self.switch(names::PASS_TO_TARGET),
            security_groups: self.security_groups(),
            tags: Vec::new(),
        };
        self.extend(&mut create);
        create
    }

    fn charge_type(&mut self) -> Option<ChargeType> {
        let said = self.text(names::INTERNET_CHARGE_TYPE)?;
        let found = charge_type(said);
        if found.is_none() {
            self.fault(
                names::INTERNET_CHARGE_TYPE,
                format!("\"{said}\" is not TRAFFIC_POSTPAID_BY_HOUR, BANDWIDTH_POSTPAID_BY_HOUR or BANDWIDTH_PACKAGE; correct it"),
            );
        }
        found
    }

    fn bandwidth(&mut self) -> Option<i32> {
        let said = self.text(names::INTERNET_MAX_BANDWIDTH_OUT)?;
        let found = said.parse().ok().filter(|mbps| (1..=2048).contains(mbps));
        if found.is_none() {
            let message = format!("\"{said}\" is not a number from 1 to 2048; correct it");
            self.fault(names::INTERNET_MAX_BANDWIDTH_OUT, message);
        }
        found
    }

    fn security_groups(&mut self) -> Vec<String> {
        let said = self.text(names::SECURITY_GROUPS).unwrap_or_default();
        let mut groups: Vec<String> =
            said.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
        groups.sort_unstable();
        groups.dedup();
        let is_id =
            |id: &String| id.strip_prefix("sg-").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric()));
        if groups.len() > 5 || !groups.iter().all(is_id) {
            self.fault(
                names::SECURITY_GROUPS,
                format!("\"{said}\" is not a list of at most 5 ids such as sg-1a2b3c4d; correct it"),
            );
            return Vec::new();
        }
        groups
    }

    /// The parameters of `service.extensiveParameters`, which are those of `CreateLoadBalancer`.
    fn extend(&mut self, create: &mut CreateSpec) {
        let Some(said) = self.text(names::EXTENSIVE_PARAMETERS) else { return };
        match serde_json::from_str::<Map<String, Value>>(said) {
            Ok(parameters) => {
                for (name, value) in &parameters {
                    if let Err(what) = set(create, name, value) {
                        self.fault(names::EXTENSIVE_PARAMETERS, format!("{name}: {what}"));
                    }
                }
            }
            Err(error) => {
                self.fault(names::EXTENSIVE_PARAMETERS, format!("it is not a JSON object ({error}); correct it"));
            }
        }
    }
}

fn charge_type(said: &str) -> Option<ChargeType> {
    Some(match said {
        "TRAFFIC_POSTPAID_BY_HOUR" => ChargeType::TrafficPostpaidByHour,
        "BANDWIDTH_POSTPAID_BY_HOUR" => ChargeType::BandwidthPostpaidByHour,
        "BANDWIDTH_PACKAGE" => ChargeType::BandwidthPackage,
        _ => return None,
    })
}

fn set(create: &mut CreateSpec, name: &str, value: &Value) -> Result<(), String> {
    let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("{value} is not a text; correct it"));
    let switch = || value.as_bool().ok_or_else(|| format!("{value} is neither true nor false; correct it"));
    let unknown = |_| format!("{value} is not known; correct it");
    match name {
        "AddressIPVersion" => {
            create.ip_version = match text()?.to_ascii_lowercase().as_str() {
                "ipv4" => IpVersion::IPv4,
                "ipv6" => IpVersion::IPv6Nat64,
                "ipv6fullchain" => IpVersion::IPv6FullChain,
                _ => return Err(format!("{value} is not IPV4, IPV6 or IPv6FullChain; correct it")),
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
        match (name.as_str(), value.as_str(), value.as_i64()) {
            ("InternetChargeType", Some(said), _) => {
                create.charge_type =
                    Some(charge_type(said).ok_or_else(|| format!("{value} is not known; correct it"))?);
            }
            ("InternetMaxBandwidthOut", _, Some(mbps)) => {
                let mbps = i32::try_from(mbps).ok().filter(|mbps| (1..=61440).contains(mbps));
                create.bandwidth_mbps =
                    Some(mbps.ok_or_else(|| format!("{value} is not from 1 to 61440; correct it"))?);
            }
            _ => return Err(format!("{name} is not known here; remove it")),
        }
    }
    Ok(())
}

fn tags(value: &Value) -> Result<Vec<Tag>, String> {
    let tag = |tag: &Value| {
        let member = |name: &str| tag.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Tag { key: member("TagKey")?, value: member("TagValue").unwrap_or_default() })
    };
    let tags: Option<Vec<_>> = value.as_array().and_then(|all| all.iter().map(tag).collect());
    tags.ok_or_else(|| "it is not a list of objects with TagKey and TagValue; correct it".to_owned())
}
