//! What may be changed: only what is newly asked for is judged.

use serde_json::{Value, json};

use super::stage::{DIRECT_ACCESS, EXISTING, Stage, Who, binding, fault, service};

/// A change: who, the patch, and what a refusal says.
type Row = (Who, Value, &'static [&'static str]);

async fn faults_of(stage: &Stage, object: (&str, &str), rows: &[Row]) -> Vec<String> {
    let mut faults = Vec::new();
    for (who, patch, expected) in rows {
        let answer = stage.change(*who, "kept", object, patch, true).await;
        faults.extend(fault(&format!("{object:?} {who:?} {patch}"), &answer, expected));
    }
    faults
}

fn listeners(ports: &[u16]) -> Value {
    let rows: Vec<_> = ports.iter().map(|port| json!({"port": port, "protocol": "TCP"})).collect();
    json!({"spec": {"listeners": rows}})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_the_guard_can_be_changed_and_deleted() {
    // Made without the guard, with what it does not allow.
    let stage = Stage::new().await;
    let mut old = binding("{id: lb-foreign}", ", listeners: [{port: 80, protocol: TCP}, {port: 81, protocol: TCP}]");
    stage.make("kept", &old).await;
    old = binding("{id: lb-kept}", "");
    old["metadata"]["name"] = "bare".into();
    old["metadata"]["finalizers"] = json!(["cloud.tencent.com/direct-access"]);
    stage.make("kept", &old).await;
    old = binding("{create: {network: Public}}", "");
    old["metadata"]["name"] = "made".into();
    stage.make("kept", &old).await;
    old = binding("{id: lb-kept}", ", mode: Delegate");
    old["metadata"]["name"] = "delegated".into();
    old["spec"].as_object_mut().unwrap().remove("loadBalancer");
    stage.make("kept", &old).await;
    stage.make("kept", &service(&[(DIRECT_ACCESS, "true"), (EXISTING, "lb-foreign")], &[80])).await;
    let stage = stage.with_guard().await;
    let dab = |name| ("DirectAccessBinding", name);
    let (editor, controller) = (Who::Editor, Who::Controller);

    let suspended = json!({"spec": {"suspend": true, "drain": {"timeoutSeconds": 5}}});
    let touched = json!({"metadata": {"labels": {"a": "b"}}});
    let mut faults = faults_of(
        &stage,
        dab("web"),
        &[
            (editor, suspended.clone(), &[]),
            (editor, touched.clone(), &[]),
            (editor, listeners(&[80]), &[]),
            (editor, listeners(&[80, 82]), &["rule Ports", "port 82 of load balancer lb-foreign"]),
            (editor, json!({"spec": {"listeners": null}}), &["name the ports in spec.listeners"]),
        ],
    )
    .await;
    faults.extend(
        faults_of(
            &stage,
            dab("bare"),
            &[
                (editor, suspended.clone(), &[]),
                (editor, listeners(&[80]), &[]),
                (editor, listeners(&[81]), &["rule Ports", "port 81 of load balancer lb-kept"]),
                // Another Service has other ports.
                (editor, json!({"spec": {"serviceRef": {"name": "other"}}}), &["name the ports in spec.listeners"]),
                (controller, json!({"metadata": {"finalizers": null}}), &[]),
            ],
        )
        .await,
    );
    faults.extend(
        faults_of(&stage, dab("made"), &[(editor, suspended.clone(), &[]), (editor, listeners(&[5]), &[])]).await,
    );
    faults.extend(
        faults_of(
            &stage,
            dab("delegated"),
            &[
                (editor, suspended, &[]),
                (editor, json!({"spec": {"loadBalancer": {"id": "lb-foreign"}}}), &["rule LoadBalancer"]),
                (editor, json!({"spec": {"loadBalancer": {"id": "lb-kept"}}}), &["name the ports in spec.listeners"]),
                (editor, json!({"spec": {"loadBalancer": {"create": {"network": "Public"}}}}), &["rule Create"]),
            ],
        )
        .await,
    );
    let annotate = |key: &str, value: Value| json!({"metadata": {"annotations": {key: value}}});
    let ports = |ports: &[u16]| json!({"spec": service(&[], ports)["spec"]});
    faults.extend(
        faults_of(
            &stage,
            ("Service", "web"),
            &[
                (editor, touched, &[]),
                (editor, annotate(DIRECT_ACCESS, "false".into()), &[]),
                (editor, annotate(EXISTING, "lb-other".into()), &["rule LoadBalancer"]),
                (editor, annotate(EXISTING, "lb-kept".into()), &[]),
                (controller, annotate(EXISTING, "lb-other".into()), &[]),
                (editor, annotate(EXISTING, Value::Null), &["rule Create"]),
                (editor, json!({"spec": {"type": "ClusterIP"}}), &[]),
                (editor, ports(&[80]), &[]),
                (editor, ports(&[80, 81]), &["rule Ports", "port 81 of load balancer lb-foreign"]),
                (controller, ports(&[80, 81]), &[]),
            ],
        )
        .await,
    );
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    // Deleting asks for nothing, and the controller can end it.
    stage.kubectl(&["-n", "kept", "delete", "dab", "--all", "--wait=false"]).await;
    let ended = stage.change(controller, "kept", dab("bare"), &json!({"metadata": {"finalizers": null}}), false).await;
    assert_eq!(ended, Ok(()));
    stage.kubectl(&["-n", "kept", "delete", "service", "web"]).await;
    assert_eq!(stage.kubectl(&["-n", "kept", "get", "dab,services", "-o", "name"]).await, "");
}
