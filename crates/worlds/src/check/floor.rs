//! Nobody leaves before somebody serves: what the cloud's routes have before and after each change.

use std::collections::{BTreeMap, BTreeSet};

use tke_direct_access::sim::PureCloud;
use tke_direct_access_core::api::mark::OWNER_TAG;
use tke_direct_access_core::model::{
    Address, Health, ListenerState, LoadBalancerId, RegisteredTarget, Route, RuleId, Weight,
};

/// What was seen of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Name, port and protocol of each listener, by id.
    pub(crate) listeners: BTreeMap<String, (String, u16, &'static str)>,
    /// Domain and path of each rule, by id.
    pub(crate) rules: BTreeMap<RuleId, (String, String)>,
    /// Weight and tag of each target.
    pub(crate) targets: BTreeMap<Route, BTreeMap<Address, (Weight, String)>>,
    /// The targets that are well, as the cloud says.
    pub(crate) well: BTreeSet<(Route, Address)>,
    /// The tag that says for which binding it was made.
    pub(crate) owner: Option<String>,
}

impl Seen {
    /// What there is of a load balancer; `None` where there is none.
    pub(crate) fn of(cloud: &PureCloud, id: &LoadBalancerId) -> Option<Self> {
        let state = cloud.state();
        state.load_balancer(id)?;
        let all = state.listeners(id);
        // Nothing goes to a listener that is stopped, so that nobody who leaves it is missed.
        let serves =
            |listener: &str| all.iter().any(|one| one.id.as_str() == listener && one.state == ListenerState::Serving);
        let listeners =
            all.iter().cloned().map(|one| (one.id.to_string(), (one.name, one.port, one.protocol.as_str())));
        let rules = all.iter().flat_map(|one| one.rules.iter().cloned());
        let rules = rules.map(|rule| (rule.id, (rule.domain, rule.url))).collect();
        let row = |target: RegisteredTarget| (target.address, (target.weight, target.tag));
        let targets = state.targets(id).into_iter();
        let targets = targets.map(|(route, all)| (route, all.into_iter().map(row).collect()));
        // Of layer 4, health is reported of a rule that there is not.
        let is_layer7 = |listener: &str| all.iter().any(|one| one.id.as_str() == listener && one.protocol.is_layer7());
        let well = state.health(id).into_iter().filter(|one| matches!(one.health, Health::Healthy | Health::CheckOff));
        let well = well.filter(|one| serves(one.listener.as_str())).map(|one| {
            let rule = is_layer7(one.listener.as_str()).then_some(one.rule);
            (Route { listener: one.listener, rule }, one.address)
        });
        let well = well.collect();
        let owner = cloud.tag_of(id, OWNER_TAG).map(str::to_owned);
        Some(Self { listeners: listeners.collect(), rules, targets: targets.collect(), well, owner })
    }

    /// Whether a target takes traffic: it has a weight and the cloud finds it well.
    pub(crate) fn takes(&self, route: &Route, address: Address) -> bool {
        let weight = self.targets.get(route).and_then(|all| all.get(&address)).map_or(0, |(weight, _)| *weight);
        weight > 0 && self.well.contains(&(route.clone(), address))
    }
}

/// A route on which somebody served before a change, and nobody does after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emptied {
    pub(crate) route: Route,
    /// The listener's name, port and protocol.
    pub(crate) listener: (String, u16, &'static str),
    /// Domain and path of its rule.
    pub(crate) rule: Option<(String, String)>,
    /// Who has left and would have served on.
    pub(crate) left: Vec<(Address, String)>,
}

/// The routes that a change has emptied although somebody would have served on. `serves` says whether the Pod
/// for which a target of this tag was registered takes connections; of one without our tag, whoever has the address. Where tags
/// are hidden, whoever has the address counts as serving on, and only the Pod itself as taken away. `unknowable` says
/// that nobody could know by now that it does not.
pub(crate) fn emptied(
    before: &Seen,
    after: &Seen,
    hides_tags: bool,
    serves: impl Fn(Address, &str) -> bool,
    unknowable: impl Fn(Address) -> bool,
) -> Vec<Emptied> {
    let mut found = Vec::new();
    for (route, targets) in &before.targets {
        let Some(listener) = before.listeners.get(route.listener.as_str()) else { continue };
        let keeps = |address: &Address| {
            after.targets.get(route).and_then(|all| all.get(address)).is_some_and(|(weight, _)| *weight > 0)
        };
        let left: Vec<_> = targets
            .iter()
            .filter(|(address, (_, tag))| before.takes(route, **address) && !keeps(address) && serves(**address, tag))
            .map(|(address, (_, tag))| (*address, tag.clone()))
            .collect();
        let serve_on = after.targets.get(route).into_iter().flatten();
        let mut serve_on = serve_on.filter(|(address, (_, tag))| {
            let tag = if hides_tags { "" } else { tag };
            after.takes(route, **address) && (serves(**address, tag) || unknowable(**address))
        });
        if !left.is_empty() && serve_on.next().is_none() {
            let rule = route.rule.as_ref().and_then(|id| before.rules.get(id).cloned());
            found.push(Emptied { route: route.clone(), listener: listener.clone(), rule, left });
        }
    }
    found
}
