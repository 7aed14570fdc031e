//! What the API server makes of an object of the two kinds: by the schemas that `crds/` has, and by the rules across fields.

use std::collections::BTreeSet;

use garde::Validate;
use serde_json::{Map, Value, json};
use tke_direct_access_core::api::binding::{
    CertificateSpec, DeletionPolicy, DirectAccessBindingSpec, ListenerProtocol, ListenerSpec, LoadBalancerSpec, Mode,
};
use tke_direct_access_core::api::{crd_documents, names};

/// The definitions that are installed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definitions {
    binding: Value,
    config: Value,
    /// TkeServiceConfig is defined as TKE does it: everything is taken, and there is no status.
    pub(crate) is_vendors: bool,
}

impl Definitions {
    /// Those of `crds/`.
    pub(crate) fn new() -> Self {
        let all = crd_documents().unwrap_or_default();
        let spec = |place: usize| {
            let found =
                all.get(place).and_then(|one| one.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec"));
            found.cloned().unwrap_or_default()
        };
        Self { binding: spec(0), config: spec(1), is_vendors: false }
    }

    /// The schema of the spec of a binding.
    pub(crate) const fn binding_schema(&self) -> &Value {
        &self.binding
    }

    /// The schema of the spec of a config.
    pub(crate) const fn config_schema(&self) -> &Value {
        &self.config
    }

    /// The spec of a binding as it is kept; `before` is the one that is there.
    pub(crate) fn binding(
        &self,
        spec: &Value,
        before: Option<&DirectAccessBindingSpec>,
    ) -> Result<DirectAccessBindingSpec, String> {
        let kept = admit(&self.binding, spec, "spec")?;
        let spec: DirectAccessBindingSpec = serde_json::from_value(kept).map_err(|error| error.to_string())?;
        spec.validate().map_err(|report| report.to_string())?;
        let broken = broken(&spec).or_else(|| before.and_then(|before| moved(before, &spec)));
        broken.map_or(Ok(spec), |words| Err(words.to_owned()))
    }

    /// The spec of a config as it is kept.
    pub(crate) fn config(&self, spec: &Value) -> Result<Value, String> {
        if self.is_vendors { Ok(spec.clone()) } else { admit(&self.config, spec, "spec") }
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A value as a structural schema takes it: with defaults, without nulls and without what it does not know.
pub(crate) fn admit(schema: &Value, value: &Value, path: &str) -> Result<Value, String> {
    let wrong = || Err(format!("{path}: {value} is no {}", text(schema, "type")));
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return if value.is_i64() || value.is_string() { Ok(value.clone()) } else { wrong() };
    }
    match (text(schema, "type"), value) {
        ("", _) => Ok(value.clone()),
        ("object", Value::Object(members)) => object(schema, members, path),
        ("array", Value::Array(items)) => array(schema, items, path),
        ("string", Value::String(said)) => {
            let count = said.chars().count() as u64;
            let is_short = schema.get("minLength").and_then(Value::as_u64).is_some_and(|least| count < least);
            let is_long = schema.get("maxLength").and_then(Value::as_u64).is_some_and(|most| count > most);
            within(schema, value, path, is_short || is_long)
        }
        ("integer", Value::Number(number)) => {
            let Some(number) = number.as_i64() else { return wrong() };
            let is_low = schema.get("minimum").and_then(Value::as_i64).is_some_and(|least| number < least);
            let is_high = schema.get("maximum").and_then(Value::as_i64).is_some_and(|most| number > most);
            within(schema, value, path, is_low || is_high)
        }
        ("boolean", Value::Bool(_)) => Ok(value.clone()),
        _ => wrong(),
    }
}

fn within(schema: &Value, value: &Value, path: &str, is_beyond: bool) -> Result<Value, String> {
    let is_unknown = schema.get("enum").and_then(Value::as_array).is_some_and(|all| !all.contains(value));
    if is_beyond || is_unknown { Err(format!("{path}: {value} is not possible")) } else { Ok(value.clone()) }
}

fn object(schema: &Value, members: &Map<String, Value>, path: &str) -> Result<Value, String> {
    let nothing = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
    let keeps = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    let mut kept = Map::new();
    for (name, value) in members {
        match properties.get(name) {
            Some(_) if value.is_null() => {}
            Some(property) => drop(kept.insert(name.clone(), admit(property, value, &format!("{path}.{name}"))?)),
            None if keeps => drop(kept.insert(name.clone(), value.clone())),
            None => {}
        }
    }
    for (name, property) in properties {
        if let Some(default) = property.get("default").filter(|_| !kept.contains_key(name)) {
            kept.insert(name.clone(), admit(property, default, &format!("{path}.{name}"))?);
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    match required.into_iter().find(|name| !kept.contains_key(*name)) {
        Some(missing) => Err(format!("{path}.{missing}: it is required")),
        None => Ok(Value::Object(kept)),
    }
}

fn array(schema: &Value, items: &[Value], path: &str) -> Result<Value, String> {
    if schema.get("maxItems").and_then(Value::as_u64).is_some_and(|most| items.len() as u64 > most) {
        return Err(format!("{path}: it has too many items"));
    }
    let nothing = Value::Null;
    let of_item = schema.get("items").unwrap_or(&nothing);
    let mut kept = Vec::new();
    for (place, item) in items.iter().enumerate() {
        kept.push(admit(of_item, item, &format!("{path}[{place}]"))?);
    }
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let identity = |item: &Value| match keys {
        Some(keys) => keys.iter().map(|key| item[key.as_str().unwrap_or_default()].to_string()).collect(),
        None => vec![item.to_string()],
    };
    let is_unique = matches!(text(schema, "x-kubernetes-list-type"), "map" | "set");
    let different: BTreeSet<Vec<String>> = kept.iter().map(identity).collect();
    if is_unique && different.len() < kept.len() {
        return Err(format!("{path}: an item is there twice"));
    }
    Ok(Value::Array(kept))
}

/// The rule across fields that is broken.
fn broken(spec: &DirectAccessBindingSpec) -> Option<&'static str> {
    let is_udp = |one: &ListenerSpec| matches!(one.protocol, ListenerProtocol::Udp | ListenerProtocol::Quic);
    let is_alone = |one: &ListenerSpec| {
        spec.listeners.iter().filter(|other| other.port == one.port && is_udp(other) == is_udp(one)).count() == 1
    };
    let creates = spec.load_balancer.as_ref().is_some_and(|one| one.create.is_some());
    let is_reserved = spec.service_config_ref.as_ref().is_some_and(|config| names::is_reserved_config(&config.name));
    let rules = [
        (spec.mode == Mode::Direct && spec.load_balancer.is_none(), "loadBalancer must be set in mode Direct"),
        (spec.auto_service_config && spec.service_config_ref.is_some(), "autoServiceConfig must be false"),
        (spec.deletion_policy == DeletionPolicy::Delete && !creates, "deletionPolicy may be Delete only with create"),
        (!spec.listeners.iter().all(is_alone), "listeners must differ in port"),
        (
            spec.mode == Mode::Delegate && spec.listeners.iter().any(|one| one.listener_id.is_some()),
            "listenerId is for mode Direct",
        ),
        (is_reserved, "the name of the config is reserved"),
    ];
    let of_spec = rules.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, words)| words);
    let of_load_balancer = || spec.load_balancer.as_ref().and_then(broken_load_balancer);
    of_spec.or_else(of_load_balancer).or_else(|| spec.listeners.iter().find_map(broken_listener))
}

fn broken_load_balancer(one: &LoadBalancerSpec) -> Option<&'static str> {
    if one.id.is_some() == one.create.is_some() {
        return Some("loadBalancer must have exactly one of id and create");
    }
    one.create.as_ref().and_then(|create| create.broken_rules().first().map(|(_, words)| *words))
}

fn broken_listener(one: &ListenerSpec) -> Option<&'static str> {
    use ListenerProtocol::{Http, Https, Quic, TcpSsl, Udp};
    let has_tls = matches!(one.protocol, Https | TcpSsl | Quic);
    let of_rules = || one.rules.iter().filter_map(|rule| rule.certificate.as_ref());
    let each_has = !one.rules.is_empty() && of_rules().count() == one.rules.len();
    let is_double = |certificate: &CertificateSpec| certificate.id.is_some() == certificate.secret_name.is_some();
    let rules = [
        (!matches!(one.protocol, Http | Https) && !one.rules.is_empty(), "rules are for HTTP and HTTPS"),
        (one.certificate.is_some() && one.listener_id.is_some(), "certificate may not be set with listenerId"),
        (one.certificate.is_some() && !has_tls, "certificate is for HTTPS, TCP_SSL and QUIC"),
        (has_tls && one.certificate.is_none() && one.listener_id.is_none() && !each_has, "certificate must be set"),
        (
            (one.protocol != Https || one.listener_id.is_some()) && of_rules().count() > 0,
            "rules may have a certificate only for HTTPS",
        ),
        (!one.shared_with.is_empty() && one.listener_id.is_some(), "sharedWith may not be set with listenerId"),
        (one.port == 4789 && matches!(one.protocol, Udp | Quic), "port must not be 4789"),
        (
            one.certificate.iter().chain(of_rules()).any(is_double),
            "certificate must have exactly one of id and secretName",
        ),
    ];
    rules.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, words)| words)
}

/// What has changed and may not.
fn moved(before: &DirectAccessBindingSpec, now: &DirectAccessBindingSpec) -> Option<&'static str> {
    match (&before.load_balancer, &now.load_balancer) {
        (Some(_), None) => Some("loadBalancer cannot be removed"),
        (Some(before), Some(now)) if before != now => Some("loadBalancer cannot be changed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many rules each schema has, by its path.
    fn rules(schema: &Value, path: &str, found: &mut Vec<(String, usize)>) {
        if let Some(all) = schema.get("x-kubernetes-validations").and_then(Value::as_array) {
            found.push((path.to_owned(), all.len()));
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            rules(property, &format!("{path}.{name}"), found);
        }
        if let Some(items) = schema.get("items") {
            rules(items, &format!("{path}[]"), found);
        }
    }

    #[test]
    fn each_rule_across_fields_is_known_here() {
        let mut found = Vec::new();
        rules(Definitions::new().binding_schema(), "spec", &mut found);
        let found: Vec<_> = found.iter().map(|(path, count)| (path.as_str(), *count)).collect();
        // One more, or one less, is one to write, or to take out, above.
        let known = [
            ("spec", 6),
            ("spec.listeners[]", 7),
            ("spec.listeners[].certificate", 1),
            ("spec.listeners[].rules[].certificate", 1),
            ("spec.loadBalancer", 4),
            ("spec.loadBalancer.create", 14),
            ("spec.serviceConfigRef", 1),
        ];
        assert_eq!(found, known);
    }

    #[test]
    fn what_the_schema_refuses_is_refused_and_what_it_does_not_know_goes() {
        let definitions = Definitions::new();
        let spec =
            json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-one"}, "drian": {}, "network": null});
        let kept = definitions.binding(&spec, None).unwrap();
        assert_eq!((kept.service_ref.name.as_str(), kept.drain.timeout_seconds), ("web", 300));
        for (path, odd) in [
            ("/serviceRef/name", json!("Web")),
            ("/serviceRef", json!({})),
            ("/loadBalancer/id", json!("lb-One")),
            ("/loadBalancer", json!({})),
            ("/drain", json!({"timeoutSeconds": 86_401})),
            ("/drain", json!({"timeoutSeconds": "5"})),
            ("/mode", json!("direct")),
            ("/suspend", json!("true")),
            ("/listeners", json!([{"port": 80, "protocol": "TCP"}, {"port": 80, "protocol": "TCP"}])),
            ("/listeners", json!([{"port": 80, "protocol": "TCP", "rules": [{}]}])),
            ("/serviceConfigRef", json!({"name": "web-auto-service-config"})),
        ] {
            let mut spec = spec.clone();
            let (parent, name) = path.rsplit_once('/').unwrap();
            spec.pointer_mut(parent).unwrap()[name] = odd.clone();
            assert!(definitions.binding(&spec, None).is_err(), "{path}: {odd}");
        }
        let other = json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-two"}});
        assert!(definitions.binding(&other, Some(&kept)).is_err());
    }

    #[test]
    fn configs_are_bounded_by_our_definition_and_not_by_the_vendors() {
        let mut definitions = Definitions::new();
        let entry = |check: Value| json!({"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": check}]}});
        let odd = entry(json!({"intervalTime": "5"}));
        assert!(definitions.config(&odd).is_err());
        let unknown = entry(json!({"interval": 5, "timeout": null}));
        assert_eq!(definitions.config(&unknown), Ok(entry(json!({"interval": 5}))));
        definitions.is_vendors = true;
        assert_eq!(definitions.config(&odd), Ok(odd));
    }
}
