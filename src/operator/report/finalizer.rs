//! The finalizer, in two forms: the first before a binding is looked at, the second before anything is written to the cloud for it.
//! The first goes without a look at the cloud; the second when a read shows that nothing of ours is left.

use std::sync::Arc;

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::refusal::binding_name;
use super::{NotTaken, Report, record_write};
use crate::api::{DirectAccessBinding, names};
use crate::operator::context::Context;
use crate::plan::placement::has_finalizer;
use crate::plan::{BindingView, Plan, Snapshot};
use crate::status::{Field, RefusalKind};

/// Bindings that are not acted on, because their finalizer could not be written.
pub(in crate::operator) type HeldBack = Vec<Arc<DirectAccessBinding>>;

/// Puts the first form on bindings that have none. Returns those that may be acted on, and the others.
///
/// A binding that changed in between is one of the others: its change starts the next round.
pub(in crate::operator) async fn secure(
    context: &Context,
    bindings: Vec<Arc<DirectAccessBinding>>,
) -> (Vec<Arc<DirectAccessBinding>>, HeldBack) {
    let (mut secured, mut held_back) = (Vec::with_capacity(bindings.len()), HeldBack::new());
    for binding in bindings {
        if binding.metadata.deletion_timestamp.is_some() || has_finalizer(&binding) {
            secured.push(binding);
            continue;
        }
        match write(context, &binding, &[names::FIRST_FINALIZER]).await {
            Some(written) => secured.push(Arc::new(written)),
            None => held_back.push(binding),
        }
    }
    (secured, held_back)
}

/// Puts the second form on the bindings for which the plan writes to the cloud. Returns those for which the API server has not confirmed
/// it: nothing may be written for them, and others do not wait for them.
pub(in crate::operator) async fn submit(context: &Context, snapshot: &Snapshot, plan: &Plan) -> HeldBack {
    let mut held_back = HeldBack::new();
    for (view, part) in snapshot.bindings.iter().zip(&plan.bindings) {
        let writes = !part.pending.is_empty() || part.placement.is_some();
        if !writes && !view.is_deleting() {
            context.refused.taken(view.uid(), Field::Finalizer);
        }
        if !plan.steps.is_empty() && writes && !view.is_submitted() && !view.is_deleting() {
            let confirmed = write(context, &view.binding, &[names::FINALIZER]).await;
            if confirmed.is_none() {
                held_back.push(view.binding.clone());
            }
        }
    }
    held_back
}

impl Report<'_> {
    /// Takes the finalizer off.
    pub(super) async fn release(&self, view: &BindingView) {
        if has_finalizer(&view.binding) {
            write(self.context, &view.binding, &[]).await;
        }
    }
}

/// Replaces our finalizers by these, unless that was refused a moment ago. Gives the binding that has them.
async fn write(context: &Context, binding: &DirectAccessBinding, ours: &[&str]) -> Option<DirectAccessBinding> {
    let uid = binding.metadata.uid.as_deref().unwrap_or_default();
    if !context.refused.is_due(uid, Field::Finalizer) {
        return None;
    }
    let result = replace(context, binding, ours).await;
    context.refused.record(
        uid,
        Field::Finalizer,
        &binding_name(binding.metadata.name.as_deref().unwrap_or_default()),
        &result,
    );
    result.ok()
}

/// Replaces our finalizers by these, and leaves those of others alone: the list that was read must be the list that is there.
async fn replace(
    context: &Context,
    binding: &DirectAccessBinding,
    ours: &[&str],
) -> Result<DirectAccessBinding, NotTaken> {
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
    let patch = serde_json::from_value(operations)
        .map_err(|error| NotTaken { kind: RefusalKind::Lasting, words: error.to_string() })?;
    let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let result = api.patch(meta.name.as_deref().unwrap_or_default(), &params, &Patch::Json::<()>(patch)).await;
    record_write(context, "directaccessbindings", result)
}
