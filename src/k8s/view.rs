//! A binding together with the objects that it refers to, from the stores.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::index::Word;
use super::stores::BindingRow;
use super::{Look, Stores};
use crate::api::DirectAccessBinding;
use crate::model::{ObjectKey, Phase};
use crate::plan::annotated::Setting;
use crate::plan::config::{Reference, reference};
use crate::plan::{ClusterView, ConfigUsers, ConfigView, DefinitionSight, Departure};

impl Stores {
    /// The binding with the objects it refers to. `certificates` are the ids of certificates, or why there is none, by the name of
    /// the Secret in the binding's namespace; `definition` is absent until it was asked for.
    pub fn view(
        &self,
        binding: Arc<DirectAccessBinding>,
        certificates: BTreeMap<String, Result<String, String>>,
        definition: Option<DefinitionSight>,
        setting: Setting,
    ) -> ClusterView {
        let namespace = binding.metadata.namespace.clone().unwrap_or_default();
        let service_key = ObjectKey::new(&namespace, &binding.spec.service_ref.name);
        let service = self.services.row(&namespace, &service_key.name);
        let config = match reference(&binding, service.as_deref()) {
            None => ConfigView::None,
            Some(Reference { name, is_auto }) => match self.configs.look(&namespace, &name) {
                Look::Absent | Look::Refused(_) if is_auto => ConfigView::Making,
                Look::Absent => ConfigView::Missing(self.config_names(&namespace)),
                Look::Refused(words) => ConfigView::Refused(words),
                Look::Found(row) if is_auto && !row.is_owned_by(binding.metadata.uid.as_deref()) => ConfigView::Foreign,
                Look::Found(row) => {
                    ConfigView::Found { config: row.config.clone(), users: self.config_users(&namespace, &name) }
                }
            },
        };
        let departure = Departure::of(&binding, service.as_deref(), definition, setting);
        ClusterView {
            certificates,
            service,
            slices: self.slices_of(&service_key),
            pods: self.pods.rows(&namespace),
            speaks_for_service: self.speaks_for_service(&binding),
            departure,
            config,
            binding,
        }
    }

    /// Whether a binding of this UID is there.
    pub fn has_binding(&self, uid: &str) -> bool {
        self.bindings.has(&Word::Uid(uid.to_owned()))
    }

    /// Whether this binding is the only one that uses a config.
    fn config_users(&self, namespace: &str, name: &str) -> ConfigUsers {
        let is_user = |row: &BindingRow| {
            let service = self.services.row(namespace, &row.0.spec.service_ref.name);
            let is_living = row.0.metadata.deletion_timestamp.is_none();
            is_living && reference(&row.0, service.as_deref()).is_some_and(|found| found.name == name)
        };
        let rows = self.bindings.rows(namespace);
        if rows.values().filter(|row| is_user(row)).nth(1).is_some() { ConfigUsers::Several } else { ConfigUsers::This }
    }

    /// The names of the configs of a namespace, sorted.
    fn config_names(&self, namespace: &str) -> Vec<String> {
        self.configs.rows(namespace).keys().cloned().collect()
    }

    /// Which of these addresses, each registered for a Pod of this namespace whose UID begins with a mark, another living Pod of the
    /// cluster has by now: what is sent there would reach somebody else.
    pub fn reassigned(&self, namespace: &str, registered: &BTreeMap<IpAddr, String>) -> BTreeSet<IpAddr> {
        let pods = self.pods.rows(namespace);
        // Pods that are where they are registered are the usual case, and need no look at others.
        let is_there = |(ip, mark): &(&IpAddr, &String)| {
            let pod = pods.range((*mark).clone()..).next().filter(|(uid, _)| uid.starts_with(mark.as_str()));
            pod.is_some_and(|(_, pod)| pod.phase != Phase::Unknown && pod.ips.contains(ip))
        };
        let doubtful: BTreeMap<IpAddr, &str> =
            registered.iter().filter(|row| !is_there(row)).map(|(ip, mark)| (*ip, mark.as_str())).collect();
        if doubtful.is_empty() {
            return BTreeSet::new();
        }
        let all = self.pods.all();
        let living =
            all.iter().filter(|pod| !matches!(pod.phase, Phase::Finished | Phase::Unknown) && !pod.host_network);
        let addresses = living.flat_map(|pod| pod.ips.iter().map(|ip| (*ip, pod.uid.as_str())));
        addresses
            .filter(|(ip, uid)| doubtful.get(ip).is_some_and(|mark| !uid.starts_with(mark)))
            .map(|(ip, _)| ip)
            .collect()
    }

    /// True for the oldest live binding of a Service.
    fn speaks_for_service(&self, binding: &DirectAccessBinding) -> bool {
        let namespace = binding.metadata.namespace.as_deref().unwrap_or_default();
        let age = |binding: &DirectAccessBinding| {
            let created = binding.metadata.creation_timestamp.as_ref().map(|time| time.0);
            (created, binding.metadata.uid.clone().unwrap_or_default())
        };
        let rows = self.bindings_of(&ObjectKey::new(namespace, &binding.spec.service_ref.name));
        let rivals = rows.iter().filter(|row| row.0.metadata.deletion_timestamp.is_none());
        rivals.map(|row| age(&row.0)).min().is_none_or(|oldest| oldest == age(binding))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::k8s;
    use crate::model::Known;
    use crate::plan::Doubt;
    use crate::plan::annotated::Acceptance;

    /// Whoever makes a view is told why the binding goes, the controller and the plugin alike.
    #[test]
    fn a_view_says_why_its_binding_goes() {
        let setting = Setting { acceptance: Acceptance::All, has_tke: Known::No, is_default: Known::No };
        let departure = |ask: &str, is_deleting: bool, definition| {
            let stores = Stores::default();
            let service = json!({
                "metadata": {"namespace": "shop", "name": "web", "uid": "s", "annotations": {
                    "service.cloud.tencent.com/direct-access": ask, "service.kubernetes.io/tke-existed-lbid": "lb-12345678",
                }},
                "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
            });
            stores.services.put("shop", "web", k8s::service(&serde_json::from_value(service).unwrap()));
            let owner = json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "s", "controller": true});
            let deleted = if is_deleting { json!("2026-01-01T00:00:00Z") } else { Value::Null };
            let binding = json!({
                "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
                "metadata": {"namespace": "shop", "name": "web", "ownerReferences": [owner], "deletionTimestamp": deleted},
                "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-12345678"}},
            });
            let binding = Arc::new(serde_json::from_value(binding).unwrap());
            stores.view(binding, BTreeMap::new(), definition, setting).departure
        };
        let stays = Some(DefinitionSight::Stays);
        for (ask, is_deleting, definition, expected) in [
            ("true", false, stays, Departure::Usual),
            ("true", true, stays, Departure::MadeAgain),
            ("false", true, stays, Departure::Usual),
            ("true", true, Some(DefinitionSight::Goes), Departure::DefinitionDeleted),
            ("true", true, Some(DefinitionSight::Unreadable), Departure::Unknown(Doubt::Definition)),
            ("true", true, None, Departure::Unknown(Doubt::Definition)),
        ] {
            assert_eq!(departure(ask, is_deleting, definition), expected, "{ask} {definition:?}");
        }
    }
}
