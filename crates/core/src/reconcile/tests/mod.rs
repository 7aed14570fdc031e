//! The machines of the controller, in worlds that answer when it suits them.

mod execution;
mod machine;
mod play;
mod reassigned;
mod refusals;
