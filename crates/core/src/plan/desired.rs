//! What each binding wants of the load balancer: spec and Service resolved to listeners with endpoints, faults named.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::api::DirectAccessBinding;
use crate::api::binding::{DeletionPolicy, ListenerProtocol, ListenerSpec, Mode};
use crate::api::condition::ConfigProblem;
use crate::api::mark::ListenerName;
use crate::api::service_config::EntryProblem;
use crate::model::{IpFamily, ListenerId, LoadBalancer, Protocol, Service, ServicePort, Transport, Weight};

use super::config::{self, Wishes};
use super::endpoint::{Endpoints, Policy, endpoints};
use super::network::Networks;
use super::shape::{DesiredRule, Reader, Shape};
use super::weight::Weights;
use super::{BindingView, Cluster, ConfigView, Problem, Snapshot, annotated, problem};

/// The weight of targets of listeners that are not spelled out; the cloud's own default.
const DEFAULT_WEIGHT: Weight = 10;

/// How far a binding is acted on in this round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// Make it true.
    Manage,
    /// Look, and report: TKE's own service controller makes it true.
    Observe,
    /// Take away everything that is ours: it is being deleted.
    Release,
    /// Touch nothing: suspended, invalid, or to be deleted with `deletionPolicy: Retain`.
    Abandon,
}

impl Stance {
    /// The binding is in force, whoever programs the load balancer.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Manage | Self::Observe)
    }
}

/// What one binding wants.
#[derive(Clone, Debug)]
pub(super) struct Desired {
    /// How far it is acted on.
    pub stance: Stance,
    /// Its listeners. Only a managed binding has any.
    pub listeners: Vec<DesiredListener>,
    /// The listeners are not known, because the Service that would tell them is missing: none may be deleted.
    pub is_open: bool,
    /// What is wrong with it so far.
    pub problems: Vec<Problem>,
    /// Wishes of its config that are not for it to grant.
    pub config_problems: Vec<EntryProblem>,
    /// The bandwidth that its config wishes of the load balancer, in Mbps.
    pub bandwidth: Option<i64>,
}

/// A listener that a binding wants.
#[derive(Clone, Debug)]
pub(super) struct DesiredListener {
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// Where it comes from.
    pub place: Place,
    /// Its rules and settings.
    pub shape: Shape,
    /// The endpoints behind it, for each of its rules the same; `None` when they cannot be told, so that targets are held as they are.
    pub endpoints: Option<Endpoints>,
}

impl DesiredListener {
    /// The listener or one of its rules, for messages.
    pub(super) fn route_name(&self, rule: Option<&DesiredRule>) -> String {
        let listener = format!("listener {}/{}", self.port, self.protocol);
        match rule {
            Some(rule) => format!("rule {}{} of {listener}", rule.domain, rule.url),
            None => listener,
        }
    }
}

/// Where a desired listener comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Created by us under this name, and owned.
    Own {
        /// The name, which carries our mark.
        name: String,
    },
    /// Somebody else's, named in the spec: only targets are ours.
    Existing(ListenerId),
    /// TKE's own, found by its port and protocol: nothing is ours.
    Delegated,
}

/// What every binding of the snapshot wants, in the snapshot's order. Without a load balancer IPv4 is assumed.
pub(super) fn desired(snapshot: &Snapshot, load_balancer: Option<&LoadBalancer>) -> Vec<Desired> {
    snapshot.bindings.iter().map(|view| desired_of(view, snapshot, load_balancer)).collect()
}

fn desired_of(view: &BindingView, snapshot: &Snapshot, load_balancer: Option<&LoadBalancer>) -> Desired {
    let mut problems = Vec::new();
    let stance = stance(view, snapshot.cluster, &mut problems);
    if !stance.is_live() {
        return Desired::new(stance, problems);
    }
    let mut wishes = Wishes::default();
    match &view.config {
        ConfigView::None => {}
        ConfigView::Found(config) => wishes = config::wishes(&config.spec),
        ConfigView::Making => {}
        ConfigView::Foreign => problems.push(problem::config_not_owned(&view.config_name())),
        ConfigView::Missing => problems.push(problem::config_not_found(&view.config_name())),
        ConfigView::Unreadable(why) => problems.push(problem::config_unreadable(&view.config_name(), why)),
    }
    let mut reader = Reader { view, load_balancer, wishes: &wishes, problems: &mut problems };
    let service = view.service.as_deref().filter(|service| !service.selector.is_empty());
    let listeners = match service {
        Some(service) => resolved_listeners(&mut reader, service, snapshot),
        None => {
            reader.problems.push(match view.service.as_deref() {
                None => problem::service_not_found(&view.binding),
                Some(service) => problem::no_selector(service),
            });
            explicit_listeners(&mut reader)
        }
    };
    let is_open = service.is_none() && listeners.is_empty();
    let config_problems = refused(&listeners, &wishes);
    // Where TKE programs the load balancer, it follows the config, too.
    let bandwidth = wishes.bandwidth().filter(|_| stance == Stance::Manage);
    Desired { listeners, is_open, config_problems, bandwidth, ..Desired::new(stance, problems) }
}

impl Desired {
    fn new(stance: Stance, problems: Vec<Problem>) -> Self {
        Self { stance, problems, listeners: Vec::new(), is_open: false, config_problems: Vec::new(), bandwidth: None }
    }
}

/// Entries for listeners that are not ours.
fn refused(listeners: &[DesiredListener], wishes: &Wishes) -> Vec<EntryProblem> {
    let is_refused = |listener: &&DesiredListener| {
        matches!(listener.place, Place::Existing(_)) && wishes.has(listener.protocol, listener.port)
    };
    let told = |listener: &DesiredListener| {
        let entry = format!("{}:{}", listener.protocol, listener.port);
        let message = "the binding uses a listener that is not its own, by listenerId, and settings of such a listener \
                       are left alone; remove the entry, or let the binding have a listener of its own";
        config::problem(&entry, None, ConfigProblem::NotSupported, message)
    };
    listeners.iter().filter(is_refused).map(told).collect()
}

fn stance(view: &BindingView, cluster: Cluster, problems: &mut Vec<Problem>) -> Stance {
    let spec = &view.binding.spec;
    if view.is_deleting() {
        return match spec.deletion_policy {
            DeletionPolicy::Retain => Stance::Abandon,
            DeletionPolicy::Deregister | DeletionPolicy::Delete => Stance::Release,
        };
    }
    if spec.suspend {
        problems.push(problem::suspended());
        return Stance::Abandon;
    }
    let is_left_to_tke =
        view.service.as_deref().is_some_and(|service| annotated::is_left_to_tke(service, cluster.has_tke));
    if is_left_to_tke && spec.mode == Mode::Direct {
        problems.push(problem::managed_by_tke(&view.binding));
        return Stance::Abandon;
    }
    match spec.mode {
        Mode::Direct => Stance::Manage,
        Mode::Delegate => Stance::Observe,
    }
}

/// The listeners of the spec, when the Service cannot say what is behind them.
fn explicit_listeners(reader: &mut Reader<'_>) -> Vec<DesiredListener> {
    let view = reader.view;
    let specs = listener_specs(view, reader.problems);
    let listener = |(spec, protocol, port): (&ListenerSpec, Protocol, u16)| DesiredListener {
        protocol,
        port,
        place: place(&view.binding, spec),
        shape: reader.shape(spec, protocol, port),
        endpoints: None,
    };
    specs.into_iter().map(listener).collect()
}

fn resolved_listeners(reader: &mut Reader<'_>, service: &Service, snapshot: &Snapshot) -> Vec<DesiredListener> {
    let view = reader.view;
    let load_balancer = reader.load_balancer;
    let family = load_balancer.map_or(IpFamily::V4, |load_balancer| load_balancer.family);
    // Where annotations make the listeners, the weights of annotations count too.
    let is_explicit = !view.binding.spec.listeners.is_empty() && !view.is_of_service();
    let policy = |port: &ServicePort, weight| Policy {
        networks: Networks {
            wanted: view.binding.spec.network,
            cluster: snapshot.cluster,
            snat_pro: load_balancer.is_some_and(|found| found.snat_pro),
        },
        weights: Weights::new(service, port, weight, is_explicit),
        drain: view.binding.spec.drain.clone(),
        now: snapshot.now,
    };
    if view.binding.spec.listeners.is_empty() {
        let default = |port: &ServicePort| {
            let protocol = match port.transport {
                Transport::Tcp => Protocol::Tcp,
                Transport::Udp => Protocol::Udp,
            };
            DesiredListener {
                protocol,
                port: port.port,
                place: own_place(&view.binding),
                shape: Shape { attributes: reader.wishes.listener(protocol, port.port), ..Shape::default() },
                endpoints: Some(endpoints(view, service, port, family, &policy(port, DEFAULT_WEIGHT))),
            }
        };
        return service.ports.iter().map(default).collect();
    }
    let specs = listener_specs(view, reader.problems);
    let mut resolve = |(spec, protocol, port): (&ListenerSpec, Protocol, u16)| {
        let service_port = service_port(service, spec, protocol, port);
        if service_port.is_none() {
            reader.problems.push(problem::service_port_not_found(service, spec, port));
        }
        let weight = Weight::try_from(spec.weight).unwrap_or(DEFAULT_WEIGHT);
        DesiredListener {
            protocol,
            port,
            place: place(&view.binding, spec),
            shape: reader.shape(spec, protocol, port),
            endpoints: service_port.map(|found| endpoints(view, service, found, family, &policy(found, weight))),
        }
    };
    specs.into_iter().map(&mut resolve).collect()
}

/// The listeners of the spec; one with an impossible port becomes a problem and harms none of the others.
fn listener_specs<'a>(view: &'a BindingView, problems: &mut Vec<Problem>) -> Vec<(&'a ListenerSpec, Protocol, u16)> {
    let mut specs = Vec::new();
    for spec in &view.binding.spec.listeners {
        match u16::try_from(spec.port) {
            Ok(port) if port > 0 => specs.push((spec, protocol(spec.protocol), port)),
            _ => problems.push(problem::invalid("spec.listeners[].port", "must be from 1 to 65535")),
        }
    }
    specs
}

const fn protocol(protocol: ListenerProtocol) -> Protocol {
    match protocol {
        ListenerProtocol::Tcp => Protocol::Tcp,
        ListenerProtocol::Udp => Protocol::Udp,
        ListenerProtocol::TcpSsl => Protocol::TcpSsl,
        ListenerProtocol::Quic => Protocol::Quic,
        ListenerProtocol::Http => Protocol::Http,
        ListenerProtocol::Https => Protocol::Https,
    }
}

fn place(binding: &DirectAccessBinding, spec: &ListenerSpec) -> Place {
    match &spec.listener_id {
        Some(id) => Place::Existing(ListenerId::new(id.as_str())),
        None => own_place(binding),
    }
}

fn own_place(binding: &DirectAccessBinding) -> Place {
    match binding.spec.mode {
        Mode::Direct => Place::Own { name: own_name(binding) },
        Mode::Delegate => Place::Delegated,
    }
}

fn own_name(binding: &DirectAccessBinding) -> String {
    let meta = &binding.metadata;
    let (uid, namespace, name) = (meta.uid.as_deref(), meta.namespace.as_deref(), meta.name.as_deref());
    ListenerName::new(uid.unwrap_or_default(), namespace.unwrap_or_default(), name.unwrap_or_default()).to_string()
}

/// The Service port a listener stands for: the one it names, else the one of its own number, else the only one.
fn service_port<'a>(
    service: &'a Service,
    spec: &ListenerSpec,
    protocol: Protocol,
    port: u16,
) -> Option<&'a ServicePort> {
    let mut ports = service.ports.iter().filter(|candidate| candidate.transport == protocol.transport());
    match &spec.service_port {
        // A port that is named may be of the other transport: TCP Pods behind UDP serve nothing, but some serve both.
        Some(IntOrString::Int(number)) => {
            let is_this = |candidate: &&ServicePort| i32::from(candidate.port) == *number;
            ports.find(is_this).or_else(|| service.ports.iter().find(is_this))
        }
        Some(IntOrString::String(name)) => {
            let is_this = |candidate: &&ServicePort| candidate.name == *name;
            ports.find(is_this).or_else(|| service.ports.iter().find(is_this))
        }
        None => {
            let all: Vec<_> = ports.collect();
            let same = all.iter().find(|candidate| candidate.port == port).copied();
            same.or(if let [only] = all.as_slice() { Some(*only) } else { None })
        }
    }
}
