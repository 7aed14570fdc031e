//! Events and counts of what was repaired.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Resource};

use super::Repair;
use crate::api::clip;
use crate::api::event::EventReason;

/// Who says so.
const REPORTER: &str = "cloud.tencent.com/direct-access-webhook";
/// The most characters that events.k8s.io takes as a note.
const NOTE_MAX: usize = 1024;
/// The most that it takes as the name of a replica.
const INSTANCE_MAX: usize = 128;

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
    const fn reason(self) -> EventReason {
        match self {
            Self::Created => EventReason::Created,
            Self::Renewed => EventReason::Renewed,
            Self::Repaired => EventReason::Repaired,
            Self::Removed => EventReason::Removed,
        }
    }
}

/// An object as an Event names it, with its version, which tells one repair from the next.
pub(super) fn reference<K: Resource>(object: &K, kind: &K::DynamicType) -> ObjectReference {
    ObjectReference { resource_version: object.meta().resource_version.clone(), ..object.object_ref(kind) }
}

/// The name of an Event about one version of an object. Replicas that have noticed the same and written the same tell of the same
/// version, so that all of their Events but the first are refused.
fn event_name(reference: &ObjectReference, deed: Deed, object: &str, cause: &str) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let (name, uid, version) = (part(&reference.name), part(&reference.uid), part(&reference.resource_version));
    format!("{name}.{uid}.{version}.{}-{object}-{cause}", deed.reason().as_str().to_ascii_lowercase())
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
        tracing::info!(object, cause, deed = deed.reason().as_str(), "{note}");
        // Cluster-wide objects have their Events in this namespace.
        let namespace = reference.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let event = Event {
            metadata: ObjectMeta {
                name: Some(event_name(reference, deed, object, cause)),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            type_: Some(if deed.reason().is_warning() { "Warning" } else { "Normal" }.to_owned()),
            reason: Some(deed.reason().to_string()),
            note: Some(clip(note, NOTE_MAX)),
            action: Some(format!("{object}-{cause}")),
            event_time: Some(MicroTime(Timestamp::now())),
            regarding: Some(reference.clone()),
            reporting_controller: Some(REPORTER.to_owned()),
            reporting_instance: Some(clip(&self.identity, INSTANCE_MAX)),
            ..Event::default()
        };
        let events: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        // An Event is a courtesy: log and metric say it too.
        if let Err(error) = events.create(&PostParams::default(), &event).await {
            tracing::debug!(%error, object, "event was not taken");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_replicas_tell_of_one_version_has_one_name() {
        let version = |version: &str| ObjectReference {
            name: Some("direct-access-pods".to_owned()),
            uid: Some("u".to_owned()),
            resource_version: Some(version.to_owned()),
            ..ObjectReference::default()
        };
        let name = |number: &str| event_name(&version(number), Deed::Repaired, "configuration", "missing");
        assert_eq!(name("7"), "direct-access-pods.u.7.repaired-configuration-missing");
        assert_ne!(name("8"), name("7"));
    }
}
