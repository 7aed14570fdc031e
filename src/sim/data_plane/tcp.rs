//! Layer-4 forwarding of TCP connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::accept::{accept, no_delay};
use super::claim::Held;
use super::pool::{Affinity, Pool};

/// How long a target may take to accept.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Accepts until `stop`. Connections end with it.
pub(super) async fn serve(listener: Held<TcpListener>, pool: Arc<Pool>, stop: CancellationToken, tasks: TaskTracker) {
    let begin = |client, address| {
        let (pool, stop) = (Arc::clone(&pool), stop.clone());
        tasks.spawn(async move { forward(client, address, &pool, &stop).await });
    };
    accept(&listener, &stop, begin).await;
}

/// Carries one connection to its end. A target that does not accept is the client's failure: nothing is tried twice.
async fn forward(mut client: TcpStream, address: SocketAddr, pool: &Pool, stop: &CancellationToken) {
    let Some(seat) = pool.choose(address.ip(), Affinity::Address) else { return reset(&client) };
    let Some(dial) = seat.dial else { return reset(&client) };
    let connected = stop.run_until_cancelled(timeout(CONNECT_TIMEOUT, TcpStream::connect(dial))).await;
    let Some(Ok(Ok(mut target))) = connected else { return reset(&client) };
    no_delay(&target);
    let carried = tokio::select! {
        carried = copy_bidirectional(&mut client, &mut target) => carried.is_ok(),
        () = seat.gone.cancelled() => false,
        () = stop.cancelled() => false,
    };
    if !carried {
        reset(&client);
        reset(&target);
    }
}

/// Makes the coming close a reset, so that the peer cannot take it for a regular end.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection ends without a reset");
    }
}
