//! The finalizer, in two forms: the first before a binding is looked at, the second before anything is written to the cloud for it.
//! The first goes without a look at the cloud; the second when a read shows that nothing of ours is left.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{Report, settle};
use crate::api::{DirectAccessBinding, names};
use crate::operator::context::Context;
use crate::plan::placement::has_finalizer;
use crate::plan::{BindingView, Plan, Snapshot};

/// Puts the first form on bindings that have none. Returns those that may be acted on.
///
/// A binding that changed in between is left out: its change starts the next round.
pub(in crate::operator) async fn secure(
    context: &Context,
    bindings: Vec<Arc<DirectAccessBinding>>,
) -> Vec<Arc<DirectAccessBinding>> {
    let mut secured = Vec::with_capacity(bindings.len());
    for binding in bindings {
        if binding.metadata.deletion_timestamp.is_some() || has_finalizer(&binding) {
            secured.push(binding);
        } else {
            secured.extend(write(context, &binding, &[names::FIRST_FINALIZER]).await.1.map(Arc::new));
        }
    }
    secured
}

/// Puts the second form on the bindings for which the plan writes to the cloud. Returns the UIDs of those that the API server has not
/// confirmed: nothing may be written for them, and others do not wait for them.
pub(in crate::operator) async fn submit(context: &Context, snapshot: &Snapshot, plan: &Plan) -> BTreeSet<String> {
    let mut refused = BTreeSet::new();
    for (view, part) in snapshot.bindings.iter().zip(&plan.bindings) {
        let writes = !part.pending.is_empty() || part.placement.is_some();
        if !plan.steps.is_empty() && writes && !view.is_submitted() && !view.is_deleting() {
            let confirmed = write(context, &view.binding, &[names::FINALIZER]).await.1;
            if confirmed.is_none() {
                refused.insert(view.uid().to_owned());
            }
        }
    }
    refused
}

impl Report<'_> {
    /// Takes the finalizer off. Returns false when the write failed.
    pub(super) async fn release(&self, view: &BindingView) -> bool {
        !has_finalizer(&view.binding) || write(self.context, &view.binding, &[]).await.0
    }
}

/// Replaces our finalizers by these, and leaves those of others alone: the list that was read must be the list that is there.
async fn write(context: &Context, binding: &DirectAccessBinding, ours: &[&str]) -> (bool, Option<DirectAccessBinding>) {
    let meta = &binding.metadata;
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let api = context.kubernetes.writes::<DirectAccessBinding>(namespace);
    let known = meta.finalizers.clone().unwrap_or_default();
    let others =
        known.iter().map(String::as_str).filter(|one| ![names::FINALIZER, names::FIRST_FINALIZER].contains(one));
    let wanted: Vec<&str> = others.chain(ours.iter().copied()).collect();
    let of_list = match (known.is_empty(), wanted.is_empty()) {
        // An absent list cannot be tested; a version can.
        (true, _) => vec![
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": meta.resource_version}),
            json!({"op": "add", "path": "/metadata/finalizers", "value": wanted}),
        ],
        (false, is_last) => {
            let change = if is_last { "remove" } else { "replace" };
            vec![
                json!({"op": "test", "path": "/metadata/finalizers", "value": known}),
                json!({"op": change, "path": "/metadata/finalizers", "value": wanted}),
            ]
        }
    };
    // The UID keeps a patch meant for a deleted binding away from a new one of its name.
    let uid = json!({"op": "test", "path": "/metadata/uid", "value": meta.uid});
    let operations = Value::Array(std::iter::once(uid).chain(of_list).collect());
    let Ok(patch) = serde_json::from_value(operations) else { return (false, None) };
    let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let result = api.patch(meta.name.as_deref().unwrap_or_default(), &params, &Patch::Json::<()>(patch)).await;
    settle(context, "directaccessbindings", result)
}
