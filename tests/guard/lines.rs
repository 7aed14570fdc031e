//! The lines of the ConfigMap: the admission policies read each as the controller's programs do.

use serde_json::Value;
use tke_direct_access::model::{GuardLine, Share};

use super::stage::{EXISTING, Stage, Who, binding, service};

/// Lines, readable and not.
const LINES: [&str; 36] = [
    "lb-1",
    "lb-1 80",
    "  lb-1\t80,443 # the web",
    "lb-1 80-90",
    "lb-1 80 - 90",
    "lb-1 80 x",
    "lb-1 x",
    "lb-1 90-80",
    "lb-1 80-",
    "lb-1 -80",
    "lb-1 1-2-3",
    "lb-1 080",
    "lb-1 0",
    "lb-1 80-65536",
    "lb-1 80-65535",
    "lb-1 99999",
    "lb-1 080-90",
    "lb-1 1-099",
    "lb-1: 80",
    "lb-1 lb-2",
    "lb-1 create",
    "LB-1",
    "lb-",
    "lb_1",
    "any",
    "any 80",
    "any thing",
    "any lb-1",
    "create",
    "create Public",
    "create Internal, Public",
    "create Internal x",
    "create internal",
    "create lb-1",
    "#lb-1",
    "",
];

/// What a namespace may be asked for: a load balancer and a port, or a new one of a network.
const ASKED: [(&str, u16, &str); 6] = [
    ("lb-1", 80, ""),
    ("lb-1", 90, ""),
    ("lb-2", 80, ""),
    ("lb-1", 65_535, ""),
    ("", 0, "Public"),
    ("", 0, "Internal"),
];

fn allows(line: &str, (id, port, network): (&str, u16, &str)) -> bool {
    match GuardLine::read(line) {
        Ok(Some(GuardLine::LoadBalancer { id: own, ports })) => {
            network.is_empty()
                && own.is_none_or(|own| own == id)
                && (ports.is_empty() || ports.iter().any(|range| range.contains(&port)))
        }
        Ok(Some(GuardLine::Create(share))) => match share {
            Share::All => !network.is_empty(),
            Share::Public => network == "Public",
            Share::Internal => network == "Internal",
        },
        Ok(None) | Err(_) => false,
    }
}

fn namespace(row: usize) -> String {
    format!("line-{row}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_read_by_the_policies_as_by_the_programs() {
    let stage = Stage::new().await.with_guard().await;
    let mut data: serde_json::Map<String, Value> =
        (0..).zip(LINES).map(|(row, line)| (namespace(row), Value::from(line))).collect();
    data.insert("_contact".to_owned(), "the network team".into());
    stage.allow(&Value::Object(data)).await;
    for row in 0..LINES.len() {
        stage.kubectl(&["create", "namespace", &namespace(row)]).await;
    }
    stage.until_allowed(&namespace(0), &binding("{id: lb-1}", ", listeners: [{port: 80, protocol: TCP}]")).await;
    let mut faults = Vec::new();
    for (row, line) in (0..).zip(LINES) {
        for asked in ASKED {
            let (id, port, network) = asked;
            let subnet = if network == "Internal" { ", subnetId: subnet-1" } else { "" };
            let (load_balancer, more) = match id {
                "" => (format!("{{create: {{network: {network}{subnet}}}}}"), String::new()),
                id => (format!("{{id: {id}}}"), format!(", listeners: [{{port: {port}, protocol: TCP}}]")),
            };
            let answer = stage.binding(Who::Editor, &namespace(row), &binding(&load_balancer, &more)).await;
            if answer.is_ok() != allows(line, asked) {
                faults.push(format!("binding, {line:?}: {asked:?}: {answer:?}"));
            }
            if id.is_empty() {
                continue;
            }
            let answer = stage.service(Who::Editor, &namespace(row), &service(&[(EXISTING, id)], &[port])).await;
            if answer.is_ok() != allows(line, asked) {
                faults.push(format!("Service, {line:?}: {asked:?}: {answer:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    let is_allowed = |line: &&&str| ASKED.iter().any(|asked| allows(line, *asked));
    assert!(LINES.iter().filter(is_allowed).count() > 9, "lines allow something");
}
