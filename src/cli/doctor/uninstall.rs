//! What stands in the way of taking the controller away: bindings first, then injection, then the controller, definitions last.

use kube::Api;
use kube::api::ListParams;

use super::Check;
use crate::api::{DirectAccessBinding, names};
use crate::cli::error::of_api_server;
use crate::cli::explain::{Mechanism, mechanism};
use crate::cli::hold::{self, Word};
use crate::cli::lease::{Leader, leader};
use crate::cli::session::Session;

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
    let config = hold::config(session).await;
    let Word { removals, doubt: _ } = hold::removals(session.controller_namespace().await, &config, bindings.iter());
    match removals.held() {
        Some(hold) => Check::wrong(
            "Bindings",
            format!("{number} are left, and their deletion waits, because removals are held: {}", hold.cause()),
            format!("First {}. Then {DELETE}", hold.way_out()),
        ),
        None => Check::wrong(
            "Bindings",
            format!("{number} are left, and hold finalizers until the controller has taken their targets away"),
            DELETE,
        ),
    }
}
