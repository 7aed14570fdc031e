//! Nodes of which nothing is heard.

use std::time::Duration;

use super::{Cluster, NODES, Stage};
use crate::objects::Objects;
use crate::pod;

/// A node of which nothing is heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    pub(super) since: Duration,
    pub(super) until: Duration,
    /// Its Pods serve on.
    pub(super) serves: bool,
}

/// After how long a node counts as lost, and its Pods as not ready. `--node-monitor-grace-period`.
pub(super) const LOST: Duration = Duration::from_secs(40);
/// After how long Pods of a lost node are deleted. `--default-unreachable-toleration-seconds`.
pub(super) const EVICTED: Duration = Duration::from_secs(300);

impl Cluster {
    pub(super) fn silence(&self, node: usize, now: Duration) -> Option<Silence> {
        self.silent.get(&node).copied().filter(|silence| now < silence.until)
    }

    /// For how long the node of a Pod has been off; `None` where it is not.
    pub(crate) fn is_off_since(&self, name: &str, now: Duration) -> Option<Duration> {
        let silence = self.silence(self.lives.get(name)?.node, now).filter(|silence| !silence.serves)?;
        Some(now.saturating_sub(silence.since))
    }

    /// Nothing is heard of a node until then.
    pub(crate) fn silence_node(&mut self, node: usize, now: Duration, until: Duration, serves: bool) {
        let node = node % NODES;
        if self.silence(node, now).is_some() {
            return;
        }
        self.silent.insert(node, Silence { since: now, until, serves });
        if serves {
            return;
        }
        // Where it is switched off, all containers start anew when it is on again.
        for life in self.lives.values_mut().filter(|life| life.node == node) {
            match (life.stage, life.deleted) {
                (Stage::Running | Stage::Starting(_), Some(_)) => life.stage = Stage::Ended(until),
                (Stage::Running | Stage::Starting(Some(_)), None) => {
                    life.stage = Stage::Starting(Some(until + Duration::from_secs(2)));
                }
                _ => {}
            }
        }
    }

    /// What the controller of nodes does: Pods of a lost node are not ready, and are deleted later.
    pub(super) fn sync_nodes(&mut self, objects: &mut Objects, now: Duration) {
        let lost: Vec<_> = self.silent.iter().filter(|(_, one)| one.since + LOST <= now && now < one.until).collect();
        let lost: Vec<_> = lost.into_iter().map(|(node, silence)| (*node, *silence)).collect();
        for (node, silence) in lost {
            let names: Vec<_> =
                self.lives.iter().filter(|(_, life)| life.node == node).map(|(name, _)| name.clone()).collect();
            for name in names {
                if let Some(found) = objects.pods.get(&name)
                    && pod::is_true(found, "Ready")
                {
                    let (mut pod, time) = (found.clone(), objects.time());
                    pod::set(&mut pod, "Ready", false, None, &time);
                    objects.put_pod(pod);
                }
                if silence.since + LOST + EVICTED <= now {
                    self.delete(objects, &name, now);
                }
            }
        }
    }
}
