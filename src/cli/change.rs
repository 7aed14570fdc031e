//! `suspend`, `resume` and `reconcile`: changes of a binding.

use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::wait::await_condition;
use serde_json::json;

use super::options::{Binding, Waiting};
use super::output::Printer;
use super::session::Session;
use super::{Ending, Error};
use crate::api::condition::ConditionType;
use crate::api::{DirectAccessBinding, names};
use crate::k8s::words;

/// Sets `spec.suspend`.
pub(super) async fn suspend(
    session: &Session,
    options: &Binding,
    is_suspended: bool,
    printer: &mut Printer,
) -> Result<Ending, Error> {
    let name = &options.name;
    if session.binding(name).await?.spec.suspend == is_suspended {
        printer.line(format!(
            "directaccessbinding/{name} is {}",
            if is_suspended { "suspended already" } else { "not suspended" }
        ))?;
        return Ok(Ending::Fine);
    }
    session.patch_binding(name, &json!({"spec": {"suspend": is_suspended}})).await?;
    if is_suspended {
        printer.line(format!(
            "directaccessbinding/{name} suspended: nothing of it is changed in CLB, and gates are opened"
        ))?;
    } else {
        printer.line(format!("directaccessbinding/{name} resumed"))?;
    }
    Ok(Ending::Fine)
}

/// Asks for a round, and waits until the status echoes that.
pub(super) async fn reconcile(session: &Session, options: &Waiting, printer: &mut Printer) -> Result<Ending, Error> {
    let name = options.name.as_str();
    let asked = Timestamp::now().to_string();
    let change = json!({"metadata": {"annotations": {names::RECONCILE_REQUESTED_AT: asked}}});
    session.patch_binding(name, &change).await?;
    if options.timeout_seconds == 0 {
        printer.line(format!("directaccessbinding/{name} will be looked at"))?;
        return Ok(Ending::Fine);
    }
    let is_handled = |found: Option<&DirectAccessBinding>| {
        let status = found.and_then(|binding| binding.status.as_ref());
        status.is_some_and(|status| status.last_handled_reconcile_at.as_deref() == Some(asked.as_str()))
    };
    let waited = await_condition(session.bindings(), name, is_handled);
    let found = match tokio::time::timeout(Duration::from_secs(options.timeout_seconds), waited).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Err(Error::Argument(format!("cannot follow DirectAccessBinding '{name}': {}", words(&error))));
        }
        Err(_) => {
            return Err(Error::TimedOut(format!(
                "the controller has not looked at DirectAccessBinding '{name}' within {} s; run `kubectl direct-access doctor`",
                options.timeout_seconds
            )));
        }
    };
    let status = found.and_then(|binding| binding.status).unwrap_or_default();
    let ready = status.conditions.iter().find(|found| found.type_ == ConditionType::Ready.as_str());
    let said = ready.map(|found| format!("Ready={} ({}): {}", found.status, found.reason, found.message));
    printer.line(format!("directaccessbinding/{name} looked at: {}", said.unwrap_or_default()))?;
    Ok(Ending::Fine)
}
