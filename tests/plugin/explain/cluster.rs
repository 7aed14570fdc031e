//! Failures of the cluster's side: Service, binding, controller, Pod, slices.

use serde_json::json;

use super::{FAILURE, Failure, usual, with_pods};
use crate::stage::{DEADLINE, deployment, service};
use crate::support::eventually;

const SELECTS_OTHERS: &str = r#"{"spec":{"selector":{"app":"other"}}}"#;
const SELECTS_NOBODY: &str = r#"{"spec":{"selector":null}}"#;
const NAMED_PORT: &str = r#"{"spec":{"ports":[{"port":80,"targetPort":"http"}]}}"#;

async fn patch_service(scene: &super::Scene, patch: &str) {
    scene.stage.ok(&["patch", "service", "web", "--type=merge", "-p", patch]).await;
}

/// A Pod of Service `web` that names its port as [`NAMED_PORT`] wants it.
fn named_port_deployment() -> String {
    let mut object: serde_json::Value = serde_json::from_str(&deployment(1)).unwrap();
    object["metadata"]["name"] = json!("named");
    object["spec"]["selector"]["matchLabels"]["named"] = json!("true");
    object["spec"]["template"]["metadata"]["labels"]["named"] = json!("true");
    object["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 8080, "name": "http"}]);
    object.to_string()
}

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        what: "the Service selects other Pods",
        link: "Service",
        reason: "NotSelected",
        arrange: |scene| {
            Box::pin(async move {
                usual(scene, json!({})).await;
                patch_service(scene, SELECTS_OTHERS).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the Service is missing",
        link: "Service",
        reason: "ServiceNotFound",
        arrange: |scene| {
            Box::pin(async move {
                scene.start(&[]).await;
                scene.stage.apply(&deployment(1)).await;
                scene.stage.apply(&scene.binding("web", &json!({}))).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the Service has no selector",
        link: "Service",
        reason: "NoSelector",
        arrange: |scene| {
            Box::pin(async move {
                usual(scene, json!({})).await;
                patch_service(scene, SELECTS_NOBODY).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "there is neither Service nor binding",
        link: "Service",
        reason: "NotSelected",
        arrange: |scene| Box::pin(async move { scene.stage.apply(&deployment(1)).await }),
        ..FAILURE
    },
    Failure {
        what: "no binding names the Service",
        link: "Binding",
        reason: "NoBinding",
        arrange: |scene| {
            Box::pin(async move {
                scene.start(&[]).await;
                scene.stage.apply(&service()).await;
                scene.stage.apply(&deployment(1)).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the binding is suspended",
        link: "Binding",
        reason: "Suspended",
        arrange: |scene| Box::pin(usual(scene, json!({"suspend": true}))),
        ..FAILURE
    },
    Failure {
        what: "the listener asks for a port that the Service does not have",
        link: "Binding",
        reason: "ServicePortNotFound",
        arrange: |scene| {
            let listeners = json!([{"port": 80, "protocol": "TCP", "servicePort": "https"}]);
            Box::pin(usual(scene, json!({"listeners": listeners})))
        },
        ..FAILURE
    },
    Failure {
        what: "another binding has the port",
        link: "Binding",
        reason: "PortConflict",
        arrange: |scene| {
            Box::pin(async move {
                usual(scene, json!({})).await;
                scene.stage.until_ready("web", "1/1").await;
                scene.stage.apply(&scene.binding("late", &json!({}))).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the Secret of the certificate is missing",
        link: "Binding",
        reason: "CertificateNotFound",
        arrange: |scene| {
            let listener = json!({
                "port": 443, "protocol": "HTTPS", "servicePort": 80, "certificate": {"secretName": "missing"},
                "rules": [{"domain": "shop.example.com", "url": "/"}],
            });
            Box::pin(usual(scene, json!({"listeners": [listener]})))
        },
        ..FAILURE
    },
    Failure {
        what: "TKE's own controller programs the Service",
        link: "Binding",
        reason: "ManagedByTke",
        arrange: |scene| {
            Box::pin(async move {
                scene.start(&[]).await;
                let mut service: serde_json::Value = serde_json::from_str(&service()).unwrap();
                service["spec"]["type"] = json!("LoadBalancer");
                service["metadata"]["annotations"] = json!({
                    "service.cloud.tencent.com/client-token": "abc",
                    "service.cloud.tencent.com/direct-access": "true",
                });
                scene.stage.apply(&service.to_string()).await;
                scene.stage.apply(&deployment(1)).await;
                scene.stage.apply(&scene.binding("web", &json!({}))).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "no controller runs",
        link: "Controller",
        reason: "NoLeader",
        arrange: |scene| Box::pin(async move { scene.deploy(1, &json!({})).await }),
        ..FAILURE
    },
    Failure {
        what: "the controller was killed",
        link: "Controller",
        reason: "NoLeader",
        arrange: |scene| {
            Box::pin(async move {
                usual(scene, json!({})).await;
                scene.stage.until_ready("web", "1/1").await;
                scene.stage.take_controller().kill();
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the controller looks at another namespace",
        link: "Controller",
        reason: "NotObserved",
        arrange: |scene| {
            Box::pin(async move {
                scene.start(&["--watch-namespace", "kube-public"]).await;
                scene.deploy(1, &json!({})).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "no node takes the Pod",
        link: "Pod",
        reason: "NoAddress",
        says: "not scheduled: 0/",
        arrange: |scene| Box::pin(with_pods(scene, json!({}), json!({"nodeSelector": {"disk": "of-glass"}}))),
        ..FAILURE
    },
    Failure {
        what: "the readiness probe fails",
        link: "Pod",
        reason: "ContainersNotReady",
        says: "readiness probe (HTTP / on port 8080)",
        arrange: |scene| {
            let container = json!({
                "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
            });
            let unwell = json!({"loopback.tke-direct-access.dev/fail-health": "true"});
            Box::pin(with_pods(scene, unwell, json!({"containers": [container]})))
        },
        ..FAILURE
    },
    Failure {
        what: "the container crashes",
        link: "Pod",
        reason: "ContainersNotReady",
        says: "kubectl logs ",
        arrange: |scene| {
            let crashing = json!({"loopback.tke-direct-access.dev/crash-after": "1s"});
            Box::pin(with_pods(scene, crashing, json!({})))
        },
        ..FAILURE
    },
    Failure {
        what: "the Pod is being deleted",
        link: "Pod",
        reason: "Terminating",
        arrange: |scene| {
            Box::pin(async move {
                let container = json!({
                    "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}],
                    "lifecycle": {"preStop": {"sleep": {"seconds": 120}}},
                });
                let pod = json!({"containers": [container], "terminationGracePeriodSeconds": 150});
                with_pods(scene, json!({}), pod).await;
                scene.stage.until_ready("web", "1/1").await;
                let name = scene.pod_name().await;
                scene.stage.ok(&["delete", "pod", &name, "--wait=false"]).await;
                scene.pod = Some(name);
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the Pod has ended",
        link: "Pod",
        reason: "Finished",
        arrange: |scene| {
            Box::pin(async move {
                scene.start(&[]).await;
                scene.stage.apply(&service()).await;
                scene.stage.apply(&scene.binding("web", &json!({}))).await;
                let pod = json!({
                    "apiVersion": "v1", "kind": "Pod",
                    "metadata": {
                        "name": "once", "labels": {"app": "web"},
                        "annotations": {"loopback.tke-direct-access.dev/exit-after": "1s"},
                    },
                    "spec": {
                        "restartPolicy": "Never", "automountServiceAccountToken": false,
                        "containers": [{"name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}]}],
                    },
                });
                scene.stage.apply(&pod.to_string()).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the Pod has its node's address",
        link: "Pod",
        reason: "HostNetwork",
        arrange: |scene| Box::pin(with_pods(scene, json!({}), json!({"hostNetwork": true}))),
        ..FAILURE
    },
    Failure {
        what: "the Pod is in another network than the binding asks for",
        link: "Pod",
        reason: "NetworkModeMismatch",
        arrange: |scene| Box::pin(usual(scene, json!({"network": "GlobalRouter"}))),
        ..FAILURE
    },
    Failure {
        what: "the cluster does not permit direct access to GlobalRouter",
        link: "Pod",
        reason: "GlobalRouteDisabled",
        arrange: |scene| {
            Box::pin(async move {
                scene.flags = vec!["--cluster-network=GlobalRouter"];
                scene.start(&["--cluster-network", "GlobalRouter"]).await;
                scene.deploy(1, &json!({})).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "no container of any Pod has the port name of the Service",
        link: "Binding",
        reason: "ServicePortNotFound",
        says: "they declare only 8080",
        arrange: |scene| {
            Box::pin(async move {
                usual(scene, json!({})).await;
                patch_service(scene, NAMED_PORT).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "no container of the Pod has the port name of the Service, and one of another Pod does",
        link: "EndpointSlice",
        reason: "NoPort",
        says: "write targetPort: 8080 for port 80",
        arrange: |scene| {
            Box::pin(async move {
                usual(scene, json!({})).await;
                scene.pod = Some(scene.pod_name().await);
                patch_service(scene, NAMED_PORT).await;
                scene.stage.apply(&named_port_deployment()).await;
            })
        },
        ..FAILURE
    },
    Failure {
        what: "the gate of somebody else is closed",
        link: "Pod",
        reason: "ReadinessGateFalse",
        arrange: |scene| {
            let gates =
                json!([{"conditionType": tke_direct_access::api::names::GATE}, {"conditionType": "example.com/warm"}]);
            Box::pin(with_pods(scene, json!({}), json!({"readinessGates": gates})))
        },
        ..FAILURE
    },
    Failure {
        what: "the gate in the template is misspelt",
        link: "Pod",
        reason: "ReadinessGateFalse",
        says: "it is almost cloud.tencent.com/load-balancer-backendgroup-ready",
        arrange: |scene| {
            let gates = json!([{"conditionType": "cloud.tencent.com/load-balancer-backendgroup-raedy"}]);
            Box::pin(with_pods(scene, json!({}), json!({"readinessGates": gates})))
        },
        ..FAILURE
    },
    Failure {
        what: "the binding is being deleted and the cloud does not let go",
        link: "Binding",
        reason: "Deleting",
        arrange: |scene| {
            Box::pin(async move {
                usual(scene, json!({})).await;
                scene.stage.until_ready("web", "1/1").await;
                super::cloud::refuse(scene, "DeleteLoadBalancerListeners", "FailedOperation");
                scene.stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
                eventually("it is being deleted", DEADLINE, async || {
                    scene.stage.binding("web").await.is_some_and(|one| one.metadata.deletion_timestamp.is_some())
                })
                .await;
            })
        },
        ..FAILURE
    },
];
