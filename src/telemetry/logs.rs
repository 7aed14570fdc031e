//! How logs are written, and what no setting can make them say.

use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, Targets};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Our own programs and library: they never log a secret, at any level.
const OWN: [&str; 4] = ["tke_direct_access", "direct_access_controller", "clb_simulator", "kubectl_direct_access"];
/// Parts of the client of the API server that say no more than method, address, status, a path and the name of an error.
const HARMLESS: [&str; 3] = ["kube_client::client::builder", "kube_client::client::tls", "kube_runtime"];
/// The part of it that prints whole replies which it cannot read, Secrets among them. Whoever asked gets the error.
const BODIES: &str = "kube_client::client";

/// The fields of a line in JSON, with what they mean. Fields of a span stand in `span`, and in `spans` from the outermost inwards.
pub const FIELDS: &[(&str, &str)] = &[
    ("timestamp", "When, in UTC."),
    (
        "level",
        "`ERROR`: somebody has to act. `WARN`: it failed and will be tried again. `INFO`: something was changed. `DEBUG`: something was \
         read, or looked at.",
    ),
    ("message", "What happened."),
    ("target", "The part of the program that says so."),
    ("span", "The innermost span, with its fields and its `name`: `round`, `step` or `call`."),
    ("spans", "All spans, from the outermost inwards."),
    ("round", "In span `round`: the number of the round over this load balancer, from 1 since it is looked after."),
    ("load_balancer", "In span `round`: the load balancer. Absent while a binding has none."),
    ("region", "In span `round`: its region."),
    ("binding", "The binding, as namespace/name; in span `round` while it has no load balancer."),
    ("step", "In span `step`: what the round does to the load balancer."),
    ("action", "The action of the CLB API; in span `call` and in the line that ends the call."),
    ("request_id", "The cloud's id of the call that the line is about. Absent when no reply came, or it had none."),
    ("class", "The class of a failed call, as in errors.md."),
    ("code", "The cloud's error code, or one of ours that begins with `ClientError.`"),
    ("reply", "The cloud's words on a failed call."),
    ("failure", "What failed, in one sentence."),
    ("elapsed_ms", "How long it took, in milliseconds."),
    ("after_ms", "When the next round comes at the latest, in milliseconds."),
    ("steps", "How many steps the round had."),
    ("account", "The account of the cloud that the credentials belong to: the UIN of the main account."),
    ("task", "The cloud's task, which has the id of the call that started it."),
    ("listeners", "The listeners of which a batch failed in part."),
    ("error", "Why something failed that is not a call of the cloud."),
    ("pod", "The Pod, as namespace/name."),
    ("service", "The Service, as namespace/name."),
    ("secret", "The Secret, as namespace/name; never its content."),
    ("certificate", "The id of a certificate of the account."),
    ("ends", "When a certificate expires."),
    ("namespace", "A namespace."),
    ("name", "The name of an object; in `span` and `spans`, of the span."),
    ("kind", "The plural name of a kind of objects."),
    (
        "object",
        "What was written or repaired: the plural name of a kind, a part of gate injection, or the namespace and name of an object.",
    ),
    ("ready", "The status of the binding's condition Ready."),
    ("reason", "The reason of a condition, or of an Event."),
    ("note", "The message of an Event."),
    ("cause", "Why something was repaired, or why removals are held."),
    ("way_out", "What lets removals go on that are held."),
    ("deed", "What was done about it."),
    ("address", "Where something is served."),
    ("vpc", "The VPC of the cluster, in which load balancers are created whose spec names none."),
    ("source", "Who says which VPC the cluster is in."),
    ("ahead_seconds", "How far the cloud's clock is ahead of this machine's."),
];

/// Starts logging to standard error; `RUST_LOG` chooses what, `info` by default. Repeating it changes nothing.
///
/// Other people's libraries say at most what they say at level `info`, whatever `RUST_LOG` asks for: at finer levels some print
/// headers or whole bodies, and what the next version prints nobody knows.
pub fn install_logs(as_json: bool) {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let logs = tracing_subscriber::registry();
    // An error says that logging is on already.
    let _ = if as_json {
        logs.with(lines.json().flatten_event(true).with_filter(capped(wanted))).try_init()
    } else {
        logs.with(lines.with_filter(capped(wanted))).try_init()
    };
}

fn capped<S: Subscriber + for<'a> LookupSpan<'a>>(wanted: EnvFilter) -> impl Filter<S> {
    wanted.and(cap())
}

/// The most that each part may say.
fn cap() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target(BODIES, LevelFilter::OFF)
        .with_targets(HARMLESS.map(|target| (target, LevelFilter::DEBUG)))
        .with_targets(OWN.map(|target| (target, LevelFilter::TRACE)))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn others_are_capped_and_bodies_are_never_printed() {
        let cap = cap();
        for (target, level, expected) in [
            ("tke_direct_access::clb::client", Level::TRACE, true),
            ("direct_access_controller", Level::TRACE, true),
            ("hyper::proto::h1::role", Level::INFO, true),
            ("hyper::proto::h1::role", Level::DEBUG, false),
            ("h2::codec::framed_write", Level::DEBUG, false),
            ("reqwest::connect", Level::TRACE, false),
            ("rustls::client::hs", Level::DEBUG, false),
            ("kube_client::client", Level::ERROR, false),
            ("kube_client::client::builder", Level::DEBUG, true),
            ("kube_client::client::builder", Level::TRACE, false),
            ("kube_client::client::tls", Level::WARN, true),
            ("kube_runtime::watcher", Level::DEBUG, true),
        ] {
            assert_eq!(cap.would_enable(target, &level), expected, "{target} {level}");
        }
    }
}
