//! What bindings lose of Pods that live, over all load balancers.

use std::collections::BTreeMap;
use std::time::Duration;

use tke_direct_access_core::model::{Address, Route};
use tke_direct_access_core::plan::brake::{BINDINGS, WINDOW};

/// What is planned within the product's window is done a little later.
const MARGIN: Duration = Duration::from_secs(10);

/// What one binding has lost lately, and how many targets it has left.
#[derive(Debug, Default)]
struct Lost {
    targets: BTreeMap<(Route, Address), Duration>,
    left: usize,
}

/// What bindings have lost lately, by UID.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    of: BTreeMap<String, Lost>,
    /// A user has said what is to become of removals.
    pub(crate) is_said: bool,
}

impl Losses {
    /// A binding loses these targets, and has so many left with weight.
    pub(crate) fn lose(&mut self, uid: &str, targets: Vec<(Route, Address)>, left: usize, now: Duration) {
        for lost in self.of.values_mut() {
            lost.targets.retain(|_, then| now.saturating_sub(*then) < WINDOW.saturating_sub(MARGIN));
        }
        let lost = self.of.entry(uid.to_owned()).or_default();
        lost.targets.extend(targets.into_iter().map(|target| (target, now)));
        lost.left = left;
    }

    /// The bindings that have lost more than half, where these are too many.
    pub(crate) fn too_many(&self) -> Option<Vec<&str>> {
        let most = self.of.iter().filter(|(_, lost)| lost.targets.len() > lost.left).map(|(uid, _)| uid.as_str());
        let most: Vec<_> = most.collect();
        (most.len() > BINDINGS && !self.is_said).then_some(most)
    }
}
