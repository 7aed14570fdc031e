//! Layer-4 forwarding of TCP connections, with TLS to clients or without.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::accept::{accept, no_delay};
use super::claim::Held;
use super::pool::{Affinity, Pool};

/// How long a target may take to accept.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client's connection.
trait Client: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Client for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Client for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Accepts until `stop`. Connections end with it.
pub(super) async fn serve(
    listener: Held<TcpListener>,
    pool: Arc<Pool>,
    acceptor: Option<TlsAcceptor>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let begin = |client, address| {
        let (pool, stop, acceptor) = (Arc::clone(&pool), stop.clone(), acceptor.clone());
        tasks.spawn(async move {
            match acceptor {
                None => forward(client, address, &pool, &stop).await,
                Some(acceptor) => match stop.run_until_cancelled(acceptor.accept(client)).await {
                    Some(Ok(client)) => forward(client, address, &pool, &stop).await,
                    Some(Err(error)) => tracing::debug!(%error, "a client could not be taken in"),
                    None => {}
                },
            }
        });
    };
    accept(&listener, &stop, begin).await;
}

/// Carries one connection to its end. A target that does not accept is the client's failure: nothing is tried twice.
async fn forward(mut client: impl Client, address: SocketAddr, pool: &Pool, stop: &CancellationToken) {
    let Some(seat) = pool.choose(address.ip(), Affinity::Address) else { return reset(client.tcp()) };
    let Some(dial) = seat.dial else { return reset(client.tcp()) };
    let connected = stop.run_until_cancelled(timeout(CONNECT_TIMEOUT, TcpStream::connect(dial))).await;
    let Some(Ok(Ok(mut target))) = connected else { return reset(client.tcp()) };
    no_delay(&target);
    if pool.tells_client()
        && let Err(error) = tell_client(&mut target, &client, address).await
    {
        tracing::debug!(%error, "a target was not told its client");
        return reset(client.tcp());
    }
    let carried = tokio::select! {
        carried = copy_bidirectional(&mut client, &mut target) => carried.is_ok(),
        () = seat.gone.cancelled() => false,
        () = stop.cancelled() => false,
    };
    if !carried {
        reset(client.tcp());
        reset(&target);
    }
}

/// The header of PROXY protocol, in its first version: which one the service sends is not documented.
async fn tell_client(target: &mut TcpStream, client: &impl Client, from: SocketAddr) -> io::Result<()> {
    let to = client.tcp().local_addr()?;
    let header = format!("PROXY TCP4 {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port());
    target.write_all(header.as_bytes()).await
}

/// Makes the coming close a reset, so that the peer cannot take it for a regular end.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection ends without a reset");
    }
}
