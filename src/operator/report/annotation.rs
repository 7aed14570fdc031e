//! What is written on Services: annotations, by server-side apply of our own keys only, and the addresses of Services of our
//! class.

use std::net::IpAddr;

use k8s_openapi::api::core::v1 as core;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Report, settle};
use crate::api::binding::Mode;
use crate::api::names;
use crate::model::ObjectKey;
use crate::plan::{BindingPlan, BindingView, Management, annotation};

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

    /// Writes them when they differ. Returns false when the write failed.
    pub(super) async fn write_annotations(&self, view: &BindingView, wanted: &[(String, String)]) -> bool {
        let Some(service) = view.service.as_deref() else { return true };
        let wanted = wanted.iter().cloned().collect();
        if !self.has_voice(view) || !annotation::differs(service, &wanted) {
            return true;
        }
        let (namespace, name) = (&service.key.namespace, &service.key.name);
        let api = self.context.kubernetes.writes::<core::Service>(namespace);
        let patch = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "annotations": wanted},
        });
        let params = PatchParams::apply(names::FIELD_MANAGER).force();
        let result = api.patch(name, &params, &Patch::Apply(&patch)).await;
        settle(self.context, "services", result).0
    }

    /// Writes the load balancer's addresses into the status of a Service of our class, when they differ. Returns false when the
    /// write failed.
    pub(super) async fn write_ingress(&self, view: &BindingView, plan: &BindingPlan) -> bool {
        let Some(service) = view.service.as_deref() else { return true };
        let Some(wanted) = annotation::ingress(view, service, &self.snapshot.cloud, plan.management) else {
            return true;
        };
        // An address without a listener of the binding may lead to somebody else's Pods.
        let leads_here = wanted.is_empty() || plan.listeners.iter().any(|listener| listener.id.is_some());
        if !leads_here || !self.has_voice(view) || wanted == service.ingress {
            return true;
        }
        let entry = |address: &String| match address.parse::<IpAddr>() {
            Ok(ip) => json!({"ip": ip, "ipMode": "VIP"}),
            Err(_) => json!({"hostname": address}),
        };
        let ingress: Vec<_> = wanted.iter().map(entry).collect();
        let (namespace, name) = (&service.key.namespace, &service.key.name);
        let api = self.context.kubernetes.writes::<core::Service>(namespace);
        let patch = json!({"status": {"loadBalancer": {"ingress": ingress}}});
        let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let result = api.patch_status(name, &params, &Patch::Merge(&patch)).await;
        settle(self.context, "services/status", result).0
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
