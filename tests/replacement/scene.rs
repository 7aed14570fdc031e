//! A stage with a cloud that takes its time, and what is waited for on it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::Value;
use tke_direct_access::model::{Address, Health, Protocol, Route};
use tke_direct_access::sim::{Settings as SimulatorSettings, Timing};
use tokio::time::Instant;

use crate::clients::Ended;
use crate::journal::Journal;
use crate::stage::{DEADLINE, Stage};
use crate::support::{eventually, within};

/// What the times of the real cloud are multiplied by.
const SCALE: f64 = 0.4;

/// At the longest, a target that answers is found healthy this long after its registration: three checks, 5 s apart on the
/// real cloud.
const HEALTH_TIME: Duration = Duration::from_secs(6);
/// How long after that the last old target may keep its weight.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// The same when the machine stands still for a moment; less than the poll of those who wait for nothing.
const AFTERWARDS_AT_WORST: Duration = Duration::from_secs(12);

/// A reason is told this soon, on a busy machine too.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// A test: its stage, and the journal of what happens there.
pub(crate) struct Story {
    pub(crate) stage: Stage,
    pub(crate) journal: Journal,
}

impl Story {
    /// An empty namespace, a slow cloud, and a controller.
    pub(crate) async fn begin(name: &str) -> Self {
        let settings =
            SimulatorSettings { timing: Timing { scale: SCALE, ..Timing::default() }, ..SimulatorSettings::default() };
        let mut stage = Stage::without_controller(name, settings).await;
        stage.start_controller(&[]).await;
        Self { stage, journal: Journal::new(name) }
    }

    /// Applies these objects, and waits until the binding has so many ready targets.
    pub(crate) async fn set(&self, objects: &[String], summary: &str) {
        for object in objects {
            self.stage.apply(object).await;
        }
        self.stage.until_ready("web", summary).await;
    }

    /// Waits for `act`, writing the journal.
    pub(crate) async fn watch<T>(&self, act: impl Future<Output = T>) -> T {
        self.journal.during(&self.stage, act).await
    }

    /// A fault, and the test goes on, unless `holds`.
    pub(crate) fn expect(&self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.journal.fault(otherwise());
        }
    }

    /// So many Pods have answered.
    pub(crate) fn expect_pods(&self, count: usize, ended: &Ended) {
        self.expect(ended.pods.len() == count, || format!("not {count} Pods have answered, but {:?}", ended.pods));
    }

    /// Nothing was lost, and no kept connection was cut.
    pub(crate) fn expect_nothing_lost(&self, what: &str, ended: &Ended) {
        let lost = ended.losses.len();
        self.expect(lost == 0 && ended.cut == 0, || format!("{what}: {}", ended.words(lost)));
    }

    /// Nothing was lost before this moment.
    pub(crate) fn expect_nothing_lost_before(&self, what: &str, ended: &Ended, end: Instant) {
        let lost = ended.lost_before(end);
        eprintln!("{what}: {lost} of the lost ones could have been served");
        self.expect(lost == 0, || format!("{what}: {} that could have been served", ended.words(lost)));
    }

    /// The end of every test.
    ///
    /// # Panics
    /// There was a fault.
    pub(crate) async fn end(self) {
        self.journal.check();
        self.stage.finish().await;
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::default_namespaced(self.stage.namespace.client())
    }

    /// The addresses of the Pods with these labels, with this port.
    pub(crate) async fn addresses(&self, labels: &str, port: u16) -> BTreeSet<Address> {
        let found = self.pods().list(&ListParams::default().labels(labels)).await.unwrap().items;
        let ips = found.into_iter().filter_map(|pod| pod.status?.pod_ip?.parse::<IpAddr>().ok());
        ips.map(|ip| Address { ip, port }).collect()
    }

    /// The targets on TCP port 80 that get new connections.
    pub(crate) fn weighted(&self) -> BTreeSet<Address> {
        let targets = self.stage.targets(Protocol::Tcp, 80).unwrap_or_default();
        targets.into_values().filter(|target| target.weight > 0).map(|target| target.address).collect()
    }

    /// Changes Service `web`.
    pub(crate) async fn patch_service(&self, spec: &Value) {
        let services: Api<Service> = Api::default_namespaced(self.stage.namespace.client());
        let patch = Patch::Merge(serde_json::json!({"spec": spec}));
        services.patch("web", &PatchParams::default(), &patch).await.expect("the Service can be changed");
        self.journal.note(format!("Service: {spec}"));
    }

    /// Most of these replacements took no longer than the cloud's health checks, and a little. A machine that stands still for a
    /// moment may make one of them late.
    pub(crate) fn expect_prompt(&self, times: &[Duration]) {
        let prompt = times.iter().filter(|time| **time <= HEALTH_TIME + AFTERWARDS).count();
        self.expect(prompt * 2 > times.len(), || format!("the old targets keep their weight: {times:.2?}"));
    }

    /// Waits until `new` targets have replaced the `old` ones. Returns for how long the last of these has kept its weight after the
    /// registration of the new ones; much too long is a fault.
    pub(crate) async fn until_replaced(
        &self,
        what: &str,
        old: &BTreeSet<Address>,
        new: &BTreeSet<Address>,
    ) -> Duration {
        eventually(&format!("{what}: the new targets are registered"), DEADLINE, async || {
            let found = self.weighted();
            if new.is_subset(&found) { Ok(Some(())) } else { Err(format!("{found:?}")) }
        })
        .await;
        let registered = Instant::now();
        let are_done = async || {
            let found = self.weighted();
            if old.is_disjoint(&found) { Ok(Some(())) } else { Err(format!("{found:?}")) }
        };
        let waited = within(HEALTH_TIME + AFTERWARDS_AT_WORST, are_done).await;
        let took = registered.elapsed();
        eprintln!("{what}: the old targets got weight 0 {took:.2?} after the new ones were registered");
        if let Err(found) = waited {
            self.journal.fault(format!("{what}: an old target keeps its weight: {found}"));
            eventually(&format!("{what}: the old targets get weight 0"), DEADLINE, are_done).await;
        }
        took
    }

    /// Waits until the targets on TCP port 80 are these and no others.
    pub(crate) async fn until_targets(&self, expected: &BTreeSet<Address>) {
        eventually("the targets are those wanted and no others", DEADLINE, async || {
            let found = self.stage.targets(Protocol::Tcp, 80).unwrap_or_default();
            if found.keys().eq(expected) { Ok(Some(())) } else { Err(format!("{found:?}")) }
        })
        .await;
    }

    /// Waits until so many targets on TCP port 80 get new connections and are healthy to the cloud, and no others do. Statuses
    /// follow a little later than what they tell of.
    pub(crate) async fn until_serving(&self, count: usize) {
        eventually(&format!("{count} targets serve"), DEADLINE, async || {
            let listener =
                self.stage.listeners().into_iter().find(|one| one.protocol == Protocol::Tcp && one.port == 80);
            let route = Route { listener: listener.ok_or("there is no listener")?.id, rule: None };
            let found = self.weighted();
            let is_healthy = |address: &Address| {
                self.stage.cloud.console(|state| state.health_at(&self.stage.load_balancer, &route, *address))
                    == Some(Health::Healthy)
            };
            let is_so = found.len() == count && found.iter().all(is_healthy);
            if is_so { Ok(Some(())) } else { Err(format!("{found:?}")) }
        })
        .await;
    }

    /// Waits until none of these Pods is left.
    pub(crate) async fn until_gone(&self, pods: &[String]) {
        let command = ["wait", "--for=delete", "--timeout=150s"];
        let all: Vec<&str> = command.into_iter().chain(pods.iter().map(String::as_str)).collect();
        self.stage.ok(&all).await;
    }

    /// The names of the Pods with label `app=web`, as `pod/name`.
    pub(crate) async fn names(&self) -> Vec<String> {
        self.stage.ok(&["get", "pods", "-l", "app=web", "-o", "name"]).await.lines().map(str::to_owned).collect()
    }

    /// Waits until there is another Pod of this name.
    pub(crate) async fn until_another(&self, name: &str, uid: Option<String>) {
        eventually(&format!("there is another Pod {name}"), DEADLINE, async || {
            let found = self.pods().get_opt(name).await.map_err(|error| error.to_string())?;
            Ok::<_, String>(found.filter(|pod| pod.metadata.uid != uid).map(|_| ()))
        })
        .await;
    }

    /// It is a fault when no condition of the binding gets this reason.
    pub(crate) async fn expect_reason(&self, reason: &str) {
        let told = within(TOLD_WITHIN, async || {
            let status = self.stage.binding("web").await.and_then(|binding| binding.status).unwrap_or_default();
            let is_there = status.conditions.iter().any(|condition| condition.reason == reason);
            if is_there { Ok(Some(())) } else { Err(format!("{:?}", status.conditions)) }
        });
        if let Err(found) = told.await {
            self.journal.fault(format!("no condition has reason {reason}: {found}"));
        }
    }
}
