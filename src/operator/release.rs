//! Gates that no round will ever open: of Pods that no live binding selects, or that only suspended ones do.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::gate::write_gate;
use super::report::{NotTaken, publish_refusal};
use crate::api::condition::GateReason;
use crate::k8s::Stores;
use crate::model::Pod;
use crate::plan::annotated::is_left_to_tke;
use crate::plan::{GateRelease, release};
use crate::status::{Field, GateCondition, RefusedWrites};

/// The namespaces whose Pods are to be looked at again.
pub(super) struct Releases {
    dirty: Mutex<BTreeSet<String>>,
    notify: Notify,
}

impl Releases {
    /// Every namespace that has a Pod.
    pub(super) fn new(stores: &Stores) -> Self {
        let all = stores.pods.all().iter().map(|pod| pod.key.namespace.clone()).collect();
        let releases = Self { dirty: Mutex::new(all), notify: Notify::new() };
        releases.notify.notify_one();
        releases
    }

    /// Something has changed in a namespace.
    pub(super) fn mark(&self, namespace: &str) {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner).insert(namespace.to_owned());
        self.notify.notify_one();
    }

    fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Changes that come close together are looked at once.
const GATHER_WINDOW: Duration = Duration::from_millis(200);
/// How soon to look again after a write failed.
const RETRY: Duration = Duration::from_secs(2);

/// Opens such gates until `stop`.
pub(super) async fn release_loop<K>(
    context: Arc<Context>,
    releases: Arc<Releases>,
    stop: CancellationToken,
) -> Option<K> {
    let mut later = BTreeSet::new();
    // Forgetting it costs an Event.
    let mut refused = HashMap::new();
    let mut after = None;
    loop {
        let pause = after.take().unwrap_or(Duration::MAX);
        tokio::select! {
            () = stop.cancelled() => return None,
            _ = tokio::time::timeout(pause, releases.notify.notified()) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            _ = tokio::time::timeout(GATHER_WINDOW, std::future::pending::<()>()) => {}
        }
        let mut namespaces = releases.take();
        namespaces.append(&mut later);
        for namespace in namespaces {
            if let Some(again) = sweep(&context, &namespace, &mut refused).await {
                after = Some(after.map_or(again, |known: Duration| known.min(again)));
                later.insert(namespace);
            }
        }
    }
}

/// The gates that the API server did not take, by namespace and UID of the Pod.
type Refused = HashMap<String, HashMap<String, RefusedWrites>>;

/// Looks at the waiting Pods of one namespace. Returns when to look again, if that is needed.
async fn sweep(context: &Context, namespace: &str, refused: &mut Refused) -> Option<Duration> {
    let now = context.clock.now();
    // Of Pods that do not wait any more, nothing is kept.
    let mut before = refused.remove(namespace).unwrap_or_default();
    let mut again: Option<Duration> = None;
    for pod in context.stores.pods.rows(namespace).values().filter(|pod| pod.gate.is_waiting()) {
        let wait = match verdict(context, pod, now) {
            GateRelease::Never => continue,
            GateRelease::At(time) => Duration::try_from(time.duration_since(now)).unwrap_or_default(),
            GateRelease::Now(reason) => {
                let mut writes = before.remove(&pod.uid).unwrap_or_default();
                open(context, pod, reason, &mut writes).await;
                if writes.is_empty() {
                    continue;
                }
                refused.entry(namespace.to_owned()).or_default().insert(pod.uid.clone(), writes);
                RETRY
            }
        };
        again = Some(again.map_or(wait, |known| known.min(wait)));
    }
    again
}

fn verdict(context: &Context, pod: &Pod, now: Timestamp) -> GateRelease {
    let services = context.stores.selecting(pod);
    let holding = context.stores.holding(pod);
    // TKE's own service controller has a gate of the same name, and opens it.
    let has_tke = context.stores.switches().has_tke;
    if services.iter().any(|service| is_left_to_tke(service, has_tke)) {
        return GateRelease::Never;
    }
    release(pod, holding.iter().map(|row| &*row.0), now)
}

/// Opens a gate, unless that was refused a moment ago. A gate that no binding speaks for is told of on its Pod.
async fn open(context: &Context, pod: &Pod, reason: GateReason, writes: &mut RefusedWrites) {
    if !writes.is_due(&Field::Gate, Timestamp::now()) {
        return;
    }
    let condition = GateCondition { is_open: true, reason, message: reason.meaning().to_owned() };
    match write_gate(context, &pod.key, &pod.uid, &condition).await {
        Ok(()) => writes.taken(&Field::Gate),
        Err(NotTaken { kind, words }) => {
            writes.refused(Field::Gate, &format!("Pod '{}'", pod.key.name), kind, &words, Timestamp::now());
        }
    }
    for news in writes.news(Timestamp::now()) {
        let about = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(pod.key.name.clone()),
            namespace: Some(pod.key.namespace.clone()),
            uid: Some(pod.uid.clone()),
            ..ObjectReference::default()
        };
        publish_refusal(context, &news, news.field.reason().as_str(), &about).await;
    }
}
