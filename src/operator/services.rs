//! Annotated Services: the bindings that are made for them, and the condition that tells on a Service what has become of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::events::{Event, EventType};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::kubernetes::WriteError;
use super::writes::{publish, record_write};
use crate::api::binding::DirectAccessBindingSpec;
use crate::api::event::ServiceReason;
use crate::api::{DirectAccessBinding, clip, names};
use crate::k8s::{BindingRow, Change, Stores};
use crate::model::{ObjectKey, Service, ServiceCondition};
use crate::plan::annotated::{Proof, Setting, own_binding, read};
use crate::reconcile::{NotTaken, binding_name, refusal_notice, service_name, service_reference};
use crate::status::service::{Application, Outcome, Verdict, condition, decide, readiness};
use crate::status::{Field, RefusedWrites};

/// Changes that come close together are looked at once.
const GATHER_WINDOW: Duration = Duration::from_millis(100);
/// How soon to look again after a write failed, and at Services that are too new.
const RETRY: Duration = Duration::from_secs(2);
/// The kind of bindings, for the counter of writes.
const BINDINGS: &str = "directaccessbindings";

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
                (Some(before), Some(after))
                    if before.is_same_input(after) && readiness(&before.0) == readiness(&after.0) => {}
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
    // What the API server did not take: forgetting it costs a call.
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

/// What the API server did not take of what is written for Services.
type Refused = HashMap<ObjectKey, Attempts>;

/// What the API server did not take of what is written for one Service.
#[derive(Default)]
struct Attempts {
    writes: RefusedWrites,
    /// The spec of the binding that was tried last.
    spec: Option<DirectAccessBindingSpec>,
}

impl Attempts {
    /// Writes something, unless that was refused a moment ago, and remembers what became of it. Returns whether it is written.
    async fn attempt<T>(
        &mut self,
        context: &Context,
        kind: &'static str,
        (field, object): (Field, &str),
        write: impl Future<Output = Result<T, WriteError>>,
    ) -> bool {
        if !self.writes.is_due(&field, Timestamp::now()) {
            return false;
        }
        match record_write(context, kind, write.await) {
            Ok(_) => self.writes.taken(&field),
            Err(NotTaken { kind, words }) => self.writes.refused(field, object, kind, &words, Timestamp::now()),
        }
        !self.writes.has(&field)
    }

    /// Has the binding of the Service say what of it cannot be written.
    fn share(&self, context: &Context, uid: &str, service: &Service) {
        for field in [Field::OwnBinding, Field::Mark, Field::Deletion, Field::ServiceCondition] {
            match self.writes.refusal(&field) {
                Some((kind, words)) => {
                    let object = if field == Field::ServiceCondition {
                        service_name(service)
                    } else {
                        binding_name(&service.key.name)
                    };
                    context.record::<()>(uid, field, &object, &Err(NotTaken { kind, words: words.to_owned() }));
                }
                None => context.taken(uid, field),
            }
        }
    }

    /// Nothing is to be tried again before something changes.
    fn is_settled(&self) -> bool {
        self.writes.wait(Timestamp::now()).is_none()
    }
}

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
    let attempts = refused.entry(key.clone()).or_default();
    attempts.writes.retain(|field| *field == Field::ServiceCondition || is_tried(&verdict.outcome, *field));
    match &verdict.outcome {
        Outcome::Nothing => {}
        // Nothing is said either: it may be another binding in a moment.
        Outcome::Wait => return false,
        Outcome::Apply(wanted) => apply(context, &service, wanted, attempts).await,
        Outcome::Park { uid, mark, proof } => {
            tracing::info!(service = %key, reason = proof.end().as_str(), "binding is parked; its load balancer is kept");
            mark_parked(context, key, uid, Some(mark), attempts).await;
        }
        Outcome::Delete { uid, proof } => delete(context, key, uid, proof, attempts).await,
    }
    tell(context, &service, &verdict, attempts).await;
    announce(context, &service, attempts).await;
    if let Some(uid) = own.and_then(|own| own.metadata.uid.as_deref()) {
        attempts.share(context, uid, &service);
    }
    let is_settled = attempts.is_settled();
    if attempts.writes.is_empty() {
        refused.remove(key);
    }
    is_settled && verdict.look_at.is_none()
}

/// Whether this is written to have this outcome.
const fn is_tried(outcome: &Outcome, field: Field) -> bool {
    match outcome {
        Outcome::Nothing | Outcome::Wait => false,
        Outcome::Apply(_) => matches!(field, Field::OwnBinding | Field::Mark),
        Outcome::Park { .. } => matches!(field, Field::Mark),
        Outcome::Delete { .. } => matches!(field, Field::Deletion),
    }
}

/// Makes the binding of a Service, or changes its spec.
async fn apply(context: &Context, service: &Service, wanted: &Application, attempts: &mut Attempts) {
    let (key, spec) = (&service.key, &wanted.spec);
    if attempts.spec.as_ref() != Some(spec) {
        attempts.writes.taken(&Field::OwnBinding);
        attempts.spec = Some(spec.clone());
    }
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
    let (params, patch) = (PatchParams::apply(names::SERVICES_FIELD_MANAGER).force(), Patch::Apply(&patch));
    let api = context.kubernetes.writes::<DirectAccessBinding>(&key.namespace);
    let write = api.patch(&key.name, &params, &patch);
    let object = binding_name(&key.name);
    let is_done = attempts.attempt(context, BINDINGS, (Field::OwnBinding, &object), write).await;
    // The spec comes first: what serves again is what is wished now.
    if let Some(uid) = wanted.parked.as_ref().filter(|_| is_done) {
        mark_parked(context, key, uid, None, attempts).await;
    }
}

/// Writes the mark that a binding is parked, or takes it off. The field manager has nothing else, so that no spec is written.
async fn mark_parked(context: &Context, key: &ObjectKey, uid: &str, mark: Option<&str>, attempts: &mut Attempts) {
    let annotations: serde_json::Map<String, Json> =
        mark.map(|mark| (names::PARKED.to_owned(), Json::from(mark))).into_iter().collect();
    let patch = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "DirectAccessBinding",
        "metadata": {"name": key.name, "namespace": key.namespace, "uid": uid, "annotations": annotations},
    });
    let (params, patch) = (PatchParams::apply(names::PARKING_FIELD_MANAGER).force(), Patch::Apply(&patch));
    let api = context.kubernetes.writes::<DirectAccessBinding>(&key.namespace);
    let write = api.patch(&key.name, &params, &patch);
    attempts.attempt(context, BINDINGS, (Field::Mark, &binding_name(&key.name)), write).await;
}

/// Deletes the binding of a Service, because the user has ended it.
async fn delete(context: &Context, key: &ObjectKey, uid: &str, proof: &Proof, attempts: &mut Attempts) {
    tracing::info!(service = %key, reason = proof.end().as_str(), "binding is deleted");
    let preconditions = Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None });
    let params = DeleteParams { preconditions, ..DeleteParams::default() };
    let api = context.kubernetes.writes::<DirectAccessBinding>(&key.namespace);
    let write = api.delete(&key.name, &params);
    attempts.attempt(context, BINDINGS, (Field::Deletion, &binding_name(&key.name)), write).await;
}

/// Writes the condition when it differs, and an Event when it is bad news, but for what the API server does not take.
async fn tell(context: &Context, service: &Service, verdict: &Verdict, attempts: &mut Attempts) {
    let wanted = condition(verdict, attempts.writes.sentence_of_service(Timestamp::now()).as_deref());
    if wanted == service.condition {
        return attempts.writes.taken(&Field::ServiceCondition);
    }
    if !attempts.writes.is_due(&Field::ServiceCondition, Timestamp::now()) {
        return;
    }
    let conditions: Vec<Json> = wanted.iter().map(written).collect();
    let (namespace, name) = (&service.key.namespace, &service.key.name);
    let patch = json!({
        "apiVersion": "v1",
        "kind": "Service",
        // The UID keeps it away from another Service of the name.
        "metadata": {"name": name, "namespace": namespace, "uid": service.uid},
        "status": {"conditions": conditions},
    });
    let (params, patch) = (PatchParams::apply(names::SERVICES_FIELD_MANAGER).force(), Patch::Apply(&patch));
    let api = context.kubernetes.writes::<core::Service>(namespace);
    let write = api.patch_status(name, &params, &patch);
    let is_told_here =
        |wanted: &&ServiceCondition| !wanted.is_true && wanted.reason != ServiceReason::NotTaken.as_str();
    if let Some(news) = wanted.as_ref().filter(is_told_here) {
        warn(context, service, news).await;
    }
    let object = service_name(service);
    attempts.attempt(context, "services/status", (Field::ServiceCondition, &object), write).await;
}

/// Tells by Events what the API server does not take: each write by its own, so that they are not counted together.
async fn announce(context: &Context, service: &Service, attempts: &mut Attempts) {
    for news in attempts.writes.news(Timestamp::now()) {
        let reason = match news.field {
            Field::ServiceCondition => news.field.reason().as_str(),
            _ => ServiceReason::NotTaken.as_str(),
        };
        publish(context, refusal_notice(&news, reason, service_reference(service))).await;
    }
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
    let about = service_reference(service);
    if let Err(error) = context.recorder.publish(&event, &about).await {
        tracing::debug!(%error, service = %service.key, "event was not taken");
    }
}
