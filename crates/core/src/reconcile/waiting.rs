//! Events on Pods that wait for their gates: which are told, and when. Kubernetes shows `False` and nothing more to who describes a Pod.
//!
//! All of it may be forgotten: what was told before is told once more then, but of Pods whose condition shows that they have been waiting
//! for long.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::api::condition::GateReason;
use crate::api::course::Severity;
use crate::model::ObjectKey;
use crate::plan::LONG_WAIT;

/// For so long, what was told of a Pod for one reason is not told again.
const QUIET: Duration = Duration::from_secs(5 * 60);
/// How often what lasts is told: as long as Kubernetes keeps an Event.
const REPEAT: Duration = Duration::from_secs(60 * 60);
/// In so much time, only so many Pods of one binding are told of; the others are counted.
const WINDOW: Duration = Duration::from_secs(60);
const IN_WINDOW: usize = 20;
/// Forgotten are Pods and bindings of which nothing was heard for so long.
const FORGOTTEN: Duration = Duration::from_secs(10 * 60);

/// A Pod that waits for its gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) pod: ObjectKey,
    pub(super) uid: String,
    pub(super) reason: GateReason,
    /// Since when its containers are ready; `None` while they are not.
    pub(super) since: Option<Timestamp>,
    /// The reason that its condition gives, and since when.
    pub(super) said: Option<(String, Timestamp)>,
    pub(super) note: String,
}

/// What is told of the Pods of one binding.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Each on the Pod.
    pub(super) told: Vec<(Severity, Wait)>,
    /// On the binding: the first of those that there was no room for, how many they are, and the worst of their news.
    pub(super) more: Option<(Severity, Wait, usize)>,
}

/// The UIDs of a Pod and of a binding for which it waits. Each binding has its own reasons, and its own user.
type PodOfBinding = (String, String);

/// What was told of which Pods, for which bindings.
#[derive(Debug, Default)]
pub(super) struct WaitingPods {
    pods: BTreeMap<PodOfBinding, Known>,
    /// When the window of a binding began, and how many were told of since.
    windows: BTreeMap<String, (Duration, usize)>,
}

#[derive(Debug)]
struct Known {
    heard: Duration,
    last: Option<GateReason>,
    /// When which reason was told, and how.
    told: BTreeMap<GateReason, (Duration, Severity)>,
}

impl WaitingPods {
    /// What is to be told of these Pods of a binding; from now on it counts as told. `at` is by a clock that never goes back, `now` by
    /// the API server's.
    pub(super) fn news(&mut self, binding: &str, waits: Vec<Wait>, at: Duration, now: Timestamp) -> News {
        self.pods.retain(|_, known| at.saturating_sub(known.heard) < FORGOTTEN);
        self.windows.retain(|_, (begun, _)| at.saturating_sub(*begun) < WINDOW);
        let mut news = News::default();
        for wait in waits {
            let Some(severity) = self.due(binding, &wait, at, now) else { continue };
            let (_, count) = self.windows.entry(binding.to_owned()).or_insert((at, 0));
            if *count < IN_WINDOW {
                *count += 1;
                news.told.push((severity, wait));
            } else {
                let (worst, _, more) = news.more.get_or_insert((severity, wait, 0));
                (*worst, *more) = (severity.max(*worst), *more + 1);
            }
        }
        news
    }

    /// Whether a Pod is told of now, and how: what passes by itself becomes bad news when it lasts.
    fn due(&mut self, binding: &str, wait: &Wait, at: Duration, now: Timestamp) -> Option<Severity> {
        let is_long = |since: Timestamp| now.duration_since(since) >= LONG_WAIT;
        let known = self.pods.entry((wait.uid.clone(), binding.to_owned())).or_insert_with(|| {
            let is_known =
                wait.said.as_ref().is_some_and(|(reason, since)| reason == wait.reason.as_str() && is_long(*since));
            // Another controller has told of it.
            let told = is_known.then_some((wait.reason, (at, wait.reason.severity())));
            Known { heard: at, last: told.map(|(reason, _)| reason), told: told.into_iter().collect() }
        });
        known.heard = at;
        if !wait.since.is_some_and(is_long) {
            return None;
        }
        let severity = match known.told.get(&wait.reason) {
            Some((told, _)) if at.saturating_sub(*told) < QUIET => return None,
            Some((_, Severity::Normal)) if known.last == Some(wait.reason) => Severity::Warning,
            Some((told, Severity::Warning)) if known.last == Some(wait.reason) && at.saturating_sub(*told) < REPEAT => {
                return None;
            }
            Some((_, severity)) if known.last == Some(wait.reason) => *severity,
            Some(_) | None => wait.reason.severity(),
        };
        known.last = Some(wait.reason);
        known.told.insert(wait.reason, (at, severity));
        Some(severity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_800_000_000;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(T0 + second).unwrap()
    }

    fn wait(number: usize, reason: GateReason) -> Wait {
        let (name, note) = (format!("web-{number}"), "words".to_owned());
        Wait { pod: ObjectKey::new("shop", &name), uid: name, reason, since: Some(time(0)), said: None, note }
    }

    /// What is told of one Pod at this second.
    fn told(pods: &mut WaitingPods, wait: Wait, second: i64) -> Option<Severity> {
        let at = Duration::from_secs(1000 + u64::try_from(second).unwrap());
        pods.news("b", vec![wait], at, time(second)).told.first().map(|(severity, _)| *severity)
    }

    #[test]
    fn a_pod_is_told_of_after_ten_seconds_and_again_when_the_reason_changes_or_lasts() {
        use GateReason::{HealthCheck, ListenerStopped, Registering};
        use Severity::{Normal, Warning};
        let mut pods = WaitingPods::default();
        for (second, reason, expected) in [
            (2, Registering, None),
            (9, Registering, None),
            (10, Registering, Some(Normal)),
            (11, Registering, None),
            (12, HealthCheck, Some(Normal)),
            (13, Registering, None),
            (14, HealthCheck, None),
            (15, ListenerStopped, Some(Warning)),
            (311, ListenerStopped, None),
            (312, HealthCheck, Some(Normal)),
            (611, HealthCheck, None),
            (612, HealthCheck, Some(Warning)),
            (1000, HealthCheck, None),
            (1500, HealthCheck, None),
            (2000, HealthCheck, None),
            (2500, HealthCheck, None),
            (3000, HealthCheck, None),
            (3500, HealthCheck, None),
            (4000, HealthCheck, None),
            (4212, HealthCheck, Some(Warning)),
        ] {
            assert_eq!(told(&mut pods, wait(1, reason), second), expected, "{second} s");
        }
        let starts = Wait { since: None, ..wait(2, Registering) };
        assert_eq!(told(&mut pods, starts, 4212), None, "Kubernetes tells of containers that are not ready");
    }

    #[test]
    fn another_controller_does_not_tell_again_what_the_condition_has_said_for_long() {
        let reason = GateReason::HealthCheck;
        let said = |since| Some((reason.to_string(), time(since)));
        for (what, said, expected) in [
            ("for a while", said(80), None),
            ("just now", said(95), Some(Severity::Normal)),
            ("something else", Some(("Registering".to_owned(), time(2))), Some(Severity::Normal)),
            ("nothing", None, Some(Severity::Normal)),
        ] {
            let found = told(&mut WaitingPods::default(), Wait { said, ..wait(1, reason) }, 100);
            assert_eq!(found, expected, "the condition says so: {what}");
        }
    }

    #[test]
    fn of_many_pods_some_are_told_of_and_the_others_counted_on_the_binding() {
        let (mut pods, at) = (WaitingPods::default(), Duration::from_secs(5));
        let all = || (0..50).map(|number| wait(number, GateReason::HealthCheck)).collect::<Vec<_>>();
        let news = pods.news("b", all(), at, time(20));
        assert_eq!(news.told.len(), IN_WINDOW);
        assert_eq!(
            news.more.map(|(worst, first, more)| (worst, first.pod.name, more)),
            Some((Severity::Normal, "web-20".to_owned(), 30))
        );
        assert_eq!(pods.news("b", all(), at + WINDOW, time(80)), News::default(), "they were told of");
        let other = pods.news("c", vec![wait(70, GateReason::HealthCheck)], at, time(20));
        assert_eq!(other.told.len(), 1, "another binding has room of its own");
    }

    /// Of which each would else take the other's words for a change of its own.
    #[test]
    fn two_bindings_over_one_pod_tell_each_its_own() {
        use GateReason::{HealthCheck, ListenerStopped};
        let mut pods = WaitingPods::default();
        let mut all = Vec::new();
        for second in (20..1500).step_by(10) {
            for (binding, reason) in [("b", HealthCheck), ("c", ListenerStopped)] {
                let at = Duration::from_secs(1000 + second);
                let news = pods.news(binding, vec![wait(1, reason)], at, time(i64::try_from(second).unwrap()));
                all.extend(news.told.into_iter().map(|(severity, wait)| (binding, wait.reason, severity)));
            }
        }
        let expected = [
            ("b", HealthCheck, Severity::Normal),
            ("c", ListenerStopped, Severity::Warning),
            ("b", HealthCheck, Severity::Warning),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let mut pods = WaitingPods::default();
        told(&mut pods, wait(1, GateReason::HealthCheck), 20);
        pods.news("b", Vec::new(), Duration::from_secs(1020) + FORGOTTEN, time(2000));
        assert!(pods.pods.is_empty() && pods.windows.is_empty());
    }
}
