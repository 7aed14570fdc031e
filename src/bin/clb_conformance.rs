//! Asks a cloud whether it is as the controller and the simulator believe.

use std::process::ExitCode;

use clap::Parser;
use tke_direct_access::conformance::{Arguments, execute};

/// It could not be run.
const FAILED: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    match execute(&Arguments::parse()).await {
        Ok(differs) => ExitCode::from(u8::from(differs)),
        Err(error) => {
            eprintln!("clb-conformance: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}
