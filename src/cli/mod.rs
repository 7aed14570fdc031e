//! The kubectl plugin: what there is, what would be done, and why a Pod is not ready.
//!
//! - `session` connects; `world` reads the cluster and the cloud once, and plans as the controller would.
//! - `explain` is the chain from Service to gate, decided by a function of what was read.
//! - `leaving` says what is on its way out, `ungated` who runs without a gate, `remarks` what else a plan and a status say; `workload` knows
//!   what makes Pods; the other modules are a command each, and `output` prints.
//!
//! It reads with the user's own rights. Without credentials of the cloud it goes by what the controller has written down.

mod adopt;
mod certificates;
mod change;
mod completion;
mod doctor;
mod drain;
mod error;
mod explain;
mod gate_label;
mod get;
mod hold;
mod lease;
mod leaving;
mod options;
mod output;
mod plan;
mod remarks;
mod session;
mod ungated;
mod watch;
mod workload;
mod world;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use error::Error;
use options::{Arguments, Command};
use output::Printer;
use session::Session;

/// How a command ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// There is nothing to do, or what was asked for is done.
    Fine,
    /// Something would be done, or is broken.
    Found,
    /// Something can never work as it is written.
    Impossible,
}

/// Runs the plugin with these arguments, the first of which is the program. Exit codes: 0 when all is well, 1 when the command
/// failed, 2 when `plan` would change something, `explain` found a broken link, or `doctor` found something wrong, 3 when `plan` found
/// what can never work as it is written.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
            // Nobody is left to be told when this cannot be printed.
            let _ = error.print();
            return code;
        }
    };
    match command(&arguments).await {
        Ok(Ending::Fine) => ExitCode::SUCCESS,
        Ok(Ending::Found) => ExitCode::from(2),
        Ok(Ending::Impossible) => ExitCode::from(3),
        // The reader has gone, as `head` does.
        Err(Error::Print(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kubectl direct-access: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn command(arguments: &Arguments) -> Result<Ending, Error> {
    let mut printer = Printer::new(&arguments.global);
    match &arguments.command {
        Command::Completion => return completion::script(&mut printer),
        Command::Complete(options) => return completion::run(&options.words, &mut printer).await,
        _ => {}
    }
    let session = Session::start(&arguments.global).await?;
    match &arguments.command {
        Command::Get(options) => get::run(&session, options, &mut printer).await,
        Command::Plan(options) => plan::run(&session, options, &mut printer).await,
        Command::Explain(options) => explain::run(&session, options, &mut printer).await,
        Command::Doctor(options) => doctor::run(&session, options, &mut printer).await,
        Command::Drain(options) => drain::run(&session, options, &mut printer).await,
        Command::Adopt(options) => adopt::run(&session, options, &mut printer).await,
        Command::Suspend(binding) => change::suspend(&session, binding, true, &mut printer).await,
        Command::Resume(binding) => change::suspend(&session, binding, false, &mut printer).await,
        Command::Reconcile(options) => change::reconcile(&session, options, &mut printer).await,
        Command::Watch(options) => watch::run(&session, options, &mut printer).await,
        // They need no cluster.
        Command::Completion | Command::Complete(_) => Ok(Ending::Fine),
    }
}
