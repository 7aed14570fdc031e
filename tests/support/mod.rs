//! A real Kubernetes for tests and the playground, on free ports of loopback and in a temporary folder.
//!
//! - [`ControlPlane`]: etcd, API server, controller manager, scheduler and nodes, started and ended together.
//! - [`Namespace`]: where one test does its work, so that many share a control plane.
//! - [`eventually`]: waiting for a condition, with a deadline.
//! - [`GoProgram`]: programs in Go, built once.
//! - [`traffic`]: constant load on a URL, counting what was lost and who answered.
//!
//! Tests say `mod support;`, examples say `#[path = "../../tests/support/mod.rs"] mod support;`. Nothing here knows
//! the rest of the project.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test and example that includes this module uses a part of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "support of tests: a failure here is the failure of the test"
)]

mod address;
mod audit;
mod binaries;
mod component;
mod control_plane;
mod credentials;
mod flags;
mod go;
mod kubectl;
mod namespace;
pub mod traffic;
mod wait;

pub use address::twin;
pub use audit::Request;
pub use control_plane::{ControlPlane, Options};
pub use go::Program as GoProgram;
pub use kubectl::Output;
pub use namespace::Namespace;
pub use wait::{Check, eventually, within};
