//! What stands in the way before any cluster is asked: in words, with what to do, and never as libraries print it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use super::scene::plugin;

/// A server that answers everything with a page.
fn page() -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>");
    });
    (port, server)
}

#[test]
fn what_stands_in_the_way_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let config = |server: String| {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "a",
            "clusters": [{"name": "a", "cluster": {"server": server}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": ""}}],
        })
        .to_string()
    };
    let (port, server) = page();
    let nobody = file("nobody", &config("http://127.0.0.1:1".to_owned()));
    let other = file("other", &config(format!("http://127.0.0.1:{port}")));
    let missing = folder.path().join("missing").display().to_string();
    let broken = file("broken", "clusters: [");
    for (kubeconfig, more, expected) in [
        (&missing, &[][..], "does not exist; give another with --kubeconfig"),
        (&broken, &[], "the kubeconfig is not YAML, or not of a kubeconfig; `kubectl config view` shows where"),
        (&nobody, &["--context", "b"], "the kubeconfig has no context 'b'; give another with --context"),
        (&nobody, &[], "the API server cannot be reached: Connection refused; see that `kubectl version` answers"),
        (&other, &[], "what answers is not the API server of a cluster; correct server in the kubeconfig"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-direct_access"));
        plugin(&mut command);
        let output = command.args(["get", "--kubeconfig", kubeconfig]).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{expected}: {said}");
        assert!(!["os error", "Error", "{", "("].iter().any(|raw| said.contains(raw)), "{said}");
    }
    server.join().unwrap();
}
