//! What is done to the world: by users, at the console of the cloud, and by misfortune.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use k8s_openapi::api::core::v1::ServiceSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tke_direct_access::sim;

use crate::pod_change::PodChange;
pub use crate::workload::{Kind, Workload};

/// What the cloud is like, where it may be one way or another. The first of a kind in a story counts, from the beginning on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Dialect {
    /// It departs in this way from what is believed.
    Departs(sim::Departure),
    /// Tasks take so many milliseconds.
    Tasks(u64),
    /// Load balancers stay locked for so many milliseconds after a task.
    Tail(u64),
    /// A load balancer has so many listeners at most.
    Listeners(usize),
    /// A listener or rule has so many targets at most.
    Targets(usize),
    /// Each action is answered so many times a second at most.
    Rate(u32),
}

/// Something that is done to the world at some time. Things are named by their place among those that there are at that time, so that
/// an act has a meaning in each world; where there is none of the kind, nothing happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Act {
    /// The cloud is like this.
    Dialect(Dialect),
    /// A user applies a workload.
    Workload(Workload),
    /// A user deletes a workload.
    DeleteWorkload(String),
    /// A user changes how many Pods a workload has.
    Scale(String, usize),
    /// A user rolls a new version out.
    Rollout(String),
    /// A user rolls a version out whose Pods never become ready, or back to one whose Pods do.
    Broken(String, bool),
    /// A Pod is deleted.
    DeletePod(usize),
    /// A Pod says for so many seconds that it is not ready.
    Unready(usize, u64),
    /// A user applies a Service: its annotations and its spec are these.
    Service {
        /// Its name.
        name: String,
        /// All annotations but those of the controller.
        annotations: Value,
        /// The spec.
        spec: Value,
    },
    /// A user deletes a Service.
    DeleteService(String),
    /// A user applies a binding.
    Binding {
        /// Its name.
        name: String,
        /// The spec.
        spec: Value,
    },
    /// A user deletes a binding.
    DeleteBinding(String),
    /// A user replaces a binding by what is in a file, which has no finalizers.
    Replace(String),
    /// A user applies a TkeServiceConfig.
    Config {
        /// Its name.
        name: String,
        /// The spec.
        spec: Value,
    },
    /// A user deletes a TkeServiceConfig.
    DeleteConfig(String),
    /// TkeServiceConfig is defined as TKE does it, from now on: nothing is refused, and there is no status.
    VendorsConfigs,
    /// Somebody at the console.
    Console(Console),
    /// A misfortune.
    Fault(Fault),
    /// The controller of another readiness gate takes a Pod out for so many seconds.
    TakeOut(usize, u64),
    /// Something becomes of a Pod.
    Pod(usize, PodChange),
    /// The controller of slices puts so many endpoints into one at most, from now on.
    Slices(usize),
    /// A user says this of removals in the controller's ConfigMap; `None` deletes it.
    Hold(Option<String>),
}

/// What is done at the console of the cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Console {
    /// A listener is made that is nobody's.
    AddListener {
        /// Of which load balancer.
        load_balancer: usize,
        /// Its port, of TCP.
        port: u16,
    },
    /// A listener is deleted.
    RemoveListener(usize),
    /// A target is registered that is no Pod's.
    AddTarget(usize),
    /// A target is deregistered.
    RemoveTarget(usize),
    /// A target gets this weight.
    Reweight(usize, u8),
    /// A listener is stopped, or started again.
    Stop(usize, bool),
    /// A load balancer is deleted.
    RemoveLoadBalancer(usize),
    /// A listener gets another name.
    Rename(usize),
    /// What is shown as a flag of a listener is switched off.
    SwitchOff(usize),
    /// The tag that says whose it is is taken off a load balancer.
    Untag(usize),
    /// A target gets this tag.
    Retag(usize, String),
}

/// A misfortune.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// What comes of the next calls of an action.
    Calls {
        /// The action; `None` for any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<String>,
        /// How many.
        count: u64,
        /// What comes of them.
        effect: sim::Effect,
    },
    /// A replica hears nothing of a kind of objects for so many seconds.
    Stall(usize, usize, u64),
    /// A replica lists a kind of objects anew, and misses what was between.
    Relist(usize, usize),
    /// The process of a replica ends, and begins anew after so many seconds.
    Crash(usize, u64),
    /// The process of a replica stands still for so many seconds.
    Freeze(usize, u64),
    /// A replica does not reach the API server for so many seconds: it hears nothing, and nothing that it writes gets there. It reaches
    /// the cloud.
    CutOff(usize, u64),
    /// The API server refuses writes of the controller for so many seconds: 409, 500, or 403.
    Refuse {
        /// The status.
        status: u16,
        /// For so long.
        seconds: u64,
    },
    /// The API server does the writes of the controller for so many seconds, and its answers are lost.
    Forget(u64),
    /// The API server refuses reads of the controller for so many seconds. What it watches goes on.
    Unreadable(u64),
    /// Calls of the cloud take this many seconds longer, for so many seconds.
    Slow(u64, u64),
    /// Calls of the cloud take this many milliseconds longer on their way there, for so many seconds.
    Delay(u64, u64),
    /// The clock of the machine that a replica runs on is off by so many seconds, for so many seconds. Its process takes it over when it
    /// begins.
    Skew(usize, i64, u64),
    /// Nothing is heard of a node for so many seconds.
    Node {
        /// Which.
        node: usize,
        /// For so long.
        seconds: u64,
        /// Its Pods serve on meanwhile: it is alive, and cut off from the API server.
        serves: bool,
    },
    /// The cloud's probes do not reach a Pod for so many seconds, although it serves; no Pod at all where none is named.
    Unprobed(Option<usize>, u64),
    /// Somebody deletes the Lease.
    DeleteLease,
    /// What was to come of calls of the cloud comes of them no more.
    Mended,
    /// Calls of an action are refused that name this address, for so many seconds.
    Refused {
        /// The action.
        action: String,
        /// The address.
        names: String,
        /// The code.
        code: String,
        /// For so long.
        seconds: u64,
    },
}

/// The annotations and the spec of a Service.
///
/// # Errors
/// Why they are none.
pub(crate) fn service_of(annotations: Value, spec: Value) -> Result<(BTreeMap<String, String>, ServiceSpec), String> {
    let annotations = serde_json::from_value(annotations).map_err(|error| format!("annotations: {error}"))?;
    let spec = serde_json::from_value(spec).map_err(|error| format!("spec: {error}"))?;
    Ok((annotations, spec))
}

/// What is said to calls that name an address which is refused.
pub(crate) fn refusal(names: &str) -> String {
    format!("{names} is not taken")
}

impl Act {
    /// How long it goes on.
    pub(crate) const fn lasts(&self) -> Duration {
        let Self::Fault(fault) = self else { return Duration::ZERO };
        let seconds = match fault {
            Fault::Calls { .. } | Fault::Relist(..) | Fault::Mended | Fault::DeleteLease => 0,
            Fault::Stall(_, _, seconds)
            | Fault::Crash(_, seconds)
            | Fault::Freeze(_, seconds)
            | Fault::CutOff(_, seconds)
            | Fault::Refuse { seconds, .. }
            | Fault::Forget(seconds)
            | Fault::Unreadable(seconds)
            | Fault::Slow(_, seconds)
            | Fault::Delay(_, seconds)
            | Fault::Skew(_, _, seconds)
            | Fault::Unprobed(_, seconds)
            | Fault::Refused { seconds, .. }
            | Fault::Node { seconds, .. } => *seconds,
        };
        Duration::from_secs(seconds)
    }

    /// It is a misfortune: what the world comes to in the end is the same without it.
    pub const fn is_misfortune(&self) -> bool {
        matches!(self, Self::Fault(_))
    }
}

impl Act {
    /// A user says something else from now on.
    pub(crate) const fn is_a_users_word(&self) -> bool {
        matches!(
            self,
            Self::Service { .. }
                | Self::DeleteService(_)
                | Self::Binding { .. }
                | Self::DeleteBinding(_)
                | Self::Config { .. }
                | Self::DeleteConfig(_)
        )
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dialect(dialect) => write!(f, "The cloud is like this: {dialect:?}"),
            Self::Workload(workload) => {
                let Workload { kind, name, replicas, .. } = workload;
                write!(f, "A user applies the {kind:?} {name} with {replicas} replicas")
            }
            Self::DeleteWorkload(name) => write!(f, "A user deletes the workload {name}"),
            Self::Scale(name, replicas) => write!(f, "A user scales {name} to {replicas}"),
            Self::Rollout(name) => write!(f, "A user rolls out a new version of {name}"),
            Self::Broken(name, true) => {
                write!(f, "A user rolls out a version of {name} that never becomes ready")
            }
            Self::Broken(name, false) => write!(f, "A user rolls {name} on to a version that works"),
            Self::DeletePod(place) => write!(f, "Pod {place} is deleted"),
            Self::Unready(place, seconds) => write!(f, "Pod {place} says for {seconds} s that it is not ready"),
            Self::Service { name, .. } => write!(f, "A user applies the Service {name}"),
            Self::DeleteService(name) => write!(f, "A user deletes the Service {name}"),
            Self::Binding { name, .. } => write!(f, "A user applies the DirectAccessBinding {name}"),
            Self::DeleteBinding(name) => write!(f, "A user deletes the DirectAccessBinding {name}"),
            Self::Replace(name) => write!(f, "A user replaces the DirectAccessBinding {name} as it is in a file"),
            Self::Config { name, .. } => write!(f, "A user applies the TkeServiceConfig {name}"),
            Self::DeleteConfig(name) => write!(f, "A user deletes the TkeServiceConfig {name}"),
            Self::VendorsConfigs => f.write_str("The definition of TkeServiceConfig is TKE's own"),
            Self::Console(console) => write!(f, "{console}"),
            Self::Fault(fault) => write!(f, "{fault}"),
            Self::Pod(place, change) => change.sentence(*place, f),
            Self::Hold(Some(word)) => write!(f, "A user says \"{word}\" of removals in the controller's ConfigMap"),
            Self::Hold(None) => f.write_str("A user deletes the controller's ConfigMap"),
            Self::Slices(most) => write!(f, "A slice has {most} endpoints at most"),
            Self::TakeOut(place, seconds) => write!(f, "Somebody else takes Pod {place} out for {seconds} s"),
        }
    }
}

impl fmt::Display for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddListener { load_balancer, port } => {
                write!(f, "Somebody makes a listener on port {port} of load balancer {load_balancer}")
            }
            Self::RemoveListener(place) => write!(f, "Somebody deletes listener {place}"),
            Self::AddTarget(place) => write!(f, "Somebody registers a target of their own on listener {place}"),
            Self::RemoveTarget(place) => write!(f, "Somebody deregisters target {place}"),
            Self::Reweight(place, weight) => write!(f, "Somebody gives target {place} the weight {weight}"),
            Self::Stop(place, true) => write!(f, "Somebody stops listener {place}"),
            Self::Stop(place, false) => write!(f, "Somebody starts listener {place}"),
            Self::RemoveLoadBalancer(place) => write!(f, "Somebody deletes load balancer {place}"),
            Self::Rename(place) => write!(f, "Somebody renames listener {place}"),
            Self::Untag(place) => write!(f, "Somebody takes its owner's tag off load balancer {place}"),
            Self::Retag(place, tag) => write!(f, "Somebody gives target {place} the tag \"{tag}\""),
            Self::SwitchOff(place) => write!(f, "Somebody switches the flags of listener {place} off"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls { action, count, effect } => {
                let action = action.as_deref().unwrap_or("the cloud");
                write!(f, "The next {count} calls of {action} meet {effect:?}")
            }
            Self::Stall(replica, kind, seconds) => {
                write!(f, "Replica {replica} hears nothing of kind {kind} for {seconds} s")
            }
            Self::Relist(replica, kind) => write!(f, "Replica {replica} lists kind {kind} anew"),
            Self::Crash(replica, seconds) => write!(f, "Replica {replica} crashes, and starts after {seconds} s"),
            Self::Freeze(replica, seconds) => write!(f, "Replica {replica} stands still for {seconds} s"),
            Self::CutOff(replica, seconds) => {
                write!(f, "Replica {replica} does not reach the API server for {seconds} s")
            }
            Self::Refuse { status, seconds } => {
                write!(f, "The API server answers writes with {status} for {seconds} s")
            }
            Self::Forget(seconds) => write!(f, "Answers of the API server to writes are lost for {seconds} s"),
            Self::Unreadable(seconds) => write!(f, "The API server refuses reads for {seconds} s"),
            Self::Slow(by, seconds) => write!(f, "Calls of the cloud take {by} s longer for {seconds} s"),
            Self::Delay(by, seconds) => write!(f, "Calls of the cloud arrive {by} ms later for {seconds} s"),
            Self::Skew(replica, by, seconds) => {
                write!(f, "The clock of replica {replica} is off by {by} s for {seconds} s")
            }
            Self::Node { node, seconds, serves: true } => {
                write!(f, "Nothing is heard of node {node} for {seconds} s, while its Pods serve on")
            }
            Self::Node { node, seconds, serves: false } => write!(f, "Node {node} is off for {seconds} s"),
            Self::Unprobed(Some(place), seconds) => {
                write!(f, "The cloud's probes do not reach Pod {place} for {seconds} s")
            }
            Self::Unprobed(None, seconds) => write!(f, "The cloud's probes reach no Pod for {seconds} s"),
            Self::DeleteLease => f.write_str("Somebody deletes the Lease"),
            Self::Mended => f.write_str("Calls of the cloud fail no more"),
            Self::Refused { action, names, code, seconds } => {
                write!(f, "Calls of {action} that name {names} are refused with {code} for {seconds} s")
            }
        }
    }
}
