//! A small world to plan in: sentences that build a snapshot, and a cloud that does what steps say.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::objects::service;
use crate::api::DirectAccessBinding;
use crate::api::mark::{ListenerName, TargetTag};
use crate::model::{
    AccountId, Address, Answer, Attribute, Attributes, Caller, Failure, Health, IpFamily, Limits, Listener, ListenerId,
    ListenerState, LoadBalancer, LoadBalancerId, LoadBalancerStatus, ObjectKey, Pod, Protocol, Region,
    RegisteredTarget, Route, Rule, RuleId, ServerTime, Service, ServicePort, Slice, SliceEndpoint, SlicePort,
    TargetHealth, TargetPort, Weight,
};
use crate::plan::config::ConfigObject;
use crate::plan::vpc::{ClusterVpc, VpcDoubt};
use crate::plan::{
    BindingView, Cloud, Cluster, ConfigView, Departure, Observed, Outcome, Plan, ReadState, Record, Remembered,
    Removals, Snapshot, StepOutcome, adoption, plan,
};
use crate::status::{Round, Visit, binding_status};

pub(crate) use super::objects::{NAMESPACE, PORT, address, binding, ip, pod, uid};

/// The account that the load balancer is in.
pub(crate) const ACCOUNT: &str = "100000000001";

fn slice_port(port: &ServicePort) -> SlicePort {
    let number = match port.target_port {
        TargetPort::Number(number) => Some(number),
        TargetPort::Name(_) => None,
    };
    SlicePort { name: port.name.clone(), transport: port.transport, port: number }
}

/// Everything that a snapshot is made from, in a form that tests can bend.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) bindings: Vec<Arc<DirectAccessBinding>>,
    pub(crate) service: Option<Service>,
    /// The Services of bindings that have another one, by place in `bindings`.
    pub(crate) services: BTreeMap<usize, Service>,
    pub(crate) pods: BTreeMap<u32, Pod>,
    /// Pods that the slices name; all when `None`.
    pub(crate) published: Option<Vec<u32>>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) targets: BTreeMap<Route, Vec<RegisteredTarget>>,
    pub(crate) health: BTreeMap<Address, Health>,
    pub(crate) limits: Limits,
    pub(crate) cluster: Cluster,
    pub(crate) now: Timestamp,
    /// What Secrets say of certificates.
    pub(crate) certificates: BTreeMap<String, Result<String, String>>,
    /// The configs of bindings, by place in `bindings`.
    pub(crate) configs: BTreeMap<usize, Arc<ConfigObject>>,
    /// Where the reference to a config leads, for bindings without one in `configs`.
    pub(crate) config: ConfigView,
    /// What the reads of the cloud gave, where that is not the state of this world.
    pub(crate) unread: Option<Cloud>,
    /// The account by which the cloud is read.
    pub(crate) caller: Caller,
    /// Why the read of health failed, if it did.
    pub(crate) health_failure: Option<Failure>,
    /// The load balancer's domain name.
    pub(crate) domain: Option<String>,
    /// The load balancer can bind addresses outside its VPC.
    pub(crate) snat_pro: bool,
    /// Why bindings go, if they do.
    pub(crate) departure: Departure,
    /// What the cloud tells of the load balancer.
    pub(crate) attributes: Attributes,
    /// The load balancer's own addresses.
    pub(crate) addresses: Vec<IpAddr>,
    /// The VPC of the cluster.
    pub(crate) vpc: ClusterVpc,
    /// What earlier rounds have seen and done.
    pub(crate) remembered: Remembered,
    /// Whether removals are held.
    pub(crate) removals: Removals,
    /// Whether the cloud shows tags.
    pub(crate) shows_tags: bool,
    /// Whether the cloud shows the flags of listeners.
    pub(crate) shows_flags: bool,
    /// Addresses of Pods on silent nodes that other Pods have by now.
    pub(crate) reassigned: std::collections::BTreeSet<IpAddr>,
    /// The time by which the controller plans, as far as it has heard answers; the true one when absent.
    pub(crate) clock: Option<ServerTime>,
    /// The load balancer's tags.
    pub(crate) tags: Vec<(String, String)>,
    next_listener: u32,
}

impl World {
    /// One binding `b1` of Service `web` on an empty load balancer.
    pub(crate) fn new(spec: &serde_json::Value) -> Self {
        Self {
            bindings: vec![binding(1, spec)],
            service: Some(service()),
            services: BTreeMap::new(),
            pods: BTreeMap::new(),
            published: None,
            listeners: Vec::new(),
            targets: BTreeMap::new(),
            health: BTreeMap::new(),
            limits: Limits::default(),
            cluster: Cluster::default(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            certificates: BTreeMap::new(),
            configs: BTreeMap::new(),
            config: ConfigView::None,
            unread: None,
            health_failure: None,
            domain: None,
            snat_pro: false,
            departure: Departure::Usual,
            attributes: std::iter::once((Attribute::Bandwidth, 10_i64.into())).collect(),
            vpc: ClusterVpc::Unknown(VpcDoubt::Nobody),
            addresses: vec![IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1))],
            remembered: Remembered::default(),
            removals: Removals::Allowed,
            shows_tags: true,
            shows_flags: true,
            reassigned: std::collections::BTreeSet::new(),
            clock: None,
            tags: Vec::new(),
            next_listener: 1,
            caller: Caller::Known(AccountId::new(ACCOUNT)),
        }
    }

    pub(crate) fn with_pods(mut self, numbers: impl IntoIterator<Item = u32>) -> Self {
        self.pods.extend(numbers.into_iter().map(|number| (number, pod(number))));
        self
    }

    pub(crate) fn pod(&mut self, number: u32) -> &mut Pod {
        self.pods.get_mut(&number).unwrap()
    }

    pub(crate) fn binding_uid(&self, index: usize) -> String {
        self.bindings[index].metadata.uid.clone().unwrap()
    }

    /// Adds a listener as somebody created it.
    pub(crate) fn add_listener(&mut self, name: &str, protocol: Protocol, port: u16) -> ListenerId {
        let id = ListenerId::new(format!("lbl-{}", self.next_listener));
        self.next_listener += 1;
        let attributes = super::cloud::defaults(protocol);
        let (name, rules) = (name.to_owned(), Vec::new());
        self.listeners.push(Listener {
            id: id.clone(),
            name,
            protocol,
            port,
            state: ListenerState::Serving,
            attributes,
            rules,
        });
        if !protocol.is_layer7() {
            self.targets.insert(Route { listener: id.clone(), rule: None }, Vec::new());
        }
        id
    }

    /// Adds a rule as somebody created it.
    pub(crate) fn add_rule(&mut self, listener: &ListenerId, domain: &str, url: &str) -> RuleId {
        let id = RuleId::new(format!("loc-{}", self.next_listener));
        self.next_listener += 1;
        let holder = self.listener(listener);
        let attributes = super::cloud::rule_defaults(holder);
        holder.rules.push(Rule { id: id.clone(), domain: domain.to_owned(), url: url.to_owned(), attributes });
        self.targets.insert(Route { listener: listener.clone(), rule: Some(id.clone()) }, Vec::new());
        id
    }

    pub(crate) fn listener(&mut self, id: &ListenerId) -> &mut Listener {
        self.listeners.iter_mut().find(|listener| listener.id == *id).expect("the listener exists")
    }

    /// Adds the listener that `b1` would have created on its default port.
    pub(crate) fn add_own_listener(&mut self) -> ListenerId {
        let name = ListenerName::new(&self.binding_uid(0), NAMESPACE, "b1").to_string();
        self.add_listener(&name, Protocol::Tcp, PORT)
    }

    pub(crate) fn add_target(&mut self, listener: &ListenerId, address: Address, weight: Weight, tag: &str) {
        self.put_target(&Route { listener: listener.clone(), rule: None }, address, weight, tag);
    }

    pub(crate) fn put_target(&mut self, route: &Route, address: Address, weight: Weight, tag: &str) {
        let targets = self.targets.get_mut(route).expect("the route exists");
        assert!(targets.iter().all(|target| target.address != address), "{address} is registered twice");
        targets.push(RegisteredTarget { address, weight, tag: tag.to_owned() });
    }

    /// Adds the target that `b1` would have registered for a Pod.
    pub(crate) fn add_own_target(&mut self, listener: &ListenerId, number: u32) {
        let tag = TargetTag::new(self.binding_uid(0), &uid(number)).to_string();
        self.add_target(listener, address(number), 10, &tag);
        self.health.insert(address(number), Health::Healthy);
    }

    pub(crate) fn targets_of(&self, listener: &ListenerId) -> Vec<(Address, Weight)> {
        let route = Route { listener: listener.clone(), rule: None };
        let mut found: Vec<_> = self.targets[&route].iter().map(|target| (target.address, target.weight)).collect();
        found.sort();
        found
    }

    /// The targets of each rule, by `domain` and `url` in one text.
    pub(crate) fn targets_by_rule(&self, listener: &ListenerId) -> BTreeMap<String, Vec<(Address, Weight)>> {
        let listener = self.listeners.iter().find(|found| found.id == *listener).expect("the listener exists");
        let row = |rule: &Rule| {
            let route = Route { listener: listener.id.clone(), rule: Some(rule.id.clone()) };
            let mut found: Vec<_> = self.targets[&route].iter().map(|one| (one.address, one.weight)).collect();
            found.sort();
            (format!("{}{}", rule.domain, rule.url), found)
        };
        listener.rules.iter().map(row).collect()
    }

    fn slice(&self) -> Slice {
        let is_published = |number: &u32| self.published.as_ref().is_none_or(|published| published.contains(number));
        let named = self.pods.iter().filter(|(number, pod)| is_published(number) && !pod.ips.is_empty());
        Slice {
            key: ObjectKey::new(NAMESPACE, "web-slice"),
            service: "web".to_owned(),
            family: IpFamily::V4,
            ports: self.service.iter().flat_map(|service| &service.ports).map(slice_port).collect(),
            endpoints: named
                .map(|(_, pod)| SliceEndpoint {
                    addresses: pod.ips.clone(),
                    pod_uid: Some(pod.uid.clone()),
                    target_name: Some(pod.key.name.clone()),
                })
                .collect(),
        }
    }

    pub(crate) fn observed(&self) -> Observed {
        let health = self.targets.iter().flat_map(|(route, targets)| {
            targets.iter().map(|target| TargetHealth {
                listener: route.listener.clone(),
                rule: route.rule.clone().unwrap_or_else(|| "loc-synthetic".into()),
                address: target.address,
                health: self.health.get(&target.address).copied().unwrap_or(Health::Unknown),
            })
        });
        Observed {
            load_balancer: LoadBalancer {
                id: LoadBalancerId::new("lb-1"),
                name: "one".to_owned(),
                status: LoadBalancerStatus::Running,
                addresses: self.addresses.clone(),
                domain: self.domain.clone(),
                family: IpFamily::V4,
                vpc_id: "vpc-1".to_owned(),
                snat_pro: self.snat_pro,
                tags: self.tags.clone(),
                attributes: self.attributes.clone(),
            },
            listeners: self.shown_listeners(),
            targets: self.shown_targets(),
            health: self.health_failure.clone().map_or_else(|| Ok(health.collect()), Err),
            health_basis: None,
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let pods = Arc::new(self.pods.values().map(|pod| (pod.uid.clone(), Arc::new(pod.clone()))).collect());
        let cloud = self.unread.clone().unwrap_or_else(|| Cloud::Observed(self.observed()));
        let is_living = |uid: &str| self.bindings.iter().any(|binding| binding.metadata.uid.as_deref() == Some(uid));
        let adoption = |binding: &DirectAccessBinding| adoption::of_binding(binding, &cloud, is_living);
        let view = |(place, binding): (usize, &Arc<DirectAccessBinding>)| BindingView {
            binding: binding.clone(),
            service: self.services.get(&place).cloned().or_else(|| self.service.clone()).map(Arc::new),
            slices: vec![Arc::new(self.slice())],
            pods: Arc::clone(&pods),
            certificates: self.certificates.clone(),
            config: self.configs.get(&place).map_or(self.config.clone(), |config| ConfigView::Found {
                config: config.clone(),
                users: if self.bindings.len() == 1 {
                    crate::plan::ConfigUsers::This
                } else {
                    crate::plan::ConfigUsers::Several
                },
            }),
            speaks_for_service: true,
            departure: self.departure,
            former_uids: adoption(binding).former_uids,
            not_adopted: adoption(binding).refused,
            reassigned: self.reassigned.clone(),
        };
        Snapshot {
            load_balancer: LoadBalancerId::new("lb-1"),
            region: Region::new("ap-guangzhou"),
            bindings: self.bindings.iter().enumerate().map(view).collect(),
            cloud,
            caller: self.caller.clone(),
            cluster: self.cluster,
            vpc: self.vpc.clone(),
            reads: ReadState::Settled,
            removals: self.removals.clone(),
            limits: self.limits,
            remembered: self.remembered.clone(),
            now: self.told_time(),
            at: self.at(),
        }
    }

    /// The time by which the controller plans.
    fn told_time(&self) -> Timestamp {
        self.clock.as_ref().map_or(self.now, |clock| clock.at(self.at()))
    }

    /// The time by a clock that never goes back.
    pub(crate) fn at(&self) -> Duration {
        Duration::try_from(self.now.duration_since(Timestamp::from_second(1_700_000_000).unwrap())).unwrap()
    }

    /// The API server answers at this moment; by its clock it is another time, by so much.
    pub(crate) fn hear(&mut self, ahead: SignedDuration) {
        let (said, at) = (self.now + ahead, self.at());
        if let Some(clock) = &mut self.clock {
            clock.hear(Answer { said, sent: at, received: at });
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        plan(&self.snapshot())
    }

    /// The listeners, with the flags that are on, where the cloud shows flags.
    fn shown_listeners(&self) -> Vec<Listener> {
        let mut listeners = self.listeners.clone();
        for listener in &mut listeners {
            for flag in Attribute::ALL.into_iter().filter(|one| one.is_flag()) {
                let is_on = listener.attributes.remove(flag) == Some(true.into());
                listener.attributes.set_some(flag, (is_on && self.shows_flags).then_some(true));
            }
        }
        listeners
    }

    fn shown_targets(&self) -> BTreeMap<Route, Vec<RegisteredTarget>> {
        let mut targets = self.targets.clone();
        if !self.shows_tags {
            targets.values_mut().flatten().for_each(|target| target.tag.clear());
        }
        targets
    }

    /// Plans and performs until nothing is left to do; returns the rounds in which something was done.
    pub(crate) fn converge(&mut self) -> usize {
        for rounds in 0..20 {
            let plan = self.round();
            let is_waiting = plan.bindings.iter().any(|binding| binding.record == Record::First);
            if plan.steps.is_empty() && !is_waiting {
                return rounds;
            }
        }
        panic!("no end after 20 rounds: {:?}", self.plan().steps);
    }

    /// One round: plans, performs, and writes statuses as the controller does.
    pub(crate) fn round(&mut self) -> Plan {
        let snapshot = self.snapshot();
        let plan = plan(&snapshot);
        self.remembered.see(&snapshot, &plan);
        for step in &plan.steps {
            self.perform(step);
            self.remembered.end(step);
        }
        let done = plan.steps.iter().map(|step| (step.clone(), StepOutcome::Done));
        let outcome = Outcome { steps: done.collect(), ..Outcome::default() };
        let round = Round {
            snapshot: &snapshot,
            outcome: &outcome,
            region: &Region::new("ap-guangzhou"),
            failed_task: None,
            refused_gates: &[],
            refused_writes: &[],
            visit: Visit::Later,
        };
        for ((binding, view), part) in self.bindings.iter_mut().zip(&snapshot.bindings).zip(&plan.bindings) {
            let previous = view.binding.status.clone().unwrap_or_default();
            let status = binding_status(&round, view, part, &[], &previous);
            check_keys(&status);
            Arc::make_mut(binding).status = Some(status);
        }
        plan
    }

    /// Every target is found healthy.
    pub(crate) fn heal(&mut self) {
        let targets = self.targets.values().flatten();
        self.health = targets.map(|target| (target.address, Health::Healthy)).collect();
    }
}

/// The API server refuses a status whose lists have a key twice, and then nothing of it is written.
fn check_keys(status: &crate::api::DirectAccessBindingStatus) {
    use std::collections::BTreeSet;
    let rows: Vec<_> = status.listeners.iter().map(|row| (row.port, row.protocol.as_str())).collect();
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len(), "{rows:?}");
    for row in &status.listeners {
        let rules: Vec<_> = row.rules.iter().map(|rule| (&rule.domain, &rule.url)).collect();
        assert_eq!(rules.iter().collect::<BTreeSet<_>>().len(), rules.len(), "{rules:?}");
    }
    let reasons: Vec<_> = status.excluded.iter().map(|row| &row.reason).collect();
    assert_eq!(reasons.iter().collect::<BTreeSet<_>>().len(), reasons.len(), "{reasons:?}");
}
