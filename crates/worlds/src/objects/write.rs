//! What the API server says to the controller's writes. As the edges write: field by field, never an object of another UID.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use garde::Validate;
use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    Condition, FieldsV1, ManagedFieldsEntry, ObjectMeta, OwnerReference, Time,
};
use kube::core::DynamicObject;
use serde_json::{Value, json};
use tke_direct_access_core::api::service_config::RawServiceConfig;
use tke_direct_access_core::api::{DirectAccessBinding, TkeServiceConfigStatus, names};
use tke_direct_access_core::model::{Service, ServiceCondition};
use tke_direct_access_core::plan::config::ConfigObject;
use tke_direct_access_core::reconcile::{NotTaken, Taken, Write};
use tke_direct_access_core::status::service::Application;
use tke_direct_access_core::status::{GateCondition, RefusalKind};

use super::Objects;

/// What the API server says to finalizers that an object does not have which is being deleted.
/// Source: k8s.io/apimachinery, pkg/api/validation/objectmeta.go, `ValidateNoNewFinalizers`.
pub const NO_NEW_FINALIZERS: &str = "no new finalizers can be added if the object is being deleted";

fn outdated(what: &str) -> NotTaken {
    NotTaken { kind: RefusalKind::Outdated, words: format!("{what} is not what was read") }
}

fn invalid(words: String) -> NotTaken {
    NotTaken { kind: RefusalKind::Lasting, words }
}

impl Objects {
    /// Takes a write, or says why not.
    pub(crate) fn write(&mut self, write: Write) -> Result<Taken, NotTaken> {
        match write {
            Write::Finalizers { binding, ours } => self.write_finalizers(&binding, &ours),
            Write::Status { binding, status } => {
                let mut found = self.same_binding(&binding.metadata)?;
                found.status = Some(*status);
                self.written_binding(found)
            }
            Write::Gate { pod, uid, condition } => self.write_gate(&pod.name, &uid, &condition),
            Write::Annotations { service, wanted } => self.write_annotations(&service, wanted),
            Write::Ingress { service, addresses } => self.write_ingress(&service, &addresses),
            Write::NewBinding(new) => self.write_own_binding(new.service(), new.wanted().clone()),
            Write::OwnBinding { service, uid, wanted } => {
                let name = Some(service.key.name.clone());
                self.same_binding(&ObjectMeta { name, uid: Some(uid), ..ObjectMeta::default() })?;
                self.write_own_binding(&service, *wanted)
            }
            Write::Mark { binding, uid, mark } => {
                let meta = ObjectMeta { name: Some(binding.name), uid: Some(uid), ..ObjectMeta::default() };
                let mut found = self.same_binding(&meta)?;
                let annotations = found.metadata.annotations.get_or_insert_default();
                annotations.remove(names::PARKED);
                annotations.extend(mark.map(|mark| (names::PARKED.to_owned(), mark)));
                self.written_binding(found)
            }
            Write::Deletion { binding, uid } => {
                let name = binding.name;
                let meta = ObjectMeta { name: Some(name.clone()), uid: Some(uid), ..ObjectMeta::default() };
                self.same_binding(&meta)?;
                self.delete_binding(&name);
                Ok(Taken::Other)
            }
            Write::ServiceConditions { service, condition, bound_by_hand } => self.write_conditions(
                &service,
                [(names::SERVICE_CONDITION, condition), (names::SERVICE_BOUND_BY_HAND, bound_by_hand)],
            ),
            Write::NewConfig { config } => self.new_config(*config),
            Write::Config { config } => self.change_config(*config),
            Write::ConfigStatus { config, status } => self.write_config_status(&config, &status),
        }
    }

    fn same_binding(&self, meta: &ObjectMeta) -> Result<DirectAccessBinding, NotTaken> {
        let name = meta.name.as_deref().unwrap_or_default();
        let found = self.bindings.get(name).filter(|found| found.metadata.uid == meta.uid);
        found.cloned().ok_or_else(|| outdated(name))
    }

    fn same_service(&self, service: &Service) -> Result<core::Service, NotTaken> {
        let found = self.services.get(&service.key.name);
        let found = found.filter(|found| found.metadata.uid.as_deref() == Some(&service.uid));
        found.cloned().ok_or_else(|| outdated(&service.key.name))
    }

    fn written_binding(&mut self, binding: DirectAccessBinding) -> Result<Taken, NotTaken> {
        let name = binding.metadata.name.clone().unwrap_or_default();
        let shown = binding.clone();
        self.put_binding(binding);
        Ok(Taken::Binding(Arc::new(self.bindings.get(&name).cloned().unwrap_or(shown))))
    }

    fn write_finalizers(&mut self, read: &DirectAccessBinding, ours: &[&str]) -> Result<Taken, NotTaken> {
        let mut found = self.same_binding(&read.metadata)?;
        let known = read.metadata.finalizers.clone().unwrap_or_default();
        let is_same = if known.is_empty() {
            found.metadata.resource_version == read.metadata.resource_version
        } else {
            found.metadata.finalizers.as_ref() == Some(&known)
        };
        if !is_same {
            return Err(outdated(read.metadata.name.as_deref().unwrap_or_default()));
        }
        let is_others = |one: &&String| ![names::FINALIZER, names::FIRST_FINALIZER].contains(&one.as_str());
        let others = known.iter().filter(is_others).cloned();
        let is_new = |one: &&&str| !known.iter().any(|known| known == **one);
        if found.metadata.deletion_timestamp.is_some() && ours.iter().any(|one| is_new(&one)) {
            return Err(NotTaken { kind: RefusalKind::Outdated, words: NO_NEW_FINALIZERS.to_owned() });
        }
        found.metadata.finalizers = Some(others.chain(ours.iter().map(|one| (*one).to_owned())).collect());
        self.written_binding(found)
    }

    fn write_gate(&mut self, name: &str, uid: &str, condition: &GateCondition) -> Result<Taken, NotTaken> {
        let found = self.pods.get(name).filter(|found| found.metadata.uid.as_deref() == Some(uid));
        let mut pod = found.cloned().ok_or_else(|| outdated(name))?;
        let time = self.time();
        let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
        conditions.retain(|found| found.type_ != names::GATE);
        conditions.push(core::PodCondition {
            type_: names::GATE.to_owned(),
            status: if condition.is_open { "True" } else { "False" }.to_owned(),
            reason: Some(condition.reason.as_str().to_owned()),
            message: Some(condition.message_at(self.wall)),
            last_transition_time: Some(time),
            ..core::PodCondition::default()
        });
        self.put_pod(pod);
        Ok(Taken::Other)
    }

    fn write_annotations(&mut self, read: &Service, wanted: BTreeMap<String, String>) -> Result<Taken, NotTaken> {
        let mut service = self.same_service(read)?;
        let fields = |fields: &Value| fields.pointer("/f:metadata/f:annotations").and_then(Value::as_object).cloned();
        let owned = ours(&service.metadata, "").and_then(fields).unwrap_or_default();
        let annotations = service.metadata.annotations.get_or_insert_default();
        for key in owned.keys().filter_map(|key| key.strip_prefix("f:")) {
            if !wanted.contains_key(key) {
                annotations.remove(key);
            }
        }
        let keys: serde_json::Map<_, _> = wanted.keys().map(|key| (format!("f:{key}"), json!({}))).collect();
        annotations.extend(wanted);
        let fields = json!({"f:metadata": {"f:annotations": keys}});
        own(&mut service.metadata, "", (!keys.is_empty()).then_some(fields));
        self.put_service(service);
        Ok(Taken::Other)
    }

    fn write_ingress(&mut self, read: &Service, addresses: &[String]) -> Result<Taken, NotTaken> {
        let mut service = self.same_service(read)?;
        let was_ours = ours(&service.metadata, "status").is_some();
        let entry = |address: &String| core::LoadBalancerIngress {
            ip: Some(address.clone()),
            ip_mode: Some("VIP".to_owned()),
            ..core::LoadBalancerIngress::default()
        };
        let status = service.status.get_or_insert_default();
        if !addresses.is_empty() {
            let ingress = addresses.iter().map(entry).collect();
            status.load_balancer = Some(core::LoadBalancerStatus { ingress: Some(ingress) });
        } else if was_ours {
            status.load_balancer = None;
        }
        let fields = json!({"f:status": {"f:loadBalancer": {"f:ingress": {}}}});
        own(&mut service.metadata, "status", (!addresses.is_empty()).then_some(fields));
        self.put_service(service);
        Ok(Taken::Other)
    }

    fn write_own_binding(&mut self, service: &Service, wanted: Application) -> Result<Taken, NotTaken> {
        wanted.spec.validate().map_err(|report| invalid(report.to_string()))?;
        let name = service.key.name.clone();
        let owner = OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            name: name.clone(),
            uid: service.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        };
        let mut binding = match self.bindings.get(&name) {
            Some(found) => found.clone(),
            None => {
                let mut new = DirectAccessBinding::new(&name, wanted.spec.clone());
                new.metadata = self.new_meta(&name);
                new
            }
        };
        binding.spec = wanted.spec;
        binding.metadata.owner_references = Some(vec![owner]);
        let annotations = binding.metadata.annotations.get_or_insert_default();
        annotations.insert(names::ASKED_BY.to_owned(), wanted.origin.as_str().to_owned());
        self.put_binding(binding);
        Ok(Taken::Other)
    }

    fn write_conditions(
        &mut self,
        read: &Service,
        wanted: [(&str, Option<ServiceCondition>); 2],
    ) -> Result<Taken, NotTaken> {
        let mut service = self.same_service(read)?;
        let time = self.time();
        let conditions = service.status.get_or_insert_default().conditions.get_or_insert_default();
        for (kind, wanted) in wanted {
            let before = conditions.iter().position(|found| found.type_ == kind).map(|place| conditions.remove(place));
            conditions.extend(wanted.map(|new| match before {
                Some(before) if is_said(&before, &new) => before,
                _ => written(kind, new, time.clone()),
            }));
        }
        self.put_service(service);
        Ok(Taken::Other)
    }

    fn new_config(&mut self, config: DynamicObject) -> Result<Taken, NotTaken> {
        let name = config.metadata.name.clone().unwrap_or_default();
        if self.configs.contains_key(&name) {
            return Err(outdated(&name));
        }
        let mut new = raw(config)?;
        let meta = self.new_meta(&name);
        new.metadata =
            ObjectMeta { owner_references: new.metadata.owner_references, labels: new.metadata.labels, ..meta };
        self.put_config(new);
        Ok(Taken::Other)
    }

    fn change_config(&mut self, config: DynamicObject) -> Result<Taken, NotTaken> {
        let name = config.metadata.name.clone().unwrap_or_default();
        let found = self.configs.get(&name).filter(|found| {
            found.metadata.uid == config.metadata.uid
                && found.metadata.resource_version == config.metadata.resource_version
        });
        if found.is_none() {
            return Err(outdated(&name));
        }
        let new = raw(config)?;
        self.put_config(new);
        Ok(Taken::Other)
    }

    fn write_config_status(&mut self, read: &ConfigObject, status: &TkeServiceConfigStatus) -> Result<Taken, NotTaken> {
        let meta = &read.object.metadata;
        let name = meta.name.clone().unwrap_or_default();
        let found = self.configs.get(&name).filter(|found| found.metadata.uid == meta.uid);
        let mut config = found.cloned().ok_or_else(|| outdated(&name))?;
        let status = serde_json::to_value(status).map_err(|error| invalid(error.to_string()))?;
        config.fields.insert("status".to_owned(), status);
        self.put_config(config);
        Ok(Taken::Other)
    }
}

fn is_said(before: &Condition, new: &ServiceCondition) -> bool {
    (before.status == "True") == new.is_true && before.reason == new.reason && before.message == new.message
}

fn written(kind: &str, new: ServiceCondition, time: Time) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: if new.is_true { "True" } else { "False" }.to_owned(),
        reason: new.reason,
        message: new.message,
        last_transition_time: time,
        observed_generation: None,
    }
}

fn raw(config: DynamicObject) -> Result<RawServiceConfig, NotTaken> {
    let value = serde_json::to_value(config).map_err(|error| invalid(error.to_string()))?;
    let mut config: RawServiceConfig = serde_json::from_value(value).map_err(|error| invalid(error.to_string()))?;
    config.fields.remove("apiVersion");
    config.fields.remove("kind");
    Ok(config)
}

/// What our field manager owns, by way of a subresource.
fn ours<'a>(meta: &'a ObjectMeta, subresource: &str) -> Option<&'a Value> {
    let entry = meta.managed_fields.iter().flatten().find(|entry| is_ours(entry, subresource))?;
    entry.fields_v1.as_ref().map(|fields| &fields.0)
}

/// The annotations that our field manager owns.
pub(crate) fn own_annotations(meta: &ObjectMeta) -> BTreeSet<String> {
    let fields = ours(meta, "").and_then(|fields| fields.pointer("/f:metadata/f:annotations")?.as_object());
    fields.into_iter().flat_map(|all| all.keys()).filter_map(|key| key.strip_prefix("f:")).map(str::to_owned).collect()
}

/// Somebody else has written these annotations: our field manager owns them no more.
pub(crate) fn disown_annotations(meta: &mut ObjectMeta, written: &BTreeSet<String>) {
    let left: serde_json::Map<_, _> =
        own_annotations(meta).difference(written).map(|key| (format!("f:{key}"), json!({}))).collect();
    let fields = json!({"f:metadata": {"f:annotations": left}});
    own(meta, "", (!left.is_empty()).then_some(fields));
}

fn is_ours(entry: &ManagedFieldsEntry, subresource: &str) -> bool {
    entry.manager.as_deref() == Some(names::FIELD_MANAGER)
        && entry.subresource.as_deref().unwrap_or_default() == subresource
}

/// Our field manager owns these from now on, or nothing.
fn own(meta: &mut ObjectMeta, subresource: &str, fields: Option<Value>) {
    let managed = meta.managed_fields.get_or_insert_default();
    managed.retain(|entry| !is_ours(entry, subresource));
    managed.extend(fields.map(|fields| ManagedFieldsEntry {
        manager: Some(names::FIELD_MANAGER.to_owned()),
        operation: Some("Apply".to_owned()),
        subresource: (!subresource.is_empty()).then(|| subresource.to_owned()),
        fields_v1: Some(FieldsV1(fields)),
        time: Some(Time(Timestamp::UNIX_EPOCH)),
        ..ManagedFieldsEntry::default()
    }));
}
