//! What is shown of a binding and its Pods.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::DirectAccessBinding;
use crate::api::condition::ConditionType;
use crate::cli::Error;
use crate::cli::get::{gate_word, health_word};
use crate::cli::output::{Printer, Tone, age, table};
use crate::cli::session::Session;
use crate::cli::world::{Seen, World};
use crate::model::{GateState, Health, Phase, Pod};
use crate::plan::{RouteTrace, TargetTrace, selects};

/// Labels by which Pods of one template are told from those of another.
const REVISIONS: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];
/// What is said of targets where CLB was not read.
const NOT_READ: &str = "targets not read";
/// The most Pods that are shown on a terminal: more do not fit on many.
const ROWS: usize = 18;

/// What is shown.
#[derive(Default, PartialEq, Eq)]
pub(super) struct View {
    /// The binding, in one line.
    pub(super) head: String,
    pub(super) pods: BTreeMap<String, PodRow>,
    /// It is ready, and all its Pods are of the newest template.
    pub(super) is_settled: bool,
    /// How many targets serve: weighted, and not found unhealthy; `None` when CLB was not read.
    pub(super) serving: Option<usize>,
    /// Why CLB was not read; `None` where it was.
    pub(super) unread: Option<String>,
    /// Why the binding does not become ready by itself, and what would let it; `None` where nobody knows that.
    pub(super) stuck: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct PodRow {
    revision: &'static str,
    state: &'static str,
    gate: &'static str,
    targets: String,
    created: Option<Timestamp>,
    mood: Mood,
}

/// How a Pod is to be looked at; those that deserve it most come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mood {
    /// It does not serve, and should.
    Troubled,
    /// It comes or goes.
    Passing,
    /// It serves.
    Serving,
}

impl Mood {
    const fn tone(self) -> Tone {
        match self {
            Self::Troubled => Tone::Bad,
            Self::Passing => Tone::Odd,
            Self::Serving => Tone::Good,
        }
    }
}

impl View {
    pub(super) async fn read(session: &Session, world: &World, name: &str) -> Result<Self, Error> {
        let sights = world.look(session).await?;
        let is_this = |seen: &Seen<'_>| {
            let meta = &seen.view.binding.metadata;
            meta.name.as_deref() == Some(name) && meta.namespace.as_deref() == Some(&session.namespace)
        };
        let mut all = sights.iter().flat_map(|sight| sight.bindings());
        let seen = all.find(is_this).ok_or_else(|| session.no_binding(name, std::iter::empty()))?;
        Ok(Self::of(&seen))
    }

    fn of(seen: &Seen<'_>) -> Self {
        let service = seen.view.service.as_deref();
        let pods = seen.view.pods.values().filter(|pod| service.is_some_and(|service| selects(service, pod)));
        let pods: Vec<_> = pods.cloned().collect();
        let newest = pods.iter().max_by_key(|pod| pod.created).and_then(|pod| revision(pod));
        let row = |pod: &Arc<Pod>| {
            let is_new = revision(pod) == newest;
            (pod.key.name.clone(), PodRow::new(seen, pod, is_new))
        };
        let rows: BTreeMap<_, _> = pods.iter().map(row).collect();
        let binding = &seen.view.binding;
        let status = binding.status.clone().unwrap_or_default();
        let is_current = Some(status.observed_generation) == binding.metadata.generation;
        let ready = status.conditions.iter().find(|found| found.type_ == ConditionType::Ready.as_str());
        let is_ready = is_current && ready.is_some_and(|found| found.status == "True");
        let said = ready.map_or_else(|| "Unknown".to_owned(), |found| format!("{} ({})", found.status, found.reason));
        let is_whole = rows.values().all(|row| row.revision == "new" && row.gate != "closed" && row.state == "ready");
        let targets = status.targets.unwrap_or_default().summary;
        Self {
            head: format!("{}: Ready {said}, targets {targets}", binding.metadata.name.as_deref().unwrap_or_default()),
            is_settled: is_ready && is_whole,
            pods: rows,
            serving: seen.is_read().then(|| serving(seen)),
            stuck: stuck(binding),
            unread: seen.not_read().map(|why| format!("CLB is not read, because {why}")),
        }
    }

    /// The lines of a terminal.
    pub(super) fn lines(&self, printer: &Printer, now: Timestamp) -> Vec<String> {
        let mut pods: Vec<_> = self.pods.iter().collect();
        pods.sort_by_key(|(name, row)| (row.mood, *name));
        let more = pods.len().saturating_sub(ROWS);
        let unseen = pods.iter().skip(ROWS).filter(|(_, row)| row.mood != Mood::Serving).count();
        pods.truncate(ROWS);
        let rows: Vec<_> = pods.iter().map(|(name, row)| row.cells(name, now)).collect();
        let table = table(&["POD", "REVISION", "STATE", "GATE", "TARGETS", "AGE"], &rows);
        let head = if self.is_settled { printer.tint(Tone::Good, &self.head) } else { self.head.clone() };
        let mut lines = vec![head];
        lines.extend(self.unread.clone());
        lines.push(String::new());
        let tones = std::iter::once(None).chain(pods.iter().map(|(_, row)| Some(row.mood.tone())));
        let tinted = table.into_iter().zip(tones);
        lines.extend(tinted.map(|(line, tone)| tone.map_or(line.clone(), |tone| printer.tint(tone, &line))));
        if more > 0 {
            let how = if unseen == 0 { "all serving".to_owned() } else { format!("{unseen} of them not serving") };
            lines.push(format!("and {more} more, {how}"));
        }
        lines
    }

    /// What is new, where nobody watches a terminal.
    pub(super) fn changes(&self, before: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend((self.head != before.head).then(|| self.head.clone()));
        lines.extend(self.unread.clone().filter(|_| self.unread != before.unread));
        let changed = self.pods.iter().filter(|(name, row)| before.pods.get(*name) != Some(row));
        lines.extend(changed.map(|(name, row)| {
            format!("  {name} {}, {}, gate {}, {}", row.revision, row.state, row.gate, row.targets)
        }));
        let gone = before.pods.keys().filter(|name| !self.pods.contains_key(*name));
        lines.extend(gone.map(|name| format!("  {name} gone")));
        lines
    }
}

impl PodRow {
    fn new(seen: &Seen<'_>, pod: &Pod, is_new: bool) -> Self {
        let targets = seen.routes.iter().flat_map(|route| {
            let name = route.name.strip_prefix("listener ").unwrap_or(&route.name);
            own(route, pod).filter_map(move |target| {
                let weight = target.weight?;
                let health = target.health.map_or("health unknown", health_word);
                Some(format!("{name} weight {weight} {health}"))
            })
        });
        let targets: Vec<_> = targets.collect();
        Self {
            revision: if is_new { "new" } else { "old" },
            state: state(pod),
            gate: gate_word(pod),
            targets: match (seen.is_read(), targets.is_empty()) {
                (false, _) => NOT_READ.to_owned(),
                (true, true) => "no target".to_owned(),
                (true, false) => targets.join(", "),
            },
            created: pod.created,
            mood: mood(seen, pod),
        }
    }

    fn cells(&self, name: &str, now: Timestamp) -> Vec<String> {
        let text = |word: &str| word.to_owned();
        vec![
            text(name),
            text(self.revision),
            text(self.state),
            text(self.gate),
            self.targets.clone(),
            age(self.created, now),
        ]
    }
}

/// The targets of a Pod, also those that nothing is decided of, as those of a suspended binding.
fn own<'a>(route: &'a RouteTrace, pod: &Pod) -> impl Iterator<Item = &'a TargetTrace> {
    route.targets.iter().chain(&route.others).filter(|target| target.pod_uid == pod.uid)
}

/// Why a binding does not become ready by itself.
fn stuck(binding: &DirectAccessBinding) -> Option<String> {
    let meta = &binding.metadata;
    let (name, namespace) = (meta.name.as_deref().unwrap_or_default(), meta.namespace.as_deref().unwrap_or_default());
    binding.spec.suspend.then(|| {
        format!(
            "DirectAccessBinding '{name}' is suspended, and is not ready before that ends: run `kubectl direct-access resume {name} -n \
             {namespace}`"
        )
    })
}

/// Whether the load balancer sends the target traffic, as far as is known.
const fn is_serving(weight: Option<u8>, health: Option<Health>) -> bool {
    matches!(weight, Some(1..)) && matches!(health, Some(Health::Healthy | Health::CheckOff))
}

fn serving(seen: &Seen<'_>) -> usize {
    let all = seen.routes.iter().flat_map(|route| route.targets.iter().chain(&route.others));
    all.filter(|target| is_serving(target.weight, target.health)).count()
}

fn mood(seen: &Seen<'_>, pod: &Pod) -> Mood {
    let own: Vec<_> = seen.routes.iter().flat_map(|route| own(route, pod)).collect();
    if pod.phase == Phase::Unknown || own.iter().any(|target| target.health == Some(Health::Unhealthy)) {
        return Mood::Troubled;
    }
    let serves = if seen.is_read() {
        !own.is_empty() && own.iter().all(|target| is_serving(target.weight, target.health))
    } else {
        matches!(pod.gate, GateState::Open | GateState::Absent)
    };
    if serves && pod.containers_ready && pod.deleting_since.is_none() { Mood::Serving } else { Mood::Passing }
}

fn revision(pod: &Pod) -> Option<&String> {
    REVISIONS.iter().find_map(|label| pod.labels.get(*label))
}

const fn state(pod: &Pod) -> &'static str {
    match pod.phase {
        Phase::Finished => "finished",
        Phase::Unknown => "lost",
        _ if pod.deleting_since.is_some() => "terminating",
        _ if pod.containers_ready => "ready",
        _ => "starting",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::RouteClaim;

    #[test]
    fn a_pod_of_a_suspended_binding_has_the_targets_that_it_had() {
        let object = json!({"metadata": {"name": "web-1", "namespace": "shop", "uid": "a"}});
        let pod = crate::k8s::pod(&serde_json::from_value(object).unwrap());
        let target = |uid: &str| TargetTrace {
            fate: None,
            pod: "web-1".to_owned(),
            pod_uid: uid.to_owned(),
            address: crate::model::Address { ip: std::net::Ipv4Addr::LOCALHOST.into(), port: 80 },
            wanted: None,
            weight: Some(10),
            health: Some(Health::Healthy),
        };
        let route = RouteTrace {
            name: "listener 80/TCP".to_owned(),
            protocol: crate::model::Protocol::Tcp,
            port: 80,
            listener: None,
            rule: None,
            claim: RouteClaim::Leftover,
            targets: Vec::new(),
            others: vec![target("a"), target("b")],
            exclusions: Vec::new(),
        };
        assert_eq!(own(&route, &pod).count(), 1);
    }

    #[test]
    fn a_suspended_binding_is_not_waited_for() {
        let binding = |is_suspended: bool| {
            serde_json::from_value::<DirectAccessBinding>(json!({
                "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
                "metadata": {"namespace": "shop", "name": "web"},
                "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}, "suspend": is_suspended},
            }))
            .unwrap()
        };
        assert_eq!(stuck(&binding(false)), None);
        let said = stuck(&binding(true)).unwrap();
        assert!(said.contains("`kubectl direct-access resume web -n shop`"), "{said}");
    }
}
