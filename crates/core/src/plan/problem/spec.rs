//! Faults of what a binding says by itself.

use super::{Problem, VPC_REMEDY, accepted};
use crate::api::DirectAccessBinding;
use crate::api::binding::{DeletionPolicy, Parking};
use crate::api::condition::Reason;
use crate::api::mark::ListenerName;
use crate::api::names;
use crate::model::{Listener, Protocol, Region, nearest_region};
use crate::mutant::{self, Mutant};
use crate::plan::BindingView;
use crate::plan::annotated::HoldReason;
use crate::plan::placement;

pub(in crate::plan) fn suspended() -> Problem {
    accepted(Reason::Suspended, "spec.suspend is true: nothing is changed until it is set to false".to_owned())
}

pub(in crate::plan) fn managed_by_tke(binding: &DirectAccessBinding) -> Problem {
    let message = format!(
        "Service '{}/{}' is of type LoadBalancer and programmed by TKE's own service controller; set its annotation service.cloud.tencent.com/mode \
         to skip, or use spec.mode Delegate. Until then nothing new is made, and on what it already has, Pods come and go",
        binding.metadata.namespace.as_deref().unwrap_or_default(),
        binding.spec.service_ref.name
    );
    accepted(Reason::ManagedByTke, message)
}

pub(in crate::plan) fn switches_refused() -> Problem {
    accepted(Reason::SwitchesRefused, HoldReason::SwitchesRefused.words().to_owned())
}

fn unsupported(field: &str, what: &str) -> Problem {
    accepted(Reason::UnsupportedValue, format!("{field}: {what}"))
}

fn invalid(field: &str, what: &str) -> Problem {
    accepted(Reason::Invalid, format!("{field}: {what}"))
}

pub(in crate::plan) fn claimed_by_other(what: &str, winner: &str) -> Problem {
    let message =
        format!("{what} is taken by DirectAccessBinding '{winner}'; use another one or delete one of the two");
    accepted(Reason::PortConflict, message)
}

pub(in crate::plan) fn held_by_foreign(
    view: &BindingView,
    protocol: Protocol,
    port: u16,
    listener: &Listener,
) -> Problem {
    if mutant::is(Mutant::ConflictIsQuota) {
        return super::listener_quota(1);
    }
    let (namespace, name) = view.place();
    if ListenerName::owner_named(&listener.name, namespace, name).is_some() {
        let message = format!(
            "port {port}/{protocol} is held by listener '{}' ('{}') of a former binding of this name, which this one does not own; run \
             '{}' to take its place, with everything that carries its mark",
            listener.id,
            listener.name,
            names::adopt_command(namespace, name)
        );
        return accepted(Reason::PortConflict, message);
    }
    let message = format!(
        "port {port}/{protocol} is held by listener '{}' ('{}'), which this binding does not own; set its listenerId to \
         bind into it, or use another port",
        listener.id, listener.name
    );
    accepted(Reason::PortConflict, message)
}

pub(in crate::plan) fn not_shared(listener: &Listener, maker: Option<&str>, namespace: &str) -> Problem {
    let (id, name, port, protocol) = (&listener.id, &listener.name, listener.port, listener.protocol);
    let (whose, way_out) = match maker {
        Some(maker) => (
            format!("which DirectAccessBinding '{maker}' of another namespace has made"),
            format!(
                "have that one share it (spec.listeners[{port}/{protocol}].sharedWith: [{namespace}]), or use another listener"
            ),
        ),
        None => (
            format!("whose name '{name}' is the mark of a binding of another namespace that is not there any more"),
            "use another listener, or have whoever owns the load balancer rename it".to_owned(),
        ),
    };
    let message = format!(
        "listener '{id}' ({port}/{protocol}) of listenerId is one {whose}: nothing new is bound there, and what is bound serves on; {way_out}"
    );
    accepted(Reason::PortConflict, message)
}

pub(in crate::plan) fn listener_mismatch(listener: &Listener, protocol: Protocol, port: u16) -> Problem {
    let message = format!(
        "listener '{}' is {}/{}, not {port}/{protocol}; correct listenerId, port or protocol",
        listener.id, listener.port, listener.protocol
    );
    accepted(Reason::Invalid, message)
}

pub(in crate::plan) fn parked(view: &BindingView, parking: Parking) -> Problem {
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

/// The cloud has no region of this name.
pub(in crate::plan) fn region_unknown(binding: &DirectAccessBinding, region: &Region) -> Problem {
    let meta = &binding.metadata;
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let near = nearest_region(region).map_or_else(|| ";".to_owned(), |near| format!("; did you mean '{near}'?"));
    let delete = format!("run 'kubectl delete directaccessbinding {name} -n {namespace}'");
    let is_named = binding.spec.load_balancer.as_ref().is_some_and(|named| named.region.is_some());
    let way = match (is_named, placement::owning_service(binding)) {
        (false, _) => {
            "correct the controller's --region (the chart's region), or name the load balancer's in this field"
                .to_owned()
        }
        (true, Some(_)) => format!(
            "correct it in the annotations of Service '{namespace}/{}'; a binding's region cannot be changed, so then {delete}, and the \
             controller makes it anew",
            binding.spec.service_ref.name
        ),
        (true, None) => {
            format!("it cannot be changed later, so {delete}, and apply it anew with the right region")
        }
    };
    invalid("spec.loadBalancer.region", &format!("the cloud has no region '{region}'{near} {way}"))
}

/// A listener is to be made that needs a certificate, and none is named.
pub(in crate::plan) fn certificate_missing(place: &str, protocol: Protocol) -> Problem {
    invalid(&format!("{place}.certificate"), &format!("must be set for {protocol}"))
}

/// The rules of a domain name different certificates.
pub(in crate::plan) fn certificates_differ(rule: &str) -> Problem {
    invalid(&format!("{rule}.certificate"), "is not that of the other rules of this domain; give all of them the same")
}

pub(in crate::plan) fn rule_twice(rule: &str) -> Problem {
    invalid(rule, "is there twice; remove one of the two")
}

/// No address of the load balancer can stand for an empty domain.
pub(in crate::plan) fn domain_missing(place: &str, url: &str) -> Problem {
    let what = "must be set, because the load balancer has no IPv4 address that could stand for it";
    unsupported(&format!("{place}.rules[{url}].domain"), what)
}

pub(in crate::plan) fn port_impossible(port: i32, protocol: &str) -> Problem {
    invalid(&format!("spec.listeners[{port}/{protocol}].port"), "must be from 1 to 65535")
}

/// An internal load balancer is to be created, and the VPC of the cluster is not known; `why` says why.
pub(in crate::plan) fn vpc_unknown(why: &str) -> Problem {
    let what = format!(
        "it is not set, and the VPC of the cluster is not known: {why}; {VPC_REMEDY}. Until then no load balancer is created"
    );
    invalid("spec.loadBalancer.create.vpcId", &what)
}
