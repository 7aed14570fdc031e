//! The controller's command line.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand, ValueEnum};
use tke_direct_access::clb::rights::{Purpose, actions, policy};
use tke_direct_access::clb::{Renewer, Source};
use tke_direct_access::operator::{KeyMetrics, Operator, Settings};
use tke_direct_access::stdout::print;
use tke_direct_access::webhook::{self, Webhook};
use tke_direct_access::{api, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Binds the Pods of Services directly as backends of Tencent Cloud CLB load balancers.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the controller. Credentials come from the first of these that is there: TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and,
    /// for temporary ones, TENCENTCLOUD_TOKEN; files of these names; the role that TKE gives the Pod (TKE_ROLE_ARN); the role of the
    /// machine. The cluster comes from KUBECONFIG or the service account.
    Run(Box<Run>),
    /// Prints the custom resource definitions as YAML.
    Crd,
    /// Prints a CAM policy for the credentials of the controller as JSON: the actions that it calls, and no others.
    CamPolicy {
        /// What bindings are used for; each value has the rights of those before it.
        #[arg(long = "for", value_enum, default_value_t = Purpose::LoadBalancers)]
        purpose: Purpose,
    },
}

#[derive(clap::Args)]
struct Run {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    webhook: webhook::Settings,
    /// How logs are written.
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For reading.
    Text,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Crd => api::crds_yaml().map_err(anyhow::Error::from).and_then(|yaml| Ok(print(&yaml)?)),
        Command::CamPolicy { purpose } => {
            print(&format!("{:#}\n", policy(actions(purpose)))).map_err(anyhow::Error::from)
        }
        Command::Run(run) => controller(*run).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("direct-access-controller: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn controller(mut run: Run) -> anyhow::Result<()> {
    telemetry::install_crypto();
    telemetry::install_logs(matches!(run.log_format, LogFormat::Json));
    let key_metrics = KeyMetrics::default();
    let source = Source::choose(&run.settings.sources(), |name| std::env::var(name).ok())?;
    let (mut renewer, credentials) = Renewer::new(source, Arc::new(key_metrics.clone()));
    renewer.begin().await?;
    let config = kube::Config::infer().await?;
    let stop = CancellationToken::new();
    // One name in the Lease and in all Events.
    let identity = run.settings.identity.get_or_insert_with(|| format!("controller-{}", uuid::Uuid::new_v4())).clone();
    let operator = Operator::start(&run.settings, config, credentials, stop.clone()).await?;
    tracing::info!(address = %operator.address(), "probes and metrics are served");
    let (stores, synced) = operator.stores();
    let namespace = run.settings.lease_namespace.clone();
    let surroundings = webhook::Surroundings { client: operator.client(), stores, synced, namespace, identity };
    let webhook = Webhook::bind(run.webhook, surroundings)?;
    operator.metrics().register(|registry| webhook.metrics().register(registry));
    operator.metrics().register(|registry| key_metrics.register(registry));
    let readiness = webhook.readiness();
    operator.not_ready_while(move || (!readiness.is_ready()).then_some("the webhook has no certificate yet"));
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let injecting = async {
        let ended = webhook.run(stop.clone()).await;
        stop.cancel();
        ended.map_err(anyhow::Error::from)
    };
    let operating = async {
        operator.run().await;
        stop.cancel();
    };
    let both = async {
        let ((), injected, _) = tokio::join!(operating, injecting, stop.run_until_cancelled(renewer.keep()));
        injected
    };
    let mut running = std::pin::pin!(both);
    tokio::select! {
        result = &mut running => return result,
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    stop.cancel();
    running.await
}
