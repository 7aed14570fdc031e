//! The kubectl plugin's command line: `kubectl direct-access`.

use std::process::ExitCode;

use tke_direct_access::{cli, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::install_crypto();
    cli::run(std::env::args_os()).await
}
