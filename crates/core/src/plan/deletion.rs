//! Why a binding goes that is being deleted: what its Service and the definition have to say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::DirectAccessBinding;
use crate::model::{ObjectKey, Service};

use super::annotated::{MadeFor, Remake, Setting, made_for, remake};
use super::placement::is_controlling_service;

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
    /// Nobody can say.
    Unknown(Doubt),
}

/// What nobody knows of that on which it depends why a binding goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Whether the definition of DirectAccessBindings stays.
    Definition,
    /// Whether the Service for which the binding was made is there, and asks for it.
    Service,
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
    /// The definition of DirectAccessBindings.
    pub definition: DefinitionSight,
    /// The Services that it was asked for. Of any other, nothing is known.
    pub services: BTreeMap<ObjectKey, ServiceSight>,
}

/// What the API server itself says of a Service for which a binding was made that goes.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceSight {
    /// It is there, and does not go itself, as it is.
    There(Arc<Service>),
    /// It is gone, or goes.
    Gone,
    /// It cannot be read, which says nothing of any other.
    Unreadable,
}

/// The Service that may still ask for a binding: that for which the binding was made. It counts by name, because a reference that came
/// from a backup names another UID; what it says then counts only where it is not known to be another one. `None` where there can be none: the reference names another Service than the binding serves, or
/// what no Service can have as its name.
fn asking_service(binding: &DirectAccessBinding) -> Option<ObjectKey> {
    let mut owners = binding.metadata.owner_references.iter().flatten();
    let owner = owners.find(|owner| is_controlling_service(owner))?;
    let is_served = owner.name == binding.spec.service_ref.name && is_service_name(&owner.name);
    is_served.then(|| ObjectKey::new(binding.metadata.namespace.clone().unwrap_or_default(), owner.name.clone()))
}

/// Whether a Service can have this name: a DNS label. Source: `ValidateServiceName` of Kubernetes, pkg/apis/core/validation; the wider
/// of the two forms that it has, because the narrower one is of earlier versions.
fn is_service_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// The most characters of a DNS label.
const NAME_MAX: usize = 63;

/// The Services that may still ask for bindings which are being deleted.
pub fn owners_of_deleted<'a>(bindings: impl IntoIterator<Item = &'a DirectAccessBinding>) -> Vec<ObjectKey> {
    let deleted = bindings.into_iter().filter(|binding| binding.metadata.deletion_timestamp.is_some());
    let owners: BTreeSet<ObjectKey> = deleted.filter_map(asking_service).collect();
    owners.into_iter().collect()
}

impl Departure {
    /// The same of a binding that is being deleted, with what the API server itself says of the Service: what it asks for is read there,
    /// because another binding is made only of that. The binding goes only where neither it nor the caches show a Service that asks. Of
    /// one that was not asked for or cannot be read, and where the two disagree about whether it is there, nobody knows what it asks for.
    #[must_use]
    pub fn seen(
        self,
        binding: &DirectAccessBinding,
        cached: Option<&Service>,
        sight: Option<&DepartureSight>,
        setting: Setting,
    ) -> Self {
        let (Some(service), Self::Usual | Self::MadeAgain | Self::Held) = (asking_service(binding), self) else {
            return self;
        };
        let shown = sight.and_then(|sight| Some((sight.services.get(&service)?, sight.definition)));
        match (shown, cached, self) {
            (Some((ServiceSight::There(shown), definition)), Some(_), _) => {
                Self::of(binding, Some(shown), Some(definition), setting)
            }
            (Some((ServiceSight::Gone, _)), _, Self::Usual) => Self::Usual,
            _ => Self::Unknown(Doubt::Service),
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
            (Some(DefinitionSight::Unreadable) | None, _) => Self::Unknown(Doubt::Definition),
        }
    }
}

/// What the Service for which a binding was made has to say. Who has deleted it has ended what it asked for, and another Service of its
/// name asks for another binding, which is made when this one is gone.
fn remade(binding: &DirectAccessBinding, service: Option<&Service>, setting: Setting) -> Remake {
    let asking = service.filter(|service| asking_service(binding).as_ref() == Some(&service.key));
    match asking.map(|service| (service, made_for(service, binding))) {
        Some((service, MadeFor::This | MadeFor::Unproven | MadeFor::Nobody)) => remake(service, setting, binding),
        Some((_, MadeFor::Former)) | None => Remake::NotAsked,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;
    use crate::api::names;
    use crate::plan::annotated::Acceptance;
    use crate::plan::tests::world::World;

    fn binding(is_deleted: bool, kind: &str, owner: &str) -> DirectAccessBinding {
        let mut object = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": "web", "namespace": "shop", "ownerReferences": [
                {"apiVersion": "v1", "kind": kind, "name": owner, "uid": "1", "controller": true}]},
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

    #[test]
    fn a_definition_goes_when_it_is_being_deleted_or_gone() {
        let definition = |is_deleted: bool| binding(is_deleted, "Service", "web").metadata;
        for (shown, expected) in [
            (Some(definition(false)), DefinitionSight::Stays),
            (Some(definition(true)), DefinitionSight::Goes),
            (None, DefinitionSight::Goes),
        ] {
            assert_eq!(DefinitionSight::of(shown.as_ref()), expected, "{shown:?}");
        }
    }

    /// The binding goes only where the API server was asked for the Service, and neither it nor the caches show one that asks.
    #[test]
    fn what_becomes_of_a_deleted_binding_is_said_by_the_service_as_it_is() {
        use Departure::{DefinitionDeleted, Held, MadeAgain, Unknown, Usual};
        use ServiceSight::{Gone, There, Unreadable};
        let (key, binding) = (ObjectKey::new("shop", "web"), binding(true, "Service", "web"));
        let setting = Setting { acceptance: Acceptance::All, ..Setting::default() };
        let sight = |of: ObjectKey, shown: ServiceSight| DepartureSight {
            definition: DefinitionSight::Stays,
            services: BTreeMap::from([(of, shown)]),
        };
        let (unclear, cached) = (Unknown(Doubt::Service), service("true"));
        for (before, shown, expected) in [
            (MadeAgain, There(service("true")), MadeAgain),
            (Usual, There(service("true")), MadeAgain),
            (MadeAgain, There(service("false")), Usual),
            (Held, There(service("false")), Usual),
            (Usual, There(service("false")), Usual),
            (MadeAgain, There(service("maybe")), Held),
            (Usual, Gone, Usual),
            // It may have been made again since it was asked for.
            (MadeAgain, Gone, unclear),
            (Held, Gone, unclear),
            (Usual, Unreadable, unclear),
            (MadeAgain, Unreadable, unclear),
            (Held, Unreadable, unclear),
            (DefinitionDeleted, There(service("true")), DefinitionDeleted),
            (Unknown(Doubt::Definition), There(service("true")), Unknown(Doubt::Definition)),
        ] {
            let seen = before.seen(&binding, Some(&cached), Some(&sight(key.clone(), shown.clone())), setting);
            assert_eq!(seen, expected, "{before:?} {shown:?}");
            // Of a Service that was not asked for nothing is known, whatever is known of another.
            let other =
                before.seen(&binding, Some(&cached), Some(&sight(ObjectKey::new("shop", "db"), shown)), setting);
            let expected = if matches!(before, Usual | MadeAgain | Held) { unclear } else { before };
            assert_eq!(other, expected, "{before:?}");
        }
        assert_eq!(MadeAgain.seen(&binding, Some(&cached), None, setting), unclear);
        let mut both = sight(key.clone(), Gone);
        both.services.insert(ObjectKey::new("shop", "db"), Unreadable);
        assert_eq!(Usual.seen(&binding, None, Some(&both), setting), Usual, "another one cannot be read");
        for (shown, expected) in [(There(service("false")), unclear), (Gone, Usual)] {
            assert_eq!(Usual.seen(&binding, None, Some(&sight(key.clone(), shown)), setting), expected);
        }
    }

    /// One that has the name of the Service for which the binding was made, and another UID, says nothing of it where it was made after
    /// the binding: its user has deleted the former. One that is not younger may be there with a binding from a backup.
    #[test]
    fn a_binding_of_a_former_service_goes_whatever_another_one_of_the_name_asks() {
        let setting = Setting { acceptance: Acceptance::All, ..Setting::default() };
        let (own, found, none) = (Some([].as_slice()), Some(["3"].as_slice()), None);
        for (uid, recorded, made, created, expected) in [
            ("1", own, Some(100), Some(90), Departure::MadeAgain),
            ("1", own, Some(100), Some(110), Departure::MadeAgain),
            ("2", own, Some(100), Some(101), Departure::Usual),
            // What a backup has brought has no status, or has found what another one has made.
            ("2", none, Some(100), Some(101), Departure::MadeAgain),
            ("2", found, Some(100), Some(101), Departure::MadeAgain),
            ("2", own, Some(100), Some(100), Departure::MadeAgain),
            ("2", own, Some(100), Some(99), Departure::MadeAgain),
            ("2", own, None, Some(101), Departure::MadeAgain),
            ("2", own, Some(100), None, Departure::MadeAgain),
        ] {
            let at = |second| Timestamp::from_second(second).unwrap();
            let (mut binding, mut service) = (binding(true, "Service", "web"), (*service("true")).clone());
            binding.metadata.creation_timestamp = made.map(|made| Time(at(made)));
            binding.status = recorded.map(|former_uids: &[&str]| {
                let load_balancer = json!({"id": "lb-1", "region": "r", "created": true, "formerUids": former_uids});
                serde_json::from_value(json!({"loadBalancer": load_balancer})).unwrap()
            });
            (service.uid, service.created) = (uid.to_owned(), created.map(at));
            let found = Departure::of(&binding, Some(&service), Some(DefinitionSight::Stays), setting);
            assert_eq!(found, expected, "{uid} {recorded:?} {made:?} {created:?}");
        }
    }

    #[test]
    fn only_services_that_may_ask_for_a_deleted_binding_are_looked_at() {
        let web = || binding(true, "Service", "web");
        let all =
            [web(), binding(false, "Service", "web"), binding(true, "Job", "web"), binding(true, "Service", "db")];
        assert_eq!(owners_of_deleted(&all), [ObjectKey::new("shop", "web")]);
        assert_eq!(owners_of_deleted(&all[1..]), [], "one of another name does not ask for it");
    }

    /// What is not asked for needs no answer: the binding goes, and holds up no other.
    #[test]
    fn names_that_no_service_can_have_are_not_asked_for() {
        let longest = "a".repeat(63);
        for (name, is_possible) in [
            ("web", true),
            ("7-web", true),
            (&*longest, true),
            (&*format!("{longest}a"), false),
            ("", false),
            ("x,y", false),
            ("web,metadata.namespace=kube-system", false),
            ("x=y", false),
            ("Web", false),
            ("web.shop", false),
            ("-web", false),
            ("web-", false),
            ("wäb", false),
        ] {
            let mut binding = binding(true, "Service", name);
            name.clone_into(&mut binding.spec.service_ref.name);
            assert_eq!(owners_of_deleted([&binding]).len(), usize::from(is_possible), "{name:?}");
            let seen = Departure::Usual.seen(&binding, None, None, Setting::default());
            assert_eq!(seen == Departure::Usual, !is_possible, "{name:?}");
        }
    }
}
