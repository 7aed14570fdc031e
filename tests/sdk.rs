//! Tencent's own SDK against the simulator: what the SDK accepts, other clients can rely on.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod vendor;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tke_direct_access::sim::{Identities, LoadBalancerSpec, Settings, Simulator, Timing};
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

/// Runs a script against a simulator. Its first arguments are the endpoint and the key pair.
async fn script(simulator: &Simulator, name: &'static str, arguments: Vec<String>) -> Output {
    let endpoint = simulator.endpoint().replace("http://", "");
    let (secret_id, secret_key) = simulator.credentials();
    let reached = [endpoint, secret_id.to_owned(), secret_key.to_owned()];
    let output = tokio::task::spawn_blocking(move || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name);
        // Python writes no compiled files beside the scripts.
        let mut command = Command::new(python());
        command.arg("-B").arg(script).args(reached).args(arguments);
        // The service is on this machine: no proxy, whatever the environment says.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        run(&mut command, "the SDK's script failed")
    });
    output.await.expect("the script ran")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_sdk_drives_the_simulator() {
    let timing = Timing { scale: 1.0, health_scale: Some(0.02), ..Timing::default() };
    let load_balancers = vec![LoadBalancerSpec::with_id("lb-sdk")];
    let simulator = Simulator::start(Settings { timing, load_balancers, ..Settings::default() }).expect("it starts");
    let pod = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = pod.local_addr().expect("an address").port();
    let output = script(&simulator, "drive.py", vec!["lb-sdk".into(), "10.0.0.1".into(), port.to_string()]).await;
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

/// As the table of calls has them.
fn identities() -> Identities {
    Identities {
        provider: "provider".to_owned(),
        role_arn: "qcs::cam::uin/100000000001:roleName/direct-access".to_owned(),
        tokens: ["token".to_owned()].into(),
        machine_role: Some("node-role".to_owned()),
        longest: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_sdk_gets_credentials_from_the_simulator() {
    let Identities { provider, role_arn, .. } = identities();
    let simulator = Simulator::start(Settings { identities: identities(), ..Settings::instant() }).expect("it starts");
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "token").expect("it is written");
    let output = script(&simulator, "identity.py", vec![provider, token.display().to_string(), role_arn]).await;
    let expected = ["role of a Pod", "role of a machine"].map(|step| (step.to_owned(), json!(true)));
    assert_eq!(steps(&output), expected);
}

/// Requests that the SDK does not make by itself, and the codes they are refused with; `none`: they succeed.
const REQUESTS: [(&str, &str); 24] = [
    ("a good request", "none"),
    ("a payload that is not signed", "none"),
    ("another key", "AuthFailure.SignatureFailure"),
    ("another id", "AuthFailure.SecretIdNotFound"),
    ("a changed body", "AuthFailure.SignatureFailure"),
    ("another media type", "AuthFailure.SignatureFailure"),
    ("no signature", "AuthFailure.InvalidAuthorization"),
    ("a malformed signature", "AuthFailure.InvalidAuthorization"),
    ("a clock that is 290 s slow", "none"),
    ("a clock that is 290 s fast", "none"),
    ("a clock that is 310 s slow", "AuthFailure.SignatureExpire"),
    ("a clock that is 310 s fast", "AuthFailure.SignatureExpire"),
    ("a time that is no number", "InvalidParameter"),
    ("no time", "MissingParameter"),
    ("another region", "UnsupportedRegion"),
    ("no region", "MissingParameter"),
    ("another version", "NoSuchVersion"),
    ("no version", "MissingParameter"),
    ("another service", "NoSuchProduct"),
    ("no action", "MissingParameter"),
    ("GET", "UnsupportedProtocol"),
    ("a body that is no JSON", "InvalidParameter"),
    ("a body that ends early", "InvalidParameter"),
    ("a body that is a text", "InvalidParameter"),
];

/// A table of calls, which `cargo test contract` makes without HTTP.
fn table(name: &str) -> (PathBuf, Vec<Value>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract").join(name);
    let text = std::fs::read_to_string(&path).expect("the table");
    (path, serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_sdk_makes_every_call_and_is_refused_with_documented_codes() {
    let simulator = Simulator::start(Settings { identities: identities(), ..Settings::instant() }).expect("it starts");
    let ((calls_at, calls), (refused_at, refused)) = (table("calls.json"), table("refused.json"));
    let arguments = [calls_at, refused_at].map(|path| path.display().to_string()).to_vec();
    let output = script(&simulator, "tables.py", arguments).await;
    let member = |row: &Value, key: &str| row[key].as_str().expect("a text").to_owned();
    let actions: BTreeSet<String> = calls.iter().map(|row| member(row, "action")).collect();
    let codes: BTreeMap<String, String> =
        refused.iter().map(|row| (member(row, "case"), member(row, "code"))).collect();
    let found: BTreeMap<String, Value> = steps(&output).into_iter().collect();
    assert_eq!(found["actions"], json!(actions));
    assert_eq!(differences(&found["bad inputs"], &codes), Vec::<String>::new());
    let requests = REQUESTS.iter().map(|(case, code)| ((*case).to_owned(), (*code).to_owned())).collect();
    assert_eq!(differences(&found["bad requests"], &requests), Vec::<String>::new());
    assert_eq!(found["codes that are not documented"], json!([]));
}

/// The cases that have another code than they should, or are in one of the two only.
fn differences(found: &Value, expected: &BTreeMap<String, String>) -> Vec<String> {
    let found = found.as_object().expect("codes by case");
    let cases: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let pairs = cases.into_iter().map(|case| (case, found.get(case).and_then(Value::as_str), expected.get(case)));
    let differ = pairs.filter(|(_, found, expected)| *found != expected.map(String::as_str));
    differ.map(|(case, found, expected)| format!("{case}: {found:?} instead of {expected:?}")).collect()
}
