//! The writes about annotated Services and configs: their bindings, conditions, entries and statuses.

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use serde_json::{Map, Value, json};

use super::context::Context;
use super::writes::record_write;
use crate::api::{DirectAccessBinding, TkeServiceConfig, TkeServiceConfigStatus, names};
use crate::model::{ObjectKey, Service, ServiceCondition};
use crate::reconcile::NotTaken;
use crate::status::service::Application;

/// The kind of bindings, for the counter of writes.
const BINDINGS: &str = "directaccessbindings";

/// Makes the binding of a Service, or changes the spec of the one with this UID.
pub(super) async fn write_own_binding(
    context: &Context,
    service: &Service,
    uid: Option<&str>,
    wanted: &Application,
) -> Result<(), NotTaken> {
    let key = &service.key;
    let owner = OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        name: key.name.clone(),
        uid: service.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    let mut patch = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "DirectAccessBinding",
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "ownerReferences": [owner],
            "annotations": {names::ASKED_BY: wanted.origin.as_str()},
        },
        "spec": wanted.spec,
    });
    if let Some(uid) = uid {
        // The UID keeps it from making one.
        patch["metadata"]["uid"] = json!(uid);
    }
    let params = PatchParams::apply(names::SERVICES_FIELD_MANAGER).force();
    let api = context.kubernetes.writes::<DirectAccessBinding>(&key.namespace);
    record_write(context, BINDINGS, api.patch(&key.name, &params, &Patch::Apply(&patch)).await).map(drop)
}

/// Writes the mark that a binding is parked, or takes it off. The field manager has nothing else, so that no spec is written.
pub(super) async fn write_mark(
    context: &Context,
    key: &ObjectKey,
    uid: &str,
    mark: Option<String>,
) -> Result<(), NotTaken> {
    let annotations: Map<String, Value> =
        mark.map(|mark| (names::PARKED.to_owned(), Value::from(mark))).into_iter().collect();
    let patch = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "DirectAccessBinding",
        "metadata": {"name": key.name, "namespace": key.namespace, "uid": uid, "annotations": annotations},
    });
    let params = PatchParams::apply(names::PARKING_FIELD_MANAGER).force();
    let api = context.kubernetes.writes::<DirectAccessBinding>(&key.namespace);
    record_write(context, BINDINGS, api.patch(&key.name, &params, &Patch::Apply(&patch)).await).map(drop)
}

/// Deletes a binding.
pub(super) async fn delete_binding(context: &Context, key: &ObjectKey, uid: String) -> Result<(), NotTaken> {
    let preconditions = Some(Preconditions { uid: Some(uid), resource_version: None });
    let params = DeleteParams { preconditions, ..DeleteParams::default() };
    let api = context.kubernetes.writes::<DirectAccessBinding>(&key.namespace);
    record_write(context, BINDINGS, api.delete(&key.name, &params).await)
}

/// Writes our conditions of a Service, each by its type, and takes off those that are not given.
pub(super) async fn write_conditions(
    context: &Context,
    service: &Service,
    conditions: [(&str, Option<&ServiceCondition>); 2],
) -> Result<(), NotTaken> {
    let row = |(kind, wanted): (&str, Option<&ServiceCondition>)| Some(written(kind, wanted?));
    let conditions: Vec<Value> = conditions.into_iter().filter_map(row).collect();
    let (namespace, name) = (&service.key.namespace, &service.key.name);
    let patch = json!({
        "apiVersion": "v1",
        "kind": "Service",
        // The UID keeps it away from another Service of the name.
        "metadata": {"name": name, "namespace": namespace, "uid": service.uid},
        "status": {"conditions": conditions},
    });
    let params = PatchParams::apply(names::SERVICES_FIELD_MANAGER).force();
    let api = context.kubernetes.writes::<core::Service>(namespace);
    record_write(context, "services/status", api.patch_status(name, &params, &Patch::Apply(&patch)).await).map(drop)
}

fn written(kind: &str, wanted: &ServiceCondition) -> Value {
    json!({
        "type": kind,
        "status": if wanted.is_true { "True" } else { "False" },
        "reason": wanted.reason,
        "message": wanted.message,
        "lastTransitionTime": Timestamp::now().round(jiff::Unit::Second).unwrap_or_default(),
    })
}

/// Makes a config.
pub(super) async fn create_config(context: &Context, config: &DynamicObject) -> Result<(), NotTaken> {
    let resource = ApiResource::erase::<TkeServiceConfig>(&());
    let namespace = config.metadata.namespace.as_deref().unwrap_or_default();
    let api = context.kubernetes.writes_of(namespace, &resource);
    record_write(context, "tkeserviceconfigs", api.create(config).await).map(drop)
}

/// Replaces a config. With the version that was read: an edit in between comes back as a change, and is merged then.
pub(super) async fn replace_config(context: &Context, config: &DynamicObject) -> Result<(), NotTaken> {
    let resource = ApiResource::erase::<TkeServiceConfig>(&());
    let meta = &config.metadata;
    let api = context.kubernetes.writes_of(meta.namespace.as_deref().unwrap_or_default(), &resource);
    let result = api.replace(meta.name.as_deref().unwrap_or_default(), config).await;
    record_write(context, "tkeserviceconfigs", result).map(drop)
}

/// Writes the status of a config.
pub(super) async fn write_config_status(
    context: &Context,
    config: &TkeServiceConfig,
    status: &TkeServiceConfigStatus,
) -> Result<(), NotTaken> {
    let meta = &config.metadata;
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let patch = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "TkeServiceConfig",
        "metadata": {"name": name, "namespace": namespace, "uid": meta.uid},
        "status": status,
    });
    let params = PatchParams::apply(names::FIELD_MANAGER).force();
    let api = context.kubernetes.writes::<TkeServiceConfig>(namespace);
    let result = api.patch_status(name, &params, &Patch::Apply(&patch)).await;
    record_write(context, "tkeserviceconfigs/status", result).map(drop)
}
