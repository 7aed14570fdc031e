//! What is done at the console of the cloud, to the state of a simulator: that of the world, or one that runs.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use tke_direct_access::sim::{ConsoleError, State};
use tke_direct_access_core::api::mark::{ListenerName, OWNER_TAG};
use tke_direct_access_core::model::{
    Address, Listener, ListenerId, ListenerState, LoadBalancerId, Protocol, RegisteredTarget, Route, Weight,
};

use crate::act::Console;

/// The address of a target that is no Pod's.
const STRANGER: Address = Address { ip: IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9)), port: 80 };

/// Why nothing comes of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// There is nothing of the kind.
    Absent,
    /// A task of the load balancer runs. While a listener is being made, its port is as good as taken.
    Changing,
    /// The port is taken.
    Taken,
    /// A listener of layer 7 has targets by its rules only.
    Layer7,
    /// The object is being deleted.
    Deleted,
    /// The API server refuses it with these words.
    Refused(String),
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is nothing of the kind"),
            Self::Changing => f.write_str("the load balancer is being changed"),
            Self::Taken => f.write_str("the port is taken"),
            Self::Layer7 => f.write_str("a listener of layer 7 has targets by its rules only"),
            Self::Deleted => f.write_str("the object is being deleted"),
            Self::Refused(words) => write!(f, "it is refused: {words}"),
        }
    }
}

/// Does what somebody does at the console.
///
/// # Errors
/// Why nothing comes of it.
pub fn perform(state: &mut State, console: &Console) -> Result<(), NotDone> {
    let absent = |_: ConsoleError| NotDone::Absent;
    let is_there = |is_there: bool| if is_there { Ok(()) } else { Err(NotDone::Absent) };
    match console {
        Console::AddListener { load_balancer, port } => {
            let id = load_balancer_at(state, *load_balancer).ok_or(NotDone::Absent)?;
            if state.is_changing(&id) {
                return Err(NotDone::Changing);
            }
            state.add_listener(&id, "somebody's", Protocol::Tcp, *port).map(drop).map_err(|_| NotDone::Taken)
        }
        Console::RemoveListener(place) => {
            let (id, listener, _) = listener_at(state, *place).ok_or(NotDone::Absent)?;
            is_there(state.remove_listener(&id, &listener))
        }
        Console::AddTarget(place) => {
            let (id, listener, protocol) = listener_at(state, *place).ok_or(NotDone::Absent)?;
            if protocol.is_layer7() {
                return Err(NotDone::Layer7);
            }
            state.put_target(&id, &Route { listener, rule: None }, STRANGER, 10, "").map_err(absent)
        }
        Console::RemoveTarget(place) => {
            let (id, route, address, _) = target_at(state, *place).ok_or(NotDone::Absent)?;
            is_there(state.remove_target(&id, &route, address))
        }
        Console::Reweight(place, weight) => {
            let (id, route, address, tag) = target_at(state, *place).ok_or(NotDone::Absent)?;
            state.put_target(&id, &route, address, *weight, &tag).map_err(absent)
        }
        Console::Stop(place, is_stopped) => {
            let (id, listener, _) = listener_at(state, *place).ok_or(NotDone::Absent)?;
            let stopped = if *is_stopped { ListenerState::Stopped } else { ListenerState::Serving };
            state.set_listener_state(&id, &listener, stopped).map_err(absent)
        }
        Console::SwitchOff(place) => {
            let (id, listener, _) = listener_at(state, *place).ok_or(NotDone::Absent)?;
            state.switch_off(&id, &listener).map_err(absent)
        }
        Console::Rename(place) => {
            let (id, listener) = listener_of_ours_at(state, *place).ok_or(NotDone::Absent)?;
            state.rename_listener(&id, &listener, "mine").map_err(absent)
        }
        Console::Untag(place) => {
            let id = load_balancer_at(state, *place).ok_or(NotDone::Absent)?;
            is_there(state.remove_tag(&id, OWNER_TAG))
        }
        Console::Retag(place, tag) => {
            let (id, route, address, _) = target_at(state, *place).ok_or(NotDone::Absent)?;
            let weight = weight_of(state, &id, &route, address).ok_or(NotDone::Absent)?;
            state.put_target(&id, &route, address, weight, tag).map_err(absent)
        }
        Console::RemoveLoadBalancer(place) => {
            let id = load_balancer_at(state, *place).ok_or(NotDone::Absent)?;
            is_there(state.remove_load_balancer(&id))
        }
    }
}

fn weight_of(state: &State, id: &LoadBalancerId, route: &Route, address: Address) -> Option<Weight> {
    let all = state.targets(id);
    all.get(route)?.iter().find(|target| target.address == address).map(|target| target.weight)
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
