//! What is said of several Pods: how many are how far, and the whole chain of the one that is held up first.

use std::collections::BTreeMap;

use serde::Serialize;

use super::closest::{differences, nearest_service};
use super::facts::{Around, Focus};
use super::link::{Link, Name, State};
use super::subject::Subject;
use super::words::SCALED_DOWN;
use super::{Explanation, chain, print_links, print_verdict, read, remarks_of};
use crate::api::condition::Reason;
use crate::cli::Error;
use crate::cli::leaving::some;
use crate::cli::output::{Printer, Tone};
use crate::cli::session::Session;
use crate::cli::world::Seen;
use crate::model::Service;

/// The verdict on several Pods.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    kind: &'static str,
    namespace: String,
    name: String,
    /// The first broken link of the Pod that is held up first; absent when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_broken: Option<Link>,
    pods: Vec<Explanation>,
    /// What is known where there are no Pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
}

impl Group {
    pub(super) async fn new(
        session: &Session,
        subject: &Subject<'_>,
        around: &Around,
        mut pods: Vec<Explanation>,
    ) -> Result<Self, Error> {
        // Those that are held up first come first, and those that are not come last.
        let depth = |one: &Explanation| one.first_broken.as_ref().map_or((1, None), |link| (0, Some(link.name)));
        pods.sort_by(|a, b| depth(a).cmp(&depth(b)).then_with(|| a.pod.cmp(&b.pod)));
        let (mut links, mut remarks) = (Vec::new(), Vec::new());
        if pods.is_empty() {
            let service = service(subject, around);
            let bindings: Vec<_> = around.bindings().filter(|seen| is_about(subject, seen)).collect();
            links.extend(bindings.iter().map(chain::one_binding));
            links.push(no_pods(session, subject, around, service).await?);
            remarks.extend(bindings.iter().flat_map(remarks_of));
        }
        let first_broken = match pods.first() {
            Some(first) => first.first_broken.clone(),
            None => links.iter().find(|link| link.state == State::Broken).cloned(),
        };
        Ok(Self {
            kind: subject.kind(),
            namespace: session.namespace.clone(),
            name: subject.name().to_owned(),
            first_broken,
            pods,
            links,
            remarks,
        })
    }

    pub(super) fn print(&self, printer: &mut Printer) -> Result<(), Error> {
        let whole: Vec<_> =
            self.pods.iter().filter(|one| one.first_broken.is_none()).map(|one| one.pod.clone()).collect();
        let unread = if self.pods.iter().any(|one| one.unread.is_some()) { ", as far as is known" } else { "" };
        let count = format!("{} of {} Pods without a broken link{unread}", whole.len(), self.pods.len());
        printer.line(format!("{} {}/{}: {count}", self.kind, self.namespace, self.name))?;
        printer.line("")?;
        let Some(first) = self.pods.first() else {
            print_links(&self.links, printer)?;
            self.remarks.iter().try_for_each(|line| printer.line(format!("  {line}")))?;
            printer.line("")?;
            return print_verdict(self.first_broken.as_ref(), None, printer);
        };
        for ((name, reason), pods) in by_link(&self.pods) {
            let mark = printer.tint(Tone::Bad, "✗");
            printer.line(format!("{mark} {} ({reason}): {}", name.as_str(), some(&pods)))?;
        }
        if !whole.is_empty() {
            let mark = printer.tint(Tone::Good, "✓");
            printer.line(format!("{mark} no broken link: {}", some(&whole)))?;
        }
        printer.line("")?;
        first.print(printer)
    }
}

/// The Pods that are held up, by their first broken links.
fn by_link(pods: &[Explanation]) -> BTreeMap<(Name, &str), Vec<String>> {
    let mut found = BTreeMap::<_, Vec<String>>::new();
    for one in pods {
        if let Some(link) = &one.first_broken {
            found.entry((link.name, link.reason.as_str())).or_default().push(one.pod.clone());
        }
    }
    found
}

/// The binding is, or is of, what is asked about; what has Pods says nothing of bindings where it has none.
fn is_about(subject: &Subject<'_>, seen: &Seen<'_>) -> bool {
    let focus = subject.focus();
    focus != Focus::All && focus.has(seen)
}

/// The Service that is asked about, or that the binding names.
fn service<'a>(subject: &Subject<'_>, around: &'a Around) -> Option<&'a Service> {
    let name = match subject {
        Subject::Service(name) => (*name).to_owned(),
        Subject::Binding(_) => {
            let seen = around.bindings().find(|seen| is_about(subject, seen))?;
            seen.view.binding.spec.service_ref.name.clone()
        }
        Subject::Pod(_) | Subject::Workload(..) => return None,
    };
    around.services.iter().find(|service| service.key.name == name).map(|service| &**service)
}

/// Why there are no Pods.
async fn no_pods(
    session: &Session,
    subject: &Subject<'_>,
    around: &Around,
    service: Option<&Service>,
) -> Result<Link, Error> {
    let namespace = &session.namespace;
    if let Subject::Workload(workload, name) = subject {
        let why = read::without_pods(session, workload, name).await?;
        let kind = workload.kind.to_lowercase();
        let said = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let message = format!("{} '{name}' has no Pods{said}", workload.kind);
        let remedy = if why.as_deref() == Some(SCALED_DOWN) {
            format!("To have Pods, `kubectl scale {kind}/{name} --replicas=1 -n {namespace}`.")
        } else {
            format!("See its Events, and correct what they name: `kubectl describe {kind}/{name} -n {namespace}`.")
        };
        return Ok(Link::broken(Name::Pod, "NoPods", message, remedy));
    }
    Ok(match service {
        // The binding's link says it.
        None => Link::unknown(Name::Pod, "not looked for, because there is no Service"),
        Some(service) if service.selector.is_empty() => {
            Link::broken(Name::Service, Reason::NoSelector, selectorless(service), Reason::NoSelector.remedy())
        }
        Some(service) => unselected(around, service),
    })
}

/// Why a Service has no selector that counts.
pub(super) fn selectorless(service: &Service) -> String {
    match service.is_external_name {
        true => format!(
            "Service '{}' is of type ExternalName: it stands for a name outside of the cluster and has no Pods",
            service.key.name
        ),
        false => format!("Service '{}' has no selector", service.key.name),
    }
}

/// A Service that selects nothing, with a Pod that it was probably meant for.
fn unselected(around: &Around, service: &Service) -> Link {
    let labels: Vec<_> = service.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let near = around.pods.iter().find(|pod| nearest_service(pod, std::iter::once(service)).is_some());
    let near =
        near.map(|pod| format!("; it wants {}, which is Pod '{}'", differences(service, pod).join(", "), pod.key.name));
    let message = format!("no Pod has the labels {}{}", labels.join(","), near.unwrap_or_default());
    let (name, namespace) = (&service.key.name, &service.key.namespace);
    let remedy = format!(
        "Create Pods with these labels, or correct the selector: `kubectl edit service {name} -n {namespace}`; \
         `kubectl get pods --show-labels -n {namespace}` shows what Pods have."
    );
    Link::broken(Name::Service, "SelectsNothing", message, remedy)
}
