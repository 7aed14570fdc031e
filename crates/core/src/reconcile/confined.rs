//! A fault of ours in the machine of one key is that key's alone.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::effect::{Effect, Input, Line, News, Ticket};
use super::keyed::KeyedMachine;
use super::surroundings::Surroundings;
use crate::plan::panic_words;

/// How long one that has panicked rests before it begins from nothing.
const REST: Duration = Duration::from_secs(10);

/// A machine that rests for a while when it has panicked, and then begins from nothing.
#[derive(Debug)]
pub struct Confined<M: KeyedMachine> {
    key: M::Key,
    machine: M,
    /// Reads and writes that are under way.
    pending: BTreeSet<Ticket>,
    /// Until when it rests. It also waits for what was under way, whose answers would be taken for others.
    rests: Option<Duration>,
}

impl<M: KeyedMachine> Confined<M> {
    fn run(&mut self, surroundings: &Surroundings<'_>, input: Input) -> Vec<Effect> {
        // Nothing of the machine outlasts a panic, and what it shares with others may be forgotten at any time.
        let effects = match catch_unwind(AssertUnwindSafe(|| self.machine.step(surroundings, input))) {
            Ok(effects) => effects,
            Err(panic) => {
                self.machine = M::new(self.key.clone());
                let until = surroundings.now.at + REST;
                self.rests = Some(until);
                let line = Line::Panicked { key: self.key.to_string(), words: panic_words(&*panic) };
                vec![Effect::Log(line), Effect::WakeAt(Some(until))]
            }
        };
        self.pending.extend(effects.iter().filter_map(|effect| match effect {
            Effect::Read(ticket, _) | Effect::Write(ticket, _) => Some(*ticket),
            _ => None,
        }));
        effects
    }
}

impl<M: KeyedMachine> KeyedMachine for Confined<M> {
    type Key = M::Key;

    fn new(key: M::Key) -> Self {
        Self { machine: M::new(key.clone()), key, pending: BTreeSet::new(), rests: None }
    }

    fn step(&mut self, surroundings: &Surroundings<'_>, input: Input) -> Vec<Effect> {
        if let Input::Answer(ticket, _) | Input::Written(ticket, _) = &input {
            self.pending.remove(ticket);
        }
        match self.rests {
            None => self.run(surroundings, input),
            Some(until) if surroundings.now.at >= until && self.pending.is_empty() => {
                self.rests = None;
                self.run(surroundings, Input::News(News::Input))
            }
            Some(_) => Vec::new(),
        }
    }

    fn is_idle(&self) -> bool {
        self.rests.is_none() && self.machine.is_idle()
    }
}
