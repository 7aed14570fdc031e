//! What takes weight 0 back where every Pod has it.

use std::collections::BTreeSet;

use super::NAMED;
use crate::model::{Phase, Pod, Workload};
use crate::plan::{BindingView, says_zero, selects};

/// The kinds that `kubectl direct-access drain --now` takes besides Pods, of those that make Pods themselves.
const KINDS: [&str; 3] = ["DaemonSet", "ReplicaSet", "StatefulSet"];

/// Why nobody gets traffic, with the command that changes it as far as Pods say it themselves. It is there to be run as it stands.
pub fn no_weight(view: &BindingView) -> String {
    let is_asked = |pod: &&Pod| {
        let is_living = pod.phase != Phase::Finished && pod.deleting_since.is_none();
        is_living && says_zero(pod) && view.service.as_deref().is_some_and(|service| selects(service, pod))
    };
    let asked: BTreeSet<String> = view.pods.values().map(|pod| &**pod).filter(is_asked).map(argument).collect();
    if asked.is_empty() {
        return "every Pod has weight 0, so nobody gets traffic; raise lb-rs-weight of the Service, or the weight of the listener"
            .to_owned();
    }
    let named: Vec<_> = asked.iter().take(NAMED).map(String::as_str).collect();
    let more = match asked.len() - named.len() {
        0 => String::new(),
        more => format!(", and likewise for {more} more"),
    };
    let namespace = view.binding.metadata.namespace.as_deref().unwrap_or_default();
    format!(
        "every Pod has weight 0, so nobody gets traffic; to take that back, run 'kubectl direct-access drain --now --undo {} -n \
         {namespace}'{more}",
        named.join(" ")
    )
}

/// How `drain --now` is told of a Pod: by what made it, so that one word is enough for many.
fn argument(pod: &Pod) -> String {
    match &pod.workload {
        Some(Workload { kind, name }) if KINDS.contains(&kind.as_str()) => format!("{}/{name}", kind.to_lowercase()),
        _ => format!("pod/{}", pod.key.name),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::api::names;
    use crate::plan::tests::world::{World, pod};

    fn zero(number: u32, workload: Option<(&str, &str)>) -> Arc<Pod> {
        let of = |(kind, name): (&str, &str)| Workload { kind: kind.to_owned(), name: name.to_owned() };
        let annotations = [(names::CUSTOM_WEIGHT, "0")].into_iter().collect();
        Arc::new(Pod { annotations, workload: workload.map(of), ..pod(number) })
    }

    #[test]
    fn the_command_names_what_made_the_pods() {
        let said = |pods: Vec<Arc<Pod>>| {
            let mut view = World::new(&json!({})).snapshot().bindings.remove(0);
            view.pods = Arc::new(pods.into_iter().map(|pod| (pod.uid.clone(), pod)).collect());
            no_weight(&view)
        };
        let set = Some(("ReplicaSet", "web-7d4b9c"));
        for (pods, expected) in [
            (
                vec![zero(1, set), zero(2, set)],
                "run 'kubectl direct-access drain --now --undo replicaset/web-7d4b9c -n shop'",
            ),
            (vec![zero(1, set), zero(2, None)], "--undo pod/web-2 replicaset/web-7d4b9c -n shop'"),
            (vec![zero(1, Some(("CloneSet", "web")))], "--undo pod/web-1 -n shop'"),
            ((1..8).map(|number| zero(number, None)).collect(), "pod/web-5 -n shop', and likewise for 2 more"),
            (vec![Arc::new(pod(1))], "raise lb-rs-weight of the Service, or the weight of the listener"),
        ] {
            let said = said(pods);
            assert!(said.ends_with(expected), "{said}");
        }
    }
}
