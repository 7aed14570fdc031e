//! `get`: bindings with their targets, the troubled ones first.

mod target;

use serde::Serialize;

use super::error::of_cloud;
use super::leaving::{Draining, Retained, draining, retained, retained_lines, some};
use super::options::{Get, without_kind};
use super::output::{Printer, age};
use super::remarks::{Remark, Topic, of_binding};
use super::session::Session;
use super::world::{Seen, World};
use super::{Ending, Error};
use crate::api::DirectAccessBinding;
use crate::api::binding::{Left, Parked, Parking};
use crate::api::condition::ConditionType;
use crate::plan::Cloud;
use target::{ListenerRow, Trouble};

pub(super) use target::{gate_word, health_word};

pub(super) async fn run(session: &Session, options: &Get, printer: &mut Printer) -> Result<Ending, Error> {
    let world = World::read(session, options.all_namespaces).await?;
    let names = without_kind(&options.names, |name| world.has(name));
    let sights = world.look(session).await?;
    let mut seen: Vec<_> = sights.iter().flat_map(|sight| sight.bindings()).collect();
    seen.retain(|one| world.is_asked_for(&one.view.binding) && is_named(&one.view.binding, names));
    seen.sort_by_key(|one| one.view.display_name());
    if let Some(missing) = names.iter().find(|name| !seen.iter().any(|one| is_called(&one.view.binding, name))) {
        let there = world.names();
        return Err(session.no_binding(missing, there.iter().map(String::as_str)));
    }
    let mut rows: Vec<_> = seen.iter().map(|one| (Row::new(one), one)).collect();
    rows.sort_by_key(|(row, _)| row.rank());
    let least = if options.problems { Trouble::Passing } else { Trouble::None };
    if options.problems {
        rows.retain(|(row, _)| row.has_problem());
    }
    match options.output {
        Some(format) => {
            let bindings: Vec<_> = rows.iter().map(|(row, _)| row).collect();
            printer.value(format, &serde_json::json!({"bindings": bindings}))?;
        }
        None if rows.is_empty() && options.problems => {
            eprintln!("no problems found; {} DirectAccessBindings", seen.len())
        }
        None if rows.is_empty() => eprintln!("{}", session.nothing_found(options.all_namespaces).await),
        None => {
            for (at, (row, seen)) in rows.iter().enumerate() {
                if at > 0 {
                    printer.line("")?;
                }
                row.print(seen, options.all_namespaces, least, printer)?;
            }
        }
    }
    if seen.iter().any(|one| one.is_unasked()) && options.output.is_none() {
        eprintln!(
            "weights and health are read from CLB: set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY to see them"
        );
    }
    match seen.iter().find_map(Seen::unread) {
        None => Ok(Ending::Fine),
        Some(why) => Err(Error::Unread(why)),
    }
}

/// The binding is one of these, or there are none.
pub(super) fn is_named(binding: &DirectAccessBinding, names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|name| is_called(binding, name))
}

fn is_called(binding: &DirectAccessBinding, name: &str) -> bool {
    binding.metadata.name.as_deref() == Some(name)
}

/// One binding, as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    namespace: String,
    name: String,
    service: String,
    load_balancer: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    region: String,
    address: String,
    targets: String,
    ready: String,
    reason: String,
    message: String,
    /// What the weights and health are from; absent when the cloud was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud: Option<String>,
    /// Present on a binding that is marked as parked: its load balancer is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    parked: Option<ParkedRow>,
    retained: Vec<Retained>,
    draining: Vec<Draining>,
    remarks: Vec<Remark>,
    listeners: Vec<ListenerRow>,
}

#[derive(Serialize)]
struct ParkedRow {
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<jiff::Timestamp>,
    /// What it still has, as read now, or as the status says; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Left>,
    #[serde(skip)]
    words: String,
}

impl ParkedRow {
    fn new(seen: &Seen<'_>) -> Option<Self> {
        let Parked { reason, since } = seen.view.binding.parked()?;
        let parking = parking(seen);
        let at = since.map(|since| format!(" since {since}")).unwrap_or_default();
        let words = format!("{}{at} ({reason}): {parking}, and it costs money", parking.state());
        Some(Self { reason, since, left: parking.left, words })
    }
}

/// How far a binding is parked: as read now, or as its status says.
pub(super) fn parking(seen: &Seen<'_>) -> Parking {
    let recorded = seen.view.binding.parking();
    Parking { left: seen.plan.left.or(recorded.left), are_removals_held: seen.removals.held().is_some() }
}

impl Row {
    fn new(seen: &Seen<'_>) -> Self {
        let binding = &seen.view.binding;
        let status = binding.status.clone().unwrap_or_default();
        let ready = status.conditions.iter().find(|one| one.type_ == ConditionType::Ready.as_str());
        let load_balancer = status.load_balancer.unwrap_or_default();
        let text = |value: Option<&String>| value.cloned().unwrap_or_default();
        Self {
            namespace: text(binding.metadata.namespace.as_ref()),
            name: text(binding.metadata.name.as_ref()),
            service: binding.spec.service_ref.name.clone(),
            address: load_balancer.addresses.first().cloned().or(load_balancer.domain).unwrap_or_default(),
            load_balancer: seen.home.map_or(load_balancer.id, |(_, id)| id.to_string()),
            region: seen.home.map_or(load_balancer.region, |(region, _)| region.to_string()),
            targets: status.targets.unwrap_or_default().summary,
            ready: ready.map_or_else(|| "Unknown".to_owned(), |found| found.status.clone()),
            reason: text(ready.map(|found| &found.reason)),
            message: text(ready.map(|found| &found.message)),
            cloud: cloud(seen),
            parked: ParkedRow::new(seen),
            retained: retained(seen),
            draining: draining(seen),
            remarks: of_binding(seen),
            listeners: seen.routes.iter().map(|route| ListenerRow::new(seen, route)).collect(),
        }
    }

    fn print(&self, seen: &Seen<'_>, has_namespace: bool, least: Trouble, printer: &mut Printer) -> Result<(), Error> {
        let mut header = vec!["NAME", "SERVICE", "LB", "ADDRESS", "TARGETS", "READY", "REASON", "AGE"];
        let created = seen.view.binding.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let mut cells = vec![
            self.name.clone(),
            self.service.clone(),
            self.load_balancer.clone(),
            self.address.clone(),
            self.targets.clone(),
            self.ready.clone(),
            self.reason.clone(),
            age(created, jiff::Timestamp::now()),
        ];
        if has_namespace {
            header.insert(0, "NAMESPACE");
            cells.insert(0, self.namespace.clone());
        }
        printer.table(&header, &[cells])?;
        if self.ready != "True" && !self.message.is_empty() {
            printer.line(format!("  {}", self.message))?;
        }
        // Where nobody has asked, that is said once for all.
        if let Some(words) = self.cloud.as_ref().filter(|_| !seen.is_unasked()) {
            printer.line(format!("  load balancer {} in {}: {words}", self.load_balancer, self.region))?;
        }
        for line in self.leaving() {
            printer.line(format!("  {line}"))?;
        }
        let targets: Vec<_> = self.listeners.iter().flat_map(|one| one.cells(least)).collect();
        if !targets.is_empty() {
            printer.line("")?;
            let header = ["  LISTENER", "POD", "TARGET", "WEIGHT", "HEALTH", "GATE", "NOTE"];
            let has_notes = self.listeners.iter().flat_map(|one| &one.targets).any(|target| target.note.is_some());
            printer.table(if has_notes { &header } else { &header[..6] }, &targets)?;
        }
        Ok(())
    }

    /// Those come first that are not ready, and of these those that are known not to be.
    fn rank(&self) -> u8 {
        match (self.ready.as_str(), self.has_problem()) {
            ("False", _) => 0,
            ("True", false) => 3,
            ("True", true) => 2,
            _ => 1,
        }
    }

    /// There is something to do, or to wait for. Advice is neither.
    fn has_problem(&self) -> bool {
        let mut targets = self.listeners.iter().flat_map(|one| &one.targets);
        let is_excluded = self.listeners.iter().any(|one| !one.excluded.is_empty());
        let is_told =
            self.remarks.iter().any(|remark| !matches!(remark.topic, Topic::Note | Topic::NextLook | Topic::Tags));
        self.ready != "True"
            || self.parked.is_some()
            || is_excluded
            || is_told
            || targets.any(|target| target.trouble > Trouble::None)
    }

    /// What is not as in a table of what is wanted.
    fn leaving(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.parked.iter().map(|parked| format!("{} {}", self.load_balancer, parked.words)));
        lines.extend(retained_lines(&self.retained));
        let draining: Vec<_> = self.draining.iter().map(Draining::words).collect();
        if !draining.is_empty() {
            lines.push(format!("draining: {}", some(&draining)));
        }
        lines.extend(self.remarks.iter().map(|remark| remark.message.clone()));
        lines
    }
}

/// What is known of the cloud where it was not read as a whole; `None` where it was.
fn cloud(seen: &Seen<'_>) -> Option<String> {
    match seen.cloud {
        Cloud::Failed(failure) => Some(of_cloud(failure)),
        Cloud::Missing(_) => Some("CLB does not show it".to_owned()),
        Cloud::Observed(observed) => {
            let failure = observed.health.as_ref().err()?;
            Some(format!("health cannot be read: {}", of_cloud(failure)))
        }
        Cloud::Unplaced(_) => None,
    }
}
