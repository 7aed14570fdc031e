//! What lets writes through: who writes says by what right, and that is asked when the call leaves.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::Clb;
use super::convert::Malformed;
use super::transport::Success;
use super::wire::Action;
use crate::model::{Failure, TaskId};

/// The right to write, which may end. Clones are of the same right.
pub trait Fence: Clone + Send + Sync + Unpin + 'static {
    /// Whether writes may leave at this moment.
    fn is_open(&self) -> bool;

    /// Runs a call for as long as writes may leave: it is not begun when they may not, not continued when they may not any more, and
    /// dropped at that moment.
    fn guard<T: Send>(&self, call: impl Future<Output = T> + Send) -> impl Future<Output = Result<T, Closed>> + Send;
}

/// Writes may not leave, or not any more. One that was under way may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("writes may not leave any more")]
pub struct Closed;

/// The right to write at any time: of tools that a person runs, and of tests.
#[derive(Clone, Copy, Debug)]
pub struct Unfenced;

impl Fence for Unfenced {
    fn is_open(&self) -> bool {
        true
    }

    async fn guard<T: Send>(&self, call: impl Future<Output = T> + Send) -> Result<T, Closed> {
        Ok(call.await)
    }
}

/// The body of a request that is sent only while the right lasts.
///
/// An HTTP client hands requests to a task of the connection, which writes them when it gets to run; a process that is frozen in
/// between would send them when it is thawed. That task asks for the body right before it writes, head and body in one piece, and
/// gives the connection up when it gets none.
pub(super) struct FencedBody<F> {
    bytes: Option<Bytes>,
    fence: F,
}

impl<F: Fence> FencedBody<F> {
    pub(super) fn new(bytes: Vec<u8>, fence: &F) -> Self {
        Self { bytes: Some(Bytes::from(bytes)), fence: fence.clone() }
    }
}

impl<F: Fence> Body for FencedBody<F> {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if !self.fence.is_open() {
            return Poll::Ready(Some(Err(Closed)));
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
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
