//! The reads of a round: stores and cloud to a snapshot. Reads that fail become part of it.

use std::sync::Arc;

use jiff::Timestamp;

use super::certificates::Certificates;
use super::context::{Cloud, Context};
use super::triggers::Key;
use crate::api::DirectAccessBinding;
use crate::api::mark::ListenerName;
use crate::clb::{Contents, Presence};
use crate::model::{Failure, Limits, LoadBalancer, LoadBalancerId};
use crate::plan::{BindingView, Cloud as Seen, Cluster, Observed, Snapshot, placement};

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
    let bindings: Vec<_> = bindings
        .into_iter()
        .map(|binding| {
            let said = certificates.of_namespace(binding.metadata.namespace.as_deref().unwrap_or_default());
            context.stores.view(binding, said)
        })
        .collect();
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

/// Reads the load balancer. Health comes last: a health read that began after the targets were read is never older than a
/// registration seen there.
async fn observe(cloud: &Cloud, id: &LoadBalancerId, known: Known) -> Result<Seen, Failure> {
    let mut observed = match known {
        Known::Targets(known) => known,
        Known::Frame(known) => {
            let targets = cloud.clb.targets_of(id, &known.listeners).await?;
            Observed { targets, ..known }
        }
        Known::Nothing => match cloud.clb.contents(id).await? {
            Presence::Found(contents) => {
                let Contents { load_balancer, listeners, targets, .. } =
                    contents.readable(|mark| ListenerName::owner(mark).is_some())?;
                Observed { load_balancer, listeners, targets, health: Ok(Vec::new()) }
            }
            Presence::NotShown { .. } => return Ok(Seen::Missing),
        },
    };
    observed.health =
        if observed.targets.values().all(Vec::is_empty) { Ok(Vec::new()) } else { cloud.health.health(id).await };
    Ok(Seen::Observed(observed))
}
