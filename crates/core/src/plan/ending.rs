//! Whether Pods live long enough, after their deletion was asked for, for their drain to work.
//!
//! The kubelet and the load balancer act in parallel: the kubelet runs the preStop hook, sends SIGTERM after it and kills
//! what is left at the end of the grace period, while the weight becomes 0.

use jiff::{SignedDuration, Timestamp};

use crate::api::binding::{DrainAction, DrainSpec};
use crate::model::{Ending, Phase, Pod, PreStop, Service};

use super::{Advice, BindingView, problem, selects};

/// Seconds that a Pod should go on accepting after its deletion was asked for: by then its weight is 0. The vendor's
/// documentation of graceful shutdown advises a preStop sleep of this length.
const SPREAD_SECONDS: u32 = 5;

/// The endings that fall short in some way, over all Pods: for each, the shortest.
#[derive(Debug, Default)]
struct Shortfalls<'a> {
    /// Seconds after which Pods may stop accepting.
    accepting: Shortfall<'a>,
    /// Seconds after which connections are cut, before the drain's time is over.
    cut: Shortfall<'a>,
    /// Seconds of a grace period that the preStop hook uses up.
    used_up: Shortfall<'a>,
}

/// One way of falling short.
#[derive(Debug, Default)]
struct Shortfall<'a> {
    /// The fewest seconds; `None` where no Pod falls short.
    seconds: Option<u32>,
    /// The names of the Pods.
    pods: Vec<&'a str>,
}

impl<'a> Shortfall<'a> {
    fn add(&mut self, pod: &'a str, seconds: u32) {
        self.seconds = Some(self.seconds.map_or(seconds, |known| known.min(seconds)));
        self.pods.push(pod);
    }
}

/// What to tell the user about the endings of the Pods that the binding serves; nothing when they suit its drain.
pub(super) fn advice(view: &BindingView) -> Vec<Advice> {
    let Some(service) = view.service.as_deref() else { return Vec::new() };
    let drain = &view.binding.spec.drain;
    if drain.terminating == DrainAction::Keep {
        return Vec::new();
    }
    let mut found = Shortfalls::default();
    for pod in living(view, service) {
        found.add(&pod.key.name, pod.ending, drain);
    }
    found.advice(drain)
}

/// The Pods whose ending lies ahead. One that is being deleted cannot be helped any more.
fn living<'a>(view: &'a BindingView, service: &'a Service) -> impl Iterator<Item = &'a Pod> {
    let lives = |pod: &&Pod| pod.deleting_since.is_none() && pod.phase != Phase::Finished && selects(service, pod);
    view.pods.values().map(|pod| &**pod).filter(lives)
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

impl<'a> Shortfalls<'a> {
    fn add(&mut self, pod: &'a str, ending: Ending, drain: &DrainSpec) {
        let accepting = accepting_seconds(ending);
        if accepting < SPREAD_SECONDS {
            self.accepting.add(pod, accepting);
        }
        if wished_seconds(drain).is_some_and(|wished| ending.grace_seconds < wished) {
            self.cut.add(pod, ending.grace_seconds);
        }
        if matches!(ending.pre_stop, PreStop::Sleep(seconds) if seconds >= ending.grace_seconds) {
            self.used_up.add(pod, ending.grace_seconds);
        }
    }

    fn advice(self, drain: &DrainSpec) -> Vec<Advice> {
        let Self { accepting, cut, used_up } = self;
        let accepting = accepting.seconds.map(|seconds| problem::stops_early(seconds, SPREAD_SECONDS, accepting.pods));
        let cut = cut.seconds.map(|seconds| problem::cut_early(seconds, drain.timeout_seconds, cut.pods));
        let used_up = used_up.seconds.map(|seconds| problem::used_up(seconds, used_up.pods));
        [accepting, cut, used_up].into_iter().flatten().collect()
    }
}
