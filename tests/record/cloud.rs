//! The cloud of a stage, which tells the tape of what is done to it.

use std::collections::BTreeMap;
use std::ops::Deref;

use tke_direct_access::model::{Address, ListenerId, ListenerState, LoadBalancerId, Protocol, Route, Weight};
use tke_direct_access::sim::{self, ConsoleError, LoadBalancerSpec, Simulator, State, When};
use tke_direct_access_worlds::{Act, Console, Fault, console};

use super::tape::{Log, Tape};

/// A simulator, with a tape where one is kept.
pub(crate) struct Cloud {
    simulator: Simulator,
    tape: Option<Tape>,
}

impl Deref for Cloud {
    type Target = Simulator;

    fn deref(&self) -> &Simulator {
        &self.simulator
    }
}

impl Cloud {
    pub(crate) const fn new(simulator: Simulator, tape: Option<Tape>) -> Self {
        Self { simulator, tape }
    }

    pub(crate) fn console<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let Some(tape) = &self.tape else { return self.simulator.console(act) };
        self.simulator.console(|state| {
            let before = Shown::of(state);
            let result = act(state);
            tape.log().hear(&before, &Shown::of(state));
            result
        })
    }

    pub(crate) fn create_load_balancer(&self, spec: &LoadBalancerSpec) -> Result<LoadBalancerId, ConsoleError> {
        let made = self.simulator.create_load_balancer(spec)?;
        if let Some(tape) = &self.tape {
            tape.add_load_balancer(made.as_str());
        }
        Ok(made)
    }

    pub(crate) fn inject(&self, fault: sim::Fault) {
        if let Some(tape) = &self.tape {
            tape.log().hear_fault(&fault);
        }
        self.simulator.inject(fault);
    }

    pub(crate) fn clear_faults(&self) {
        if let Some(tape) = &self.tape {
            tape.log().push(Act::Fault(Fault::Mended));
        }
        self.simulator.clear_faults();
    }

    pub(crate) fn set_health_override(&self, address: Address, healthy: Option<bool>) {
        if let Some(tape) = &self.tape {
            tape.log().leave_out("the health of a target is decided by hand".to_owned());
        }
        self.simulator.set_health_override(address, healthy);
    }

    pub(crate) async fn shutdown(self) {
        self.simulator.shutdown().await;
    }
}

/// What acts at the console are about, each in the order in which they name it.
struct Shown {
    load_balancers: Vec<LoadBalancerId>,
    listeners: Vec<(ListenerId, LoadBalancerId, Protocol, u16, ListenerState, usize)>,
    targets: Vec<(Route, Address)>,
    weights: BTreeMap<(Route, Address), Weight>,
}

impl Shown {
    fn of(state: &State) -> Self {
        let load_balancers = console::load_balancers(state);
        let of = |(id, one): (LoadBalancerId, tke_direct_access::model::Listener)| {
            (one.id, id, one.protocol, one.port, one.state, one.rules.len())
        };
        let listeners = console::listeners(state).into_iter().map(of).collect();
        let weights = load_balancers.iter().flat_map(|id| state.targets(id)).flat_map(|(route, targets)| {
            targets.into_iter().map(move |target| ((route.clone(), target.address), target.weight))
        });
        let weights = weights.collect();
        let targets = console::targets(state).into_iter().map(|(_, route, address, _)| (route, address)).collect();
        Self { load_balancers, listeners, targets, weights }
    }

    fn listener(&self, id: &ListenerId) -> usize {
        self.listeners.iter().take_while(|one| one.0 != *id).count()
    }
}

impl Log {
    fn push(&mut self, act: Act) {
        let now = self.now();
        self.acts.push((now, act));
    }

    /// Somebody at the console has made this of that.
    fn hear(&mut self, before: &Shown, after: &Shown) {
        for (place, id) in before.load_balancers.iter().enumerate() {
            if !after.load_balancers.contains(id) {
                self.push(Act::Console(Console::RemoveLoadBalancer(place)));
            }
        }
        for (place, (id, load_balancer, ..)) in before.listeners.iter().enumerate() {
            let is_there = after.load_balancers.contains(load_balancer);
            if is_there && after.listeners.iter().all(|one| one.0 != *id) {
                self.push(Act::Console(Console::RemoveListener(place)));
            }
        }
        for (place, (id, load_balancer, protocol, port, state, rules)) in after.listeners.iter().enumerate() {
            let known = before.listeners.iter().find(|one| one.0 == *id);
            match known {
                None if *protocol == Protocol::Tcp => {
                    let of = after.load_balancers.iter().take_while(|one| *one != load_balancer).count();
                    self.push(Act::Console(Console::AddListener { load_balancer: of, port: *port }));
                }
                None => self.leave_out(format!("a listener of {protocol} is made by hand")),
                Some(known) if known.4 != *state => {
                    self.push(Act::Console(Console::Stop(place, *state == ListenerState::Stopped)));
                }
                Some(known) if known.5 != *rules => self.leave_out("rules are changed by hand".to_owned()),
                Some(_) => {}
            }
        }
        self.hear_targets(before, after);
    }

    fn hear_targets(&mut self, before: &Shown, after: &Shown) {
        for (place, target) in before.targets.iter().enumerate() {
            let has_listener = after.listeners.iter().any(|one| one.0 == target.0.listener);
            if has_listener && !after.weights.contains_key(target) {
                self.push(Act::Console(Console::RemoveTarget(place)));
            }
        }
        for (place, target) in after.targets.iter().enumerate() {
            let now = after.weights.get(target);
            match before.weights.get(target) {
                None => self.push(Act::Console(Console::AddTarget(after.listener(&target.0.listener)))),
                Some(then) if Some(then) != now => {
                    let weight = now.copied().unwrap_or_default();
                    self.push(Act::Console(Console::Reweight(place, weight)));
                }
                Some(_) => {}
            }
        }
    }

    fn hear_fault(&mut self, fault: &sim::Fault) {
        if fault.names.is_some() {
            return self.leave_out("faults of calls that name something".to_owned());
        }
        let count = match fault.when {
            When::Next(count) => count,
            // One in so many is one now.
            When::Call(_) | When::Every(_) => 1,
            When::Always => u64::MAX,
        };
        let (action, effect) = (fault.action.clone(), fault.effect.clone());
        self.push(Act::Fault(Fault::Calls { action, count, effect }));
    }
}
