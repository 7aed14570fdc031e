//! Serves a simulated CLB: the cloud's API over HTTP, and real traffic on loopback addresses.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tke_direct_access::sim::{
    Credentials, Departure, Fault, LoadBalancerSpec, Settings, Simulator, Timing, read_script,
};
use tokio::signal::unix::{SignalKind, signal};

/// Serves a simulated CLB: the cloud's API over HTTP, and real traffic on loopback addresses.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the API and the admin endpoint listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The address of the first load balancer, in 127.0.0.0/8; each further one takes the next free one.
    #[arg(long, default_value = "127.77.0.10")]
    data_plane_address: Ipv4Addr,
    /// The SecretId that requests must be signed with.
    #[arg(long, env = "TENCENTCLOUD_SECRET_ID", default_value = "AKIDsimulator")]
    secret_id: String,
    /// The SecretKey that requests must be signed with.
    #[arg(long, env = "TENCENTCLOUD_SECRET_KEY", hide_env_values = true, default_value = "simulator-secret-key")]
    secret_key: String,
    /// The only region that is served.
    #[arg(long, default_value = "ap-guangzhou")]
    region: String,
    /// Multiplies every duration of the cloud: 1 is real time, 0.1 ten times faster.
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    time_scale: f64,
    /// A YAML list of faults to inject.
    #[arg(long, value_name = "FILE")]
    fault_script: Option<PathBuf>,
    /// A load balancer that exists from the start, with listeners of somebody else: ID[,PROTOCOL:PORT…]. Repeatable.
    #[arg(long, value_name = "SPEC")]
    load_balancer: Vec<LoadBalancerSpec>,
    /// The cloud differs in this way from what is believed of it: a switch of docs/assumptions.md, such as tags-hidden. Repeatable.
    #[arg(long, value_name = "SWITCH")]
    dialect: Vec<Departure>,
    /// Every call of this action is refused with UnauthorizedOperation. Repeatable.
    #[arg(long, value_name = "ACTION")]
    deny: Vec<String>,
    /// Calls per second and action; 0 for no limit.
    #[arg(long, default_value_t = 20)]
    rate_limit: u32,
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if scale.is_finite() && scale >= 0.0 => Ok(scale),
        _ => Err("must be a number of 0 or more".to_owned()),
    }
}

fn faults(path: &Path) -> anyhow::Result<Vec<Fault>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_script(&text).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}

fn settings(arguments: Arguments) -> anyhow::Result<Settings> {
    Ok(Settings {
        listen: arguments.listen,
        data_plane_address: arguments.data_plane_address,
        credentials: Credentials { secret_id: arguments.secret_id, secret_key: arguments.secret_key, token: None },
        region: arguments.region,
        timing: Timing { scale: arguments.time_scale, ..Timing::default() },
        rate_per_second: (arguments.rate_limit > 0).then_some(arguments.rate_limit),
        dialect: arguments.dialect.into_iter().collect(),
        denied_actions: arguments.deny.into_iter().collect(),
        faults: arguments.fault_script.as_deref().map(faults).transpose()?.unwrap_or_default(),
        load_balancers: arguments.load_balancer,
        ..Settings::default()
    })
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let simulator = Simulator::start(settings(arguments)?).context("cannot start the simulator")?;
    // Signals are watched before anybody can know the address: whoever reads it may end the program at once.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // One line that a script can read, then nothing but logs on the other stream.
    writeln!(io::stdout(), "{}", simulator.endpoint())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    simulator.shutdown().await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
