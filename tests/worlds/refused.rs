//! What the model of the API server refuses, a real one refuses, and in the words by which the model does.

use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tke_direct_access::api::DirectAccessBinding;
use tke_direct_access::sim::Settings;
use tke_direct_access_worlds::NO_NEW_FINALIZERS;

use crate::stage::Stage;

const FIRST: &str = "example.com/first";
const SECOND: &str = "example.com/second";

fn finalizers(wanted: &[&str]) -> Patch<Value> {
    Patch::Merge(json!({"metadata": {"finalizers": wanted}}))
}

/// The status, the words and the fields of a refusal.
fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> (u16, String, Vec<(String, String)>) {
    match result {
        Err(kube::Error::Api(status)) => {
            let causes = status.details.iter().flat_map(|details| &details.causes);
            let fields = causes.map(|cause| (cause.field.clone(), cause.reason.clone())).collect();
            (status.code, status.message.clone(), fields)
        }
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn worlds_refuse_writes_as_a_real_api_server_does() {
    let stage = Stage::without_controller("worlds-refused", Settings::instant()).await;
    let api: Api<DirectAccessBinding> = Api::default_namespaced(stage.namespace.client());
    let spec = json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-one"}});
    let meta = json!({"name": "web", "finalizers": [FIRST]});
    let object = json!({"apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": meta, "spec": spec});
    let new: DirectAccessBinding = serde_json::from_value(object.clone()).unwrap();
    let uid = api.create(&PostParams::default(), &new).await.unwrap().metadata.uid;
    api.delete("web", &DeleteParams::default()).await.unwrap();

    // No new finalizers while it goes; the ones that are there stay, and go.
    for wanted in [&[FIRST, SECOND][..], &[SECOND]] {
        let (code, words, fields) = refusal(api.patch("web", &PatchParams::default(), &finalizers(wanted)).await);
        assert!(code == 422 && words.contains(NO_NEW_FINALIZERS), "{code} {words}");
        // By this the controller knows that the object has changed.
        let changed = ("metadata.finalizers".to_owned(), "FieldValueForbidden".to_owned());
        assert!(fields.contains(&changed), "{fields:?}");
    }
    api.patch("web", &PatchParams::default(), &finalizers(&[FIRST])).await.unwrap();
    api.patch("web", &PatchParams::default(), &finalizers(&[])).await.unwrap();
    assert!(api.get_opt("web").await.unwrap().is_none(), "without finalizers it is gone");

    // Who names the UID of a binding makes none.
    let mut applied = object;
    applied["metadata"] = json!({"name": "web", "uid": uid});
    let params = PatchParams::apply("example").force();
    let (code, words, _) = refusal(api.patch("web", &params, &Patch::Apply(&applied)).await);
    assert!([404, 409].contains(&code), "{code} {words}");
    assert!(api.get_opt("web").await.unwrap().is_none(), "none is made");
    stage.finish().await;
}
