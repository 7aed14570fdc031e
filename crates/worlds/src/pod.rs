//! Pods as the API server has them: what a kubelet writes of them.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tke_direct_access_core::api::names;

use crate::objects::Objects;
use crate::workload::{Kind, Workload};

/// The port that containers listen on.
pub(crate) const PORT: u16 = 8080;
/// The label by which Services select Pods.
pub(crate) const APP: &str = "app";

/// The readiness gate of somebody else.
const OTHER_GATE: &str = "example.com/in-place";

/// A Pod that a workload makes.
pub(crate) fn new(objects: &mut Objects, workload: &Workload, name: &str) -> core::Pod {
    let mut meta = objects.new_meta(name);
    meta.labels = Some([(APP.to_owned(), workload.app.clone())].into());
    meta.annotations =
        workload.weight.as_ref().map(|weight| [(names::CUSTOM_WEIGHT.to_owned(), weight.clone())].into());
    meta.owner_references = Some(vec![OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: match workload.kind {
            Kind::Deployment => "ReplicaSet".to_owned(),
            Kind::StatefulSet => "StatefulSet".to_owned(),
        },
        name: match workload.kind {
            Kind::Deployment => format!("{}-{}", workload.name, workload.revision),
            Kind::StatefulSet => workload.name.clone(),
        },
        uid: String::new(),
        controller: Some(true),
        block_owner_deletion: None,
    }]);
    let hook = (workload.pre_stop > 0).then(|| core::Lifecycle {
        pre_stop: Some(core::LifecycleHandler {
            sleep: Some(core::SleepAction { seconds: i64::from(workload.pre_stop) }),
            ..core::LifecycleHandler::default()
        }),
        ..core::Lifecycle::default()
    });
    let container = core::Container {
        name: "web".to_owned(),
        ports: Some(vec![core::ContainerPort {
            container_port: i32::from(PORT),
            name: Some("http".to_owned()),
            ..core::ContainerPort::default()
        }]),
        lifecycle: hook,
        ..core::Container::default()
    };
    let gate = |kind: &str| core::PodReadinessGate { condition_type: kind.to_owned() };
    let ours = workload.is_gated().then(|| gate(names::GATE));
    let gates: Vec<_> = ours.into_iter().chain(workload.other_gate.then(|| gate(OTHER_GATE))).collect();
    core::Pod {
        metadata: meta,
        spec: Some(core::PodSpec {
            containers: vec![container],
            readiness_gates: (!gates.is_empty()).then_some(gates),
            termination_grace_period_seconds: Some(i64::from(workload.grace)),
            ..core::PodSpec::default()
        }),
        status: Some(core::PodStatus { phase: Some("Pending".to_owned()), ..core::PodStatus::default() }),
    }
}

/// A condition of a Pod; `None` where nobody has said it.
pub(crate) fn condition<'a>(pod: &'a core::Pod, kind: &str) -> Option<&'a core::PodCondition> {
    pod.status.as_ref()?.conditions.iter().flatten().find(|found| found.type_ == kind)
}

/// Whether a condition is True.
pub(crate) fn is_true(pod: &core::Pod, kind: &str) -> bool {
    condition(pod, kind).is_some_and(|found| found.status == "True")
}

/// Whether all readiness gates are open.
pub(crate) fn gates_are_open(pod: &core::Pod) -> bool {
    let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    gates.into_iter().all(|gate| is_true(pod, &gate.condition_type))
}

/// Whether all readiness gates of others are open.
pub(crate) fn is_let_in(pod: &core::Pod) -> bool {
    let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    gates.into_iter().all(|gate| gate.condition_type == names::GATE || is_true(pod, &gate.condition_type))
}

/// The controller of the other gate opens or closes it, where there is one.
pub(crate) fn set_other_gate(pod: &mut core::Pod, is_open: bool, time: &Time) {
    let mut gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    if gates.any(|gate| gate.condition_type == OTHER_GATE) {
        set(pod, OTHER_GATE, is_open, None, time);
    }
}

/// Sets a condition, with the time where it changes.
pub(crate) fn set(pod: &mut core::Pod, kind: &str, is_true: bool, reason: Option<&str>, time: &Time) {
    let status = if is_true { "True" } else { "False" };
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    match conditions.iter_mut().find(|found| found.type_ == kind) {
        // Who says the same again for another reason changes the reason alone.
        Some(found) if found.status == status => {
            if reason.is_some() {
                found.reason = reason.map(str::to_owned);
            }
        }
        Some(found) => {
            status.clone_into(&mut found.status);
            found.reason = reason.map(str::to_owned);
            found.last_transition_time = Some(time.clone());
        }
        None => conditions.push(core::PodCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            last_transition_time: Some(time.clone()),
            ..core::PodCondition::default()
        }),
    }
}

/// The containers are being made.
pub(crate) fn set_waiting(pod: &mut core::Pod) {
    let waiting = core::ContainerStateWaiting {
        reason: Some("ContainerCreating".to_owned()),
        ..core::ContainerStateWaiting::default()
    };
    let state = core::ContainerState { waiting: Some(waiting), ..core::ContainerState::default() };
    let status =
        core::ContainerStatus { name: "web".to_owned(), state: Some(state), ..core::ContainerStatus::default() };
    pod.status.get_or_insert_default().container_statuses = Some(vec![status]);
}

/// The containers run, or have ended.
pub(crate) fn set_containers(pod: &mut core::Pod, run: bool, time: &Time) {
    let state = if run {
        core::ContainerState {
            running: Some(core::ContainerStateRunning { started_at: Some(time.clone()) }),
            ..core::ContainerState::default()
        }
    } else {
        core::ContainerState {
            terminated: Some(core::ContainerStateTerminated::default()),
            ..core::ContainerState::default()
        }
    };
    let status =
        core::ContainerStatus { name: "web".to_owned(), state: Some(state), ..core::ContainerStatus::default() };
    pod.status.get_or_insert_default().container_statuses = Some(vec![status]);
}

/// The Pod ends by itself, and its object stays, with the address that is not its own any more.
pub(crate) fn set_finished(pod: &mut core::Pod, has_failed: bool, time: &Time) {
    let (phase, reason) = if has_failed { ("Failed", "PodFailed") } else { ("Succeeded", "PodCompleted") };
    pod.status.get_or_insert_default().phase = Some(phase.to_owned());
    set_containers(pod, false, time);
    set(pod, "ContainersReady", false, Some(reason), time);
    set(pod, "Ready", false, Some(reason), time);
}

/// The sandbox is gone, and another one is being made.
pub(crate) fn set_another_sandbox(pod: &mut core::Pod, is_address_shown: bool, time: &Time) {
    set_waiting(pod);
    set(pod, "ContainersReady", false, Some("ContainersNotReady"), time);
    if !is_address_shown {
        let status = pod.status.get_or_insert_default();
        (status.pod_ip, status.pod_ips) = (None, None);
    }
}

/// Its containers have ended, and are not started again.
pub(crate) fn has_finished(pod: &core::Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Failed" | "Succeeded"))
}

/// The address of a Pod. One that has finished is shown with one that may be another's.
pub(crate) fn ip(pod: &core::Pod) -> Option<&str> {
    if has_finished(pod) {
        return None;
    }
    pod.status.as_ref()?.pod_ip.as_deref()
}

/// Whether the containers have the ports that a Service names.
pub(crate) fn has_ports(pod: &core::Pod, service: &core::Service) -> bool {
    let of =
        |container: &core::Container| container.ports.iter().flatten().filter_map(|port| port.name.clone()).collect();
    let declared: Vec<String> =
        pod.spec.iter().flat_map(|spec| &spec.containers).flat_map(|one| -> Vec<String> { of(one) }).collect();
    let wanted = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    wanted.filter_map(|port| port.target_port.as_ref()).all(|port| match port {
        IntOrString::Int(_) => true,
        IntOrString::String(name) => declared.contains(name),
    })
}
