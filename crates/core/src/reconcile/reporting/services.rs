//! What a round writes on Services: annotations and addresses.

use std::sync::Arc;

use super::{Report, Writing, service_name};
use crate::api::binding::Mode;
use crate::model::{ObjectKey, Service};
use crate::plan::{BindingPlan, BindingView, ConfigView, Management, annotation};
use crate::reconcile::effect::Write;
use crate::reconcile::outbox::{About, Ending};
use crate::reconcile::surroundings::Surroundings;
use crate::status::Field;

impl Report<'_> {
    /// Writes annotations and addresses where they differ. Returns the annotations that each binding should have written.
    pub(super) fn write_services(&self, writing: &mut Writing<'_>) -> Vec<Vec<(String, String)>> {
        let mut annotations = Vec::with_capacity(self.plan.bindings.len());
        for (view, plan) in self.parts() {
            let wanted = self.annotations(view, plan.management);
            let has_voice = has_voice(view, writing.surroundings);
            let of_service = self.annotation_write(view, &wanted, plan.management).filter(|_| has_voice);
            let replaced = writing.memory.replaced_ingress.get(view.uid());
            let ingress = self.ingress_write(view, plan, replaced).filter(|_| has_voice);
            for (field, write) in [(Field::Annotations, of_service), (Field::Ingress, ingress)] {
                match write {
                    Some((service, write)) => {
                        let ticket = writing.write(view.uid(), field, write, Ending::Record(service_name(&service)));
                        if ticket.is_some() && field == Field::Ingress && is_of_others(&service) {
                            let replaced = service.ingress.clone();
                            writing.memory.replaced_ingress.insert(view.uid().to_owned(), replaced);
                        }
                    }
                    None => {
                        writing.memory.outbox.shown(&About::Binding(view.uid().to_owned(), field));
                        writing.taken(view.uid(), field);
                    }
                }
            }
            if matches!(view.config, ConfigView::None) {
                // What was refused of one that it has used is nothing to it any more.
                [Field::Config, Field::ConfigStatus].into_iter().for_each(|field| writing.taken(view.uid(), field));
            }
            annotations.push(wanted);
        }
        writing.memory.replaced_ingress.retain(|uid, _| self.uids().any(|known| known == uid));
        annotations
    }

    /// What this binding should have written on its Service.
    fn annotations(&self, view: &BindingView, management: Management) -> Vec<(String, String)> {
        let Some(service) = view.service.as_deref() else { return Vec::new() };
        let load_balancer = &self.snapshot.load_balancer;
        // As long as there is no load balancer, there is nothing to say of one.
        let is_known = view.binding.spec.mode == Mode::Delegate || !load_balancer.as_str().is_empty();
        let management = if is_known { management } else { Management::default() };
        let cluster = self.snapshot.cluster;
        annotation::annotations(view, service, load_balancer, management, cluster).into_iter().collect()
    }

    fn annotation_write(
        &self,
        view: &BindingView,
        wanted: &[(String, String)],
        management: Management,
    ) -> Option<(Arc<Service>, Write)> {
        let (service, wanted) = (view.service.clone()?, wanted.iter().cloned().collect());
        let is_due = annotation::differs(&service, &wanted)
            || annotation::are_taken_off_unseen(view, &service, management, self.snapshot.cluster);
        is_due.then(|| (service.clone(), Write::Annotations { service, wanted }))
    }

    /// Addresses of somebody else are replaced once: who writes them again wants them, and is not fought with.
    fn ingress_write(
        &self,
        view: &BindingView,
        plan: &BindingPlan,
        replaced: Option<&Vec<String>>,
    ) -> Option<(Arc<Service>, Write)> {
        let service = view.service.clone()?;
        let is_kept = match plan.management {
            Management::Park(_) => plan.left.is_none() || !plan.withheld.is_empty(),
            Management::Release(_) => !plan.withheld.is_empty(),
            _ => false,
        };
        if is_kept {
            // It leads to what serves on, as far as is known.
            return None;
        }
        let addresses = annotation::ingress(view, &service, &self.snapshot.cloud, plan.management)?;
        // An address without a listener of the binding may lead to somebody else's Pods.
        let leads_here = addresses.is_empty() || plan.listeners.iter().any(|listener| listener.id.is_some());
        let is_yielded = is_of_others(&service) && replaced == Some(&service.ingress);
        let is_due = leads_here && addresses != service.ingress && !is_yielded;
        is_due.then(|| (service.clone(), Write::Ingress { service, addresses }))
    }
}

/// Its addresses were written by somebody else.
fn is_of_others(service: &Service) -> bool {
    !service.has_our_ingress && !service.ingress.is_empty()
}

/// Only the binding that speaks for the Service writes on it, and the last one takes off what was written: otherwise two
/// would undo each other's work.
fn has_voice(view: &BindingView, surroundings: &Surroundings<'_>) -> bool {
    view.speaks_for_service || (view.is_deleting() && is_last(view, surroundings))
}

/// No live binding is left for the Service of this one.
fn is_last(view: &BindingView, surroundings: &Surroundings<'_>) -> bool {
    let namespace = view.binding.metadata.namespace.as_deref().unwrap_or_default();
    let service = ObjectKey::new(namespace, &view.binding.spec.service_ref.name);
    let bindings = surroundings.caches.bindings_of(&service);
    !bindings.iter().any(|binding| binding.metadata.deletion_timestamp.is_none())
}
