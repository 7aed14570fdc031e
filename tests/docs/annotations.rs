//! The documentation of annotations is what the code does: `UPDATE=1 cargo test --test docs` writes it.

use std::fmt::Write;

use tke_direct_access::plan::annotated::{KEYS, PARAMETERS, Treatment};
use tke_direct_access::plan::service_fields::{FIELDS, Fate};

use super::generated::generated;

const FILE: &str = "docs/annotations.md";

const UNREADABLE: &str = "
## What happens to a value that cannot be read

Unreadable is not absent: nothing that serves is taken away because of it. Unreadable are the wrong case (`True`), other words (`yes`), JSON with
a comma too many or a member twice, values of more than 16 KB, and empty values. A key that differs from a known one by letter case, hyphens,
its prefix, or by two letters at most, is a typing error: where the known one is not there, the annotation that it stands for is unreadable,
not absent. What the definition of DirectAccessBinding would refuse is found before it is written, and is unreadable too.

- **The Service has a binding**: what the annotation is about stays as it is. In `specify-protocol` that is the port whose entry cannot be
  read, and ports without an entry that another one may be meant for: one whose port is no number, or is none of the Service's and
  differs from theirs by one digit; in `lb-rs-weight` it is the Pods of the row.
- **It has none yet**: no load balancer is made while an annotation that only its creation can follow is unreadable, and no listener is
  made for a port whose entry is. The condition lists what keeps the binding from being made, and then what does not. An unreadable `loadbalance-retain` or `deletion-protection` counts as `\"true\"`.

## Where it is said

Nothing that a user writes is passed over. The Service's condition is True only when the Service gets all that it says; otherwise it names
annotation or field, value, and what to write instead. Each of these things is an Event on the Service once, and again when its words
change. They are in `status.advice` of the Service's binding, too, with reason `NoEffect`, where there is one.

| reason | what |
|---|---|
| `InvalidAnnotation` | values that cannot be read, changes of what only creation can set, and typing errors in keys |
| `NotSupported` | what can be read and has no effect: the annotations of [the list below](#known-and-not-acted-on), other keys of `service.cloud.tencent.com/` and of Ingresses, parts of an annotation that nothing uses, and [fields of the Service](#fields-of-the-service) that are not followed |
| `ConfigProblems` | entries of its TkeServiceConfig that cannot be followed for it, as `status.configProblems` of its binding has them |
| `NotAsked` | annotations of [the first list](#followed), or the class `cloud.tencent.com/direct-access`, on a Service that does not say `direct-access`, where TKE's own service controller is not at work and no binding is for it |
| `NotReady` | the binding of the Service, or the one that somebody has made for it, has not been ready for a minute, or will never be |
| `NotLoadBalancer` | `direct-access: \"true\"` on a Service of another type, also a headless one, with `--annotated-services=All` |

A Service that asks and is not taken by the flag `--annotated-services` keeps its status, and has one Event, `AnnotatedServicesOff`, unless TKE's
own service controller follows it.

## What ends direct access

Only a plain word does: `direct-access: \"false\"`, removing a `direct-access: \"true\"`, another type than LoadBalancer, or deleting the Service.
When a flag, TKE's ConfigMap or TKE's service controller changes, or somebody makes another binding for the Service, the Service's own binding
stays as it is, and the condition is `Held`.

With the Service goes the load balancer that was created for it, unless it is retained. In the other cases it is **parked**: it keeps its
address, serves nothing, and costs money. The condition `Parked` says its id, since when, and the command that deletes it; asking again uses it
at the same address.

**A Service that is made again** (`kubectl replace --force`, uninstall and install) is another Service: the binding of the former goes with that,
and the load balancer that was created for it, unless it is retained. The condition is `FormerBinding` until it is gone; then the Service gets a
binding of its own, and, where one is created, another load balancer at another address.

**A binding made by hand** (a DirectAccessBinding that names the Service and is not the Service's own) counts more than the annotations. A Service
that asks by annotation gets a load balancer of its own, which costs money, as soon as there is none: 5 s after the Service was made. So leave
the annotation out where you bind by hand. When that binding is deleted, the annotation alone makes no load balancer: the condition
`BindingDeleted` says how to ask for one, and the condition `cloud.tencent.com/direct-access-bound-by-hand` keeps it in mind. With
`tke-existed-lbid`, which costs nothing more, the annotations are followed.

**To another load balancer** (its id, region, network, billing and security groups cannot be changed): set `direct-access` to `\"false\"`, delete
the parked binding with the command of the condition, correct the annotations, and set `direct-access` to `\"true\"`. The Service is not served in
between, and its address changes.
";

fn document() -> String {
    let mut text = String::from(
        "# Annotations of Services\n\nTKE's annotations that are recognised on Services of type LoadBalancer, with `--annotated-services=OwnClass` or `All`, and the \
         rights of\n`deploy/components/annotated-services` (the chart's `annotatedServices` gives both). A value that cannot be\nread is named by the Service's condition `cloud.tencent.com/direct-access` and an Event, and everything else is followed. Written from \
         the code by\n`UPDATE=1 cargo test --test docs`.\n",
    );
    text.push_str(UNREADABLE);
    for (treatment, title) in [
        (Treatment::Applied, "Followed"),
        (Treatment::Ignored, "Known, and not acted on"),
        (Treatment::Written, "Written by controllers"),
    ] {
        if treatment == Treatment::Ignored {
            ignored(&mut text, title);
            continue;
        }
        writeln!(text, "\n## {title}\n\n| annotation | what becomes of it |\n|---|---|").unwrap();
        for key in KEYS.iter().filter(|key| key.treatment == treatment) {
            writeln!(text, "| `{}` | {} |", key.name, key.meaning).unwrap();
        }
        if treatment == Treatment::Applied {
            text.push_str(
                "\nThe parameters of `service.extensiveParameters`:\n\n| parameter | what it says |\n|---|---|\n",
            );
            for (name, meaning) in PARAMETERS {
                writeln!(text, "| `{name}` | {meaning} |").unwrap();
            }
        }
    }
    fields(&mut text);
    text.push_str(
        "\nPods: `service.cloud.tencent.com/custom-weight` is the weight of a Pod as a target, 0 to 100; one that cannot be read leaves the weight as it is. `tke.cloud.tencent.com/networks` tells its network.\n",
    );
    text
}

/// The table of the fields of a Service.
fn fields(text: &mut String) {
    text.push_str(
        "\n## Fields of the Service\n\nWhat is reported is in `status.advice` of each binding that is for the Service, and in the condition of an \
         annotated Service.\n\n| field of `spec` | it is | what becomes of it |\n|---|---|---|\n",
    );
    for field in FIELDS {
        let fate = match field.fate {
            Fate::Followed => "followed",
            Fate::WithoutMeaning => "without meaning here",
            Fate::Reported(_) | Fate::ReportedOfListeners => "reported",
        };
        writeln!(text, "| `{}` | {fate} | {} |", field.name, field.meaning).unwrap();
    }
}

/// The table of annotations that nobody follows.
fn ignored(text: &mut String, title: &str) {
    writeln!(
        text,
        "\n## {title}\n\nThey are `NotSupported`, but for values that ask for what is the case all the same.\n\n| annotation | what to do | values \
         that need nothing |\n|---|---|---|"
    )
    .unwrap();
    for key in KEYS.iter().filter(|key| key.treatment == Treatment::Ignored) {
        let word = |value: &&str| if value.is_empty() { "an empty one".to_owned() } else { format!("`{value}`") };
        let usual: Vec<_> = key.usual.iter().map(word).collect();
        writeln!(text, "| `{}` | {} | {} |", key.name, key.meaning, usual.join(", ")).unwrap();
    }
}

#[test]
fn the_documentation_of_annotations_is_what_the_code_does() {
    generated(FILE, &document());
    let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KEYS.len(), "each annotation has one row");
}
