//! What the API server does not take of what is written for bindings, for loops that are not about load balancers.

use jiff::Timestamp;

use super::context::Context;
use crate::reconcile::NotTaken;
use crate::status::Field;

impl Context {
    /// Whether a write for a binding is to be tried: it was not refused a moment ago.
    pub(super) fn is_due(&self, binding: &str, field: Field) -> bool {
        self.shared.refused().is_due(binding, field, Timestamp::now())
    }

    /// What became of a write for a binding to an object, which is given by kind and name.
    pub(super) fn record<T>(&self, binding: &str, field: Field, object: &str, result: &Result<T, NotTaken>) {
        self.surroundings().record(binding, (field, object), result);
    }

    /// A write for a binding was taken, or is not needed any more.
    pub(super) fn taken(&self, binding: &str, field: Field) {
        self.shared.refused().taken(binding, field);
    }
}
