//! Whether admission policies say who may use which load balancer, and whether they can.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{
    ParamRef, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::Check;
use crate::api::names;
use crate::cli::error::of_api_server;
use crate::cli::session::Session;
use crate::model::unreadable_lines;

const CHECK: &str = "Guard";
const INSTALL: &str = "Apply deploy/components/guard again, or set guard.enabled of the chart.";
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
        let what = "there is none: who may make a binding in a namespace may use every load balancer in reach of the controller";
        return Check::fine(CHECK, what);
    }
    if let Some(what) = found.gap() {
        return Check::wrong(CHECK, what, INSTALL);
    }
    let home = session.controller_namespace().await;
    let place = found.params(home);
    let name = format!("ConfigMap {}/{}", place.0, place.1);
    let api: Api<ConfigMap> = Api::namespaced(session.client.clone(), &place.0);
    match api.get_opt(&place.1).await {
        Ok(Some(config)) => judge(&name, &config.data.unwrap_or_default()),
        Ok(None) => {
            let what = format!("{name}, which says who may, does not exist: no binding can be made");
            Check::wrong(CHECK, what, INSTALL)
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

/// What the ConfigMap allows, and which of its lines cannot be read.
fn judge(name: &str, data: &BTreeMap<String, String>) -> Check {
    let mut faults = unreadable_lines(data, names::GUARD_CONTACT);
    if !faults.is_empty() {
        let more = faults.len().saturating_sub(SHOWN);
        faults.truncate(SHOWN);
        faults.extend((more > 0).then(|| format!("and {more} more")));
        let what =
            format!("{name} has lines that cannot be read, and allow less than they seem to: {}", faults.join("; "));
        return Check::doubtful(CHECK, what, "Correct these lines.");
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
        let ill = judged(&[("shop", "a\nb\nc\nd\nlb-1")]);
        assert_eq!(ill.verdict, Verdict::Doubtful);
        assert!(ill.message.contains("shop, line 3: \"c\"") && ill.message.ends_with("and 1 more"), "{}", ill.message);
    }
}
