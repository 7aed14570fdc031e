//! `drain`: Pods without new connections.
//!
//! This file drains one Pod; `now` drains several at once, also those of a workload; `barred` says which bindings set no weight.

mod barred;
mod now;

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Patch;
use serde_json::{Value, json};
use tokio::time::Instant;

use barred::{Outlook, Way};

use crate::api::names;
use crate::cli::options::Drain;
use crate::cli::output::Printer;
use crate::cli::session::{Session, merge, pod_name};
use crate::cli::world::World;
use crate::cli::{Ending, Error, workload};
use crate::plan::{Cloud, TargetTrace};

/// Time from one look at CLB to the next.
const PERIOD: Duration = Duration::from_secs(1);
/// How long CLB is waited for to say whether somebody sets weights at all.
const LOOK: Duration = Duration::from_secs(10);
/// Seconds to wait for CLB when nothing is said of them.
const USUAL_TIMEOUT: u64 = 60;

pub(super) async fn run(session: &Session, options: &Drain, printer: &mut Printer) -> Result<Ending, Error> {
    if options.now {
        return now::run(session, options, printer).await;
    }
    let [target] = options.targets.as_slice() else {
        return Err(Error::Argument("say which Pod, as pod/NAME; several at once need --now".to_owned()));
    };
    if workload::is_workload(target) {
        return Err(Error::Argument(format!(
            "'{target}' is no Pod: say which Pod, as pod/NAME, or drain all with --now"
        )));
    }
    let name = pod_name(target)?;
    let timeout_seconds = options.timeout_seconds.unwrap_or(USUAL_TIMEOUT);
    let pods: Api<Pod> = Api::namespaced(session.client.clone(), &session.namespace);
    let found = pods.get_opt(name).await.map_err(Error::kubernetes(format!("cannot read Pod '{name}'")))?;
    if found.is_none() {
        return Err(session.missing(&pods, "Pod", "pods", name).await);
    }
    // Who may not look may ask all the same.
    let way = Way::new(options.undo);
    let barred = barred::find(session, way, &|pod| pod == name, LOOK).await.unwrap_or_default();
    let outlook = barred.outlook(way)?;
    let patched = pods.patch(name, &merge(), &Patch::Merge(&change(options.undo))).await;
    patched.map_err(Error::kubernetes(format!("cannot annotate Pod '{name}'")))?;
    printer.line(format!("pod/{name} {}", becomes(way, outlook)))?;
    barred.print(printer)?;
    if timeout_seconds == 0 || outlook == Outlook::Later {
        return Ok(Ending::Fine);
    }
    if session.credentials.is_err() {
        eprintln!(
            "whether CLB has done it is not known here: set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY to wait for it"
        );
        return Ok(Ending::Fine);
    }
    let deadline = Instant::now() + Duration::from_secs(timeout_seconds);
    let mut looks = tokio::time::interval(PERIOD);
    loop {
        looks.tick().await;
        let said = look(session, name, options.undo).await?;
        match said {
            Ok(count) => {
                let state = if options.undo { "has its weight again" } else { "has weight 0" };
                let places = if count == 1 { "target" } else { "targets" };
                printer.line(format!("pod/{name} {state} on {count} {places}"))?;
                return Ok(Ending::Fine);
            }
            Err(why) if Instant::now() >= deadline => {
                return Err(Error::TimedOut(format!(
                    "CLB does not show it after {timeout_seconds} s: {why}; run `kubectl direct-access explain pod/{name}`"
                )));
            }
            Err(_) => {}
        }
    }
}

/// What becomes of the Pod.
const fn becomes(way: Way, outlook: Outlook) -> &'static str {
    match (way, outlook) {
        (Way::Out, _) => "is asked to take no new connections",
        (Way::Back, Outlook::Soon) => "goes back into service",
        (Way::Back, Outlook::Later) => "is not asked to be drained any more, which changes no weight at present:",
    }
}

/// The change of a Pod that drains it, or takes that back.
fn change(is_back: bool) -> Value {
    let weight = if is_back { Value::Null } else { json!("0") };
    json!({"metadata": {"annotations": {names::CUSTOM_WEIGHT: weight}}})
}

/// On how many routes the Pod has the weight that is asked for, or what is missing.
async fn look(session: &Session, pod: &str, is_back: bool) -> Result<Result<usize, String>, Error> {
    let world = World::read(session, false).await?;
    let sights = world.look(session).await?;
    let mut count = 0;
    for seen in sights.iter().flat_map(|sight| sight.bindings()).filter(|seen| world.is_asked_for(&seen.view.binding)) {
        if barred::bar(&seen, Way::new(is_back)).is_some() {
            continue;
        }
        for route in seen.routes {
            for target in route.targets.iter().filter(|target| target.pod == pod) {
                if let Cloud::Failed(failure) = seen.cloud {
                    return Ok(Err(failure.to_string()));
                }
                if !is_done(target, is_back) {
                    let weight = target.weight.map_or_else(|| "no".to_owned(), |weight| weight.to_string());
                    return Ok(Err(format!("{} has {weight} weight on {}", target.address, route.name)));
                }
                count += 1;
            }
        }
    }
    Ok(if count > 0 { Ok(count) } else { Err("no binding has the Pod as a target".to_owned()) })
}

fn is_done(target: &TargetTrace, is_back: bool) -> bool {
    if is_back { target.weight.is_some() && target.weight == target.wanted } else { target.weight == Some(0) }
}
