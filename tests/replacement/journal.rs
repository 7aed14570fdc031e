//! What happened when, for whoever reads why a test failed.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use tke_direct_access::model::{Address, Health, Route};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::stage::Stage;
use crate::support::traffic::Loss;

/// How often the targets are looked at.
const PERIOD: Duration = Duration::from_millis(20);
/// Requests that fail within such a time become one line.
const GRAIN: Duration = Duration::from_secs(1);

/// Lines in the order of their time. It is printed when the test fails.
pub(crate) struct Journal {
    title: String,
    begun: Instant,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    lines: Vec<(Duration, String)>,
    faults: Vec<String>,
}

type Targets = BTreeMap<(u16, Address), (u8, Option<Health>)>;

impl Journal {
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), begun: Instant::now(), pages: Mutex::default() }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line.
    pub(crate) fn note(&self, line: impl Into<String>) {
        let at = self.begun.elapsed();
        self.pages().lines.push((at, line.into()));
    }

    /// Writes when requests were lost.
    pub(crate) fn losses(&self, losses: &[Loss]) {
        let mut grains: BTreeMap<(u128, &str), (Duration, usize)> = BTreeMap::new();
        for Loss { failed, error, .. } in losses {
            let at = failed.duration_since(self.begun);
            let grain = grains.entry((at.as_millis() / GRAIN.as_millis(), error)).or_insert((at, 0));
            *grain = (grain.0.min(at), grain.1 + 1);
        }
        let lines = grains.into_iter().map(|((_, error), (at, count))| (at, format!("LOST {count}: {error}")));
        self.pages().lines.extend(lines);
    }

    /// Writes a fault; the test goes on and fails at its end, so that one fault does not hide another.
    pub(crate) fn fault(&self, fault: String) {
        self.note(format!("FAULT {fault}"));
        self.pages().faults.push(fault);
    }

    /// # Panics
    /// There was a fault.
    pub(crate) fn check(&self) {
        let faults = std::mem::take(&mut self.pages().faults);
        assert!(faults.is_empty(), "{}:\n{}", self.title, faults.join("\n"));
    }

    /// Waits for `act`, and writes down what becomes of targets and Pods meanwhile.
    pub(crate) async fn during<T>(&self, stage: &Stage, act: impl Future<Output = T>) -> T {
        let pods: Api<Pod> = Api::default_namespaced(stage.namespace.client());
        let mut events = pin!(watcher(pods, watcher::Config::default()).default_backoff());
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut before, mut seen) = (Targets::new(), BTreeMap::new());
        let mut act = pin!(act);
        loop {
            tokio::select! {
                result = &mut act => return result,
                Some(event) = events.next() => self.pod(event, &mut seen),
                _ = ticks.tick() => self.targets(stage, &mut before),
            }
        }
    }

    fn targets(&self, stage: &Stage, before: &mut Targets) {
        let now = targets(stage);
        if now == *before {
            return;
        }
        for (key @ (port, address), (weight, health)) in &now {
            let health = health.map_or_else(|| "unprobed".to_owned(), |health| format!("{health:?}"));
            if before.get(key) != now.get(key) {
                self.note(format!("listener {port}, target {address}: weight {weight}, {health}"));
            }
        }
        for (port, address) in before.keys().filter(|key| !now.contains_key(key)) {
            self.note(format!("listener {port}, target {address}: gone"));
        }
        *before = now;
    }

    fn pod(&self, event: watcher::Result<watcher::Event<Pod>>, seen: &mut BTreeMap<String, String>) {
        let (pod, is_gone) = match event {
            Ok(watcher::Event::InitApply(pod) | watcher::Event::Apply(pod)) => (pod, false),
            Ok(watcher::Event::Delete(pod)) => (pod, true),
            // The watch is begun anew by itself.
            Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => return,
        };
        let state = if is_gone { "gone".to_owned() } else { state(&pod) };
        let name = pod.metadata.name.unwrap_or_default();
        if seen.get(&name) != Some(&state) {
            self.note(format!("Pod {name}: {state}"));
            seen.insert(name, state);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let pages = self.pages.get_mut().unwrap_or_else(PoisonError::into_inner);
        pages.lines.sort();
        eprintln!("--- what happened in {} ---", self.title);
        for (at, line) in &pages.lines {
            eprintln!("{:7.2} s  {line}", at.as_secs_f64());
        }
    }
}

/// All targets with their weight and health, by listener port.
fn targets(stage: &Stage) -> Targets {
    let id = &stage.load_balancer;
    stage.cloud.console(|state| {
        let listeners: BTreeMap<_, _> =
            state.listeners(id).into_iter().filter(|one| one.name != "theirs").map(|one| (one.id, one.port)).collect();
        let mut found = Targets::new();
        for (route, targets) in state.targets(id) {
            let Some(port) = listeners.get(&route.listener) else { continue };
            let health = |route: &Route, address| state.health_at(id, route, address);
            let rows = targets.into_iter().map(|one| ((*port, one.address), (one.weight, health(&route, one.address))));
            found.extend(rows);
        }
        found
    })
}

/// What matters here of a Pod.
fn state(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let address = status.and_then(|status| status.pod_ip.as_deref()).unwrap_or("no address");
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_true = |kind: &str| conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True");
    let readiness = match (is_true("ContainersReady"), is_true("Ready")) {
        (_, true) => "ready",
        (true, false) => "containers ready",
        (false, false) => "not ready",
    };
    let ending = match (&pod.metadata.deletion_timestamp, pod.metadata.deletion_grace_period_seconds) {
        (Some(_), Some(grace)) => format!(", told to end within {grace} s"),
        _ => String::new(),
    };
    format!("{address}, {readiness}{ending}")
}
