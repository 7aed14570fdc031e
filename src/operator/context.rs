//! What a round may use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::Client;
use kube::runtime::events::Recorder;

use super::kubernetes::Kubernetes;
use super::leadership::Leadership;
use super::ledger::Ledger;
use super::metrics::Metrics;
use super::quotas::QuotaReads;
use crate::clb::{CallerReads, Clb, Credentials, HealthReads, Settings as ClbSettings, SettingsError};
use crate::k8s::Stores;
use crate::model::{Quotas, Region};
use crate::plan::Cluster;
use crate::plan::annotated::Acceptance;

/// What outlasts a leadership: clients, stores that watches keep filled, counters and constants.
pub(super) struct Ground {
    /// The API server.
    pub client: Client,
    /// What the watches have seen.
    pub stores: Stores,
    /// Clients of the cloud.
    pub clients: Arc<Clients>,
    /// Counters.
    pub metrics: Metrics,
    /// Events.
    pub recorder: Recorder,
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
}

impl Ground {
    /// What the rounds of a leadership use. Nothing in it remembers another leadership.
    pub(super) fn context(&self, leadership: Leadership) -> Context {
        Context {
            kubernetes: Kubernetes::new(self.client.clone(), leadership.clone()),
            leadership,
            stores: self.stores.clone(),
            clouds: Clouds { clients: self.clients.clone(), clouds: Mutex::default() },
            ledger: Ledger::default(),
            metrics: self.metrics.clone(),
            recorder: self.recorder.clone(),
            cluster: self.cluster,
            vpc_id: self.vpc_id.clone(),
            annotated_services: self.annotated_services,
            quotas: self.quotas,
            resync: self.resync,
            begun: Instant::now(),
        }
    }
}

/// Shared by all rounds of one leadership. Everything in it is a client, a cache or a constant.
pub(super) struct Context {
    /// The right to write, without which there are no rounds.
    pub leadership: Leadership,
    /// The API server.
    pub kubernetes: Kubernetes,
    /// What the watches have seen.
    pub stores: Stores,
    /// The cloud, by region.
    pub clouds: Clouds,
    /// Verdicts on gates, across load balancers.
    pub ledger: Ledger,
    /// Counters.
    pub metrics: Metrics,
    /// Events.
    pub recorder: Recorder,
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
    /// When the leadership began, which times that are kept are counted from.
    pub begun: Instant,
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
    /// Its health reads, shared by all load balancers of the region.
    pub(super) health: Arc<HealthReads>,
    /// Its quotas.
    pub(super) quotas: Arc<QuotaReads>,
}

impl Cloud {
    fn new(clb: Clb) -> Self {
        Self { health: Arc::new(HealthReads::new(clb.clone())), quotas: Arc::default(), clb }
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
        let first = Clb::new(settings.clone(), credentials.clone(), Arc::new(metrics.clone()))?;
        let caller = Arc::new(CallerReads::new(first.clone()));
        let by_region = Mutex::new(HashMap::from([(settings.region.clone(), first)]));
        Ok(Self { settings, credentials, metrics, caller, by_region })
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
        let client = Clb::new(settings, self.credentials.clone(), Arc::new(self.metrics.clone()))?;
        clients.insert(region.clone(), client.clone());
        Ok(client)
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
