//! The links that are in CLB: listener, target, health. Where CLB was not read, what the controller has written down counts.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::facts::Facts;
use super::link::{Link, Name, State, joined};
use super::port;
use crate::api::condition::{ConditionType, ExclusionReason, GateReason, Reason};
use crate::cli::error::of_cloud;
use crate::cli::world::{NOT_ASKED, Seen};
use crate::model::{GateState, Health, Pod};
use crate::plan::{Cloud, RouteTrace, TargetTrace, says_zero};

/// The conditions that the controller has written for the binding as it stands.
pub(super) fn written<'a>(seen: &Seen<'a>) -> impl Iterator<Item = &'a Condition> {
    let binding = &seen.view.binding;
    let status = binding.status.as_ref();
    let is_current = status.is_some_and(|status| Some(status.observed_generation) == binding.metadata.generation);
    status.filter(|_| is_current).into_iter().flat_map(|status| &status.conditions)
}

/// What to do about a reason that the controller has written.
pub(super) fn remedy(reason: &str) -> &'static str {
    let of_binding = reason.parse::<Reason>().map(Reason::remedy);
    let of_gate = || reason.parse::<GateReason>().map(GateReason::remedy);
    of_binding.or_else(|_| of_gate()).unwrap_or("Look at the message.")
}

/// Why the Pod is no target of the binding, on any of its listeners.
pub(super) fn excluded(facts: &Facts, seen: &Seen<'_>) -> Vec<ExclusionReason> {
    let name = facts.pod.key.name.as_str();
    let of_routes = seen.routes.iter().flat_map(|route| &route.exclusions);
    let mut found: Vec<_> =
        of_routes.chain(&seen.plan.exclusions).filter(|one| one.pod == name).map(|one| one.reason).collect();
    if !seen.is_read() {
        let status = seen.view.binding.status.as_ref();
        let told = status.into_iter().flat_map(|status| &status.excluded);
        let named = told.filter(|one| one.pods.iter().any(|pod| pod == name));
        let known = named.filter_map(|one| one.reason.parse().ok());
        // Only what the cloud alone knows; the rest was decided anew.
        found.extend(known.filter(|reason| is_of_cloud(*reason)));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Reasons that are the Pod's own.
pub(super) const fn is_of_pod(reason: ExclusionReason) -> bool {
    !is_of_slice(reason) && !matches!(reason, ExclusionReason::OverQuota | ExclusionReason::AddressInUse)
}

/// Reasons that are the slices'.
pub(super) const fn is_of_slice(reason: ExclusionReason) -> bool {
    matches!(reason, ExclusionReason::NotInSlice | ExclusionReason::NoPort | ExclusionReason::NotAPod)
}

const fn is_of_cloud(reason: ExclusionReason) -> bool {
    matches!(
        reason,
        ExclusionReason::OverQuota
            | ExclusionReason::AddressInUse
            | ExclusionReason::SnatProRequired
            | ExclusionReason::WrongFamily
            | ExclusionReason::HostNetwork
            | ExclusionReason::GlobalRouteDisabled
    )
}

/// The Pod's addresses, for messages.
pub(super) fn addresses(pod: &Pod) -> String {
    pod.ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Why nothing is known of the cloud.
fn unread(seen: &Seen<'_>) -> String {
    match seen.cloud {
        Cloud::Failed(failure) if failure.code == NOT_ASKED => {
            format!("CLB was not read ({}); by what the controller has written", failure.message)
        }
        Cloud::Failed(failure) => format!("CLB cannot be read: {}", of_cloud(failure)),
        Cloud::Missing(_) => "CLB does not show the load balancer".to_owned(),
        Cloud::Unplaced(_) => "there is no load balancer yet".to_owned(),
        Cloud::Observed(_) => "CLB was read".to_owned(),
    }
}

/// What the controller says of its writes to CLB, when they do not succeed.
fn hindrance(name: Name, seen: &Seen<'_>, what: &str) -> Option<Link> {
    let ours = seen.plan.problems.iter().find(|found| found.condition == ConditionType::Programmed);
    if let Some(problem) = ours {
        return Some(Link::broken(
            name,
            problem.reason,
            format!("{what}: {}", problem.message),
            problem.reason.remedy(),
        ));
    }
    let told = written(seen).find(|found| found.type_ == ConditionType::Programmed.as_str() && found.status != "True");
    let told = told.filter(|found| found.reason != Reason::Pending.as_str())?;
    Some(Link::broken(name, &told.reason, format!("{what}: {}", told.message), remedy(&told.reason)))
}

/// Of a binding of which nothing is wanted now, as one that is suspended: what is registered, and that it stays so; `None` while
/// something is.
fn idle(name: Name, seen: &Seen<'_>) -> Option<Link> {
    if !seen.is_read() || seen.wanted().next().is_some() {
        return None;
    }
    let registered: Vec<_> =
        seen.routes.iter().map(|route| format!("{} ({} targets)", route.name, route.others.len())).collect();
    let what = if registered.is_empty() {
        "nothing of it is registered".to_owned()
    } else {
        format!("registered are {}", registered.join(", "))
    };
    Some(Link::unknown(name, format!("nothing is changed for the binding at present, and stays as it is: {what}")))
}

/// The listeners exist.
pub(super) fn listener(_: &Facts, seen: &Seen<'_>) -> Link {
    let name = Name::Listener;
    if let Some(idle) = idle(name, seen) {
        return idle;
    }
    if seen.is_read() {
        let links = seen.wanted().map(|route| match &route.listener {
            Some(id) => Link::holds(name, format!("{} is {id}", route.name)),
            None => absent(seen, &route.name),
        });
        return joined(name, links.collect());
    }
    let status = seen.view.binding.status.as_ref();
    let listeners = status.map(|status| status.listeners.as_slice()).unwrap_or_default();
    if let Some(missing) = listeners.iter().find(|one| one.listener_id.is_none()) {
        return absent(seen, &format!("listener {}/{}", missing.port, missing.protocol.as_str()));
    }
    if listeners.is_empty() {
        return hindrance(name, seen, "no listener is known").unwrap_or_else(|| Link::unknown(name, unread(seen)));
    }
    let ids: Vec<_> = listeners.iter().filter_map(|one| one.listener_id.as_deref()).collect();
    Link::unknown(name, format!("{} when the controller last looked ({})", ids.join(", "), unread(seen)))
}

fn absent(seen: &Seen<'_>, route: &str) -> Link {
    let what = format!("{route} does not exist");
    hindrance(Name::Listener, seen, &what).unwrap_or_else(|| {
        Link::broken(
            Name::Listener,
            "NotCreated",
            what,
            "Wait; when it lasts, look at the binding's condition Programmed.",
        )
    })
}

fn of_pod<'a>(facts: &Facts, route: &'a RouteTrace) -> Vec<&'a TargetTrace> {
    route.targets.iter().filter(|target| target.pod_uid == facts.pod.uid).collect()
}

/// The Pod is registered.
pub(super) fn target(facts: &Facts, seen: &Seen<'_>) -> Link {
    let name = Name::Target;
    if let Some(reason) = excluded(facts, seen).into_iter().find(|reason| !is_of_slice(*reason) && !is_of_pod(*reason))
    {
        let message = match full(seen).filter(|_| reason == ExclusionReason::OverQuota) {
            Some(words) => format!("the Pod will not be registered: {words}"),
            None => reason.meaning().to_owned(),
        };
        return Link::broken(name, reason, message, reason.remedy());
    }
    if !seen.is_read() {
        return told_target(facts, seen);
    }
    if let Some(idle) = idle(name, seen) {
        return frozen(facts, seen).unwrap_or(idle);
    }
    let links = seen.wanted().map(|route| {
        let targets = of_pod(facts, route);
        match targets.first() {
            None => Link::broken(
                name,
                GateReason::NotRegistered,
                format!("not a target of {}", route.name),
                GateReason::NotRegistered.remedy(),
            ),
            Some(target) => registered(seen, route, target),
        }
    });
    joined(name, links.collect())
}

/// Which quota is used up, and how many Pods are left out, as the plan says, or the controller.
fn full(seen: &Seen<'_>) -> Option<String> {
    let is_it = |reason: &str| reason == Reason::QuotaExceeded.as_str();
    let ours = seen.plan.problems.iter().find(|found| is_it(found.reason.as_str())).map(|found| found.message.clone());
    ours.or_else(|| written(seen).find(|found| is_it(&found.reason)).map(|found| found.message.clone()))
}

/// The Pod is a target of a binding of which nothing is decided.
fn frozen(facts: &Facts, seen: &Seen<'_>) -> Option<Link> {
    let mut all = seen.routes.iter().flat_map(|route| route.others.iter().map(move |target| (route, target)));
    let (route, target) = all.find(|(_, target)| target.pod_uid == facts.pod.uid)?;
    let weight = target.weight.map_or_else(|| "unknown".to_owned(), |weight| weight.to_string());
    let what = format!("{} on {} stays registered with weight {weight}: frozen", target.address, route.name);
    Some(Link::holds(Name::Target, what))
}

fn registered(seen: &Seen<'_>, route: &RouteTrace, target: &TargetTrace) -> Link {
    let name = Name::Target;
    let place = format!("{} on {}", target.address, route.name);
    match (target.weight, target.wanted) {
        (Some(0), Some(0)) => Link::broken(
            name,
            "WeightZero",
            format!("{place} has weight 0, as somebody asks: it gets no new connections"),
            zero_remedy(seen, target),
        ),
        (Some(weight), _) => Link::holds(name, format!("{place} is registered with weight {weight}")),
        (None, _) => {
            let what = format!("{place} is not registered");
            hindrance(name, seen, &what)
                .unwrap_or_else(|| Link::broken(name, GateReason::Registering, what, GateReason::Registering.remedy()))
        }
    }
}

/// What gives a Pod of weight 0 another one: a command that is there to be run as it stands, where the Pod says it itself.
fn zero_remedy(seen: &Seen<'_>, target: &TargetTrace) -> String {
    match seen.view.pods.get(&target.pod_uid).filter(|pod| says_zero(pod)) {
        Some(pod) => {
            format!("Run `kubectl direct-access drain --undo pod/{} -n {}`.", pod.key.name, pod.key.namespace)
        }
        None => "Raise lb-rs-weight of the Service, or the weight of the listener.".to_owned(),
    }
}

/// By the gate, which is opened on proof.
fn told_target(facts: &Facts, seen: &Seen<'_>) -> Link {
    let name = Name::Target;
    match &facts.pod.gate {
        // What has come since the controller knows.
        GateState::Open => hindrance(name, seen, "registered when the gate opened, and since then")
            .filter(|link| link.reason != Reason::InProgress.as_str())
            .unwrap_or_else(|| Link::unknown(name, format!("registered when the gate opened ({})", unread(seen)))),
        GateState::Waiting { reason, message } if reason == GateReason::HealthCheck.as_str() => {
            Link::holds(name, message.clone())
        }
        GateState::Waiting { reason, message } => hindrance(name, seen, message)
            .unwrap_or_else(|| Link::broken(name, reason, message.clone(), remedy(reason))),
        GateState::Unset | GateState::Absent => {
            hindrance(name, seen, "not known to be registered").unwrap_or_else(|| Link::unknown(name, unread(seen)))
        }
    }
}

/// CLB finds the Pod healthy.
pub(super) fn health(facts: &Facts, seen: &Seen<'_>) -> Link {
    let name = Name::Health;
    if let Cloud::Observed(observed) = seen.cloud {
        if let Err(failure) = &observed.health {
            return Link::unknown(name, format!("health cannot be read: {}", of_cloud(failure)));
        }
        let routes = seen.routes.iter();
        let of = |route: &RouteTrace| {
            let all = route.targets.iter().chain(&route.others);
            let its = all.filter(|target| target.pod_uid == facts.pod.uid);
            its.map(|target| with_port(facts, seen, judged(route, target))).collect::<Vec<_>>()
        };
        let links = routes.flat_map(of);
        return match links.collect::<Vec<_>>() {
            links if links.is_empty() => Link::unknown(name, "not a target, so it is not probed"),
            links => joined(name, links),
        };
    }
    match &facts.pod.gate {
        GateState::Open => Link::unknown(name, format!("found so when the gate opened ({})", unread(seen))),
        GateState::Waiting { reason, message } if reason == GateReason::HealthCheck.as_str() => {
            with_port(facts, seen, Link::broken(name, reason, message.clone(), remedy(reason)))
        }
        _ => Link::unknown(name, unread(seen)),
    }
}

/// A target that is not healthy may have a port that nobody listens on.
fn with_port(facts: &Facts, seen: &Seen<'_>, link: Link) -> Link {
    match port::undeclared(&facts.object, seen).filter(|_| link.state == State::Broken) {
        Some(said) => link.with(said),
        None => link,
    }
}

fn judged(route: &RouteTrace, target: &TargetTrace) -> Link {
    let name = Name::Health;
    let place = format!("{} on {}", target.address, route.name);
    match target.health {
        Some(Health::Healthy) => Link::holds(name, format!("{place} is healthy")),
        Some(Health::CheckOff) => Link::holds(name, format!("{place} is not probed: the health check is off")),
        Some(Health::Unhealthy) => Link::broken(
            name,
            Reason::Unhealthy,
            format!("{place} is unhealthy: CLB's probes fail"),
            Reason::Unhealthy.remedy(),
        ),
        Some(Health::Unknown) | None if target.weight.is_none() => {
            Link::unknown(name, format!("{place} is not registered"))
        }
        Some(Health::Unknown) | None => Link::broken(
            name,
            GateReason::HealthCheck,
            format!("{place} has not been found healthy yet"),
            GateReason::HealthCheck.remedy(),
        ),
    }
}
