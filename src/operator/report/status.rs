//! Statuses of bindings.

use std::collections::HashMap;
use std::sync::Arc;

use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::event::Told;
use super::refusal::binding_name;
use super::{NotTaken, Report, record_write};
use crate::api::condition::ConditionType;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus, names};
use crate::operator::context::Context;
use crate::plan::{BindingPlan, BindingView};
use crate::status::{Field, Round, binding_status};

/// The last status that was written, with the version of the object that it made. The store may not have seen it yet; forgetting
/// it costs a write that changes nothing.
pub(in crate::operator) struct Written {
    version: u64,
    status: DirectAccessBindingStatus,
    told: Told,
}

fn version(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

impl Written {
    /// A status as the API server has taken it.
    pub(super) fn new(object: &DirectAccessBinding, status: DirectAccessBindingStatus, told: Told) -> Self {
        Self { version: version(object.metadata.resource_version.as_deref()), status, told }
    }

    /// What was told of the binding up to now.
    pub(super) fn into_told(self) -> Told {
        self.told
    }

    /// The status that was written, when it is newer than this object.
    fn newer_than(&self, binding: &DirectAccessBinding) -> Option<&DirectAccessBindingStatus> {
        // Versions of one object are comparable since Kubernetes 1.35; before, the later one was the larger in practice.
        (self.version > version(binding.metadata.resource_version.as_deref())).then_some(&self.status)
    }
}

/// A binding with the status that was last written, which the store may not have seen yet.
pub(in crate::operator) fn latest(
    written: &HashMap<String, Written>,
    binding: Arc<DirectAccessBinding>,
) -> Arc<DirectAccessBinding> {
    let last = binding.metadata.uid.as_ref().and_then(|uid| written.get(uid));
    match last.and_then(|last| last.newer_than(&binding)) {
        Some(status) => Arc::new(DirectAccessBinding { status: Some(status.clone()), ..(*binding).clone() }),
        None => binding,
    }
}

impl Report<'_> {
    /// Writes the status when it differs.
    pub(super) async fn write_status(
        &self,
        round: &Round<'_>,
        view: &BindingView,
        plan: &BindingPlan,
        annotations: &[(String, String)],
        written: &mut HashMap<String, Written>,
    ) {
        let previous = view.binding.status.clone().unwrap_or_default();
        let status = binding_status(round, view, plan, annotations, &previous);
        self.share.record(view, plan, &status);
        if status == previous {
            return self.context.refused.taken(view.uid(), Field::Status);
        }
        let write = write_binding_status(self.context, &view.binding, &status);
        let name = binding_name(view.binding.metadata.name.as_deref().unwrap_or_default());
        let object = self.attempt(view, Field::Status, &name, write).await;
        if let Some(object) = object {
            tell(view, &previous, &status);
            let mut told = written.remove(view.uid()).map(Written::into_told).unwrap_or_default();
            self.announce(view, &previous, &status, &mut told).await;
            written.insert(view.uid().to_owned(), Written::new(&object, status, told));
        }
    }
}

/// Writes the status of a binding, with the UID, which keeps it away from another binding of the name.
pub(super) async fn write_binding_status(
    context: &Context,
    binding: &DirectAccessBinding,
    status: &DirectAccessBindingStatus,
) -> Result<DirectAccessBinding, NotTaken> {
    let namespace = binding.metadata.namespace.as_deref().unwrap_or_default();
    let name = binding.metadata.name.as_deref().unwrap_or_default();
    let patch = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "DirectAccessBinding",
        "metadata": {"name": name, "namespace": namespace, "uid": binding.metadata.uid},
        "status": status,
    });
    let params = PatchParams::apply(names::FIELD_MANAGER).force();
    let api = context.kubernetes.writes::<DirectAccessBinding>(namespace);
    record_write(context, "directaccessbindings/status", api.patch_status(name, &params, &Patch::Apply(&patch)).await)
}

/// What people look for in the log of a binding: when it became ready, or ceased to be, and why.
fn tell(view: &BindingView, before: &DirectAccessBindingStatus, after: &DirectAccessBindingStatus) {
    fn ready(status: &DirectAccessBindingStatus) -> Option<(&str, &str)> {
        let mut conditions = status.conditions.iter();
        let found = conditions.find(|found| found.type_ == ConditionType::Ready.as_str())?;
        Some((&found.status, &found.reason))
    }
    let binding = view.display_name();
    match ready(after).filter(|news| ready(before) != Some(*news)) {
        Some((ready, reason)) => tracing::info!(binding, ready, reason, "status changed"),
        None => tracing::debug!(binding, "status written"),
    }
}
