//! New load balancers.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::Moment;
use super::super::error::{ApiError, ApiResult};
use super::load_balancer::{MOST_AT_ONCE, check_name};
use super::task::Work;
use super::{Context, Creation, Handle, Handled, LoadBalancer, State};
use crate::clb::wire;
use crate::clb::wire::{
    Action, CreateLoadBalancer, CreateLoadBalancerReply, ExclusiveClusterOutput, InternetAccessibleOutput,
    TagInfoOutput, TargetRegionInfoOutput,
};
use crate::model::LoadBalancerId;

/// An order number is this and the id of the task.
pub(super) const DEAL_PREFIX: &str = "deal-";

/// Mbit/s of a public load balancer for which nothing else was asked.
const USUAL_BANDWIDTH: i64 = 10;

fn usual_charge_type(charge: &InternetAccessibleOutput) -> String {
    charge.internet_charge_type.clone().unwrap_or_else(|| "TRAFFIC_POSTPAID_BY_HOUR".to_owned())
}

/// What a load balancer begins with.
pub(super) struct NewLoadBalancer {
    pub(super) id: LoadBalancerId,
    pub(super) name: String,
    pub(super) internal: bool,
    pub(super) vpc_id: String,
    pub(super) subnet_id: String,
    pub(super) vip: Ipv4Addr,
    /// `Some` for one that shows a domain name instead of its address.
    pub(super) domain: Option<String>,
    pub(super) tags: Vec<TagInfoOutput>,
    pub(super) snat_pro: bool,
    pub(super) pass_to_target: bool,
    /// `IPv6Nat64` or `IPv6FullChain`; `None` for IPv4. Traffic arrives at the loopback address all the same.
    pub(super) ipv6_mode: Option<&'static str>,
    /// Billing and bandwidth of a public one.
    pub(super) charge: InternetAccessibleOutput,
}

/// Where clients reach it, and nothing else.
fn entrance(new: &NewLoadBalancer) -> wire::LoadBalancer {
    let is_shown = new.domain.is_none() && new.ipv6_mode.is_none();
    wire::LoadBalancer {
        load_balancer_domain: Some(new.domain.clone().unwrap_or_default()),
        load_balancer_vips: Some(if is_shown { vec![new.vip.to_string()] } else { Vec::new() }),
        address_ip_version: Some(if new.ipv6_mode.is_some() { "ipv6" } else { "ipv4" }.to_owned()),
        ipv6_mode: new.ipv6_mode.map(str::to_owned),
        address_ipv6: new.ipv6_mode.map(|_| Ipv6Addr::from(documentation(new.vip)).to_string()),
        ..wire::LoadBalancer::default()
    }
}

impl State {
    /// Adds a load balancer that is being created.
    pub(super) fn insert_load_balancer(&mut self, new: NewLoadBalancer, now: Moment) {
        let text = self.time_text(now);
        let shown = self.show(&new, text);
        let load_balancer = LoadBalancer {
            id: new.id.clone(),
            isolated: false,
            vip: new.vip,
            listeners: Vec::new(),
            busy_until: now,
            shown,
        };
        self.changed.insert(new.id.clone());
        self.load_balancers.insert(new.id, load_balancer);
    }

    fn show(&self, new: &NewLoadBalancer, now: String) -> wire::LoadBalancer {
        let empty = || Some(String::new());
        let numerical_vpc_id = Some(1_000_001);
        wire::LoadBalancer {
            load_balancer_id: Some(new.id.to_string()),
            load_balancer_name: Some(new.name.clone()),
            load_balancer_type: Some(if new.internal { "INTERNAL" } else { "OPEN" }.to_owned()),
            forward: Some(1),
            domain: empty(),
            status: Some(0),
            create_time: Some(now.clone()),
            status_time: Some(now),
            project_id: Some(0),
            vpc_id: Some(new.vpc_id.clone()),
            open_bgp: Some(0),
            snat: Some(false),
            isolation: Some(0),
            log: empty(),
            subnet_id: Some(new.subnet_id.clone()),
            tags: Some(new.tags.clone()),
            secure_groups: Some(Vec::new()),
            target_region_info: Some(TargetRegionInfoOutput {
                region: Some(self.config.region.clone()),
                vpc_id: Some(new.vpc_id.clone()),
                numerical_vpc_id,
            }),
            anycast_zone: empty(),
            numerical_vpc_id,
            vip_isp: Some(if new.internal { "INTERNAL" } else { "BGP" }.to_owned()),
            charge_type: Some("POSTPAID_BY_HOUR".to_owned()),
            log_set_id: empty(),
            log_topic_id: empty(),
            is_ddos: Some(false),
            config_id: empty(),
            load_balancer_pass_to_target: Some(new.pass_to_target),
            exclusive_cluster: Some(ExclusiveClusterOutput::default()),
            snat_pro: Some(new.snat_pro),
            snat_ips: Some(Vec::new()),
            sla_type: empty(),
            is_block: Some(false),
            is_block_time: empty(),
            local_bgp: Some(false),
            mix_ip_target: Some(false),
            nfv_info: empty(),
            health_log_set_id: empty(),
            health_log_topic_id: empty(),
            attribute_flags: Some(if new.domain.is_some() { vec!["IsDomainCLB".to_owned()] } else { Vec::new() }),
            egress: empty(),
            network_attributes: (!new.internal).then(|| InternetAccessibleOutput {
                internet_charge_type: Some(usual_charge_type(&new.charge)),
                internet_max_bandwidth_out: Some(new.charge.internet_max_bandwidth_out.unwrap_or(USUAL_BANDWIDTH)),
                bandwidthpkg_sub_type: new.charge.bandwidthpkg_sub_type.clone(),
            }),
            ..entrance(new)
        }
    }

    /// The name asked for; another one when it is taken, as the service silently does.
    fn free_name(&self, asked: Option<&str>, id: &str) -> String {
        match asked {
            Some(name) if !self.load_balancers.values().any(|other| other.name() == name) => name.to_owned(),
            _ => id.to_owned(),
        }
    }

    fn check_load_balancer_quota(&self, internal: bool, more: usize) -> ApiResult<()> {
        let kind = Some(if internal { "INTERNAL" } else { "OPEN" });
        let same = |lb: &&LoadBalancer| lb.shown.load_balancer_type.as_deref() == kind;
        let used = self.load_balancers.values().filter(same).count();
        let (name, limit) = if internal {
            ("TOTAL_INTERNAL_CLB_QUOTA", self.config.quotas.internal_load_balancers)
        } else {
            ("TOTAL_OPEN_CLB_QUOTA", self.config.quotas.public_load_balancers)
        };
        if used + more > limit { Err(ApiError::quota(name, limit)) } else { Ok(()) }
    }
}

impl Handle for CreateLoadBalancer {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<CreateLoadBalancerReply>> {
        let (internal, number) = check_creation(&self)?;
        let fingerprint = format!("{self:?}");
        if let Some(before) = self.client_token.as_ref().and_then(|token| state.client_tokens.get(token)) {
            if before.fingerprint != fingerprint {
                let message = "the ClientToken was used for another request";
                return Err(ApiError::new("InvalidParameter.ClientTokenLimitExceeded", message));
            }
            return Ok(creation_reply(&before.ids, before.deal_name.clone()).into());
        }
        state.check_load_balancer_quota(internal, number)?;
        let asked = self.load_balancer_name.as_deref().filter(|_| number == 1);
        let mut ids = Vec::new();
        for _ in 0..number {
            let vip = (context.addresses)()
                .ok_or_else(|| ApiError::new("ResourceInsufficient", "no address is left for a load balancer"))?;
            let id = state.new_id("lb-");
            let new = NewLoadBalancer {
                name: state.free_name(asked, &id),
                internal,
                vpc_id: self.vpc_id.clone().unwrap_or_else(|| "vpc-default".to_owned()),
                subnet_id: self.subnet_id.clone().unwrap_or_default(),
                vip,
                domain: self.dynamic_vip.unwrap_or_default().then(|| format!("{id}.clb.example")),
                tags: self.tags.iter().flatten().cloned().map(TagInfoOutput::from).collect(),
                snat_pro: self.snat_pro.unwrap_or_default(),
                ipv6_mode: ipv6_mode(self.address_ip_version.as_deref())?,
                pass_to_target: self.load_balancer_pass_to_target.unwrap_or_default(),
                charge: self.internet_accessible.clone().map(Into::into).unwrap_or_default(),
                id: LoadBalancerId::new(id),
            };
            ids.push(new.id.clone());
            state.insert_load_balancer(new, context.now);
        }
        let deal_name = format!("{DEAL_PREFIX}{}", context.request_id);
        if let Some(token) = self.client_token {
            let creation = Creation { fingerprint, ids: ids.clone(), deal_name: deal_name.clone() };
            state.client_tokens.insert(token, creation);
        }
        let takes = state.config.timing.scaled(state.config.timing.create_load_balancer);
        let reply = creation_reply(&ids, deal_name);
        state.begin(context, Self::NAME, Work::Start(ids), takes);
        Ok(reply.into())
    }
}

/// How a load balancer with an IPv6 address reaches IPv6 targets.
const FULL_CHAIN: &str = "IPv6FullChain";

fn ipv6_mode(version: Option<&str>) -> ApiResult<Option<&'static str>> {
    match version.unwrap_or("IPV4").to_ascii_lowercase().as_str() {
        "ipv4" => Ok(None),
        "ipv6" => Ok(Some("IPv6Nat64")),
        "ipv6fullchain" => Ok(Some(FULL_CHAIN)),
        other => Err(ApiError::value(format!("AddressIPVersion {other} is not IPV4, IPV6 or IPv6FullChain"))),
    }
}

/// An address of the range for documentation, which nobody has.
fn documentation(vip: Ipv4Addr) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    bytes[12..].copy_from_slice(&vip.octets());
    bytes
}

fn creation_reply(ids: &[LoadBalancerId], deal_name: String) -> CreateLoadBalancerReply {
    let load_balancer_ids = Some(ids.iter().map(ToString::to_string).collect());
    CreateLoadBalancerReply { load_balancer_ids, deal_name: Some(deal_name) }
}

/// Whether it is internal, and how many are asked for.
fn check_creation(request: &CreateLoadBalancer) -> ApiResult<(bool, usize)> {
    let internal = match request.load_balancer_type.as_str() {
        "OPEN" => false,
        "INTERNAL" => true,
        other => return Err(ApiError::value(format!("LoadBalancerType {other} is neither OPEN nor INTERNAL"))),
    };
    if request.forward.is_some_and(|forward| forward != 1) {
        return Err(ApiError::value("Forward must be 1"));
    }
    if internal && request.vpc_id.is_none() {
        return Err(ApiError::missing("VpcId"));
    }
    let mode = ipv6_mode(request.address_ip_version.as_deref())?;
    if internal && mode.is_some() {
        return Err(ApiError::value("AddressIPVersion is for public load balancers"));
    }
    match (internal, &request.subnet_id) {
        (true, None) => return Err(ApiError::missing("SubnetId")),
        (false, None) if mode == Some(FULL_CHAIN) => return Err(ApiError::missing("SubnetId")),
        (false, Some(_)) if mode == Some(FULL_CHAIN) => {}
        (false, Some(_)) => return Err(ApiError::value("SubnetId is not possible with a public load balancer")),
        _ => {}
    }
    check_name(request.load_balancer_name.as_deref())?;
    if request.tags.as_ref().is_some_and(|tags| tags.len() > 20) {
        return Err(ApiError::length("at most 20 Tags"));
    }
    if request.client_token.as_ref().is_some_and(|token| token.len() > 64 || !token.is_ascii()) {
        return Err(ApiError::value("ClientToken must be at most 64 ASCII characters"));
    }
    let number = request.number.unwrap_or(1);
    match usize::try_from(number) {
        Ok(number) if (1..=MOST_AT_ONCE).contains(&number) => Ok((internal, number)),
        _ => Err(ApiError::range("Number", 1, 20, number)),
    }
}
