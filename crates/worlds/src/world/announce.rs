//! Who hears of what was written, and when.

use std::time::Duration;

use super::{Happening, World};
use crate::objects::Kind;

impl World {
    /// Watches are told of what was written, and controllers of the cluster, too.
    pub(super) fn announce(&mut self) {
        for kind in crate::objects::KINDS {
            let told = self.objects.told(kind).len();
            let before = self.announced.insert(kind, told).unwrap_or(0);
            if told == before {
                continue;
            }
            if matches!(kind, Kind::Pod | Kind::Service) {
                let at = self.now + self.chance.latency("controller of slices", Duration::from_millis(50));
                self.by(at, Happening::Slices);
            }
            if matches!(kind, Kind::Binding | Kind::Service) {
                let at = self.now + self.chance.latency("garbage collector", Duration::from_millis(200));
                self.by(at, Happening::Garbage);
            }
            if kind == Kind::Pod {
                let at = self.now + self.chance.latency("kubelets", Duration::from_millis(30));
                self.by(at, Happening::Cluster);
            }
            for _ in before..told {
                for replica in 0..self.replicas.len() {
                    self.announce_to(replica, kind);
                }
            }
        }
    }

    fn announce_to(&mut self, replica: usize, kind: Kind) {
        if !self.replicas[replica].heard.contains_key(&kind) {
            return;
        }
        let to = self.address(replica, None);
        let latency = self.chance.latency("watch", Duration::from_millis(10));
        let stalled = self.stalled.get(&(replica, kind)).copied().unwrap_or_default();
        let brought = self.brought.entry((replica, kind)).or_default();
        *brought = (self.now + latency).max(*brought).max(stalled);
        let at = *brought;
        self.at(at, Happening::Watch { to, kind });
    }
}
