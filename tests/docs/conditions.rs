//! `docs/conditions.md`: every word that statuses and Events use, from the vocabularies.

use std::fmt::Write;

use tke_direct_access::api::condition::{
    ChangeReason, ConditionType, ConfigProblem, ExclusionReason, GateReason, Reason,
};
use tke_direct_access::api::event::{EventReason, ServiceReason};

use super::generated::generated;

const FILE: &str = "docs/conditions.md";

/// A word, what it means, what to do, and what else its table tells.
type Row = (&'static str, &'static str, &'static str, Vec<&'static str>);

macro_rules! rows {
    ($vocabulary:ident) => {
        rows!($vocabulary, |_| Vec::new())
    };
    ($vocabulary:ident, $more:expr) => {
        $vocabulary::ALL
            .iter()
            .map(|word| (word.as_str(), word.meaning(), word.remedy(), $more(*word)))
            .collect::<Vec<Row>>()
    };
}

/// The object that an Event is on.
const fn object(reason: EventReason) -> &'static str {
    match reason {
        EventReason::CreatingLoadBalancer
        | EventReason::CreatingListeners
        | EventReason::CreatingRules
        | EventReason::RegisteredTargets
        | EventReason::ReweightingTargets
        | EventReason::DeregisteredTargets
        | EventReason::AttributesCorrected
        | EventReason::DeletingRules
        | EventReason::DeletingListeners
        | EventReason::DeletingLoadBalancer
        | EventReason::UngatedPods => "DirectAccessBinding",
        EventReason::ConfigProblems => "DirectAccessBinding, TkeServiceConfig",
        EventReason::Created | EventReason::Repaired | EventReason::Removed => {
            "Secret, webhook configuration, admission policy and its binding"
        }
        EventReason::Renewed => "Secret",
        EventReason::HoldUnreadable => "the controller's ConfigMap",
        EventReason::AnnotatedServicesOff => "Service",
    }
}

fn table(text: &mut String, title: &str, opening: &str, columns: &[&str], rows: &[Row]) {
    write!(text, "\n## {title}\n\n{opening}\n\n| word | ").unwrap();
    columns.iter().for_each(|column| write!(text, "{column} | ").unwrap());
    writeln!(text, "meaning | what to do |\n|---|{}---|---|", "---|".repeat(columns.len())).unwrap();
    for (word, meaning, remedy, more) in rows {
        write!(text, "| `{word}` | ").unwrap();
        more.iter().for_each(|cell| write!(text, "{cell} | ").unwrap());
        writeln!(text, "{meaning} | {remedy} |").unwrap();
    }
}

fn document() -> String {
    let mut text = String::from(
        "# Conditions, reasons and Events\n\nEvery word that the controller writes into statuses and Events, what it means, and what to do. A spelling never \
         changes its meaning;\nlater versions may add words. Written from the code by `UPDATE=1 cargo test --test docs`.\n",
    );
    table(
        &mut text,
        "Condition types",
        "In `status.conditions` of bindings; a TkeServiceConfig has Accepted, Programmed and Ready.",
        &[],
        &rows!(ConditionType),
    );
    table(
        &mut text,
        "Reasons of conditions",
        "The reason of Ready is that of the first condition that does not hold.",
        &[],
        &rows!(Reason),
    );
    let opens = |reason: GateReason| vec![if reason.opens() { "open" } else { "closed" }];
    table(
        &mut text,
        "Reasons of the readiness gate",
        "Of the condition `cloud.tencent.com/load-balancer-backendgroup-ready` of a Pod. An open gate is never closed again for the same Pod.",
        &["gate"],
        &rows!(GateReason, opens),
    );
    table(
        &mut text,
        "Why a Pod is no target",
        "In `status.excluded`, with the number of Pods and the names of some.",
        &[],
        &rows!(ExclusionReason),
    );
    table(
        &mut text,
        "Reasons of changes",
        "Why a target, listener or rule is changed: in `kubectl direct-access plan`, in Events, in the log, and, for targets that \
         drain, in\n`status.draining`.",
        &[],
        &rows!(ChangeReason),
    );
    table(
        &mut text,
        "Problems of a TkeServiceConfig",
        "In `status.problems` of the config, and in `status.configProblems` of the bindings that use it.",
        &[],
        &rows!(ConfigProblem),
    );
    let service = |reason: ServiceReason| {
        vec![match reason {
            ServiceReason::Accepted | ServiceReason::BoundByOther => "True, no Event",
            _ => "False, with a Warning",
        }]
    };
    table(
        &mut text,
        "Services with TKE's annotations",
        "The condition `cloud.tencent.com/direct-access` of a Service, and the Event on the Service that comes with it: one for each thing \
         that the\nService does not get, and another one when its words change.",
        &["condition"],
        &rows!(ServiceReason, service),
    );
    events(&mut text);
    text
}

fn events(text: &mut String) {
    let more = |reason: EventReason| vec![if reason.is_warning() { "Warning" } else { "Normal" }, object(reason)];
    let opening = "\
`kubectl get events --field-selector involvedObject.name=<name>` or `kubectl describe` shows them. Events are a courtesy: what they \
say is in\nthe status, too, and Kubernetes forgets them after an hour. They come from `cloud.tencent.com/direct-access-controller` and \
`cloud.tencent.com/direct-access-webhook`.

Besides those of the table: whenever status or reason of a binding's condition Ready changes, there is an Event on the binding with \
the new\nreason, one of the [reasons of conditions](#reasons-of-conditions). It is a Warning while the binding is Stalled or Ready is \
Unknown, else\nNormal. A Normal Event with the same reason is told once in 30 seconds; `AttributesCorrected` always.";
    table(text, "Events", opening, &["type", "object"], &rows!(EventReason, more));
}

#[test]
fn the_documentation_of_conditions_is_what_the_code_says() {
    generated(FILE, &document());
}
