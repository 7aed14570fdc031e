//! The reads of a round: stores and cloud to a snapshot. Reads that fail become part of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::certificates::Certificates;
use super::context::{Cloud, Context};
use super::triggers::Key;
use crate::api::DirectAccessBinding;
use crate::clb::Clb;
use crate::k8s::ConfigRow;
use crate::model::{Failure, Limits, Listener, LoadBalancer, LoadBalancerId, ObjectKey, RegisteredTarget, Route};
use crate::plan::config::{Reference, reference};
use crate::plan::{BindingView, Cloud as Seen, Cluster, ConfigView, Observed, Snapshot, placement};

/// The bindings of a key, from the store.
pub(super) fn bindings(context: &Context, key: &Key) -> Vec<Arc<DirectAccessBinding>> {
    let region = context.clouds.default_region();
    let all = context.stores.bindings.all();
    all.iter().map(|row| row.0.clone()).filter(|binding| Key::of(binding, region) == *key).collect()
}

/// What is known of the load balancer from an earlier round, and need not be read again.
pub(super) enum Known {
    /// Nothing.
    Nothing,
    /// Load balancer and listeners.
    Frame(Observed),
    /// Everything but health.
    Targets(Observed),
}

/// Everything that this round decides on. Certificates are those that an earlier round has read, if any.
pub(super) async fn gather(
    context: &Context,
    key: &Key,
    cloud: Option<&Cloud>,
    known: Known,
    certificates: &Certificates,
    bindings: Vec<Arc<DirectAccessBinding>>,
) -> Snapshot {
    let now = Timestamp::now();
    let bindings: Vec<_> = bindings.into_iter().map(|binding| view(context, binding, certificates)).collect();
    let limits = match cloud {
        Some(cloud) => cloud.quotas.limits(&cloud.clb, context.quotas).await,
        None => Limits::default(),
    };
    let seen = match (key, cloud) {
        (Key::LoadBalancer(_, id), Some(cloud)) => observe(cloud, id, known).await.unwrap_or_else(Seen::Failed),
        (Key::Unplaced(..), Some(cloud)) => owned(cloud, &bindings).await.map_or_else(Seen::Failed, Seen::Unplaced),
        _ => Seen::Unplaced(Vec::new()),
    };
    let load_balancer = match key {
        Key::LoadBalancer(_, id) => id.clone(),
        Key::Unplaced(..) => LoadBalancerId::new(""),
    };
    let switches = context.stores.switches();
    let cluster = Cluster { allows_global_route: switches.global_route, has_tke: switches.has_tke, ..context.cluster };
    Snapshot { load_balancer, cloud: seen, bindings, cluster, vpc_id: context.vpc_id.clone(), limits, now }
}

/// The load balancers that carry the tag of the binding, of which there is one at most here.
async fn owned(cloud: &Cloud, bindings: &[BindingView]) -> Result<Vec<LoadBalancer>, Failure> {
    match bindings.iter().find(|view| placement::awaits_placement(&view.binding)) {
        Some(view) => {
            let (key, value) = placement::owner_tag(&view.binding);
            cloud.clb.load_balancers_tagged(key, &value).await
        }
        None => Ok(Vec::new()),
    }
}

/// The binding with the objects it refers to.
fn view(context: &Context, binding: Arc<DirectAccessBinding>, certificates: &Certificates) -> BindingView {
    let namespace = binding.metadata.namespace.clone().unwrap_or_default();
    let service_key = ObjectKey::new(&namespace, &binding.spec.service_ref.name);
    let stores = &context.stores;
    let service = stores.services.row(&namespace, &service_key.name);
    let config = match reference(&binding, service.as_deref()) {
        None => ConfigView::None,
        Some(Reference { name, is_auto }) => match stores.configs.row(&namespace, &name).as_deref() {
            None if is_auto => ConfigView::Making,
            None => ConfigView::Missing,
            Some(row) if is_auto && !row.is_owned_by(binding.metadata.uid.as_deref()) => ConfigView::Foreign,
            Some(ConfigRow { config: Ok(config), .. }) => ConfigView::Found(config.clone()),
            Some(ConfigRow { config: Err(why), .. }) => ConfigView::Unreadable(why.clone()),
        },
    };
    BindingView {
        certificates: certificates.of_namespace(&namespace),
        service,
        slices: stores.slices_of(&service_key),
        pods: stores.pods.rows(&namespace),
        speaks_for_service: speaks_for_service(context, &binding),
        config,
        binding,
    }
}

/// True for the oldest live binding of a Service.
fn speaks_for_service(context: &Context, binding: &DirectAccessBinding) -> bool {
    let namespace = binding.metadata.namespace.as_deref().unwrap_or_default();
    let age = |binding: &DirectAccessBinding| {
        let created = binding.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (created, binding.metadata.uid.clone().unwrap_or_default())
    };
    let rows = context.stores.bindings.rows(namespace);
    let rivals = rows.values().filter(|row| {
        row.0.spec.service_ref.name == binding.spec.service_ref.name && row.0.metadata.deletion_timestamp.is_none()
    });
    rivals.map(|row| age(&row.0)).min().is_none_or(|oldest| oldest == age(binding))
}

/// Reads the load balancer. Health comes last: a health read that began after the targets were read is never older than a
/// registration seen there.
async fn observe(cloud: &Cloud, id: &LoadBalancerId, known: Known) -> Result<Seen, Failure> {
    let mut observed = match known {
        Known::Targets(known) => known,
        Known::Frame(known) => {
            let targets = targets(&cloud.clb, id, &known.listeners).await?;
            Observed { targets, ..known }
        }
        Known::Nothing => match observe_all(&cloud.clb, id).await? {
            Some(observed) => observed,
            None => return Ok(Seen::Missing),
        },
    };
    observed.health =
        if observed.targets.values().all(Vec::is_empty) { Ok(Vec::new()) } else { cloud.health.health(id).await };
    Ok(Seen::Observed(observed))
}

type Targets = BTreeMap<Route, Vec<RegisteredTarget>>;

/// Everything but health; `None` when there is no such load balancer.
async fn observe_all(clb: &Clb, id: &LoadBalancerId) -> Result<Option<Observed>, Failure> {
    let ids = [id.clone()];
    let Some(load_balancer) = clb.load_balancers(&ids).await?.into_iter().find(|found| found.id == *id) else {
        return Ok(None);
    };
    let listeners = clb.listeners(id).await?;
    let targets = targets(clb, id, &listeners).await?;
    Ok(Some(Observed { load_balancer, listeners, targets, health: Ok(Vec::new()) }))
}

async fn targets(clb: &Clb, id: &LoadBalancerId, listeners: &[Listener]) -> Result<Targets, Failure> {
    let mut targets = clb.targets(id).await?;
    for route in listeners.iter().flat_map(Listener::routes) {
        // One without targets may be missing from the reply.
        targets.entry(route).or_default();
    }
    Ok(targets)
}
