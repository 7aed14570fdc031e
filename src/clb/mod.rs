//! The edge to the cloud.

mod non_empty;
pub mod wire;

pub use non_empty::NonEmpty;
