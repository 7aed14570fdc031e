//! Words by which rows are found without looking at all of them.

use super::stores::BindingRow;
use super::table::Index;
use crate::model::{ObjectKey, Service, Slice};

/// A word under which a row is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// A binding that names this load balancer, or has it recorded.
    LoadBalancer(String),
    /// An object of this UID.
    Uid(String),
    /// A binding or a slice of this Service.
    Service(ObjectKey),
    /// A binding of this namespace that has targets of Pods that its Service does not select, so that any Pod may be one of these.
    Leaving(String),
    /// A Service of this namespace whose selector begins with this label, or a binding that has recorded such a selector: its Pods have
    /// it.
    Label(String, String, String),
}

/// Of bindings.
pub(super) const BINDINGS: Index<BindingRow> = |row| {
    let binding = &row.0;
    let namespace = binding.metadata.namespace.clone().unwrap_or_default();
    let named = binding.spec.load_balancer.as_ref().and_then(|spec| spec.id.clone());
    let status = binding.status.as_ref();
    let recorded = status.and_then(|status| status.load_balancer.as_ref()).map(|recorded| recorded.id.clone());
    let leaves = status.is_some_and(|status| {
        !status.draining.is_empty() || status.targets.as_ref().is_some_and(|targets| targets.retained > 0)
    });
    let load_balancers = named.into_iter().chain(recorded).map(Word::LoadBalancer);
    let service = Word::Service(ObjectKey::new(&namespace, &binding.spec.service_ref.name));
    let uid = binding.metadata.uid.clone().map(Word::Uid);
    let first = status.and_then(|status| status.pod_selector.first());
    let recorded = first.map(|label| Word::Label(namespace.clone(), label.key.clone(), label.value.clone()));
    let leaving = leaves.then_some(Word::Leaving(namespace));
    load_balancers.chain([service]).chain(uid).chain(leaving).chain(recorded).collect()
};

/// Of Services. Those without a selector select nothing.
pub(super) const SERVICES: Index<Service> = |service| {
    let first = service.selector.iter().next();
    let word =
        |(key, value): (&String, &String)| Word::Label(service.key.namespace.clone(), key.clone(), value.clone());
    first.map(word).into_iter().collect()
};

/// Of slices.
pub(super) const SLICES: Index<Slice> =
    |slice| vec![Word::Service(ObjectKey::new(&slice.key.namespace, &slice.service))];
