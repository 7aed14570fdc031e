//! New load balancers.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::super::Moment;
use super::super::dialect::{Departure, Dialect};
use super::super::error::{ApiError, ApiResult};
use super::load_balancer::{MOST_AT_ONCE, check_load_balancer_name};
use super::task::{TaskOutcome, Work};
use super::{Context, Creation, Handle, Handled, LoadBalancer, State};
use crate::clb::wire;
use crate::clb::wire::{
    Action, CreateLoadBalancer, CreateLoadBalancerReply, ExclusiveClusterOutput, InternetAccessibleOutput, SnatIp,
    SnatIpOutput, TagInfoOutput, TargetRegionInfoOutput, ZoneInfo,
};
use crate::model::{LoadBalancerId, TaskId};

/// An order number is this and the id of the task.
pub(super) const DEAL_PREFIX: &str = "deal-";

/// After which time an order that has not ended counts as stalled. That there is such a time is documented, how long it is is not.
const STALLED: Duration = Duration::from_secs(600);
/// After which time tags are shown where they are shown late.
const TAGS_LATE: Duration = Duration::from_secs(90);

/// Mbit/s of a public load balancer for which nothing else was asked.
const USUAL_BANDWIDTH: i64 = 10;

/// Billing and bandwidth as a public one shows them.
fn network_attributes(asked: &InternetAccessibleOutput) -> InternetAccessibleOutput {
    let charge_type = asked.internet_charge_type.clone();
    InternetAccessibleOutput {
        internet_charge_type: Some(charge_type.unwrap_or_else(|| "TRAFFIC_POSTPAID_BY_HOUR".to_owned())),
        internet_max_bandwidth_out: Some(asked.internet_max_bandwidth_out.unwrap_or(USUAL_BANDWIDTH)),
        bandwidthpkg_sub_type: asked.bandwidthpkg_sub_type.clone(),
    }
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
    /// What it shows of what was asked for; kept, without effect on traffic.
    pub(super) asked: Asked,
}

/// What a load balancer shows as it was asked for, in the form of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The address that it shows; traffic arrives at the loopback address anyway.
    vip: Option<String>,
    vip_isp: Option<String>,
    project_id: Option<i64>,
    sla_type: Option<String>,
    charge_type: Option<String>,
    egress: Option<String>,
    master_zone: Option<String>,
    slave_zone: Option<String>,
    cluster_ids: Option<Vec<String>>,
    cluster_tag: Option<String>,
    snat_ips: Vec<SnatIpOutput>,
}

impl Asked {
    fn of(request: &CreateLoadBalancer) -> Self {
        let snat_ips = request.snat_ips.iter().flatten().enumerate();
        let snat_ip = |(place, snat_ip): (usize, &SnatIp)| SnatIpOutput {
            subnet_id: Some(snat_ip.subnet_id.clone()),
            ip: Some(snat_ip.ip.clone().unwrap_or_else(|| snat_address(place))),
        };
        Self {
            vip: request.vip.clone(),
            vip_isp: request.vip_isp.clone(),
            project_id: request.project_id,
            sla_type: request.sla_type.clone(),
            charge_type: request.charge_type.clone(),
            egress: request.egress.clone(),
            master_zone: request.master_zone_id.clone().or_else(|| request.zone_id.clone()),
            slave_zone: request.slave_zone_id.clone(),
            cluster_ids: request.cluster_ids.clone(),
            cluster_tag: request.cluster_tag.clone(),
            snat_ips: snat_ips.map(snat_ip).collect(),
        }
    }
}

/// An address of the subnet that nothing in this cloud listens on, by its place among those of the load balancer.
pub(super) fn snat_address(place: usize) -> String {
    format!("10.255.255.{}", place + 1)
}

/// What the numbers of zones begin after.
const FIRST_ZONE: i64 = 100_000;

/// A zone that was asked for by its number, such as 100001, or its name, such as `ap-guangzhou-1`. The last two digits of the number are
/// those of the name.
fn zone(region: &str, asked: &str) -> ZoneInfo {
    let number: Option<i64> = asked.parse().ok();
    let name = number.map_or_else(|| asked.to_owned(), |number| format!("{region}-{}", number % 100));
    let last = name.rsplit('-').next().and_then(|last| last.parse::<i64>().ok());
    ZoneInfo {
        zone_id: Some(number.unwrap_or(FIRST_ZONE + last.unwrap_or_default())),
        zone: Some(name.clone()),
        zone_name: Some(name),
        zone_region: Some(region.to_owned()),
        local_zone: Some(false),
        edge_zone: Some(false),
    }
}

/// Where clients reach it, and nothing else.
fn entrance(new: &NewLoadBalancer) -> wire::LoadBalancer {
    let is_shown = new.domain.is_none() && new.ipv6_mode.is_none();
    let vip = new.vip.to_string();
    wire::LoadBalancer {
        load_balancer_domain: Some(new.domain.clone().unwrap_or_default()),
        load_balancer_vips: Some(if is_shown { vec![new.asked.vip.clone().unwrap_or(vip)] } else { Vec::new() }),
        address_ip_version: Some(if new.ipv6_mode.is_some() { "ipv6" } else { "ipv4" }.to_owned()),
        ipv6_mode: new.ipv6_mode.map(str::to_owned),
        address_ipv6: new.ipv6_mode.map(|_| {
            let asked = new.asked.vip.clone();
            asked.unwrap_or_else(|| Ipv6Addr::from(documentation(new.vip)).to_string())
        }),
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
            tags_shown: now,
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
            project_id: Some(new.asked.project_id.unwrap_or(0)),
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
            vip_isp: Some(match (new.internal, &new.asked.vip_isp) {
                (true, _) => "INTERNAL".to_owned(),
                (false, isp) => isp.clone().unwrap_or_else(|| "BGP".to_owned()),
            }),
            charge_type: Some(new.asked.charge_type.clone().unwrap_or_else(|| "POSTPAID_BY_HOUR".to_owned())),
            log_set_id: empty(),
            log_topic_id: empty(),
            is_ddos: Some(false),
            config_id: empty(),
            load_balancer_pass_to_target: Some(new.pass_to_target),
            exclusive_cluster: Some(ExclusiveClusterOutput::default()),
            snat_pro: Some(new.snat_pro),
            snat_ips: Some(new.asked.snat_ips.clone()),
            sla_type: Some(new.asked.sla_type.clone().unwrap_or_default()),
            is_block: Some(false),
            is_block_time: empty(),
            local_bgp: Some(false),
            mix_ip_target: Some(false),
            nfv_info: empty(),
            health_log_set_id: empty(),
            health_log_topic_id: empty(),
            attribute_flags: Some(if new.domain.is_some() { vec!["IsDomainCLB".to_owned()] } else { Vec::new() }),
            egress: Some(new.asked.egress.clone().unwrap_or_default()),
            master_zone: new.asked.master_zone.as_deref().map(|asked| zone(&self.config.region, asked)),
            backup_zone_set: new.asked.slave_zone.as_deref().map(|asked| vec![zone(&self.config.region, asked)]),
            cluster_ids: new.asked.cluster_ids.clone(),
            cluster_tag: new.asked.cluster_tag.clone(),
            network_attributes: (!new.internal).then(|| network_attributes(&new.charge)),
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

    /// Whether the token of an earlier creation still stands for it. It does not once the order has ended without delivery, or has
    /// stalled (`InvalidParameter.ClientTokenLimitExceeded` in the codes of the vendor's SDKs). Not documented: what becomes of it when
    /// the load balancers are deleted, and when it comes with other parameters.
    fn check_token(&self, before: &Creation, fingerprint: &str, now: Moment) -> ApiResult<()> {
        let refused = |why: &str| Err(ApiError::new("InvalidParameter.ClientTokenLimitExceeded", why));
        if before.fingerprint != fingerprint {
            return refused("the ClientToken was used for another request");
        }
        let stalled = self.config.timing.scaled(STALLED);
        match self.tasks.get(&before.task).map(|task| &task.outcome) {
            Some(TaskOutcome::Failed(_)) => refused("the order of the ClientToken has failed"),
            Some(TaskOutcome::Running) if now.saturating_sub(before.asked_at) > stalled => {
                refused("the order of the ClientToken was not updated for a long time")
            }
            Some(TaskOutcome::Running) => Ok(()),
            _ if self.config.dialect.has(Departure::TokensReplayed) => Ok(()),
            _ if before.ids.iter().any(|id| self.load_balancers.contains_key(id)) => Ok(()),
            _ => refused("what the ClientToken has created is gone"),
        }
    }

    /// An address that was asked for must be nobody else's.
    fn check_vip(&self, asked: Option<&str>) -> ApiResult<()> {
        let Some(asked) = asked else { return Ok(()) };
        let has = |other: &LoadBalancer| other.shown.load_balancer_vips.iter().flatten().any(|vip| vip == asked);
        match self.load_balancers.values().any(has) {
            true => Err(ApiError::value(format!("Vip {asked} is in use"))),
            false => Ok(()),
        }
    }

    /// Where tags are shown late, those of this one are.
    fn delay_tags(&mut self, id: Option<&LoadBalancerId>, now: Moment) {
        let shown = now + self.config.timing.scaled(TAGS_LATE);
        let is_late = self.config.dialect.has(Departure::LoadBalancerTagsLate);
        if let Some(made) = id.and_then(|id| self.load_balancers.get_mut(id)).filter(|_| is_late) {
            made.tags_shown = shown;
        }
    }

    fn creation_reply(&self, ids: &[LoadBalancerId], deal_name: String) -> CreateLoadBalancerReply {
        let is_late = self.config.dialect.has(Departure::IdsLate);
        let ids = ids.iter().filter(|_| !is_late).map(ToString::to_string);
        CreateLoadBalancerReply { load_balancer_ids: Some(ids.collect()), deal_name: Some(deal_name) }
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
        let (internal, number) = check_creation(&self, &state.config.dialect)?;
        let fingerprint = format!("{self:?}");
        if let Some(before) = self.client_token.as_ref().and_then(|token| state.client_tokens.get(token)) {
            state.check_token(before, &fingerprint, context.now)?;
            return Ok(state.creation_reply(&before.ids, before.deal_name.clone()).into());
        }
        state.check_load_balancer_quota(internal, number)?;
        state.check_vip(self.vip.as_deref())?;
        let asked = self.load_balancer_name.as_deref().filter(|_| number == 1);
        let ipv6_mode = ipv6_mode(self.address_ip_version.as_deref())?;
        // What has IPv6 targets lets traffic pass to them always.
        let is_full_chain = ipv6_mode == Some(FULL_CHAIN);
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
                ipv6_mode,
                pass_to_target: is_full_chain || self.load_balancer_pass_to_target.unwrap_or_default(),
                charge: self.internet_accessible.clone().map(Into::into).unwrap_or_default(),
                asked: Asked::of(&self),
                id: LoadBalancerId::new(id),
            };
            ids.push(new.id.clone());
            state.insert_load_balancer(new, context.now);
            state.delay_tags(ids.last(), context.now);
        }
        let deal_name = format!("{DEAL_PREFIX}{}", context.request_id);
        if let Some(token) = self.client_token {
            let task = TaskId::new(context.request_id);
            let (ids, deal_name, asked_at) = (ids.clone(), deal_name.clone(), context.now);
            let creation = Creation { fingerprint, ids, deal_name, task, asked_at };
            state.client_tokens.insert(token, creation);
        }
        let takes = state.config.timing.scaled(state.config.timing.create_load_balancer);
        let reply = state.creation_reply(&ids, deal_name);
        state.begin(context, Self::NAME, Work::Start(ids), takes);
        Ok(reply.into())
    }
}

/// How a load balancer with an IPv6 address reaches IPv6 targets.
pub(super) const FULL_CHAIN: &str = "IPv6FullChain";

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

/// Whether it is internal, and how many are asked for.
fn check_creation(request: &CreateLoadBalancer, dialect: &Dialect) -> ApiResult<(bool, usize)> {
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
    if dialect.has(Departure::DomainsOnly) && request.dynamic_vip != Some(true) {
        // In the words, and the spelling, that users report.
        return Err(ApiError::new("InvalidParameter", "only suport domain clb"));
    }
    if request.dynamic_vip == Some(true) && request.vip.is_some() {
        return Err(ApiError::value("Vip is not possible with DynamicVip"));
    }
    if mode == Some(FULL_CHAIN) && request.load_balancer_pass_to_target.is_some() {
        return Err(ApiError::value("LoadBalancerPassToTarget is not possible with IPv6FullChain"));
    }
    check_load_balancer_name(request.load_balancer_name.as_deref(), dialect)?;
    if request.tags.as_ref().is_some_and(|tags| tags.len() > 20) {
        return Err(ApiError::length("at most 20 Tags"));
    }
    if request.client_token.as_ref().is_some_and(|token| token.len() > 64 || !token.is_ascii()) {
        return Err(ApiError::value("ClientToken must be at most 64 ASCII characters"));
    }
    let zones = [&request.master_zone_id, &request.zone_id, &request.slave_zone_id];
    if internal && (request.vip_isp.is_some() || zones.iter().any(|zone| zone.is_some())) {
        return Err(ApiError::value("VipIsp and zones are for public load balancers"));
    }
    let number = request.number.unwrap_or(1);
    if number > 1 && request.vip.is_some() {
        return Err(ApiError::value("Vip is for one load balancer"));
    }
    match usize::try_from(number) {
        Ok(number) if (1..=MOST_AT_ONCE).contains(&number) => Ok((internal, number)),
        _ => Err(ApiError::range("Number", 1, 20, number)),
    }
}
