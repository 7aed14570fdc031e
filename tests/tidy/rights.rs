//! Nobody in the controller writes without leadership: clients that could are where they are listed here, and nowhere else.

use super::imports::has_path;
use super::source::Source;

/// Who may hold a client of the API server in the controller, and why.
const CLIENTS: &[(&str, &str)] = &[
    ("src/operator/mod.rs", "makes the clients, and starts the watches"),
    ("src/operator/context.rs", "keeps the client between leaderships, and gives it to nobody else"),
    ("src/operator/kubernetes.rs", "asks for leadership before each write"),
    ("src/operator/recorders.rs", "tells Events, for which nobody has to lead"),
    ("src/operator/leadership/elector.rs", "writes the Lease"),
];
/// Those of them that write.
const WRITERS: [&str; 3] =
    ["src/operator/kubernetes.rs", "src/operator/recorders.rs", "src/operator/leadership/elector.rs"];
/// Who may say what a right to write to the cloud is.
const FENCES: [&str; 2] = ["src/clb/fence.rs", "src/operator/leadership/mod.rs"];

/// Methods of the API server's client that write.
const WRITES: [&str; 7] =
    [".patch(", ".patch_status(", ".patch_metadata(", ".create(", ".replace(", ".replace_status(", ".delete("];

/// Clients of the API server where rounds are run, writes by those that only keep one, writes in what all share, and rights to write
/// to the cloud that nobody has won.
pub(crate) fn writers_without_leadership(source: &Source) -> Vec<String> {
    let (path, code, module) = (source.path.as_str(), &source.product, source.module());
    let may_hold = CLIENTS.iter().any(|(listed, _)| *listed == path);
    let mut faults = Vec::new();
    if module.first() == Some(&"operator") && !may_hold && (names_client(code) || has_path(code, "kube::client")) {
        faults.push(format!("{path}: a client of the API server, which could write without leadership"));
    }
    let is_reader = module.first() == Some(&"k8s") || (may_hold && !WRITERS.contains(&path));
    for write in WRITES.iter().filter(|write| is_reader && code.contains(**write)) {
        faults.push(format!("{path}: {write}…) asks nobody for leadership"));
    }
    if has_path(code, "Unfenced") && module.first() != Some(&"clb") {
        faults.push(format!("{path}: a write to the cloud that asks nobody for leadership"));
    }
    if code.contains("Fence for ") && !FENCES.contains(&path) {
        faults.push(format!("{path}: a right to write to the cloud that nobody has won"));
    }
    faults
}

/// `Client` as a word, or `Api` as a type; not `Error::Api`, which is what the API server has said.
fn names_client(code: &str) -> bool {
    has_path(code, "Client") || ["Api<", "Api::"].iter().any(|text| begins_a_word(code, text))
}

fn begins_a_word(code: &str, text: &str) -> bool {
    code.match_indices(text).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn writers_without_leadership_are_found() {
    let count = |path: &str, code: &str| writers_without_leadership(&Source::new(path, code)).len();
    for (path, bad) in [
        ("src/operator/report/status.rs", "let api: Api<Pod> = Api::all(client);"),
        ("src/operator/gate.rs", "use kube::{Client, Error};"),
        ("src/operator/gate.rs", "fn a(c: kube::client::Client) {}"),
        ("src/operator/mod.rs", "api.patch(name, &params, &patch).await"),
        ("src/operator/context.rs", "api.delete(name).await"),
        ("src/k8s/stores.rs", "api.replace(name, &params, &object).await"),
        ("src/operator/apply.rs", "clb.writer(&Unfenced).register(&lb, &targets).await"),
        ("src/operator/apply.rs", "impl Fence for Always {}"),
        ("src/cli/drain/now.rs", "clb.writer(&Unfenced)"),
    ] {
        assert_eq!(count(path, bad), 1, "{path}: {bad}");
    }
    for (path, good) in [
        ("src/operator/gate.rs", "Err(WriteError::Refused(kube::Error::Api(status))) => context.kubernetes.writes()"),
        ("src/operator/kubernetes.rs", "self.guarded(self.api.patch(name, params, patch)).await"),
        ("src/operator/report/status.rs", "let x = Clients::new(); // Client\n"),
        ("src/operator/apply.rs", "clb.writer(&context.leadership)"),
        ("src/cli/drain/workload.rs", "Api::<Pod>::all(client).patch(a, b, c)"),
    ] {
        assert_eq!(count(path, good), 0, "{path}: {good}");
    }
}

#[test]
fn the_list_of_clients_is_true() {
    for (path, why) in CLIENTS {
        let text = std::fs::read_to_string(super::root().join(path)).unwrap();
        assert!(names_client(&Source::new(*path, text).product), "{path} has none, though it {why}");
    }
}
