//! Leader election by a Lease, so that one replica programs the cloud.
//!
//! The rules are client-go's: expiry is judged by how long this replica has seen the Lease unchanged, never by comparing its times
//! with the local clock; every write carries the version that was read; a leader that cannot renew stops leading before others
//! may start.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use crate::api::names;

/// How the Lease is used.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// The name of this replica; no two may share one.
    pub identity: String,
    /// How long others wait after the last renewal they saw.
    pub duration: Duration,
    /// How long a leader tries to renew before it gives up; shorter than `duration`.
    pub renew_deadline: Duration,
    /// Time between two attempts.
    pub retry: Duration,
}

impl LeaseSettings {
    /// client-go's times: 15 s, 10 s and 2 s.
    pub fn new(namespace: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: names::LEASE.to_owned(),
            identity: identity.into(),
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// One replica's part in the election.
pub(super) struct Elector {
    api: Api<Lease>,
    settings: LeaseSettings,
    seen: Option<Seen>,
}

/// What was last seen of the Lease, and since when it has been so.
struct Seen {
    holder: Option<String>,
    renewed: Option<MicroTime>,
    since: Instant,
}

impl Elector {
    /// `client` should not retry by itself: a late renewal is worse than a failed one.
    pub(super) fn new(client: Client, settings: LeaseSettings) -> Self {
        Self { api: Api::namespaced(client, &settings.namespace), settings, seen: None }
    }

    /// Waits until this replica leads; returns false when `stop` came first.
    pub(super) async fn acquire(&mut self, stop: &CancellationToken) -> bool {
        while !stop.is_cancelled() {
            if self.attempt().await {
                return true;
            }
            pause(self.settings.retry, stop).await;
        }
        false
    }

    /// Renews until that has failed for too long or `stop` comes. Returns true when leadership was lost.
    pub(super) async fn hold(&mut self, stop: &CancellationToken) -> bool {
        let mut renewed = Instant::now();
        loop {
            pause(self.settings.retry, stop).await;
            if stop.is_cancelled() {
                return false;
            }
            let left = self.settings.renew_deadline.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.attempt()).await {
                Ok(true) => renewed = Instant::now(),
                Ok(false) if renewed.elapsed() < self.settings.renew_deadline => {}
                Ok(false) | Err(_) => return true,
            }
        }
    }

    /// Gives the Lease up, so that another replica need not wait for it to expire.
    pub(super) async fn release(&self) {
        let attempt = async {
            let mut lease = self.api.get(&self.settings.name).await?;
            if holder(&lease) != Some(self.settings.identity.as_str()) {
                return Ok(());
            }
            if let Some(spec) = &mut lease.spec {
                spec.holder_identity = None;
                spec.lease_duration_seconds = Some(1);
            }
            self.api.replace(&self.settings.name, &PostParams::default(), &lease).await.map(drop)
        };
        if let Err(error) = attempt.await {
            tracing::info!(%error, "the lease was not given up; it will expire");
        }
    }

    /// One attempt to get or keep the Lease.
    async fn attempt(&mut self) -> bool {
        match self.try_attempt().await {
            Ok(leads) => leads,
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => false,
            Err(error) => {
                tracing::warn!(%error, "lease could not be read or written");
                false
            }
        }
    }

    async fn try_attempt(&mut self) -> Result<bool, kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.settings.name).await? else {
            let meta = ObjectMeta { name: Some(self.settings.name.clone()), ..ObjectMeta::default() };
            let lease = Lease { metadata: meta, spec: Some(self.spec(None)) };
            self.api.create(&PostParams::default(), &lease).await?;
            return Ok(true);
        };
        if !self.may_take(&lease) {
            return Ok(false);
        }
        lease.spec = Some(self.spec(lease.spec.as_ref()));
        self.api.replace(&self.settings.name, &PostParams::default(), &lease).await?;
        Ok(true)
    }

    /// It is ours, it is nobody's, or it has not changed for as long as it is valid.
    fn may_take(&mut self, lease: &Lease) -> bool {
        let holder = holder(lease).map(str::to_owned);
        let renewed = lease.spec.as_ref().and_then(|spec| spec.renew_time.clone());
        let is_known = self.seen.as_ref().is_some_and(|seen| seen.holder == holder && seen.renewed == renewed);
        if !is_known {
            self.seen = Some(Seen { holder: holder.clone(), renewed, since: Instant::now() });
        }
        let Some(holder) = holder else { return true };
        let is_expired = self.seen.as_ref().is_some_and(|seen| seen.since.elapsed() > self.settings.duration);
        holder == self.settings.identity || is_expired
    }

    fn spec(&self, previous: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let identity = &self.settings.identity;
        let mine = previous.filter(|spec| spec.holder_identity.as_ref() == Some(identity));
        let transitions = previous.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(identity.clone()),
            lease_duration_seconds: i32::try_from(self.settings.duration.as_secs()).ok(),
            acquire_time: mine.and_then(|spec| spec.acquire_time.clone()).or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if mine.is_some() || previous.is_none() { transitions } else { transitions + 1 }),
            ..LeaseSpec::default()
        }
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

async fn pause(time: Duration, stop: &CancellationToken) {
    // The time-out is the aim: it is a pause that ends early with `stop`.
    let _ = tokio::time::timeout(time, stop.cancelled()).await;
}
