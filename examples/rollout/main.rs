//! How long a rollout waits for the load balancer, and what it costs: a real Kubernetes, the simulated cloud, and the
//! controller in a process of its own.
//!
//! `cargo run --release --example rollout -- --pods 100` makes a Deployment of so many Pods, gives them another image, and
//! prints a table and a line of JSON for both phases. What is measured, and how, is said in [`phase`].
#![allow(clippy::print_stdout, reason = "the figures are the result")]

#[path = "../../tests/support/mod.rs"]
mod support;

mod controller;
mod latency;
mod phase;
mod stage;
mod table;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use serde::Serialize;
use tke_direct_access::operator::Settings as OperatorSettings;
use tke_direct_access::telemetry;

use phase::Figures;
use stage::Stage;

/// Measures a rolling update: gate latency, cloud calls, API-server requests, CPU and memory of the controller.
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
    /// Replicas of the Deployment.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pods: u32,
    /// How long the simulated cloud takes, compared with the real one: 1 is real time.
    #[arg(long, default_value_t = 0.2)]
    time_scale: f64,
    /// How long each cloud call takes on its way, in milliseconds of real time.
    #[arg(long, default_value_t = 30)]
    call_milliseconds: u64,
    /// How many more Pods there may be during the rollout, in percent.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=100))]
    surge: u32,
    /// Requests per second during the rollout, over new and kept connections; 0 for none.
    #[arg(long, default_value_t = 0)]
    load: u32,
}

/// This program also is the process that it measures.
#[derive(Subcommand)]
enum Part {
    /// Runs the controller until standard input ends.
    #[command(hide = true)]
    Controller(Box<OperatorSettings>),
}

/// Everything that is printed.
#[derive(Serialize)]
struct Results {
    setting: Setting,
    /// `debug` or `release`: what the controller was compiled as.
    build: &'static str,
    phases: Vec<Figures>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::install_crypto();
    let result = match arguments.part {
        Some(Part::Controller(settings)) => controller::run(&settings).await,
        None => measure(arguments.setting, arguments.json).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rollout: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(setting: Setting, json_only: bool) -> Result<()> {
    let stage = Stage::start(&setting).await?;
    let measured = phases(&stage, &setting).await;
    let log = stage.end().await;
    let phases = measured.with_context(|| format!("the controller's log ends with:\n{log}"))?;
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let results = Results { setting, build, phases };
    if !json_only {
        println!("{}", table::table(&results));
    }
    println!("{}", serde_json::to_string(&results)?);
    let lost: u64 = results.phases.iter().filter_map(|figures| figures.traffic.as_ref()).map(|found| found.lost).sum();
    ensure!(lost == 0, "{lost} requests were lost");
    Ok(())
}

async fn phases(stage: &Stage, setting: &Setting) -> Result<Vec<Figures>> {
    let created = phase::measure(stage, setting, "creation", 0, async || stage.deploy(setting).await).await?;
    let rolled = phase::measure(stage, setting, "rollout", setting.load, async || stage.roll(setting).await).await?;
    Ok(vec![created, rolled])
}
