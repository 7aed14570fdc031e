//! `docs/conditions.md`: every word that statuses and Events use, from the vocabularies.

use std::fmt::Write;

use tke_direct_access::api::advice::AdviceReason;
use tke_direct_access::api::condition::{
    ChangeReason, ConditionType, ConfigProblem, ExclusionReason, GateReason, Reason,
};
use tke_direct_access::api::course::{Course, Grace, Teller};
use tke_direct_access::api::event::{EventReason, ServiceReason};

use super::generated::generated;
use super::page::pages;

const FILE: &str = "docs/conditions.md";

/// A word, what it means, what to do, and what else its table tells.
type Row = (&'static str, &'static str, &'static str, Vec<String>);

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
        EventReason::SettingsLeft => "TkeServiceConfig",
        EventReason::ConfigProblems => "DirectAccessBinding, TkeServiceConfig",
        EventReason::Created | EventReason::Repaired | EventReason::Removed => {
            "Secret, webhook configuration, admission policy and its binding"
        }
        EventReason::Renewed => "Secret",
        EventReason::HoldUnreadable => "the controller's ConfigMap",
        EventReason::GateClosed => "Pod; DirectAccessBinding for the rest of many",
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
        &reasons_opening(),
        &["while Ready is not True", "Event"],
        &rows!(Reason, outlook),
    );
    table(
        &mut text,
        "Advice",
        "In `status.advice` of bindings: what is worth knowing and makes no condition False, with the number of Pods that it is about and the \
         names of some.",
        &[],
        &rows!(AdviceReason),
    );
    let opens = |reason: GateReason| vec![if reason.opens() { "open" } else { "closed" }.to_owned()];
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
        let words = match (reason, reason.is_warning()) {
            (ServiceReason::NotReady, _) => "False, with an Event of the type that the binding's reason has",
            (ServiceReason::FormerBinding, _) => "False, with an Event",
            (_, true) => "False, with a Warning",
            (_, false) => "True, no Event",
        };
        vec![words.to_owned()]
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

fn reasons_opening() -> String {
    let minutes = |grace: Grace| grace.length().as_secs() / 60;
    format!(
        "The reason of Ready is that of the first condition that does not hold. What it makes of the binding: `Reconciling`, it gets there \
         by itself;\n`Stalled`, somebody has to act; neither, it is as a user wishes it; and where a time stands, `Reconciling` for so long, \
         and then `Stalled`. What a\nbinding names and does not exist may be on its way for {} minutes, because objects of one release \
         arrive in any order; Pods that are ready and not\nhealthy, and a workload without a Pod that can serve, for {} minutes, which is \
         the `progressDeadlineSeconds` that a Deployment has by default. The first\ntime counts since `ResolvedRefs` is not True, the other since \
         `TargetsHealthy` is not; of unhealthy Pods that count whose containers have been ready for so long,\nso a long rollout is no \
         failure. What is tried again, or ends with tasks or Pods that are on\ntheir way, has {} minutes, since the binding has had such a \
         reason; another generation of it begins anew.",
        minutes(Grace::Reference),
        minutes(Grace::Progress),
        minutes(Grace::Recovery)
    )
}

/// What becomes of a binding that is not Ready for a reason, and the type of the Event.
fn outlook(reason: Reason) -> Vec<String> {
    let Some((course, severity)) = reason.outlook() else { return vec!["–".to_owned(), "Normal".to_owned()] };
    let course = match course {
        Course::Moves => "`Reconciling`".to_owned(),
        Course::MovesFor(grace) => format!("`Stalled` after {} s", grace.length().as_secs()),
        Course::Stuck => "`Stalled`".to_owned(),
        Course::Rests => "neither".to_owned(),
    };
    let teller = match reason.teller() {
        Teller::Binding => "",
        Teller::RefusedWrite => ", of each write",
        Teller::Service => ", on the Service",
    };
    vec![course, format!("{}{teller}", severity.as_str())]
}

fn events(text: &mut String) {
    let kind = |reason: EventReason| match (reason, reason.is_warning()) {
        (EventReason::GateClosed, _) => "Normal; Warning after 5 minutes, and at once where somebody has to act",
        (_, true) => "Warning",
        (_, false) => "Normal",
    };
    let more = |reason: EventReason| vec![kind(reason).to_owned(), object(reason).to_owned()];
    let opening = "\
`kubectl get events --field-selector involvedObject.name=<name>` or `kubectl describe` shows them. Events are a courtesy: what they \
say is in\nthe status, too, and Kubernetes forgets them after an hour. They come from `cloud.tencent.com/direct-access-controller` and \
`cloud.tencent.com/direct-access-webhook`.

Besides those of the table: whenever status or reason of a binding's condition Ready changes, there is an Event on the binding with \
the new\nreason, one of the [reasons of conditions](#reasons-of-conditions), which says the type; while the binding is Stalled it is a \
Warning.\nAn Event with the same reason and type is told once in 30 seconds; `AttributesCorrected` always.";
    table(text, "Events", opening, &["type", "object"], &rows!(EventReason, more));
}

#[test]
fn the_documentation_of_conditions_is_what_the_code_says() {
    generated(FILE, &document());
}

/// A sentence that sends its reader to advice names reasons of advice, and one that names a condition names reasons of conditions.
#[test]
fn pages_name_reasons_with_the_place_that_has_them() {
    let named = regex::Regex::new(r"reasons? `([A-Z]\w+)`(?: (?:or|and) `([A-Z]\w+)`)?").unwrap();
    let condition = regex::Regex::new(r"`(Accepted|ResolvedRefs|Programmed|Healthy|Ready)` (False|Unknown)").unwrap();
    let message = regex::Regex::new(r"message of [^;|]*`Accepted`").unwrap();
    let (mut faults, mut places) = (Vec::new(), 0);
    for page in pages() {
        let lines: Vec<_> = page.prose.iter().map(|(_, line)| line.trim()).collect();
        let text = lines.join(" ");
        for sentence in text.split(". ").flat_map(|sentence| sentence.split("; ")) {
            let is_of_advice = sentence.contains("`status.advice`");
            let words: Vec<_> =
                named.captures_iter(sentence).flat_map(|found| [found.get(1), found.get(2)]).flatten().collect();
            for word in words.iter().map(|word| word.as_str()) {
                let is_right = match (is_of_advice, condition.is_match(sentence)) {
                    (true, _) => word.parse::<AdviceReason>().is_ok(),
                    (false, true) => word.parse::<Reason>().is_ok(),
                    (false, false) => continue,
                };
                places += 1;
                faults.extend((!is_right).then(|| format!("{}: {word}: {sentence}", page.name)));
            }
            // What is no fault is no message of a condition, but advice.
            if message.is_match(sentence) && words.is_empty() {
                faults.push(format!("{}: which reason? {sentence}", page.name));
            }
        }
    }
    assert!(places >= 3, "{places} places were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
