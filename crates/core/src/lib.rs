//! The pure core: what users write ([`api`]), what things are ([`model`]), what is decided ([`plan`]), how it is
//! carried out ([`reconcile`]), what is said about it ([`status`]), and who decides ([`election`]).
//!
//! Functions from values to values. No clock, client, runtime or randomness: this crate does not depend on any, so the compiler
//! holds it. The architecture document is the documentation of `tke-direct-access`.

pub mod api;
pub mod election;
pub mod model;
pub mod mutant;
pub mod plan;
pub mod reconcile;
pub mod status;
