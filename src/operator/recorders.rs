//! Events as the API server gets them.
//!
//! kube's recorder takes Events of one reason and action about one object for the same one: it counts them, and the words of the first stay.
//! A warning with other words is another one, and so is a correction of something else; each has a recorder of its own.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::runtime::events::Recorder;

use crate::api::event::EventReason;
use crate::reconcile::{Notice, NoticeKind};

/// For how long a warning that is told again is counted as the same one, as kube's recorder does.
const COUNTED: Duration = Duration::from_secs(6 * 60);
/// The most warnings that are known at once. Forgetting them costs Events.
const KNOWN: usize = 1000;

/// The recorders of a replica.
#[derive(Clone)]
pub(super) struct Recorders {
    new: Arc<dyn Fn() -> Recorder + Send + Sync>,
    /// Of Events that are no warnings and no corrections.
    usual: Recorder,
    /// By what one of the others is about and says, with the time when it was last told.
    warnings: Arc<Mutex<HashMap<u64, (Recorder, Instant)>>>,
}

impl Recorders {
    /// Each that `new` makes knows of no Event yet.
    pub(super) fn new(new: impl Fn() -> Recorder + Send + Sync + 'static) -> Self {
        Self { usual: new(), new: Arc::new(new), warnings: Arc::default() }
    }

    /// The recorder that knows whether an Event was told already.
    pub(super) fn of(&self, notice: &Notice) -> Recorder {
        let is_correction = notice.reason == EventReason::AttributesCorrected.as_str();
        if notice.kind == NoticeKind::Normal && !is_correction {
            return self.usual.clone();
        }
        let mut hasher = DefaultHasher::new();
        let about = &notice.about;
        (&about.namespace, &about.name, &about.uid, &notice.reason, &notice.action, &notice.note).hash(&mut hasher);
        let now = Instant::now();
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.retain(|_, (_, told)| now.duration_since(*told) < COUNTED);
        if warnings.len() >= KNOWN {
            warnings.clear();
        }
        let fresh = || ((self.new)(), now);
        let (recorder, told) = warnings.entry(hasher.finish()).or_insert_with(fresh);
        *told = now;
        recorder.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::{Method, Request, Response};
    use k8s_openapi::api::core::v1::ObjectReference;
    use kube::Client;
    use kube::client::Body;
    use kube::runtime::events::{Event, EventType, Reporter};

    use super::*;

    fn notice(kind: NoticeKind, note: &str) -> Notice {
        let about = ObjectReference {
            namespace: Some("shop".to_owned()),
            name: Some("web".to_owned()),
            ..ObjectReference::default()
        };
        let (reason, action) = ("InvalidAnnotation".to_owned(), "ReadAnnotations".to_owned());
        Notice { about, kind, reason, action, note: note.to_owned() }
    }

    #[tokio::test]
    async fn a_warning_with_other_words_is_another_event_and_the_same_one_is_counted() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let answer = move |request: Request<Body>| {
            seen.lock().unwrap().push(request.method().clone());
            let body =
                r#"{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"web.1"},"eventTime":null}"#;
            async move { Ok::<_, Infallible>(Response::new(Body::from(body.as_bytes().to_vec()))) }
        };
        let client = Client::new(tower::service_fn(answer), "default");
        let reporter = Reporter { controller: "test".to_owned(), instance: None };
        let recorders = Recorders::new(move || Recorder::new(client.clone(), reporter.clone()));
        for (kind, note, expected) in [
            (NoticeKind::Warning, "the first", Method::POST),
            (NoticeKind::Warning, "the second", Method::POST),
            (NoticeKind::Warning, "the first", Method::PATCH),
            (NoticeKind::Normal, "the first", Method::POST),
            (NoticeKind::Normal, "the second", Method::PATCH),
        ] {
            let notice = notice(kind, note);
            let type_ = if kind == NoticeKind::Normal { EventType::Normal } else { EventType::Warning };
            let (reason, action) = (notice.reason.clone(), notice.action.clone());
            let event = Event { type_, reason, note: Some(note.to_owned()), action, secondary: None };
            recorders.of(&notice).publish(&event, &notice.about).await.unwrap();
            assert_eq!(asked.lock().unwrap().pop(), Some(expected), "{note}");
        }
    }
}
