//! Real sockets for the simulated listeners: each listens on its load balancer's own loopback address and forwards.
//!
//! TCP, UDP, TCP_SSL, HTTP and HTTPS listeners forward; targets are spoken to without TLS. QUIC listeners exist for the API only:
//! nothing listens for them.

mod claim;
mod http;
mod pool;
mod tcp;
mod tls;
mod udp;
mod url;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::{Address, ListenerId, LoadBalancerId, Protocol, RuleId};

pub(crate) use claim::Claims;
use claim::{Claim, Held};
use http::HttpRules;
use pool::Pool;
pub(crate) use pool::{Backend, Balance, Scheduler, dial_address};
use tls::Tls;
pub(crate) use tls::{Authority, Certificates};

/// A listener as it is to be served.
#[derive(Clone, Debug)]
pub(crate) struct FrontView {
    pub(crate) listener: ListenerId,
    pub(crate) vip: Ipv4Addr,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    /// How long a silent UDP flow is remembered.
    pub(crate) idle: Duration,
    /// What clients of a listener with TLS are shown.
    pub(crate) certificates: Certificates,
    /// One for layer 4, one per rule for layer 7.
    pub(crate) routes: Vec<RouteView>,
}

/// Targets, and for layer 7 which requests they get.
#[derive(Clone, Debug)]
pub(crate) struct RouteView {
    pub(crate) rule: Option<RuleId>,
    pub(crate) domains: Vec<String>,
    pub(crate) url: String,
    pub(crate) is_default: bool,
    pub(crate) balance: Balance,
    pub(crate) backends: Vec<Backend>,
}

/// Where a listener really listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Not yet: the port is still being freed.
    Pending,
    /// Here; another port than the listener's when that could not be had.
    At(SocketAddr),
    /// Nowhere, as its protocol is not forwarded.
    NotForwarded,
    /// Nowhere, for this reason.
    Failed(String),
}

/// How long to wait for the port of a listener that was deleted a moment ago.
const FREE_WITHIN: Duration = Duration::from_secs(2);
/// How often to try meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(10);

/// All listeners that are served.
pub(crate) struct DataPlane {
    fronts: BTreeMap<LoadBalancerId, BTreeMap<ListenerId, Front>>,
    authority: Arc<Authority>,
    tasks: TaskTracker,
    stop: CancellationToken,
    cut: bool,
}

struct Front {
    view: (Ipv4Addr, Protocol, u16),
    bound: Arc<Mutex<Bound>>,
    routing: Routing,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
}

#[derive(Clone)]
enum Routing {
    Layer4(Arc<Pool>),
    Layer7(Arc<HttpRules>),
}

impl DataPlane {
    pub(crate) fn new(authority: Arc<Authority>, tasks: TaskTracker, stop: CancellationToken, cut: bool) -> Self {
        Self { fronts: BTreeMap::new(), authority, tasks, stop, cut }
    }

    /// What clients of listeners with TLS have to trust, in PEM.
    pub(crate) fn authority_pem(&self) -> &str {
        self.authority.pem()
    }

    /// Makes the listeners of a load balancer what `views` say. `claims` are those of the addresses they listen on. Must be
    /// called within a Tokio runtime.
    pub(crate) fn publish(&mut self, id: &LoadBalancerId, views: &[FrontView], claims: &Claims) {
        let fronts = self.fronts.entry(id.clone()).or_default();
        fronts.retain(|listener, front| {
            let stays = views.iter().any(|view| view.listener == *listener);
            if !stays {
                front.stop.cancel();
            }
            stays
        });
        for view in views {
            let authority = &self.authority;
            let open =
                || Front::open(view, authority, claims.of(view.vip), self.stop.child_token(), self.tasks.clone());
            let front = fronts.entry(view.listener.clone()).or_insert_with(open);
            front.update(view, self.cut);
        }
        if fronts.is_empty() {
            self.fronts.remove(id);
        }
    }

    /// Where a listener really listens.
    pub(crate) fn bound(&self, id: &LoadBalancerId, listener: &ListenerId) -> Option<Bound> {
        self.fronts.get(id)?.get(listener).map(Front::bound)
    }

    /// Where traffic for a protocol and port of a load balancer can be sent.
    pub(crate) fn address(&self, id: &LoadBalancerId, protocol: Protocol, port: u16) -> Option<SocketAddr> {
        let fronts = self.fronts.get(id)?;
        let front = fronts.values().find(|front| front.view.1 == protocol && front.view.2 == port)?;
        match front.bound() {
            Bound::At(address) => Some(address),
            Bound::Pending | Bound::NotForwarded | Bound::Failed(_) => None,
        }
    }

    /// Open connections, flows and requests of a listener, by target.
    pub(crate) fn connections(&self, id: &LoadBalancerId, listener: &ListenerId) -> Vec<(Address, u64)> {
        match self.fronts.get(id).and_then(|fronts| fronts.get(listener)).map(|front| &front.routing) {
            Some(Routing::Layer4(pool)) => pool.connections(),
            Some(Routing::Layer7(rules)) => rules.connections(),
            None => Vec::new(),
        }
    }
}

impl Front {
    fn open(
        view: &FrontView,
        authority: &Arc<Authority>,
        claim: Option<Claim>,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        let routing = match view.protocol.is_layer7() {
            true => Routing::Layer7(Arc::default()),
            false => Routing::Layer4(Arc::default()),
        };
        let has_tls = matches!(view.protocol, Protocol::TcpSsl | Protocol::Https);
        let tls = has_tls.then(|| Tls::new(Arc::clone(authority), view.vip.into()));
        let bound = Arc::new(Mutex::new(Bound::Pending));
        let server = Server {
            address: SocketAddr::from((view.vip, view.port)),
            idle: view.idle,
            bound: Arc::clone(&bound),
            stop: stop.clone(),
            tasks,
            claim,
        };
        match tls.as_ref().map(|tls| tls.acceptor(view.protocol.is_layer7())).transpose() {
            Ok(acceptor) => server.serve(view.protocol, routing.clone(), acceptor),
            Err(error) => server.set(Bound::Failed(error.to_string())),
        }
        Self { view: (view.vip, view.protocol, view.port), bound, routing, tls, stop }
    }

    fn update(&self, view: &FrontView, cut: bool) {
        if let Some(tls) = &self.tls {
            tls.update(&view.certificates);
        }
        match &self.routing {
            Routing::Layer4(pool) => {
                if let Some(route) = view.routes.first() {
                    pool.update(route.balance, &route.backends, cut);
                }
            }
            Routing::Layer7(rules) => rules.update(&view.routes),
        }
    }

    fn bound(&self) -> Bound {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What it takes to serve one listener.
struct Server {
    address: SocketAddr,
    idle: Duration,
    bound: Arc<Mutex<Bound>>,
    stop: CancellationToken,
    tasks: TaskTracker,
    claim: Option<Claim>,
}

impl Server {
    fn set(&self, bound: Bound) {
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner) = bound;
    }

    fn serve(self, protocol: Protocol, routing: Routing, acceptor: Option<TlsAcceptor>) {
        match (protocol, routing) {
            (Protocol::Tcp | Protocol::TcpSsl, Routing::Layer4(pool)) => {
                self.serve_streams(move |socket, stop, tasks| tcp::serve(socket, pool, acceptor, stop, tasks));
            }
            (_, Routing::Layer7(rules)) => {
                self.serve_streams(move |socket, stop, tasks| http::serve(socket, rules, acceptor, stop, tasks));
            }
            (Protocol::Udp, Routing::Layer4(pool)) => self.serve_udp(pool),
            (_, Routing::Layer4(_)) => self.set(Bound::NotForwarded),
        }
    }

    fn serve_streams<F: Future<Output = ()> + Send>(
        self,
        serve: impl FnOnce(Held<TcpListener>, CancellationToken, TaskTracker) -> F + Send + 'static,
    ) {
        let first = self.try_bind(bind_tcp);
        let tasks = self.tasks.clone();
        tasks.clone().spawn(async move {
            if let Some(listener) = self.bound_socket(first, bind_tcp).await {
                serve(listener, self.stop, tasks).await;
            }
        });
    }

    fn serve_udp(self, pool: Arc<Pool>) {
        let first = self.try_bind(bind_udp);
        let tasks = self.tasks.clone();
        tasks.clone().spawn(async move {
            if let Some(socket) = self.bound_socket(first, bind_udp).await {
                udp::serve(socket, pool, self.idle, self.stop, tasks).await;
            }
        });
    }

    /// Binds at once if possible, so that whoever made the listener can use it without waiting.
    fn try_bind<S>(&self, bind: fn(SocketAddr) -> io::Result<(S, SocketAddr)>) -> io::Result<Held<S>> {
        let (socket, address) = bind(self.address)?;
        self.set(Bound::At(address));
        Ok(Held::new(socket, self.claim.clone()))
    }

    /// The socket: the one that was bound at once, the listener's address when it becomes free, or another port.
    async fn bound_socket<S>(
        &self,
        first: io::Result<Held<S>>,
        bind: fn(SocketAddr) -> io::Result<(S, SocketAddr)>,
    ) -> Option<Held<S>> {
        let mut error = match first {
            Ok(socket) => return Some(socket),
            Err(error) => error,
        };
        let deadline = tokio::time::Instant::now() + FREE_WITHIN;
        while error.kind() == io::ErrorKind::AddrInUse && tokio::time::Instant::now() < deadline {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(TRY_EVERY) => {}
            }
            match self.try_bind(bind) {
                Ok(socket) => return Some(socket),
                Err(again) => error = again,
            }
        }
        match bind(SocketAddr::from((self.address.ip(), 0))) {
            Ok((socket, address)) => {
                tracing::warn!(wanted = %self.address, bound = %address, %error, "a listener listens on another port");
                self.set(Bound::At(address));
                Some(Held::new(socket, self.claim.clone()))
            }
            Err(error) => {
                tracing::error!(wanted = %self.address, %error, "a listener listens nowhere");
                self.set(Bound::Failed(error.to_string()));
                None
            }
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, bound))
}

fn bind_udp(address: SocketAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = StdUdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    let bound = socket.local_addr()?;
    Ok((UdpSocket::from_std(socket)?, bound))
}
