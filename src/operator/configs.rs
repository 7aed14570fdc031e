//! TkeServiceConfigs: their statuses, and those that bindings with `autoServiceConfig` have made for them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Resource;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::kubernetes::WriteError;
use super::writes::record_write;
use crate::api::{DirectAccessBinding, TkeServiceConfig, TkeServiceConfigStatus, names};
use crate::k8s::{BindingRow, Change, ConfigRow, Stores};
use crate::model::{ObjectKey, Service};
use crate::plan::config::{auto, reference};
use crate::reconcile::NotTaken;
use crate::status::{Field, RefusalKind, config_status};

/// Changes that come close together are looked at once: an edit of a config is followed by a status of each of its bindings.
const GATHER_WINDOW: Duration = Duration::from_millis(200);
/// How soon to look again after a write failed.
const RETRY: Duration = Duration::from_secs(2);
/// How long the answer that the definition has no status is believed.
const NO_STATUS_LASTS: Duration = Duration::from_secs(60);

/// The configs that are to be looked at again.
pub(super) struct Configs {
    dirty: Mutex<BTreeSet<ObjectKey>>,
    notify: Notify,
}

/// The config that a binding uses or is to have, with this Service.
fn used_by(row: &BindingRow, service: Option<&Service>) -> Option<ObjectKey> {
    let found = reference(&row.0, service)?;
    Some(ObjectKey::new(row.0.metadata.namespace.clone().unwrap_or_default(), found.name))
}

/// The Service of a binding.
fn service_of(stores: &Stores, binding: &DirectAccessBinding) -> Option<Arc<Service>> {
    stores.services.row(binding.metadata.namespace.as_deref().unwrap_or_default(), &binding.spec.service_ref.name)
}

impl Configs {
    /// Every config, and every config that a binding names.
    pub(super) fn new(stores: &Stores) -> Self {
        let bindings = stores.bindings.all();
        let all = stores.configs.all().iter().map(|row| row.key.clone()).collect::<Vec<_>>();
        let used = bindings.iter().filter_map(|row| used_by(row, service_of(stores, &row.0).as_deref()));
        let all = all.into_iter().chain(used);
        let configs = Self { dirty: Mutex::new(all.collect()), notify: Notify::new() };
        configs.notify.notify_one();
        configs
    }

    /// Something has changed.
    pub(super) fn mark(&self, change: &Change, stores: &Stores) {
        let keys: Vec<ObjectKey> = match change {
            Change::Config(change) => {
                [&change.before, &change.after].into_iter().flatten().map(|row| row.key.clone()).collect()
            }
            Change::Binding(change) => {
                let rows = [&change.before, &change.after].into_iter().flatten();
                rows.filter_map(|row| used_by(row, service_of(stores, &row.0).as_deref())).collect()
            }
            // Its annotations tell which config is used, its ports what listeners there are.
            Change::Service(change) => {
                let versions: Vec<_> = [&change.before, &change.after].into_iter().flatten().collect();
                let Some(key) = versions.first().map(|service| &service.key) else { return };
                let rows = stores.bindings.rows(&key.namespace);
                let bound = rows.values().filter(|row| row.0.spec.service_ref.name == key.name);
                bound.flat_map(|row| versions.iter().filter_map(|service| used_by(row, Some(service)))).collect()
            }
            Change::Slice(_) | Change::Pod(_) | Change::Switches(_) | Change::Hold(_) => return,
        };
        if !keys.is_empty() {
            self.dirty.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
            self.notify.notify_one();
        }
    }

    fn take(&self) -> BTreeSet<ObjectKey> {
        std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is kept from one look to the next; forgetting it costs calls that change nothing.
#[derive(Default)]
struct Memory {
    /// The last status that was written to each config, with the version of the object that it made.
    written: HashMap<ObjectKey, (u64, TkeServiceConfigStatus)>,
    /// Until when the definition is believed to have no status, as TKE's own has none.
    no_status_until: Option<Instant>,
}

/// Keeps statuses and auto configs true until `stop`.
pub(super) async fn config_loop<K>(context: Arc<Context>, configs: Arc<Configs>, stop: CancellationToken) -> Option<K> {
    let mut memory = Memory::default();
    let mut again = BTreeSet::new();
    loop {
        let pause = if again.is_empty() { Duration::MAX } else { RETRY };
        tokio::select! {
            () = stop.cancelled() => return None,
            _ = tokio::time::timeout(pause, configs.notify.notified()) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            _ = tokio::time::timeout(GATHER_WINDOW, std::future::pending::<()>()) => {}
        }
        let mut keys = configs.take();
        keys.append(&mut again);
        for key in keys {
            if !look(&context, &mut memory, &key).await {
                again.insert(key);
            }
        }
    }
}

/// Looks at one config. Returns false when a write failed.
async fn look(context: &Context, memory: &mut Memory, key: &ObjectKey) -> bool {
    let bindings = context.stores.bindings.rows(&key.namespace);
    let is_user = |row: &&Arc<BindingRow>| {
        let service = service_of(&context.stores, &row.0);
        row.0.metadata.deletion_timestamp.is_none() && used_by(row, service.as_deref()).as_ref() == Some(key)
    };
    let users: Vec<_> = bindings.values().filter(is_user).map(|row| row.0.clone()).collect();
    let row = context.stores.configs.row(&key.namespace, &key.name);
    let mut is_complete = true;
    for user in &users {
        let service = service_of(&context.stores, user);
        if reference(user, service.as_deref()).is_some_and(|found| found.is_auto) {
            is_complete &= keep_auto(context, user, key, row.as_deref()).await;
        } else if let Some(uid) = user.metadata.uid.as_deref() {
            context.taken(uid, Field::Config);
        }
    }
    match row.as_deref().map(|row| &row.config) {
        Some(Ok(config)) => is_complete & write_status(context, memory, key, config, &users).await,
        Some(Err(_)) => is_complete,
        None => {
            memory.written.remove(key);
            is_complete
        }
    }
}

fn version(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

async fn write_status(
    context: &Context,
    memory: &mut Memory,
    key: &ObjectKey,
    config: &TkeServiceConfig,
    users: &[Arc<DirectAccessBinding>],
) -> bool {
    if memory.no_status_until.is_some_and(|until| Instant::now() < until) {
        return true;
    }
    // The store may not have seen yet what was written last.
    let last = memory.written.get(key).filter(|(made, _)| *made > version(config.metadata.resource_version.as_deref()));
    let previous = last.map(|(_, status)| status.clone()).or_else(|| config.status.clone()).unwrap_or_default();
    let status = config_status(config, users, &previous, Timestamp::now());
    let uids = || users.iter().filter_map(|user| user.metadata.uid.as_deref());
    if status == previous {
        uids().for_each(|uid| context.taken(uid, Field::ConfigStatus));
        return true;
    }
    if uids().any(|uid| !context.is_due(uid, Field::ConfigStatus)) {
        return false;
    }
    if !has_status(context).await {
        memory.no_status_until = Some(Instant::now() + NO_STATUS_LASTS);
        return true;
    }
    let api = context.kubernetes.writes::<TkeServiceConfig>(&key.namespace);
    let patch = json!({
        "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
        "kind": "TkeServiceConfig",
        "metadata": {"name": key.name, "namespace": key.namespace, "uid": config.metadata.uid},
        "status": &status,
    });
    let params = PatchParams::apply(names::FIELD_MANAGER).force();
    let result = api.patch_status(&key.name, &params, &Patch::Apply(&patch)).await;
    let result = record_write(context, "tkeserviceconfigs/status", result);
    let object = config_name(key);
    uids().for_each(|uid| context.record(uid, Field::ConfigStatus, &object, &result));
    let is_settled = is_settled(&result);
    if let Ok(object) = result {
        memory.written.insert(key.clone(), (version(object.metadata.resource_version.as_deref()), status));
    }
    is_settled
}

/// The kind and name of a config, for people.
fn config_name(key: &ObjectKey) -> String {
    format!("TkeServiceConfig '{}'", key.name)
}

/// Nothing is to be tried again before something changes.
const fn is_settled<T>(result: &Result<T, NotTaken>) -> bool {
    matches!(result, Ok(_) | Err(NotTaken { kind: RefusalKind::Outdated, .. }))
}

/// The installed definition has a status. A question that is not answered counts as yes: the write will tell.
async fn has_status(context: &Context) -> bool {
    let version = format!("{}/{}", names::GROUP, names::VERSION);
    match context.kubernetes.resources(&version).await {
        Ok(list) => list.resources.iter().any(|resource| resource.name == "tkeserviceconfigs/status"),
        Err(error) => {
            tracing::debug!(%error, "the API server does not tell its resources");
            true
        }
    }
}

/// Makes the config of a binding, or gives it the entries that it lacks. Returns false when that is to be tried again.
async fn keep_auto(context: &Context, binding: &DirectAccessBinding, key: &ObjectKey, row: Option<&ConfigRow>) -> bool {
    let uid = binding.metadata.uid.as_deref();
    let service = context.stores.services.row(&key.namespace, &binding.spec.service_ref.name);
    // Of one that belongs to somebody else, its binding says so.
    let is_foreign = row.is_some_and(|row| !row.is_owned_by(uid));
    let uid = uid.unwrap_or_default();
    let Some(wanted) = auto::entries(binding, service.as_deref()).filter(|_| !is_foreign) else {
        context.taken(uid, Field::Config);
        return true;
    };
    if !context.is_due(uid, Field::Config) {
        return false;
    }
    let result = write_auto(context, binding, key, &wanted).await;
    context.record(uid, Field::Config, &config_name(key), &result);
    is_settled(&result)
}

async fn write_auto(
    context: &Context,
    binding: &DirectAccessBinding,
    key: &ObjectKey,
    wanted: &auto::Entries,
) -> Result<(), NotTaken> {
    let resource = ApiResource::erase::<TkeServiceConfig>(&());
    let api = context.kubernetes.writes_of(&key.namespace, &resource);
    let found = context.kubernetes.object(key, &resource).await;
    let result = match found.map_err(WriteError::from) {
        Err(error) => Err(error),
        Ok(None) => api.create(&new(binding, key, &resource, wanted)).await,
        Ok(Some(mut object)) => {
            let spec = object.data.get("spec").cloned().unwrap_or_default();
            let merged = auto::merge(&spec, wanted);
            if merged == spec {
                return Ok(());
            }
            object.data["spec"] = merged;
            // With the version that was read: an edit in between comes back as a change, and is merged then.
            api.replace(&key.name, &object).await
        }
    };
    record_write(context, "tkeserviceconfigs", result).map(drop)
}

fn new(
    binding: &DirectAccessBinding,
    key: &ObjectKey,
    resource: &ApiResource,
    wanted: &auto::Entries,
) -> DynamicObject {
    let mut object = DynamicObject::new(&key.name, resource).within(&key.namespace);
    object.metadata.owner_references = Some(binding.controller_owner_ref(&()).into_iter().collect());
    object.data = json!({"spec": auto::merge(&Json::Null, wanted)});
    object
}
