//! Health reads shared by load balancers: those that ask in the same moment are answered by one call, which may name 30.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Clb;
use super::error::{UNREADABLE_REPLY, own};
use super::wire::{self, Action};
use crate::model::{Failure, LoadBalancerId, TargetHealth};

/// How long the first one that asks waits for others. Short beside the call itself, and long enough for loops that were woken
/// by one change.
const WINDOW: Duration = Duration::from_millis(20);

type Answer = Result<Vec<TargetHealth>, Failure>;
/// One that waits for the next call: whose health it wants, and where the answer goes.
type Waiter = (LoadBalancerId, oneshot::Sender<Answer>);

/// The shared reads of one region.
pub struct HealthReads {
    clb: Clb,
    /// Who waits for the next call; `None` while nobody is about to make one.
    waiting: Mutex<Option<Vec<Waiter>>>,
}

impl HealthReads {
    /// Reads with this client.
    pub const fn new(clb: Clb) -> Self {
        Self { clb, waiting: Mutex::new(None) }
    }

    /// The health of all targets of a load balancer, by a call that begins after this one.
    ///
    /// # Errors
    /// When the call failed, or its reply has nothing of the load balancer: then nothing is known of its targets.
    pub async fn health(&self, load_balancer: &LoadBalancerId) -> Answer {
        loop {
            let Some(answer) = self.join(load_balancer) else { return self.lead(load_balancer).await };
            // Whoever led may have been dropped before it got an answer. Then somebody else leads.
            if let Ok(answer) = answer.await {
                return answer;
            }
        }
    }

    /// Joins the next call; `None` when there is none to join, and this one leads.
    fn join(&self, load_balancer: &LoadBalancerId) -> Option<oneshot::Receiver<Answer>> {
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

    async fn lead(&self, load_balancer: &LoadBalancerId) -> Answer {
        let gathering = Gathering { reads: self, is_open: true };
        tokio::time::sleep(WINDOW).await;
        let others = gathering.close();
        let ids: Vec<LoadBalancerId> = others.iter().map(|(id, _)| id.clone()).chain([load_balancer.clone()]).collect();
        let answer = self.clb.health(&ids).await;
        let of = |id: &LoadBalancerId| match &answer {
            Ok(found) => found.get(id).cloned().ok_or_else(|| unknown(id)),
            Err(failure) => Err(failure.clone()),
        };
        for (id, sender) in others {
            // Who does not wait any more needs no answer.
            let _ = sender.send(of(&id));
        }
        of(load_balancer)
    }
}

fn unknown(id: &LoadBalancerId) -> Failure {
    own(wire::DescribeTargetHealth::NAME, UNREADABLE_REPLY, format!("LoadBalancers has no {id}"))
}

impl HealthReads {
    fn take(&self) -> Vec<Waiter> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// While it lives, others may join.
struct Gathering<'a> {
    reads: &'a HealthReads,
    is_open: bool,
}

impl Gathering<'_> {
    fn close(mut self) -> Vec<Waiter> {
        self.is_open = false;
        self.reads.take()
    }
}

impl Drop for Gathering<'_> {
    /// One that leads and is cancelled leaves nobody behind: who has joined is told by the loss of its sender, and asks again.
    fn drop(&mut self) {
        if self.is_open {
            drop(self.reads.take());
        }
    }
}
