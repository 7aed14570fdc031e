//! HTTP listeners: rules with targets of their own, which come and go one by one.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tke_direct_access::model::{LoadBalancerId, Protocol, Route};

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding};
use crate::support::eventually;

fn http(domains: &[&str]) -> Value {
    let rules: Vec<_> = domains.iter().map(|domain| json!({"domain": domain})).collect();
    json!({"listeners": [{"port": 80, "protocol": "HTTP", "rules": rules}]})
}

/// How many targets each domain has, and which domains are the default.
fn domains(stage: &Stage) -> (BTreeMap<String, usize>, Vec<String>) {
    let state = stage.cloud.state();
    let listeners = state["loadBalancers"][0]["listeners"].as_array().unwrap();
    let rules =
        listeners.iter().filter(|one| one["protocol"] == "HTTP").flat_map(|one| one["rules"].as_array().unwrap());
    let domain = |rule: &Value| rule["domains"][0].as_str().unwrap().to_owned();
    let counts = rules.clone().map(|rule| (domain(rule), rule["targets"].as_array().unwrap().len())).collect();
    (counts, rules.filter(|rule| rule["default"] == true).map(domain).collect())
}

async fn ask(stage: &Stage, domain: &str) -> (u16, String) {
    let front = stage.data_plane(Protocol::Http, 80);
    let client = reqwest::Client::builder().resolve(domain, front).build().unwrap();
    let response = client.get(format!("http://{domain}:{}/", front.port())).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_have_targets_of_their_own_and_come_and_go() {
    let stage = Stage::new("layer7").await;
    stage.deploy(2, &http(&["a.example", "b.example"])).await;
    stage.until_ready("web", "2/2").await;
    stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    let expected = BTreeMap::from([("a.example".to_owned(), 2), ("b.example".to_owned(), 2)]);
    assert_eq!(domains(&stage), (expected, vec!["a.example".to_owned()]));
    for domain in ["a.example", "b.example"] {
        let (status, answer) = ask(&stage, domain).await;
        assert!(status == 200 && answer.contains("\"pod\":\"web-"), "{domain}: {status} {answer}");
    }
    let rows = "jsonpath={.status.listeners[0].rules[*].healthy}";
    assert_eq!(stage.ok(&["get", "dab", "web", "-o", rows]).await, "2 2");

    // The default domain goes, and another one takes its place.
    stage.apply(&binding("web", &http(&["b.example", "c.example"]))).await;
    let expected = BTreeMap::from([("b.example".to_owned(), 2), ("c.example".to_owned(), 2)]);
    eventually("the rules are those of the spec", DEADLINE, async || {
        let found = domains(&stage);
        if found == (expected.clone(), vec!["b.example".to_owned()]) { Ok(Some(())) } else { Err(format!("{found:?}")) }
    })
    .await;
    stage.until_ready("web", "2/2").await;

    // A rule that somebody else uses, too, is left to them, and told.
    let id = LoadBalancerId::new(LOAD_BALANCER);
    stage.cloud.console(|state| {
        let listener = state.listeners(&id).into_iter().find(|one| one.protocol == Protocol::Http).unwrap();
        let rule = listener.rules.iter().find(|rule| rule.domain == "c.example").unwrap().id.clone();
        let route = Route { listener: listener.id, rule: Some(rule) };
        let address = tke_direct_access::model::Address { ip: "10.250.0.9".parse().unwrap(), port: 7 };
        state.put_target(&id, &route, address, 10, "theirs").unwrap();
    });
    stage.ok(&["annotate", "dab", "web", "cloud.tencent.com/reconcile-requested-at=1"]).await;
    stage.apply(&binding("web", &http(&["b.example"]))).await;
    stage.until("web", "Programmed", "False", "RemovalHeld").await;
    eventually("theirs is left", DEADLINE, async || {
        let found = domains(&stage).0;
        if found.get("c.example") == Some(&1) { Ok(Some(())) } else { Err(format!("{found:?}")) }
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_binding_takes_its_rules_away() {
    let stage = Stage::new("layer7-gone").await;
    stage.deploy(1, &http(&["", "b.example"])).await;
    stage.until_ready("web", "1/1").await;
    let own = stage.data_plane(Protocol::Http, 80);
    assert_eq!(ask(&stage, &own.ip().to_string()).await.0, 200, "the load balancer's own address is a domain");
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    assert_eq!(domains(&stage), Default::default());
    assert_eq!(stage.listeners().len(), 1, "the foreign one");
    stage.finish().await;
}
