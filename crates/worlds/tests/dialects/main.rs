//! The tables of misfortunes *cloud*, *console* and *replacement* on clouds that depart from what is believed: no rule of the worlds is
//! broken, and each row ends as on the cloud that is believed in, but for the cells that are named with a reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the whole file is a test")]

mod exceptions;
mod rows;
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use tke_direct_access::sim::{Departure, Dialect};
use tke_direct_access_worlds::{Outcome, pairwise, play_briefly, tell};

use exceptions::{EXCEPTIONS, Exception, TELLING};
use rows::{ROWS, Row};
use scene::story;

/// A row on a cloud.
struct Cell<'a> {
    row: &'a Row,
    cloud: &'a Dialect,
    outcome: Outcome,
}

/// Where all cells are played, whoever asks for it: `DIRECT_ACCESS_DIALECTS=all`.
const ALL: &str = "DIRECT_ACCESS_DIALECTS";

/// Plays rows on clouds, as many at a time as there are processors: each row on one cloud of so many, taking turns, and in each cell that has
/// an exception or is named as telling.
fn play_some(clouds: &[Dialect], of: usize) -> Vec<Cell<'_>> {
    let of = if std::env::var(ALL).is_ok_and(|which| which == "all") { 1 } else { of };
    let is_played = |row: usize, cloud: usize| {
        let is_excepted =
            |one: &Exception| one.rows.contains(&ROWS[row].name) && Dialect::from([one.departure]) == clouds[cloud];
        let tells = |(departure, name): &(Departure, &str)| {
            *name == ROWS[row].name && Dialect::from([*departure]) == clouds[cloud]
        };
        (row + cloud).is_multiple_of(of) || EXCEPTIONS.iter().any(is_excepted) || TELLING.iter().any(tells)
    };
    let places = (0..clouds.len()).flat_map(|cloud| (0..ROWS.len()).map(move |row| (row, cloud)));
    let cells: Vec<_> = places
        .filter(|(row, cloud)| is_played(*row, *cloud))
        .map(|(row, cloud)| (&ROWS[row], &clouds[cloud]))
        .collect();
    let (next, played) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((row, cloud)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = play_briefly(&story(row, cloud));
                    played.lock().unwrap().push(Cell { row, cloud, outcome });
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap();
    played.sort_by_key(|cell| (cell.row.name, cell.cloud.iter().collect::<Vec<_>>()));
    played
}

/// The lines that one end has and the other has not.
fn difference(believed: &str, found: &str) -> Vec<String> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (believed, found) = (lines(believed), lines(found));
    let gone = believed.difference(&found).map(|line| format!("- {line}"));
    gone.chain(found.difference(&believed).map(|line| format!("+ {line}"))).collect()
}

/// How each row ends on the cloud that is believed in. It breaks no rule there.
fn believed() -> &'static BTreeMap<&'static str, String> {
    static BELIEVED: OnceLock<BTreeMap<&str, String>> = OnceLock::new();
    BELIEVED.get_or_init(believed_ends)
}

fn believed_ends() -> BTreeMap<&'static str, String> {
    let mut ends = BTreeMap::new();
    for cell in play_some(&[Dialect::default()], 1) {
        assert_eq!(cell.outcome.violations, [], "{}\n{}", cell.row.name, story(cell.row, cell.cloud));
        assert!(cell.outcome.end.contains(cell.row.ends), "{}:\n{}", cell.row.name, cell.outcome.end);
        ends.insert(cell.row.name, cell.outcome.end);
    }
    ends
}

/// What is wrong with cells, and which exceptions were needed.
fn judge(cells: &[Cell<'_>], believed: &BTreeMap<&str, String>) -> (Vec<String>, BTreeSet<&'static Exception>) {
    let (mut faults, mut used) = (Vec::new(), BTreeSet::new());
    for Cell { row, cloud, outcome } in cells {
        let departures: Vec<_> = cloud.iter().map(Departure::name).collect();
        let place = format!("{} ({})", row.name, departures.join(", "));
        let mut words: Vec<_> = outcome.violations.iter().map(ToString::to_string).collect();
        words.extend(difference(&believed[row.name], &outcome.end));
        if words.is_empty() {
            continue;
        }
        let is_meant = |one: &&Exception| one.rows.contains(&row.name) && cloud.has(one.departure);
        let meant: Vec<_> = EXCEPTIONS.iter().filter(is_meant).collect();
        used.extend(meant.iter().copied().filter(|one| words.iter().any(|words| one.excuses(words))));
        words.retain(|words| !meant.iter().any(|one| one.excuses(words)));
        if !words.is_empty() {
            faults.push(format!("{place}:\n{}\n{}", words.join("\n"), story(row, cloud)));
        }
    }
    (faults, used)
}

#[test]
fn dialects_telling_cells_have_rows() {
    for (departure, name) in TELLING {
        assert!(ROWS.iter().any(|row| row.name == *name), "{departure}: there is no row '{name}'");
    }
}

#[test]
fn dialects_each_alone_break_no_rule_and_end_as_believed() {
    let clouds: Vec<_> = Departure::ALL.iter().map(|departure| Dialect::from([*departure])).collect();
    let (faults, used) = judge(&play_some(&clouds, 12), believed());
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n\n"));
    assert_eq!(
        used.len(),
        EXCEPTIONS.len(),
        "exceptions that are none: {:?}",
        EXCEPTIONS.iter().filter(|one| !used.contains(one)).collect::<Vec<_>>()
    );
}

#[test]
fn dialects_in_pairs_break_no_rule_and_end_as_believed() {
    let clouds = pairwise();
    let (faults, _) = judge(&play_some(&clouds, 9), believed());
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n\n"));
}

/// What a late read still shows is asked to go once more, which is refused: no binding says that anything has failed.
#[test]
fn dialects_late_reads_make_no_status_say_that_anything_failed() {
    let cloud = Dialect::from([Departure::ReadsLate]);
    let mut refused = 0;
    for name in ["a rollout", "scaled up and down", "the listener's port changes", "the binding is deleted"] {
        let row = ROWS.iter().find(|row| row.name == name).unwrap();
        let telling = tell(&story(row, &cloud), None).telling;
        let is_status = |line: &&String| line.contains(": status of ") || line.contains(" Event ");
        let failed: Vec<_> = telling.iter().filter(is_status).filter(|line| line.contains("Failed")).collect();
        assert!(failed.is_empty(), "{name}: {failed:?}");
        refused += telling.iter().filter(|line| line.contains("is not registered")).count();
    }
    assert!(refused > 0, "no deregistration was refused");
}
