//! What is worth knowing of a binding and is not wrong with it. Messages name no Pod and no count, which stand beside them: the words
//! stay the same while Pods come and go.

use std::collections::BTreeSet;

use super::{NAMED, VPC_REMEDY, listed};
use crate::api::advice::AdviceReason;
use crate::api::names;
use crate::model::{LoadBalancer, Pod, Service};
use crate::plan::BindingView;
use crate::plan::removals::Hold;
use crate::plan::vpc::KnownVpc;

/// One advice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advice {
    /// What it is about.
    pub reason: AdviceReason,
    /// What is the case, and what to do.
    pub message: String,
    /// The Pods that it is about, by name, at most five of them.
    pub pods: Vec<String>,
    /// How many Pods it is about; 0 where it is about none.
    pub count: usize,
}

impl Advice {
    fn new(reason: AdviceReason, message: String) -> Self {
        Self { reason, message, pods: Vec::new(), count: 0 }
    }

    fn about<'a>(self, pods: impl IntoIterator<Item = &'a str>) -> Self {
        let all: BTreeSet<&str> = pods.into_iter().collect();
        Self { pods: all.iter().take(NAMED).map(ToString::to_string).collect(), count: all.len(), ..self }
    }
}

/// How the Pods of a workload are made anew: the object that `kubectl rollout restart` takes. `None` for a Pod of its own, and where what
/// makes it restarts nothing.
fn restartable(pod: &Pod) -> Option<String> {
    let workload = pod.workload.as_ref()?;
    match workload.kind.as_str() {
        "StatefulSet" | "DaemonSet" => Some(format!("{}/{}", workload.kind.to_lowercase(), workload.name)),
        "ReplicaSet" => {
            // A Deployment names its ReplicaSets by itself and the hash that it labels their Pods with.
            let hash = pod.labels.get("pod-template-hash")?;
            let deployment = workload.name.strip_suffix(hash.as_str())?.strip_suffix('-')?;
            Some(format!("deployment/{deployment}"))
        }
        _ => None,
    }
}

/// What makes these Pods anew, as a command where there is one.
fn remake(namespace: &str, pods: &[&Pod]) -> String {
    let workloads: BTreeSet<String> = pods.iter().filter_map(|pod| restartable(pod)).collect();
    let others = pods.iter().any(|pod| restartable(pod).is_none());
    let restart = (!workloads.is_empty()).then(|| {
        let named: Vec<_> = workloads.iter().take(NAMED).map(String::as_str).collect();
        let more = match workloads.len() - named.len() {
            0 => String::new(),
            more => format!(", and likewise {more} more"),
        };
        format!("run 'kubectl rollout restart {} -n {namespace}'{more}", named.join(" "))
    });
    let delete = others.then(|| "delete the Pods that no such workload makes, so that they are made anew".to_owned());
    listed(restart.into_iter().chain(delete), "make them anew")
}

/// Pods without a gate. Those that are older than the binding were made when nobody asked for one.
pub(in crate::plan) fn ungated(view: &BindingView, pods: &[&Pod]) -> Option<Advice> {
    if pods.is_empty() {
        return None;
    }
    let meta = &view.binding.metadata;
    let bound = meta.creation_timestamp.as_ref().map(|time| time.0);
    let is_older = |pod: &&Pod| bound.zip(pod.created).is_some_and(|(bound, created)| created < bound);
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let (label, remake) = (names::gates_command(namespace), remake(namespace, pods));
    let message = if pods.iter().all(is_older) {
        format!(
            "Pods that are older than this binding have no readiness gate, so that their rollout does not wait for the load balancer; run \
             '{label}', and then {remake}"
        )
    } else {
        format!(
            "some Pods have no readiness gate, so that their rollout does not wait for the load balancer; run '{label}', see that \
             the controller injects gates, and then {remake}"
        )
    };
    let names = pods.iter().map(|pod| pod.key.name.as_str());
    Some(Advice::new(AdviceReason::UngatedPods, message).about(names))
}

pub(in crate::plan) fn stops_early<'a>(seconds: u32, spread: u32, pods: impl IntoIterator<Item = &'a str>) -> Advice {
    let message = format!(
        "some Pods may stop accepting {seconds} s after their deletion, while the load balancer may still send new connections; give \
         their containers a preStop sleep of {spread} s or more, and a longer terminationGracePeriodSeconds"
    );
    Advice::new(AdviceReason::StopsEarly, message).about(pods)
}

pub(in crate::plan) fn cut_early<'a>(seconds: u32, drain: i32, pods: impl IntoIterator<Item = &'a str>) -> Advice {
    let message = format!(
        "connections to some Pods are cut {seconds} s after their deletion, at the end of terminationGracePeriodSeconds, although \
         spec.drain.timeoutSeconds is {drain}; raise the former or lower the latter"
    );
    Advice::new(AdviceReason::CutEarly, message).about(pods)
}

pub(in crate::plan) fn used_up<'a>(seconds: u32, pods: impl IntoIterator<Item = &'a str>) -> Advice {
    let message = format!(
        "the preStop hooks of some Pods use up their terminationGracePeriodSeconds of {seconds} s, so that the containers are killed \
         without time to finish; raise it"
    );
    Advice::new(AdviceReason::GraceUsedUp, message).about(pods)
}

pub(in crate::plan) fn weight_unreadable<'a>(message: String, pods: impl IntoIterator<Item = &'a str>) -> Advice {
    Advice::new(AdviceReason::WeightUnreadable, message).about(pods)
}

pub(in crate::plan) fn no_effect<'a>(message: String, pods: impl IntoIterator<Item = &'a str>) -> Advice {
    Advice::new(AdviceReason::NoEffect, message).about(pods)
}

/// `listeners` are those that do not keep a client with one Pod, of which there is at least one.
pub(in crate::plan) fn session_affinity(service: &Service, seconds: u32, listeners: &[String]) -> Advice {
    // Source: `SessionExpireTime` of CreateListener in the CLB API.
    let seconds = seconds.clamp(30, 3600);
    let message = format!(
        "spec.sessionAffinity: ClientIP is followed by kube-proxy, which traffic of the load balancer passes by, and not by {}; name a \
         TkeServiceConfig by {} or spec.serviceConfigRef of the binding that has session: {{enable: true, sessionExpireTime: {seconds}}} \
         for each, or set the field to None (Service '{}')",
        listed(listeners, "none"),
        names::SERVICE_CONFIG,
        service.key.name
    );
    Advice::new(AdviceReason::SessionAffinity, message)
}

pub(in crate::plan) fn two_networks() -> Advice {
    let message = "Pods of the Service are in VPC-CNI and in GlobalRouter; let a workload use one network, or bind one of them only by \
                   spec.network";
    Advice::new(AdviceReason::TwoNetworks, message.to_owned())
}

pub(in crate::plan) fn other_vpc(load_balancer: &LoadBalancer, cluster: &KnownVpc) -> Advice {
    let message = format!(
        "load balancer '{}' is of VPC '{}' and the cluster of '{}', because {}: that works for accounts of the standard type, with \
         both VPCs in one Cloud Connect Network and SnatPro or cross-region binding switched on; where the cluster is in another \
         VPC, {VPC_REMEDY}",
        load_balancer.id, load_balancer.vpc_id, cluster.id, cluster.source
    );
    Advice::new(AdviceReason::OtherVpc, message)
}

/// `why` says why the VPC of the cluster is not known.
pub(in crate::plan) fn default_vpc(why: &str) -> Advice {
    let message = format!(
        "the load balancer is asked for in the account's default VPC, because the VPC of the cluster is not known: {why}; where the \
         cluster is in another one, {VPC_REMEDY}"
    );
    Advice::new(AdviceReason::DefaultVpc, message)
}

pub(in crate::plan) fn late<'a>(pods: impl IntoIterator<Item = &'a str>) -> Advice {
    let message =
        "Pods have not been ready for more than a minute and are not waited for; look at them with kubectl describe";
    Advice::new(AdviceReason::LatePods, message.to_owned()).about(pods)
}

/// Another binding asks to take the place of this one, which lives.
pub(in crate::plan) fn adopted_by_other(name: &str) -> Advice {
    let message = format!(
        "DirectAccessBinding '{name}' asks by its annotation {} to take the place of this one, and does not get it while this one exists; have \
         the annotation removed",
        names::ADOPT
    );
    Advice::new(AdviceReason::NotAdopted, message)
}

pub(in crate::plan) fn contested(loser: &str, what: &str) -> Advice {
    let message = format!(
        "'{loser}' asks for {what} too and does not get it; let one of the two ask for something else, or delete it"
    );
    Advice::new(AdviceReason::Contested, message)
}

pub(in crate::plan) fn listener_replaced(message: String) -> Advice {
    Advice::new(AdviceReason::ListenerReplaced, message)
}

/// A hold of removals that keeps nothing of a binding.
pub(in crate::plan) fn removals_held_note(hold: &Hold) -> Advice {
    let message = format!(
        "removals are held, because {}; nothing of this binding waits for that; to let removals go on, {}",
        hold.cause(),
        hold.way_out()
    );
    Advice::new(AdviceReason::RemovalsHeld, message)
}
