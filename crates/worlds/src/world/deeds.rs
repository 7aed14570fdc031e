//! What acts found that have a meaning only by what there is: two plays in which they found something else are two stories, of which
//! nobody promises that they end alike.

use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::mark::{ListenerName, TargetTag};
use tke_direct_access_core::api::names;
use tke_direct_access_core::model::{ListenerId, LoadBalancerId};

use super::World;
use crate::act::{Act, Console};
use crate::console::{listener_at, listener_of_ours_at, load_balancer_at, target_at};

/// Something may have been asked of the cloud.
fn is_submitted(finalizers: &[String]) -> bool {
    finalizers.iter().any(|one| one == names::FINALIZER)
}

impl World {
    /// Notes what an act finds that is about to be done.
    pub(super) fn note_deed(&mut self, act: &Act) {
        let found = self.found(act).map(|found| format!("{act}: {found}"));
        self.outcome.deeds.extend(found);
    }

    /// What an act finds; `None` of one that names what users have said, which is the same in each play, or Pods, in whose place others
    /// come.
    pub(super) fn found(&self, act: &Act) -> Option<String> {
        match act {
            Act::Binding { name, .. } | Act::DeleteBinding(name) | Act::Replace(name) => {
                Some(self.binding_found(name).to_owned())
            }
            Act::Console(console) => Some(self.console_found(console)),
            Act::Pod(place, change) => {
                Some(self.pod_for(*place, change).map_or_else(|_| "no Pod".to_owned(), |name| self.pod_found(&name)))
            }
            Act::DeletePod(place) | Act::Unready(place, _) | Act::TakeOut(place, _) => {
                // In whose place no other comes.
                let name = self.pod_at(*place).ok().filter(|name| !self.cluster.is_replaced(name));
                name.map(|name| self.pod_found(&name))
            }
            _ => None,
        }
    }

    /// A Pod, by what is said of it and what becomes of it.
    fn pod_found(&self, name: &str) -> String {
        let annotations = self.objects.pods.get(name).and_then(|found| found.metadata.annotations.as_ref());
        format!("{} {annotations:?}", self.cluster.state_of(name))
    }

    /// A binding that a Service asked for comes and goes when the controller comes to it, and none is applied while one of its name goes.
    fn binding_found(&self, name: &str) -> &'static str {
        match self.objects.bindings.get(name).map(|found| &found.metadata) {
            None => "there is none",
            Some(meta) if meta.deletion_timestamp.is_some() => "it is being deleted",
            Some(meta) if meta.owner_references.is_some() && meta.finalizers.as_deref().is_some_and(is_submitted) => {
                "there is one that a Service asked for, and it has something in the cloud"
            }
            Some(meta) if meta.owner_references.is_some() => "there is one that a Service asked for",
            Some(_) => "there is one",
        }
    }

    fn console_found(&self, console: &Console) -> String {
        match console {
            Console::Rename(place) => {
                let found = listener_of_ours_at(self.cloud.state(), *place);
                found.map_or_else(|| "no listener".to_owned(), |(id, listener)| self.listener_called(&id, &listener))
            }
            Console::RemoveListener(place)
            | Console::AddTarget(place)
            | Console::Stop(place, _)
            | Console::SwitchOff(place) => {
                let found = listener_at(self.cloud.state(), *place);
                found.map_or_else(|| "no listener".to_owned(), |(id, listener, _)| self.listener_called(&id, &listener))
            }
            Console::RemoveTarget(place) | Console::Reweight(place, _) | Console::Retag(place, _) => {
                let Some((id, route, _, tag)) = target_at(self.cloud.state(), *place) else {
                    return "no target".to_owned();
                };
                // One that is held stays as it is made.
                let owner = TargetTag::parse(&tag).map(|tag| self.binding_called(&tag.binding_uid));
                let owner = owner.unwrap_or_else(|| "somebody".to_owned());
                format!("a target of {owner} on {}", self.listener_called(&id, &route.listener))
            }
            Console::AddListener { load_balancer: place, .. }
            | Console::RemoveLoadBalancer(place)
            | Console::Untag(place) => {
                let found = load_balancer_at(self.cloud.state(), *place);
                found.map_or_else(|| "no load balancer".to_owned(), |id| self.called(&id))
            }
        }
    }

    /// A load balancer, by whom it was made for where it has an id by chance.
    fn called(&self, id: &LoadBalancerId) -> String {
        let owner = self.cloud.tag_of(id, tke_direct_access_core::api::mark::OWNER_TAG);
        owner.map_or_else(|| id.to_string(), |uid| format!("one made for {}", self.binding_called(uid)))
    }

    fn binding_called(&self, uid: &str) -> String {
        let name = |found: &DirectAccessBinding| found.metadata.name.clone();
        self.objects.binding_of_uid(uid).and_then(name).unwrap_or_else(|| "one that is gone".to_owned())
    }

    fn listener_called(&self, id: &LoadBalancerId, listener: &ListenerId) -> String {
        let listeners = self.cloud.state().listeners(id);
        let Some(found) = listeners.iter().find(|one| one.id == *listener) else { return "no listener".to_owned() };
        let owner = ListenerName::owner(&found.name).map(|uid| self.binding_called(uid));
        let owner = owner.unwrap_or_else(|| "somebody".to_owned());
        format!("{} {} of {owner} on {}", found.protocol, found.port, self.called(id))
    }
}
