//! What can happen to what a replica reads of one kind.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Rule;

/// The kinds that the controller follows, by their plurals; of ConfigMaps, that with TKE's switches, and its own.
pub(crate) const KINDS: [&str; 7] = [
    "directaccessbindings",
    "services",
    "endpointslices",
    "pods",
    "tkeserviceconfigs",
    "configmaps of kube-system",
    "configmaps",
];

/// What reads of a kind meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfortune {
    /// Watches that are under way say nothing more, and do not end. Others go on.
    Stall,
    /// Watches that are under way are told by an event that their version is too old.
    ExpireByEvent,
    /// Watches end, and the next one that goes on is told so by the status of the answer.
    ExpireByStatus,
    /// As [`ExpireByEvent`](Self::ExpireByEvent); then the list's second page is too old, once.
    ExpirePages,
    /// Watches end, and all that is asked is refused.
    Forbid,
}

/// What is answered to a read.
pub(super) enum Answer {
    /// This.
    Instead(Response),
    /// What is at another place.
    Of(Uri),
}

/// The kinds that have met what the rule says. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Struck(Arc<Mutex<BTreeSet<&'static str>>>);

impl Struck {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.lock().contains(kind)
    }

    /// Adds a kind; false when it was there.
    fn add(&self, kind: &'static str) -> bool {
        self.lock().insert(kind)
    }
}

/// The kind that a path is of, if it is a list or a watch of one of [`KINDS`].
pub(crate) fn kind(path: &str) -> Option<&'static str> {
    let plural = path.rsplit('/').next()?;
    let is_switches = plural == "configmaps" && path.contains("/namespaces/kube-system/");
    let name = if is_switches { "configmaps of kube-system" } else { plural };
    KINDS.into_iter().find(|kind| *kind == name)
}

impl Misfortune {
    /// What is answered to a list or a watch, if that is not what the API server says.
    pub(super) fn answer(self, struck: &Struck, kind: &'static str, uri: &Uri) -> Option<Answer> {
        let query = uri.query().unwrap_or_default();
        let is_watch = query.contains("watch=");
        match self {
            Self::Forbid => {
                struck.add(kind);
                Some(Answer::Instead(refusal(403, "Forbidden", &format!("{kind} is forbidden by the test"))))
            }
            Self::ExpireByStatus if is_watch && struck.add(kind) => Some(Answer::Instead(gone())),
            Self::ExpirePages if query.contains("continue=") && struck.add(kind) => Some(Answer::Instead(gone())),
            Self::ExpirePages if !is_watch => {
                Some(Answer::Of(uri.to_string().replace("limit=500", "limit=1").parse().unwrap()))
            }
            _ => None,
        }
    }

    /// What a watch says when this befalls it.
    fn last_words(self, struck: &Struck, kind: &'static str) -> Bytes {
        match self {
            Self::ExpireByEvent | Self::ExpirePages => {
                if self == Self::ExpireByEvent {
                    struck.add(kind);
                }
                let event = json!({"type": "ERROR", "object": status(410, "Expired", "too old resource version")});
                Bytes::from(format!("{event}\n"))
            }
            Self::Stall | Self::ExpireByStatus | Self::Forbid => Bytes::new(),
        }
    }
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason, "message": message})
}

fn refusal(code: u16, reason: &str, message: &str) -> Response {
    let body = status(code, reason, message).to_string();
    let content = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::from_u16(code).unwrap(), content, body).into_response()
}

fn gone() -> Response {
    refusal(410, "Expired", "the provided continue parameter or resource version is too old")
}

/// A watch under way, until a misfortune befalls it. One that begins under a rule is not befallen by that rule.
struct Watched {
    body: BodyDataStream,
    kind: &'static str,
    begun_under: Rule,
    rule: watch::Receiver<Rule>,
    struck: Struck,
}

impl Watched {
    /// What comes next, and what is left of the watch then.
    async fn next(mut self) -> Option<(Result<Bytes, axum::Error>, Option<Self>)> {
        let (kind, begun_under) = (self.kind, self.begun_under);
        let befalls = |rule: &Rule| *rule != begun_under && rule.of(kind).is_some();
        let befallen = tokio::select! {
            chunk = self.body.next() => Err(chunk),
            rule = self.rule.wait_for(befalls) => Ok(rule.ok()?.of(kind)?),
        };
        let misfortune = match befallen {
            Err(chunk) => return chunk.map(|chunk| (chunk, Some(self))),
            Ok(misfortune) => misfortune,
        };
        if misfortune == Misfortune::Stall {
            self.struck.add(kind);
            std::future::pending::<()>().await;
        }
        let words = misfortune.last_words(&self.struck, kind);
        (!words.is_empty()).then_some((Ok(words), None))
    }
}

/// The answer to a watch, as far as nothing befalls it.
pub(super) fn watched(
    answer: Response,
    kind: &'static str,
    mut rule: watch::Receiver<Rule>,
    struck: Struck,
) -> Response {
    let (parts, body) = answer.into_parts();
    let begun_under = *rule.borrow_and_update();
    let begun = Watched { body: body.into_data_stream(), kind, begun_under, rule, struck };
    let chunks = stream::unfold(Some(begun), |watched| async move { watched?.next().await });
    Response::from_parts(parts, Body::from_stream(chunks))
}
