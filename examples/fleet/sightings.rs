//! When a watch of Pods first shows what of those that are replaced.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use tke_direct_access::api::names;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What was seen. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Sightings(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// Pods whose gate is waited for, by namespace and name.
    followed: HashMap<(String, String), Followed>,
    opened: Vec<Opened>,
}

struct Followed {
    containers_ready: Option<Timestamp>,
    opened: oneshot::Sender<()>,
}

/// A Pod whose gate was opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    pub(crate) ip: IpAddr,
    pub(crate) containers_ready: Timestamp,
    pub(crate) gate_open: Timestamp,
}

/// Follows all Pods until the task is aborted.
pub(crate) fn watch(client: kube::Client) -> (Sightings, JoinHandle<()>) {
    let sightings = Sightings::default();
    let seen = sightings.clone();
    let watching = tokio::spawn(async move {
        let mut events = std::pin::pin!(watcher(Api::<Pod>::all(client), watcher::Config::default()).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => seen.note(&pod, Timestamp::now()),
                Ok(_) => {}
                Err(error) => eprintln!("the watch of Pods: {error}"),
            }
        }
    });
    (sightings, watching)
}

impl Sightings {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a Pod that is about to be created; what is returned ends when its gate is open.
    pub(crate) fn follow(&self, namespace: &str, name: &str) -> oneshot::Receiver<()> {
        let (opened, receiver) = oneshot::channel();
        let followed = Followed { containers_ready: None, opened };
        self.lock().followed.insert((namespace.to_owned(), name.to_owned()), followed);
        receiver
    }

    fn note(&self, pod: &Pod, now: Timestamp) {
        let mut seen = self.lock();
        if seen.followed.is_empty() {
            return;
        }
        let key = (pod.namespace().unwrap_or_default(), pod.name_any());
        let Some(followed) = seen.followed.get_mut(&key) else { return };
        let status = pod.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let is_true = |kind: &str| conditions.iter().any(|found| found.type_ == kind && found.status == "True");
        if is_true("ContainersReady") {
            followed.containers_ready.get_or_insert(now);
        }
        let ip = status.and_then(|status| status.pod_ip.as_deref()?.parse().ok());
        if let (true, Some(containers_ready), Some(ip)) = (is_true(names::GATE), followed.containers_ready, ip)
            && let Some(followed) = seen.followed.remove(&key)
        {
            seen.opened.push(Opened { ip, containers_ready, gate_open: now });
            // Nobody waits for one whose patience has ended.
            let _ = followed.opened.send(());
        }
    }

    /// Since when the Pods wait whose containers are ready and whose gate is closed.
    pub(crate) fn waiting(&self) -> Vec<Timestamp> {
        self.lock().followed.values().filter_map(|pod| pod.containers_ready).collect()
    }

    /// The Pods whose gates were opened so far.
    pub(crate) fn opened(&self) -> Vec<Opened> {
        self.lock().opened.clone()
    }
}
