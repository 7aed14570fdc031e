//! The load balancer that annotations name, or ask to be created.
//!
//! All of it is decided when it is made. Later changes are reported by annotation, and held.

use garde::Validate as _;

use super::extensive::{Extensive, FORM, charge_type};
use super::words::{Words, is_id};
use crate::api::binding::{ChargeType, CreateSpec, IpVersion, LoadBalancerNetwork, LoadBalancerSpec};
use crate::api::names;
use crate::model::{Annotation, KeyProblem, Reading};
use crate::mutant::{self, Mutant};

const CHARGE_TYPES: &str = "TRAFFIC_POSTPAID_BY_HOUR, BANDWIDTH_POSTPAID_BY_HOUR or BANDWIDTH_PACKAGE";
const BANDWIDTHS: &str = "a number from 1 to 2048";
const SECURITY_GROUPS: &str = "at most 5 ids such as sg-1a2b3c4d, separated by commas";
const REGIONS: &str = "a region such as ap-guangzhou";

/// What each annotation says.
struct Said {
    existing: Reading<String>,
    region: Reading<String>,
    vpc: Reading<String>,
    subnet: Reading<String>,
    charge_type: Reading<ChargeType>,
    bandwidth: Reading<i32>,
    security_groups: Reading<Vec<String>>,
    pass_to_target: Reading<bool>,
    extensive: Reading<Extensive>,
}

/// How the rules across fields of the definition begin, and the same in the words of the annotations.
const RULES: [(&str, &str); 14] = [
    (
        "subnetId must be set",
        "AddressIPVersion: IPv6FullChain needs \"SubnetId\" beside it, with an id such as subnet-1a2b3c4d; add it",
    ),
    (
        "subnetId may be set only",
        "SubnetId: it is for IPv6FullChain; write the subnet of an internal load balancer into the annotation \
         service.kubernetes.io/qcloud-loadbalancer-internal-subnetid instead",
    ),
    (
        "ipVersion must be IPv4",
        "AddressIPVersion: internal load balancers have IPv4 only; remove it, or remove the annotation \
         service.kubernetes.io/qcloud-loadbalancer-internal-subnetid and, for IPv6FullChain, write \"SubnetId\" here",
    ),
    (
        "vip may be set only",
        "Vip: an address is chosen in a subnet; add the annotation service.kubernetes.io/qcloud-loadbalancer-internal-subnetid, or \
         with IPv6FullChain \"SubnetId\"",
    ),
    (
        "vip may not be set with dynamicVip",
        "Vip: a load balancer with a domain name has no fixed address; remove it, or remove \"DynamicVip\"",
    ),
    (
        "bandwidthMbps may be set only",
        "InternetAccessible: InternetMaxBandwidthOut is for public load balancers, or with \"SlaType\"; remove it, or add \"SlaType\"",
    ),
    (
        "bandwidthMbps must be at most 2048",
        "InternetAccessible: more than 2048 Mbps need \"SlaType\"; add it, or write less",
    ),
    (
        "bandwidthPackageId may be set only",
        "BandwidthPackageId: add the annotation service.kubernetes.io/qcloud-loadbalancer-internet-charge-type with BANDWIDTH_PACKAGE",
    ),
    (
        "isp may be set only",
        "VipIsp: it is for public load balancers; remove it, or the annotation \
         service.kubernetes.io/qcloud-loadbalancer-internal-subnetid",
    ),
    (
        "isp must be BGP",
        "VipIsp: carriers other than BGP are billed by a bandwidth package; add the annotation \
         service.kubernetes.io/qcloud-loadbalancer-internet-charge-type with BANDWIDTH_PACKAGE",
    ),
    (
        "zoneId may be set only",
        "ZoneId: it is for public IPv4 load balancers without \"MasterZoneId\"; remove one of them",
    ),
    ("masterZoneId may be set only", "MasterZoneId: it is for public IPv4 load balancers; remove it"),
    ("slaveZoneId may be set only", "SlaveZoneId: it needs \"MasterZoneId\" beside it; add it"),
    (
        "passToTarget may not be set",
        "an IPv6FullChain load balancer checks only its own security groups, whatever is said; remove it",
    ),
];

/// The parts of a load balancer, and the annotation that each is from.
type Part = (&'static str, fn(&LoadBalancerSpec, &LoadBalancerSpec) -> bool);

/// Whether two load balancers are the same in what one annotation says.
const PARTS: [Part; 9] = [
    (names::EXISTING_LOAD_BALANCER_ID, |a, b| a.id == b.id),
    (names::CROSS_REGION_ID, |a, b| a.region == b.region),
    (names::CROSS_VPC_ID, |a, b| same(a, b, |a, b| a.vpc_id == b.vpc_id)),
    (names::INTERNAL_SUBNET_ID, |a, b| same(a, b, |a, b| a.network == b.network && a.subnet_id == b.subnet_id)),
    (names::INTERNET_CHARGE_TYPE, |a, b| same(a, b, |a, b| a.charge_type == b.charge_type)),
    (names::INTERNET_MAX_BANDWIDTH_OUT, |a, b| same(a, b, |a, b| a.bandwidth_mbps == b.bandwidth_mbps)),
    (names::SECURITY_GROUPS, |a, b| same(a, b, |a, b| a.security_groups == b.security_groups)),
    (names::PASS_TO_TARGET, |a, b| same(a, b, |a, b| a.pass_to_target == b.pass_to_target)),
    (names::EXTENSIVE_PARAMETERS, |a, b| same(a, b, |a, b| rest(a) == rest(b))),
];

fn same(a: &LoadBalancerSpec, b: &LoadBalancerSpec, is_same: fn(&CreateSpec, &CreateSpec) -> bool) -> bool {
    match (&a.create, &b.create) {
        (Some(a), Some(b)) => is_same(a, b),
        // That one is created and the other is not is said of the existing id.
        _ => true,
    }
}

/// What only `service.extensiveParameters` says.
fn rest(create: &CreateSpec) -> CreateSpec {
    CreateSpec {
        network: LoadBalancerNetwork::Public,
        vpc_id: None,
        subnet_id: None,
        charge_type: None,
        bandwidth_mbps: None,
        security_groups: Vec::new(),
        pass_to_target: None,
        ..create.clone()
    }
}

impl CreateSpec {
    /// A public load balancer of which nothing else is said.
    pub(super) const fn public() -> Self {
        Self {
            network: LoadBalancerNetwork::Public,
            name: None,
            vpc_id: None,
            subnet_id: None,
            vip: None,
            ip_version: IpVersion::IPv4,
            charge_type: None,
            bandwidth_mbps: None,
            bandwidth_package_id: None,
            isp: None,
            zone_id: None,
            master_zone_id: None,
            slave_zone_id: None,
            sla_type: None,
            dynamic_vip: None,
            snat_pro: false,
            pass_to_target: None,
            security_groups: Vec::new(),
            tags: Vec::new(),
        }
    }
}

impl Words<'_> {
    /// The load balancer: the one of `last` where there is one, else the one that the annotations describe; `None` when one of
    /// them cannot be read.
    pub(super) fn load_balancer(&mut self, last: Option<&LoadBalancerSpec>) -> Option<LoadBalancerSpec> {
        let said = self.said();
        let nothing = LoadBalancerSpec { id: None, region: None, create: None };
        let fresh = self.described(&said, last.unwrap_or(&nothing));
        if let Some(last) = last {
            self.report_changes(&said, &fresh, last);
            return Some(last.clone());
        }
        let is_readable = !said.existing.is_unreadable() && !said.region.is_unreadable();
        let is_complete = match &fresh.create {
            Some(create) => {
                self.report_unpublic(&said, &fresh);
                said.can_create() && self.can_be_created(create)
            }
            None => {
                self.report_unused(&said);
                true
            }
        };
        (is_readable && (is_complete || mutant::is(Mutant::MadeWithoutWord))).then_some(fresh)
    }

    fn said(&self) -> Said {
        let bandwidth = |text: &str| text.parse().ok().filter(|mbps| (1..=2048).contains(mbps));
        Said {
            existing: self.id(names::EXISTING_LOAD_BALANCER_ID, "lb-"),
            region: self.one_of(names::CROSS_REGION_ID, REGIONS, region),
            vpc: self.id(names::CROSS_VPC_ID, "vpc-"),
            subnet: self.id(names::INTERNAL_SUBNET_ID, "subnet-"),
            charge_type: self.one_of(names::INTERNET_CHARGE_TYPE, CHARGE_TYPES, charge_type),
            bandwidth: self.one_of(names::INTERNET_MAX_BANDWIDTH_OUT, BANDWIDTHS, bandwidth),
            security_groups: self.security_groups(),
            pass_to_target: self.switch(names::PASS_TO_TARGET),
            extensive: self.text(names::EXTENSIVE_PARAMETERS, FORM).and_then(Extensive::read),
        }
    }

    fn one_of<T>(&self, key: &str, form: &str, read: impl FnOnce(&str) -> Option<T>) -> Reading<T> {
        self.text(key, form).and_then(|text| read(text).ok_or_else(|| KeyProblem::unreadable(key, text, form)))
    }

    /// An empty text means none, as TKE documents it.
    fn security_groups(&self) -> Reading<Vec<String>> {
        let key = names::SECURITY_GROUPS;
        if self.raw(key).is_some_and(|value| matches!(value, Annotation::Text(text) if text.trim().is_empty())) {
            return Reading::Said(Vec::new());
        }
        self.one_of(key, SECURITY_GROUPS, |text| {
            let mut groups: Vec<String> = text.split(',').map(|id| id.trim().to_owned()).collect();
            groups.sort_unstable();
            groups.dedup();
            (groups.len() <= 5 && groups.iter().all(|id| is_id(id, "sg-"))).then_some(groups)
        })
    }

    /// The load balancer that is said; what cannot be read is as in `last`.
    fn described(&mut self, said: &Said, last: &LoadBalancerSpec) -> LoadBalancerSpec {
        let id = self.part(&said.existing, last.id.as_ref());
        let region = self.part(&said.region, last.region.as_ref());
        let nothing = CreateSpec::public();
        let was = last.create.as_ref().unwrap_or(&nothing);
        // Those that are not used are read all the same: what is wrong with them is reported.
        let create = self.create(said, was);
        let create = id.is_none().then_some(create);
        LoadBalancerSpec { id, region, create }
    }

    fn part<T: Clone>(&mut self, reading: &Reading<T>, last: Option<&T>) -> Option<T> {
        match reading {
            Reading::Absent => None,
            Reading::Said(value) => Some(value.clone()),
            Reading::Unreadable(problem) => {
                self.problems.push(problem.clone());
                last.cloned()
            }
        }
    }

    fn create(&mut self, said: &Said, was: &CreateSpec) -> CreateSpec {
        let subnet = self.part(&said.subnet, was.subnet_id.as_ref());
        let network = if said.subnet.is_unreadable() {
            was.network
        } else if subnet.is_some() {
            LoadBalancerNetwork::Internal
        } else {
            LoadBalancerNetwork::Public
        };
        let is_public = network == LoadBalancerNetwork::Public;
        let mut create = match &said.extensive {
            Reading::Absent | Reading::Said(_) => CreateSpec::public(),
            Reading::Unreadable(problem) => {
                self.problems.push(problem.clone());
                was.clone()
            }
        };
        create.network = network;
        let is_held = said.extensive.is_unreadable();
        let set = |slot: &mut Option<String>, value: Option<String>| {
            if value.is_some() || !is_held {
                *slot = value;
            }
        };
        set(&mut create.subnet_id, subnet);
        let vpc = self.part(&said.vpc, was.vpc_id.as_ref());
        set(&mut create.vpc_id, vpc);
        let charge_type = self.part(&said.charge_type, was.charge_type.as_ref()).filter(|_| is_public);
        create.charge_type = charge_type.or(create.charge_type);
        let bandwidth = self.part(&said.bandwidth, was.bandwidth_mbps.as_ref()).filter(|_| is_public);
        create.bandwidth_mbps = bandwidth.or(create.bandwidth_mbps);
        let pass_to_target = self.part(&said.pass_to_target, was.pass_to_target.as_ref());
        create.pass_to_target = pass_to_target.or(create.pass_to_target);
        create.security_groups = self.part(&said.security_groups, Some(&was.security_groups)).unwrap_or_default();
        if let Reading::Said(extensive) = &said.extensive {
            extensive.apply(&mut create);
        }
        create
    }

    /// What cannot be changed any more.
    fn report_changes(&mut self, said: &Said, fresh: &LoadBalancerSpec, last: &LoadBalancerSpec) {
        for (key, is_same) in PARTS {
            if !is_same(fresh, last) {
                let key = if said.is_from_extensive(key) { names::EXTENSIVE_PARAMETERS } else { key };
                let message = "it cannot be changed once a load balancer is used or was asked for, which stays as it is; change the annotation \
                               back, or see docs/annotations.md for the way to another load balancer";
                if !self.problems.iter().any(|problem| problem.key == key) {
                    self.problem(key, message);
                }
            }
        }
        if last.id.is_some() {
            self.report_unused(said);
        } else {
            self.report_unpublic(said, fresh);
        }
    }

    /// What is for a load balancer that is created, where one that exists is used.
    fn report_unused(&mut self, said: &Said) {
        let is_said = [
            (names::CROSS_VPC_ID, matches!(said.vpc, Reading::Said(_))),
            (names::INTERNAL_SUBNET_ID, matches!(said.subnet, Reading::Said(_))),
            (names::INTERNET_CHARGE_TYPE, matches!(said.charge_type, Reading::Said(_))),
            (names::INTERNET_MAX_BANDWIDTH_OUT, matches!(said.bandwidth, Reading::Said(_))),
            (names::SECURITY_GROUPS, matches!(said.security_groups, Reading::Said(_))),
            (names::PASS_TO_TARGET, matches!(said.pass_to_target, Reading::Said(_))),
            (names::EXTENSIVE_PARAMETERS, matches!(&said.extensive, Reading::Said(all) if !all.is_empty())),
        ];
        for (key, _) in is_said.into_iter().filter(|(_, is_said)| *is_said) {
            let message = "it has no effect: it is not applied to a load balancer given by tke-existed-lbid; set it there yourself, and \
                           remove it";
            self.without_effect(key, message);
        }
    }

    /// What is for a public load balancer, where an internal one is asked for.
    fn report_unpublic(&mut self, said: &Said, wanted: &LoadBalancerSpec) {
        let is_internal = |create: &CreateSpec| create.network == LoadBalancerNetwork::Internal;
        if !wanted.create.as_ref().is_some_and(is_internal) {
            return;
        }
        let is_said = [
            (names::INTERNET_CHARGE_TYPE, matches!(said.charge_type, Reading::Said(_))),
            (names::INTERNET_MAX_BANDWIDTH_OUT, matches!(said.bandwidth, Reading::Said(_))),
        ];
        for (key, _) in is_said.into_iter().filter(|(_, is_said)| *is_said) {
            let message = "it has no effect: it is for public load balancers, and qcloud-loadbalancer-internal-subnetid asks for an \
                           internal one; remove it";
            self.without_effect(key, message);
        }
    }

    /// Whether the definition of bindings takes it; what it has against it becomes the problem of the annotation.
    fn can_be_created(&mut self, create: &CreateSpec) -> bool {
        let broken = create.broken_rules();
        for (field, rule) in &broken {
            let words = RULES.iter().find(|(start, _)| rule.starts_with(start)).map_or(*rule, |(_, words)| *words);
            let key = if *field == "passToTarget" { names::PASS_TO_TARGET } else { names::EXTENSIVE_PARAMETERS };
            let key = if self.raw(key).is_some() { key } else { names::EXTENSIVE_PARAMETERS };
            self.problem(key, words);
        }
        // Each annotation, and each parameter, was checked by itself.
        let report = create.validate().err();
        if let Some(report) = &report {
            self.problem(names::EXTENSIVE_PARAMETERS, format!("{report}; correct it"));
        }
        broken.is_empty() && report.is_none()
    }
}

impl Said {
    /// Whether all that only creation can set is readable.
    const fn can_create(&self) -> bool {
        !(self.vpc.is_unreadable()
            || self.subnet.is_unreadable()
            || self.charge_type.is_unreadable()
            || self.bandwidth.is_unreadable()
            || self.security_groups.is_unreadable()
            || self.pass_to_target.is_unreadable()
            || self.extensive.is_unreadable())
    }

    /// Whether what an annotation of its own says may be from `service.extensiveParameters`.
    fn is_from_extensive(&self, key: &str) -> bool {
        let is_absent = match key {
            names::CROSS_VPC_ID => matches!(self.vpc, Reading::Absent),
            names::INTERNAL_SUBNET_ID => matches!(self.subnet, Reading::Absent),
            names::INTERNET_CHARGE_TYPE => matches!(self.charge_type, Reading::Absent),
            names::INTERNET_MAX_BANDWIDTH_OUT => matches!(self.bandwidth, Reading::Absent),
            names::PASS_TO_TARGET => matches!(self.pass_to_target, Reading::Absent),
            _ => false,
        };
        is_absent && matches!(&self.extensive, Reading::Said(extensive) if extensive.has_shared())
    }
}

fn region(text: &str) -> Option<String> {
    let spec = LoadBalancerSpec { id: None, region: Some(text.to_owned()), create: None };
    spec.validate().is_ok().then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_definition_has_words_for_users_of_annotations() {
        let rules = CreateSpec::rules();
        assert_eq!(rules.len(), RULES.len());
        for (rule, (start, words)) in rules.iter().zip(RULES) {
            assert!(rule.starts_with(start), "{rule}: {start}");
            assert!(["add", "remove", "write"].iter().any(|verb| words.contains(verb)), "what to do: {words}");
        }
    }
}
