//! `drain`: Pods without new connections.
//!
//! This file drains one Pod; `now` drains several at once, also those of a workload; `barred` says which bindings set no weight.

mod barred;
mod now;

use std::collections::BTreeMap;
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
use crate::model::Weight;
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
        return Err(Error::Argument(no_pod(target, &session.namespace, options.undo)));
    }
    let name = pod_name(target)?;
    let timeout_seconds = options.timeout_seconds.unwrap_or(USUAL_TIMEOUT);
    let pods: Api<Pod> = Api::namespaced(session.client.clone(), &session.namespace);
    let found = pods.get_opt(name).await.map_err(Error::kubernetes(format!("cannot read Pod '{name}'")))?;
    let Some(found) = found else {
        return Err(session.missing(&pods, "Pod", "pods", name).await);
    };
    // Who may not look may ask all the same.
    let way = Way::new(options.undo);
    let barred = barred::find(session, way, &|pod| pod == name, LOOK).await.unwrap_or_default();
    let outlook = barred.outlook(way)?;
    let patched = pods.patch(name, &merge(), &Patch::Merge(&change(options.undo))).await;
    patched.map_err(Error::kubernetes(format!("cannot annotate Pod '{name}'")))?;
    printer.line(format!("pod/{name} {}", becomes(way, outlook)))?;
    barred.print(printer)?;
    overwritten(&found, options.undo).map_or(Ok(()), |words| printer.line(words))?;
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
            Ok(weights) => {
                let lines = done(name, &session.namespace, options.undo, &weights);
                lines.iter().try_for_each(|line| printer.line(line))?;
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

/// What is said in place of a Pod.
fn no_pod(target: &str, namespace: &str, is_back: bool) -> String {
    let undo = if is_back { " --undo" } else { "" };
    format!(
        "'{target}' is no Pod: say which Pod, as pod/NAME, or run `kubectl direct-access drain --now{undo} {target} -n {namespace}` for all \
         of its Pods"
    )
}

/// What is said when a Pod goes back into service.
const NOT_PUT_BACK: &str = "a custom-weight that a Pod had before the drain is not put back";

/// What the annotation replaces, where that is a word of the Pod's own.
fn overwritten(pod: &Pod, is_back: bool) -> Option<String> {
    let word = pod.metadata.annotations.as_ref()?.get(names::CUSTOM_WEIGHT)?;
    let is_own = !is_back && word != "0";
    is_own.then(|| format!("its own {} {word:?} is replaced, and --undo does not put it back", names::CUSTOM_WEIGHT))
}

/// What is said of a Pod that is no target: nothing reaches it, whatever its weight.
fn no_target(pod: &str, namespace: &str, is_back: bool) -> String {
    let stays = format!(
        "; its {} \"0\" stays until `kubectl direct-access drain --undo pod/{pod} -n {namespace}`",
        names::CUSTOM_WEIGHT
    );
    format!("pod/{pod} is not a target of any binding{}", if is_back { "" } else { &stays })
}

/// What is said when the Pod's targets have these weights, as they should.
fn done(pod: &str, namespace: &str, is_back: bool, weights: &[Weight]) -> Vec<String> {
    if weights.is_empty() {
        return vec![no_target(pod, namespace, is_back)];
    }
    let now = format!("pod/{pod} has {}", targets(weights));
    std::iter::once(now).chain(is_back.then(|| NOT_PUT_BACK.to_owned())).collect()
}

/// `weight 0 on 2 targets`.
fn targets(weights: &[Weight]) -> String {
    let mut each: BTreeMap<Weight, usize> = BTreeMap::new();
    weights.iter().for_each(|weight| *each.entry(*weight).or_default() += 1);
    let words = each
        .iter()
        .map(|(weight, count)| format!("weight {weight} on {count} target{}", if *count == 1 { "" } else { "s" }));
    words.collect::<Vec<_>>().join(", ")
}

/// The weights of the Pod's targets when all are as asked for, none where it has none; or what is missing.
async fn look(session: &Session, pod: &str, is_back: bool) -> Result<Result<Vec<Weight>, String>, Error> {
    let world = World::read(session, false).await?;
    let sights = world.look(session).await?;
    let mut weights = Vec::new();
    for seen in sights.iter().flat_map(|sight| sight.bindings()).filter(|seen| world.is_asked_for(&seen.view.binding)) {
        if let Cloud::Failed(failure) = seen.cloud
            && now::concerns(&seen, &|name| name == pod)
        {
            return Ok(Err(failure.to_string()));
        }
        for route in seen.routes {
            // What is on its way out has no weight to come back to.
            let others = route.others.iter().filter(|_| !is_back);
            for target in route.targets.iter().chain(others).filter(|target| target.pod == pod) {
                if let Some(why) = barred::bar(&seen, Way::new(is_back)) {
                    return Ok(Err(why));
                }
                match target.weight.filter(|_| is_done(target, is_back)) {
                    Some(weight) => weights.push(weight),
                    None => {
                        let weight = target.weight.map_or_else(|| "no".to_owned(), |weight| weight.to_string());
                        return Ok(Err(format!("{} has {weight} weight on {}", target.address, route.name)));
                    }
                }
            }
        }
    }
    Ok(Ok(weights))
}

fn is_done(target: &TargetTrace, is_back: bool) -> bool {
    if is_back { target.weight.is_some() && target.weight == target.wanted } else { target.weight == Some(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_a_workload_is_told_the_whole_command() {
        let said = no_pod("deploy/web", "shop", true);
        assert!(said.contains("`kubectl direct-access drain --now --undo deploy/web -n shop`"), "{said}");
        let said = no_pod("deploy/web", "shop", false);
        assert!(said.contains("`kubectl direct-access drain --now deploy/web -n shop`"), "{said}");
    }

    #[test]
    fn what_a_drain_does_to_the_words_of_a_pod_is_said() {
        let pod = |word: &str| {
            let annotations = [(names::CUSTOM_WEIGHT.to_owned(), word.to_owned())];
            let mut pod = Pod::default();
            pod.metadata.annotations = Some(annotations.into());
            pod
        };
        assert!(overwritten(&pod("5"), false).is_some_and(|said| said.contains("\"5\"")));
        assert_eq!(overwritten(&pod("0"), false), None);
        assert_eq!(overwritten(&pod("0"), true), None);
        let said = no_target("web-1", "shop", false);
        assert!(said.contains("\"0\" stays until `kubectl direct-access drain --undo pod/web-1 -n shop`"), "{said}");
        assert!(!no_target("web-1", "shop", true).contains("stays"));
        assert_eq!(done("web-1", "shop", false, &[0, 0]), ["pod/web-1 has weight 0 on 2 targets"]);
        assert_eq!(done("web-1", "shop", true, &[10]), ["pod/web-1 has weight 10 on 1 target", NOT_PUT_BACK]);
        assert_eq!(done("web-1", "shop", false, &[]), [no_target("web-1", "shop", false)]);
        assert_eq!(targets(&[10, 5, 10]), "weight 5 on 1 target, weight 10 on 2 targets");
    }
}
