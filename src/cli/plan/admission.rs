//! What the API server says of the objects of a file, by a dry run: nothing is written.

use kube::api::{DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind, Request};
use kube::{Api, Client};
use serde_json::Value;

use super::manifest::Document;
use super::strict::Kind;
use crate::cli::session::FIELD_MANAGER;
use crate::k8s::words;

/// What the API server says of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Admission {
    /// It takes it, as this.
    Taken(Value),
    /// It does not, in these words.
    Refused(String),
    /// It was not asked, or does not say, for this reason.
    Unknown(String),
}

/// Asks the API server whether it would take the object as an update of the one that is there, or as a new one.
pub(super) async fn ask(client: &Client, document: &Document, namespace: &str) -> Admission {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource(document.kind));
    let live = match api.get_opt(&document.name).await {
        Ok(live) => live.and_then(|live| serde_json::to_value(live).ok()),
        Err(error) => return judge(&error, "get"),
    };
    let object = applied(live.as_ref(), &document.object);
    let verb = if live.is_some() { "update" } else { "create" };
    match send(client, document, namespace, &object, live.is_some()).await {
        Ok(taken) => Admission::Taken(taken),
        Err(error) => judge(&error, verb),
    }
}

async fn send(
    client: &Client,
    document: &Document,
    namespace: &str,
    object: &Value,
    is_there: bool,
) -> Result<Value, kube::Error> {
    let place = match document.kind {
        Kind::Service => format!("/api/v1/namespaces/{namespace}/services"),
        kind => format!("/apis/{}/namespaces/{namespace}/{}", kind.api_version(), kind.plural()),
    };
    let params = PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) };
    let data = object.to_string().into_bytes();
    let request = Request::new(place);
    let request = if is_there { request.replace(&document.name, &params, data) } else { request.create(&params, data) };
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
fn judge(error: &kube::Error, verb: &str) -> Admission {
    let said = words(error);
    match error {
        kube::Error::Api(status) if status.code == 403 && said.contains(&format!("cannot {verb} resource")) => {
            Admission::Unknown(said)
        }
        kube::Error::Api(status) if status.code == 404 && said.contains("page not found") => {
            Admission::Refused("it does not know the kind; install the definitions (crds/) first".to_owned())
        }
        kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429 => Admission::Refused(said),
        _ => Admission::Unknown(said),
    }
}

/// The object that is there after `kubectl apply` of the file: what the file says, and what others have written besides.
pub(super) fn applied(live: Option<&Value>, file: &Value) -> Value {
    let Some(live) = live else { return file.clone() };
    let mut object = live.clone();
    for part in ["labels", "annotations"] {
        for (key, value) in file["metadata"][part].as_object().into_iter().flatten() {
            object["metadata"][part][key] = value.clone();
        }
    }
    if file["kind"] == Kind::Service.as_str() {
        // The API server adds what it has chosen, such as addresses.
        for (key, value) in file["spec"].as_object().into_iter().flatten() {
            object["spec"][key] = value.clone();
        }
    } else {
        object["spec"] = file["spec"].clone();
    }
    object
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::*;

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
            assert_eq!(matches!(judge(&error, verb), Admission::Refused(_)), is_refused, "{message}");
        }
    }

    #[test]
    fn what_others_have_written_stays() {
        let live = json!({
            "kind": "Service", "metadata": {"name": "web", "resourceVersion": "5", "annotations": {"a": "1", "b": "2"}},
            "spec": {"clusterIP": "10.0.0.1", "selector": {"app": "old"}},
        });
        let file = json!({
            "kind": "Service", "metadata": {"name": "web", "annotations": {"b": "3"}}, "spec": {"selector": {"app": "web"}},
        });
        let expected = json!({
            "kind": "Service", "metadata": {"name": "web", "resourceVersion": "5", "annotations": {"a": "1", "b": "3"}},
            "spec": {"clusterIP": "10.0.0.1", "selector": {"app": "web"}},
        });
        assert_eq!(applied(Some(&live), &file), expected);
        assert_eq!(applied(None, &file), file);
        let binding = |spec: Value| json!({"kind": "DirectAccessBinding", "metadata": {"name": "web"}, "spec": spec});
        let (live, file) = (binding(json!({"suspend": true})), binding(json!({"mode": "Direct"})));
        assert_eq!(applied(Some(&live), &file)["spec"], json!({"mode": "Direct"}), "what the file leaves out goes");
    }
}
