//! Applying, previewing and looking for drift as the tools do it.

use serde_json::{Value, json};

use super::engine::{self, Difference};
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

/// Who keeps the objects as they are in Git, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    /// Argo CD's default: an apply on the client's side, with the last applied object in an annotation.
    ArgoCd,
    /// Argo CD with `ServerSideApply=true`.
    ArgoCdServerSide,
    /// Flux' kustomize-controller.
    Flux,
}

impl Tool {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::ArgoCd => &["--field-manager=argocd-controller"],
            Self::ArgoCdServerSide => &["--server-side", "--force-conflicts", "--field-manager=argocd-controller"],
            Self::Flux => &["--server-side", "--force-conflicts", "--field-manager=kustomize-controller"],
        }
    }

    /// The object as the tool has it: with the mark by which it knows its own.
    fn marked(self, mut object: Value, namespace: &str) -> Value {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, kind) = (text(&object["metadata"]["name"]), text(&object["kind"]));
        let version = text(&object["apiVersion"]);
        let group = version.split_once('/').map_or("", |(group, _)| group);
        object["metadata"]["namespace"] = json!(namespace);
        match self {
            Self::ArgoCd | Self::ArgoCdServerSide => {
                let tracking = format!("shop:{group}/{kind}:{namespace}/{name}");
                object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!(tracking);
            }
            Self::Flux => {
                object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = json!("shop");
                object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = json!("flux-system");
            }
        }
        object
    }
}

/// What a tool has in Git for one namespace.
pub(super) struct Repository<'a> {
    pub(super) stage: &'a Stage,
    pub(super) tool: Tool,
    pub(super) objects: Vec<Value>,
}

impl<'a> Repository<'a> {
    pub(super) fn new(stage: &'a Stage, tool: Tool, objects: Vec<Value>) -> Self {
        let marked = |object| tool.marked(object, &stage.namespace.name);
        Self { stage, tool, objects: objects.into_iter().map(marked).collect() }
    }

    fn text(objects: &[Value]) -> String {
        objects.iter().map(|object| format!("{object}\n---\n")).collect()
    }

    async fn kubectl(&self, command: &[&str], objects: &[Value]) -> crate::support::Output {
        let namespace = ["--namespace", &self.stage.namespace.name, "--filename", "-"];
        let all: Vec<&str> = command.iter().chain(self.tool.flags()).chain(&namespace).copied().collect();
        self.stage.control_plane.kubectl_with_input(&all, &Self::text(objects)).await
    }

    /// Makes the cluster follow Git.
    pub(super) async fn sync(&self) {
        self.try_sync().await.expect("the objects are taken");
    }

    /// # Errors
    /// An object is refused.
    pub(super) async fn try_sync(&self) -> anyhow::Result<String> {
        self.kubectl(&["apply"], &self.objects).await.ok()
    }

    /// The object in the cluster.
    pub(super) async fn live(&self, object: &Value) -> Value {
        let (kind, name) = (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
        let text = self.stage.ok(&["get", kind, name, "-o", "json", "--show-managed-fields"]).await;
        serde_json::from_str(&text).expect("an object")
    }

    /// What the API server would make of another apply.
    async fn predicted(&self, object: &Value) -> Value {
        let preview = ["apply", "--dry-run=server", "-o", "json", "--show-managed-fields"];
        let said = self.kubectl(&preview, std::slice::from_ref(object)).await;
        serde_json::from_str(&said.ok().expect("the object would be taken")).expect("an object")
    }

    /// The object in the cluster, and what another apply would make of this very version.
    async fn pair(&self, object: &Value) -> (Value, Value) {
        eventually("the object is quiet for a moment", DEADLINE, async || {
            let (live, predicted) = (self.live(object).await, self.predicted(object).await);
            let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
            (version(&live) == version(&self.live(object).await)).then_some((live, predicted))
        })
        .await
    }

    /// The previews that show a difference between Git and the cluster, with what they show.
    pub(super) async fn drift(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let diff = self.kubectl(&["diff"], &self.objects).await;
        if !diff.success {
            found.push(("kubectl diff", diff.stdout + &diff.stderr));
        }
        let mut questions = Vec::new();
        for object in &self.objects {
            let (live, predicted) = self.pair(object).await;
            if settled(&predicted) != settled(&live) {
                found.push(("apply --dry-run", format!("{live}\n{predicted}")));
            }
            let mut question = json!({"desired": object, "live": live});
            if self.tool != Tool::ArgoCd {
                question["predicted"] = predicted;
            }
            questions.push(question);
        }
        let answers = tokio::task::spawn_blocking(move || engine::differences(&questions)).await.unwrap();
        let modified = answers.into_iter().filter(|answer| answer.modified);
        found.extend(modified.map(|Difference { live, predicted, .. }| ("Argo CD", format!("{live}\n{predicted}"))));
        found
    }

    pub(super) async fn expect_no_drift(&self, when: &str) {
        assert_eq!(self.drift().await, [], "{when}, {:?}", self.tool);
    }
}

/// The object without what is another's business, or changes at every write.
fn settled(object: &Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove("status");
    for field in ["managedFields", "resourceVersion"] {
        object["metadata"].as_object_mut().unwrap().remove(field);
    }
    object
}

/// A Service with a binding of the same name, and nothing else that asks for one.
pub(super) fn bound(name: &str) -> Vec<Value> {
    example("01-service.yaml", name)
}

/// The objects of an example, with one Pod each, and with `my-service` and `my-app` under a name of their own.
pub(super) fn example(file: &str, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(engine::root().join("examples").join(file)).unwrap();
    let text = text.replace("my-service", name).replace("my-app", name).replace("MyApp", name);
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    for deployment in objects.iter_mut().filter(|object| object["kind"] == "Deployment") {
        deployment["spec"]["replicas"] = json!(1);
    }
    objects
}
