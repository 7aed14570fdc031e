//! The record of what probes found.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::model::{Address, Health, LoadBalancerId, Route};

/// How many changes of health are remembered.
const REMEMBERED: usize = 4096;

/// A change of a target's health that its probes brought about. From that moment on the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthChange {
    /// When, by the clock of this machine.
    pub at: Timestamp,
    /// The load balancer.
    pub load_balancer: LoadBalancerId,
    /// The listener or rule.
    pub route: Route,
    /// The target.
    pub address: Address,
    /// What it is from then on.
    pub health: Health,
}

/// The last changes of health, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(VecDeque<HealthChange>);

impl Verdicts {
    pub(crate) fn add(&mut self, change: HealthChange) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(change);
    }

    pub(crate) fn log(&self) -> impl Iterator<Item = &HealthChange> {
        self.0.iter()
    }
}
