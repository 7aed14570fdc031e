//! The edge to the cloud: a client of the CLB API, of the one action of STS that says whose keys it has, and of
//! those of SSL that certificates need.
//!
//! [`Clb`] speaks the model's words on one side and the cloud's JSON ([`wire`]) on the other. Every call is allowed by
//! the action's rate, signed, bounded in time and observed; writes to one load balancer go one after another. A failure has a
//! [`Class`](crate::model::Class), by which alone the caller decides.
//!
//! - A read succeeds as a whole or fails: what is missing in a partial one would look removed. Only what can be nobody's of
//!   this project is left out, and an [`UnreadableListener`] is told apart.
//! - A write that failed as [`Unreachable`](crate::model::Class::Unreachable) or
//!   [`Transient`](crate::model::Class::Transient) may have happened. Nothing is repeated blindly; the next read tells.
//! - A reply is read as the reference has it; [`RawCalls`] hands it over as it is, for who asks how the cloud answers.
//! - A write needs a right to write ([`Fence`]), which is asked when the call leaves, after every wait.
//! - A call to which an empty list means "all" cannot be made with one.
//! - A key is in no message, no event and no `Debug` output.

mod attributes;
mod caller;
mod certificates;
mod client;
mod clock;
mod convert;
pub mod credentials;
pub mod error;
mod fence;
mod listener_writes;
mod load_balancer_writes;
mod non_empty;
mod rate;
mod raw;
mod reads;
mod request;
pub mod rights;
mod settings;
mod shared_reads;
pub mod sign;
mod target_writes;
mod throttle;
mod transport;
pub mod wire;

pub use caller::CallerReads;
pub use client::{CallObserver, Clb, Rates, Wait};
pub use convert::UnreadableListener;
pub use credentials::{
    Credentials, CredentialsError, Given, KeyObserver, Keys, METADATA_ENDPOINT, Renewer, Source, SourceError, Sources,
};
pub use fence::{Closed, Fence, Unfenced, Writer};
pub use non_empty::NonEmpty;
pub use raw::RawCalls;
pub use reads::{Contents, Presence};
pub use request::{BatchReply, LoadBalancerChange, NewListener, NewListeners, NewLoadBalancer, NewRule, NewTarget};
pub use settings::{DEFAULT_ENDPOINT, Settings, SettingsError};
pub use shared_reads::SharedReads;
pub use transport::{Carried, Carrier, Unanswered};

#[cfg(test)]
mod tests;
