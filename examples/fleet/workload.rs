//! A Service with its Pods, and how one of them is replaced.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use tke_direct_access::api::mark::ListenerName;
use tke_direct_access::sim::ListenerSpec;

use crate::kubernetes::Kubernetes;
use crate::objects;
use crate::place;
use crate::sightings::Sightings;

/// How long a Pod that ends goes on serving: its preStop hook.
const ENDING: Duration = Duration::from_secs(5);
/// What a Pod may take to end, as its spec says.
const GRACE_SECONDS: u32 = 30;
/// Services of one namespace.
const SERVICES_PER_NAMESPACE: u32 = 50;
/// The port of the first binding of a load balancer.
const FIRST_PORT: u32 = 8000;
/// Addresses of Pods begin here. None is used twice.
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 0);

/// A Service, its binding, slice and Pods. Whoever has it is the only one who writes them.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) load_balancer: String,
    pub(crate) port: u32,
    /// Empty until the binding is written.
    pub(crate) binding_uid: String,
    pub(crate) members: Vec<Member>,
}

/// A Pod.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) ip: Ipv4Addr,
    pub(crate) state: State,
}

/// What a slice says of a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its containers are ready, its gate is closed.
    Starting,
    /// It is ready.
    Serving,
    /// It has a deletion timestamp.
    Leaving,
}

/// The address of the Pod with this number.
fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(FIRST_ADDRESS) + number)
}

/// The name of the namespace with this number.
pub(crate) fn namespace(number: u32) -> String {
    format!("fleet-{number:03}")
}

/// How many namespaces so many bindings have.
pub(crate) fn namespaces(bindings: u32) -> u32 {
    bindings.div_ceil(SERVICES_PER_NAMESPACE)
}

impl Workload {
    /// The one with this number, without Pods: neighbours in number are on different load balancers.
    pub(crate) fn new(number: u32, load_balancers: u32) -> Self {
        Self {
            namespace: namespace(number / SERVICES_PER_NAMESPACE),
            name: format!("web-{number:05}"),
            load_balancer: place::load_balancer(number % load_balancers),
            port: FIRST_PORT + number / load_balancers,
            binding_uid: String::new(),
            members: Vec::new(),
        }
    }

    /// The listener of its binding, as the controller would make it.
    pub(crate) fn listener(&self) -> Result<ListenerSpec> {
        let name = ListenerName::new(&self.binding_uid, &self.namespace, &self.name).to_string();
        Ok(ListenerSpec { id: None, protocol: "TCP".to_owned(), port: u16::try_from(self.port)?, name: Some(name) })
    }

    /// The name of its slice.
    pub(crate) fn slice(&self) -> String {
        format!("{}-abcde", self.name)
    }

    pub(crate) fn pods_path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", self.namespace)
    }

    fn pod_path(&self, name: &str) -> String {
        format!("{}/{name}", self.pods_path())
    }

    pub(crate) fn slices_path(&self) -> String {
        format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", self.namespace)
    }

    pub(crate) fn services_path(&self) -> String {
        format!("/api/v1/namespaces/{}/services", self.namespace)
    }

    pub(crate) fn bindings_path(&self) -> String {
        format!("/apis/cloud.tencent.com/v1alpha1/namespaces/{}/directaccessbindings", self.namespace)
    }

    async fn write_slice(&self, kubernetes: &Kubernetes) -> Result<()> {
        kubernetes.replace(&format!("{}/{}", self.slices_path(), self.slice()), &objects::slice(self)).await
    }

    /// The name of the Pod with this number.
    fn pod_name(&self, number: u32) -> String {
        format!("{}-5d4f8c7b9-{number:06}", self.name)
    }

    /// Creates the Pod with this number and has its containers be ready. Its place in the slice is the caller's work.
    pub(crate) async fn add(&mut self, kubernetes: &Kubernetes, number: u32, settled: bool) -> Result<()> {
        let name = self.pod_name(number);
        let uid = kubernetes.create(&self.pods_path(), &objects::pod(self, &name, number)).await?;
        let state = if settled { State::Serving } else { State::Starting };
        let member = Member { uid, ip: address(number), state, name };
        let status = format!("{}/status", self.pod_path(&member.name));
        kubernetes.merge(&status, &objects::running(&member, settled)).await?;
        self.members.push(member);
        Ok(())
    }

    /// Brings a new Pod, and when it is ready lets the oldest one go. Returns when that is gone.
    ///
    /// # Errors
    /// A write failed, or the gate was not opened within `patience`.
    pub(crate) async fn replace_one(
        &mut self,
        kubernetes: &Kubernetes,
        sightings: &Sightings,
        number: u32,
        patience: Duration,
    ) -> Result<()> {
        let opened = sightings.follow(&self.namespace, &self.pod_name(number));
        self.add(kubernetes, number, false).await?;
        self.write_slice(kubernetes).await?;
        tokio::time::timeout(patience, opened).await.context("a gate stays closed")?.context("the watch has ended")?;
        let newest = self.members.last_mut().context("there is no Pod")?;
        newest.state = State::Serving;
        let status = format!("/api/v1/namespaces/{}/pods/{}/status", self.namespace, newest.name);
        kubernetes.merge(&status, &objects::ready()).await?;
        self.write_slice(kubernetes).await?;
        self.end_oldest(kubernetes).await
    }

    async fn end_oldest(&mut self, kubernetes: &Kubernetes) -> Result<()> {
        let oldest = self.members.first_mut().context("there is no Pod")?;
        oldest.state = State::Leaving;
        let name = oldest.name.clone();
        let path = self.pod_path(&name);
        kubernetes.delete(&path, GRACE_SECONDS).await?;
        self.write_slice(kubernetes).await?;
        tokio::time::sleep(ENDING).await;
        kubernetes.merge(&format!("{path}/status"), &objects::ended()).await?;
        kubernetes.delete(&path, 0).await?;
        self.members.retain(|member| member.name != name);
        self.write_slice(kubernetes).await
    }
}
