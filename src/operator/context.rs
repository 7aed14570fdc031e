//! What a round may use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::runtime::events::Recorder;

use super::ledger::Ledger;
use super::metrics::Metrics;
use super::quotas::QuotaReads;
use crate::clb::{Clb, Credentials, Settings as ClbSettings, SettingsError, SharedReads};
use crate::k8s::Stores;
use crate::model::{Quotas, Region};
use crate::plan::Cluster;
use crate::plan::annotated::Acceptance;

/// Shared by all rounds. Everything in it is a client, a cache or a constant.
pub(super) struct Context {
    /// The API server.
    pub client: Client,
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
}

/// The cloud, by region: a client for each one in use, because limits and ids are a region's.
pub(super) struct Clouds {
    settings: ClbSettings,
    credentials: Credentials,
    metrics: Metrics,
    clients: Mutex<HashMap<Region, Cloud>>,
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

impl Clouds {
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
        let clients = Mutex::new(HashMap::from([(settings.region.clone(), first)]));
        Ok(Self { settings, credentials, metrics, clients })
    }

    fn connect(settings: ClbSettings, credentials: Credentials, metrics: &Metrics) -> Result<Cloud, SettingsError> {
        let clb = Clb::new(settings, credentials, Arc::new(metrics.clone()))?;
        metrics.show_rates(clb.rates());
        Ok(Cloud::new(clb))
    }

    /// The region of bindings that name none.
    pub(super) fn default_region(&self) -> &Region {
        &self.settings.region
    }

    /// Drops the client of a region in which there is no binding any more: users write names of regions.
    pub(super) fn forget(&self, region: &Region) {
        if region != self.default_region() {
            self.clients.lock().unwrap_or_else(PoisonError::into_inner).remove(region);
        }
    }

    /// The client of a region.
    ///
    /// # Errors
    ///
    /// When the settings cannot make a client.
    pub(super) fn client(&self, region: &Region) -> Result<Cloud, SettingsError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(region) {
            return Ok(client.clone());
        }
        let settings = ClbSettings { region: region.clone(), ..self.settings.clone() };
        let client = Self::connect(settings, self.credentials.clone(), &self.metrics)?;
        clients.insert(region.clone(), client.clone());
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clb::Keys;

    #[test]
    fn a_client_goes_with_the_last_binding_of_its_region_and_its_rates_with_it() {
        let keys = Keys::new("AKIDEXAMPLE", "hunter2", None).unwrap();
        let own = Region::from("ap-guangzhou");
        let clouds = Clouds::new(ClbSettings::new(own.clone()), Credentials::fixed(keys), Metrics::default()).unwrap();
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
        let left: Vec<_> = clouds.clients.lock().unwrap().keys().cloned().collect();
        assert_eq!((left, rates.is_over()), (vec![own], true), "the controller's own region stays");
    }
}
