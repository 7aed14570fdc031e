//! Names of effects.

use super::effect::Ticket;

/// Gives each effect a name of its own.
#[derive(Debug, Default)]
pub(super) struct Tickets(u64);

impl Tickets {
    pub(super) const fn next(&mut self) -> Ticket {
        self.0 += 1;
        Ticket(self.0)
    }
}
