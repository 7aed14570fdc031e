//! The death of a leader, with another replica beside it.
//!
//! The leader is killed as `kill -9` does it, while Pods are being replaced. Counted from there: until the Lease names the other
//! replica, until the cloud gets its first call, and until this process sees the next gate open.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde::Serialize;
use tke_direct_access::api::names;

use crate::Setting;
use crate::churn::Churn;
use crate::place::{CLOSE_LOOK, NAMESPACE, Place, Replica};
use crate::stage::WARM_UP;
use crate::world::seconds;

/// Pods replaced per second meanwhile.
const CHURN: f64 = 2.0;
/// How long what came before may take to end: a stage may have left work behind.
const SETTLE: Duration = Duration::from_secs(120);
/// How long the other replica is watched.
const WATCHED: Duration = Duration::from_secs(25);
/// After this, and before another replica can lead, no call of the dead one is on its way any more.
const LAST_CALLS: Duration = Duration::from_millis(300);
const SUCCESSOR: &str = "second";

/// Seconds after the death of the leader.
#[derive(Debug, Serialize)]
pub(crate) struct FailOver {
    pub(crate) leads_seconds: f64,
    pub(crate) first_call_seconds: f64,
    pub(crate) first_gate_seconds: f64,
}

/// Kills `leader`, which leads, and measures what comes then.
pub(crate) async fn measure(place: &Place, setting: &Setting, leader: Replica, churn: &mut Churn) -> Result<FailOver> {
    eprintln!("killing the leader");
    let has_settled = churn.settle(SETTLE).await?;
    ensure!(has_settled, "replacements of Pods have not ended {SETTLE:?} after the last stage");
    let successor = place.replica(SUCCESSOR, setting.account_rate)?;
    successor.ready().await?;
    churn.run(CHURN, WARM_UP).await?;
    let (killed, killed_at) = (Instant::now(), Timestamp::now());
    leader.kill();
    let ((), (leads, first_call)) = tokio::try_join!(churn.run(CHURN, WATCHED), succession(place, killed))?;
    churn.settle(SETTLE).await?;
    let leads_at = killed_at + leads;
    let opened = churn.sightings.opened();
    let first_gate = opened.iter().map(|pod| pod.gate_open).filter(|open| *open >= leads_at).min();
    let first_gate = first_gate.context("no gate was opened after the death of the leader")?;
    successor.end().await;
    Ok(FailOver {
        leads_seconds: seconds(leads),
        first_call_seconds: seconds(first_call),
        first_gate_seconds: seconds(first_gate.duration_since(killed_at).unsigned_abs()),
    })
}

/// When the Lease names the other replica, and when the cloud gets its first call.
async fn succession(place: &Place, killed: Instant) -> Result<(Duration, Duration)> {
    let leases: Api<Lease> = Api::namespaced(place.control_plane.client(), NAMESPACE);
    tokio::time::sleep(LAST_CALLS).await;
    let calls = || place.cloud.calls().values().sum::<u64>();
    let before = calls();
    let (mut leads, mut first_call) = (None, None);
    while killed.elapsed() < WATCHED {
        if leads.is_none() {
            let lease = leases.get(names::LEASE).await?;
            let holder = lease.spec.and_then(|spec| spec.holder_identity);
            leads = holder.is_some_and(|holder| holder == SUCCESSOR).then(|| killed.elapsed());
        }
        if first_call.is_none() && calls() > before {
            first_call = Some(killed.elapsed());
        }
        if let (Some(leads), Some(first_call)) = (leads, first_call) {
            return Ok((leads, first_call));
        }
        tokio::time::sleep(CLOSE_LOOK).await;
    }
    anyhow::bail!("nobody has taken over {WATCHED:?} after the death of the leader")
}
