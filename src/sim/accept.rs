//! Accepting connections, for the API and for the data plane.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How long to wait after a failed accept: the process is out of descriptors, and trying at once would only spin.
const PAUSE: Duration = Duration::from_millis(20);

/// Accepts until `stop`, and hands each connection on without waiting for it. Small writes leave at once.
pub(crate) async fn accept(
    listener: &TcpListener,
    stop: &CancellationToken,
    mut begin: impl FnMut(TcpStream, SocketAddr),
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                no_delay(&stream);
                begin(stream, peer);
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Lets small writes leave at once.
pub(crate) fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}
