//! Whether admission policies say who may use which load balancer, and whether they can.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{
    ParamRef, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::{Value, json};

use super::Check;
use crate::api::names;
use crate::cli::error::of_api_server;
use crate::cli::session::Session;
use crate::model::unreadable_lines;

const CHECK: &str = "Guard";
const RULES: &str = "docs/security.md#who-may-use-which-load-balancer says how to write them.";
const POLICIES: &str = "Apply policies.yaml of deploy/components/guard, which leaves the ConfigMap as it is, or install the chart with guard.enabled \
                        again.";
const CONFIG_MAP: &str =
    "Make it again with what namespaces may, from where its data is kept: an empty one lets nobody make a binding.";
/// The policies and their bindings as this version has them.
const SHIPPED: &str = include_str!("../../../deploy/components/guard/policies.yaml");
/// The most lines that are shown one by one.
const SHOWN: usize = 3;

pub(super) async fn check(session: &Session) -> Check {
    let found = match Found::read(session).await {
        Ok(found) => found,
        Err(error) => {
            return Check::unknown(CHECK, format!("admission policies cannot be read: {}", of_api_server(&error)));
        }
    };
    if found.is_none() {
        let what = "there is none: who may make a binding in a namespace may use every load balancer in reach of the controller; \
                    docs/security.md#who-may-use-which-load-balancer says how to limit that";
        return Check::fine(CHECK, what);
    }
    if let Some(what) = found.gap() {
        return Check::wrong(CHECK, what, POLICIES);
    }
    if let Some(what) = found.difference() {
        return Check::doubtful(CHECK, what, POLICIES);
    }
    let home = session.controller_namespace().await;
    let place = found.params(home);
    let name = format!("ConfigMap {}/{}", place.0, place.1);
    let api: Api<ConfigMap> = Api::namespaced(session.client.clone(), &place.0);
    match api.get_opt(&place.1).await {
        Ok(Some(config)) => judge(&name, &config.data.unwrap_or_default()),
        Ok(None) => {
            let what = format!("{name}, which says who may, does not exist: no binding can be made");
            Check::wrong(CHECK, what, CONFIG_MAP)
        }
        Err(error) => Check::unknown(
            CHECK,
            format!("the policies are there; whether {name} says who may cannot be read: {}", of_api_server(&error)),
        ),
    }
}

/// The objects of the guard that are there.
struct Found {
    policies: Vec<(&'static str, Option<ValidatingAdmissionPolicy>)>,
    bindings: Vec<(&'static str, Option<ValidatingAdmissionPolicyBinding>)>,
}

impl Found {
    async fn read(session: &Session) -> Result<Self, kube::Error> {
        let api: Api<ValidatingAdmissionPolicy> = Api::all(session.client.clone());
        let mut policies = Vec::new();
        for name in names::GUARD_POLICIES {
            policies.push((name, api.get_opt(name).await?));
        }
        let api: Api<ValidatingAdmissionPolicyBinding> = Api::all(session.client.clone());
        let mut bindings = Vec::new();
        for name in names::GUARD_POLICY_BINDINGS {
            bindings.push((name, api.get_opt(name).await?));
        }
        Ok(Self { policies, bindings })
    }

    fn is_none(&self) -> bool {
        self.policies.iter().all(|(_, found)| found.is_none()) && self.bindings.iter().all(|(_, found)| found.is_none())
    }

    /// Why it does not refuse what it should.
    fn gap(&self) -> Option<String> {
        let policies = self.policies.iter().filter(|(_, found)| found.is_none());
        let policies = policies.map(|(name, _)| format!("ValidatingAdmissionPolicy {name}"));
        let bindings = self.bindings.iter().filter(|(_, found)| found.is_none());
        let bindings = bindings.map(|(name, _)| format!("ValidatingAdmissionPolicyBinding {name}"));
        let missing: Vec<_> = policies.chain(bindings).collect();
        if !missing.is_empty() {
            return Some(format!(
                "parts of it are missing, so that it does not refuse what they are for: {}",
                missing.join(", ")
            ));
        }
        let denies = |binding: &ValidatingAdmissionPolicyBinding| {
            let actions = binding.spec.as_ref().and_then(|spec| spec.validation_actions.as_ref());
            actions.is_some_and(|actions| actions.iter().any(|action| action == "Deny"))
        };
        let mute = self.bindings.iter().find(|(_, found)| found.as_ref().is_some_and(|one| !denies(one)));
        mute.map(|(name, _)| {
            format!("ValidatingAdmissionPolicyBinding {name} does not say Deny in spec.validationActions, so that it refuses nothing")
        })
    }

    /// What is not as this version has it: it may let through what it should refuse.
    fn difference(&self) -> Option<String> {
        let shipped: Vec<Value> = serde_saphyr::from_multiple(SHIPPED).unwrap_or_default();
        let policies =
            self.policies.iter().map(|(_, found)| ("ValidatingAdmissionPolicy", serde_json::to_value(found)));
        let bindings =
            self.bindings.iter().map(|(_, found)| ("ValidatingAdmissionPolicyBinding", serde_json::to_value(found)));
        policies.chain(bindings).find_map(|(kind, found)| {
            let found = found.ok()?;
            let name = &found["metadata"]["name"];
            let own = shipped.iter().find(|own| own["kind"] == kind && own["metadata"]["name"] == *name)?;
            let place = differing(&own["spec"], &found["spec"], "spec")?;
            Some(format!("{kind} {} is not as this version has it: {place}", name.as_str().unwrap_or_default()))
        })
    }

    /// Namespace and name of the ConfigMap.
    fn params(&self, home: &str) -> (String, String) {
        let reference = |(_, found): &(_, Option<ValidatingAdmissionPolicyBinding>)| -> Option<ParamRef> {
            found.as_ref()?.spec.as_ref()?.param_ref.clone()
        };
        let reference = self.bindings.iter().find_map(reference).unwrap_or_default();
        (
            reference.namespace.unwrap_or_else(|| home.to_owned()),
            reference.name.unwrap_or_else(|| names::GUARD.to_owned()),
        )
    }
}

/// Where an object of the cluster is not as it was shipped; `None` where it is. What the API server adds by itself is no difference, nor is
/// what an installation chooses: the place of the ConfigMap, and the account of the controller.
fn differing(shipped: &Value, found: &Value, place: &str) -> Option<String> {
    match (shipped, found) {
        (Value::Object(shipped), Value::Object(found)) => {
            let is_chosen =
                |key: &str| key == "paramRef" || shipped.get("name").is_some_and(|name| name == "isController");
            let is_usual = |value: &Value| *value == "Equivalent" || *value == "*" || *value == json!({});
            let own = shipped.iter().filter(|(key, _)| !is_chosen(key));
            let changed = own.map(|(key, value)| {
                differing(value, found.get(key).unwrap_or(&Value::Null), &format!("{place}.{key}"))
            });
            let is_added = |(key, value): &(&String, &Value)| !shipped.contains_key(*key) && !is_usual(value);
            let added = found.iter().filter(is_added).map(|(key, _)| Some(format!("{place}.{key}")));
            changed.chain(added).flatten().next()
        }
        (Value::Array(shipped), Value::Array(found)) if shipped.len() == found.len() => {
            let pairs = (0..).zip(shipped.iter().zip(found));
            pairs.filter_map(|(row, (shipped, found))| differing(shipped, found, &format!("{place}[{row}]"))).next()
        }
        _ => (shipped != found).then(|| place.to_owned()),
    }
}

/// What the ConfigMap allows, and which of its lines cannot be read.
fn judge(name: &str, data: &BTreeMap<String, String>) -> Check {
    let mut faults = unreadable_lines(data, names::GUARD_CONTACT);
    if !faults.is_empty() {
        let more = faults.len().saturating_sub(SHOWN);
        faults.truncate(SHOWN);
        faults.extend((more > 0).then(|| format!("and {more} more")));
        let what = format!("{name} has lines that cannot be read, and allow nothing: {}", faults.join("; "));
        return Check::doubtful(CHECK, what, "Correct these lines.");
    }
    if data.keys().all(|key| key == names::GUARD_CONTACT) {
        let what = format!("{name} has a key for no namespace, nor {}: nobody may make a binding", names::GUARD_OTHERS);
        return Check::doubtful(CHECK, what, RULES);
    }
    let own = data.keys().filter(|key| ![names::GUARD_CONTACT, names::GUARD_OTHERS].contains(&key.as_str())).count();
    let others = match data.get(names::GUARD_OTHERS) {
        Some(_) => format!("all others what its key {} says", names::GUARD_OTHERS),
        None => "all others nothing".to_owned(),
    };
    Check::fine(CHECK, format!("it is there: {name} says what {own} namespaces may, and {others}"))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_policy_that_was_weakened_is_found() {
        let shipped: Vec<Value> = serde_saphyr::from_multiple(SHIPPED).unwrap();
        assert_eq!(shipped.len(), names::GUARD_POLICIES.len() + names::GUARD_POLICY_BINDINGS.len());
        let spec = &shipped[0]["spec"];
        // As the API server shows it.
        let mut found = spec.clone();
        found["matchConstraints"]["matchPolicy"] = json!("Equivalent");
        found["matchConstraints"]["namespaceSelector"] = json!({});
        found["matchConstraints"]["resourceRules"][0]["scope"] = json!("*");
        let controller =
            found["variables"].as_array_mut().unwrap().iter_mut().find(|one| one["name"] == "isController");
        controller.unwrap()["expression"] = json!("request.userInfo.username == 'another'");
        assert_eq!(differing(spec, &found, "spec"), None);
        type Weaken = (fn(&mut Value), &'static str);
        let weaken: [Weaken; 5] = [
            (|spec| spec["failurePolicy"] = json!("Ignore"), "spec.failurePolicy"),
            (
                |spec| spec["matchConditions"] = json!([{"name": "never", "expression": "false"}]),
                "spec.matchConditions",
            ),
            (
                |spec| spec["matchConstraints"]["namespaceSelector"] = json!({"matchLabels": {"guarded": "yes"}}),
                "spec.matchConstraints.namespaceSelector",
            ),
            (|spec| spec["validations"][0]["expression"] = json!("true"), "spec.validations[0].expression"),
            (|spec| drop(spec["validations"].as_array_mut().unwrap().pop()), "spec.validations"),
        ];
        for (weaken, place) in weaken {
            let mut weaker = found.clone();
            weaken(&mut weaker);
            assert_eq!(differing(spec, &weaker, "spec").as_deref(), Some(place));
        }
    }

    #[test]
    fn the_config_map_is_judged_line_by_line() {
        let judged = |rows: &[(&str, &str)]| {
            let data = rows.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
            judge("ConfigMap a/b", &data)
        };
        let well = judged(&[("_contact", "we, who else?"), ("shop", "lb-1 80\ncreate")]);
        assert_eq!(
            (well.verdict, well.message.as_str()),
            (Verdict::Fine, "it is there: ConfigMap a/b says what 1 namespaces may, and all others nothing",)
        );
        let others = judged(&[("_others", "any")]);
        assert!(
            others.message.ends_with("0 namespaces may, and all others what its key _others says"),
            "{}",
            others.message
        );
        for nothing in [&[][..], &[("_contact", "we")]] {
            let empty = judged(nothing);
            assert_eq!(empty.verdict, Verdict::Doubtful);
            assert!(empty.message.contains("nobody may make a binding"), "{}", empty.message);
        }
        let ill = judged(&[("shop", "a\nb\nc\nd\nlb-1")]);
        assert_eq!(ill.verdict, Verdict::Doubtful);
        assert!(ill.message.contains("shop, line 3: \"c\"") && ill.message.ends_with("and 1 more"), "{}", ill.message);
    }
}
