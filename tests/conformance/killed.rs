//! A run that ends anywhere leaves what `--resume` takes away.

use std::num::NonZeroU8;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tke_direct_access::sim::{LoadBalancerSpec, Simulator};

use super::stage::{SUBNET, VPC, settings, start};

/// How long anything is waited for.
const DEADLINE: Duration = Duration::from_secs(55);

pub(super) fn program(simulator: &Simulator, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clb-conformance"));
    command
        .env_clear()
        .env("TENCENTCLOUD_SECRET_ID", "AKIDsimulator")
        .env("TENCENTCLOUD_SECRET_KEY", "simulator-secret-key")
        .current_dir(folder)
        .args(["--endpoint", &simulator.endpoint()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits, with the other threads running.
pub(super) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not within {DEADLINE:?}");
        ticks.tick().await;
    }
}

/// The end of a program, and what it has printed.
pub(super) async fn ended(mut child: Child) -> Output {
    until("it ends", || child.try_wait().unwrap().is_some()).await;
    child.wait_with_output().unwrap()
}

pub(super) async fn output(mut command: Command) -> (Option<i32>, String) {
    let output = ended(command.spawn().unwrap()).await;
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

pub(super) fn all_listeners(simulator: &Simulator) -> usize {
    let state = simulator.state();
    let all = state["loadBalancers"].as_array().unwrap().iter();
    all.map(|one| one["listeners"].as_array().unwrap().len()).sum()
}

pub(super) fn load_balancers(simulator: &Simulator) -> Value {
    simulator.state()["loadBalancers"].clone()
}

pub(super) const OWN: [&str; 5] = ["--yes", "--vpc-id", VPC, "--subnet-id", SUBNET];

/// Kills a run when the simulator shows this, and takes away what is left.
async fn kill_and_resume(simulator: &Simulator, arguments: &[&str], is_time: impl Fn(&Simulator) -> bool) {
    let before = load_balancers(simulator);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("clb-conformance.state.json");
    let mut child = program(simulator, folder.path(), arguments).spawn().unwrap();
    until("it is time", || is_time(simulator)).await;
    child.kill().unwrap();
    ended(child).await;
    assert!(state.exists(), "the state file is there");
    assert_ne!(load_balancers(simulator), before, "something is left");

    let (code, words) = output(program(simulator, folder.path(), arguments)).await;
    assert!(code == Some(2) && words.contains("--resume"), "a run begins in spite of what is left: {words}");
    // The state file knows what else the run was given.
    let resume = ["--yes", "--resume"];
    let (code, words) = output(program(simulator, folder.path(), &resume)).await;
    assert_eq!(load_balancers(simulator), before, "{words}");
    match code {
        Some(0) => assert!(!state.exists(), "the state file is left"),
        // It was killed while a creation was not answered, of which something may turn up.
        _ => assert!(code == Some(2) && state.exists() && words.contains("--resume again after"), "{code:?} {words}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_has_made_is_taken_away() {
    let simulator = start(settings(), NonZeroU8::new(4).unwrap());
    // As soon as it is there: the reply may not have been read.
    kill_and_resume(&simulator, &OWN, |simulator| load_balancers(simulator) != json!([])).await;
    kill_and_resume(&simulator, &OWN, |simulator| all_listeners(simulator) >= 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_of_a_killed_run_are_taken_away_and_no_others() {
    let mut settings = settings();
    settings.load_balancers = vec!["lb-theirs00,TCP:9999".parse::<LoadBalancerSpec>().unwrap()];
    let simulator = start(settings, NonZeroU8::new(5).unwrap());
    kill_and_resume(&simulator, &["--yes", "--load-balancer", "lb-theirs00"], |simulator| {
        all_listeners(simulator) >= 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_wrote_down_is_found_and_a_run_that_is_asked_to_end_cleans_up() {
    let simulator = start(settings(), NonZeroU8::new(6).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let child = program(&simulator, folder.path(), &OWN).spawn().unwrap();
    until("there is a listener", || all_listeners(&simulator) >= 1).await;
    // Somebody else, who has no state file: what goes on is shown, and is taken away by its name only.
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, words) = output(program(&simulator, elsewhere.path(), &["--yes", "--resume"])).await;
    assert!(code == Some(0) && words.contains("load balancer lb-") && words.contains("going on elsewhere"), "{words}");
    assert_ne!(load_balancers(&simulator), json!([]), "the load balancer of a run that goes on is taken away");
    let terminated = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(terminated.success());
    let ended = ended(child).await;
    let words = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(2) && words.contains("was taken away"), "{words}");
    assert_eq!(load_balancers(&simulator), json!([]));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a state file is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_a_state_file_is_taken_away_by_its_name() {
    let simulator = start(settings(), NonZeroU8::new(30).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut child = program(&simulator, folder.path(), &OWN).spawn().unwrap();
    until("there is a listener", || all_listeners(&simulator) >= 1).await;
    child.kill().unwrap();
    ended(child).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (_, words) = output(program(&simulator, elsewhere.path(), &["--resume"])).await;
    let command = words.lines().find(|line| line.contains("--resume --run")).unwrap_or_else(|| panic!("{words}"));
    let run = command.split_whitespace().last().unwrap();
    for (name, is_left) in [("0a1b2c3d", true), (run, false)] {
        let (code, words) = output(program(&simulator, elsewhere.path(), &["--resume", "--yes", "--run", name])).await;
        assert_eq!((code, load_balancers(&simulator) != json!([])), (Some(0), is_left), "{name}: {words}");
    }
    // The state file of that run has nothing left to take away, and reads that show nothing do not prove it yet.
    let (code, words) = output(program(&simulator, folder.path(), &["--resume"])).await;
    assert!(code == Some(2) && words.contains("--resume again after"), "{words}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
