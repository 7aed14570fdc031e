//! What a failed call of the cloud makes of a condition.

use crate::api::condition::Reason;
use crate::model::{Class, Failure};
use crate::plan::call_failed;

use super::conditions::{Truth, Verdict};

/// What a failed call makes of `Programmed`: unknown when nobody can tell what is the case, False when the cloud said no.
pub(super) fn failed(failure: &Failure) -> Verdict {
    let truth = match failure.class {
        Class::Unreachable | Class::Transient => Truth::Unknown,
        _ => Truth::False,
    };
    let reason = reason_of(failure.class);
    Verdict::new(truth, reason, call_failed(failure, reason))
}

/// The reason that a condition gives for a failed call.
pub const fn reason_of(class: Class) -> Reason {
    match class {
        Class::Unreachable => Reason::CloudUnreachable,
        Class::Busy => Reason::Busy,
        Class::Throttled => Reason::Throttled,
        Class::Quota => Reason::QuotaExceeded,
        Class::Conflict => Reason::BackendConflict,
        Class::Denied => Reason::Denied,
        Class::Arrears => Reason::Arrears,
        Class::NotFound | Class::Invalid | Class::Transient => Reason::Failed,
    }
}
