//! What is remembered of single Pods.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tke_direct_access_core::model::{Address, Route, Weight};

/// What is remembered of single Pods.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    /// When something last became of a Pod, by its name, and the weight that it said before; `None` where that is not known.
    pub(crate) changed: BTreeMap<String, (Duration, Option<Weight>)>,
    /// When a Pod stopped to serve without its deletion, by the address that it had.
    pub(crate) stopped: BTreeMap<String, Duration>,
    /// Targets to which somebody at the console has given another tag, and whether that was read since.
    pub(crate) retagged: BTreeMap<(Route, Address), bool>,
    /// The weights that Pods have had, by the tags of their targets.
    pub(crate) weights: BTreeMap<(Route, String), BTreeSet<Weight>>,
}

impl Pods {
    /// The target had a tag of ours, which somebody has cleared, so that only who has registered it knows it; or nobody has read yet that it
    /// has another one.
    pub(crate) fn may_count_as_ours(&self, (route, address, tag): (&Route, Address, &str)) -> bool {
        self.retagged.get(&(route.clone(), address)).is_some_and(|is_read| tag.is_empty() || !is_read)
    }
}
