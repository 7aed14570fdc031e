//! Health checks of a TCP listener: defaults, changes in part, and what is refused.

use serde_json::{Value, json};

use super::super::belief::Family::{HealthChecks, Limits};
use super::super::belief::{Belief, Verdict, assumption, fact};
use super::super::seen::Seen;
use super::super::step::{Scene, Step, call};
use super::listeners::{change_tcp, read};

fn check(scene: &Scene<'_>, check: Value) -> Option<Value> {
    change_tcp(scene, "HealthCheck", check)
}

fn shown(scene: &Scene<'_>) -> Option<Value> {
    read(scene, &["create-tcp"])
}

pub(super) const STEPS: &[Step] = &[
    call("check-numbers", "ModifyListener", |scene| check(scene, json!({"HealthNum": 5, "UnHealthNum": 4}))),
    call("check-interval", "ModifyListener", |scene| check(scene, json!({"IntervalTime": 7}))),
    call("checked-in-part", "DescribeListeners", shown),
    call("check-port", "ModifyListener", |scene| check(scene, json!({"CheckPort": 8081}))),
    call("checked-port", "DescribeListeners", shown),
    call("check-port-usual", "ModifyListener", |scene| check(scene, json!({"CheckPort": -1}))),
    call("checked-port-usual", "DescribeListeners", shown),
    call("check-http", "ModifyListener", |scene| {
        let domain = "check.conformance.example";
        check(scene, json!({"CheckType": "HTTP", "HttpVersion": "HTTP/1.1", "HttpCheckDomain": domain}))
    }),
    call("checked-http", "DescribeListeners", shown),
    call("check-tcp", "ModifyListener", |scene| check(scene, json!({"CheckType": "TCP"}))),
    call("checked-tcp", "DescribeListeners", shown),
    call("check-timeout-1", "ModifyListener", |scene| check(scene, json!({"TimeOut": 1}))),
    call("check-timeout-long", "ModifyListener", |scene| check(scene, json!({"TimeOut": 20, "IntervalTime": 10}))),
    call("check-ping", "ModifyListener", |scene| check(scene, json!({"CheckType": "PING"}))),
    call("check-without-domain", "ModifyListener", |scene| {
        check(scene, json!({"CheckType": "HTTP", "HttpVersion": "HTTP/1.1"}))
    }),
];

/// Members of an HTTP check.
const HTTP_MEMBERS: [&str; 5] = ["HttpCode", "HttpCheckPath", "HttpCheckDomain", "HttpCheckMethod", "HttpVersion"];

/// Judges the check that a listener shows.
fn check_of(seen: &Seen<'_>, step: &str, judge: fn(&Value) -> (bool, String)) -> Verdict {
    seen.row_of(step, "Listeners", |row| judge(&row["HealthCheck"]))
}

/// Which of the members are not as expected.
fn differing(check: &Value, expected: &Value) -> (bool, String) {
    let members = expected.as_object().into_iter().flatten();
    let other: Vec<_> = members
        .filter(|(member, value)| check[member.as_str()] != **value)
        .map(|(member, _)| format!("{member} {}", check[member.as_str()]))
        .collect();
    (other.is_empty(), if other.is_empty() { "as believed".to_owned() } else { other.join(", ") })
}

/// Which members of an HTTP check are not null.
fn http_members(check: &Value) -> (bool, String) {
    let has: Vec<_> = HTTP_MEMBERS.into_iter().filter(|member| !check[*member].is_null()).collect();
    (has.is_empty(), if has.is_empty() { "all are null".to_owned() } else { format!("has {}", has.join(", ")) })
}

pub(super) const BELIEFS: &[Belief] = &[
    fact(
        HealthChecks,
        "check-defaults",
        "The usual check of a TCP listener is on, of type TCP, each 5 s with 2 s of patience, with 3 in a row for either verdict.",
        &["tcp"],
        |seen| {
            seen.row_of("tcp", "Listeners", |row| {
                let usual = json!({
                    "HealthSwitch": 1, "CheckType": "TCP", "IntervalTime": 5, "TimeOut": 2, "HealthNum": 3, "UnHealthNum": 3,
                });
                differing(&row["HealthCheck"], &usual)
            })
        },
    ),
    fact(HealthChecks, "udp-is-pinged", "The usual check of a UDP listener is of type PING.", &["udp"], |seen| {
        seen.row_of("udp", "Listeners", |row| differing(&row["HealthCheck"], &json!({"CheckType": "PING"})))
    }),
    fact(
        HealthChecks,
        "members-of-tcp-checks",
        "Members of an HTTP check are null in a TCP check that was never another.",
        &["tcp"],
        |seen| seen.row_of("tcp", "Listeners", |row| http_members(&row["HealthCheck"])),
    ),
    assumption(
        HealthChecks,
        "checks-kept",
        "What a change of a health check leaves out stays as it is.",
        &["check-numbers", "check-interval", "checked-in-part"],
        |seen| {
            check_of(seen, "checked-in-part", |check| {
                differing(check, &json!({"IntervalTime": 7, "HealthNum": 5, "UnHealthNum": 4}))
            })
        },
    ),
    fact(
        HealthChecks,
        "check-ports-shown",
        "CheckPort can be set and is shown.",
        &["check-port", "checked-port"],
        |seen| check_of(seen, "checked-port", |check| differing(check, &json!({"CheckPort": 8081}))),
    ),
    fact(
        HealthChecks,
        "check-port-restored",
        "CheckPort -1 restores the usual port, which is shown as null, 0 or -1.",
        &["check-port-usual", "checked-port-usual"],
        |seen| {
            check_of(seen, "checked-port-usual", |check| {
                let port = check["CheckPort"].as_i64().unwrap_or_default();
                (port <= 0, format!("CheckPort {}", check["CheckPort"]))
            })
        },
    ),
    fact(
        HealthChecks,
        "http-check-defaults",
        "An HTTP check of a TCP listener has HttpCode 31, HttpCheckPath / and HttpCheckMethod HEAD when nothing else was asked for.",
        &["check-http", "checked-http"],
        |seen| {
            check_of(seen, "checked-http", |check| {
                let usual =
                    json!({"CheckType": "HTTP", "HttpCode": 31, "HttpCheckPath": "/", "HttpCheckMethod": "HEAD"});
                differing(check, &usual)
            })
        },
    ),
    assumption(
        HealthChecks,
        "members-dropped",
        "Members of a health check that its type does not have are null, also after a change of the type.",
        &["check-http", "check-tcp", "checked-tcp"],
        |seen| check_of(seen, "checked-tcp", http_members),
    ),
    fact(Limits, "check-timeout-2", "TimeOut of a health check is at least 2.", &["check-timeout-1"], |seen| {
        seen.refused("check-timeout-1", &["InvalidParameterValue", "InvalidParameter"], &[])
    }),
    fact(
        HealthChecks,
        "timeout-below-interval",
        "TimeOut of a health check is less than IntervalTime.",
        &["check-timeout-long"],
        |seen| seen.refused("check-timeout-long", &["InvalidParameterValue", "InvalidParameter"], &[]),
    ),
    fact(HealthChecks, "no-ping-for-tcp", "A TCP listener has no check of type PING.", &["check-ping"], |seen| {
        seen.refused("check-ping", &["InvalidParameterValue", "InvalidParameter"], &[])
    }),
    fact(
        HealthChecks,
        "http-check-needs-a-domain",
        "An HTTP check of a TCP listener needs HttpCheckDomain.",
        &["checked-tcp", "check-without-domain"],
        |seen| match seen.row("checked-tcp", "Listeners") {
            Some(row) if row["HealthCheck"]["HttpCheckDomain"].is_null() => {
                let codes = ["InvalidParameterValue", "InvalidParameter", "MissingParameter"];
                seen.refused("check-without-domain", &codes, &[])
            }
            _ => Verdict::NotAsked("the domain of an earlier check was kept".to_owned()),
        },
    ),
];
