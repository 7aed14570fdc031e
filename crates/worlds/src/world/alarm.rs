//! What comes by time alone: of each there is one time at which it comes next.

use super::Happening;
use crate::replica::Owner;

/// Something that comes by time alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    Cluster,
    Slices,
    Garbage,
    Cloud,
    Elect(usize),
    Wake(usize, u64, Option<u64>, Owner),
}

/// What of these something is; `None` for what is brought by something else.
pub(super) fn alarm_of(happening: &Happening) -> Option<Alarm> {
    Some(match happening {
        Happening::Cluster => Alarm::Cluster,
        Happening::Slices => Alarm::Slices,
        Happening::Garbage => Alarm::Garbage,
        Happening::Cloud => Alarm::Cloud,
        Happening::Elect { to } => Alarm::Elect(to.replica),
        Happening::Wake { to, owner } => Alarm::Wake(to.replica, to.life, to.term, owner.clone()),
        _ => return None,
    })
}
