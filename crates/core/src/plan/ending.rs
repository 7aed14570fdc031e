//! Whether Pods live long enough, after their deletion was asked for, for their drain to work.
//!
//! The kubelet and the load balancer act in parallel: the kubelet runs the preStop hook, sends SIGTERM after it and kills
//! what is left at the end of the grace period, while the weight becomes 0. The words name no Pod and no count, which
//! change with every rollout: a status would then be written again although nothing about the matter is new.

use jiff::{SignedDuration, Timestamp};

use crate::api::binding::{DrainAction, DrainSpec};
use crate::model::{Ending, Phase, Pod, PreStop, Service};

use super::{BindingView, selects};

/// Seconds that a Pod should go on accepting after its deletion was asked for: by then its weight is 0. The vendor's
/// documentation of graceful shutdown advises a preStop sleep of this length.
const SPREAD_SECONDS: u32 = 5;

/// The endings that fall short in some way, over all Pods: for each, the shortest.
#[derive(Debug, Default)]
struct Shortfalls {
    /// Seconds after which Pods may stop accepting.
    accepting: Option<u32>,
    /// Seconds after which connections are cut, before the drain's time is over.
    cut: Option<u32>,
    /// Seconds of a grace period that the preStop hook uses up.
    used_up: Option<u32>,
}

/// What to tell the user about the endings of the Pods that the binding serves; nothing when they suit its drain.
pub(super) fn notes(view: &BindingView) -> Vec<String> {
    let Some(service) = view.service.as_deref() else { return Vec::new() };
    let drain = &view.binding.spec.drain;
    if drain.terminating == DrainAction::Keep {
        return Vec::new();
    }
    let mut found = Shortfalls::default();
    for ending in endings(view, service) {
        found.add(ending, drain);
    }
    found.words(drain)
}

/// The endings that lie ahead. A Pod that is being deleted cannot be helped any more.
fn endings<'a>(view: &'a BindingView, service: &'a Service) -> impl Iterator<Item = Ending> + 'a {
    let lives = |pod: &&std::sync::Arc<crate::model::Pod>| {
        pod.deleting_since.is_none() && pod.phase != Phase::Finished && selects(service, pod)
    };
    view.pods.values().filter(lives).map(|pod| pod.ending)
}

/// Seconds that a Pod surely goes on accepting; of a hook whose length is not known, the best is believed.
fn accepting_seconds(ending: Ending) -> u32 {
    match ending.pre_stop {
        PreStop::None => 0,
        PreStop::Sleep(seconds) => seconds.min(ending.grace_seconds),
        PreStop::Unknown => ending.grace_seconds,
    }
}

/// Until when the target of a Pod that is being deleted may keep its weight: its containers accept until the end of their
/// preStop sleep, and weight 0 needs time to spread. `None` when the Pod is not being deleted, or its containers may stop at
/// any time.
pub(super) fn accepts_until(pod: &Pod) -> Option<Timestamp> {
    let PreStop::Sleep(_) = pod.ending.pre_stop else { return None };
    let spread = SignedDuration::from_secs(i64::from(SPREAD_SECONDS));
    let sleep = SignedDuration::from_secs(i64::from(accepting_seconds(pod.ending)));
    let end = pod.deleting_since?.checked_add(sleep).ok()?;
    // The deletion may have been asked for with less time than the Pod has by itself.
    let end = pod.killed_at.map_or(end, |killed_at| end.min(killed_at));
    end.checked_sub(spread).ok()
}

/// The time that the user asks connections to be given. The default is no wish: it only bounds how long a target is kept.
fn wished_seconds(drain: &DrainSpec) -> Option<u32> {
    let is_wish =
        drain.terminating == DrainAction::WeightZero && drain.timeout_seconds != DrainSpec::default().timeout_seconds;
    if is_wish { u32::try_from(drain.timeout_seconds).ok() } else { None }
}

fn shorten(shortest: &mut Option<u32>, seconds: u32) {
    *shortest = Some(shortest.map_or(seconds, |known| known.min(seconds)));
}

impl Shortfalls {
    fn add(&mut self, ending: Ending, drain: &DrainSpec) {
        let accepting = accepting_seconds(ending);
        if accepting < SPREAD_SECONDS {
            shorten(&mut self.accepting, accepting);
        }
        if wished_seconds(drain).is_some_and(|wished| ending.grace_seconds < wished) {
            shorten(&mut self.cut, ending.grace_seconds);
        }
        if matches!(ending.pre_stop, PreStop::Sleep(seconds) if seconds >= ending.grace_seconds) {
            shorten(&mut self.used_up, ending.grace_seconds);
        }
    }

    fn words(&self, drain: &DrainSpec) -> Vec<String> {
        let accepting = self.accepting.map(|seconds| {
            format!(
                "some Pods may stop accepting {seconds} s after their deletion, while the load balancer may still send new \
                 connections; give their containers a preStop sleep of {SPREAD_SECONDS} s or more, and a longer \
                 terminationGracePeriodSeconds"
            )
        });
        let cut = self.cut.map(|seconds| {
            format!(
                "connections to some Pods are cut {seconds} s after their deletion, at the end of \
                 terminationGracePeriodSeconds, although spec.drain.timeoutSeconds is {}; raise the former or lower the \
                 latter",
                drain.timeout_seconds
            )
        });
        let used_up = self.used_up.map(|seconds| {
            format!(
                "the preStop hooks of some Pods use up their terminationGracePeriodSeconds of {seconds} s, so that the \
                 containers are killed without time to finish; raise it"
            )
        });
        [accepting, cut, used_up].into_iter().flatten().collect()
    }
}
