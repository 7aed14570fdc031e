//! The targets behind one listener or rule, and which of them the next connection goes to.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::{Address, Health, Weight};

/// A target as the data plane needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) address: Address,
    pub(crate) weight: Weight,
    pub(crate) health: Health,
}

/// Client addresses after which sessions that have ended are swept out.
const MOST_SESSIONS: usize = 4096;

/// How the next target is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scheduler {
    /// In turn, as often as the weights say.
    #[default]
    WeightedRoundRobin,
    /// The one with the fewest connections for its weight.
    LeastConnections,
    /// By the client's address.
    AddressHash,
}

/// How connections are spread over targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) scheduler: Scheduler,
    /// How long a client stays with its target after it was last seen; `None` when session persistence is off.
    pub(crate) session: Option<Duration>,
    /// Whether targets are told the client's address by PROXY protocol.
    pub(crate) proxy_protocol: bool,
}

/// By what a client is known again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Affinity {
    /// By its address, as layer 4 does.
    Address,
    /// By what it was told before, as layer 7 does with a cookie; `None` for a client that was told nothing.
    Ticket(Option<u64>),
}

/// The targets of one listener or rule. Shared by all its connections.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    balance: Balance,
    members: Vec<Member>,
    /// Which target a client address belongs to, and until when.
    sessions: BTreeMap<IpAddr, (Address, Instant)>,
}

#[derive(Debug)]
struct Member {
    backend: Backend,
    /// Smooth weighted round robin: grows by the weight in each round, falls by the total when chosen.
    credit: i64,
    connections: Arc<AtomicU64>,
    gone: CancellationToken,
}

/// A chosen target, counted as a connection until dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Where the target is reached; `None` for an address outside of what this machine may dial.
    pub(crate) dial: Option<SocketAddr>,
    /// Cancelled when the target is deregistered.
    pub(crate) gone: CancellationToken,
    /// Tells the target to a pool that is asked for it again.
    pub(crate) ticket: u64,
    connections: Arc<AtomicU64>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a target is reached on this machine: 10.a.b.c at 127.a.b.c, loopback as it is, and nothing else at all. Of an IPv6 address
/// the last four bytes count, since a machine has one IPv6 loopback address only: fd00::10.a.b.c is reached at 127.a.b.c.
pub(crate) fn dial_address(address: Address) -> Option<SocketAddr> {
    let octets = match address.ip {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(ip) => match ip.octets() {
            [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => [a, b, c, d],
            _ => return None,
        },
    };
    match octets {
        [10 | 127, b, c, d] => Some(SocketAddr::from((Ipv4Addr::new(127, b, c, d), address.port))),
        _ => None,
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over a new set of targets. Those that stay keep their turn and their connections.
    pub(crate) fn update(&self, balance: Balance, backends: &[Backend], cut: bool) {
        let mut inner = self.lock();
        inner.balance = balance;
        if balance.session.is_none() {
            inner.sessions.clear();
        }
        let mut before: BTreeMap<Address, Member> =
            inner.members.drain(..).map(|member| (member.backend.address, member)).collect();
        let members = backends.iter().map(|backend| match before.remove(&backend.address) {
            Some(member) => Member { backend: backend.clone(), ..member },
            None => Member {
                backend: backend.clone(),
                credit: 0,
                connections: Arc::default(),
                gone: CancellationToken::new(),
            },
        });
        inner.members = members.collect();
        if cut {
            before.values().for_each(|member| member.gone.cancel());
        }
    }

    /// The target of the next connection; `None` when none may be used.
    ///
    /// Healthy targets and those without a health check are used. When there is none, unhealthy ones are: all dead is all
    /// alive. A target that is still being probed gets nothing. Weight 0 never gets anything new. A client with a session
    /// goes to its target as long as that one may be used.
    pub(crate) fn choose(&self, client: IpAddr, affinity: Affinity) -> Option<Seat> {
        let mut inner = self.lock();
        let Inner { balance, members, sessions } = &mut *inner;
        let now = Instant::now();
        let mut candidates = candidates(members);
        let known = match (balance.session, affinity) {
            (None, _) => None,
            (Some(_), Affinity::Address) => {
                let session = sessions.get(&client).filter(|(_, until)| *until > now);
                session.and_then(|(target, _)| candidates.iter().position(|member| member.backend.address == *target))
            }
            (Some(_), Affinity::Ticket(ticket)) => {
                candidates.iter().position(|member| Some(ticket_of(member.backend.address)) == ticket)
            }
        };
        let chosen = match (known, balance.scheduler) {
            (Some(known), _) => known,
            (None, Scheduler::WeightedRoundRobin) => by_turn(&mut candidates)?,
            (None, Scheduler::LeastConnections) => by_connections(&candidates)?,
            (None, Scheduler::AddressHash) => by_hash(&candidates, client)?,
        };
        let member = candidates.get(chosen)?;
        let address = member.backend.address;
        member.connections.fetch_add(1, Ordering::Relaxed);
        let seat = Seat {
            dial: dial_address(address),
            gone: member.gone.clone(),
            ticket: ticket_of(address),
            connections: Arc::clone(&member.connections),
        };
        if let (Some(until), Affinity::Address) =
            (balance.session.and_then(|session| now.checked_add(session)), affinity)
        {
            if sessions.len() >= MOST_SESSIONS {
                sessions.retain(|_, (_, until)| *until > now);
            }
            sessions.insert(client, (address, until));
        }
        Some(seat)
    }

    /// Whether targets are told the client's address.
    pub(crate) fn tells_client(&self) -> bool {
        self.lock().balance.proxy_protocol
    }

    /// Open connections (or requests, or flows) by target.
    pub(crate) fn connections(&self) -> Vec<(Address, u64)> {
        let inner = self.lock();
        inner.members.iter().map(|m| (m.backend.address, m.connections.load(Ordering::Relaxed))).collect()
    }
}

fn ticket_of(address: Address) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    hasher.finish()
}

fn candidates(members: &mut [Member]) -> Vec<&mut Member> {
    let alive = |member: &Member| {
        member.backend.weight > 0 && matches!(member.backend.health, Health::Healthy | Health::CheckOff)
    };
    let dead = |member: &Member| member.backend.weight > 0 && member.backend.health == Health::Unhealthy;
    let any_alive = members.iter().any(alive);
    members.iter_mut().filter(|member| if any_alive { alive(member) } else { dead(member) }).collect()
}

fn by_turn(candidates: &mut [&mut Member]) -> Option<usize> {
    let mut total = 0;
    for member in candidates.iter_mut() {
        member.credit += i64::from(member.backend.weight);
        total += i64::from(member.backend.weight);
    }
    // The first of equals wins, so that the order of registration is the order of turns.
    let (chosen, _) = candidates.iter().enumerate().max_by_key(|(nth, member)| (member.credit, usize::MAX - nth))?;
    candidates.get_mut(chosen)?.credit -= total;
    Some(chosen)
}

fn by_connections(candidates: &[&mut Member]) -> Option<usize> {
    let load = |member: &Member| {
        let connections = member.connections.load(Ordering::Relaxed);
        (connections.saturating_mul(1000)) / u64::from(member.backend.weight.max(1))
    };
    candidates.iter().enumerate().min_by_key(|(_, member)| load(member)).map(|(nth, _)| nth)
}

/// Rendezvous hashing: a target that comes or goes moves only the clients it gets or had.
fn by_hash(candidates: &[&mut Member], client: IpAddr) -> Option<usize> {
    let score = |member: &Member| {
        let mut hasher = DefaultHasher::new();
        (client, member.backend.address).hash(&mut hasher);
        hasher.finish()
    };
    candidates.iter().enumerate().max_by_key(|(_, member)| score(member)).map(|(nth, _)| nth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(scheduler: Scheduler) -> Balance {
        Balance { scheduler, ..Balance::default() }
    }

    fn backend(last: u8, weight: Weight, health: Health) -> Backend {
        Backend { address: Address { ip: IpAddr::from([10, 0, 0, last]), port: 80 }, weight, health }
    }

    fn shares(backends: &[Backend], connections: usize) -> BTreeMap<u8, usize> {
        let pool = Pool::default();
        pool.update(balance(Scheduler::WeightedRoundRobin), backends, true);
        let mut shares = BTreeMap::new();
        for _ in 0..connections {
            let seat = pool.choose(IpAddr::from([127, 0, 0, 1]), Affinity::Address);
            if let Some(SocketAddr::V4(dial)) = seat.and_then(|seat| seat.dial) {
                *shares.entry(dial.ip().octets()[3]).or_default() += 1;
            }
        }
        shares
    }

    #[test]
    fn weights_are_shares() {
        let healthy = |last, weight| backend(last, weight, Health::Healthy);
        assert_eq!(shares(&[healthy(1, 10), healthy(2, 30)], 40), BTreeMap::from([(1, 10), (2, 30)]));
        assert_eq!(shares(&[healthy(1, 0), healthy(2, 1)], 4), BTreeMap::from([(2, 4)]));
        assert_eq!(shares(&[healthy(1, 0)], 4), BTreeMap::new());
        assert_eq!(shares(&[], 4), BTreeMap::new());
    }

    #[test]
    fn health_decides_who_is_used() {
        use Health::{CheckOff, Healthy, Unhealthy, Unknown};
        let used = |healths: &[Health]| {
            let backends: Vec<_> = (1..).zip(healths).map(|(last, &health)| backend(last, 10, health)).collect();
            shares(&backends, 12).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(used(&[Healthy, Unhealthy, Unknown]), [1]);
        assert_eq!(used(&[Unhealthy, Unhealthy]), [1, 2]);
        assert_eq!(used(&[Unhealthy, Unknown]), [1]);
        assert_eq!(used(&[Unknown, Unknown]), [0_u8; 0]);
        assert_eq!(used(&[CheckOff, CheckOff]), [1, 2]);
    }

    #[test]
    fn a_healthy_target_of_weight_zero_does_not_hide_the_dead_ones() {
        let backends = [backend(1, 0, Health::Healthy), backend(2, 10, Health::Unhealthy)];
        assert_eq!(shares(&backends, 3), BTreeMap::from([(2, 3)]));
    }

    #[test]
    fn only_what_leaves_is_cut() {
        let pool = Pool::default();
        let both = [backend(1, 10, Health::Healthy), backend(2, 10, Health::Healthy)];
        let client = IpAddr::from([127, 0, 0, 1]);
        pool.update(balance(Scheduler::LeastConnections), &both, true);
        let seats: Vec<_> = (0..2).filter_map(|_| pool.choose(client, Affinity::Address)).collect();
        pool.update(balance(Scheduler::LeastConnections), &both[1..], true);
        let cut: Vec<_> = seats.iter().map(|seat| (seat.dial, seat.gone.is_cancelled())).collect();
        assert_eq!(cut, [(dial_address(both[0].address), true), (dial_address(both[1].address), false)]);
        assert_eq!(pool.connections(), [(both[1].address, 1)]);
    }

    #[test]
    fn only_loopback_is_ever_dialled() {
        let at = |ip: &str| dial_address(Address { ip: ip.parse().expect("an address"), port: 80 });
        assert_eq!(at("10.1.2.3"), Some("127.1.2.3:80".parse().expect("an address")));
        assert_eq!(at("127.1.2.3"), Some("127.1.2.3:80".parse().expect("an address")));
        assert_eq!(at("fd00::10.1.2.3"), Some("127.1.2.3:80".parse().expect("an address")));
        for stranger in ["192.168.0.1", "11.0.0.1", "8.8.8.8", "fd00::1", "fd01::10.1.2.3", "2001:db8::10.1.2.3", "::1"]
        {
            assert_eq!(at(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn a_client_stays_with_its_target_by_hash() {
        let pool = Pool::default();
        let backends: Vec<_> = (1..=5).map(|last| backend(last, 10, Health::Healthy)).collect();
        pool.update(balance(Scheduler::AddressHash), &backends, true);
        let target =
            |client: u8| pool.choose(IpAddr::from([127, 0, 0, client]), Affinity::Address).and_then(|seat| seat.dial);
        let first: Vec<_> = (1..=50).map(target).collect();
        assert_eq!(first, (1..=50).map(target).collect::<Vec<_>>());
        assert!(first.iter().collect::<std::collections::BTreeSet<_>>().len() > 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_stays_with_its_target_for_the_time_of_its_session() {
        let pool = Pool::default();
        let backends: Vec<_> = (1..=3).map(|last| backend(last, 10, Health::Healthy)).collect();
        let sticky = Balance { session: Some(Duration::from_secs(30)), ..Balance::default() };
        pool.update(sticky, &backends, true);
        let target =
            |client: u8| pool.choose(IpAddr::from([127, 0, 0, client]), Affinity::Address).and_then(|seat| seat.dial);
        let first = target(1);
        assert_ne!(first, target(2), "another client has its own turn");
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(target(1), first);
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(target(1), first, "use prolongs a session");
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_ne!((target(1), target(1)), (first, first), "a session ends");
        let (mine, others): (Vec<_>, Vec<_>) = {
            let mine = target(9);
            backends.iter().cloned().partition(|backend| dial_address(backend.address) == mine)
        };
        let drained = mine.into_iter().map(|backend| Backend { weight: 0, ..backend }).chain(others.clone());
        pool.update(sticky, &drained.collect::<Vec<_>>(), true);
        let after = target(9);
        assert!(others.iter().any(|backend| dial_address(backend.address) == after), "weight 0 ends a session");
    }

    #[test]
    fn a_ticket_leads_back_to_its_target() {
        let pool = Pool::default();
        let backends: Vec<_> = (1..=3).map(|last| backend(last, 10, Health::Healthy)).collect();
        let client = IpAddr::from([127, 0, 0, 1]);
        let sticky = Balance { session: Some(Duration::from_secs(30)), ..Balance::default() };
        pool.update(sticky, &backends, true);
        let first = pool.choose(client, Affinity::Ticket(None)).expect("a target");
        for _ in 0..5 {
            let again = pool.choose(client, Affinity::Ticket(Some(first.ticket))).expect("a target");
            assert_eq!(again.dial, first.dial);
        }
        pool.update(Balance::default(), &backends, true);
        let seats: Vec<_> = (0..3).filter_map(|_| pool.choose(client, Affinity::Ticket(Some(first.ticket)))).collect();
        assert!(seats.iter().any(|seat| seat.dial != first.dial), "without persistence a ticket means nothing");
    }
}
