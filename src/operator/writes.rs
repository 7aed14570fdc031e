//! The writes to Kubernetes that machines ask for: field by field, each with the UID, which keeps it away from another object of the
//! name.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::context::Context;
use super::kubernetes::{PATIENCE, WriteError};
use super::metrics::WriteResult;
use super::object_writes::{
    create_config, delete_binding, replace_config, write_conditions, write_config_status, write_mark, write_own_binding,
};
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus, names};
use crate::model::{ObjectKey, Service};
use crate::reconcile::{NotTaken, Notice, Taken, Write};
use crate::status::{GateCondition, RefusalKind};

/// Writes, when there is room for it.
///
/// # Errors
///
/// What the API server has against it.
pub(super) async fn write(context: &Context, write: Write) -> Result<Taken, NotTaken> {
    let (room, namespace) = (context.room.of(&write), write.namespace().to_owned());
    room.make(&namespace, make(context, write)).await
}

async fn make(context: &Context, write: Write) -> Result<Taken, NotTaken> {
    let other = match write {
        Write::Finalizers { binding, ours } => {
            let written = write_finalizers(context, &binding, &ours).await;
            return written.map(|object| Taken::Binding(Arc::new(object)));
        }
        Write::Status { binding, status } => {
            let written = write_status(context, &binding, &status).await;
            return written.map(|object| Taken::Binding(Arc::new(object)));
        }
        Write::Gate { pod, uid, condition } => write_gate(context, &pod, &uid, &condition).await,
        Write::Annotations { service, wanted } => write_annotations(context, &service, &wanted).await,
        Write::Ingress { service, addresses } => write_ingress(context, &service, &addresses).await,
        Write::NewBinding(new) => write_own_binding(context, new.service(), None, new.wanted()).await,
        Write::OwnBinding { service, uid, wanted } => write_own_binding(context, &service, Some(&uid), &wanted).await,
        Write::Mark { binding, uid, mark } => write_mark(context, &binding, &uid, mark).await,
        Write::Deletion { binding, uid } => delete_binding(context, &binding, uid).await,
        Write::ServiceConditions { service, condition, bound_by_hand } => {
            let both = [
                (names::SERVICE_CONDITION, condition.as_ref()),
                (names::SERVICE_BOUND_BY_HAND, bound_by_hand.as_ref()),
            ];
            write_conditions(context, &service, both).await
        }
        Write::NewConfig { config } => create_config(context, &config).await,
        Write::Config { config } => replace_config(context, &config).await,
        Write::ConfigStatus { config, status } => write_config_status(context, &config.object, &status).await,
    };
    other.map(|()| Taken::Other)
}

/// Publishes an Event. It is a courtesy: the status says it too.
pub(super) async fn publish(context: &Context, notice: Notice) {
    let published = timeout(PATIENCE, context.recorders.publish(&notice)).await;
    let failure = match published {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(elapsed) => Some(elapsed.to_string()),
    };
    if let Some(error) = failure {
        let about = notice.about;
        let (namespace, name) = (about.namespace.unwrap_or_default(), about.name.unwrap_or_default());
        tracing::debug!(error, object = format!("{namespace}/{name}"), "event was not taken");
    }
}

impl From<WriteError> for NotTaken {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(kube::Error::Api(status)) => {
                let code = if is_outdated(&status) { 409 } else { status.code };
                let kind = RefusalKind::of(Some(code));
                Self { kind, words: if status.message.is_empty() { status.reason } else { status.message } }
            }
            error => Self { kind: RefusalKind::of(None), words: error.to_string() },
        }
    }
}

/// Counts a write. `object` is the plural name of its kind, as metrics have it.
pub(super) fn record_write<T>(
    context: &Context,
    object: &'static str,
    result: Result<T, WriteError>,
) -> Result<T, NotTaken> {
    let is_over = matches!(result, Err(WriteError::NotLeading));
    let result = result.map_err(NotTaken::from);
    context.metrics.write(
        object,
        match &result {
            Ok(_) => WriteResult::Done,
            Err(NotTaken { kind: RefusalKind::Outdated, .. }) => WriteResult::Stale,
            // Whoever leads now makes it.
            Err(NotTaken { words, .. }) if is_over => {
                tracing::debug!(object, error = words, "write to the API server is left to another replica");
                WriteResult::Failed
            }
            Err(NotTaken { words, .. }) => {
                tracing::warn!(object, error = words, "write to the API server failed and will be repeated");
                WriteResult::Failed
            }
        },
    );
    result
}

/// The object is not what was read: the test of a JSON patch has failed, or a finalizer is new to an object that is being deleted by now.
/// The API server does not say which test: schemas, policies and webhooks answer 422 with words of their own (k8s.io/apiserver,
/// endpoints/handlers/patch.go, `applyJSPatch`, k8s.io/apimachinery, pkg/api/errors, `NewGenericServerResponse`, and
/// pkg/api/validation/objectmeta.go, `ValidateNoNewFinalizers`).
fn is_outdated(status: &kube::core::Status) -> bool {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    let is_new = |cause: &kube::core::response::StatusCause| {
        cause.field == "metadata.finalizers" && cause.reason == "FieldValueForbidden"
    };
    status.code == 422
        && (status.message.starts_with("the server rejected our request due to an error in our request")
            || causes.any(is_new))
}

/// Replaces our finalizers by these, and leaves those of others alone: the list that was read must be the list that is there.
async fn write_finalizers(
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
    let uid = json!({"op": "test", "path": "/metadata/uid", "value": meta.uid});
    let operations = Value::Array(std::iter::once(uid).chain(of_list).collect());
    let patch = serde_json::from_value(operations)
        .map_err(|error| NotTaken { kind: RefusalKind::Lasting, words: error.to_string() })?;
    let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let result = api.patch(meta.name.as_deref().unwrap_or_default(), &params, &Patch::Json::<()>(patch)).await;
    record_write(context, "directaccessbindings", result)
}

async fn write_status(
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

/// Writes what the gate of a Pod says.
async fn write_gate(context: &Context, pod: &ObjectKey, uid: &str, condition: &GateCondition) -> Result<(), NotTaken> {
    let api = context.kubernetes.writes::<core::Pod>(&pod.namespace);
    let now = context.clock.now().wall;
    let patch = json!({
        "metadata": {"uid": uid},
        "status": {"conditions": [{
            "type": names::GATE,
            "status": if condition.is_open { "True" } else { "False" },
            "reason": condition.reason.as_str(),
            "message": condition.message_at(now),
            "lastTransitionTime": Timestamp::from_second(now.as_second()).unwrap_or(now),
        }]},
    });
    let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let result = api.patch_status(&pod.name, &params, &Patch::Strategic(&patch)).await;
    record_write(context, "pods/status", result)?;
    if condition.is_open && context.shared.ledger().is_first_opening(uid, context.clock.at()) {
        let since = context.stores.pods.row(&pod.namespace, uid).and_then(|pod| pod.containers_ready_since);
        context.metrics.gate_opened(condition.reason, since.map(|since| now.duration_since(since)));
        tracing::info!(%pod, reason = %condition.reason, "gate opened");
    }
    Ok(())
}

/// Writes annotations of a Service, by server-side apply of our own keys only.
async fn write_annotations(
    context: &Context,
    service: &Service,
    wanted: &BTreeMap<String, String>,
) -> Result<(), NotTaken> {
    let (namespace, name) = (&service.key.namespace, &service.key.name);
    let api = context.kubernetes.writes::<core::Service>(namespace);
    let patch = json!({
        "apiVersion": "v1",
        "kind": "Service",
        // The UID keeps it from making one.
        "metadata": {"name": name, "namespace": namespace, "uid": service.uid, "annotations": wanted},
    });
    let params = PatchParams::apply(names::FIELD_MANAGER).force();
    record_write(context, "services", api.patch(name, &params, &Patch::Apply(&patch)).await).map(drop)
}

/// Writes the load balancer's addresses into the status of a Service. Of no addresses the field is left out: what is ours there goes
/// by that, and what somebody else has written stays.
async fn write_ingress(context: &Context, service: &Service, addresses: &[String]) -> Result<(), NotTaken> {
    let entry = |address: &String| match address.parse::<IpAddr>() {
        Ok(ip) => json!({"ip": ip, "ipMode": "VIP"}),
        Err(_) => json!({"hostname": address}),
    };
    let ingress: Vec<_> = addresses.iter().map(entry).collect();
    let (namespace, name) = (&service.key.namespace, &service.key.name);
    let api = context.kubernetes.writes::<core::Service>(namespace);
    let mut patch = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "uid": service.uid},
    });
    if !ingress.is_empty() {
        patch["status"] = json!({"loadBalancer": {"ingress": ingress}});
    }
    let params = PatchParams::apply(names::FIELD_MANAGER).force();
    record_write(context, "services/status", api.patch_status(name, &params, &Patch::Apply(&patch)).await).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_has_changed_is_outdated_and_what_a_policy_refuses_is_not() {
        let refused = |message: &str, field: &str, reason: &str| {
            let causes = json!([{"field": field, "reason": reason, "message": message}]);
            let status = json!({"code": 422, "message": message, "details": {"causes": causes}});
            is_outdated(&serde_json::from_value(status).unwrap())
        };
        let test_failed = "the server rejected our request due to an error in our request";
        assert!(refused(test_failed, "", ""));
        assert!(refused("no new finalizers", "metadata.finalizers", "FieldValueForbidden"));
        assert!(!refused("no such name", "metadata.finalizers", "FieldValueInvalid"));
        assert!(!refused("no", "spec.listeners", "FieldValueForbidden"));
    }
}
