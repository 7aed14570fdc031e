//! Layer-4 forwarding of TCP connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pool::Pool;

/// How long a target may take to accept.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after a failed accept: the process is out of descriptors, and trying at once would only spin.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Accepts until `stop`. Connections end with it.
pub(super) async fn serve(listener: TcpListener, pool: Arc<Pool>, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((client, address)) => {
                let (pool, stop) = (Arc::clone(&pool), stop.clone());
                tasks.spawn(async move { forward(client, address, &pool, &stop).await });
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Carries one connection to its end. A target that does not accept is the client's failure: nothing is tried twice.
async fn forward(mut client: TcpStream, address: SocketAddr, pool: &Pool, stop: &CancellationToken) {
    let Some(seat) = pool.choose(address.ip()) else { return reset(&client) };
    let Some(dial) = seat.dial else { return reset(&client) };
    let mut target = match timeout(CONNECT_TIMEOUT, TcpStream::connect(dial)).await {
        Ok(Ok(target)) => target,
        Ok(Err(_)) | Err(_) => return reset(&client),
    };
    no_delay(&client);
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

pub(super) fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}
