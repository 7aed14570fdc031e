//! What is written on Services: annotations, by server-side apply of our own keys only, and the addresses of Services of our
//! class.

use std::net::IpAddr;

use k8s_openapi::api::core::v1 as core;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::refusal::service_name;
use super::{Report, record_write};
use crate::api::binding::Mode;
use crate::api::names;
use crate::model::{ObjectKey, Service};
use crate::plan::{BindingPlan, BindingView, Management, annotation};
use crate::status::Field;

impl Report<'_> {
    /// What this binding should have written on its Service.
    pub(super) fn annotations(&self, view: &BindingView, management: Management) -> Vec<(String, String)> {
        let Some(service) = view.service.as_deref() else { return Vec::new() };
        // As long as there is no load balancer, there is nothing to say of one.
        let is_known = view.binding.spec.mode == Mode::Delegate || !self.load_balancer().as_str().is_empty();
        let management = if is_known { management } else { Management::Freeze };
        let (load_balancer, cluster) = (self.load_balancer(), self.snapshot.cluster);
        annotation::annotations(view, service, load_balancer, management, cluster).into_iter().collect()
    }

    /// Writes them when they differ.
    pub(super) async fn write_annotations(&self, view: &BindingView, wanted: &[(String, String)]) {
        let wanted = wanted.iter().cloned().collect();
        let differs = |service: &&Service| self.has_voice(view) && annotation::differs(service, &wanted);
        let Some(service) = view.service.as_deref().filter(differs) else {
            return self.context.refused.taken(view.uid(), Field::Annotations);
        };
        let (namespace, name) = (&service.key.namespace, &service.key.name);
        let api = self.context.kubernetes.writes::<core::Service>(namespace);
        let patch = json!({
            "apiVersion": "v1",
            "kind": "Service",
            // The UID keeps it away from another Service of the name, and from making one.
            "metadata": {"name": name, "namespace": namespace, "uid": service.uid, "annotations": wanted},
        });
        let params = PatchParams::apply(names::FIELD_MANAGER).force();
        let write =
            async { record_write(self.context, "services", api.patch(name, &params, &Patch::Apply(&patch)).await) };
        self.attempt(view, Field::Annotations, &service_name(service), write).await;
    }

    /// Writes the load balancer's addresses into the status of a Service of our class, when they differ.
    pub(super) async fn write_ingress(&self, view: &BindingView, plan: &BindingPlan) {
        let Some((service, wanted)) = self.ingress(view, plan) else {
            return self.context.refused.taken(view.uid(), Field::Ingress);
        };
        let entry = |address: &String| match address.parse::<IpAddr>() {
            Ok(ip) => json!({"ip": ip, "ipMode": "VIP"}),
            Err(_) => json!({"hostname": address}),
        };
        let ingress: Vec<_> = wanted.iter().map(entry).collect();
        let (namespace, name) = (&service.key.namespace, &service.key.name);
        let api = self.context.kubernetes.writes::<core::Service>(namespace);
        let patch = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "uid": service.uid},
            "status": {"loadBalancer": {"ingress": ingress}},
        });
        let params = PatchParams::apply(names::FIELD_MANAGER).force();
        let write = async {
            let result = api.patch_status(name, &params, &Patch::Apply(&patch)).await;
            record_write(self.context, "services/status", result)
        };
        self.attempt(view, Field::Ingress, &service_name(service), write).await;
    }

    /// The addresses to write, and the Service; `None` when nothing is to be written.
    fn ingress<'a>(&self, view: &'a BindingView, plan: &BindingPlan) -> Option<(&'a Service, Vec<String>)> {
        let service = view.service.as_deref()?;
        let wanted = annotation::ingress(view, service, &self.snapshot.cloud, plan.management)?;
        // An address without a listener of the binding may lead to somebody else's Pods.
        let leads_here = wanted.is_empty() || plan.listeners.iter().any(|listener| listener.id.is_some());
        (leads_here && self.has_voice(view) && wanted != service.ingress).then_some((service, wanted))
    }

    /// Only the binding that speaks for the Service writes on it, and the last one takes off what was written: otherwise two
    /// would undo each other's work.
    fn has_voice(&self, view: &BindingView) -> bool {
        view.speaks_for_service || (view.is_deleting() && self.is_last(view))
    }

    /// No live binding is left for the Service of this one.
    fn is_last(&self, view: &BindingView) -> bool {
        let namespace = view.binding.metadata.namespace.as_deref().unwrap_or_default();
        let service = ObjectKey::new(namespace, &view.binding.spec.service_ref.name);
        !self.context.stores.bindings_of(&service).iter().any(|row| row.0.metadata.deletion_timestamp.is_none())
    }
}
