//! What is done to one point of a story: see [`Perturbation`].

use std::time::Duration;

use tke_direct_access::sim;

use super::look::is_write;
use super::{Address, Happening, Mood, World};
use crate::act::Fault;
use crate::objects::Kind;
use crate::perturb::{Perturbation, Point, Way};
use crate::replica::Pulse;

/// A watch that comes late does so by this.
const LATE_WATCH: Duration = Duration::from_secs(40);
/// A reply that comes late does so by this, or not at all where its client does not wait for so long.
const LATE_REPLY: Duration = Duration::from_secs(20);
/// How long it takes until a watch that has missed something lists anew.
const RELIST: Duration = Duration::from_secs(5);
/// Points have numbers until so long after the last act: from then on it is always the same.
const NUMBERED: Duration = Duration::from_secs(100);
/// How long a replica that is behind hears nothing, and when the one that leads crashes meanwhile, for how many seconds.
const BEHIND: (Duration, Duration, u64) = (Duration::from_secs(20), Duration::from_secs(4), 20);
/// How long a replica that has crashed is away: with an even number of the point it is soon back, with an odd one another leads then.
const AWAY: [u64; 2] = [1, 20];

/// What is done to one point of a story.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// What, and to which.
    pub(super) perturbation: Option<Perturbation>,
    silent: Option<Silent>,
}

/// A watch that brings nothing for a while.
#[derive(Clone, Copy, Debug)]
struct Silent {
    replica: usize,
    life: u64,
    kind: Kind,
    until: Duration,
    then: Then,
}

/// What comes when a watch is silent no more.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// What has come in the meantime.
    All,
    /// A list.
    List,
}

impl World {
    /// Something is about to happen, and may be perturbed.
    pub(super) fn meet(&mut self, happening: Happening) {
        if let Happening::Watch { to, kind } = &happening
            && let Some(silent) = self.trouble.silent
            && (silent.replica, silent.life, silent.kind) == (to.replica, to.life, *kind)
            && self.now < silent.until
        {
            match silent.then {
                Then::All => self.at(silent.until, happening),
                Then::List => {}
            }
            return;
        }
        let Some(point) = self.point(&happening) else { return self.happen(happening) };
        self.outcome.points.push(point);
        let number = self.outcome.points.len();
        let Some(perturbation) = self.trouble.perturbation else { return self.happen(happening) };
        if perturbation.at != number {
            self.say(|| format!("{number}: {point}"));
            return self.happen(happening);
        }
        self.say(|| format!("{number}: {point}, which is perturbed: {}", perturbation.way));
        self.disturb(perturbation, happening);
    }

    /// Which point this is; `None` where it is none.
    fn point(&self, happening: &Happening) -> Option<Point> {
        let last = self.story.acts.last().map_or(0, |(at, _)| *at);
        if self.now > Duration::from_millis(last) + NUMBERED {
            return None;
        }
        match happening {
            Happening::Watch { to, kind } if self.leads(*to) => {
                let heard = *self.replicas[to.replica].heard.get(kind)?;
                self.objects.told(*kind).get(heard).map(|_| Point::Heard(kind.name()))
            }
            Happening::Call { sent, .. } if is_write(sent.call.action) => Some(Point::Write(sent.call.action)),
            Happening::Call { sent, .. } => Some(Point::Read(sent.call.action)),
            Happening::Write { .. } => Some(Point::Object),
            Happening::Reply { to, .. } if self.leads(*to) => Some(Point::Reply),
            Happening::Written { to, .. } if self.leads(*to) => Some(Point::Answer),
            _ => None,
        }
    }

    /// Whether this is still the replica for which something is, and leads.
    fn leads(&self, to: Address) -> bool {
        let replica = &self.replicas[to.replica];
        let term = replica.leading.as_ref().map(|leading| leading.term);
        replica.life == to.life
            && replica.pulse == Pulse::Running
            && term.is_some()
            && (to.term.is_none() || to.term == term)
    }

    fn disturb(&mut self, Perturbation { at, way }: Perturbation, happening: Happening) {
        let away = AWAY[at % AWAY.len()];
        let replica = replica_of(&happening);
        if way == Way::Late {
            // What waits for it is late, too.
            self.checks.watch.strike("", self.now + LATE_WATCH);
        }
        match (way, happening) {
            (Way::CrashBefore, _) => self.misfortune(Fault::Crash(replica, away)),
            (Way::CrashAfter, happening) => {
                self.happen(happening);
                self.misfortune(Fault::Crash(replica, away));
            }
            (Way::Late, Happening::Watch { to, kind }) => {
                let until = self.now + LATE_WATCH;
                self.fall_silent(to, kind, until, Then::All);
                self.at(until, Happening::Watch { to, kind });
            }
            (Way::Missed, Happening::Watch { to, kind }) => {
                let until = self.now + RELIST;
                self.fall_silent(to, kind, until, Then::List);
                self.at(until, Happening::List { to, kind });
            }
            (Way::Behind, Happening::Watch { to, kind }) => {
                let (silent, crash, away) = BEHIND;
                let other = self.address((replica + 1) % self.replicas.len(), None);
                self.fall_silent(other, kind, self.now + silent, Then::All);
                self.at(self.now + crash, Happening::Misfortune(Fault::Crash(replica, away)));
                self.happen(Happening::Watch { to, kind });
            }
            (Way::Late, happening) => {
                let until = self.moment_after();
                let usual = std::mem::replace(&mut self.slow, (LATE_REPLY, until));
                self.happen(happening);
                self.slow = usual;
            }
            (Way::Refused(status), happening) => self.in_mood(Mood::Refuses(status, self.moment_after()), happening),
            (Way::AnswerLost, happening @ Happening::Write { .. }) => {
                self.in_mood(Mood::Forgets(self.moment_after()), happening);
            }
            (way, happening) => {
                if let Some(effect) = way.effect() {
                    let when = sim::When::Next(1);
                    self.cloud.inject(sim::Fault { action: None, load_balancer: None, names: None, when, effect });
                }
                self.happen(happening);
            }
        }
    }

    fn fall_silent(&mut self, to: Address, kind: Kind, until: Duration, then: Then) {
        self.trouble.silent = Some(Silent { replica: to.replica, life: to.life, kind, until, then });
    }

    /// What lasts until then lasts for what happens now.
    fn moment_after(&self) -> Duration {
        self.now + Duration::from_millis(1)
    }

    fn in_mood(&mut self, mood: Mood, happening: Happening) {
        let usual = std::mem::replace(&mut self.mood, mood);
        self.happen(happening);
        self.mood = usual;
    }
}

/// The replica that something reaches, or that has sent it.
fn replica_of(happening: &Happening) -> usize {
    match happening {
        Happening::Watch { to, .. } | Happening::Reply { to, .. } | Happening::Written { to, .. } => to.replica,
        Happening::Call { from, .. } | Happening::Write { from, .. } => from.replica,
        _ => 0,
    }
}
