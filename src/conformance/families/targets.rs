//! Targets: registering, what is shown of them, weights, tags, health, and deregistering.

use serde_json::{Value, json};

use super::super::belief::Family::{Health, Tags, Targets};
use super::super::belief::{Belief, Verdict, assumption, fact};
use super::super::seen::{About, Leg, Seen};
use super::super::step::Needs::Target;
use super::super::step::{Scene, Step, call};
use super::listeners::{HTTP, change_tcp, creation};
use super::rules::made;

/// The place of the second TCP listener's port.
const ANOTHER: u16 = 10;

/// The tag of the target, and the one that it gets later.
const TAG: &str = "clb-conformance-target";
const NEW_TAG: &str = "clb-conformance-changed";

/// What no target has: a tag, and an address that is for documentation.
const NOBODYS: &str = "clb-conformance-nobodys";
const NOWHERE: &str = "203.0.113.1";

/// The target, with the members that a registration has beside its address.
fn target(scene: &Scene<'_>, more: &Value) -> Option<Value> {
    let (ip, port) = scene.target()?;
    let mut target = json!({"EniIp": ip, "Port": port});
    for (member, value) in more.as_object().into_iter().flatten() {
        target[member.as_str()] = value.clone();
    }
    Some(target)
}

/// A batch with the target on the TCP listener.
fn batch(scene: &Scene<'_>, more: &Value) -> Option<Value> {
    let mut target = target(scene, more)?;
    if target["ListenerId"].is_null() {
        target["ListenerId"] = json!(scene.listener(&["create-tcp"])?);
    }
    Some(json!({"LoadBalancerId": scene.load_balancer()?, "Targets": [target]}))
}

/// A change of the target on the TCP listener, by a list.
fn modify(scene: &Scene<'_>, more: &Value) -> Option<Value> {
    let entry = json!({"ListenerId": scene.listener(&["create-tcp"])?, "Targets": [target(scene, more)?]});
    Some(json!({"LoadBalancerId": scene.load_balancer()?, "ModifyList": [entry]}))
}

fn shown(scene: &Scene<'_>) -> Option<Value> {
    Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": [scene.listener(&["create-tcp"])?]}))
}

fn filtered(scene: &Scene<'_>, name: &str, value: &str) -> Option<Value> {
    let mut body = shown(scene)?;
    body["Filters"] = json!([{"Name": name, "Values": [value]}]);
    Some(body)
}

fn health(scene: &Scene<'_>) -> Option<Value> {
    Some(json!({"LoadBalancerIds": [scene.load_balancer()?], "ListenerIds": [scene.listener(&["create-tcp"])?]}))
}

pub(super) const STEPS: &[Step] = &[
    call("register", "BatchRegisterTargets", |scene| batch(scene, &json!({"Tag": TAG}))).needs(Target).hurries(),
    call("registered-at-once", "DescribeTargets", shown).needs(Target),
    call("targets", "DescribeTargets", shown).needs(Target),
    call("register-again", "BatchRegisterTargets", |scene| batch(scene, &json!({"Tag": TAG, "Weight": 50})))
        .needs(Target),
    call("registered-again", "DescribeTargets", shown).needs(Target),
    call("weight-0", "BatchModifyTargetWeight", |scene| modify(scene, &json!({"Weight": 0}))).needs(Target),
    call("weighted", "DescribeTargets", shown).needs(Target),
    call("found-by-target-tag", "DescribeTargets", |scene| filtered(scene, "tag", TAG)).needs(Target),
    call("retag", "BatchModifyTargetTag", |scene| modify(scene, &json!({"Tag": NEW_TAG}))).needs(Target),
    call("retagged", "DescribeTargets", shown).needs(Target),
    call("found-by-address", "DescribeTargets", |scene| filtered(scene, "private-ip-address", &scene.target()?.0))
        .needs(Target),
    call("found-by-old-tag", "DescribeTargets", |scene| filtered(scene, "tag", TAG)).needs(Target),
    call("found-by-another-target-tag", "DescribeTargets", |scene| filtered(scene, "tag", NOBODYS)).needs(Target),
    call("found-by-another-address", "DescribeTargets", |scene| filtered(scene, "private-ip-address", NOWHERE))
        .needs(Target),
    call("health", "DescribeTargetHealth", health).needs(Target),
    call("check-off", "ModifyListener", |scene| change_tcp(scene, "HealthCheck", json!({"HealthSwitch": 0})))
        .needs(Target),
    call("health-off", "DescribeTargetHealth", health).needs(Target),
    call("create-another-tcp", "CreateListener", |scene| creation(scene, "TCP", ANOTHER, "another", &json!({})))
        .needs(Target),
    call("register-elsewhere", "BatchRegisterTargets", |scene| {
        batch(scene, &json!({"ListenerId": scene.listener(&["create-another-tcp"])?}))
    })
    .needs(Target),
    call("register-rule", "BatchRegisterTargets", |scene| {
        let rule = made(scene, "create-rule")?;
        batch(scene, &json!({"ListenerId": scene.listener(HTTP)?, "LocationId": rule}))
    })
    .needs(Target),
    call("rule-targets", "DescribeTargets", |scene| {
        Some(json!({"LoadBalancerId": scene.load_balancer()?, "ListenerIds": [scene.listener(HTTP)?]}))
    })
    .needs(Target),
    call("register-without-rule", "BatchRegisterTargets", |scene| {
        batch(scene, &json!({"ListenerId": scene.listener(HTTP)?}))
    })
    .needs(Target),
    call("deregister", "BatchDeregisterTargets", |scene| batch(scene, &json!({}))).needs(Target).hurries(),
    call("deregistered-at-once", "DescribeTargets", shown).needs(Target),
    call("deregister-again", "BatchDeregisterTargets", |scene| batch(scene, &json!({}))).needs(Target),
    call("deregister-one-again", "DeregisterTargets", |scene| {
        let (load_balancer, listener) = (scene.load_balancer()?, scene.listener(&["create-tcp"])?);
        let targets = json!([target(scene, &json!({}))?]);
        Some(json!({"LoadBalancerId": load_balancer, "ListenerId": listener, "Targets": targets}))
    })
    .needs(Target),
];

/// How many targets a read of one listener has shown.
fn targets_in(reply: &Value) -> usize {
    reply["Listeners"][0]["Targets"].as_array().map_or(0, Vec::len)
}

/// The targets that a read of one listener has shown.
fn shown_targets<'a>(seen: &Seen<'a>, step: &str) -> &'a [Value] {
    let row = seen.row(step, "Listeners");
    row.and_then(|row| row["Targets"].as_array()).map(Vec::as_slice).unwrap_or_default()
}

/// Judges the one target that a read has shown.
fn target_of(seen: &Seen<'_>, step: &str, judge: fn(&Value) -> (bool, String)) -> Verdict {
    match shown_targets(seen, step) {
        [target] => {
            let (believed, words) = judge(target);
            Verdict::of(believed, words)
        }
        others => Verdict::NotAsked(format!("{step} has shown {} targets", others.len())),
    }
}

/// So many targets as believed are in a read, which is not a list of listeners only.
fn number_of(seen: &Seen<'_>, step: &str, number: usize) -> Verdict {
    seen.reply_of(step, |_| {
        let targets = shown_targets(seen, step).len();
        (targets == number, format!("{targets} targets"))
    })
}

/// Judges the health of the one target.
fn health_of(seen: &Seen<'_>, step: &str, judge: fn(&Value, &Value) -> (bool, String)) -> Verdict {
    let reply = seen.reply(step);
    let rule = reply.and_then(|reply| reply.pointer("/LoadBalancers/0/Listeners/0/Rules/0"));
    match rule.and_then(|rule| Some((rule, rule.pointer("/Targets/0")?))) {
        Some((rule, target)) => {
            let (believed, words) = judge(rule, target);
            Verdict::of(believed, words)
        }
        None => Verdict::NotAsked(format!("{step} has shown no target")),
    }
}

fn weight(target: &Value, expected: i64) -> (bool, String) {
    (target["Weight"] == expected, format!("Weight {}", target["Weight"]))
}

pub(super) const BELIEFS: &[Belief] = &[
    fact(
        Targets,
        "batches-without-failures",
        "FailListenerIdSet of a batch that was done is empty.",
        &["register"],
        |seen| {
            // Which listener fails, and why, is another question.
            if let (Leg::Shown(_), Some(words)) = (seen.leg("register"), seen.refusal("register")) {
                return Verdict::NotAsked(words);
            }
            seen.reply_of("register", |reply| {
                let failed = &reply["FailListenerIdSet"];
                (failed.is_array() || failed.is_null(), format!("FailListenerIdSet {failed}"))
            })
        },
    ),
    assumption(
        Targets,
        "batches-wait",
        "BatchRegisterTargets and BatchDeregisterTargets answer when their work is done.",
        &["register", "registered-at-once", "targets", "deregister", "deregistered-at-once"],
        |seen| {
            let reads = ["registered-at-once", "targets", "deregistered-at-once"];
            if let Some(words) = reads.into_iter().find_map(|step| seen.refusal(step)) {
                return Verdict::NotAsked(words);
            }
            let [one, then, none] = reads.map(|step| shown_targets(seen, step).len());
            match then {
                // Where it is never shown, that it is not shown at once says nothing.
                0 => Verdict::NotAsked("no read has shown the target".to_owned()),
                _ => Verdict::of(
                    one == 1 && none == 0,
                    format!("{one} targets after the first, {none} after the second"),
                ),
            }
        },
    ),
    fact(
        Targets,
        "batches-can-be-polled",
        "The RequestId of a batch is taken by DescribeTaskStatus, and ends with 0.",
        &["register", "register/task"],
        |seen| {
            seen.reply_unless("register/task", (&[About::Asked, About::Missing], &["InvalidParameter"]), |reply| {
                (reply["Status"] == 0, format!("Status {}", reply["Status"]))
            })
        },
    ),
    fact(Targets, "weight-10", "A target for which no weight was asked has 10.", &["register", "targets"], |seen| {
        target_of(seen, "targets", |target| weight(target, 10))
    }),
    fact(
        Targets,
        "addresses-shown",
        "PrivateIpAddresses of DescribeTargets has the address that EniIp was.",
        &["register", "targets"],
        |seen| match seen.calls("register").last().map(|entry| &entry.request["Targets"][0]) {
            Some(asked) => seen.row_of("targets", "Listeners", |row| {
                let target = &row["Targets"][0];
                let address = &target["PrivateIpAddresses"][0];
                let is_it = *address == asked["EniIp"] && target["Port"] == asked["Port"];
                (is_it, format!("{address}, Port {}", target["Port"]))
            }),
            None => Verdict::NotAsked("nothing was registered".to_owned()),
        },
    ),
    fact(
        Targets,
        "layer4-targets",
        "DescribeTargets shows targets of a TCP listener in Targets, and Rules is null or empty.",
        &["register", "targets"],
        |seen| {
            seen.row_of("targets", "Listeners", |row| {
                let number = |list: &str| row[list].as_array().map_or(0, Vec::len);
                let (targets, rules) = (number("Targets"), number("Rules"));
                (targets == 1 && rules == 0, format!("{targets} targets, {rules} rules"))
            })
        },
    ),
    assumption(
        Tags,
        "tags-shown",
        "DescribeTargets shows the tag that a target was registered with.",
        &["register", "targets"],
        |seen| target_of(seen, "targets", |target| (target["Tag"] == TAG, format!("Tag {}", target["Tag"]))),
    ),
    fact(
        Targets,
        "registered-again",
        "Registering a target again is accepted, and leaves its weight as it is.",
        &["register", "targets", "registered-again", "register-again"],
        |seen| match seen.reply_unless(
            "register-again",
            (&[About::Asked, About::Taken], &["InvalidParameter", "InvalidParameterValue", "FailedOperation"]),
            |_| (true, String::new()),
        ) {
            Verdict::Believed(_) => {
                if let Some(words) = ["targets", "registered-again"].into_iter().find_map(|step| seen.refusal(step)) {
                    return Verdict::NotAsked(words);
                }
                // Against the weight before, whatever the usual one is.
                let before =
                    shown_targets(seen, "targets").first().map_or(Value::Null, |target| target["Weight"].clone());
                let after = shown_targets(seen, "registered-again")
                    .first()
                    .map_or(Value::Null, |target| target["Weight"].clone());
                Verdict::of(before == after && !before.is_null(), format!("Weight {before}, then {after}"))
            }
            other => other,
        },
    ),
    fact(
        Targets,
        "weights-changed",
        "BatchModifyTargetWeight changes a weight, also to 0.",
        &["weight-0", "weighted"],
        |seen| target_of(seen, "weighted", |target| weight(target, 0)),
    ),
    fact(
        Tags,
        "targets-found-by-tag",
        "The filter tag of DescribeTargets finds targets by their tag.",
        &["register", "found-by-target-tag", "found-by-another-target-tag"],
        |seen| seen.filtered(("found-by-target-tag", 1), "found-by-another-target-tag", targets_in),
    ),
    fact(Tags, "tags-changed", "BatchModifyTargetTag changes the tag of a target.", &["retag", "retagged"], |seen| {
        match shown_targets(seen, "targets").first() {
            Some(target) if target["Tag"] == TAG => {
                target_of(seen, "retagged", |target| (target["Tag"] == NEW_TAG, format!("Tag {}", target["Tag"])))
            }
            _ => Verdict::NotAsked("tags are not shown".to_owned()),
        }
    }),
    fact(
        Tags,
        "old-tags-not-found",
        "A target is not found by a tag that it has no more.",
        &["retag", "found-by-old-tag"],
        |seen| number_of(seen, "found-by-old-tag", 0),
    ),
    fact(
        Targets,
        "found-by-address",
        "The filter private-ip-address of DescribeTargets finds targets by their address.",
        &["register", "found-by-address", "found-by-another-address"],
        |seen| seen.filtered(("found-by-address", 1), "found-by-another-address", targets_in),
    ),
    fact(
        Health,
        "health-of-layer4",
        "DescribeTargetHealth wraps the targets of a TCP listener in one rule with an id, without domain and path.",
        &["register", "health"],
        |seen| {
            health_of(seen, "health", |rule, _| {
                let has_id = rule["LocationId"].as_str().is_some_and(|id| id.starts_with("loc-"));
                let is_bare =
                    ["Domain", "Url"].iter().all(|member| rule[*member].as_str().unwrap_or_default().is_empty());
                (has_id && is_bare, format!("LocationId {}, Domain {}", rule["LocationId"], rule["Domain"]))
            })
        },
    ),
    fact(
        Health,
        "health-in-words",
        "HealthStatusDetail is Alive, Dead, Unknown or Close, and HealthStatus is true for Alive only.",
        &["register", "health"],
        |seen| {
            health_of(seen, "health", |_, target| {
                let (detail, status) =
                    (target["HealthStatusDetail"].as_str().unwrap_or_default(), &target["HealthStatus"]);
                let is_word = ["Alive", "Dead", "Unknown", "Close"].contains(&detail);
                (is_word && *status == (detail == "Alive"), format!("{detail}, HealthStatus {status}"))
            })
        },
    ),
    fact(
        Health,
        "health-of-unchecked",
        "HealthStatusDetail is Close when the health check is switched off.",
        &["check-off", "health-off"],
        |seen| {
            health_of(seen, "health-off", |_, target| {
                (target["HealthStatusDetail"] == "Close", format!("{}", target["HealthStatusDetail"]))
            })
        },
    ),
    assumption(
        Targets,
        "targets-on-one-listener",
        "A target that another TCP listener has fails in a batch: FailListenerIdSet names the listener, in a success.",
        &["register", "create-another-tcp", "register-elsewhere"],
        |seen| {
            let another = seen.listener(&["create-another-tcp"]).unwrap_or_default();
            seen.reply_unless(
                "register-elsewhere",
                (&[About::Asked, About::Taken], &["InvalidParameter", "InvalidParameterValue", "FailedOperation"]),
                |reply| {
                    let failed = &reply["FailListenerIdSet"];
                    (failed[0] == *another, format!("FailListenerIdSet {failed}"))
                },
            )
        },
    ),
    fact(
        Targets,
        "layer7-targets",
        "DescribeTargets shows targets of a rule below Rules, with the id of the rule.",
        &["register-rule", "rule-targets"],
        |seen| {
            let id = seen.reply("create-rule").map_or(&Value::Null, |reply| &reply["LocationIds"][0]);
            seen.row_of("rule-targets", "Listeners", |row| {
                let rule = row["Rules"].as_array().into_iter().flatten().find(|rule| rule["LocationId"] == *id);
                let targets = rule.and_then(|rule| rule["Targets"].as_array()).map_or(0, Vec::len);
                (targets == 1, format!("{targets} targets"))
            })
        },
    ),
    fact(
        Targets,
        "layer7-needs-a-rule",
        "A target of an HTTP listener without LocationId is refused.",
        &["register", "register-rule", "register-without-rule"],
        |seen| {
            let codes = ["MissingParameter", "InvalidParameter", "InvalidParameterValue"];
            seen.refused("register-without-rule", &codes, &[])
        },
    ),
    assumption(
        Targets,
        "absent-targets-in-batches",
        "Deregistering a target that is not there is refused with InvalidParameter by BatchDeregisterTargets.",
        &["deregister", "deregister-again"],
        |seen| seen.refused_for(About::Missing, "deregister-again", &["InvalidParameter"], &[]),
    ),
    fact(
        Targets,
        "absent-targets",
        "Deregistering a target that is not there is refused with InvalidParameter by DeregisterTargets.",
        &["deregister", "deregister-one-again"],
        |seen| seen.refused_for(About::Missing, "deregister-one-again", &["InvalidParameter"], &[]),
    ),
];
