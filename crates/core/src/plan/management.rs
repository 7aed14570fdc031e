//! How far a binding is acted on, decided once in a round and asked by everything that writes, and what proves that something of
//! ours may be taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::DirectAccessBinding;
use crate::api::binding::{DeletionPolicy, Mode};
use crate::api::condition::ChangeReason;
use crate::model::{Caller, Known, ObjectKey, Service};
use crate::mutant::{self, Mutant};

use super::annotated::{Remake, Setting, remake};
use super::ownership::{self, Standing};
use super::routes::EveryRouteExists;
use super::{BindingView, Cluster, Observed, Problem, annotated, placement, problem};

/// How far a binding is acted on in this round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Management {
    /// Make it true.
    Manage,
    /// Look, and report: TKE's own service controller makes it true.
    Observe,
    /// Keep what is recorded of it as it is, and let Pods come and go there: somebody else has come to program its Service, which the
    /// user did not ask of it.
    Hold,
    /// Change nothing, except that targets of Pods that are gone lose their weight.
    Freeze(Frozen),
    /// Take away what is ours on listeners, and keep the load balancer: nobody asks for the binding any more, and it is not deleted.
    Park(Proof),
    /// Take away everything that is ours: it is being deleted.
    Release(Proof),
    /// Leave everything as it is for good: it is being deleted, and what it has in the cloud is to stay.
    Abandon(Heir),
}

/// Why nothing of a binding is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frozen {
    /// Its user has suspended it.
    Suspended,
    /// It is parked, and the round reads by another account than the one that is recorded.
    Parked,
    /// It is being deleted and does not go yet, and nothing can make it go on.
    Leaving,
    /// It is being deleted, and may turn out to go on: the Service for which it was made may ask for it.
    Undecided,
    /// The round reads by another account than the one that is recorded.
    OtherAccount,
    /// TKE's own service controller programs its Service, and it has had no listeners.
    LeftToTke,
    /// Nobody knows whether TKE's own service controller programs its Service, and it has had no listeners.
    MayBeLeftToTke,
    /// No round has decided it.
    Unjudged,
}

/// Whether somebody goes on with what a binding leaves in the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heir {
    /// Nobody.
    Nobody,
    /// The binding that is made in its place at once.
    Successor,
}

impl Default for Management {
    fn default() -> Self {
        Self::Freeze(Frozen::Unjudged)
    }
}

impl Management {
    /// The binding is in force, whoever programs the load balancer.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Manage | Self::Observe | Self::Hold)
    }

    /// What is ours in the cloud is this binding's to change.
    pub const fn programs(self) -> bool {
        matches!(self, Self::Manage | Self::Park(_) | Self::Release(_))
    }
}

/// Why something of ours may be taken away. Each is made where its evidence is; there is none for "not in the list".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(ChangeReason);

impl Proof {
    /// The reason, for steps and people.
    pub const fn reason(self) -> ChangeReason {
        self.0
    }

    /// The binding is being deleted, and wants nothing retained.
    fn deletion(view: &BindingView) -> Option<Self> {
        (view.is_deleting() && view.retention() == Retention::Nothing).then_some(Self(ChangeReason::BindingDeleted))
    }

    /// The Service says that it does not want direct access any more, which is recorded on its binding.
    fn parking(binding: &DirectAccessBinding) -> Option<Self> {
        // The mark on a binding that was made for no Service is a copy.
        let was_made = placement::owning_service(binding).is_some();
        (was_made && binding.parked().is_some()).then_some(Self(ChangeReason::Parked))
    }

    /// A listener or rule is not in a spec all of whose listeners are accepted, resolved and there.
    pub(super) const fn absence(_: &EveryRouteExists) -> Self {
        Self(ChangeReason::SpecChanged)
    }

    /// A listener stands where one of another protocol is to be made, which can be made as soon as the port is free.
    pub(super) const fn succession(_: &super::routes::Successor) -> Self {
        Self(ChangeReason::SpecChanged)
    }
}

/// What a binding that is being deleted leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retention {
    /// Nothing of its listeners and targets.
    Nothing,
    /// Everything.
    Everything,
}

impl BindingView {
    /// Whether deletion leaves everything in place: the policy says so, or it is not the user's wish that the binding ends.
    fn retention(&self) -> Retention {
        match (self.binding.spec.deletion_policy, self.departure) {
            (DeletionPolicy::Retain, _) if mutant::is(Mutant::RetainIgnored) => Retention::Nothing,
            (_, Departure::Unknown) if mutant::is(Mutant::UnknownEndGoes) => Retention::Nothing,
            (DeletionPolicy::Retain, _)
            | (_, Departure::DefinitionDeleted | Departure::MadeAgain | Departure::Held | Departure::Unknown) => {
                Retention::Everything
            }
            (DeletionPolicy::Deregister | DeletionPolicy::Delete, Departure::Usual) => Retention::Nothing,
        }
    }

    /// The binding has had listeners, which its status names.
    fn has_recorded_listeners(&self) -> bool {
        let mut rows = self.binding.status.iter().flat_map(|status| &status.listeners);
        self.is_submitted() && rows.any(|row| row.listener_id.is_some())
    }

    /// The Service does not ask for the binding any more, and its load balancer is kept.
    pub fn is_parked(&self) -> bool {
        self.binding.parked().is_some()
    }
}

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

/// A binding that is made again may go when the next one finds the load balancer, and what is on it, by their marks. Where it would
/// not, the binding goes on.
fn made_again(view: &BindingView, observed: Option<&Observed>, problems: &mut Vec<Problem>) -> Management {
    match observed {
        Some(found) if view.departure == Departure::MadeAgain && placement::is_found_by_next(found, view) => {
            Management::Abandon(Heir::Successor)
        }
        Some(_) => {
            problems.push(problem::deletion_held(view));
            let is_suspended = view.binding.spec.suspend && !mutant::is(Mutant::SuspendIgnored);
            if is_suspended { Management::Freeze(Frozen::Suspended) } else { Management::Manage }
        }
        None => {
            problems.push(problem::deletion_held(view));
            Management::Freeze(Frozen::Undecided)
        }
    }
}

/// While the round reads by another account than the one that is recorded, nothing is made, changed or released. What it is shown
/// all the same goes on with the Pods that come and go.
fn of_other_account(
    view: &BindingView,
    caller: &Caller,
    observed: Option<&Observed>,
    problems: &mut Vec<Problem>,
) -> Option<Management> {
    let Standing::Other { recorded, caller } = ownership::standing(&view.binding, caller) else { return None };
    let spec = &view.binding.spec;
    let is_given_up = spec.deletion_policy == DeletionPolicy::Retain || view.departure == Departure::DefinitionDeleted;
    if view.is_deleting() && is_given_up {
        return None;
    }
    problems.push(problem::other_account(view, recorded, caller));
    let goes_on = observed.is_some() && view.has_recorded_listeners() && spec.mode == Mode::Direct;
    Some(match known_end(view) {
        None if goes_on => Management::Hold,
        None => Management::Freeze(Frozen::OtherAccount),
        Some(frozen) => Management::Freeze(frozen),
    })
}

/// What keeps a binding from being in force, by its object and its departure; `None` when nothing does.
fn known_end(view: &BindingView) -> Option<Frozen> {
    if view.is_deleting() {
        return Some(leaving(view));
    }
    match foreseen(&view.binding) {
        Management::Freeze(frozen) => Some(frozen),
        Management::Park(_) => Some(Frozen::Parked),
        Management::Manage
        | Management::Observe
        | Management::Hold
        | Management::Release(_)
        | Management::Abandon(_) => None,
    }
}

/// Whether a binding that is being deleted may go on: only one that was made for a Service is ever held, or made again.
fn leaving(view: &BindingView) -> Frozen {
    match (view.departure, placement::owning_service(&view.binding)) {
        (Departure::MadeAgain | Departure::Held, _) | (Departure::Unknown, Some(_)) => Frozen::Undecided,
        (Departure::Unknown, None) | (Departure::Usual | Departure::DefinitionDeleted, _) => Frozen::Leaving,
    }
}

/// How far a binding is acted on by what its object says alone, where nothing that a round reads speaks against it. That something
/// may be taken away because of a deletion is never proven by it.
pub(super) fn foreseen(binding: &DirectAccessBinding) -> Management {
    let is_deleting = binding.metadata.deletion_timestamp.is_some();
    if is_deleting && !placement::is_submitted(binding) && !mutant::is(Mutant::UnsubmittedWaits) {
        return Management::Abandon(Heir::Nobody);
    }
    if is_deleting {
        return Management::Freeze(Frozen::Leaving);
    }
    if binding.spec.suspend && !mutant::is(Mutant::SuspendIgnored) {
        return Management::Freeze(Frozen::Suspended);
    }
    if let Some(proof) = Proof::parking(binding) {
        return Management::Park(proof);
    }
    match binding.spec.mode {
        Mode::Direct => Management::Manage,
        Mode::Delegate => Management::Observe,
    }
}

/// Decides how far the binding is acted on, and says why it is not in force.
pub(super) fn management(
    view: &BindingView,
    cluster: Cluster,
    caller: &Caller,
    observed: Option<&Observed>,
    problems: &mut Vec<Problem>,
) -> Management {
    let spec = &view.binding.spec;
    let foreseen = foreseen(&view.binding);
    if let Management::Abandon(_) = foreseen {
        return foreseen;
    }
    if let Some(management) = of_other_account(view, caller, observed, problems) {
        return management;
    }
    if view.is_deleting() && matches!(view.departure, Departure::MadeAgain | Departure::Held) {
        return made_again(view, observed, problems);
    }
    if let Some(proof) = Proof::deletion(view) {
        return Management::Release(proof);
    }
    if view.is_deleting() && view.departure == Departure::Unknown && spec.deletion_policy != DeletionPolicy::Retain {
        problems.push(problem::departure_unknown());
        return Management::Freeze(leaving(view));
    }
    if view.is_deleting() {
        return Management::Abandon(Heir::Nobody);
    }
    if matches!(foreseen, Management::Freeze(_)) {
        problems.push(problem::suspended());
    }
    let is_taken = |service: &Service| annotated::is_taken_by_tke(service, cluster.has_tke, &view.binding);
    match view.service.as_deref().filter(|_| foreseen == Management::Manage).map_or(Known::No, is_taken) {
        Known::Yes => {
            problems.push(problem::managed_by_tke(&view.binding));
            return if view.has_recorded_listeners() {
                Management::Hold
            } else {
                Management::Freeze(Frozen::LeftToTke)
            };
        }
        Known::Unknown => {
            problems.push(problem::switches_refused());
            return Management::Freeze(Frozen::MayBeLeftToTke);
        }
        Known::No => {}
    }
    foreseen
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
