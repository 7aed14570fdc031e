//! The port of Pods behind a Service's port, against what the containers declare.

use k8s_openapi::api::core::v1 as core;

use super::words::Said;
use crate::cli::world::Seen;
use crate::model::{Service, TargetPort, nearest};

/// A port that a container declares.
struct Declared {
    name: Option<String>,
    number: i32,
}

fn declared(pod: &core::Pod) -> Vec<Declared> {
    let ports = pod.spec.iter().flat_map(|spec| &spec.containers).flat_map(|one| one.ports.iter().flatten());
    ports.map(|port| Declared { name: port.name.clone(), number: port.container_port }).collect()
}

/// What is odd about the ports that a binding's Service stands for; `None` where the containers declare them, or nothing at all.
/// A container may listen on what it does not declare, so this explains a failure and is none.
pub(super) fn undeclared(pod: &core::Pod, seen: &Seen<'_>) -> Option<Said> {
    of_service(pod, seen.view.service.as_deref()?)
}

fn of_service(pod: &core::Pod, service: &Service) -> Option<Said> {
    let declared = declared(pod);
    let is_declared = |target: &TargetPort| {
        declared.iter().any(|port| match target {
            TargetPort::Number(number) => port.number == i32::from(*number),
            TargetPort::Name(name) => port.name.as_ref() == Some(name),
        })
    };
    let port = service.ports.iter().find(|port| !is_declared(&port.target_port))?;
    let all: Vec<_> = declared.iter().map(Declared::words).collect();
    let (target, name) = (&port.target_port, &service.key.name);
    let known = match (target, all.is_empty()) {
        // Numbers need not be declared.
        (TargetPort::Number(_), true) => return None,
        (TargetPort::Name(_), true) => "they declare none".to_owned(),
        (_, false) => format!("they declare only {}", all.join(", ")),
    };
    let near = match target {
        TargetPort::Name(target) => {
            nearest(target, declared.iter().filter_map(|port| port.name.as_deref())).map(str::to_owned)
        }
        TargetPort::Number(_) => None,
    };
    let only = if let [port] = declared.as_slice() { Some(port.target()) } else { None };
    let remedy = match near.or(only) {
        Some(right) => format!(
            "If the Pods are to be reached there, write targetPort: {right} for port {} of Service '{name}'.",
            port.port
        ),
        None => {
            format!("Correct targetPort for port {} of Service '{name}', or the ports of the containers.", port.port)
        }
    };
    let message = format!("no container declares targetPort {target} of Service '{name}': {known}");
    Some(Said { message, remedy: Some(remedy) })
}

impl Declared {
    fn words(&self) -> String {
        self.name.as_ref().map_or_else(|| self.number.to_string(), |name| format!("{} ({name})", self.number))
    }

    fn target(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_port_that_nobody_declares_is_said_with_those_that_are() {
        let http = json!({"name": "http", "containerPort": 8080});
        let bare = json!({"containerPort": 8080});
        for (target, ports, expected) in [
            (json!(8080), vec![&bare], None),
            (json!("http"), vec![&http], None),
            (json!(80), vec![], None),
            (
                json!(80),
                vec![&bare],
                Some((
                    "no container declares targetPort 80 of Service 'web': they declare only 8080",
                    "write targetPort: 8080 for port 80",
                )),
            ),
            (
                json!("htpp"),
                vec![&http, &json!({"name": "metrics", "containerPort": 9090})],
                Some((
                    "targetPort htpp of Service 'web': they declare only 8080 (http), 9090 (metrics)",
                    "write targetPort: http for",
                )),
            ),
            (
                json!("http"),
                vec![],
                Some(("targetPort http of Service 'web': they declare none", "Correct targetPort")),
            ),
        ] {
            let ports: Value = ports.into_iter().cloned().collect();
            let pod: core::Pod =
                serde_json::from_value(json!({"spec": {"containers": [{"name": "web", "ports": ports}]}})).unwrap();
            let service: core::Service = serde_json::from_value(json!({
                "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80, "targetPort": target}]},
            }))
            .unwrap();
            let said = of_service(&pod, &crate::k8s::service(&service));
            match expected {
                None => assert_eq!(said, None, "{target}"),
                Some((message, remedy)) => {
                    let said = said.unwrap();
                    assert!(said.message.contains(message), "{said:?}");
                    assert!(said.remedy.as_deref().is_some_and(|words| words.contains(remedy)), "{said:?}");
                }
            }
        }
    }
}
