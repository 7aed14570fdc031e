//! `docs/gitops.md` shows parts of files, and the files are what the tools take.

use std::path::PathBuf;

use serde_json::Value;

use super::engine::{argo_cd, argocd_cm, root, run};
use crate::stage::control_plane;

/// The example files for both tools.
fn files() -> Vec<PathBuf> {
    let folders = [argo_cd().join("applications"), root().join("gitops/flux")];
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn read(path: &PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The blocks of a page that are YAML, whole or fragments.
fn blocks(page: &str) -> Vec<&str> {
    let fenced = page.split("\n```yaml").skip(1);
    fenced
        .map(|rest| {
            let (_, body) = rest.split_once('\n').expect("the fence is a line");
            body.split_once("```").expect("the block ends").0
        })
        .collect()
}

#[test]
fn every_block_of_the_page_is_a_part_of_a_file() {
    let page = read(&root().join("docs/gitops.md"));
    let texts: Vec<String> = files().iter().map(read).collect();
    let blocks = blocks(&page);
    assert!(blocks.len() >= 4, "{blocks:?}");
    for block in blocks {
        let is_in = |text: &String| text.starts_with(block) || text.contains(&format!("\n{block}"));
        assert!(texts.iter().any(is_in), "no file has:\n{block}");
    }
    for file in files() {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        assert!(page.contains(&format!("(../{path})")), "the page does not tell of {path}");
    }
    assert!(argocd_cm().ends_with("gitops/argo-cd/argocd-cm.yaml") && page.contains("gitops/argo-cd/argocd-cm.yaml"));
}

#[test]
fn every_file_is_understood_by_its_tool() {
    for file in files() {
        let output = run(&["decode"], &read(&file)).unwrap_or_else(|said| panic!("{}: {said}", file.display()));
        assert!(!output.is_empty(), "{} is empty", file.display());
    }
    let wrong = read(&files()[0]).replace("syncOptions", "syncOption");
    assert!(run(&["decode"], &wrong).unwrap_err().contains("syncOption"), "unknown fields are refused");
}

/// The patches and the image of an example, as kustomize takes them.
fn kustomization(file: &str, parts: &str) -> Value {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&read(&root().join("gitops").join(file))).unwrap();
    documents.iter().find_map(|document| document.pointer(parts)).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_patches_keep_the_definition() {
    let control_plane = control_plane().await;
    for (file, parts, mark) in [
        (
            "argo-cd/applications/controller.yaml",
            "/spec/source/kustomize",
            "argocd.argoproj.io/sync-options: Prune=confirm",
        ),
        ("flux/controller.yaml", "/spec", "kustomize.toolkit.fluxcd.io/prune: disabled"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deploy")).unwrap();
        // The base is files; components and additions are in folders.
        let entries = std::fs::read_dir(root().join("deploy")).unwrap().map(Result::unwrap);
        for entry in entries.filter(|entry| entry.path().is_file()) {
            std::fs::copy(entry.path(), folder.path().join("deploy").join(entry.file_name())).unwrap();
        }
        let patches = kustomization(file, &format!("{parts}/patches"));
        let text = serde_json::json!({"resources": ["deploy"], "patches": patches}).to_string();
        std::fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
        let built = control_plane.kubectl(&["kustomize", &folder.path().display().to_string()]).await.ok().unwrap();
        let definitions: Vec<&str> =
            built.split("\n---\n").filter(|one| one.contains("kind: CustomResourceDefinition")).collect();
        assert!(!definitions.is_empty() && definitions.iter().all(|one| one.contains(mark)), "{file}");
        assert_eq!(built.matches(mark).count(), definitions.len(), "{file}: and nothing else");
    }
}
