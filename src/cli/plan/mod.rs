//! `plan`: what would be called in CLB, to the end, also for what a file says.
//!
//! `manifest` reads the file, `strict` looks for what nobody knows in it, `applied` is what applying it makes of what is there, `admission`
//! asks the API server, `stand_in` puts the objects in the place of those that are there, and `row` says what follows.

mod admission;
mod applied;
mod manifest;
mod row;
mod stand_in;
mod steps;
mod strict;

use std::path::Path;

use serde::Serialize;

use self::row::{Focus, Row};
use super::error::of_cloud;
use super::get::is_named;
use super::options::{Plan, without_kind};
use super::output::{Printer, Tone};
use super::session::Session;
use super::world::{Sight, World};
use super::{Ending, Error};
use crate::plan::Cloud;
use admission::Admission;
use manifest::Document;
use stand_in::Changed;
use strict::Kind;

pub(super) async fn run(session: &Session, options: &Plan, printer: &mut Printer) -> Result<Ending, Error> {
    let file = match &options.filename {
        Some(path) => Some(File::read(session, path).await?),
        None => None,
    };
    let Some(file) = &file else {
        return live(session, options, printer).await;
    };
    // Whoever has no credentials of CLB is told what is wrong with the file all the same.
    if session.credentials.is_err() && options.output.is_none() {
        file.refused.iter().try_for_each(|refused| refused.print(printer))?;
    }
    let (world, changed) = file.world(session).await?;
    let mut refused = file.refused.clone();
    refused.extend(changed.faults.iter().map(|(object, message)| Refused::new(object, message)));
    let mut names = without_kind(&options.names, |name| world.has(name)).to_vec();
    names.extend(changed.bindings.iter().cloned());
    let sights = if names.is_empty() { Vec::new() } else { world.look(session).await? };
    missing(session, &world, &names, &sights)?;
    let focus = Focus { world: &world, names: &names };
    let plan = Whole {
        refused,
        notes: [changed.notes, file.unasked.clone()].concat(),
        ..Whole::new(session, &focus, &sights)
    };
    plan.finish(&world, options, printer)
}

/// The plan of what is there.
async fn live(session: &Session, options: &Plan, printer: &mut Printer) -> Result<Ending, Error> {
    has_credentials(session)?;
    let world = World::read(session, options.all_namespaces).await?;
    let names = without_kind(&options.names, |name| world.has(name)).to_vec();
    let sights = world.look(session).await?;
    missing(session, &world, &names, &sights)?;
    if sights.is_empty() && options.output.is_none() {
        eprintln!("{}", session.nothing_found(options.all_namespaces).await);
    }
    let focus = Focus { world: &world, names: &names };
    Whole::new(session, &focus, &sights).finish(&world, options, printer)
}

fn has_credentials(session: &Session) -> Result<(), Error> {
    match &session.credentials {
        Ok(_) => Ok(()),
        Err(why) => Err(Error::NoCredentials { command: "plan", why: why.clone() }),
    }
}

fn missing(session: &Session, world: &World, names: &[String], sights: &[Sight]) -> Result<(), Error> {
    let is_there = |name: &&String| {
        let mut all = sights.iter().flat_map(Sight::bindings);
        all.any(|seen| seen.view.binding.metadata.name.as_deref() == Some(name.as_str()))
    };
    let there = world.names();
    let fault = |name: &String| Err(session.no_binding(name, there.iter().map(String::as_str)));
    names.iter().find(|name| !is_there(name)).map_or(Ok(()), fault)
}

/// An object of a file that can never work as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Refused {
    object: String,
    message: String,
}

impl Refused {
    fn new(object: impl Into<String>, message: impl Into<String>) -> Self {
        Self { object: object.into(), message: message.into() }
    }

    fn print(&self, printer: &mut Printer) -> Result<(), Error> {
        let mark = printer.tint(Tone::Bad, "✗");
        printer.line(format!("{mark} {}: {}", self.object, self.message))
    }
}

/// A file, looked through and shown to the API server.
struct File {
    path: String,
    objects: Vec<(Kind, serde_json::Value)>,
    refused: Vec<Refused>,
    /// What the API server does not say, and what else is worth saying of objects.
    unasked: Vec<String>,
}

impl File {
    async fn read(session: &Session, path: &Path) -> Result<Self, Error> {
        let manifest = manifest::read(path, &session.namespace)?;
        let mut file = Self {
            path: path.display().to_string(),
            objects: Vec::new(),
            refused: manifest.misspelt.iter().map(|words| Refused::new("object", words)).collect(),
            unasked: Vec::new(),
        };
        for document in manifest.documents {
            file.add(session, document).await;
        }
        Ok(file)
    }

    /// What is refused is not planned, and the others are.
    async fn add(&mut self, session: &Session, document: Document) {
        let called = format!("{} '{}'", document.kind.as_str(), document.name);
        if !document.faults.is_empty() {
            self.refused.extend(document.faults.iter().map(|fault| Refused::new(&called, fault)));
            return;
        }
        let (admission, note) = admission::ask(&session.client, &document, &session.namespace).await;
        self.unasked.extend(note.map(|note| format!("{called}: {note}")));
        match admission {
            Admission::Taken(object) => self.objects.push((document.kind, object)),
            Admission::Refused(words) => {
                // In the words of who would read it, too.
                let read = strict::unread(&document).into_iter();
                self.refused.extend(read.map(|fault| Refused::new(&called, fault)));
                self.refused.push(Refused::new(called, format!("the API server refuses it: {words}")));
            }
            Admission::Unknown { object, why } => {
                self.unasked.push(format!("{called} was not shown to the API server, which may refuse it: {why}"));
                self.objects.push((document.kind, object));
            }
        }
    }

    /// The world with the objects of the file in it.
    async fn world(&self, session: &Session) -> Result<(World, Changed), Error> {
        has_credentials(session)?;
        let mut world = World::read(session, false).await?;
        let fault = |why: String| Error::File { path: self.path.clone(), why };
        let changed = stand_in::stand_in(&mut world, session, &self.objects).map_err(fault)?;
        Ok((world, changed))
    }
}

/// Everything that is said.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    load_balancers: Vec<Row>,
    /// Other load balancers, on which nothing of what was asked for is.
    #[serde(skip)]
    others: usize,
    /// Why the plan is not whole.
    #[serde(skip)]
    failure: Option<String>,
}

impl Whole {
    fn new(session: &Session, focus: &Focus<'_>, sights: &[Sight]) -> Self {
        let (mine, others): (Vec<_>, Vec<_>) = sights.iter().partition(|sight| focus.has(sight));
        let failure = mine.iter().find_map(|sight| match &sight.snapshot.cloud {
            Cloud::Failed(failure) => Some(of_cloud(failure)),
            _ => None,
        });
        let load_balancers = mine.iter().map(|sight| Row::new(session, focus, sight)).collect();
        Self { refused: Vec::new(), notes: Vec::new(), load_balancers, others: others.len(), failure }
    }

    fn finish(self, world: &World, options: &Plan, printer: &mut Printer) -> Result<Ending, Error> {
        match options.output {
            Some(format) => {
                let mut value =
                    serde_json::to_value(&self).map_err(|error| Error::Encode(crate::k8s::words(&error)))?;
                value["doubt"] = world.doubt.clone().into();
                printer.value(format, &value)?;
            }
            None => self.print(world, options, printer)?,
        }
        let is_impossible = !self.refused.is_empty() || self.load_balancers.iter().any(Row::is_impossible);
        match self.failure {
            _ if is_impossible => Ok(Ending::Impossible),
            Some(failure) => Err(Error::Unread(failure)),
            None if self.load_balancers.iter().all(Row::is_empty) => Ok(Ending::Fine),
            None => Ok(Ending::Found),
        }
    }

    fn print(&self, world: &World, options: &Plan, printer: &mut Printer) -> Result<(), Error> {
        self.refused.iter().try_for_each(|refused| refused.print(printer))?;
        let odd = printer.tint(Tone::Odd, "!");
        self.notes.iter().try_for_each(|note| printer.line(format!("{odd} {note}")))?;
        self.load_balancers.iter().try_for_each(|row| row.print(options.all, printer))?;
        if options.filename.is_some() && self.others > 0 {
            let plural = if self.others == 1 { "" } else { "s" };
            printer.line(format!("{} other load balancer{plural}: not concerned", self.others))?;
        }
        let mark = printer.tint(Tone::Odd, "?");
        world.doubt.iter().try_for_each(|doubt| printer.line(format!("{mark} {doubt}")))
    }
}
