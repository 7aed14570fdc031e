//! Plans by table and by property.

mod endings;
mod faults;
mod gates;
mod properties;
mod targets;
pub(crate) mod world;
