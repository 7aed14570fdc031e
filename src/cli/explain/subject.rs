//! What is to be explained, as people name it.

use super::facts::Focus;
use crate::cli::Error;
use crate::cli::options::is_binding_kind;
use crate::cli::workload::{self, Workload};

/// What is to be explained.
#[derive(Debug)]
pub(super) enum Subject<'a> {
    /// One Pod.
    Pod(&'a str),
    /// The Pods of a workload.
    Workload(&'static Workload, &'a str),
    /// The Pods that a Service selects.
    Service(&'a str),
    /// The Pods that a binding binds.
    Binding(&'a str),
}

const SERVICES: [&str; 3] = ["service", "services", "svc"];

/// The word is a kind, and could hardly be a Pod's name.
fn is_kind(word: &str) -> bool {
    is_binding_kind(word) || SERVICES.contains(&word.to_lowercase().as_str()) || workload::kind(word).is_some()
}

/// What lists the objects of a kind; `None` where there is no such kind.
fn list(kind: &str) -> Option<&'static str> {
    if is_binding_kind(kind) {
        return Some("directaccessbindings");
    }
    if SERVICES.contains(&kind.to_lowercase().as_str()) {
        return Some("services");
    }
    workload::kind(kind).map(|found| found.map_or("pods", |workload| workload.plural))
}

impl<'a> Subject<'a> {
    /// Reads `KIND/NAME`, `KIND NAME`, and the name of a Pod.
    pub(super) fn parse(arguments: &'a [String]) -> Result<Self, Error> {
        let (kind, name) = match arguments {
            // A kind alone, rather than a Pod of this name.
            [one] if is_kind(one) => (one.as_str(), ""),
            [one] => one.split_once('/').unwrap_or(("pod", one)),
            [kind, name] if !kind.contains('/') && !name.contains('/') => (kind.as_str(), name.as_str()),
            _ => return Err(Error::Argument("say one object, as KIND/NAME".to_owned())),
        };
        if name.is_empty() {
            let list = list(kind).map(|plural| format!("; `kubectl get {plural}` lists them")).unwrap_or_default();
            return Err(Error::Argument(format!("say which one, as {kind}/NAME{list}")));
        }
        if SERVICES.contains(&kind.to_lowercase().as_str()) {
            return Ok(Self::Service(name));
        }
        if is_binding_kind(kind) {
            return Ok(Self::Binding(name));
        }
        match workload::kind(kind) {
            Some(None) => Ok(Self::Pod(name)),
            Some(Some(workload)) => Ok(Self::Workload(workload, name)),
            None => Err(Error::Argument(format!(
                "'{kind}' cannot be explained: say pod, deployment, statefulset, daemonset, replicaset, svc or dab"
            ))),
        }
    }

    /// The bindings that it is about.
    pub(super) fn focus(&self) -> Focus {
        match self {
            Self::Pod(_) | Self::Workload(..) => Focus::All,
            Self::Service(name) => Focus::Service((*name).to_owned()),
            Self::Binding(name) => Focus::Binding((*name).to_owned()),
        }
    }

    /// Its kind.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Pod(_) => "Pod",
            Self::Workload(workload, _) => workload.kind,
            Self::Service(_) => "Service",
            Self::Binding(_) => "DirectAccessBinding",
        }
    }

    /// Its name.
    pub(super) const fn name(&self) -> &'a str {
        match self {
            Self::Pod(name) | Self::Workload(_, name) | Self::Service(name) | Self::Binding(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_in_kubectl() {
        for (text, expected) in [
            ("web-1", Ok("Pod web-1")),
            ("pod/web-1", Ok("Pod web-1")),
            ("po web-1", Ok("Pod web-1")),
            ("deployment/web", Ok("Deployment web")),
            ("deploy web", Ok("Deployment web")),
            ("statefulsets.apps/db", Ok("StatefulSet db")),
            ("ds/agent", Ok("DaemonSet agent")),
            ("svc/web", Ok("Service web")),
            ("dab/web", Ok("DirectAccessBinding web")),
            ("directaccessbindings.cloud.tencent.com web", Ok("DirectAccessBinding web")),
            ("node/a", Err("'node' cannot be explained")),
            ("pod/", Err("say which one, as pod/NAME; `kubectl get pods` lists them")),
            ("svc", Err("say which one, as svc/NAME; `kubectl get services` lists them")),
            ("dab", Err("say which one, as dab/NAME; `kubectl get directaccessbindings` lists them")),
            ("deployment", Err("say which one, as deployment/NAME; `kubectl get deployments` lists them")),
            ("a/b c/d", Err("say one object")),
        ] {
            let arguments: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
            let found = Subject::parse(&arguments).map(|one| format!("{} {}", one.kind(), one.name()));
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => assert!(found.to_string().starts_with(expected), "{found}"),
                (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
            }
        }
    }
}
