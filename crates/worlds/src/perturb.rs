//! Perturbation: a story is played again and again, and each time one thing goes another way at one point of it. It ends as it would have.
//!
//! A point is an event that the leading replica hears, a call or a write of a replica, or what comes back of it. Watches list with the most
//! recent version only ([`events`](tke_direct_access::k8s::events)), so that no list is older than what was heard before.

use std::fmt;
use std::str::FromStr;

use tke_direct_access::sim::Effect;
use tke_direct_access_core::model::Class;

use crate::chance::{Chance, mixed};
use crate::check::Violation;
use crate::story::Story;
use crate::verdict::{Verdict, compare, judge};
use crate::world::{play, play_perturbed};

/// What could go another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// The leading replica hears of an object of this kind.
    Heard(&'static str),
    /// A call of the cloud that reads, of this action.
    Read(&'static str),
    /// A call of the cloud that writes, of this action.
    Write(&'static str),
    /// A write to Kubernetes.
    Object,
    /// What the cloud says to a call reaches the leading replica.
    Reply,
    /// What the API server says to a write reaches the leading replica.
    Answer,
}

/// How one point goes another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The replica crashes, and the effect does not come about.
    CrashBefore,
    /// The replica crashes when it has come about; nobody hears what came of it.
    CrashAfter,
    /// An event and all of its kind after it come 40 s late; a reply 20 s, or not at all where its client does not wait for so long.
    Late,
    /// The event and those of its kind that follow within 5 s are never heard: a list shows what came of them.
    Missed,
    /// The replica that hears it crashes 4 s later, and the other one does not hear it, nor others of its kind, for 20 s.
    Behind,
    /// The API server refuses the write, with this status.
    Refused(u16),
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It is not done, and the connection breaks.
    RequestLost,
    /// It is done, and the lists of the reply are empty.
    Empty,
    /// It is done, and of each list of the reply the last item is missing.
    Partial,
    /// It is done, and the reply breaks off.
    Malformed,
    /// The task ends as failed.
    TaskFails,
    /// It is refused, with an error of this class; what is unreachable is done.
    Error(Class),
}

/// One point of a story goes another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perturbation {
    /// The number of the point, from 1.
    pub at: usize,
    /// How.
    pub way: Way,
}

/// How a story went whose points were perturbed.
#[derive(Clone, Debug, Default)]
pub struct Perturbed {
    /// How many points it has.
    pub points: usize,
    /// How many plays there were.
    pub plays: usize,
    /// How many steps.
    pub steps: u64,
    /// In how many plays acts found something else, so that the end is another one.
    pub incomparable: usize,
    /// What it breaks as it is; it is not perturbed then.
    pub undisturbed: Option<Violation>,
    /// What broke a rule.
    pub failures: Vec<(Perturbation, Violation)>,
}

/// All perturbations of up to this many points; above it chance takes as many as there would be of those.
const EXHAUSTIVE: usize = 300;

/// Plays a story with each of its perturbations, or with so many of them that chance picks by this seed.
pub fn perturb(story: &Story, most: usize, seed: u64) -> Perturbed {
    let undisturbed = play(story);
    let mut perturbed =
        Perturbed { points: undisturbed.points.len(), steps: undisturbed.steps, plays: 1, ..Perturbed::default() };
    if let Verdict::Breaks(violation) = judge(story, &undisturbed) {
        perturbed.undisturbed = Some(violation);
        return perturbed;
    }
    for perturbation in picked(perturbations(&undisturbed.points), undisturbed.points.len(), most, seed) {
        let outcome = play_perturbed(story, Some(perturbation));
        perturbed.plays += 1;
        perturbed.steps += outcome.steps;
        match compare(&undisturbed, &outcome) {
            Verdict::Holds => {}
            Verdict::Breaks(violation) => perturbed.failures.push((perturbation, violation)),
            Verdict::NotPromised(_) => perturbed.incomparable += 1,
        }
    }
    perturbed
}

/// Those of all points.
pub(crate) fn perturbations(points: &[Point]) -> Vec<Perturbation> {
    let of = |(place, point): (usize, &Point)| {
        let ways = point.ways().into_iter();
        ways.map(move |way| Perturbation { at: place + 1, way }).collect::<Vec<_>>()
    };
    points.iter().enumerate().flat_map(of).collect()
}

/// Where there are many, those that chance picks.
fn picked(mut all: Vec<Perturbation>, points: usize, most: usize, seed: u64) -> Vec<Perturbation> {
    let few = if points > EXHAUSTIVE { all.len() * EXHAUSTIVE / points } else { all.len() };
    let mut chance = Chance::new(mixed(seed));
    let most = most.min(few);
    while all.len() > most {
        let place = chance.below("perturbation", all.len() as u64);
        all.swap_remove(usize::try_from(place).unwrap_or_default());
    }
    all.sort_by_key(|one| (one.at, one.way));
    all
}

impl Point {
    /// How it can go another way.
    fn ways(self) -> Vec<Way> {
        match self {
            Self::Heard(_) => vec![Way::Late, Way::Missed, Way::Behind],
            Self::Object => {
                vec![Way::CrashBefore, Way::CrashAfter, Way::Refused(409), Way::Refused(500), Way::AnswerLost]
            }
            Self::Reply | Self::Answer => vec![Way::CrashAfter],
            Self::Read(_) | Self::Write(_) => {
                let mut ways = vec![Way::CrashBefore, Way::CrashAfter, Way::Late, Way::AnswerLost, Way::RequestLost];
                ways.extend([Way::Empty, Way::Partial, Way::Malformed]);
                ways.extend(matches!(self, Self::Write(_)).then_some(Way::TaskFails));
                ways.extend(Class::ALL.map(Way::Error));
                ways
            }
        }
    }
}

impl Way {
    /// What the cloud does; `None` where it does as usual.
    pub(crate) fn effect(self) -> Option<Effect> {
        let message = || "it is said so".to_owned();
        Some(match self {
            Self::AnswerLost => Effect::LostReply,
            Self::RequestLost => Effect::LostRequest,
            Self::Empty => Effect::EmptyReply,
            Self::Partial => Effect::PartialReply,
            Self::Malformed => Effect::MalformedBody { body: None },
            Self::TaskFails => Effect::FailTask { message: message() },
            Self::Error(Class::Unreachable) => Effect::HttpStatus { status: 502, done: true },
            Self::Error(class) => Effect::Error { code: code_of(class).to_owned(), message: message() },
            Self::CrashBefore | Self::CrashAfter | Self::Late | Self::Missed | Self::Behind | Self::Refused(_) => {
                return None;
            }
        })
    }
}

/// A code of this class.
const fn code_of(class: Class) -> &'static str {
    match class {
        Class::NotFound => "InvalidParameter.LBIdNotFound",
        Class::Busy => "FailedOperation.ResourceInOperating",
        Class::Throttled => "RequestLimitExceeded",
        Class::Quota => "LimitExceeded",
        Class::Conflict => "InvalidParameter.PortCheckFailed",
        Class::Denied => "UnauthorizedOperation",
        Class::Arrears => "FailedOperation.InvalidLBStatus",
        Class::Invalid => "InvalidParameterValue",
        Class::Unreachable => "ServiceUnavailable",
        Class::Transient => "InternalError",
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heard(kind) => write!(f, "the leader hears of a {kind}"),
            Self::Read(action) | Self::Write(action) => f.write_str(action),
            Self::Object => f.write_str("a write to the API server"),
            Self::Reply => f.write_str("the reply to a call"),
            Self::Answer => f.write_str("the answer to a write"),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CrashBefore => f.write_str("crash-before"),
            Self::CrashAfter => f.write_str("crash-after"),
            Self::Late => f.write_str("late"),
            Self::Missed => f.write_str("missed"),
            Self::Behind => f.write_str("behind"),
            Self::Refused(status) => write!(f, "refused-{status}"),
            Self::AnswerLost => f.write_str("answer-lost"),
            Self::RequestLost => f.write_str("request-lost"),
            Self::Empty => f.write_str("empty"),
            Self::Partial => f.write_str("partial"),
            Self::Malformed => f.write_str("malformed"),
            Self::TaskFails => f.write_str("task-fails"),
            Self::Error(class) => write!(f, "error-{}", class.as_str()),
        }
    }
}

impl fmt::Display for Perturbation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.at, self.way)
    }
}

impl Perturbation {
    /// Whether a story with these points can go so.
    ///
    /// # Errors
    /// How it can go.
    pub fn fits(self, points: &[Point]) -> Result<(), String> {
        let Some(point) = self.at.checked_sub(1).and_then(|place| points.get(place)) else {
            return Err(format!("there is no point {}: the story has {}", self.at, points.len()));
        };
        let ways = point.ways();
        if ways.contains(&self.way) {
            return Ok(());
        }
        Err(format!("point {} is '{point}', which cannot go {}; it can go: {}", self.at, self.way, listed(&ways)))
    }
}

fn listed(ways: &[Way]) -> String {
    ways.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// All ways in which one point or another can go.
fn all_ways() -> Vec<Way> {
    let mut all: Vec<Way> =
        [Point::Heard(""), Point::Write(""), Point::Object].into_iter().flat_map(Point::ways).collect();
    all.sort();
    all.dedup();
    all
}

impl FromStr for Perturbation {
    type Err = String;

    /// Reads a number and a way, such as `17:crash-before`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (at, word) = text.split_once(':').ok_or_else(|| format!("'{text}' is not NUMBER:WAY"))?;
        let at =
            at.parse().ok().filter(|at| *at > 0).ok_or_else(|| format!("'{at}' is no number of a point, from 1"))?;
        let ways = all_ways();
        let way = ways.iter().find(|way| way.to_string() == word);
        way.map(|way| Self { at, way: *way })
            .ok_or_else(|| format!("'{word}' is no way; the ways are: {}", listed(&ways)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perturbation_is_the_same_after_it_was_written_and_read() {
        let points = [Point::Heard("Pod"), Point::Read("a"), Point::Write("b"), Point::Object, Point::Answer];
        let all = perturbations(&points);
        assert!(all.len() > 40, "{}", all.len());
        for one in all {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        assert!(
            "0:late".parse::<Perturbation>().is_err()
                && "x:late".parse::<Perturbation>().is_err()
                && "1:never".parse::<Perturbation>().is_err()
        );
    }

    #[test]
    fn a_way_that_a_point_cannot_go_is_refused_with_those_that_it_can() {
        let points = [Point::Reply, Point::Heard("Pod")];
        let fits = |text: &str| text.parse().and_then(|one: Perturbation| one.fits(&points));
        assert_eq!(fits("1:crash-after"), Ok(()));
        assert_eq!(
            fits("1:late"),
            Err("point 1 is 'the reply to a call', which cannot go late; it can go: crash-after".to_owned())
        );
        assert_eq!(fits("3:late"), Err("there is no point 3: the story has 2".to_owned()));
        let unknown = fits("1:crash").unwrap_err();
        assert!(
            ["late", "missed", "refused-409", "task-fails", "error-quota"].iter().all(|way| unknown.contains(way)),
            "{unknown}"
        );
    }

    #[test]
    fn of_many_points_chance_picks_some_and_the_same_ones_each_time() {
        let points = vec![Point::Object; 1000];
        let pick = |most, seed| picked(perturbations(&points), points.len(), most, seed);
        assert_eq!(pick(usize::MAX, 7).len(), 1500);
        assert_eq!(pick(usize::MAX, 7), pick(usize::MAX, 7));
        assert_ne!(pick(usize::MAX, 7), pick(usize::MAX, 8));
        assert_eq!(pick(10, 7).len(), 10);
    }
}
