//! Publishes Events so that each note is told.
//!
//! kube's recorder takes Events that differ in their note alone for one that happened again, and counts: a correction "from 5 to 6" would
//! go on to be shown for the next two. Here each note has a recorder of its own, so that only what is repeated word for word is counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, Recorder, Reporter};

/// How long a note is remembered; as long as kube's recorder counts.
const REMEMBERED: Duration = Duration::from_secs(6 * 60);

/// Publishes Events. Clones share what they remember.
#[derive(Clone)]
pub(super) struct Notes {
    client: Client,
    reporter: Reporter,
    recorders: Arc<Mutex<HashMap<String, (Recorder, Instant)>>>,
}

impl Notes {
    /// Publishes with this client, as this reporter.
    pub(super) fn new(client: Client, reporter: Reporter) -> Self {
        Self { client, reporter, recorders: Arc::default() }
    }

    /// Publishes an Event about an object.
    ///
    /// # Errors
    /// When the API server does not take it.
    pub(super) async fn publish(&self, event: &Event, about: &ObjectReference) -> Result<(), kube::Error> {
        self.recorder(event.note.as_deref().unwrap_or_default()).publish(event, about).await
    }

    fn recorder(&self, note: &str) -> Recorder {
        let now = Instant::now();
        let mut recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        recorders.retain(|_, (_, used)| now.saturating_duration_since(*used) < REMEMBERED);
        let new = || (Recorder::new(self.client.clone(), self.reporter.clone()), now);
        let (recorder, used) = recorders.entry(note.to_owned()).or_insert_with(new);
        *used = now;
        recorder.clone()
    }
}
