//! Events on their way. Nobody waits for them, but for a moment when the controller stops.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::{Instrument, Span};

use super::context::Context;
use super::writes::publish;
use crate::reconcile::Notice;

/// Batches under way at once in one namespace. Where there are more, what comes is not told: statuses and conditions say it too.
const BATCHES: usize = 16;

/// The Events of one driver.
#[derive(Default)]
pub(super) struct Notices {
    gathered: Vec<Notice>,
    publishing: JoinSet<()>,
    /// Each batch that is under way has a clone of what its namespace has here.
    under_way: HashMap<Option<String>, Arc<()>>,
}

impl Notices {
    /// Takes in an Event of the step that is being performed.
    pub(super) fn add(&mut self, notice: Notice) {
        self.gathered.push(notice);
    }

    /// Begins to publish the Events of a step: those of one namespace one after the other, because those of one kind are counted together,
    /// and namespaces side by side, because one may answer late.
    pub(super) fn publish(&mut self, context: &Arc<Context>, span: &Span) {
        while self.publishing.try_join_next().is_some() {}
        self.under_way.retain(|_, batch| Arc::strong_count(batch) > 1);
        let mut by_namespace: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for notice in self.gathered.drain(..) {
            by_namespace.entry(notice.about.namespace.clone()).or_default().push(notice);
        }
        for (namespace, notices) in by_namespace {
            let batch = self.under_way.entry(namespace).or_default().clone();
            // One is the table's, one is this.
            if Arc::strong_count(&batch) - 2 >= BATCHES {
                tracing::debug!("too many events are under way; some are not told");
                continue;
            }
            let context = context.clone();
            let publishing = async move {
                let _batch = batch;
                for notice in notices {
                    publish(&context, notice).await;
                }
            };
            self.publishing.spawn(publishing.instrument(span.clone()));
        }
    }

    /// Waits until they have left.
    pub(super) async fn left(&mut self) {
        while self.publishing.join_next().await.is_some() {}
    }
}
