//! What each binding wants of the load balancer: spec and Service resolved to listeners with endpoints, faults named.

use crate::api::DirectAccessBinding;
use crate::api::binding::{ListenerProtocol, ListenerSpec, ListenerStatus, Mode};
use crate::api::condition::ConfigProblem;
use crate::api::mark::ListenerName;
use crate::api::service_config::EntryProblem;
use crate::model::{IpFamily, ListenerId, LoadBalancer, Protocol, Service, ServicePort, Transport, Weight};

use super::config::{self, Wishes};
use super::endpoint::{Endpoints, Policy, endpoints};
use super::management::{Management, management};
use super::network::Networks;
use super::resolution::{self, PortSource, Resolution, service_port};
use super::shape::{DesiredRule, Reader, Shape};
use super::weight::Weights;
use super::{BindingView, ConfigView, Observed, Problem, Snapshot, problem};

/// The weight of targets of listeners that are not spelled out; the cloud's own default.
const DEFAULT_WEIGHT: Weight = 10;

/// What one binding wants.
#[derive(Clone, Debug)]
pub(super) struct Desired {
    /// How far it is acted on.
    pub management: Management,
    /// Its listeners. Only a live binding has any.
    pub listeners: Vec<DesiredListener>,
    /// Whether every listener of the spec is among them, accepted and resolved.
    pub completeness: Completeness,
    /// What is wrong with it so far.
    pub problems: Vec<Problem>,
    /// Wishes of its config that are not for it to grant.
    pub config_problems: Vec<EntryProblem>,
    /// The bandwidth that its config wishes of the load balancer, in Mbps.
    pub bandwidth: Option<i64>,
}

/// Whether a list of wanted listeners can be taken for all that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completeness {
    /// It can.
    Whole,
    /// Something in the spec could not be read, resolved or granted: what is not in the list may still be wanted.
    Partial,
}

/// A listener that a binding wants.
#[derive(Clone, Debug)]
pub(super) struct DesiredListener {
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// Where it comes from.
    pub origin: ListenerOrigin,
    /// Its rules and settings.
    pub shape: Shape,
    /// The Service port behind it; `None` when it was never resolved.
    pub resolution: Option<Resolution>,
    /// The endpoints behind it, for each of its rules the same; `None` when the port was never resolved, so that no Pods are added.
    pub endpoints: Option<Endpoints>,
}

impl DesiredListener {
    /// The listener or one of its rules, for messages.
    pub(super) fn route_name(&self, rule: Option<(&str, &str)>) -> String {
        let listener = format!("listener {}/{}", self.port, self.protocol);
        match rule {
            Some((domain, url)) => format!("rule {domain}{url} of {listener}"),
            None => listener,
        }
    }
}

impl DesiredRule {
    /// Domain and path.
    pub(super) fn key(&self) -> (&str, &str) {
        (&self.domain, &self.url)
    }
}

/// Where a desired listener comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ListenerOrigin {
    /// Created by us under this name, and owned.
    Own {
        /// The name, which carries our mark.
        name: String,
    },
    /// Somebody else's, named in the spec: only targets are ours.
    Existing(ListenerId),
    /// TKE's own, found by its port and protocol: nothing is ours.
    Delegated,
    /// Not known to be wanted or unwanted: it stays as it is, and Pods go on to come and go.
    Held(ListenerId),
}

/// What a binding wants. Without a load balancer IPv4 is assumed.
pub(super) fn desired(view: &BindingView, snapshot: &Snapshot, observed: Option<&Observed>) -> Desired {
    let mut problems = Vec::new();
    let load_balancer = observed.map(|observed| &observed.load_balancer);
    let management = management(view, snapshot, &mut problems);
    let nothing = Desired {
        management,
        problems: Vec::new(),
        listeners: Vec::new(),
        completeness: Completeness::Whole,
        config_problems: Vec::new(),
        bandwidth: None,
    };
    if !management.is_live() {
        return Desired { problems, ..nothing };
    }
    let nothing_wished = Wishes::default();
    let wishes = wishes(view, &mut problems).unwrap_or(&nothing_wished);
    let mut reader = Reader { view, load_balancer, wishes, problems: &mut problems };
    match view.service.as_deref() {
        None => reader.problems.push(problem::service_not_found(&view.binding)),
        Some(service) if service.selector.is_empty() => reader.problems.push(problem::no_selector(service)),
        Some(_) => {}
    }
    let resolver = Resolver { view, snapshot, load_balancer };
    let listeners = match management {
        Management::Hold => resolver.all_recorded(),
        _ => resolver.listeners(&mut reader),
    };
    let config_problems = wishes.problems.iter().cloned().chain(refused(&listeners, wishes)).collect();
    // Where TKE programs the load balancer, it follows the config, too.
    let bandwidth = wishes.bandwidth().filter(|_| management == Management::Manage);
    let holds = |problem: &Problem| problem.holds_routes();
    let completeness = if problems.iter().any(holds) { Completeness::Partial } else { Completeness::Whole };
    Desired { problems, listeners, completeness, config_problems, bandwidth, ..nothing }
}

/// What the config wishes, as it was judged when it was read; `None` where there is none.
fn wishes<'a>(view: &'a BindingView, problems: &mut Vec<Problem>) -> Option<&'a Wishes> {
    match &view.config {
        ConfigView::None | ConfigView::Making => {}
        ConfigView::Found { config, .. } => return Some(config.wishes()),
        ConfigView::Foreign => problems.push(problem::config_not_owned(&view.config_name())),
        ConfigView::Missing(there) => problems.push(problem::config_not_found(view, there)),
        ConfigView::Refused(words) => problems.push(problem::config_refused(&view.config_name(), words)),
    }
    None
}

/// Entries for listeners that are not ours.
fn refused(listeners: &[DesiredListener], wishes: &Wishes) -> Vec<EntryProblem> {
    let is_refused = |listener: &&DesiredListener| {
        matches!(listener.origin, ListenerOrigin::Existing(_)) && wishes.has(listener.protocol, listener.port)
    };
    let entry_problem = |listener: &DesiredListener| {
        let entry = format!("{}:{}", listener.protocol, listener.port);
        let message = "the binding uses a listener that is not its own, by listenerId, and settings of such a listener \
                       are left alone; remove the entry, or let the binding have a listener of its own";
        config::problem(&entry, None, ConfigProblem::NotSupported, message)
    };
    listeners.iter().filter(is_refused).map(entry_problem).collect()
}

/// Resolves listeners of one binding to Service ports and endpoints.
pub(super) struct Resolver<'a> {
    pub(super) view: &'a BindingView,
    pub(super) snapshot: &'a Snapshot,
    pub(super) load_balancer: Option<&'a LoadBalancer>,
}

impl Resolver<'_> {
    fn listeners(&self, reader: &mut Reader<'_>) -> Vec<DesiredListener> {
        let service = self.view.service.as_deref().filter(|service| !service.selector.is_empty());
        if !self.view.binding.spec.listeners.is_empty() {
            let specs = listener_specs(self.view, reader.problems);
            return specs.into_iter().map(|spec| self.explicit(reader, service, spec)).collect();
        }
        match service {
            Some(service) => service.ports.iter().map(|port| self.of_port(reader, port)).collect(),
            // The ports that the Service had.
            None => self.all_recorded(),
        }
    }

    /// The listeners that the status names, as they were.
    fn all_recorded(&self) -> Vec<DesiredListener> {
        let rows = self.view.binding.status.iter().flat_map(|status| &status.listeners);
        rows.filter_map(|row| self.recorded(row)).collect()
    }

    /// A listener of the spec. One whose port is missing goes on with the one that it had.
    fn explicit(
        &self,
        reader: &mut Reader<'_>,
        service: Option<&Service>,
        (spec, protocol, port): (&ListenerSpec, Protocol, u16),
    ) -> DesiredListener {
        let found = service.and_then(|service| service_port(service, spec, protocol, port));
        if let (Some(service), None) = (service, found) {
            reader.problems.push(problem::service_port_not_found(service, spec, port));
        }
        let last = || resolution::row_of(self.view, protocol, port).and_then(|row| resolution::recorded(row, protocol));
        let resolution = found.map(|port| Resolution { port: port.clone(), source: PortSource::Slices }).or_else(last);
        let weight = Weight::try_from(spec.weight).unwrap_or(DEFAULT_WEIGHT);
        DesiredListener {
            protocol,
            port,
            origin: origin(&self.view.binding, spec),
            shape: reader.shape(spec, protocol, port),
            endpoints: self.endpoints(resolution.as_ref(), weight),
            resolution,
        }
    }

    /// The listener of a Service port, where the spec names none.
    fn of_port(&self, reader: &Reader<'_>, port: &ServicePort) -> DesiredListener {
        let protocol = match port.transport {
            Transport::Tcp => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
        };
        let resolution = Resolution { port: port.clone(), source: PortSource::Slices };
        DesiredListener {
            protocol,
            port: port.port,
            origin: own_origin(&self.view.binding),
            shape: Shape { attributes: reader.wishes.listener(protocol, port.port), ..Shape::default() },
            endpoints: self.endpoints(Some(&resolution), DEFAULT_WEIGHT),
            resolution: Some(resolution),
        }
    }

    /// The listener that a row of the status is about, as it was.
    pub(super) fn recorded(&self, row: &ListenerStatus) -> Option<DesiredListener> {
        let port = u16::try_from(row.port).ok()?;
        let protocol = protocol_of(row.protocol);
        let resolution = resolution::recorded(row, protocol);
        Some(DesiredListener {
            protocol,
            port,
            origin: ListenerOrigin::Held(ListenerId::new(row.listener_id.clone()?)),
            shape: Shape::default(),
            endpoints: self.endpoints(resolution.as_ref(), DEFAULT_WEIGHT),
            resolution,
        })
    }

    fn endpoints(&self, resolution: Option<&Resolution>, weight: Weight) -> Option<Endpoints> {
        let resolution = resolution?;
        let service = resolution::service(self.view)?;
        let spec = &self.view.binding.spec;
        // Where annotations make the listeners, the weights of annotations count too.
        let is_explicit = !spec.listeners.is_empty() && !self.view.is_of_service();
        let policy = Policy {
            networks: Networks {
                wanted: spec.network,
                cluster: self.snapshot.cluster,
                snat_pro: self.load_balancer.is_some_and(|found| found.snat_pro),
            },
            weights: match resolution.source {
                PortSource::Slices => Weights::new(&service, &resolution.port, weight, is_explicit),
                PortSource::Pods => Weights::held(weight),
            },
            drain: spec.drain.clone(),
            family: self.load_balancer.map_or(IpFamily::V4, |load_balancer| load_balancer.family),
            now: self.snapshot.now,
        };
        Some(endpoints(self.view, &service, resolution, policy))
    }
}

/// The listeners of the spec; one with an impossible port becomes a problem and harms none of the others.
fn listener_specs<'a>(view: &'a BindingView, problems: &mut Vec<Problem>) -> Vec<(&'a ListenerSpec, Protocol, u16)> {
    let mut specs = Vec::new();
    for spec in &view.binding.spec.listeners {
        match u16::try_from(spec.port) {
            Ok(port) if port > 0 => specs.push((spec, protocol_of(spec.protocol), port)),
            _ => problems.push(problem::port_impossible(spec.port, spec.protocol.as_str())),
        }
    }
    specs
}

/// The cloud's protocol of one in a spec.
pub(super) const fn protocol_of(protocol: ListenerProtocol) -> Protocol {
    match protocol {
        ListenerProtocol::Tcp => Protocol::Tcp,
        ListenerProtocol::Udp => Protocol::Udp,
        ListenerProtocol::TcpSsl => Protocol::TcpSsl,
        ListenerProtocol::Quic => Protocol::Quic,
        ListenerProtocol::Http => Protocol::Http,
        ListenerProtocol::Https => Protocol::Https,
    }
}

fn origin(binding: &DirectAccessBinding, spec: &ListenerSpec) -> ListenerOrigin {
    match &spec.listener_id {
        Some(id) => ListenerOrigin::Existing(ListenerId::new(id.as_str())),
        None => own_origin(binding),
    }
}

fn own_origin(binding: &DirectAccessBinding) -> ListenerOrigin {
    match binding.spec.mode {
        Mode::Direct => ListenerOrigin::Own { name: own_name(binding) },
        Mode::Delegate => ListenerOrigin::Delegated,
    }
}

fn own_name(binding: &DirectAccessBinding) -> String {
    let meta = &binding.metadata;
    let (uid, namespace, name) = (meta.uid.as_deref(), meta.namespace.as_deref(), meta.name.as_deref());
    ListenerName::new(uid.unwrap_or_default(), namespace.unwrap_or_default(), name.unwrap_or_default()).to_string()
}
