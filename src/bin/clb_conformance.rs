//! Asks a cloud whether it is as the controller and the simulator believe.

use std::process::ExitCode;

use clap::Parser;
use tke_direct_access::conformance::{Arguments, Conclusion, execute};

/// Something differs.
const DIFFERS: u8 = 1;
/// Not all was asked that was to be asked.
const NOT_ALL_ASKED: u8 = 3;
/// It could not be run.
const FAILED: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    match execute(&Arguments::parse()).await {
        Ok(Conclusion::Agrees) => ExitCode::SUCCESS,
        Ok(Conclusion::Differs) => ExitCode::from(DIFFERS),
        Ok(Conclusion::NotAllAsked) => ExitCode::from(NOT_ALL_ASKED),
        Err(error) => {
            eprintln!("clb-conformance: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}
