//! The config that a binding with `autoServiceConfig` makes for itself: an entry for each listener and rule, to be filled in.
//!
//! Entries have keys only, so that making them changes nothing; what users fill in stays. It is worked on as JSON, so that
//! fields that this version does not know stay too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::api::DirectAccessBinding;
use crate::api::binding::RuleSpec;
use crate::model::{Protocol, Service, Transport};

/// The entries that a config should have: listeners, and for layer 7 their domains with the urls of each.
pub type Entries = BTreeMap<(Protocol, u16), BTreeMap<String, BTreeSet<String>>>;

/// The entries for the listeners that a binding has of its own; `None` when they cannot be read, because the Service that would
/// tell them is missing.
pub fn entries(binding: &DirectAccessBinding, service: Option<&Service>) -> Option<Entries> {
    if binding.spec.listeners.is_empty() {
        let protocol = |transport| match transport {
            Transport::Tcp => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
        };
        let ports = service?.ports.iter();
        return Some(ports.map(|port| ((protocol(port.transport), port.port), BTreeMap::new())).collect());
    }
    let mut entries = Entries::new();
    let usual = [RuleSpec::default()];
    for spec in binding.spec.listeners.iter().filter(|spec| spec.listener_id.is_none()) {
        let (Ok(protocol), Ok(port)) = (spec.protocol.as_str().parse::<Protocol>(), u16::try_from(spec.port)) else {
            continue;
        };
        let domains = entries.entry((protocol, port)).or_default();
        if protocol.is_layer7() {
            let rules = if spec.rules.is_empty() { &usual[..] } else { &spec.rules };
            for rule in rules {
                domains.entry(rule.domain.clone()).or_default().insert(rule.url.clone());
            }
        }
    }
    Some(entries)
}

/// The spec with an entry for each wanted one, and none for others. What else is in it stays as it is.
pub fn merge(spec: &Json, wanted: &Entries) -> Json {
    let is_read = |value: &Json| value.is_null() || value.is_object();
    if !is_read(spec) || !is_read(&spec["loadBalancer"]) {
        // Nobody knows what is in it, and it is not ours to take away.
        return spec.clone();
    }
    let mut spec = object(Some(spec));
    let mut load_balancer = object(spec.get("loadBalancer"));
    for (field, is_layer7) in [("l4Listeners", false), ("l7Listeners", true)] {
        if !is_list(load_balancer.get(field)) {
            continue;
        }
        let of_layer = || wanted.iter().filter(|((protocol, _), _)| protocol.is_layer7() == is_layer7);
        let mut listeners = list(load_balancer.get(field));
        let key = |entry: &Json| (text(entry, "protocol").to_ascii_uppercase(), entry["port"].as_u64());
        let keys: BTreeSet<_> =
            of_layer().map(|((protocol, port), _)| (protocol.to_string(), Some(u64::from(*port)))).collect();
        // Nobody knows what an entry is for whose keys cannot be read, and it is not ours to take away.
        let is_read = |entry: &Json| text(entry, "protocol").parse::<Protocol>().is_ok() && key(entry).1.is_some();
        listeners.retain(|entry| !is_read(entry) || keys.contains(&key(entry)));
        for ((protocol, port), domains) in of_layer() {
            let wanted = (protocol.to_string(), Some(u64::from(*port)));
            let entry = find_or_push(
                &mut listeners,
                |entry| key(entry) == wanted,
                || json!({"protocol": protocol.to_string(), "port": port}),
            );
            if is_layer7 {
                merge_domains(entry, domains);
            }
        }
        put(&mut load_balancer, field, listeners);
    }
    if !load_balancer.is_empty() {
        spec.insert("loadBalancer".to_owned(), Json::Object(load_balancer));
    }
    Json::Object(spec)
}

fn merge_domains(entry: &mut Json, wanted: &BTreeMap<String, BTreeSet<String>>) {
    let Json::Object(entry) = entry else { return };
    if !is_list(entry.get("domains")) {
        return;
    }
    let mut domains = list(entry.get("domains"));
    domains.retain(|domain| !is_text(domain, "domain") || wanted.contains_key(text(domain, "domain")));
    for (name, urls) in wanted {
        let domain = find_or_push(&mut domains, |domain| text(domain, "domain") == name, || json!({"domain": name}));
        let Json::Object(domain) = domain else { continue };
        if !is_list(domain.get("rules")) {
            continue;
        }
        let mut rules = list(domain.get("rules"));
        rules.retain(|rule| !is_text(rule, "url") || urls.contains(text(rule, "url")));
        for url in urls {
            find_or_push(&mut rules, |rule| text(rule, "url") == url, || json!({"url": url}));
        }
        put(domain, "rules", rules);
    }
    put(entry, "domains", domains);
}

fn object(value: Option<&Json>) -> Map<String, Json> {
    value.and_then(Json::as_object).cloned().unwrap_or_default()
}

fn list(value: Option<&Json>) -> Vec<Json> {
    value.and_then(Json::as_array).cloned().unwrap_or_default()
}

fn text<'a>(entry: &'a Json, field: &str) -> &'a str {
    entry[field].as_str().unwrap_or_default()
}

/// The field is a list, or missing.
fn is_list(value: Option<&Json>) -> bool {
    value.is_none_or(|value| value.is_array() || value.is_null())
}

/// The field is a text, or missing.
fn is_text(entry: &Json, field: &str) -> bool {
    entry.is_object() && matches!(&entry[field], Json::String(_) | Json::Null)
}

/// An empty list that was not there is not added.
fn put(map: &mut Map<String, Json>, field: &str, list: Vec<Json>) {
    if !list.is_empty() || map.contains_key(field) {
        map.insert(field.to_owned(), Json::Array(list));
    }
}

fn find_or_push(list: &mut Vec<Json>, is: impl Fn(&Json) -> bool, new: impl Fn() -> Json) -> &mut Json {
    let place = list.iter().position(is).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    });
    &mut list[place]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries_of(spec: &Json) -> Option<Entries> {
        let mut whole = json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}});
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": "web", "namespace": "shop"}, "spec": whole,
        });
        entries(&serde_json::from_value(object).unwrap(), None)
    }

    #[test]
    fn there_is_an_entry_for_each_listener_and_rule_of_its_own() {
        let wanted = entries_of(&json!({"listeners": [
            {"port": 53, "protocol": "UDP"}, {"port": 54, "protocol": "TCP", "listenerId": "lbl-1"},
            {"port": 80, "protocol": "HTTP"},
            {"port": 443, "protocol": "HTTPS", "certificate": {"id": "one"}, "rules": [
                {"domain": "a.example"}, {"domain": "a.example", "url": "/b"}, {"domain": "b.example"}]},
        ]}));
        let expected = json!({"loadBalancer": {
        "l4Listeners": [{"protocol": "UDP", "port": 53}],
        "l7Listeners": [
            {"protocol": "HTTP", "port": 80, "domains": [{"domain": "", "rules": [{"url": "/"}]}]},
            {"protocol": "HTTPS", "port": 443, "domains": [
                {"domain": "a.example", "rules": [{"url": "/"}, {"url": "/b"}]},
                {"domain": "b.example", "rules": [{"url": "/"}]}]},
        ]}});
        let merged = merge(&Json::Null, &wanted.clone().unwrap());
        assert_eq!(merged, expected);
        assert_eq!(merge(&merged, &wanted.unwrap()), merged, "a second time changes nothing");
        assert_eq!(entries_of(&json!({})), None, "only the Service could tell");
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_away() {
        let odd = json!({"protocol": "TCP", "port": "80", "scheduler": "WRR"});
        let (domain, rule) = (json!({"domain": 5}), json!({"url": ["/"]}));
        let http =
            json!({"protocol": "HTTP", "port": 81, "domains": [domain, {"domain": "a.example", "rules": [rule]}]});
        let written = json!({"loadBalancer": {"l4Listeners": [odd, 7], "l7Listeners": [http]}});
        let listener = json!({"port": 81, "protocol": "HTTP", "rules": [{"domain": "a.example"}]});
        let wanted = entries_of(&json!({"listeners": [{"port": 80, "protocol": "TCP"}, listener]}));
        let merged = merge(&written, &wanted.unwrap());
        assert_eq!(merged["loadBalancer"]["l4Listeners"], json!([odd, 7, {"protocol": "TCP", "port": 80}]));
        let domains = &merged["loadBalancer"]["l7Listeners"][0]["domains"];
        assert_eq!(*domains, json!([domain, {"domain": "a.example", "rules": [rule, {"url": "/"}]}]));
    }

    #[test]
    fn what_is_of_another_type_is_not_taken_away() {
        let wanted = entries_of(&json!({"listeners": [
            {"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "HTTP", "rules": [{"domain": "a.example"}]}]}));
        let wanted = wanted.unwrap();
        let http = |domains: Json| json!({"protocol": "HTTP", "port": 81, "domains": domains});
        let tcp = json!([{"protocol": "TCP", "port": 80}]);
        let with = |domains: Json| json!({"loadBalancer": {"l4Listeners": tcp, "l7Listeners": [http(domains)]}});
        for written in [
            json!("text"),
            json!([1]),
            json!({"loadBalancer": [{"l4Listeners": tcp}]}),
            json!({"loadBalancer": {"l4Listeners": {"scheduler": "WRR"}, "l7Listeners": "x"}}),
            with(json!({"domain": "a.example", "http2": true})),
            with(json!([{"domain": "a.example", "rules": {"url": "/", "scheduler": "WRR"}}])),
        ] {
            assert_eq!(merge(&written, &wanted), written);
        }
    }

    #[test]
    fn what_users_wrote_stays_and_entries_go_with_their_listeners() {
        let edited = json!({"later": 1, "loadBalancer": {
            "internetMaxBandwidthOut": 5,
            "l4Listeners": [
                {"protocol": "TCP", "port": 80, "scheduler": "WRR", "unknown": {"kept": true}},
                {"protocol": "TCP", "port": 81, "scheduler": "WRR"},
            ],
            "l7Listeners": [{"protocol": "HTTP", "port": 8080, "keepaliveEnable": 1, "domains": [
                {"domain": "a.example", "http2": false, "rules": [{"url": "/", "scheduler": "WRR"}, {"url": "/gone"}]},
                {"domain": "gone.example", "rules": [{"url": "/"}]}]}],
        }});
        let wanted = entries_of(&json!({"listeners": [
            {"port": 80, "protocol": "TCP"}, {"port": 82, "protocol": "TCP"},
            {"port": 8080, "protocol": "HTTP", "rules": [{"domain": "a.example"}]},
        ]}));
        let expected = json!({"later": 1, "loadBalancer": {
            "internetMaxBandwidthOut": 5,
            "l4Listeners": [
                {"protocol": "TCP", "port": 80, "scheduler": "WRR", "unknown": {"kept": true}},
                {"protocol": "TCP", "port": 82},
            ],
            "l7Listeners": [{"protocol": "HTTP", "port": 8080, "keepaliveEnable": 1, "domains": [
                {"domain": "a.example", "http2": false, "rules": [{"url": "/", "scheduler": "WRR"}]}]}],
        }});
        assert_eq!(merge(&edited, &wanted.unwrap()), expected);
    }
}
