//! The documentation of errors is what the code does: `UPDATE=1 cargo test --test docs` writes it.

use std::fmt::Write;

use tke_direct_access::clb::error::table;
use tke_direct_access::model::Class;
use tke_direct_access::status::reason_of;

use super::generated::generated;

const FILE: &str = "docs/errors.md";

/// What to do about a class that has no reason of its own; the code's row says no more.
fn remedy(class: Class) -> &'static str {
    match class {
        Class::NotFound => {
            "Correct the id that the message names in the spec, or make the binding anew where its load balancer is gone. What the \
             controller itself has made it makes again."
        }
        Class::Invalid => {
            "The action in the message says which part is refused, and the cloud's words why: a listener or its settings \
             (`CreateListener`, `ModifyListener`, `ModifyDomainAttributes`, `ModifyRule`): correct the field in the binding or its \
             TkeServiceConfig. Targets (`BatchRegisterTargets`; `FailListenerIdSet` is the member of its reply that lists their listeners): \
             see that the Pods' addresses are in the VPC of the load balancer, or one that it reaches. Where nothing of yours is named, \
             report the words with the request id of the controller's log."
        }
        Class::Transient => {
            "Wait: it is tried again. When it lasts for minutes, report the code with the request id of the controller's log to Tencent \
             Cloud."
        }
        _ => reason_of(class).remedy(),
    }
}

/// What the controller does, and TKE's own codes for the same (page 457/81004; those of Ingresses are marked).
fn handling(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::NotFound => (
            "takes it for done when something was to go; else reads again and reports what is missing",
            "E4011, E4018 (Ingress)",
        ),
        Class::Busy => ("tries again after 0.5 s and then ever later, up to a minute", "retried without a code"),
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

fn document() -> String {
    let mut text = String::from(
        "# Errors of the cloud\n\nWhat each error of the CLB API means to the controller. Conditions carry the cloud's code and words; the \
         reason is the class's, and the\nlogs have the request id. Written from the code by `UPDATE=1 cargo test --test docs`.\n\n\
         ## Classes\n\n| class | condition reason | what the controller does | what to do | TKE's own codes |\n|---|---|---|---|---|\n",
    );
    for class in Class::ALL {
        let (does, theirs) = handling(class);
        let reason = reason_of(class);
        writeln!(text, "| {} | {reason} | {does} | {} | {theirs} |", class.as_str(), remedy(class)).unwrap();
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
