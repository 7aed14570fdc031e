//! From nothing to a binding that is ready, as a user does it, each on a cluster of its own.

use std::ops::Deref;
use std::time::Instant;

use tokio::sync::MutexGuard;

use super::chart::{NAMESPACE, folder, rendered};
use super::manifests::install_file;
use super::place::{Place, SHOP};
use super::program::{Program, create_credentials};
use super::start::start;
use super::tools::{HELM, Tool, both};
use super::{DEADLINE, TURN};
use crate::support::eventually;

const RELEASE: &str = "tke-direct-access";

/// A place, and the turn to have one: one cluster after the other.
struct Turn {
    place: Place,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Turn {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Turn {
    async fn new() -> Self {
        let turn = TURN.lock().await;
        Self { place: Place::new().await, _turn: turn }
    }

    /// What comes after the controller's objects: credentials, the program in the place of its Pod, an example. Until it is ready.
    async fn ready(&self, namespace: &str, begun: Instant) -> Program {
        create_credentials(&self.control_plane, namespace, &self.cloud.endpoint(), &self.cloud).await;
        let program = start(&self.control_plane, namespace, &[]).await;
        self.until_an_example_is_ready(&program, begun).await;
        program
    }

    /// As the instructions for uninstalling begin.
    async fn without_bindings(&self) {
        self.ok(&["delete", "dab", "--all", "-A", "--timeout=150s"]).await;
        self.ok(&["-n", SHOP, "delete", "deployment,service", "--all"]).await;
    }

    /// Runs Helm on this cluster.
    #[track_caller]
    fn helm(&self, helm: &Tool, arguments: &[&str]) -> String {
        let mut command = helm.command();
        command.env("KUBECONFIG", self.control_plane.kubeconfig()).args(arguments).args(["-n", NAMESPACE]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", both(&output));
        both(&output)
    }

    /// A new Pod of the namespace whose Pods get gates, of an application that nobody binds.
    async fn a_new_pod_is_ready(&self, name: &str) {
        self.ok(&["-n", SHOP, "run", name, "--image=registry.example.com/app", "--port=80"]).await;
        self.ok(&["-n", SHOP, "wait", "--for=condition=Ready", &format!("pod/{name}"), "--timeout=60s"]).await;
    }

    /// Something injects gates.
    async fn until_injecting_by(&self, kind: &str, program: &Program) {
        eventually("gates are injected", DEADLINE, async || {
            let found = self.ok(&["get", kind, "-o", "name"]).await;
            if found.contains("direct-access-pods") { Ok(Some(())) } else { Err(program.log()) }
        })
        .await;
    }

    async fn finish(self) {
        self.place.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_apply_of_the_file_and_one_of_an_example_are_enough() {
    let place = Turn::new().await;
    let begun = Instant::now();
    place.ok(&["apply", "-f", &install_file().display().to_string()]).await;
    let program = place.ready(NAMESPACE, begun).await;
    // And away again, without leaving anything that holds on.
    place.without_bindings().await;
    program.end().await;
    place.ok(&["delete", "-f", &install_file().display().to_string(), "--timeout=150s"]).await;
    place.a_new_pod_is_ready("later").await;
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rendered_chart_is_enough_too_in_any_namespace() {
    let place = Turn::new().await;
    let helm = Tool::built(&HELM);
    place.ok(&["create", "namespace", "elsewhere"]).await;
    // The rights that are left when it looks at one namespace suffice as well.
    let text = rendered(&helm, "elsewhere", "{watchNamespace: shop, serviceAccount: {name: robot}}");
    let begun = Instant::now();
    place.control_plane.kubectl_with_input(&["apply", "-f", "-"], &text).await.ok().unwrap();
    let program = place.ready("elsewhere", begun).await;
    place.until_injecting_by("mutatingadmissionpolicybinding", &program).await;
    let account = "system:serviceaccount:elsewhere:robot";
    let requests = place.control_plane.requests().unwrap();
    let own: Vec<_> = requests.iter().filter(|one| one.user == account).collect();
    let refused: Vec<_> = own.iter().filter(|one| one.code == 403).collect();
    assert!(own.len() > 10 && refused.is_empty(), "{} requests, refused: {refused:?}", own.len());
    place.without_bindings().await;
    program.end().await;
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_installs_upgrades_and_uninstalls() {
    let place = Turn::new().await;
    let helm = Tool::built(&HELM);
    let chart = folder().display().to_string();
    let begun = Instant::now();
    place.helm(&helm, &["install", RELEASE, &chart, "--create-namespace"]);
    let program = place.ready(NAMESPACE, begun).await;
    place.until_injecting_by("mutatingadmissionpolicybinding", &program).await;

    // The same again writes nothing; another value reaches the program.
    let version =
        ["-n", NAMESPACE, "get", "deployment", "direct-access-controller", "-o", "jsonpath={.metadata.generation}"];
    let before = place.ok(&version).await;
    place.helm(&helm, &["upgrade", RELEASE, &chart]);
    assert_eq!(place.ok(&version).await, before);
    place.helm(&helm, &["upgrade", RELEASE, &chart, "--set", "gateInjection=Webhook"]);
    assert_ne!(place.ok(&version).await, before);
    program.end().await;
    let program = start(&place.control_plane, NAMESPACE, &[]).await;
    place.until_injecting_by("mutatingwebhookconfiguration", &program).await;
    place.ok(&["-n", SHOP, "wait", "--for=condition=Ready", "dab/my-service", "--timeout=150s"]).await;
    place.without_bindings().await;
    program.end().await;
    place.uninstall(&helm).await;
    place.a_new_pod_is_ready("after-webhook").await;

    // What was kept is taken over by a release of the same name; and now the policy is what stays behind.
    place.helm(&helm, &["install", RELEASE, &chart]);
    let program = place.ready(NAMESPACE, Instant::now()).await;
    place.until_injecting_by("mutatingadmissionpolicybinding", &program).await;
    place.without_bindings().await;
    program.end().await;
    place.uninstall(&helm).await;
    place.a_new_pod_is_ready("after-policy").await;
    place.finish().await;
}

impl Turn {
    /// Only the definition stays.
    async fn uninstall(&self, helm: &Tool) {
        let said = self.helm(helm, &["uninstall", RELEASE]);
        assert!(said.contains("directaccessbindings.cloud.tencent.com"), "{said}");
        let label = "app.kubernetes.io/instance=tke-direct-access";
        let kinds = "crd,clusterrole,clusterrolebinding,role,rolebinding,deployment,service,serviceaccount,pdb";
        eventually("only the definition is left", DEADLINE, async || {
            let left = self.ok(&["get", kinds, "-A", "-l", label, "-o", "name"]).await;
            let left: Vec<_> = left.lines().map(str::to_owned).collect();
            let expected = "customresourcedefinition.apiextensions.k8s.io/directaccessbindings.cloud.tencent.com";
            if left == [expected] { Ok(Some(())) } else { Err(format!("{left:?}")) }
        })
        .await;
    }
}
