//! Listeners: what new ones show, what is refused, and the lock of their load balancer.

use serde_json::{Value, json};

use super::super::belief::Family::{Limits, Listeners, Locks};
use super::super::belief::{Belief, Verdict, assumption, fact};
use super::super::seen::{About, Leg};
use super::super::step::Needs::Certificate;
use super::super::step::{Scene, Step, call};
use super::{NO_LISTENER, nobodys};
use crate::model::Class;

/// Places of ports among those of the run.
const LAYER4: u16 = 0;
const LAYER7: u16 = 1;
const REFUSED: u16 = 2;
const TLS: u16 = 3;
const MANY: u16 = 50;

/// What makes the UDP listener: the first is refused while the load balancer is locked.
pub(super) const UDP: &[&str] = &["while-locked", "create-udp"];
/// What makes the HTTP listener.
pub(super) const HTTP: &[&str] = &["create-http-scheduler", "create-http"];

const LIST: &str = "Listeners";

/// A creation of one listener, with more members.
pub(super) fn creation(scene: &Scene<'_>, protocol: &str, place: u16, name: &str, more: &Value) -> Option<Value> {
    let mut body = json!({
        "LoadBalancerId": scene.load_balancer()?,
        "Ports": [scene.port(place)],
        "Protocol": protocol,
        "ListenerNames": [scene.named(name)],
    });
    for (member, value) in more.as_object().into_iter().flatten() {
        body[member.as_str()] = value.clone();
    }
    Some(body)
}

fn udp(scene: &Scene<'_>) -> Option<Value> {
    creation(scene, "UDP", LAYER4, "udp", &json!({}))
}

/// A read of one listener.
pub(super) fn read(scene: &Scene<'_>, steps: &[&str]) -> Option<Value> {
    Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": [scene.listener(steps)?]}))
}

/// A change of the TCP listener.
pub(super) fn change_tcp(scene: &Scene<'_>, member: &str, value: impl Into<Value>) -> Option<Value> {
    let mut body = json!({"LoadBalancerId": scene.load_balancer()?, "ListenerId": scene.listener(&["create-tcp"])?});
    body[member] = value.into();
    Some(body)
}

fn read_tcp(scene: &Scene<'_>) -> Option<Value> {
    read(scene, &["create-tcp"])
}

pub(super) const STEPS: &[Step] = &[
    call("create-tcp", "CreateListener", |scene| creation(scene, "TCP", LAYER4, "tcp", &json!({}))).hurries(),
    call("while-locked", "CreateListener", udp).hurries().once(),
    call("read-while-locked", "DescribeLoadBalancers", |scene| {
        Some(json!({"LoadBalancerIds": [scene.load_balancer()?]}))
    }),
    call("create-udp", "CreateListener", |scene| {
        scene.listener(&["create-tcp"])?;
        if scene.listener(&["while-locked"]).is_some() { None } else { udp(scene) }
    }),
    call("tcp", "DescribeListeners", read_tcp),
    call("udp", "DescribeListeners", |scene| read(scene, UDP)),
    call("unknown-listener", "DescribeListeners", |scene| {
        Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": [NO_LISTENER]}))
    }),
    call("listeners-101", "DescribeListeners", |scene| {
        Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": nobodys("lbl", 101)}))
    }),
    call("same-port", "CreateListener", |scene| creation(scene, "TCP", LAYER4, "twice", &json!({}))),
    call("ports-50", "CreateListener", |scene| {
        let ports: Vec<u16> = (0..50).map(|place| scene.port(MANY + place)).collect();
        let names: Vec<String> = (0..50).map(|place| scene.named(&format!("many-{place}"))).collect();
        creation(scene, "TCP", MANY, "many", &json!({"Ports": ports, "ListenerNames": names}))
    }),
    call("no-certificate", "CreateListener", |scene| creation(scene, "HTTPS", REFUSED, "refused", &json!({}))),
    call("idle-5", "CreateListener", |scene| {
        creation(scene, "TCP", REFUSED, "refused", &json!({"SessionExpireTime": 5}))
    }),
    call("create-http-scheduler", "CreateListener", |scene| {
        let check = json!({"HealthSwitch": 1});
        creation(scene, "HTTP", LAYER7, "http", &json!({"Scheduler": "WRR", "HealthCheck": check}))
    }),
    call("create-http", "CreateListener", |scene| match scene.listener(&["create-http-scheduler"]) {
        Some(_) => None,
        None => creation(scene, "HTTP", LAYER7, "http", &json!({})),
    }),
    call("http", "DescribeListeners", |scene| read(scene, HTTP)),
    call("create-https", "CreateListener", |scene| {
        let certificate = json!({"SSLMode": "UNIDIRECTIONAL", "CertId": scene.asked.certificate.as_ref()?});
        creation(scene, "HTTPS", TLS, "https", &json!({"Certificate": certificate}))
    })
    .needs(Certificate),
    call("rename-listener", "ModifyListener", |scene| change_tcp(scene, "ListenerName", scene.named("renamed"))),
    call("renamed-listener", "DescribeListeners", read_tcp),
    call("snat-on", "ModifyListener", |scene| change_tcp(scene, "SnatEnable", true)),
    call("snat-is-on", "DescribeListeners", read_tcp),
    call("snat-off", "ModifyListener", |scene| change_tcp(scene, "SnatEnable", false)),
    call("snat-is-off", "DescribeListeners", read_tcp),
    call("session-on", "ModifyListener", |scene| change_tcp(scene, "SessionExpireTime", 30)),
    call("session-is-on", "DescribeListeners", read_tcp),
    call("change-unknown-listener", "ModifyListener", |scene| {
        let (load_balancer, name) = (scene.load_balancer()?, scene.named("renamed"));
        Some(json!({"LoadBalancerId": load_balancer, "ListenerId": NO_LISTENER, "ListenerName": name}))
    }),
];

fn has_snat(row: &Value) -> (bool, String) {
    let flags = row["AttrFlags"].as_array().map(Vec::as_slice).unwrap_or_default();
    (flags.iter().any(|flag| flag == "SnatEnable"), format!("AttrFlags {}", row["AttrFlags"]))
}

pub(super) const BELIEFS: &[Belief] = &[
    fact(
        Listeners,
        "listener-ids-at-once",
        "CreateListener answers with one id for each port.",
        &["create-tcp"],
        |seen| {
            seen.reply_of("create-tcp", |reply| {
                let ids = reply["ListenerIds"].as_array().map_or(0, Vec::len);
                (ids == 1, format!("{ids} ids"))
            })
        },
    ),
    fact(
        Locks,
        "locked-by-a-task",
        "A write is refused with FailedOperation.ResourceInOperating while a task of the load balancer runs; the words have \"is not in \
         normal desState\".",
        &["create-tcp", "while-locked"],
        |seen| {
            let words = ["is not in normal desstate"];
            seen.refused_by_lock("while-locked", &["FailedOperation.ResourceInOperating"], &words)
        },
    ),
    fact(
        Locks,
        "reads-while-locked",
        "Reads are answered while a task of the load balancer runs.",
        &["create-tcp", "read-while-locked"],
        |seen| match seen.leg("read-while-locked") {
            refused @ Leg::Refused { class: Some(Class::Busy), .. } => {
                Verdict::Differs(refused.words("read-while-locked"))
            }
            _ => seen.accepted("read-while-locked", &[]),
        },
    ),
    fact(Locks, "task-statuses", "A task is 2 while it runs, then 0 or 1.", &["create-tcp/task"], |seen| {
        let statuses = seen.task_statuses();
        let fits = statuses.iter().all(|status| (0..=2).contains(status)) && statuses.contains(&0);
        let shown = [0, 1, 2].map(|status| statuses.iter().filter(|one| **one == status).count());
        Verdict::of(fits, format!("{} polls: 0 in {}, 1 in {}, 2 in {}", statuses.len(), shown[0], shown[1], shown[2]))
    }),
    assumption(
        Locks,
        "lock-lingers",
        "A load balancer stays locked for a moment after a task has ended.",
        &["create-tcp/task"],
        |seen| match seen.after_tasks() {
            (_, refused) if refused > 0 => Verdict::Believed(format!("{refused} writes after a task were refused")),
            (0, _) => Verdict::NotAsked(
                "no write was answered within half a second after a task still ran: calls take too long".to_owned(),
            ),
            (followed, _) => Verdict::Differs(format!("{followed} writes soon after a task were accepted")),
        },
    ),
    assumption(
        Locks,
        "reads-current",
        "A read that begins after a task has ended shows what the task has done.",
        &["rename-listener", "rename-listener/task", "renamed-listener"],
        |seen| match seen.reply("rename-listener/task").map(|task| &task["Status"]) {
            Some(status) if *status == 0 => seen.row_of("renamed-listener", LIST, |row| {
                let name = row["ListenerName"].as_str().unwrap_or_default();
                (name.ends_with("-renamed"), name.to_owned())
            }),
            _ => Verdict::NotAsked("the task did not end".to_owned()),
        },
    ),
    fact(
        Listeners,
        "tcp-and-udp-share-a-port",
        "A TCP and a UDP listener may have the same port.",
        &["tcp", "udp"],
        |seen| {
            seen.row_of("udp", LIST, |udp| {
                let tcp = seen.row("tcp", LIST).map_or(&Value::Null, |tcp| &tcp["Port"]);
                (udp["Port"] == *tcp && !tcp.is_null(), format!("TCP {tcp}, UDP {}", udp["Port"]))
            })
        },
    ),
    fact(
        Listeners,
        "layer4-defaults",
        "A new TCP listener has Scheduler WRR, SessionExpireTime 0, EndPort 0 and TargetType NODE.",
        &["tcp"],
        |seen| {
            seen.row_of("tcp", LIST, |row| {
                let expected = json!({"Scheduler": "WRR", "SessionExpireTime": 0, "EndPort": 0, "TargetType": "NODE"});
                let members = expected.as_object().into_iter().flatten();
                let other: Vec<_> = members
                    .filter(|(member, value)| row[member.as_str()] != **value)
                    .map(|(member, _)| format!("{member} {}", row[member.as_str()]))
                    .collect();
                (other.is_empty(), if other.is_empty() { "as believed".to_owned() } else { other.join(", ") })
            })
        },
    ),
    fact(Listeners, "listener-names", "A listener has the name that it was given.", &["tcp"], |seen| {
        seen.row_of("tcp", LIST, |row| {
            let name = row["ListenerName"].as_str().unwrap_or_default();
            (name.ends_with("-tcp"), name.to_owned())
        })
    }),
    fact(Listeners, "layer4-has-no-rules", "Rules of a TCP listener is null or empty.", &["tcp"], |seen| {
        seen.row_of("tcp", LIST, |row| {
            let rules = row["Rules"].as_array().map_or(0, Vec::len);
            (rules == 0, format!("{rules} rules"))
        })
    }),
    fact(
        Listeners,
        "unknown-listeners-absent",
        "DescribeListeners leaves out ids that nothing has.",
        &["unknown-listener"],
        |seen| seen.rows("unknown-listener", LIST, 0),
    ),
    fact(Limits, "listeners-100", "DescribeListeners takes at most 100 ids.", &["listeners-101"], |seen| {
        seen.refused("listeners-101", &["InvalidParameterValue.Length"], &[])
    }),
    fact(
        Listeners,
        "ports-are-unique",
        "A port that another listener has is refused with InvalidParameter.PortCheckFailed.",
        &["create-tcp", "same-port"],
        |seen| seen.refused_for(About::Taken, "same-port", &["InvalidParameter.PortCheckFailed"], &[]),
    ),
    fact(Limits, "ports-49", "CreateListener takes at most 49 ports.", &["ports-50"], |seen| {
        seen.refused("ports-50", &["InvalidParameterValue.Length", "InvalidParameterValue", "InvalidParameter"], &[])
    }),
    fact(
        Listeners,
        "https-needs-a-certificate",
        "An HTTPS listener without SNI and without a certificate is refused.",
        &["no-certificate"],
        |seen| seen.refused("no-certificate", &["MissingParameter", "InvalidParameter", "InvalidParameterValue"], &[]),
    ),
    fact(Limits, "sessions-30", "SessionExpireTime of a listener is 0 or at least 30 seconds.", &["idle-5"], |seen| {
        seen.refused("idle-5", &["InvalidParameterValue", "InvalidParameter"], &[])
    }),
    assumption(
        Listeners,
        "layer7-takes-schedulers",
        "CreateListener takes Scheduler and HealthCheck for HTTP, without effect.",
        &["create-http-scheduler"],
        |seen| {
            let verdict = seen
                .accepted("create-http-scheduler", &["InvalidParameterValue", "InvalidParameter", "UnknownParameter"]);
            // Without them, it is refused for another reason.
            match (&verdict, seen.refusal("create-http")) {
                (Verdict::Differs(_), Some(words)) => Verdict::NotAsked(words),
                _ => verdict,
            }
        },
    ),
    fact(
        Listeners,
        "layer7-has-no-check",
        "Scheduler and HealthCheck of an HTTP listener are null.",
        &["http"],
        |seen| {
            seen.row_of("http", LIST, |row| {
                let (scheduler, check) = (&row["Scheduler"], &row["HealthCheck"]);
                (scheduler.is_null() && check.is_null(), format!("Scheduler {scheduler}, HealthCheck {check}"))
            })
        },
    ),
    fact(
        Listeners,
        "listener-renamed",
        "A listener can be renamed.",
        &["rename-listener", "renamed-listener"],
        |seen| {
            seen.row_of("renamed-listener", LIST, |row| {
                let name = row["ListenerName"].as_str().unwrap_or_default();
                (name.ends_with("-renamed"), name.to_owned())
            })
        },
    ),
    assumption(
        Listeners,
        "flags-shown",
        "AttrFlags of a listener names SnatEnable when it is on.",
        &["snat-on", "snat-is-on"],
        |seen| seen.row_of("snat-is-on", LIST, has_snat),
    ),
    fact(
        Listeners,
        "flags-of-what-is-off",
        "AttrFlags of a listener does not name SnatEnable when it is off.",
        &["snat-off", "snat-is-off"],
        |seen| {
            seen.row_of("snat-is-off", LIST, |row| {
                let (is_on, words) = has_snat(row);
                (!is_on, words)
            })
        },
    ),
    fact(
        Listeners,
        "sessions-shown",
        "SessionExpireTime of a listener can be changed and is shown.",
        &["session-on", "session-is-on"],
        |seen| seen.member(("session-is-on", LIST), "SessionExpireTime", &json!(30)),
    ),
    fact(
        Listeners,
        "unknown-listeners-not-changed",
        "A change of an unknown listener is refused with InvalidParameter or what refines it.",
        &["change-unknown-listener"],
        |seen| seen.refused_for(About::Missing, "change-unknown-listener", &["InvalidParameter"], &[]),
    ),
];
