//! Why a command failed, in words that say what to do. What libraries print of their errors is for programmers, and is not shown.

use kube::config::KubeconfigError;

use crate::clb::SettingsError;
use crate::k8s::{ListError, words};
use crate::model::{Class, Failure};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is no usable kubeconfig.
    #[error("no cluster to talk to: {}", of_kubeconfig(.0))]
    Config(#[from] KubeconfigError),
    /// A client could not be made.
    #[error("the API server's client: {0}")]
    Client(String),
    /// Something cannot be listed.
    #[error("cannot list {}{}: {}", .0.kind, place(.0), of_api_server(&.0.error))]
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
        "{kind} '{name}' does not exist in namespace '{namespace}'{} look with `kubectl get {plural} -n {namespace}`", meant(.near.as_deref())
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
        /// The name that was probably meant; `None` where none is near.
        near: Option<String>,
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
    /// CLB was asked and could not be read.
    #[error(
        "what CLB shows is not known: {0}; see that TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY are right and may look, and that CLB \
         can be reached from here"
    )]
    Unread(String),
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
    #[error("cannot print: {}; see that there is room where it goes", of_io(.0))]
    Print(#[from] std::io::Error),
    /// A value has no JSON or YAML.
    #[error("cannot print: {0}")]
    Encode(String),
}

impl Error {
    /// An error of the API server, with what was tried.
    pub(super) fn kubernetes(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |error| Self::Kubernetes { what, words: of_api_server(&error) }
    }
}

fn meant(near: Option<&str>) -> String {
    near.map_or_else(|| ";".to_owned(), |near| format!("; did you mean '{near}'? If not,"))
}

fn place(error: &ListError) -> String {
    error.namespace.as_ref().map(|name| format!(" in namespace '{name}'")).unwrap_or_default()
}

/// Why the API server does not do what it is asked for, and what to do.
pub(super) fn of_api_server(error: &kube::Error) -> String {
    let said = words(error);
    match error {
        kube::Error::Api(status) => match status.code {
            401 => "the API server does not accept your credentials; log in anew, or correct the user of the kubeconfig's context".to_owned(),
            403 => format!(
                "{said}; ask whoever runs the cluster for the ClusterRole direct-access-view to look, or direct-access-edit to change"
            ),
            404 if is_unknown_kind(&said) => {
                "the API server does not know the kind: its definition is not installed, or is being deleted; apply crds/ of the version that \
                 runs"
                    .to_owned()
            }
            429 | 500 | 502..=504 => format!("{said}; the API server is busy or not whole: try again in a moment"),
            _ => said,
        },
        kube::Error::SerdeError(_) => {
            "what answers is not the API server of a cluster; correct server in the kubeconfig".to_owned()
        }
        kube::Error::Auth(_) => {
            format!("logging in as the kubeconfig says fails: {}; see that `kubectl version` answers", plain(&said))
        }
        _ => of_connection(&said),
    }
}

/// The API server was asked for something that it has no kind for.
fn is_unknown_kind(said: &str) -> bool {
    said.contains("page not found") || said.contains("could not find the requested resource") || said == "NotFound"
}

/// Why something local cannot be read or written.
pub(super) fn of_io(error: &std::io::Error) -> String {
    plain(&words(error)).to_owned()
}

/// Why CLB does not do what it is asked for: in its own words, where it has answered.
pub(super) fn of_cloud(failure: &Failure) -> String {
    match failure.class {
        Class::Unreachable => format!("{} is not answered: {}", failure.action, plain(&failure.message)),
        _ => failure.to_string(),
    }
}

fn of_connection(said: &str) -> String {
    let root = plain(said);
    let is_certificate = ["certificate", "UnknownIssuer"].iter().any(|word| root.contains(word));
    if is_certificate {
        return format!(
            "the API server's certificate is not trusted ({root}); correct certificate-authority-data of the kubeconfig's cluster"
        );
    }
    let root = if root.contains("lookup") { "the name in its address is not known" } else { root };
    format!(
        "the API server cannot be reached: {root}; see that `kubectl version` answers, and that server in the kubeconfig is right"
    )
}

/// The root of a failed connection, without what only programmers know.
fn plain(said: &str) -> &str {
    let mut parts = said.rsplit(": ");
    let root = parts.next().unwrap_or(said);
    // The name of a fault says nothing without what is before it.
    let before = parts.next().filter(|_| root.starts_with("Unknown")).map_or(0, |before| before.len() + ": ".len());
    let root = &said[said.len() - root.len() - before..];
    root.split(" (os error").next().unwrap_or(root)
}

/// Why a kubeconfig cannot be used, and what to do.
fn of_kubeconfig(error: &KubeconfigError) -> String {
    let list = "`kubectl config get-contexts` lists them";
    match error {
        KubeconfigError::ReadConfig(cause, path) if cause.kind() == std::io::ErrorKind::NotFound => {
            format!("kubeconfig '{}' does not exist; give another with --kubeconfig, or set KUBECONFIG", path.display())
        }
        KubeconfigError::ReadConfig(cause, path) => {
            format!(
                "kubeconfig '{}' cannot be read: {}; give another with --kubeconfig",
                path.display(),
                plain(&words(cause))
            )
        }
        KubeconfigError::FindPath => "there is no kubeconfig; give one with --kubeconfig, or set KUBECONFIG".to_owned(),
        KubeconfigError::Parse(_) => {
            "the kubeconfig is not YAML, or not of a kubeconfig; `kubectl config view` shows where".to_owned()
        }
        KubeconfigError::CurrentContextNotSet => {
            format!("the kubeconfig has no current context; give one with --context: {list}")
        }
        KubeconfigError::LoadContext(name) => {
            format!("the kubeconfig has no context '{name}'; give another with --context: {list}")
        }
        KubeconfigError::LoadClusterOfContext(name) => {
            format!(
                "the context names cluster '{name}', which the kubeconfig does not have; add it, or give another with --context: {list}"
            )
        }
        KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_) => {
            "the kubeconfig's cluster has no address that can be used; correct its server".to_owned()
        }
        KubeconfigError::ParseProxyUrl(_) => {
            "the kubeconfig's cluster has no proxy that can be used; correct its proxy-url".to_owned()
        }
        KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_) => {
            format!(
                "certificate-authority of the kubeconfig's cluster cannot be read: {}; correct it",
                plain(&words(error))
            )
        }
        KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => {
            format!(
                "client-certificate or client-key of the kubeconfig's user cannot be read: {}; correct it",
                plain(&words(error))
            )
        }
        other => format!("{}; correct the kubeconfig, or give another with --kubeconfig", words(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error as IoError, ErrorKind};

    use kube::core::Status;

    use super::*;

    #[test]
    fn the_api_server_s_trouble_is_said_with_what_helps() {
        let api = |code, message: &str| kube::Error::Api(Box::new(Status { code, ..Status::failure(message, "") }));
        let io = |kind, words: &str| kube::Error::Service(Box::new(IoError::new(kind, words)));
        let json = || serde_json::from_str::<u8>("<html>").unwrap_err();
        for (error, expected) in [
            (api(401, "Unauthorized"), "does not accept your credentials; log in anew"),
            (
                api(403, "pods is forbidden"),
                "pods is forbidden; ask whoever runs the cluster for the ClusterRole direct-access-view",
            ),
            (api(404, "404 page not found"), "its definition is not installed, or is being deleted; apply crds/"),
            (api(404, "the server could not find the requested resource"), "its definition is not installed"),
            (api(404, "namespaces \"x\" not found"), "namespaces \"x\" not found"),
            (api(503, "unavailable"), "unavailable; the API server is busy or not whole: try again"),
            (
                io(ErrorKind::ConnectionRefused, "tcp connect error: Connection refused (os error 111)"),
                "the API server cannot be reached: Connection refused; see that `kubectl version` answers",
            ),
            (
                io(ErrorKind::Other, "dns error: failed to lookup address information"),
                "the name in its address is not known; see",
            ),
            (
                io(ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer"),
                "certificate is not trusted (invalid peer certificate: UnknownIssuer); correct certificate-authority-data",
            ),
            (kube::Error::SerdeError(json()), "what answers is not the API server of a cluster; correct server"),
        ] {
            let said = Error::kubernetes("cannot read Pod 'web'")(error).to_string();
            assert!(said.starts_with("cannot read Pod 'web': ") && said.contains(expected), "{said}");
            assert!(!["os error", "Error", "Status {"].iter().any(|raw| said.contains(raw)), "{said}");
        }
    }

    #[test]
    fn clb_speaks_for_itself_where_it_answers() {
        let failure = |class, code: &str, message: &str| Failure {
            class,
            action: "DescribeListeners",
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: None,
        };
        let unreachable = failure(
            Class::Unreachable,
            "ClientError.Connect",
            "error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)",
        );
        assert_eq!(of_cloud(&unreachable), "DescribeListeners is not answered: Connection refused");
        let denied = failure(Class::Denied, "AuthFailure.SignatureFailure", "the signature is wrong");
        assert!(
            of_cloud(&denied).contains("AuthFailure.SignatureFailure: the signature is wrong"),
            "{}",
            of_cloud(&denied)
        );
    }

    #[test]
    fn a_kubeconfig_s_trouble_is_said_with_what_helps() {
        let missing = || IoError::new(ErrorKind::NotFound, "No such file or directory (os error 2)");
        let denied = || IoError::new(ErrorKind::PermissionDenied, "Permission denied (os error 13)");
        for (error, expected) in [
            (KubeconfigError::ReadConfig(missing(), "a/b".into()), "kubeconfig 'a/b' does not exist; give another"),
            (
                KubeconfigError::ReadConfig(denied(), "a/b".into()),
                "kubeconfig 'a/b' cannot be read: Permission denied; give another",
            ),
            (KubeconfigError::FindPath, "there is no kubeconfig; give one"),
            (KubeconfigError::CurrentContextNotSet, "no current context; give one with --context"),
            (KubeconfigError::LoadContext("dev".to_owned()), "no context 'dev'; give another with --context"),
            (KubeconfigError::LoadClusterOfContext("c".to_owned()), "cluster 'c', which the kubeconfig does not have"),
            (KubeconfigError::MissingClusterUrl, "no address that can be used; correct its server"),
            (KubeconfigError::KindMismatch, "; correct the kubeconfig"),
        ] {
            let said = Error::from(error).to_string();
            assert!(said.starts_with("no cluster to talk to: ") && said.contains(expected), "{said}");
            assert!(!said.contains("os error"), "{said}");
        }
    }
}
