//! Which listener of the load balancer has a Pod's address and port, where several ask for it.
//!
//! CLB tells connections of layer 4 apart by the address of the load balancer, the protocol, and the address and port of the target: an
//! address and port is behind one listener of a protocol only. Sources: <https://cloud.tencent.com/document/product/214/6151>, and
//! E4036 of TKE's page 457/81004. So all bindings of a load balancer are looked at together, before anything is registered.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::api::mark::TargetTag;
use crate::model::{Address, Listener, ListenerState, Protocol, RegisteredTarget, Route};

use super::clash::leaves_first;
use super::departure::PodIntent;
use super::handover::Awaits;
use super::management::Management;
use super::routes::{BindingIntent, ListenerIntent, Presence, RouteIntent, marked};
use super::target::TargetPlan;
use super::{BindingView, Observed, Snapshot, problem};

/// A listener of a load balancer: no two have protocol and port in common.
pub(super) type Place = (Protocol, u16);

/// Who has an address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Holder {
    /// The port of the listener.
    port: u16,
    /// The binding, by its place in the snapshot; `None` for somebody else.
    binding: Option<usize>,
    /// A read shows the target there.
    is_registered: bool,
}

/// A listener of layer 4 that is to have targets.
struct Claim {
    binding: usize,
    listener: usize,
    place: Place,
    /// The addresses of Pods that are to serve there.
    addresses: Vec<Address>,
    /// Of them, those that the listener would give traffic at once, as far as is known.
    receivable: Vec<Address>,
}

/// Who has which address and port of the Pods that a load balancer is to serve.
#[derive(Default)]
pub(super) struct Backends {
    claims: Vec<Claim>,
    holders: HashMap<(Protocol, Address), Holder>,
    /// What is registered, where.
    registered: HashSet<(Place, Address)>,
    /// Of them, what has no weight and is not to serve there.
    idle: HashSet<(Protocol, Address)>,
    /// What is registered there and is to serve on another listener alone, which is ready to take it.
    awaited: HashSet<(Place, Address)>,
    /// Of them, what cannot wait until others serve in its place, because these are registered where it is awaited.
    exchanged: HashSet<(Place, Address)>,
}

impl Backends {
    /// Decides on every address and port: who has it registered keeps it, and who has others of the same Pods registered gets it before
    /// who has none; then the older binding has it, and of one binding the first listener.
    pub(super) fn find(snapshot: &Snapshot, observed: &Observed, intents: &[BindingIntent<'_>]) -> Self {
        let mut found = Self::default();
        let mut weightless = Vec::new();
        for listener in observed.listeners.iter().filter(|listener| !listener.protocol.is_layer7()) {
            let route = Route { listener: listener.id.clone(), rule: None };
            for target in observed.targets.get(&route).into_iter().flatten() {
                let binding = registrant(snapshot, intents, listener, target);
                let holder = Holder { port: listener.port, binding, is_registered: true };
                found.registered.insert(((listener.protocol, listener.port), target.address));
                if target.weight == 0 {
                    weightless.push(((listener.protocol, listener.port), target.address));
                }
                found.holders.entry((listener.protocol, target.address)).or_insert(holder);
            }
        }
        found.claims = claims(snapshot, observed, intents);
        let is_newcomer =
            |claim: &Claim| !claim.addresses.iter().any(|address| found.registered.contains(&(claim.place, *address)));
        found.claims.sort_by_cached_key(|claim| {
            let (time, uid) = intents[claim.binding].view.seniority();
            (is_newcomer(claim), time, uid.to_owned(), claim.listener)
        });
        for claim in &found.claims {
            let (protocol, port) = claim.place;
            let holder = Holder { port, binding: Some(claim.binding), is_registered: false };
            for address in &claim.addresses {
                found.holders.entry((protocol, *address)).or_insert(holder);
            }
        }
        let meant: HashSet<_> = found
            .claims
            .iter()
            .flat_map(|claim| claim.addresses.iter().map(|address| (claim.place, *address)))
            .collect();
        found.idle = weightless
            .into_iter()
            .filter(|row| !meant.contains(row))
            .map(|((protocol, _), row)| (protocol, row))
            .collect();
        found.find_awaited(&meant);
        found
    }

    /// What claims do not get because another listener has it registered, which is not to have it.
    fn find_awaited(&mut self, meant: &HashSet<(Place, Address)>) {
        let mut awaited = Vec::new();
        for claim in &self.claims {
            for address in &claim.receivable {
                let holder = self.holder_elsewhere(claim.place, *address).filter(|holder| holder.is_registered);
                let Some(holder) = holder.filter(|holder| holder.binding.is_some()) else { continue };
                let giver = (claim.place.0, holder.port);
                if !meant.contains(&(giver, *address)) {
                    awaited.push((claim.place, giver, *address));
                }
            }
        }
        let rings = rings(awaited.iter().map(|(receiver, giver, _)| (*receiver, *giver)).collect());
        let is_exchanged = |row: &&(Place, Place, Address)| rings.contains(&(row.0, row.1));
        let what = |(_, giver, address): &(Place, Place, Address)| (*giver, *address);
        self.exchanged = awaited.iter().filter(is_exchanged).map(what).collect();
        self.awaited = awaited.iter().map(what).collect();
    }

    /// The address is registered on another listener, without weight, and is not to serve there.
    pub(super) fn is_idle(&self, place: Place, address: Address) -> bool {
        self.is_elsewhere(place, address) && self.idle.contains(&(place.0, address))
    }

    /// The address is registered there, and whether another listener that is ready to take it is to have it.
    pub(super) fn awaits(&self, place: Place, address: Address) -> Awaits {
        match (self.awaited.contains(&(place, address)), self.exchanged.contains(&(place, address))) {
            (false, _) => Awaits::Nobody,
            (true, false) => Awaits::Taker,
            (true, true) => Awaits::Exchange,
        }
    }

    /// The address is not registered there, and is another listener's.
    pub(super) fn is_elsewhere(&self, place: Place, address: Address) -> bool {
        self.holder_elsewhere(place, address).is_some()
    }

    fn holder_elsewhere(&self, place: Place, address: Address) -> Option<Holder> {
        let holder = self.holders.get(&(place.0, address)).filter(|holder| holder.port != place.1)?;
        (!self.registered.contains(&(place, address))).then_some(*holder)
    }

    /// Says of each listener whose addresses it does not get, and to whom they are; of those that are on their way out there, how many.
    pub(super) fn say(&self, observed: &Observed, plans: &[TargetPlan], intents: &mut [BindingIntent<'_>]) {
        let gone = plans.iter().flat_map(|plan| plan.deregister.iter().chain(&plan.make_room));
        let passing = plans.iter().flat_map(|plan| &plan.passing).map(|(route, address)| (route, *address));
        let leaving: HashSet<_> = gone.map(|removal| (&removal.route, removal.address)).chain(passing).collect();
        for claim in &self.claims {
            let mut lost: BTreeMap<Holder, BTreeSet<Address>> = BTreeMap::new();
            for address in &claim.addresses {
                if let Some(holder) = self.holder_elsewhere(claim.place, *address) {
                    lost.entry(holder).or_default().insert(*address);
                }
            }
            for (holder, addresses) in lost {
                say_lost(claim, holder, &addresses, (observed, &leaving), intents);
            }
        }
    }
}

/// Those of these pairs of who waits and for whom that make rings, in which nobody can begin.
fn rings(mut pairs: BTreeSet<(Place, Place)>) -> BTreeSet<(Place, Place)> {
    loop {
        let waiting: BTreeSet<_> = pairs.iter().map(|(waiting, _)| *waiting).collect();
        let giving: BTreeSet<_> = pairs.iter().map(|(_, giving)| *giving).collect();
        let before = pairs.len();
        pairs.retain(|(from, to)| waiting.contains(to) && giving.contains(from));
        if pairs.len() == before {
            return pairs;
        }
    }
}

/// The binding that has registered a target: its tag says so, or, where it has none, who has made the listener.
fn registrant(
    snapshot: &Snapshot,
    intents: &[BindingIntent<'_>],
    listener: &Listener,
    target: &RegisteredTarget,
) -> Option<usize> {
    let is_its = |view: &BindingView| match TargetTag::parse(&target.tag) {
        Some(tag) => view.is_uid_of_ours(&tag.binding_uid),
        None => target.tag.is_empty() && view.has_made(listener, snapshot),
    };
    intents.iter().position(|intent| is_its(intent.view))
}

/// The listeners of layer 4 at which Pods are to be registered, or would be if they were there.
fn claims(snapshot: &Snapshot, observed: &Observed, intents: &[BindingIntent<'_>]) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (binding, intent) in intents.iter().enumerate() {
        if matches!(intent.management, Management::Abandon(_) | Management::Freeze(_) | Management::Observe) {
            continue;
        }
        let marked = marked(intent.view, observed);
        for (listener, one) in intent.listeners.iter().enumerate() {
            let Some(endpoints) = &one.desired.endpoints else { continue };
            let is_meant = one.routes.iter().any(|row| row.concerns(intent.view, &marked));
            if one.desired.protocol.is_layer7() || matches!(one.presence, Presence::Blocked) || !is_meant {
                continue;
            }
            let is_ready = intent.management == Management::Manage && takes_targets(snapshot, one);
            let (mut addresses, mut receivable) = (Vec::new(), Vec::new());
            for candidate in endpoints.candidates.values() {
                let PodIntent::Serve(weight) = &candidate.intent else { continue };
                addresses.push(candidate.address);
                if is_ready && !weight.is_zero() {
                    receivable.push(candidate.address);
                }
            }
            let place = (one.desired.protocol, one.desired.port);
            claims.push(Claim { binding, listener, place, addresses, receivable });
        }
    }
    claims
}

/// The listener is there and gives traffic to who is registered with it, and the cloud has not refused to register anybody.
fn takes_targets(snapshot: &Snapshot, one: &ListenerIntent<'_>) -> bool {
    one.presence.listener().is_some_and(|listener| {
        let is_it = |route: &Route| route.listener == listener.id;
        listener.state == ListenerState::Serving && !snapshot.remembered.refused_registrations.iter().any(is_it)
    })
}

/// Nobody knows whether the listener is wanted: it goes on with what it has until that is known, and other words say why.
fn is_unresolved(one: &ListenerIntent<'_>) -> bool {
    one.routes.iter().all(|row| row.intent == RouteIntent::Unresolved)
}

fn say_lost(
    claim: &Claim,
    holder: Holder,
    addresses: &BTreeSet<Address>,
    (observed, leaving): (&Observed, &HashSet<(&Route, Address)>),
    intents: &mut [BindingIntent<'_>],
) {
    let there = observed.listeners.iter().find(|one| (one.protocol, one.port) == (claim.place.0, holder.port));
    let intent = &intents[claim.binding];
    let loser = &intent.listeners[claim.listener];
    let route = there.map(|listener| Route { listener: listener.id.clone(), rule: None });
    let goes = |address: &&Address| route.as_ref().is_some_and(|route| leaving.contains(&(route, **address)));
    if holder.binding == Some(claim.binding) {
        let is_left = |listener: &&Listener| intent.leftovers.iter().any(|left| left.listener.id == listener.id);
        if let Some(leftover) = there.filter(is_left) {
            let note = leaves_first(leftover, &loser.desired);
            intents[claim.binding].plan.advice.push(problem::listener_replaced(note));
            return;
        }
        let is_there =
            |one: &&ListenerIntent<'_>| (one.desired.protocol, one.desired.port) == (claim.place.0, holder.port);
        if is_unresolved(loser) || intent.listeners.iter().find(is_there).is_some_and(is_unresolved) {
            return;
        }
    }
    let (passing, kept): (Vec<Address>, Vec<Address>) = addresses.iter().copied().partition(|address| goes(&address));
    let lost = loser.desired.route_name(None);
    intents[claim.binding].plan.pending.awaited += passing.len();
    let Some(first) = kept.first() else { return };
    let names =
        [Some(claim.binding), holder.binding].map(|index| index.map(|index| intents[index].view.display_name()));
    let [Some(own), other] = names else { return };
    let held = format!("listener {}/{}", holder.port, claim.place.0);
    let problem = problem::clash((&own, &lost), (other.as_deref(), &held), *first);
    intents[claim.binding].plan.problems.push(problem);
    if let Some(other) = holder.binding.filter(|other| *other != claim.binding) {
        let what = format!("targets of {held}, for its {lost}");
        intents[other].plan.advice.push(problem::contested(&own, &what));
    }
}
