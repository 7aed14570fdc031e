//! The right to write: to the cloud, and to Kubernetes but for the Lease itself, Events, and the repair of injection.
//!
//! A [`Leadership`] is made by the [`Elector`] alone, when it has written the Lease, and rounds exist within one only: their
//! [context](super::context::Context) is made from it. It ends once, for ever: by time, because another holder was seen, or because
//! the Lease is about to be given up. Then rounds are dropped, and whatever they were about to send is not sent.
//!
//! # What may slip through
//!
//! A request that had left when leadership ended cannot be called back. It has [`TRANSIT`](crate::election::TRANSIT) to take effect
//! before anybody else may lead. One that takes longer meets a successor at work, and does no harm, because every write states what
//! shall be and can be repeated:
//!
//! | write | why it may come late, or twice |
//! |---|---|
//! | register, deregister, set weights | they name targets: the set is the same afterwards, and the successor's next read shows it |
//! | create listeners, rules | port, or domain and path, are taken by then: refused |
//! | create a load balancer | its client token is made from the wish: the cloud answers with the one that it has made |
//! | upload certificates | they carry a mark: of two with the same one the next leader deletes one |
//! | delete rules, listeners, load balancers, certificates | they name ids, which are never used again |
//! | modify | states values; the successor's next read shows them |
//! | gates, statuses, annotations, conditions | fields of this controller alone; the UID or name of the object is part of it, and the next round writes what differs |
//! | finalizers | the patch tests the list, or the version, that it was made from |
//! | bindings of Services, configs | by server-side apply, or with the version that was read; deletion names the UID |

mod clock;
mod connections;
mod elector;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio_util::sync::CancellationToken;

use crate::clb::{Closed, Fence};
use crate::election::{Moment, Term};

pub(super) use clock::{Clock, system as system_clock};

pub(super) use connections::Connections;
pub(super) use elector::Elector;

/// A leadership of this replica. Clones are of the same.
#[derive(Clone)]
pub(super) struct Leadership {
    inner: Arc<Inner>,
}

struct Inner {
    number: u64,
    clock: Clock,
    /// When it ends; `None` when it has ended.
    until: Mutex<Option<Moment>>,
    over: CancellationToken,
}

impl Leadership {
    fn new(term: Term, clock: Clock) -> Self {
        let Term { number, until } = term;
        let inner = Inner { number, clock, until: Mutex::new(Some(until)), over: CancellationToken::new() };
        Self { inner: Arc::new(inner) }
    }

    /// Whether it lasts at this moment. Once it does not, it never does again.
    pub(super) fn is_valid(&self) -> bool {
        self.until().is_some()
    }

    /// Completes when it ends.
    pub(super) async fn ended(&self) {
        while let Some(until) = self.until() {
            let left = until.since((self.inner.clock)());
            // Either way it is looked at again: it may have been renewed.
            let _ = tokio::time::timeout(left, self.inner.over.cancelled()).await;
        }
    }

    /// When it ends, judged now.
    fn until(&self) -> Option<Moment> {
        let mut until = self.inner.until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.inner.clock)();
        if until.is_some_and(|until| until <= now) {
            *until = None;
            self.inner.over.cancel();
        }
        *until
    }

    /// Moves the end. Returns false when it has ended before.
    fn renew(&self, term: Term) -> bool {
        if self.inner.number != term.number || !self.is_valid() {
            return false;
        }
        let mut until = self.inner.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = until.map(|known| known.max(term.until));
        until.is_some()
    }

    /// Ends it.
    fn end(&self) {
        *self.inner.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.inner.over.cancel();
    }
}

impl Fence for Leadership {
    fn is_open(&self) -> bool {
        self.is_valid()
    }

    /// Whenever the call could go on, it is asked first whether it may: a process that was frozen in the middle of it sends nothing
    /// when it is thawed.
    async fn guard<T: Send>(&self, call: impl Future<Output = T> + Send) -> Result<T, Closed> {
        let (mut call, mut ended) = (pin!(call), pin!(self.ended()));
        poll_fn(|context| {
            if !self.is_valid() || ended.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(Closed));
            }
            call.as_mut().poll(context).map(Ok)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
