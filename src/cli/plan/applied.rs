//! The object that is there after `kubectl apply` of a file: what the file says, what others have written besides, and nothing that an
//! earlier file said and this one does not.

use serde_json::{Map, Value, json};

use crate::api::names;
use crate::cli::leaving::some;
use crate::plan::annotated;

/// Where `kubectl apply` keeps what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who has applied the object that is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Author {
    /// This field manager, with server-side apply: the API server knows what was its.
    ServerSide(String),
    /// `kubectl apply`, which has left what it applied.
    ClientSide(Value),
    /// Nobody knows what of it is from a file.
    Unknown,
}

impl Author {
    pub(super) fn of(live: &Value) -> Self {
        let managed = live["metadata"]["managedFields"].as_array().into_iter().flatten();
        let is_own = |entry: &&Value| {
            let is_whole = entry["subresource"].as_str().is_none_or(str::is_empty);
            entry["operation"] == "Apply" && entry["manager"] != names::FIELD_MANAGER && is_whole
        };
        let appliers: Vec<_> = managed.filter(is_own).collect();
        let manager = |entry: &Value| entry["manager"].as_str().map(|name| Self::ServerSide(name.to_owned()));
        let client_side = || {
            let kept = live["metadata"]["annotations"][LAST_APPLIED].as_str()?;
            serde_json::from_str(kept).ok().map(Self::ClientSide)
        };
        // Some tools apply a label or an annotation alone.
        let whole = appliers.iter().find(|entry| !entry["fieldsV1"]["f:spec"].is_null());
        let any = || appliers.first().and_then(|entry| manager(entry));
        whole.and_then(|entry| manager(entry)).or_else(client_side).or_else(any).unwrap_or(Self::Unknown)
    }

    /// What of the object that is there was said by an earlier file, as far as is known; leaves say nothing but that they were there.
    fn said(&self, live: &Value) -> Value {
        match self {
            Self::ClientSide(applied) => applied.clone(),
            Self::Unknown => Value::Null,
            Self::ServerSide(manager) => {
                let managed = live["metadata"]["managedFields"].as_array().into_iter().flatten();
                let mut own = managed.filter(|entry| entry["operation"] == "Apply" && entry["manager"] == **manager);
                own.next().map_or(Value::Null, |entry| fields(&entry["fieldsV1"]))
            }
        }
    }

    /// What is worth saying of what stays although the file does not have it; `None` where nothing does, or that is known to be others'.
    pub(super) fn note(&self, live: &Value, file: &Value) -> Option<String> {
        if *self != Self::Unknown {
            return None;
        }
        let annotations = live["metadata"]["annotations"].as_object().into_iter().flatten();
        let is_left =
            |key: &&String| annotated::is_of_interest(key) && file["metadata"]["annotations"][key.as_str()].is_null();
        let left: Vec<_> = annotations.map(|(key, _)| key).filter(is_left).cloned().collect();
        (!left.is_empty()).then(|| {
            format!(
                "{} stay, which the file does not have: the object was not made by 'kubectl apply', which therefore does not remove them. \
                 Remove those that are not meant with 'kubectl annotate … KEY-'",
                some(&left)
            )
        })
    }

    /// The object after the file is applied, without asking anybody.
    pub(super) fn applied(&self, live: &Value, file: &Value) -> Value {
        let mut object = live.clone();
        let said = self.said(live);
        for part in ["labels", "annotations"] {
            merge(&mut object["metadata"][part], &or_empty(&file["metadata"][part]), &said["metadata"][part]);
        }
        let whole = file.as_object().into_iter().flatten();
        for (key, value) in whole.filter(|(key, _)| !["metadata", "status"].contains(&key.as_str())) {
            merge(&mut object[key.as_str()], value, &said[key.as_str()]);
        }
        object
    }
}

fn or_empty(value: &Value) -> Value {
    if value.is_null() { json!({}) } else { value.clone() }
}

/// The fields that `fieldsV1` names, as an object of objects. Items of lists are left out: lists are replaced as a whole.
fn fields(owned: &Value) -> Value {
    let names = owned.as_object().into_iter().flatten();
    let named = names.filter_map(|(key, below)| Some((key.strip_prefix("f:")?.to_owned(), fields(below))));
    Value::Object(named.collect())
}

/// Changes a value into what a file says. What an earlier file said of it, and this one does not, goes.
fn merge(live: &mut Value, file: &Value, said: &Value) {
    let Value::Object(file) = file else {
        *live = file.clone();
        return;
    };
    if !live.is_object() {
        *live = json!({});
    }
    let Value::Object(live) = live else { return };
    for (key, below) in said.as_object().into_iter().flatten() {
        if file.get(key).is_none_or(Value::is_null) {
            remove(live, key, below);
        }
    }
    for (key, value) in file.iter().filter(|(_, value)| !value.is_null()) {
        merge(live.entry(key.clone()).or_insert(Value::Null), value, &said[key.as_str()]);
    }
}

/// Takes away a field, and of an object only what was said of it.
fn remove(live: &mut Map<String, Value>, key: &str, said: &Value) {
    match (live.get_mut(key), said) {
        (Some(Value::Object(fields)), Value::Object(said)) if !said.is_empty() => {
            said.iter().for_each(|(key, below)| remove(fields, key, below));
            if fields.is_empty() {
                live.remove(key);
            }
        }
        _ => drop(live.remove(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(annotations: &Value, spec: &Value) -> Value {
        json!({"kind": "Service", "metadata": {"name": "web", "annotations": annotations}, "spec": spec})
    }

    /// A Service that is there, as this file has made it and others have added to it.
    fn live(author: &str) -> Value {
        let file =
            service(&json!({"ours": "1", "gone": "1"}), &json!({"selector": {"app": "old"}, "type": "LoadBalancer"}));
        let mut live = service(
            &json!({"ours": "1", "gone": "1", "theirs": "1"}),
            &json!({"clusterIP": "10.0.0.1", "selector": {"app": "old"}, "type": "LoadBalancer"}),
        );
        live["metadata"]["resourceVersion"] = json!("5");
        match author {
            "client" => {
                live["metadata"]["annotations"][LAST_APPLIED] = file.to_string().into();
                let owned = json!({"f:metadata": {"f:annotations": {"f:theirs": {}}}});
                live["metadata"]["managedFields"] =
                    json!([{"manager": "external-dns", "operation": "Apply", "fieldsV1": owned}]);
            }
            "server" => {
                let owned = json!({
                    "f:metadata": {"f:annotations": {"f:ours": {}, "f:gone": {}}},
                    "f:spec": {"f:selector": {}, "f:type": {}},
                });
                live["metadata"]["managedFields"] = json!([
                    {"manager": names::FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:metadata": {}}},
                    {"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": owned},
                    {"manager": "kustomize-controller", "operation": "Apply", "subresource": "status", "fieldsV1": {}},
                ]);
            }
            _ => {}
        }
        live
    }

    #[test]
    fn what_an_earlier_file_said_goes_and_what_others_wrote_stays() {
        let file = service(&json!({"ours": "2"}), &json!({"selector": {"app": "web"}}));
        for (by, has_gone) in [("client", true), ("server", true), ("nobody", false)] {
            let live = live(by);
            let author = Author::of(&live);
            let found = author.applied(&live, &file);
            let annotations = &found["metadata"]["annotations"];
            assert_eq!((&annotations["ours"], &annotations["theirs"]), (&json!("2"), &json!("1")), "{by}");
            assert_eq!(annotations["gone"].is_null(), has_gone, "{by}");
            assert_eq!(found["spec"]["type"].is_null(), has_gone, "{by}");
            assert_eq!(found["spec"]["clusterIP"], "10.0.0.1", "{by}: the API server has chosen it");
            assert_eq!(found["spec"]["selector"], json!({"app": "web"}), "{by}");
            assert_eq!(found["metadata"]["resourceVersion"], "5", "{by}");
        }
        let bare = json!({"kind": "Service", "metadata": {"name": "web"}, "spec": {}});
        let found = Author::of(&live("client")).applied(&live("client"), &bare);
        assert_eq!(found["metadata"]["annotations"]["ours"], Value::Null, "a file may say nothing any more");
        assert_eq!(found["metadata"]["annotations"]["theirs"], "1");
    }

    #[test]
    fn fields_within_fields_go_alone() {
        let binding = |spec: Value| json!({"kind": "DirectAccessBinding", "metadata": {"name": "web"}, "spec": spec});
        let before = binding(json!({"suspend": true, "drain": {"timeoutSeconds": 5}, "listeners": [{"port": 80}]}));
        let mut live = binding(json!({
            "suspend": true, "drain": {"timeoutSeconds": 5, "terminating": "Keep"}, "listeners": [{"port": 80}], "mode": "Direct",
        }));
        live["metadata"]["annotations"] = json!({LAST_APPLIED: before.to_string()});
        let found = Author::of(&live).applied(&live, &binding(json!({"listeners": [{"port": 81}]})));
        let expected = json!({"drain": {"terminating": "Keep"}, "listeners": [{"port": 81}], "mode": "Direct"});
        assert_eq!(found["spec"], expected);
    }

    #[test]
    fn annotations_of_nobody_s_file_are_named() {
        let key = names::DIRECT_ACCESS;
        let live = service(&json!({key: "true", "team": "a"}), &json!({}));
        let file = service(&json!({}), &json!({}));
        let note = Author::Unknown.note(&live, &file).unwrap();
        assert!(note.starts_with(&format!("{key} stay")), "{note}");
        assert_eq!(Author::Unknown.note(&live, &live), None);
        assert_eq!(Author::ClientSide(Value::Null).note(&live, &file), None, "it is known whose they are");
    }
}
