//! The simulator as a value: started, looked at, disturbed and stopped by whoever owns it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;

use super::admin;
use super::calls::{CallRecord, Calls};
use super::cloud::Cloud;
use super::data_plane::Authority;
use super::fault::Fault;
use super::server;
use super::settings::{LoadBalancerSpec, Settings};
use super::state::{ConsoleError, State};
use super::verdicts::HealthChange;
use crate::model::{Address, LoadBalancerId, Protocol};

/// A running simulator. Its tasks end when it is dropped; [`Simulator::shutdown`] also waits for them.
pub struct Simulator {
    cloud: Arc<Cloud>,
    address: SocketAddr,
}

impl Simulator {
    /// Starts a simulator on the current Tokio runtime.
    ///
    /// # Errors
    /// When there is no runtime, the address cannot be bound, or a load balancer of the settings is impossible.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind(settings.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = TcpListener::from_std(listener)?;
        let authority = Authority::new().map_err(io::Error::other)?;
        let simulator = Self { cloud: Cloud::new(&settings, authority, runtime), address };
        for spec in &settings.load_balancers {
            simulator.cloud.create_load_balancer(spec).map_err(io::Error::other)?;
        }
        let cloud = &simulator.cloud;
        cloud.tasks.spawn(Arc::clone(cloud).conduct());
        cloud.tasks.spawn(server::serve(listener, Arc::clone(cloud)));
        drop(settings);
        Ok(simulator)
    }

    /// Where the API is served, such as `http://127.0.0.1:18080`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key pair of the first account: SecretId and SecretKey.
    pub fn credentials(&self) -> (&str, &str) {
        (&self.cloud.credentials.secret_id, &self.cloud.credentials.secret_key)
    }

    /// Adds a load balancer that is ready at once.
    ///
    /// # Errors
    /// When its id exists, a listener is impossible, or no address is left.
    pub fn create_load_balancer(&self, spec: &LoadBalancerSpec) -> Result<LoadBalancerId, ConsoleError> {
        self.cloud.create_load_balancer(spec)
    }

    /// Where traffic for a listener can be sent; `None` when there is no such listener, or it is not served (yet).
    pub fn data_plane(&self, id: &LoadBalancerId, protocol: Protocol, port: u16) -> Option<SocketAddr> {
        self.cloud.data_plane(id, protocol, port)
    }

    /// The certificate that clients of listeners with TLS have to trust, in PEM. The common name of what such a listener shows
    /// is the id of its certificate.
    pub fn authority_pem(&self) -> String {
        self.cloud.with(|inner, _| inner.data_plane.authority_pem().to_owned())
    }

    /// Calls by action since the start or the last reset. Calls that were refused count, unless for their signature.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.cloud.with(|inner, _| inner.cloud.calls.by_action().clone())
    }

    /// How many targets the replies of each action have described since the start or the last reset: what `DescribeTargets` and
    /// `DescribeTargetHealth` cost beside their number. A target counts once for each listener or rule and each reply that shows
    /// it; actions whose replies have shown none are absent.
    pub fn described(&self) -> BTreeMap<String, u64> {
        self.cloud.with(|inner, _| inner.cloud.calls.described().clone())
    }

    /// Calls that change something, of all actions.
    pub fn writes(&self) -> u64 {
        self.cloud.with(|inner, _| inner.cloud.calls.writes())
    }

    /// The last few thousand calls, oldest first.
    pub fn call_log(&self) -> Vec<CallRecord> {
        self.cloud.with(|inner, _| inner.cloud.calls.log().cloned().collect())
    }

    /// The last few thousand changes of health that probes brought about, oldest first.
    pub fn health_log(&self) -> Vec<HealthChange> {
        self.cloud.with(|inner, _| inner.verdicts.log().cloned().collect())
    }

    /// Forgets the calls so far.
    pub fn reset_calls(&self) {
        self.cloud.with(|inner, _| inner.cloud.calls = Calls::default());
    }

    /// Allows so many calls of each action per second from now on; `None`: no limit.
    pub fn set_rate(&self, per_second: Option<u32>) {
        self.cloud.with(|inner, _| inner.cloud.rates.set(per_second));
    }

    /// Arms a fault.
    pub fn inject(&self, fault: Fault) {
        self.cloud.with(|inner, _| inner.cloud.faults.inject(fault));
    }

    /// Disarms all faults.
    pub fn clear_faults(&self) {
        self.cloud.with(|inner, _| inner.cloud.faults.clear());
    }

    /// How many calls of each action were struck by a fault.
    pub fn struck(&self) -> BTreeMap<String, u64> {
        self.cloud.with(|inner, _| inner.cloud.faults.struck().clone())
    }

    /// Everything there is, as `GET /admin/state` shows it.
    pub fn state(&self) -> Value {
        self.cloud.with(|inner, _| admin::state(inner))
    }

    /// Decides the health of an address on every listener; `None` leaves it to the probes again.
    pub fn set_health_override(&self, address: Address, healthy: Option<bool>) {
        self.cloud.with(|inner, _| inner.cloud.state.override_health(address, healthy));
    }

    /// Looks at the cloud, or acts on it as somebody else would: at once, uncounted and without a lock of the load balancer.
    /// What follows for traffic has happened when this returns.
    pub fn console<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        self.cloud.with(|inner, _| act(&mut inner.cloud.state))
    }

    /// Looks at what another account has; `None` when there is no such account.
    pub fn console_of<R>(&self, account: &str, look: impl FnOnce(&mut State) -> R) -> Option<R> {
        self.cloud.with(|inner, _| inner.cloud.others.get_mut(account).map(look))
    }

    /// Locks a load balancer for this long, in real time, as a task of somebody else would.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn hold(&self, id: &LoadBalancerId, time: Duration) -> Result<(), ConsoleError> {
        self.cloud.with(|inner, now| inner.cloud.state.hold(id, now, time))
    }

    /// Stops everything and waits until it has stopped.
    pub async fn shutdown(self) {
        self.cloud.stop.cancel();
        self.cloud.tasks.close();
        self.cloud.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.cloud.stop.cancel();
    }
}

impl Cloud {
    /// Adds a load balancer that is ready at once.
    pub(crate) fn create_load_balancer(&self, spec: &LoadBalancerSpec) -> Result<LoadBalancerId, ConsoleError> {
        self.with(|inner, now| {
            let no_address = || ConsoleError::Refused("no address is left for a load balancer".to_owned());
            let vip = inner.claims.claim().ok_or_else(no_address)?;
            inner.cloud.state.add_load_balancer(spec, vip, now)
        })
    }
}
