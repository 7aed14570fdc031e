//! What is left in the end, and what a listener may not go for.

use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::binding::{DrainAction, Mode};
use tke_direct_access_core::api::condition::Reason;
use tke_direct_access_core::api::mark::{ListenerName, TargetTag};
use tke_direct_access_core::api::names;
use tke_direct_access_core::model::Address;

use super::late::{is_left_to_tke, others_take};
use super::{annotation, asks};
use crate::check::{Sentence, ready};
use crate::pod;
use crate::world::World;

/// Why one may be left.
const LAST: &str = "another Pod answers there, and nobody else does";
/// The rule that targets of Pods that are gone go.
const GONE: &str = "no target is left of a Pod that is gone";

impl World {
    /// Looks at what is left in the end.
    pub(in crate::world) fn watch_the_end(&mut self) {
        self.watch_causes();
        let gone = self.targets_of_the_gone();
        gone.into_iter().for_each(|sentence| self.judge(GONE, sentence));
        let orphans = self.orphans().into_iter().map(|words| ("nothing is left of what is gone", words));
        let conflicts = self.own_conflicts().into_iter().map(|words| ("nobody is in his own way", words));
        let words = self.words_not_followed().into_iter().map(|words| ("what can be read is followed", words));
        let found: Vec<_> = orphans.chain(conflicts).chain(words).collect();
        found.into_iter().for_each(|(rule, words)| self.violate(rule, words));
    }

    /// Listeners of bindings that are gone, and have not asked that anything is left.
    fn orphans(&self) -> Vec<String> {
        let mut found = Vec::new();
        for listener in self.checks.seen.values().flat_map(|seen| seen.listeners.values()) {
            let (name, port, _) = listener;
            let Some(uid) = ListenerName::owner(name) else { continue };
            let is_left = self.checks.wanted.get(uid).is_some_and(|wish| wish.retains);
            // What was made for a Service is found by the binding that is made for it again.
            let has_heir = self.objects.bindings.values().any(|one| one.metadata.owner_references.is_some());
            if self.objects.binding_of_uid(uid).is_none() && !is_left && !has_heir {
                found.push(format!("the listener on {port} of {name}"));
            }
        }
        found
    }

    /// Targets of bindings that are there whose Pods are gone: nobody has held them up.
    fn targets_of_the_gone(&self) -> Vec<Sentence> {
        let mut sentences = Vec::new();
        let routes = self.checks.seen.values().flat_map(|seen| seen.targets.iter().map(move |route| (seen, route)));
        for (seen, (route, targets)) in routes {
            for (address, (weight, tag)) in targets {
                let Some(tag) = TargetTag::parse(tag) else { continue };
                let Some(binding) = self.objects.binding_of_uid(&tag.binding_uid) else { continue };
                let mut uids = self.objects.pods.values().filter_map(|found| found.metadata.uid.as_deref());
                if uids.any(|uid| uid.starts_with(&tag.pod_mark)) {
                    sentences.push(Sentence::Holds);
                    continue;
                }
                let name = binding.metadata.name.as_deref().unwrap_or_default();
                let words = || Some(format!("{address} on {route:?} has weight {weight} for {name}"));
                let ip = address.ip.to_string();
                let is_anothers = self.objects.pods.values().any(|found| pod::ip(found) == Some(&*ip));
                let is_last = (is_anothers && !others_take(seen, route, *address)).then_some(LAST);
                sentences.push(Sentence::unless(is_last.or_else(|| self.is_left_alone(binding, *address)), words));
            }
        }
        sentences
    }

    /// Why what a binding has is not taken away.
    fn is_left_alone(&self, binding: &DirectAccessBinding, address: Address) -> Option<&'static str> {
        if binding.spec.suspend || binding.metadata.deletion_timestamp.is_some() {
            return Some("the binding is suspended, or going");
        }
        if binding.spec.mode != Mode::Direct || is_left_to_tke(binding) {
            return Some("the binding is left to TKE");
        }
        let is_refused = self.checks.watch.refused.contains(&address.ip.to_string());
        is_refused
            .then_some("what names its address is refused")
            .or_else(|| self.hides_tags().then_some("tags are hidden"))
    }

    /// Bindings that find their port taken, by a listener that they have made themselves.
    fn own_conflicts(&self) -> Vec<String> {
        let mut found = Vec::new();
        for binding in self.objects.bindings.values() {
            let Some((_, reason, message)) = ready(binding) else { continue };
            // Of two bindings that want one port, one has it.
            if reason != Reason::PortConflict.as_str() || message.contains("taken by DirectAccessBinding") {
                continue;
            }
            let name = binding.metadata.name.clone().unwrap_or_default();
            let uid = binding.metadata.uid.as_deref().unwrap_or_default();
            let id = binding.status.as_ref().and_then(|status| status.load_balancer.as_ref()).map(|one| one.id.clone());
            let service = crate::world::look::service_of(binding);
            let seen = self.checks.seen.iter().find(|(of, _)| Some(of.as_str()) == id.as_deref());
            let wish = self.checks.wanted.get(uid);
            let on_port = seen.into_iter().flat_map(|(_, seen)| &seen.listeners).filter(|(_, (_, port, _))| {
                wish.is_some_and(|wish| wish.ports.iter().any(|(wanted, _)| wanted == port))
            });
            let is_own = |maker: &(String, String)| maker.0 == uid || service.as_ref() == Some(&maker.1);
            let watch = &self.checks.watch;
            let is_known = |id: &String| watch.makers.get(id).is_some_and(is_own) && !watch.unnamed.contains(id);
            let mut on_port = on_port.map(|(id, _)| is_known(id)).peekable();
            if on_port.peek().is_some() && on_port.all(|is_own| is_own) {
                found.push(format!("{name}: {message}"));
            }
        }
        found
    }

    /// Words of Services that can be read, and are not in force on their bindings.
    fn words_not_followed(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, service) in self.objects.services.iter().filter(|(_, service)| asks(service)) {
            let is_plain = annotation(service, names::DIRECT_ACCESS) == Some("true");
            let Some(own) = self.objects.bindings.get(name).filter(|own| own.metadata.owner_references.is_some())
            else {
                continue;
            };
            let wished = match annotation(service, names::GRACE_SHUTDOWN) {
                Some("true") => DrainAction::WeightZero,
                Some("false") => DrainAction::Deregister,
                _ => continue,
            };
            if is_plain && own.metadata.deletion_timestamp.is_none() && own.spec.drain.terminating != wished {
                found.push(format!("{name}: {wished:?} is said, and {:?} is so", own.spec.drain.terminating));
            }
        }
        found
    }

    /// The binding wants a listener of another protocol in the place of this one, whose certificate is in a Secret: there are none.
    pub(in crate::world) fn lacks_certificate(&self, uid: &str, port: u16, protocol: &str) -> bool {
        let Some(binding) = self.objects.binding_of_uid(uid).filter(|one| one.metadata.deletion_timestamp.is_none())
        else {
            return false;
        };
        let is_parked = binding.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(names::PARKED));
        let is_successor = |one: &tke_direct_access_core::api::binding::ListenerSpec| {
            one.port == i32::from(port) && one.protocol.as_str() != protocol && one.certificate.is_some()
        };
        !is_parked && binding.spec.listeners.iter().any(is_successor)
    }
}
