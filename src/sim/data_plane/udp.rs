//! Layer-4 forwarding of UDP: a flow is everything one client address sends, and it stays with its target.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::claim::Held;
use super::pool::{Affinity, Pool, Seat};

/// The largest datagram there is.
const DATAGRAM: usize = 65_535;
/// Flows that have ended are swept out whenever this many new ones have begun.
const SWEEP_EVERY: usize = 256;

struct Flow {
    upstream: Arc<UdpSocket>,
    used: Arc<Mutex<Instant>>,
    ended: CancellationToken,
    /// The target was deregistered: the next datagram begins a new flow.
    gone: CancellationToken,
}

impl Flow {
    fn is_over(&self) -> bool {
        self.ended.is_cancelled() || self.gone.is_cancelled()
    }
}

/// Forwards until `stop`. A flow that was silent for `idle` is forgotten.
pub(super) async fn serve(
    socket: Held<UdpSocket>,
    pool: Arc<Pool>,
    idle: Duration,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let front = Front { socket: Arc::new(socket), pool, idle, stop: stop.clone(), tasks };
    let mut flows: HashMap<SocketAddr, Flow> = HashMap::new();
    let mut buffer = vec![0; DATAGRAM];
    let mut begun = 0;
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return,
            received = front.socket.recv_from(&mut buffer) => received,
        };
        // An error is the echo of an answer that a client no longer wanted; the socket itself is fine.
        let Ok((length, client)) = received else { continue };
        if flows.get(&client).is_none_or(Flow::is_over) {
            let Some(flow) = front.open(client).await else { continue };
            flows.insert(client, flow);
            begun += 1;
            if begun % SWEEP_EVERY == 0 {
                flows.retain(|_, flow| !flow.is_over());
            }
        }
        if let (Some(flow), Some(datagram)) = (flows.get(&client), buffer.get(..length)) {
            touch(&flow.used);
            if let Err(error) = flow.upstream.send(datagram).await {
                tracing::debug!(%error, "a datagram was lost");
            }
        }
    }
}

fn touch(used: &Mutex<Instant>) {
    *used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
}

struct Front {
    socket: Arc<Held<UdpSocket>>,
    pool: Arc<Pool>,
    idle: Duration,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Front {
    /// Chooses a target for a client; `None` drops the datagram, as there is nobody to send it to.
    async fn open(&self, client: SocketAddr) -> Option<Flow> {
        let seat = self.pool.choose(client.ip(), Affinity::Address)?;
        let upstream = match connect(seat.dial?).await {
            Ok(upstream) => Arc::new(upstream),
            Err(error) => {
                tracing::debug!(%error, "a flow has no socket");
                return None;
            }
        };
        let flow = Flow {
            upstream: Arc::clone(&upstream),
            used: Arc::new(Mutex::new(Instant::now())),
            ended: self.stop.child_token(),
            gone: seat.gone.clone(),
        };
        let answers = Answers {
            socket: Arc::clone(&self.socket),
            client,
            upstream,
            used: Arc::clone(&flow.used),
            ended: flow.ended.clone(),
            seat,
        };
        let idle = self.idle;
        self.tasks.spawn(async move { answers.carry(idle).await });
        Some(flow)
    }
}

async fn connect(target: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(target).await?;
    Ok(socket)
}

/// The way back of one flow.
struct Answers {
    socket: Arc<Held<UdpSocket>>,
    client: SocketAddr,
    upstream: Arc<UdpSocket>,
    used: Arc<Mutex<Instant>>,
    ended: CancellationToken,
    /// Held for as long as the flow lives, so that it counts as a connection of its target.
    seat: Seat,
}

impl Answers {
    async fn carry(self, idle: Duration) {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let last = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
            let received = tokio::select! {
                () = self.ended.cancelled() => break,
                () = self.seat.gone.cancelled() => break,
                () = tokio::time::sleep_until(last + idle) => {
                    let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
                    if used == last { break } else { continue }
                }
                received = self.upstream.recv(&mut buffer) => received,
            };
            // A refused datagram is lost; the flow lives on, as its target may come back.
            let Ok(length) = received else { continue };
            touch(&self.used);
            if let Some(datagram) = buffer.get(..length)
                && let Err(error) = self.socket.send_to(datagram, self.client).await
            {
                tracing::debug!(%error, "an answer was lost");
            }
        }
        self.ended.cancel();
    }
}
