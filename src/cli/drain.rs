//! `drain`: a Pod without new connections.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Patch;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::options::Drain;
use super::output::Printer;
use super::session::{Session, merge, pod_name};
use super::world::World;
use super::{Ending, Error};
use crate::api::names;
use crate::plan::{Cloud, TargetTrace};

/// Time from one look at CLB to the next.
const PERIOD: Duration = Duration::from_secs(1);

pub(super) async fn run(session: &Session, options: &Drain, printer: &mut Printer) -> Result<Ending, Error> {
    let name = pod_name(&options.pod)?;
    let pods: Api<Pod> = Api::namespaced(session.client.clone(), &session.namespace);
    let (kind, plural) = ("Pod", "pods");
    let found = pods.get_opt(name).await.map_err(Error::kubernetes(format!("cannot read Pod '{name}'")))?;
    if found.is_none() {
        return Err(Error::NotFound { kind, plural, name: name.to_owned(), namespace: session.namespace.clone() });
    }
    let weight = if options.undo { Value::Null } else { json!("0") };
    let change = json!({"metadata": {"annotations": {names::CUSTOM_WEIGHT: weight}}});
    let patched = pods.patch(name, &merge(), &Patch::Merge(&change)).await;
    patched.map_err(Error::kubernetes(format!("cannot annotate Pod '{name}'")))?;
    let what = if options.undo { "goes back into service" } else { "is asked to take no new connections" };
    printer.line(format!("pod/{name} {what}"))?;
    if options.timeout_seconds == 0 {
        return Ok(Ending::Fine);
    }
    if session.credentials.is_err() {
        eprintln!(
            "whether CLB has done it is not known here: set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY to wait for it"
        );
        return Ok(Ending::Fine);
    }
    let deadline = Instant::now() + Duration::from_secs(options.timeout_seconds);
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
                    "CLB does not show it after {} s: {why}; run `kubectl direct-access explain pod/{name}`",
                    options.timeout_seconds
                )));
            }
            Err(_) => {}
        }
    }
}

/// On how many routes the Pod has the weight that is asked for, or what is missing.
async fn look(session: &Session, pod: &str, is_back: bool) -> Result<Result<usize, String>, Error> {
    let world = World::read(session, false).await?;
    let sights = world.look(session).await?;
    let mut count = 0;
    for seen in sights.iter().flat_map(|sight| sight.bindings()).filter(|seen| world.is_asked_for(&seen.view.binding)) {
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
