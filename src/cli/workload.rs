//! Workloads as people name them, their Pods, and the command that replaces these.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::core::Selector;

use super::Error;
use super::session::Session;
use crate::model;

/// A kind whose objects have Pods.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    /// Other names that kubectl takes for it, in lower case.
    aliases: &'static [&'static str],
}

/// Those of `apps`.
pub(super) const WORKLOADS: [Workload; 4] = [
    Workload { kind: "Deployment", plural: "deployments", aliases: &["deployment", "deploy"] },
    Workload { kind: "StatefulSet", plural: "statefulsets", aliases: &["statefulset", "sts"] },
    Workload { kind: "DaemonSet", plural: "daemonsets", aliases: &["daemonset", "ds"] },
    Workload { kind: "ReplicaSet", plural: "replicasets", aliases: &["replicaset", "rs"] },
];
const PODS: [&str; 3] = ["pod", "pods", "po"];

/// Something whose Pods are drained.
#[derive(Debug)]
pub(super) enum Drained<'a> {
    /// One Pod.
    Pod(&'a str),
    /// All Pods of a workload.
    Workload(&'static Workload, &'a str),
}

/// A kind, as people say it: `Some(None)` is a Pod, `None` has no Pods.
pub(super) fn kind(word: &str) -> Option<Option<&'static Workload>> {
    let word = word.to_lowercase();
    let word = word.strip_suffix(".apps").unwrap_or(&word);
    if PODS.contains(&word) {
        return Some(None);
    }
    WORKLOADS.iter().find(|one| one.plural == word || one.aliases.contains(&word)).map(Some)
}

/// The argument names a workload, or its kind.
pub(super) fn is_workload(argument: &str) -> bool {
    let word = argument.split_once('/').map_or(argument, |(word, _)| word);
    matches!(kind(word), Some(Some(_)))
}

/// Reads `KIND/NAME …`, `KIND NAME …`, and names of Pods.
pub(super) fn parse(arguments: &[String]) -> Result<Vec<Drained<'_>>, Error> {
    let (usual, rest) = match arguments.split_first() {
        Some((first, rest)) if !first.contains('/') => match kind(first) {
            Some(found) => (found, rest),
            None => (None, arguments),
        },
        _ => (None, arguments),
    };
    if rest.is_empty() {
        return Err(Error::Argument("say which ones, as pod/NAME or KIND/NAME".to_owned()));
    }
    rest.iter().map(|argument| one(argument, usual)).collect()
}

fn one<'a>(argument: &'a str, usual: Option<&'static Workload>) -> Result<Drained<'a>, Error> {
    let (found, name) = match argument.split_once('/') {
        None => (usual, argument),
        Some((word, name)) => match kind(word) {
            Some(found) => (found, name),
            None => {
                return Err(Error::Argument(format!(
                    "'{word}' has no Pods: say pod, deployment, statefulset, daemonset or replicaset"
                )));
            }
        },
    };
    if name.is_empty() {
        return Err(Error::Argument(format!("'{argument}' has no name")));
    }
    Ok(found.map_or(Drained::Pod(name), |workload| Drained::Workload(workload, name)))
}

/// A workload, as it stands.
pub(super) async fn read(session: &Session, workload: &'static Workload, name: &str) -> Result<DynamicObject, Error> {
    let Workload { kind, plural, .. } = workload;
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("apps", "v1", kind), plural);
    let objects: Api<DynamicObject> = Api::namespaced_with(session.client.clone(), &session.namespace, &resource);
    let found = objects.get_opt(name).await.map_err(Error::kubernetes(format!("cannot read {kind} '{name}'")))?;
    match found {
        Some(found) => Ok(found),
        None => Err(session.missing(&objects, kind, plural, name).await),
    }
}

/// The Pods that a workload has at this moment, but for those that ended for good.
pub(super) async fn pods(
    session: &Session,
    workload: &'static Workload,
    found: DynamicObject,
) -> Result<Vec<Pod>, Error> {
    let (kind, name) = (workload.kind, found.metadata.name.clone().unwrap_or_default());
    let fault = || Error::kubernetes(format!("cannot read the Pods of {kind} '{name}'"));
    let selector: Option<LabelSelector> = serde_json::from_value(found.data["spec"]["selector"].clone()).ok();
    let Some(selector) = selector.and_then(|selector| Selector::try_from(selector).ok()) else {
        return Err(Error::Argument(format!("the selector of {kind} '{name}' cannot be read")));
    };
    let params = ListParams::default().labels_from(&selector);
    let own: BTreeSet<String> = found.metadata.uid.into_iter().collect();
    // A Deployment has its Pods by its ReplicaSets.
    let owners = if kind == "Deployment" {
        let sets: Api<ReplicaSet> = Api::namespaced(session.client.clone(), &session.namespace);
        let sets = sets.list_metadata(&params).await.map_err(fault())?;
        let owned = sets.items.into_iter().filter(|set| is_owned(&set.metadata, &own));
        owned.filter_map(|set| set.metadata.uid).collect()
    } else {
        own
    };
    let pods: Api<Pod> = Api::namespaced(session.client.clone(), &session.namespace);
    let pods = pods.list(&params).await.map_err(fault())?;
    Ok(pods.items.into_iter().filter(|pod| is_owned(&pod.metadata, &owners) && !has_ended(pod)).collect())
}

/// The label by which a Deployment tells its ReplicaSets apart; their names end with it.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The command that replaces a Pod, with all others of its workload where it has one.
pub(super) fn replacement(pod: &model::Pod) -> String {
    let namespace = &pod.key.namespace;
    let hash = pod.labels.get(TEMPLATE_HASH);
    let restarted = pod.workload.as_ref().and_then(|owner| match owner.kind.as_str() {
        "ReplicaSet" => {
            let name = owner.name.strip_suffix(hash?.as_str())?.strip_suffix('-')?;
            Some(format!("deployment/{name}"))
        }
        "StatefulSet" | "DaemonSet" => Some(format!("{}/{}", owner.kind.to_lowercase(), owner.name)),
        _ => None,
    });
    match restarted {
        Some(workload) => format!("kubectl rollout restart {workload} -n {namespace}"),
        None => format!("kubectl delete pod {} -n {namespace}", pod.key.name),
    }
}

fn is_owned(meta: &ObjectMeta, owners: &BTreeSet<String>) -> bool {
    let mut references = meta.owner_references.iter().flatten();
    references.any(|owner| owner.controller == Some(true) && owners.contains(&owner.uid))
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let arguments: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        let parsed = parse(&arguments).map_err(|error| error.to_string())?;
        let said = parsed.iter().map(|one| match one {
            Drained::Pod(name) => format!("Pod {name}"),
            Drained::Workload(workload, name) => format!("{} {name}", workload.kind),
        });
        Ok(said.collect())
    }

    #[test]
    fn pods_are_replaced_by_restarting_what_makes_them() {
        let pod = |owner: Option<(&str, &str)>, hash: &str| model::Pod {
            workload: owner.map(|(kind, name)| model::Workload { kind: kind.to_owned(), name: name.to_owned() }),
            labels: std::iter::once((TEMPLATE_HASH.to_owned(), hash.to_owned())).collect(),
            ..crate::k8s::pod(
                &serde_json::from_value(serde_json::json!({"metadata": {"name": "web-1", "namespace": "shop"}}))
                    .unwrap(),
            )
        };
        for (owner, expected) in [
            (Some(("ReplicaSet", "web-7d4b9c")), "kubectl rollout restart deployment/web -n shop"),
            (Some(("ReplicaSet", "alone")), "kubectl delete pod web-1 -n shop"),
            (Some(("StatefulSet", "db")), "kubectl rollout restart statefulset/db -n shop"),
            (Some(("DaemonSet", "agent")), "kubectl rollout restart daemonset/agent -n shop"),
            (None, "kubectl delete pod web-1 -n shop"),
        ] {
            assert_eq!(replacement(&pod(owner, "7d4b9c")), expected, "{owner:?}");
        }
    }

    #[test]
    fn pods_and_workloads_are_named_as_in_kubectl() {
        for (text, expected) in [
            ("web-1", vec!["Pod web-1"]),
            ("pod web-1 web-2", vec!["Pod web-1", "Pod web-2"]),
            ("pod/web-1 deployment/web", vec!["Pod web-1", "Deployment web"]),
            ("deployment web shop", vec!["Deployment web", "Deployment shop"]),
            ("deployments.apps/web sts/db", vec!["Deployment web", "StatefulSet db"]),
            ("ds node-agent", vec!["DaemonSet node-agent"]),
            ("ReplicaSet web-7d4b9c", vec!["ReplicaSet web-7d4b9c"]),
        ] {
            assert_eq!(read(text), Ok(expected.into_iter().map(str::to_owned).collect()), "{text}");
        }
        for (text, expected) in
            [("deployment", "say which ones"), ("service/web", "'service' has no Pods"), ("pod/", "'pod/' has no name")]
        {
            assert!(read(text).is_err_and(|error| error.contains(expected)), "{text}: {:?}", read(text));
        }
        assert!(
            is_workload("deployment/web") && is_workload("sts") && !is_workload("pod/web-1") && !is_workload("web")
        );
    }
}
