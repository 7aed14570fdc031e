//! The reads of a round: stores and cloud to a snapshot. Reads that fail become part of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::certificates::Certificates;
use super::context::{Cloud, Context};
use super::departure::departures;
use super::reads::{FrameAnswer, HealthAnswer, Reads, Wait};
use super::triggers::Key;
use crate::api::DirectAccessBinding;
use crate::api::mark::{ListenerName, TargetTag};
use crate::clb::{Contents, KeyMark, Presence};
use crate::k8s::Word;
use crate::model::{Failure, Limits, LoadBalancer, LoadBalancerId};
use crate::plan::{BindingView, Cloud as Seen, Cluster, Observed, ReadState, Remembered, Snapshot, placement};

/// The bindings of a key, from the store.
pub(super) fn bindings(context: &Context, key: &Key) -> Vec<Arc<DirectAccessBinding>> {
    key.bindings(&context.stores, context.clouds.default_region())
}

/// What is known of the load balancer from an earlier round, and need not be read again.
pub(super) enum Known {
    /// Nothing. What was seen before may serve where a new read takes long.
    Nothing(Option<Observed>),
    /// Load balancer and listeners.
    Frame(Observed),
    /// Everything but health.
    Targets(Observed),
}

/// When reads began.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    /// Those of the load balancer and its listeners; `None` while they go on.
    pub(super) all: Option<Instant>,
    pub(super) targets: Instant,
}

/// Everything that this round decides on. Certificates are those that an earlier round has read, if any; a region that has no client
/// is a read that failed.
pub(super) async fn gather(
    context: &Context,
    key: &Key,
    cloud: &Result<Option<Cloud>, Failure>,
    (known, begun): (Known, Begun),
    memory: Recollection<'_>,
    reads: &mut Reads,
    bindings: Vec<Arc<DirectAccessBinding>>,
) -> (Snapshot, Begun) {
    let now = context.clock.now();
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
    let Observation { seen, state, begun } = match (key, cloud) {
        (Key::LoadBalancer(_, id), Ok(Some(cloud))) => observe(cloud, id, known, begun, reads).await,
        (_, cloud) => {
            let seen = match cloud {
                Err(failure) => Seen::Failed(failure.clone()),
                Ok(Some(cloud)) => owned(cloud, &bindings).await.map_or_else(Seen::Failed, Seen::Unplaced),
                Ok(None) => Seen::Unplaced(Vec::new()),
            };
            Observation { seen, state: ReadState::Settled, begun }
        }
    };
    if let Seen::Observed(observed) = &seen {
        compare(context, observed, &mut bindings);
    }
    let load_balancer = match key {
        Key::LoadBalancer(_, id) => id.clone(),
        Key::Unplaced(..) => LoadBalancerId::new(""),
    };
    let switches = context.stores.switches();
    let cluster = Cluster { allows_global_route: switches.global_route, has_tke: switches.has_tke, ..context.cluster };
    let (vpc_id, remembered) = (context.vpc_id.clone(), memory.remembered.clone());
    let caller = context.clouds.caller().since(memory.key);
    let snapshot = Snapshot {
        load_balancer,
        cloud: seen,
        reads: state,
        removals: context.removals(),
        caller,
        bindings,
        cluster,
        vpc_id,
        limits,
        remembered,
        now,
    };
    (snapshot, begun)
}

/// What earlier rounds have left.
#[derive(Clone, Copy)]
pub(super) struct Recollection<'a> {
    pub(super) certificates: &'a Certificates,
    pub(super) remembered: &'a Remembered,
    /// The key that everything is read by which is not read yet.
    pub(super) key: &'a KeyMark,
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

/// What the stores say of marks that the load balancer carries.
fn compare(context: &Context, observed: &Observed, bindings: &mut [BindingView]) {
    let living = |uid: &str| context.stores.bindings.has(&Word::Uid(uid.to_owned()));
    for view in bindings {
        view.former_uids = placement::former_uids(&view.binding, observed, living);
        let namespace = view.binding.metadata.namespace.clone().unwrap_or_default();
        view.reassigned = context.stores.reassigned(&namespace, &registered(view, observed));
    }
}

/// The addresses of a binding's targets, each with the mark of the Pod for which it was registered.
fn registered(view: &BindingView, observed: &Observed) -> BTreeMap<IpAddr, String> {
    let targets = observed.targets.values().flatten();
    let own = targets.filter_map(|target| Some((target.address.ip, TargetTag::parse(&target.tag)?)));
    own.filter(|(_, tag)| view.is_uid_of_ours(&tag.binding_uid)).map(|(ip, tag)| (ip, tag.pod_mark)).collect()
}

/// What was read of a load balancer, and since when that holds.
struct Observation {
    seen: Seen,
    state: ReadState,
    begun: Begun,
}

/// Reads the load balancer. Health comes last: a health read that began after the targets were read is never older than a
/// registration seen there.
async fn observe(cloud: &Cloud, id: &LoadBalancerId, known: Known, begun: Begun, reads: &mut Reads) -> Observation {
    match observed(cloud, id, known, begun, reads).await {
        Ok(observation) => observation,
        Err(failure) => Observation { seen: Seen::Failed(failure), state: ReadState::Settled, begun },
    }
}

async fn observed(
    cloud: &Cloud,
    id: &LoadBalancerId,
    known: Known,
    mut begun: Begun,
    reads: &mut Reads,
) -> Result<Observation, Failure> {
    let mut state = ReadState::Settled;
    let mut observed = match known {
        Known::Targets(known) => known,
        Known::Frame(known) => with_targets(cloud, id, known).await?,
        Known::Nothing(before) => match reads.frame(cloud, id, before).await {
            FrameAnswer::Goes(before) => {
                (state, begun.all) = (ReadState::TargetsOnly, None);
                with_targets(cloud, id, *before).await?
            }
            FrameAnswer::Read(read, at) => match frame(read?)? {
                Ok(observed) => {
                    begun = Begun { all: Some(at), targets: at };
                    observed
                }
                Err(seen) => return Ok(Observation { seen, state, begun }),
            },
            FrameAnswer::Late(read, at) => match frame(read?)? {
                Ok(observed) => {
                    begun.all = Some(at);
                    with_targets(cloud, id, observed).await?
                }
                Err(seen) => return Ok(Observation { seen, state, begun }),
            },
        },
    };
    (observed.health, observed.health_basis) = (Ok(Vec::new()), None);
    if observed.targets.values().any(|all| !all.is_empty()) {
        let HealthAnswer { rows, basis, wait } = reads.health(cloud, id, &observed.targets).await;
        (observed.health, observed.health_basis) = (rows, basis);
        if wait == Wait::Goes && state == ReadState::Settled {
            state = ReadState::HealthPending;
        }
    }
    Ok(Observation { seen: Seen::Observed(observed), state, begun })
}

async fn with_targets(cloud: &Cloud, id: &LoadBalancerId, known: Observed) -> Result<Observed, Failure> {
    let targets = cloud.clb.targets_of(id, &known.listeners).await?;
    Ok(Observed { targets, ..known })
}

/// What a read shows of the load balancer; what it means where it shows nothing.
fn frame(presence: Presence) -> Result<Result<Observed, Seen>, Failure> {
    Ok(match presence {
        Presence::Found(contents) => {
            let Contents { load_balancer, listeners, targets, .. } =
                contents.readable(|mark| ListenerName::owner(mark).is_some())?;
            Ok(Observed { load_balancer, listeners, targets, health: Ok(Vec::new()), health_basis: None })
        }
        Presence::NotShown { witnesses } => Err(Seen::Missing(witnesses)),
    })
}
