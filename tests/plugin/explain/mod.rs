//! `explain` names the first broken link, for failures that are produced for real.

mod cloud;
mod cluster;
mod gate;

use futures::StreamExt;
use futures::future::LocalBoxFuture;
use serde_json::{Value, json};
use tke_direct_access::sim::Settings as SimulatorSettings;

use super::scene::{Scene, json_of};
use crate::stage::{DEADLINE, service};
use crate::support::within;

/// Failures that are produced at once.
const CONCURRENCY: usize = 6;

/// Something that goes wrong.
struct Failure {
    /// What.
    what: &'static str,
    /// The first broken link; empty when none is.
    link: &'static str,
    /// Its reason.
    reason: &'static str,
    /// Words of its message or remedy, whoever asks.
    says: &'static str,
    /// Link and reason for those who have no credentials of the cloud, where that differs.
    blind: Option<(&'static str, &'static str)>,
    /// The cloud.
    cloud: fn() -> SimulatorSettings,
    /// Makes it go wrong.
    arrange: for<'a> fn(&'a mut Scene) -> LocalBoxFuture<'a, ()>,
}

const FAILURE: Failure = Failure {
    what: "nothing",
    link: "",
    reason: "",
    says: "",
    blind: None,
    cloud: SimulatorSettings::instant,
    arrange: |scene| Box::pin(usual(scene, json!({}))),
};

/// A controller, Service `web`, one Pod of it, and a binding with this spec besides.
async fn usual(scene: &mut Scene, spec: Value) {
    scene.start(&[]).await;
    scene.deploy(1, &spec).await;
}

/// As [`usual`], with other Pods.
async fn with_pods(scene: &mut Scene, annotations: Value, pod: Value) {
    scene.start(&[]).await;
    scene.stage.apply(&service()).await;
    scene.pods(&annotations, &pod).await;
    scene.stage.apply(&scene.binding("web", &json!({}))).await;
}

fn first_broken(explanation: &Value) -> (String, String) {
    let text = |field: &str| explanation["firstBroken"][field].as_str().unwrap_or_default().to_owned();
    (text("link"), text("reason"))
}

impl Failure {
    /// Produces the failure and waits until the plugin names it, with and without a look at the cloud. Gives what was said.
    async fn check(&self) -> Result<String, String> {
        let mut scene = Scene::with("explain", (self.cloud)()).await;
        (self.arrange)(&mut scene).await;
        let pod = format!("pod/{}", scene.pod_name().await);
        let seen = self.until_named(&scene, &pod, true, (self.link, self.reason)).await;
        let blind = self.until_named(&scene, &pod, false, self.blind.unwrap_or((self.link, self.reason))).await;
        scene.finish().await;
        let seen = seen.and_then(|seen| blind.map(|_| seen))?;
        Ok(format!("{}: {} ({}): {}", self.what, self.link, self.reason, seen["firstBroken"]["message"]))
    }

    async fn until_named(
        &self,
        scene: &Scene,
        pod: &str,
        has_credentials: bool,
        expected: (&str, &str),
    ) -> Result<Value, String> {
        let arguments = ["explain", pod, "--output", "json"];
        let named = within(DEADLINE, async || {
            let output = if has_credentials { scene.run(&arguments).await } else { scene.run_blind(&arguments).await };
            let explanation = json_of(&output);
            let (link, reason) = first_broken(&explanation);
            assert_eq!(output.code, Some(if link.is_empty() { 0 } else { 2 }), "{}", output.stderr);
            assert_eq!(link.is_empty(), explanation["firstBroken"]["remedy"].as_str().is_none(), "{explanation}");
            let text = format!("{} {}", explanation["firstBroken"]["message"], explanation["firstBroken"]["remedy"]);
            // One reason may have several causes, one after another: a container is not ready before it has crashed.
            let is_this = (link.as_str(), reason.as_str()) == expected && text.contains(self.says);
            if is_this { Ok(Some(explanation)) } else { Err(explanation.to_string()) }
        })
        .await;
        let who = if has_credentials { "with" } else { "without" };
        named.map_err(|last| {
            format!("{}, {who} credentials: {expected:?} and '{}' expected, last {last}", self.what, self.says)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_broken_link_is_named_for_every_failure() {
    let failures: Vec<_> = cluster::FAILURES.iter().chain(cloud::FAILURES).collect();
    assert!(failures.len() >= 25, "{} failures", failures.len());
    let mut checks =
        futures::stream::iter(failures.iter().map(|failure| failure.check())).buffer_unordered(CONCURRENCY);
    let mut missed = Vec::new();
    while let Some(checked) = checks.next().await {
        match checked {
            Ok(said) => println!("{said}"),
            Err(miss) => missed.push(miss),
        }
    }
    assert!(missed.is_empty(), "{} failures are not named:\n{}", missed.len(), missed.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_broken_for_a_pod_that_serves() {
    let scene = Scene::ready("whole", 2).await;
    let pod = format!("pod/{}", scene.pod_name().await);
    scene.stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    let output = scene.run(&["explain", &pod]).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let marks = output.stdout.lines().filter(|line| line.starts_with('✓')).count();
    assert_eq!(marks, 10, "every link holds:\n{}", output.stdout);
    assert!(output.stdout.contains("No link is broken."), "{}", output.stdout);
    assert!(!output.stdout.contains('\u{1b}'), "no colours where nobody watches");
    let links = scene.json(&["explain", &pod]).await;
    let names: Vec<_> = links["links"].as_array().unwrap().iter().map(|link| link["link"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["Service", "Binding", "Controller", "Pod", "EndpointSlice", "Listener", "Target", "Health", "Gate", "Ready"]
    );
    for object in [&["deployment/web"][..], &["svc", "web"], &["dab/web"]] {
        let output = scene.run(&[&["explain"], object].concat()).await;
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains("/web: 2 of 2 Pods without a broken link"), "{}", output.stdout);
    }
    scene.stage.ok(&["scale", "deployment/web", "--replicas=0"]).await;
    scene.stage.ok(&["wait", "--for=delete", "pods", "--all", "--timeout=150s"]).await;
    for (object, reason, words) in [
        ("deployment/web", "NoPods", "kubectl scale deployment/web --replicas=1"),
        ("svc/web", "SelectsNothing", "no Pod has the labels app=web"),
        ("dab/web", "SelectsNothing", "kubectl edit service web"),
    ] {
        let output = scene.run(&["explain", object]).await;
        assert_eq!(output.code, Some(2), "{}{}", output.stdout, output.stderr);
        let is_said = output.stdout.contains(&format!("({reason})")) && output.stdout.contains(words);
        assert!(is_said, "{object}: {}", output.stdout);
    }
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binding_that_is_named_is_explained_and_no_other() {
    let scene = Scene::ready("named", 1).await;
    scene.stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    scene.stage.apply(&scene.binding("late", &json!({}))).await;
    scene.stage.until("late", "Accepted", "False", "PortConflict").await;
    let output = scene.run(&["explain", "dab/late"]).await;
    assert_eq!(output.code, Some(2), "{}", output.stdout);
    let says = |text: &str| output.stdout.contains(text);
    assert!(says("First broken link: Binding (PortConflict)") && says("'late'"), "{}", output.stdout);
    assert!(says("bind the Pod, too, and that its gate waits for: web"), "{}", output.stdout);
    let output = scene.run(&["explain", "dab/web"]).await;
    assert!(!output.stdout.contains("PortConflict"), "{}", output.stdout);
    assert!(output.stdout.contains("waits for: late (`kubectl direct-access explain dab/late`)"), "{}", output.stdout);
    // What was not read is not known to be whole.
    let output = scene.run_blind(&["explain", "dab/web"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    let says = |text: &str| output.stdout.contains(text);
    assert!(says("1 of 1 Pods without a broken link, as far as is known"), "{}", output.stdout);
    assert!(says("No broken link was found, but the load balancer was not looked at: "), "{}", output.stdout);
    scene.stage.ok(&["delete", "dab", "late", "--timeout=60s"]).await;
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_explained_is_said() {
    let scene = Scene::new("absent").await;
    scene.stage.apply(&service()).await;
    scene.stage.apply(&scene.binding("web", &json!({}))).await;
    for (argument, expected) in [
        ("pod/nobody", "Pod 'nobody' does not exist in namespace"),
        ("deployment/nobody", "Deployment 'nobody' does not exist in namespace"),
        ("svc/nobody", "Service 'nobody' does not exist in namespace"),
        ("svc/wbe", "did you mean 'web'? If not, look with `kubectl get services"),
        ("dab/wbe", "did you mean 'web'? If not, look with `kubectl get directaccessbindings"),
        ("svc", "say which one, as svc/NAME; `kubectl get services` lists them"),
        ("dab/nobody", "DirectAccessBinding 'nobody' does not exist in namespace"),
        ("node/a", "'node' cannot be explained: say pod, deployment"),
        ("pod/", "say which one, as pod/NAME"),
    ] {
        let output = scene.run(&["explain", argument]).await;
        assert_eq!(output.code, Some(1), "{argument}");
        assert!(output.stderr.contains(expected), "{argument}: {}", output.stderr);
    }
    scene.finish().await;
}
