//! What can be wrong with a binding, as values: the condition it belongs to, the reason, and words for the user.
//!
//! The wording lives here and nowhere else: every message names the object and says what to do next.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::api::DirectAccessBinding;
use crate::api::binding::{DeletionPolicy, ListenerProtocol, ListenerSpec, Parking};
use crate::api::condition::{ChangeReason, ConditionType, Reason};
use crate::api::mark::OWNER_TAG;
use crate::model::{AccountId, Listener, LoadBalancerId, ObjectKey, Protocol, Rule, Service, ServicePort};

use super::BindingView;
use super::removals::{Hold, Withheld};
use super::target::LastPod;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The condition that it makes False.
    pub condition: ConditionType,
    /// The condition's reason.
    pub reason: Reason,
    /// What is wrong and what to do.
    pub message: String,
}

fn accepted(reason: Reason, message: String) -> Problem {
    Problem { condition: ConditionType::Accepted, reason, message }
}

fn unresolved(reason: Reason, message: String) -> Problem {
    Problem { condition: ConditionType::ResolvedRefs, reason, message }
}

fn unprogrammed(reason: Reason, message: String) -> Problem {
    Problem { condition: ConditionType::Programmed, reason, message }
}

pub(super) fn suspended() -> Problem {
    accepted(Reason::Suspended, "spec.suspend is true: nothing is changed until it is set to false".to_owned())
}

pub(super) fn managed_by_tke(binding: &DirectAccessBinding) -> Problem {
    let message = format!(
        "Service '{}/{}' is of type LoadBalancer and programmed by TKE's own service controller; set its annotation service.cloud.tencent.com/mode \
         to skip, or use spec.mode Delegate. Until then nothing new is made, and on what it already has, Pods come and go",
        binding.metadata.namespace.as_deref().unwrap_or_default(),
        binding.spec.service_ref.name
    );
    accepted(Reason::ManagedByTke, message)
}

pub(super) fn switches_refused() -> Problem {
    accepted(Reason::SwitchesRefused, super::annotated::HoldReason::SwitchesRefused.words().to_owned())
}

pub(super) fn unsupported(field: &str, what: &str) -> Problem {
    accepted(Reason::UnsupportedValue, format!("{field}: {what}"))
}

pub(super) fn invalid(field: &str, what: &str) -> Problem {
    accepted(Reason::Invalid, format!("{field}: {what}"))
}

pub(super) fn claimed_by_older(what: &str, winner: &str) -> Problem {
    let message = format!(
        "{what} is taken by the older DirectAccessBinding '{winner}'; use another one or delete one of the two"
    );
    accepted(Reason::PortConflict, message)
}

pub(super) fn held_by_foreign(protocol: Protocol, port: u16, listener: &Listener) -> Problem {
    let message = format!(
        "port {port}/{protocol} is held by listener '{}' ('{}'), which this binding does not own; set its listenerId to \
         bind into it, or use another port",
        listener.id, listener.name
    );
    accepted(Reason::PortConflict, message)
}

pub(super) fn service_not_found(binding: &DirectAccessBinding) -> Problem {
    let namespace = binding.metadata.namespace.as_deref().unwrap_or_default();
    let message = format!(
        "Service '{namespace}/{}' does not exist; create it or correct spec.serviceRef.name. Until then the listeners \
         serve the Pods that it selected last",
        binding.spec.service_ref.name
    );
    unresolved(Reason::ServiceNotFound, message)
}

pub(super) fn no_selector(service: &Service) -> Problem {
    let message = format!(
        "Service '{}' has no selector, so no Pods can be bound; give it a selector or bind another Service",
        service.key
    );
    unresolved(Reason::NoSelector, message)
}

pub(super) fn service_port_not_found(service: &Service, spec: &ListenerSpec, port: u16) -> Problem {
    let wanted = match &spec.service_port {
        Some(IntOrString::Int(port)) => format!("no {} port {port}", transport(spec)),
        Some(IntOrString::String(name)) => format!("no {} port '{name}'", transport(spec)),
        None => format!("no {} port {port} and not exactly one other", transport(spec)),
    };
    let message =
        format!("Service '{}' has {wanted}; correct spec.listeners[{port}].servicePort or the Service", service.key);
    unresolved(Reason::ServicePortNotFound, message)
}

fn transport(spec: &ListenerSpec) -> &'static str {
    match spec.protocol {
        ListenerProtocol::Udp | ListenerProtocol::Quic => "UDP",
        _ => "TCP",
    }
}

pub(super) fn config_not_found(name: &str) -> Problem {
    let message = format!("TkeServiceConfig '{name}' does not exist; create it. Targets and gates do not wait for it");
    unresolved(Reason::ConfigNotFound, message)
}

pub(super) fn config_not_owned(name: &str) -> Problem {
    let message = format!(
        "TkeServiceConfig '{name}' exists and was not made for this binding; delete it, or switch autoServiceConfig off. \
         Targets and gates do not wait for it"
    );
    unresolved(Reason::ConfigNotOwned, message)
}

pub(super) fn config_refused(name: &str, words: &str) -> Problem {
    let message = format!(
        "TkeServiceConfig '{name}' cannot be read, because the API server refuses to list them: {words}; allow the controller to list \
         and watch tkeserviceconfigs. What it managed stays as it is, and targets and gates do not wait for it"
    );
    unresolved(Reason::ConfigUnreadable, message)
}

/// `doubt` says why it may be there although it is not shown.
pub(super) fn load_balancer_not_found(id: &LoadBalancerId, is_created: bool, doubt: Option<&str>) -> Problem {
    let message = if let (true, Some(doubt)) = (is_created, doubt) {
        format!(
            "load balancer '{id}', which was created for this binding, is not shown, and may be there: {doubt}; see whether it is \
             before you make the binding anew"
        )
    } else if is_created {
        format!(
            "load balancer '{id}', which was created for this binding, does not exist any more; delete the binding and make it \
             anew to have another one, with another address"
        )
    } else {
        format!(
            "load balancer '{id}' does not exist in this region; correct spec.loadBalancer.id or spec.loadBalancer.region"
        )
    };
    unresolved(Reason::LoadBalancerNotFound, message)
}

pub(super) fn not_chosen_by_tke(binding: &DirectAccessBinding) -> Problem {
    let message = format!(
        "TKE's own service controller has not yet written service.kubernetes.io/loadbalance-id on Service '{}/{}'; see that the \
         Service is of type LoadBalancer, and look at its Events",
        binding.metadata.namespace.as_deref().unwrap_or_default(),
        binding.spec.service_ref.name
    );
    unresolved(Reason::LoadBalancerNotFound, message)
}

pub(super) fn load_balancer_not_marked(id: &LoadBalancerId, uid: &str) -> Problem {
    let message = format!(
        "load balancer '{id}' has lost its tag {OWNER_TAG}={uid} and is not deleted without it; put the tag back, or set \
         spec.deletionPolicy to Deregister and delete it yourself"
    );
    unprogrammed(Reason::RemovalHeld, message)
}

pub(super) fn load_balancer_in_use(id: &LoadBalancerId, by: &str) -> Problem {
    let message = format!(
        "load balancer '{id}' is not deleted, because {by}; remove that, or set spec.deletionPolicy to Deregister to keep the \
         load balancer"
    );
    unprogrammed(Reason::RemovalHeld, message)
}

pub(super) fn listener_not_found(id: &str) -> Problem {
    let message = format!("listener '{id}' does not exist on the load balancer; correct its listenerId or create it");
    unresolved(Reason::ListenerNotFound, message)
}

pub(super) fn rule_not_found(listener: &Listener, domain: &str, url: &str) -> Problem {
    let message = format!(
        "listener '{}' has no rule of domain '{domain}' and url '{url}'; correct the rules of the spec or create it",
        listener.id
    );
    unresolved(Reason::ListenerNotFound, message)
}

pub(super) fn certificate_not_found(field: &str, secret: &str, reason: &str) -> Problem {
    let message = format!(
        "{field}.certificate: Secret '{secret}': {reason}; create it in the binding's namespace with the key \
         qcloud_cert_id. Until then certificates stay as they are"
    );
    unresolved(Reason::CertificateNotFound, message)
}

pub(super) fn rule_quota(listener: &Listener, limit: usize) -> Problem {
    let message = format!(
        "listener {}/{} has no room for more rules than its quota of {limit}; use fewer rules or have \
         TOTAL_LISTENER_RULE_QUOTA raised",
        listener.port, listener.protocol
    );
    unprogrammed(Reason::QuotaExceeded, message)
}

pub(super) fn listener_mismatch(listener: &Listener, protocol: Protocol, port: u16) -> Problem {
    let message = format!(
        "listener '{}' is {}/{}, not {port}/{protocol}; correct listenerId, port or protocol",
        listener.id, listener.port, listener.protocol
    );
    accepted(Reason::Invalid, message)
}

pub(super) fn listener_quota(limit: usize) -> Problem {
    let message = format!(
        "the load balancer already has {limit} listeners, its quota; delete listeners or have TOTAL_LISTENER_QUOTA raised"
    );
    unprogrammed(Reason::QuotaExceeded, message)
}

pub(super) fn target_quota(route: &str, limit: usize, left_out: usize) -> Problem {
    let message = format!(
        "{route} holds its quota of {limit} targets and {left_out} Pods are left out; scale down or \
         have TOTAL_TARGET_BIND_QUOTA raised"
    );
    unprogrammed(Reason::QuotaExceeded, message)
}

pub(super) fn address_in_use(route: &str, count: usize) -> Problem {
    let message =
        format!("{count} Pod addresses are already targets of {route} on behalf of somebody else; remove them there");
    unprogrammed(Reason::BackendConflict, message)
}

pub(super) fn clash(route: &str, other: &str) -> Problem {
    let message = format!(
        "Pods are to be targets of {route} at addresses that are targets of {other}, which the cloud does not allow; let them \
         listen on a port of their own for each listener"
    );
    unprogrammed(Reason::BackendConflict, message)
}

pub(super) fn foreign_targets(listener: &Listener, rule: Option<&Rule>) -> Problem {
    let rule = rule.map(|rule| format!("rule {}{} of ", rule.domain, rule.url)).unwrap_or_default();
    let message = format!(
        "{rule}listener '{}' ({}/{}) is no longer wanted but holds targets that this controller did not register; remove \
         them and it will be deleted",
        listener.id, listener.port, listener.protocol
    );
    unprogrammed(Reason::RemovalHeld, message)
}

pub(super) fn parked(view: &BindingView, parking: Parking) -> Problem {
    let recorded = view.binding.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let id = recorded.map(|recorded| recorded.id.as_str()).unwrap_or_default();
    let meta = &view.binding.metadata;
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let first = match view.binding.spec.deletion_policy {
        DeletionPolicy::Delete => "",
        DeletionPolicy::Deregister | DeletionPolicy::Retain => "set its spec.deletionPolicy to Delete, and then ",
    };
    let message = format!(
        "Service '{namespace}/{}' does not ask for direct access any more: load balancer '{id}' {}; {parking}, and it costs money; to \
         delete it, {first}run 'kubectl delete directaccessbinding {name} -n {namespace}'; to have it back in use, let the Service ask \
         again, as a Service of type LoadBalancer with service.cloud.tencent.com/direct-access \"true\"",
        view.binding.spec.service_ref.name,
        parking.state()
    );
    accepted(Reason::Parked, message)
}

pub(super) fn route_held(listener: &Listener) -> Problem {
    let message = format!(
        "listener '{}' ({}/{}) is not in the spec and goes on as it is, because not every listener of the spec is accepted, resolved \
         and there; correct what the other messages name",
        listener.id, listener.port, listener.protocol
    );
    unprogrammed(Reason::RemovalHeld, message)
}

pub(super) fn slices_stale(service: &ObjectKey, pod: &str) -> Problem {
    let message = format!(
        "the EndpointSlices of Service '{service}' have not named Pod '{pod}' and perhaps others as its selector and ports say for \
         more than a minute; look at the cluster's endpoint slice controller. What is bound stays"
    );
    unprogrammed(Reason::SlicesStale, message)
}

pub(super) fn listener_stopped(listener: &Listener) -> Problem {
    let message = format!(
        "listener '{}' ({}/{}) is stopped in the cloud and takes no traffic; start it, by the console or by \
         SetLoadBalancerStartStatus",
        listener.id, listener.port, listener.protocol
    );
    unprogrammed(Reason::ListenerStopped, message)
}

/// The plan of the binding has panicked with this message.
pub(super) fn internal(message: &str) -> Problem {
    let message =
        format!("the controller cannot decide what to do for this binding, which is a fault of its own: {message}");
    Problem { condition: ConditionType::Programmed, reason: Reason::Internal, message }
}

pub(super) fn tags_not_shown() -> Problem {
    let message = "the cloud does not show the tags of targets: on listeners given by listenerId, targets of Pods that are gone are \
                   not recognised; remove them by hand, or let the binding have listeners of its own"
        .to_owned();
    unprogrammed(Reason::TagsNotShown, message)
}

/// `doubt` says why two looks would prove nothing either.
pub(super) fn load_balancer_not_shown(id: &LoadBalancerId, doubt: Option<&str>) -> Problem {
    let message = match doubt {
        None => format!(
            "the cloud does not show load balancer '{id}', which is no proof that it is gone; the finalizer waits until two looks, \
             30 s apart, agree. To give up what may be left there, set spec.deletionPolicy to Retain"
        ),
        Some(doubt) => format!(
            "the cloud does not show load balancer '{id}', which is no proof that it is gone, because {doubt}; the finalizer waits. To \
             give up what may be left there, set spec.deletionPolicy to Retain"
        ),
    };
    unprogrammed(Reason::LoadBalancerNotShown, message)
}

/// A load balancer was asked for, and none with the binding's tag is shown.
pub(super) fn creation_not_shown(doubt: &str) -> Problem {
    let message = format!(
        "no load balancer with the tag of this binding is shown, which is no proof that none was created, because {doubt}. To give up \
         what may be there, delete the binding with spec.deletionPolicy Retain"
    );
    unprogrammed(Reason::LoadBalancerNotShown, message)
}

pub(super) fn other_account(view: &BindingView, recorded: &str, caller: &AccountId) -> Problem {
    let found = view.binding.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let what = match found.filter(|found| !found.id.is_empty()) {
        Some(found) => format!("load balancer '{}' is in account {recorded}", found.id),
        None => format!("the load balancer of this binding was asked for in account {recorded}"),
    };
    let way_out =
        if view.is_deleting() { ", or, to give up what is left there, set spec.deletionPolicy to Retain" } else { "" };
    let message = format!(
        "{what}, and the controller's credentials are of account {caller}: nothing is created, changed or deleted. Give the controller \
         credentials of account {recorded}{way_out}"
    );
    unprogrammed(Reason::OtherAccount, message)
}

pub(super) fn not_proven_gone() -> Problem {
    let message = "listeners or targets of this binding are recorded and a read does not show them; the finalizer waits for a second \
                   look after 30 s. To give up what may be left, set spec.deletionPolicy to Retain"
        .to_owned();
    unprogrammed(Reason::RemovalHeld, message)
}

/// Living Pods that are kept because nobody else would serve; those that end need no words.
pub(super) fn last_held(route: &str, namespace: &str, last: &[LastPod]) -> Option<Problem> {
    let mut living: Vec<_> = last.iter().filter(|one| one.reason != ChangeReason::PodDeleted).collect();
    living.sort_by(|a, b| a.pod.cmp(&b.pod));
    let first = living.first()?;
    let way_out = match first.reason {
        ChangeReason::NotReady | ChangeReason::NodeLost => {
            "make Pods ready, or set spec.drain.lastNotReady to Follow to send no traffic to Pods that are not"
                .to_owned()
        }
        _ => format!(
            "see that the Service's selector and ports match Pods that become ready, or take these out by 'kubectl direct-access \
             drain --now pod/{} -n {namespace}'",
            first.pod
        ),
    };
    let message = format!(
        "nobody else would serve {route}: {} {} their weight although they should leave, such as '{}' ({}); {way_out}",
        living.len(),
        if living.len() == 1 { "Pod keeps" } else { "Pods keep" },
        first.pod,
        first.reason
    );
    Some(unprogrammed(Reason::RemovalHeld, message))
}

impl Problem {
    /// Whether it leaves open what of the spec is wanted, so that nothing of the binding is unwanted by proof.
    pub(super) const fn holds_routes(&self) -> bool {
        !matches!(self.reason, Reason::ConfigNotFound | Reason::ConfigNotOwned | Reason::ConfigUnreadable)
    }
}

pub(super) fn departure_unknown() -> Problem {
    let message = "the API server does not say whether the definition of DirectAccessBindings is being deleted, so nothing is taken \
                   away; allow the controller to get it, or set spec.deletionPolicy to Retain"
        .to_owned();
    unprogrammed(Reason::RemovalHeld, message)
}

pub(super) fn no_pod_port(route: &str, port: &ServicePort) -> Problem {
    let message = format!(
        "{route}: no container of the Service's Pods declares the port '{}' that Service port {} stands for; name a container port so, \
         or give the number as targetPort",
        port.target_port, port.port
    );
    unresolved(Reason::ServicePortNotFound, message)
}

/// What a hold of removals keeps of a binding.
pub(super) fn removals_held(hold: &Hold, withheld: Withheld) -> Problem {
    let message = format!(
        "removals are held, because {}: {withheld} that would be removed, or lose weight, stay as they are; to let removals go on, {}",
        hold.cause(),
        hold.way_out()
    );
    unprogrammed(Reason::RemovalsHeld, message)
}

/// A hold of removals that keeps nothing of a binding.
pub(super) fn removals_held_note(hold: &Hold) -> String {
    format!(
        "removals are held, because {}; nothing of this binding waits for that; to let removals go on, {}",
        hold.cause(),
        hold.way_out()
    )
}

pub(super) fn deletion_held(view: &BindingView) -> Problem {
    let message = format!(
        "the binding is being deleted, and Service '{}' that owns it still asks for direct access, so everything goes on; say \
         service.cloud.tencent.com/direct-access \"false\" on the Service, or delete the Service, to end it",
        view.binding.spec.service_ref.name
    );
    unprogrammed(Reason::RemovalHeld, message)
}
