//! The table *replacement*: Pods replace others in every way, and nobody leaves before somebody serves.

mod deeds;
mod rows;

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::play::Play;
use crate::model::ServerTime;

/// One way in which Pods replace others.
pub(super) struct Row {
    /// Its name in the matrix.
    name: &'static str,
    /// The world in which it happens, and what the cloud is like.
    begin: fn() -> Play,
    /// What happens in each second.
    act: fn(&mut Play, i64),
    /// For how long.
    seconds: i64,
    /// The fewest that serve in any second.
    least: usize,
    /// Why that are fewer than before, if they are.
    why: &'static str,
    /// The targets with weight in the end.
    rest: &'static [&'static str],
}

/// The rows that the matrix names. Those that need parts outside the core are played elsewhere.
const NAMES: &[&str] = &[
    "selector",
    "targetPort",
    "servicePort",
    "network",
    "relabelled Pods",
    "all unready",
    "all deleted",
    "Recreate",
    "StatefulSet of one",
    "node drained without budget",
    "node lost",
    "scale to 0 and back",
    "blue/green",
    "grace shortened at deletion",
    "selector that matches nothing",
    "green that never gets healthy",
    "check off",
    "all Dead",
    "never read",
    "quota 100/100",
    "quota 150/200",
    "rolling update 25 %/25 % without hook",
    "rolling update with hook and gates",
    "canary beside",
    "tags not shown",
];

#[test]
fn misfortune_replacement_loses_nobody_who_could_serve() {
    let played: BTreeSet<&str> = rows::ROWS.iter().map(|row| row.name).collect();
    assert_eq!(played, NAMES.iter().copied().collect(), "every row of the matrix is played, and no other");
    let (mut cells, mut faults) = (0, Vec::new());
    for row in rows::ROWS {
        for (forgets, shows_tags) in [(false, true), (true, true), (false, false)] {
            cells += 1;
            faults.extend(play(row, forgets, shows_tags));
        }
    }
    crate::plan::tests::report(&format!("replacement: {cells} cells"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Clocks that are wrong.
struct Clocks {
    name: &'static str,
    /// How far the controller's own is ahead at its start, in minutes.
    own: i64,
    /// How far that of the API server that answers in a second is ahead, in seconds. Pods end by the one that is right.
    ahead: fn(i64) -> i64,
}

const CLOCKS: &[Clocks] = &[
    Clocks { name: "the controller's is 5 min behind", own: -5, ahead: |_| 0 },
    Clocks { name: "the controller's is 5 min ahead", own: 5, ahead: |_| 0 },
    Clocks { name: "two servers, 120 s apart", own: 0, ahead: |second| 120 * (second % 2) },
    Clocks { name: "two servers, 120 s apart, the one ahead first", own: 0, ahead: |second| 120 * ((second + 1) % 2) },
    Clocks { name: "the first answer is wrong", own: 0, ahead: |second| if second < 0 { 600 } else { 0 } },
    Clocks { name: "one answer in the middle is wrong", own: 0, ahead: |second| if second == 12 { 600 } else { 0 } },
    Clocks { name: "the server's is put forward", own: 0, ahead: |second| if second < 10 { 0 } else { 60 } },
];

/// The same by a controller whose clock is wrong, or steps, or that hears API servers whose clocks differ.
#[test]
fn misfortune_cluster_clocks_that_are_wrong_lose_nobody() {
    let mut faults = Vec::new();
    for row in rows::ROWS {
        for clocks in CLOCKS {
            let mut play = (row.begin)();
            let (own, at) = (play.world.now + SignedDuration::from_mins(clocks.own), play.world.at());
            play.world.clock = Some(ServerTime::new(own, at));
            play.world.hear(SignedDuration::from_secs((clocks.ahead)(-1)));
            play.run(row.seconds, &|play: &mut Play, second| {
                play.world.hear(SignedDuration::from_secs((clocks.ahead)(second)));
                (row.act)(play, second);
            });
            if play.least() < row.least {
                let (least, history, losses) = (play.least(), &play.history, &play.losses);
                let (row, due, clocks) = (row.name, row.least, clocks.name);
                faults.push(format!("{row}, {clocks}: {least} serve at least, not {due}: {history:?}; {losses:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// One row, with one controller, or with another one in each second, on a cloud that shows tags of targets, or not.
fn play(row: &Row, forgets: bool, shows_tags: bool) -> Vec<String> {
    let mut play = (row.begin)();
    play.world.shows_tags &= shows_tags;
    play.forgets = forgets;
    let before = play.rest().len();
    play.run(row.seconds, &row.act);
    let mut faults = std::mem::take(&mut play.losses);
    // Another controller in each second never sees a deadline pass that is counted from what it saw.
    if play.least() != row.least && !forgets {
        faults.push(format!("{} serve at least, not {}: {:?}", play.least(), row.least, play.history));
    }
    if row.why.is_empty() != (row.least >= before) {
        faults.push("a loss needs its reason, and a reason a loss".to_owned());
    }
    let rest: BTreeSet<&str> = row.rest.iter().copied().collect();
    if play.rest().iter().map(String::as_str).collect::<BTreeSet<_>>() != rest && !forgets {
        faults.push(format!("in the end there are {:?}", play.rest()));
    }
    let way = format!("another controller each second: {forgets}, tags: {shows_tags}");
    faults.iter().map(|fault| format!("{}, {way}: {fault}", row.name)).collect()
}
