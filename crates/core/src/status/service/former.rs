//! What is said while the binding of a former Service of the same name is there: the name is taken until it is gone.

use super::{Standing, name};
use crate::api::DirectAccessBinding;
use crate::api::event::ServiceReason;
use crate::model::Service;
use crate::plan::annotated::{MadeFor, made_for};

/// How it stands with a Service that waits for this binding to go; `None` where it does not.
pub(super) fn standing(service: &Service, other: &DirectAccessBinding) -> Option<Standing> {
    let (whose, then) = match made_for(service, other) {
        MadeFor::This | MadeFor::Nobody => return None,
        MadeFor::Former => ("was made for a former Service of this name, and goes with that", "there is nothing to do"),
        MadeFor::Unproven => (
            "names as its owner a Service of this name with another UID, as one from a backup does, and goes",
            "where its condition Ready says what holds that up, do what it says",
        ),
    };
    let words = format!(
        "DirectAccessBinding '{}' {whose}; when it is gone, this Service gets a binding of its own: {then}",
        name(other)
    );
    Some(Standing::Unmet(ServiceReason::FormerBinding, words))
}
