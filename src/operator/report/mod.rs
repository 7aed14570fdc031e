//! The only writer to Kubernetes: statuses, finalizers, gates, annotations and Events. It writes what differs, nothing else.

mod annotation;
mod event;
mod finalizer;
mod gate;
mod refusal;
mod status;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::api::DirectAccessBinding;
use crate::model::{Failure, LoadBalancerId, Region};
use crate::plan::{ConfigView, Outcome, Plan, Release, Snapshot, Step};
use crate::status::{Field, RefusalKind, RefusedWrites, Round, Visit};

use super::context::Context;
use super::kubernetes::WriteError;
use super::metrics::{Share, WriteResult};

pub(super) use finalizer::{HeldBack, secure, submit};
pub(super) use refusal::{binding_name, publish_refusal, service_name, service_reference};
pub(super) use status::{Written, latest};

/// The shortest time between two rounds while a status is refused: what waits for a record there must not ask for it hotly.
const STATUS_FLOOR: Duration = Duration::from_millis(500);

/// When the next round comes after a write was refused.
pub(super) struct Retry {
    /// When what was refused is tried again.
    after: Duration,
    /// The next round comes no sooner.
    floor: Duration,
}

impl Retry {
    /// When the next round comes that would come after this time otherwise.
    pub(super) fn pace(&self, after: Duration) -> Duration {
        after.min(self.after).max(self.floor)
    }
}

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
    /// Bindings that are not part of the snapshot, because their finalizer could not be written.
    pub(super) held_back: &'a [Arc<DirectAccessBinding>],
}

impl Report<'_> {
    /// Writes everything. Gates go first: Pods wait for them. Returns when what was refused is tried again; `None` when nothing was.
    pub(super) async fn write(
        &self,
        written: &mut HashMap<String, Written>,
        gates: &mut RefusedWrites<String>,
    ) -> Option<Retry> {
        let refused_gates = self.open_gates(gates).await;
        let views = || self.snapshot.bindings.iter().zip(&self.plan.bindings);
        let mut annotations = Vec::with_capacity(self.plan.bindings.len());
        for (view, plan) in views() {
            let wanted = self.annotations(view, plan.management);
            self.write_annotations(view, &wanted).await;
            self.write_ingress(view, plan).await;
            if matches!(view.config, ConfigView::None) {
                // What was refused of one that it has used is nothing to it any more.
                for field in [Field::Config, Field::ConfigStatus] {
                    self.context.refused.taken(view.uid(), field);
                }
            }
            annotations.push(wanted);
        }
        let round = Round {
            snapshot: self.snapshot,
            outcome: self.outcome,
            region: self.region,
            failed_task: self.failed_task,
            refused_gates: &refused_gates,
            refused_writes: &self.context.refused.of(self.uids()),
            visit: self.visit,
        };
        for ((view, plan), annotations) in views().zip(&annotations) {
            self.write_status(&round, view, plan, annotations, written).await;
            if view.is_deleting() && plan.release == Release::Done {
                self.release(view).await;
            }
            self.announce_refusals(view).await;
        }
        self.write_held_back(written).await;
        self.retry(gates)
    }

    fn retry(&self, gates: &RefusedWrites<String>) -> Option<Retry> {
        let refused = &self.context.refused;
        let gates = gates.wait(self.snapshot.now).and_then(|wait| Duration::try_from(wait).ok());
        let after = refused.wait(self.uids()).into_iter().chain(gates).min()?;
        let floor = if refused.has(self.uids(), Field::Status) { STATUS_FLOOR } else { Duration::ZERO };
        Some(Retry { after, floor })
    }

    fn load_balancer(&self) -> &LoadBalancerId {
        &self.snapshot.load_balancer
    }
}

/// Why a write was not taken.
#[derive(Clone, Debug)]
pub(super) struct NotTaken {
    /// What that says of the next attempt.
    pub(super) kind: RefusalKind,
    /// The API server's words.
    pub(super) words: String,
}

impl From<WriteError> for NotTaken {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(kube::Error::Api(status)) => {
                let code = if is_outdated(&status) { 409 } else { status.code };
                let kind = RefusalKind::of(Some(code));
                Self { kind, words: if status.message.is_empty() { status.reason } else { status.message } }
            }
            error => Self { kind: RefusalKind::of(None), words: error.to_string() },
        }
    }
}

/// Counts a write. `object` is the plural name of its kind, as metrics have it.
pub(super) fn record_write<T>(
    context: &Context,
    object: &'static str,
    result: Result<T, WriteError>,
) -> Result<T, NotTaken> {
    let result = result.map_err(NotTaken::from);
    context.metrics.write(
        object,
        match &result {
            Ok(_) => WriteResult::Done,
            Err(NotTaken { kind: RefusalKind::Outdated, .. }) => WriteResult::Stale,
            Err(NotTaken { words, .. }) => {
                tracing::warn!(object, error = words, "write to the API server failed and will be repeated");
                WriteResult::Failed
            }
        },
    );
    result
}

/// The test of a JSON patch has failed: the object is not what was read. The API server does not say which test: schemas, policies and
/// webhooks answer 422 with words of their own (k8s.io/apiserver, endpoints/handlers/patch.go, `applyJSPatch`, and
/// k8s.io/apimachinery, pkg/api/errors, `NewGenericServerResponse`).
fn is_outdated(status: &kube::core::Status) -> bool {
    status.code == 422 && status.message.starts_with("the server rejected our request due to an error in our request")
}
