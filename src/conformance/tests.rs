//! The table and the script, without a cloud.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::recording::{Answer, Entry, Inputs, Recording};
use super::redact::redact;
use super::step::{ACTIONS, script, step};
use super::{Verdict, beliefs, judge};

#[test]
fn the_table_is_whole() {
    let names: BTreeSet<_> = beliefs().map(|belief| belief.name).collect();
    assert_eq!(names.len(), beliefs().count(), "a name is given twice");
    assert!(names.len() >= 40, "{}", names.len());
    let steps: BTreeSet<_> = script().map(|step| step.name).collect();
    assert_eq!(steps.len(), script().count(), "a step is named twice");
    for belief in beliefs() {
        for name in belief.steps {
            assert!(
                step(name.strip_suffix("/task").unwrap_or(name)).is_some(),
                "{}: there is no step {name}",
                belief.name
            );
        }
        assert!(!belief.steps.is_empty() && belief.belief.ends_with('.'), "{}", belief.name);
    }
}

#[test]
fn the_actions_are_those_of_the_script() {
    let called: BTreeSet<_> = script().map(|step| step.action).chain(["DescribeTaskStatus"]).collect();
    assert_eq!(called, ACTIONS.iter().copied().collect());
    assert!(ACTIONS.is_sorted());
}

fn recording(calls: Vec<(&str, &str, Value, Answer)>) -> Recording {
    let entry = |(step, action, request, answer): (&str, &str, Value, Answer)| Entry {
        step: step.to_owned(),
        action: action.to_owned(),
        request,
        answer,
        at: 0,
        milliseconds: 1,
    };
    let inputs = Inputs { own_load_balancer: true, dynamic_vip: false, has_target: true, has_certificate: false };
    Recording { version: String::new(), inputs, is_cut: false, calls: calls.into_iter().map(entry).collect() }
}

fn refused(code: &str, message: &str) -> Answer {
    Answer::Error { code: code.to_owned(), message: message.to_owned() }
}

fn verdict(recording: &Recording, name: &str) -> Verdict {
    judge(recording).into_iter().find(|one| one.belief.name == name).unwrap().verdict
}

#[test]
fn judgements_follow_what_was_seen() {
    let listeners = |row: Value| Answer::Reply(json!({"Listeners": [row]}));
    let done = || Answer::Reply(json!({}));
    let describe = "DescribeListeners";
    let unknown = |answer| vec![("unknown-listeners", describe, json!({}), answer)];
    let not_exist = "LoadBalancer not exist: lb-1";
    let flags = |flags: Value| {
        let row = json!({"ListenerId": "lbl-1", "AttrFlags": flags});
        vec![("snat-on", "ModifyListener", json!({}), done()), ("snat-is-on", describe, json!({}), listeners(row))]
    };
    let busy =
        || refused("FailedOperation.ResourceInOperating", "Loadbalancer(lb-1) is not in normal desState, later.");
    let locked = |first: Answer, then: Option<Answer>| {
        let mut calls = vec![
            ("create-tcp", "CreateListener", json!({}), done()),
            ("while-locked", "CreateListener", json!({}), first),
        ];
        calls.extend(then.map(|answer| ("while-locked", "CreateListener", json!({}), answer)));
        calls
    };
    for (name, calls, word) in [
        ("listeners-of-nothing", unknown(refused("InvalidParameter.LBIdNotFound", not_exist)), "believed"),
        ("listeners-of-nothing", unknown(refused("InvalidParameter.LBIdNotFound", "unknown")), "differs"),
        ("listeners-of-nothing", unknown(refused("InvalidParameter", not_exist)), "differs"),
        ("listeners-of-nothing", unknown(done()), "differs"),
        ("listeners-of-nothing", unknown(refused("UnauthorizedOperation", "no")), "not asked"),
        ("listeners-of-nothing", unknown(Answer::Unanswered("no reply".to_owned())), "not asked"),
        ("listeners-of-nothing", vec![], "not asked"),
        ("flags-shown", flags(json!(["SnatEnable"])), "believed"),
        ("flags-shown", flags(json!([])), "differs"),
        ("flags-shown", flags(Value::Null), "differs"),
        ("locked-by-a-task", locked(busy(), None), "believed"),
        ("locked-by-a-task", locked(done(), None), "differs"),
        ("locked-by-a-task", locked(refused("FailedOperation", "is not in normal desState"), None), "not asked"),
    ] {
        let recording = recording(calls);
        assert_eq!(verdict(&recording, name).word(), word, "{name}: {:?}", recording.calls);
    }
}

/// What was in the way of a call says nothing of what it asked for.
#[test]
fn a_refusal_for_another_reason_is_no_answer() {
    let on_tcp = |step: &'static str, action: &'static str, answer: Answer| {
        let listener = Answer::Reply(json!({"ListenerIds": ["lbl-1"]}));
        vec![("create-tcp", "CreateListener", json!({}), listener), (step, action, json!({}), answer)]
    };
    let invalid = |message| refused("InvalidParameter", message);
    let taken = || refused("InvalidParameter.PortCheckFailed", "port 20002 is used by listener lbl-7 (TCP)");
    let (modify, create) = ("ModifyListener", "CreateListener");
    for (name, calls, word) in [
        ("check-timeout-2", on_tcp("check-timeout-1", modify, invalid("TimeOut must be within 2 and 60")), "believed"),
        ("check-timeout-2", on_tcp("check-timeout-1", modify, invalid("ListenerId lbl-1 not found")), "not asked"),
        (
            "check-timeout-2",
            on_tcp("check-timeout-1", modify, refused("InvalidParameter.LBIdNotFound", "")),
            "not asked",
        ),
        ("sessions-30", on_tcp("idle-5", create, taken()), "not asked"),
        ("sessions-30", on_tcp("idle-5", create, invalid("the port is already in use")), "not asked"),
        ("sessions-30", on_tcp("idle-5", create, refused("InvalidParameterValue.Range", "30 to 3600")), "believed"),
        ("https-needs-a-certificate", on_tcp("no-certificate", create, taken()), "not asked"),
        ("ports-49", on_tcp("ports-50", create, taken()), "not asked"),
        ("ports-are-unique", on_tcp("same-port", create, taken()), "believed"),
        ("ports-are-unique", on_tcp("same-port", create, invalid("Ports must be numbers")), "differs"),
        ("unknown-listeners-not-changed", on_tcp("change-unknown-listener", modify, taken()), "not asked"),
    ] {
        let recording = recording(calls);
        assert_eq!(verdict(&recording, name).word(), word, "{name}: {:?}", recording.calls);
    }
}

#[test]
fn a_lock_lingers_when_a_write_after_a_task_meets_it() {
    let over = || ("create-tcp/task", "DescribeTaskStatus", json!({}), Answer::Reply(json!({"Status": 0})));
    let runs = || ("create-tcp/task", "DescribeTaskStatus", json!({}), Answer::Reply(json!({"Status": 2})));
    let write = |answer| ("snat-on", "ModifyListener", json!({}), answer);
    let busy = || refused("FailedOperation.ResourceInOperating", "");
    let word = |calls| verdict(&recording(calls), "lock-lingers").word();
    let done = || write(Answer::Reply(json!({})));
    assert_eq!(word(vec![over(), write(busy())]), "believed");
    assert_eq!(word(vec![runs(), over(), done()]), "differs");
    assert_eq!(word(vec![runs(), write(busy())]), "not asked");
    assert_eq!(word(vec![runs(), over(), done(), write(busy())]), "differs", "of another task");
    assert_eq!(word(vec![over(), done()]), "not asked", "nobody knows how long it was over");
    // Where calls take long, a lock may be over before the write arrives.
    let mut slow = recording(vec![runs(), over(), done()]);
    for (entry, at) in slow.calls.iter_mut().zip([0, 300, 600]) {
        (entry.at, entry.milliseconds) = (at, 250);
    }
    assert_eq!(verdict(&slow, "lock-lingers").word(), "not asked");
}

/// A batch that failed on a listener has not done there what other questions build on, and a load balancer that is gone answers none.
#[test]
fn what_is_not_there_answers_nothing() {
    let failed = || Answer::Reply(json!({"FailListenerIdSet": ["lbl-1"]}));
    let shown = || Answer::Reply(json!({"Listeners": [{"ListenerId": "lbl-1", "Targets": []}]}));
    let calls = || {
        vec![
            ("register", "BatchRegisterTargets", json!({}), failed()),
            ("targets", "DescribeTargets", json!({}), shown()),
            ("register-again", "BatchRegisterTargets", json!({}), Answer::Reply(json!({}))),
            ("registered-again", "DescribeTargets", json!({}), shown()),
        ]
    };
    for name in ["batches-without-failures", "addresses-shown", "layer4-targets", "registered-again"] {
        assert_eq!(verdict(&recording(calls()), name).word(), "not asked", "{name}");
    }
    let gone = || refused("InvalidParameter.LBIdNotFound", "LoadBalancer not exist: lb-1");
    let register = || ("register", "BatchRegisterTargets", json!({}), Answer::Reply(json!({})));
    for (name, calls) in [
        (
            "unknown-listeners-in-batches",
            vec![register(), ("register-nowhere", "BatchRegisterTargets", json!({}), gone())],
        ),
        (
            "unknown-listeners-stop-deletions",
            vec![("delete-some-unknown", "DeleteLoadBalancerListeners", json!({}), gone())],
        ),
        ("unknown-listeners-not-changed", vec![("change-unknown-listener", "ModifyListener", json!({}), gone())]),
    ] {
        assert_eq!(verdict(&recording(calls), name).word(), "not asked", "{name}");
    }
}

/// Whatever a reply has in whatever place, nothing of it is in the recording that the API does not have.
#[test]
fn a_marker_at_any_place_of_a_reply_is_gone() {
    let markers = [
        "acme-prod-payments",
        "100012345678",
        "Acme",
        "ip-10-77-1-9",
        "1000-1234-5678",
        "10.77.1.9",
        "alice@example.com",
        "支付",
    ];
    let members = [
        "HealthStatusDetail",
        "Name",
        "Protocol",
        "Url",
        "LoadBalancerName",
        "Message",
        "TagValue",
        "AttrFlags",
        "Other",
    ];
    for marker in markers {
        let mut rows: Vec<Value> = members.iter().map(|member| json!({*member: marker})).collect();
        // A member of the shape of the API's members is kept.
        rows.extend((marker != "Acme").then(|| json!({marker: 1})));
        rows.push(json!({"Tags": [marker, {"TagKey": marker}]}));
        let reply = Answer::Reply(json!({"LoadBalancerSet": rows, "RequestId": marker}));
        let words = format!("the target of {marker} ({marker}) is {marker}, not \"{marker}\"");
        let calls = vec![
            ("created", "DescribeLoadBalancers", json!({}), reply),
            ("rename", "ModifyLoadBalancerAttributes", json!({}), refused("InvalidParameter", &words)),
            ("renamed", "DescribeLoadBalancers", json!({}), refused(&format!("FailedOperation.{marker}"), "")),
            ("deleted", "DescribeLoadBalancers", json!({}), Answer::Unanswered(marker.to_owned())),
        ];
        let text = serde_json::to_string(&redact(&recording(calls), "0a1b2c3d", &[]).unwrap()).unwrap();
        assert!(!text.contains(marker), "{marker}: {text}");
    }
}

#[test]
fn what_is_somebodys_is_taken_away_and_the_same_in_every_place() {
    let row = json!({
        "LoadBalancerId": "lb-6efswuxa", "LoadBalancerName": "clb-conformance-0a1b2c3d", "Status": 1, "ProjectId": 1_177_001,
        "LoadBalancerVips": ["10.77.3.9"], "VpcId": "vpc-a1b2c3d4", "CreateTime": "2026-11-27 13:00:00", "Owner": "alice",
        "Tags": [{"TagKey": "clb-conformance", "TagValue": "0a1b2c3d"}, {"TagKey": "team", "TagValue": "payments"}],
        "AddressIPv6": "2402:4e00:1000::77",
    });
    let other = json!({"LoadBalancerId": "lb-theirs00", "LoadBalancerName": "shop", "Status": 1, "LoadBalancerVips": ["203.0.113.7"]});
    let words = "uin 100000000001 (qcs::clb:gz:uin/100000000001:clb/lb-6efswuxa) of alice@example.com at 10.77.3.9 may not use certname of group \
         Payments in team-crimson (支付)";
    let calls = vec![
        (
            "created",
            "DescribeLoadBalancers",
            json!({"LoadBalancerIds": ["lb-6efswuxa"]}),
            Answer::Reply(json!({"LoadBalancerSet": [row, other]})),
        ),
        (
            "register",
            "BatchRegisterTargets",
            json!({"LoadBalancerId": "lb-6efswuxa", "EniIp": "10.77.3.9"}),
            refused("InvalidParameter", words),
        ),
    ];
    let redacted = redact(&recording(calls), "0a1b2c3d", &["certname".to_owned()]).unwrap();
    let text = serde_json::to_string(&redacted).unwrap();
    for theirs in [
        "6efswuxa",
        "theirs00",
        "10.77.",
        "203.0",
        "0a1b2c3d",
        "a1b2c3d4",
        "2026-11",
        "alice",
        "payments",
        "team",
        "1177001",
        "100000000001",
        "2402",
        "certname",
        "Payments",
        "crimson",
        "支付",
        "shop",
    ] {
        assert!(!text.contains(theirs), "{theirs}: {text}");
    }
    let Answer::Reply(reply) = &redacted.calls[0].answer else { unreachable!() };
    let row = &reply["LoadBalancerSet"][0];
    assert_eq!(row["LoadBalancerId"], redacted.calls[0].request["LoadBalancerIds"][0]);
    assert_eq!(row["LoadBalancerVips"][0], redacted.calls[1].request["EniIp"]);
    assert_eq!((&row["Status"], &row["LoadBalancerName"]), (&json!(1), &json!("clb-conformance-run")));
    assert_eq!(
        reply["LoadBalancerSet"][1].as_object().map(|row| row.len()),
        Some(1),
        "of what is theirs, only that it is there"
    );
    let Answer::Error { message, .. } = &redacted.calls[1].answer else { unreachable!() };
    assert!(
        message.contains("may not use") && message.contains("of group word-"),
        "words of the cloud stay: {message}"
    );
    assert!(message.contains(redacted.calls[1].request["EniIp"].as_str().unwrap()), "{message}");
}
