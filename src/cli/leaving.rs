//! What is on its way out: targets that are kept for now, and targets that drain.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::world::Seen;
use crate::plan;

/// The most Pods that one line names.
const NAMED: usize = 5;

/// A Pod whose target leaves and keeps its weight for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Retained {
    pub(super) pod: String,
    /// Why it leaves.
    pub(super) reason: &'static str,
    /// Until when: others serve, or nobody else would.
    until: Until,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Until {
    OthersServe,
    SomebodyServes,
}

impl Until {
    const fn words(self) -> &'static str {
        match self {
            Self::OthersServe => "kept until others serve",
            Self::SomebodyServes => "kept because nobody else would serve",
        }
    }
}

/// A target of a living Pod that gets no new connections any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Draining {
    /// The Pod at that address, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pod: Option<String>,
    pub(super) address: String,
    pub(super) since: Timestamp,
    pub(super) reason: String,
}

impl Draining {
    /// `web-1 at 10.0.1.5:8080 since 2026-01-01T00:00:00Z (NotSelected)`.
    pub(super) fn words(&self) -> String {
        let Self { pod, address, since, reason } = self;
        let pod = pod.as_ref().map(|pod| format!("{pod} at ")).unwrap_or_default();
        format!("{pod}{address} since {since} ({reason})")
    }
}

/// The Pods of a binding whose targets are kept for now; none when CLB was not read.
pub(super) fn retained(seen: &Seen<'_>) -> Vec<Retained> {
    let of = |until| match until {
        plan::Until::OthersServe(_) | plan::Until::Turn => Until::OthersServe,
        plan::Until::SomebodyServes => Until::SomebodyServes,
    };
    let all = seen.plan.retained.iter();
    all.map(|one| Retained { pod: one.pod.clone(), reason: one.reason.as_str(), until: of(one.until) }).collect()
}

/// The targets of a binding that drain, as its status records them.
pub(super) fn draining(seen: &Seen<'_>) -> Vec<Draining> {
    let status = seen.view.binding.status.as_ref();
    let pod = |address: &str| {
        let ip = address.parse::<SocketAddr>().ok()?.ip();
        seen.view.pods.values().find(|pod| pod.ips.contains(&ip)).map(|pod| pod.key.name.clone())
    };
    let rows = status.into_iter().flat_map(|status| &status.draining);
    rows.map(|row| Draining {
        pod: pod(&row.address),
        address: row.address.clone(),
        since: row.since.0,
        reason: row.reason.clone(),
    })
    .collect()
}

/// What a line says of Pods that are kept.
pub(super) fn retained_lines(retained: &[Retained]) -> Vec<String> {
    let line = |until: Until| {
        let pods = retained.iter().filter(|one| one.until == until).map(|one| format!("{} ({})", one.pod, one.reason));
        (until.words(), pods.collect::<Vec<_>>())
    };
    let lines = [Until::OthersServe, Until::SomebodyServes].map(line);
    lines
        .into_iter()
        .filter(|(_, pods)| !pods.is_empty())
        .map(|(words, pods)| format!("{words}: {}", some(&pods)))
        .collect()
}

/// The first ones, and how many more there are.
pub(super) fn some(words: &[String]) -> String {
    let more = words.len().saturating_sub(NAMED);
    let named = words.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_some_and_counts_the_rest() {
        let one = |number, until| Retained { pod: format!("web-{number}"), reason: "PodDeleted", until };
        let mut all: Vec<_> = (0..7).map(|number| one(number, Until::OthersServe)).collect();
        all.push(one(8, Until::SomebodyServes));
        assert_eq!(
            retained_lines(&all),
            [
                "kept until others serve: web-0 (PodDeleted), web-1 (PodDeleted), web-2 (PodDeleted), web-3 (PodDeleted), \
                 web-4 (PodDeleted) and 2 more",
                "kept because nobody else would serve: web-8 (PodDeleted)",
            ]
        );
    }
}
