//! What a cloud call costs on this side.
//!
//! - The signature hashes the whole body: of nothing, and of the largest batch.
//! - Replies are decoded in every round; those about health and targets are the largest, 10,000 targets of a full load balancer.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use jiff::Timestamp;
use tke_direct_access::clb::sign::{Unsigned, authorization};
use tke_direct_access::clb::wire;

/// Listeners of a full load balancer, and targets of each.
const LISTENERS: u32 = 50;
const TARGETS: u32 = 200;

fn signature(criterion: &mut Criterion) {
    let targets = (0..500).map(|number: u32| wire::BatchTarget {
        listener_id: "lbl-demo0001".to_owned(),
        eni_ip: Some(format!("10.0.{}.{}", number / 250, number % 250)),
        port: 8080,
        weight: Some(10),
        ..Default::default()
    });
    let batch = wire::BatchRegisterTargets { load_balancer_id: "lb-demo0001".to_owned(), targets: targets.collect() };
    let bodies = [("empty", b"{}".to_vec()), ("500 targets", serde_json::to_vec(&batch).unwrap_or_default())];
    assert_eq!(bodies[1].1.windows(7).filter(|window| window == b"\"EniIp\"").count(), 500);
    let mut group = criterion.benchmark_group("sign");
    for (name, body) in &bodies {
        let request = Unsigned {
            secret_id: "AKIDEXAMPLE0000000000000000000000000",
            secret_key: "ExampleSecretKey0000000000000000",
            timestamp: Timestamp::constant(1_700_000_000, 0),
            service: wire::Service::Clb.name(),
            headers: &[("content-type", "application/json"), ("host", "clb.tencentcloudapi.com")],
            body,
        };
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(*name, |bencher| bencher.iter(|| authorization(black_box(&request))));
    }
    group.finish();
}

fn full_load_balancer() -> wire::DescribeTargetHealthReply {
    let target = |listener: u32, number: u32| wire::TargetHealth {
        ip: Some(format!("10.{listener}.{}.{}", number / 250, number % 250)),
        port: Some(8080),
        health_status: Some(true),
        target_id: Some(String::new()),
        health_status_detail: Some("Alive".to_owned()),
        ..Default::default()
    };
    let listener = |listener: u32| wire::ListenerHealth {
        listener_id: Some(format!("lbl-demo{listener:04}")),
        listener_name: Some("web".to_owned()),
        protocol: Some("TCP".to_owned()),
        port: Some(i64::from(8000 + listener)),
        rules: Some(vec![wire::RuleHealth {
            location_id: Some(format!("loc-demo{listener:04}")),
            targets: Some((0..TARGETS).map(|number| target(listener, number)).collect()),
            ..Default::default()
        }]),
    };
    wire::DescribeTargetHealthReply {
        load_balancers: Some(vec![wire::LoadBalancerHealth {
            load_balancer_id: Some("lb-demo0001".to_owned()),
            load_balancer_name: Some("k8s-demo".to_owned()),
            listeners: Some((0..LISTENERS).map(listener).collect()),
        }]),
    }
}

fn health(criterion: &mut Criterion) {
    let body = wire::encode_success(&full_load_balancer(), "11111111-0000-4000-8000-000000000022").unwrap_or_default();
    let decoded = wire::decode::<wire::DescribeTargetHealthReply>(&body);
    assert!(matches!(decoded, Ok(wire::Answer::Success { reply, .. }) if reply == full_load_balancer()));
    let mut group = criterion.benchmark_group("health");
    group.throughput(Throughput::Elements(u64::from(LISTENERS * TARGETS)));
    group.bench_function("decode 10,000 targets", |bencher| {
        // The reply is dropped outside of the measurement.
        bencher.iter_batched(
            || (),
            |()| wire::decode::<wire::DescribeTargetHealthReply>(black_box(&body)),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn targets(criterion: &mut Criterion) {
    let backend = |listener: u32, number: u32| wire::Backend {
        private_ip_addresses: Some(vec![format!("10.{listener}.{}.{}", number / 250, number % 250)]),
        port: Some(8080),
        weight: Some(10),
        tag: Some("0b5a3f0e-6f4c-4a52-9a3e-6c1d1c3f5a77".to_owned()),
        ..Default::default()
    };
    let listener = |listener: u32| wire::ListenerBackend {
        listener_id: Some(format!("lbl-demo{listener:04}")),
        protocol: Some("TCP".to_owned()),
        port: Some(i64::from(8000 + listener)),
        targets: Some((0..TARGETS).map(|number| backend(listener, number)).collect()),
        ..Default::default()
    };
    let reply = wire::DescribeTargetsReply { listeners: Some((0..LISTENERS).map(listener).collect()) };
    let body = wire::encode_success(&reply, "11111111-0000-4000-8000-000000000022").unwrap_or_default();
    let decoded = wire::decode::<wire::DescribeTargetsReply>(&body);
    assert!(matches!(decoded, Ok(wire::Answer::Success { reply: found, .. }) if found == reply));
    let mut group = criterion.benchmark_group("targets");
    group.throughput(Throughput::Elements(u64::from(LISTENERS * TARGETS)));
    group.bench_function("decode 10,000 targets", |bencher| {
        bencher.iter_with_large_drop(|| wire::decode::<wire::DescribeTargetsReply>(black_box(&body)));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    signature(&mut criterion);
    health(&mut criterion);
    targets(&mut criterion);
    criterion.final_summary();
}
