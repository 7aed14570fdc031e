//! What the API server says of the objects of a file, by a dry run: nothing is written.

use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind, Request};
use kube::{Api, Client};
use serde_json::Value;

use super::applied::Author;
use super::manifest::Document;
use super::strict::Kind;
use crate::cli::session::FIELD_MANAGER;
use crate::k8s::words;

/// How often the API server is asked while somebody else writes the object.
const TRIES: usize = 3;

/// What the API server says of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Admission {
    /// It takes it, as this.
    Taken(Value),
    /// It does not, in these words.
    Refused(String),
    /// It was not asked, or does not say.
    Unknown {
        /// The object as it would probably be.
        object: Value,
        /// Why.
        why: String,
    },
}

/// Asks the API server whether it would take the object as whoever has applied it before would apply it, or as a new one. Gives what
/// there is to say besides, too.
pub(super) async fn ask(client: &Client, document: &Document, namespace: &str) -> (Admission, Option<String>) {
    let mut tries = 0;
    loop {
        tries += 1;
        let asked = ask_once(client, document, namespace).await;
        match asked {
            Err(Moved) if tries < TRIES => {}
            Err(Moved) => {
                let why = "others write it all the time".to_owned();
                return (Admission::Unknown { object: document.object.clone(), why }, None);
            }
            Ok(asked) => return asked,
        }
    }
}

/// Somebody has written the object meanwhile.
struct Moved;

async fn ask_once(client: &Client, document: &Document, namespace: &str) -> Result<(Admission, Option<String>), Moved> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource(document.kind));
    let live = match api.get_opt(&document.name).await {
        Ok(live) => live.and_then(|live| serde_json::to_value(live).ok()),
        Err(error) => return Ok((judge(&error, "get", document.object.clone()), None)),
    };
    let way = Way::of(live.as_ref(), &document.object);
    let object = match &way {
        Way::Create => document.object.clone(),
        Way::Apply { object, .. } | Way::Replace { object } => object.clone(),
    };
    let note = live.as_ref().and_then(|live| Author::of(live).note(live, &document.object));
    match send(client, document, namespace, &way).await {
        Ok(taken) => Ok((Admission::Taken(taken), note)),
        Err(kube::Error::Api(status)) if status.code == 409 && live.is_some() => Err(Moved),
        Err(error) => Ok((judge(&error, way.verb(), object), note)),
    }
}

/// How the API server is asked.
enum Way {
    /// To make it.
    Create,
    /// To have it applied, by whoever has applied it before.
    Apply {
        manager: String,
        /// What it would probably be then.
        object: Value,
    },
    /// To replace it by this.
    Replace { object: Value },
}

impl Way {
    fn of(live: Option<&Value>, file: &Value) -> Self {
        let Some(live) = live else { return Self::Create };
        let author = Author::of(live);
        let object = author.applied(live, file);
        match author {
            Author::ServerSide(manager) => Self::Apply { manager, object },
            Author::ClientSide(_) | Author::Unknown => Self::Replace { object },
        }
    }

    /// What one may have to be allowed.
    const fn verb(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Apply { .. } => "patch",
            Self::Replace { .. } => "update",
        }
    }
}

async fn send(client: &Client, document: &Document, namespace: &str, way: &Way) -> Result<Value, kube::Error> {
    let place = match document.kind {
        Kind::Service => format!("/api/v1/namespaces/{namespace}/services"),
        kind => format!("/apis/{}/namespaces/{namespace}/{}", kind.api_version(), kind.plural()),
    };
    let request = Request::new(place);
    let params = PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) };
    let name = &document.name;
    let request = match way {
        Way::Create => request.create(&params, document.object.to_string().into_bytes()),
        Way::Replace { object } => request.replace(name, &params, object.to_string().into_bytes()),
        Way::Apply { manager, .. } => {
            request.patch(name, &PatchParams::apply(manager).force().dry_run(), &Patch::Apply(&document.object))
        }
    };
    let mut request = request.map_err(kube::Error::BuildRequest)?;
    // An API server that knows fewer fields than this program would pass them over.
    if let Ok(strict) = format!("{}&fieldValidation=Strict", request.uri()).parse() {
        *request.uri_mut() = strict;
    }
    client.request(request).await
}

fn resource(kind: Kind) -> ApiResource {
    let (group, version) = match kind {
        Kind::Service => ("", "v1"),
        Kind::Binding | Kind::Config => (crate::api::names::GROUP, crate::api::names::VERSION),
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind.as_str()), kind.plural())
}

/// Whoever may not write is not refused what the file says.
fn judge(error: &kube::Error, verb: &str, object: Value) -> Admission {
    let said = words(error);
    let unknown = |why| Admission::Unknown { object, why };
    match error {
        kube::Error::Api(status) if status.code == 403 && said.contains(&format!("cannot {verb} resource")) => {
            unknown(said)
        }
        kube::Error::Api(status) if status.code == 404 && said.contains("page not found") => {
            Admission::Refused("it does not know the kind; install the definitions (crds/) first".to_owned())
        }
        kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429 => Admission::Refused(said),
        _ => unknown(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn who_may_not_write_is_not_refused() {
        for (code, message, verb, is_refused) in [
            (403, "directaccessbindings is forbidden: User \"a\" cannot update resource \"x\"", "update", false),
            (403, "admission webhook \"x\" denied the request: no", "update", true),
            (422, "spec.loadBalancer.id is immutable", "update", true),
            (400, "strict decoding error: unknown field \"spec.drian\"", "create", true),
            (404, "namespaces \"shop\" not found", "create", true),
            (404, "404 page not found", "get", true),
            (429, "too many requests", "create", false),
            (503, "unavailable", "get", false),
        ] {
            let error = kube::Error::Api(Box::new(Status { code, ..Status::failure(message, "") }));
            assert_eq!(matches!(judge(&error, verb, Value::Null), Admission::Refused(_)), is_refused, "{message}");
        }
    }
}
