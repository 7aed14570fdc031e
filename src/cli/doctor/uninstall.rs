//! What stands in the way of taking the controller away: bindings first, then injection, then the controller, definitions last.

use k8s_openapi::api::core::v1 as core;
use kube::Api;
use kube::api::ListParams;

use super::Check;
use crate::api::{DirectAccessBinding, names};
use crate::cli::error::of_api_server;
use crate::cli::explain::{Mechanism, mechanism};
use crate::cli::hold::{self, Word};
use crate::cli::lease::{Leader, leader};
use crate::cli::session::Session;
use crate::k8s::service;
use crate::model::{Known, ObjectKey, Service};
use crate::plan::annotated::{Acceptance, Remake, Setting, is_own, remake};

/// The most Services whose commands are printed.
const NAMED: usize = 5;

pub(super) async fn checks(session: &Session) -> Vec<Check> {
    let api: Api<DirectAccessBinding> = Api::all(session.client.clone());
    let bindings = match api.list(&ListParams::default()).await {
        Ok(found) => found.items,
        Err(error) => return vec![Check::unknown("Bindings", format!("cannot be listed: {}", of_api_server(&error)))],
    };
    let mut checks = Vec::new();
    if bindings.is_empty() {
        checks.push(Check::fine("Bindings", "none is left"));
    } else {
        checks.push(left(session, &bindings).await);
        if let Leader::Gone { why } = leader(session).await {
            let what = format!("nobody takes finalizers away: {why}");
            checks.push(Check::wrong("Controller", what, "Start the controller again until the bindings are gone."));
        }
    }
    let found = mechanism(&session.client).await;
    checks.push(match found.map(Mechanism::deletion) {
        Some(Some(deletion)) if bindings.is_empty() => Check::doubtful(
            "Injection",
            format!("{} still injects gates that nobody would open", names::GATE_INJECTION),
            format!("Delete the controller first, and then: {deletion}"),
        ),
        Some(Some(_)) => Check::fine("Injection", "gates are still injected, and opened"),
        Some(None) => Check::fine("Injection", "nothing injects gates"),
        None => Check::unknown("Injection", "neither webhook configurations nor admission policies may be read"),
    });
    checks
}

/// Bindings that are left, and what deletes them: nothing does while removals are held.
async fn left(session: &Session, bindings: &[DirectAccessBinding]) -> Check {
    const DELETE: &str = "kubectl delete directaccessbindings --all --all-namespaces, while the controller runs.";
    let number = bindings.len();
    let asking = asking(session, bindings).await;
    let config = hold::config(session).await;
    let Word { removals, doubt: _ } = hold::removals(session.controller_namespace().await, &config, bindings.iter());
    match removals.held() {
        Some(hold) => Check::wrong(
            "Bindings",
            format!("{number} are left, and their deletion waits, because removals are held: {}", hold.cause()),
            format!("First {}. Then {}{DELETE}", hold.way_out(), asking.unwrap_or_default()),
        ),
        None if asking.is_some() => Check::wrong(
            "Bindings",
            format!("{number} are left, and some go on, or come back, as long as their Services ask for direct access"),
            format!("First {}{DELETE}", asking.unwrap_or_default()),
        ),
        None => Check::wrong(
            "Bindings",
            format!("{number} are left, and hold finalizers until the controller has taken their targets away"),
            DELETE,
        ),
    }
}

/// What is to be said on the Services that still ask for the binding which was made for them; `None` where none does, or where they
/// cannot be listed.
async fn asking(session: &Session, bindings: &[DirectAccessBinding]) -> Option<String> {
    let api: Api<core::Service> = Api::all(session.client.clone());
    let services = api.list(&ListParams::default()).await.ok()?.items;
    let services: Vec<_> = services.iter().map(service).collect();
    end_wishes(&still_asking(bindings, &services))
}

/// The Services that have not ended the wish for the binding which was made for them.
fn still_asking(bindings: &[DirectAccessBinding], services: &[Service]) -> Vec<ObjectKey> {
    // What flag, default and TKE say ends no wish.
    let setting = Setting { acceptance: Acceptance::All, has_tke: Known::No, is_default: Known::No };
    let asks = |service: &&Service| {
        let mut own = bindings.iter().filter(|binding| {
            binding.metadata.namespace.as_deref() == Some(service.key.namespace.as_str()) && is_own(service, binding)
        });
        own.any(|binding| remake(service, setting, binding) != Remake::NotAsked)
    };
    let mut keys: Vec<_> = services.iter().filter(asks).map(|service| service.key.clone()).collect();
    keys.sort();
    keys
}

/// The commands that end the wishes of these Services, ahead of what is done then.
fn end_wishes(asking: &[ObjectKey]) -> Option<String> {
    let say = |key: &ObjectKey| {
        let ObjectKey { namespace, name } = key;
        format!("kubectl annotate service {name} -n {namespace} {}=false --overwrite", names::DIRECT_ACCESS)
    };
    let commands: Vec<_> = asking.iter().take(NAMED).map(say).collect();
    let more = asking.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(", and the same for {more} more Services") };
    (!asking.is_empty()).then(|| format!("{}{more}. Then ", commands.join("; ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn services_that_still_ask_are_named_with_what_is_to_be_said_on_them() {
        let at = |namespace: &str, word: &str| {
            let service_object = json!({
                "metadata": {"namespace": namespace, "name": "web", "uid": namespace, "annotations": {
                    names::DIRECT_ACCESS: word, names::EXISTING_LOAD_BALANCER_ID: "lb-12345678",
                }},
                "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
            });
            let owner =
                json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": namespace, "controller": true});
            let binding: DirectAccessBinding = serde_json::from_value(json!({
                "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
                "metadata": {"namespace": namespace, "name": "web", "ownerReferences": [owner]},
                "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-12345678"}},
            }))
            .unwrap();
            (binding, service(&serde_json::from_value(service_object).unwrap()))
        };
        let (bindings, services): (Vec<_>, Vec<_>) =
            [at("shop", "true"), at("told", "false"), at("unclear", "maybe")].into_iter().unzip();
        let asking = still_asking(&bindings, &services);
        assert_eq!(asking, [ObjectKey::new("shop", "web"), ObjectKey::new("unclear", "web")]);
        let words = end_wishes(&asking).unwrap();
        let command = "kubectl annotate service web -n shop service.cloud.tencent.com/direct-access=false --overwrite";
        assert!(words.contains(command), "{words}");
        assert_eq!(end_wishes(&still_asking(&bindings[1..2], &services)), None);
    }
}
