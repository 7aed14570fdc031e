//! Keeping and removing objects of the API server's admission configuration.

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::core::ApiResource;
use kube::{Api, Resource, ResourceExt};
use serde_json::Value;

use super::report::{Deed, reference};
use super::{LookError, Repair};
use crate::api::names::FIELD_MANAGER;
use crate::api::names::GATE_INJECTION as NAME;
use crate::webhook::configuration::{Desired, MANAGED_BY};
use crate::webhook::difference::{differences, has, yield_field};

impl Repair {
    fn objects(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), resource)
    }

    /// Makes an object as it should be, where it is not.
    pub(super) async fn ensure(&mut self, desired: &Desired) -> Result<(), LookError> {
        let api = self.objects(&desired.resource);
        let live = api.get_opt(NAME).await?;
        let (written, cause, note) = match live {
            None => {
                let written = self.apply(&api, desired.body.clone()).await?;
                (written, "missing", format!("{} did not exist and was made", desired.resource.kind))
            }
            Some(live) => {
                let (body, wrong) = compared(desired, &live)?;
                if wrong.is_empty() {
                    self.seen.insert(desired.label);
                    return Ok(());
                }
                let note = format!("{} was restored in {}", desired.resource.kind, wrong.join(", "));
                (self.restore(&api, desired, body, &live).await?, "changed", note)
            }
        };
        let is_known = !self.seen.insert(desired.label);
        let deed = if is_known || cause == "changed" { Deed::Repaired } else { Deed::Created };
        self.report(&reference(&written, &desired.resource), deed, desired.label, cause, &note).await;
        Ok(())
    }

    async fn restore(
        &self,
        api: &Api<DynamicObject>,
        desired: &Desired,
        mut body: Value,
        live: &DynamicObject,
    ) -> Result<DynamicObject, LookError> {
        // Somebody may have edited what is yielded since it was read.
        if let Some(version) = live.resource_version() {
            set(&mut body, &["metadata", "resourceVersion"], Value::String(version));
        }
        match desired.excluded.filter(|path| has(&live.data, path)) {
            None => self.apply(api, body).await,
            Some(path) => {
                // Not ours, so an apply would leave it, and both together are invalid.
                set(&mut body, path, Value::Null);
                let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
                Ok(api.patch(NAME, &params, &Patch::Strategic(body)).await?)
            }
        }
    }

    async fn apply(&self, api: &Api<DynamicObject>, body: Value) -> Result<DynamicObject, LookError> {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        Ok(api.patch(NAME, &params, &Patch::Apply(body)).await?)
    }

    /// Removes an object when it is ours. An API server that does not know the kind has none.
    pub(super) async fn remove(&mut self, resource: &ApiResource, label: &'static str) -> Result<(), LookError> {
        let api = self.objects(resource);
        let Some(live) = api.get_opt(NAME).await? else { return Ok(()) };
        if live.labels().get(MANAGED_BY.0).map(String::as_str) != Some(MANAGED_BY.1) {
            return Ok(());
        }
        delete(&api, &live).await?;
        let note = format!("{} was removed: gates are injected in another way, or not at all", resource.kind);
        self.report(&reference(&live, resource), Deed::Removed, label, "unused", &note).await;
        Ok(())
    }
}

/// The fields to write, and the paths at which the live object differs from them.
fn compared(desired: &Desired, live: &DynamicObject) -> Result<(Value, Vec<String>), LookError> {
    let live = serde_json::to_value(live).map_err(kube::Error::SerdeError)?;
    let mut body = desired.body.clone();
    for path in desired.yielding {
        yield_field(&mut body, &live, path);
    }
    let mut wrong = differences(&body, &live);
    wrong.extend(desired.excluded.filter(|path| has(&live, path)).map(|path| path.join(".")));
    Ok((body, wrong))
}

/// Sets a field; in a list, in every element.
fn set(body: &mut Value, path: &[&str], value: Value) {
    match (body, path.split_first()) {
        (Value::Array(items), Some(_)) => items.iter_mut().for_each(|item| set(item, path, value.clone())),
        (Value::Object(fields), Some((last, []))) => {
            fields.insert((*last).to_owned(), value);
        }
        (Value::Object(fields), Some((first, rest))) => {
            if let Some(field) = fields.get_mut(*first) {
                set(field, rest, value);
            }
        }
        _ => {}
    }
}

/// Deletes this very object; one that has gone is as good.
pub(super) async fn delete<K>(api: &Api<K>, object: &K) -> Result<(), kube::Error>
where
    K: Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let preconditions = Preconditions { uid: object.uid(), resource_version: object.resource_version() };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    match api.delete(&object.name_any(), &params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map(drop),
    }
}
