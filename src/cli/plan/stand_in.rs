//! The objects of a file in the place of those that are there, as applying them would put them.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::strict::Kind;
use crate::api::DirectAccessBinding;
use crate::api::service_config::RawServiceConfig;
use crate::cli::session::Session;
use crate::cli::world::World;
use crate::k8s::{self, BindingRow, words};
use crate::model::{Known, Service};
use crate::plan::annotated::{self, Acceptance, Setting, Wish};
use crate::plan::config::reference;
use crate::status::service::lacking;

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
pub(super) fn stand_in(world: &World, session: &Session, objects: &[(Kind, Value)]) -> Result<Changed, String> {
    let mut changed = Changed::default();
    for config in all::<RawServiceConfig>(objects, Kind::Config)? {
        world.stores.put_config(&config);
    }
    let services = all::<core::Service>(objects, Kind::Service)?;
    for object in &services {
        stand_in_service(world, object);
    }
    for binding in all::<DirectAccessBinding>(objects, Kind::Binding)? {
        changed.bindings.extend(binding.metadata.name.clone());
        stand_in_binding(world, session, changed.bindings.len(), binding);
    }
    for object in &services {
        let name = object.metadata.name.clone().unwrap_or_default();
        if let Some(service) = world.stores.services.row(&session.namespace, &name) {
            changed.annotated(world, session, &service);
            changed.users_of_service(world, &name);
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
    fn users_of_service(&mut self, world: &World, name: &str) {
        let mut users = bindings(world, |binding| binding.spec.service_ref.name == name);
        if users.is_empty() {
            self.notes.push(format!("no binding names Service '{name}', so it changes nothing in CLB"));
        }
        self.bindings.append(&mut users);
    }

    fn users_of_config(&mut self, world: &World, session: &Session, name: &str) {
        let mut users = bindings(world, |binding| {
            let service = world.stores.services.row(&session.namespace, &binding.spec.service_ref.name);
            reference(binding, service.as_deref()).is_some_and(|found| found.name == name)
        });
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
    fn annotated(&mut self, world: &World, session: &Session, service: &Arc<Service>) {
        let rows = world.stores.bindings.rows(&session.namespace);
        let live: Vec<_> = rows.values().map(|row| &*row.0).collect();
        let own = annotated::own_binding(service, &live);
        // What the user asked for is asked of a controller that listens to it.
        let setting =
            Setting { acceptance: Acceptance::All, has_tke: world.stores.switches().has_tke, is_default: Known::No };
        let intent = annotated::read(service, setting, own);
        let name = &service.key.name;
        self.faults.extend(intent.problems.iter().map(|problem| (format!("Service '{name}'"), problem.to_string())));
        if let (Wish::NotAsked(said), false) = (&intent.wish, live.iter().any(|one| one.spec.service_ref.name == *name))
        {
            self.notes.push(format!("Service '{name}': {}", lacking(service, said)));
        }
        let Wish::Serve(spec, _) = intent.wish else { return };
        if own.is_none() {
            self.notes.push(format!(
                "Service '{name}' asks for direct access by its annotations: planned as the binding '{name}' that a controller makes which \
                 runs with --annotated-services"
            ));
        }
        let mut binding = DirectAccessBinding::new(name, *spec);
        binding.metadata.namespace = Some(session.namespace.clone());
        binding.metadata.owner_references = Some(vec![OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            name: name.clone(),
            uid: service.uid.clone(),
            controller: Some(true),
            ..OwnerReference::default()
        }]);
        self.bindings.push(name.clone());
        stand_in_binding(world, session, self.bindings.len(), binding);
    }
}

fn bindings(world: &World, is_meant: impl Fn(&DirectAccessBinding) -> bool) -> Vec<String> {
    let all = world.stores.bindings.all();
    let meant = all.iter().filter(|row| world.is_asked_for(&row.0) && is_meant(&row.0));
    let mut names: Vec<_> = meant.filter_map(|row| row.0.metadata.name.clone()).collect();
    names.sort_unstable();
    names
}

/// Puts a Service into the place of the one that is there, if any, as applying it would.
fn stand_in_service(world: &World, object: &core::Service) {
    let new = k8s::service(object);
    let (namespace, name) = (new.key.namespace.clone(), new.key.name.clone());
    let row = match world.stores.services.row(&namespace, &name) {
        None => new,
        Some(live) => Service {
            annotations: live.annotations.clone().into_iter().chain(new.annotations).collect(),
            selector: new.selector,
            ports: new.ports,
            publish_not_ready_addresses: new.publish_not_ready_addresses,
            load_balancer_class: new.load_balancer_class,
            is_load_balancer: new.is_load_balancer,
            client_ip_affinity: new.client_ip_affinity,
            field_problems: new.field_problems.clone(),
            unbindable_ports: new.unbindable_ports.clone(),
            ..Service::clone(&live)
        },
    };
    world.stores.services.put(&namespace, &name, row);
}

/// Puts a binding into the place of the one that is there, if any. `number` tells those that are new from one another.
fn stand_in_binding(world: &World, session: &Session, number: usize, mut binding: DirectAccessBinding) {
    let name = binding.metadata.name.clone().unwrap_or_default();
    if let Some(row) = world.stores.bindings.row(&session.namespace, &name) {
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
    // So that it counts as another row than the one that is there.
    binding.metadata.resource_version = None;
    world.stores.bindings.put(&session.namespace, &name, BindingRow(Arc::new(binding)));
}
