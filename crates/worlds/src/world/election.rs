//! The election of a leader, by a Lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tke_direct_access_core::election::{Answer, Moment, Next};

use super::{Address, Happening, Mood, World};

impl World {
    /// What concerns the Lease reaches a replica.
    pub(super) fn hear_of_lease(&mut self, number: usize, happening: Happening) {
        let (now, is_cut_off) = (self.moment(), self.is_cut_off(number));
        let election = &mut self.replicas[number].election;
        match happening {
            Happening::LeasePut { sent, answer, .. } => {
                election.answered(sent, answer, now);
                self.replicas[number].attempts = false;
            }
            Happening::LeaseRead { .. } => {
                if is_cut_off {
                    election.failed_to_read(now);
                } else {
                    election.saw(self.objects.lease.clone(), now);
                }
                self.replicas[number].attempts = false;
            }
            Happening::LeaseTold { lease, .. } => election.told(lease.map(|lease| *lease), now),
            _ => {}
        }
        let mut wishes = Vec::new();
        self.heed(number, &mut wishes);
        self.grant(number, wishes);
        self.stand(number);
    }

    /// A replica stands for election.
    fn stand(&mut self, number: usize) {
        if self.replicas[number].attempts || !self.replicas[number].is_synced() {
            return;
        }
        let (now, to) = (self.moment(), self.address(number, None));
        let (lease, is_new) = match self.replicas[number].election.next(now, self.own_clock(number)) {
            Next::Wait(until) => {
                let at = self.now + until.since(now);
                return self.by(at, Happening::Elect { to });
            }
            Next::Read => {
                self.replicas[number].attempts = true;
                return self.after("lease", Duration::from_millis(5), Happening::LeaseRead { to });
            }
            Next::Create(lease) => (lease, true),
            Next::Replace(lease) => (lease, false),
        };
        self.replicas[number].attempts = true;
        self.after("lease", Duration::from_millis(5), Happening::PutLease { from: to, sent: now, lease, is_new });
    }

    /// The API server takes a Lease, or not.
    pub(super) fn put_lease(&mut self, from: Address, sent: Moment, lease: Lease, is_new: bool) {
        let answer = match (&self.objects.lease, self.mood) {
            _ if self.is_cut_off(from.replica) => Answer::Failed,
            (_, Mood::Refuses(500, until)) if self.now < until => Answer::Failed,
            (None, _) if !is_new => Answer::Missing,
            (Some(_), _) if is_new => Answer::Conflict,
            (Some(found), _) if found.metadata.resource_version != lease.metadata.resource_version => Answer::Conflict,
            _ => {
                let written = self.objects.put_lease(lease);
                self.tell_of_lease();
                match self.mood {
                    Mood::Forgets(until) if self.now < until => Answer::Failed,
                    _ => Answer::Written(Box::new(written)),
                }
            }
        };
        self.after("lease", Duration::from_millis(5), Happening::LeasePut { to: from, sent, answer });
    }

    /// Watches tell of the Lease.
    pub(super) fn tell_of_lease(&mut self) {
        let lease = self.objects.lease.clone().map(Box::new);
        for replica in 0..self.replicas.len() {
            let to = self.address(replica, None);
            self.after("watch", Duration::from_millis(10), Happening::LeaseTold { to, lease: lease.clone() });
        }
    }
}
