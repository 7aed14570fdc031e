//! Tasks: what an accepted write still has to do, and what became of it.

use super::super::Moment;
use super::super::error::{ApiError, ApiResult};
use super::{Context, Handle, Handled, LoadBalancer, State};
use crate::clb::wire::{DescribeTaskStatus, DescribeTaskStatusReply};
use crate::model::{LoadBalancerId, TaskId};

/// What changes in a load balancer when a task ends.
pub(crate) type Change = Box<dyn FnOnce(&mut LoadBalancer, Moment) + Send>;

/// What a task does when it ends.
pub(super) enum Work {
    /// Changes one load balancer.
    Change(LoadBalancerId, Change),
    /// Puts new load balancers into service.
    Start(Vec<LoadBalancerId>),
    /// Removes load balancers.
    Delete(Vec<LoadBalancerId>),
}

impl Work {
    pub(super) fn load_balancers(&self) -> Vec<LoadBalancerId> {
        match self {
            Self::Change(id, _) => vec![id.clone()],
            Self::Start(ids) | Self::Delete(ids) => ids.clone(),
        }
    }
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TaskOutcome {
    /// It has not ended.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended badly, for this reason, and changed nothing.
    Failed(String),
}

/// A task, running or ended.
pub(super) struct Task {
    pub(super) action: &'static str,
    pub(super) ends: Moment,
    pub(super) outcome: TaskOutcome,
    pub(super) load_balancers: Vec<LoadBalancerId>,
    /// True for the creation of load balancers, whose ids the task shows.
    creates: bool,
    work: Option<Work>,
    failure: Option<String>,
}

impl Task {
    /// A task that begins; with a `failure` it will end badly.
    pub(super) fn new(action: &'static str, ends: Moment, work: Work, failure: Option<String>) -> Self {
        Self {
            action,
            ends,
            outcome: TaskOutcome::Running,
            load_balancers: work.load_balancers(),
            creates: matches!(work, Work::Start(_)),
            work: Some(work),
            failure,
        }
    }

    /// The load balancers it locks.
    pub(super) fn load_balancer_names(&self) -> Vec<&str> {
        self.load_balancers.iter().map(LoadBalancerId::as_str).collect()
    }

    /// Ends it: what there is to do, and whether to do it. A failed creation leaves nothing behind.
    pub(super) fn end(&mut self) -> (Option<Work>, bool) {
        let work = self.work.take();
        match self.failure.take() {
            None => {
                self.outcome = TaskOutcome::Succeeded;
                (work, true)
            }
            Some(reason) => {
                self.outcome = TaskOutcome::Failed(reason);
                match work {
                    Some(Work::Start(ids)) => (Some(Work::Delete(ids)), true),
                    work => (work, false),
                }
            }
        }
    }
}

impl Handle for DescribeTaskStatus {
    fn handle(self, state: &mut State, _: &mut Context<'_>) -> ApiResult<Handled<DescribeTaskStatusReply>> {
        let id = match (self.task_id, self.deal_name) {
            (Some(id), _) => id,
            // An order number of ours is the task id with a prefix.
            (None, Some(deal)) => deal.strip_prefix(super::creation::DEAL_PREFIX).unwrap_or(&deal).to_owned(),
            (None, None) => return Err(ApiError::invalid("one of TaskId and DealName is needed")),
        };
        let task = state.tasks.get(&TaskId::new(&id));
        let task = task.ok_or_else(|| ApiError::invalid(format!("task {id} not found")))?;
        let ids = || task.load_balancers.iter().map(ToString::to_string).collect();
        let (status, message) = match &task.outcome {
            TaskOutcome::Running => (2, None),
            TaskOutcome::Succeeded => (0, None),
            TaskOutcome::Failed(reason) => (1, Some(reason.clone())),
        };
        let load_balancer_ids = (task.creates && status == 0).then(ids);
        Ok(DescribeTaskStatusReply { status: Some(status), load_balancer_ids, message }.into())
    }
}
