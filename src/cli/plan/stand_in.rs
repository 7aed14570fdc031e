//! The objects of a file in the place of those that are there, as applying them would put them.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::strict::{self, Kind};
use crate::api::service_config::RawServiceConfig;
use crate::api::{DirectAccessBinding, names};
use crate::cli::session::Session;
use crate::cli::world::World;
use crate::k8s::{self, BindingRow, Look, Stores, words};
use crate::model::{Known, Service};
use crate::plan::annotated::{self, Setting};
use crate::plan::config::reference;
use crate::plan::{selects, slices};
use crate::status::service::{GRACE, Outcome, condition, decide};

/// How UIDs begin of what does not exist yet: never the mark of anything in the cloud.
const NO_UID: &str = "00000000-0000-0000-0000-";

/// What a file changes.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// The names of the bindings that are concerned.
    pub(super) bindings: Vec<String>,
    /// What is worth saying: who uses what.
    pub(super) notes: Vec<String>,
    /// What annotations of Services say that is not followed.
    pub(super) faults: Vec<(String, String)>,
}

/// Puts these objects, each of this kind, into the stores.
pub(super) fn stand_in(world: &mut World, session: &Session, objects: &[(Kind, Value)]) -> Result<Changed, String> {
    let mut changed = Changed::default();
    for config in all::<RawServiceConfig>(objects, Kind::Config)? {
        world.stores.put_config(&config);
    }
    let services = all::<core::Service>(objects, Kind::Service)?;
    for object in &services {
        put_service(&world.stores, k8s::service(object));
    }
    for binding in all::<DirectAccessBinding>(objects, Kind::Binding)? {
        changed.bindings.extend(binding.metadata.name.clone());
        put_binding(&world.stores, &session.namespace, changed.bindings.len(), binding);
    }
    for object in &services {
        let name = object.metadata.name.clone().unwrap_or_default();
        if let Some(service) = world.stores.services.row(&session.namespace, &name) {
            changed.annotated(world, session, &service);
            changed.users_of_service(world, &service);
        }
    }
    for config in all::<RawServiceConfig>(objects, Kind::Config)? {
        changed.users_of_config(world, session, &config.metadata.name.unwrap_or_default());
    }
    changed.bindings.sort_unstable();
    changed.bindings.dedup();
    Ok(changed)
}

fn all<K: DeserializeOwned>(objects: &[(Kind, Value)], wanted: Kind) -> Result<Vec<K>, String> {
    let of_kind = objects.iter().filter(|(kind, _)| *kind == wanted);
    let read = |object: &Value| {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let fault = |error: serde_json::Error| {
            format!(
                "{} '{name}' has a value of another type than its field takes ({}); correct it",
                wanted.as_str(),
                words(&error)
            )
        };
        serde_json::from_value(object.clone()).map_err(fault)
    };
    of_kind.map(|(_, object)| read(object)).collect()
}

impl Changed {
    fn users_of_service(&mut self, world: &World, service: &Service) {
        let name = &service.key.name;
        let mut users = bindings(world, |binding| binding.spec.service_ref.name == *name);
        let pods = world.stores.pods.rows(&service.key.namespace);
        if users.is_empty() {
            self.notes.push(format!("no binding names Service '{name}', so it changes nothing in CLB"));
        } else if !service.selector.is_empty() && !pods.values().any(|pod| selects(service, pod)) {
            let labels: Vec<_> = service.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
            self.notes.push(format!(
                "no Pod has the labels {} of Service '{name}' yet; each that comes is registered on the listeners of {}",
                labels.join(","),
                users.join(", ")
            ));
        }
        self.bindings.append(&mut users);
    }

    fn users_of_config(&mut self, world: &World, session: &Session, name: &str) {
        let mut users = bindings(world, |binding| {
            let service = world.stores.services.row(&session.namespace, &binding.spec.service_ref.name);
            reference(binding, service.as_deref()).is_some_and(|found| found.name == name)
        });
        if users.is_empty()
            && let Look::Found(row) = world.stores.configs.look(&session.namespace, name)
        {
            // The plans of its users say the same.
            let problems = strict::problems(&row.config).into_iter();
            self.faults.extend(problems.map(|problem| (format!("TkeServiceConfig '{name}'"), problem)));
        }
        self.notes.push(if users.is_empty() {
            format!(
                "no binding uses TkeServiceConfig '{name}', so it changes nothing in CLB; name it in spec.serviceConfigRef of one"
            )
        } else {
            format!("TkeServiceConfig '{name}' is used by {}", users.join(", "))
        });
        self.bindings.append(&mut users);
    }

    /// A Service that asks for direct access by its annotations stands for a binding of its name.
    fn annotated(&mut self, world: &mut World, session: &Session, service: &Arc<Service>) {
        let rows = world.stores.bindings.rows(&session.namespace);
        let known: Vec<_> = rows.values().map(|row| without_remarks(&row.0)).collect();
        let live: Vec<_> = known.iter().collect();
        let own = annotated::own_binding(service, &live);
        // What the user asked for is asked of a controller that listens to it.
        let setting = Setting { is_default: Known::No, ..world.setting() };
        let intent = annotated::read(service, setting, own);
        // One that is new waits for a moment, in which a binding may come.
        let later = jiff::Timestamp::now().saturating_add(GRACE).unwrap_or(jiff::Timestamp::MAX);
        let verdict = decide(service, &intent, &live, later);
        let name = &service.key.name;
        let faults: Vec<_> = intent.problems.iter().map(ToString::to_string).collect();
        self.faults.extend(faults.iter().map(|problem| (format!("Service '{name}'"), problem.clone())));
        if let Some(said) = condition(&verdict, None).filter(|said| !said.is_true && faults.is_empty()) {
            self.notes.push(format!("Service '{name}': {}: {}", said.reason, said.message));
        }
        let mut binding = match (&verdict.outcome, own) {
            (Outcome::Nothing | Outcome::Wait, _) => return,
            (Outcome::Apply(wanted), _) => {
                if own.is_none() {
                    self.notes.push(format!(
                        "Service '{name}' asks for direct access by its annotations: planned as the binding '{name}' that a controller makes \
                         which runs with --annotated-services"
                    ));
                }
                let mut binding = DirectAccessBinding::new(name, wanted.spec.clone());
                binding.metadata.owner_references = Some(vec![owner(service)]);
                binding
            }
            (Outcome::Park { .. } | Outcome::Delete { .. }, None) => return,
            (Outcome::Park { mark, .. }, Some(own)) => {
                let mut binding = own.clone();
                binding.metadata.annotations.get_or_insert_default().insert(names::PARKED.to_owned(), mark.clone());
                binding
            }
            (Outcome::Delete { .. }, Some(own)) => {
                self.notes.push(format!(
                    "Service '{name}' does not ask for direct access any more: its binding '{name}' is deleted"
                ));
                let mut binding = own.clone();
                world.expect_deletion();
                binding.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::now()));
                binding
            }
        };
        binding.metadata.namespace = Some(session.namespace.clone());
        self.bindings.push(name.clone());
        put_binding(&world.stores, &session.namespace, self.bindings.len(), binding);
    }
}

/// A binding without what its status says of config and Service as they are: the file may correct that, and the plan says it anew.
fn without_remarks(binding: &DirectAccessBinding) -> DirectAccessBinding {
    let mut binding = binding.clone();
    if let Some(status) = &mut binding.status {
        status.config_problems.clear();
        status.advice.clear();
    }
    binding
}

fn owner(service: &Service) -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        name: service.key.name.clone(),
        uid: service.uid.clone(),
        controller: Some(true),
        ..OwnerReference::default()
    }
}

fn bindings(world: &World, is_meant: impl Fn(&DirectAccessBinding) -> bool) -> Vec<String> {
    let all = world.stores.bindings.all();
    let meant = all.iter().filter(|row| world.is_asked_for(&row.0) && is_meant(&row.0));
    let mut names: Vec<_> = meant.filter_map(|row| row.0.metadata.name.clone()).collect();
    names.sort_unstable();
    names
}

/// Puts a Service into the place of the one that is there, if any. Kubernetes makes its slices anew where it selects otherwise.
fn put_service(stores: &Stores, service: Service) {
    let key = service.key.clone();
    let live = stores.services.row(&key.namespace, &key.name);
    let selection = |service: &Service| (service.selector.clone(), service.ports.clone());
    if live.is_none_or(|live| selection(&live) != selection(&service)) {
        for slice in stores.slices_of(&key) {
            stores.slices.remove(&slice.key.namespace, &slice.key.name);
        }
        let pods: Vec<_> = stores.pods.rows(&key.namespace).values().cloned().collect();
        for slice in slices(&service, &pods) {
            let name = slice.key.name.clone();
            stores.slices.overwrite(&key.namespace, &name, slice);
        }
    }
    stores.services.overwrite(&key.namespace, &key.name, service);
}

/// Puts a binding into the place of the one that is there, if any. `number` tells those that are new from one another.
fn put_binding(stores: &Stores, namespace: &str, number: usize, mut binding: DirectAccessBinding) {
    let name = binding.metadata.name.clone().unwrap_or_default();
    if let Some(row) = stores.bindings.row(namespace, &name) {
        let meta = &row.0.metadata;
        binding.metadata.uid.clone_from(&meta.uid);
        binding.metadata.creation_timestamp.clone_from(&meta.creation_timestamp);
        binding.metadata.finalizers.clone_from(&meta.finalizers);
        binding.status.clone_from(&row.0.status);
    } else {
        binding.metadata.uid = Some(format!("{NO_UID}{number:012}"));
        binding.metadata.creation_timestamp = Some(Time(jiff::Timestamp::now()));
        binding.status = None;
    }
    stores.bindings.overwrite(namespace, &name, BindingRow(Arc::new(binding)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::annotated::{Acceptance, Wish, read};

    /// The API server's dry run returns the object with the resource version of the one that is there.
    #[test]
    fn what_a_file_says_of_an_object_that_exists_takes_its_place() {
        let stores = Stores::default();
        let object = |spec: Value| {
            let meta = json!({"name": "web", "namespace": "shop", "uid": "a", "resourceVersion": "1", "generation": 1});
            json!({"metadata": meta, "spec": spec})
        };
        let say = |kind: Kind, spec: Value| match kind {
            Kind::Config => stores.put_config(&serde_json::from_value(object(spec)).unwrap()),
            Kind::Service => put_service(&stores, k8s::service(&serde_json::from_value(object(spec)).unwrap())),
            Kind::Binding => {
                let mut object = object(spec);
                object["apiVersion"] = "cloud.tencent.com/v1alpha1".into();
                object["kind"] = "DirectAccessBinding".into();
                put_binding(&stores, "shop", 1, serde_json::from_value(object).unwrap());
            }
        };
        let said = |kind: Kind| match kind {
            Kind::Config => match stores.configs.look("shop", "web") {
                Look::Found(row) => format!("{:?}", row.config.wishes()),
                other => panic!("{other:?}"),
            },
            Kind::Service => format!("{:?}", stores.services.row("shop", "web").unwrap().ports),
            Kind::Binding => stores.bindings.row("shop", "web").unwrap().0.spec.service_ref.name.clone(),
        };
        let spec = |kind: Kind, number: u16| match kind {
            Kind::Config => {
                let health = json!({"enable": true, "intervalTime": number});
                json!({"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": health}]}})
            }
            Kind::Service => json!({"selector": {"app": "web"}, "ports": [{"port": number}]}),
            Kind::Binding => json!({"serviceRef": {"name": number.to_string()}, "loadBalancer": {"id": "lb-12345678"}}),
        };
        for kind in Kind::ALL {
            say(kind, spec(kind, 10));
            let before = said(kind);
            say(kind, spec(kind, 20));
            assert_ne!(said(kind), before, "{}", kind.as_str());
        }
    }

    #[test]
    fn what_the_status_says_of_a_config_that_the_file_may_correct_is_not_said_of_the_file() {
        let object = json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "a", "annotations": {
                names::DIRECT_ACCESS: "true", names::EXISTING_LOAD_BALANCER_ID: "lb-1", names::SERVICE_CONFIG: "shop",
            }},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
        });
        let service = k8s::service(&serde_json::from_value(object).unwrap());
        let setting = Setting { acceptance: Acceptance::All, has_tke: Known::No, is_default: Known::No };
        let Wish::Serve(spec, origin) = read(&service, setting, None).wish else { panic!("it asks") };
        let mut own = DirectAccessBinding::new("web", *spec);
        own.metadata.owner_references = Some(vec![owner(&service)]);
        own.metadata.annotations = Some([(names::ASKED_BY.to_owned(), origin.as_str().to_owned())].into());
        let status = json!({
            "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "configProblems": [{"entry": "TCP:80", "reason": "Invalid", "message": "61 is not from 2 to 60"}],
            "advice": [{"reason": "SessionAffinity", "message": "spec.sessionAffinity: ClientIP", "count": 0}],
        });
        own.status = Some(serde_json::from_value(status).unwrap());
        let said = |own: &DirectAccessBinding| {
            let verdict = decide(&service, &read(&service, setting, Some(own)), &[own], jiff::Timestamp::now());
            condition(&verdict, None).map(|said| said.reason)
        };
        assert_eq!(said(&own).as_deref(), Some("ConfigProblems"));
        assert_eq!(said(&without_remarks(&own)).as_deref(), Some("Accepted"));
    }
}
