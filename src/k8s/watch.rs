//! One watch feeding one table.

use std::collections::HashSet;
use std::fmt::Debug;
use std::future::pending;
use std::sync::Arc;

use futures::StreamExt;
use kube::runtime::watcher;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Change;
use super::events::events;
use super::table::{Difference, Sight, Table};
use crate::api::{MESSAGE_MAX, clip};

/// How the objects of one kind become rows.
pub(super) struct Kind<K, V> {
    /// Its definition, or the right to look at it, may be missing in the cluster.
    pub(super) is_optional: bool,
    /// The only object to look at; all when `None`.
    pub(super) only: Option<&'static str>,
    /// The plural name, for logs.
    pub(super) name: &'static str,
    /// The row of an object; `None` for one that does not concern us.
    pub(super) row: fn(&K) -> Option<V>,
    /// The key of an object within its namespace. It must be computable from a deleted object too.
    pub(super) key: fn(&K) -> String,
    /// The change to announce.
    pub(super) change: fn(Difference<V>) -> Change,
}

/// Where a watch writes.
pub(super) struct Sink<V> {
    pub(super) table: Arc<Table<V>>,
    pub(super) changes: mpsc::Sender<Change>,
    /// How many lists were asked for beside the first one.
    pub(super) wished: watch::Receiver<u64>,
    /// The last of them that the table has.
    pub(super) listed: watch::Sender<Option<u64>>,
}

/// Waits until another list is asked for; for ever where nobody is left who could.
async fn asked_anew(wished: &mut watch::Receiver<u64>) {
    if wished.changed().await.is_err() {
        pending::<()>().await;
    }
}

/// Follows all objects of a kind until `stop`. Failures are retried with back-off for ever, since a store that gives up would
/// leave everything else acting on an old world.
pub(super) async fn follow<K, V>(api: Api<K>, kind: Kind<K, V>, mut sink: Sink<V>, stop: CancellationToken)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    V: PartialEq + Send + Sync + 'static,
{
    let begin = || Box::pin(events(api.clone(), kind.only));
    let (mut events, mut wish) = (begin(), *sink.wished.borrow_and_update());
    let (mut listed, mut has_listed) = (HashSet::new(), false);
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return,
            () = asked_anew(&mut sink.wished) => {
                (events, wish) = (begin(), *sink.wished.borrow_and_update());
                continue;
            }
            event = events.next() => event,
        };
        let Some(event) = event else { return };
        let event = match event {
            Ok(event) => event,
            Err(error) if kind.is_optional && is_not_to_be_seen(&error) => {
                // There are none for us. The watch goes on asking, for when there are. What a list has shown before still counts.
                if !has_listed {
                    see(&kind, &sink, &error);
                }
                sink.listed.send_replace(Some(wish));
                continue;
            }
            Err(error) => {
                tracing::warn!(kind = kind.name, %error, "watch failed and will be retried");
                continue;
            }
        };
        let mut differences = Vec::new();
        if matches!(event, watcher::Event::InitDone) {
            has_listed = true;
            if sink.table.set_sight(Sight::Complete) != Sight::Complete {
                // What there is not is news, too.
                differences.push(Difference { before: None, after: None });
            }
        }
        let is_list = matches!(event, watcher::Event::InitDone);
        differences.extend(take_in(&kind, &sink, event, &mut listed));
        if is_list {
            sink.listed.send_replace(Some(wish));
        }
        for difference in differences {
            if sink.changes.send((kind.change)(difference)).await.is_err() {
                return;
            }
        }
    }
}

fn is_not_to_be_seen(error: &watcher::Error) -> bool {
    match error {
        // An unknown path is answered by a plain text, which has the code and no reason.
        watcher::Error::InitialListFailed(kube::Error::Api(status)) => matches!(status.code, 403 | 404),
        _ => false,
    }
}

/// Takes in an answer that shows nothing, and logs a refusal once.
fn see<K, V: PartialEq>(kind: &Kind<K, V>, sink: &Sink<V>, error: &watcher::Error) {
    let sight = sight(error);
    let before = sink.table.set_sight(sight.clone());
    if let Sight::Refused(error) = sight
        && !matches!(before, Sight::Refused(_))
    {
        let only = kind.only;
        tracing::warn!(kind = kind.name, name = only, %error, "not permitted to look; what these objects may say counts as unknown");
    }
}

/// What an answer that shows nothing says of the objects: without their definition there are none.
fn sight(error: &watcher::Error) -> Sight {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 403 => {
            Sight::Refused(clip(&status.message, MESSAGE_MAX))
        }
        _ => Sight::Complete,
    }
}

fn take_in<K: Resource, V: PartialEq>(
    kind: &Kind<K, V>,
    sink: &Sink<V>,
    event: watcher::Event<K>,
    listed: &mut HashSet<(String, String)>,
) -> Vec<Difference<V>> {
    let place = |object: &K| (object.meta().namespace.clone().unwrap_or_default(), (kind.key)(object));
    let write = |object: &K, (namespace, key): &(String, String)| match (kind.row)(object) {
        Some(row) => sink.table.put(namespace, key, row),
        None => sink.table.remove(namespace, key),
    };
    match event {
        watcher::Event::Init => {
            listed.clear();
            Vec::new()
        }
        watcher::Event::InitApply(object) => {
            let place = place(&object);
            let difference = write(&object, &place);
            listed.insert(place);
            difference.into_iter().collect()
        }
        watcher::Event::InitDone => {
            let gone = sink.table.retain(|namespace, key| {
                // `contains` needs an owned pair; a list ends rarely enough.
                listed.contains(&(namespace.to_owned(), key.to_owned()))
            });
            listed.clear();
            gone
        }
        watcher::Event::Apply(object) => write(&object, &place(&object)).into_iter().collect(),
        watcher::Event::Delete(object) => {
            let (namespace, key) = place(&object);
            sink.table.remove(&namespace, &key).into_iter().collect()
        }
    }
}
