//! `explain`: the chain from a Pod's Service to its readiness gate, and its first broken link.
//!
//! `facts` are what was read; `chain` decides, link by link; `words` says what Kubernetes knows of a Pod that does not run.

mod chain;
mod facts;
mod link;
mod read;
mod target;
mod words;

use serde::Serialize;

use super::leaving::{draining, retained, retained_lines};
use super::options::Explain;
use super::output::{Printer, Tone};
use super::remarks::{of_binding, of_service};
use super::session::{Session, pod_name};
use super::world::Seen;
use super::{Ending, Error};
use facts::Facts;
use link::{Link, State};

use crate::model::Service;
use crate::plan::selects;

pub(super) use read::{Mechanism, mechanism};

pub(super) async fn run(session: &Session, options: &Explain, printer: &mut Printer) -> Result<Ending, Error> {
    let name = pod_name(&options.pod)?;
    let facts = read::read(session, name).await?;
    let explanation = Explanation::new(session, name, &facts);
    match options.output {
        Some(format) => printer.value(format, &explanation)?,
        None => explanation.print(printer)?,
    }
    Ok(if explanation.first_broken.is_some() { Ending::Found } else { Ending::Fine })
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

/// What else is said of the bindings that select the Pod.
fn remarks(facts: &Facts) -> Vec<String> {
    let selecting = facts.selecting();
    let of = |seen: &Seen<'_>| {
        let name = seen.view.binding.metadata.name.clone().unwrap_or_default();
        of_binding(seen).into_iter().map(move |remark| format!("DirectAccessBinding '{name}': {}", remark.message))
    };
    let mut lines: Vec<_> = selecting.iter().flat_map(of).collect();
    // What has no binding yet, for what its annotations say.
    let bound =
        |service: &Service| selecting.iter().any(|seen| seen.view.binding.spec.service_ref.name == service.key.name);
    let others = facts.services.iter().filter(|service| selects(service, &facts.pod) && !bound(service));
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    leaving: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
}

impl Explanation {
    fn new(session: &Session, pod: &str, facts: &Facts) -> Self {
        let (links, leaving, remarks) = (chain::chain(facts), leaving(facts), remarks(facts));
        let first_broken = links.iter().find(|link| link.state == State::Broken).cloned();
        Self { namespace: session.namespace.clone(), pod: pod.to_owned(), first_broken, links, leaving, remarks }
    }

    fn print(&self, printer: &mut Printer) -> Result<(), Error> {
        printer.line(format!("Pod {}/{}", self.namespace, self.pod))?;
        printer.line("")?;
        let first = self.links.iter().position(|link| link.state == State::Broken);
        for (at, link) in self.links.iter().enumerate() {
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
        for line in self.leaving.iter().chain(&self.remarks) {
            printer.line(format!("  {line}"))?;
        }
        printer.line("")?;
        match &self.first_broken {
            None => printer.line("No link is broken."),
            Some(link) => {
                printer.line(format!("First broken link: {} ({})", link.name.as_str(), link.reason))?;
                printer.line(format!("What to do: {}", link.remedy))
            }
        }
    }
}
