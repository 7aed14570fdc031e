//! How far a binding is acted on, decided once in a round and asked by everything that writes, and what proves that something of
//! ours may be taken away.

use crate::api::DirectAccessBinding;
use crate::api::binding::{DeletionPolicy, Mode};
use crate::api::condition::ChangeReason;
use crate::model::{Known, Service};
use crate::mutant::{self, Mutant};

use super::absence::{self, Absence};
use super::deletion::Departure;
use super::ownership::{self, Standing};
use super::problem::Meanwhile;
use super::routes::EveryRouteExists;
use super::{BindingView, Cloud, Problem, Snapshot, annotated, placement, problem};

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
            (_, Departure::Unknown(_)) if mutant::is(Mutant::UnknownEndGoes) => Retention::Nothing,
            (DeletionPolicy::Retain, _)
            | (_, Departure::DefinitionDeleted | Departure::MadeAgain | Departure::Held | Departure::Unknown(_)) => {
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

/// A binding that is made again may go when the next one finds the load balancer, and what is on it, by their marks, and when there is
/// none: it is proven that it is gone, or none was asked for. Where the next one would not find it, the binding goes on.
fn made_again(view: &BindingView, snapshot: &Snapshot, problems: &mut Vec<Problem>) -> Management {
    let is_suspended = view.binding.spec.suspend && !mutant::is(Mutant::SuspendIgnored);
    let as_before = if is_suspended { Management::Freeze(Frozen::Suspended) } else { Management::Manage };
    let undecided = Management::Freeze(Frozen::Undecided);
    let is_followed = view.departure == Departure::MadeAgain;
    let (meanwhile, management) = match &snapshot.cloud {
        Cloud::Observed(found) if is_followed && placement::is_found_by_next(found, view) => {
            return Management::Abandon(Heir::Successor);
        }
        Cloud::Observed(_) => (Meanwhile::GoesOn, as_before),
        Cloud::Failed(_) => (Meanwhile::Unread, undecided),
        Cloud::Missing(_) if !is_followed => (Meanwhile::Missing, undecided),
        Cloud::Missing(witnesses) => match absence::of_load_balancer(view, snapshot, *witnesses) {
            Absence::Proven => return Management::Abandon(Heir::Successor),
            Absence::Unproven { doubt, .. } => (Meanwhile::NotShown(doubt), undecided),
        },
        Cloud::Unplaced(found) => match (found.is_empty(), placement::is_asked_for(&view.binding)) {
            (true, false) if is_followed => return Management::Abandon(Heir::Successor),
            // A creation whose reply was lost is found by the tag, or is the same call again.
            (true, true) if is_followed => (Meanwhile::Creation, as_before),
            (true, _) => (Meanwhile::NoCreation, undecided),
            (false, _) => (Meanwhile::Creation, as_before),
        },
    };
    problems.push(problem::deletion_held(view, &meanwhile));
    management
}

/// While the round reads by another account than the one that is recorded, nothing is made, changed or released. What it is shown
/// all the same goes on with the Pods that come and go.
fn of_other_account(view: &BindingView, snapshot: &Snapshot, problems: &mut Vec<Problem>) -> Option<Management> {
    let Standing::Other { recorded, caller } = ownership::standing(&view.binding, &snapshot.caller) else {
        return None;
    };
    let spec = &view.binding.spec;
    let is_given_up = spec.deletion_policy == DeletionPolicy::Retain || view.departure == Departure::DefinitionDeleted;
    if view.is_deleting() && is_given_up {
        return None;
    }
    problems.push(problem::other_account(view, recorded, caller));
    let goes_on =
        matches!(snapshot.cloud, Cloud::Observed(_)) && view.has_recorded_listeners() && spec.mode == Mode::Direct;
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
        (Departure::MadeAgain | Departure::Held, _) | (Departure::Unknown(_), Some(_)) => Frozen::Undecided,
        (Departure::Unknown(_), None) | (Departure::Usual | Departure::DefinitionDeleted, _) => Frozen::Leaving,
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
pub(super) fn management(view: &BindingView, snapshot: &Snapshot, problems: &mut Vec<Problem>) -> Management {
    let spec = &view.binding.spec;
    let foreseen = foreseen(&view.binding);
    if let Management::Abandon(_) = foreseen {
        return foreseen;
    }
    if let Some(management) = of_other_account(view, snapshot, problems) {
        return management;
    }
    if view.is_deleting() && matches!(view.departure, Departure::MadeAgain | Departure::Held) {
        return made_again(view, snapshot, problems);
    }
    if let Some(proof) = Proof::deletion(view) {
        return Management::Release(proof);
    }
    if let Departure::Unknown(doubt) = view.departure
        && view.is_deleting()
        && spec.deletion_policy != DeletionPolicy::Retain
    {
        problems.push(problem::departure_unknown(view, doubt));
        return Management::Freeze(leaving(view));
    }
    if view.is_deleting() {
        return Management::Abandon(Heir::Nobody);
    }
    if matches!(foreseen, Management::Freeze(_)) {
        problems.push(problem::suspended());
    }
    let is_taken = |service: &Service| annotated::is_taken_by_tke(service, snapshot.cluster.has_tke, &view.binding);
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
