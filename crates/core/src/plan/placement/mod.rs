//! Load balancers that bindings create and delete: which step brings the one that is wanted, and only one.
//!
//! What makes it one: the wish is recorded in the status before the cloud is asked, with the moment, which is a part of the token
//! that makes a repeated call the same call; the load balancer is born with a tag that carries the binding's UID; and nothing is
//! asked for before a read by that tag, in the account that is recorded with the wish, has shown that there is none.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::api::binding::{CreateSpec, DeletionPolicy, LoadBalancerStatus, Mode};
use crate::api::mark::{ListenerName, OWNER_NAME_TAG, OWNER_TAG, SERVICE_TAG};
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus, names};
use crate::model::{
    Annotation, Attribute, Attributes, Caller, Listener, LoadBalancer, LoadBalancerId, LoadBalancerStatus as State,
    Region, Value,
};
use crate::mutant::{self, Mutant};

use super::adoption;
use super::judgement::{GONE_AFTER, has_lasted};
use super::management::Management;
use super::ownership::{self, Standing};
use super::resolution::row_by_id;
use super::routes::BindingIntent;
use super::summary::Release;
use super::{BindingPlan, BindingView, Change, Observed, Sighting, Snapshot, Step, problem};

mod wish;

pub use wish::Wish;
use wish::record;

/// How long a call whose reply was lost may still be under way: a binding that is being deleted waits for that long. After its deletion
/// a call is made only while it goes on for its Service, and no round of those sees that nothing is shown.
const CALL_LASTS: SignedDuration = SignedDuration::from_secs(30);
/// How soon to look again while it is not settled by which account one may be created.
const ACCOUNT_LOOK: SignedDuration = SignedDuration::from_secs(1);
/// A wish that is older was recorded by an earlier round than the one that asks the cloud at once: for a fault that is put in.
const RECORDED_BEFORE: SignedDuration = SignedDuration::from_secs(2);
/// The most characters of a load balancer's name (`CreateLoadBalancer`).
const NAME_MAX: usize = 80;

/// A load balancer to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Makes a repeated call the same call.
    pub token: String,
    /// Its name.
    pub name: String,
    /// Its tags, the marks of ownership among them.
    pub tags: Vec<(String, String)>,
    /// The rest.
    pub spec: CreateSpec,
}

/// What there is of the load balancer that a binding wants created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It is to be created, by this wish.
    Wished(Wish),
    /// It exists.
    Found(LoadBalancerId),
}

/// The id of the load balancer that a binding has created, as recorded in its status.
pub fn created(binding: &DirectAccessBinding) -> Option<&LoadBalancerStatus> {
    let is_wanted = binding.spec.load_balancer.as_ref().is_some_and(|spec| spec.create.is_some());
    recorded(binding).filter(|recorded| is_wanted && !recorded.id.is_empty())
}

fn recorded(binding: &DirectAccessBinding) -> Option<&LoadBalancerStatus> {
    binding.status.as_ref()?.load_balancer.as_ref().filter(|recorded| recorded.created)
}

/// The parameters of the load balancer that a binding wants created; `None` for one that names an existing one or none.
pub(super) fn create_spec(binding: &DirectAccessBinding) -> Option<&CreateSpec> {
    binding.spec.load_balancer.as_ref()?.create.as_ref()
}

/// The steps for bindings that have no load balancer yet. `found` are those with the tag of one.
pub(super) fn plan_placement(
    snapshot: &Snapshot,
    intents: &mut [BindingIntent<'_>],
    found: &[LoadBalancer],
) -> Vec<Step> {
    let mut steps = Vec::new();
    for intent in intents {
        let (view, management, part) = (intent.view, intent.management, &mut intent.plan);
        let is_going = matches!(management, Management::Release(_));
        let spec = create_spec(&view.binding).filter(|_| management != Management::Observe);
        if is_going && (spec.is_none() || !view.deletes_load_balancer()) {
            part.release = Release::Done;
        }
        let Some(spec) = spec.filter(|_| management.programs()) else { continue };
        let found = acceptable(view, found);
        let wished = Wish::recorded(&view.binding);
        if found.is_empty() && wished.is_none() && is_held_by_consent(view, part) {
            continue;
        }
        let made = made(snapshot, view, wished.as_ref()).filter(|_| found.is_empty());
        let usable = found.iter().filter(|one| one.status != State::Creating).map(|one| &one.id);
        if let Some(first) = usable.min().or(made) {
            part.pending.create_load_balancer = 1;
            part.placement = Some(Placement::Found(first.clone()));
            continue;
        }
        if is_going {
            plan_end(snapshot, intent, wished, found.is_empty());
            continue;
        }
        if management != Management::Manage {
            continue;
        }
        part.pending.create_load_balancer = 1;
        if !found.is_empty() {
            // Its creation may still fail, and would have to be asked for anew.
            part.placement = wished.map(Placement::Wished);
            continue;
        }
        match wished {
            Some(wished) if is_current(snapshot, view, spec, &wished) => {
                part.placement = Some(Placement::Wished(wished.clone()));
                part.advice.extend(wished.note(spec, snapshot));
                let is_recorded_before =
                    snapshot.now.duration_since(wished.at) > RECORDED_BEFORE && mutant::is(Mutant::RecordedIsDone);
                if !is_recorded_before && is_account_settled(view, snapshot, part) {
                    steps.push(Step::CreateLoadBalancer(Box::new(creation(snapshot, view, spec, &wished))));
                }
            }
            earlier => record(spec, snapshot, earlier, part),
        }
    }
    steps
}

/// The call that a wish stands for may still be made: it is young, or the cloud has refused that very call.
fn is_current(snapshot: &Snapshot, view: &BindingView, spec: &CreateSpec, wished: &Wish) -> bool {
    let is_refused = snapshot.remembered.refused_creation.as_ref();
    let is_refused = is_refused.is_some_and(|refused| *refused == creation(snapshot, view, spec, wished));
    wished.is_current(spec, snapshot, is_refused) || mutant::is(Mutant::RecordedIsDone)
}

/// Those that may be the binding's: what only its annotation names may be another's. Two can be found only when somebody has copied a tag.
/// The choice must be the same in every round.
fn acceptable<'a>(view: &BindingView, found: &'a [LoadBalancer]) -> Vec<&'a LoadBalancer> {
    let found = if mutant::is(Mutant::CreatesBlindly) { &[][..] } else { found };
    found.iter().filter(|one| is_marked(one, view) || !adoption::is_refused(view, one)).collect()
}

/// None is created while the annotation asks for one that is there: it would be a second one.
fn is_held_by_consent(view: &BindingView, part: &mut BindingPlan) -> bool {
    let asks = adoption::asks(&view.binding) && !view.is_deleting();
    if asks {
        part.pending.create_load_balancer = 1;
        part.problems.extend(view.not_adopted.is_empty().then(|| problem::nothing_to_adopt(view)));
    }
    asks
}

/// The load balancer that the call for this wish has made, as the cloud said when its task ended: no read by tag may find it yet.
fn made<'a>(snapshot: &'a Snapshot, view: &BindingView, wished: Option<&Wish>) -> Option<&'a LoadBalancerId> {
    let (token, id) = snapshot.remembered.made.as_ref()?;
    (*token == token_of(view, wished?) && !mutant::is(Mutant::CreatesBlindly)).then_some(id)
}

/// What makes a repeated call for a wish the same call.
fn token_of(view: &BindingView, wished: &Wish) -> String {
    format!("dab-{}-{}", view.uid(), wished.at.as_second())
}

/// Whether a call may be made by the account that the round reads by: the wish is recorded with it, or nobody can say which it is.
/// In another one a load balancer with the binding's tag would not be seen, and a second one would be made.
fn is_account_settled(view: &BindingView, snapshot: &Snapshot, part: &mut BindingPlan) -> bool {
    match (ownership::standing(&view.binding, &snapshot.caller), &snapshot.caller) {
        (Standing::Same, _) | (Standing::NotRecorded, Caller::Unknown(_)) => return true,
        (doubtful @ Standing::Unknown(_), _) => {
            part.problems.extend(doubtful.doubt().map(|doubt| problem::creation_not_shown(&doubt)));
        }
        // The record, or the first answer, is on its way.
        _ => {}
    }
    part.look_by(snapshot.now.checked_add(ACCOUNT_LOOK).ok());
    false
}

/// What becomes of a binding that goes and whose load balancer may still be created: it waits until that is shown, or never comes.
fn plan_end(snapshot: &Snapshot, intent: &mut BindingIntent<'_>, wished: Option<Wish>, is_nothing_shown: bool) {
    let deleted = intent.view.binding.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    let is_over = deleted.is_none_or(|deleted| snapshot.now.duration_since(deleted) >= CALL_LASTS);
    // One that is still being created is deleted once it takes that.
    let sighting = Sighting::NothingShown(intent.view.uid().to_owned());
    let doubt = ownership::standing(&intent.view.binding, &snapshot.caller).doubt().filter(|_| wished.is_some());
    let is_gone = wished.is_none() || is_over && has_lasted(snapshot, &sighting, GONE_AFTER);
    match doubt {
        Some(doubt) if is_nothing_shown => intent.plan.problems.push(problem::creation_not_shown(&doubt)),
        None if is_nothing_shown => {
            intent.plan.sightings.push(sighting);
            intent.plan.release = if is_gone { Release::Done } else { intent.plan.release };
        }
        _ => {}
    }
    intent.plan.pending.create_load_balancer = usize::from(intent.plan.release == Release::Waits);
    intent.plan.placement = wished.map(Placement::Wished);
}

/// The load balancer that TKE's own service controller has chosen for a Service, by the annotation that it writes; `None` for a
/// binding that programs its own, or names one.
fn chosen_by_tke(view: &BindingView) -> Option<LoadBalancerId> {
    let spec = &view.binding.spec;
    let is_named = spec.load_balancer.as_ref().is_some_and(|named| named.id.is_some());
    let service = view.service.as_deref().filter(|_| spec.mode == Mode::Delegate && !is_named)?;
    let is_ours = service.our_annotations.iter().any(|key| key == names::LOAD_BALANCER_ID);
    match service.annotations.get(names::LOAD_BALANCER_ID).filter(|_| !is_ours)? {
        Annotation::Text(id) if !id.is_empty() => Some(LoadBalancerId::new(id.as_str())),
        Annotation::Text(_) | Annotation::TooLong(_) => None,
    }
}

/// Bindings whose load balancer TKE chooses go where it is.
pub(super) fn follow(snapshot: &Snapshot, intents: &mut [BindingIntent<'_>]) {
    for intent in intents.iter_mut().filter(|intent| intent.view.binding.spec.mode == Mode::Delegate) {
        let (view, part) = (intent.view, &mut intent.plan);
        let is_named = view.binding.spec.load_balancer.as_ref().is_some_and(|named| named.id.is_some());
        match chosen_by_tke(view) {
            Some(id) if id != snapshot.load_balancer => part.placement = Some(Placement::Found(id)),
            None if !is_named && part.management.is_live() && snapshot.load_balancer.as_str().is_empty() => {
                part.problems.push(problem::not_chosen_by_tke(&view.binding));
            }
            _ => {}
        }
    }
}

/// The load balancer that a binding belongs to, with its region; `None` while it has none. `region` is that of bindings that name
/// none.
pub fn home(binding: &DirectAccessBinding, region: &Region) -> Option<(Region, LoadBalancerId)> {
    let named = binding.spec.load_balancer.as_ref().and_then(|spec| spec.id.as_deref());
    if let Some(id) = named {
        return Some((region_of(binding, region), LoadBalancerId::new(id)));
    }
    let recorded = created(binding).or_else(|| followed(binding))?;
    Some((Region::new(recorded.region.as_str()), LoadBalancerId::new(recorded.id.as_str())))
}

/// The region that a binding names, else this one.
pub fn region_of(binding: &DirectAccessBinding, region: &Region) -> Region {
    let spec = binding.spec.load_balancer.as_ref();
    spec.and_then(|spec| spec.region.as_deref()).map_or_else(|| region.clone(), Region::from)
}

/// The load balancer of a binding in mode Delegate that names none, as recorded in its status.
pub fn followed(binding: &DirectAccessBinding) -> Option<&LoadBalancerStatus> {
    let recorded = binding.status.as_ref()?.load_balancer.as_ref()?;
    (binding.spec.mode == Mode::Delegate && !recorded.id.is_empty()).then_some(recorded)
}

fn creation(snapshot: &Snapshot, view: &BindingView, spec: &CreateSpec, wished: &Wish) -> Creation {
    let display = view.display_name();
    let marks = [(OWNER_TAG, view.uid().to_owned()), (OWNER_NAME_TAG, display.clone())];
    let service = owning_service(&view.binding).map(|uid| (SERVICE_TAG, uid.to_owned()));
    let marks = marks.into_iter().chain(service).map(|(key, value)| (key.to_owned(), value));
    let is_own = |key: &str| [OWNER_TAG, OWNER_NAME_TAG, SERVICE_TAG].contains(&key);
    let others = spec.tags.iter().filter(|tag| !is_own(&tag.key)).map(|tag| (tag.key.clone(), tag.value.clone()));
    let name = spec.name.clone().unwrap_or_else(|| display.replace('/', "_").chars().take(NAME_MAX).collect());
    Creation {
        token: if mutant::is(Mutant::CreatesBlindly) {
            format!("dab-{}-{}", view.uid(), snapshot.now.as_millisecond())
        } else {
            token_of(view, wished)
        },
        name,
        tags: marks.chain(others).collect(),
        spec: CreateSpec { vpc_id: wished.vpc_of(spec, snapshot), ..spec.clone() },
    }
}

/// True when the load balancer carries the mark of the binding, or that of the Service which owns it.
fn is_marked(load_balancer: &LoadBalancer, view: &BindingView) -> bool {
    let service = owning_service(&view.binding);
    let is_ours = |(key, value): &(String, String)| match key.as_str() {
        OWNER_TAG => view.is_uid_of_ours(value),
        SERVICE_TAG => Some(value.as_str()) == service,
        _ => false,
    };
    load_balancer.tags.iter().any(is_ours)
}

/// True when the next binding of the Service that owns this one finds what this one has: the load balancer was created for that
/// Service, and says so, and each listener that this one has made has its name still, which somebody may have changed.
pub(super) fn is_found_by_next(observed: &Observed, view: &BindingView) -> bool {
    let service = view.service.as_deref().map(|service| service.uid.as_str());
    let tags = &observed.load_balancer.tags;
    let is_renamed = |listener: &Listener| {
        row_by_id(view, &listener.id).is_some_and(|row| row.created) && ListenerName::owner(&listener.name).is_none()
    };
    tags.iter().any(|(key, value)| key == SERVICE_TAG && Some(value.as_str()) == service)
        && !observed.listeners.iter().any(is_renamed)
}

/// The load balancer was created for another Service than the one that the binding names as its owner: a reference that came from a
/// backup proves nothing.
fn is_of_other_service(load_balancer: &LoadBalancer, binding: &DirectAccessBinding) -> bool {
    let tag = load_balancer.tags.iter().find(|(key, _)| key == SERVICE_TAG);
    tag.is_some_and(|(_, value)| owning_service(binding) != Some(value.as_str()))
}

/// The UID of the Service that owns a binding; `None` for a binding that somebody has made by hand.
pub(super) fn owning_service(binding: &DirectAccessBinding) -> Option<&str> {
    let mut owners = binding.metadata.owner_references.iter().flatten();
    owners.find(|owner| is_controlling_service(owner)).map(|owner| owner.uid.as_str())
}

/// The owner is a Service for which the binding was made: a reference that only asks for garbage collection does not say so.
pub(crate) fn is_controlling_service(owner: &OwnerReference) -> bool {
    owner.kind == "Service" && owner.controller == Some(true)
}

/// The step towards settings of the spec that the load balancer of a binding does not have; `None` when it has all.
pub(super) fn settings(view: &BindingView, observed: &Observed) -> Option<Step> {
    let known = &observed.load_balancer.attributes;
    if create_spec(&view.binding).is_none() && mutant::is(Mutant::NamedIsManaged) {
        let mut attributes = Attributes::default();
        attributes.set(Attribute::PassToTarget, Value::Switch(true));
        let drift = attributes.drift_from(known);
        return (!drift.is_empty())
            .then(|| Step::ModifyLoadBalancer(Change { subject: SUBJECT.to_owned(), attributes, drift }));
    }
    let spec = create_spec(&view.binding)?;
    if !is_marked(&observed.load_balancer, view) {
        return None;
    }
    let mut wish = Attributes::default();
    if spec.snat_pro {
        wish.set(Attribute::SnatPro, Value::Switch(true));
    }
    wish.set_some(Attribute::PassToTarget, spec.pass_to_target);
    let drift = wish.drift_from(known);
    if !drift.is_empty() {
        return Some(Step::ModifyLoadBalancer(Change { subject: SUBJECT.to_owned(), attributes: wish, drift }));
    }
    let mut groups = spec.security_groups.clone();
    groups.sort_unstable();
    let mut wish = Attributes::default();
    if !groups.is_empty() {
        wish.set(Attribute::SecurityGroups, Value::Text(groups.join(",")));
    }
    let drift = wish.drift_from(known);
    (!drift.is_empty())
        .then(|| Step::SetSecurityGroups(Change { subject: SUBJECT.to_owned(), attributes: wish, drift }))
}

const SUBJECT: &str = "loadBalancer";

/// Deletes the load balancer of a binding that is being deleted, when nothing is left on it. Says what is in the way.
pub(super) fn delete(snapshot: &Snapshot, observed: &Observed, intents: &mut [BindingIntent<'_>]) -> Option<Step> {
    let mut step = None;
    for intent in intents {
        let (view, part) = (intent.view, &mut intent.plan);
        let goes = matches!(intent.management, Management::Release(_))
            && view.deletes_load_balancer()
            && !mutant::is(Mutant::CreatedStays);
        if !goes || create_spec(&view.binding).is_none() || part.release == Release::Waits {
            continue;
        }
        part.release = Release::Waits;
        let id = &observed.load_balancer.id;
        let user = snapshot.bindings.iter().find(|other| other.uid() != view.uid() && !other.is_deleting());
        let is_marked = is_marked(&observed.load_balancer, view) || mutant::is(Mutant::UnmarkedGoes);
        if !is_marked || is_of_other_service(&observed.load_balancer, &view.binding) {
            part.problems.push(problem::load_balancer_not_marked(id, view.uid()));
        } else if mutant::is(Mutant::DeletesWhatIsUsed) {
            step = Some(Step::DeleteLoadBalancer);
        } else if let Some(user) = user {
            part.problems.push(problem::load_balancer_in_use(id, &format!("'{}' uses it", user.display_name())));
        } else if !observed.listeners.is_empty() {
            let count = observed.listeners.len();
            part.problems.push(problem::load_balancer_in_use(id, &format!("it still has {count} listeners")));
        } else if snapshot.removals.held().is_some() {
            part.withheld.load_balancers = 1;
        } else {
            part.pending.delete_load_balancer = 1;
            step = Some(Step::DeleteLoadBalancer);
        }
    }
    step
}

impl BindingView {
    /// The load balancer that the binding has created goes with it.
    fn deletes_load_balancer(&self) -> bool {
        let spec = &self.binding.spec;
        self.is_deleting() && spec.deletion_policy == DeletionPolicy::Delete && spec.mode == Mode::Direct
    }
}

/// The tags by which the load balancer of a binding is found: its own, that of the Service which owns it, so that a binding that is made
/// again finds it too, and those of bindings whose place it asks to take.
pub fn owner_tags(binding: &DirectAccessBinding) -> Vec<(&'static str, String)> {
    let own = (OWNER_TAG, binding.metadata.uid.clone().unwrap_or_default());
    let service = owning_service(binding).map(|uid| (SERVICE_TAG, uid.to_owned()));
    let adopted = adoption::asked_uids(binding).into_iter().map(|uid| (OWNER_TAG, uid));
    std::iter::once(own).chain(service).chain(adopted).collect()
}

/// A load balancer may have been asked for on behalf of the binding: the wish is recorded before.
pub(super) fn is_asked_for(binding: &DirectAccessBinding) -> bool {
    Wish::recorded(binding).is_some()
}

/// True when the binding is about to have its load balancer created or found: it wants one, and none is recorded.
pub fn awaits_placement(binding: &DirectAccessBinding) -> bool {
    create_spec(binding).is_some()
        && created(binding).is_none()
        && binding.spec.mode == Mode::Direct
        && has_finalizer(binding)
}

/// The binding carries a finalizer of ours, in either form.
pub fn has_finalizer(binding: &DirectAccessBinding) -> bool {
    let mut all = binding.metadata.finalizers.iter().flatten();
    all.any(|found| found == names::FINALIZER || found == names::FIRST_FINALIZER)
}

/// Its status shows that something was made in the cloud, or bound there, on its behalf. The finalizer that says so may have been taken off
/// by somebody who has replaced the object.
pub fn has_recorded(binding: &DirectAccessBinding) -> bool {
    let recorded = |status: &DirectAccessBindingStatus| {
        status.load_balancer.as_ref().is_some_and(|recorded| recorded.created)
            || status.listeners.iter().any(|row| row.listener_id.is_some())
    };
    binding.spec.mode == Mode::Direct && binding.status.as_ref().is_some_and(recorded)
}

impl BindingView {
    /// The cloud may have been asked for something on behalf of the binding.
    pub fn is_submitted(&self) -> bool {
        is_submitted(&self.binding)
    }
}

/// The cloud may have been asked for something on behalf of the binding. A finalizer of an earlier version says so too.
pub fn is_submitted(binding: &DirectAccessBinding) -> bool {
    binding.metadata.finalizers.iter().flatten().any(|found| found == names::FINALIZER)
}

#[cfg(test)]
mod tests;
