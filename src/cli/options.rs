//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::api::names;
use crate::plan::vpc::read_id;

/// What the short help ends with.
const AFTER_HELP: &str = "`--help` shows the options of all commands, and what exit codes mean.";
/// What the long one ends with.
const AFTER_LONG_HELP: &str = "\
Exit codes: 0 all is well, and `plan` has nothing to do; 1 the command failed; 2 `plan` would change something, `explain` found a \
broken link, or `doctor` found something wrong; 3 `plan` found what can never work as it is written, such as a field that nobody \
knows, what the API server refuses, a port that another has, or what does not exist.

Weights and health are read from CLB with TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY. Without them, commands go by what the \
controller has written down.

`kubectl direct-access completion` prints what completes the arguments in every shell that kubectl is completed in.";

/// Shows and explains DirectAccessBindings: Pods of a Service bound directly to a Tencent Cloud CLB load balancer.
#[derive(Parser)]
#[command(
    name = "kubectl direct-access",
    bin_name = "kubectl direct-access",
    version,
    about,
    after_help = AFTER_HELP,
    after_long_help = AFTER_LONG_HELP
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) global: Global,
}

/// What holds for all commands.
#[derive(Args)]
pub(super) struct Global {
    /// Namespace; that of the context when it is not given.
    #[arg(short, long, global = true)]
    pub(super) namespace: Option<String>,
    /// Context of the kubeconfig; the current one when it is not given.
    #[arg(long, hide_short_help = true, global = true)]
    pub(super) context: Option<String>,
    /// Kubeconfig; that of KUBECONFIG, or ~/.kube/config, when it is not given.
    #[arg(long, hide_short_help = true, global = true)]
    pub(super) kubeconfig: Option<PathBuf>,
    /// No colours, also on a terminal.
    #[arg(long, hide_short_help = true, global = true)]
    pub(super) no_color: bool,
    /// Region of bindings that name none.
    #[arg(long, hide_short_help = true, global = true, env = "TENCENTCLOUD_REGION", default_value = "ap-guangzhou")]
    pub(super) region: String,
    /// Address of the CLB API instead of the public one.
    #[arg(long, hide_short_help = true, global = true, env = "CLB_ENDPOINT")]
    pub(super) clb_endpoint: Option<String>,
    /// Namespace that the controller runs in. When it is not given, that of the controller's Lease where you may look for it in all
    /// namespaces, else tke-direct-access.
    #[arg(long, hide_short_help = true, global = true)]
    pub(super) controller_namespace: Option<String>,
    /// The controller's --vpc-id.
    #[arg(long, hide_short_help = true, global = true, env = "VPC_ID", value_parser = read_id)]
    pub(super) vpc_id: Option<String>,
    /// The controller's --cluster-network.
    #[arg(long, hide_short_help = true, global = true, value_enum, default_value_t = Network::VpcCni)]
    pub(super) cluster_network: Network,
    /// The controller runs with --host-network=Allow.
    #[arg(long, hide_short_help = true, global = true)]
    pub(super) host_network: bool,
}

/// The network of Pods that say nothing of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(super) enum Network {
    /// Network interfaces of the VPC.
    VpcCni,
    /// Addresses outside of the VPC's subnets, routed to nodes.
    GlobalRouter,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Shows bindings with their targets: where each Pod is registered, with what weight, and what CLB says of its health.
    #[command(override_usage = "kubectl direct-access get [OPTIONS] [NAME | dab/NAME]...")]
    Get(Get),
    /// Shows what would be called in CLB, to the end, and calls nothing. Exit code 2 when there is something, 3 when something can never
    /// work as it is written.
    #[command(override_usage = "kubectl direct-access plan [OPTIONS] [NAME | dab/NAME]...
       kubectl direct-access plan [OPTIONS] -f FILE [NAME | dab/NAME]...")]
    Plan(Plan),
    /// Shows the chain from a Pod's Service to its readiness gate, and names the first broken link; of Deployments, Services (svc) and
    /// bindings (dab), that of each of their Pods.
    #[command(override_usage = "kubectl direct-access explain [OPTIONS] POD | KIND/NAME | KIND NAME
       KIND is pod, deployment, statefulset, daemonset, replicaset, svc or dab")]
    Explain(Explain),
    /// Checks what the controller needs: definitions, rights, webhook, certificate, switches, credentials, quota.
    Doctor(Doctor),
    /// Takes Pods out of service: weight 0, no new connections. They stay ready.
    #[command(override_usage = "kubectl direct-access drain [OPTIONS] pod/NAME
       kubectl direct-access drain --now [OPTIONS] KIND/NAME... | KIND NAME...")]
    Drain(Drain),
    /// Has a binding that was made again take the place of the former one of its name: finds what that has left on the load balancer,
    /// shows it, asks, and writes the annotation by which the controller goes by its marks.
    #[command(override_usage = "kubectl direct-access adopt [OPTIONS] NAME | dab/NAME")]
    Adopt(Adopt),
    /// Has the controller change nothing of a binding in CLB until it is resumed.
    #[command(override_usage = "kubectl direct-access suspend [OPTIONS] NAME | dab/NAME")]
    Suspend(Binding),
    /// Ends a suspension.
    #[command(override_usage = "kubectl direct-access resume [OPTIONS] NAME | dab/NAME")]
    Resume(Binding),
    /// Has the controller look at a binding now, and waits until it has.
    #[command(override_usage = "kubectl direct-access reconcile [OPTIONS] NAME | dab/NAME")]
    Reconcile(Waiting),
    /// Follows a binding while its Pods are replaced: old and new Pods, gates, weights and health. Ends with Ctrl-C, and says then how
    /// long it took and whether targets were lost.
    #[command(override_usage = "kubectl direct-access watch [OPTIONS] NAME | dab/NAME")]
    Watch(Watch),
    /// Prints the executable by which kubectl completes the arguments of this command, in every shell: save it as
    /// kubectl_complete-direct_access in a folder of PATH.
    Completion,
    /// Prints what may stand in the place of the last word.
    #[command(name = "__complete", hide = true)]
    Complete(Complete),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

#[derive(Args)]
pub(super) struct Get {
    /// Names of bindings, as NAME, dab/NAME or dab NAME; all when none is given.
    #[arg(value_parser = binding_name)]
    pub(super) names: Vec<String>,
    /// In all namespaces.
    #[arg(short = 'A', long)]
    pub(super) all_namespaces: bool,
    /// Only what is not as it should be: bindings with something to do or to wait for, and their troubled targets.
    #[arg(long)]
    pub(super) problems: bool,
    /// JSON or YAML instead of a table.
    #[arg(short, long)]
    pub(super) output: Option<Format>,
}

#[derive(Args)]
pub(super) struct Plan {
    /// Names of bindings, as NAME, dab/NAME or dab NAME; all when none is given.
    #[arg(value_parser = binding_name)]
    pub(super) names: Vec<String>,
    /// In all namespaces.
    #[arg(short = 'A', long)]
    pub(super) all_namespaces: bool,
    /// A file with bindings, TkeServiceConfigs and Services as they might be applied; - reads standard input. What an earlier file said
    /// and this one does not is planned to go, as `kubectl apply` has it. What nobody knows in it, and what the API server would refuse,
    /// is named, and nothing is written.
    #[arg(short, long, conflicts_with = "all_namespaces")]
    pub(super) filename: Option<PathBuf>,
    /// Shows what is of other bindings on the same load balancers too.
    #[arg(long)]
    pub(super) all: bool,
    /// JSON or YAML instead of text.
    #[arg(short, long)]
    pub(super) output: Option<Format>,
}

#[derive(Args)]
pub(super) struct Explain {
    /// A Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Service or binding, as KIND/NAME or KIND NAME, or the name of a Pod.
    #[arg(required = true, value_name = "OBJECT", num_args = 1..=2)]
    pub(super) object: Vec<String>,
    /// JSON or YAML instead of text.
    #[arg(short, long)]
    pub(super) output: Option<Format>,
}

#[derive(Args)]
pub(super) struct Doctor {
    /// Says instead what stands in the way of an uninstallation.
    #[arg(long)]
    pub(super) uninstall: bool,
    /// JSON or YAML instead of text.
    #[arg(short, long)]
    pub(super) output: Option<Format>,
}

#[derive(Args)]
pub(super) struct Drain {
    /// The Pod, as pod/NAME; with --now also several, or workloads, as KIND/NAME or as one KIND and names.
    #[arg(required = true, value_name = "POD")]
    pub(super) targets: Vec<String>,
    /// All of these together: Pods, or the Pods that a Deployment, StatefulSet, DaemonSet or ReplicaSet has at this moment. Shows
    /// the weights before and after.
    #[arg(long)]
    pub(super) now: bool,
    /// Puts the Pods back into service.
    #[arg(long)]
    pub(super) undo: bool,
    /// Seconds to wait until CLB shows it, 60 when it is not given, and 30 with --now; 0 does not wait.
    #[arg(long)]
    pub(super) timeout_seconds: Option<u64>,
}

#[derive(Args)]
pub(super) struct Binding {
    /// Name of the binding, as NAME or dab/NAME.
    #[arg(value_parser = binding_name)]
    pub(super) name: String,
}

#[derive(Args)]
pub(super) struct Adopt {
    /// Name of the binding, as NAME or dab/NAME.
    #[arg(value_parser = binding_name)]
    pub(super) name: String,
    /// UID of the former binding, where several have left something; may be given several times.
    #[arg(long)]
    pub(super) uid: Vec<String>,
    /// Does not ask.
    #[arg(short, long)]
    pub(super) yes: bool,
}

#[derive(Args)]
pub(super) struct Waiting {
    /// Name of the binding, as NAME or dab/NAME.
    #[arg(value_parser = binding_name)]
    pub(super) name: String,
    /// Seconds to wait for the controller.
    #[arg(long, default_value_t = 60)]
    pub(super) timeout_seconds: u64,
}

#[derive(Args)]
pub(super) struct Watch {
    /// Name of the binding, as NAME or dab/NAME.
    #[arg(value_parser = binding_name)]
    pub(super) name: String,
    /// Ends once the binding is ready and all its Pods are of the newest template.
    #[arg(long)]
    pub(super) until_ready: bool,
    /// Milliseconds between two looks at CLB.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(100..=60000))]
    pub(super) interval_milliseconds: u64,
}

#[derive(Args)]
pub(super) struct Complete {
    /// The words of the command line, the last of which may be empty.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) words: Vec<String>,
}

/// Whether this is how kubectl calls the kind of bindings.
pub(super) fn is_binding_kind(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let kind = word.strip_suffix(names::GROUP).and_then(|kind| kind.strip_suffix('.')).unwrap_or(&word);
    ["dab", "directaccessbinding", "directaccessbindings"].contains(&kind)
}

/// The name of a binding, with or without its kind before it.
fn binding_name(word: &str) -> Result<String, String> {
    match word.split_once('/') {
        Some((kind, name)) if is_binding_kind(kind) => Ok(name.to_owned()),
        Some((kind, _)) => Err(format!("'{kind}' is no DirectAccessBinding; write its name alone, or dab/NAME")),
        None => Ok(word.to_owned()),
    }
}

/// The names of bindings that are asked for: the kind may come first, as in `get dab web`, unless there is a binding of that name.
pub(super) fn without_kind(words: &[String], is_there: impl Fn(&str) -> bool) -> &[String] {
    match words {
        [first, others @ ..] if is_binding_kind(first) && !is_there(first) => others,
        all => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_are_named_with_and_without_their_kind() {
        for (word, expected) in [
            ("web", Some("web")),
            ("dab/web", Some("web")),
            ("DirectAccessBinding/web", Some("web")),
            ("directaccessbindings.cloud.tencent.com/web", Some("web")),
            ("service/web", None),
        ] {
            assert_eq!(binding_name(word).ok().as_deref(), expected, "{word}");
        }
        for (words, expected) in [
            (&["dab", "web", "other"][..], &["web", "other"][..]),
            (&["dab"], &[]),
            (&["web", "dab"], &["web", "dab"]),
            (&["directaccessbinding", "web"], &["directaccessbinding", "web"]),
        ] {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(without_kind(&words, |name| name == "directaccessbinding"), expected);
        }
    }
}
