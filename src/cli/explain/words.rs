//! What Kubernetes knows of a Pod that does not run, or is not ready.

use k8s_openapi::api::core::v1 as core;

/// Why the Pod has no address: where it could not be put, or what its containers wait for.
pub(super) fn not_started(pod: &core::Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let scheduled = status.conditions.iter().flatten().find(|found| found.type_ == "PodScheduled");
    if let Some(found) = scheduled.filter(|found| found.status == "False") {
        return Some(format!("not scheduled: {}", found.message.as_deref().unwrap_or("no reason was given")));
    }
    not_ready(pod)
}

/// What each container that is not ready does.
pub(super) fn not_ready(pod: &core::Pod) -> Option<String> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    let said: Vec<_> = containers.iter().filter(|one| !one.ready).map(container).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

fn container(status: &core::ContainerStatus) -> String {
    let name = &status.name;
    let state = status.state.as_ref();
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or("waiting");
        return format!("container '{name}' waits: {reason}");
    }
    if let Some(ended) = state.and_then(|state| state.terminated.as_ref()) {
        return format!("container '{name}' ended with exit code {}", ended.exit_code);
    }
    if status.restart_count > 0 {
        return format!("container '{name}' runs, was restarted {} times, and is not ready", status.restart_count);
    }
    format!("container '{name}' runs and is not ready: its readiness probe does not succeed")
}

/// Readiness gates of others that hold the Pod up.
pub(super) fn other_gates(pod: &core::Pod, own: &str) -> Vec<String> {
    let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_open = |kind: &str| conditions.iter().any(|found| found.type_ == kind && found.status == "True");
    let closed = gates.filter(|gate| gate.condition_type != own && !is_open(&gate.condition_type));
    closed.map(|gate| gate.condition_type.clone()).collect()
}
