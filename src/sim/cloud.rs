//! The running cloud: the state behind a lock, and everything that follows from its changes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Moment;
use super::data_plane::{Authority, Claims, DataPlane};
use super::dispatch::{self, Called, Outcome};
use super::probe::{Prober, Report};
use super::pure::PureCloud;
use super::settings::{Account, Credentials, Settings, Traffic};
use super::state::State;
use super::verdicts::{HealthChange, Verdicts};
use crate::model::{Address, LoadBalancerId, Route};

/// Results of probes are gathered for this long before the data plane is told: a wave of them is one change.
const GATHER: Duration = Duration::from_millis(3);

/// The cloud, shared by the server, the prober and the library handle.
pub(crate) struct Cloud {
    inner: Mutex<Inner>,
    started: Instant,
    wake: Notify,
    runtime: Handle,
    /// The key pair of the account that owns everything that was not created by another.
    pub(crate) credentials: Credentials,
    /// All whose keys are accepted, that one among them.
    pub(crate) accounts: Vec<Account>,
    pub(crate) region: String,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// Everything behind the lock. It is never held over an await.
pub(crate) struct Inner {
    pub(crate) cloud: PureCloud,
    pub(crate) verdicts: Verdicts,
    pub(crate) claims: Claims,
    pub(crate) data_plane: DataPlane,
    prober: Prober,
    traffic: Traffic,
}

impl Cloud {
    /// A cloud that does nothing by itself until [`Cloud::conduct`] runs.
    pub(crate) fn new(settings: &Settings, authority: Authority, runtime: Handle) -> Arc<Self> {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let own = Account { id: settings.account.clone(), credentials: settings.credentials.clone() };
        let accounts: Vec<Account> = std::iter::once(own).chain(settings.other_accounts.iter().cloned()).collect();
        Arc::new_cyclic(|cloud| Self {
            inner: Mutex::new(Inner {
                cloud: PureCloud::new(settings, Timestamp::now()),
                verdicts: Verdicts::default(),
                claims: Claims::new(settings.data_plane_address),
                data_plane: DataPlane::new(
                    Arc::new(authority),
                    tasks.clone(),
                    stop.clone(),
                    settings.cut_on_deregister,
                ),
                prober: Prober::new(report(cloud.clone()), settings.traffic, tasks.clone(), stop.clone()),
                traffic: settings.traffic,
            }),
            started: Instant::now(),
            wake: Notify::new(),
            runtime,
            credentials: settings.credentials.clone(),
            accounts,
            region: settings.region.clone(),
            tasks,
            stop,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Moment {
        self.started.elapsed()
    }

    /// The instant of a moment, to sleep until.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        self.started.checked_add(moment).unwrap_or_else(|| self.started + Duration::from_secs(86_400))
    }

    /// Looks at the cloud or changes it. What follows for sockets and probes is done before this returns.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut Inner, Moment) -> R) -> R {
        let _context = self.runtime.enter();
        let mut inner = self.lock();
        let now = self.now();
        inner.cloud.advance(now);
        let due = inner.cloud.state.next_due();
        let result = change(&mut inner, now);
        inner.publish();
        if inner.cloud.state.next_due() != due {
            self.wake.notify_one();
        }
        result
    }

    /// Carries out a call whose signature is good.
    pub(crate) fn call(&self, called: &Called<'_>, body: &[u8], request_id: &str) -> Outcome {
        self.with(|Inner { cloud, claims, .. }, now| {
            dispatch::dispatch(cloud, &mut || claims.claim(), called, body, request_id, now)
        })
    }

    /// Where traffic for a protocol and port of a load balancer can be sent.
    pub(crate) fn data_plane(
        &self,
        id: &LoadBalancerId,
        protocol: crate::model::Protocol,
        port: u16,
    ) -> Option<SocketAddr> {
        self.with(|inner, _| inner.data_plane.address(id, protocol, port))
    }

    /// Ends tasks when they are due, and tells the data plane what probes found. Runs until the cloud stops.
    pub(crate) async fn conduct(self: Arc<Self>) {
        loop {
            let due = self.with(|inner, _| inner.cloud.state.next_due());
            let due = async {
                match due {
                    Some(moment) => tokio::time::sleep_until(self.instant(moment)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = due => {}
                () = self.wake.notified() => tokio::time::sleep(GATHER).await,
            }
        }
    }
}

/// Takes results of probes to the state. It does not keep the cloud alive.
fn report(cloud: Weak<Cloud>) -> Report {
    Arc::new(move |id: &LoadBalancerId, route: &Route, address: Address, success: bool| {
        if let Some(cloud) = cloud.upgrade()
            && cloud.lock().observe(id, route, address, success)
        {
            cloud.wake.notify_one();
        }
    })
}

impl Inner {
    /// Adds the result of a probe, and remembers a change of health; true when there was one.
    fn observe(&mut self, id: &LoadBalancerId, route: &Route, address: Address, success: bool) -> bool {
        if !self.cloud.state.observe(id, route, address, success) {
            return false;
        }
        if let Some(health) = self.cloud.state.health_at(id, route, address) {
            let (load_balancer, route) = (id.clone(), route.clone());
            self.verdicts.add(HealthChange { at: Timestamp::now(), load_balancer, route, address, health });
        }
        true
    }

    /// Takes the changes of the state to sockets and probes.
    fn publish(&mut self) {
        let changed = self.cloud.state.take_changed();
        if changed.is_empty() {
            return;
        }
        for id in &changed {
            if self.traffic == Traffic::Served {
                self.data_plane.publish(id, &self.cloud.state.fronts(id), &self.claims);
            }
            self.prober.publish(id, self.cloud.state.probe_targets(id));
        }
        if changed.iter().any(|id| self.cloud.state.load_balancer(id).is_none()) {
            let states = std::iter::once(&self.cloud.state).chain(self.cloud.others.values());
            let used: BTreeSet<_> = states.flat_map(State::load_balancers).map(|lb| lb.vip).collect();
            self.claims.keep(|address| used.contains(&address));
        }
    }
}
