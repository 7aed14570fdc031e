//! The script: one call after the other. What one needs of others is read from their replies.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::families;
use super::recording::Inputs;
use super::seen::Seen;
use crate::clb::wire::Service;

/// What every name that a run gives begins with; also the key of the tag of its load balancer.
pub const PREFIX: &str = "clb-conformance";

/// The name of a run has so many hexadecimal digits.
pub(super) const RUN_DIGITS: usize = 8;

/// What a run is given.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What its names have in common, and nobody else's have: letters and digits.
    pub run: String,
    /// The load balancer to use; `None`: one is made.
    pub load_balancer: Option<String>,
    /// The load balancer that is made is public.
    pub public: bool,
    /// The load balancer that is made has a domain name and no fixed address.
    pub dynamic_vip: bool,
    /// The VPC of the load balancer that is made.
    pub vpc_id: Option<String>,
    /// The subnet of an internal load balancer that is made.
    pub subnet_id: Option<String>,
    /// Addresses of backends.
    pub targets: Vec<(IpAddr, u16)>,
    /// A server certificate of the account.
    pub certificate: Option<String>,
    /// The first port of its listeners, of about 150.
    pub first_port: u16,
}

impl Asked {
    /// The name of its load balancer, and what the names of its listeners begin with.
    pub fn name(&self) -> String {
        format!("{PREFIX}-{}", self.run)
    }

    /// Values of the arguments that are somebody's.
    pub(super) fn values(&self) -> Vec<String> {
        let ids = [&self.load_balancer, &self.vpc_id, &self.subnet_id, &self.certificate];
        let targets = self.targets.iter().map(|(ip, _)| ip.to_string());
        ids.into_iter().flatten().cloned().chain(targets).collect()
    }

    pub(super) fn inputs(&self) -> Inputs {
        Inputs {
            own_load_balancer: self.load_balancer.is_none(),
            dynamic_vip: self.dynamic_vip,
            has_target: !self.targets.is_empty(),
            has_certificate: self.certificate.is_some(),
        }
    }
}

/// What a step needs beside the steps before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// The load balancer is the run's own.
    OwnLoadBalancer,
    Target,
    Certificate,
}

impl Needs {
    /// Why it is not there; `None` when it is.
    pub(super) const fn unmet(self, inputs: &Inputs) -> Option<&'static str> {
        match self {
            Self::OwnLoadBalancer if !inputs.own_load_balancer => Some("it needs a load balancer of the run's own"),
            Self::Target if !inputs.has_target => Some("no --target was given"),
            Self::Certificate if !inputs.has_certificate => Some("no --certificate was given"),
            _ => None,
        }
    }
}

/// What the parameters of a call are made from.
pub(super) struct Scene<'a> {
    pub(super) asked: &'a Asked,
    pub(super) seen: Seen<'a>,
}

impl Scene<'_> {
    /// The load balancer.
    pub(super) fn load_balancer(&self) -> Option<String> {
        let own = || self.seen.created_load_balancer().map(str::to_owned);
        self.asked.load_balancer.clone().or_else(own)
    }

    /// The listener that one of these steps has made.
    pub(super) fn listener(&self, steps: &[&str]) -> Option<String> {
        self.seen.listener(steps).map(str::to_owned)
    }

    /// The port with this place among those of the run.
    pub(super) const fn port(&self, place: u16) -> u16 {
        self.asked.first_port.saturating_add(place)
    }

    /// The name of a listener.
    pub(super) fn named(&self, what: &str) -> String {
        format!("{}-{what}", self.asked.name())
    }

    /// The first target.
    pub(super) fn target(&self) -> Option<(String, u16)> {
        self.asked.targets.first().map(|(ip, port)| (ip.to_string(), *port))
    }
}

/// One call of the script.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) action: &'static str,
    /// The parameters; `None` when what they are made from is missing.
    pub(super) body: fn(&Scene<'_>) -> Option<Value>,
    pub(super) needs: Needs,
    /// The next call is made at once, before the end of the task.
    pub(super) hurries: bool,
    /// It is made once, also when it is refused because of a lock.
    pub(super) once: bool,
}

pub(super) const fn call(name: &'static str, action: &'static str, body: fn(&Scene<'_>) -> Option<Value>) -> Step {
    Step { name, action, body, needs: Needs::Nothing, hurries: false, once: false }
}

impl Step {
    pub(super) const fn needs(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }

    pub(super) const fn hurries(self) -> Self {
        Self { hurries: true, ..self }
    }

    pub(super) const fn once(self) -> Self {
        Self { once: true, ..self }
    }

    pub(super) fn writes(&self) -> bool {
        writes(self.action)
    }

    /// It makes something that has to be taken away again.
    pub(super) fn creates(&self) -> bool {
        matches!(self.action, "CreateLoadBalancer" | "CreateListener")
    }
}

/// Whether an action changes something.
pub(super) fn writes(action: &str) -> bool {
    !action.starts_with("Describe") && !action.starts_with("Get")
}

/// The service of an action.
pub(super) fn service(action: &str) -> Service {
    if action == "GetCallerIdentity" { Service::Sts } else { Service::Clb }
}

/// All steps, in their order.
pub(super) fn script() -> impl Iterator<Item = &'static Step> {
    families::SCRIPT.iter().flat_map(|(_, part)| part.iter())
}

/// What a part of the script is about that begins with this step; `None` in the midst of one.
pub(super) fn begins(step: &Step) -> Option<&'static str> {
    let part = families::SCRIPT.iter().find(|(_, part)| part.first().is_some_and(|first| first.name == step.name));
    part.map(|(about, _)| *about)
}

/// The actions that a run with these inputs calls, in order, also when it takes away what it has made.
pub(super) fn actions(inputs: &Inputs) -> Vec<&'static str> {
    let own = inputs.own_load_balancer.then_some("DeleteLoadBalancer");
    let steps = script().filter(|step| step.needs.unmet(inputs).is_none()).map(|step| step.action);
    let called: BTreeSet<_> = steps.chain(["DescribeTaskStatus", "DeleteLoadBalancerListeners"]).chain(own).collect();
    called.into_iter().collect()
}

/// The step of a name.
pub(super) fn step(name: &str) -> Option<&'static Step> {
    script().find(|step| step.name == name)
}

/// The actions that a run calls: what its key must be allowed. `GetCallerIdentity` is of STS, all others are of CLB.
pub const ACTIONS: &[&str] = &[
    "BatchDeregisterTargets",
    "BatchModifyTargetTag",
    "BatchModifyTargetWeight",
    "BatchRegisterTargets",
    "CreateListener",
    "CreateLoadBalancer",
    "CreateRule",
    "DeleteListener",
    "DeleteLoadBalancer",
    "DeleteLoadBalancerListeners",
    "DeleteRule",
    "DeregisterTargets",
    "DescribeListeners",
    "DescribeLoadBalancers",
    "DescribeQuota",
    "DescribeTargetHealth",
    "DescribeTargets",
    "DescribeTaskStatus",
    "GetCallerIdentity",
    "ModifyDomainAttributes",
    "ModifyListener",
    "ModifyLoadBalancerAttributes",
    "ModifyRule",
    "RegisterTargets",
    "SetLoadBalancerSecurityGroups",
];
