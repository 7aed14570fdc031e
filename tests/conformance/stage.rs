//! Simulators that are fast, and runs of the kit against them.

use std::net::Ipv4Addr;
use std::num::NonZeroU8;
use std::time::Duration;

use tke_direct_access::clb::{Credentials, credentials::Keys};
use tke_direct_access::conformance::Arguments;
use tke_direct_access::conformance::{Asked, Kit, Recording, Times, Verdict, judge};
use tke_direct_access::sim::{Settings, Simulator, Timing};
use tokio_util::sync::CancellationToken;

/// The target that runs are given.
pub(super) const TARGET: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 77, 3, 9), 8080);
pub(super) const VPC: &str = "vpc-a1b2c3d4";
pub(super) const SUBNET: &str = "subnet-e5f6a7b8";
pub(super) const CERTIFICATE: &str = "Xy12Zw34";

/// A cloud as it is by default, at this part of its times. Its locks linger for longer than a look at a task takes, also on a busy machine.
pub(super) fn settings() -> Settings {
    Settings { timing: Timing { scale: 0.4, tail: Duration::from_secs(1), ..Timing::default() }, ..Settings::default() }
}

/// Each test has its addresses.
pub(super) fn start(settings: Settings, place: NonZeroU8) -> Simulator {
    let data_plane_address = Ipv4Addr::new(127, 78, place.get(), 10);
    Simulator::start(Settings { data_plane_address, ..settings }).expect("a simulator")
}

/// A kit that does not spare the cloud.
pub(super) fn kit(endpoint: &str) -> Kit {
    kit_with(endpoint, times())
}

/// A kit that looks for so long for what was asked for and not answered.
pub(super) fn kit_that_waits(endpoint: &str, settled: Duration) -> Kit {
    kit_with(endpoint, Times { settled, ..times() })
}

/// Times of a cloud that need not be spared.
pub(super) fn times() -> Times {
    Times {
        settled: Duration::from_secs(3),
        calls_per_second: 60,
        between_looks: Duration::from_millis(60),
        longest_wait: Duration::from_secs(20),
        reads_apart: Duration::from_millis(500),
        ..Times::default()
    }
}

/// A kit with these times.
pub(super) fn kit_with(endpoint: &str, times: Times) -> Kit {
    use clap::Parser;
    let keys = Keys::new("AKIDsimulator", "simulator-secret-key", None).unwrap();
    let arguments = Arguments::parse_from(["clb-conformance", "--endpoint", endpoint]);
    Kit::new(&arguments, Credentials::fixed(keys), times).expect("a kit")
}

/// What a run is given.
pub(super) fn asked(load_balancer: Option<&str>) -> Asked {
    Asked {
        run: "0a1b2c3d".to_owned(),
        load_balancer: load_balancer.map(str::to_owned),
        public: false,
        dynamic_vip: false,
        vpc_id: Some(VPC.to_owned()),
        subnet_id: Some(SUBNET.to_owned()),
        targets: vec![(TARGET.0.into(), TARGET.1)],
        certificate: Some(CERTIFICATE.to_owned()),
        first_port: 20_000,
    }
}

/// One run, which leaves no state file.
pub(super) async fn run(endpoint: &str, asked: &Asked) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let ended = kit(endpoint).run(asked, &state, &CancellationToken::new()).await.expect("a run");
    assert!(ended.trouble.is_none(), "{:?}", ended.trouble);
    assert!(!state.exists(), "the state file is left");
    ended.recording
}

/// The names of the beliefs with this verdict, and what was seen.
pub(super) fn with(recording: &Recording, word: &str) -> Vec<(&'static str, String)> {
    let judged = judge(recording).into_iter().filter(|one| one.verdict.word() == word);
    let seen = |verdict: &Verdict| verdict.seen().to_owned();
    let mut all: Vec<_> = judged.map(|one| (one.belief.name, seen(&one.verdict))).collect();
    all.sort();
    all
}

/// The names of those that differ.
pub(super) fn differing(recording: &Recording) -> Vec<&'static str> {
    with(recording, "differs").into_iter().map(|(name, _)| name).collect()
}
