//! How long Pods wait for the load balancer, and what that costs: a real Kubernetes, the simulated cloud, and the controller in a
//! process of its own.
//!
//! `cargo run --release --example rollout -- --scenario C` does work that the best peer was measured with, in real time, and prints
//! a table of all figures, the comparison, and a line of JSON. The scenarios: `A`, 100 Pods come up; `C`, 300 Pods are replaced; `D`,
//! 20 bindings of 15 Pods come up; `E`, 1,000 Pods of 5 bindings come up; `restart` and `rest`, over 1,000 Pods. Sizes and times
//! can be changed; what is changed is not compared.
//!
//! `cargo run --release --example rollout -- --pods 100` makes Pods, replaces them, and prints the same for both phases, with a cloud
//! five times as fast.
//!
//! What is measured, and how, is said in [`phase`]; what the cloud takes, in [`scenario`]; who the peer is, in [`peer`]. Everything
//! runs on one machine, and shares its cores with the control plane and the Pods: the aims are for 2 cores that do nothing else.
//! The load average that is printed says what else they were doing.
#![allow(clippy::print_stdout, reason = "the figures are the result")]

#[path = "../../tests/support/mod.rs"]
mod support;

mod controller;
mod figures;
mod latency;
mod objects;
mod peer;
mod phase;
mod scenario;
mod stage;
mod table;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use serde::Serialize;
use tke_direct_access::operator::Settings as OperatorSettings;
use tke_direct_access::telemetry;

use figures::Figures;
use peer::Row;
use scenario::{COST_MODEL, Scenario, Wanted, Work};
use stage::Stage;

/// Measures gate latency, cloud calls, API-server requests, CPU and memory of the controller.
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
    /// Work that the best peer was measured with; without it, Pods come up and are replaced.
    #[arg(long, value_enum, ignore_case = true)]
    scenario: Option<Scenario>,
    /// How often it is measured; the comparison is of the medians. Default: 5 for A, C, D and E, else 1.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    phases: Option<u32>,
    /// Pods of all bindings. Default: as the scenario says, 100 without one.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pods: Option<u32>,
    /// Bindings, each with a Service, a Deployment and a load balancer of its own. Default: as the scenario says, 1 without one.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    bindings: Option<u32>,
    /// How long the simulated cloud takes, compared with the real one: 1 is real time. Default: 1 for scenarios, 0.2 without one.
    #[arg(long)]
    time_scale: Option<f64>,
    /// How long each cloud call takes on its way, in milliseconds of real time.
    #[arg(long, default_value_t = u64::try_from(COST_MODEL.call.as_millis()).unwrap_or_default())]
    call_milliseconds: u64,
    /// How many more Pods there may be during a rollout, in percent.
    #[arg(long, default_value_t = USUAL_SURGE, value_parser = clap::value_parser!(u32).range(1..=100))]
    surge: u32,
    /// Requests per second to the first binding during a rollout, over new and kept connections; 0 for none.
    #[arg(long, default_value_t = 0)]
    load: u32,
}

/// Kubernetes' default.
const USUAL_SURGE: u32 = 25;

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
    bindings: u32,
    pods: u32,
    time_scale: f64,
    /// `debug` or `release`: what the controller was compiled as.
    build: &'static str,
    /// Cores of the machine.
    cores: usize,
    phases: Vec<Figures>,
    /// Empty where sizes or times are not the scenario's.
    comparison: Vec<Row>,
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

impl Setting {
    fn work(&self) -> Result<Work> {
        let Self { scenario, phases, pods, bindings, time_scale, .. } = *self;
        Wanted { scenario, pods, bindings, phases, time_scale }.work()
    }

    /// Whether nothing beside sizes and time scale was changed.
    fn is_usual(&self) -> bool {
        let call = u128::from(self.call_milliseconds);
        call == COST_MODEL.call.as_millis() && self.surge == USUAL_SURGE && self.load == 0
    }
}

async fn measure(setting: Setting, json_only: bool) -> Result<()> {
    let work = setting.work()?;
    let mut stage = Stage::start(&setting, &work).await?;
    let measured = phase::measure_all(&mut stage, &setting, &work).await;
    let log = stage.end().await;
    let phases = measured.with_context(|| format!("the controller's log ends with:\n{log}"))?;
    let scenario = setting.scenario.filter(|_| work.is_comparable && setting.is_usual());
    let results = Results {
        bindings: work.bindings,
        pods: work.pods(),
        time_scale: work.time_scale,
        build: if cfg!(debug_assertions) { "debug" } else { "release" },
        cores: std::thread::available_parallelism()?.get(),
        comparison: scenario.map(|scenario| peer::rows(scenario, &phases)).unwrap_or_default(),
        setting,
        phases,
    };
    if !json_only {
        println!("{}", table::table(&results));
    }
    println!("{}", serde_json::to_string(&results)?);
    let lost: u64 = results.phases.iter().filter_map(|figures| figures.traffic.as_ref()).map(|found| found.lost).sum();
    ensure!(lost == 0, "{lost} requests were lost");
    Ok(())
}
