//! What one replica can do, and what a fleet costs it: 500 load balancers, 5,000 bindings and 20,000 Pods on a real API server, with the
//! simulated cloud, and the controller in a process of its own.
//!
//! `cargo run --release --example fleet` finds the churn at which one replica can do no more, and prints a table and, as the last
//! line, JSON. There are no kubelets, no scheduler and no controllers: this program writes what they would write. How each figure is
//! taken is said where it is taken: [`stage`] for stages of churn, [`start`] for starts, [`fail_over`].
#![allow(clippy::print_stdout, reason = "the figures are the result")]

#[path = "../../tests/support/mod.rs"]
mod support;

mod churn;
#[path = "../rollout/controller.rs"]
#[expect(dead_code, reason = "rolling updates measure more of it")]
mod controller;
mod fail_over;
mod kubernetes;
mod machine;
mod metrics;
mod objects;
mod place;
mod sightings;
mod stage;
mod start;
mod steps;
mod table;
mod workload;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde::Serialize;
use tke_direct_access::operator::Settings as OperatorSettings;
use tke_direct_access::telemetry;

use fail_over::FailOver;
use place::Place;
use stage::Figures;
use start::{Setup, StartUp};
use steps::Knee;

/// Measures a fleet: how much churn one replica can follow, what it costs, how fast it starts and is replaced.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    setting: Setting,
    /// Print the JSON only.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What is measured. It is printed with the figures.
#[derive(Clone, Debug, clap::Args, Serialize)]
struct Setting {
    /// Load balancers, which share the bindings evenly: at most 50 bindings each, the usual quota of listeners.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5000))]
    load_balancers: u32,
    /// Bindings, each of a Service of its own with one listener.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    bindings: u32,
    /// Pods, which the Services share evenly.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pods: u32,
    /// Pods replaced per second: measure one stage of it and look for no knee.
    #[arg(long)]
    churn: Option<f64>,
    /// Pods replaced per second in the first stage of the search for the knee; each further stage has half as many again.
    #[arg(long, default_value_t = 1.0)]
    first_churn: f64,
    /// Seconds that are measured of each stage.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(5..=600))]
    stage_seconds: u32,
    /// Calls per second and action that the account may make.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    account_rate: u32,
    /// How long each cloud call takes on its way, in milliseconds.
    #[arg(long, default_value_t = 30)]
    call_milliseconds: u64,
}

/// This program also is the process that it measures.
#[derive(Subcommand)]
enum Part {
    /// Runs the controller until standard input ends.
    #[command(hide = true)]
    Controller {
        /// Where it writes the id of its process.
        #[arg(long)]
        pid_file: PathBuf,
        #[command(flatten)]
        settings: Box<OperatorSettings>,
    },
}

/// Everything that is printed.
#[derive(Serialize)]
struct Results {
    setting: Setting,
    /// `debug` or `release`: what the controller was compiled as.
    build: &'static str,
    /// Processors that all programs of the measurement share.
    processors: usize,
    setup: Setup,
    start_up: StartUp,
    /// Without churn first.
    stages: Vec<Figures>,
    /// Absent when one stage was asked for.
    knee: Option<Knee>,
    fail_over: FailOver,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::install_crypto();
    let result = match arguments.part {
        Some(Part::Controller { pid_file, settings }) => {
            match std::fs::write(&pid_file, std::process::id().to_string()) {
                Ok(()) => controller::run(&settings).await,
                Err(error) => Err(error.into()),
            }
        }
        None => measure(arguments.setting, arguments.json).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fleet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(setting: Setting, json_only: bool) -> Result<()> {
    let place = Place::start(&setting).await?;
    let measured = figures(&place, &setting).await;
    let results = measured.with_context(|| format!("the controllers' logs end with:\n{}", place.logs()))?;
    place.end().await;
    if !json_only {
        println!("{}", table::table(&results));
    }
    println!("{}", serde_json::to_string(&results)?);
    Ok(())
}

async fn figures(place: &Place, setting: &Setting) -> Result<Results> {
    let (workloads, writing) = world::write(place, setting).await?;
    let setup = start::register(place, setting, writing).await?;
    let (first, start_up) = start::measure(place, setting, "first").await?;
    let (sightings, watching) = sightings::watch(place.control_plane.client());
    let mut churn = churn::Churn::new(place.kubernetes(), sightings, workloads);
    let (stages, knee) = steps::run(place, setting, &first, &mut churn).await?;
    let fail_over = fail_over::measure(place, setting, first, &mut churn).await?;
    watching.abort();
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let processors = std::thread::available_parallelism()?.get();
    Ok(Results { setting: setting.clone(), build, processors, setup, start_up, stages, knee, fail_over })
}
