//! `explain`: the chain from a Pod's Service to its readiness gate, and its first broken link.
//!
//! `subject` is what people ask about, and `read` reads it; `facts` are what was read; `chain` decides, link by link; `words` says what
//! Kubernetes knows of a Pod that does not run; `group` is what is said of several Pods.

mod chain;
mod closest;
mod facts;
mod group;
mod link;
mod port;
mod read;
mod subject;
mod target;
mod words;

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use serde::Serialize;

use super::leaving::{draining, retained, retained_lines, some};
use super::options::Explain;
use super::output::{Printer, Tone};
use super::remarks::{Topic, of_binding, of_service};
use super::session::Session;
use super::world::Seen;
use super::{Ending, Error};
use facts::{Facts, Focus};
use group::Group;
use link::{Link, State};
use subject::Subject;

use crate::k8s;
use crate::model::Service;
use crate::plan::selects;

pub(super) use read::{Mechanism, mechanism};

pub(super) async fn run(session: &Session, options: &Explain, printer: &mut Printer) -> Result<Ending, Error> {
    let subject = Subject::parse(&options.object)?;
    let pods = read::pods(session, &subject).await?;
    let around = Arc::new(read::around(session).await?);
    let explain = |object: core::Pod| {
        let (focus, pod) = (subject.focus(), Arc::new(k8s::pod(&object)));
        let facts = Facts { focus, pod, object, around: around.clone() };
        Explanation::new(&facts)
    };
    let mut explained: Vec<_> = pods.into_iter().map(explain).collect();
    if let (Subject::Pod(_), Some(explanation)) = (&subject, explained.pop_if(|_| matches!(subject, Subject::Pod(_)))) {
        match options.output {
            Some(format) => printer.value(format, &explanation)?,
            None => explanation.print(printer)?,
        }
        return Ok(ending(explanation.first_broken.as_ref()));
    }
    let group = Group::new(session, &subject, &around, explained).await?;
    match options.output {
        Some(format) => printer.value(format, &group)?,
        None => group.print(printer)?,
    }
    Ok(ending(group.first_broken.as_ref()))
}

const fn ending(first_broken: Option<&Link>) -> Ending {
    if first_broken.is_some() { Ending::Found } else { Ending::Fine }
}

/// What the chain does not show: targets of the Pod that are kept or drain, also of bindings that do not select it any more.
fn leaving(facts: &Facts) -> Vec<String> {
    let pod = facts.pod.key.name.as_str();
    let mut lines = Vec::new();
    for seen in facts.bindings() {
        let name = seen.view.binding.metadata.name.as_deref().unwrap_or_default();
        let mut retained = retained(&seen);
        retained.retain(|one| one.pod == pod);
        let mut draining = draining(&seen);
        draining.retain(|one| one.pod.as_deref() == Some(pod));
        let draining = draining.iter().map(|one| format!("draining: {}", one.words()));
        let own = retained_lines(&retained).into_iter().chain(draining);
        lines.extend(own.map(|line| format!("DirectAccessBinding '{name}': {line}")));
    }
    lines
}

/// What else is said of a binding.
fn remarks_of(seen: &Seen<'_>) -> Vec<String> {
    let name = seen.view.binding.metadata.name.as_deref().unwrap_or_default();
    // Of gates the link says what concerns the Pod.
    let remarks = of_binding(seen).into_iter().filter(|remark| remark.topic != Topic::Gates);
    remarks.map(|remark| format!("DirectAccessBinding '{name}': {}", remark.message)).collect()
}

/// That others bind the Pod, too, where one binding or Service is asked about; `None` where none does.
fn neighbours(facts: &Facts) -> Option<String> {
    let all = facts.neighbours();
    let names: Vec<_> = all.iter().filter_map(|seen| seen.view.binding.metadata.name.clone()).collect();
    let first = names.first()?;
    Some(format!(
        "DirectAccessBindings that bind the Pod, too, and that its gate waits for: {} (`kubectl direct-access explain dab/{first}`)",
        some(&names)
    ))
}

/// What else is said of the bindings that select the Pod.
fn remarks(facts: &Facts) -> Vec<String> {
    let selecting = facts.selecting();
    let mut lines: Vec<_> = neighbours(facts).into_iter().collect();
    lines.extend(selecting.iter().flat_map(remarks_of));
    // What has no binding yet, for what its annotations say.
    let bound =
        |service: &Service| selecting.iter().any(|seen| seen.view.binding.spec.service_ref.name == service.key.name);
    let is_all = facts.focus == Focus::All;
    let others = facts.around.services.iter().filter(|service| selects(service, &facts.pod) && !bound(service));
    let others = others.filter(|service| is_all || facts.focus == Focus::Service(service.key.name.clone()));
    lines.extend(others.filter_map(|service| of_service(service)).map(|remark| remark.message));
    lines
}

/// The verdict on one Pod.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    namespace: String,
    pod: String,
    /// The first link that is broken; absent when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_broken: Option<Link>,
    links: Vec<Link>,
    /// Why CLB was not looked at, so that no link of it is known to hold; absent where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    leaving: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
}

impl Explanation {
    fn new(facts: &Facts) -> Self {
        let (links, leaving, remarks) = (chain::chain(facts), leaving(facts), remarks(facts));
        let first_broken = links.iter().find(|link| link.state == State::Broken).cloned();
        let (namespace, pod) = (facts.around.namespace.clone(), facts.pod.key.name.clone());
        let unread = facts.selecting().iter().find_map(Seen::not_read);
        Self { namespace, pod, first_broken, links, unread, leaving, remarks }
    }

    fn print(&self, printer: &mut Printer) -> Result<(), Error> {
        printer.line(format!("Pod {}/{}", self.namespace, self.pod))?;
        printer.line("")?;
        print_links(&self.links, printer)?;
        for line in self.leaving.iter().chain(&self.remarks) {
            printer.line(format!("  {line}"))?;
        }
        printer.line("")?;
        print_verdict(self.first_broken.as_ref(), self.unread.as_deref(), printer)
    }
}

fn print_links(links: &[Link], printer: &mut Printer) -> Result<(), Error> {
    let first = links.iter().position(|link| link.state == State::Broken);
    for (at, link) in links.iter().enumerate() {
        let (mark, tone) = match link.state {
            State::Holds => ("✓", Tone::Good),
            State::Broken if Some(at) == first => ("✗", Tone::Bad),
            // What comes after a broken link is usually broken by it.
            State::Broken => ("·", Tone::Odd),
            State::Unknown => ("?", Tone::Faint),
        };
        let mark = printer.tint(tone, mark);
        printer.line(format!("{mark} {:13} {}", link.name.as_str(), link.message))?;
    }
    Ok(())
}

/// What was not looked at is not known to hold.
fn print_verdict(first_broken: Option<&Link>, unread: Option<&str>, printer: &mut Printer) -> Result<(), Error> {
    match (first_broken, unread) {
        (None, None) => printer.line("No link is broken."),
        (None, Some(why)) => {
            printer.line(format!("No broken link was found, but the load balancer was not looked at: {why}"))
        }
        (Some(link), _) => {
            printer.line(format!("First broken link: {} ({})", link.name.as_str(), link.reason))?;
            printer.line(format!("What to do: {}", link.remedy))
        }
    }
}
