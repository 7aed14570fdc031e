//! What the vendor publishes about its API: the SDK for Python, and the tables that its command line is made of.
//!
//! - [`python::environment`]: packages for Python, installed once under Cargo's target folder.
//! - [`Tables`]: every action, structure and member of a service, and the official examples of requests and replies.
//! - [`Tables::faults_of_reply`]: what a raw reply has that the tables do not know, and what it lacks.
//!
//! Tests say `#[path = "../vendor/mod.rs"] mod vendor;`. Nothing here knows the rest of the project.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test that includes this module uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "support of tests: a failure here is the failure of the test")]

pub mod python;
mod reply;
mod tables;

pub use reply::{EXCEPTIONS, Exception, Fault, What};
pub use tables::{Kind, Member, Tables};
