//! What the API server was asked.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// One request that the API server has answered, or begun to answer in the case of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// Plural, e.g. `pods`; with the subresource, if any: `pods/status`.
    pub resource: String,
    /// Empty for what is in no namespace, and for requests over all of them.
    pub namespace: String,
    /// Empty for lists and watches.
    pub name: String,
    /// Who asked: the name in the token or certificate, e.g. `admin` or `system:serviceaccount:tke:controller`.
    pub user: String,
    /// What the program calls itself.
    pub user_agent: String,
    /// HTTP status of the answer.
    pub code: u16,
}

impl Request {
    /// Whether it asked for a change.
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    stage: String,
    verb: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

/// Reads an audit log, which is one JSON object per line.
pub(super) fn read(log: &Path) -> Result<Vec<Request>> {
    let file = File::open(log).with_context(|| format!("open {}", log.display()))?;
    let mut requests = Vec::new();
    for line in BufReader::new(file).lines() {
        // A line that is being written is not complete JSON yet.
        let Ok(event) = serde_json::from_str::<Event>(&line?) else { continue };
        requests.extend(request_of(event));
    }
    Ok(requests)
}

fn request_of(event: Event) -> Option<Request> {
    // A watch is logged when it begins and again when it ends.
    let counted = if event.verb == "watch" { "ResponseStarted" } else { "ResponseComplete" };
    if event.stage != counted {
        return None;
    }
    let object = event.object_ref;
    let resource = match object.subresource.as_str() {
        "" => object.resource,
        subresource => format!("{}/{subresource}", object.resource),
    };
    Some(Request {
        verb: event.verb,
        resource,
        namespace: object.namespace,
        name: object.name,
        user: event.user.username,
        user_agent: event.user_agent,
        code: event.response_status.code,
    })
}
