//! Plans by table and by property.

mod faults;
mod gates;
mod properties;
mod targets;
mod world;
