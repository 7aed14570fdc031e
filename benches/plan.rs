//! How long a plan takes: the part of a round that only computes, and that grows with everything on a load balancer.
//!
//! 10,000 endpoints of one binding, and of 100 bindings that share the load balancer: from nothing, at rest, and with a tenth of the
//! Pods replaced. A plan is made in every round, also when nothing is to be done.

mod scene;

use std::hint::black_box;
use std::ops::Range;

use criterion::{Criterion, criterion_group, criterion_main};
use tke_direct_access::plan::plan;

use scene::Scene;

const ENDPOINTS: u32 = 10_000;

fn plans(criterion: &mut Criterion) {
    for bindings in [1, 100] {
        let each = ENDPOINTS / bindings;
        let tenth = each / 10;
        let snapshot =
            |running: Range<u32>, registered: Range<u32>| Scene::new(bindings, &running, &registered).snapshot();
        // A call takes 500 targets of whatever listeners.
        let cases = [
            ("from nothing", snapshot(0..each, 0..0), 20),
            ("at rest", snapshot(0..each, 0..each), 0),
            ("a tenth replaced", snapshot(tenth..each + tenth, 0..each), 4),
        ];
        let mut group = criterion.benchmark_group(format!("plan {ENDPOINTS} endpoints, bindings: {bindings}"));
        group.sample_size(20);
        for (name, snapshot, steps) in &cases {
            assert_eq!(plan(snapshot).steps.len(), *steps, "{name}");
            group.bench_function(*name, |bencher| bencher.iter(|| plan(black_box(snapshot))));
        }
        group.finish();
    }
}

criterion_group!(benches, plans);
criterion_main!(benches);
