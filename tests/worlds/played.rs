//! What of a story can be played on a real control plane, in less time.

use tke_direct_access_worlds::{Act, Fault, Story};

/// Longest time that a misfortune lasts, or a Pod takes for its farewell, in seconds.
const LONGEST: u64 = 4;

/// The story without what cannot be done to a real control plane from outside, and with shorter misfortunes and farewells.
pub(crate) fn playable(story: &Story) -> Story {
    let acts = story.acts.iter().filter_map(|(at, act)| Some((*at, short(act.clone())?)));
    Story { seed: story.seed, acts: acts.collect() }
}

fn short(act: Act) -> Option<Act> {
    Some(match act {
        Act::Workload(mut workload) => {
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
