//! The finalizer: on before anything is written to the cloud, off when a read shows that nothing of ours is left.

use std::sync::Arc;

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Report, settle};
use crate::api::{DirectAccessBinding, names};
use crate::operator::context::Context;
use crate::plan::BindingView;

/// Puts the finalizer on bindings that lack it. Returns those that may be acted on.
///
/// A binding that changed in between is left out: its change starts the next round.
pub(in crate::operator) async fn secure(
    context: &Context,
    bindings: Vec<Arc<DirectAccessBinding>>,
) -> Vec<Arc<DirectAccessBinding>> {
    let mut secured = Vec::with_capacity(bindings.len());
    for binding in bindings {
        let finalizers = binding.metadata.finalizers.as_deref().unwrap_or_default();
        if binding.metadata.deletion_timestamp.is_some() || finalizers.iter().any(|found| found == names::FINALIZER) {
            secured.push(binding);
            continue;
        }
        let finalizers = finalizers.iter().cloned().chain([names::FINALIZER.to_owned()]).collect();
        secured.extend(write(context, &binding, finalizers).await.1.map(Arc::new));
    }
    secured
}

impl Report<'_> {
    /// Takes the finalizer off. Returns false when the write failed.
    pub(super) async fn release(&self, view: &BindingView) -> bool {
        let finalizers = view.binding.metadata.finalizers.as_deref().unwrap_or_default();
        if !finalizers.iter().any(|found| found == names::FINALIZER) {
            return true;
        }
        let rest = finalizers.iter().filter(|found| *found != names::FINALIZER).cloned().collect();
        write(self.context, &view.binding, rest).await.0
    }
}

async fn write(
    context: &Context,
    binding: &DirectAccessBinding,
    finalizers: Vec<String>,
) -> (bool, Option<DirectAccessBinding>) {
    let meta = &binding.metadata;
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let api: Api<DirectAccessBinding> = Api::namespaced(context.client.clone(), namespace);
    // The UID keeps a patch meant for a deleted binding away from a new one of its name. The version is left out on purpose:
    // a status written in this round has already changed it, and no one else has business with our finalizer.
    let patch = json!({"metadata": {"uid": meta.uid, "finalizers": finalizers}});
    let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let result = api.patch(meta.name.as_deref().unwrap_or_default(), &params, &Patch::Merge(&patch)).await;
    settle(context, "directaccessbindings", result)
}
