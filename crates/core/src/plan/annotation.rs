//! What a binding writes on its Service, so that people and tools see there what is the case.

use std::collections::BTreeMap;

use crate::api::binding::{ChargeType, LoadBalancerSpec, Mode};
use crate::api::names;
use crate::model::{LoadBalancerId, Service};

use super::{BindingView, Cloud};

/// The annotations that should be ours: our facts, less the keys that a user has set.
///
/// Empty when the binding does not speak for its Service or is going away, which takes ours off again.
pub fn annotations(view: &BindingView, service: &Service, load_balancer: &LoadBalancerId) -> BTreeMap<String, String> {
    if view.is_deleting() || !view.speaks_for_service {
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
/// write: its class is not ours, and the binding was not made for it.
pub fn ingress(view: &BindingView, service: &Service, cloud: &Cloud) -> Option<Vec<String>> {
    let is_ours = service.load_balancer_class.as_deref() == Some(names::LOAD_BALANCER_CLASS);
    if !service.is_load_balancer || view.binding.spec.mode == Mode::Delegate || !(is_ours || view.is_of_service()) {
        return None;
    }
    if view.is_deleting() {
        return Some(Vec::new());
    }
    let Cloud::Observed(observed) = cloud else { return None };
    let balancer = &observed.load_balancer;
    let addresses = balancer.addresses.iter().map(ToString::to_string);
    Some(addresses.chain(balancer.domain.clone()).collect())
}

/// True when the Service does not carry exactly these of ours.
pub fn differs(service: &Service, wanted: &BTreeMap<String, String>) -> bool {
    let is_there = |(key, value): (&String, &String)| service.annotations.get(key) == Some(value);
    !wanted.iter().all(is_there) || service.our_annotations.iter().any(|key| !wanted.contains_key(key))
}
