//! The state file stays until there is proof that nothing is left, and whoever reads a message knows what to look for.

use std::num::NonZeroU8;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tke_direct_access::conformance::{Answer, Creation, Entry, Journal, Kind, Origin, Status, Times, Trouble};
use tke_direct_access::sim::{Departure, Effect, Fault, LoadBalancerSpec, Settings, Simulator, When};
use tokio_util::sync::CancellationToken;

use super::killed::{OWN, all_listeners, ended, load_balancers, output, program, until};
use super::proxy;
use super::stage::{asked, kit, kit_that_waits, kit_with, settings, start, times};

const NAME: &str = "clb-conformance-0a1b2c3d";

/// A state file as a run leaves it that has asked for one load balancer.
async fn left(folder: &Path, endpoint: &str, status: Status, age: SignedDuration) -> PathBuf {
    let path = folder.join("clb-conformance.state.json");
    let origin = kit(endpoint).origin("0a1b2c3d", None).await;
    let creation = Creation {
        number: 0,
        step: "create".to_owned(),
        kind: Kind::LoadBalancer,
        names: vec![NAME.to_owned()],
        on: None,
        asked_at: Timestamp::now() - age,
        status,
    };
    let header = r#"{"clbConformanceState":1}"#.to_owned();
    let lines = [header, serde_json::to_string(&origin).unwrap(), serde_json::to_string(&creation).unwrap()];
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    path
}

/// Takes away what is left, at this endpoint.
async fn clean(endpoint: &str, path: &Path) -> Result<String, Trouble> {
    kit_that_waits(endpoint, Times::default().settled).clean(Journal::open(path).unwrap().unwrap()).await
}

/// A run that makes a load balancer and nothing else: all else is refused.
async fn one_load_balancer(simulator: &Simulator, folder: &Path) -> (PathBuf, String) {
    let state = folder.join("clb-conformance.state.json");
    let mut child = program(simulator, folder, &OWN).spawn().unwrap();
    until("there is a listener", || all_listeners(simulator) >= 1).await;
    child.kill().unwrap();
    ended(child).await;
    (state, load_balancers(simulator)[0]["id"].as_str().unwrap().to_owned())
}

/// Reads that show no load balancer, whatever there is.
fn shows_nothing(action: &str, _: &Value, reply: &mut Value) {
    if action == "DescribeLoadBalancers" && reply.get("Error").is_none() {
        reply["LoadBalancerSet"] = json!([]);
        reply["TotalCount"] = json!(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_show_nothing_leave_nothing_behind() {
    let simulator = start(settings(), NonZeroU8::new(11).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (state, _) = one_load_balancer(&simulator, folder.path()).await;
    let proxy = proxy::start(&simulator.endpoint(), shows_nothing).await;
    // As if the run had been there.
    let text = std::fs::read_to_string(&state).unwrap().replace(&simulator.endpoint(), &proxy.endpoint);
    std::fs::write(&state, text).unwrap();
    // What is known by its id is taken away. Reads that have never shown anything do not show that there is no more.
    let trouble = clean(&proxy.endpoint, &state).await.unwrap_err().to_string();
    assert_eq!(load_balancers(&simulator), json!([]), "{trouble}");
    assert!(state.exists() && trouble.contains("--resume again after"), "{trouble}");
    let mut later = kit_that_waits(&proxy.endpoint, Duration::ZERO);
    later.clean(Journal::open(&state).unwrap().unwrap()).await.unwrap();
    assert!(!state.exists());
}

/// A deletion that is refused because of a lock says that there is something to delete, whatever reads show.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_deleted_now_is_not_gone() {
    let simulator = start(settings(), NonZeroU8::new(27).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (state, id) = one_load_balancer(&simulator, folder.path()).await;
    let proxy = proxy::start(&simulator.endpoint(), |action, request, reply| {
        if action == "DeleteLoadBalancer" {
            let busy = json!({"Code": "FailedOperation.ResourceInOperating", "Message": "is not in normal desState"});
            *reply = json!({"Error": busy, "RequestId": "0"});
        }
        shows_nothing(action, request, reply);
    })
    .await;
    let text = std::fs::read_to_string(&state).unwrap().replace(&simulator.endpoint(), &proxy.endpoint);
    std::fs::write(&state, text).unwrap();
    let times = Times { longest_wait: Duration::from_secs(3), ..times() };
    let trouble = kit_with(&proxy.endpoint, times).clean(Journal::open(&state).unwrap().unwrap()).await.unwrap_err();
    let words = trouble.to_string();
    assert!(words.contains(&id) && words.contains("not proven that nothing is left") && state.exists(), "{words}");
}

/// A reply that does not say what is there does not say either what is not: it has no list, or a part of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_without_a_whole_list_shows_nothing() {
    let simulator = start(settings(), NonZeroU8::new(31).unwrap());
    let spoiled: [proxy::Rewrite; 3] = [
        |action, _, reply| {
            if action == "DescribeLoadBalancers" {
                reply.as_object_mut().unwrap().remove("LoadBalancerSet");
            }
        },
        |action, _, reply| {
            if action == "DescribeLoadBalancers" {
                *reply =
                    json!({"LoadBalancerSet": [{"LoadBalancerId": "lb-other"}], "TotalCount": 101, "RequestId": "0"});
            }
        },
        |action, request, reply| {
            if action == "DescribeLoadBalancers" && request["Offset"] != 0 {
                *reply = json!({"Error": {"Code": "InternalError", "Message": "not now"}, "RequestId": "0"});
            } else if action == "DescribeLoadBalancers" {
                *reply =
                    json!({"LoadBalancerSet": [{"LoadBalancerId": "lb-other"}], "TotalCount": 2, "RequestId": "0"});
            }
        },
    ];
    for spoil in spoiled {
        let folder = tempfile::tempdir().unwrap();
        let proxy = proxy::start(&simulator.endpoint(), spoil).await;
        let path = left(folder.path(), &proxy.endpoint, Status::Asked, SignedDuration::from_secs(3600)).await;
        let times = Times { longest_wait: Duration::from_secs(2), ..times() };
        let cleaned = kit_with(&proxy.endpoint, times).clean(Journal::open(&path).unwrap().unwrap()).await;
        assert!(cleaned.is_err() && path.exists(), "{cleaned:?}");
    }
}

/// Silence of reads says nothing before they have shown something, and for as long as that took.
#[tokio::test(flavor = "multi_thread")]
async fn reads_that_are_late_leave_nothing_behind() {
    let mut settings = settings();
    settings.dialect = [Departure::ReadsLate].into_iter().collect();
    settings.load_balancers = vec!["lb-theirs00,TCP:9999".parse::<LoadBalancerSpec>().unwrap()];
    let simulator = start(settings, NonZeroU8::new(32).unwrap());
    let before = load_balancers(&simulator);
    let proxy = proxy::start_doubling(&simulator.endpoint(), "CreateListener").await;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let given = asked(Some("lb-theirs00"));
    let ended = kit(&proxy.endpoint).run(&given, &state, &CancellationToken::new()).await.unwrap();
    assert!(ended.trouble.is_none() && !state.exists(), "{:?}", ended.trouble);
    assert_eq!(load_balancers(&simulator), before);
}

/// Whoever cannot read the table reads at least what became of the run.
#[tokio::test(flavor = "multi_thread")]
async fn how_a_run_has_ended_is_said_also_where_the_table_cannot_be_printed() {
    let simulator = start(settings(), NonZeroU8::new(33).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&simulator, folder.path(), &OWN);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let child = command.spawn().unwrap();
    until("a load balancer is asked for", || simulator.calls().contains_key("CreateLoadBalancer")).await;
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let ended = ended(child).await;
    let words = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{words}");
    assert!(words.contains("clb-conformance: the run was interrupted"), "{words}");
}

/// Of two copies of a call the second is refused, and its refusal does not say that the first made nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_of_a_call_has_made_is_taken_away() {
    let mut settings = settings();
    settings.load_balancers = vec!["lb-theirs00,TCP:9999".parse::<LoadBalancerSpec>().unwrap()];
    settings.timing.tail = Duration::ZERO;
    settings.timing.task = Duration::ZERO;
    let simulator = start(settings, NonZeroU8::new(28).unwrap());
    let before = load_balancers(&simulator);
    let proxy = proxy::start_doubling(&simulator.endpoint(), "CreateListener").await;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let ended = kit(&proxy.endpoint).run(&asked(Some("lb-theirs00")), &state, &CancellationToken::new()).await.unwrap();
    assert!(ended.trouble.is_none() && !state.exists(), "{:?}", ended.trouble);
    let refused = |entry: &&Entry| matches!(&entry.answer, Answer::Error { code, .. } if code == "InvalidParameter.PortCheckFailed");
    let steps: Vec<_> = ended.recording.calls.iter().filter(refused).map(|entry| entry.step.as_str()).collect();
    assert!(steps.contains(&"create-tcp"), "the copy was not refused: {steps:?}");
    assert_eq!(load_balancers(&simulator), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_whose_answer_never_came_is_looked_for_until_it_has_had_its_time() {
    let simulator = start(settings(), NonZeroU8::new(12).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let endpoint = simulator.endpoint();
    let path = left(folder.path(), &endpoint, Status::Asked, SignedDuration::from_secs(30)).await;
    let trouble = clean(&endpoint, &path).await.unwrap_err().to_string();
    assert!(trouble.contains(NAME) && trouble.contains("--resume again after") && path.exists(), "{trouble}");

    let path = left(folder.path(), &endpoint, Status::Asked, SignedDuration::from_secs(601)).await;
    clean(&endpoint, &path).await.unwrap();
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_found_by_name() {
    let simulator = start(settings(), NonZeroU8::new(13).unwrap());
    simulator.inject(Fault {
        action: Some("CreateLoadBalancer".to_owned()),
        load_balancer: None,
        names: None,
        when: When::Next(2),
        effect: Effect::LostReply,
    });
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let ended = kit_that_waits(&simulator.endpoint(), Times::default().settled)
        .run(&asked(None), &state, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(load_balancers(&simulator), json!([]), "what was made is found and taken away");
    // Two of three creations may have made something that is not shown yet.
    let trouble = ended.trouble.map(|trouble| trouble.to_string()).unwrap_or_default();
    assert!(state.exists() && trouble.contains(NAME), "{trouble}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_rights_is_named_what_is_left_at_once() {
    let mut settings = settings();
    settings.denied_actions.extend(["DescribeLoadBalancers", "DeleteLoadBalancer"].map(str::to_owned));
    let simulator = start(settings, NonZeroU8::new(14).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let status = Status::Made(vec!["lb-6efswuxa".to_owned()]);
    let path = left(folder.path(), &simulator.endpoint(), status, SignedDuration::from_secs(30)).await;
    let began = Instant::now();
    let (code, words) = output(program(&simulator, folder.path(), &["--resume", "--yes"])).await;
    assert!(began.elapsed() < Duration::from_secs(10), "it waits");
    assert!(code == Some(2) && path.exists(), "{words}");
    for part in ["lb-6efswuxa", NAME, "Unauthorized", "console", "ap-guangzhou"] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_endpoint_or_region_or_account_says_nothing_of_what_is_left() {
    let simulator = start(settings(), NonZeroU8::new(15).unwrap());
    let other = start(Settings { account: "100000000002".to_owned(), ..settings() }, NonZeroU8::new(16).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let status = Status::Made(vec!["lb-6efswuxa".to_owned()]);
    let path = left(folder.path(), &simulator.endpoint(), status, SignedDuration::from_secs(3600)).await;
    for (simulator, flags, part) in [
        (&other, &["--resume", "--yes"][..], "--endpoint"),
        (&simulator, &["--resume", "--yes", "--region", "ap-shanghai"], "--region"),
    ] {
        let (code, words) = output(program(simulator, folder.path(), flags)).await;
        assert!(code == Some(2) && path.exists() && words.contains(part), "{words}");
        assert!(words.contains("lb-6efswuxa") && words.contains(NAME) && !words.contains("gone"), "{words}");
    }
    let own = kit(&simulator.endpoint()).origin("0a1b2c3d", None).await;
    let theirs =
        Origin { endpoint: own.endpoint.clone(), key: "0".repeat(16), ..kit(&other.endpoint()).origin("", None).await };
    let why = own.differs(&theirs).unwrap();
    assert!(why.contains("100000000002"), "{why}");
    let same = Origin { key: theirs.key.clone(), ..own.clone() };
    assert_eq!(own.differs(&same), None, "another key of the same account");
    assert!(own.differs(&Origin { account: None, ..same.clone() }).is_some(), "nothing shows that it is the same");
    assert_eq!(own.differs(&Origin { account: None, ..own.clone() }), None, "a key is of one account");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_do_not_share_a_state_file() {
    let simulator = start(settings(), NonZeroU8::new(17).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clb-conformance.state.json");
    let journal = Journal::create(&path, Origin::default()).unwrap();
    for flags in [&OWN[..], &["--yes", "--resume"]] {
        let (code, words) = output(program(&simulator, folder.path(), flags)).await;
        assert!(code == Some(2) && words.contains("another run uses"), "{words}");
    }
    drop(journal);
    let (code, words) = output(program(&simulator, folder.path(), &OWN)).await;
    assert!(code == Some(2) && words.contains("--resume"), "{words}");
    assert_eq!(load_balancers(&simulator), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_confirmed_leaves_no_file() {
    let simulator = start(settings(), NonZeroU8::new(18).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut flags = OWN.to_vec();
    flags.retain(|flag| *flag != "--yes");
    flags.extend(["--record", "recording.json"]);
    let (code, words) = output(program(&simulator, folder.path(), &flags)).await;
    assert!(code == Some(2) && words.contains("not confirmed"), "{words}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_state_file_nothing_more_is_said_than_what_was_read() {
    let simulator = start(settings(), NonZeroU8::new(19).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (code, words) = output(program(&simulator, folder.path(), &["--resume", "--yes"])).await;
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("There is no state file") && words.contains("--load-balancer only"), "{words}");
    assert!(!words.contains("Nothing is left"), "{words}");
}

#[test]
fn a_line_that_was_not_written_to_its_end_was_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    drop(Journal::create(&path, Origin { run: "0a1b2c3d".to_owned(), ..Origin::default() }).unwrap());
    let whole = std::fs::read_to_string(&path).unwrap();
    let creation = json!({
        "number": 0, "step": "create", "kind": "loadBalancer", "names": [NAME], "on": null,
        "askedAt": "2026-11-28T00:00:00Z", "status": "asked",
    });
    let text = format!("{whole}{creation}\n");
    for (cut, creations) in [(0, 0), (5, 0), (30, 0), (whole.len(), 0), (text.len() - 3, 0), (text.len(), 1)] {
        std::fs::write(&path, &text[..cut]).unwrap();
        for _ in 0..2 {
            let journal = Journal::open(&path).unwrap().unwrap();
            assert_eq!(journal.state().creations.len(), creations, "{cut}");
            assert_eq!(journal.state().is_over(), creations == 0);
        }
    }
}

/// Whatever else is in a file, the program neither changes nor removes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_somebody_elses_is_not_touched() {
    let simulator = start(settings(), NonZeroU8::new(29).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clb-conformance.state.json");
    drop(Journal::create(&path, Origin { run: "0a1b2c3d".to_owned(), ..Origin::default() }).unwrap());
    let ours = std::fs::read_to_string(&path).unwrap();
    let (header, origin) = ours.split_once('\n').unwrap();
    let cases: [&[u8]; 11] = [
        b"a note",
        b"a note\n",
        b"one\ntwo\nthree",
        b"{}\n",
        b"{\"apiVersion\": \"v1\"}\n{}\n",
        b"null",
        b"\n",
        b"\xff\xfe\x00\n",
        &[origin.as_bytes()].concat(),
        &[ours.as_bytes(), b"half\n"].concat(),
        &[header.as_bytes(), b"\n{\"run\":1}\n"].concat(),
    ];
    for bytes in cases {
        std::fs::write(&path, bytes).unwrap();
        for flags in [&["--resume", "--yes"][..], &OWN] {
            let (code, words) = output(program(&simulator, folder.path(), flags)).await;
            let text = String::from_utf8_lossy(bytes);
            assert!(code == Some(2) && words.contains("is not a state file"), "{text}: {code:?} {words}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{text}");
        }
    }
}
