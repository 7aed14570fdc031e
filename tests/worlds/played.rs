//! What of a story can be played on a real control plane, in less time.

use tke_direct_access_worlds::{Act, Fault, PodChange, Story};

/// Longest time that a misfortune lasts, or a Pod takes for its farewell, in seconds.
const LONGEST: u64 = 4;

/// The story without what cannot be done to a real control plane from outside, and with shorter misfortunes and farewells.
pub(crate) fn playable(story: &Story) -> Story {
    let acts = story.acts.iter().filter_map(|(at, act)| Some((*at, short(act.clone())?)));
    Story { seed: story.seed, acts: apart(acts) }
}

/// Bindings are made in seconds of their own, so that it is known which is the older one: of two that ask for one port it has it.
fn apart(acts: impl Iterator<Item = (u64, Act)>) -> Vec<(u64, Act)> {
    let (mut last, mut later) = (None, 0);
    let place = |(at, act): (u64, Act)| {
        let mut at = at + later;
        if matches!(act, Act::Binding { .. }) {
            let first = last.map_or(at, |last: u64| at.max(last + 1000));
            later += first - at;
            at = first;
            last = Some(at);
        }
        (at, act)
    };
    acts.map(place).collect()
}

fn short(act: Act) -> Option<Act> {
    Some(match act {
        Act::Dialect(_)
        | Act::VendorsConfigs
        | Act::TakeOut(..)
        | Act::Slices(_)
        | Act::Hold(_)
        | Act::Pod(_, PodChange::Finish(_) | PodChange::Readdress(_)) => return None,
        Act::Workload(mut workload) => {
            workload.other_gate = false;
            let farewell = u32::try_from(LONGEST).unwrap_or_default();
            workload.pre_stop = workload.pre_stop.min(farewell);
            workload.grace = workload.grace.min(workload.pre_stop + 5 * farewell);
            Act::Workload(workload)
        }
        Act::Unready(place, seconds) => Act::Unready(place, seconds.min(LONGEST)),
        Act::Fault(fault) => Act::Fault(shorter(fault)?),
        other => other,
    })
}

/// `None` for what happens on the way between a replica and the API server: another test plays that, by lines of its own.
fn shorter(fault: Fault) -> Option<Fault> {
    match fault {
        Fault::Calls { .. } | Fault::Mended | Fault::DeleteLease => Some(fault),
        Fault::Crash(replica, seconds) => Some(Fault::Crash(replica, seconds.min(LONGEST))),
        Fault::Freeze(replica, seconds) => Some(Fault::Freeze(replica, seconds.min(LONGEST))),
        _ => None,
    }
}
