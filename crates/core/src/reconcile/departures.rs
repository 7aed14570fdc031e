//! What the API server is asked about bindings that are being deleted, and how long its answer counts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, Read, Ticket};
use super::reads::Slot;
use super::tickets::Tickets;
use crate::api::DirectAccessBinding;
use crate::plan::{DepartureSight, owners_of_deleted};

/// How long an answer counts: a Service that is gone may be made again.
const SIGHT_LASTS: Duration = Duration::from_secs(5);
/// When it is asked anew while a round waits for the cloud, so that there is one that counts when the round has all.
const SIGHT_RENEWAL: Duration = Duration::from_secs(1);

/// The read of that on which it depends why bindings go. It counts for the bindings whose deletion was known when it began.
#[derive(Debug, Default)]
pub(super) struct DepartureReads {
    pub(super) slot: Slot<DepartureSight>,
    /// The UIDs of those.
    asked_for: BTreeSet<String>,
    /// When the last answer came.
    came: Duration,
}

impl DepartureReads {
    /// Asks about those of these bindings that go, unless what is under way or has come is about all of them, and new.
    pub(super) fn ask(
        &mut self,
        bindings: &[Arc<DirectAccessBinding>],
        at: Duration,
        tickets: &mut Tickets,
        out: &mut Vec<Effect>,
        dropped: &mut Vec<Ticket>,
    ) {
        let going = bindings.iter().filter(|binding| binding.metadata.deletion_timestamp.is_some());
        let going: BTreeSet<String> = going.filter_map(|binding| binding.metadata.uid.clone()).collect();
        if going.is_empty() {
            return;
        }
        if !self.asked_for.is_superset(&going) {
            self.slot.forget(dropped);
        }
        if !self.slot.is_pending() && self.renewal().is_none_or(|renewal| at >= renewal) {
            let owners = owners_of_deleted(bindings.iter().map(|binding| &**binding));
            self.slot.renew(Read::Definition(owners), at, tickets, out);
            self.asked_for = going;
        }
    }

    /// Takes in an answer.
    pub(super) fn fill(&mut self, sight: DepartureSight, at: Duration) {
        self.slot.fill(sight);
        self.came = at;
    }

    /// When what has come is to be asked anew; `None` while that is under way, and when nothing has come.
    pub(super) fn renewal(&self) -> Option<Duration> {
        self.slot.seen().filter(|_| !self.slot.is_pending())?;
        Some(self.came + SIGHT_RENEWAL)
    }

    /// What has come, while it counts.
    pub(super) fn current(&self, at: Duration) -> Option<&DepartureSight> {
        self.slot.seen().filter(|_| at.saturating_sub(self.came) < SIGHT_LASTS)
    }

    /// It is under way, and nothing that has come counts.
    pub(super) fn is_pending(&self, at: Duration) -> bool {
        self.slot.is_pending() && self.current(at).is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::DefinitionSight;

    fn deleted(uid: &str) -> Arc<DirectAccessBinding> {
        let object = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": uid, "namespace": "shop", "uid": uid, "deletionTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"serviceRef": {"name": "web"}},
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    /// How many reads begin when these are asked about at this time, and how many of those before nobody waits for any more.
    struct Asking {
        reads: DepartureReads,
        tickets: Tickets,
    }

    impl Asking {
        fn ask(&mut self, bindings: &[Arc<DirectAccessBinding>], seconds: u64) -> (usize, usize) {
            let (mut out, mut dropped) = (Vec::new(), Vec::new());
            let at = Duration::from_secs(seconds);
            self.reads.ask(bindings, at, &mut self.tickets, &mut out, &mut dropped);
            (out.len(), dropped.len())
        }

        fn answer(&mut self, seconds: u64) {
            let sight = DepartureSight { definition: DefinitionSight::Stays, services: [].into() };
            self.reads.fill(sight, Duration::from_secs(seconds));
        }

        fn counts(&self, seconds: u64) -> bool {
            self.reads.current(Duration::from_secs(seconds)).is_some()
        }
    }

    #[test]
    fn an_answer_counts_for_what_it_was_asked_about_while_it_is_new() {
        let (one, two) = ([deleted("a")], [deleted("a"), deleted("b")]);
        let mut asking = Asking { reads: DepartureReads::default(), tickets: Tickets::default() };
        assert_eq!(asking.ask(&[], 100), (0, 0), "nothing goes");
        assert_eq!(asking.ask(&one, 100), (1, 0));
        assert_eq!(asking.ask(&one, 101), (0, 0), "it is under way");
        assert_eq!(asking.ask(&two, 102), (1, 1), "the deletion of another was not known");
        asking.answer(103);
        assert_eq!(asking.ask(&one, 103), (0, 0), "it is about more");
        assert_eq!(asking.ask(&one, 104), (1, 0), "it is renewed");
        assert_eq!([104, 107, 108].map(|seconds| asking.counts(seconds)), [true, true, false]);
        asking.answer(109);
        assert_eq!([109, 113, 114].map(|seconds| asking.counts(seconds)), [true, true, false]);
        assert_eq!(asking.ask(&two, 109), (1, 0), "it is about fewer");
        assert!(!asking.counts(109));
    }
}
