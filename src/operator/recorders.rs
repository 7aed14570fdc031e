//! Events as the API server gets them.
//!
//! A warning is one Event for each thing that it says, and so is a correction. It has a name that follows from what it says, so that every
//! controller that says it, now or after a change of leader, counts the same Event. Of other Events, kube's recorder takes those of one
//! reason and action about one object for the same one: it counts them, and the words of the first stay.

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::events::{self, EventType, Recorder, Reporter};
use kube::{Api, Client};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::api::course::Severity;
use crate::api::event::{EventReason, EventWord};
use crate::reconcile::Notice;

/// The most characters that an object may have as its name. Source: `NameIsDNSSubdomain` of k8s.io/apimachinery, pkg/api/validation.
const NAME_MAX: usize = 253;
/// "Conflict": there is one of that name.
const CONFLICT: u16 = 409;

/// The recorders of a replica.
#[derive(Clone)]
pub(super) struct Recorders {
    client: Client,
    reporter: Reporter,
    /// Of Events that are no warnings and no corrections.
    usual: Recorder,
}

impl Recorders {
    pub(super) fn new(client: Client, reporter: Reporter) -> Self {
        Self { usual: Recorder::new(client.clone(), reporter.clone()), client, reporter }
    }

    /// Publishes an Event, or counts the one that says the same.
    ///
    /// # Errors
    ///
    /// What the API server has against it.
    pub(super) async fn publish(&self, notice: &Notice) -> Result<(), kube::Error> {
        let is_correction = notice.word == EventWord::Other(EventReason::AttributesCorrected);
        let severity = notice.word.severity();
        if severity == Severity::Warning || is_correction {
            return self.publish_named(notice, severity).await;
        }
        let event = events::Event {
            type_: EventType::Normal,
            reason: notice.word.reason().to_owned(),
            note: Some(notice.note.clone()),
            action: notice.action.clone(),
            secondary: None,
        };
        self.usual.publish(&event, &notice.about).await
    }

    async fn publish_named(&self, notice: &Notice, severity: Severity) -> Result<(), kube::Error> {
        let namespace = notice.about.namespace.as_deref().unwrap_or("default");
        let (name, now) = (event_name(notice), MicroTime(Timestamp::now()));
        let event = Event {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            type_: Some(severity.as_str().to_owned()),
            reason: Some(notice.word.reason().to_owned()),
            note: Some(notice.note.clone()),
            action: Some(notice.action.clone()),
            event_time: Some(now.clone()),
            regarding: Some(notice.about.clone()),
            reporting_controller: Some(self.reporter.controller.clone()),
            reporting_instance: self.reporter.instance.clone(),
            ..Event::default()
        };
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        match api.create(&PostParams::default(), &event).await {
            Err(kube::Error::Api(status)) if status.code == CONFLICT => {}
            result => return result.map(drop),
        }
        // The right to patch shows it, too: this changes nothing.
        let params = PatchParams::default();
        let known = api.patch(&name, &params, &Patch::Merge(json!({}))).await?;
        let count = known.series.map_or(1, |series| series.count);
        let series = json!({"series": {"count": count.saturating_add(1), "lastObservedTime": now}});
        api.patch(&name, &params, &Patch::Merge(series)).await.map(drop)
    }
}

/// The name of an Event: the object that it is about, and what it says of it.
fn event_name(notice: &Notice) -> String {
    let about = &notice.about;
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let (kind, name) = (part(&about.kind), part(&about.name));
    let uid = part(&about.uid);
    let mut hash = Sha256::new();
    for part in [&kind, &name, &uid, notice.word.reason(), &notice.action, &notice.note] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut ending = String::from(".");
    for byte in hash.finalize().iter().take(8) {
        ending.push_str(&format!("{byte:02x}"));
    }
    let room = name.floor_char_boundary(NAME_MAX - ending.len());
    format!("{}{ending}", name[..room].trim_end_matches(['.', '-']))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use axum::http::{Method, Request, Response};
    use k8s_openapi::api::core::v1::ObjectReference;
    use kube::client::Body;
    use serde_json::Value;

    use super::*;
    use crate::api::event::ServiceReason;

    fn notice(word: EventWord, note: &str) -> Notice {
        let about = ObjectReference {
            kind: Some("Service".to_owned()),
            namespace: Some("shop".to_owned()),
            name: Some("web".to_owned()),
            ..ObjectReference::default()
        };
        Notice { about, word, action: "ReadAnnotations".to_owned(), note: note.to_owned() }
    }

    type Kept = Arc<Mutex<BTreeMap<String, Value>>>;

    fn reply(code: u16, body: &Value) -> Response<Body> {
        Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap()
    }

    /// Keeps Events as the API server does, by name.
    async fn keep(kept: Kept, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let sent: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap();
        let mut kept = kept.lock().unwrap();
        if head.method == Method::POST {
            let made = format!("generated-{}", kept.len());
            let name = sent["metadata"]["name"].as_str().unwrap_or(&made).to_owned();
            if kept.contains_key(&name) {
                let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "AlreadyExists",
                    "message": "there is one", "code": 409});
                return reply(409, &status);
            }
            kept.insert(name, sent.clone());
            return reply(201, &sent);
        }
        let name = head.uri.path().rsplit('/').next().unwrap().to_owned();
        let found = kept.get_mut(&name).unwrap();
        if !sent["series"].is_null() {
            found["series"] = sent["series"].clone();
        }
        reply(200, found)
    }

    #[tokio::test]
    async fn a_warning_is_one_event_for_what_it_says_whoever_says_it() {
        let kept = Kept::default();
        let replica = |name: &str| {
            let kept = Arc::clone(&kept);
            let answer = move |request: Request<Body>| {
                let kept = Arc::clone(&kept);
                async move { Ok::<_, Infallible>(keep(kept, request).await) }
            };
            let reporter = Reporter { controller: "test".to_owned(), instance: Some(name.to_owned()) };
            Recorders::new(Client::new(tower::service_fn(answer), "default"), reporter)
        };
        let (first, second) = (replica("a"), replica("b"));
        let bad = EventWord::Service(ServiceReason::InvalidAnnotation);
        let off = EventWord::Other(EventReason::AnnotatedServicesOff);
        let corrected = EventWord::Other(EventReason::AttributesCorrected);
        for (by, word, note) in [
            (&first, bad, "the first"),
            (&first, bad, "the second"),
            (&first, bad, "the first"),
            (&second, bad, "the first"),
            (&first, off, "the first"),
            (&second, off, "the first"),
            (&first, corrected, "scheduler"),
            (&first, corrected, "timeout"),
        ] {
            by.publish(&notice(word, note)).await.unwrap();
        }
        let row = |event: &Value| {
            let text = |key: &str| event[key].as_str().unwrap().to_owned();
            (text("reason"), text("type"), text("note"), event["series"]["count"].as_i64().unwrap_or(1))
        };
        let mut found: Vec<_> = kept.lock().unwrap().values().map(row).collect();
        found.sort();
        let row =
            |reason: &str, kind: &str, note: &str, count| (reason.to_owned(), kind.to_owned(), note.to_owned(), count);
        let expected = [
            row("AnnotatedServicesOff", "Warning", "the first", 2),
            row("AttributesCorrected", "Normal", "scheduler", 1),
            row("AttributesCorrected", "Normal", "timeout", 1),
            row("InvalidAnnotation", "Warning", "the first", 3),
            row("InvalidAnnotation", "Warning", "the second", 1),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_name_of_an_event_is_one_that_the_api_server_takes() {
        let mut notice = notice(EventWord::Service(ServiceReason::Held), "words");
        let short = event_name(&notice);
        assert!(short.starts_with("web.") && short.len() == "web.".len() + 16, "{short}");
        notice.about.name = Some(format!("{}-{}", "x".repeat(235), "y".repeat(17)));
        let long = event_name(&notice);
        assert!(long.len() <= NAME_MAX && !long.contains("-."), "{long}");
    }
}
