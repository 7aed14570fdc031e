//! Watches what a control plane shows of objects as they go on.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use tke_direct_access::api::DirectAccessBinding;
use tke_direct_access::k8s;
use tke_direct_access_worlds::history::{GONE, History, of_binding, of_pod};
use tokio::task::JoinSet;

use crate::stage::Stage;

/// What was shown so far. The watches end with the value.
pub(crate) struct Witness {
    histories: Arc<Mutex<Vec<History>>>,
    _watches: JoinSet<()>,
}

impl Witness {
    pub(crate) fn of(stage: &Stage) -> Self {
        let (histories, mut watches) = (Arc::default(), JoinSet::new());
        let client = stage.namespace.client();
        watches.spawn(watch::<DirectAccessBinding>(Api::default_namespaced(client.clone()), &histories, |binding| {
            Some(("binding", binding.name_any(), of_binding(binding)))
        }));
        watches.spawn(watch::<Pod>(Api::default_namespaced(client), &histories, |pod| {
            Some(("pod", pod.uid()?, of_pod(&k8s::pod(pod))))
        }));
        Self { histories, _watches: watches }
    }

    pub(crate) fn histories(&self) -> Vec<History> {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

type Words = Option<(&'static str, String, String)>;

fn watch<K>(
    api: Api<K>,
    histories: &Arc<Mutex<Vec<History>>>,
    words: impl Fn(&K) -> Words + Send + 'static,
) -> impl Future<Output = ()> + Send + 'static
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let histories = histories.clone();
    async move {
        let mut events = std::pin::pin!(watcher(api, watcher::Config::default()));
        while let Some(event) = events.next().await {
            let found = match &event {
                Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => words(object),
                Ok(watcher::Event::Delete(object)) => {
                    words(object).map(|(kind, place, _)| (kind, place, GONE.to_owned()))
                }
                Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => None,
            };
            let Some((kind, place, words)) = found else { continue };
            let mut histories = histories.lock().unwrap_or_else(PoisonError::into_inner);
            let is_it = |one: &&mut History| {
                one.kind == kind && one.place == place && one.shown.last().is_none_or(|last| last != GONE)
            };
            match histories.iter_mut().find(is_it) {
                Some(found) => found.push(words),
                None => histories.push(History { kind, place, shown: vec![words] }),
            }
        }
    }
}
