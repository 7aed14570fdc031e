//! What Kubernetes knows of a Pod that does not run, or is not ready, and what helps.

use k8s_openapi::api::core::v1 as core;
use serde_json::Value;

use crate::api::names;
use crate::model::nearest;

/// Why a workload that nobody wants Pods of has none.
pub(super) const SCALED_DOWN: &str = "it is scaled to 0";

/// What is the case, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// What is the case.
    pub(super) message: String,
    /// What to do; `None` where only the reason says it.
    pub(super) remedy: Option<String>,
}

impl Said {
    fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: Some(remedy.into()) }
    }
}

/// Why the Pod has no address: where it could not be put, or what its containers wait for.
pub(super) fn not_started(pod: &core::Pod) -> Option<Said> {
    let status = pod.status.as_ref()?;
    let scheduled = status.conditions.iter().flatten().find(|found| found.type_ == "PodScheduled");
    let Some(found) = scheduled.filter(|found| found.status == "False") else { return not_ready(pod) };
    if found.reason.as_deref() == Some("SchedulingGated") {
        let gates = pod.spec.iter().flat_map(|spec| spec.scheduling_gates.iter().flatten());
        let gates: Vec<_> = gates.map(|gate| gate.name.as_str()).collect();
        return Some(Said::new(
            format!("not scheduled: its scheduling gates hold it: {}", gates.join(", ")),
            "Look at whoever takes these gates away.",
        ));
    }
    Some(Said::new(
        format!("not scheduled: {}", found.message.as_deref().unwrap_or("the scheduler gave no reason")),
        format!(
            "Do what the scheduler names: add nodes or free what it misses, or change requests, nodeSelector, affinity or tolerations of \
             the Pod template; `kubectl describe pod {}` has its Events.",
            place(pod)
        ),
    ))
}

/// What each container that is not ready does; the remedy is that of the first.
pub(super) fn not_ready(pod: &core::Pod) -> Option<Said> {
    let status = pod.status.as_ref()?;
    let waiting = status.init_container_statuses.iter().flatten().filter(|one| !one.ready && one.started != Some(true));
    let init: Vec<_> =
        waiting.filter(|one| !has_ended_well(one)).take(1).map(|one| container(pod, "init container", one)).collect();
    let usual = status.container_statuses.iter().flatten().filter(|one| !one.ready);
    let said: Vec<_> = if init.is_empty() { usual.map(|one| container(pod, "container", one)).collect() } else { init };
    let remedy = said.iter().find_map(|one| one.remedy.clone());
    let messages: Vec<_> = said.into_iter().map(|one| one.message).collect();
    (!messages.is_empty()).then(|| Said { message: messages.join("; "), remedy })
}

fn has_ended_well(status: &core::ContainerStatus) -> bool {
    let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    ended.is_some_and(|ended| ended.exit_code == 0)
}

fn container(pod: &core::Pod, what: &str, status: &core::ContainerStatus) -> Said {
    let called = format!("{what} '{}'", status.name);
    let state = status.state.as_ref();
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let before = || {
        let last = last.map(|ended| format!(", the last time {}", ending(ended))).unwrap_or_default();
        format!("restarted {} times{last}", status.restart_count)
    };
    let log = |flag: &str| format!("kubectl logs {flag}{} -c {}", place(pod), status.name);
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or("waiting");
        let details = waiting.message.as_deref().map(|words| format!(": {words}")).unwrap_or_default();
        return match reason {
            "CrashLoopBackOff" => Said::new(
                format!("{called} crashes again and again (CrashLoopBackOff): {}", before()),
                format!("See what it said before it ended: `{}`.", log("--previous ")),
            ),
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => Said::new(
                format!("{called}: its image '{}' cannot be pulled ({reason}){details}", status.image),
                format!(
                    "Correct the image or imagePullSecrets of the Pod template; `kubectl describe pod {}` has the registry's words.",
                    place(pod)
                ),
            ),
            "CreateContainerConfigError" | "CreateContainerError" => Said::new(
                format!("{called} cannot be made ({reason}){details}"),
                "Create what the message names, or correct the Pod template.",
            ),
            _ => Said { message: format!("{called} waits: {reason}{details}"), remedy: None },
        };
    }
    if let Some(ended) = state.and_then(|state| state.terminated.as_ref()) {
        return Said::new(format!("{called} {}", ending(ended)), format!("See what it said: `{}`.", log("")));
    }
    if status.restart_count > 0 {
        return Said::new(
            format!("{called} runs and is not ready; it was {}", before()),
            format!("See what it said before it ended: `{}`.", log("--previous ")),
        );
    }
    Said::new(
        format!("{called} runs and is not ready: its readiness probe{} does not succeed", probe(pod, &status.name)),
        format!(
            "See what the probe got, in the Events of `kubectl describe pod {}`; then correct the application, or the probe.",
            place(pod)
        ),
    )
}

fn ending(ended: &core::ContainerStateTerminated) -> String {
    match ended.reason.as_deref() {
        Some("OOMKilled") => {
            format!("ended with exit code {} (OOMKilled: it needs more memory than its limit)", ended.exit_code)
        }
        Some(reason) if !["Error", "Completed"].contains(&reason) => {
            format!("ended with exit code {} ({reason})", ended.exit_code)
        }
        _ => format!("ended with exit code {}", ended.exit_code),
    }
}

/// What the readiness probe of a container asks; empty where it has none.
fn probe(pod: &core::Pod, container: &str) -> String {
    let found = pod.spec.iter().flat_map(|spec| &spec.containers).find(|one| one.name == container);
    let Some(probe) = found.and_then(|found| found.readiness_probe.as_ref()) else { return String::new() };
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString::{Int, String as Name};
    let port = |port: &_| match port {
        Int(number) => number.to_string(),
        Name(name) => name.clone(),
    };
    if let Some(http) = &probe.http_get {
        return format!(" (HTTP {} on port {})", http.path.as_deref().unwrap_or("/"), port(&http.port));
    }
    match &probe.tcp_socket {
        Some(tcp) => format!(" (TCP on port {})", port(&tcp.port)),
        None => String::new(),
    }
}

/// Name and namespace, as arguments of kubectl.
fn place(pod: &core::Pod) -> String {
    let meta = &pod.metadata;
    format!("{} -n {}", meta.name.as_deref().unwrap_or_default(), meta.namespace.as_deref().unwrap_or_default())
}

/// Why a workload has no Pods, by its spec and status; `None` where they do not say.
pub(super) fn without_pods(workload: &Value) -> Option<String> {
    if workload["spec"]["replicas"] == 0 {
        return Some(SCALED_DOWN.to_owned());
    }
    let conditions = workload["status"]["conditions"].as_array()?;
    let failure = conditions.iter().find(|one| one["type"] == "ReplicaFailure" && one["status"] == "True")?;
    Some(format!("its Pods cannot be created: {}", failure["message"].as_str().unwrap_or_default()))
}

/// Readiness gates of others that hold the Pod up.
pub(super) fn other_gates(pod: &core::Pod, own: &str) -> Vec<String> {
    let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_open = |kind: &str| conditions.iter().any(|found| found.type_ == kind && found.status == "True");
    let closed = gates.filter(|gate| gate.condition_type != own && !is_open(&gate.condition_type));
    closed.map(|gate| gate.condition_type.clone()).collect()
}

/// Of gates that are closed, one that was meant to be ours: nobody will ever open it.
pub(super) fn misspelt_gate(closed: &[String]) -> Option<Said> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let own = last(names::GATE);
    let is_meant =
        |name: &&String| nearest(&last(name), [own.as_str()]).is_some() || nearest(name, [names::GATE]).is_some();
    let found = closed.iter().find(is_meant)?;
    Some(Said::new(
        format!("nobody opens the gate '{found}': it is almost {}", names::GATE),
        format!(
            "Write {} under readinessGates of the Pod template, or leave it to injection; Pods made by it are ready then.",
            names::GATE
        ),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &Value) -> core::Pod {
        let container =
            json!({"name": "web", "image": "x", "readinessProbe": {"httpGet": {"path": "/ok", "port": 8080}}});
        serde_json::from_value(json!({
            "metadata": {"name": "web-1", "namespace": "shop"},
            "spec": {"containers": [container], "schedulingGates": [{"name": "example.com/quota"}]},
            "status": status,
        }))
        .unwrap()
    }

    fn containers(state: &Value, restarts: i32, last: &Value) -> Value {
        let status = json!({
            "name": "web", "image": "x:v1", "imageID": "", "ready": false, "restartCount": restarts, "state": state, "lastState": last,
        });
        json!({"containerStatuses": [status]})
    }

    #[test]
    fn what_holds_a_pod_up_is_said_with_what_helps() {
        let waiting = |reason: &str| json!({"waiting": {"reason": reason, "message": "details"}});
        let ended = |code: i32, reason: &str| json!({"terminated": {"exitCode": code, "reason": reason}});
        let unscheduled = |reason: &str| {
            json!({"conditions": [
                {"type": "PodScheduled", "status": "False", "reason": reason, "message": "0/3 nodes are available: 3 Insufficient cpu."},
            ]})
        };
        let nothing = || json!({});
        for (status, message, remedy) in [
            (
                unscheduled("Unschedulable"),
                "not scheduled: 0/3 nodes are available: 3 Insufficient cpu.",
                "Do what the scheduler names",
            ),
            (
                unscheduled("SchedulingGated"),
                "its scheduling gates hold it: example.com/quota",
                "takes these gates away",
            ),
            (
                containers(&waiting("CrashLoopBackOff"), 7, &ended(1, "Error")),
                "container 'web' crashes again and again (CrashLoopBackOff): restarted 7 times, the last time ended with exit code 1",
                "`kubectl logs --previous web-1 -n shop -c web`",
            ),
            (
                containers(&waiting("ImagePullBackOff"), 0, &nothing()),
                "container 'web': its image 'x:v1' cannot be pulled (ImagePullBackOff): details",
                "Correct the image or imagePullSecrets",
            ),
            (
                containers(&waiting("CreateContainerConfigError"), 0, &nothing()),
                "container 'web' cannot be made (CreateContainerConfigError): details",
                "Create what the message names",
            ),
            (
                containers(&ended(137, "OOMKilled"), 0, &nothing()),
                "(OOMKilled: it needs more memory than its limit)",
                "`kubectl logs web-1 -n shop -c web`",
            ),
            (
                containers(&json!({"running": {}}), 2, &ended(3, "Error")),
                "container 'web' runs and is not ready; it was restarted 2 times, the last time ended with exit code 3",
                "`kubectl logs --previous web-1 -n shop -c web`",
            ),
            (
                containers(&json!({"running": {}}), 0, &nothing()),
                "its readiness probe (HTTP /ok on port 8080) does not succeed",
                "`kubectl describe pod web-1 -n shop`",
            ),
        ] {
            let said = not_started(&pod(&status)).unwrap();
            assert!(said.message.contains(message), "{said:?}");
            assert!(said.remedy.as_deref().is_some_and(|words| words.contains(remedy)), "{said:?}");
        }
    }

    #[test]
    fn a_workload_says_why_it_has_no_pods() {
        let refused = json!({"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods"});
        for (workload, expected) in [
            (json!({"spec": {"replicas": 0}}), Some("it is scaled to 0")),
            (
                json!({"spec": {"replicas": 2}, "status": {"conditions": [refused]}}),
                Some("its Pods cannot be created: exceeded quota: pods"),
            ),
            (json!({"spec": {"replicas": 2}, "status": {"conditions": []}}), None),
            (json!({}), None),
        ] {
            assert_eq!(without_pods(&workload).as_deref(), expected);
        }
    }

    #[test]
    fn a_gate_that_was_meant_to_be_ours_is_known() {
        for (gate, is_meant) in [
            ("cloud.tencent.com/load-balancer-backendgroup-raedy", true),
            ("cloud.tencent.com/loadbalancer-backendgroup-ready", true),
            ("load-balancer-backendgroup-ready", true),
            ("example.com/warm", false),
            ("target-health.elbv2.k8s.aws/web", false),
        ] {
            let said = misspelt_gate(&[gate.to_owned()]);
            assert_eq!(said.is_some_and(|said| said.message.contains(gate)), is_meant, "{gate}");
        }
    }
}
