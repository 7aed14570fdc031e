//! Addresses for load balancers, shared fairly by all simulators of a machine.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// The UDP port by which an address is claimed. A listener on this very port is served on another one.
const CLAIM_PORT: u16 = 65_535;
/// How many addresses are tried.
const MOST_TRIED: u32 = 65_536;

/// Addresses that this simulator holds. Each is claimed by a socket, so that the operating system keeps simulators apart,
/// also those of other processes, and frees the address of one that dies.
#[derive(Debug)]
pub(crate) struct Claims {
    first: Ipv4Addr,
    held: BTreeMap<Ipv4Addr, UdpSocket>,
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
                self.held.insert(address, socket);
                return Some(address);
            }
        }
        None
    }

    /// Gives up all addresses but these.
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
        one.keep(|address| address == c);
        assert_eq!(two.claim(), Some(a));
    }

    #[test]
    fn only_loopback_is_claimed() {
        assert_eq!(Claims::new(Ipv4Addr::new(192, 0, 2, 1)).claim(), None);
    }
}
