//! Plans by table and by property.

mod cloud;
mod config;
mod endings;
mod faults;
mod gates;
mod layer7;
mod limits;
mod plans;
mod properties;
mod replacement;
mod targets;
pub(crate) mod world;
