//! Stopping and starting listeners and load balancers.
//!
//! What is stopped neither receives nor forwards traffic (<https://cloud.tencent.com/document/product/214/53614>), and its
//! targets are reported as `Close` (`TargetHealth.HealthStatusDetail` of the API's data structures). Where the documentation is
//! silent:
//!
//! - connections that are open are closed;
//! - probes begin anew after a start, so that a target is `Unknown` until enough of them agree;
//! - a stopped listener can be changed; a stopped load balancer refuses all writes but the one that starts it.

use super::super::error::{ApiError, ApiResult};
use super::super::health::{HealthPolicy, HealthRecord};
use super::{Context, Handle, Handled, Listener, LoadBalancer, State};
use crate::clb::wire::{Action, Done, SetLoadBalancerStartStatus, attr_flag};
use crate::model::ListenerState;

/// Whether the targets of a listener or rule are probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probing {
    /// They are.
    On,
    /// The health check is switched off; they get traffic all the same.
    SwitchedOff,
    /// The listener, or its load balancer, is stopped.
    Stopped,
}

impl LoadBalancer {
    /// The load balancer as a whole is stopped, whatever its listeners are.
    pub fn is_stopped(&self) -> bool {
        self.shown.attribute_flags.iter().flatten().any(|flag| flag == attr_flag::STOP)
    }

    /// Whether a listener takes traffic.
    pub(crate) fn serves(&self, listener: &Listener) -> bool {
        listener.state == ListenerState::Serving && !self.is_stopped()
    }

    pub(super) fn probing(&self, listener: &Listener, policy: &HealthPolicy) -> Probing {
        if !self.serves(listener) {
            Probing::Stopped
        } else if policy.probe.is_some() {
            Probing::On
        } else {
            Probing::SwitchedOff
        }
    }

    pub(super) fn set_state(&mut self, to: ListenerState) {
        let flags = self.shown.attribute_flags.get_or_insert_default();
        flags.retain(|flag| flag != attr_flag::STOP);
        match to {
            ListenerState::Stopped => flags.push(attr_flag::STOP.to_owned()),
            ListenerState::Serving => self.listeners.iter_mut().for_each(Listener::probe_anew),
        }
    }
}

impl Listener {
    pub(super) fn set_state(&mut self, to: ListenerState) {
        if self.state == ListenerState::Stopped && to == ListenerState::Serving {
            self.probe_anew();
        }
        self.state = to;
    }

    fn probe_anew(&mut self) {
        let of_rules = self.rules.iter_mut().flat_map(|rule| &mut rule.targets);
        for target in self.targets.iter_mut().chain(of_rules) {
            target.record = HealthRecord::default();
        }
    }
}

fn asked_state(operation: &str) -> ApiResult<ListenerState> {
    match operation {
        "Start" => Ok(ListenerState::Serving),
        "Stop" => Ok(ListenerState::Stopped),
        _ => Err(ApiError::value("OperationType must be Start or Stop")),
    }
}

impl Handle for SetLoadBalancerStartStatus {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        let to = asked_state(&self.operation_type)?;
        let load_balancer = state.startable(&self.load_balancer_id, context.now)?;
        let ids = self.listener_ids.unwrap_or_default();
        if let Some(missing) = ids.iter().find(|id| load_balancer.listener(id).is_none()) {
            return Err(ApiError::listener_not_found(missing));
        }
        let id = load_balancer.id.clone();
        state.begin_change(context, Self::NAME, id, move |load_balancer, _| {
            if ids.is_empty() {
                load_balancer.set_state(to);
            }
            let named = |listener: &&mut Listener| ids.iter().any(|id| listener.id.as_str() == id);
            load_balancer.listeners.iter_mut().filter(named).for_each(|listener| listener.set_state(to));
        });
        Ok(Done {}.into())
    }
}
