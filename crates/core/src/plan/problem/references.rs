//! Faults of what a binding names. Where something is missing, the message says what there is.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Problem, listed, meant, unresolved};
use crate::api::DirectAccessBinding;
use crate::api::binding::{ListenerProtocol, ListenerSpec};
use crate::api::condition::Reason;
use crate::api::names;
use crate::model::{Listener, LoadBalancerId, ObjectKey, Pod, Protocol, Region, Rule, Service, ServicePort, Transport};
use crate::plan::BindingView;

fn namespace(binding: &DirectAccessBinding) -> &str {
    binding.metadata.namespace.as_deref().unwrap_or_default()
}

pub(in crate::plan) fn service_not_found(binding: &DirectAccessBinding) -> Problem {
    let status = binding.status.as_ref();
    let has_listener = status.is_some_and(|status| status.listeners.iter().any(|row| row.listener_id.is_some()));
    let until_then =
        if has_listener { "the listeners serve the Pods that it selected last" } else { "no listener is made" };
    let message = format!(
        "Service '{}/{}' does not exist; create it or correct spec.serviceRef.name. Until then {until_then}",
        namespace(binding),
        binding.spec.service_ref.name
    );
    unresolved(Reason::ServiceNotFound, message)
}

pub(in crate::plan) fn no_selector(service: &Service) -> Problem {
    if service.is_external_name {
        let message = format!(
            "Service '{}' is of type ExternalName: it stands for a name outside of the cluster and has no Pods; give it the type ClusterIP \
             and a selector, or delete this binding and make one that names another Service in spec.serviceRef",
            service.key
        );
        return unresolved(Reason::NoSelector, message);
    }
    let message = format!(
        "Service '{}' has no selector, so no Pods can be bound; give it a selector, or name another Service in spec.serviceRef",
        service.key
    );
    unresolved(Reason::NoSelector, message)
}

/// The port as it is named in a Service, such as `80 (http, TCP)`.
fn port_words(port: &ServicePort) -> String {
    let transport = match port.transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    };
    match port.name.as_str() {
        "" => format!("{} ({transport})", port.port),
        name => format!("{} ({name}, {transport})", port.port),
    }
}

pub(in crate::plan) fn service_port_not_found(service: &Service, spec: &ListenerSpec, port: u16) -> Problem {
    let transport = match spec.protocol {
        ListenerProtocol::Udp | ListenerProtocol::Quic => "UDP",
        _ => "TCP",
    };
    let wanted = match &spec.service_port {
        Some(IntOrString::Int(number)) => format!("no {transport} port {number}, which its servicePort asks for"),
        Some(IntOrString::String(name)) => format!("no {transport} port '{name}', which its servicePort asks for"),
        None => format!("no {transport} port {port} and not exactly one other, and it names no servicePort"),
    };
    let names = service.ports.iter().map(|port| port.name.as_str()).filter(|name| !name.is_empty());
    let meant = match &spec.service_port {
        Some(IntOrString::String(name)) => meant(name, names),
        _ => String::new(),
    };
    let message = format!(
        "listener {port}/{}: Service '{}' has {wanted}; it has {}{meant}; set servicePort of this listener in spec.listeners to one of \
         the Service's, or give the Service such a port",
        spec.protocol.as_str(),
        service.key,
        listed(service.ports.iter().map(port_words).chain(service.unbindable_ports.iter().cloned()), "no port")
    );
    unresolved(Reason::ServicePortNotFound, message)
}

/// `pods` are those of the Service.
pub(in crate::plan) fn no_pod_port<'a>(
    route: &str,
    port: &ServicePort,
    pods: impl Iterator<Item = &'a Pod>,
) -> Problem {
    let declared: BTreeSet<_> = pods.flat_map(|pod| &pod.named_ports).map(|port| (&port.name, port.number)).collect();
    let near = meant(&port.target_port.to_string(), declared.iter().map(|(name, _)| name.as_str()));
    let declared = listed(declared.iter().map(|(name, number)| format!("'{name}' ({number})")), "no port by name");
    let message = format!(
        "{route}: no container of the Service's Pods declares the port '{}' that Service port {} stands for; they declare {declared}\
         {near}; name a container port so, or set targetPort of the Service port to one of theirs or to a number",
        port.target_port, port.port
    );
    unresolved(Reason::ServicePortNotFound, message)
}

/// `there` are the names of the configs of the namespace.
pub(in crate::plan) fn config_not_found(view: &BindingView, there: &[String]) -> Problem {
    let (namespace, name) = (namespace(&view.binding), view.config_name());
    let near = meant(&name, there.iter().map(String::as_str));
    let there = listed(there.iter().map(|name| format!("'{name}'")), "none");
    let is_of_spec = view.binding.spec.service_config_ref.is_some() && !view.is_of_service();
    let field = if is_of_spec {
        "spec.serviceConfigRef".to_owned()
    } else {
        format!("the annotation {} of the Service", names::SERVICE_CONFIG)
    };
    let message = format!(
        "TkeServiceConfig '{namespace}/{name}' does not exist, the namespace has {there}{near}; create it, or name another one in \
         {field}. Targets and gates do not wait for it"
    );
    unresolved(Reason::ConfigNotFound, message)
}

pub(in crate::plan) fn config_not_owned(name: &str) -> Problem {
    let message = format!(
        "TkeServiceConfig '{name}' exists and was not made for this binding; delete it, or switch autoServiceConfig off. \
         Targets and gates do not wait for it"
    );
    unresolved(Reason::ConfigNotOwned, message)
}

pub(in crate::plan) fn config_refused(name: &str, words: &str) -> Problem {
    let message = format!(
        "TkeServiceConfig '{name}' cannot be read, because the API server refuses to list them: {words}; allow the controller to list \
         and watch tkeserviceconfigs. What it managed stays as it is, and targets and gates do not wait for it"
    );
    unresolved(Reason::ConfigUnreadable, message)
}

/// How a binding comes to another load balancer: where it is cannot be changed in place.
fn made_anew(view: &BindingView) -> String {
    let meta = &view.binding.metadata;
    let delete = format!(
        "run 'kubectl delete directaccessbinding {} -n {}'",
        meta.name.as_deref().unwrap_or_default(),
        namespace(&view.binding)
    );
    if view.is_of_service() {
        format!(
            "correct the annotations of Service '{}', and {delete}: it is made anew",
            view.binding.spec.service_ref.name
        )
    } else {
        format!("{delete}, and apply it anew with another spec.loadBalancer")
    }
}

/// `doubt` says why it may be there although it is not shown.
pub(in crate::plan) fn load_balancer_not_found(
    view: &BindingView,
    id: &LoadBalancerId,
    region: &Region,
    doubt: Option<&str>,
) -> Problem {
    let is_created = crate::plan::placement::create_spec(&view.binding).is_some();
    let message = match (is_created, doubt) {
        (true, Some(doubt)) => format!(
            "load balancer '{id}', which was created for this binding, is not shown in region {region}, and may be there: {doubt}; see \
             whether it is before you make the binding anew"
        ),
        (true, None) if view.is_deleting() => {
            format!("load balancer '{id}', which was created for this binding, is not shown in region {region}")
        }
        (true, None) => format!(
            "load balancer '{id}', which was created for this binding, does not exist any more in region {region}; delete the binding \
             and make it anew to have another one, with another address"
        ),
        (false, _) => format!(
            "load balancer '{id}' does not exist in region {region}, or not for the controller's credentials; id and region of a binding \
             cannot be changed: {}",
            made_anew(view)
        ),
    };
    unresolved(Reason::LoadBalancerNotFound, message)
}

pub(in crate::plan) fn not_chosen_by_tke(binding: &DirectAccessBinding) -> Problem {
    let message = format!(
        "TKE's own service controller has not yet written service.kubernetes.io/loadbalance-id on Service '{}/{}'; see that the \
         Service is of type LoadBalancer, and look at its Events",
        namespace(binding),
        binding.spec.service_ref.name
    );
    unresolved(Reason::LoadBalancerNotFound, message)
}

pub(in crate::plan) fn listener_not_found(id: &str, (protocol, port): (Protocol, u16), there: &[Listener]) -> Problem {
    let near = meant(id, there.iter().map(|one| one.id.as_str()));
    let there = there.iter().map(|one| format!("'{}' ({}/{})", one.id, one.port, one.protocol));
    let message = format!(
        "listener {port}/{protocol}: the load balancer has no listener '{id}', it has {}{near}; correct its listenerId in \
         spec.listeners, or leave listenerId out to have a listener made",
        listed(there, "none")
    );
    unresolved(Reason::ListenerNotFound, message)
}

pub(in crate::plan) fn rule_not_found(listener: &Listener, domain: &str, url: &str) -> Problem {
    let there = |rule: &Rule| format!("'{}{}'", rule.domain, rule.url);
    let message = format!(
        "listener '{}' ({}/{}) has no rule of domain '{domain}' and url '{url}', it has {}; correct the rules of this listener in \
         spec.listeners, or create the rule",
        listener.id,
        listener.port,
        listener.protocol,
        listed(listener.rules.iter().map(there), "none")
    );
    unresolved(Reason::ListenerNotFound, message)
}

pub(in crate::plan) fn certificate_not_found(field: &str, secret: &ObjectKey, reason: &str) -> Problem {
    let ObjectKey { namespace, name } = secret;
    let message = format!(
        "{field}.certificate: Secret '{secret}': {reason}; correct it, or create it with a certificate and its private key by \
         'kubectl create secret tls {name} -n {namespace} --cert=FILE --key=FILE', or with the id of a certificate by \
         'kubectl create secret generic {name} -n {namespace} --from-literal=qcloud_cert_id=ID'. Until then certificates stay as they are",
    );
    unresolved(Reason::CertificateNotFound, message)
}
