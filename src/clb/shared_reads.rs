//! Reads shared by load balancers: those that ask in the same moment are answered by one call, which may name many of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use tokio::sync::oneshot;

use super::error::{UNREADABLE_REPLY, own};
use super::reads::{LOAD_BALANCERS_PER_CALL, LOAD_BALANCERS_PER_HEALTH_CALL};
use super::wire::{self, Action};
use super::{Clb, Presence};
use crate::model::{Class, Failure, LoadBalancer, LoadBalancerId, TargetHealth};

/// How long the first one that asks waits for others. Short beside the call itself, and long enough for loops that were woken
/// by one change.
const WINDOW: Duration = Duration::from_millis(20);

/// The most calls in search of the load balancer for which one was refused: enough to find one of thirty.
const CALLS: usize = 12;
/// The most load balancers that are remembered as those that share no call; forgetting them costs calls.
const ALONE: usize = 256;

/// The shared reads of one region.
pub struct SharedReads {
    clb: Clb,
    load_balancers: Shared<LoadBalancer>,
    health: Shared<Vec<TargetHealth>>,
}

impl SharedReads {
    /// Reads with this client.
    pub fn new(clb: Clb) -> Self {
        let load_balancers = Shared::new(wire::DescribeLoadBalancers::NAME, LOAD_BALANCERS_PER_CALL, |clb, ids| {
            Box::pin(async move {
                let found = clb.load_balancers(&ids).await?;
                Ok(found.into_iter().map(|one| (one.id.clone(), one)).collect())
            })
        });
        let health = Shared::new(wire::DescribeTargetHealth::NAME, LOAD_BALANCERS_PER_HEALTH_CALL, |clb, ids| {
            Box::pin(async move { clb.health(&ids).await })
        });
        Self { clb, load_balancers, health }
    }

    /// The health of all targets of a load balancer, by a call that begins after this one.
    ///
    /// # Errors
    /// When the call failed, or its reply has nothing of the load balancer: then nothing is known of its targets.
    pub async fn health(&self, load_balancer: &LoadBalancerId) -> Result<Vec<TargetHealth>, Failure> {
        let found = self.health.read(&self.clb, load_balancer).await?;
        found.ok_or_else(|| {
            let message = format!("LoadBalancers has no {load_balancer}");
            own(wire::DescribeTargetHealth::NAME, UNREADABLE_REPLY, message)
        })
    }

    /// A load balancer and everything in it but health, or what says that it does not exist. All of it by calls that begin after this
    /// one; the first is shared.
    ///
    /// # Errors
    /// When one of the calls failed: three when it is shown, two when it is not.
    pub async fn contents(&self, id: &LoadBalancerId) -> Result<Presence, Failure> {
        let found = self.load_balancers.read(&self.clb, id).await?;
        self.clb.contents_of(id, found).await
    }
}

/// What a call says of each load balancer; of one that it does not show, nothing.
type Answer<T> = Result<Option<T>, Failure>;
/// One that waits for the next call: which load balancer it wants, and where the answer goes.
type Waiter<T> = (LoadBalancerId, oneshot::Sender<Answer<T>>);
/// What a call says of all that it names.
type Answers<T> = Result<BTreeMap<LoadBalancerId, T>, Failure>;

/// One kind of shared read.
struct Shared<T> {
    action: &'static str,
    /// Load balancers in one call.
    most: usize,
    call: fn(Clb, Vec<LoadBalancerId>) -> BoxFuture<'static, Answers<T>>,
    /// Who waits for the next call; `None` while nobody is about to make one.
    waiting: Mutex<Option<Vec<Waiter<T>>>>,
    /// Load balancers for which a call was refused that names no other. They share none until it is not, so that one that the cloud
    /// does not like costs the others their answer once.
    alone: Mutex<BTreeSet<LoadBalancerId>>,
}

impl<T: Clone> Shared<T> {
    fn new(
        action: &'static str,
        most: usize,
        call: fn(Clb, Vec<LoadBalancerId>) -> BoxFuture<'static, Answers<T>>,
    ) -> Self {
        Self { action, most, call, waiting: Mutex::new(None), alone: Mutex::default() }
    }

    /// What a call that begins after this says of a load balancer.
    async fn read(&self, clb: &Clb, load_balancer: &LoadBalancerId) -> Answer<T> {
        if self.alone().contains(load_balancer) {
            return self.ask(clb, vec![load_balancer.clone()]).await.remove(load_balancer).unwrap_or(Ok(None));
        }
        loop {
            let Some(answer) = self.join(load_balancer) else { return self.lead(clb, load_balancer).await };
            // Whoever led may have been dropped before it got an answer. Then somebody else leads.
            if let Ok(answer) = answer.await {
                return answer;
            }
        }
    }

    /// Joins the next call; `None` when there is none to join, and this one leads.
    fn join(&self, load_balancer: &LoadBalancerId) -> Option<oneshot::Receiver<Answer<T>>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.as_mut() {
            Some(waiting) => {
                let (sender, receiver) = oneshot::channel();
                waiting.push((load_balancer.clone(), sender));
                Some(receiver)
            }
            None => {
                *waiting = Some(Vec::new());
                None
            }
        }
    }

    async fn lead(&self, clb: &Clb, load_balancer: &LoadBalancerId) -> Answer<T> {
        let gathering = Gathering { reads: self, is_open: true };
        tokio::time::sleep(WINDOW).await;
        // While the call would wait for its turn, others may still join it.
        clb.idle(self.action).await;
        let others = gathering.close();
        let ids: BTreeSet<_> = others.iter().map(|(id, _)| id.clone()).chain([load_balancer.clone()]).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let calls = join_all(ids.chunks(self.most).map(|ids| self.ask(clb, ids.to_vec()))).await;
        let answers: BTreeMap<_, _> = calls.into_iter().flatten().collect();
        let of = |id: &LoadBalancerId| answers.get(id).cloned().unwrap_or(Ok(None));
        for (id, sender) in others {
            // Who does not wait any more needs no answer.
            let _ = sender.send(of(&id));
        }
        of(load_balancer)
    }

    /// Makes the call. One that is refused for what it asks is halved until the load balancer that the cloud does not like is alone.
    async fn ask(&self, clb: &Clb, ids: Vec<LoadBalancerId>) -> BTreeMap<LoadBalancerId, Answer<T>> {
        let mut answers = BTreeMap::new();
        let mut refused = Vec::new();
        let mut pending = vec![ids];
        let mut calls = 0;
        while let Some(mut ids) = pending.pop() {
            calls += 1;
            match (self.call)(clb.clone(), ids.clone()).await {
                Ok(mut found) => answers.extend(ids.into_iter().map(|id| {
                    let answer = found.remove(&id);
                    (id, Ok(answer))
                })),
                Err(failure) if is_about_one(&failure) && ids.len() > 1 && calls + pending.len() + 2 <= CALLS => {
                    let second_half = ids.split_off(ids.len() / 2);
                    pending.extend([second_half, ids]);
                }
                Err(failure) => {
                    if is_about_one(&failure) {
                        refused.extend(ids.iter().cloned());
                    }
                    answers.extend(ids.into_iter().map(|id| (id, Err(failure.clone()))));
                }
            }
        }
        self.remember(&answers, refused);
        answers
    }

    /// Remembers who is to be asked for alone: those for whom a call was refused while one for others was not.
    fn remember(&self, answers: &BTreeMap<LoadBalancerId, Answer<T>>, refused: Vec<LoadBalancerId>) {
        let mut alone = self.alone();
        alone.retain(|id| !answers.get(id).is_some_and(Result::is_ok));
        if alone.len() + refused.len() > ALONE {
            alone.clear();
        } else if answers.values().any(Result::is_ok) {
            alone.extend(refused);
        }
    }

    fn alone(&self) -> MutexGuard<'_, BTreeSet<LoadBalancerId>> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<Waiter<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// The failure may be about one of several load balancers, or about what the reply has of it. Others are about the call.
fn is_about_one(failure: &Failure) -> bool {
    matches!(failure.class, Class::Invalid | Class::NotFound | Class::Conflict | Class::Denied)
        || failure.code == UNREADABLE_REPLY
}

/// While it lives, others may join.
struct Gathering<'a, T: Clone> {
    reads: &'a Shared<T>,
    is_open: bool,
}

impl<T: Clone> Gathering<'_, T> {
    fn close(mut self) -> Vec<Waiter<T>> {
        self.is_open = false;
        self.reads.take()
    }
}

impl<T: Clone> Drop for Gathering<'_, T> {
    /// One that leads and is cancelled leaves nobody behind: who has joined is told by the loss of its sender, and asks again.
    fn drop(&mut self) {
        if self.is_open {
            drop(self.reads.take());
        }
    }
}
