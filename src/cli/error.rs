//! Why a command failed, in words that say what to do.

use crate::clb::SettingsError;
use crate::k8s::{ListError, words};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is no usable kubeconfig.
    #[error("no cluster to talk to: {0}; give --kubeconfig or --context, or set KUBECONFIG")]
    Config(#[from] kube::config::KubeconfigError),
    /// A client could not be made.
    #[error("the API server's client: {0}")]
    Client(String),
    /// Something cannot be listed.
    #[error("{0}; ask for the ClusterRole 'direct-access-view' or its like")]
    List(#[from] ListError),
    /// An object cannot be read or written.
    #[error("{what}: {words}")]
    Kubernetes {
        /// What was tried, with the object's name.
        what: String,
        /// What the API server said.
        words: String,
    },
    /// There is no such object.
    #[error(
        "{kind} '{name}' does not exist in namespace '{namespace}'; look with `kubectl get {plural} -n {namespace}`"
    )]
    NotFound {
        /// The kind.
        kind: &'static str,
        /// Its plural.
        plural: &'static str,
        /// The name.
        name: String,
        /// The namespace.
        namespace: String,
    },
    /// The client of the cloud cannot be made.
    #[error("the cloud's client: {0}")]
    Cloud(#[from] SettingsError),
    /// The command needs credentials of the cloud.
    #[error(
        "{command} reads CLB and has no credentials: {why}; set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"
    )]
    NoCredentials {
        /// The command.
        command: &'static str,
        /// What is missing.
        why: String,
    },
    /// A file cannot be used.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// An argument cannot be used.
    #[error("{0}")]
    Argument(String),
    /// What was waited for did not happen.
    #[error("{0}")]
    TimedOut(String),
    /// Printing failed.
    #[error("cannot print: {0}")]
    Print(#[from] std::io::Error),
    /// A value has no JSON or YAML.
    #[error("cannot print: {0}")]
    Encode(String),
}

impl Error {
    /// An error of the API server, with what was tried.
    pub(super) fn kubernetes(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |error| Self::Kubernetes { what, words: words(&error) }
    }
}
