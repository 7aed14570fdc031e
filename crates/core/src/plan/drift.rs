//! Settings of listeners, domains and rules of ours that are not as wished.

use std::collections::BTreeMap;

use crate::api::binding::ListenerStatus;
use crate::api::condition::ConfigProblem;
use crate::api::mark::ListenerName;
use crate::api::service_config::EntryProblem;
use crate::model::{Attribute, Attributes, Drift, IpFamily, Listener, Protocol, Rule, Value};

use super::config::{self, Part, Subject, fit};
use super::desired::{DesiredListener, ListenerOrigin};
use super::flags::Flags;
use super::step::Change;
use super::{BindingView, Observed, Step, adoption};

/// What is remembered of the switches of a listener of ours, with what this read shows of them. What is remembered of another listener,
/// which had the port before, does not count.
pub(super) fn flags(view: &BindingView, desired: &DesiredListener, observed: &Listener) -> Flags {
    let rows = view.binding.status.iter().flat_map(|status| &status.listeners);
    let is_this = |row: &&ListenerStatus| {
        row.port == i32::from(desired.port)
            && row.protocol.as_str() == desired.protocol.as_str()
            && row.listener_id.as_deref().is_none_or(|known| known == observed.id.as_str())
    };
    let mut flags = Flags::parse(rows.filter(is_this).flat_map(|row| &row.written).map(String::as_str));
    flags.read(&observed.attributes);
    flags
}

/// Where a listener is.
pub(super) struct Around<'a> {
    /// The namespace and name of its binding, for the mark.
    pub(super) place: (&'a str, &'a str),
    /// The family of the load balancer.
    pub(super) family: IpFamily,
    /// Its name says whose targets are that carry the mark of a former binding.
    pub(super) keeps_name: bool,
}

impl<'a> Around<'a> {
    /// Of the listeners of a binding.
    pub(super) fn of(view: &'a BindingView, observed: &Observed) -> Self {
        let keeps_name = adoption::has_former_targets(view, observed);
        Self { place: view.place(), family: observed.load_balancer.family, keeps_name }
    }

    /// Whether a name is a mark as good as the one that a listener would get now: the format of another version is not drift.
    fn is_kept(&self, view: &BindingView, name: &str) -> bool {
        // One that is not shown is not known to differ.
        let is_former = || ListenerName::owner(name).is_some_and(|uid| view.former_uids.contains(uid));
        let own = || ListenerName::owner_perhaps_named(name, self.place.0, self.place.1);
        name.is_empty() || self.keeps_name && is_former() || own() == Some(view.uid())
    }
}

/// The steps that correct one listener, its domains and its rules: one step for each that differs.
/// Also returns wishes that do not go with what is there.
pub(super) fn corrections(
    view: &BindingView,
    desired: &DesiredListener,
    observed: &Listener,
    around: &Around<'_>,
) -> (Vec<Step>, Vec<EntryProblem>) {
    let (protocol, id) = (desired.protocol, &observed.id);
    let listener = Subject { protocol, port: desired.port, part: Part::Listener };
    let mut steps = Vec::new();
    let mut problems = Vec::new();
    let mut known = flags(view, desired, observed).known(&observed.attributes);
    let mut change = |subject: &Subject, wish: &Attributes, known: &Attributes| {
        let (wish, misfits) = fit(protocol, around.family, wish, known);
        problems.extend(misfits.iter().map(|misfit| misfit.problem(subject)));
        let (attributes, drift) = change(protocol, &wish, known)?;
        Some(Change { subject: subject.entry(), attributes, drift })
    };
    let mut of_listener = desired.shape.listener(Some(observed));
    if let (ListenerOrigin::Own { name }, false) = (&desired.origin, around.is_kept(view, &observed.name)) {
        of_listener.set(Attribute::Name, name.as_str());
        known.set(Attribute::Name, observed.name.as_str());
    }
    if let Some(change) = change(&listener, &of_listener, &known) {
        steps.push(Step::ModifyListener { listener: id.clone(), change });
    }
    let rules: BTreeMap<_, &Rule> =
        observed.rules.iter().map(|rule| ((rule.domain.as_str(), rule.url.as_str()), rule)).collect();
    // Certificates are chosen by domain only once the listener does so.
    let is_switching = desired.shape.is_switching(observed);
    for domain in desired.shape.domains.keys().filter(|_| !is_switching) {
        let wish = desired.shape.domain(domain, Some(observed));
        let of_domain = rules.values().filter(|rule| rule.domain == *domain);
        let subject = Subject { part: Part::Domain(domain.clone()), ..listener.clone() };
        if let Some(change) = of_domain.filter_map(|rule| change(&subject, &wish, &rule.attributes)).next() {
            steps.push(Step::ModifyDomain { listener: id.clone(), domain: domain.clone(), change });
        }
    }
    for wished in &desired.shape.rules {
        let Some(rule) = rules.get(&(wished.domain.as_str(), wished.url.as_str())) else { continue };
        let subject =
            Subject { part: Part::Rule { domain: wished.domain.clone(), url: wished.url.clone() }, ..listener.clone() };
        if let Some(change) = change(&subject, &wished.attributes, &rule.attributes) {
            steps.push(Step::ModifyRule { listener: id.clone(), rule: rule.id.clone(), change });
        }
    }
    (steps, problems)
}

/// The change that gives the load balancer this bandwidth; `None` when it has it.
pub(super) fn bandwidth(mbps: i64, known: &Attributes) -> Option<Change> {
    let attributes: Attributes = [(Attribute::Bandwidth, Value::Number(mbps))].into_iter().collect();
    let drift = attributes.drift_from(known);
    (!drift.is_empty()).then(|| Change { subject: "loadBalancer".to_owned(), attributes, drift })
}

/// A problem with the bandwidth that a config wishes.
pub(super) fn bandwidth_problem(reason: ConfigProblem, message: &str) -> EntryProblem {
    config::problem("loadBalancer", Some(Attribute::Bandwidth.field()), reason, message)
}

/// What to send, and what differs; `None` when nothing does.
///
/// Whether the cloud keeps what a partial health check leaves out is not documented, so a changed one is sent whole: as it is,
/// overlaid by the wish, without members that mean nothing for its type.
fn change(protocol: Protocol, wish: &Attributes, known: &Attributes) -> Option<(Attributes, Vec<Drift>)> {
    let drift = wish.drift_from(known);
    if drift.is_empty() {
        return None;
    }
    let mut send: Attributes = drift.iter().map(|one| (one.attribute, one.desired.clone())).collect();
    if drift.iter().any(|one| one.attribute.is_check()) {
        let kind = wish.text(Attribute::CheckType).or_else(|| known.text(Attribute::CheckType));
        let fits = |(attribute, _): &(Attribute, &Value)| attribute.is_check() && belongs(*attribute, protocol, kind);
        for (attribute, value) in known.iter().filter(fits).chain(wish.iter().filter(|(one, _)| one.is_check())) {
            send.set(attribute, value.clone());
        }
    }
    Some((send, drift))
}

/// True when a check of this type has this member. Source: `HealthCheck` of the API's data structures.
fn belongs(attribute: Attribute, protocol: Protocol, kind: Option<&str>) -> bool {
    let kind = kind.unwrap_or_default().to_ascii_uppercase();
    match attribute {
        Attribute::CheckPort => !protocol.is_layer7(),
        Attribute::CheckContextType | Attribute::CheckSend | Attribute::CheckReceive => kind == "CUSTOM",
        Attribute::CheckHttpVersion => kind == "HTTP" && !protocol.is_layer7(),
        Attribute::CheckHttpCodes | Attribute::CheckMethod => matches!(kind.as_str(), "HTTP" | "HTTPS"),
        Attribute::CheckPath | Attribute::CheckDomain => matches!(kind.as_str(), "HTTP" | "HTTPS" | "GRPC"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(values: &[(Attribute, Value)]) -> Attributes {
        values.iter().cloned().collect()
    }

    #[test]
    fn a_changed_health_check_is_sent_whole_and_fits_its_type() {
        let known = attributes(&[
            (Attribute::Scheduler, "WRR".into()),
            (Attribute::CheckInterval, 5_i64.into()),
            (Attribute::CheckTimeout, 2_i64.into()),
            (Attribute::CheckPort, (-1_i64).into()),
            (Attribute::CheckType, "HTTP".into()),
            (Attribute::CheckPath, "/".into()),
            (Attribute::CheckHttpVersion, "HTTP/1.1".into()),
        ]);
        let interval = attributes(&[(Attribute::CheckInterval, 10_i64.into())]);
        let (sent, drift) = change(Protocol::Tcp, &interval, &known).unwrap();
        assert_eq!(drift.len(), 1);
        let mut expected = known.clone();
        expected.remove(Attribute::Scheduler);
        expected.set(Attribute::CheckInterval, 10_i64);
        assert_eq!(sent, expected);
        let to_tcp = attributes(&[(Attribute::CheckType, "TCP".into())]);
        let (sent, _) = change(Protocol::Tcp, &to_tcp, &known).unwrap();
        assert_eq!((sent.get(Attribute::CheckPath), sent.get(Attribute::CheckHttpVersion)), (None, None));
        assert_eq!(sent.number(Attribute::CheckTimeout), Some(2));
        let scheduler = attributes(&[(Attribute::Scheduler, "LEAST_CONN".into())]);
        assert_eq!(change(Protocol::Tcp, &scheduler, &known).unwrap().0, scheduler, "the check stays out of it");
        assert_eq!(change(Protocol::Tcp, &known, &known), None);
    }

    #[test]
    fn a_check_of_a_rule_has_no_port() {
        let known = attributes(&[(Attribute::CheckPort, 80_i64.into()), (Attribute::CheckType, "HTTP".into())]);
        let wish = attributes(&[(Attribute::CheckMethod, "GET".into())]);
        let (sent, _) = change(Protocol::Http, &wish, &known).unwrap();
        assert_eq!(sent, attributes(&[(Attribute::CheckType, "HTTP".into()), (Attribute::CheckMethod, "GET".into())]));
    }
}
