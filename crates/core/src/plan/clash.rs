//! One Pod's port on two listeners of a layer-4 protocol, which the cloud refuses.

use std::collections::HashSet;

use crate::model::{Address, Listener, Protocol};

use super::builder::PlanBuilder;
use super::desired::DesiredListener;
use super::routes::{BindingIntent, Leftover, ListenerIntent};
use super::scope::Holder;
use super::target::TargetPlan;
use super::{Problem, problem};

impl PlanBuilder<'_> {
    /// A Pod's port is on one listener of a layer-4 protocol only: what is on one that goes leaves there first.
    pub(super) fn leave_first(
        &self,
        intent: &BindingIntent<'_>,
        desired: &DesiredListener,
        plan: &mut TargetPlan,
    ) -> Option<String> {
        if desired.protocol.is_layer7() {
            return None;
        }
        let is_rival = |leftover: &&Leftover<'_>| {
            leftover.holder == Holder::Ours && leftover.listener.protocol == desired.protocol
        };
        let mut note = None;
        for leftover in intent.leftovers.iter().filter(is_rival) {
            let there: HashSet<Address> = leftover
                .listener
                .routes()
                .flat_map(|route| self.observed_targets(&route))
                .map(|target| target.address)
                .collect();
            let before = plan.register.len();
            plan.register.retain(|one| !there.contains(&one.address));
            if plan.register.len() < before {
                note = Some(leaves_first(leftover.listener, &desired.route_name(None)));
            }
        }
        note
    }

    /// The other wanted listener that has the addresses which are to be registered: the cloud, which tells connections of layer 4
    /// apart by them, refuses that. It is tried anyway, since only the cloud knows its rules.
    pub(super) fn clash(
        &self,
        intent: &BindingIntent<'_>,
        listener: &ListenerIntent<'_>,
        plan: &TargetPlan,
    ) -> Option<Problem> {
        let protocol = listener.desired.protocol;
        if plan.register.is_empty() || protocol.is_layer7() {
            return None;
        }
        let wanted: HashSet<_> = plan.register.iter().map(|wanted| wanted.address).collect();
        let holds = |other: &&ListenerIntent<'_>| {
            let routes = || other.routes.iter().filter_map(|row| row.route.as_ref());
            other.desired.protocol == protocol
                && !std::ptr::eq(*other, listener)
                && routes()
                    .any(|route| self.observed_targets(route).iter().any(|target| wanted.contains(&target.address)))
        };
        let other = intent.listeners.iter().find(holds)?;
        Some(problem::clash(&listener.desired.route_name(None), &other.desired.route_name(None)))
    }
}

/// What is dark while a listener makes place for one of another protocol.
pub(super) fn goes_first(listener: &Listener, protocol: Protocol) -> String {
    let (port, old) = (listener.port, listener.protocol);
    format!(
        "listener {port}/{old} is deleted before {port}/{protocol} is made in its place: nobody serves on port {port} in between"
    )
}

/// What is dark while targets move from a listener that goes to another one.
fn leaves_first(listener: &Listener, name: &str) -> String {
    format!(
        "CLB takes a Pod's port on one {} listener only, so its targets leave listener {}/{} first: nobody serves until they are \
         healthy on {name}",
        listener.protocol, listener.port, listener.protocol
    )
}
