//! Who leads, and what the others do not do: crashes, hand-overs, late lists, frozen processes, a Lease that cannot be renewed.
//!
//! Each replica has lines of its own to the API server and to the cloud, so that it is known who has asked for what.

pub(crate) mod replica;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use tke_direct_access::clb::Keys;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{Effect, Fault, Settings as SimulatorSettings, When};

use crate::line::journal::{Entry, Event, Journal};
use crate::line::{Lines, Misfortune, Rule};
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;
use replica::Replica;

/// How many times a leader is frozen: `DIRECT_ACCESS_FREEZES`, three when it is not set.
fn freezes() -> usize {
    std::env::var("DIRECT_ACCESS_FREEZES").map_or(3, |count| count.parse().expect("a number"))
}

/// How long a machine that has much else to do may take for what takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn scale(stage: &Stage, replicas: usize) {
    stage.ok(&["scale", "deployment/web", &format!("--replicas={replicas}")]).await;
}

/// The targets are the Pods, all of them and no others.
pub(crate) async fn targets_are_pods(stage: &Stage, count: usize) {
    stage.until_ready("web", &format!("{count}/{count}")).await;
    let api: Api<Pod> = Api::default_namespaced(stage.namespace.client());
    eventually("the targets are the Pods", DEADLINE, async || {
        let pods = api.list(&ListParams::default()).await.unwrap().items;
        let addresses = pods.iter().filter_map(|pod| pod.status.as_ref()?.pod_ip.clone());
        let pods: BTreeSet<String> = addresses.collect();
        let targets = stage.targets(Protocol::Tcp, 80).unwrap_or_default();
        let targets: BTreeSet<String> = targets.keys().map(|address| address.ip.to_string()).collect();
        if pods.len() == count && pods == targets { Ok(Some(())) } else { Err(format!("{pods:?} {targets:?}")) }
    })
    .await;
}

/// A replica that leads and has two Pods bound, and one that could take over.
async fn leader_and_candidate(stage: &Stage, journal: &Journal) -> (Replica, Replica) {
    let first = Replica::start(stage, "first", journal, Rule::Pass).await;
    first.until_candidate().await;
    stage.deploy(2, &json!({})).await;
    targets_are_pods(stage, 2).await;
    let second = Replica::start(stage, "second", journal, Rule::Pass).await;
    second.until_candidate().await;
    (first, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_taken_over_in_seconds_and_a_hand_over_at_once() {
    let stage = Stage::without_controller("takeover", SimulatorSettings::instant()).await;
    let journal = Journal::default();
    let (first, second) = leader_and_candidate(&stage, &journal).await;

    let (from, crash) = (journal.len(), Instant::now());
    first.signal("KILL");
    scale(&stage, 3).await;
    let write = eventually("the second writes", DEADLINE, async || journal.write_of("second", from)).await;
    let lease = journal.lease_of("second", from).expect("it writes with the Lease only");
    let (taken, written) = (lease.at.duration_since(crash), write.at.duration_since(crash));
    println!("after a crash: Lease taken after {taken:.2?}, first write after {written:.2?}");
    assert!(taken < PATIENCE);
    targets_are_pods(&stage, 3).await;

    let third = Replica::start(&stage, "third", &journal, Rule::Pass).await;
    third.until_candidate().await;
    let (from, end) = (journal.len(), Instant::now());
    second.signal("TERM");
    let lease = eventually("the third leads", DEADLINE, async || journal.lease_of("third", from)).await;
    println!("after a hand-over began: Lease taken after {:.2?}", lease.at.duration_since(end));
    let given_up =
        journal.find(from, |entry| entry.event == Event::LeaseWritten(None)).expect("the second gives it up");
    assert!(given_up.at <= lease.at && lease.at.duration_since(given_up.at) < PATIENCE);
    second.ended().await;
    scale(&stage, 2).await;
    targets_are_pods(&stage, 2).await;
    assert_eq!(journal.check(), ["first", "second", "third"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_seen_the_cluster_leads_nothing_and_writes_nothing() {
    let stage = Stage::without_controller("late-list", SimulatorSettings::instant()).await;
    let journal = Journal::default();
    let late = Replica::start(&stage, "late", &journal, Rule::HoldPods).await;
    eventually("the late one asks for Pods", DEADLINE, async || {
        let is_list = |event: &Event| matches!(event, Event::Read(what) if what.contains("/pods"));
        journal.find(0, |entry| entry.replica == "late" && is_list(&entry.event)).map(drop)
    })
    .await;
    let timely = Replica::start(&stage, "timely", &journal, Rule::Pass).await;
    stage.deploy(2, &json!({})).await;
    targets_are_pods(&stage, 2).await;
    scale(&stage, 4).await;
    targets_are_pods(&stage, 4).await;
    assert_eq!(journal.check(), ["timely"]);
    late.lines.set(Rule::Pass);
    late.until_candidate().await;
    timely.signal("TERM");
    scale(&stage, 2).await;
    targets_are_pods(&stage, 2).await;
    timely.ended().await;
    assert_eq!(journal.check(), ["late", "timely"], "it leads when it has seen the cluster and is needed");
    stage.finish().await;
}

/// A watch that has fallen silent is given up after 20 s at most. Who takes over before that has not heard of what has happened since.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_over_begins_with_what_there_is_and_not_with_what_watches_have_told() {
    let stage = Stage::without_controller("behind", SimulatorSettings::instant()).await;
    let journal = Journal::default();
    let (first, second) = leader_and_candidate(&stage, &journal).await;

    second.lines.set(Rule::Strike(Some("pods"), Misfortune::Stall));
    eventually("it hears nothing of Pods", DEADLINE, async || second.lines.has_struck(&["pods"]).then_some(())).await;
    let silent = Instant::now();
    scale(&stage, 4).await;
    targets_are_pods(&stage, 4).await;
    let from = journal.len();
    first.signal("KILL");
    let lease = eventually("the second leads", DEADLINE, async || journal.lease_of("second", from)).await;
    println!("{:.2?} after the watch fell silent another one leads", lease.at.duration_since(silent));
    scale(&stage, 5).await;
    targets_are_pods(&stage, 5).await;
    let removal = |entry: &Entry| entry.event == Event::Write("BatchDeregisterTargets".to_owned());
    let removed = journal.find(from, |entry| entry.replica == "second" && removal(entry));
    assert_eq!(removed.map(|entry| entry.event), None, "nobody has left");
    assert_eq!(journal.check(), ["first", "second"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_leader_writes_nothing_when_it_is_thawed() {
    let stage = Stage::without_controller("frozen", SimulatorSettings::instant()).await;
    // Calls are under way most of the time, so that most moments are in the middle of something.
    let effect = Effect::Delay { milliseconds: 100 };
    stage.cloud.inject(Fault { action: None, load_balancer: None, names: None, when: When::Always, effect });
    let journal = Journal::default();
    let replicas = [
        Replica::start(&stage, "first", &journal, Rule::Pass).await,
        Replica::start(&stage, "second", &journal, Rule::Pass).await,
    ];
    stage.deploy(2, &json!({})).await;
    targets_are_pods(&stage, 2).await;
    for replica in &replicas {
        replica.until_candidate().await;
    }
    for number in 0..freezes() {
        let leader = journal.holder().expect("somebody leads");
        let [frozen, other] =
            if leader == replicas[0].name { [&replicas[0], &replicas[1]] } else { [&replicas[1], &replicas[0]] };
        // Somewhere in the requests of a change of scale, of which there are some thirty.
        let moment = usize::try_from(uuid::Uuid::new_v4().as_u128() % 30).unwrap();
        let size = if number % 2 == 0 { 5 } else { 2 };
        let from = journal.len();
        scale(&stage, size).await;
        eventually("so many requests have passed", DEADLINE, async || journal.len() >= from + moment).await;
        frozen.signal("STOP");
        let froze = Instant::now();
        let lease = eventually("the other leads", DEADLINE, async || journal.lease_of(other.name, from)).await;
        // There is work for the other, whatever the frozen one has finished.
        scale(&stage, size + 1).await;
        eventually("the other writes", DEADLINE, async || journal.write_of(other.name, from)).await;
        let thawed = journal.len();
        frozen.signal("CONT");
        eventually("the thawed one is back", DEADLINE, async || {
            journal.find(thawed, |entry| entry.replica == frozen.name).map(drop)
        })
        .await;
        targets_are_pods(&stage, size + 1).await;
        let taken = lease.at.saturating_duration_since(froze);
        println!("{} frozen after {moment} requests; {} leads {taken:.2?} later", frozen.name, other.name);
        assert_eq!(journal.write_of(frozen.name, thawed).map(|entry| entry.event), None, "it does not lead");
        journal.check();
    }
    stage.finish().await;
}

/// What a replica says of its leadership, and whether it is ready.
async fn told(admin: SocketAddr) -> (bool, bool) {
    let metrics = reqwest::get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap();
    let leads = metrics.lines().any(|line| line.starts_with("leader_election_master_status{") && line.ends_with(" 1"));
    let ready = reqwest::get(format!("http://{admin}/readyz")).await.unwrap().status().is_success();
    (leads, ready)
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_lost_and_won_again_in_one_process() {
    let mut stage = Stage::without_controller("again", SimulatorSettings::instant()).await;
    let journal = Journal::default();
    let lines = Lines::open(&stage, "only", &journal, Rule::Pass).await;
    let (id, key) = stage.cloud.credentials();
    let keys = Keys::new(id, key, None).unwrap();
    let config = kube::Config::new(lines.api().parse().unwrap());
    let flags = ["--identity", "only", "--clb-endpoint", &lines.cloud()];
    let controller = stage.controller_of(config, keys, &flags).await;
    let admin = controller.admin;
    stage.deploy(2, &json!({})).await;
    targets_are_pods(&stage, 2).await;
    assert_eq!(told(admin).await, (true, true));

    lines.set(Rule::RefuseLease);
    eventually("it leads no more, and is ready all the same", DEADLINE, async || told(admin).await == (false, true))
        .await;
    let from = journal.len();
    scale(&stage, 3).await;
    let pods: Api<Pod> = Api::default_namespaced(stage.namespace.client());
    eventually("a Pod waits for its gate", DEADLINE, async || {
        let listed = pods.list(&ListParams::default()).await.unwrap().items;
        let is_ready = |pod: &&Pod, kind: &str| {
            let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
            conditions.any(|one| one.type_ == kind && one.status == "True")
        };
        listed.iter().any(|pod| is_ready(&pod, "ContainersReady") && !is_ready(&pod, "Ready"))
    })
    .await;
    assert_eq!(journal.write_of("only", from).map(|entry| entry.event), None, "nothing is written meanwhile");

    lines.set(Rule::Pass);
    targets_are_pods(&stage, 3).await;
    assert_eq!(told(admin).await, (true, true));
    journal.check();
    stage.put_controller(controller);
    stage.finish().await;
}
