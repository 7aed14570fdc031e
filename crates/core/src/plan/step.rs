//! The effects a plan can have on the cloud. A step leaves no choice: it carries every id and value it needs.

use std::fmt;

use super::adoption::Retag;
use super::management::Proof;
use super::placement::Creation;
use crate::api::condition::ChangeReason;
use crate::api::mark::ListenerName;
use crate::model::{Address, Attributes, Drift, ListenerId, Protocol, Route, RuleId, Weight};

/// One effect. Steps are ordered by safety: see [`Plan`](super::Plan).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Create listeners that are alike. Their names carry the owner's mark, so a lost reply is found again.
    CreateListeners {
        /// The protocol of all of them.
        protocol: Protocol,
        /// The settings of all of them; what is absent is left to the cloud.
        attributes: Attributes,
        /// Port and name of each.
        listeners: Vec<(u16, String)>,
    },
    /// Create rules of a layer-7 listener that is ours.
    CreateRules {
        /// The listener.
        listener: ListenerId,
        /// The rules. Never empty.
        rules: Vec<NewRule>,
    },
    /// Register targets.
    Register(Vec<Registration>),
    /// Set weights of targets that are ours.
    Reweight(Vec<WeightChange>),
    /// Deregister targets that are ours.
    Deregister(Vec<Removal>),
    /// Give targets of ours, which carry the mark of a former binding, the mark of this one.
    Retag(Vec<Retag>),
    /// Change settings of a listener that is ours.
    ModifyListener {
        /// The listener.
        listener: ListenerId,
        /// What changes.
        change: Change,
    },
    /// Change settings of a domain of a listener that is ours.
    ModifyDomain {
        /// The listener.
        listener: ListenerId,
        /// The domain.
        domain: String,
        /// What changes.
        change: Change,
    },
    /// Change settings of a rule of a listener that is ours.
    ModifyRule {
        /// The listener.
        listener: ListenerId,
        /// The rule.
        rule: RuleId,
        /// What changes.
        change: Change,
    },
    /// Create a load balancer. Its token and tag make it the only one.
    CreateLoadBalancer(Box<Creation>),
    /// Change settings of the load balancer.
    ModifyLoadBalancer(Change),
    /// Change the security groups of a load balancer that is ours.
    SetSecurityGroups(Change),
    /// Delete the load balancer, which is ours and holds nothing.
    DeleteLoadBalancer,
    /// Delete rules that are ours and hold nothing foreign.
    DeleteRules {
        /// Why they may go.
        proof: Proof,
        /// The listener.
        listener: ListenerId,
        /// The rules. Never empty.
        rules: Vec<RuleId>,
        /// The domain that becomes the default, when the default one goes and others stay.
        new_default: Option<String>,
    },
    /// Delete listeners that are ours and hold nothing foreign, each with why it may go. Never empty.
    DeleteListeners(Vec<(ListenerId, Proof)>),
}

/// A rule to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRule {
    /// The domain.
    pub domain: String,
    /// The path.
    pub url: String,
    /// Its settings and its domain's; what is absent is left to the cloud.
    pub attributes: Attributes,
}

/// A change of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is changed, as the entry of a config: `TCP:80`, or `HTTPS:443 shop.example.com/cart`.
    pub subject: String,
    /// What to send: everything that differs, and with one member of a health check all of them.
    pub attributes: Attributes,
    /// What differs.
    pub drift: Vec<Drift>,
}

/// A target to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The UID of the binding that asks for it.
    pub owner: String,
    /// Where.
    pub route: Route,
    /// The Pod's address and port.
    pub address: Address,
    /// The Pod's name.
    pub pod: String,
    /// The Pod's UID.
    pub pod_uid: String,
    /// Why.
    pub reason: ChangeReason,
    /// The weight.
    pub weight: Weight,
    /// The mark of ownership: binding and Pod.
    pub tag: String,
}

/// A target that gets another weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightChange {
    /// The UID of the binding that asks for it.
    pub owner: String,
    /// Where.
    pub route: Route,
    /// The Pod's address and port.
    pub address: Address,
    /// The Pod's name; `None` for a Pod that is not known any more.
    pub pod: Option<String>,
    /// The weight that was read.
    pub from: Weight,
    /// The weight to set.
    pub to: Weight,
    /// Why.
    pub reason: ChangeReason,
    /// Who serves without it; empty where that is not the question.
    pub remark: String,
}

/// A target to deregister.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The UID of the binding that asks for it.
    pub owner: String,
    /// Where.
    pub route: Route,
    /// The Pod's address and port.
    pub address: Address,
    /// The Pod's name; `None` for a Pod that is not known any more.
    pub pod: Option<String>,
    /// The weight that was read.
    pub weight: Weight,
    /// Why.
    pub reason: ChangeReason,
}

/// What of these steps may be done while listeners are still being read: what Pods ask for, and nothing that a spec does, or that is
/// safe only together with another step.
pub(super) fn without_doubt(steps: Vec<Step>) -> Vec<Step> {
    let makes_room = |step: &Step| match step {
        Step::Deregister(all) => all.iter().any(|one| one.reason == ChangeReason::RoomNeeded),
        _ => false,
    };
    let needs_room = steps.iter().any(makes_room);
    let rest = steps.into_iter().filter(|step| !(needs_room && matches!(step, Step::Register(_))));
    rest.filter_map(Step::without_doubt).collect()
}

fn of_pod(pod: Option<&String>) -> String {
    pod.map(|pod| format!(" ({pod})")).unwrap_or_default()
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) with weight {}: {}", self.address, self.pod, self.weight, self.reason)
    }
}

impl fmt::Display for WeightChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pod = of_pod(self.pod.as_ref());
        write!(f, "weight {} → {} of {}{pod}: {}", self.from, self.to, self.address, self.reason)?;
        if self.remark.is_empty() { Ok(()) } else { write!(f, "; {}", self.remark) }
    }
}

impl fmt::Display for Retag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mark {} as {}", self.address, self.tag)
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} at weight {}: {}", self.address, of_pod(self.pod.as_ref()), self.weight, self.reason)
    }
}

impl Step {
    fn without_doubt(self) -> Option<Self> {
        let is_of_pods = |reason: ChangeReason| {
            !matches!(reason, ChangeReason::SpecChanged | ChangeReason::RoomNeeded | ChangeReason::Drift)
        };
        let step = match self {
            Self::Register(all) => Self::Register(all),
            Self::Reweight(mut all) => {
                all.retain(|one| is_of_pods(one.reason));
                Self::Reweight(all)
            }
            Self::Deregister(mut all) => {
                all.retain(|one| is_of_pods(one.reason));
                Self::Deregister(all)
            }
            _ => return None,
        };
        (!step.is_empty()).then_some(step)
    }

    /// The targets that it is about.
    pub fn targets(&self) -> Vec<(Route, Address)> {
        match self {
            Self::Reweight(all) => all.iter().map(|one| (one.route.clone(), one.address)).collect(),
            Self::Retag(all) => all.iter().map(|one| (one.route.clone(), one.address)).collect(),
            _ => self.changed_targets(),
        }
    }

    /// What of it is about these targets. Steps that are not about targets stay as they are; `None` where nothing is left.
    pub fn only(self, is_one: &dyn Fn(&(Route, Address)) -> bool) -> Option<Self> {
        let step = match self {
            Self::Register(mut all) => {
                all.retain(|one| is_one(&(one.route.clone(), one.address)));
                Self::Register(all)
            }
            Self::Reweight(mut all) => {
                all.retain(|one| is_one(&(one.route.clone(), one.address)));
                Self::Reweight(all)
            }
            Self::Deregister(mut all) => {
                all.retain(|one| is_one(&(one.route.clone(), one.address)));
                Self::Deregister(all)
            }
            Self::Retag(mut all) => {
                all.retain(|one| is_one(&(one.route.clone(), one.address)));
                Self::Retag(all)
            }
            step => return Some(step),
        };
        (!step.is_empty()).then_some(step)
    }

    /// It is about no target any more.
    const fn is_empty(&self) -> bool {
        match self {
            Self::Register(all) => all.is_empty(),
            Self::Reweight(all) => all.is_empty(),
            Self::Deregister(all) => all.is_empty(),
            Self::Retag(all) => all.is_empty(),
            _ => false,
        }
    }

    /// The listeners that a failure of this step may be blamed on; empty when they do not exist yet.
    pub fn listeners(&self) -> Vec<&ListenerId> {
        match self {
            Self::CreateListeners { .. }
            | Self::CreateLoadBalancer(_)
            | Self::ModifyLoadBalancer(_)
            | Self::SetSecurityGroups(_)
            | Self::DeleteLoadBalancer => Vec::new(),
            Self::CreateRules { listener, .. }
            | Self::ModifyListener { listener, .. }
            | Self::ModifyDomain { listener, .. }
            | Self::ModifyRule { listener, .. }
            | Self::DeleteRules { listener, .. } => vec![listener],
            Self::Register(targets) => targets.iter().map(|target| &target.route.listener).collect(),
            Self::Reweight(targets) => targets.iter().map(|target| &target.route.listener).collect(),
            Self::Deregister(targets) => targets.iter().map(|target| &target.route.listener).collect(),
            Self::Retag(targets) => targets.iter().map(|target| &target.route.listener).collect(),
            Self::DeleteListeners(ids) => ids.iter().map(|(id, _)| id).collect(),
        }
    }

    /// True when the step is about the binding of this UID, which has listeners for which `has` is true.
    pub fn concerns(&self, uid: &str, has: impl Fn(&ListenerId) -> bool) -> bool {
        match self {
            Self::CreateListeners { listeners, .. } => {
                listeners.iter().any(|(_, name)| ListenerName::owner(name) == Some(uid))
            }
            Self::CreateLoadBalancer(_)
            | Self::ModifyLoadBalancer(_)
            | Self::SetSecurityGroups(_)
            | Self::DeleteLoadBalancer => true,
            Self::Register(targets) => targets.iter().any(|target| target.owner == uid),
            Self::Reweight(targets) => targets.iter().any(|target| target.owner == uid),
            Self::Deregister(targets) => targets.iter().any(|target| target.owner == uid),
            Self::Retag(targets) => targets.iter().any(|target| target.owner == uid),
            _ => self.listeners().into_iter().any(has),
        }
    }

    /// The targets that the step registers or deregisters.
    pub fn changed_targets(&self) -> Vec<(Route, Address)> {
        match self {
            Self::Register(all) => all.iter().map(|one| (one.route.clone(), one.address)).collect(),
            Self::Deregister(all) => all.iter().map(|one| (one.route.clone(), one.address)).collect(),
            _ => Vec::new(),
        }
    }

    /// What the step does for the binding of this UID, which has listeners for which `has` is true, and for no other; `None` where that is
    /// nothing. Every message of a binding takes its words from here.
    pub fn words_for(&self, uid: &str, has: impl Fn(&ListenerId) -> bool) -> Option<String> {
        let own = match self {
            Self::CreateListeners { protocol, attributes, listeners } => {
                let (protocol, attributes, mut listeners) = (*protocol, attributes.clone(), listeners.clone());
                listeners.retain(|(_, name)| ListenerName::owner(name) == Some(uid));
                let is_own = !listeners.is_empty();
                return is_own.then(|| Self::CreateListeners { protocol, attributes, listeners }.to_string());
            }
            Self::DeleteListeners(ids) => {
                let own: Vec<_> = ids.iter().filter(|(id, _)| has(id)).cloned().collect();
                return (!own.is_empty()).then(|| Self::DeleteListeners(own).to_string());
            }
            Self::Register(targets) => words(targets.iter().filter(|target| target.owner == uid)),
            Self::Reweight(targets) => words(targets.iter().filter(|target| target.owner == uid)),
            Self::Deregister(targets) => words(targets.iter().filter(|target| target.owner == uid)),
            Self::Retag(targets) => words(targets.iter().filter(|target| target.owner == uid)),
            Self::CreateRules { .. }
            | Self::ModifyListener { .. }
            | Self::ModifyDomain { .. }
            | Self::ModifyRule { .. }
            | Self::CreateLoadBalancer(_)
            | Self::ModifyLoadBalancer(_)
            | Self::SetSecurityGroups(_)
            | Self::DeleteLoadBalancer
            | Self::DeleteRules { .. } => return self.concerns(uid, has).then(|| self.to_string()),
        };
        (!own.is_empty()).then(|| own.join("; "))
    }

    /// True when a refusal of this step says nothing about the steps after it, so that they are tried all the same: it
    /// makes or changes something that no target is behind yet, or settings only.
    pub const fn is_alone(&self) -> bool {
        match self {
            Self::CreateListeners { .. } | Self::CreateRules { .. } | Self::Retag(_) => true,
            _ => self.change().is_some(),
        }
    }

    /// The settings that the step changes; `None` for steps that do something else.
    pub const fn change(&self) -> Option<&Change> {
        match self {
            Self::ModifyListener { change, .. }
            | Self::ModifyDomain { change, .. }
            | Self::ModifyRule { change, .. }
            | Self::ModifyLoadBalancer(change)
            | Self::SetSecurityGroups(change) => Some(change),
            _ => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drift: Vec<_> = self.drift.iter().map(ToString::to_string).collect();
        write!(f, "{}: {}", self.subject, drift.join(", "))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |verb: &str, count: usize, noun: &str| format!("{verb} {count} {}", plural(count, noun));
        match self {
            Self::CreateListeners { protocol, listeners, .. } => {
                let ports: Vec<_> = listeners.iter().map(|(port, _)| format!("{port}/{protocol}")).collect();
                write!(f, "create {} {}", plural(listeners.len(), "listener"), ports.join(", "))
            }
            Self::CreateRules { rules, .. } => {
                let names: Vec<_> = rules.iter().map(|rule| format!("{}{}", rule.domain, rule.url)).collect();
                write!(f, "create {} {}", plural(rules.len(), "rule"), names.join(", "))
            }
            Self::Register(targets) => f.write_str(&counted("register", targets.len(), "target")),
            Self::Reweight(targets) => f.write_str(&counted("set the weight of", targets.len(), "target")),
            Self::Deregister(targets) => f.write_str(&counted("deregister", targets.len(), "target")),
            Self::Retag(targets) => f.write_str(&counted("mark", targets.len(), "adopted target")),
            Self::ModifyListener { change, .. }
            | Self::ModifyDomain { change, .. }
            | Self::ModifyRule { change, .. }
            | Self::ModifyLoadBalancer(change)
            | Self::SetSecurityGroups(change) => change.fmt(f),
            Self::CreateLoadBalancer(creation) => write!(f, "create load balancer '{}'", creation.name),
            Self::DeleteLoadBalancer => f.write_str("delete the load balancer"),
            Self::DeleteRules { rules, .. } => f.write_str(&counted("delete", rules.len(), "rule")),
            Self::DeleteListeners(ids) => f.write_str(&counted("delete", ids.len(), "listener")),
        }
    }
}

fn words<'a, T: fmt::Display + 'a>(changes: impl Iterator<Item = &'a T>) -> Vec<String> {
    changes.map(ToString::to_string).collect()
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}
