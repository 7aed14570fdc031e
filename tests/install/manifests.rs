//! The manifests agree with one another and with the program.

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
    let copy = root().join("deploy/directaccessbindings.yaml");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&copy, &definition).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&copy).unwrap(),
        definition,
        "the copy of the definition in deploy/ is outdated"
    );
    let base = root().join("deploy").display().to_string();
    let rendered = control_plane.kubectl(&["kustomize", &base]).await.ok().unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(install_file(), &rendered).unwrap();
    }
    let kept = std::fs::read_to_string(install_file()).unwrap_or_default();
    assert_eq!(kept, rendered, "deploy/install.yaml is outdated: run UPDATE=1 cargo test --test install");
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
