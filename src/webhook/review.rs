//! The question of the API server and its answer: `AdmissionReview`, version `admission.k8s.io/v1`. Pure.

use k8s_openapi::ByteString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pod::Decision;
use crate::api::names::GATE;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// Why a body is no question that can be answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    /// It is not JSON, or not of this shape.
    #[error("not an AdmissionReview: {0}")]
    Shape(#[from] serde_json::Error),
    /// It is another kind or version.
    #[error("not an AdmissionReview of admission.k8s.io/v1, but {0} of {1}")]
    Kind(String, String),
    /// An answer needs the question's UID.
    #[error("the AdmissionReview has no request with a uid")]
    NoRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Incoming {
    api_version: String,
    kind: String,
    request: Option<Request>,
}

/// The question.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    #[serde(default)]
    uid: String,
    /// The namespace that the Pod is created in; the Pod itself need not say it.
    #[serde(default)]
    pub(super) namespace: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    resource: Resource,
    #[serde(default)]
    sub_resource: String,
    #[serde(default)]
    object: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    group: String,
    resource: String,
}

impl Request {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// When it is no question that can be answered.
    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        let incoming: Incoming = serde_json::from_slice(body)?;
        if incoming.api_version != API_VERSION || incoming.kind != KIND {
            return Err(Malformed::Kind(incoming.kind, incoming.api_version));
        }
        incoming.request.filter(|request| !request.uid.is_empty()).ok_or(Malformed::NoRequest)
    }

    /// The object when the question is about the creation of a Pod, and nothing else.
    pub(super) fn new_pod(&self) -> Option<&Value> {
        let is_pod = self.resource.group.is_empty() && self.resource.resource == "pods";
        (is_pod && self.sub_resource.is_empty() && self.operation == "CREATE").then_some(&self.object)
    }
}

/// The answer. It always admits.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    api_version: &'static str,
    kind: &'static str,
    response: Response,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    uid: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<ByteString>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl Answer {
    /// What was decided.
    pub(super) fn decided(request: &Request, decision: Decision) -> Self {
        let mut answer = Self::admitted(request);
        if let Decision::Inject { has_gates } = decision {
            answer.response.patch_type = Some("JSONPatch");
            answer.response.patch = Some(ByteString(patch(has_gates).to_string().into_bytes()));
        }
        answer
    }

    /// The Pod is admitted as it is, and whoever creates it is told this.
    pub(super) fn warned(request: &Request, warning: String) -> Self {
        let mut answer = Self::admitted(request);
        answer.response.warnings.push(warning);
        answer
    }

    /// The object is admitted as it is.
    pub(super) fn admitted(request: &Request) -> Self {
        let response =
            Response { uid: request.uid.clone(), allowed: true, patch_type: None, patch: None, warnings: Vec::new() };
        Self { api_version: API_VERSION, kind: KIND, response }
    }
}

/// Adds to the list and never replaces it: others add gates at the same time.
fn patch(has_gates: bool) -> Value {
    let gate = json!({"conditionType": GATE});
    match has_gates {
        true => json!([{"op": "add", "path": "/spec/readinessGates/-", "value": gate}]),
        false => json!([{"op": "add", "path": "/spec/readinessGates", "value": [gate]}]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pod::Reason;
    use super::*;

    fn review(request: &Value) -> Vec<u8> {
        json!({"apiVersion": API_VERSION, "kind": KIND, "request": request}).to_string().into_bytes()
    }

    fn question() -> Value {
        json!({
            "uid": "u-1", "operation": "CREATE", "namespace": "shop", "dryRun": true, "new": {"field": 1},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "object": {"spec": {}},
        })
    }

    fn patched(object: &Value, decision: Decision) -> Value {
        let request = Request::read(&review(&question())).unwrap();
        let answer = serde_json::to_value(Answer::decided(&request, decision)).unwrap();
        assert_eq!((&answer["response"]["uid"], &answer["response"]["allowed"]), (&json!("u-1"), &json!(true)));
        let mut object = object.clone();
        if let Some(patch) = answer["response"].get("patch") {
            let patch: ByteString = serde_json::from_value(patch.clone()).unwrap();
            let patch: json_patch::Patch = serde_json::from_slice(&patch.0).unwrap();
            json_patch::patch(&mut object, &patch).unwrap();
        }
        object
    }

    #[test]
    fn the_patch_adds_and_keeps() {
        let gate = json!({"conditionType": GATE});
        let other = json!({"conditionType": "example.com/other"});
        let bare = patched(&json!({"spec": {}}), Decision::Inject { has_gates: false });
        assert_eq!(bare, json!({"spec": {"readinessGates": [gate]}}));
        let more = json!({"spec": {"readinessGates": [other]}});
        let more = patched(&more, Decision::Inject { has_gates: true });
        assert_eq!(more, json!({"spec": {"readinessGates": [other, gate]}}));
        assert_eq!(patched(&bare, Decision::Leave(Reason::Gated)), bare);
    }

    #[test]
    fn bodies_that_are_no_questions_are_told_apart() {
        for body in ["", "null", "[]", "{", "{\"kind\": 3}", "\u{0}\u{1}"] {
            assert!(matches!(Request::read(body.as_bytes()), Err(Malformed::Shape(_))), "{body}");
        }
        let old = json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": KIND, "request": question()}).to_string();
        assert!(matches!(Request::read(old.as_bytes()), Err(Malformed::Kind(..))));
        for request in [json!(null), json!({}), json!({"uid": ""})] {
            assert!(matches!(Request::read(&review(&request)), Err(Malformed::NoRequest)), "{request}");
        }
    }

    #[test]
    fn only_creations_of_pods_are_looked_at() {
        let is_pod = |key: &str, value: Value| {
            let mut request = question();
            request[key] = value;
            Request::read(&review(&request)).unwrap().new_pod().is_some()
        };
        assert!(is_pod("uid", json!("u-2")));
        assert!(!is_pod("operation", json!("UPDATE")));
        assert!(!is_pod("subResource", json!("status")));
        assert!(!is_pod("resource", json!({"group": "apps", "resource": "pods"})));
    }
}
