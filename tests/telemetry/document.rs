//! `docs/metrics.md` is what the code says: `UPDATE=1 cargo test --test telemetry document::` writes it.

use std::fmt::Write;
use std::path::Path;

use tke_direct_access::telemetry::FIELDS;
use tke_direct_access::telemetry::catalog::{ALL, Family, Kind, Values};

const FILE: &str = "docs/metrics.md";

const METRICS: &str = "# Metrics and logs\n\nWritten from the code by `UPDATE=1 cargo test --test telemetry document::`.\n\n## Metrics\n\n\
    Every replica serves `/metrics` in the OpenMetrics text format on the address of `--listen`, port 8080 by default. Rounds are run by the \
    leader alone, so that\nsums over replicas are true: where another replica leads, gauges of bindings and targets are 0 or absent. No label \
    holds the name of an object, so that the number of series\ndoes not grow with the cluster.\n\n\
    Names, labels and meanings of controller-runtime are kept where they are true here; `controller` and `name` are \
    `directaccessbinding`, and what waits in the queue and is worked\non is a load balancer with all its bindings. Left out are \
    `controller_runtime_terminal_reconcile_errors_total`, because no error is final here, and\n`controller_runtime_reconcile_panics_total` \
    and `rest_client_request_duration_seconds`, which nothing here measures.\n\n\
    Ready-made alarms and a dashboard are in `deploy/monitoring`; what to do about each alarm is in [runbooks.md](runbooks.md).\n\n\
    | metric | type | labels | meaning |\n|---|---|---|---|\n";

const LOGS: &str = "\n## Logs\n\nLogs go to standard error, one JSON object per line, or for reading with `--log-format=text`. `RUST_LOG` chooses what is \
    logged, such as `debug` or\n`info,tke_direct_access::clb=debug`; `info` by default. At `info` a round that changes nothing logs nothing. \
    At `debug` every read of the cloud and every round is logged.\n\n\
    No level shows a secret. Libraries other than this project's own say at most what they say at `info`, whatever `RUST_LOG` asks for, since some \
    print headers or whole bodies at\nfiner levels; of `kube_client::client::builder` and `kube_runtime` also `debug` can be had, which is method, address and \
    status. `kube_client::client` itself is\noff: it prints replies that it cannot read. In what the cloud says, the controller's own key and signature are \
    replaced by `…`.\n\n\
    | field | meaning |\n|---|---|\n";

fn series(family: &Family) -> String {
    let ending = if family.kind == Kind::Counter { "_total" } else { "" };
    format!("{}{ending}", family.name)
}

fn labels(family: &Family) -> String {
    let label = |label: &tke_direct_access::telemetry::catalog::Label| {
        let words = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ");
        let values = match label.values {
            Values::Words(all) => words(all),
            Values::Vocabulary(all) => words(&all()),
            Values::Status => "the HTTP status, or `<error>`".to_owned(),
            Values::Fixed(what) => what.to_owned(),
        };
        format!("**{}**: {values}", label.name)
    };
    family.labels.iter().map(label).collect::<Vec<_>>().join("; ")
}

fn document() -> String {
    let mut text = METRICS.to_owned();
    for family in ALL {
        let (kind, labels) = (family.kind.as_str(), labels(family));
        writeln!(text, "| `{}` | {kind} | {labels} | {}. |", series(family), family.meaning).unwrap();
    }
    text.push_str(LOGS);
    for (field, meaning) in FIELDS {
        writeln!(text, "| `{field}` | {meaning} |").unwrap();
    }
    text
}

#[test]
fn the_document_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let expected = document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{FILE} is outdated; write it by UPDATE=1 cargo test --test telemetry document::");
}
