//! Somebody who looks on while something happens, and says what must never be seen.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use tke_direct_access::api::names;
use tke_direct_access::model::{Address, Health, LoadBalancerId, Protocol, RegisteredTarget, Route};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::stage::{LOAD_BALANCER, Stage};

/// How often the targets are looked at.
const PERIOD: Duration = Duration::from_millis(20);
/// How much later than the controller's watch this one may be on a busy machine.
const LAG: Duration = Duration::from_secs(2);

/// How long a gate may stay closed after the containers are ready: the cloud's checks, and the time until another replica
/// leads; less than the interval at which an unchanged load balancer is read, so that no missed change hides behind it.
const LONGEST_WAIT: Duration = Duration::from_secs(45);

/// What was seen of Pods and of the targets on TCP port 80.
#[derive(Default)]
struct Witness {
    pods: HashMap<String, Seen>,
    serving: BTreeSet<Address>,
    /// Targets that were served and then not: deregistered, or at weight 0.
    left: Vec<(Address, Instant)>,
    flips: Vec<String>,
}

#[derive(Default)]
struct Seen {
    name: String,
    ip: Option<IpAddr>,
    is_open: bool,
    containers_ready_since: Option<Instant>,
    /// From ContainersReady to the open gate.
    waited: Option<Duration>,
    ending_since: Option<Instant>,
}

/// Waits for `act` and looks on.
///
/// # Panics
/// A gate that was True was seen otherwise, a gate opened very late, or a target was taken out of service before its Pod was told to end.
pub(crate) async fn watched<T>(stage: &Stage, act: impl Future<Output = T>) -> T {
    let pods: Api<Pod> = Api::default_namespaced(stage.namespace.client());
    let mut events = pin!(watcher(pods, watcher::Config::default()).default_backoff());
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut witness = Witness::default();
    let mut act = pin!(act);
    let result = loop {
        tokio::select! {
            result = &mut act => break result,
            Some(event) = events.next() => witness.hear(event),
            _ = ticks.tick() => witness.look(stage),
        }
    };
    witness.testify();
    result
}

/// Waits for `act`, and returns the fewest healthy targets with a weight that were seen meanwhile.
pub(crate) async fn fewest_serving<T>(stage: &Stage, act: impl Future<Output = T>) -> (T, usize) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut act = pin!(act);
    let mut fewest = usize::MAX;
    loop {
        tokio::select! {
            result = &mut act => return (result, fewest),
            _ = ticks.tick() => fewest = fewest.min(healthy_serving(stage)),
        }
    }
}

/// How many targets are healthy and have a weight.
fn healthy_serving(stage: &Stage) -> usize {
    let id = LoadBalancerId::new(LOAD_BALANCER);
    stage.cloud.console(|state| {
        let is_healthy = |route: &Route, address| state.health_at(&id, route, address) == Some(Health::Healthy);
        let of_route = |(route, targets): (Route, Vec<RegisteredTarget>)| {
            targets.into_iter().filter(|target| target.weight > 0 && is_healthy(&route, target.address)).count()
        };
        state.targets(&id).into_iter().map(of_route).sum()
    })
}

impl Witness {
    fn hear(&mut self, event: watcher::Result<watcher::Event<Pod>>) {
        match event {
            Ok(watcher::Event::InitApply(pod) | watcher::Event::Apply(pod)) => self.pod(&pod),
            Ok(watcher::Event::Delete(pod)) => {
                let uid = pod.metadata.uid.unwrap_or_default();
                self.pods.entry(uid).or_default().ending_since.get_or_insert_with(Instant::now);
            }
            // The watch is begun anew by itself.
            Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => {}
        }
    }

    fn pod(&mut self, pod: &Pod) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let status = pod.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let gate = conditions.iter().find(|condition| condition.type_ == names::GATE);
        let is_open = gate.is_some_and(|gate| gate.status == "True");
        let seen = self.pods.entry(pod.metadata.uid.clone().unwrap_or_default()).or_default();
        if seen.is_open && !is_open {
            self.flips.push(format!("{name}: {gate:?}"));
        }
        seen.name = name;
        if conditions.iter().any(|found| found.type_ == "ContainersReady" && found.status == "True") {
            let since = *seen.containers_ready_since.get_or_insert_with(Instant::now);
            if is_open && !seen.is_open {
                seen.waited = Some(since.elapsed());
            }
        }
        seen.is_open |= is_open;
        seen.ip = status.and_then(|status| status.pod_ip.as_deref()?.parse().ok()).or(seen.ip);
        let is_over = status.and_then(|status| status.phase.as_deref()).is_some_and(|phase| phase == "Failed");
        if pod.metadata.deletion_timestamp.is_some() || is_over {
            seen.ending_since.get_or_insert_with(Instant::now);
        }
    }

    fn look(&mut self, stage: &Stage) {
        let targets = stage.targets(Protocol::Tcp, 80).unwrap_or_default();
        let serving: BTreeSet<Address> =
            targets.values().filter(|target| target.weight > 0).map(|target| target.address).collect();
        let now = Instant::now();
        self.left.extend(self.serving.difference(&serving).map(|address| (*address, now)));
        self.serving = serving;
    }

    fn testify(&self) {
        assert_eq!(self.flips, [""; 0], "a gate that was open stays open");
        let opened = self.pods.values().filter(|pod| pod.is_open).count();
        assert!(opened > 0 && !self.serving.is_empty(), "Pods and targets were seen");
        let waited = self.pods.values().filter_map(|pod| pod.waited).max().unwrap_or_default();
        assert!(waited < LONGEST_WAIT, "a gate opened {waited:?} after the containers were ready");
        let too_early = self.left.iter().filter(|(address, left)| {
            let told = |pod: &&Seen| pod.ip == Some(address.ip) && pod.ending_since.is_some_and(|at| at <= *left + LAG);
            !self.pods.values().any(|pod| told(&pod))
        });
        let too_early: Vec<_> = too_early.map(|(address, _)| address.to_string()).collect();
        assert_eq!(too_early, [""; 0], "only Pods that are ending lose their targets");
    }
}
