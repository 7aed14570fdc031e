//! What is said at the end: how long it took, and whether anybody was missed.

use std::time::Duration;

use tokio::time::Instant;

use super::view::View;

/// What was seen from the first look on.
#[derive(Debug)]
pub(super) struct Summary {
    begun: Instant,
    /// When the binding was first ready with Pods of the newest template alone.
    ready: Option<Instant>,
    /// The binding as it was last seen.
    last: String,
    /// Targets that serve: at the first look, the fewest, and at the last look; `None` when CLB was never read.
    serving: Option<Serving>,
}

#[derive(Clone, Copy, Debug)]
struct Serving {
    first: usize,
    fewest: usize,
    last: usize,
}

impl Summary {
    pub(super) const fn new(begun: Instant) -> Self {
        Self { begun, ready: None, last: String::new(), serving: None }
    }

    pub(super) fn see(&mut self, view: &View, now: Instant) {
        // A rollout that begins later is timed from then on.
        self.ready = if view.is_settled { self.ready.or(Some(now)) } else { None };
        self.last.clone_from(&view.head);
        if let Some(count) = view.serving {
            let before = self.serving.unwrap_or(Serving { first: count, fewest: count, last: count });
            self.serving = Some(Serving { fewest: before.fewest.min(count), last: count, ..before });
        }
    }

    pub(super) fn lines(&self, now: Instant) -> Vec<String> {
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let first = match self.ready {
            Some(ready) => format!("ready after {}", seconds(ready - self.begun)),
            None => format!("not ready after {}: {}", seconds(now - self.begun), self.last),
        };
        let second = match self.serving {
            None => "how many targets served is not known: CLB was not read".to_owned(),
            Some(Serving { first, fewest, last }) => {
                // A look in the middle of a rollout counts old and new ones together.
                let usual = if self.ready.is_some() { first.min(last) } else { first };
                let lost = match usual.saturating_sub(fewest) {
                    0 => "none lost".to_owned(),
                    lost => format!("{lost} lost at worst"),
                };
                format!("targets that served: {first} at first, never fewer than {fewest}, {last} at last: {lost}")
            }
        };
        vec![first, second]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_ready_and_the_fewest_targets_are_said() {
        let begun = Instant::now();
        let view =
            |is_settled, serving| View { head: "web: Ready False".to_owned(), is_settled, serving, ..View::default() };
        for (looks, expected) in [
            (
                vec![
                    (1, view(false, Some(2))),
                    (2, view(false, Some(3))),
                    (4, view(true, Some(2))),
                    (9, view(true, Some(2))),
                ],
                ["ready after 4.0 s", "targets that served: 2 at first, never fewer than 2, 2 at last: none lost"],
            ),
            (
                vec![(1, view(true, Some(3))), (2, view(false, Some(1)))],
                [
                    "not ready after 10.0 s: web: Ready False",
                    "targets that served: 3 at first, never fewer than 1, 1 at last: 2 lost at worst",
                ],
            ),
            (
                vec![(1, view(false, Some(4))), (2, view(false, Some(2))), (3, view(true, Some(3)))],
                [
                    "ready after 3.0 s",
                    "targets that served: 4 at first, never fewer than 2, 3 at last: 1 lost at worst",
                ],
            ),
            (
                vec![(1, view(true, None))],
                ["ready after 1.0 s", "how many targets served is not known: CLB was not read"],
            ),
            (vec![], ["not ready after 10.0 s: ", "how many targets served is not known: CLB was not read"]),
        ] {
            let mut summary = Summary::new(begun);
            for (second, view) in looks {
                summary.see(&view, begun + Duration::from_secs(second));
            }
            assert_eq!(summary.lines(begun + Duration::from_secs(10)), expected);
        }
    }
}
