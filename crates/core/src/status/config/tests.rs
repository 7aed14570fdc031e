use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::*;
use crate::api::service_config::RawServiceConfig;

fn config(generation: i64, load_balancer: &Json) -> ConfigObject {
    let object = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig",
        "metadata": {"name": "web", "namespace": "shop", "generation": generation},
        "spec": {"loadBalancer": load_balancer},
    });
    serde_json::from_value::<RawServiceConfig>(object).unwrap().into()
}

/// A binding with listener TCP/80 and an HTTP listener on 81, of which this generation of the config was shown.
fn user(name: &str, shown: Option<i64>) -> Arc<DirectAccessBinding> {
    let object = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}, "serviceConfigRef": {"name": "web"},
            "listeners": [{"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "HTTP"}]},
        "status": {"observedGeneration": 1, "observedConfigGeneration": shown, "conditions": [],
            "targets": {"desired": 1, "registered": 1, "healthy": 1, "draining": 0, "excluded": 0, "summary": "1/1"},
            "listeners": [
                {"port": 80, "protocol": "TCP", "desired": 1, "healthy": 1},
                {"port": 81, "protocol": "HTTP", "desired": 1, "healthy": 1,
                    "rules": [{"domain": "203.0.113.1", "url": "/", "desired": 1, "healthy": 1}]},
            ]},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn tcp() -> Json {
    json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "scheduler": "WRR"}]})
}

/// Each condition with status and reason.
fn conditions(status: &TkeServiceConfigStatus) -> Vec<(&str, &str, &str)> {
    let conditions = status.conditions.iter();
    conditions.map(|one| (one.type_.as_str(), one.status.as_str(), one.reason.as_str())).collect()
}

fn status(config: &ConfigObject, users: &[Arc<DirectAccessBinding>]) -> TkeServiceConfigStatus {
    config_status(config, users, &TkeServiceConfigStatus::default(), at(0))
}

#[test]
fn of_a_config_that_several_use_each_is_told_what_is_for_nothing_of_its_own() {
    let web = user("web", Some(2));
    let users = [web];
    let names = names_of(&users);
    let told = |entries: &Json| {
        let config = config(2, &json!({"l4Listeners": entries}));
        let found = names.for_nothing_of(config.wishes(), "shop/web");
        found.map(|one| format!("{} {}", one.entry, one.reason)).collect::<Vec<_>>()
    };
    let entry = |protocol: &str, port: u16| json!({"protocol": protocol, "port": port, "scheduler": "WRR"});
    assert_eq!(told(&json!([entry("TCP", 80), entry("TCP", 443)])), [""; 0], "the other one is for somebody else");
    assert_eq!(told(&json!([entry("UDP", 80), entry("TCP", 443)])), ["UDP:80 NoListener", "TCP:443 NoListener"]);
    assert_eq!(told(&json!([entry("TCP", 80), entry("TCP", 81)])), ["TCP:81 NoListener"], "port 81 is HTTP here");
    assert_eq!(told(&json!([entry("TCP", 80), entry("UDP", 80)])), [""; 0], "its port has its entry");
    let listener =
        json!([{"protocol": "HTTP", "port": 81, "defaultServer": "a.example", "domains": [{"domain": "b.example"}]}]);
    let config = config(2, &json!({"l7Listeners": listener}));
    let found = names.for_nothing_of(config.wishes(), "shop/web");
    let found: Vec<_> = found.map(|one| format!("{} {:?} {}", one.entry, one.field, one.reason)).collect();
    assert_eq!(found, ["HTTP:81 Some(\"defaultServer\") NoDomain"], "the domain is for somebody else");
}

/// A vendor's sample: nothing in it is wrong, and nothing of it can be had.
#[test]
fn a_config_without_effect_is_reported_and_holds_up_no_release() {
    let sample = json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "proxyProtocol": {"enable": true}}]});
    let found = status(&config(2, &sample), &[user("web", Some(2))]);
    assert_eq!(found.problems.len(), 1);
    let expected = [
        ("Accepted", "True", "PartlyApplied"),
        ("Programmed", "True", "Programmed"),
        ("Ready", "True", "PartlyApplied"),
    ];
    assert_eq!(conditions(&found), expected);
}

#[test]
fn a_config_that_nobody_uses_is_ready() {
    let found = status(&config(2, &tcp()), &[]);
    assert_eq!((found.used_by, found.observed_generation), (0, 2));
    let expected =
        [("Accepted", "True", "Accepted"), ("Programmed", "Unknown", "NotUsed"), ("Ready", "True", "NotUsed")];
    assert_eq!(conditions(&found), expected);
}

#[test]
fn a_config_is_ready_when_each_binding_has_shown_it() {
    let config = config(2, &tcp());
    let waiting = [user("a", Some(2)), user("b", Some(1)), user("c", None)];
    let found = status(&config, &waiting);
    let expected = [
        ("Accepted", "True", "Accepted"),
        ("Programmed", "False", "InProgress"),
        ("Ready", "False", "InProgress"),
        ("Reconciling", "True", "InProgress"),
    ];
    assert_eq!(conditions(&found), expected);
    assert!(found.conditions[1].message.contains("2 of 3 bindings") && found.conditions[1].message.contains("b, c"));
    let found = status(&config, &[user("a", Some(2)), user("b", Some(2))]);
    let expected = [("Accepted", "True", "Accepted"), ("Programmed", "True", "Programmed"), ("Ready", "True", "Ready")];
    assert_eq!((conditions(&found), found.used_by), (expected.to_vec(), 2));
    // A paused binding shows nothing, and holds nobody up.
    let mut paused = (*user("b", None)).clone();
    paused.spec.suspend = true;
    assert_eq!(conditions(&status(&config, &[user("a", Some(2)), Arc::new(paused)])), expected);
}

#[test]
fn many_waiting_bindings_are_counted() {
    let users: Vec<_> = (0..9).map(|number| user(&format!("b{number}"), None)).collect();
    let found = status(&config(1, &tcp()), &users);
    assert!(found.conditions[1].message.contains("b0, b1, b2 and 6 more"), "{}", found.conditions[1].message);
}

#[test]
fn problems_of_entries_and_of_bindings_are_listed_once_and_the_rest_is_applied() {
    let entry = json!({"l4Listeners": [
        {"protocol": "TCP", "port": 80, "scheduler": "SOMEHOW", "session": {"sessionExpireTime": 60}},
    ]});
    let mut users = [user("a", Some(1)), user("b", Some(1))];
    let told = problem("TCP:80", Some("healthCheck.timeout"), ConfigProblem::Contradiction, "why");
    for user in &mut users {
        let mut changed = (**user).clone();
        changed.status.as_mut().unwrap().config_problems = vec![told.clone()];
        *user = Arc::new(changed);
    }
    let found = status(&config(1, &entry), &users);
    let fields: Vec<_> = found.problems.iter().filter_map(|problem| problem.field.as_deref()).collect();
    assert_eq!(fields, ["healthCheck.timeout", "scheduler"]);
    let expected = [
        ("Accepted", "True", "PartlyApplied"),
        ("Programmed", "True", "Programmed"),
        ("Ready", "True", "PartlyApplied"),
    ];
    assert_eq!(conditions(&found), expected);
}

#[test]
fn a_config_of_which_nothing_can_be_applied_is_stalled() {
    let entry = json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "scheduler": "SOMEHOW"}]});
    let found = status(&config(1, &entry), &[user("a", Some(1))]);
    let expected = [
        ("Accepted", "False", "Invalid"),
        ("Programmed", "True", "Programmed"),
        ("Ready", "False", "Invalid"),
        ("Stalled", "True", "Invalid"),
    ];
    assert_eq!(conditions(&found), expected);
}

#[test]
fn entries_that_fit_no_listener_or_rule_are_told_once_the_bindings_are_known() {
    let entry = json!({
        "l4Listeners": [{"protocol": "TCP", "port": 80}, {"protocol": "UDP", "port": 80}],
        "l7Listeners": [
            {"protocol": "HTTP", "port": 81, "domains": [
                {"domain": "", "rules": [{"url": "/"}]},
                {"domain": "203.0.113.1", "rules": [{"url": "/"}, {"url": "/nowhere"}]}]},
            {"protocol": "HTTPS", "port": 81, "domains": [{"domain": "a", "rules": [{"url": "/"}]}]},
        ],
    });
    let config = config(1, &entry);
    let told = |users: &[Arc<DirectAccessBinding>]| -> Vec<_> {
        status(&config, users).problems.into_iter().map(|problem| (problem.entry, problem.reason)).collect()
    };
    let expected = [("HTTP:81 203.0.113.1/nowhere", "NoRule"), ("HTTPS:81", "NoListener"), ("UDP:80", "NoListener")];
    let expected: Vec<_> = expected.map(|(entry, reason)| (entry.to_owned(), reason.to_owned())).into();
    assert_eq!(told(&[user("a", Some(1))]), expected);
    assert_eq!(told(&[]), []);
    let mut young = (*user("b", None)).clone();
    young.status = None;
    assert_eq!(told(&[user("a", Some(1)), Arc::new(young)]), [], "one of them may have it");
}

#[test]
fn nothing_changes_when_nothing_does_and_times_change_with_statuses_only() {
    let users = [user("a", Some(1))];
    let first = config_status(&config(1, &tcp()), &users, &TkeServiceConfigStatus::default(), at(0));
    assert_eq!(config_status(&config(1, &tcp()), &users, &first, at(60)), first);
    let second = config_status(&config(2, &tcp()), &users, &first, at(60));
    let since = |status: &TkeServiceConfigStatus, which: usize| status.conditions[which].last_transition_time.0;
    assert_eq!(since(&second, 0), since(&first, 0));
    assert_eq!(since(&second, 1).duration_since(since(&first, 1)), SignedDuration::from_secs(60));
}

#[test]
fn what_was_taken_out_is_told_of_what_bindings_have_and_not_of_what_is_reported() {
    let rule = |rule: Json| json!({"protocol": "HTTP", "port": 81, "domains": [{"domain": "", "rules": [rule]}, {"domain": "typo", "http2": false}]});
    let full = |entry: Json, rule: Json| json!({"l4Listeners": [entry, {"protocol": "UDP", "port": 9, "scheduler": "WRR"}], "l7Listeners": [rule]});
    let entry = json!({"protocol": "TCP", "port": 80, "scheduler": "WRR", "healthCheck": {"intervalTime": 7, "checkPort": 9000}});
    let before = config(1, &full(entry, rule(json!({"url": "/", "scheduler": "IP_HASH"}))));
    let left = |load_balancer: &Json| left_in_cloud(&before, &config(2, load_balancer), &[user("a", Some(1))]);
    assert_eq!(
        left(&json!({})),
        [
            "TCP:80 scheduler: 'WRR'",
            "TCP:80 healthCheck.intervalTime: 7",
            "TCP:80 healthCheck.checkPort: 9000",
            "HTTP:81 / scheduler: 'IP_HASH'",
        ]
    );
    let kept = json!({"protocol": "TCP", "port": 80, "scheduler": "WRR", "healthCheck": {"checkPort": 80}});
    assert_eq!(
        left(&full(kept, rule(json!({"url": "/", "scheduler": "IP_HASH"})))),
        ["TCP:80 healthCheck.intervalTime: 7"]
    );
    for odd in [json!({"intervalTime": "7s", "checkPort": 9000}), json!({"intervaltime": 7, "checkPort": 9000})] {
        let odd = json!({"protocol": "TCP", "port": 80, "scheduler": "WRR", "healthCheck": odd});
        assert_eq!(left(&full(odd, rule(json!({"url": "/", "scheduler": "IP_HASH"})))), [""; 0]);
    }
}
