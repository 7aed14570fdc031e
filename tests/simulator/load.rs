//! Many connections at once.

use std::time::{Duration, Instant};

use tke_direct_access::model::Protocol;

use crate::support::{Pod, front, greeting, listener, put, simulator};

/// Half of what the data plane is made for, so that a busy machine does not fail the test: it must lose nothing, and it must
/// not take longer than the pace asks for by more than a margin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_steady_stream_of_new_connections_loses_none() {
    const PER_SECOND: u32 = 500;
    const CONNECTIONS: u32 = 1500;
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let pods = [Pod::tcp("a").await, Pod::tcp("b").await, Pod::tcp("c").await];
    for pod in &pods {
        put(&simulator, &lb, &route, pod.address, 10);
    }
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    let mut pace = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    let mut clients = tokio::task::JoinSet::new();
    let started = Instant::now();
    for _ in 0..CONNECTIONS {
        pace.tick().await;
        clients.spawn(async move { greeting(front).await });
    }
    let results = clients.join_all().await;
    let lost: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(lost.is_empty(), "{} of {CONNECTIONS} were lost, first: {:?}", lost.len(), lost.first());
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(15), "{CONNECTIONS} connections took {elapsed:?}");
}
