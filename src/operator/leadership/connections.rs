//! The connections over which a leadership writes to the API server.

use std::pin::Pin;

use hyper::rt::Executor;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;

use super::Leadership;
use crate::clb::Fence;

/// Runs the tasks of connections for as long as the leadership lasts in which they began.
///
/// An HTTP client hands requests to the task of a connection, which writes them when it gets to run. A process that is frozen in
/// between would send them when it is thawed, although nobody waits for the answer any more. So these tasks are part of the
/// leadership, as the rounds are whose requests they carry.
#[derive(Clone)]
pub(in crate::operator) struct Connections {
    leadership: watch::Receiver<Option<Leadership>>,
    executor: TokioExecutor,
}

impl Connections {
    /// Of whichever leadership there is when a connection begins; none begins without one.
    pub(in crate::operator) fn new(leadership: watch::Receiver<Option<Leadership>>) -> Self {
        Self { leadership, executor: TokioExecutor::new() }
    }
}

impl Executor<Pin<Box<dyn Future<Output = ()> + Send>>> for Connections {
    fn execute(&self, connection: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let leadership = self.leadership.borrow().clone();
        if let Some(leadership) = leadership {
            self.executor.execute(async move {
                // It does not matter which of the two has ended.
                let _ = leadership.guard(connection).await;
            });
        }
    }
}
