//! `watch`: a binding while its Pods are replaced.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::get::{gate_word, health_word};
use super::options::Watch;
use super::output::{Printer, age};
use super::session::Session;
use super::world::{Seen, World};
use super::{Ending, Error};
use crate::api::condition::ConditionType;
use crate::model::{Phase, Pod};
use crate::plan::selects;

/// Changes that may wait while the cloud is read. They only say that something changed, so a full queue loses nothing.
const QUEUE: usize = 64;
/// Labels by which Pods of one template are told from those of another.
const REVISIONS: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

pub(super) async fn run(session: &Session, options: &Watch, printer: &mut Printer) -> Result<Ending, Error> {
    session.binding(&options.name).await?;
    // Shows first what the user may not see.
    let world = World::read(session, false).await?;
    let stop = CancellationToken::new();
    let _ended_with_this = stop.clone().drop_guard();
    let mut tasks = JoinSet::new();
    let (sender, mut changes) = mpsc::channel(QUEUE);
    world.stores.watch(&session.client, Some(&session.namespace), &sender, &stop, &mut tasks);
    let mut shown = View::default();
    let mut looks = tokio::time::interval(Duration::from_millis(options.interval_milliseconds));
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            // The stores have it already.
            Some(_) = changes.recv() => continue,
        }
        let view = View::read(session, &world, &options.name).await?;
        if view != shown {
            view.print(&shown, printer)?;
            shown = view;
        }
        if options.until_ready && shown.is_settled {
            return Ok(Ending::Fine);
        }
    }
}

/// What is shown.
#[derive(Default, PartialEq, Eq)]
struct View {
    head: String,
    pods: BTreeMap<String, PodRow>,
    is_settled: bool,
}

#[derive(Clone, PartialEq, Eq)]
struct PodRow {
    revision: &'static str,
    state: &'static str,
    gate: &'static str,
    targets: String,
    created: Option<Timestamp>,
}

impl View {
    async fn read(session: &Session, world: &World, name: &str) -> Result<Self, Error> {
        let sights = world.look(session).await?;
        let is_this = |seen: &Seen<'_>| {
            let meta = &seen.view.binding.metadata;
            meta.name.as_deref() == Some(name) && meta.namespace.as_deref() == Some(&session.namespace)
        };
        let mut all = sights.iter().flat_map(|sight| sight.bindings());
        let seen = all.find(is_this).ok_or_else(|| session.no_binding(name))?;
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
        }
    }

    fn print(&self, before: &Self, printer: &mut Printer) -> Result<(), Error> {
        if printer.is_terminal() {
            printer.clear()?;
            printer.line(&self.head)?;
            printer.line("")?;
            let now = Timestamp::now();
            let rows: Vec<_> = self.pods.iter().map(|(name, row)| row.cells(name, now)).collect();
            return printer.table(&["POD", "REVISION", "STATE", "GATE", "TARGETS", "AGE"], &rows);
        }
        if self.head != before.head {
            printer.line(&self.head)?;
        }
        for (name, row) in self.pods.iter().filter(|(name, row)| before.pods.get(*name) != Some(row)) {
            printer.line(format!("  {name} {}, {}, gate {}, {}", row.revision, row.state, row.gate, row.targets))?;
        }
        for name in before.pods.keys().filter(|name| !self.pods.contains_key(*name)) {
            printer.line(format!("  {name} gone"))?;
        }
        Ok(())
    }
}

impl PodRow {
    fn new(seen: &Seen<'_>, pod: &Pod, is_new: bool) -> Self {
        let targets = seen.routes.iter().flat_map(|route| {
            let name = route.name.strip_prefix("listener ").unwrap_or(&route.name);
            let own = route.targets.iter().filter(|target| target.pod_uid == pod.uid);
            own.filter_map(move |target| {
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
            targets: if targets.is_empty() { "no target".to_owned() } else { targets.join(", ") },
            created: pod.created,
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
