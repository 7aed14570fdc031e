//! `drain --now`: several Pods at once, each target with its weight before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod as PodObject;
use kube::Api;
use kube::api::Patch;
use serde_json::json;
use tokio::time::{Instant, interval, timeout};

use super::barred::{self, Outlook, Way};
use super::{NOT_PUT_BACK, change, no_target};
use crate::api::condition::ConditionType;
use crate::api::mark::TargetTag;
use crate::api::{DirectAccessBinding, names};
use crate::cli::options::Drain;
use crate::cli::output::Printer;
use crate::cli::session::{Session, merge};
use crate::cli::workload::{self, Drained, parse};
use crate::cli::world::{Seen, World};
use crate::cli::{Ending, Error};
use crate::model::{Address, RegisteredTarget, Route, Weight};
use crate::plan::{Cloud, Observed, selects};

/// Seconds to wait for CLB when nothing is said of them.
const USUAL_TIMEOUT: u64 = 30;
/// How long the weights before are waited for: nobody is kept in service because CLB answers slowly.
const BEFORE: Duration = Duration::from_secs(1);
/// Time from one look to the next.
const PERIOD: Duration = Duration::from_millis(500);
/// The most Pods that are annotated side by side.
const SIDE_BY_SIDE: usize = 32;
/// How often the controller is asked to look: with the second answer it has seen what was changed before the first question.
const QUESTIONS: usize = 2;

pub(super) async fn run(session: &Session, options: &Drain, printer: &mut Printer) -> Result<Ending, Error> {
    let drained = parse(&options.targets)?;
    let pods = chosen(session, &drained).await?;
    if pods.is_empty() {
        return Err(Error::Argument(format!("{} has no Pods", options.targets.join(" "))));
    }
    let aim = Aim { pods: &pods, is_back: options.undo };
    let is_chosen = |pod: &str| pods.contains(pod);
    let way = Way::new(options.undo);
    let barred = barred::find(session, way, &is_chosen, BEFORE);
    let (before, barred) = tokio::join!(timeout(BEFORE, aim.look(session)), barred);
    // Neither is worth waiting for.
    let unread = || Look { is_unread: true, ..Look::default() };
    let before = before.ok().and_then(Result::ok).unwrap_or_else(unread);
    let barred = barred.unwrap_or_default();
    let outlook = barred.outlook(way)?;
    let refused = annotate(session, &aim, &drained, outlook, printer).await?;
    barred.print(printer)?;
    let seconds = options.timeout_seconds.unwrap_or(USUAL_TIMEOUT);
    if seconds == 0 || outlook == Outlook::Later {
        return refused.map_or(Ok(Ending::Fine), Err);
    }
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let (look, missing) = if session.credentials.is_ok() {
        aim.wait_for_cloud(session, deadline).await?
    } else {
        aim.wait_for_status(session, deadline).await?
    };
    show(&before, &look, printer)?;
    let outside = outside(&pods, &before, &look).into_iter();
    let mut outside = outside.map(|pod| no_target(pod, &session.namespace, options.undo));
    outside.try_for_each(|words| printer.line(words))?;
    match (refused, missing) {
        (None, None) => Ok(Ending::Fine),
        (Some(error), _) => Err(error),
        (None, Some(missing)) => Err(Error::TimedOut(format!(
            "it is not done after {seconds} s: {missing}; the annotations stay, and `kubectl direct-access get` shows how it goes on"
        ))),
    }
}

/// The Pods that are meant, each once.
async fn chosen(session: &Session, drained: &[Drained<'_>]) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    for one in drained {
        match one {
            Drained::Pod(name) => {
                names.insert((*name).to_owned());
            }
            Drained::Workload(workload, name) => {
                let found = workload::read(session, workload, name).await?;
                let pods = workload::pods(session, workload, found).await?;
                names.extend(pods.into_iter().filter_map(|pod| pod.metadata.name));
            }
        }
    }
    Ok(names)
}

/// Annotates all Pods side by side. One that cannot be annotated does not keep the others in service: that is the result.
async fn annotate(
    session: &Session,
    aim: &Aim<'_>,
    drained: &[Drained<'_>],
    outlook: Outlook,
    printer: &mut Printer,
) -> Result<Option<Error>, Error> {
    let api: Api<PodObject> = Api::namespaced(session.client.clone(), &session.namespace);
    let (api, params, change) = (&api, &merge(), &Patch::Merge(change(aim.is_back)));
    let writes = aim.pods.iter().map(|name| async move { (name, api.patch(name, params, change).await) });
    let results: Vec<_> = stream::iter(writes).buffer_unordered(SIDE_BY_SIDE).collect().await;
    let (mut done, mut errors) = (0, Vec::new());
    for (name, result) in results {
        let is_named = drained.iter().any(|one| matches!(one, Drained::Pod(named) if *named == name));
        match result {
            Ok(_) => done += 1,
            // A workload's Pod that has gone in the meantime.
            Err(error) if is_missing(&error) && !is_named => {}
            Err(error) if is_missing(&error) => {
                let (kind, plural) = ("Pod", "pods");
                let namespace = session.namespace.clone();
                errors.push(Error::NotFound { kind, plural, name: name.clone(), namespace, near: None });
            }
            Err(error) => errors.push(Error::kubernetes(format!("cannot annotate Pod '{name}'"))(error)),
        }
    }
    let last = errors.pop();
    for failure in errors {
        eprintln!("kubectl direct-access: {failure}");
    }
    if done == 0 {
        return last.map_or(Ok(None), Err);
    }
    let pods = if done == 1 { "Pod is" } else { "Pods are" };
    let what = match (aim.is_back, outlook) {
        (false, _) => "asked to take no new connections",
        (true, Outlook::Soon) => "asked to go back into service",
        (true, Outlook::Later) => "not asked to be drained any more, which changes no weight at present:",
    };
    printer.line(format!("{done} {pods} {what}"))?;
    if aim.is_back && outlook == Outlook::Soon {
        printer.line(NOT_PUT_BACK)?;
    }
    Ok(last)
}

fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// A target of a Pod: the Pod, where it is registered, and at what address.
type Place = (String, String, Address);

/// What is known of the Pods' targets.
#[derive(Default)]
struct Look {
    /// Not every target could be read.
    is_unread: bool,
    weights: BTreeMap<Place, Weight>,
    /// What is not yet as it should be, in words.
    missing: Option<String>,
}

/// What is to become of which Pods.
struct Aim<'a> {
    pods: &'a BTreeSet<String>,
    is_back: bool,
}

impl Aim<'_> {
    /// Waits until CLB shows it; the last look, and what is missing.
    async fn wait_for_cloud(&self, session: &Session, deadline: Instant) -> Result<(Look, Option<String>), Error> {
        let mut looks = interval(PERIOD);
        loop {
            looks.tick().await;
            let mut look = self.look(session).await?;
            let missing = look.missing.take();
            if missing.is_none() || Instant::now() >= deadline {
                return Ok((look, missing));
            }
        }
    }

    /// The targets as CLB shows them.
    async fn look(&self, session: &Session) -> Result<Look, Error> {
        let world = World::read(session, false).await?;
        let sights = world.look(session).await?;
        let mut look = Look::default();
        for seen in sights.iter().flat_map(|sight| sight.bindings()) {
            if !world.is_asked_for(&seen.view.binding) {
                continue;
            }
            match seen.cloud {
                Cloud::Observed(observed) => self.read(&seen, observed, &mut look),
                Cloud::Failed(failure) if self.concerns(&seen) => {
                    look.is_unread = true;
                    look.missing = Some(failure.to_string());
                }
                Cloud::Failed(_) | Cloud::Missing(_) | Cloud::Unplaced(_) => {}
            }
        }
        Ok(look)
    }

    fn read(&self, seen: &Seen<'_>, observed: &Observed, look: &mut Look) {
        let targets = observed.targets.iter().flat_map(|(route, targets)| targets.iter().map(move |one| (route, one)));
        for (route, target) in targets {
            let Some(pod) = pod_of(seen, route, target).filter(|pod| self.pods.contains(*pod)) else { continue };
            let place = (pod.to_owned(), route_name(observed, route), target.address);
            let should_be = if self.is_back { wanted(seen, target.address) } else { Some(0) };
            if should_be.is_some_and(|weight| weight != target.weight)
                && barred::bar(seen, Way::new(self.is_back)).is_none()
            {
                look.missing = Some(format!("{} of Pod '{pod}' has weight {} on {}", place.2, target.weight, place.1));
            }
            look.weights.insert(place, target.weight);
        }
    }

    fn concerns(&self, seen: &Seen<'_>) -> bool {
        concerns(seen, &|pod| self.is_meant(pod))
    }

    fn is_meant(&self, pod: &str) -> bool {
        self.pods.contains(pod)
    }

    /// Without credentials: the controller is asked to look, and says when everything is as it should be.
    async fn wait_for_status(&self, session: &Session, deadline: Instant) -> Result<(Look, Option<String>), Error> {
        let world = World::read(session, false).await?;
        let sights = world.look(session).await?;
        let mut look = Look::default();
        for seen in sights.iter().flat_map(|sight| sight.bindings()) {
            if !world.is_asked_for(&seen.view.binding)
                || !self.concerns(&seen)
                || barred::bar(&seen, Way::new(self.is_back)).is_some()
            {
                continue;
            }
            let name = seen.view.binding.metadata.name.as_deref().unwrap_or_default();
            for _ in 0..QUESTIONS {
                if let Some(missing) = settled(session, name, deadline).await? {
                    return Ok((look, Some(missing)));
                }
            }
            let targets = seen.routes.iter().flat_map(|route| route.targets.iter().map(move |target| (route, target)));
            for (route, target) in targets.filter(|(_, target)| self.is_meant(&target.pod)) {
                let place = (target.pod.clone(), short(&route.name).to_owned(), target.address);
                look.weights.extend(target.wanted.map(|weight| (place, weight)));
            }
        }
        Ok((look, None))
    }
}

/// Some of the Pods that are meant may be targets of the binding.
pub(super) fn concerns(seen: &Seen<'_>, is_meant: &dyn Fn(&str) -> bool) -> bool {
    let pods = || seen.view.pods.values().filter(|pod| is_meant(&pod.key.name));
    let status = seen.view.binding.status.as_ref();
    let mut draining = status.into_iter().flat_map(|status| &status.draining);
    let is_at = |at: SocketAddr| pods().flat_map(|pod| &pod.ips).any(|ip| *ip == at.ip());
    seen.view.service.as_deref().is_some_and(|service| pods().any(|pod| selects(service, pod)))
        || draining.any(|row| row.address.parse().is_ok_and(is_at))
}

/// Asks the controller to look at a binding; what is missing when time is over.
async fn settled(session: &Session, name: &str, deadline: Instant) -> Result<Option<String>, Error> {
    let asked = Timestamp::now().to_string();
    session.patch_binding(name, &json!({"metadata": {"annotations": {names::RECONCILE_REQUESTED_AT: asked}}})).await?;
    let mut looks = interval(PERIOD);
    loop {
        looks.tick().await;
        let binding = session.binding(name).await?;
        let Some(missing) = unsettled(&binding, &asked) else { return Ok(None) };
        if Instant::now() >= deadline {
            return Ok(Some(format!("DirectAccessBinding '{name}': {missing}")));
        }
    }
}

/// Why the status does not say that CLB shows what is wanted.
fn unsettled(binding: &DirectAccessBinding, asked: &str) -> Option<String> {
    let status = binding.status.as_ref();
    if status.and_then(|status| status.last_handled_reconcile_at.as_deref()) != Some(asked) {
        return Some("the controller has not looked at it".to_owned());
    }
    let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
    let programmed = conditions.find(|found| found.type_ == ConditionType::Programmed.as_str());
    match programmed {
        Some(found) if found.status == "True" => None,
        Some(found) => Some(found.message.clone()),
        None => Some("it has no condition Programmed".to_owned()),
    }
}

/// The Pod of a target, when the target is the binding's.
fn pod_of<'a>(seen: &Seen<'a>, route: &Route, target: &RegisteredTarget) -> Option<&'a str> {
    let name = |pod: &'a crate::model::Pod| pod.key.name.as_str();
    if let Some(tag) = TargetTag::parse(&target.tag) {
        let (uid, pod) = seen.view.pods.range(tag.pod_mark.clone()..).next()?;
        return (seen.view.is_uid_of_ours(&tag.binding_uid) && uid.starts_with(&tag.pod_mark)).then(|| name(pod));
    }
    let is_known = target.tag.is_empty() && seen.wanted().any(|one| one.listener.as_ref() == Some(&route.listener));
    let mut pods = seen.view.pods.values().filter(|pod| is_known && !pod.host_network);
    pods.find(|pod| pod.ips.contains(&target.address.ip)).map(|pod| name(pod))
}

/// The weight that the binding wants for a target that it wants.
fn wanted(seen: &Seen<'_>, address: Address) -> Option<Weight> {
    let mut targets = seen.routes.iter().flat_map(|route| &route.targets);
    targets.find(|target| target.address == address).and_then(|target| target.wanted)
}

fn route_name(observed: &Observed, route: &Route) -> String {
    let Some(listener) = observed.listeners.iter().find(|listener| listener.id == route.listener) else {
        return route.listener.to_string();
    };
    let rule = listener.rules.iter().find(|rule| Some(&rule.id) == route.rule.as_ref());
    let rule = rule.map(|rule| format!(" {}{}", rule.domain, rule.url)).unwrap_or_default();
    format!("{}/{}{rule}", listener.port, listener.protocol)
}

fn short(name: &str) -> &str {
    name.strip_prefix("listener ").unwrap_or(name)
}

/// Prints the weights; `?` where they were not read in time, `-` where the Pod is not a target.
fn show(before: &Look, after: &Look, printer: &mut Printer) -> Result<(), Error> {
    let places: BTreeSet<_> = before.weights.keys().chain(after.weights.keys()).collect();
    let weight = |look: &Look, place| match look.weights.get(place) {
        Some(weight) => weight.to_string(),
        None if look.is_unread => "?".to_owned(),
        None => "-".to_owned(),
    };
    let rows: Vec<_> = places
        .iter()
        .map(|place| {
            let (pod, listener, address) = *place;
            let (was, is) = (weight(before, place), weight(after, place));
            vec![pod.clone(), listener.clone(), address.to_string(), was, is]
        })
        .collect();
    if !rows.is_empty() {
        printer.table(&["POD", "LISTENER", "TARGET", "BEFORE", "AFTER"], &rows)?;
    }
    Ok(())
}

/// The Pods that are no targets; none where not every target could be read.
fn outside<'a>(pods: &'a BTreeSet<String>, before: &Look, after: &Look) -> Vec<&'a String> {
    let places = || before.weights.keys().chain(after.weights.keys());
    pods.iter().filter(|pod| !after.is_unread && !places().any(|(of, ..)| of == *pod)).collect()
}
