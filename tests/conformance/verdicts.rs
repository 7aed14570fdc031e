//! A refusal says nothing of what a reply would have shown, and a run that could not ask says so.

use std::num::NonZeroU8;

use serde_json::{Value, json};
use tke_direct_access::conformance::{Conclusion, Recording, conclusion, judge};
use tke_direct_access::sim::{LoadBalancerSpec, Simulator};

use super::killed::{output, program};
use super::proxy;
use super::stage::{asked, differing, run, settings, start, with};

fn not_asked(recording: &Recording) -> Vec<&'static str> {
    with(recording, "not asked").into_iter().map(|(name, _)| name).collect()
}

/// A run on a load balancer of somebody's that has what this says.
async fn given(simulator: &Simulator) -> Recording {
    run(&simulator.endpoint(), &asked(Some("lb-theirs00"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_is_not_asked_and_differs_nowhere_else() {
    let mut settings = settings();
    settings.load_balancers = vec!["lb-theirs00,TCP:9999".parse::<LoadBalancerSpec>().unwrap()];
    settings.denied_actions.insert("DescribeTargets".to_owned());
    let simulator = start(settings, NonZeroU8::new(21).unwrap());
    let recording = given(&simulator).await;
    assert_eq!(differing(&recording), ["all-is-allowed"], "{:?}", with(&recording, "differs"));
    let seen = with(&recording, "not asked");
    let (_, why) = seen.iter().find(|(name, _)| *name == "batches-wait").unwrap();
    assert!(why.contains("was refused with UnauthorizedOperation"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_and_what_was_meant_to_be_asked_is_not_forgotten() {
    let mut settings = settings();
    settings.load_balancers = vec!["lb-theirs00,TCP:20000".parse::<LoadBalancerSpec>().unwrap()];
    let simulator = start(settings, NonZeroU8::new(22).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&simulator, folder.path(), &["--yes", "--load-balancer", "lb-theirs00"]);
    let ended = super::killed::ended(command.spawn().unwrap()).await;
    let text = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(3), "{text}");
    assert!(text.contains("--first-port") && text.contains("PortCheckFailed") && !text.contains(" differs "), "{text}");
    // Listeners with the other ports are tried, and what they need is in the words.
    let (code, words) = output(program(
        &simulator,
        folder.path(),
        &["--yes", "--load-balancer", "lb-theirs00", "--first-port", "21000"],
    ))
    .await;
    assert_eq!(code, Some(0), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_refused_is_no_difference() {
    let simulator = start(settings(), NonZeroU8::new(23).unwrap());
    let proxy = proxy::start(&simulator.endpoint(), |action, _, reply| {
        if action.ends_with("RegisterTargets") {
            *reply = json!({"Error": {"Code": "InvalidParameter", "Message": "the address is not of the version"}, "RequestId": "0"});
        }
    })
    .await;
    let recording = run(&proxy.endpoint, &asked(None)).await;
    assert_eq!(differing(&recording), Vec::<&str>::new(), "{:?}", with(&recording, "differs"));
    assert_eq!(conclusion(&judge(&recording)), Conclusion::NotAllAsked);
    for name in ["batches-wait", "targets-20", "weights-100", "found-by-address", "weight-10"] {
        assert!(not_asked(&recording).contains(&name), "{name}");
    }
}

/// A cloud that ignores filters: it answers as if there was none.
fn ignores_filters(action: &str, request: &Value, reply: &mut Value) {
    let Some(name) = request["Filters"][0]["Name"].as_str() else { return };
    let value = request["Filters"][0]["Values"][0].as_str().unwrap_or_default();
    if action == "DescribeTargets" && name == "private-ip-address" && value == "203.0.113.1" {
        reply["Listeners"] = json!([{"ListenerId": request["ListenerIds"][0], "Targets": [{"Port": 1}]}]);
    }
    if action == "DescribeLoadBalancers" && name == "tag-key" && value.ends_with("nobodys") {
        reply["LoadBalancerSet"] = json!([{"LoadBalancerId": request["LoadBalancerIds"][0]}]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_ignored_is_named() {
    let simulator = start(settings(), NonZeroU8::new(24).unwrap());
    let proxy = proxy::start(&simulator.endpoint(), ignores_filters).await;
    let recording = run(&proxy.endpoint, &asked(None)).await;
    assert_eq!(differing(&recording), ["found-by-address", "found-by-key"], "{:?}", with(&recording, "differs"));
}

/// A cloud that ignores filters shows what is somebody else's, where the run's own could not be made.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_filter_did_not_keep_out_is_not_touched() {
    let mut settings = settings();
    settings.load_balancers = vec!["lb-theirs00,TCP:9999,HTTP:80".parse::<LoadBalancerSpec>().unwrap()];
    settings.denied_actions.insert("CreateLoadBalancer".to_owned());
    let simulator = start(settings, NonZeroU8::new(26).unwrap());
    let before = simulator.state();
    let proxy = proxy::start(&simulator.endpoint(), |action, request, reply| {
        if action == "DescribeLoadBalancers" && request["Filters"].is_array() {
            let theirs =
                json!({"LoadBalancerId": "lb-theirs00", "LoadBalancerName": "theirs", "Status": 1, "Tags": []});
            *reply = json!({"TotalCount": 1, "LoadBalancerSet": [theirs], "RequestId": "0"});
        }
    })
    .await;
    run(&proxy.endpoint, &asked(None)).await;
    assert_eq!(simulator.state(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_run_without_more_agrees() {
    let simulator = start(settings(), NonZeroU8::new(25).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&simulator, folder.path(), &["--public", "--yes"]);
    let ended = super::killed::ended(command.spawn().unwrap()).await;
    let words = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{words}{}", String::from_utf8_lossy(&ended.stdout));
    for part in [
        "Account 100000000001",
        "region ap-guangzhou",
        &simulator.endpoint(),
        "prices: https://",
        "Asks about listeners",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_domain_names_is_asked_with_a_flag() {
    let mut settings = settings();
    settings.dialect = [tke_direct_access::sim::Departure::DomainsOnly].into_iter().collect();
    let simulator = start(settings, NonZeroU8::new(26).unwrap());
    let mut asked = asked(None);
    let refused = run(&simulator.endpoint(), &asked).await;
    let seen = with(&refused, "differs");
    assert!(matches!(&seen[..], [("fixed-addresses", why)] if why.contains("--dynamic-vip")), "{seen:?}");
    asked.dynamic_vip = true;
    assert_eq!(differing(&run(&simulator.endpoint(), &asked).await), Vec::<&str>::new());
}

#[test]
fn a_run_that_was_cut_says_so() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/simulator.json");
    let mut recording = Recording::read(&path).unwrap();
    recording.calls.truncate(recording.calls.len() / 2);
    recording.is_cut = true;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.json");
    recording.write(&path).unwrap();
    assert_eq!(Recording::read(&path).unwrap(), recording);
    let judged = judge(&recording);
    assert_eq!(conclusion(&judged), Conclusion::NotAllAsked);
    let text = tke_direct_access::conformance::table(&judged, &recording);
    assert!(text.contains("ended by its time limit") && text.contains("there was no time"), "{text}");
}

#[test]
fn a_given_load_balancer_needs_no_right_to_make_one() {
    let policy = |flags: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_clb-conformance"));
        let output = command.env_clear().arg("--cam-policy").args(flags).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(policy(&[]).contains("clb:CreateLoadBalancer"));
    let given = policy(&["--load-balancer", "lb-theirs00"]);
    for action in
        ["CreateLoadBalancer", "DeleteLoadBalancer\"", "ModifyLoadBalancerAttributes", "SetLoadBalancerSecurityGroups"]
    {
        assert!(!given.contains(action), "{action}");
    }
    assert!(given.contains("clb:DeleteLoadBalancerListeners") && given.contains("clb:BatchRegisterTargets"));
}
