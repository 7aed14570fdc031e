//! Annotated Services: the bindings that are made for them, and the condition that tells on a Service what has become of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::events::{Event, EventType};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::kubernetes::WriteError;
use super::report::settle;
use crate::api::binding::DirectAccessBindingSpec;
use crate::api::{DirectAccessBinding, clip, names};
use crate::k8s::{BindingRow, Change, Stores};
use crate::model::{ObjectKey, Service, ServiceCondition};
use crate::plan::annotated::{Proof, Setting, own_binding, read};
use crate::status::service::{Application, Outcome, Verdict, condition, decide};

/// Changes that come close together are looked at once.
const GATHER_WINDOW: Duration = Duration::from_millis(100);
/// How soon to look again after a write failed, and at Services that are too new.
const RETRY: Duration = Duration::from_secs(2);

/// The Services that are to be looked at again.
pub(super) struct Services {
    dirty: Mutex<BTreeSet<ObjectKey>>,
    notify: Notify,
}

impl Services {
    /// Every Service.
    pub(super) fn new(stores: &Stores) -> Self {
        let services = Self { dirty: Mutex::default(), notify: Notify::new() };
        services.mark_all(stores);
        services
    }

    /// Something has changed.
    pub(super) fn mark(&self, change: &Change, stores: &Stores) {
        match change {
            Change::Service(change) => {
                self.extend([&change.before, &change.after].into_iter().flatten().map(|row| row.key.clone()));
            }
            Change::Binding(change) => match (&change.before, &change.after) {
                (Some(before), Some(after)) if before.is_same_input(after) => {}
                (before, after) => self.extend([before, after].into_iter().flatten().map(|row| of_binding(row))),
            },
            Change::Switches(_) => self.mark_all(stores),
            Change::Slice(_) | Change::Pod(_) | Change::Config(_) | Change::Hold(_) => {}
        }
    }

    fn mark_all(&self, stores: &Stores) {
        self.extend(stores.services.all().iter().map(|service| service.key.clone()));
    }

    fn extend(&self, keys: impl Iterator<Item = ObjectKey>) {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
        self.notify.notify_one();
    }

    fn take(&self) -> BTreeSet<ObjectKey> {
        std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn of_binding(row: &BindingRow) -> ObjectKey {
    ObjectKey::new(row.0.metadata.namespace.clone().unwrap_or_default(), row.0.spec.service_ref.name.clone())
}

/// Keeps bindings of annotated Services true until `stop`.
pub(super) async fn service_loop<K>(
    context: Arc<Context>,
    services: Arc<Services>,
    stop: CancellationToken,
) -> Option<K> {
    // What the API server said of a spec that it did not take: forgetting it costs a call.
    let mut refused = HashMap::new();
    let mut again = BTreeSet::new();
    loop {
        let pause = if again.is_empty() { Duration::MAX } else { RETRY };
        tokio::select! {
            () = stop.cancelled() => return None,
            _ = tokio::time::timeout(pause, services.notify.notified()) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            _ = tokio::time::timeout(GATHER_WINDOW, std::future::pending::<()>()) => {}
        }
        let mut keys = services.take();
        keys.append(&mut again);
        for key in keys {
            if !look(&context, &key, &mut refused).await {
                again.insert(key);
            }
        }
    }
}

type Refused = HashMap<ObjectKey, (DirectAccessBindingSpec, String)>;

/// Looks at one Service. Returns false when it is to be looked at again soon.
async fn look(context: &Context, key: &ObjectKey, refused: &mut Refused) -> bool {
    let Some(service) = context.stores.services.row(&key.namespace, &key.name) else {
        // What it owns goes with it.
        refused.remove(key);
        return true;
    };
    let switches = context.stores.switches();
    let setting = Setting {
        acceptance: context.annotated_services,
        has_tke: switches.has_tke,
        is_default: switches.default_direct_access,
    };
    let rows = context.stores.bindings.rows(&key.namespace);
    let bindings: Vec<_> = rows.values().map(|row| &*row.0).collect();
    let own = own_binding(&service, &bindings);
    let intent = read(&service, setting, own);
    let verdict = decide(&service, &intent, &bindings, Timestamp::now());
    let (is_done, said) = match &verdict.outcome {
        Outcome::Nothing => (true, None),
        // Nothing is said either: it may be another binding in a moment.
        Outcome::Wait => return false,
        Outcome::Apply(wanted) => match refused.get(key).filter(|(known, _)| *known == wanted.spec) {
            Some((_, said)) => (true, Some(said.clone())),
            None => apply(context, &service, wanted, refused).await,
        },
        Outcome::Park { uid, mark, proof } => (park(context, key, uid, mark, proof).await, None),
        Outcome::Delete { uid, proof } => (delete(context, key, uid, proof).await, None),
    };
    if !matches!(verdict.outcome, Outcome::Apply(_)) {
        refused.remove(key);
    }
    is_done & tell(context, &service, &verdict, said.as_deref()).await
}

/// Makes the binding of a Service, or changes its spec. Returns whether that is done, and what the API server has against it.
async fn apply(
    context: &Context,
    service: &Service,
    wanted: &Application,
    refused: &mut Refused,
) -> (bool, Option<String>) {
    let (key, spec) = (&service.key, &wanted.spec);
    let owner = OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        name: key.name.clone(),
        uid: service.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    let patch = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "DirectAccessBinding",
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "ownerReferences": [owner],
            "annotations": {names::ASKED_BY: wanted.origin.as_str()},
        },
        "spec": spec,
    });
    let params = PatchParams::apply(names::SERVICES_FIELD_MANAGER).force();
    match context
        .kubernetes
        .writes::<DirectAccessBinding>(&key.namespace)
        .patch(&key.name, &params, &Patch::Apply(&patch))
        .await
    {
        Err(WriteError::Refused(kube::Error::Api(status))) if status.code == 422 => {
            let said = status.message.clone();
            refused.insert(key.clone(), (spec.clone(), said.clone()));
            (true, Some(said))
        }
        result => {
            refused.remove(key);
            let is_done = settle(context, "directaccessbindings", result).0;
            match &wanted.parked {
                // The spec comes first: what serves again is what is wished now.
                Some(uid) if is_done => (mark_parked(context, key, uid, None).await, None),
                _ => (is_done, None),
            }
        }
    }
}

/// Writes the mark that a binding is parked, or takes it off. The field manager has nothing else, so that no spec is written.
async fn mark_parked(context: &Context, key: &ObjectKey, uid: &str, mark: Option<&str>) -> bool {
    let annotations: serde_json::Map<String, Json> =
        mark.map(|mark| (names::PARKED.to_owned(), Json::from(mark))).into_iter().collect();
    let patch = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "DirectAccessBinding",
        "metadata": {"name": key.name, "namespace": key.namespace, "uid": uid, "annotations": annotations},
    });
    let params = PatchParams::apply(names::PARKING_FIELD_MANAGER).force();
    let result = context
        .kubernetes
        .writes::<DirectAccessBinding>(&key.namespace)
        .patch(&key.name, &params, &Patch::Apply(&patch))
        .await;
    settle(context, "directaccessbindings", result).0
}

/// Parks the binding of a Service, because the user has ended it.
async fn park(context: &Context, key: &ObjectKey, uid: &str, mark: &str, proof: &Proof) -> bool {
    tracing::info!(service = %key, reason = proof.end().as_str(), "binding is parked; its load balancer is kept");
    mark_parked(context, key, uid, Some(mark)).await
}

/// Deletes the binding of a Service, because the user has ended it.
async fn delete(context: &Context, key: &ObjectKey, uid: &str, proof: &Proof) -> bool {
    tracing::info!(service = %key, reason = proof.end().as_str(), "binding is deleted");
    let preconditions = Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None });
    let params = DeleteParams { preconditions, ..DeleteParams::default() };
    let result = context.kubernetes.writes::<DirectAccessBinding>(&key.namespace).delete(&key.name, &params).await;
    settle(context, "directaccessbindings", result).0
}

/// Writes the condition when it differs, and an Event when it is bad news. Returns false when the write failed.
async fn tell(context: &Context, service: &Service, verdict: &Verdict, said: Option<&str>) -> bool {
    let wanted = condition(verdict, said);
    if wanted == service.condition {
        return true;
    }
    let conditions: Vec<Json> = wanted.iter().map(written).collect();
    let (namespace, name) = (&service.key.namespace, &service.key.name);
    let patch = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "status": {"conditions": conditions},
    });
    let params = PatchParams::apply(names::SERVICES_FIELD_MANAGER).force();
    let result =
        context.kubernetes.writes::<core::Service>(namespace).patch_status(name, &params, &Patch::Apply(&patch)).await;
    if let Some(news) = wanted.as_ref().filter(|wanted| !wanted.is_true) {
        warn(context, service, news).await;
    }
    settle(context, "services/status", result).0
}

fn written(wanted: &ServiceCondition) -> Json {
    json!({
        "type": names::SERVICE_CONDITION,
        "status": if wanted.is_true { "True" } else { "False" },
        "reason": wanted.reason,
        "message": wanted.message,
        "lastTransitionTime": Timestamp::now().round(jiff::Unit::Second).unwrap_or_default(),
    })
}

/// An Event is a courtesy: the condition says it too.
async fn warn(context: &Context, service: &Service, news: &ServiceCondition) {
    let event = Event {
        type_: EventType::Warning,
        reason: news.reason.clone(),
        note: Some(clip(&news.message, 1024)),
        action: "ReadAnnotations".to_owned(),
        secondary: None,
    };
    let about = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Service".to_owned()),
        name: Some(service.key.name.clone()),
        namespace: Some(service.key.namespace.clone()),
        uid: Some(service.uid.clone()),
        ..ObjectReference::default()
    };
    if let Err(error) = context.recorder.publish(&event, &about).await {
        tracing::debug!(%error, service = %service.key, "event was not taken");
    }
}
