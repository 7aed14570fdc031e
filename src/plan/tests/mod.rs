//! Plans by table and by property.

mod endings;
mod faults;
mod gates;
mod properties;
mod stand_ins;
mod targets;
pub(crate) mod world;
