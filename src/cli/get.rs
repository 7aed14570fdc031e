//! `get`: bindings with their targets.

use serde::Serialize;

use super::leaving::{Draining, Retained, draining, retained, retained_lines, some};
use super::options::{Get, without_kind};
use super::output::{Printer, age};
use super::remarks::{Remark, of_binding};
use super::session::Session;
use super::world::{NOT_ASKED, Seen, World};
use super::{Ending, Error};
use crate::api::DirectAccessBinding;
use crate::api::binding::{Left, Parked, Parking};
use crate::api::condition::ConditionType;
use crate::model::{GateState, Health, Pod};
use crate::plan::{Cloud, Fate, RouteTrace};

pub(super) async fn run(session: &Session, options: &Get, printer: &mut Printer) -> Result<Ending, Error> {
    let world = World::read(session, options.all_namespaces).await?;
    let names = without_kind(&options.names, |name| world.has(name));
    let sights = world.look(session).await?;
    let mut seen: Vec<_> = sights.iter().flat_map(|sight| sight.bindings()).collect();
    seen.retain(|one| world.is_asked_for(&one.view.binding) && is_named(&one.view.binding, names));
    seen.sort_by_key(|one| one.view.display_name());
    if let Some(missing) = names.iter().find(|name| !seen.iter().any(|one| is_called(&one.view.binding, name))) {
        return Err(session.no_binding(missing));
    }
    let rows: Vec<_> = seen.iter().map(Row::new).collect();
    if let Some(format) = options.output {
        printer.value(format, &serde_json::json!({"bindings": rows}))?;
        return Ok(Ending::Fine);
    }
    if rows.is_empty() {
        eprintln!("no DirectAccessBindings found");
        return Ok(Ending::Fine);
    }
    for (at, (row, seen)) in rows.iter().zip(&seen).enumerate() {
        if at > 0 {
            printer.line("")?;
        }
        row.print(seen, options.all_namespaces, printer)?;
    }
    if sights.iter().any(|sight| matches!(&sight.snapshot.cloud, Cloud::Failed(failure) if failure.code == NOT_ASKED)) {
        eprintln!(
            "weights and health are read from CLB: set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY to see them"
        );
    }
    Ok(Ending::Fine)
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListenerRow {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener_id: Option<String>,
    targets: Vec<TargetRow>,
    excluded: Vec<ExcludedRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetRow {
    pod: String,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted_weight: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<&'static str>,
    gate: &'static str,
    /// What becomes of a target that leaves, or stays for a reason; absent for one that serves or is to.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize)]
struct ExcludedRow {
    pod: String,
    reason: &'static str,
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
            load_balancer: load_balancer.id,
            targets: status.targets.unwrap_or_default().summary,
            ready: ready.map_or_else(|| "Unknown".to_owned(), |found| found.status.clone()),
            reason: text(ready.map(|found| &found.reason)),
            message: text(ready.map(|found| &found.message)),
            cloud: match seen.cloud {
                Cloud::Failed(failure) => Some(failure.to_string()),
                Cloud::Missing(_) => Some("CLB does not show the load balancer".to_owned()),
                Cloud::Unplaced(_) | Cloud::Observed(_) => None,
            },
            parked: ParkedRow::new(seen),
            retained: retained(seen),
            draining: draining(seen),
            remarks: of_binding(seen),
            listeners: seen.routes.iter().map(|route| ListenerRow::new(seen, route)).collect(),
        }
    }

    fn print(&self, seen: &Seen<'_>, has_namespace: bool, printer: &mut Printer) -> Result<(), Error> {
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
        for line in self.leaving() {
            printer.line(format!("  {line}"))?;
        }
        let targets: Vec<_> = self.listeners.iter().flat_map(ListenerRow::cells).collect();
        if !targets.is_empty() {
            printer.line("")?;
            let header = ["  LISTENER", "POD", "TARGET", "WEIGHT", "HEALTH", "GATE", "NOTE"];
            let has_notes = self.listeners.iter().flat_map(|one| &one.targets).any(|target| target.note.is_some());
            printer.table(if has_notes { &header } else { &header[..6] }, &targets)?;
        }
        Ok(())
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

impl ListenerRow {
    fn new(seen: &Seen<'_>, route: &RouteTrace) -> Self {
        let gate = |uid: &str| seen.view.pods.get(uid).map_or("-", |pod| gate_word(pod));
        let targets = route.targets.iter().chain(&route.others).map(|target| TargetRow {
            pod: target.pod.clone(),
            address: target.address.to_string(),
            weight: target.weight,
            wanted_weight: target.wanted,
            health: target.health.map(health_word),
            gate: gate(&target.pod_uid),
            note: target.fate.map(fate_words),
        });
        let is_target = |pod: &str| route.targets.iter().chain(&route.others).any(|target| target.pod == pod);
        let excluded = route.exclusions.iter().filter(|one| !is_target(&one.pod));
        Self {
            name: route.name.strip_prefix("listener ").unwrap_or(&route.name).to_owned(),
            listener_id: route.listener.as_ref().map(ToString::to_string),
            targets: targets.collect(),
            excluded: excluded.map(|one| ExcludedRow { pod: one.pod.clone(), reason: one.reason.as_str() }).collect(),
        }
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let dash = || "-".to_owned();
        let targets = self.targets.iter().map(|target| {
            let weight = target.weight.map_or_else(dash, |weight| weight.to_string());
            let health = target.health.map_or_else(dash, str::to_owned);
            let listener = format!("  {}", self.name);
            let pod = if target.pod.is_empty() { dash() } else { target.pod.clone() };
            let note = target.note.clone().unwrap_or_default();
            vec![listener, pod, target.address.clone(), weight, health, target.gate.to_owned(), note]
        });
        let excluded = self.excluded.iter().map(|one| {
            let listener = format!("  {}", self.name);
            vec![listener, one.pod.clone(), one.reason.to_owned(), dash(), dash(), dash(), String::new()]
        });
        targets.chain(excluded).collect()
    }
}

/// What becomes of a target, and why.
fn fate_words(fate: Fate) -> String {
    match fate {
        Fate::KeptForOthers(why) => format!("kept until others serve. {}", why.meaning()),
        Fate::KeptAsLast(why) => format!("kept because nobody else would serve. {}", why.meaning()),
        Fate::Draining(why, since) => format!("draining since {since}. {}", why.meaning()),
        Fate::Leaving(why) => format!("leaving. {}", why.meaning()),
        Fate::Held => "stays as it is; the binding's conditions say why.".to_owned(),
    }
}

/// What CLB says of a target's health.
pub(super) const fn health_word(health: Health) -> &'static str {
    match health {
        Health::Healthy => "Healthy",
        Health::Unhealthy => "Unhealthy",
        Health::Unknown => "Unknown",
        Health::CheckOff => "CheckOff",
    }
}

/// How a Pod's readiness gate stands.
pub(super) const fn gate_word(pod: &Pod) -> &'static str {
    match pod.gate {
        GateState::Absent => "none",
        GateState::Unset | GateState::Waiting { .. } => "closed",
        GateState::Open => "open",
    }
}
