//! The documentation of annotations is what the code does: `UPDATE=1 cargo test --test docs` writes it.

use std::fmt::Write;

use tke_direct_access::plan::annotated::{KEYS, Treatment};

use super::generated::generated;

const FILE: &str = "docs/annotations.md";

const UNREADABLE: &str = "
## What happens to a value that cannot be read

Unreadable is not absent: nothing that serves is taken away because of it. Unreadable are the wrong case (`True`), other words (`yes`), JSON with
a comma too many, values of more than 16 KB, and empty values. A key that differs from a known one by letter case, or by two letters at most,
is a typing error where that one is not there: the annotation that it stands for is unreadable, not absent.

- **The Service has a binding**: what the annotation is about stays as it is. In `specify-protocol` that is the port whose entry cannot be
  read; in `lb-rs-weight` it is the Pods of the row.
- **It has none yet**: no load balancer is made while an annotation that only its creation can follow is unreadable, and no listener is
  made for a port whose entry is. An unreadable `loadbalance-retain` or `deletion-protection` counts as `\"true\"`.

## What ends direct access

Only a plain word does: `direct-access: \"false\"`, removing a `direct-access: \"true\"`, another type than LoadBalancer, or deleting the Service.
When a flag, TKE's ConfigMap or TKE's service controller changes, or somebody makes another binding for the Service, the Service's own binding
stays as it is, and the condition is `Held`.

With the Service goes the load balancer that was created for it, unless it is retained. In the other cases it is **parked**: it keeps its
address, serves nothing, and costs money. The condition `Parked` says its id, since when, and the command that deletes it; asking again uses it
at the same address.

**To another load balancer** (its id, region, network, billing and security groups cannot be changed): set `direct-access` to `\"false\"`, delete
the parked binding with the command of the condition, correct the annotations, and set `direct-access` to `\"true\"`. The Service is not served in
between, and its address changes.
";

fn document() -> String {
    let mut text = String::from(
        "# Annotations of Services\n\nTKE's annotations that are recognised on Services of type LoadBalancer, with `--annotated-services=OwnClass` or `All`. A value that \
         cannot be\nread is named by the Service's condition `cloud.tencent.com/direct-access` and an Event, and everything else is followed. Annotations that \
         are not listed are left\nalone. Written from the code by `UPDATE=1 cargo test --test docs`.\n",
    );
    text.push_str(UNREADABLE);
    for (treatment, title) in [
        (Treatment::Applied, "Followed"),
        (Treatment::Ignored, "Known, and not acted on"),
        (Treatment::Written, "Written by controllers"),
    ] {
        writeln!(text, "\n## {title}\n\n| annotation | what becomes of it |\n|---|---|").unwrap();
        for key in KEYS.iter().filter(|key| key.treatment == treatment) {
            writeln!(text, "| `{}` | {} |", key.name, key.meaning).unwrap();
        }
    }
    text.push_str(
        "\nPods: `service.cloud.tencent.com/custom-weight` is the weight of a Pod as a target, 0 to 100; one that cannot be read leaves the weight as it is. `tke.cloud.tencent.com/networks` tells its network.\n",
    );
    text
}

#[test]
fn the_documentation_of_annotations_is_what_the_code_does() {
    generated(FILE, &document());
    let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KEYS.len(), "each annotation has one row");
}
