//! The manifests agree with one another and with the program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::ControlPlane;

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

pub(super) fn install_file() -> PathBuf {
    root().join("deploy/install.yaml")
}

/// The objects of the file that people apply.
pub(super) fn objects() -> Vec<Value> {
    serde_saphyr::from_multiple(&std::fs::read_to_string(install_file()).unwrap()).unwrap()
}

/// Whether files are to be written instead of compared.
pub(super) fn is_update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// The file has this text, or gets it.
#[track_caller]
pub(super) fn same_text(file: &Path, text: &str) {
    if is_update() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let name = file.strip_prefix(root()).unwrap().display();
    assert!(kept == text, "{name} is outdated: run UPDATE=1 cargo test --test install");
}

/// The files of examples.
pub(super) fn examples() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The object of this kind and name.
pub(super) fn object(kind: &str, name: &str) -> Value {
    let is_this = |object: &Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects().into_iter().find(is_this).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// `UPDATE=1 cargo test --test install` writes the file.
#[tokio::test(flavor = "multi_thread")]
async fn the_file_to_apply_is_what_the_base_gives() {
    let control_plane = ControlPlane::shared().await;
    let definition = std::fs::read_to_string(root().join("crds/cloud.tencent.com_directaccessbindings.yaml")).unwrap();
    // A base may not reach out of its folder.
    same_text(&root().join("deploy/directaccessbindings.yaml"), &definition);
    let base = root().join("deploy").display().to_string();
    let rendered = control_plane.kubectl(&["kustomize", &base]).await.ok().unwrap();
    same_text(&install_file(), &rendered);
}

/// What `kubectl kustomize` makes of the base with these components, as people write it who keep both at a distance.
pub(super) async fn rendered_with(control_plane: &ControlPlane, components: &[&str]) -> String {
    let folder = tempfile::tempdir_in(root().join("target")).unwrap();
    let names: Vec<_> = components.iter().map(|name| format!("../../deploy/components/{name}")).collect();
    let more = if components.contains(&"service-monitor") { ", ../../deploy/monitoring" } else { "" };
    let text = format!("resources: [../../deploy{more}]\ncomponents: [{}]\n", names.join(", "));
    std::fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
    control_plane.kubectl(&["kustomize", &folder.path().display().to_string()]).await.ok().unwrap()
}

/// The right to make bindings comes with the flag that needs it, in the component as in the chart.
#[tokio::test(flavor = "multi_thread")]
async fn bindings_are_made_only_where_services_are_followed() {
    let control_plane = ControlPlane::shared().await;
    let rendered = rendered_with(control_plane, &["annotated-services"]).await;
    let component: Vec<Value> = serde_saphyr::from_multiple(&rendered).unwrap();
    let is_it = |object: &&Value, kind: &str| {
        object["kind"] == kind && object["metadata"]["name"] == "direct-access-controller"
    };
    let rules =
        |role: &Value| -> BTreeSet<String> { role["rules"].as_array().unwrap().iter().map(Value::to_string).collect() };
    let may_create = |role: &Value| {
        let mut rules = role["rules"].as_array().unwrap().iter();
        let has = |list: &Value, word: &str| list.as_array().unwrap().iter().any(|one| one == word);
        rules.any(|rule| has(&rule["resources"], "directaccessbindings") && has(&rule["verbs"], "create"))
    };
    let role = component.iter().find(|object| is_it(object, "ClusterRole")).unwrap();
    assert_eq!((may_create(role), may_create(&object("ClusterRole", "direct-access-controller"))), (true, false));
    let in_chart = super::chart::in_chart("{annotatedServices: OwnClass}", "ClusterRole");
    assert_eq!(rules(&in_chart), rules(role));
    assert!(!may_create(&super::chart::in_chart("{}", "ClusterRole")));
    let deployment = component.iter().find(|object| is_it(object, "Deployment")).unwrap();
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    assert_eq!(arguments, &serde_json::json!(["run", "--annotated-services=OwnClass"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn components_add_to_the_base() {
    let control_plane = ControlPlane::shared().await;
    let rendered = rendered_with(control_plane, &["guard", "network-policy", "service-monitor"]).await;
    let all: Vec<Value> = serde_saphyr::from_multiple(&rendered).unwrap();
    let base = objects();
    let added = all.iter().filter(|object| !base.contains(object)).filter_map(|object| object["kind"].as_str());
    let added: BTreeSet<_> = added.collect();
    let guard = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
    let mut expected = BTreeSet::from(["ConfigMap", "Deployment", "NetworkPolicy", "PrometheusRule", "ServiceMonitor"]);
    expected.extend(guard);
    // The Deployment is changed; of the guard there are a second ConfigMap, two policies, and three bindings of policies.
    assert_eq!((all.len(), &added), (base.len() + expected.len() - 1 + 4, &expected));
    // The Deployment is another one by its annotations only: what has a ServiceMonitor is scraped by nothing else.
    let find = |all: &[Value]| all.iter().find(|object| object["kind"] == "Deployment").unwrap().clone();
    let annotations =
        |object: &mut Value| object["spec"]["template"]["metadata"].as_object_mut().unwrap().remove("annotations");
    let (mut found, mut usual) = (find(&all), find(&base));
    let (left, taken) = (annotations(&mut found).unwrap_or_default(), annotations(&mut usual).unwrap());
    assert!(taken["prometheus.io/scrape"] == "true" && !left.to_string().contains("prometheus.io"), "{left}");
    assert_eq!(found, usual);
}

#[test]
fn versions_ports_and_names_agree_with_the_program() {
    let deployment = object("Deployment", "direct-access-controller");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let image = container["image"].as_str().unwrap();
    assert!(image.ends_with(concat!(":", env!("CARGO_PKG_VERSION"))), "{image}");
    let ports: Vec<_> =
        container["ports"].as_array().unwrap().iter().map(|port| port["containerPort"].as_u64()).collect();
    assert_eq!(ports, [Some(8080), Some(9443)], "the defaults of --listen and --webhook-listen");
    let webhook = object("Service", "direct-access-webhook");
    assert_eq!(webhook["spec"]["ports"][0]["port"], 443, "the default of --webhook-service-port");
    let selector = &webhook["spec"]["selector"];
    assert_eq!(selector, &deployment["spec"]["selector"]["matchLabels"]);
}

#[test]
fn the_container_meets_the_restricted_standard() {
    let deployment = object("Deployment", "direct-access-controller");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0]["securityContext"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["readOnlyRootFilesystem"], true);
    assert_eq!(container["capabilities"]["drop"][0], "ALL");
    let namespace = object("Namespace", "tke-direct-access");
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
}

/// The first stage of the image has the toolchain of this source tree, and the last one what the program is linked with.
#[test]
fn the_image_has_what_the_program_needs() {
    let file = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
    let toolchain = std::fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let (_, rest) = file.split_once("FROM rust:").unwrap();
    let version = rest.split('-').next().unwrap();
    assert!(toolchain.contains(&format!("channel = \"{version}.")), "Dockerfile: rust {version}; {toolchain}");
    let linked =
        std::process::Command::new("ldd").arg(env!("CARGO_BIN_EXE_direct-access-controller")).output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    let names = linked.lines().filter_map(|line| line.split_whitespace().next()?.rsplit('/').next());
    let there = ["linux-vdso", "ld-linux", "libc.so", "libm.so", "libgcc_s.so", "libpthread.so", "libdl.so"];
    let missing: Vec<_> = names.filter(|name| !there.iter().any(|begin| name.starts_with(begin))).collect();
    assert!(linked.contains("libc.so") && missing.is_empty(), "not in the image: {missing:?} of\n{linked}");
}
