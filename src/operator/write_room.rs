//! How many writes to the API server are under way at once, whoever makes them. What waits here costs the API server nothing; thousands
//! at once would keep it from answering any, the renewal of the Lease among them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// At once in one namespace. Each is one small request; a rollout of hundreds of Pods should not wait for them one by one. One in which everything hangs takes no more room from others.
const PER_NAMESPACE: usize = 16;
/// At once in all, of gates and of the rest. By default an API server works on 200 changes at once, of all its clients.
/// Source: flag `--max-mutating-requests-inflight` of kube-apiserver.
const IN_ALL: usize = 80;

/// The room that writes have.
#[derive(Default)]
pub(super) struct WriteRoom {
    /// Of gates: a rollout waits for them, whatever hangs that is written elsewhere.
    pub(super) gates: Rooms,
    /// Of everything else.
    pub(super) others: Rooms,
}

/// The room of one kind of writes.
pub(super) struct Rooms {
    all: Semaphore,
    namespaces: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self { all: Semaphore::new(IN_ALL), namespaces: Mutex::default() }
    }
}

/// The room of one write, while it lives. `None` only for a closed semaphore, and these are never closed.
pub(super) struct Room<'a> {
    _of_namespace: Option<OwnedSemaphorePermit>,
    _of_all: Option<SemaphorePermit<'a>>,
}

impl Rooms {
    /// Waits until there is room for a write in a namespace; of one namespace, in order.
    pub(super) async fn take(&self, namespace: &str) -> Room<'_> {
        let of_namespace = self.of(namespace).acquire_owned().await.ok();
        Room { _of_namespace: of_namespace, _of_all: self.all.acquire().await.ok() }
    }

    fn of(&self, namespace: &str) -> Arc<Semaphore> {
        let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = namespaces.get(namespace) {
            return Arc::clone(room);
        }
        // Whoever adds one clears away those that nobody uses.
        namespaces.retain(|_, room| Arc::strong_count(room) > 1);
        let room = Arc::new(Semaphore::new(PER_NAMESPACE));
        namespaces.insert(namespace.to_owned(), Arc::clone(&room));
        room
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_namespace_in_which_everything_hangs_leaves_room_for_others() {
        let room = Rooms::default();
        let hanging = join_all((0..PER_NAMESPACE).map(|_| room.take("slow"))).await;
        assert!(timeout(SECOND, room.take("slow")).await.is_err());
        assert!(timeout(SECOND, room.take("other")).await.is_ok());
        drop(hanging);
        assert!(timeout(SECOND, room.take("slow")).await.is_ok());
        assert!(room.namespaces.lock().unwrap().len() <= 2);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_only_so_many_in_all() {
        let room = Rooms::default();
        let names: Vec<String> = (0..IN_ALL).map(|number| format!("namespace-{number}")).collect();
        let all = join_all(names.iter().map(|name| room.take(name))).await;
        assert!(timeout(SECOND, room.take("one-more")).await.is_err());
        drop(all);
        assert!(timeout(SECOND, room.take("one-more")).await.is_ok());
    }
}
