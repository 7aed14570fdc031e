//! Failures of the cloud's side: load balancer, listeners, targets, health.

use serde_json::json;
use tke_direct_access::clb::Keys;
use tke_direct_access::model::{Address, Route};
use tke_direct_access::sim::{Effect, Fault, Quotas, Settings as SimulatorSettings, Timing, When};

use super::{FAILURE, Failure, Scene, usual, with_pods};
use crate::stage::{DEADLINE, deployment, foreign_port, service};
use crate::support::eventually;

/// Every call of this action is refused from now on.
pub(super) fn refuse(scene: &Scene, action: &str, code: &str) {
    let effect = Effect::Error { code: code.to_owned(), message: "refused on purpose".to_owned() };
    let fault = Fault { action: Some(action.to_owned()), load_balancer: None, names: None, when: When::Always, effect };
    scene.stage.cloud.inject(fault);
}

/// Every call of this action is refused from the start.
async fn refused(scene: &mut Scene, action: &str, code: &str) {
    refuse(scene, action, code);
    usual(scene, json!({})).await;
}

const FEW_LISTENERS: fn() -> SimulatorSettings =
    || SimulatorSettings { quotas: Quotas { listeners: 1, ..Quotas::default() }, ..SimulatorSettings::instant() };
const FEW_TARGETS: fn() -> SimulatorSettings =
    || SimulatorSettings { quotas: Quotas { targets: 1, ..Quotas::default() }, ..SimulatorSettings::instant() };
/// A cloud whose probes take hours.
const SLOW_PROBES: fn() -> SimulatorSettings = || SimulatorSettings {
    timing: Timing { health_scale: Some(1000.0), ..Timing::instant() },
    ..SimulatorSettings::instant()
};

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        what: "the load balancer does not exist",
        link: "Binding",
        reason: "LoadBalancerNotFound",
        arrange: |scene| Box::pin(usual(scene, json!({"loadBalancer": {"id": "lb-missing2"}}))),
        ..FAILURE
    },
    Failure {
        what: "a foreign listener has the port",
        link: "Binding",
        reason: "PortConflict",
        arrange: |scene| {
            let listeners = json!([{"port": foreign_port(), "protocol": "TCP", "servicePort": 80}]);
            Box::pin(usual(scene, json!({"listeners": listeners})))
        },
        ..FAILURE
    },
    Failure {
        what: "the existing listener does not exist",
        link: "Binding",
        reason: "ListenerNotFound",
        arrange: |scene| {
            let listener = json!({"port": 80, "protocol": "TCP", "servicePort": 80, "listenerId": "lbl-missing1"});
            Box::pin(usual(scene, json!({"listeners": [listener]})))
        },
        ..FAILURE
    },
    Failure {
        what: "the controller's credentials are wrong",
        link: "Listener",
        reason: "Denied",
        arrange: |scene| {
            Box::pin(async move {
                let keys = Keys::new("AKIDsimulator", "another-key", None).unwrap();
                let flags = ["--lease-namespace", &scene.home.name];
                let controller = scene.stage.controller(keys, &flags).await;
                scene.stage.put_controller(controller);
                scene.deploy(1, &json!({})).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the cloud cannot be reached by the controller",
        link: "Listener",
        reason: "CloudUnreachable",
        arrange: |scene| {
            Box::pin(async move {
                scene.start(&["--clb-endpoint", "http://127.0.0.1:1"]).await;
                scene.deploy(1, &json!({})).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the quota of listeners is used up",
        link: "Listener",
        reason: "QuotaExceeded",
        cloud: FEW_LISTENERS,
        arrange: |scene| Box::pin(usual(scene, json!({}))),
        ..FAILURE
    },
    Failure {
        what: "the cloud refuses the listener",
        link: "Listener",
        reason: "Failed",
        arrange: |scene| Box::pin(refused(scene, "CreateListener", "InvalidParameter.FormatError")),
        ..FAILURE
    },
    Failure {
        what: "the controller may not create listeners",
        link: "Listener",
        reason: "Denied",
        arrange: |scene| Box::pin(refused(scene, "CreateListener", "UnauthorizedOperation")),
        ..FAILURE
    },
    Failure {
        what: "the account is in arrears",
        link: "Listener",
        reason: "Arrears",
        arrange: |scene| {
            Box::pin(async move {
                scene
                    .stage
                    .cloud
                    .console(|state| state.set_isolated(&scene.stage.load_balancer.clone(), true))
                    .unwrap();
                usual(scene, json!({})).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "another task holds the load balancer",
        link: "Listener",
        reason: "Busy",
        arrange: |scene| {
            Box::pin(async move {
                scene.stage.cloud.hold(&scene.stage.load_balancer.clone(), DEADLINE * 2).unwrap();
                usual(scene, json!({})).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the cloud throttles registrations",
        link: "Target",
        reason: "Throttled",
        arrange: |scene| Box::pin(refused(scene, "BatchRegisterTargets", "RequestLimitExceeded")),
        ..FAILURE
    },
    Failure {
        what: "the controller may not register targets",
        link: "Target",
        reason: "Denied",
        arrange: |scene| Box::pin(refused(scene, "BatchRegisterTargets", "UnauthorizedOperation")),
        ..FAILURE
    },
    Failure {
        what: "the quota of targets is used up",
        link: "Target",
        reason: "OverQuota",
        says: "the Pod will not be registered: listener 80/TCP holds its quota of 1 targets",
        cloud: FEW_TARGETS,
        arrange: |scene| {
            Box::pin(async move {
                scene.start(&[]).await;
                scene.deploy(2, &json!({})).await;
                let path = "jsonpath={.status.excluded[?(@.reason=='OverQuota')].pods[0]}";
                let left_out = eventually("a Pod is over quota", DEADLINE, async || {
                    let name = scene.stage.ok(&["get", "dab", "web", "-o", path]).await;
                    (!name.is_empty()).then_some(name)
                })
                .await;
                scene.pod = Some(left_out);
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the address is somebody else's target",
        link: "Target",
        reason: "AddressInUse",
        arrange: |scene| {
            Box::pin(async move {
                scene.start(&[]).await;
                scene.stage.apply(&service()).await;
                scene.stage.apply(&deployment(1)).await;
                let address = Address { ip: scene.pod_ip().await, port: 8080 };
                let listener = scene.stage.foreign_listener().clone();
                let route = Route { listener: listener.clone(), rule: None };
                let put = |state: &mut tke_direct_access::sim::State| {
                    state.put_target(&scene.stage.load_balancer.clone(), &route, address, 10, "theirs")
                };
                scene.stage.cloud.console(put).unwrap();
                let listener = json!({
                    "port": foreign_port(), "protocol": "TCP", "servicePort": 80, "listenerId": listener.to_string(),
                });
                scene.stage.apply(&scene.binding("web", &json!({"listeners": [listener]}))).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the address is a target of another listener of the protocol",
        link: "Target",
        reason: "BackendConflict",
        arrange: |scene| {
            let listener = |port: u16| json!({"port": port, "protocol": "TCP", "servicePort": 80});
            Box::pin(usual(scene, json!({"listeners": [listener(80), listener(81)]})))
        },
        ..FAILURE
    },
    Failure {
        what: "the Pod is drained",
        link: "Target",
        reason: "WeightZero",
        // Without a look at the cloud nothing is known of weights.
        blind: Some(("", "")),
        arrange: |scene| {
            Box::pin(async move {
                usual(scene, json!({})).await;
                scene.stage.until_ready("web", "1/1").await;
                let name = scene.pod_name().await;
                scene.stage.ok(&["annotate", "pod", &name, "service.cloud.tencent.com/custom-weight=0"]).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "nothing listens on the port",
        link: "Health",
        reason: "Unhealthy",
        // What the controller writes for a Pod that waits is the same for a first probe and for failing ones.
        blind: Some(("Health", "HealthCheck")),
        arrange: |scene| {
            let silent = json!({"loopback.tke-direct-access.dev/start-delay": "1h"});
            Box::pin(with_pods(scene, silent, json!({})))
        },
        ..FAILURE
    },
    Failure {
        what: "the Service stands for a port on which nothing listens",
        link: "Health",
        reason: "Unhealthy",
        says: "no container declares targetPort 9999 of Service 'web': they declare only 8080",
        blind: Some(("Health", "HealthCheck")),
        arrange: |scene| {
            Box::pin(async move {
                scene.start(&[]).await;
                scene.stage.apply(&service()).await;
                let wrong = r#"{"spec":{"ports":[{"port":80,"targetPort":9999}]}}"#;
                scene.stage.ok(&["patch", "service", "web", "--type=merge", "-p", wrong]).await;
                scene.stage.apply(&deployment(1)).await;
                scene.stage.apply(&scene.binding("web", &json!({}))).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the first probes take their time",
        link: "Health",
        reason: "HealthCheck",
        cloud: SLOW_PROBES,
        arrange: |scene| Box::pin(usual(scene, json!({}))),
        ..FAILURE
    },
    Failure {
        what: "health cannot be read",
        link: "Gate",
        reason: "HealthCheck",
        blind: Some(("Health", "HealthCheck")),
        arrange: |scene| Box::pin(refused(scene, "DescribeTargetHealth", "InternalError")),
        ..FAILURE
    },
];
