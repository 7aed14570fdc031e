//! The loop of one load balancer as a state machine: what it takes in, what it has done for it, and what it waits for.
//!
//! A round secures the bindings, asks after the task of an earlier round, reads, decides, submits, applies and reports, in this order. It waits for
//! nothing that it writes to Kubernetes but for finalizers, and for those only for a moment.
//! Between rounds the machine rests until something changes, an answer comes late, or it is time to look again.

mod round;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, Input, News, NotTaken, Taken, Ticket};
use super::gathering::{Gathered, Gathering, Reading};
use super::memory::Memory;
use super::notices::hear_hold;
use super::reporting::{HeldBack, Writing};
use super::surroundings::{At, Surroundings};
use super::tempo::Tempo;
use super::tickets::Tickets;
use super::{Execution, Key};
use crate::api::DirectAccessBinding;
use crate::plan::Plan;

/// Changes that come close together make one round: a rollout changes many Pods at once, and calls are dear.
const GATHER_WINDOW: Duration = Duration::from_millis(50);

/// The loop of one load balancer. [`step`](Self::step) takes in what has happened and says what is to be done; nothing else changes it.
#[derive(Debug)]
pub struct Machine {
    key: Key,
    memory: Memory,
    tickets: Tickets,
    tempo: Tempo,
    stage: Stage,
    /// How many rounds have begun.
    rounds: u64,
    /// When the round that runs has begun.
    begun: Duration,
    /// What has changed since the round that runs has begun.
    news: Option<News>,
    /// When it was last asked to be woken.
    wakes: Option<Duration>,
}

/// Where the machine is.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a machine is at one, and moves it a few times in a round")]
enum Stage {
    /// Nothing is to be done before this time, unless something changes or comes.
    Resting(Duration),
    /// A round begins at this time, with all that comes until then.
    Collecting(Duration),
    /// First finalizers are being written.
    Securing(Securing),
    /// The cloud is asked how the task of an earlier round fares.
    Asking(Round),
    /// Something is being read.
    Gathering(Round, Gathering),
    /// Second finalizers are being written.
    Submitting(Round, Submitting),
    /// Calls are being made.
    Applying(Round, Applying),
    /// Nothing is bound to the load balancer any more.
    Over,
}

/// What a round knows from its beginning.
#[derive(Debug, Default)]
struct Round {
    bindings: Vec<Arc<DirectAccessBinding>>,
    held_back: HeldBack,
    /// How long until the task of an earlier round is asked after again, while it runs.
    busy: Option<Duration>,
}

#[derive(Debug)]
struct Securing {
    round: Round,
    /// What is waited for, until this time.
    pending: BTreeMap<Ticket, Arc<DirectAccessBinding>>,
    until: Duration,
}

/// What a round has seen, and what it is to do.
#[derive(Debug)]
struct Decided {
    gathered: Gathered,
    plan: Plan,
}

#[derive(Debug)]
struct Submitting {
    decided: Decided,
    /// What is waited for, until this time.
    pending: BTreeMap<Ticket, Arc<DirectAccessBinding>>,
    until: Duration,
    refused: HeldBack,
}

#[derive(Debug)]
struct Applying {
    decided: Decided,
    execution: Execution,
    /// Whether the cloud has been called and has not replied.
    call: Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    None,
    UnderWay,
}

impl Machine {
    /// One that has not begun.
    pub fn new(key: Key) -> Self {
        Self {
            key,
            memory: Memory::default(),
            tickets: Tickets::default(),
            tempo: Tempo::default(),
            stage: Stage::Collecting(Duration::ZERO),
            rounds: 0,
            begun: Duration::ZERO,
            news: None,
            wakes: None,
        }
    }

    /// What it is about.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// It has begun to write in this round, and finishes what it has begun. Otherwise it may be dropped without losing anything but reads.
    pub const fn is_writing(&self) -> bool {
        matches!(self.stage, Stage::Applying(..))
    }

    /// Nothing is bound to the load balancer any more.
    pub const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Takes in what has happened. Returns what is to be done, in this order.
    pub fn step(&mut self, surroundings: &Surroundings<'_>, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        out.extend(hear_hold(surroundings).into_iter().flatten());
        let mut at = At { surroundings, out: &mut out };
        self.take_in(&mut at, input);
        self.go_on(&mut at);
        self.memory.reads.drop_forgotten(&mut out);
        let wakes = self.wakes_at();
        if wakes != self.wakes {
            self.wakes = wakes;
            out.push(Effect::WakeAt(wakes));
        }
        out
    }

    /// When it goes on by time alone.
    fn wakes_at(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Resting(due) | Stage::Collecting(due) => Some(*due),
            Stage::Gathering(_, gathering) => gathering.deadline(&self.memory),
            Stage::Securing(securing) => Some(securing.until),
            Stage::Submitting(_, submitting) => Some(submitting.until),
            Stage::Asking(_) | Stage::Applying(..) | Stage::Over => None,
        }
    }
}

impl Machine {
    /// Puts what has happened where it belongs.
    fn take_in(&mut self, at: &mut At<'_, '_>, input: Input) {
        match input {
            Input::News(news) => self.hear(news, at.at()),
            // Where it waits for a time, it looks at the clock.
            Input::Due => {}
            Input::Answer(ticket, answer) => self.memory.reads.take_in(ticket, answer, at.at()),
            Input::Replied(reply) => {
                if let Stage::Applying(_, applying) = &mut self.stage {
                    applying.call = Call::None;
                    applying.execution.reply(reply, &mut self.memory.refusals, at.at());
                }
            }
            Input::Written(ticket, result) => self.written(at, ticket, &result),
        }
    }

    fn hear(&mut self, news: News, at: Duration) {
        match self.stage {
            Stage::Resting(_) => {
                let pause = self.tempo.pause(at).max(GATHER_WINDOW).max(self.memory.wake(news, at));
                self.stage = Stage::Collecting(at + pause);
            }
            // What comes in meanwhile is seen by this round and needs none of its own.
            Stage::Collecting(_) => {
                self.memory.wake(news, at);
            }
            _ => self.news = self.news.max(Some(news)),
        }
    }

    fn written(&mut self, at: &mut At<'_, '_>, ticket: Ticket, result: &Result<Taken, NotTaken>) {
        let secured = self.writing(at).written(ticket, result);
        let pending = match &mut self.stage {
            Stage::Securing(Securing { pending, .. }) | Stage::Submitting(_, Submitting { pending, .. }) => {
                pending.remove(&ticket)
            }
            _ => None,
        };
        match (&mut self.stage, pending, secured) {
            (Stage::Securing(Securing { round, .. }), Some(_), Some(secured)) => round.bindings.push(secured),
            (Stage::Securing(Securing { round, .. }), Some(binding), None) => round.held_back.push(binding),
            (Stage::Submitting(_, Submitting { refused, .. }), Some(binding), None) => refused.push(binding),
            // It came too late for its round.
            (_, None, Some(_)) => self.memory.outbox.tell(),
            _ => {}
        }
    }

    /// Goes from stage to stage, as far as there is nothing to wait for.
    fn go_on(&mut self, at: &mut At<'_, '_>) {
        loop {
            let stage = std::mem::replace(&mut self.stage, Stage::Over);
            let (next, goes_on) = self.next(at, stage);
            self.stage = next;
            if !goes_on {
                return;
            }
        }
    }

    /// The next stage, and whether there may be another one after it at once.
    fn next(&mut self, at: &mut At<'_, '_>, stage: Stage) -> (Stage, bool) {
        let now = at.at();
        match stage {
            Stage::Resting(due) if now >= due || self.memory.has_news() => {
                (Stage::Collecting(now + self.tempo.pause(now)), true)
            }
            Stage::Collecting(due) if now >= due => (self.begin(at), true),
            Stage::Securing(Securing { mut round, pending, until }) if pending.is_empty() || now >= until => {
                // What comes later is for the next round.
                round.held_back.extend(pending.into_values());
                (self.ask(at, round), true)
            }
            Stage::Asking(round) => match self.memory.reads.task.take() {
                Some((fares, _)) => {
                    let (busy, line) = self.memory.hear_of_task(fares, now);
                    at.out.extend(line.map(Effect::Log));
                    (self.gather(at, Round { busy, ..round }), true)
                }
                None => (Stage::Asking(round), false),
            },
            Stage::Gathering(round, mut gathering) => match gathering.advance(&mut self.reading(at)) {
                Some(cloud) => (self.decide(at, round, gathering, cloud), true),
                None => (Stage::Gathering(round, gathering), false),
            },
            Stage::Submitting(round, submitting) if submitting.pending.is_empty() || now >= submitting.until => {
                (self.submitted(at, round, submitting), true)
            }
            Stage::Applying(round, mut applying) if applying.call == Call::None => match applying.execution.next_call()
            {
                Some(step) => {
                    at.out.push(Effect::Call(step));
                    applying.call = Call::UnderWay;
                    (Stage::Applying(round, applying), false)
                }
                None => {
                    let outcome = applying.execution.finish(&mut self.memory.refusals);
                    (self.applied(at, round, applying.decided, &outcome), true)
                }
            },
            waiting => (waiting, false),
        }
    }

    fn reading<'a>(&'a mut self, at: &'a mut At<'_, '_>) -> Reading<'a> {
        let since = at.at();
        Reading { memory: &mut self.memory, tickets: &mut self.tickets, out: at.out, at: since }
    }

    fn writing<'a>(&'a mut self, at: &'a mut At<'_, '_>) -> Writing<'a> {
        Writing { memory: &mut self.memory, surroundings: at.surroundings, tickets: &mut self.tickets, out: at.out }
    }
}
