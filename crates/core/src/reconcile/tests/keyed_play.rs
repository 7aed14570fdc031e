//! A small world that plays with machines about one key each. What they write takes its time, is refused or is done without an answer, and
//! caches show it late.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::objects::{Objects, as_dynamic};
use crate::model::Region;
use crate::reconcile::{
    Answer, Effect, Flags, Input, KeyedMachine, News, NotTaken, Notice, Now, OtherRead, Read, Shared, StatusField,
    Surroundings, Write,
};
use crate::status::RefusalKind;

/// What is read or written, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    ReadService,
    NewBinding,
    OwnBinding,
    Mark,
    Deletion,
    Condition,
    ReadConfig,
    NewConfig,
    Config,
    AskStatus,
    ConfigStatus,
    Gate,
}

impl Deed {
    pub(super) const ALL: [Self; 12] = [
        Self::ReadService,
        Self::NewBinding,
        Self::OwnBinding,
        Self::Mark,
        Self::Deletion,
        Self::Condition,
        Self::ReadConfig,
        Self::NewConfig,
        Self::Config,
        Self::AskStatus,
        Self::ConfigStatus,
        Self::Gate,
    ];

    /// What comes back, if something does.
    fn of(effect: &Effect) -> Option<Self> {
        Some(match effect {
            Effect::Read(_, Read::Other(OtherRead::Service(_))) => Self::ReadService,
            Effect::Write(_, Write::NewBinding(_)) => Self::NewBinding,
            Effect::Write(_, Write::OwnBinding { .. }) => Self::OwnBinding,
            Effect::Write(_, Write::Mark { .. }) => Self::Mark,
            Effect::Write(_, Write::Deletion { .. }) => Self::Deletion,
            Effect::Write(_, Write::ServiceConditions { .. }) => Self::Condition,
            Effect::Read(_, Read::Other(OtherRead::Config(_))) => Self::ReadConfig,
            Effect::Write(_, Write::NewConfig { .. }) => Self::NewConfig,
            Effect::Write(_, Write::Config { .. }) => Self::Config,
            Effect::Read(_, Read::Other(OtherRead::StatusField)) => Self::AskStatus,
            Effect::Write(_, Write::ConfigStatus { .. }) => Self::ConfigStatus,
            Effect::Write(_, Write::Gate { .. }) => Self::Gate,
            Effect::WakeAt(_) | Effect::Tell(_) | Effect::Log(_) => return None,
            other => unreachable!("{other:?} is for another machine"),
        })
    }
}

/// What becomes of a write. A read that is refused gives the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is not done.
    Refused(RefusalKind),
    /// It is done, and nobody hears of it.
    ReplyLost,
}

impl Fate {
    pub(super) const ALL: [Self; 4] = [
        Self::Refused(RefusalKind::Lasting),
        Self::Refused(RefusalKind::Passing),
        Self::Refused(RefusalKind::Outdated),
        Self::ReplyLost,
    ];
}

/// When a machine is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// Before the effect has happened, which it never does.
    Before,
    /// After it.
    After,
    /// Before it, and it happens 20 s later, into the work of the next one.
    Late,
}

impl Crash {
    pub(super) const ALL: [Self; 3] = [Self::Before, Self::After, Self::Late];
}

const WORDS: &str = "a policy of the test";

/// A machine in a small world.
pub(super) struct KeyedPlay<M: KeyedMachine> {
    key: M::Key,
    machine: Option<M>,
    /// What there is.
    pub(super) objects: Objects,
    /// What caches show.
    sight: Objects,
    /// What they will show, and when.
    sights: VecDeque<(Duration, Objects)>,
    /// How long caches take.
    pub(super) lag: Duration,
    shared: Shared,
    flags: Flags,
    pub(super) at: Duration,
    pub(super) wall: Timestamp,
    wakes: Option<Duration>,
    /// What is under way, with the time at which it happens, and whether anybody waits for it.
    under_way: Vec<(Duration, Effect, bool)>,
    /// How long each takes.
    pub(super) takes: BTreeMap<Deed, Duration>,
    pub(super) fates: BTreeMap<Deed, Fate>,
    pub(super) status_field: StatusField,
    /// What was made to happen, with the time.
    pub(super) log: Vec<(Duration, Deed)>,
    pub(super) told: Vec<Notice>,
    /// After so many effects the machine is lost.
    pub(super) crash: Option<(usize, Crash)>,
}

impl<M: KeyedMachine> KeyedPlay<M> {
    pub(super) fn new(key: M::Key, objects: Objects) -> Self {
        let flags = Flags { region: Region::new("ap-guangzhou"), resync: Duration::from_secs(60), vpc_id: None };
        let at = Duration::from_secs(1_000);
        Self {
            key,
            machine: None,
            sight: objects.clone(),
            sights: VecDeque::from([(at, objects.clone())]),
            objects,
            lag: Duration::from_millis(20),
            shared: Shared::default(),
            flags,
            at,
            wall: Timestamp::from_second(1_800_000_000).unwrap(),
            wakes: None,
            under_way: Vec::new(),
            takes: BTreeMap::new(),
            fates: BTreeMap::new(),
            status_field: StatusField::There,
            log: Vec::new(),
            told: Vec::new(),
            crash: None,
        }
    }

    /// Everything takes this long.
    pub(super) fn slow(&mut self, takes: Duration) {
        self.takes = Deed::ALL.into_iter().map(|deed| (deed, takes)).collect();
    }

    pub(super) fn count(&self, deed: Deed) -> usize {
        self.log.iter().filter(|(_, found)| *found == deed).count()
    }

    /// There is no machine: it rests and remembers nothing.
    pub(super) fn is_gone(&self) -> bool {
        self.machine.is_none()
    }

    /// Somebody changes something.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Objects)) {
        change(&mut self.objects);
        self.seen_later();
    }

    /// What there is now is seen when caches have it.
    fn seen_later(&mut self) {
        self.sights.push_back((self.at + self.lag, self.objects.clone()));
    }

    /// Something has happened that the machine is told of, although it concerns nothing that it has.
    pub(super) fn news(&mut self) {
        self.step(Input::News(News::Input));
    }

    fn step(&mut self, input: Input) {
        let machine = self.machine.get_or_insert_with(|| M::new(self.key.clone()));
        let now = Now { wall: self.wall, at: self.at };
        let surroundings = Surroundings { caches: &self.sight, shared: &self.shared, flags: &self.flags, now };
        let effects = machine.step(&surroundings, input);
        for effect in effects {
            match effect {
                Effect::WakeAt(at) => self.wakes = at,
                Effect::Tell(notice) => self.told.push(notice),
                effect => {
                    if let Some(deed) = Deed::of(&effect) {
                        let takes = self.takes.get(&deed).copied().unwrap_or(Duration::from_millis(5));
                        self.under_way.push((self.at + takes, effect, true));
                    }
                }
            }
        }
        // As the edge does it.
        if self.machine.as_ref().is_some_and(M::is_idle) {
            assert!(!self.under_way.iter().any(|(.., is_awaited)| *is_awaited), "it waits for what is under way");
            (self.machine, self.wakes) = (None, None);
        }
    }

    /// Time goes on to whatever comes next, up to `until`. Returns false when nothing more comes before.
    fn go_on(&mut self, until: Duration) -> bool {
        let next = self.under_way.iter().enumerate().min_by_key(|(place, (at, ..))| (*at, *place));
        let next = next.map(|(place, (at, ..))| (*at, place));
        let sight = self.sights.front().map(|(at, _)| *at);
        let Some(time) = next.map(|(at, _)| at).into_iter().chain(sight).chain(self.wakes).min() else {
            assert!(self.machine.is_none(), "nothing is under way, and nothing wakes the machine");
            self.pass(until);
            return false;
        };
        if time > until {
            self.pass(until);
            return false;
        }
        self.pass(time.max(self.at));
        if sight == Some(time) {
            self.sight = self.sights.pop_front().unwrap().1;
            self.news();
        } else if let Some((at, place)) = next
            && at == time
        {
            let (_, effect, is_awaited) = self.under_way.remove(place);
            self.happen(effect, is_awaited);
        } else {
            self.wakes = None;
            self.step(Input::Due);
        }
        true
    }

    /// Plays for so long.
    pub(super) fn play(&mut self, time: Duration) {
        let until = self.at + time;
        for _ in 0..20_000 {
            if !self.go_on(until) {
                return;
            }
        }
        panic!("no end of effects within {time:?}");
    }

    fn pass(&mut self, to: Duration) {
        self.wall += jiff::SignedDuration::try_from(to.saturating_sub(self.at)).unwrap();
        self.at = to;
    }

    /// Makes an effect happen, and brings what came of it.
    fn happen(&mut self, effect: Effect, is_awaited: bool) {
        let deed = Deed::of(&effect).unwrap();
        if !is_awaited {
            self.perform(deed, effect);
            return;
        }
        self.log.push((self.at, deed));
        let crash = self.crash.filter(|(after, _)| self.log.len() > *after).map(|(_, crash)| crash);
        if let Some(crash) = crash {
            match crash {
                Crash::Before => {}
                Crash::After => _ = self.perform(deed, effect),
                Crash::Late => self.under_way.push((self.at + Duration::from_secs(20), effect, false)),
            }
            return self.begin_anew();
        }
        let input = self.perform(deed, effect);
        self.step(input);
    }

    /// Everything that is not in Kubernetes is lost, and so is whatever was under way. The next one looks at everything.
    pub(super) fn begin_anew(&mut self) {
        (self.crash, self.machine, self.wakes) = (None, None, None);
        self.shared = Shared::default();
        self.under_way.retain(|(.., is_awaited)| !is_awaited);
        self.seen_later();
    }

    fn perform(&mut self, deed: Deed, effect: Effect) -> Input {
        let fate = self.fates.get(&deed).copied();
        let not_taken = |kind| NotTaken { kind, words: WORDS.to_owned() };
        match effect {
            Effect::Read(ticket, Read::Other(OtherRead::Config(key))) => {
                let found = match fate {
                    Some(Fate::Refused(kind)) => Err(not_taken(kind)),
                    Some(Fate::ReplyLost) => Err(not_taken(RefusalKind::Passing)),
                    None => Ok(self.objects.configs.get(&key.name).map(|config| Box::new(as_dynamic(config)))),
                };
                Input::Answer(ticket, Answer::Config(found))
            }
            Effect::Read(ticket, Read::Other(OtherRead::Service(key))) => {
                let found = match fate {
                    Some(Fate::Refused(kind)) => Err(not_taken(kind)),
                    Some(Fate::ReplyLost) => Err(not_taken(RefusalKind::Passing)),
                    None => Ok(self.objects.services.get(&key.name).cloned().map(Box::new)),
                };
                Input::Answer(ticket, Answer::Service(found))
            }
            Effect::Read(ticket, _) => Input::Answer(ticket, Answer::StatusField(self.status_field)),
            Effect::Write(ticket, write) => {
                let result = match fate {
                    Some(Fate::Refused(kind)) => Err(not_taken(kind)),
                    fate => {
                        let before = self.objects.shown();
                        let result = self.objects.write(write);
                        // The API server tells nobody of a write that changes nothing.
                        if self.objects.shown() != before {
                            self.seen_later();
                        }
                        if fate == Some(Fate::ReplyLost) { Err(not_taken(RefusalKind::Passing)) } else { result }
                    }
                };
                Input::Written(ticket, result)
            }
            other => unreachable!("nothing comes back from {other:?}"),
        }
    }
}
