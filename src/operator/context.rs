//! What a round may use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;

use super::caches::StoreCaches;
use super::certificates::Certificates;
use super::kubernetes::Kubernetes;
use super::leadership::Leadership;
use super::metrics::Metrics;
use super::quotas::QuotaReads;
use super::recorders::Recorders;
use super::server_clock::ServerClock;
use super::write_room::WriteRoom;
use crate::api::condition::HoldCause;
use crate::clb::{CallerReads, Clb, Credentials, Settings as ClbSettings, SettingsError, SharedReads};
use crate::k8s::Stores;
use crate::model::{KeyMark, Quotas, Region};
use crate::plan::annotated::Acceptance;
use crate::plan::brake::Brake;
use crate::plan::vpc::KnownVpc;
use crate::plan::{Cluster, Hold};
use crate::reconcile::{Effect, Flags, Input, Machine, Shared, Surroundings};

/// What outlasts a leadership: clients, stores that watches keep filled, counters and constants.
pub(super) struct Ground {
    /// The time by the API server's clock.
    pub clock: ServerClock,
    /// The API server, for what needs no leadership.
    pub client: Client,
    /// The API server, over connections that end with a leadership.
    pub writer: Client,
    /// What the watches have seen.
    pub stores: Stores,
    /// Clients of the cloud.
    pub clients: Arc<Clients>,
    /// Counters.
    pub metrics: Metrics,
    /// Events.
    pub recorders: Recorders,
    /// What flags say of the cluster.
    pub cluster: Cluster,
    /// The VPC of the cluster, where a flag says it.
    pub vpc_id: Option<String>,
    /// Which annotated Services get a binding.
    pub annotated_services: Acceptance,
    /// What flags say of quotas.
    pub quotas: Quotas,
    /// How often an unchanged load balancer is read.
    pub resync: Duration,
    /// Whether removals are held.
    pub brake: Arc<Mutex<Brake>>,
    /// The controller's own namespace.
    pub namespace: String,
    /// The only namespace that is looked after, where there is one.
    pub watch_namespace: Option<String>,
}

impl Ground {
    /// What the rounds of a leadership use. Nothing in it remembers another leadership but what holds removals.
    pub(super) fn context(&self, leadership: Leadership) -> Context {
        let bindings = self.stores.bindings.all();
        let statuses = bindings.iter().filter_map(|row| row.0.status.as_ref());
        self.brake.lock().unwrap_or_else(PoisonError::into_inner).begin(statuses, self.clock.at());
        Context {
            kubernetes: Kubernetes::new(self.writer.clone(), leadership.clone()),
            leadership,
            stores: self.stores.clone(),
            clouds: Clouds { clients: self.clients.clone(), clouds: Mutex::default() },
            shared: Shared::new(self.brake.clone()),
            metrics: self.metrics.clone(),
            recorders: self.recorders.clone(),
            cluster: self.cluster,
            flags: Flags {
                region: self.clients.settings.region.clone(),
                resync: self.resync,
                vpc_id: self.vpc_id.clone(),
            },
            annotated_services: self.annotated_services,
            quotas: self.quotas,
            told: Mutex::default(),
            told_vpc: Mutex::default(),
            namespace: self.namespace.clone(),
            watch_namespace: self.watch_namespace.clone(),
            certificates: Certificates::default(),
            clock: self.clock.clone(),
            room: WriteRoom::default(),
        }
    }
}

/// Shared by all rounds of one leadership. Everything in it is a client, a cache or a constant.
pub(super) struct Context {
    /// The time by the API server's clock.
    pub clock: ServerClock,
    /// The right to write, without which there are no rounds.
    pub leadership: Leadership,
    /// The API server.
    pub kubernetes: Kubernetes,
    /// What the watches have seen.
    pub stores: Stores,
    /// The cloud, by region.
    pub clouds: Clouds,
    /// What the machines share.
    pub shared: Shared,
    /// Counters.
    pub metrics: Metrics,
    /// Events.
    pub recorders: Recorders,
    /// What flags say of the cluster.
    pub cluster: Cluster,
    /// What flags say to machines.
    pub flags: Flags,
    /// Which annotated Services get a binding.
    pub annotated_services: Acceptance,
    /// What flags say of quotas.
    pub quotas: Quotas,
    /// Why removals are held, as the log says it.
    told: Mutex<Option<HoldCause>>,
    /// The VPC of the cluster, as the log says it.
    told_vpc: Mutex<Option<KnownVpc>>,
    /// The controller's own namespace.
    pub namespace: String,
    /// The only namespace that is looked after, where there is one.
    pub watch_namespace: Option<String>,
    /// Certificates that are uploaded from Secrets.
    pub(super) certificates: Certificates,
    /// Room for writes to the API server.
    pub(super) room: WriteRoom,
}

impl Context {
    /// What a machine makes of what it sees at this moment.
    pub(super) fn seen<T>(&self, see: impl FnOnce(&Surroundings<'_>) -> T) -> T {
        let caller = |since: &KeyMark| self.clouds.caller().since(since);
        let caches = StoreCaches {
            stores: &self.stores,
            region: self.clouds.default_region(),
            cluster: self.cluster,
            annotated_services: self.annotated_services,
            namespace: &self.namespace,
            signing_key: self.clouds.caller().mark(),
            caller: &caller,
        };
        see(&Surroundings { caches: &caches, shared: &self.shared, flags: &self.flags, now: self.clock.now() })
    }

    /// Lets a machine take in what has happened. Returns what is to be done.
    pub(super) fn step(&self, machine: &mut Machine, input: Input) -> Vec<Effect> {
        let effects = self.seen(|surroundings| machine.step(surroundings, input));
        // What is told and shown is told and shown in the order in which it came to be.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let removals = self.shared.brake().removals();
        self.metrics.set_hold(removals.held().map(|hold| hold.reason));
        tell(&mut told, removals.held());
        let mut told_vpc = self.told_vpc.lock().unwrap_or_else(PoisonError::into_inner);
        match vpc_news(&mut told_vpc, self.shared.vpcs().known()) {
            Some(vpc) if vpc.dissent.is_empty() => {
                tracing::info!(vpc = vpc.id, source = %vpc, "the VPC of the cluster is known");
            }
            Some(vpc) => {
                tracing::warn!(vpc = vpc.id, source = %vpc, "the VPC of the cluster is known, and some are of another")
            }
            None => {}
        }
        effects
    }
}

/// Tells of removals that are held from now on, or not any more.
fn tell(told: &mut Option<HoldCause>, hold: Option<&Hold>) {
    let reason = hold.map(|hold| hold.reason);
    if std::mem::replace(told, reason) == reason {
        return;
    }
    match hold {
        Some(hold) => {
            let (cause, way_out) = (hold.cause(), hold.way_out());
            tracing::error!(reason = hold.reason.as_str(), cause, way_out, "removals are held");
        }
        None => tracing::warn!("removals are not held any more"),
    }
}

/// What there is to log of the VPC of the cluster: that it is known from now on, or is another one. From now on it counts as told.
fn vpc_news<'a>(told: &mut Option<KnownVpc>, known: Option<&'a KnownVpc>) -> Option<&'a KnownVpc> {
    let now = known.filter(|now| told.as_ref() != Some(now))?;
    *told = Some(now.clone());
    Some(now)
}

/// The clients of the cloud, one for each region in use, because limits and ids are a region's. They outlast a leadership: the rate of
/// the account does too.
pub(super) struct Clients {
    settings: ClbSettings,
    credentials: Credentials,
    metrics: Metrics,
    caller: Arc<CallerReads>,
    by_region: Mutex<HashMap<Region, Clb>>,
}

/// The cloud, by region, as one leadership sees it.
pub(super) struct Clouds {
    clients: Arc<Clients>,
    clouds: Mutex<HashMap<Region, Cloud>>,
}

/// The cloud in one region.
#[derive(Clone)]
pub(super) struct Cloud {
    /// The client.
    pub(super) clb: Clb,
    /// The reads that all load balancers of the region share.
    pub(super) reads: Arc<SharedReads>,
    /// Its quotas.
    pub(super) quotas: Arc<QuotaReads>,
}

impl Cloud {
    fn new(clb: Clb) -> Self {
        Self { reads: Arc::new(SharedReads::new(clb.clone())), quotas: Arc::default(), clb }
    }
}

impl Clients {
    /// Makes the client of the default region, which shows whether the settings can work.
    ///
    /// # Errors
    ///
    /// When the settings cannot make a client.
    pub(super) fn new(
        settings: ClbSettings,
        credentials: Credentials,
        metrics: Metrics,
    ) -> Result<Self, SettingsError> {
        let first = Self::connect(settings.clone(), credentials.clone(), &metrics)?;
        let caller = Arc::new(CallerReads::new(first.clone()));
        let by_region = Mutex::new(HashMap::from([(settings.region.clone(), first)]));
        Ok(Self { settings, credentials, metrics, caller, by_region })
    }

    fn connect(settings: ClbSettings, credentials: Credentials, metrics: &Metrics) -> Result<Clb, SettingsError> {
        let clb = Clb::new(settings, credentials, Arc::new(metrics.clone()))?;
        metrics.show_rates(clb.rates());
        Ok(clb)
    }

    /// By which account calls are made, in every region.
    pub(super) const fn caller(&self) -> &Arc<CallerReads> {
        &self.caller
    }

    fn client(&self, region: &Region) -> Result<Clb, SettingsError> {
        let mut clients = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(region) {
            return Ok(client.clone());
        }
        let settings = ClbSettings { region: region.clone(), ..self.settings.clone() };
        let client = Self::connect(settings, self.credentials.clone(), &self.metrics)?;
        clients.insert(region.clone(), client.clone());
        Ok(client)
    }

    /// Drops the client of a region in which there is no binding any more: users write names of regions.
    fn forget(&self, region: &Region) {
        if *region != self.settings.region {
            self.by_region.lock().unwrap_or_else(PoisonError::into_inner).remove(region);
        }
    }
}

impl Clouds {
    /// The region of bindings that name none.
    pub(super) fn default_region(&self) -> &Region {
        &self.clients.settings.region
    }

    /// By which account calls are made, in every region.
    pub(super) fn caller(&self) -> &Arc<CallerReads> {
        self.clients.caller()
    }

    /// Drops what is there of a region in which there is no binding any more.
    pub(super) fn forget(&self, region: &Region) {
        if region != self.default_region() {
            self.clouds.lock().unwrap_or_else(PoisonError::into_inner).remove(region);
            self.clients.forget(region);
        }
    }

    /// The client of a region, with what this leadership has read there.
    ///
    /// # Errors
    ///
    /// When the settings cannot make a client.
    pub(super) fn client(&self, region: &Region) -> Result<Cloud, SettingsError> {
        let mut clouds = self.clouds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cloud) = clouds.get(region) {
            return Ok(cloud.clone());
        }
        let cloud = Cloud::new(self.clients.client(region)?);
        clouds.insert(region.clone(), cloud.clone());
        Ok(cloud)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clb::Keys;
    use crate::plan::vpc::VpcSource;

    #[test]
    fn the_vpc_is_logged_once_and_again_when_somebody_else_says_it() {
        let mut told = None;
        let of = |source| KnownVpc { id: "vpc-1".to_owned(), source, dissent: Vec::new() };
        let (flag, tke) = (of(VpcSource::Flag), of(VpcSource::TkeConfig));
        let known = [None, Some(&flag), Some(&flag), None, Some(&flag), Some(&tke)];
        let logged = known.map(|known| vpc_news(&mut told, known).is_some());
        assert_eq!(logged, [false, true, false, false, false, true]);
    }

    #[test]
    fn a_client_goes_with_the_last_binding_of_its_region_and_its_rates_with_it() {
        let keys = Keys::new("AKIDEXAMPLE", "hunter2", None).unwrap();
        let own = Region::from("ap-guangzhou");
        let clients =
            Clients::new(ClbSettings::new(own.clone()), Credentials::fixed(keys), Metrics::default()).unwrap();
        let clouds = Clouds { clients: Arc::new(clients), clouds: Mutex::default() };
        let regions: Vec<_> = (0..10).map(|number| Region::from(format!("nowhere-{number}").as_str())).collect();
        for region in &regions {
            clouds.client(region).unwrap();
        }
        let rates = clouds.client(&regions[0]).unwrap().clb.rates();
        assert!(!rates.is_over());
        for region in &regions {
            clouds.forget(region);
        }
        clouds.forget(&own);
        let left: Vec<_> = clouds.clients.by_region.lock().unwrap().keys().cloned().collect();
        assert_eq!((left, rates.is_over()), (vec![own], true), "the controller's own region stays");
    }
}
