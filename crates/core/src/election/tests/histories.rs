//! Replicas with slow, lossy and frozen lines to one API server: no two lead at once, and a call that left under one leadership has
//! had its effect before the next begins.

use proptest::prelude::*;

use super::*;

const REPLICAS: usize = 3;
/// Milliseconds of one step.
const STEP: u64 = 50;

/// What happens to a replica in one step.
#[derive(Clone, Copy, Debug)]
enum Luck {
    /// What it asks is answered after so many steps, and so late does its watch tell.
    Line(u64),
    /// What it asks next is done, and the answer is lost.
    Lost,
    /// What it asks next is not done.
    Cut,
    /// It stands still for so many steps.
    Frozen(u64),
}

fn luck() -> impl Strategy<Value = (usize, Luck)> {
    let luck = prop_oneof![
        4 => (0..8_u64).prop_map(Luck::Line),
        1 => (20..90_u64).prop_map(Luck::Line),
        2 => Just(Luck::Lost),
        2 => Just(Luck::Cut),
        3 => (10..200_u64).prop_map(Luck::Frozen),
    ];
    (0..REPLICAS, luck)
}

struct Replica {
    election: Election,
    /// Steps that a request takes to the server, and its answer back.
    delay: u64,
    luck: Option<Luck>,
    frozen_until: u64,
    /// The request under way: when it was sent, when it arrives, what it is; then when its answer arrives.
    asked: Option<(u64, u64, Next)>,
    answer: Option<(u64, u64, Answer)>,
    told: Vec<(u64, Option<Lease>)>,
}

#[derive(Default)]
struct Server {
    lease: Option<Lease>,
    version: u64,
}

impl Server {
    fn serve(&mut self, next: &Next) -> (Answer, bool) {
        let (wanted, is_right) = match (next, &self.lease) {
            (Next::Create(lease), found) => (lease, found.is_none()),
            (Next::Replace(lease), Some(found)) => {
                (lease, found.metadata.resource_version == lease.metadata.resource_version)
            }
            _ => return (Answer::Missing, false),
        };
        if !is_right {
            return (Answer::Conflict, false);
        }
        self.version += 1;
        let mut lease = (**wanted).clone();
        lease.metadata.resource_version = Some(self.version.to_string());
        self.lease = Some(lease.clone());
        (Answer::Written(Box::new(lease)), true)
    }
}

fn moment(step: u64) -> Moment {
    at(step * STEP)
}

impl Replica {
    fn new(name: usize) -> Self {
        let election = Election::new(format!("replica-{name}"));
        Self { election, delay: 0, luck: None, frozen_until: 0, asked: None, answer: None, told: Vec::new() }
    }

    /// What reaches the server in this step, whether or not the replica runs.
    fn arrive(&mut self, step: u64, server: &mut Server) -> bool {
        let Some((sent, _, next)) = self.asked.take_if(|(_, arrives, _)| *arrives <= step) else { return false };
        let luck = self.luck.take();
        if matches!(luck, Some(Luck::Cut)) {
            self.answer = Some((sent, step + 10, Answer::Failed));
            return false;
        }
        if next == Next::Read {
            self.told.push((step + self.delay, server.lease.clone()));
            return false;
        }
        let (answer, has_changed) = server.serve(&next);
        let answer = if matches!(luck, Some(Luck::Lost)) { Answer::Failed } else { answer };
        self.answer = Some((sent, step + self.delay, answer));
        has_changed
    }

    /// What the replica does in this step.
    fn run(&mut self, step: u64) {
        if step < self.frozen_until {
            return;
        }
        let now = moment(step);
        let mut index = 0;
        while index < self.told.len() {
            if self.told[index].0 <= step {
                let (_, found) = self.told.remove(index);
                self.election.told(found, now);
            } else {
                index += 1;
            }
        }
        if let Some((sent, _, answer)) = self.answer.take_if(|(_, arrives, _)| *arrives <= step) {
            self.election.answered(moment(sent), answer, now);
        }
        if self.asked.is_none() && self.answer.is_none() {
            match self
                .election
                .next(now, Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_millis(i64::try_from(step).unwrap()))
            {
                Next::Wait(_) => {}
                next => self.asked = Some((step, step + self.delay, next)),
            }
        }
    }
}

fn play(events: &[(usize, Luck)], gap: u64) -> usize {
    let mut server = Server::default();
    let mut replicas: Vec<_> = (0..REPLICAS).map(Replica::new).collect();
    // Until when what a replica may have sent is still on its way.
    let mut on_its_way = [None::<Moment>; REPLICAS];
    let mut led = 0;
    let steps = (events.len() as u64 + 1) * gap;
    for step in 0..steps {
        if let Some((index, luck)) = events.get(usize::try_from(step / gap).unwrap()).filter(|_| step % gap == 0) {
            match *luck {
                Luck::Line(delay) => replicas[*index].delay = delay,
                Luck::Frozen(steps) => replicas[*index].frozen_until = step + steps,
                luck => replicas[*index].luck = Some(luck),
            }
        }
        for index in 0..REPLICAS {
            if replicas[index].arrive(step, &mut server) {
                let lease = server.lease.clone();
                for replica in &mut replicas {
                    let delay = replica.delay;
                    replica.told.push((step + delay, lease.clone()));
                }
            }
            replicas[index].run(step);
            if replicas[index].election.term(moment(step)).is_some() && step >= replicas[index].frozen_until {
                led += 1;
                for (other, until) in on_its_way.iter().enumerate().filter(|(other, _)| *other != index) {
                    assert!(
                        until.is_none_or(|until| until <= moment(step)),
                        "replica {index} leads at {} ms while {other} may still have an effect",
                        step * STEP
                    );
                }
                on_its_way[index] = Some(moment(step) + TRANSIT);
            }
        }
    }
    led
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_two_lead_at_once(events in prop::collection::vec(luck(), 1..40), gap in 5..80_u64) {
        play(&events, gap);
    }
}

#[test]
fn somebody_leads_most_of_the_time() {
    // Without misfortune the first leads from its first answer on.
    assert!(play(&[(0, Luck::Line(0))], 400) > 700, "two gaps of 400 steps");
    // One freezes for 10 s: the next begins 4 s, which are 80 steps, after its last renewal.
    let led = play(&[(0, Luck::Line(0)), (0, Luck::Frozen(200)), (0, Luck::Line(0))], 400);
    assert!((1500..1560).contains(&led), "{led} of 1600 steps");
}
