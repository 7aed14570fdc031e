//! Plans by table and by property.

mod cloud;
mod config;
mod endings;
mod faults;
mod gates;
mod layer7;
mod limits;
mod properties;
mod stand_ins;
mod targets;
pub(crate) mod world;
