//! Cells that end otherwise than on the cloud that is believed in.

use tke_direct_access::sim::Departure;

/// Rows that end otherwise on a cloud that departs in this way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exception {
    /// The departure.
    pub(crate) departure: Departure,
    /// The rows.
    pub(crate) rows: &'static [&'static str],
    /// All that differs says one of these, of the rule that is broken or of the end.
    pub(crate) says: &'static [&'static str],
    /// Why.
    pub(crate) why: &'static str,
}

impl Exception {
    /// Whether it is about this difference.
    pub(crate) fn excuses(&self, difference: &str) -> bool {
        self.says.iter().any(|one| difference.contains(one))
    }
}

pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        departure: Departure::FlagsHidden,
        rows: &["a switch is switched off"],
        says: &["snatEnable true is NotInForce", "lb-one: HTTP 8080 of web"],
        why: "nobody can see that it is off",
    },
    Exception {
        departure: Departure::TagsHidden,
        rows: &["a target of somebody is on the binding's listener"],
        says: &["lb-one: TCP 80 : 1 targets somebody's"],
        why: "what has no tag on the binding's listener counts as the binding's, and goes",
    },
    Exception {
        departure: Departure::MembersKept,
        rows: &["the type of a check changes"],
        says: &["lb-one: TCP 80 of web"],
        why: "the cloud shows members that the check does not have",
    },
    Exception {
        departure: Departure::DotsRefused,
        rows: &["a load balancer is made for a binding with a dot in its name"],
        says: &["other.one", "Pods of web"],
        why: "the creation is refused until create.name is set, and the condition says so",
    },
    Exception {
        departure: Departure::StopHidden,
        rows: &["a listener is stopped"],
        says: &[
            "rest in the end at 420.000 s: web: Waiting: 0 of 2 Pods are healthy",
            "- binding web: Programmed False ListenerStopped",
            "- binding web: Ready False ListenerStopped",
            "- binding web: Stalled True ListenerStopped",
            "+ binding web: Programmed True Programmed",
            "+ binding web: Ready False Waiting",
            "+ binding web: Reconciling True Waiting",
        ],
        why: "that the health of all is closed does not say why: the binding waits, and is not ready",
    },
    Exception {
        departure: Departure::StoppedHealthKept,
        rows: &["a listener is stopped"],
        says: &["lb-one: HTTP 8080 a.example/", "lb-one: HTTP 8080 b.example/"],
        why: "the cloud shows the health of its targets as it was; the status does not",
    },
];

/// Cells that tell most of a departure, which are always played: the row is about what departs.
pub(crate) const TELLING: &[(Departure, &str)] = &[
    (Departure::ChecksReset, "the type of a check changes"),
    (Departure::IdsLate, "a load balancer is made and goes"),
    (Departure::LoadBalancerTagsLate, "a load balancer is made and goes"),
    (Departure::TokensReplayed, "a load balancer is made and goes"),
    (Departure::BatchTasks, "a rollout"),
    (Departure::BatchesInPart, "a rollout"),
    (Departure::WeightsInPart, "targets are deregistered while their weights change"),
    (Departure::NewTargetsAlive, "a rollout"),
    (Departure::NewTargetsDead, "a rollout"),
    (Departure::NewTargetsServe, "a rollout"),
    (Departure::TagsHidden, "a rollout"),
    (Departure::ReadsLate, "a rollout"),
    (Departure::ReadsLate, "a load balancer is made and goes"),
    (Departure::ReadsLate, "the listener's port changes"),
];
