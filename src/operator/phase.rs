//! Whether a round still reads, or has begun to write: what has only read may be dropped at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

const READS: u8 = 0;
const WRITES: u8 = 1;

/// The phase of the round that runs. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// A round begins.
    pub(super) fn read(&self) {
        self.0.store(READS, Ordering::Relaxed);
    }

    /// The round has read what it needs.
    pub(super) fn write(&self) {
        self.0.store(WRITES, Ordering::Relaxed);
    }

    /// Ends when the controller is to stop while the round reads, perhaps in a long queue; never when it has begun to write, because
    /// what is begun is finished. It must be polled by the task of the round, so that the round cannot go on in between.
    pub(super) async fn stopped(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        if self.0.load(Ordering::Relaxed) == WRITES {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_round_that_reads_is_dropped_and_one_that_writes_is_not() {
        let (phase, stop) = (Phase::default(), CancellationToken::new());
        assert!(phase.stopped(&stop).now_or_never().is_none());
        stop.cancel();
        assert!(phase.stopped(&stop).now_or_never().is_some());
        phase.write();
        assert!(phase.stopped(&stop).now_or_never().is_none());
        phase.read();
        assert!(phase.stopped(&stop).now_or_never().is_some());
    }
}
