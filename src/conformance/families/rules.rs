//! Rules of an HTTP listener, and of an HTTPS one where there is a certificate.

use serde_json::{Value, json};

use super::super::belief::Family::{HealthChecks, Rules};
use super::super::belief::{Belief, Verdict, assumption, fact};
use super::super::seen::About;
use super::super::step::Needs::Certificate;
use super::super::step::{Scene, Step, call};
use super::NO_RULE;
use super::listeners::{HTTP, read};

const FIRST: &str = "first.conformance.example";
const SECOND: &str = "second.conformance.example";
const THIRD: &str = "third.conformance.example";

/// A call on the HTTP listener.
fn http(scene: &Scene<'_>, more: &Value) -> Option<Value> {
    let mut body = json!({"LoadBalancerId": scene.load_balancer()?, "ListenerId": scene.listener(HTTP)?});
    for (member, value) in more.as_object().into_iter().flatten() {
        body[member.as_str()] = value.clone();
    }
    Some(body)
}

/// The rule that a step has made.
pub(super) fn made(scene: &Scene<'_>, step: &str) -> Option<Value> {
    scene.seen.reply(step)?["LocationIds"].get(0).cloned()
}

fn shown(scene: &Scene<'_>) -> Option<Value> {
    read(scene, HTTP)
}

fn with_path(scene: &Scene<'_>, path: &str) -> Option<Value> {
    let check = json!({"HttpCheckPath": path});
    http(scene, &json!({"Rules": [{"Domain": THIRD, "Url": "/", "HealthCheck": check}]}))
}

pub(super) const STEPS: &[Step] = &[
    call("create-rule", "CreateRule", |scene| http(scene, &json!({"Rules": [{"Domain": FIRST, "Url": "/"}]}))),
    call("create-second-rule", "CreateRule", |scene| {
        http(scene, &json!({"Rules": [{"Domain": SECOND, "Url": "/second"}]}))
    }),
    call("rules", "DescribeListeners", shown),
    call("same-rule", "CreateRule", |scene| http(scene, &json!({"Rules": [{"Domain": FIRST, "Url": "/"}]}))),
    call("rule-of-tcp", "CreateRule", |scene| {
        let listener = scene.listener(&["create-tcp"])?;
        http(scene, &json!({"ListenerId": listener, "Rules": [{"Domain": FIRST, "Url": "/"}]}))
    }),
    call("check-path-81", "CreateRule", |scene| with_path(scene, &format!("/{}", "x".repeat(80)))),
    call("check-path-without-slash", "CreateRule", |scene| with_path(scene, "healthz")),
    call("change-rule", "ModifyRule", |scene| {
        http(scene, &json!({"LocationId": made(scene, "create-second-rule")?, "Url": "/changed"}))
    }),
    call("rename-domain", "ModifyDomainAttributes", |scene| {
        made(scene, "create-second-rule")?;
        http(scene, &json!({"Domain": SECOND, "NewDomain": THIRD}))
    }),
    call("changed-rules", "DescribeListeners", shown),
    call("change-unknown-rule", "ModifyRule", |scene| http(scene, &json!({"LocationId": NO_RULE, "Url": "/changed"}))),
    call("delete-default-rule", "DeleteRule", |scene| {
        made(scene, "create-second-rule")?;
        http(scene, &json!({"LocationIds": [made(scene, "create-rule")?]}))
    }),
    call("delete-second-rule", "DeleteRule", |scene| {
        http(scene, &json!({"LocationIds": [made(scene, "create-second-rule")?]}))
    }),
    call("left-rules", "DescribeListeners", shown),
    call("create-https-rule", "CreateRule", |scene| {
        let listener = scene.listener(&["create-https"])?;
        let rule = json!({"Domain": FIRST, "Url": "/", "ForwardType": "HTTPS"});
        http(scene, &json!({"ListenerId": listener, "Rules": [rule]}))
    })
    .needs(Certificate),
    call("https-rules", "DescribeListeners", |scene| read(scene, &["create-https"])).needs(Certificate),
];

/// The rules that a read of one listener has shown.
fn rules(row: &Value) -> &[Value] {
    row["Rules"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn rule<'a>(row: &'a Value, url: &str) -> Option<&'a Value> {
    rules(row).iter().find(|rule| rule["Url"] == *url)
}

/// The first rule that was made has these members.
fn first_has(row: &Value, place: &str, expected: &Value) -> (bool, String) {
    let Some(first) = rule(row, "/") else { return (false, "the rule is not shown".to_owned()) };
    let part = if place.is_empty() { first } else { &first[place] };
    let members = expected.as_object().into_iter().flatten();
    let other: Vec<_> = members
        .filter(|(member, value)| part[member.as_str()] != **value)
        .map(|(member, _)| format!("{member} {}", part[member.as_str()]))
        .collect();
    (other.is_empty(), if other.is_empty() { "as believed".to_owned() } else { other.join(", ") })
}

pub(super) const BELIEFS: &[Belief] = &[
    fact(Rules, "rule-ids-at-once", "CreateRule answers with one id for each rule.", &["create-rule"], |seen| {
        seen.reply_of("create-rule", |reply| {
            let ids = reply["LocationIds"].as_array().map_or(0, Vec::len);
            (ids == 1, format!("{ids} ids"))
        })
    }),
    fact(
        Rules,
        "first-domain-is-default",
        "The first domain of a listener is its default, and no other is.",
        &["create-rule", "create-second-rule", "rules"],
        |seen| {
            seen.row_of("rules", "Listeners", |row| {
                let is_default = |url: &str| rule(row, url).map_or(&Value::Null, |rule| &rule["DefaultServer"]);
                let (first, second) = (is_default("/"), is_default("/second"));
                (*first == true && *second == false, format!("DefaultServer {first}, then {second}"))
            })
        },
    ),
    fact(
        Rules,
        "rule-defaults",
        "A new rule has Scheduler WRR, SessionExpireTime 0 and ForwardType HTTP.",
        &["create-rule", "rules"],
        |seen| {
            seen.row_of("rules", "Listeners", |row| {
                first_has(row, "", &json!({"Scheduler": "WRR", "SessionExpireTime": 0, "ForwardType": "HTTP"}))
            })
        },
    ),
    fact(
        HealthChecks,
        "rule-check-defaults",
        "The usual check of a rule is of type HTTP, asks for / of the rule's domain by HEAD, and takes HttpCode 31.",
        &["create-rule", "rules"],
        |seen| {
            seen.row_of("rules", "Listeners", |row| {
                let usual = json!({
                    "CheckType": "HTTP", "HttpCheckPath": "/", "HttpCheckDomain": FIRST, "HttpCheckMethod": "HEAD", "HttpCode": 31,
                });
                first_has(row, "HealthCheck", &usual)
            })
        },
    ),
    fact(
        Rules,
        "rules-are-unique",
        "A rule for a domain and path that another rule has is refused with InvalidParameter or what refines it.",
        &["create-rule", "same-rule"],
        |seen| seen.refused_for(About::Taken, "same-rule", &["InvalidParameter", "InvalidParameterValue"], &[]),
    ),
    fact(
        Rules,
        "no-rules-for-tcp",
        "A rule for a TCP listener is refused; the words have \"only support HTTP/HTTPS listener\".",
        &["rule-of-tcp"],
        |seen| {
            let words = ["only support http/https listener"];
            seen.refused("rule-of-tcp", &["InvalidParameterValue", "InvalidParameter"], &words)
        },
    ),
    assumption(
        HealthChecks,
        "check-paths-are-short",
        "The path of a health check begins with / and has 1 to 80 characters.",
        &["create-rule", "check-path-without-slash"],
        |seen| {
            let codes = ["InvalidParameterValue", "InvalidParameter"];
            // It is made where the other is.
            match seen.refused("check-path-81", &codes, &[]) {
                Verdict::Believed(long) => match seen.refused("check-path-without-slash", &codes, &[]) {
                    Verdict::Believed(other) => Verdict::Believed(format!("{long}; {other}")),
                    other => other,
                },
                other => other,
            }
        },
    ),
    fact(
        Rules,
        "rules-keep-their-id",
        "ModifyRule changes the path of a rule, which keeps its id.",
        &["change-rule", "changed-rules"],
        |seen| {
            let id = seen.reply("create-second-rule").map_or(&Value::Null, |reply| &reply["LocationIds"][0]);
            seen.row_of("changed-rules", "Listeners", |row| match rule(row, "/changed") {
                Some(rule) => (rule["LocationId"] == *id, format!("LocationId {}", rule["LocationId"])),
                None => (false, "no rule has the new path".to_owned()),
            })
        },
    ),
    fact(
        Rules,
        "domains-renamed",
        "ModifyDomainAttributes renames a domain; its rules keep their ids.",
        &["rename-domain", "changed-rules"],
        |seen| {
            let id = seen.reply("create-second-rule").map_or(&Value::Null, |reply| &reply["LocationIds"][0]);
            seen.row_of("changed-rules", "Listeners", |row| {
                let domain = rules(row).iter().find(|rule| rule["LocationId"] == *id).map(|rule| &rule["Domain"]);
                (domain.is_some_and(|domain| domain == THIRD), format!("Domain {}", domain.unwrap_or(&Value::Null)))
            })
        },
    ),
    fact(
        Rules,
        "unknown-rules-not-changed",
        "A change of an unknown rule is refused with InvalidParameter or what refines it.",
        &["change-unknown-rule"],
        |seen| seen.refused_for(About::Missing, "change-unknown-rule", &["InvalidParameter"], &[]),
    ),
    fact(
        Rules,
        "a-default-stays",
        "The default domain does not go while there are others, unless NewDefaultServerDomain names the next.",
        &["create-second-rule", "delete-default-rule"],
        |seen| {
            let codes = ["InvalidParameterValue", "InvalidParameter", "MissingParameter", "FailedOperation"];
            seen.refused("delete-default-rule", &codes, &[])
        },
    ),
    fact(
        Rules,
        "rules-deleted",
        "DeleteRule takes away the rules that it names, and no other.",
        &["delete-second-rule", "left-rules"],
        |seen| {
            seen.row_of("left-rules", "Listeners", |row| {
                let (first, second) = (rule(row, "/").is_some(), rule(row, "/changed").is_some());
                let default_was_kept = seen.reply("delete-default-rule").is_none();
                (!second && first == default_was_kept, format!("{} rules are left", rules(row).len()))
            })
        },
    ),
    assumption(
        HealthChecks,
        "check-type-follows",
        "A rule of an HTTPS listener is checked by the protocol towards its targets when no type was asked for.",
        &["create-https", "create-https-rule", "https-rules"],
        |seen| {
            seen.row_of("https-rules", "Listeners", |row| first_has(row, "HealthCheck", &json!({"CheckType": "HTTPS"})))
        },
    ),
];
