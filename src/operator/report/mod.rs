//! The only writer to Kubernetes: statuses, finalizers, gates, annotations and Events. It writes what differs, nothing else.

mod annotation;
mod event;
mod finalizer;
mod gate;
mod status;

use std::collections::HashMap;

use crate::model::{Failure, LoadBalancerId, Region};
use crate::plan::{Outcome, Plan, Release, Snapshot, Step};
use crate::status::{Round, Visit};

use super::context::Context;
use super::kubernetes::WriteError;
use super::metrics::{Share, WriteResult};

pub(super) use finalizer::{secure, submit};
pub(super) use status::{Written, latest};

/// What a round has to report.
pub(super) struct Report<'a> {
    pub(super) context: &'a Context,
    pub(super) share: &'a Share,
    pub(super) region: &'a Region,
    pub(super) snapshot: &'a Snapshot,
    pub(super) plan: &'a Plan,
    pub(super) outcome: &'a Outcome,
    pub(super) failed_task: Option<&'a (Step, Failure)>,
    pub(super) visit: Visit,
}

impl Report<'_> {
    /// Writes everything. Gates go first: Pods wait for them. Returns false when a write failed, so that the next round comes
    /// early.
    pub(super) async fn write(&self, written: &mut HashMap<String, Written>) -> bool {
        let refused_gates = self.open_gates().await;
        let mut is_complete = refused_gates.is_empty();
        let round = Round {
            snapshot: self.snapshot,
            outcome: self.outcome,
            region: self.region,
            failed_task: self.failed_task,
            refused_gates: &refused_gates,
            visit: self.visit,
        };
        for (view, plan) in self.snapshot.bindings.iter().zip(&self.plan.bindings) {
            let annotations = self.annotations(view, plan.management);
            is_complete &= self.write_annotations(view, &annotations).await;
            is_complete &= self.write_ingress(view, plan).await;
            is_complete &= self.write_status(&round, view, plan, &annotations, written).await;
            if view.is_deleting() && plan.release == Release::Done {
                is_complete &= self.release(view).await;
            }
        }
        is_complete
    }

    fn load_balancer(&self) -> &LoadBalancerId {
        &self.snapshot.load_balancer
    }
}

/// Counts a write and says whether the round may count as complete. An object that has changed or gone is no failure: its own
/// change starts the next round.
pub(super) fn settle<T>(context: &Context, object: &'static str, result: Result<T, WriteError>) -> (bool, Option<T>) {
    match record_write(context, object, result) {
        Ok(value) => (true, value),
        Err(_) => (false, None),
    }
}

/// Counts a write. An object that has changed or gone gives nothing; an error is what the API server has against it.
pub(super) fn record_write<T>(
    context: &Context,
    object: &'static str,
    result: Result<T, WriteError>,
) -> Result<Option<T>, String> {
    match result {
        Ok(value) => {
            context.metrics.write(object, WriteResult::Done);
            Ok(Some(value))
        }
        Err(WriteError::Refused(kube::Error::Api(status)))
            if status.is_not_found() || status.is_conflict() || is_outdated(&status) =>
        {
            context.metrics.write(object, WriteResult::Stale);
            Ok(None)
        }
        Err(error) => {
            context.metrics.write(object, WriteResult::Failed);
            tracing::warn!(object, %error, "write to the API server failed and will be repeated");
            Err(error.to_string())
        }
    }
}

/// The test of a JSON patch has failed: the object is not what was read.
fn is_outdated(status: &kube::core::Status) -> bool {
    status.code == 422 && status.message.contains("testing")
}
