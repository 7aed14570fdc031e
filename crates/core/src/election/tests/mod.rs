//! The election step by step, on a simulated clock. `histories` plays many replicas against each other.

mod histories;

use super::*;

const ME: &str = "me";
const OTHER: &str = "other";

fn at(milliseconds: u64) -> Moment {
    // Far from zero, as on a machine that has run for a while.
    Moment::after_start(Duration::from_secs(1000) + Duration::from_millis(milliseconds))
}

/// A Lease of this holder, which has written it at this second of its own clock.
fn lease(version: u64, holder: Option<&str>, second: i64) -> Lease {
    let mut lease = Election::new(holder.unwrap_or_default()).lease(None, clock(second));
    lease.metadata.resource_version = Some(version.to_string());
    lease
}

fn clock(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// What the next step is, in a word.
fn next(election: &Election, now: Moment) -> String {
    match election.next(now, clock(0)) {
        Next::Read => "read".to_owned(),
        Next::Create(_) => "create".to_owned(),
        Next::Replace(lease) => format!("replace {}", lease.metadata.resource_version.unwrap_or_default()),
        Next::Wait(until) => format!("wait {} ms", until.since(now).as_millis()),
    }
}

/// How long the leadership lasts from now on, in milliseconds.
fn left(election: &Election, now: Moment) -> Option<u128> {
    election.term(now).map(|term| term.until.since(now).as_millis())
}

/// A replica that leads since moment 0, by version 7.
fn leader() -> Election {
    let mut election = Election::new(ME);
    election.saw(Some(lease(6, None, 0)), at(0));
    election.answered(at(0), Answer::Written(Box::new(lease(7, Some(ME), 0))), at(0));
    assert_eq!(election.term(at(0)), Some(Term { number: 1, until: at(3000) }));
    election
}

/// A replica that has seen another's renewal at moment 0, version 7.
fn candidate() -> Election {
    let mut election = Election::new(ME);
    election.saw(Some(lease(7, Some(OTHER), 0)), at(0));
    election
}

#[test]
fn what_is_seen_first_decides_when_it_may_be_taken() {
    let mut fresh = Election::new(ME);
    assert_eq!(next(&fresh, at(0)), "read");
    fresh.saw(None, at(0));
    assert_eq!(next(&fresh, at(0)), "create", "nobody can believe to hold what never was");
    let mut short = lease(7, Some(OTHER), 0);
    let mut long = short.clone();
    let mut endless = short.clone();
    short.spec.as_mut().unwrap().lease_duration_seconds = Some(1);
    long.spec.as_mut().unwrap().lease_duration_seconds = Some(15);
    endless.spec.as_mut().unwrap().lease_duration_seconds = Some(i32::MAX);
    for (seen, expected) in [
        // Of a process of that name before this one, which may not know yet that it has ended.
        (lease(7, Some(ME), 0), "wait 4000 ms"),
        (lease(7, None, 0), "replace 7"),
        (lease(7, Some(OTHER), 0), "wait 4000 ms"),
        // Its clock is an hour off, which says nothing.
        (lease(7, Some(OTHER), -3600), "wait 4000 ms"),
        (lease(7, Some(OTHER), 3600), "wait 4000 ms"),
        (short, "wait 4000 ms"),
        (long, "wait 15000 ms"),
        (endless, "wait 60000 ms"),
    ] {
        let mut election = Election::new(ME);
        election.saw(Some(seen.clone()), at(0));
        assert_eq!(next(&election, at(0)), expected, "{seen:?}");
        assert_eq!(election.term(at(0)), None, "seeing is not holding");
    }
}

#[test]
fn a_leadership_counts_from_before_the_renewal_was_sent() {
    // When the renewal that is sent at 1 s is answered, how, what is left then, and what is next.
    type Row = (&'static str, u64, Answer, Option<u128>, &'static str);
    let rows: [Row; 8] = [
        ("at once", 1000, Answer::Written(Box::new(lease(8, Some(ME), 1))), Some(3000), "wait 1000 ms"),
        ("after a while", 1600, Answer::Written(Box::new(lease(8, Some(ME), 1))), Some(2400), "wait 400 ms"),
        ("later than the next is due", 2500, Answer::Written(Box::new(lease(8, Some(ME), 1))), Some(1500), "replace 8"),
        ("refused: somebody wrote", 1100, Answer::Conflict, Some(1900), "read"),
        ("no answer", 2400, Answer::Failed, Some(600), "wait 250 ms"),
        ("no answer, at last", 3000, Answer::Failed, None, "wait 250 ms"),
        (
            "too late: that leadership is over, a new one begins",
            3500,
            Answer::Written(Box::new(lease(8, Some(ME), 1))),
            Some(500),
            "replace 8",
        ),
        ("after its own end", 4000, Answer::Written(Box::new(lease(8, Some(ME), 1))), None, "replace 8"),
    ];
    for (what, answered, answer, expected, after) in rows {
        let mut election = leader();
        assert_eq!(next(&election, at(999)), "wait 1 ms", "{what}");
        assert_eq!(next(&election, at(1000)), "replace 7", "{what}: by writing alone");
        election.answered(at(1000), answer, at(answered));
        assert_eq!(left(&election, at(answered)), expected, "{what}");
        assert_eq!(next(&election, at(answered)), after, "{what}");
        let number = election.term(at(answered)).map(|term| term.number);
        assert_eq!(number, expected.map(|_| if answered > 3000 { 2 } else { 1 }), "{what}");
    }
}

#[test]
fn a_leadership_ends_when_something_else_is_seen() {
    for (what, seen, is_ended, after) in [
        ("another holder", Some(lease(9, Some(OTHER), 2)), true, "wait 4000 ms"),
        ("nobody", Some(lease(9, None, 2)), true, "wait 500 ms"),
        ("no Lease", None, true, "wait 4000 ms"),
        ("an old holder, told late", Some(lease(5, Some(OTHER), -1)), false, "wait 500 ms"),
        ("its own renewal", Some(lease(7, Some(ME), 0)), false, "wait 500 ms"),
        ("its own, with a label", Some(lease(8, Some(ME), 0)), false, "wait 500 ms"),
    ] {
        let mut election = leader();
        if what.contains("told") {
            election.told(seen, at(500))
        } else {
            election.saw(seen, at(500))
        }
        assert_eq!(election.term(at(500)).is_none(), is_ended, "{what}");
        assert_eq!(next(&election, at(500)), after, "{what}");
    }
    let mut election = leader();
    election.answered(at(1000), Answer::Missing, at(1010));
    assert_eq!((left(&election, at(1010)), next(&election, at(1010))), (None, "wait 4000 ms".to_owned()));
    assert_eq!(next(&election, at(5010)), "create", "nobody can still believe to hold what was deleted");
}

#[test]
fn a_leader_that_is_told_that_there_is_no_lease_looks_for_itself() {
    let mut election = leader();
    election.told(None, at(500));
    assert_eq!((left(&election, at(500)), next(&election, at(500))), (Some(2500), "read".to_owned()));
    let mut candidate = candidate();
    candidate.told(None, at(500));
    assert_eq!(next(&candidate, at(500)), "wait 4000 ms");
    // The watch was late.
    let mut late = election.clone();
    late.told(Some(lease(7, Some(ME), 0)), at(510));
    assert_eq!((left(&late, at(510)), next(&late, at(510))), (Some(2490), "replace 7".to_owned()));
    // It was right.
    election.saw(None, at(520));
    assert_eq!((left(&election, at(520)), next(&election, at(520))), (None, "wait 4000 ms".to_owned()));
}

#[test]
fn a_conflict_with_oneself_is_none() {
    // The answer to a renewal was lost; the next attempt meets what it has written.
    let mut election = leader();
    election.answered(at(1000), Answer::Failed, at(1500));
    assert_eq!(next(&election, at(1750)), "replace 7");
    election.answered(at(1750), Answer::Conflict, at(1760));
    assert_eq!(next(&election, at(1760)), "read");
    election.saw(Some(lease(8, Some(ME), 1)), at(1770));
    assert_eq!(next(&election, at(1770)), "replace 8");
    assert_eq!(left(&election, at(1770)), Some(1230), "a read renews nothing");
    election.answered(at(1770), Answer::Written(Box::new(lease(9, Some(ME), 2))), at(1780));
    assert_eq!(election.term(at(1780)), Some(Term { number: 1, until: at(4770) }));
}

#[test]
fn a_suspended_machine_leads_no_more_when_it_wakes() {
    // The clock goes on while nothing else does.
    let mut election = leader();
    assert_eq!(left(&election, at(60_000)), None);
    assert_eq!(next(&election, at(60_000)), "replace 7");
    election.answered(at(60_000), Answer::Conflict, at(60_010));
    election.saw(Some(lease(60, Some(OTHER), 59)), at(60_020));
    assert_eq!(next(&election, at(60_020)), "wait 4000 ms");
    // Suspended between sending and answer.
    let mut election = leader();
    election.answered(at(1000), Answer::Written(Box::new(lease(8, Some(ME), 1))), at(60_000));
    assert_eq!(left(&election, at(60_000)), None);
}

#[test]
fn leadership_is_lost_and_won_again() {
    let mut election = leader();
    election.answered(at(1000), Answer::Failed, at(3000));
    assert_eq!((left(&election, at(3000)), next(&election, at(3250))), (None, "replace 7".to_owned()));
    election.answered(at(3250), Answer::Written(Box::new(lease(8, Some(ME), 3))), at(3260));
    assert_eq!(
        election.term(at(3260)),
        Some(Term { number: 2, until: at(6250) }),
        "one that was lost is not continued"
    );
    election.ended();
    election.answered(at(4250), Answer::Written(Box::new(lease(9, Some(ME), 4))), at(4260));
    assert_eq!(election.term(at(4260)).map(|term| term.number), Some(3), "nor one that others have found over");
}

#[test]
fn another_is_waited_for_as_long_as_it_renews() {
    let mut election = candidate();
    for second in 1..20 {
        election.saw(Some(lease(7 + second, Some(OTHER), second.cast_signed())), at(second * 1000));
        assert_eq!(next(&election, at(second * 1000)), "wait 4000 ms");
    }
    // A label is no renewal, and what was told before says nothing new.
    election.saw(Some(lease(99, Some(OTHER), 19)), at(20_000));
    election.told(Some(lease(12, Some(OTHER), 5)), at(21_000));
    assert_eq!(next(&election, at(22_999)), "wait 1 ms");
    assert_eq!(next(&election, at(23_000)), "replace 99");
    // It has renewed after all, and no watch has told.
    election.answered(at(23_000), Answer::Conflict, at(23_010));
    assert_eq!(next(&election, at(23_010)), "read");
    election.failed_to_read(at(23_020));
    assert_eq!(next(&election, at(23_020)), "wait 250 ms");
    election.saw(Some(lease(100, Some(OTHER), 22)), at(23_300));
    assert_eq!(next(&election, at(23_300)), "wait 4000 ms");
}

#[test]
fn what_is_given_up_is_taken_at_once() {
    let mut election = leader();
    let mut given_up = election.release().unwrap();
    assert_eq!(holder(&given_up), None);
    assert_eq!(candidate().release(), None, "nobody gives up what is another's");
    given_up.metadata.resource_version = Some("8".to_owned());
    let mut successor = Election::new(OTHER);
    successor.saw(Some(lease(7, Some(ME), 0)), at(0));
    successor.saw(Some(given_up), at(700));
    assert_eq!(next(&successor, at(700)), "replace 8");
    election.ended();
    assert_eq!(left(&election, at(0)), None);
}

#[test]
fn a_lease_keeps_what_others_have_written_on_it_and_counts_changes_of_holders() {
    let mut seen = lease(7, Some(OTHER), 0);
    seen.metadata.labels = Some([("team".to_owned(), "edge".to_owned())].into());
    let mut election = Election::new(ME);
    election.saw(Some(seen.clone()), at(0));
    let Next::Replace(mut taken) = election.next(at(4000), clock(4)) else { panic!("it may be taken") };
    assert_eq!(taken.metadata, seen.metadata, "labels stay, and the version is the one that was seen");
    let spec = taken.spec.clone().unwrap();
    assert_eq!((spec.lease_transitions, spec.lease_duration_seconds), (Some(1), Some(4)));
    assert_eq!((spec.acquire_time, spec.renew_time), (Some(MicroTime(clock(4))), Some(MicroTime(clock(4)))));
    taken.metadata.resource_version = Some("8".to_owned());
    election.answered(at(4000), Answer::Written(taken), at(4010));
    let Next::Replace(renewed) = election.next(at(5000), clock(5)) else { panic!("it is renewed") };
    let spec = renewed.spec.unwrap();
    assert_eq!((spec.lease_transitions, spec.acquire_time), (Some(1), Some(MicroTime(clock(4)))));
    assert_eq!(spec.renew_time, Some(MicroTime(clock(5))));
}

#[test]
fn an_attempt_leaves_time_for_another() {
    let election = leader();
    for (now, expected) in [(1000, 1500), (2000, 500), (2900, 500), (3000, 3000)] {
        assert_eq!(election.patience(at(now)).as_millis(), expected, "at {now} ms");
    }
}

/// The API server's store was restored: versions begin again lower than what was seen.
#[test]
fn a_version_that_goes_back_is_believed_when_it_was_read() {
    for mut election in [leader(), candidate()] {
        election.answered(at(4000), Answer::Conflict, at(4010));
        assert_eq!(next(&election, at(4010)), "read");
        election.saw(Some(lease(3, Some(OTHER), -5)), at(4020));
        assert!(next(&election, at(4020)).starts_with("wait"), "{}", next(&election, at(4020)));
        assert_eq!(next(&election, at(9000)), "replace 3", "nobody renews it");
        // What a watch says may be late.
        election.told(Some(lease(2, None, 0)), at(9000));
        assert_eq!(next(&election, at(9000)), "replace 3");
    }
}
