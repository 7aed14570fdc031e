//! The time by the API server's clock, made of its answers and of a clock that never goes back.
//!
//! When a Pod ends is said by the API server's clock. Its answers carry it in whole seconds, and take a while, so that each leaves a
//! range open; and there may be several API servers behind one address, whose clocks differ. Of those that have answered lately, the one
//! that is furthest behind counts:
//!
//! | the time that rounds go by | for what is compared with it | which side is safe |
//! |---|---|---|
//! | too early | the end of a Pod's sleep and grace, the timeout of drains | this one: it serves on, and its containers or its object say when it is gone |
//! | too late | the same | harm: a Pod that serves is taken for ended |
//! | either | timeout of a gate, age of a wish, times in statuses and conditions | both: only seconds in which nothing is lost |
//!
//! What is evidence, or lasts within one process, is not compared with it at all, but counted by the clock that never goes back
//! ([`Since`](crate::plan::Since)).

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How long an answer counts. A Pod whose deletion was stamped by a server that has been silent for longer has ended by now.
const WINDOW: Duration = Duration::from_secs(300);
/// Answers of so long are kept as one.
const PART: Duration = Duration::from_secs(10);
/// By which part of the time that passes the clock is moved forward. A sleep of 50 s then seems over 5 s too early at most, which is what
/// drains keep in reserve.
const SLEW: u32 = 10;
/// A clock that is further behind than this was nonsense, such as 1970, and is not caught up with little by little, once all answers of
/// so many parts say so.
const NONSENSE: (SignedDuration, usize) = (SignedDuration::from_secs(300), 3);

/// An answer of the API server: the time that it says, in whole seconds that were rounded down, and when it was sent for and came, by
/// the clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Its `Date`.
    pub said: Timestamp,
    /// When it was asked for.
    pub sent: Duration,
    /// When it came.
    pub received: Duration,
}

/// How far a server's clock may be ahead of the one that never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    least: SignedDuration,
    most: SignedDuration,
}

impl Range {
    fn of(answer: Answer) -> Self {
        let said = answer.said.as_duration();
        let least = said.saturating_sub(signed(answer.received));
        let most = said.saturating_add(SignedDuration::from_secs(1)).saturating_sub(signed(answer.sent));
        Self { least, most: most.max(least) }
    }

    /// What both say, or the one whose clock is behind.
    fn and(self, other: Self) -> Self {
        if self.most < other.least {
            self
        } else if other.most < self.least {
            other
        } else {
            Self { least: self.least.max(other.least), most: self.most.min(other.most) }
        }
    }
}

/// How far ahead the clock is taken to be at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    at: Duration,
    ahead: SignedDuration,
}

/// The time by the API server's clock. Moments are times since some fixed one, by a clock that never goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTime {
    shown: Shown,
    /// What the answers of each part of the window say, with the moment when the last one came. The first answer of all makes the first.
    parts: VecDeque<(Duration, Range)>,
}

impl ServerTime {
    /// The time as this machine's clock says it at a moment, which counts until the first answer. It is not asked again.
    pub fn new(wall: Timestamp, at: Duration) -> Self {
        let ahead = wall.as_duration().saturating_sub(signed(at));
        Self { shown: Shown { at, ahead }, parts: VecDeque::new() }
    }

    /// The time at a moment.
    pub fn at(&self, at: Duration) -> Timestamp {
        let time = self.ahead(at).saturating_add(signed(at));
        // It can be out of range by what a server says only.
        Timestamp::from_duration(time).unwrap_or(if time.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// Takes an answer in.
    pub fn hear(&mut self, answer: Answer) {
        let (at, said) = (answer.received, Range::of(answer));
        let is_first = self.parts.is_empty();
        let before = self.ahead(at);
        match self.parts.back_mut().filter(|(begun, _)| at.saturating_sub(*begun) < PART) {
            Some((_, range)) => *range = range.and(said),
            None => self.parts.push_back((at, said)),
        }
        self.parts.retain(|(begun, _)| at.saturating_sub(*begun) < WINDOW);
        let Some(range) = self.range() else { return };
        let (far, parts) = NONSENSE;
        let was_nonsense = range.least.saturating_sub(before) > far && self.parts.len() >= parts;
        // Nothing has gone by the clock of this machine alone.
        let is_free = before < range.least && (is_first || was_nonsense);
        let ahead = if before > range.most || is_free { range.least } else { before };
        self.shown = Shown { at, ahead };
    }

    /// What all answers of the window say.
    fn range(&self) -> Option<Range> {
        self.parts.iter().map(|(_, range)| *range).reduce(Range::and)
    }

    /// How far the server's clock is ahead: as before, moved forward little by little towards what the answers say at least.
    fn ahead(&self, at: Duration) -> SignedDuration {
        let Shown { at: from, ahead } = self.shown;
        let least = self.range().map_or(ahead, |range| range.least);
        let step = signed(at.saturating_sub(from) / SLEW);
        if ahead < least { least.min(ahead.saturating_add(step)) } else { ahead }
    }
}

fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EPOCH: i64 = 1_800_000_000;

    /// The true time at a moment, in milliseconds.
    fn truth(at: u64) -> Timestamp {
        Timestamp::from_millisecond(EPOCH * 1_000 + i64::try_from(at).unwrap()).unwrap()
    }

    /// How far a clock was ahead of the truth, in milliseconds.
    fn error(time: &ServerTime, at: u64) -> i64 {
        i64::try_from(time.at(Duration::from_millis(at)).duration_since(truth(at)).as_millis()).unwrap()
    }

    /// A server whose clock is ahead by so much answers at a moment, within 10 ms.
    fn answer(at: u64, ahead: i64) -> Answer {
        let said = truth(at).checked_add(SignedDuration::from_secs(ahead)).unwrap();
        let said = Timestamp::from_second(said.as_second()).unwrap();
        Answer { said, sent: Duration::from_millis(at - 5), received: Duration::from_millis(at + 5) }
    }

    /// What is heard, and what comes of it.
    struct Row {
        name: &'static str,
        /// How far this machine's clock is ahead, in seconds.
        own: i64,
        /// How far the server's clock is ahead that answers as the n-th, every 730 ms.
        ahead: fn(u64) -> i64,
        /// For how many answers.
        answers: u64,
        /// How far the clock is ahead from the second answer on, at most and at least, in seconds, up to one of rounding.
        most: i64,
        least: i64,
        /// How far it is ahead in the end.
        end: i64,
    }

    const ROWS: &[Row] = &[
        Row { name: "equal clocks", own: 0, ahead: |_| 0, answers: 60, most: 0, least: 0, end: 0 },
        Row { name: "this one is 5 min ahead", own: 300, ahead: |_| 0, answers: 60, most: 0, least: 0, end: 0 },
        Row { name: "this one is 5 min behind", own: -300, ahead: |_| 0, answers: 60, most: 0, least: 0, end: 0 },
        Row {
            name: "two servers, the right one first",
            own: 0,
            ahead: |n| if n.is_multiple_of(2) { 0 } else { 120 },
            answers: 900,
            most: 0,
            least: 0,
            end: 0,
        },
        Row {
            name: "two servers, the one ahead first",
            own: 0,
            ahead: |n| if n.is_multiple_of(2) { 120 } else { 0 },
            answers: 900,
            most: 0,
            least: 0,
            end: 0,
        },
        Row {
            name: "two servers, the one behind is heard every four minutes",
            own: 0,
            ahead: |n| if n % 328 == 1 { 0 } else { 120 },
            answers: 2_000,
            most: 0,
            least: 0,
            end: 0,
        },
        Row {
            name: "the first is ahead",
            own: 0,
            ahead: |n| if n == 0 { 3_600 } else { 0 },
            answers: 60,
            most: 0,
            least: 0,
            end: 0,
        },
        Row {
            name: "the first is behind",
            own: 0,
            ahead: |n| if n == 0 { -60 } else { 0 },
            answers: 1_400,
            most: 0,
            least: -60,
            end: 0,
        },
        Row {
            name: "one is ahead",
            own: 0,
            ahead: |n| if n == 30 { 3_600 } else { 0 },
            answers: 60,
            most: 0,
            least: 0,
            end: 0,
        },
        Row {
            name: "one is behind",
            own: 0,
            ahead: |n| if n == 30 { -60 } else { 0 },
            answers: 1_500,
            most: 0,
            least: -60,
            end: 0,
        },
        Row {
            name: "the server's clock is put forward by a minute",
            own: 0,
            ahead: |n| if n < 30 { 0 } else { 60 },
            answers: 1_500,
            most: 60,
            least: 0,
            end: 60,
        },
        Row {
            name: "the server's clock is put back by a minute",
            own: 0,
            ahead: |n| if n < 30 { 0 } else { -60 },
            answers: 60,
            most: 0,
            least: -60,
            end: -60,
        },
    ];

    #[test]
    fn the_clock_that_is_furthest_behind_counts() {
        for row in ROWS {
            let begun = Duration::from_secs(1_000);
            let own = truth(1_000_000).checked_add(SignedDuration::from_secs(row.own)).unwrap();
            let mut time = ServerTime::new(own, begun);
            let mut at = 1_000_000;
            for n in 0..row.answers {
                at += 730;
                time.hear(answer(at, (row.ahead)(n)));
                let found = error(&time, at + 5);
                let is_within = (row.least * 1_000 - 1_020..=row.most * 1_000 + 1_020).contains(&found);
                assert!(n == 0 || is_within, "{}, answer {n}: {found} ms ahead", row.name);
            }
            let found = error(&time, at + 5);
            assert!((found - row.end * 1_000).abs() <= 1_020, "{}: {found} ms ahead in the end", row.name);
        }
    }

    #[test]
    fn no_answer_but_the_first_moves_the_clock_forward_at_once() {
        for row in ROWS {
            let mut time = ServerTime::new(truth(1_000_000), Duration::from_secs(1_000));
            let (mut at, mut before) = (1_000_000, None);
            for n in 0..row.answers {
                at += 730;
                time.hear(answer(at, (row.ahead)(n)));
                let found = error(&time, at + 5);
                assert!(
                    before.is_none_or(|before| found - before <= 74),
                    "{}, answer {n}: {before:?} {found}",
                    row.name
                );
                before = Some(found);
            }
        }
    }

    #[test]
    fn slow_answers_and_nonsense_say_little() {
        let mut time = ServerTime::new(truth(1_000_000), Duration::from_secs(1_000));
        let slow = |time: &mut ServerTime, at: u64, takes: u64| {
            let received = Duration::from_millis(at + takes);
            time.hear(Answer { received, ..answer(at, 0) });
        };
        slow(&mut time, 1_000_500, 30_000);
        assert_eq!(error(&time, 1_031_000), 0, "this machine's own clock may be right");
        time.hear(Answer { said: Timestamp::MAX, ..answer(1_032_000, 0) });
        assert_eq!(error(&time, 1_032_005), 0);
        time.hear(Answer { said: Timestamp::MIN, ..answer(1_033_000, 0) });
        assert!(time.at(Duration::MAX) > Timestamp::UNIX_EPOCH, "nothing overflows");
    }

    #[test]
    fn a_clock_that_was_nonsense_is_left_behind_with_the_window() {
        let mut time = ServerTime::new(truth(1_000_000), Duration::from_secs(1_000));
        let mut at = 1_000_000;
        for n in 0..500 {
            at += 1_000;
            time.hear(answer(at, if n == 30 { -EPOCH } else { 0 }));
            let is_wrong = error(&time, at + 5) < -1_020;
            assert_eq!(is_wrong, (30..330).contains(&n), "answer {n}: {}", error(&time, at + 5));
        }
        // One answer after a long silence is not enough.
        at += 600_000;
        time.hear(answer(at, 3_600));
        assert!(error(&time, at + 5) < 61_000);
    }

    proptest! {
        /// Whatever servers answer, in whatever order: the clock is never ahead of one that has answered within the window.
        #[test]
        fn the_clock_is_never_ahead_of_a_server_that_has_answered(
            own in -400_i64..400,
            answers in prop::collection::vec((0_i64..5, 1_u64..20_000), 1..60),
        ) {
            let own = truth(1_000_000).checked_add(SignedDuration::from_secs(own)).unwrap();
            let mut time = ServerTime::new(own, Duration::from_secs(1_000));
            let (mut at, mut heard) = (1_000_000, Vec::new());
            for (server, pause) in answers {
                at += pause;
                time.hear(answer(at, server * 60));
                heard.push((at, server));
                let least = heard.iter().filter(|(when, _)| at - when < 280_000).map(|(_, server)| *server).min().unwrap();
                let found = error(&time, at + 5);
                prop_assert!(found <= least * 60_000 + 1_020, "{found} {least}");
            }
            prop_assert!(time.parts.len() <= 31, "{}", time.parts.len());
        }
    }
}
