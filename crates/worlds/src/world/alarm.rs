//! What comes by time alone: of each there is one time at which it comes next.

use std::time::Duration;

use super::{Address, Happening, World};
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

impl World {
    /// Something comes by time alone: at this time, if that is sooner than what was asked for.
    pub(super) fn by(&mut self, at: Duration, happening: Happening) {
        let at = at.max(self.now);
        let Some(alarm) = alarm_of(&happening) else { return };
        if self.alarms.get(&alarm).is_none_or(|known| at < *known) {
            self.alarms.insert(alarm, at);
            self.at(at, happening);
        }
    }

    /// A machine is woken at this time, and not at the time asked for before.
    pub(super) fn wake(&mut self, to: Address, owner: Owner, at: Option<Duration>) {
        let alarm = Alarm::Wake(to.replica, to.life, to.term, owner.clone());
        match at.map(|at| at.max(self.now)) {
            Some(at) => {
                if self.alarms.insert(alarm, at) != Some(at) {
                    self.at(at, Happening::Wake { to, owner });
                }
            }
            None => _ = self.alarms.remove(&alarm),
        }
    }

    /// It happens at this time instead.
    pub(super) fn later(&mut self, at: Duration, happening: Happening) {
        if let Some(alarm) = alarm_of(&happening) {
            self.alarms.entry(alarm).and_modify(|known| *known = at.min(*known)).or_insert(at);
        }
        self.at(at, happening);
    }
}
