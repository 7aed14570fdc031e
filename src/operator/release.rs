//! Gates that no round will ever open: of Pods that no live binding selects, or that only suspended ones do.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::gate::write_gate;
use crate::api::condition::GateReason;
use crate::k8s::Stores;
use crate::model::Pod;
use crate::plan::annotated::is_left_to_tke;
use crate::plan::{GateRelease, release};
use crate::status::GateCondition;

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
            if let Some(again) = sweep(&context, &namespace).await {
                after = Some(after.map_or(again, |known: Duration| known.min(again)));
                later.insert(namespace);
            }
        }
    }
}

/// Looks at the waiting Pods of one namespace. Returns when to look again, if that is needed.
async fn sweep(context: &Context, namespace: &str) -> Option<Duration> {
    let now = Timestamp::now();
    let mut again: Option<Duration> = None;
    for pod in context.stores.pods.rows(namespace).values().filter(|pod| pod.gate.is_waiting()) {
        let wait = match verdict(context, pod, now) {
            GateRelease::Never => continue,
            GateRelease::At(time) => Duration::try_from(time.duration_since(now)).unwrap_or_default(),
            GateRelease::Now(reason) => {
                if open(context, pod, reason).await {
                    continue;
                }
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

async fn open(context: &Context, pod: &Pod, reason: GateReason) -> bool {
    let condition = GateCondition { is_open: true, reason, message: reason.meaning().to_owned() };
    write_gate(context, &pod.key, &pod.uid, &condition).await.is_ok()
}
