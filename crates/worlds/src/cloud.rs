//! The way from a replica to the cloud: its calls wait until the world carries them, and brings what came of them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::BoxFuture;
use tke_direct_access::clb::{Carried, Carrier, Closed, Fence, Unanswered};

/// What comes of a call.
pub(crate) type Came = Result<(u16, Vec<u8>), Unanswered>;

/// A call that has left, and where its reply goes.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) call: Carried,
    pub(crate) reply: Reply,
}

/// Where the reply to a call goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply(Arc<Mutex<(Option<Came>, Option<Waker>)>>);

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reply {
    /// The reply has come.
    pub(crate) fn bring(&self, came: Came) {
        let waker = {
            let mut slot = lock(&self.0);
            slot.0 = Some(came);
            slot.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Reply {
    type Output = Came;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Came> {
        let mut slot = lock(&self.0);
        match slot.0.take() {
            Some(came) => Poll::Ready(came),
            None => {
                slot.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Takes calls, and keeps them until the world looks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<Sent>>>);

impl Wire {
    /// The calls that have left since this was last asked.
    pub(crate) fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Carrier for Wire {
    fn carry(&self, call: Carried) -> BoxFuture<'static, Came> {
        let reply = Reply::default();
        lock(&self.0).push(Sent { call, reply: reply.clone() });
        Box::pin(reply)
    }
}

/// The right of a replica to write, as far as it knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Right(Arc<Mutex<(Duration, Duration)>>);

impl Right {
    /// It is this time, and the leadership lasts until that one.
    pub(crate) fn set(&self, now: Duration, until: Duration) {
        *lock(&self.0) = (now, until);
    }

    fn is_valid(&self) -> bool {
        let (now, until) = *lock(&self.0);
        now < until
    }
}

impl Fence for Right {
    fn is_open(&self) -> bool {
        self.is_valid()
    }

    async fn guard<T: Send>(&self, call: impl Future<Output = T> + Send) -> Result<T, Closed> {
        if !self.is_valid() {
            return Err(Closed);
        }
        // What is under way when the leadership ends is dropped by who holds it.
        Ok(call.await)
    }
}
