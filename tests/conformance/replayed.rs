//! Recordings are judged without a network, by the program itself.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tke_direct_access::conformance::{Answer, Belief, Entry, Recording, Verdict, beliefs, judge};

fn recordings() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|end| end == "json"));
    all.sort();
    all
}

fn replay(path: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clb-conformance"));
    command.env_clear().arg("--replay").arg(path).args(more).output().unwrap()
}

#[test]
fn the_recording_of_the_simulator_is_as_believed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/simulator.json");
    let judged = judge(&Recording::read(&path).unwrap());
    let other: Vec<_> = judged.iter().filter(|one| one.verdict.word() != "believed").collect();
    assert!(other.is_empty(), "{other:?}");
    let output = replay(&path, &["--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (document["differences"].as_u64(), document["beliefs"].as_array().unwrap().len()),
        (Some(0), beliefs().count())
    );
}

#[test]
fn every_recording_reads_and_has_no_addresses_but_ours() {
    let address = regex::Regex::new(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b").unwrap();
    let id = regex::Regex::new(r#"\b(lb|lbl|loc|vpc|subnet|sg|ins|eni)-[0-9A-Za-z]*[a-z][0-9A-Za-z]*\b"#).unwrap();
    for path in recordings() {
        assert!(!Recording::read(&path).unwrap().calls.is_empty(), "{}", path.display());
        let text = std::fs::read_to_string(&path).unwrap();
        let other: Vec<_> =
            address.find_iter(&text).map(|found| found.as_str()).filter(|found| !found.starts_with("10.0.")).collect();
        assert!(other.is_empty(), "{}: {other:?}", path.display());
        let ids: Vec<_> = id.find_iter(&text).map(|found| found.as_str()).collect();
        assert!(ids.is_empty(), "{}: {ids:?}", path.display());
    }
}

#[test]
fn a_recording_that_differs_is_named_and_one_that_is_not_there_is_an_error() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/simulator.json");
    let text = std::fs::read_to_string(path).unwrap();
    let other = text.replace("InvalidParameter.PortCheckFailed", "InvalidParameterValue");
    assert_ne!(text, other);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.json");
    std::fs::write(&path, other).unwrap();
    let output = replay(&path, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let named: Vec<_> = text.lines().filter(|line| line.contains(" differs ")).collect();
    assert!(named.len() == 1 && named[0].contains("ports-are-unique"), "{text}");
    assert_eq!(replay(&folder.path().join("no-such-file"), &[]).status.code(), Some(2));
    assert_eq!(replay(&path, &["--resume"]).status.code(), Some(2), "usage");
}

fn verdict(recording: &Recording, belief: &Belief) -> Verdict {
    judge(recording).into_iter().find(|one| one.belief.name == belief.name).unwrap().verdict
}

/// The opposite of an answer: what was done is refused, and what was refused is done without showing anything.
fn opposite(entry: &mut Entry) {
    let refused = |code: &str| Answer::Error { code: code.to_owned(), message: "no".to_owned() };
    entry.answer = match (&entry.answer, entry.action.as_str()) {
        (Answer::Reply(_), "DescribeTaskStatus") => Answer::Reply(json!({"Status": 3})),
        (Answer::Reply(_), "GetCallerIdentity") => refused("UnauthorizedOperation"),
        (Answer::Reply(_), _) => refused("FailedOperation"),
        _ => Answer::Reply(json!({})),
    };
}

/// A belief is judged by each of its steps: none is named that could have been answered in any way.
#[test]
fn no_belief_is_believed_when_one_of_its_answers_is_another() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/simulator.json");
    let recording = Recording::read(&path).unwrap();
    let mut indifferent = Vec::new();
    for belief in beliefs() {
        for step in belief.steps {
            let mut other = recording.clone();
            // What is judged by all calls is so by those that follow tasks.
            let is_of_it = |entry: &Entry| match belief.name {
                "lock-lingers" => matches!(entry.answer, Answer::Error { .. }),
                _ => entry.step == **step,
            };
            other.calls.iter_mut().filter(|entry| is_of_it(entry)).for_each(opposite);
            if matches!(verdict(&other, belief), Verdict::Believed(_)) {
                indifferent.push((belief.name, *step));
            }
        }
    }
    assert_eq!(indifferent, []);
}
