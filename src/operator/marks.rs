//! Which annotated Services, configs and namespaces of gates a change concerns. Pure; the reason of a look is dropped on purpose.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::triggers::{is_of_all, namespace};
use crate::api::DirectAccessBinding;
use crate::k8s::{BindingRow, Change, Stores};
use crate::model::{ObjectKey, Service};
use crate::plan::config::reference;
use crate::status::service::readiness;

/// Every Service.
pub fn all_services(stores: &Stores) -> BTreeSet<ObjectKey> {
    stores.services.all().iter().map(|service| service.key.clone()).collect()
}

/// The Services that a change concerns.
pub fn services(change: &Change, stores: &Stores) -> BTreeSet<ObjectKey> {
    match change {
        Change::Service(change) => {
            [&change.before, &change.after].into_iter().flatten().map(|row| row.key.clone()).collect()
        }
        Change::Binding(change) => match (&change.before, &change.after) {
            (Some(before), Some(after))
                if before.is_same_input(after) && readiness(&before.0) == readiness(&after.0) =>
            {
                BTreeSet::new()
            }
            (before, after) => [before, after].into_iter().flatten().map(|row| service_key(&row.0)).collect(),
        },
        Change::Switches(_) => all_services(stores),
        Change::Slice(_) | Change::Pod(_) | Change::Config(_) | Change::Hold(_) | Change::Vpc(_) => BTreeSet::new(),
    }
}

fn service_key(binding: &DirectAccessBinding) -> ObjectKey {
    ObjectKey::new(binding.metadata.namespace.clone().unwrap_or_default(), binding.spec.service_ref.name.clone())
}

/// Every config, and every config that a binding names.
pub fn all_configs(stores: &Stores) -> BTreeSet<ObjectKey> {
    let all = stores.configs.all().into_iter().map(|row| row.key.clone());
    let bindings = stores.bindings.all();
    let used = bindings.iter().filter_map(|row| used_by(row, service_of(stores, &row.0).as_deref()));
    all.chain(used).collect()
}

/// The configs that a change concerns.
pub fn configs(change: &Change, stores: &Stores) -> BTreeSet<ObjectKey> {
    match change {
        Change::Config(_) if is_of_all(change) => all_configs(stores),
        Change::Config(change) => {
            [&change.before, &change.after].into_iter().flatten().map(|row| row.key.clone()).collect()
        }
        Change::Binding(change) => {
            let rows = [&change.before, &change.after].into_iter().flatten();
            rows.filter_map(|row| used_by(row, service_of(stores, &row.0).as_deref())).collect()
        }
        // Its annotations tell which config is used, its ports what listeners there are.
        Change::Service(change) => {
            let versions: Vec<_> = [&change.before, &change.after].into_iter().flatten().collect();
            let bound = versions.first().map(|service| stores.bindings_of(&service.key)).unwrap_or_default();
            bound.iter().flat_map(|row| versions.iter().filter_map(|service| used_by(row, Some(service)))).collect()
        }
        Change::Slice(_) | Change::Pod(_) | Change::Switches(_) | Change::Hold(_) | Change::Vpc(_) => BTreeSet::new(),
    }
}

/// The config that a binding uses or is to have, with this Service.
fn used_by(row: &BindingRow, service: Option<&Service>) -> Option<ObjectKey> {
    let found = reference(&row.0, service)?;
    Some(ObjectKey::new(row.0.metadata.namespace.clone().unwrap_or_default(), found.name))
}

fn service_of(stores: &Stores, binding: &DirectAccessBinding) -> Option<Arc<Service>> {
    let key = service_key(binding);
    stores.services.row(&key.namespace, &key.name)
}

/// Every namespace that has a Pod.
pub fn all_namespaces(stores: &Stores) -> BTreeSet<String> {
    stores.pods.all().iter().map(|pod| pod.key.namespace.clone()).collect()
}

/// The namespace in whose gates something may have changed.
pub fn namespaces(change: &Change, stores: &Stores) -> BTreeSet<String> {
    match change {
        // Whether TKE's own service controller opens a gate is said there.
        Change::Switches(_) => {
            let pods = stores.pods.all();
            pods.iter().filter(|pod| pod.gate.is_waiting()).map(|pod| pod.key.namespace.clone()).collect()
        }
        _ => BTreeSet::from([namespace(change).to_owned()]),
    }
}
