//! Why a binding goes that is being deleted: what its Service and the definition have to say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::DirectAccessBinding;
use crate::model::{ObjectKey, Service};

use super::annotated::{Remake, Setting, remake};

/// Why a binding goes, where its deletion alone does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Departure {
    /// Somebody, or the owner's deletion, has deleted it.
    #[default]
    Usual,
    /// All bindings go, because their definition is being deleted.
    DefinitionDeleted,
    /// It is made again at once, because the Service that owns it is there and asks for it.
    MadeAgain,
    /// The Service for which it was made has not ended its wish, and another binding would not be made.
    Held,
    /// Nobody can say, because the API server does not answer.
    Unknown,
}

/// Whether the definition of DirectAccessBindings stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionSight {
    /// It is there, and is not being deleted.
    Stays,
    /// It is being deleted, or gone.
    Goes,
    /// It cannot be read.
    Unreadable,
}

impl DefinitionSight {
    /// What its object says; absent where there is none.
    pub fn of(definition: Option<&ObjectMeta>) -> Self {
        match definition {
            Some(found) if found.deletion_timestamp.is_none() => Self::Stays,
            Some(_) | None => Self::Goes,
        }
    }
}

/// What the API server itself says of that on which it depends why bindings go: watches may be behind.
#[derive(Clone, Debug, PartialEq)]
pub struct DepartureSight {
    /// The definition of DirectAccessBindings; not to be read where one of the Services is not.
    pub definition: DefinitionSight,
    /// The Services among those that own bindings which go that are there, and do not go themselves, as they are.
    pub there: BTreeMap<ObjectKey, Arc<Service>>,
    /// Those that are gone, or go.
    pub gone: BTreeSet<ObjectKey>,
}

/// The Services that own bindings which are being deleted.
pub fn owners_of_deleted<'a>(bindings: impl IntoIterator<Item = &'a DirectAccessBinding>) -> Vec<ObjectKey> {
    let deleted = bindings.into_iter().filter(|binding| binding.metadata.deletion_timestamp.is_some());
    let owners: BTreeSet<ObjectKey> = deleted
        .flat_map(|binding| {
            let namespace = binding.metadata.namespace.clone().unwrap_or_default();
            let owners = binding.metadata.owner_references.iter().flatten();
            let services = owners.filter(|owner| owner.kind == "Service" && owner.controller == Some(true));
            services.map(move |owner| ObjectKey::new(namespace.clone(), owner.name.clone()))
        })
        .collect();
    owners.into_iter().collect()
}

impl Departure {
    /// The same of a binding that is being deleted, with what the API server itself says of the Service: what it asks for is read there,
    /// because another binding is made only of that. One that is gone asks for nothing, and of one that was not looked at, or that the
    /// caches do not show at all, nobody knows what it asks for.
    #[must_use]
    pub fn seen(
        self,
        binding: &DirectAccessBinding,
        cached: Option<&Service>,
        sight: Option<&DepartureSight>,
        setting: Setting,
    ) -> Self {
        let namespace = binding.metadata.namespace.clone().unwrap_or_default();
        let service = ObjectKey::new(namespace, binding.spec.service_ref.name.clone());
        let shown = sight.and_then(|sight| sight.there.get(&service).map(|shown| (shown, sight.definition)));
        let is_gone = sight.is_some_and(|sight| sight.gone.contains(&service));
        match (self, shown) {
            (Self::Usual, Some(_)) if cached.is_none() => Self::Unknown,
            (Self::Usual | Self::MadeAgain | Self::Held, Some((shown, definition))) => {
                Self::of(binding, Some(shown), Some(definition), setting)
            }
            (Self::MadeAgain | Self::Held, None) if is_gone => Self::Usual,
            (Self::MadeAgain | Self::Held, None) => Self::Unknown,
            (other, _) => other,
        }
    }

    /// Why a binding goes; the usual departure of one that is not being deleted. `service` is the one that it names, `definition` is
    /// absent until it was asked for. The definition comes first: while it goes, nothing is made again.
    pub fn of(
        binding: &DirectAccessBinding,
        service: Option<&Service>,
        definition: Option<DefinitionSight>,
        setting: Setting,
    ) -> Self {
        if binding.metadata.deletion_timestamp.is_none() {
            return Self::Usual;
        }
        match (definition, remade(binding, service, setting)) {
            (Some(DefinitionSight::Stays), Remake::Made) => Self::MadeAgain,
            (Some(DefinitionSight::Stays), Remake::Held) => Self::Held,
            (Some(DefinitionSight::Stays), Remake::NotAsked) => Self::Usual,
            (Some(DefinitionSight::Goes), _) => Self::DefinitionDeleted,
            (Some(DefinitionSight::Unreadable) | None, _) => Self::Unknown,
        }
    }
}

/// What the Service for which a binding was made has to say. It counts by name: a reference that came from a backup names another UID.
fn remade(binding: &DirectAccessBinding, service: Option<&Service>, setting: Setting) -> Remake {
    let Some(service) = service else { return Remake::NotAsked };
    let owners = binding.metadata.owner_references.iter().flatten();
    let mut services = owners.filter(|owner| owner.kind == "Service" && owner.controller == Some(true));
    if services.next().is_none_or(|owner| owner.name != service.key.name) {
        return Remake::NotAsked;
    }
    remake(service, setting, binding)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::names;
    use crate::plan::annotated::Acceptance;
    use crate::plan::tests::world::World;

    fn binding(is_deleted: bool, kind: &str) -> DirectAccessBinding {
        let mut object = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": "web", "namespace": "shop", "ownerReferences": [
                {"apiVersion": "v1", "kind": kind, "name": "web", "uid": "1", "controller": true}]},
            "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}},
        });
        if is_deleted {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        serde_json::from_value(object).unwrap()
    }

    /// A Service with this word about direct access.
    fn service(word: &str) -> Arc<Service> {
        let mut service = World::new(&json!({})).service.unwrap();
        service.is_load_balancer = true;
        let said = [(names::DIRECT_ACCESS, word), (names::EXISTING_LOAD_BALANCER_ID, "lb-1")];
        service.annotations = said.into_iter().map(|(key, word)| (key.to_owned(), word.to_owned())).collect();
        Arc::new(service)
    }

    /// What the API server itself shows of the Service counts, whatever caches show.
    #[test]
    fn what_becomes_of_a_deleted_binding_is_said_by_the_service_as_it_is() {
        use Departure::{DefinitionDeleted, Held, MadeAgain, Unknown, Usual};
        let (key, binding) = (ObjectKey::new("shop", "web"), binding(true, "Service"));
        let setting = Setting { acceptance: Acceptance::All, ..Setting::default() };
        let sight = |shown: Option<&str>, is_gone: bool| DepartureSight {
            definition: DefinitionSight::Stays,
            there: shown.map(|word| (key.clone(), service(word))).into_iter().collect(),
            gone: is_gone.then(|| key.clone()).into_iter().collect(),
        };
        let cached = service("true");
        for (before, sight, expected) in [
            (MadeAgain, sight(Some("true"), false), MadeAgain),
            (Usual, sight(Some("true"), false), MadeAgain),
            (MadeAgain, sight(Some("false"), false), Usual),
            (Held, sight(Some("false"), false), Usual),
            (Usual, sight(Some("false"), false), Usual),
            (MadeAgain, sight(Some("maybe"), false), Held),
            (MadeAgain, sight(None, true), Usual),
            (Held, sight(None, true), Usual),
            (MadeAgain, sight(None, false), Unknown),
            (Held, sight(None, false), Unknown),
            (Usual, sight(None, false), Usual),
            (DefinitionDeleted, sight(Some("true"), false), DefinitionDeleted),
            (Unknown, sight(Some("true"), false), Unknown),
        ] {
            let found = before.seen(&binding, Some(&cached), Some(&sight), setting);
            assert_eq!(found, expected, "{before:?} {sight:?}");
        }
        assert_eq!(MadeAgain.seen(&binding, Some(&cached), None, setting), Unknown);
        let behind = Usual.seen(&binding, None, Some(&sight(Some("false"), false)), setting);
        assert_eq!(behind, Unknown, "the caches are behind");
    }

    #[test]
    fn only_services_that_own_a_deleted_binding_are_looked_at() {
        let all = [binding(true, "Service"), binding(false, "Service"), binding(true, "Job")];
        assert_eq!(owners_of_deleted(&all), [ObjectKey::new("shop", "web")]);
        assert_eq!(owners_of_deleted(&all[1..]), []);
    }
}
