//! The documentation of errors is what the code does: `UPDATE=1 cargo test --test docs` writes it.

use std::fmt::Write;

use tke_direct_access::clb::error::table;
use tke_direct_access::model::Class;
use tke_direct_access::status::reason_of;

use super::generated::generated;
use super::page::Page;

const FILE: &str = "docs/errors.md";

/// What the controller does, and TKE's own codes for the same (page 457/81004; those of Ingresses are marked).
fn handling(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::NotFound => (
            "takes it for done when something was to go; else reads again and reports what is missing",
            "E4011, E4018 (Ingress)",
        ),
        Class::Busy => ("tries again after 0.1 s and then ever later, up to a minute", "retried without a code"),
        Class::Throttled => ("waits a second and tries again, then longer, up to a minute", "E4000 (Ingress)"),
        Class::Quota => (
            "reports it and tries again after 5 s and then ever later, up to a minute",
            "E4004, E4003, E4005, E4054 (Ingress)",
        ),
        Class::Conflict => (
            "reports it and tries again after 1 s and then ever later, up to a minute; what works goes on",
            "E4014, E4036, E4101 (Ingress)",
        ),
        Class::Denied => (
            "reports it and tries again after 5 s and then ever later, up to a minute",
            "E4001, E4007 and E4008 (Ingress)",
        ),
        Class::Arrears => (
            "reports it and tries again after 5 s and then ever later, up to a minute",
            "E4009, E4027 and E4074 (Ingress)",
        ),
        Class::Invalid => (
            "reports it with the cloud's words and tries again after 5 s and then ever later, up to a minute; refused settings hold up nothing else",
            "E4005, E4024 to E4026 (Ingress)",
        ),
        Class::Unreachable => ("leaves everything as it is, and reads first when it can be reached again", "E6006"),
        Class::Transient => ("reads again before every further try, with growing pauses of up to 60 s", "E5003, E5009"),
    }
}

/// What to do next, with the command, field or page that it is done by; `None` where the condition's own words say so.
const fn next_step(class: Class) -> Option<&'static str> {
    Some(match class {
        Class::NotFound => {
            "correct `loadBalancer.id`, `loadBalancer.region`, `listenerId` or the certificate that the message names, or make it again; of a \
             deletion nothing is to be done"
        }
        Class::Busy => {
            "wait; after ten minutes, see in CloudAudit of the console who else changes the load balancer, and stop one of the two: \
             `service.cloud.tencent.com/mode: skip` keeps TKE's service controller away"
        }
        Class::Throttled => {
            "wait; when it lasts, set `--clb-rate` lower, here and in the other programs of the account; `direct_access_clb_calls_total` \
             counts the calls of this one"
        }
        Class::Quota => {
            "have the quota that the message names raised in the console, or bind fewer Pods or listeners; `kubectl direct-access doctor` \
             shows what is used of it"
        }
        Class::Conflict => return None,
        Class::Denied => {
            "allow the action that the message names, see [security.md](security.md#rights-in-tencent-cloud), or correct the Secret and \
             restart the controller"
        }
        Class::Arrears => "pay what is open in the billing center of the console; the controller looks again by itself",
        Class::Invalid => {
            "correct the field of the binding, or the entry of the TkeServiceConfig (`status.configProblems`), that the cloud's words \
             name; `kubectl direct-access plan` shows the call. Of targets (`BatchRegisterTargets`; `FailListenerIdSet` is the member of its \
             reply that lists their listeners), see that the Pods' addresses are in the VPC of the load balancer, or in one that it reaches"
        }
        Class::Unreachable => {
            "see that the controller's Pods reach the host of `--clb-endpoint` at port 443, by their proxy if there is one; \
             `kubectl direct-access doctor` asks the same from where you are"
        }
        Class::Transient => {
            "wait; after ten minutes, give Tencent Cloud's support the request id that stands beside the code in \
             `kubectl -n tke-direct-access logs deployment/direct-access-controller`"
        }
    })
}

fn document() -> String {
    let mut text = String::from(
        "# Errors of the cloud\n\nWhat each error of the CLB API means to the controller. Conditions carry the cloud's code and words; the \
         reason is the class's, and the\nlogs have the request id. Written from the code by `UPDATE=1 cargo test --test docs`.\n\n\
         ## Classes\n\n| class | condition reason | what the controller does | what to do | TKE's own codes |\n|---|---|---|---|---|\n",
    );
    for class in Class::ALL {
        let (does, theirs) = handling(class);
        let reason = reason_of(class);
        let next = next_step(class).unwrap_or_else(|| reason.remedy());
        writeln!(text, "| {} | {reason} | {does} | {next} | {theirs} |", class.as_str()).unwrap();
    }
    text.push_str("\n## Codes\n\nThe first row that fits decides; a code that fits none is transient.\n\n| code | class |\n|---|---|\n");
    for (words, class) in table() {
        writeln!(text, "| {words} | {} |", class.as_str()).unwrap();
    }
    text
}

#[test]
fn the_documentation_of_errors_is_what_the_code_does() {
    generated(FILE, &document());
}

/// The cells of the tables of a page whose last column says what to do.
fn steps(page: &str) -> Vec<(String, String)> {
    let (mut is_asked, mut steps) = (false, Vec::new());
    for (_, line) in &Page::read(page).prose {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        match cells.as_slice() {
            [.., "do"] => is_asked = true,
            [first, .., last] if is_asked && line.starts_with('|') && !first.starts_with("---") => {
                steps.push(((*first).to_owned(), (*last).to_owned()));
            }
            _ => is_asked &= line.starts_with("|---"),
        }
    }
    steps
}

/// "Correct what is wrong" helps nobody: each step names a command, a field or a page.
#[test]
fn every_trouble_has_a_next_step_that_names_something() {
    let of_classes =
        Class::ALL.into_iter().filter_map(|class| Some((class.as_str().to_owned(), next_step(class)?.to_owned())));
    let steps: Vec<_> = steps("docs/troubleshooting.md").into_iter().chain(of_classes).collect();
    assert!(steps.len() > 60, "{}", steps.len());
    let names = |step: &str| step.contains('`') || step.contains("](") || step.contains("the console");
    let empty: Vec<_> = steps.iter().filter(|(_, step)| !names(step)).collect();
    assert!(empty.is_empty(), "{empty:#?}");
}
