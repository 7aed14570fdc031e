//! The loop that keeps certificate and configuration as they should be, on every replica at once.
//!
//! Each look reads the objects anew, compares, and writes only what differs; watches only say when to look. Replicas do not
//! fight: the Secret is written with the version that was read, and what goes into the configuration depends on nothing but the
//! Secret and the settings.

mod certificate;
mod object;
mod report;
mod watch;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::certificate::{Found, IssueError, Lifetimes};
use super::configuration::{self, Desired, policy_binding_resource, policy_resource, webhook_resource};
use super::metrics::Metrics;
use super::secret::Keeper;
use super::settings::Reach;
use super::{Error, Injection, Settings, Surroundings};

/// How often everything is looked at although no watch has said anything.
const PERIOD: Duration = Duration::from_secs(30);
/// The pause after a first failed look; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between failed looks.
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// How long one look may take; the client repeats refused requests for minutes.
const LOOK: Duration = Duration::from_secs(10);

/// Why a look failed. The next one may succeed.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Client(#[from] kube::Error),
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error("Secret {0} holds something else; name another one with --webhook-secret, or delete it")]
    Foreign(String),
    #[error("it took longer than {LOOK:?}")]
    Slow,
}

impl LookError {
    /// Somebody else wrote first: look again at once.
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Client(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists())
    }
}

/// Settles `Auto`: `None` when `stop` came first. It stays settled for the life of the process, so that replicas of one age
/// agree.
pub(super) async fn resolve(injection: Injection, client: &Client, stop: &CancellationToken) -> Option<Injection> {
    if injection != Injection::Auto {
        return Some(injection);
    }
    let mut pause = PAUSE;
    loop {
        let asked = client.list_api_group_resources("admissionregistration.k8s.io/v1");
        match tokio::time::timeout(LOOK, asked).await {
            Ok(Ok(list)) => {
                let has_policies = list.resources.iter().any(|found| found.name == policy_resource().plural);
                return Some(if has_policies { Injection::Policy } else { Injection::Webhook });
            }
            Ok(Err(error)) => tracing::warn!(%error, "the API server did not say which admission policies it has"),
            Err(_) => tracing::warn!("the API server did not say in time which admission policies it has"),
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            _ = tokio::time::timeout(pause, std::future::pending::<()>()) => pause = (pause * 2).min(PAUSE_MAX),
        }
    }
}

/// The loop's state. All of it may be lost.
pub(super) struct Repair {
    client: Client,
    identity: String,
    metrics: Metrics,
    injection: Injection,
    namespace: String,
    reach: Reach,
    names: Vec<String>,
    lifetimes: Lifetimes,
    keeper: Keeper,
    secret: String,
    certificate: tokio::sync::watch::Sender<Option<Arc<CertifiedKey>>>,
    /// What was last found sound.
    sound: Option<Found>,
    /// The objects that this process has seen: if one is missing later, somebody has deleted it.
    seen: HashSet<&'static str>,
    /// When other ways of injection were last looked for.
    cleared: Option<Instant>,
}

impl Repair {
    pub(super) fn new(
        settings: &Settings,
        surroundings: Surroundings,
        injection: Injection,
        reach: Reach,
        certificate: tokio::sync::watch::Sender<Option<Arc<CertifiedKey>>>,
        metrics: Metrics,
    ) -> Self {
        let Surroundings { client, namespace, identity, .. } = surroundings;
        Self {
            identity,
            metrics,
            injection,
            names: reach.names(&namespace),
            reach,
            lifetimes: settings.lifetimes,
            keeper: Keeper::new(client.clone(), &namespace, settings.webhook_secret.clone()),
            secret: settings.webhook_secret.clone(),
            certificate,
            sound: None,
            seen: HashSet::new(),
            cleared: None,
            client,
            namespace,
        }
    }

    /// Looks until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let changed = Arc::new(Notify::new());
        let mut watches = JoinSet::new();
        self.watch(&changed, &stop, &mut watches);
        let mut pause = PAUSE;
        while !stop.is_cancelled() {
            let looked = tokio::select! {
                looked = tokio::time::timeout(LOOK, self.look()) => looked.unwrap_or(Err(LookError::Slow)),
                () = stop.cancelled() => break,
            };
            let next = match looked {
                Ok(next) => {
                    pause = PAUSE;
                    let next = next.duration_since(Timestamp::now());
                    Duration::try_from(next).unwrap_or(Duration::ZERO).clamp(Duration::from_millis(10), PERIOD)
                }
                Err(error) if error.is_conflict() => {
                    tracing::debug!(%error, "somebody else wrote first");
                    Duration::from_millis(100)
                }
                Err(error) => {
                    self.metrics.failed();
                    tracing::warn!(%error, "gate injection could not be looked at or repaired and will be again");
                    pause = (pause * 2).min(PAUSE_MAX);
                    pause
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tokio::time::timeout(next, changed.notified()) => {}
            }
        }
        while watches.join_next().await.is_some() {}
        Ok(())
    }

    /// Reads everything and writes what differs. Returns when to look next, watches apart.
    async fn look(&mut self) -> Result<Timestamp, LookError> {
        let desired: Vec<Desired>;
        let mut next = Timestamp::MAX;
        match self.injection {
            Injection::Webhook | Injection::Auto => {
                let (bundle, until) = self.secure().await?;
                next = until;
                desired = vec![configuration::webhook(&self.reach, &bundle, &self.namespace)];
            }
            Injection::Policy => desired = configuration::policy(&self.namespace).into(),
            Injection::None => desired = Vec::new(),
        }
        for desired in &desired {
            self.ensure(desired).await?;
        }
        self.remove_others().await?;
        Ok(next)
    }

    /// Removes what another way of injection has left behind, now and then: while replicas with different settings replace
    /// each other, both keep their objects, and removal at every look would make them race.
    async fn remove_others(&mut self) -> Result<(), LookError> {
        if self.cleared.is_some_and(|last| last.elapsed() < PERIOD) {
            return Ok(());
        }
        self.cleared = Some(Instant::now());
        if self.injection != Injection::Webhook {
            self.remove(&webhook_resource(), "configuration").await?;
            self.remove_secret().await?;
        }
        if self.injection != Injection::Policy {
            // The binding first: a policy without one does nothing, a binding without a policy is a fault.
            self.remove(&policy_binding_resource(), "policy-binding").await?;
            self.remove(&policy_resource(), "policy").await?;
        }
        Ok(())
    }
}
