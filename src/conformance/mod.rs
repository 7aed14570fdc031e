//! The conformance kit: asks a real cloud, once, for what the controller and the simulator believe of it.
//!
//! - The table ([`beliefs`]) has what is believed, by which calls it is asked, and what counts as believed.
//! - The script is one list of calls. What a call needs of others is read from their replies, so that what builds on a call that was
//!   refused is not asked instead of wrong.
//! - A run is a [`Recording`]: it is redacted, then judged ([`judge`], pure). A replay is the second half.
//! - Before something is made, a state file says so ([`Journal`]). What carries a run's tag or name is the run's, and nothing else is. It
//!   counts as gone with a [`Proof`] only.

mod belief;
mod caller;
mod cleaning;
mod command;
mod families;
mod journal;
mod kit;
mod leftovers;
mod options;
mod pace;
mod recording;
mod redact;
mod report;
mod run;
mod seen;
mod state;
mod step;
mod words;

#[cfg(test)]
mod tests;

pub use belief::{Belief, Conclusion, Family, Judged, NOT_ASKED, Verdict, beliefs, conclusion, judge};
pub use command::execute;
pub use journal::{Journal, StateError};
pub use kit::{Ended, Kit, Trouble};
pub use leftovers::Leftovers;
pub use options::{Arguments, Output};
pub use pace::Times;
pub use recording::{Answer, Entry, Inputs, Recording};
pub use report::{differences, document, plan, table};
pub use seen::Seen;
pub use state::{Creation, Kind, Origin, Proof, RunState, Status};
pub use step::{ACTIONS, Asked, PREFIX};
