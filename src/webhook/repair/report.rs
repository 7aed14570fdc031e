//! Events and counts of what was repaired.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use super::Repair;
use crate::api::clip;

/// Who says so.
const REPORTER: &str = "cloud.tencent.com/direct-access-webhook";
/// The most characters that events.k8s.io takes as a note.
const NOTE_MAX: usize = 1024;

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It was made for the first time.
    Created,
    /// It was renewed in good time.
    Renewed,
    /// Somebody had deleted or changed it, or it was left to expire.
    Repaired,
    /// It belongs to another way of injection.
    Removed,
}

impl Deed {
    fn reason(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Renewed => "Renewed",
            Self::Repaired => "Repaired",
            Self::Removed => "Removed",
        }
    }
}

pub(super) fn recorder(client: &Client, identity: String) -> Recorder {
    Recorder::new(client.clone(), Reporter { controller: REPORTER.to_owned(), instance: Some(identity) })
}

impl Repair {
    /// Counts a write and tells of it. `object` and `cause` are labels.
    pub(super) async fn report(
        &self,
        reference: &ObjectReference,
        deed: Deed,
        object: &'static str,
        cause: &'static str,
        note: &str,
    ) {
        if deed != Deed::Removed {
            self.metrics.repair(object, cause);
        }
        tracing::info!(object, cause, deed = deed.reason(), "{note}");
        let event = Event {
            type_: if deed == Deed::Repaired { EventType::Warning } else { EventType::Normal },
            reason: deed.reason().to_owned(),
            note: Some(clip(note, NOTE_MAX)),
            // Part of what makes an Event another one; the note is not.
            action: format!("{object}-{cause}"),
            secondary: None,
        };
        // An Event is a courtesy: log and metric say it too.
        if let Err(error) = self.recorder.publish(&event, reference).await {
            tracing::debug!(%error, object, "event was not taken");
        }
    }
}
