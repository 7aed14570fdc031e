//! The cluster's side: definitions, rights, controller, injection, switches.

use std::collections::BTreeSet;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ListParams, PostParams};

use super::Check;
use crate::api::{DirectAccessBinding, names};
use crate::cli::error::of_api_server;
use crate::cli::explain::{Mechanism, mechanism};
use crate::cli::gate_label;
use crate::cli::hold::{self, Config, Word};
use crate::cli::lease::{Leader, leader};
use crate::cli::session::Session;
use crate::model::Reading;
use crate::plan::brake::{HoldConfig, HoldWord};

pub(super) async fn checks(session: &Session) -> Vec<Check> {
    let mut checks = definitions(session).await;
    checks.push(rights(session).await);
    checks.push(controller(session).await);
    checks.push(injection(session).await);
    checks.push(namespaces(session).await);
    checks.push(switches(session).await);
    checks.push(removals(session).await);
    checks.extend(strays(session).await);
    checks
}

async fn definitions(session: &Session) -> Vec<Check> {
    const CHECK: &str = "Definitions";
    let api: Api<CustomResourceDefinition> = Api::all(session.client.clone());
    let mut checks = Vec::new();
    let bindings = format!("directaccessbindings.{}", names::GROUP);
    checks.push(match api.get_opt(&bindings).await {
        Err(error) => Check::unknown(CHECK, format!("{bindings} cannot be read: {}", of_api_server(&error))),
        Ok(None) => Check::wrong(
            CHECK,
            format!("{bindings} is not installed"),
            "Apply crds/ or install.yaml of the version that runs.",
        ),
        Ok(Some(found)) => match version(&found) {
            Some(version) if version == env!("CARGO_PKG_VERSION") => {
                Check::fine(CHECK, format!("{bindings} of version {version}"))
            }
            version => Check::doubtful(
                CHECK,
                format!(
                    "{bindings} is of version {}, this plugin of {}",
                    version.unwrap_or("unknown"),
                    env!("CARGO_PKG_VERSION")
                ),
                "Use one version of definitions, controller and plugin.",
            ),
        },
    });
    let configs = format!("tkeserviceconfigs.{}", names::GROUP);
    checks.push(match api.get_opt(&configs).await {
        Err(error) => Check::unknown(CHECK, format!("{configs} cannot be read: {}", of_api_server(&error))),
        Ok(None) => Check::doubtful(
            CHECK,
            format!("{configs} is not installed: bindings cannot say how listeners behave"),
            "Apply crds/ where the cluster is not TKE.",
        ),
        Ok(Some(found)) if version(&found).is_none() => Check::fine(
            CHECK,
            format!("{configs} is TKE's own; it has no status, and problems are told by the bindings"),
        ),
        Ok(Some(_)) => Check::fine(CHECK, format!("{configs} is this project's")),
    });
    checks
}

fn version(definition: &CustomResourceDefinition) -> Option<&str> {
    definition.metadata.annotations.as_ref()?.get(names::BUNDLE_VERSION).map(String::as_str)
}

/// What the user may do, of what the plugin does.
async fn rights(session: &Session) -> Check {
    const CHECK: &str = "Rights";
    let wanted = [
        ("list", names::GROUP, "directaccessbindings"),
        ("patch", names::GROUP, "directaccessbindings"),
        ("list", names::GROUP, "tkeserviceconfigs"),
        ("list", "", "services"),
        ("list", "", "pods"),
        ("patch", "", "pods"),
        ("list", "discovery.k8s.io", "endpointslices"),
    ];
    let mut missing = Vec::new();
    for (verb, group, resource) in wanted {
        match may(session, verb, group, resource).await {
            Ok(true) => {}
            Ok(false) => missing.push(format!("{verb} {resource}")),
            Err(error) => return Check::unknown(CHECK, format!("cannot be asked for: {}", of_api_server(&error))),
        }
    }
    if missing.is_empty() {
        return Check::fine(CHECK, format!("yours suffice for all commands in namespace '{}'", session.namespace));
    }
    Check::doubtful(
        CHECK,
        format!("you may not: {}", missing.join(", ")),
        "Ask for the ClusterRoles view and direct-access-view to look, edit and direct-access-edit to change.",
    )
}

async fn may(session: &Session, verb: &str, group: &str, resource: &str) -> Result<bool, kube::Error> {
    let attributes = ResourceAttributes {
        namespace: Some(session.namespace.clone()),
        verb: Some(verb.to_owned()),
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let api: Api<SelfSubjectAccessReview> = Api::all(session.client.clone());
    let answered = api.create(&PostParams::default(), &review).await?;
    Ok(answered.status.is_some_and(|status| status.allowed))
}

async fn controller(session: &Session) -> Check {
    const CHECK: &str = "Controller";
    match leader(session).await {
        Leader::Alive { holder } => Check::fine(CHECK, format!("{holder} leads")),
        Leader::Gone { why } => Check::wrong(
            CHECK,
            why,
            "Look at the controller's Pods and logs, or name its namespace with --controller-namespace.",
        ),
        Leader::Unknown { why } => Check::unknown(CHECK, why),
    }
}

async fn injection(session: &Session) -> Check {
    const CHECK: &str = "Injection";
    match mechanism(&session.client).await {
        Some(Mechanism::Webhook | Mechanism::Policy) => {
            Check::fine(CHECK, format!("{} injects gates", names::GATE_INJECTION))
        }
        Some(Mechanism::Nothing) => Check::doubtful(
            CHECK,
            format!("there is neither a webhook configuration nor an admission policy {}", names::GATE_INJECTION),
            "Gates must stand in Pod templates. See that the controller runs, and not with --gate-injection=None.",
        ),
        None => Check::unknown(CHECK, "neither webhook configurations nor admission policies may be read"),
    }
}

/// Namespaces with bindings whose Pods get no gates.
async fn namespaces(session: &Session) -> Check {
    const CHECK: &str = "Namespaces";
    let bindings: Api<DirectAccessBinding> = Api::all(session.client.clone());
    let (Ok(bindings), Ok(labels)) =
        (bindings.list(&ListParams::default()).await, gate_label::of_all(&session.client).await)
    else {
        return Check::unknown(CHECK, "bindings or namespaces of the whole cluster may not be listed");
    };
    let used: BTreeSet<_> = bindings.items.iter().filter_map(|one| one.metadata.namespace.as_deref()).collect();
    let count = used.len();
    let fault = |name| Some((name, labels.get(name)?.fault(name)?));
    let bare: Vec<(&str, String)> = used.into_iter().filter_map(fault).collect();
    let Some((first, _)) = bare.first() else {
        return Check::fine(CHECK, format!("{count} with bindings, all labelled for gates"));
    };
    let faults: Vec<_> = bare.iter().map(|(_, fault)| fault.as_str()).collect();
    Check::doubtful(
        CHECK,
        format!("Pods get no gates by injection: {}", faults.join("; ")),
        format!("Unless their Pod templates carry the gate: {}", names::gates_command(first)),
    )
}

/// Whether removals are held, or go on however many there are.
async fn removals(session: &Session) -> Check {
    const CHECK: &str = "Removals";
    let home = session.controller_namespace().await;
    let place = format!("ConfigMap {home}/{}", names::CONTROLLER_CONFIG);
    let config = hold::config(session).await;
    let all: Api<DirectAccessBinding> = Api::all(session.client.clone());
    let own: Api<DirectAccessBinding> = Api::namespaced(session.client.clone(), &session.namespace);
    let found = match all.list(&ListParams::default()).await {
        Ok(found) => found.items,
        Err(_) => own.list(&ListParams::default()).await.map(|found| found.items).unwrap_or_default(),
    };
    let Word { removals, doubt } = hold::removals(home, &config, found.iter());
    let hold = removals.held();
    match (&config, hold, doubt) {
        (Config::Known(HoldConfig { word: Reading::Unreadable(problem), .. }), ..) => {
            let remedy = unreadable_hold(home, &problem.key);
            Check::wrong(CHECK, format!("{place}: {problem}; {}", removals.until_then()), remedy)
        }
        (_, Some(hold), _) => {
            let remedy = format!("See whether what would be removed should be; then {}.", hold.way_out());
            Check::doubtful(CHECK, format!("they are held, because {}", hold.cause()), remedy)
        }
        (_, None, Some(doubt)) => Check::unknown(CHECK, doubt),
        (Config::Unknown(why), None, None) => {
            Check::unknown(CHECK, format!("no binding says that they are held, and nothing else is known: {why}"))
        }
        (Config::Known(HoldConfig { word: Reading::Said(HoldWord::GoOn), .. }), None, None) => {
            let key = names::HOLD_REMOVALS_KEY;
            let what = format!("{place} says {key} \"false\": they go on, however many there are");
            Check::doubtful(CHECK, what, "Remove the key, so that they are held when too many come at once.")
        }
        (Config::Known(_), None, None) => Check::fine(CHECK, "they go on, and are held when too many come at once"),
    }
}

/// What to do about a key of the controller's ConfigMap that cannot be read, which may be misspelt.
fn unreadable_hold(home: &str, key: &str) -> String {
    format!(
        "Run `{}` to hold them, or `{}` to let them go on, or remove the key {key}, so that they are held when too many come at once.",
        HoldWord::Hold.command(home),
        HoldWord::GoOn.command(home)
    )
}

/// ConfigMaps that look like the controller's, in namespaces where no controller reads them.
async fn strays(session: &Session) -> Option<Check> {
    const CHECK: &str = "Removals";
    let home = session.controller_namespace().await;
    let found = hold::strays(session).await;
    let first = found.first()?;
    let what = format!(
        "ConfigMap {} is in another namespace than the controller's, {home}, which does not read it",
        found
            .iter()
            .map(|namespace| format!("{namespace}/{}", names::CONTROLLER_CONFIG))
            .collect::<Vec<_>>()
            .join(", ")
    );
    let remedy = format!(
        "Let the ConfigMap in {home} say what it says, and delete it: kubectl -n {first} delete configmap {}",
        names::CONTROLLER_CONFIG
    );
    Some(Check::doubtful(CHECK, what, remedy))
}

async fn switches(session: &Session) -> Check {
    const CHECK: &str = "Switches";
    let api: Api<ConfigMap> = Api::namespaced(session.client.clone(), names::SWITCHES_NAMESPACE);
    let place = format!("ConfigMap {}/{}", names::SWITCHES_NAMESPACE, names::SWITCHES_NAME);
    let data = match api.get_opt(names::SWITCHES_NAME).await {
        Err(error) => return Check::unknown(CHECK, format!("{place} cannot be read: {}", of_api_server(&error))),
        Ok(None) => {
            return Check::fine(CHECK, format!("{place} does not exist: TKE's own service controller is not here"));
        }
        Ok(Some(found)) => found.data.unwrap_or_default(),
    };
    let value = |key: &str| data.get(key).map_or("not set", String::as_str);
    Check::fine(
        CHECK,
        format!(
            "TKE's service controller {}; {} {}; {} {}",
            value(names::TKE_VERSION_KEY),
            names::GLOBAL_ROUTE_SWITCH,
            value(names::GLOBAL_ROUTE_SWITCH),
            names::DEFAULT_DIRECT_ACCESS_SWITCH,
            value(names::DEFAULT_DIRECT_ACCESS_SWITCH),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_misspelt_key_it_is_the_key_that_is_there_which_may_be_removed() {
        let data = [("hold-removal".to_owned(), "true".to_owned())].into();
        let Reading::Unreadable(problem) = HoldWord::read_data(&data) else { panic!("it is misspelt") };
        let said = unreadable_hold("home", &problem.key);
        assert!(said.contains("or remove the key hold-removal, "), "{said}");
    }
}
