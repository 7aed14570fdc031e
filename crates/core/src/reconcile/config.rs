//! The loop of one TkeServiceConfig: its status, and its entries where a binding has it made.
//!
//! A look decides anew after each read and write, so that what has changed meanwhile is decided on as it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kube::Resource;
use kube::core::{ApiResource, DynamicObject};
use serde_json::{Value as Json, json};

use super::effect::{Answer, Effect, Input, NotTaken, OtherRead, Read, StatusField, Taken, Ticket, Write};
use super::keyed::{Alarm, Awaited, KeyedMachine, RETRY};
use super::notices::{config_notice, left_notice};
use super::surroundings::{At, ConfigSight, Surroundings};
use super::tickets::Tickets;
use crate::api::service_config::EntryProblem;
use crate::api::{DirectAccessBinding, TkeServiceConfig, TkeServiceConfigStatus};
use crate::model::{ObjectKey, Service};
use crate::plan::config::{auto, reference};
use crate::status::{Field, RefusedWrites, config_status, left_in_cloud};

/// Changes that come close together are looked at once: an edit of a config is followed by a status of each of its bindings.
const GATHER_WINDOW: Duration = Duration::from_millis(200);
/// How long the answer that the definition has no status is believed.
const NO_STATUS_LASTS: Duration = Duration::from_secs(60);
/// How often a config with problems is looked at although nothing happens, so that what was told of it stays known.
const REMIND: Duration = Duration::from_secs(3600);
/// How long caches may take to show a status that was written.
const ECHO: Duration = Duration::from_secs(60);

/// The loop of one TkeServiceConfig, which may not be there yet.
#[derive(Debug)]
pub struct ConfigMachine {
    key: ObjectKey,
    tickets: Tickets,
    alarm: Alarm,
    /// The look that goes on.
    look: Option<Look>,
    /// What was not taken of entries, by the UID of the binding that they are for.
    refused_entries: RefusedWrites<String>,
    refused_status: RefusedWrites,
    written: Option<Written>,
    /// The problems that an Event told last.
    told: Vec<EntryProblem>,
}

/// The status that was written last, for as long as caches may not show it.
#[derive(Debug)]
struct Written {
    /// The version of the config that was looked at.
    version: Option<String>,
    status: TkeServiceConfigStatus,
    until: Duration,
}

/// A look at the config, with all reads and writes that come of it.
#[derive(Debug, Default)]
struct Look {
    /// What was done, or failed. Nothing is tried twice.
    tried: BTreeSet<Task>,
    pending: Option<(Ticket, Pending)>,
}

/// What a look may have to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    /// Entries for the binding with this UID.
    Entries(String),
    Status,
}

/// What is under way.
#[derive(Debug)]
enum Pending {
    /// The config is being read, to be given entries for the binding with this UID.
    Reading(String),
    /// These entries are being written.
    Entries(String),
    /// The definition is asked whether it has a status.
    Asking,
    /// This status is being written, for the bindings with these UIDs.
    Status(Written, Vec<String>),
}

/// What caches show.
struct Seen {
    config: Option<ConfigSight>,
    /// The bindings that use it, with their Services.
    users: Vec<User>,
}

impl Seen {
    /// The bindings that use the config.
    fn bindings(&self) -> Vec<Arc<DirectAccessBinding>> {
        self.users.iter().map(|user| user.binding.clone()).collect()
    }
}

struct User {
    binding: Arc<DirectAccessBinding>,
    service: Option<Arc<Service>>,
    is_auto: bool,
}

impl User {
    fn uid(&self) -> &str {
        self.binding.metadata.uid.as_deref().unwrap_or_default()
    }
}

impl KeyedMachine for ConfigMachine {
    type Key = ObjectKey;

    fn new(key: ObjectKey) -> Self {
        Self {
            key,
            tickets: Tickets::default(),
            alarm: Alarm::default(),
            look: None,
            refused_entries: RefusedWrites::default(),
            refused_status: RefusedWrites::default(),
            written: None,
            told: Vec::new(),
        }
    }

    fn step(&mut self, surroundings: &Surroundings<'_>, input: Input) -> Vec<Effect> {
        let (mut out, now) = (Vec::new(), surroundings.now.at);
        let mut at = At { surroundings, out: &mut out };
        match input {
            Input::News(_) => self.alarm.set(now + GATHER_WINDOW),
            Input::Answer(ticket, answer) => self.answered(ticket, answer, &mut at),
            Input::Written(ticket, result) => self.was_written(ticket, &result, &at),
            Input::Due | Input::Replied(_) => {}
        }
        loop {
            let is_awaited = self.look.as_ref().is_some_and(|look| look.pending.is_some());
            if is_awaited || (self.look.is_none() && !self.alarm.has_come(now)) {
                break;
            }
            let look = self.look.take().unwrap_or_default();
            self.look = self.go_on(look, &mut at);
        }
        let awaited = if self.look.is_some() { Awaited::Result } else { Awaited::Nothing };
        self.alarm.ask(awaited, &mut out);
        out
    }

    fn is_idle(&self) -> bool {
        self.look.is_none()
            && self.alarm.is_off()
            && self.refused_entries.is_empty()
            && self.refused_status.is_empty()
            && self.written.is_none()
            && self.told.is_empty()
    }
}

// Looks.
impl ConfigMachine {
    /// Begins or continues a look; `None` when it is over.
    fn go_on(&mut self, mut look: Look, at: &mut At<'_, '_>) -> Option<Look> {
        let seen = see(&self.key, at.surroundings);
        self.forget(&seen, at);
        self.tell_of_left(&seen, at);
        for user in seen.users.iter().filter(|user| user.is_auto) {
            let task = Task::Entries(user.uid().to_owned());
            if look.tried.contains(&task) || !self.lacks_entries(user, &seen, at) {
                continue;
            }
            look.tried.insert(task);
            let pending = Pending::Reading(user.uid().to_owned());
            look.pending = Some((self.read(OtherRead::Config(self.key.clone()), at), pending));
            return Some(look);
        }
        if !look.tried.contains(&Task::Status) && self.status(&seen, at).is_some() {
            look.tried.insert(Task::Status);
            at.surroundings.shared.ask_for_statuses(at.at());
            look.pending = Some((self.read(OtherRead::StatusField, at), Pending::Asking));
            return Some(look);
        }
        self.end(at);
        None
    }

    fn read(&mut self, what: OtherRead, at: &mut At<'_, '_>) -> Ticket {
        let ticket = self.tickets.next();
        at.out.push(Effect::Read(ticket, Read::Other(what)));
        ticket
    }

    fn write(&mut self, what: Write, at: &mut At<'_, '_>) -> Ticket {
        let ticket = self.tickets.next();
        at.out.push(Effect::Write(ticket, what));
        ticket
    }

    /// Forgets what is not so any more.
    fn forget(&mut self, seen: &Seen, at: &At<'_, '_>) {
        let version = seen.config.as_ref().map(|config| &config.version);
        let is_echo = |written: &Written| Some(&written.version) == version && at.surroundings.now.at < written.until;
        self.written = self.written.take().filter(is_echo);
        self.refused_entries.retain(|uid| seen.users.iter().any(|user| user.is_auto && user.uid() == uid));
        if seen.config.is_none() {
            self.refused_status = RefusedWrites::default();
        }
        let mut refused = at.surroundings.shared.refused();
        for user in seen.users.iter().filter(|user| !user.is_auto) {
            refused.taken(user.uid(), Field::Config);
        }
    }

    /// Tells of settings that were taken out of the config since it was looked at last.
    fn tell_of_left(&self, seen: &Seen, at: &mut At<'_, '_>) {
        let now = seen.config.as_ref().filter(|_| !seen.users.is_empty()).map(|sight| &sight.config);
        let last = at.surroundings.shared.replace_config(&self.key, now);
        let (Some(last), Some(now)) = (last, now) else { return };
        if last.object.metadata.uid == now.object.metadata.uid && last.written != now.written {
            let left = left_in_cloud(&last, now, &seen.bindings());
            at.out.extend(left_notice(&left, now.object.object_ref(&())).map(Effect::Tell));
        }
    }

    /// When to look again.
    fn end(&mut self, at: &At<'_, '_>) {
        let now = at.surroundings.now;
        let retries = [self.refused_entries.wait(now.wall), self.refused_status.wait(now.wall)];
        let retries = retries.into_iter().flatten().map(|wait| Duration::try_from(wait).unwrap_or_default());
        if let Some(wait) = retries.min() {
            self.alarm.set(now.at + wait.max(RETRY));
        }
        if !self.told.is_empty() {
            self.alarm.set(now.at + REMIND);
        }
        if let Some(written) = &self.written {
            self.alarm.set(written.until.max(now.at + GATHER_WINDOW));
        }
    }

    /// Takes in what was read, and writes what follows.
    fn answered(&mut self, ticket: Ticket, answer: Answer, at: &mut At<'_, '_>) {
        let Some(look) = &mut self.look else { return };
        let Some((_, pending)) = look.pending.take_if(|(pending, _)| *pending == ticket) else { return };
        let seen = see(&self.key, at.surroundings);
        let next = match (pending, answer) {
            (Pending::Reading(uid), Answer::Config(found)) => self.read_config(uid, found, &seen, at),
            (Pending::Asking, Answer::StatusField(StatusField::There)) => {
                at.surroundings.shared.statuses_are_there();
                self.write_status(&seen, at)
            }
            (Pending::Asking, Answer::StatusField(StatusField::Missing)) => {
                let until = at.at() + NO_STATUS_LASTS;
                at.surroundings.shared.statuses_are_missing(until);
                self.alarm.set(until);
                None
            }
            _ => None,
        };
        if let Some(look) = &mut self.look {
            look.pending = next;
        }
    }

    fn was_written(&mut self, ticket: Ticket, result: &Result<Taken, NotTaken>, at: &At<'_, '_>) {
        let Some(look) = &mut self.look else { return };
        match look.pending.take_if(|(pending, _)| *pending == ticket) {
            Some((_, Pending::Entries(uid))) => self.record_entries(uid, result, at),
            Some((_, Pending::Status(written, uids))) => self.record_status(written, &uids, result, at),
            Some((_, Pending::Reading(_) | Pending::Asking)) | None => {}
        }
    }
}

// Entries.
impl ConfigMachine {
    /// Whether entries are to be written for a binding, as far as caches show.
    fn lacks_entries(&mut self, user: &User, seen: &Seen, at: &At<'_, '_>) -> bool {
        let wanted = entries(user, seen);
        let spec = seen.config.as_ref().map(|config| &config.config.written);
        let lacks = |wanted: &auto::Entries| spec.is_none_or(|spec| auto::merge(spec, wanted) != *spec);
        if !wanted.as_ref().is_some_and(lacks) {
            self.refused_entries.taken(&user.uid().to_owned());
            at.surroundings.shared.refused().taken(user.uid(), Field::Config);
            return false;
        }
        self.refused_entries.is_due(&user.uid().to_owned(), at.surroundings.now.wall)
    }

    /// The config was read as it is, with fields that this version does not know: writes the entries that it lacks.
    fn read_config(
        &mut self,
        uid: String,
        found: Result<Option<Box<DynamicObject>>, NotTaken>,
        seen: &Seen,
        at: &mut At<'_, '_>,
    ) -> Option<(Ticket, Pending)> {
        let user = seen.users.iter().find(|user| user.is_auto && user.uid() == uid)?;
        let wanted = entries(user, seen)?;
        let write = match found {
            Err(failure) => {
                self.record_entries(uid, &Err(failure), at);
                return None;
            }
            Ok(None) => Write::NewConfig { config: Box::new(new(&user.binding, &self.key, &wanted)) },
            Ok(Some(mut config)) => {
                let spec = config.data.get("spec").cloned().unwrap_or_default();
                let merged = auto::merge(&spec, &wanted);
                if merged == spec {
                    self.record_entries(uid, &Ok(Taken::Other), at);
                    return None;
                }
                config.data["spec"] = merged;
                Write::Config { config }
            }
        };
        Some((self.write(write, at), Pending::Entries(uid)))
    }

    fn record_entries(&mut self, uid: String, result: &Result<Taken, NotTaken>, at: &At<'_, '_>) {
        let object = config_name(&self.key);
        at.surroundings.record(&uid, (Field::Config, &object), result);
        match result {
            Ok(_) => self.refused_entries.taken(&uid),
            Err(NotTaken { kind, words }) => {
                self.refused_entries.refused(uid, &object, *kind, words, at.surroundings.now.wall);
            }
        }
    }
}

// The status.
impl ConfigMachine {
    /// The status that is to be written; `None` where nothing is. What is new in it is told where there is no place for a status, too.
    fn status(&mut self, seen: &Seen, at: &mut At<'_, '_>) -> Option<TkeServiceConfigStatus> {
        let now = at.surroundings.now;
        let Some(config) = seen.config.as_ref().map(|sight| &sight.config) else {
            self.told.clear();
            return None;
        };
        let last = self.written.as_ref().map(|written| written.status.clone());
        let previous = last.or_else(|| config.object.status.clone()).unwrap_or_default();
        let status = config_status(config, &seen.bindings(), &previous, now.wall);
        let known = if self.told.is_empty() { &previous.problems } else { &self.told };
        at.out.extend(config_notice(known, &status.problems, config.object.object_ref(&())).map(Effect::Tell));
        self.told.clone_from(&status.problems);
        if status == previous {
            self.refused_status.taken(&Field::ConfigStatus);
            let mut refused = at.surroundings.shared.refused();
            seen.users.iter().for_each(|user| refused.taken(user.uid(), Field::ConfigStatus));
            return None;
        }
        if let Some(until) = at.surroundings.shared.statuses_are_missing_until(now.at) {
            // Nobody says when there is another definition.
            self.alarm.set(until);
            return None;
        }
        self.refused_status.is_due(&Field::ConfigStatus, now.wall).then_some(status)
    }

    fn write_status(&mut self, seen: &Seen, at: &mut At<'_, '_>) -> Option<(Ticket, Pending)> {
        let status = self.status(seen, at)?;
        let sight = seen.config.as_ref()?;
        let config = Arc::clone(&sight.config);
        let until = at.surroundings.now.at + ECHO;
        let written = Written { version: sight.version.clone(), status: status.clone(), until };
        let uids = seen.users.iter().map(|user| user.uid().to_owned()).collect();
        let ticket = self.write(Write::ConfigStatus { config, status: Box::new(status) }, at);
        Some((ticket, Pending::Status(written, uids)))
    }

    fn record_status(&mut self, written: Written, uids: &[String], result: &Result<Taken, NotTaken>, at: &At<'_, '_>) {
        let object = config_name(&self.key);
        for uid in uids {
            at.surroundings.record(uid, (Field::ConfigStatus, &object), result);
        }
        match result {
            Ok(_) => {
                self.refused_status.taken(&Field::ConfigStatus);
                self.written = Some(written);
            }
            Err(NotTaken { kind, words }) => {
                let now = at.surroundings.now.wall;
                self.refused_status.refused(Field::ConfigStatus, &object, *kind, words, now);
            }
        }
    }
}

fn see(key: &ObjectKey, surroundings: &Surroundings<'_>) -> Seen {
    let caches = surroundings.caches;
    let user = |binding: Arc<DirectAccessBinding>| {
        let service = ObjectKey::new(&key.namespace, &binding.spec.service_ref.name);
        let service = caches.service(&service);
        let found = reference(&binding, service.as_deref()).filter(|found| found.name == key.name)?;
        Some(User { binding, service, is_auto: found.is_auto })
    };
    let bindings = caches.bindings_in(&key.namespace).into_iter();
    let living = bindings.filter(|binding| binding.metadata.deletion_timestamp.is_none());
    Seen { config: caches.config(key), users: living.filter_map(user).collect() }
}

/// The entries that a binding wants; `None` when it has none, or the config belongs to somebody else, which the binding says.
fn entries(user: &User, seen: &Seen) -> Option<auto::Entries> {
    let is_foreign = seen.config.as_ref().is_some_and(|config| !config.owners.iter().any(|owner| owner == user.uid()));
    auto::entries(&user.binding, user.service.as_deref()).filter(|_| !is_foreign)
}

/// The kind and name of a config, for people.
fn config_name(key: &ObjectKey) -> String {
    format!("TkeServiceConfig '{}'", key.name)
}

fn new(binding: &DirectAccessBinding, key: &ObjectKey, wanted: &auto::Entries) -> DynamicObject {
    let resource = ApiResource::erase::<TkeServiceConfig>(&());
    let mut object = DynamicObject::new(&key.name, &resource).within(&key.namespace);
    object.metadata.owner_references = Some(binding.controller_owner_ref(&()).into_iter().collect());
    object.data = json!({"spec": auto::merge(&Json::Null, wanted)});
    object
}
