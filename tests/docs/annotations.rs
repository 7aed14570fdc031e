//! The documentation of annotations is what the code does: `UPDATE=1 cargo test --test docs` writes it.

use std::fmt::Write;

use tke_direct_access::plan::annotated::{KEYS, Treatment};

use super::generated::generated;

const FILE: &str = "docs/annotations.md";

fn document() -> String {
    let mut text = String::from(
        "# Annotations of Services\n\nTKE's annotations that are recognised on Services of type LoadBalancer, with `--annotated-services=OwnClass` or `All`. A value that \
         cannot be\nread is told by the Service's condition `cloud.tencent.com/direct-access` and an Event, and everything else is followed. Annotations that \
         are not listed are left\nalone. Written from the code by `UPDATE=1 cargo test --test docs`.\n",
    );
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
        "\nPods: `service.cloud.tencent.com/custom-weight` is the weight of a Pod as a target, 0 to 100; `tke.cloud.tencent.com/networks` tells its network.\n",
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
