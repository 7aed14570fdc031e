//! The parts of the edges that read and write nothing by themselves, for who plays a world with the machines.

pub use super::apply::run;
pub use super::caches::StoreCaches;
pub use super::first_looks::in_order;
pub use super::marks::{all_configs, all_namespaces, all_services, configs, namespaces, services};
pub use super::reads::frame;
pub use super::triggers::{bindings, is_of_all, keys, news};
