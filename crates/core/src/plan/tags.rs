//! Whether the cloud shows the tags of targets, and what is recorded of targets beside them.

use jiff::Timestamp;

use crate::api::binding::DrainingStatus;
use crate::model::{Address, Route};

use super::{BindingView, Ended, Observed, Snapshot};

/// Whether the cloud shows the tags of targets. The reference has `Tag` as a member that may be absent, and no example shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagSight {
    /// It does, as far as is known.
    #[default]
    Shown,
    /// It does not: a target that was registered with a tag was read without one.
    Hidden,
}

/// Whether tags are shown on a load balancer. Hidden is recorded in statuses, since a new controller has registered nothing yet.
pub(super) fn tag_sight(snapshot: &Snapshot, observed: &Observed) -> TagSight {
    let is_shown = observed.targets.values().flatten().any(|target| !target.tag.is_empty());
    if is_shown || snapshot.remembered.tags_shown == Ended::Yes {
        return TagSight::Shown;
    }
    let is_read = |(route, address): &(Route, Address)| {
        observed.targets.get(route).is_some_and(|all| all.iter().any(|target| target.address == *address))
    };
    let is_recorded = |view: &BindingView| {
        let recorded = view.binding.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        recorded.is_some_and(|recorded| recorded.hides_tags)
    };
    if snapshot.remembered.registered.keys().any(is_read) || snapshot.bindings.iter().any(is_recorded) {
        TagSight::Hidden
    } else {
        TagSight::Shown
    }
}

/// Since when a target drains, as the status records it.
pub(super) fn recorded_drain(view: &BindingView, route: &Route, address: Address) -> Option<Timestamp> {
    let rows = view.binding.status.iter().flat_map(|status| &status.draining);
    let text = address.to_string();
    let is_this = |row: &&DrainingStatus| {
        row.address == text
            && row.listener_id == route.listener.as_str()
            && row.location_id.as_deref() == route.rule.as_ref().map(|rule| rule.as_str())
    };
    rows.into_iter().find(is_this).map(|row| row.since.0)
}
