//! What a user has written on a Service and nothing is done about: it is said by name, with what to use instead.

use super::Treatment;
use super::keys::{KEYS, Key, is_known};
use super::spelling::{Unknown, misspelt, superfluous};
use super::words::Words;
use crate::api::{DirectAccessBinding, names};
use crate::model::{Annotation, KeyProblem};

/// The most keys that nobody knows that are told at once.
const TOLD: usize = 8;

impl Words<'_> {
    /// Finds everything that is said to no effect, besides what was found when the annotations were read.
    pub(super) fn find_unheeded(&mut self, own: Option<&DirectAccessBinding>) {
        let found = KEYS.iter().filter(|key| key.treatment == Treatment::Ignored && self.says_something(key));
        let found: Vec<_> = found.map(|key| KeyProblem::new(key.name, without_effect(key.meaning))).collect();
        self.unheeded.extend(found);
        self.unheeded.extend(self.foreign_load_balancer(own));
        self.unheeded.extend(self.service.field_problems.iter().cloned());
        self.find_unknown();
    }

    /// The annotation is there, and asks for something else than what is the case all the same.
    fn says_something(&self, key: &Key) -> bool {
        match self.raw(key.name) {
            None => false,
            Some(Annotation::Text(text)) => !key.usual.contains(&text.trim()),
            Some(Annotation::TooLong(_)) => true,
        }
    }

    /// A load balancer that a user has written where controllers say which one is in use, and that is another one.
    fn foreign_load_balancer(&self, own: Option<&DirectAccessBinding>) -> Option<KeyProblem> {
        let Annotation::Text(said) = self.raw(names::LOAD_BALANCER_ID)? else { return None };
        let own = own?;
        let status = own.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let wished = own.spec.load_balancer.as_ref().and_then(|balancer| balancer.id.as_deref());
        let used = status.map(|balancer| balancer.id.as_str()).filter(|id| !id.is_empty()).or(wished)?;
        (used != said.trim()).then(|| {
            let message = format!(
                "it has no effect: controllers write it, and {used} is in use; remove it. {} chooses a load balancer",
                names::EXISTING_LOAD_BALANCER_ID
            );
            KeyProblem::new(names::LOAD_BALANCER_ID, message)
        })
    }

    /// Keys that nobody knows, and of which something should be said: those under TKE's prefixes, and typing errors.
    fn find_unknown(&mut self) {
        let service = self.service;
        let is_new = |key: &&str| {
            let is_ours = service.our_annotations.iter().any(|ours| ours == key);
            !is_known(key) && !is_ours && !self.problems.iter().any(|problem| problem.key == *key)
        };
        let unknown: Vec<&str> = service.annotations.keys().filter(is_new).collect();
        let mut told = 0;
        for key in unknown {
            let kind = Unknown::of(key);
            told += usize::from(!matches!(kind, Unknown::Foreign));
            match kind {
                _ if told > TOLD => {}
                Unknown::Meant(meant) if meant.treatment != Treatment::Applied => {
                    let message = match meant.treatment {
                        Treatment::Ignored => {
                            let (name, effect) = (meant.name, without_effect(meant.meaning));
                            format!("the key is not known; where it is to be {name}, {effect}")
                        }
                        _ => format!(
                            "the key is not known; {}, which is near, is written by controllers; remove it",
                            meant.name
                        ),
                    };
                    self.unheeded.push(KeyProblem::new(key, message));
                }
                Unknown::Meant(meant) if self.raw(meant.name).is_some() => {
                    self.problems.push(superfluous(key, meant.name));
                }
                Unknown::Meant(meant) => self.problems.push(misspelt(key, meant.name)),
                Unknown::OfIngress => {
                    let message = "it has no effect: it is an annotation of Ingresses; remove it, or write the one of Services that \
                                   docs/annotations.md lists";
                    self.unheeded.push(KeyProblem::new(key, message));
                }
                Unknown::OfTke => {
                    let message = "the key is not known, and has no effect; remove it, or write one that docs/annotations.md lists";
                    self.unheeded.push(KeyProblem::new(key, message));
                }
                Unknown::Foreign => {}
            }
        }
        if told > TOLD {
            let key = names::SERVICE_PREFIX.trim_end_matches('/');
            let message = format!("{} more keys are not known; docs/annotations.md lists those that are", told - TOLD);
            self.unheeded.push(KeyProblem::new(key, message));
        }
    }
}

/// What has no effect; `meaning` says why, and what to do.
fn without_effect(meaning: &str) -> String {
    let mut rest = meaning.trim_end_matches('.').chars();
    let first = rest.next().map(|c| c.to_ascii_lowercase());
    format!("it has no effect: {}{}", first.map(String::from).unwrap_or_default(), rest.as_str())
}
