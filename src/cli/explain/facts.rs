//! What the chain is decided on.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use crate::model::{Pod, Service};
use crate::plan::selects;

use crate::cli::gate_label::GateLabel;
use crate::cli::lease::Leader;
use crate::cli::world::{Seen, Sight};

/// What of the Pod's bindings is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    /// All of them.
    All,
    /// Those of this Service.
    Service(String),
    /// This one.
    Binding(String),
}

impl Focus {
    /// The binding is one of those.
    pub(super) fn has(&self, seen: &Seen<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Service(name) => seen.view.binding.spec.service_ref.name == *name,
            Self::Binding(name) => seen.view.binding.metadata.name.as_deref() == Some(name),
        }
    }
}

/// One Pod, and what is around it.
pub(super) struct Facts {
    /// What of its bindings is asked about.
    pub(super) focus: Focus,
    /// The Pod as it stands in Kubernetes, for words.
    pub(super) object: core::Pod,
    /// The same, in slim form.
    pub(super) pod: Arc<Pod>,
    /// What was read besides.
    pub(super) around: Arc<Around>,
}

/// What was read besides Pods, once for all of them.
pub(super) struct Around {
    /// The namespace.
    pub(super) namespace: String,
    /// The Services of the namespace.
    pub(super) services: Vec<Arc<Service>>,
    /// The Pods of the namespace.
    pub(super) pods: Vec<Arc<Pod>>,
    /// The load balancers of the bindings of the namespace.
    pub(super) sights: Vec<Sight>,
    /// Who programs them.
    pub(super) leader: Leader,
    /// How Pods of the namespace get gates.
    pub(super) injection: Injection,
}

impl Around {
    /// The bindings of the namespace.
    pub(super) fn bindings(&self) -> impl Iterator<Item = Seen<'_>> {
        let all = self.sights.iter().flat_map(Sight::bindings);
        all.filter(|seen| seen.view.binding.metadata.namespace.as_deref() == Some(self.namespace.as_str()))
    }
}

/// How Pods of a namespace get the readiness gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Injection {
    /// What the namespace's label says.
    pub(super) label: GateLabel,
    /// The namespace is one that is never injected into.
    pub(super) is_reserved: bool,
    /// There is a webhook configuration or an admission policy; `None` when that cannot be read.
    pub(super) is_there: Option<bool>,
}

impl Facts {
    /// The bindings of the Pod's namespace.
    pub(super) fn bindings(&self) -> impl Iterator<Item = Seen<'_>> {
        self.around.bindings()
    }

    /// The bindings that are asked about, and whose Service selects the Pod.
    pub(super) fn selecting(&self) -> Vec<Seen<'_>> {
        self.all_selecting().filter(|seen| self.focus.has(seen)).collect()
    }

    /// The other bindings whose Service selects the Pod: its gate waits for them, too.
    pub(super) fn neighbours(&self) -> Vec<Seen<'_>> {
        self.all_selecting().filter(|seen| !self.focus.has(seen)).collect()
    }

    fn all_selecting(&self) -> impl Iterator<Item = Seen<'_>> {
        let selects = |seen: &Seen<'_>| seen.view.service.as_deref().is_some_and(|service| selects(service, &self.pod));
        self.bindings().filter(selects)
    }

    /// The Services that select the Pod, that which is asked about first.
    pub(super) fn services(&self) -> Vec<&Service> {
        let all = self.around.services.iter().map(|service| &**service);
        let mut found: Vec<_> = all.filter(|service| selects(service, &self.pod)).collect();
        found.sort_by_key(|service| !matches!(&self.focus, Focus::Service(name) if *name == service.key.name));
        found
    }

    /// The condition of the Pod of this type.
    pub(super) fn condition(&self, kind: &str) -> Option<&core::PodCondition> {
        let conditions = self.object.status.as_ref()?.conditions.as_ref()?;
        conditions.iter().find(|found| found.type_ == kind)
    }
}
