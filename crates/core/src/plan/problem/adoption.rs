//! Faults of bindings that ask to take the place of former ones.

use super::{Problem, accepted};
use crate::api::condition::Reason;
use crate::api::mark::ListenerName;
use crate::api::names;
use crate::plan::BindingView;
use crate::plan::adoption::Refused;

/// The binding may not take the place that its annotation asks for.
pub(in crate::plan) fn not_adopted(view: &BindingView, refused: &Refused) -> Problem {
    let (namespace, name) = view.place();
    let (why, next) = match refused {
        Refused::Unreadable(problem) => {
            return accepted(Reason::NotAdopted, format!("annotation {problem}, or remove it"));
        }
        Refused::Living(uid) => (
            format!("a binding with the UID {uid} exists"),
            "delete that one first, with spec.deletionPolicy Retain, or remove the annotation".to_owned(),
        ),
        Refused::OfAnother { uid, mark } => (
            format!("what carries the UID {uid} is of a binding of another namespace or name ('{mark}')"),
            format!(
                "remove the annotation, or run '{}' to find those of this name",
                names::adopt_command(namespace, name)
            ),
        ),
        Refused::Incomplete { uid, mark } => (
            format!("what carries the UID {uid} does not say in full whose it is ('{mark}')"),
            format!(
                "have whoever owns the load balancer rename a listener of it to '{}', or remove the annotation",
                ListenerName::new(uid, namespace, name)
            ),
        ),
    };
    accepted(Reason::NotAdopted, format!("annotation {}: {why}, so nothing is adopted; {next}", names::ADOPT))
}

/// No load balancer carries the tag of the binding whose place this one asks for; none is created, since it would be a second one.
pub(in crate::plan) fn nothing_to_adopt(view: &BindingView) -> Problem {
    let (namespace, name) = view.place();
    let message = format!(
        "annotation {}: no load balancer of this region carries a tag of these UIDs, and none is created while the annotation asks for one; \
         run '{}' to find it, or remove the annotation to have one created",
        names::ADOPT,
        names::adopt_command(namespace, name)
    );
    accepted(Reason::NotAdopted, message)
}
