//! A simulated CLB: the cloud's wire protocol over HTTP, real probes, and real traffic on loopback addresses.
//!
//! - [`State`] knows everything and is pure: `(State, call, time) → reply`. All else follows from its changes.
//! - It shares the wire types with the client and nothing else: in particular it checks signatures with code of its own.
//! - Only 127.0.0.0/8 is ever dialled. A Pod at 10.a.b.c is reached at 127.a.b.c.
//!
//! Where the service's documentation is silent, the choice is written beside the code that makes it. Not simulated: target
//! groups, IPv6 load balancers, port ranges, redirections, session persistence, and forwarding of TCP_SSL, QUIC and HTTPS.

mod accept;
mod admin;
mod belief;
mod calls;
mod cloud;
mod data_plane;
mod dialect;
mod dispatch;
mod error;
mod fault;
mod health;
mod past;
mod probe;
mod pure;
mod rate;
mod server;
mod settings;
mod simulator;
mod state;
mod trusting;
mod verdicts;
mod verify;

/// Time since the simulator started. Everything that depends on time gets it as a value.
pub type Moment = std::time::Duration;

pub use belief::{Belief, Certainty, Switch, beliefs};
pub use calls::CallRecord;
pub use dialect::{Departure, Dialect, EXCLUSIVE};
pub use dispatch::ACTIONS;
pub use fault::{Effect, Fault, When, read_script};
pub use pure::{Arrived, Probe, PureCloud};
pub use settings::{
    Account, Credentials, Identities, ListenerSpec, LoadBalancerSpec, Quotas, Settings, Timing, Traffic,
};
pub use simulator::Simulator;
pub use state::{ConsoleError, Listener, LoadBalancer, Rule, State, Target};
pub use verdicts::HealthChange;
