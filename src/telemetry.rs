//! Logs, and the one provider of cryptography.

use tracing_subscriber::EnvFilter;

/// Installs ring for all TLS of this process. Repeating it changes nothing.
pub fn install_crypto() {
    // An error says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Starts logging to standard error; `RUST_LOG` chooses what, `info` by default. Repeating it changes nothing.
pub fn install_logs(as_json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error says that logging is on already.
    let _ = if as_json { logs.json().flatten_event(true).try_init() } else { logs.try_init() };
}
