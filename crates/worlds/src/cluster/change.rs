//! What becomes of a single Pod.

use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use tke_direct_access_core::api::names;

use super::{Cluster, Life, Stage, Start};
use crate::chance::Chance;
use crate::console::NotDone;
use crate::objects::Objects;
use crate::pod;
use crate::pod_change::PodChange;

/// What a Pod had while its workload had it.
#[derive(Clone, Debug)]
pub(super) struct Released {
    /// The label; `None` where it has that again, and its workload is gone.
    app: Option<String>,
    owners: Vec<OwnerReference>,
}

impl Cluster {
    /// Something becomes of a Pod.
    ///
    /// # Errors
    /// When that cannot become of it.
    pub(crate) fn change(
        &mut self,
        objects: &mut Objects,
        (name, change): (&str, &PodChange),
        now: Duration,
        chance: &mut Chance,
    ) -> Result<(), NotDone> {
        if *change == PodChange::Force {
            self.lives.remove(name).ok_or(NotDone::Absent)?;
            objects.remove_pod(name);
            return Ok(());
        }
        let (Some(mut life), Some(found)) = (self.lives.get(name).cloned(), objects.pods.get(name)) else {
            return Err(NotDone::Absent);
        };
        let mut pod = found.clone();
        match change {
            PodChange::Unlabel => unlabel(&mut life, &mut pod)?,
            PodChange::Label => {
                let released = life.released.as_mut().ok_or(NotDone::Absent)?;
                let app = released.app.take().ok_or(NotDone::Absent)?;
                pod.metadata.labels.get_or_insert_default().insert(pod::APP.to_owned(), app);
                if self.workloads.contains_key(&life.workload) {
                    pod.metadata.owner_references = life.released.take().map(|released| released.owners);
                }
            }
            PodChange::Weigh(weight) => {
                let mut annotations = pod.metadata.annotations.take().unwrap_or_default();
                _ = match weight {
                    Some(weight) => annotations.insert(names::CUSTOM_WEIGHT.to_owned(), weight.clone()),
                    None => annotations.remove(names::CUSTOM_WEIGHT),
                };
                pod.metadata.annotations = (!annotations.is_empty()).then_some(annotations);
            }
            // What its kubelet does, which has to run, and of which something has to be heard.
            PodChange::Finish(_) | PodChange::Readdress(_)
                if self.silence(life.node, now).is_some()
                    || life.deleted.is_some()
                    || !matches!(life.stage, Stage::Starting(_) | Stage::Running) =>
            {
                return Err(NotDone::Absent);
            }
            PodChange::Finish(has_failed) => {
                life.stage = Stage::Finished;
                pod::set_finished(&mut pod, *has_failed, &objects.time());
            }
            PodChange::Readdress(is_shown) => {
                let running = now + chance.latency("another sandbox", Duration::from_secs(1));
                let ready = Some(chance.latency("start in another sandbox", Duration::from_secs(2)));
                life.stage = Stage::Creating(Start { bound: now, seen: now, running, ready });
                life.left = pod::ip(&pod).map(str::to_owned);
                pod::set_another_sandbox(&mut pod, *is_shown, &objects.time());
            }
            PodChange::Force => {}
        }
        objects.put_pod(pod);
        self.lives.insert(name.to_owned(), life);
        Ok(())
    }

    /// What there is of a Pod, in words that are the same in each play that comes to the same.
    pub(crate) fn state_of(&self, name: &str) -> String {
        let Some(life) = self.lives.get(name) else { return "no Pod".to_owned() };
        let state = match life {
            Life { deleted: Some(_), .. } => "is being deleted",
            Life { stage: Stage::Finished | Stage::Ended(_), .. } => "has ended",
            Life { stage: Stage::Running, .. } => "runs",
            _ => "begins",
        };
        let whose = if life.released.is_some() { "that lacks its label" } else { "as it was made" };
        format!("a Pod of {} {whose}, which {state}", life.workload)
    }

    /// Whether another Pod comes in the place of this one, when it goes.
    pub(crate) fn is_replaced(&self, name: &str) -> bool {
        self.lives.get(name).is_none_or(|life| life.released.is_none() && life.stage != Stage::Finished)
    }
}

fn unlabel(life: &mut Life, pod: &mut core::Pod) -> Result<(), NotDone> {
    let app = pod.metadata.labels.as_mut().and_then(|labels| labels.remove(pod::APP)).ok_or(NotDone::Absent)?;
    // What controls it by its labels gives it up, and it lives on.
    let owners = pod.metadata.owner_references.take().unwrap_or_default();
    life.released = Some(Released { app: Some(app), owners });
    Ok(())
}
