//! What there is, read once: the cluster's side by lists, the cloud's by reads, and what the controller would make of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, CustomResourceExt};

use super::Error;
use super::certificates::certificates;
use super::error::{of_api_server, of_cloud};
use super::gate_label::{self, GateLabel};
use super::hold::{self, Word};
use super::session::Session;
use crate::api::DirectAccessBinding;
use crate::api::mark::ListenerName;
use crate::clb::{Clb, Contents, Presence};
use crate::k8s::Stores;
use crate::model::{Caller, Class, Failure, GateState, Limits, ListenerId, LoadBalancerId, Quotas, Region};
use crate::plan::annotated::{Acceptance, Setting};
use crate::plan::vpc::{self, ClusterVpc, NamedVpcs, VpcSight};
use crate::plan::{
    self, BindingPlan, BindingView, Cloud, Cluster, DefinitionSight, Observed, ReadState, Remembered, Removals,
    RouteClaim, RouteTrace, Snapshot, placement,
};

/// The code of the failure that stands for a cloud which was not asked.
pub(super) const NOT_ASKED: &str = "NoCredentials";

/// The cluster's side.
pub(super) struct World {
    /// What was listed.
    pub(super) stores: Stores,
    namespaces: Vec<String>,
    /// Whether removals are held.
    removals: Removals,
    /// Whether the definition of bindings stays, where one is being deleted.
    definition: Option<DefinitionSight>,
    /// The labels of namespaces that say whether their Pods get gates, where some have none.
    labels: Arc<BTreeMap<String, GateLabel>>,
    /// What of this may be otherwise; `None` where all is known.
    pub(super) doubt: Option<String>,
}

/// One load balancer with its bindings, as a round of the controller would see it.
pub(super) struct Sight {
    /// Where it is; `None` for a binding that has no load balancer yet.
    pub(super) home: Option<(Region, LoadBalancerId)>,
    /// What was seen.
    pub(super) snapshot: Snapshot,
    /// What would be done.
    pub(super) plan: plan::Plan,
    /// Each binding's routes, in the order of the snapshot.
    pub(super) routes: Vec<Vec<RouteTrace>>,
    /// Labels of namespaces.
    labels: Arc<BTreeMap<String, GateLabel>>,
}

/// One binding out of a [`Sight`].
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// The binding with what it refers to.
    pub(super) view: &'a BindingView,
    /// Its part of the plan.
    pub(super) plan: &'a BindingPlan,
    /// Its listeners and rules.
    pub(super) routes: &'a [RouteTrace],
    /// Where it is; `None` for a binding that has no load balancer yet.
    pub(super) home: Option<&'a (Region, LoadBalancerId)>,
    /// What the reads of the cloud gave.
    pub(super) cloud: &'a Cloud,
    /// Whether removals are held.
    pub(super) removals: &'a Removals,
    /// Labels of namespaces.
    labels: &'a BTreeMap<String, GateLabel>,
}

impl<'a> Seen<'a> {
    /// What the binding's namespace says of gates; `None` where it was not looked for.
    pub(super) fn gate_label(self) -> Option<&'a GateLabel> {
        self.labels.get(self.view.binding.metadata.namespace.as_deref().unwrap_or_default())
    }

    /// The listeners and rules that are wanted.
    pub(super) fn wanted(self) -> impl Iterator<Item = &'a RouteTrace> {
        self.routes.iter().filter(|route| route.claim == RouteClaim::Wanted)
    }

    /// The cloud was read.
    pub(super) const fn is_read(&self) -> bool {
        matches!(self.cloud, Cloud::Observed(_))
    }

    /// The cloud was not asked, for want of credentials.
    pub(super) fn is_unasked(&self) -> bool {
        matches!(self.cloud, Cloud::Failed(failure) if failure.code == NOT_ASKED)
    }

    /// Why the cloud was not read, and what would change that; `None` where it was, or shows nothing.
    pub(super) fn not_read(&self) -> Option<String> {
        match self.cloud {
            Cloud::Failed(failure) if failure.code == NOT_ASKED => {
                Some(format!("{}; set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY", failure.message))
            }
            Cloud::Failed(failure) => Some(of_cloud(failure)),
            Cloud::Missing(_) | Cloud::Unplaced(_) | Cloud::Observed(_) => None,
        }
    }

    /// Why a read of the cloud has failed, although it was asked; `None` when none has.
    pub(super) fn unread(&self) -> Option<String> {
        let failure = match self.cloud {
            Cloud::Failed(failure) => failure,
            Cloud::Observed(observed) => observed.health.as_ref().err()?,
            Cloud::Missing(_) | Cloud::Unplaced(_) => return None,
        };
        (!self.is_unasked()).then(|| of_cloud(failure))
    }

    /// The listener carries the binding's mark.
    pub(super) fn owns(self, listener: &ListenerId) -> bool {
        let Cloud::Observed(observed) = self.cloud else { return false };
        let found = observed.listeners.iter().find(|found| found.id == *listener);
        found.and_then(|found| ListenerName::owner(&found.name)).is_some_and(|uid| self.view.is_uid_of_ours(uid))
    }
}

impl Sight {
    /// Its bindings.
    pub(super) fn bindings(&self) -> impl Iterator<Item = Seen<'_>> {
        let parts = self.snapshot.bindings.iter().zip(&self.plan.bindings).zip(&self.routes);
        let Snapshot { cloud, removals, .. } = &self.snapshot;
        let (home, labels) = (self.home.as_ref(), &*self.labels);
        parts.map(move |((view, plan), routes)| Seen { view, plan, routes, home, cloud, removals, labels })
    }
}

impl World {
    /// Lists one namespace, or all. Bindings of other namespaces on the same load balancers are seen where the user may see them.
    pub(super) async fn read(session: &Session, is_everywhere: bool) -> Result<Self, Error> {
        let stores = Stores::default();
        let namespace = (!is_everywhere).then_some(session.namespace.as_str());
        stores.fill(&session.client, namespace).await?;
        let own: BTreeSet<_> = stores.bindings.all().iter().filter_map(|row| home(session, &row.0)).collect();
        let all: Api<DirectAccessBinding> = Api::all(session.client.clone());
        let mut others = BTreeSet::new();
        // Who may not see other namespaces takes what they have on the load balancer for foreign, which changes nothing.
        if !is_everywhere && let Ok(bindings) = all.list(&Default::default()).await {
            let neighbours = bindings.items.iter().filter(|one| home(session, one).is_some_and(|at| own.contains(&at)));
            others.extend(neighbours.filter_map(|one| one.metadata.namespace.clone()));
            others.remove(&session.namespace);
        }
        for namespace in &others {
            match stores.fill(&session.client, Some(namespace)).await {
                Err(error) if !error.is_forbidden() => return Err(error.into()),
                // Nor does who may see the bindings there, and not what they refer to.
                Err(_) | Ok(()) => {}
            }
        }
        let namespaces = if is_everywhere { Vec::new() } else { vec![session.namespace.clone()] };
        let config = hold::config(session).await;
        let bindings = stores.bindings.all();
        let home = session.controller_namespace().await;
        let Word { removals, doubt } = hold::removals(home, &config, bindings.iter().map(|row| &*row.0));
        let (definition, unread) = match bindings.iter().any(|row| row.0.metadata.deletion_timestamp.is_some()) {
            true => definition(session).await,
            false => (None, None),
        };
        let doubts: Vec<_> = doubt.into_iter().chain(unread).collect();
        let doubt = (!doubts.is_empty()).then(|| doubts.join("; "));
        let labels = Arc::new(labels(session, &stores, is_everywhere).await);
        Ok(Self { stores, namespaces, removals, definition, labels, doubt })
    }

    /// A binding is to be deleted, and the definition of bindings is not: where nobody had to ask for it, it stays.
    pub(super) fn expect_deletion(&mut self) {
        self.definition.get_or_insert(DefinitionSight::Stays);
    }

    /// What decides about Services with annotations. Which of them the controller takes only its flag says: all, as is usual.
    pub(super) fn setting(&self) -> Setting {
        let switches = self.stores.switches();
        Setting { acceptance: Acceptance::All, has_tke: switches.has_tke, is_default: switches.default_direct_access }
    }

    /// The binding is one of those asked for, rather than a neighbour on a load balancer.
    pub(super) fn is_asked_for(&self, binding: &DirectAccessBinding) -> bool {
        let namespace = binding.metadata.namespace.as_deref().unwrap_or_default();
        self.namespaces.is_empty() || self.namespaces.iter().any(|name| name == namespace)
    }

    /// The names of the bindings that are asked for.
    pub(super) fn names(&self) -> Vec<String> {
        let bindings = self.stores.bindings.all();
        let own = bindings.iter().filter(|row| self.is_asked_for(&row.0));
        own.filter_map(|row| row.0.metadata.name.clone()).collect()
    }

    /// A binding of this name is among those asked for.
    pub(super) fn has(&self, name: &str) -> bool {
        let bindings = self.stores.bindings.all();
        bindings.iter().any(|row| row.0.metadata.name.as_deref() == Some(name) && self.is_asked_for(&row.0))
    }

    /// Every load balancer that a binding asked for is on, read and planned.
    pub(super) async fn look(&self, session: &Session) -> Result<Vec<Sight>, Error> {
        let mut groups: BTreeMap<_, Vec<Arc<DirectAccessBinding>>> = BTreeMap::new();
        for row in self.stores.bindings.all() {
            let meta = &row.0.metadata;
            let home = home(session, &row.0);
            // One without a load balancer stands for itself.
            let alone = home.is_none().then(|| (meta.namespace.clone(), meta.name.clone()));
            groups.entry((home, alone)).or_default().push(row.0.clone());
        }
        let mut sights = Vec::new();
        let stated = vpc::find(session.vpc_id.as_deref(), &NamedVpcs::new(), &self.stores.tke_vpc());
        let is_asked_for = |bindings: &[Arc<_>]| bindings.iter().any(|binding| self.is_asked_for(binding));
        let asked: Vec<_> = groups.into_iter().filter(|(_, bindings)| is_asked_for(bindings)).collect();
        let (placed, unplaced): (Vec<_>, Vec<_>) = asked.into_iter().partition(|((home, _), _)| home.is_some());
        for ((home, _), bindings) in placed {
            sights.push(self.sight(session, home, bindings, stated.clone()).await?);
        }
        // By what was seen of the others.
        let vpc = self.vpc(session, &sights);
        let mut unplaced_sights = Vec::new();
        for (_, bindings) in unplaced {
            unplaced_sights.push(self.sight(session, None, bindings, vpc.clone()).await?);
        }
        unplaced_sights.append(&mut sights);
        Ok(unplaced_sights)
    }

    /// The VPC of the cluster, by what was seen of load balancers that bindings name; pending while one that could say it was not read.
    pub(super) fn vpc(&self, session: &Session, sights: &[Sight]) -> ClusterVpc {
        let seen = |sight: &Sight| {
            let (_, id) = sight.home.as_ref().filter(|(region, _)| *region == session.region)?;
            let mut specs = sight.snapshot.bindings.iter().filter_map(|view| view.binding.spec.load_balancer.as_ref());
            let vpc = match &sight.snapshot.cloud {
                Cloud::Observed(observed) => VpcSight::Of(observed.load_balancer.vpc_id.clone()),
                Cloud::Missing(_) | Cloud::Unplaced(_) => VpcSight::NotShown,
                Cloud::Failed(_) => VpcSight::NotRead,
            };
            specs.any(|spec| spec.id.is_some()).then(|| (id.clone(), vpc))
        };
        let named: NamedVpcs = sights.iter().filter_map(seen).collect();
        vpc::find(session.vpc_id.as_deref(), &named, &self.stores.tke_vpc())
    }

    /// What the controller would plan on, as far as one look shows it.
    fn view(
        &self,
        binding: Arc<DirectAccessBinding>,
        certificates: BTreeMap<String, Result<String, String>>,
        cloud: &Cloud,
    ) -> BindingView {
        let (stores, namespace) = (&self.stores, binding.metadata.namespace.clone().unwrap_or_default());
        let reassigned = |registered: &BTreeMap<_, _>| stores.reassigned(&namespace, registered);
        let view = stores.view(binding, certificates, self.definition, self.setting());
        view.on(cloud, &Remembered::default(), |uid| stores.has_binding(uid), reassigned)
    }

    async fn sight(
        &self,
        session: &Session,
        home: Option<(Region, LoadBalancerId)>,
        mut bindings: Vec<Arc<DirectAccessBinding>>,
        vpc: ClusterVpc,
    ) -> Result<Sight, Error> {
        bindings.sort_by_key(|binding| (binding.metadata.namespace.clone(), binding.metadata.name.clone()));
        let region = match (&home, bindings.first()) {
            (Some((region, _)), _) => region.clone(),
            (None, Some(binding)) => placement::region_of(binding, &session.region),
            (None, None) => session.region.clone(),
        };
        let clb = session.cloud(&region)?;
        let cloud = match (&clb, &home) {
            (None, _) => Cloud::Failed(not_asked(session)),
            (Some(clb), Some((_, id))) => observe(clb, id).await.unwrap_or_else(Cloud::Failed),
            (Some(clb), None) => owned(clb, &bindings).await.map_or_else(Cloud::Failed, Cloud::Unplaced),
        };
        let mut views = Vec::new();
        for binding in bindings {
            let certificates = certificates(session, clb.as_ref(), &binding).await;
            views.push(self.view(binding, certificates, &cloud));
        }
        // Where they cannot be read the documented ones count, and `doctor` says why.
        let quotas = match &clb {
            Some(clb) => clb.quotas().await.map(|found| Quotas::of(&found)).unwrap_or_default(),
            None => Quotas::default(),
        };
        let caller = match &clb {
            Some(clb) => session.caller(clb).await,
            None => Caller::NotAsked,
        };
        let switches = self.stores.switches();
        let snapshot = Snapshot {
            vpc: vpc.within(&region, &session.region),
            region,
            load_balancer: home.as_ref().map_or_else(|| LoadBalancerId::new(""), |(_, id)| id.clone()),
            cloud,
            caller,
            bindings: views,
            cluster: Cluster {
                allows_global_route: switches.global_route,
                has_tke: switches.has_tke,
                ..session.cluster
            },
            reads: ReadState::Settled,
            removals: self.removals.clone(),
            limits: Limits::default().with(quotas),
            remembered: Remembered::default(),
            now: Timestamp::now(),
            // It looks once.
            at: std::time::Duration::ZERO,
        };
        let plan = plan::plan(&snapshot);
        let routes = plan::trace(&snapshot, &plan);
        Ok(Sight { home, snapshot, plan, routes, labels: self.labels.clone() })
    }
}

fn home(session: &Session, binding: &DirectAccessBinding) -> Option<(Region, LoadBalancerId)> {
    placement::home(binding, &session.region)
}

/// Whether the definition of bindings stays, and what is to be said where that cannot be read. Who may list bindings has just seen that
/// it is there, and few may see whether it is being deleted.
async fn definition(session: &Session) -> (Option<DefinitionSight>, Option<String>) {
    let all: Api<CustomResourceDefinition> = Api::all(session.client.clone());
    let name = DirectAccessBinding::crd_name();
    match all.get_metadata_opt(name).await {
        Ok(found) => (Some(DefinitionSight::of(found.as_ref().map(|found| &found.metadata))), None),
        Err(error) => {
            let why = of_api_server(&error);
            let words =
                format!("whether the definition {name} is being deleted is not known, and it is taken to stay: {why}");
            (Some(DefinitionSight::Stays), Some(words))
        }
    }
}

/// The labels of the namespaces that were listed, where some Pod has no gate.
async fn labels(session: &Session, stores: &Stores, is_everywhere: bool) -> BTreeMap<String, GateLabel> {
    let client = &session.client;
    if !stores.pods.all().iter().any(|pod| pod.gate == GateState::Absent) {
        return BTreeMap::new();
    }
    match is_everywhere {
        true => gate_label::of_all(client).await.unwrap_or_default(),
        false => {
            let name = session.namespace.clone();
            let label = gate_label::of_namespace(client, &name).await;
            [(name, label)].into()
        }
    }
}

fn not_asked(session: &Session) -> Failure {
    Failure {
        class: Class::Denied,
        action: "DescribeLoadBalancers",
        code: NOT_ASKED.to_owned(),
        message: session.credentials.as_ref().err().cloned().unwrap_or_default(),
        request_id: None,
    }
}

/// Health comes last, as in the controller.
pub(super) async fn observe(clb: &Clb, id: &LoadBalancerId) -> Result<Cloud, Failure> {
    let contents = match clb.contents(id).await? {
        Presence::Found(contents) => contents,
        Presence::NotShown { witnesses } => return Ok(Cloud::Missing(witnesses)),
    };
    let Contents { load_balancer, listeners, targets, .. } =
        contents.readable(|mark| ListenerName::owner(mark).is_some())?;
    let health = clb.health(std::slice::from_ref(id)).await;
    let health = health.map(|mut found| found.remove(id).unwrap_or_default());
    Ok(Cloud::Observed(Observed { load_balancer, listeners, targets, health, health_basis: None }))
}

async fn owned(clb: &Clb, bindings: &[Arc<DirectAccessBinding>]) -> Result<Vec<crate::model::LoadBalancer>, Failure> {
    match bindings.iter().find(|binding| placement::awaits_placement(binding)) {
        Some(binding) => {
            let mut found = Vec::new();
            for (key, value) in placement::owner_tags(binding) {
                if found.is_empty() {
                    found = clb.load_balancers_tagged(key, &value).await?;
                }
            }
            Ok(found)
        }
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::mark::{OWNER_TAG, SERVICE_TAG};
    use crate::model::{Attributes, IpFamily, LoadBalancer, LoadBalancerStatus};

    #[test]
    fn what_a_binding_of_the_same_service_had_before_is_taken_for_its_own() {
        let owner = json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "s", "controller": true});
        let binding = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"namespace": "shop", "name": "web", "uid": "second", "ownerReferences": [owner]},
            "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}},
        });
        let load_balancer = LoadBalancer {
            attributes: Attributes::default(),
            id: LoadBalancerId::new("lb-1"),
            name: String::new(),
            status: LoadBalancerStatus::Running,
            addresses: Vec::new(),
            domain: None,
            family: IpFamily::V4,
            vpc_id: "vpc-1".to_owned(),
            snat_pro: false,
            tags: [(SERVICE_TAG, "s"), (OWNER_TAG, "first")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        };
        let (listeners, targets, health_basis) = (Vec::new(), BTreeMap::new(), None);
        let cloud =
            Cloud::Observed(Observed { load_balancer, listeners, targets, health: Ok(Vec::new()), health_basis });
        let world = World {
            stores: Stores::default(),
            namespaces: Vec::new(),
            removals: Removals::Allowed,
            definition: None,
            labels: Arc::default(),
            doubt: None,
        };
        let view = world.view(Arc::new(serde_json::from_value(binding).unwrap()), BTreeMap::new(), &cloud);
        assert_eq!(view.former_uids, BTreeSet::from(["first".to_owned()]));
    }
}
