//! Addresses for load balancers, shared fairly by all simulators of a machine.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::Deref;
use std::sync::Arc;

/// The UDP port by which an address is claimed. A listener on this very port is served on another one.
const CLAIM_PORT: u16 = 65_535;
/// How many addresses are tried.
const MOST_TRIED: u32 = 65_536;

/// Addresses that this simulator holds. Each is claimed by a socket, so that the operating system keeps simulators apart,
/// also those of other processes, and frees the address of one that dies.
#[derive(Debug)]
pub(crate) struct Claims {
    first: Ipv4Addr,
    held: BTreeMap<Ipv4Addr, Claim>,
}

/// Holds an address until the last clone is dropped.
pub(crate) type Claim = Arc<UdpSocket>;

/// A listening socket with the claim of its address: the address must not be free for others while a socket of its last owner
/// is still open. Fields are dropped in their order, the socket first.
pub(super) struct Held<S> {
    socket: S,
    _claim: Option<Claim>,
}

impl<S> Held<S> {
    pub(super) fn new(socket: S, claim: Option<Claim>) -> Self {
        Self { socket, _claim: claim }
    }
}

impl<S> Deref for Held<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.socket
    }
}

impl Claims {
    /// Claims nothing yet; `first` is the first address that will be tried.
    pub(crate) fn new(first: Ipv4Addr) -> Self {
        Self { first, held: BTreeMap::new() }
    }

    /// The next free loopback address; `None` when there is none.
    pub(crate) fn claim(&mut self) -> Option<Ipv4Addr> {
        let first = u32::from(self.first);
        for offset in 0..MOST_TRIED {
            let address = Ipv4Addr::from(first.checked_add(offset)?);
            if !address.is_loopback() {
                return None;
            }
            if self.held.contains_key(&address) {
                continue;
            }
            if let Ok(socket) = UdpSocket::bind(SocketAddr::from((address, CLAIM_PORT))) {
                self.held.insert(address, Arc::new(socket));
                return Some(address);
            }
        }
        None
    }

    /// The claim of an address that this simulator holds.
    pub(crate) fn of(&self, address: Ipv4Addr) -> Option<Claim> {
        self.held.get(&address).cloned()
    }

    /// Gives up all addresses but these, as soon as nothing listens there any more.
    pub(crate) fn keep(&mut self, used: impl Fn(Ipv4Addr) -> bool) {
        self.held.retain(|address, _| used(*address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_simulators_never_hold_the_same_address() {
        let first = Ipv4Addr::new(127, 78, 0, 1);
        let (mut one, mut two) = (Claims::new(first), Claims::new(first));
        let a = one.claim().expect("an address");
        let b = two.claim().expect("an address");
        let c = one.claim().expect("an address");
        assert!(a != b && b != c && a != c, "{a} {b} {c}");
        let listening = one.of(a).expect("a claim");
        one.keep(|address| address == c);
        let d = two.claim().expect("an address");
        assert_ne!(d, a, "the address is held for as long as something listens there");
        drop(listening);
        assert_eq!(two.claim(), Some(a));
    }

    #[test]
    fn only_loopback_is_claimed() {
        assert_eq!(Claims::new(Ipv4Addr::new(192, 0, 2, 1)).claim(), None);
    }
}
