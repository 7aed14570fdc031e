//! Logs of a real controller, at the finest level.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tke_direct_access::telemetry::FIELDS;

use crate::evidence::evidence;
use crate::scenario::{BINDINGS, load_balancer};

const OWN: &str = "tke_direct_access::";

/// The lines of a log; each is JSON, or the test fails.
fn lines(log: &str) -> Vec<Map<String, Value>> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(parse).collect()
}

fn text<'a>(line: &'a Map<String, Value>, field: &str) -> &'a str {
    line.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn is_ours(line: &Map<String, Value>) -> bool {
    text(line, "target").starts_with(OWN) || text(line, "target") == "direct_access_controller"
}

/// The span of this name around a line.
fn span<'a>(line: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    let spans = line.get("spans")?.as_array()?;
    spans.iter().filter_map(Value::as_object).find(|span| text(span, "name") == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_json_with_documented_fields() {
    let lines = lines(&evidence().await.log);
    let ours: Vec<_> = lines.iter().filter(|line| is_ours(line)).collect();
    assert!(ours.len() > 500, "{} lines", ours.len());
    let documented: BTreeSet<&str> = FIELDS.iter().map(|(field, _)| *field).collect();
    let mut used = BTreeSet::new();
    for line in ours {
        used.extend(line.keys().map(String::as_str));
        let spans = line.get("spans").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
        for span in spans.filter(|span| ["round", "step", "call"].contains(&text(span, "name"))) {
            used.extend(span.keys().map(String::as_str));
        }
        for field in ["timestamp", "level", "message", "target"] {
            assert!(!text(line, field).is_empty(), "{field} is missing: {line:?}");
        }
    }
    assert_eq!(used.difference(&documented).collect::<Vec<_>>(), Vec::<&&str>::new(), "fields that are not documented");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_cloud_is_told_with_its_round_and_the_clouds_request_id() {
    let evidence = evidence().await;
    let lines = lines(&evidence.log);
    let calls: Vec<_> =
        lines.iter().filter(|line| ["call done", "call failed"].contains(&text(line, "message"))).collect();
    let counted = evidence.after.sum("direct_access_clb_calls_total", &[]);
    assert!(f64::from(u32::try_from(calls.len()).unwrap()) >= counted, "{} lines about {counted} calls", calls.len());
    let mut ids = BTreeSet::new();
    let mut silent = 0;
    for call in &calls {
        // Whose the credentials are is asked beside all rounds.
        let is_beside = text(call, "action") == "GetCallerIdentity";
        assert_eq!(span(call, "round").is_some(), !is_beside, "{call:?}");
        if let Some(round) = span(call, "round") {
            assert!(round["round"].as_u64().is_some_and(|number| number > 0), "{call:?}");
            assert!(text(round, "load_balancer").starts_with("lb-telem"), "{call:?}");
            assert_eq!(text(round, "region"), "ap-guangzhou");
        }
        assert_eq!(span(call, "call").map(|span| text(span, "action")), Some(text(call, "action")));
        match text(call, "request_id") {
            "" => {
                // No reply in the cloud's form has come.
                assert_eq!(text(call, "class"), "unreachable", "{call:?}");
                silent += 1;
            }
            id => assert!(ids.insert(id.to_owned()), "{id} is told twice"),
        }
        let is_write = !is_beside && !text(call, "action").starts_with("Describe");
        let level = if is_write && text(call, "message") == "call done" { "INFO" } else { "DEBUG" };
        assert_eq!(text(call, "level"), level, "{call:?}");
        assert_eq!(span(call, "step").is_some(), is_write, "a write is a step: {call:?}");
    }
    assert!(silent <= evidence.struck, "{silent} calls without a request id");
    // Whoever repeats what a call said repeats its id.
    let repeated = lines.iter().filter(|line| is_ours(line) && line.contains_key("failure"));
    for line in repeated.filter(|line| text(line, "class") != "unreachable") {
        assert!(ids.contains(text(line, "request_id")), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_are_numbered_without_a_gap() {
    let lines = lines(&evidence().await.log);
    let mut rounds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for line in
        lines.iter().filter(|line| ["round done", "round failed and will be repeated"].contains(&text(line, "message")))
    {
        let round = span(line, "round").expect("a round has its span");
        rounds.entry(text(round, "load_balancer")).or_default().push(round["round"].as_u64().unwrap());
    }
    let expected: Vec<String> = (0..BINDINGS).map(load_balancer).collect();
    assert_eq!(rounds.keys().copied().collect::<Vec<_>>(), expected);
    for (load_balancer, numbers) in rounds {
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{load_balancer}: {numbers:?}");
        assert_eq!(numbers[0], 1, "{load_balancer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_that_change_nothing_log_nothing_at_info() {
    let evidence = evidence().await;
    let quiet = lines(evidence.log[evidence.quiet.clone()].trim_start_matches(|c| c != '\n').trim());
    let done = quiet.iter().filter(|line| text(line, "message") == "round done").count();
    assert!(done >= BINDINGS, "{done} rounds");
    let loud: Vec<_> = quiet.iter().filter(|line| !["DEBUG", "TRACE"].contains(&text(line, "level"))).collect();
    assert!(loud.is_empty(), "{loud:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_at_info() {
    let lines = lines(&evidence().await.log);
    let told = |message: &str| {
        lines.iter().filter(|line| text(line, "message") == message && text(line, "level") == "INFO").count()
    };
    let opened = evidence().await.after.sum("direct_access_gates_opened_total", &[]);
    assert!(opened >= 5.0, "{opened}");
    assert_eq!(f64::from(u32::try_from(told("gate opened")).unwrap()), opened);
    assert!(told("status changed") >= 2 * BINDINGS, "pending and ready: {}", told("status changed"));
    assert_eq!(told("this replica leads"), 1);
}
