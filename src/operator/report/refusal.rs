//! Writes that the API server does not take: the pace of attempts, Events, and bindings that are held back by one.

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use kube::runtime::events::{Event, EventType};

use super::event::NOTE_MAX;
use super::status::{Written, latest, write_binding_status};
use super::{NotTaken, Report};
use crate::api::{DirectAccessBinding, clip};
use crate::model::Service;
use crate::operator::context::Context;
use crate::plan::BindingView;
use crate::status::{Field, RefusalNews, held_back_status};

/// The kind and name of a binding, for people.
pub(in crate::operator) fn binding_name(name: &str) -> String {
    format!("DirectAccessBinding '{name}'")
}

/// The kind and name of a Service, for people.
pub(in crate::operator) fn service_name(service: &Service) -> String {
    format!("Service '{}'", service.key.name)
}

/// What an Event about a Service refers to.
pub(in crate::operator) fn service_reference(service: &Service) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Service".to_owned()),
        name: Some(service.key.name.clone()),
        namespace: Some(service.key.namespace.clone()),
        uid: Some(service.uid.clone()),
        ..ObjectReference::default()
    }
}

/// Tells of a write that is refused by an Event.
pub(in crate::operator) async fn publish_refusal(
    context: &Context,
    news: &RefusalNews,
    reason: &str,
    about: &ObjectReference,
) {
    let event = Event {
        type_: EventType::Warning,
        note: Some(clip(&news.note, NOTE_MAX)),
        action: news.field.action().to_owned(),
        reason: reason.to_owned(),
        secondary: None,
    };
    // An Event is a courtesy: the log and the counter of writes have it, too.
    if let Err(error) = context.recorder.publish(&event, about).await {
        tracing::debug!(%error, "event was not taken");
    }
}

/// Tells by Events what is refused for a binding, and was not told yet.
async fn announce(context: &Context, binding: &DirectAccessBinding, service: Option<&Service>) {
    for news in context.refused.news(binding.metadata.uid.as_deref().unwrap_or_default()) {
        let reason = news.field.reason().as_str();
        publish_refusal(context, &news, reason, &binding.object_ref(&())).await;
        if let Some(service) = service.filter(|_| news.field.is_of_service()) {
            publish_refusal(context, &news, reason, &service_reference(service)).await;
        }
    }
}

impl Report<'_> {
    /// Writes something of a binding, unless that was refused a moment ago, and remembers what became of it. Gives nothing when it was
    /// not written.
    pub(super) async fn attempt<T>(
        &self,
        view: &BindingView,
        field: Field,
        object: &str,
        write: impl Future<Output = Result<T, NotTaken>>,
    ) -> Option<T> {
        if !self.context.refused.is_due(view.uid(), field) {
            return None;
        }
        let result = write.await;
        self.context.refused.record(view.uid(), field, object, &result);
        result.ok()
    }

    pub(super) async fn announce_refusals(&self, view: &BindingView) {
        announce(self.context, &view.binding, view.service.as_deref()).await;
    }

    /// Says of bindings on which nothing is acted why that is so.
    pub(super) async fn write_held_back(&self, written: &mut HashMap<String, Written>) {
        for binding in self.held_back {
            let binding = &latest(written, binding.clone());
            let uid = binding.metadata.uid.as_deref().unwrap_or_default();
            let refused = self.context.refused.of(std::iter::once(uid));
            let status = refused.first().and_then(|(_, writes)| held_back_status(binding, writes, Timestamp::now()));
            let previous = binding.status.clone().unwrap_or_default();
            let Some(status) = status.filter(|status| *status != previous) else {
                self.context.refused.taken(uid, Field::Status);
                continue;
            };
            if self.context.refused.is_due(uid, Field::Status) {
                let result = write_binding_status(self.context, binding, &status).await;
                self.context.refused.record(
                    uid,
                    Field::Status,
                    &binding_name(binding.metadata.name.as_deref().unwrap_or_default()),
                    &result,
                );
                if let Ok(object) = result {
                    let told = written.remove(uid).map(Written::into_told).unwrap_or_default();
                    written.insert(uid.to_owned(), Written::new(&object, status, told));
                }
            }
            announce(self.context, binding, None).await;
        }
    }

    /// The UIDs of all bindings that the report is about.
    pub(super) fn uids(&self) -> impl Iterator<Item = &str> {
        let others = self.held_back.iter().filter_map(|binding| binding.metadata.uid.as_deref());
        self.snapshot.bindings.iter().map(BindingView::uid).chain(others)
    }
}
