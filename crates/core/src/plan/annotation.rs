//! What a binding writes on its Service, so that people and tools see there what is the case.

use std::collections::BTreeMap;

use crate::api::binding::{ChargeType, LoadBalancerSpec, Mode};
use crate::api::names;
use crate::model::{Annotation, Known, LoadBalancerId, Service};

use super::annotated::is_left_to_tke;
use super::{BindingView, Cloud, Cluster, Heir, Management};

/// The annotations that should be ours: our facts, less the keys that a user has set.
///
/// They come off when the binding goes by proof, or does not speak for its Service. What is merely held keeps them. Of a Service that
/// TKE programs, what TKE acts on stays: its own switch, and all that a binding in mode Delegate has written for it.
pub fn annotations(
    view: &BindingView,
    service: &Service,
    load_balancer: &LoadBalancerId,
    management: Management,
    cluster: Cluster,
) -> BTreeMap<String, String> {
    let kept = |is_kept: fn(&str) -> bool| {
        let ours = service.our_annotations.iter().filter(|key| is_kept(key));
        let text = |key: &String| match service.annotations.get(key)? {
            Annotation::Text(text) => Some((key.clone(), text.clone())),
            // Nothing that is written here is so long.
            Annotation::TooLong(_) => None,
        };
        ours.filter_map(text).collect()
    };
    let ends = ends(view, management);
    let is_left_to_tke = || is_left_to_tke(service, cluster.has_tke) != Known::No;
    match management {
        // Each would write its own id, for ever.
        Management::Manage if view.binding.spec.mode == Mode::Direct && is_left_to_tke() => return kept(|_| true),
        Management::Manage | Management::Observe => {}
        _ if view.binding.spec.mode == Mode::Delegate => return kept(|_| true),
        Management::Freeze(_) | Management::Hold | Management::Abandon(_) if !ends => return kept(|_| true),
        _ if is_left_to_tke() => return kept(|key| key == names::DIRECT_ACCESS),
        _ if ends => return BTreeMap::new(),
        _ => {}
    }
    if !view.speaks_for_service {
        return BTreeMap::new();
    }
    let spec = &view.binding.spec;
    let mut facts = match spec.mode {
        Mode::Direct => BTreeMap::from([(names::LOAD_BALANCER_ID.to_owned(), load_balancer.to_string())]),
        Mode::Delegate => delegated(spec.load_balancer.as_ref()),
    };
    if !view.is_of_service() {
        facts.insert(names::DIRECT_ACCESS.to_owned(), "true".to_owned());
        if let Some(config) = &spec.service_config_ref {
            facts.insert(names::SERVICE_CONFIG.to_owned(), config.name.clone());
        }
        if spec.auto_service_config {
            facts.insert(names::SERVICE_CONFIG_AUTO.to_owned(), "true".to_owned());
        }
    }
    let is_ours = |key: &String| service.our_annotations.contains(key) || !service.annotations.contains_key(key);
    facts.retain(|key, _| is_ours(key));
    facts
}

/// Whether a binding goes and leaves nothing: what it has is taken away, or it never had anything. What TKE has made on its word stays.
fn ends(view: &BindingView, management: Management) -> bool {
    match management {
        _ if view.binding.spec.mode == Mode::Delegate => false,
        Management::Release(_) => true,
        Management::Abandon(Heir::Nobody) => !view.is_submitted(),
        _ => false,
    }
}

/// Whether annotations come off that the status records, although the Service as it is seen does not show them: it may be behind, and nobody
/// comes back to it once the binding is gone.
pub fn are_taken_off_unseen(view: &BindingView, service: &Service, management: Management, cluster: Cluster) -> bool {
    let mut recorded = view.binding.status.iter().flat_map(|status| &status.annotations);
    ends(view, management)
        && is_left_to_tke(service, cluster.has_tke) == Known::No
        && recorded.any(|row| !service.annotations.contains_key(&row.key))
}

/// What tells TKE's own service controller which load balancer to use, or how to create one.
fn delegated(load_balancer: Option<&LoadBalancerSpec>) -> BTreeMap<String, String> {
    let Some(spec) = load_balancer else { return BTreeMap::new() };
    let create = spec.create.as_ref();
    let charge_type = create.and_then(|create| create.charge_type).map(ChargeType::as_str);
    let bandwidth = create.and_then(|create| create.bandwidth_mbps).map(|mbps| mbps.to_string());
    let told = [
        (names::EXISTING_LOAD_BALANCER_ID, spec.id.clone()),
        (names::CROSS_REGION_ID, spec.region.clone()),
        (names::INTERNAL_SUBNET_ID, create.and_then(|create| create.subnet_id.clone())),
        (names::INTERNET_CHARGE_TYPE, charge_type.map(str::to_owned)),
        (names::INTERNET_MAX_BANDWIDTH_OUT, bandwidth),
    ];
    told.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// The addresses or host names that the Service's `status.loadBalancer` should have; `None` when they are not known, or not ours to
/// write: its class is not ours, and the binding was not made for it. What somebody else has written there is not ours to take off.
pub fn ingress(view: &BindingView, service: &Service, cloud: &Cloud, management: Management) -> Option<Vec<String>> {
    let is_ours = service.load_balancer_class.as_deref() == Some(names::LOAD_BALANCER_CLASS);
    if !service.is_load_balancer || view.binding.spec.mode == Mode::Delegate || !(is_ours || view.is_of_service()) {
        return None;
    }
    match management {
        Management::Release(_) | Management::Park(_) => return service.has_our_ingress.then(Vec::new),
        Management::Freeze(_) | Management::Hold | Management::Abandon(_) => return None,
        Management::Manage | Management::Observe => {}
    }
    let Cloud::Observed(observed) = cloud else { return None };
    let balancer = &observed.load_balancer;
    let addresses = balancer.addresses.iter().map(ToString::to_string);
    Some(addresses.chain(balancer.domain.clone()).collect())
}

/// True when the Service does not carry exactly these of ours.
pub fn differs(service: &Service, wanted: &BTreeMap<String, String>) -> bool {
    let is_there = |(key, value): (&String, &String)| service.annotations.is(key, value);
    !wanted.iter().all(is_there) || service.our_annotations.iter().any(|key| !wanted.contains_key(key))
}
