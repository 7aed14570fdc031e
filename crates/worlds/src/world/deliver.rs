//! What is under way between replicas, the API server and the cloud.

use std::sync::Arc;
use std::time::Duration;

use tke_direct_access::clb::{Settings, Unanswered};
use tke_direct_access::k8s;
use tke_direct_access_core::model::{self, ObjectKey, Region};
use tke_direct_access_core::plan::{DefinitionSight, DepartureSight, ServiceSight};
use tke_direct_access_core::reconcile::{Answer, Input, NotTaken, OtherRead, StatusField, Ticket, Write};
use tke_direct_access_core::status::RefusalKind;

use super::look::is_write;
use super::{Address, Happening, Mood, World};
use crate::cloud::Sent;
use crate::objects::{KINDS, NAMESPACE};
use crate::replica::{Owner, Pulse, REGION, Replica, STATUS_FIELD, Wish, moment};

/// How long the API server takes to answer at most.
const ROUND_TRIP: Duration = Duration::from_millis(600);

/// How often a call that waits looks whether it may leave.
const TURN: Duration = Duration::from_millis(20);

/// Why nothing is read.
fn unread() -> NotTaken {
    NotTaken { kind: RefusalKind::Passing, words: "the API server refuses reads".to_owned() }
}

/// Whether the API server has answered something.
const fn is_answer(happening: &Happening) -> bool {
    matches!(
        happening,
        Happening::List { .. }
            | Happening::Written { .. }
            | Happening::Read { .. }
            | Happening::ReadServices { .. }
            | Happening::LeasePut { .. }
            | Happening::LeaseRead { .. }
    )
}

/// Whether it comes from the API server, and is late where that is not reached.
const fn comes_late(happening: &Happening) -> bool {
    matches!(
        happening,
        Happening::Watch { .. }
            | Happening::List { .. }
            | Happening::Read { .. }
            | Happening::ReadServices { .. }
            | Happening::LeaseTold { .. }
            | Happening::Hold { .. }
    )
}

/// How long a replica waits for the reply to a call.
fn deadline(action: &str) -> Duration {
    let settings = Settings::new(Region::new(REGION));
    if is_write(action) { settings.write_deadline } else { settings.read_deadline }
}

impl World {
    /// The process of a replica begins: it lists everything.
    pub(super) fn begin(&mut self, replica: usize) {
        // It has crashed again, for longer.
        if matches!(self.replicas[replica].pulse, Pulse::Down(until) if self.now < until) {
            return;
        }
        let life = self.replicas[replica].life + 1;
        let clock = self.own_clock(replica);
        let reached = std::mem::take(&mut self.replicas[replica].reached);
        self.replicas[replica] = Replica::new(replica, life, clock, self.now);
        self.replicas[replica].reached = reached;
        let to = self.address(replica, None);
        self.show_hold(to);
        self.list(to);
    }

    /// A replica lists everything.
    fn list(&mut self, to: Address) {
        for kind in KINDS {
            // Who hears nothing of a kind hears no list of it either.
            let at = self.now + self.chance.latency("list", Duration::from_millis(50));
            let stalled = self.stalled.get(&(to.replica, kind)).copied().unwrap_or_default();
            self.at(at.max(stalled), Happening::List { to, kind });
        }
    }

    /// Something reaches a replica, if it is still the one for which it is.
    pub(super) fn deliver(&mut self, to: Address, happening: Happening) {
        let replica = &self.replicas[to.replica];
        if replica.life != to.life {
            return;
        }
        match replica.pulse {
            Pulse::Down(_) => return,
            Pulse::Frozen(until) if self.now < until => return self.later(until, happening),
            Pulse::Frozen(_) => self.replicas[to.replica].pulse = Pulse::Running,
            Pulse::Running => {}
        }
        let is_cut_off = self.is_cut_off(to.replica);
        if is_cut_off && comes_late(&happening) {
            let until = self.cut_off.get(&to.replica).copied().unwrap_or_default();
            return self.later(until, happening);
        }
        if is_answer(&happening) && !is_cut_off {
            self.hear_date(to.replica);
        }
        let mut wishes = Vec::new();
        self.heed(to.replica, &mut wishes);
        let leads = self.replicas[to.replica].leading.as_ref().map(|leading| leading.term);
        // What belongs to a leadership that is over is nobody's.
        if to.term.is_none() || to.term == leads {
            self.hand_over(to, happening, &mut wishes);
        }
        self.grant(to.replica, wishes);
    }

    /// The replica does not reach the API server.
    pub(super) fn is_cut_off(&self, replica: usize) -> bool {
        self.cut_off.get(&replica).is_some_and(|until| self.now < *until)
    }

    /// The API server does not answer reads either, or refuses them.
    fn is_silent(&self) -> bool {
        match self.mood {
            Mood::Refuses(status, until) => status != 409 && self.now < until,
            Mood::Forgets(until) => self.now < until,
            Mood::Usual => false,
        }
    }

    /// Each answer of the API server has the date, in whole seconds.
    fn hear_date(&mut self, replica: usize) {
        let (said, received) = (self.objects.time().0, self.now);
        let answer = model::Answer { said, sent: received.saturating_sub(ROUND_TRIP), received };
        self.replicas[replica].time.hear(answer);
    }

    /// The replica sees whether it leads.
    pub(super) fn heed(&mut self, replica: usize, wishes: &mut Vec<Wish>) {
        let wall = self.wall_of(replica);
        self.replicas[replica].heed_election(self.now, wall, wishes);
    }

    fn hand_over(&mut self, to: Address, happening: Happening, wishes: &mut Vec<Wish>) {
        let (now, wall, number) = (self.now, self.wall_of(to.replica), to.replica);
        match happening {
            Happening::Watch { kind, .. } => {
                let replica = &mut self.replicas[number];
                let Some(heard) = replica.heard.get_mut(&kind) else { return };
                let Some(event) = self.objects.told(kind).get(*heard) else { return };
                *heard += 1;
                if let Some(change) = replica.hear(NAMESPACE, kind, event) {
                    replica.take_in(&change, now, wall, wishes);
                }
            }
            Happening::Hold { .. } => self.hear_of_removals(number, wishes),
            Happening::List { kind, .. } => {
                let listed = self.objects.list(kind);
                let told = self.objects.told(kind).len();
                let replica = &mut self.replicas[number];
                replica.heard.insert(kind, told);
                for change in replica.hear_list(NAMESPACE, kind, &listed) {
                    replica.take_in(&change, now, wall, wishes);
                }
                if replica.is_synced() {
                    let to = self.address(number, None);
                    self.by(now, Happening::Elect { to });
                }
            }
            Happening::Reply { job, reply, came, .. } => {
                reply.bring(came);
                self.replicas[number].replied(job, wishes);
            }
            Happening::GoOn { job, .. } => self.replicas[number].go_on(job, wishes),
            Happening::Written { owner, ticket, result, .. } => {
                self.replicas[number].step(&owner, Input::Written(ticket, result), now, wall, wishes);
            }
            Happening::Read { to, owner, ticket, read } => {
                let answer = if self.now < self.unreadable { read.refused(unread()) } else { self.answer(&read) };
                self.checks.watch.show((to.replica, to.life), &read, &answer);
                self.replicas[number].step(&owner, Input::Answer(ticket, answer), now, wall, wishes);
            }
            Happening::ReadServices { owner, ticket, services, .. } => {
                let shown = |key: &ObjectKey| self.objects.services.get(&key.name).map(k8s::service).map(Arc::new);
                let is_readable = self.now >= self.unreadable && !self.is_silent();
                let sight = |key: &ObjectKey| match shown(key) {
                    _ if !is_readable => ServiceSight::Unreadable,
                    Some(shown) => ServiceSight::There(shown),
                    None => ServiceSight::Gone,
                };
                let definition = if is_readable { DefinitionSight::Stays } else { DefinitionSight::Unreadable };
                let services = services.into_iter().map(|key| (key.clone(), sight(&key))).collect();
                let sight = DepartureSight { definition, services };
                let answer = Answer::Definition(sight);
                self.replicas[number].step(&owner, Input::Answer(ticket, answer), now, wall, wishes);
            }
            Happening::Came { owner, input, .. } => self.replicas[number].step(&owner, *input, now, wall, wishes),
            Happening::Wake { owner, .. } => self.replicas[number].step(&owner, Input::Due, now, wall, wishes),
            other => self.hear_of_lease(number, other),
        }
    }

    fn answer(&self, read: &OtherRead) -> Answer {
        match read {
            OtherRead::StatusField => {
                let is_missing = self.objects.definitions.is_vendors;
                Answer::StatusField(if is_missing { StatusField::Missing } else { STATUS_FIELD })
            }
            OtherRead::Service(key) => {
                let found = self.objects.services.get(&key.name);
                Answer::Service(Ok(found.map(|found| Box::new(k8s::service(found)))))
            }
            OtherRead::Config(key) => {
                let found = self.objects.configs.get(&key.name);
                let dynamic = found.map(serde_json::to_value).transpose().and_then(|value| {
                    value
                        .map(|mut value| {
                            value["apiVersion"] = "cloud.tencent.com/v1alpha1".into();
                            value["kind"] = "TkeServiceConfig".into();
                            serde_json::from_value(value)
                        })
                        .transpose()
                });
                let failed =
                    |error: serde_json::Error| NotTaken { kind: RefusalKind::Lasting, words: error.to_string() };
                Answer::Config(dynamic.map(|found| found.map(Box::new)).map_err(failed))
            }
        }
    }

    /// What a replica wants is on its way.
    pub(super) fn grant(&mut self, replica: usize, wishes: Vec<Wish>) {
        let term = self.replicas[replica].leading.as_ref().map(|leading| leading.term);
        let address = self.address(replica, term);
        for wish in wishes {
            match wish {
                Wish::Send(job, sent) => {
                    let delay = if self.now < self.delay.1 { self.delay.0 } else { Duration::ZERO };
                    let at = self.now + delay + self.chance.latency("call", Duration::from_millis(15));
                    let deadline = self.now + deadline(sent.call.action);
                    self.at(at, Happening::Call { from: address, job, sent, deadline });
                }
                Wish::GoOn(job) => self.at(self.now + TURN, Happening::GoOn { to: address, job }),
                Wish::Came(owner, input) => {
                    self.at(self.now, Happening::Came { to: address, owner, input });
                }
                Wish::Write(owner, ticket, write) => {
                    let happening = Happening::Write { from: address, owner, ticket, write };
                    self.after("write", Duration::from_millis(5), happening);
                }
                Wish::Read(owner, ticket, read) => {
                    let happening = Happening::Read { to: address, owner, ticket, read };
                    self.after("read", Duration::from_millis(5), happening);
                }
                Wish::ReadServices(owner, ticket, services) => {
                    let happening = Happening::ReadServices { to: address, owner, ticket, services };
                    self.after("read", Duration::from_millis(5), happening);
                }
                Wish::List => self.list(self.address(replica, None)),
                Wish::Wake(owner, at) => self.wake(address, owner, at),
                Wish::Tell(notice) => self.told(&notice),
                Wish::Panicked(words) => self.violate("no panic", words),
            }
        }
    }

    /// A call reaches the cloud, which answers.
    pub(super) fn call(&mut self, from: Address, job: u64, sent: Sent, deadline: Duration) {
        let Sent { call, reply } = sent;
        self.requests += 1;
        let request = format!("request-{}", self.requests);
        *self.outcome.calls.entry(call.action.to_owned()).or_default() += 1;
        self.before_call(from, &call);
        let struck = self.cloud.struck();
        let arrived = self.cloud.call(call.service, call.action, &call.body, &request, self.now);
        // What is refused for one address holds up no other.
        if self.cloud.struck() > struck && self.refused_address(arrived.reply.as_ref()).is_none() {
            self.checks.watch.strike(call.action, self.now);
        }
        self.after_call(from, &call, arrived.reply.as_ref());
        self.say(|| {
            let (body, reply) = (String::from_utf8_lossy(&call.body), arrived.reply.as_ref());
            let reply = reply.map(|(status, body)| format!("{status} {}", String::from_utf8_lossy(body)));
            format!("replica {}: {} {body} → {reply:?}", from.replica, call.action)
        });
        if let Some(due) = self.cloud.next_due() {
            self.by(due, Happening::Cloud);
        }
        let latency = self.chance.latency("reply", Duration::from_millis(15));
        let slow = if self.now < self.slow.1 { self.slow.0 } else { Duration::ZERO };
        let at = arrived.at.unwrap_or(self.now).max(self.now) + latency + slow;
        let came = arrived.reply.ok_or(Unanswered::Broken);
        // Who has waited for long enough gives up.
        let came = if at > deadline { Err(Unanswered::Late) } else { came };
        self.watch_reply(from, &call, came.as_ref().ok());
        self.at(at.min(deadline), Happening::Reply { to: from, job, reply, came });
    }

    /// A write reaches the API server, which takes it or not.
    pub(super) fn write(&mut self, from: Address, owner: Owner, ticket: Ticket, write: Write) {
        self.watch_attempt(&write);
        let refusal = match self.mood {
            _ if self.is_cut_off(from.replica) => {
                Some(NotTaken { kind: RefusalKind::Passing, words: "the API server is not reached".to_owned() })
            }
            Mood::Refuses(status, until) if self.now < until => {
                let words = format!("the API server says {status}");
                Some(NotTaken { kind: RefusalKind::of(Some(status)), words })
            }
            _ => None,
        };
        let is_forgotten = matches!(self.mood, Mood::Forgets(until) if self.now < until);
        let result = match refusal {
            Some(refusal) => Err(refusal),
            None => {
                self.before_write(from, &write);
                self.say(|| format!("replica {}: {}", from.replica, super::look::words_of(&write)));
                let result = self.objects.write(write);
                if is_forgotten {
                    Err(NotTaken { kind: RefusalKind::Passing, words: "the answer was lost".to_owned() })
                } else {
                    result
                }
            }
        };
        self.after("answer", Duration::from_millis(5), Happening::Written { to: from, owner, ticket, result });
    }

    /// When it is, as elections have it.
    pub(super) fn moment(&self) -> tke_direct_access_core::election::Moment {
        moment(self.now)
    }
}
