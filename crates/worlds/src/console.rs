//! What is done at the console of the cloud, to the state of a simulator: that of the world, or one that runs.

use std::net::{IpAddr, Ipv4Addr};

use tke_direct_access::sim::State;
use tke_direct_access_core::api::mark::ListenerName;
use tke_direct_access_core::model::{
    Address, Listener, ListenerId, ListenerState, LoadBalancerId, Protocol, RegisteredTarget, Route,
};

use crate::act::Console;

/// The address of a target that is no Pod's.
const STRANGER: Address = Address { ip: IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9)), port: 80 };

/// Does what somebody does at the console. Where there is nothing of the kind, nothing happens.
pub fn perform(state: &mut State, console: &Console) {
    match console {
        Console::AddListener { load_balancer, port } => {
            // While one is being made, the port is as good as taken.
            if let Some(id) = load_balancer_at(state, *load_balancer).filter(|id| !state.is_changing(id)) {
                _ = state.add_listener(&id, "somebody's", Protocol::Tcp, *port);
            }
        }
        Console::RemoveListener(place) => {
            if let Some((id, listener, _)) = listener_at(state, *place) {
                state.remove_listener(&id, &listener);
            }
        }
        Console::AddTarget(place) => {
            if let Some((id, listener, protocol)) = listener_at(state, *place)
                && !protocol.is_layer7()
            {
                let route = Route { listener, rule: None };
                _ = state.put_target(&id, &route, STRANGER, 10, "");
            }
        }
        Console::RemoveTarget(place) => {
            if let Some((id, route, address, _)) = target_at(state, *place) {
                state.remove_target(&id, &route, address);
            }
        }
        Console::Reweight(place, weight) => {
            if let Some((id, route, address, tag)) = target_at(state, *place) {
                _ = state.put_target(&id, &route, address, *weight, &tag);
            }
        }
        Console::Stop(place, is_stopped) => {
            if let Some((id, listener, _)) = listener_at(state, *place) {
                let stopped = if *is_stopped { ListenerState::Stopped } else { ListenerState::Serving };
                _ = state.set_listener_state(&id, &listener, stopped);
            }
        }
        Console::SwitchOff(place) => {
            if let Some((id, listener, _)) = listener_at(state, *place) {
                _ = state.switch_off(&id, &listener);
            }
        }
        Console::Rename(place) => {
            if let Some((id, listener)) = listener_of_ours_at(state, *place) {
                _ = state.rename_listener(&id, &listener, "mine");
            }
        }
        Console::RemoveLoadBalancer(place) => {
            if let Some(id) = load_balancer_at(state, *place) {
                state.remove_load_balancer(&id);
            }
        }
    }
}

pub(crate) fn load_balancer_at(state: &State, place: usize) -> Option<LoadBalancerId> {
    let ids = load_balancers(state);
    ids.get(place % ids.len().max(1)).cloned()
}

pub(crate) fn listener_at(state: &State, place: usize) -> Option<(LoadBalancerId, ListenerId, Protocol)> {
    let all: Vec<_> = listeners(state).into_iter().map(|(id, found)| (id, found.id, found.protocol)).collect();
    all.get(place % all.len().max(1)).cloned()
}

pub(crate) fn listener_of_ours_at(state: &State, place: usize) -> Option<(LoadBalancerId, ListenerId)> {
    let is_ours = |(_, found): &(LoadBalancerId, Listener)| ListenerName::owner(&found.name).is_some();
    let all: Vec<_> = listeners(state).into_iter().filter(is_ours).map(|(id, found)| (id, found.id)).collect();
    all.get(place % all.len().max(1)).cloned()
}

pub(crate) fn target_at(state: &State, place: usize) -> Option<(LoadBalancerId, Route, Address, String)> {
    let all = targets(state);
    all.get(place % all.len().max(1)).cloned()
}

/// The load balancers in the order in which acts name them: that of their addresses, which are given one after another.
pub fn load_balancers(state: &State) -> Vec<LoadBalancerId> {
    let mut all: Vec<_> = state.load_balancers().map(|one| (one.vip, one.id.clone())).collect();
    all.sort();
    all.into_iter().map(|(_, id)| id).collect()
}

/// The listeners in the order in which acts name them: by port and protocol. Ids are by chance, and so is which of two came first.
pub fn listeners(state: &State) -> Vec<(LoadBalancerId, Listener)> {
    let of = |id: LoadBalancerId| {
        let mut all = state.listeners(&id);
        all.sort_by_key(|one| (one.port, one.protocol));
        all.into_iter().map(move |one| (id.clone(), one))
    };
    load_balancers(state).into_iter().flat_map(of).collect()
}

/// The targets with their tags, in the order in which acts name them: by listener and rule, and then as they were registered.
pub fn targets(state: &State) -> Vec<(LoadBalancerId, Route, Address, String)> {
    let mut all = Vec::new();
    for (id, listener) in listeners(state) {
        let mut of_rules: Vec<_> =
            state.targets(&id).into_iter().filter(|(route, _)| route.listener == listener.id).collect();
        let rule_of = |route: &Route| listener.rules.iter().find(|rule| Some(&rule.id) == route.rule.as_ref());
        of_rules.sort_by_key(|(route, _)| rule_of(route).map(|rule| (rule.domain.clone(), rule.url.clone())));
        for (route, targets) in of_rules {
            let of = |target: RegisteredTarget| (id.clone(), route.clone(), target.address, target.tag);
            all.extend(targets.into_iter().map(of));
        }
    }
    all
}
