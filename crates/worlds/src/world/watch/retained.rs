//! What a binding leaves in place stays as it is.

use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::mark::{ListenerName, TargetTag};
use tke_direct_access_core::model::{Address as Target, LoadBalancerId, Route};

use super::{KNOWN, MEDDLED};
use crate::check::{Seen, Sentence};
use crate::world::World;

/// The rule of it.
const RULE: &str = "what is retained stays";

impl World {
    /// Looks at what bindings have left that are gone, or are going, and were to leave everything in place.
    pub(super) fn watch_retained(&mut self, id: &LoadBalancerId, before: &Seen, after: &Seen) {
        let is_retained =
            |uid: &str| self.checks.wanted.get(uid).is_some_and(|wish| wish.retains && wish.gone.is_some());
        let mut sentences = Vec::new();
        for (key, (name, port, _)) in &before.listeners {
            let Some(uid) = ListenerName::owner(name).filter(|uid| is_retained(uid)) else { continue };
            let is_there = after.listeners.get(key) == before.listeners.get(key);
            sentences
                .push(self.stays(id, uid, is_there, || format!("the listener on {port} of {name} is not as it was")));
            let mut lost = before.rules.keys().filter(|rule| {
                let is_its = |route: &Route| route.listener.as_str() == key && route.rule.as_ref() == Some(rule);
                before.targets.keys().any(is_its) && !after.rules.contains_key(*rule)
            });
            let lost = lost.next();
            sentences.push(self.stays(id, uid, lost.is_none(), || format!("the rule {lost:?} of {name} is gone")));
        }
        for (route, targets) in &before.targets {
            for (address, (weight, tag)) in targets {
                let Some(uid) = TargetTag::parse(tag).map(|tag| tag.binding_uid).filter(|uid| is_retained(uid)) else {
                    continue;
                };
                let left = after.targets.get(route).and_then(|all| all.get(address));
                let is_there = left == before.targets.get(route).and_then(|all| all.get(address));
                let words = || format!("{address} on {route:?} goes from {weight} to {left:?} for {uid}");
                // Nobody acts for one that is gone.
                let is_asked = self.objects.binding_of_uid(&uid).is_none() || self.lives_on(&uid, *address, tag);
                sentences.push(if is_asked {
                    self.stays(id, &uid, is_there, words)
                } else {
                    Sentence::Excused("its Pod does not serve any more")
                });
            }
        }
        sentences.into_iter().for_each(|sentence| self.judge(RULE, sentence));
    }

    /// Something of a binding is there after a change as it was before.
    fn stays(&self, id: &LoadBalancerId, uid: &str, is_there: bool, words: impl FnOnce() -> String) -> Sentence {
        let excuse = if self.checks.is_meddled_with(id, self.now, KNOWN) {
            Some(MEDDLED)
        } else if self.has_heir(uid) {
            Some("another binding goes on with it")
        } else {
            let is_going = self.objects.binding_of_uid(uid).is_some();
            (is_going && self.checks.watch.is_blurred(self.now)).then_some(super::BLURRED)
        };
        Sentence::unless(excuse, || (!is_there).then(words))
    }

    /// The Pod of a target lives, and its binding would have had it serve.
    fn lives_on(&self, uid: &str, address: Target, tag: &str) -> bool {
        let Some((name, found)) = self.pod_of(address, tag) else { return false };
        let of_service = self.checks.wanted.get(uid).and_then(|wish| self.objects.services.get(&wish.service));
        of_service.is_some_and(|service| self.is_wanted(service, name, found))
    }

    /// A binding of the same Service is there, which may take over what this one has left.
    fn has_heir(&self, uid: &str) -> bool {
        let Some(wish) = self.checks.wanted.get(uid) else { return false };
        let is_it = |one: &DirectAccessBinding| {
            one.metadata.uid.as_deref() != Some(uid) && one.spec.service_ref.name == wish.service
        };
        self.objects.bindings.values().any(is_it)
    }
}
