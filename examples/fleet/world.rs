//! Writing the fleet.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::Setting;
use crate::objects;
use crate::place::Place;
use crate::workload::{Workload, namespace, namespaces};

/// How many requests are under way at once.
const CONCURRENCY: usize = 64;

/// How long it took to write the objects.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Writing {
    /// Namespaces, Services and bindings.
    pub(crate) bindings_seconds: f64,
    /// Pods, with two requests each: one creates it, one writes its status.
    pub(crate) pods_seconds: f64,
    /// A slice for each Service.
    pub(crate) slices_seconds: f64,
}

pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Writes everything. The Pods are ready and their gates are open, as in a cluster that has been there for long.
pub(crate) async fn write(place: &Place, setting: &Setting) -> Result<(Vec<Workload>, Writing)> {
    eprintln!("writing {} bindings and {} Pods", setting.bindings, setting.pods);
    let kubernetes = place.kubernetes();
    let begun = Instant::now();
    for number in 0..namespaces(setting.bindings) {
        kubernetes.create("/api/v1/namespaces", &objects::namespace(&namespace(number))).await?;
    }
    let workloads = (0..setting.bindings).map(|number| Workload::new(number, setting.load_balancers));
    let with_bindings = workloads.map(|mut workload| async {
        kubernetes.create(&workload.services_path(), &objects::service(&workload)).await?;
        let binding = objects::binding(&workload);
        workload.binding_uid = kubernetes.create(&workload.bindings_path(), &binding).await?;
        anyhow::Ok(workload)
    });
    let workloads: Vec<Workload> = stream::iter(with_bindings).buffered(CONCURRENCY).try_collect().await?;
    place.make_load_balancers(setting, &workloads)?;
    let bound = Instant::now();
    let with_pods = workloads.into_iter().zip(0..).map(|(mut workload, first)| {
        let kubernetes = &kubernetes;
        async move {
            for number in (first..setting.pods).step_by(usize::try_from(setting.bindings)?) {
                workload.add(kubernetes, number, true).await?;
            }
            anyhow::Ok(workload)
        }
    });
    let workloads: Vec<Workload> = stream::iter(with_pods).buffered(CONCURRENCY).try_collect().await?;
    let populated = Instant::now();
    let slices = workloads.iter().map(|workload| {
        let kubernetes = &kubernetes;
        async move { kubernetes.create(&workload.slices_path(), &objects::slice(workload)).await.map(drop) }
    });
    stream::iter(slices).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
    let writing = Writing {
        bindings_seconds: seconds(bound - begun),
        pods_seconds: seconds(populated - bound),
        slices_seconds: seconds(populated.elapsed()),
    };
    Ok((workloads, writing))
}
