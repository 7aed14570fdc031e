//! How many writes to the API server are under way at once, whoever makes them. What waits here costs the API server nothing; thousands
//! at once would keep it from answering any, the renewal of the Lease among them.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::reconcile::Write;

/// At once in one namespace. Each is one small request: a rollout of hundreds of Pods should not wait for them one by one.
const PER_NAMESPACE: usize = 16;
/// At once in all namespaces, of each kind. By default an API server works on 200 changes at once, of all its clients.
/// Source: flag `--max-mutating-requests-inflight` of kube-apiserver.
const IN_ALL: usize = 40;
/// A write that takes longer hangs in its namespace, and leaves its room to others.
const SLOW: Duration = Duration::from_secs(1);

/// The room that writes have. What hangs of one kind keeps no other waiting: a webhook may hold those of one kind only.
#[derive(Default)]
pub(super) struct WriteRoom {
    /// Of Pods' gates, which rollouts wait for.
    gates: Rooms,
    /// Of what rounds write to bindings.
    bindings: Rooms,
    /// Of what is written for annotated Services, and to Services.
    services: Rooms,
    /// Of TkeServiceConfigs.
    configs: Rooms,
}

impl WriteRoom {
    /// The room of writes like this one.
    pub(super) const fn of(&self, write: &Write) -> &Rooms {
        match write {
            Write::Gate { .. } => &self.gates,
            Write::Finalizers { .. } | Write::Status { .. } => &self.bindings,
            Write::Annotations { .. }
            | Write::Ingress { .. }
            | Write::NewBinding(_)
            | Write::OwnBinding { .. }
            | Write::Mark { .. }
            | Write::Deletion { .. }
            | Write::ServiceConditions { .. } => &self.services,
            Write::NewConfig { .. } | Write::Config { .. } | Write::ConfigStatus { .. } => &self.configs,
        }
    }
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

impl Rooms {
    /// Makes a write when there is room for it; in one namespace, in order.
    pub(super) async fn make<T>(&self, namespace: &str, making: impl Future<Output = T>) -> T {
        // `Err` only for a closed semaphore, and these are never closed.
        let _of_namespace = self.of(namespace).acquire_owned().await;
        let of_all = self.all.acquire().await;
        let mut making = pin!(making);
        match timeout(SLOW, &mut making).await {
            Ok(made) => made,
            Err(_) => {
                drop(of_all);
                making.await
            }
        }
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
    use std::future::pending;

    use futures::future::join_all;
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Whether a write that takes no time is made within a second.
    async fn is_made(rooms: &Rooms, namespace: &str) -> bool {
        timeout(SECOND, rooms.make(namespace, async {})).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn namespaces_in_which_everything_hangs_leave_room_for_others() {
        let rooms = Rooms::default();
        let one = join_all((0..PER_NAMESPACE).map(|_| rooms.make("slow", pending::<()>())));
        let others = async {
            sleep(SECOND).await;
            (is_made(&rooms, "slow").await, is_made(&rooms, "other").await)
        };
        tokio::select! {
            _ = one => panic!("what hangs has ended"),
            found = others => assert_eq!(found, (false, true)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_only_so_many_in_all_that_do_not_hang() {
        let rooms = Rooms::default();
        let names: Vec<String> = (0..IN_ALL * 3).map(|number| format!("namespace-{number}")).collect();
        let begun = tokio::time::Instant::now();
        join_all(names.iter().map(|name| rooms.make(name, async { sleep(SECOND / 2).await }))).await;
        // A timer may fire a few milliseconds late.
        assert_eq!(begun.elapsed().as_millis() / 100, 15, "a third at a time");
        let begun = tokio::time::Instant::now();
        join_all(names.iter().map(|name| rooms.make(name, async { sleep(SECOND * 30).await }))).await;
        assert_eq!(begun.elapsed().as_secs(), 32, "those that hang make room after a second");
    }
}
