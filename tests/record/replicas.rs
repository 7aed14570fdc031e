//! Replicas that come and go. A world has two from the start.

use std::collections::BTreeMap;
use std::time::Duration;

use tke_direct_access_worlds::{Act, Fault};

use super::tape::SLOWER;

/// What has become of the processes of a test.
#[derive(Default)]
pub(super) struct Replicas {
    /// The place of each in the world, by its identity.
    places: BTreeMap<String, usize>,
    /// Those that run, by place.
    running: BTreeMap<usize, u32>,
    /// Since when none runs; from the beginning on, at first.
    alone: Option<Duration>,
    /// From when to when none ran.
    gaps: Vec<(Duration, Duration)>,
    crashes: Vec<(Duration, usize)>,
    frozen: BTreeMap<usize, Duration>,
    freezes: Vec<(Duration, usize, Duration)>,
    has_begun: bool,
}

/// How long a replica is away that has died while another ran.
const AWAY: u64 = 5;
/// How long it takes until a stage has its controller.
const BEGINNING: Duration = Duration::from_millis(500);

impl Replicas {
    fn place(&mut self, name: &str) -> usize {
        let next = self.places.len();
        *self.places.entry(name.to_owned()).or_insert(next % 2)
    }

    pub(super) fn started(&mut self, name: &str, now: Duration) {
        let since = if self.has_begun { self.alone.take() } else { Some(Duration::ZERO) };
        self.has_begun = true;
        self.gaps.extend(since.map(|since| (since, now)));
        let place = self.place(name);
        *self.running.entry(place).or_default() += 1;
    }

    pub(super) fn stopped(&mut self, name: &str, now: Duration) {
        let place = self.place(name);
        let count = self.running.entry(place).or_default();
        *count = count.saturating_sub(1);
        self.running.retain(|_, count| *count > 0);
        if self.running.is_empty() {
            self.alone = Some(now);
        } else {
            self.crashes.push((now, place));
        }
    }

    pub(super) fn frozen(&mut self, name: &str, now: Duration) {
        let place = self.place(name);
        self.frozen.insert(place, now);
    }

    pub(super) fn thawed(&mut self, name: &str, now: Duration) {
        let place = self.place(name);
        if let Some(since) = self.frozen.remove(&place) {
            self.freezes.push((since, place, now - since));
        }
    }

    /// What became of the two that a world has.
    pub(super) fn acts(&self, now: Duration) -> Vec<(Duration, Act)> {
        let mut gaps = self.gaps.clone();
        if !self.has_begun {
            gaps.push((Duration::ZERO, now));
        }
        // A stage takes a moment to begin.
        gaps.retain(|(from, to)| !from.is_zero() || *to > BEGINNING);
        let crashes = gaps.into_iter().flat_map(|(from, to)| {
            let seconds = u64::try_from((to - from).as_millis()).unwrap_or_default() * SLOWER / 1000;
            [0, 1].map(|place| (from, Act::Fault(Fault::Crash(place, seconds.max(1)))))
        });
        let single = self.crashes.iter().map(|(at, place)| (*at, Act::Fault(Fault::Crash(*place, AWAY))));
        let freezes = self.freezes.iter();
        let freezes = freezes.map(|(at, place, long)| (*at, Act::Fault(Fault::Freeze(*place, long.as_secs().max(1)))));
        crashes.chain(single).chain(freezes).collect()
    }
}
