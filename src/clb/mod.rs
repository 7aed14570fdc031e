//! The edge to the cloud.

pub mod credentials;
pub mod error;
mod non_empty;
pub mod sign;
mod throttle;
pub mod wire;

pub use non_empty::NonEmpty;
