//! The machines of the controller, in worlds that answer when it suits them.

mod clock;
mod config;
mod confined;
mod creations;
mod departures;
mod execution;
mod gates;
mod ingress;
mod keyed_play;
mod kind;
mod locks;
mod machine;
mod objects;
mod play;
mod reassigned;
mod refusals;
mod release;
mod service;
mod waiting;
mod written_targets;
