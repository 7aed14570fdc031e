//! Logs, the names of metrics, and the one provider of cryptography.

pub mod catalog;
mod logs;

pub use logs::{FIELDS, install_logs};

/// Installs ring for all TLS of this process. Repeating it changes nothing.
pub fn install_crypto() {
    // An error says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
