//! Reads. Each succeeds as a whole or fails.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::Clb;
use super::convert::{self, UnreadableListener};
use super::error::{UNREADABLE_REPLY, own};
use super::wire::{self, Action};
use crate::model::{
    AccountId, Class, Failure, Listener, ListenerId, LoadBalancer, LoadBalancerId, RegisteredTarget, Route,
    TargetHealth, TaskId, TaskState, Witnesses,
};

/// Load balancers in one `DescribeLoadBalancers` call.
pub(super) const LOAD_BALANCERS_PER_CALL: usize = 20;
/// The most load balancers on one page of `DescribeLoadBalancers`.
const LOAD_BALANCERS_PER_PAGE: i64 = 100;
/// Listeners in one `DescribeTargets` call.
const LISTENERS_PER_TARGETS_CALL: usize = 20;
/// Load balancers in one `DescribeTargetHealth` call.
pub(super) const LOAD_BALANCERS_PER_HEALTH_CALL: usize = 30;

/// A load balancer and everything in it but health.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The load balancer.
    pub load_balancer: LoadBalancer,
    /// All its listeners that can be read.
    pub listeners: Vec<Listener>,
    /// Its other listeners. Their targets are among the targets.
    pub unreadable: Vec<UnreadableListener>,
    /// Their targets: one entry for each route, also when it has none.
    pub targets: BTreeMap<Route, Vec<RegisteredTarget>>,
}

/// Whether the cloud shows a load balancer.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a read makes one, and moves it once")]
pub enum Presence {
    /// It does, with this in it.
    Found(Contents),
    /// It does not. How sure that is depends on the witnesses.
    NotShown {
        /// The reads that agree.
        witnesses: Witnesses,
    },
}

impl Contents {
    /// The same, unless something of ours is on a listener that cannot be read: then it would look as if it had gone.
    /// `is_ours` knows the names of our listeners and the tags of our targets.
    ///
    /// # Errors
    /// [`Class::Transient`], naming the listener and what cannot be read of it.
    pub fn readable(self, is_ours: impl Fn(&str) -> bool) -> Result<Self, Failure> {
        let has_ours = |listener: &&UnreadableListener| {
            let own = self.targets.iter().filter(|(route, _)| route.listener == listener.id);
            is_ours(&listener.name) || own.flat_map(|(_, targets)| targets).any(|target| is_ours(&target.tag))
        };
        match self.unreadable.iter().find(has_ours) {
            Some(UnreadableListener { id, problem, .. }) => {
                Err(own(wire::DescribeListeners::NAME, UNREADABLE_REPLY, format!("listener {id}: {problem}")))
            }
            None => Ok(self),
        }
    }
}

/// A rule that only the targets know, of a listener that both know.
fn unlisted<'a>(listeners: &[Listener], targets: &'a BTreeMap<Route, Vec<RegisteredTarget>>) -> Option<&'a Route> {
    let is_unlisted = |route: &&Route| {
        let listener = listeners.iter().find(|listener| listener.id == route.listener);
        listener.is_some_and(|listener| route.rule.is_some() && listener.routes().all(|known| known != **route))
    };
    targets.keys().find(is_unlisted)
}

impl Clb {
    /// Load balancers by id; unknown ids are absent, and no ids are no call.
    ///
    /// # Errors
    /// When one of the calls (one for 20 ids) failed.
    pub async fn load_balancers(&self, ids: &[LoadBalancerId]) -> Result<Vec<LoadBalancer>, Failure> {
        let pages = chunks(ids, LOAD_BALANCERS_PER_CALL).map(|ids| async move {
            let limit = i64::try_from(ids.len()).ok();
            let asked = ids.clone();
            let request = wire::DescribeLoadBalancers { load_balancer_ids: Some(ids), limit, ..Default::default() };
            self.read(&request, |reply| convert::load_balancers_of(reply, &asked)).await
        });
        Ok(try_join_all(pages).await?.into_iter().flatten().collect())
    }

    /// Load balancers that have a tag.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn load_balancers_tagged(&self, key: &str, value: &str) -> Result<Vec<LoadBalancer>, Failure> {
        let filter = wire::Filter { name: format!("tag:{key}"), values: vec![value.to_owned()] };
        let request = wire::DescribeLoadBalancers {
            filters: Some(vec![filter]),
            limit: Some(LOAD_BALANCERS_PER_PAGE),
            ..Default::default()
        };
        let found = self.read(&request, convert::load_balancers_with_tags).await?;
        // A cloud that does not know the filter might show all that there are.
        let has_tag = |found: &LoadBalancer| found.tags.iter().any(|(one, other)| one == key && other == value);
        Ok(found.into_iter().filter(has_tag).collect())
    }

    /// All listeners of a load balancer, with their rules.
    ///
    /// # Errors
    /// When the call failed, or one of them cannot be read; [`Class::NotFound`] for an unknown load balancer.
    pub async fn listeners(&self, load_balancer: &LoadBalancerId) -> Result<Vec<Listener>, Failure> {
        let request = wire::DescribeListeners { load_balancer_id: load_balancer.to_string(), ..Default::default() };
        self.read(&request, convert::listeners).await
    }

    /// The targets of all listeners. Targets without an address, such as cloud functions, are left out.
    ///
    /// One call, whatever the number of listeners: naming them would take one call for 20, and would miss what is left on a
    /// listener that is no longer named anywhere.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn targets(
        &self,
        load_balancer: &LoadBalancerId,
    ) -> Result<BTreeMap<Route, Vec<RegisteredTarget>>, Failure> {
        let request = wire::DescribeTargets { load_balancer_id: load_balancer.to_string(), ..Default::default() };
        self.read(&request, convert::targets).await
    }

    /// The targets of all listeners, with an entry for each route of these, which may be empty.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn targets_of(
        &self,
        load_balancer: &LoadBalancerId,
        listeners: &[Listener],
    ) -> Result<BTreeMap<Route, Vec<RegisteredTarget>>, Failure> {
        let request = wire::DescribeTargets { load_balancer_id: load_balancer.to_string(), ..Default::default() };
        // Where there are no listeners, there is nothing that the reply could lack.
        let is_empty = listeners.is_empty();
        let convert = |reply| if is_empty { convert::targets_if_any(reply) } else { convert::targets(reply) };
        let mut targets = self.read(&request, convert).await?;
        let routes: Vec<Route> = listeners.iter().flat_map(Listener::routes).collect();
        let missing = routes.iter().filter(|route| !targets.contains_key(route)).map(|route| &route.listener);
        let missing: Vec<&ListenerId> = missing.collect();
        // Whether one without targets is always in the reply is not documented. One that is missing may have been lost, so
        // that it is asked for by name before it counts as empty.
        let again = chunks(&missing, LISTENERS_PER_TARGETS_CALL).map(|ids| async move {
            let load_balancer_id = load_balancer.to_string();
            let request = wire::DescribeTargets { load_balancer_id, listener_ids: Some(ids), ..Default::default() };
            self.read(&request, convert::targets).await
        });
        for found in try_join_all(again).await? {
            targets.extend(found);
        }
        for route in routes {
            targets.entry(route).or_default();
        }
        Ok(targets)
    }

    /// A load balancer and everything in it but health, or what says that it does not exist.
    ///
    /// # Errors
    /// When one of the calls failed: three when it is shown, two when it is not.
    pub async fn contents(&self, id: &LoadBalancerId) -> Result<Presence, Failure> {
        let found = self.load_balancers(std::slice::from_ref(id)).await?.pop();
        self.contents_of(id, found).await
    }

    /// The same, of a load balancer of which a read has just said this.
    ///
    /// # Errors
    /// When one of the calls failed.
    pub(super) async fn contents_of(
        &self,
        id: &LoadBalancerId,
        found: Option<LoadBalancer>,
    ) -> Result<Presence, Failure> {
        let Some(load_balancer) = found else {
            return Ok(Presence::NotShown { witnesses: self.witnesses(id).await? });
        };
        // Somebody may make a rule between the two reads. Then the next two agree.
        for _ in 0..2 {
            let request = wire::DescribeListeners { load_balancer_id: id.to_string(), ..Default::default() };
            let convert::Listing { listeners, unreadable } = self.read(&request, convert::listing).await?;
            let targets = self.targets_of(id, &listeners).await?;
            if unlisted(&listeners, &targets).is_none() {
                return Ok(Presence::Found(Contents { load_balancer, listeners, unreadable, targets }));
            }
        }
        let message = format!("{id}: DescribeTargets has a rule of a listener that DescribeListeners has not");
        Err(own(wire::DescribeListeners::NAME, UNREADABLE_REPLY, message))
    }

    /// Asks a second read about a load balancer that the list does not show.
    async fn witnesses(&self, id: &LoadBalancerId) -> Result<Witnesses, Failure> {
        let request = wire::DescribeListeners { load_balancer_id: id.to_string(), ..Default::default() };
        // Whatever it lists, it knows the load balancer.
        match self.read(&request, |_| Ok(())).await {
            Ok(()) => Ok(Witnesses::ListOnly),
            Err(failure) if failure.class == Class::NotFound => Ok(Witnesses::ListAndListeners),
            Err(failure) => Err(failure),
        }
    }

    /// The health of all targets of load balancers; unknown ids are absent, and no ids are no call.
    ///
    /// # Errors
    /// When one of the calls (one for 30 ids, more when some are unknown) failed.
    pub async fn health(
        &self,
        load_balancers: &[LoadBalancerId],
    ) -> Result<BTreeMap<LoadBalancerId, Vec<TargetHealth>>, Failure> {
        let parts = chunks(load_balancers, LOAD_BALANCERS_PER_HEALTH_CALL).map(|ids| self.health_of_known(ids));
        Ok(try_join_all(parts).await?.into_iter().flatten().collect())
    }

    /// One unknown id makes the cloud refuse the whole call. So that a deleted load balancer does not hide the health of 29
    /// others, the ids are halved until the unknown ones are alone.
    async fn health_of_known(&self, ids: Vec<String>) -> Result<BTreeMap<LoadBalancerId, Vec<TargetHealth>>, Failure> {
        let mut known = BTreeMap::new();
        let mut pending = vec![ids];
        while let Some(mut ids) = pending.pop() {
            let request = wire::DescribeTargetHealth { load_balancer_ids: ids.clone(), ..Default::default() };
            match self.read(&request, convert::health).await {
                Ok(part) => known.extend(part),
                Err(failure) if failure.class != Class::NotFound => return Err(failure),
                Err(_) if ids.len() > 1 => {
                    let second_half = ids.split_off(ids.len() / 2);
                    pending.extend([second_half, ids]);
                }
                Err(_) => {}
            }
        }
        Ok(known)
    }

    /// What became of a task.
    ///
    /// # Errors
    /// When the call failed, also because the cloud has forgotten the task.
    pub async fn task(&self, task: &TaskId) -> Result<TaskState, Failure> {
        let request = wire::DescribeTaskStatus { task_id: Some(task.to_string()), deal_name: None };
        self.read(&request, convert::task).await
    }

    /// The account that the keys belong to.
    ///
    /// # Errors
    /// When the call failed, or its reply names none.
    pub async fn account(&self) -> Result<AccountId, Failure> {
        self.read(&wire::GetCallerIdentity {}, convert::account).await
    }

    /// The account's limits, by quota id such as `TOTAL_TARGET_BIND_QUOTA`.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn quotas(&self) -> Result<BTreeMap<String, i64>, Failure> {
        self.read(&wire::DescribeQuota {}, convert::quotas).await
    }
}

/// The ids without repetitions, which the cloud refuses, in parts of a call's size.
pub(super) fn chunks<T: ToString>(ids: &[T], size: usize) -> impl Iterator<Item = Vec<String>> {
    let ids: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    ids.chunks(size).map(<[String]>::to_vec).collect::<Vec<_>>().into_iter()
}
