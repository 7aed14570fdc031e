//! Tencent's own SDK against the simulator: what the SDK accepts, other clients can rely on.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod vendor;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tke_direct_access::sim::{LoadBalancerSpec, Settings, Simulator, Timing};
use vendor::python::{self, run};

/// The SDK that is installed: the package of the service, and the one it is built on.
const PACKAGES: [&str; 2] = ["tencentcloud-sdk-python-clb==3.1.194", "tencentcloud-sdk-python-common==3.1.195"];

/// A Python with the SDK.
fn python() -> PathBuf {
    python::environment(&PACKAGES, &[])
}

/// What the script printed, by step.
fn steps(output: &Output) -> Vec<(String, Value)> {
    let text = String::from_utf8_lossy(&output.stdout);
    let step = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("a JSON line");
        (line["step"].as_str().expect("a step").to_owned(), line["found"].take())
    };
    text.lines().map(step).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_sdk_drives_the_simulator() {
    let timing = Timing { scale: 1.0, health_scale: Some(0.02), ..Timing::default() };
    let load_balancers = vec![LoadBalancerSpec::with_id("lb-sdk")];
    let simulator = Simulator::start(Settings { timing, load_balancers, ..Settings::default() }).expect("it starts");
    let pod = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = pod.local_addr().expect("an address").port();
    let endpoint = simulator.endpoint().replace("http://", "");
    let (secret_id, secret_key) = simulator.credentials();
    let (secret_id, secret_key) = (secret_id.to_owned(), secret_key.to_owned());
    let output = tokio::task::spawn_blocking(move || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/drive.py");
        let mut command = Command::new(python());
        command.arg(script).args([&endpoint, &secret_id, &secret_key, "lb-sdk", "10.0.0.1", &port.to_string()]);
        // The service is on this machine: no proxy, whatever the environment says.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        run(&mut command, "the SDK's script failed")
    });
    let output = output.await.expect("the script ran");
    let vip = simulator.state()["loadBalancers"][0]["address"].clone();
    let busy =
        "Loadbalancer(lb-sdk) is not in normal desState, maybe some tasks are being processed, please try later.";
    let refused = |code: &str, message: &str| json!({"code": code, "message": message, "hasRequestId": true});
    let expected = [
        ("load balancers", json!({"count": 1, "id": "lb-sdk", "status": 1, "vips": [vip]})),
        ("quotas", json!(200)),
        ("caller", json!(["100000000001", "CAMUser"])),
        ("busy", refused("FailedOperation.ResourceInOperating", busy)),
        ("create listener", json!({"ids": 1, "task": [2, 0]})),
        ("listeners", json!([[true, "sdk", "TCP", 8080, "TCP", ["SnatEnable", "RescheduleUnhealthy"]]])),
        ("register", json!([2, 0])),
        ("targets", json!([[["10.0.0.1"], port, 20, "sdk"]])),
        ("health", json!(["10.0.0.1", "Alive"])),
        ("batch deregister", json!([])),
        ("deregister again", refused("InvalidParameter", &format!("target 10.0.0.1:{port} is not registered"))),
        (
            "wrong key",
            refused(
                "AuthFailure.SignatureFailure",
                "The provided credentials could not be validated. Please check your signature is correct.",
            ),
        ),
        ("unknown load balancer", refused("InvalidParameter.LBIdNotFound", "LoadBalancer not exist: lb-unknown")),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(step, found)| (step.to_owned(), found)).collect();
    assert_eq!(steps(&output), expected);
}
