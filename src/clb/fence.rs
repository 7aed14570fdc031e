//! What lets writes through: who writes says by what right, and that is asked when the call leaves.

use super::Clb;
use super::convert::Malformed;
use super::transport::Success;
use super::wire::Action;
use crate::model::{Failure, TaskId};

/// The right to write, which may end.
pub trait Fence: Send + Sync {
    /// Runs a call for as long as writes may leave: it is not begun when they may not, not continued when they may not any more, and
    /// dropped at that moment.
    fn guard<T: Send>(&self, call: impl Future<Output = T> + Send) -> impl Future<Output = Result<T, Closed>> + Send;
}

/// Writes may not leave, or not any more. One that was under way may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// The right to write at any time: of tools that a person runs, and of tests.
#[derive(Clone, Copy, Debug)]
pub struct Unfenced;

impl Fence for Unfenced {
    async fn guard<T: Send>(&self, call: impl Future<Output = T> + Send) -> Result<T, Closed> {
        Ok(call.await)
    }
}

/// The writes of the API. There is no other way to make one.
pub struct Writer<'a, F> {
    pub(super) clb: &'a Clb,
    pub(super) fence: &'a F,
}

impl<F: Fence> Writer<'_, F> {
    /// Makes a write. The id of its task is the id of the request.
    pub(super) async fn write<A: Action, T>(
        &self,
        request: &A,
        convert: impl Fn(A::Reply) -> Result<T, Malformed>,
    ) -> Result<(T, TaskId), Failure> {
        const { assert!(A::WRITE, "a read needs no fence") };
        let convert = |success: Success<A::Reply>| {
            let task = success.request_id.filter(|id| !id.is_empty());
            let task = task.ok_or_else(|| Malformed::new("the reply has no RequestId"))?;
            Ok((convert(success.reply)?, TaskId::new(task)))
        };
        self.clb.call(request, self.fence, convert).await
    }

    /// Makes a write of whose reply only the task matters.
    pub(super) async fn task_of<A: Action>(&self, request: &A) -> Result<TaskId, Failure> {
        self.write(request, |_| Ok(())).await.map(|((), task)| task)
    }
}
