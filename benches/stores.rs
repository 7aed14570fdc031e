//! What 20,000 Pods cost the process before anything is decided: reading what the API server sends, making slim values of it, and keeping
//! them in tables.
//!
//! - Decoding is most of a start: a page of a list has 500 Pods. It is measured with and without making slim values.
//! - Filling a table is the rest of a start; an update is what every change of a Pod costs, with and without a round that reads the
//!   same namespace at that time, for which the rows of the namespace are copied; a relist is what a watch costs that had to begin
//!   anew.

mod scene;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use k8s_openapi::api::core::v1 as core;
use kube::core::ObjectList;
use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access::k8s::{self, Table};
use tke_direct_access::model::{GateState, Pod};

/// Pods of all tables.
const PODS: u32 = 20_000;
const PODS_PER_NAMESPACE: u32 = 200;
/// Pods of one page of a list.
const PAGE: u32 = 500;

/// A Pod as the API server sends it, with the fields that managers have written.
fn object(number: u32) -> Value {
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let managed = |manager: &str| {
        json!({
            "manager": manager, "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:containers": {
                "k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:name": {}, "f:ports": {}, "f:resources": {}}}}},
        })
    };
    let ip = format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255);
    json!({
        "metadata": {
            "name": format!("web-5d4f8c7b9-{number:05}"), "namespace": "shop", "resourceVersion": number.to_string(),
            "uid": format!("{number:08x}-0000-4000-8000-000000000000"), "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": "web", "pod-template-hash": "5d4f8c7b9"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8c7b9", "uid": "a", "controller": true}],
            "managedFields": [managed("kube-controller-manager"), managed("kubelet")],
        },
        "spec": {
            "nodeName": "node-1", "readinessGates": [{"conditionType": names::GATE}], "terminationGracePeriodSeconds": 30,
            "containers": [{
                "name": "web", "image": "registry.example.com/web:v1", "ports": [{"name": "http", "containerPort": 8080}],
                "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "ap-guangzhou"}],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5},
            }],
        },
        "status": {
            "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
            "conditions": [condition("Initialized"), condition("ContainersReady"), condition("Ready"), condition(names::GATE)],
            "containerStatuses": [{
                "name": "web", "image": "registry.example.com/web:v1", "imageID": "", "ready": true, "restartCount": 0,
                "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            }],
        },
    })
}

fn decoding(criterion: &mut Criterion) {
    let items: Vec<Value> = (0..PAGE).map(object).collect();
    let list = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": items});
    let body = serde_json::to_vec(&list).unwrap_or_default();
    let decode = || serde_json::from_slice::<ObjectList<core::Pod>>(black_box(&body)).map(|list| list.items);
    let pods = decode().unwrap_or_default();
    assert_eq!(pods.len(), 500);
    assert!(pods.iter().map(k8s::pod).all(|pod| pod.gate == GateState::Open && pod.ips.len() == 1));
    let mut group = criterion.benchmark_group("a page of 500 Pods");
    group.sample_size(20).throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("decode", |bencher| bencher.iter_with_large_drop(decode));
    group.bench_function("make slim values", |bencher| {
        bencher.iter_with_large_drop(|| black_box(&pods).iter().map(k8s::pod).collect::<Vec<_>>());
    });
    group.finish();
}

fn namespace(number: u32) -> String {
    format!("shop-{}", number / PODS_PER_NAMESPACE)
}

fn all() -> Vec<Pod> {
    (0..PODS).map(|number| scene::pod(0, number, GateState::Open)).collect()
}

fn filled() -> Table<Pod> {
    let table = Table::default();
    fill(&table, all());
    table
}

fn fill(table: &Table<Pod>, pods: Vec<Pod>) {
    for (pod, number) in pods.into_iter().zip(0..) {
        let uid = pod.uid.clone();
        table.put(&namespace(number), &uid, pod);
    }
}

fn stores(criterion: &mut Criterion) {
    let table = filled();
    assert_eq!(table.all().len(), 20_000);
    let mut group = criterion.benchmark_group(format!("a table of {PODS} Pods"));
    group.sample_size(20);
    group.bench_function("fill", |bencher| {
        bencher.iter_batched(
            all,
            |pods| {
                let table = Table::default();
                fill(&table, pods);
                table
            },
            BatchSize::PerIteration,
        );
    });
    let versions = [GateState::Open, GateState::Unset].map(|gate| scene::pod(0, 77, gate));
    let (own, mut turn) = (namespace(77), 0_usize);
    let mut update = || {
        turn += 1;
        let pod = versions[turn % 2].clone();
        assert!(table.put(&own, &versions[0].uid, pod).is_some(), "the row differs");
    };
    group.bench_function("update", |bencher| bencher.iter(&mut update));
    group.bench_function("update while a round reads the namespace", |bencher| {
        bencher.iter(|| {
            let rows = table.rows(&own);
            update();
            rows
        });
    });
    group.bench_function("look at a namespace", |bencher| bencher.iter(|| table.rows(black_box(&own)).len()));
    group.bench_function("relist without a change", |bencher| {
        bencher.iter_batched(
            all,
            |pods| {
                fill(&table, pods);
                table.retain(|_, _| true).len()
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, decoding, stores);
criterion_main!(benches);
