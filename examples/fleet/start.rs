//! The first registration of all Pods, and the start of a replica over a fleet that is as it should be.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::Setting;
use crate::place::{Place, Replica};
use crate::world::{Writing, seconds};

/// How long all load balancers may take to be looked at, and more.
const PATIENCE: Duration = Duration::from_secs(600);

/// What was done before anything is measured.
#[derive(Debug, Serialize)]
pub(crate) struct Setup {
    #[serde(flatten)]
    pub(crate) writing: Writing,
    /// Until all bindings were ready, from the start of a controller that found listeners without targets, within the account's rate.
    pub(crate) registration_seconds: f64,
}

/// The start of a replica over all Pods, under the account's rate.
#[derive(Debug, Serialize)]
pub(crate) struct StartUp {
    /// Until `/readyz` said yes.
    pub(crate) ready_seconds: f64,
    /// Resident then.
    pub(crate) memory_when_ready_mib: u64,
    /// Until every load balancer had been compared with the cloud and all bindings were ready.
    pub(crate) verified_seconds: f64,
    /// CPU time until then.
    pub(crate) cpu_seconds: f64,
    /// Calls until then that change something in the cloud.
    pub(crate) cloud_writes: u64,
    /// Resident then.
    pub(crate) memory_when_verified_mib: u64,
}

/// Has a controller register all Pods.
pub(crate) async fn register(place: &Place, setting: &Setting, writing: Writing) -> Result<Setup> {
    eprintln!("registering {} Pods", setting.pods);
    let replica = place.replica("setup", setting.account_rate)?;
    let took = replica.verified(setting.bindings, PATIENCE).await?;
    replica.end().await;
    let targets = place.targets();
    ensure!(targets == usize::try_from(setting.pods)?, "{targets} targets for {} Pods", setting.pods);
    Ok(Setup { writing, registration_seconds: seconds(took) })
}

/// Starts a replica, and measures that.
pub(crate) async fn measure(place: &Place, setting: &Setting, name: &str) -> Result<(Replica, StartUp)> {
    eprintln!("starting a replica over all Pods");
    let writes = place.cloud.writes();
    let replica = place.replica(name, setting.account_rate)?;
    let ready = replica.ready().await?;
    let memory_when_ready_mib = replica.memory()?;
    let verified = replica.verified(setting.bindings, PATIENCE).await?;
    let start_up = StartUp {
        ready_seconds: seconds(ready),
        memory_when_ready_mib,
        verified_seconds: seconds(verified),
        cpu_seconds: seconds(replica.cpu()?),
        cloud_writes: place.cloud.writes() - writes,
        memory_when_verified_mib: replica.memory()?,
    };
    Ok((replica, start_up))
}
