//! How what is decided is carried out: the loops of the controller as machines without I/O.
//!
//! [`Machine`] is the loop of one load balancer. [`Machine::step`] takes in what has happened and says what is to be done: reads,
//! calls of the cloud, writes to Kubernetes, Events, and when to be woken. Edges do that and bring what came of it; they decide
//! nothing. No clock, no channel and no task is inside, so a test can play the world.
//!
//! [`ServiceMachine`], [`ConfigMachine`] and [`ReleaseMachine`] are the loops beside it, one machine for each annotated Service, each
//! TkeServiceConfig, and the gates of each namespace.
//!
//! [`Execution`] says in which order the steps of a plan become calls, and what a refusal means for the others. Times are durations
//! since some moment that stays the same, by a clock that never goes back.

mod config;
mod confined;
mod creation;
mod creations;
mod departures;
mod echo;
mod effect;
mod execution;
mod gathering;
mod key;
mod keyed;
mod machine;
mod memory;
mod notices;
mod outbox;
mod part;
mod reads;
mod refusal;
mod refusals;
mod release;
mod reporting;
mod service;
mod shared;
mod surroundings;
mod tempo;
#[cfg(test)]
mod tests;
mod tickets;
mod uploads;
mod waiting;
mod written_targets;

pub use config::ConfigMachine;
pub use confined::Confined;
pub use creation::NewBinding;
pub use effect::{
    Answer, Effect, Frame, Input, Line, News, NotTaken, Notice, OtherRead, Read, RoundEnd, RoundReport, RoundResult,
    Shown, StatusField, Taken, Targets, Ticket, UseOfQuotas, Write,
};
pub use execution::{Execution, Reply};
pub use key::Key;
pub use keyed::{KeyedMachine, MachineKey};
pub use machine::Machine;
pub use notices::{refusal_notice, service_reference};
pub use part::is_shared;
pub use refusals::Refusals;
pub use release::ReleaseMachine;
pub use reporting::{binding_name, service_name};
pub use service::ServiceMachine;
pub use shared::{Ledger, RefusedByBinding, Shared};
pub use surroundings::{Caches, ConfigSight, Flags, Now, Surroundings};
pub use uploads::{Need, SETTLED, Uploads};
