//! What a config names that none of the bindings which use it has.

use std::collections::BTreeSet;

use crate::api::binding::{DirectAccessBindingSpec, ListenerStatus};
use crate::api::condition::ConfigProblem;
use crate::api::service_config::EntryProblem;
use crate::plan::config::{Part, Subject, Wishes, problem};

/// Protocol and port.
type Key<'a> = (&'a str, i32);

fn key_of(subject: &Subject) -> Key<'_> {
    (subject.protocol.as_str(), i32::from(subject.port))
}

/// What bindings have: listeners, domains and rules, as their specs and statuses name them.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    listeners: BTreeSet<Key<'a>>,
    domains: BTreeSet<(Key<'a>, &'a str)>,
    rules: BTreeSet<(Key<'a>, &'a str, &'a str)>,
}

impl<'a> Names<'a> {
    /// Adds what a binding has by its spec, and by these rows of its status: the cloud has a name of its own for an empty domain.
    pub(super) fn add(&mut self, spec: &'a DirectAccessBindingSpec, rows: &'a [ListenerStatus]) {
        for listener in &spec.listeners {
            let key = (listener.protocol.as_str(), listener.port);
            let rules = listener.rules.iter().map(|rule| (rule.domain.as_str(), rule.url.as_str()));
            let usual = listener.rules.is_empty().then_some(("", "/"));
            self.add_listener(key, rules.chain(usual));
        }
        for row in rows {
            let rules = row.rules.iter().map(|rule| (rule.domain.as_str(), rule.url.as_str()));
            self.add_listener((row.protocol.as_str(), row.port), rules);
        }
    }

    fn add_listener(&mut self, key: Key<'a>, rules: impl Iterator<Item = (&'a str, &'a str)>) {
        self.listeners.insert(key);
        for (domain, url) in rules {
            self.domains.insert((key, domain));
            self.rules.insert((key, domain, url));
        }
    }

    /// What is said of each name of the config that is not among these. What follows from another is not said.
    pub(super) fn unmatched<'b>(&'b self, wishes: &'b Wishes) -> impl Iterator<Item = EntryProblem> + 'b {
        wishes.subjects().iter().filter_map(|subject| self.unmatched_one(subject))
    }

    /// What is said of the entries of a config that others use too, as far as the binding of this name, whose these are, has nothing of
    /// it: those for a port that it has with another protocol, all of them where it has none of their listeners, and a default domain
    /// that its listener has no rule of.
    pub(super) fn for_nothing_of<'b>(
        &'b self,
        wishes: &'b Wishes,
        binding: &'b str,
    ) -> impl Iterator<Item = EntryProblem> + 'b {
        let subjects = wishes.subjects();
        let has_listener = |subject: &Subject| self.listeners.contains(&key_of(subject));
        let is_for_it = wishes.bandwidth().is_some() || subjects.iter().any(has_listener);
        let answered: BTreeSet<_> = subjects.iter().filter(|one| has_listener(one)).map(|one| one.port).collect();
        let listeners = subjects.iter().filter(move |one| one.part == Part::Listener && !has_listener(one));
        let is_amiss = move |port| !is_for_it || (self.has_port(port) && !answered.contains(&port));
        let defaults = subjects.iter().filter(|one| matches!(one.part, Part::DefaultServer(_)));
        let defaults = defaults.filter_map(|one| self.unmatched_one(one));
        let listeners = listeners.filter(move |one| is_amiss(one.port)).map(move |one| {
            let message = format!(
                "DirectAccessBinding '{binding}' uses this config too, and has no such listener; correct protocol and port, add an entry \
                 for a listener of that binding, or let it use another config"
            );
            problem(&one.entry(), None, ConfigProblem::NoListener, &message)
        });
        listeners.chain(defaults)
    }

    fn has_port(&self, port: u16) -> bool {
        self.listeners.iter().any(|(_, found)| *found == i32::from(port))
    }

    /// Whether one of the bindings has it.
    pub(super) fn has(&self, subject: &Subject) -> bool {
        let key = key_of(subject);
        match &subject.part {
            Part::Listener => self.listeners.contains(&key),
            Part::Domain(domain) | Part::DefaultServer(domain) => self.domains.contains(&(key, domain)),
            Part::Rule { domain, url } => self.rules.contains(&(key, domain, url)),
        }
    }

    fn unmatched_one(&self, subject: &Subject) -> Option<EntryProblem> {
        let key = key_of(subject);
        let has_listener = self.listeners.contains(&key);
        let has_domain = |domain: &str| self.domains.contains(&(key, domain));
        let (field, reason, message) = match &subject.part {
            Part::Listener if !has_listener => (
                None,
                ConfigProblem::NoListener,
                "no binding that uses this config has such a listener; correct protocol and port, or remove the entry",
            ),
            Part::Domain(domain) if has_listener && !has_domain(domain) => (
                None,
                ConfigProblem::NoDomain,
                "no binding that uses this config has a rule of such a domain; correct the domain, or remove it",
            ),
            Part::DefaultServer(domain) if has_listener && !has_domain(domain) => (
                Some("defaultServer"),
                ConfigProblem::NoDomain,
                "the listener has no rule of such a domain; name one of its domains, or remove the field",
            ),
            Part::Rule { domain, url } if has_domain(domain) && !self.rules.contains(&(key, domain, url)) => (
                None,
                ConfigProblem::NoRule,
                "no binding that uses this config has such a rule; correct domain and url, or remove the entry",
            ),
            _ => return None,
        };
        Some(problem(&subject.entry(), field, reason, message))
    }
}
