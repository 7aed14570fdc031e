//! The reads of a round: stores and cloud to a snapshot. Reads that fail become part of it.

use std::sync::Arc;

use jiff::Timestamp;

use super::certificates::Certificates;
use super::context::{Cloud, Context};
use super::departure::departures;
use super::triggers::Key;
use crate::api::DirectAccessBinding;
use crate::api::mark::ListenerName;
use crate::clb::{Contents, Presence};
use crate::k8s::Word;
use crate::model::{Failure, Limits, LoadBalancer, LoadBalancerId};
use crate::plan::{BindingView, Cloud as Seen, Cluster, Observed, Remembered, Snapshot, placement};

/// The bindings of a key, from the store.
pub(super) fn bindings(context: &Context, key: &Key) -> Vec<Arc<DirectAccessBinding>> {
    key.bindings(&context.stores, context.clouds.default_region())
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

/// Everything that this round decides on. Certificates are those that an earlier round has read, if any; a region that has no client
/// is a read that failed.
pub(super) async fn gather(
    context: &Context,
    key: &Key,
    cloud: &Result<Option<Cloud>, Failure>,
    known: Known,
    memory: Recollection<'_>,
    bindings: Vec<Arc<DirectAccessBinding>>,
) -> Snapshot {
    let now = Timestamp::now();
    let view = |binding: Arc<DirectAccessBinding>| {
        let said = memory.certificates.of_namespace(binding.metadata.namespace.as_deref().unwrap_or_default());
        context.stores.view(binding, said)
    };
    let mut bindings: Vec<_> = bindings.into_iter().map(view).collect();
    departures(context, &mut bindings).await;
    let limits = match cloud {
        Ok(Some(cloud)) => cloud.quotas.limits(&cloud.clb, context.quotas).await,
        Ok(None) | Err(_) => Limits::default(),
    };
    let seen = match (key, cloud) {
        (_, Err(failure)) => Seen::Failed(failure.clone()),
        (Key::LoadBalancer(_, id), Ok(Some(cloud))) => observe(cloud, id, known).await.unwrap_or_else(Seen::Failed),
        (Key::Unplaced(..), Ok(Some(cloud))) => owned(cloud, &bindings).await.map_or_else(Seen::Failed, Seen::Unplaced),
        (_, Ok(None)) => Seen::Unplaced(Vec::new()),
    };
    if let Seen::Observed(observed) = &seen {
        let living = |uid: &str| context.stores.bindings.has(&Word::Uid(uid.to_owned()));
        for view in &mut bindings {
            view.former_uids = placement::former_uids(&view.binding, observed, living);
        }
    }
    let load_balancer = match key {
        Key::LoadBalancer(_, id) => id.clone(),
        Key::Unplaced(..) => LoadBalancerId::new(""),
    };
    let switches = context.stores.switches();
    let cluster = Cluster { allows_global_route: switches.global_route, has_tke: switches.has_tke, ..context.cluster };
    let (vpc_id, remembered) = (context.vpc_id.clone(), memory.remembered.clone());
    Snapshot { load_balancer, cloud: seen, bindings, cluster, vpc_id, limits, remembered, now }
}

/// What earlier rounds have left.
#[derive(Clone, Copy)]
pub(super) struct Recollection<'a> {
    pub(super) certificates: &'a Certificates,
    pub(super) remembered: &'a Remembered,
}

/// The load balancers that carry a tag of the binding, of which there is one at most here.
async fn owned(cloud: &Cloud, bindings: &[BindingView]) -> Result<Vec<LoadBalancer>, Failure> {
    let mut found = Vec::new();
    if let Some(view) = bindings.iter().find(|view| placement::awaits_placement(&view.binding)) {
        for (key, value) in placement::owner_tags(&view.binding) {
            if found.is_empty() {
                found = cloud.clb.load_balancers_tagged(key, &value).await?;
            }
        }
    }
    Ok(found)
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
        Known::Nothing => match cloud.reads.contents(id).await? {
            Presence::Found(contents) => {
                let Contents { load_balancer, listeners, targets, .. } =
                    contents.readable(|mark| ListenerName::owner(mark).is_some())?;
                Observed { load_balancer, listeners, targets, health: Ok(Vec::new()) }
            }
            Presence::NotShown { witnesses } => return Ok(Seen::Missing(witnesses)),
        },
    };
    observed.health =
        if observed.targets.values().all(Vec::is_empty) { Ok(Vec::new()) } else { cloud.reads.health(id).await };
    Ok(Seen::Observed(observed))
}
