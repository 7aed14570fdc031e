//! Taking away what a run has made, until there is proof that nothing of it is left.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::caller::{Caller, Refused};
use super::journal::Journal;
use super::leftovers::{Leftovers, Scope, find};
use super::pace::pause;
use super::state::{Creation, Kind, Proof, Status};
use crate::model::Class;

/// Listeners in one deletion.
const MOST_DELETIONS: usize = 20;

/// Why it is not all over.
#[derive(Debug)]
pub(super) enum Unfinished {
    /// The state file cannot be written.
    State(io::Error),
    /// The cloud does not let it be read or taken away, in its words.
    Refused(String),
    /// It is still shown, or still asked for.
    Waiting,
}

impl From<io::Error> for Unfinished {
    fn from(error: io::Error) -> Self {
        Self::State(error)
    }
}

/// Takes away what a run has made.
pub(super) struct Cleaning<'a> {
    pub(super) caller: &'a mut Caller,
    pub(super) journal: &'a mut Journal,
    /// What turns up with the tag or name of the run is taken away, too.
    pub(super) adopts: bool,
    /// Since when reads have not shown what has these ids, or these numbers of creations.
    unseen: BTreeMap<String, Instant>,
    /// What was not there, as a refusal of its deletion says.
    absent: BTreeSet<String>,
    /// When the last read was sent that could be read.
    looked: Option<Instant>,
    /// Since when reads have shown nothing of the run at all.
    empty: Option<Instant>,
    /// What has gone.
    gone: Vec<String>,
}

impl<'a> Cleaning<'a> {
    pub(super) const fn new(caller: &'a mut Caller, journal: &'a mut Journal, adopts: bool) -> Self {
        Self {
            caller,
            journal,
            adopts,
            unseen: BTreeMap::new(),
            absent: BTreeSet::new(),
            looked: None,
            empty: None,
            gone: Vec::new(),
        }
    }

    /// Until all of it has gone: brings a line for each id.
    ///
    /// # Errors
    /// When something may be left: the journal says what.
    pub(super) async fn run(mut self) -> Result<Vec<String>, Unfinished> {
        let began = Instant::now();
        let times = self.caller.times;
        self.journal.goes_on_unwritten();
        let mut refused = None;
        loop {
            if self.journal.state().creations.is_empty() {
                return Ok(self.gone);
            }
            let round = self.round().await?;
            if self.journal.state().is_over() && self.is_quiet() {
                return Ok(self.gone);
            }
            if let Some(Refused { class, words }) = round {
                if refused.is_none() {
                    let longest = times.longest_wait.as_secs();
                    self.caller
                        .say(&format!("{words}. It is tried for {longest} s. This may be left:\n{}", self.words()));
                }
                if is_final(class) {
                    return Err(Unfinished::Refused(words));
                }
                refused = Some(words);
            }
            let is_idle = self.is_idle();
            let is_late = refused.is_none() && is_idle && self.is_looked_twice() && !self.is_soon_settled();
            if is_late || began.elapsed() > times.longest_wait {
                return Err(refused.map_or(Unfinished::Waiting, Unfinished::Refused));
            }
            // Where there is nothing to take away any more, reads need not be many.
            let patience = if is_idle { times.reads_apart / 10 } else { times.between_looks };
            pause(patience.max(times.between_looks)).await;
        }
    }

    /// Nothing that reads can show is left to be taken away.
    fn is_idle(&self) -> bool {
        let state = self.journal.state();
        let looked_for = state.open().filter(|one| one.is_looked_for(&state.origin));
        let is_absent = |ids: &[String]| ids.iter().all(|id| self.absent.contains(id));
        looked_for.map(|one| &one.status).all(|status| !matches!(status, Status::Made(ids) if !is_absent(ids)))
    }

    /// Two reads some time apart have shown nothing of the run, when all had its time: also nothing that a copy of a call has made.
    fn is_quiet(&self) -> bool {
        let is_settled = self.journal.settled_at(&self.caller.times).is_none_or(|at| at <= Timestamp::now());
        !self.adopts || (is_settled && self.empty.is_some_and(|since| self.is_long_since(since)))
    }

    /// The last read came so long after this one that both together say something.
    fn is_long_since(&self, since: Instant) -> bool {
        self.looked.is_some_and(|looked| looked.duration_since(since) >= self.caller.times.reads_apart)
    }

    /// Two reads some time apart have not shown what is missing.
    fn is_looked_twice(&self) -> bool {
        match self.journal.state().is_over() {
            true => self.empty.is_some_and(|since| self.is_long_since(since)),
            false => !self.unseen.is_empty() && self.unseen.values().all(|since| self.is_long_since(*since)),
        }
    }

    /// What was asked for has had its time within the time that anything is waited for.
    fn is_soon_settled(&self) -> bool {
        let longest = SignedDuration::try_from(self.caller.times.longest_wait).unwrap_or(SignedDuration::MAX);
        let settled_at = self.journal.settled_at(&self.caller.times);
        settled_at.is_some_and(|at| at.duration_since(Timestamp::now()) <= longest)
    }

    fn words(&self) -> String {
        self.journal.state().words()
    }

    /// Looks once, and asks for the removal of what is there. Brings the first refusal.
    async fn round(&mut self) -> io::Result<Option<Refused>> {
        let state = self.journal.state();
        let known = [state.made(Kind::LoadBalancer), state.made(Kind::Listener)].concat();
        let origin = state.origin.clone();
        let run = Some(origin.run.as_str()).filter(|_| self.adopts);
        let scope = Scope { run, given: origin.load_balancer.as_deref(), known: &known };
        let looked = Instant::now();
        let shown = match find(self.caller, scope).await {
            Ok(shown) => shown,
            // What is known by its id can be taken away without a look.
            Err(refused) => return Ok(self.remove(None).await?.or(Some(refused))),
        };
        if self.adopts {
            for (kind, rows) in [(Kind::LoadBalancer, &shown.load_balancers), (Kind::Listener, &shown.listeners)] {
                rows.iter().try_for_each(|(id, name)| self.journal.shown(kind, (id, name)))?;
            }
        }
        for (kind, rows) in [(Kind::LoadBalancer, &shown.load_balancers), (Kind::Listener, &shown.listeners)] {
            self.journal.read(kind, &rows.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>());
        }
        self.empty = if shown.is_empty() { self.empty.or(Some(looked)) } else { None };
        let refused = self.remove(Some(&shown)).await?;
        self.note_unseen(&shown, looked)?;
        Ok(refused)
    }

    /// What two reads some time apart do not show is gone when its deletion was refused, since it is not there; so is what was asked for and
    /// refused, and what was not answered, when it has had its time.
    fn note_unseen(&mut self, shown: &Leftovers, looked: Instant) -> io::Result<()> {
        let (apart, times) = (self.caller.times.reads_apart, self.caller.times);
        let mut unseen = BTreeMap::new();
        self.looked = Some(looked);
        let mut is_over = |key: String| {
            let since = self.unseen.get(&key).copied().unwrap_or(looked);
            unseen.insert(key, since);
            looked.duration_since(since) >= apart && looked > since
        };
        let mut gone = Vec::new();
        let mut never: Vec<Creation> = Vec::new();
        let origin = &self.journal.state().origin;
        for one in self.journal.state().open().filter(|one| one.is_looked_for(origin)) {
            let had_time = Timestamp::now().duration_since(one.asked_at) >= self.journal.settled(one.kind, &times);
            match &one.status {
                Status::Made(ids) => {
                    let hidden = ids.iter().filter(|id| !shown.has(id));
                    let hidden = hidden.filter(|id| is_over((*id).clone()) && self.absent.contains(*id) && had_time);
                    gone.extend(hidden.cloned());
                }
                Status::Refused(code) => {
                    if is_over(one.number.to_string()) && had_time {
                        never.push(Creation { status: Status::Gone(Proof::Refused(code.clone())), ..one.clone() });
                    }
                }
                Status::Asked => {
                    if is_over(one.number.to_string()) && had_time {
                        never.push(Creation { status: Status::Gone(Proof::NeverShown), ..one.clone() });
                    }
                }
                Status::Gone(_) => {}
            }
        }
        self.unseen = unseen;
        gone.iter().try_for_each(|id| self.journal.gone(id, &Proof::NotThere))?;
        self.gone.extend(gone.iter().map(|id| format!("{id}, which was gone already")));
        never.into_iter().try_for_each(|creation| self.journal.set(creation))
    }

    /// Asks once for the removal of each, and waits for its task. What is locked stays for the next round.
    async fn remove(&mut self, shown: Option<&Leftovers>) -> io::Result<Option<Refused>> {
        let mut refused = None;
        for id in self.journal.state().made(Kind::LoadBalancer) {
            let request = json!({"LoadBalancerIds": [id]});
            refused = refused.or(self.delete("DeleteLoadBalancer", &request, &[id]).await?);
        }
        let Some(given) = self.journal.state().origin.load_balancer.clone() else { return Ok(refused) };
        // An id that nothing has would stop the deletion of the others.
        let made = self.journal.state().made(Kind::Listener);
        let (shown, hidden): (Vec<_>, Vec<_>) =
            made.into_iter().partition(|id| shown.is_some_and(|shown| shown.has(id)));
        for ids in shown.chunks(MOST_DELETIONS).chain(hidden.chunks(1)) {
            // A chunk is never empty: without ids, all listeners would go.
            let request = json!({"LoadBalancerId": given, "ListenerIds": ids});
            refused = refused.or(self.delete("DeleteLoadBalancerListeners", &request, ids).await?);
        }
        Ok(refused)
    }

    async fn delete(&mut self, action: &'static str, request: &Value, ids: &[String]) -> io::Result<Option<Refused>> {
        match self.caller.ask(action, request).await {
            Ok(reply) => {
                if self.is_done(&reply).await {
                    ids.iter().try_for_each(|id| self.journal.gone(id, &Proof::Deleted))?;
                    self.gone.extend(ids.iter().cloned());
                }
                Ok(None)
            }
            // What is not found is read again.
            Err(Refused { class: Some(Class::NotFound), .. }) => {
                if let [id] = ids {
                    self.absent.insert(id.clone());
                }
                Ok(None)
            }
            Err(Refused { class: Some(Class::Busy), .. }) => Ok(None),
            Err(refused) => Ok(Some(refused)),
        }
    }

    /// Waits for the end of a deletion, and whether it ended well.
    async fn is_done(&mut self, reply: &Value) -> bool {
        let Some(task) = reply["RequestId"].as_str() else { return false };
        let began = Instant::now();
        while began.elapsed() < self.caller.times.longest_wait {
            match self.caller.ask("DescribeTaskStatus", &json!({"TaskId": task})).await {
                Ok(status) if status["Status"] == 2 => pause(self.caller.times.between_looks).await,
                Ok(status) => return status["Status"] == 0,
                Err(_) => return false,
            }
        }
        false
    }
}

/// Asking again does not help.
const fn is_final(class: Option<Class>) -> bool {
    matches!(class, Some(Class::Denied | Class::Arrears | Class::Invalid))
}
