//! The cloud as values alone: no socket, no probe, no clock. Who plays a world with it says what the time is and what probes find.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::Moment;
use super::calls::Calls;
use super::dispatch::{self, Called};
use super::fault::{Fault, Faults};
use super::past::Past;
use super::rate::Rates;
use super::settings::{Identities, LoadBalancerSpec, Settings};
use super::state::{Config, State};
use crate::clb::wire::Service;
use crate::model::{Address, LoadBalancerId, Route};

/// How many ids an account may use before they could be those of the next one.
const IDS_OF_AN_ACCOUNT: u64 = 1_000_000;

/// After which addresses are given to load balancers, where nobody else hands them out. Nothing listens there.
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 10);

/// All that the cloud knows, of all accounts, and how it answers.
pub struct PureCloud {
    pub(crate) state: State,
    /// What other accounts have, by account. No traffic goes there.
    pub(crate) others: BTreeMap<String, State>,
    /// What the first account had, where reads are late.
    pub(crate) past: Past,
    pub(crate) rates: Rates,
    pub(crate) faults: Faults,
    pub(crate) calls: Calls,
    /// Actions that nobody may call.
    pub(crate) denied_actions: BTreeSet<String>,
    account: String,
    /// How many load balancers were given an address, where nobody else hands them out.
    addresses: u32,
    /// The moment that it is.
    now: Moment,
}

/// An answer, as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The HTTP status and the body; `None` where the connection was closed instead.
    pub reply: Option<(u16, Vec<u8>)>,
    /// It arrives at this moment; `None`: at once.
    pub at: Option<Moment>,
}

/// One target that is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The load balancer.
    pub load_balancer: LoadBalancerId,
    /// The listener or rule.
    pub route: Route,
    /// The target.
    pub address: Address,
    /// From one probe to the next.
    pub interval: Duration,
}

impl PureCloud {
    /// A cloud at moment zero, which is `origin` on the wall.
    pub fn new(settings: &Settings, origin: Timestamp) -> Self {
        let config = Config {
            account: settings.account.clone(),
            first_id: 0,
            region: settings.region.clone(),
            quotas: settings.quotas,
            timing: settings.timing,
            dialect: settings.dialect.clone(),
            origin,
            identities: settings.identities.clone(),
        };
        let others = (1..).zip(&settings.other_accounts).map(|(place, other)| {
            let config = Config {
                account: other.id.clone(),
                first_id: place * IDS_OF_AN_ACCOUNT,
                identities: Identities::default(),
                ..config.clone()
            };
            (other.id.clone(), State::new(config))
        });
        let others = others.collect();
        let mut faults = Faults::default();
        settings.faults.iter().for_each(|fault| faults.inject(fault.clone()));
        Self {
            past: Past::new(&settings.dialect, &settings.timing),
            state: State::new(config),
            others,
            rates: Rates::new(settings.rate_per_second),
            faults,
            calls: Calls::default(),
            denied_actions: settings.denied_actions.clone(),
            account: settings.account.clone(),
            addresses: 0,
            now: Moment::ZERO,
        }
    }

    /// Adds a load balancer that is in service. Returns whether its id was free and its listeners possible.
    pub fn add_load_balancer(&mut self, spec: &LoadBalancerSpec) -> bool {
        self.addresses += 1;
        let vip = Ipv4Addr::from(u32::from(FIRST_ADDRESS) + self.addresses);
        self.state.add_load_balancer(spec, vip, Moment::ZERO).is_ok()
    }

    /// Load balancers of the first account that have changed since this was last asked.
    pub fn take_changed(&mut self) -> BTreeSet<LoadBalancerId> {
        self.state.take_changed()
    }

    /// The values of this tag, of all load balancers that have it.
    pub fn tags(&self, key: &str) -> Vec<String> {
        let tags = self.state.load_balancers().flat_map(|one| one.shown.tags.iter().flatten());
        tags.filter(|tag| tag.tag_key.as_deref() == Some(key)).filter_map(|tag| tag.tag_value.clone()).collect()
    }

    /// The value of this tag of a load balancer; `None` where it has none.
    pub fn tag_of(&self, id: &LoadBalancerId, key: &str) -> Option<&str> {
        let tags = self.state.load_balancer(id)?.shown.tags.iter().flatten();
        tags.filter(|tag| tag.tag_key.as_deref() == Some(key)).find_map(|tag| tag.tag_value.as_deref())
    }

    /// Lets all tasks end that are due.
    pub fn advance(&mut self, now: Moment) {
        self.now = now;
        while self.past.is_kept()
            && let Some(due) = self.state.next_due().filter(|due| *due <= now)
        {
            self.past.keep(&self.state, due);
            self.state.advance(due);
        }
        self.state.advance(now);
        for other in self.others.values_mut() {
            other.advance(now);
            other.take_changed();
        }
    }

    /// When the next task of the first account ends.
    pub fn next_due(&self) -> Option<Moment> {
        self.state.next_due()
    }

    /// What the first account has.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What the first account has, to act on it as somebody else would: at once, and without a lock of the load balancer.
    pub fn console(&mut self) -> &mut State {
        self.past.keep(&self.state, self.now);
        &mut self.state
    }

    /// Arms a fault.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.inject(fault);
    }

    /// Disarms all faults.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// How many calls were struck by a fault.
    pub fn struck(&self) -> u64 {
        self.faults.struck().values().sum()
    }

    /// Calls that change something, of all actions.
    pub fn writes(&self) -> u64 {
        self.calls.writes()
    }

    /// The first account calls.
    pub fn call(&mut self, service: Service, action: &str, body: &[u8], request_id: &str, now: Moment) -> Arrived {
        self.advance(now);
        let account = self.account.clone();
        let called = Called { account: &account, service, action };
        let mut addresses = std::mem::take(&mut self.addresses);
        let mut claim = || {
            addresses += 1;
            Some(Ipv4Addr::from(u32::from(FIRST_ADDRESS) + addresses))
        };
        let outcome = dispatch::dispatch(self, &mut claim, &called, body, request_id, now);
        self.addresses = addresses;
        let (hold, delay) = (outcome.hold_until, outcome.delay);
        let at = hold.or((!delay.is_zero()).then_some(now)).map(|moment| moment + delay);
        Arrived { reply: outcome.arriving().map(|(status, _, body)| (status, body)), at }
    }

    /// The targets of the first account that are probed.
    pub fn probes(&self) -> Vec<Probe> {
        let mut probes = Vec::new();
        for load_balancer in self.state.load_balancers().map(|one| &one.id) {
            let probe = |target: super::state::ProbeTarget| Probe {
                load_balancer: load_balancer.clone(),
                route: target.route,
                address: target.address,
                interval: target.policy.interval,
            };
            probes.extend(self.state.probe_targets(load_balancer).into_iter().map(probe));
        }
        probes
    }

    /// A probe has had this result. Returns whether the target's health is another one now.
    pub fn observe(&mut self, probe: &Probe, success: bool) -> bool {
        self.state.observe(&probe.load_balancer, &probe.route, probe.address, success)
    }
}
