//! Health checks and actions for Argo CD: the ready-made settings hold the scripts, and Argo CD's engine runs them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::engine::{argo_cd, argocd_cm, run};
use crate::stage::control_plane;

/// Each kind with its actions.
const KINDS: [(&str, &[&str]); 2] =
    [("DirectAccessBinding", &["reconcile", "suspend", "resume"]), ("TkeServiceConfig", &["reconcile"])];

fn folder() -> PathBuf {
    argo_cd().join("cloud.tencent.com")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A text as a block of YAML.
fn block(text: &str, indent: usize) -> String {
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{:indent$}{line}", "") };
    text.lines().map(|text| line(text) + "\n").collect()
}

fn settings() -> String {
    let mut text = String::from(
        "# Health checks and actions of DirectAccessBinding and TkeServiceConfig for Argo CD. Made of the scripts in\n\
         # cloud.tencent.com/ by `UPDATE=1 cargo test --test gitops`.\n#\n\
         #   kubectl -n argocd patch configmap argocd-cm --patch-file argocd-cm.yaml\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\n  labels:\n    \
         app.kubernetes.io/name: argocd-cm\n    app.kubernetes.io/part-of: argocd\ndata:\n",
    );
    for (kind, actions) in KINDS {
        let folder = folder().join(kind);
        let health = block(&read(&folder.join("health.lua")), 4);
        writeln!(text, "  resource.customizations.health.cloud.tencent.com_{kind}: |\n{health}").unwrap();
        let discovery = block(&read(&folder.join("actions/discovery.lua")), 6);
        write!(text, "  resource.customizations.actions.cloud.tencent.com_{kind}: |\n    discovery.lua: |\n").unwrap();
        writeln!(text, "{discovery}\n    definitions:").unwrap();
        for action in actions {
            let script = block(&read(&folder.join("actions").join(action).join("action.lua")), 8);
            write!(text, "    - name: {action}\n      action.lua: |\n{script}").unwrap();
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[test]
fn the_settings_hold_the_scripts() {
    let made = settings();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(argocd_cm(), &made).unwrap();
    }
    let kept = std::fs::read_to_string(argocd_cm()).unwrap_or_default();
    assert_eq!(kept, made, "argocd-cm.yaml is outdated: run UPDATE=1 cargo test --test gitops");
}

/// All files of a folder whose name ends so.
fn files(folder: &Path, ending: &str) -> BTreeSet<PathBuf> {
    let entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let nested = entries.iter().filter(|path| path.is_dir()).flat_map(|path| files(path, ending));
    let own = entries.iter().filter(|path| path.to_string_lossy().ends_with(ending)).cloned();
    own.chain(nested).collect()
}

#[test]
fn argo_cd_draws_the_conclusions_that_the_tests_beside_the_scripts_say() {
    let output =
        run(&["test", &argocd_cm(), &folder().display().to_string()], "").unwrap_or_else(|said| panic!("{said}"));
    let held: BTreeSet<&str> = output.lines().collect();
    let of = |what: &str| held.iter().filter(|line| line.starts_with(&format!("ok: {what} of "))).count();
    assert_eq!((of("reconcile"), of("suspend"), of("resume")), (2, 1, 1), "{output}");
    for file in files(&folder(), ".yaml") {
        let is_health_input = file.parent().is_some_and(|folder| folder.ends_with("testdata"))
            && !file.components().any(|part| part.as_os_str() == "actions");
        if is_health_input {
            assert!(held.contains(&*format!("ok: health of {}", file.display())), "{} is not tested", file.display());
        }
    }
    // gopher-lua has it, other engines of Lua 5.1 do not.
    for script in files(&folder(), ".lua") {
        assert!(!read(&script).contains("goto"), "{}", script.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_are_added_to_those_that_are_there() {
    let control_plane = control_plane().await;
    let namespace = control_plane.namespace("argocd").await;
    let kubectl = async |arguments: &[&str]| {
        let all: Vec<&str> = ["-n", &namespace.name].iter().chain(arguments).copied().collect();
        control_plane.kubectl(&all).await.ok().unwrap()
    };
    kubectl(&["create", "configmap", "argocd-cm", "--from-literal=url=https://argocd.example.com"]).await;
    kubectl(&["patch", "configmap", "argocd-cm", "--patch-file", &argocd_cm()]).await;
    let found = kubectl(&["get", "configmap", "argocd-cm", "-o", "jsonpath={.data}"]).await;
    let found: std::collections::BTreeMap<String, String> = serde_json::from_str(&found).unwrap();
    assert_eq!(found["url"], "https://argocd.example.com");
    for (kind, _) in KINDS {
        let health = &found[&format!("resource.customizations.health.cloud.tencent.com_{kind}")];
        assert_eq!(health.trim_end(), read(&folder().join(kind).join("health.lua")).trim_end());
    }
    assert_eq!(found.len(), 5);
}
