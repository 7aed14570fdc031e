//! A machine that panics rests, and begins anew; nobody else notices.

use std::time::Duration;

use super::play::Play;
use crate::model::ObjectKey;
use crate::plan::tests::acts::web;
use crate::reconcile::confined::Confined;
use crate::reconcile::effect::{Answer, Effect, Input, Line, News, OtherRead, Read, StatusField, Ticket};
use crate::reconcile::{KeyedMachine, Surroundings};

const SECOND: Duration = Duration::from_secs(1);

/// Reads at its first step, and panics at its second one.
struct Faulty {
    steps: u64,
    heard: Vec<Ticket>,
}

impl KeyedMachine for Faulty {
    type Key = ObjectKey;

    fn new(_key: ObjectKey) -> Self {
        Self { steps: 0, heard: Vec::new() }
    }

    fn step(&mut self, _surroundings: &Surroundings<'_>, input: Input) -> Vec<Effect> {
        self.steps += 1;
        assert!(self.steps != 2, "the second step");
        if let Input::Answer(ticket, _) = input {
            self.heard.push(ticket);
        }
        vec![Effect::Read(Ticket(self.steps), Read::Other(OtherRead::StatusField))]
    }

    fn is_idle(&self) -> bool {
        false
    }
}

#[test]
fn a_machine_that_panics_rests_and_begins_anew_when_what_was_under_way_has_come() {
    for answers_first in [false, true] {
        let mut play = Play::new(web(&serde_json::json!({"listeners": []}), 1));
        let mut machine = Confined::<Faulty>::new(ObjectKey::new("default", "web"));
        let step = |play: &Play, machine: &mut Confined<Faulty>, input| play.with(|now| machine.step(now, input));
        let news = || Input::News(News::Input);
        let answer = || Input::Answer(Ticket(1), Answer::StatusField(StatusField::There));
        assert_eq!(step(&play, &mut machine, news()).len(), 1);
        let effects = step(&play, &mut machine, news());
        let until = match &effects[..] {
            [Effect::Log(Line::Panicked { key, words }), Effect::WakeAt(Some(until))] => {
                assert_eq!((&**key, &**words), ("default/web", "the second step"));
                *until
            }
            other => panic!("{other:?}"),
        };
        assert!(!machine.is_idle());
        assert!(step(&play, &mut machine, news()).is_empty(), "it rests, whatever comes");
        if answers_first {
            assert!(step(&play, &mut machine, answer()).is_empty(), "nobody knows what it meant");
        }
        play.at = until - SECOND;
        assert!(step(&play, &mut machine, Input::Due).is_empty());
        play.at = until;
        let effects = step(&play, &mut machine, Input::Due);
        assert_eq!(effects.len(), usize::from(answers_first), "{effects:?}");
        if !answers_first {
            play.at = until + SECOND;
            assert_eq!(step(&play, &mut machine, answer()).len(), 1, "it begins");
        }
    }
}
