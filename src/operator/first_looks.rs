//! The first rounds after a start: load balancers for which somebody waits come first, and the others take turns, so that the calls of
//! the former find a short queue.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::metrics::Waker;
use crate::k8s::Stores;
use crate::model::{Pod, Region};
use crate::reconcile::Key;
use crate::status::{FirstLook, first_look, is_unsettled};

/// First rounds in turn that run at once. Each makes one call of each action at a time, so that another call waits for these at most:
/// half a second at 20 calls per second.
const TURNS: usize = 10;

/// The load balancers that bindings name, with when each is looked at first, those for which somebody waits at the beginning.
pub fn in_order(stores: &Stores, region: &Region) -> Vec<(Key, FirstLook)> {
    let mut unsettled: HashMap<String, Vec<Arc<Pod>>> = HashMap::new();
    for pod in stores.pods.all().into_iter().filter(|pod| is_unsettled(pod)) {
        unsettled.entry(pod.key.namespace.clone()).or_default().push(pod);
    }
    let mut looks: BTreeMap<Key, FirstLook> = BTreeMap::new();
    for row in stores.bindings.all() {
        let namespace = row.0.metadata.namespace.as_deref().unwrap_or_default();
        let service = stores.services.row(namespace, &row.0.spec.service_ref.name);
        let pods = unsettled.get(namespace).into_iter().flatten().map(|pod| &**pod);
        let look = first_look(&row.0, service.as_deref(), pods);
        looks.entry(Key::of(&row.0, region)).and_modify(|known| *known = look.min(*known)).or_insert(look);
    }
    let ordered: BTreeSet<(FirstLook, Key)> = looks.into_iter().map(|(key, look)| (look, key)).collect();
    ordered.into_iter().map(|(look, key)| (key, look)).collect()
}

/// The turns. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TURNS)))
    }
}

impl Turns {
    /// Waits for the turn of a load balancer, which lasts until what is returned is dropped. A change ends the wait: then somebody waits.
    pub(super) async fn wait(
        &self,
        look: FirstLook,
        waker: &Waker,
        stop: &CancellationToken,
    ) -> Option<OwnedSemaphorePermit> {
        if look == FirstLook::Now {
            return None;
        }
        tokio::select! {
            permit = Arc::clone(&self.0).acquire_owned() => permit.ok(),
            () = waker.woken() => None,
            () = stop.cancelled() => None,
        }
    }
}
