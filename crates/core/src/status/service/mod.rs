//! What becomes of an annotated Service, and what is said of it there.

mod by_hand;
mod former;
mod parked;
#[cfg(test)]
mod tests;
mod trouble;

use jiff::{SignedDuration, Timestamp};

use crate::api::binding::{DirectAccessBindingSpec, Parked};
use crate::api::condition::Reason;
use crate::api::course::Motion;
use crate::api::event::{EventWord, ServiceReason};
use crate::api::{DirectAccessBinding, MESSAGE_MAX, clip};
use crate::model::{KeyProblem, Service, ServiceCondition};
use crate::plan::annotated::{
    Acceptance, End, HoldReason, MadeFor, Origin, Proof, ServiceIntent, Wish, made_for, own_binding,
};

use trouble::Trouble;

pub use trouble::{Readiness, readiness};

/// What to do about a Service, and what to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What to do.
    pub outcome: Outcome,
    /// How it stands with the Service as a whole.
    standing: Standing,
    /// What else the Service does not get, each with the reason and in words. The reason of the first is that of the condition where
    /// nothing else is wrong.
    remarks: Vec<(ServiceReason, String)>,
    /// The record of a binding that somebody has made for the Service.
    pub bound_by_hand: Option<ServiceCondition>,
    /// What an Event is to say once; the Service's status stays as it is.
    pub notice: Option<String>,
    /// When something else may be to be said, although nothing changes; `None` when that cannot be.
    pub look_at: Option<Timestamp>,
}

/// What to do about the binding of a Service.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All is as it should be.
    Nothing,
    /// It is to be made, or to be as this says.
    Apply(Box<Application>),
    /// It is to be made, but not yet.
    Wait,
    /// It is to be marked as parked: it keeps its load balancer, and what it has there goes.
    Park {
        /// Its UID.
        uid: String,
        /// The value of the mark.
        mark: String,
        /// That the user has ended it.
        proof: Proof,
    },
    /// It is to go.
    Delete {
        /// Its UID.
        uid: String,
        /// That the user has ended it.
        proof: Proof,
    },
}

/// What the binding of a Service is to be like.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Its spec.
    pub spec: DirectAccessBindingSpec,
    /// Who asked for it.
    pub origin: Origin,
    /// The UID of a binding that is parked, and serves again.
    pub parked: Option<String>,
}

/// How it stands with a Service.
#[derive(Clone, Debug, PartialEq)]
enum Standing {
    /// There is nothing to say of it, unless an annotation cannot be read.
    Silent,
    /// It has a binding of its own, or is about to.
    Served,
    /// A binding that somebody has made serves it, in these words.
    ServedByOther(String),
    /// It does not get what it asks for, or has what it does not ask for: reason and words.
    Unmet(ServiceReason, String),
    /// Annotations keep its binding from being made, in these words. Remarks do not.
    NotMade(String),
    /// Its binding is not ready, for this reason of its own, and moves so.
    NotReady(Reason, Option<Motion>, String),
}

/// How long a new Service waits for its binding to be made: tools apply the objects of one application one after another, and a
/// binding that comes from there counts more. A load balancer made for nothing would have to be paid.
pub const GRACE: SignedDuration = SignedDuration::from_secs(5);

/// Decides on one Service; `bindings` are those of its namespace.
pub fn decide(service: &Service, intent: &ServiceIntent, bindings: &[&DirectAccessBinding], now: Timestamp) -> Verdict {
    let own = own_binding(service, bindings);
    let (outcome, mut standing) = match (&intent.wish, own) {
        (Wish::Serve(spec, origin), Some(own)) => keep(service, own, spec, *origin, bindings),
        (Wish::Serve(spec, origin), None) => make(service, spec, *origin, bindings, now),
        (Wish::Hold(_) | Wish::NotMade(_), Some(own)) if parked::is_parked(own) => {
            (Outcome::Nothing, parked::standing(service, own, None))
        }
        (Wish::Hold(reason), _) => (Outcome::Nothing, held(reason.words())),
        (Wish::Release(proof), Some(own)) => release(service, own, proof, now),
        (Wish::Release(_) | Wish::None | Wish::Unclear, _) => (Outcome::Nothing, Standing::Silent),
        (Wish::LeftToTke, _) => (Outcome::Nothing, left_to_tke()),
        (Wish::NotAccepted(_), _) => (Outcome::Nothing, Standing::Silent),
        (Wish::NotAsked(words), _) => not_asked(service, words, bindings, now),
        (Wish::NotLoadBalancer, _) => (Outcome::Nothing, not_load_balancer(service, bindings)),
        (Wish::Undecided, _) => {
            let words = HoldReason::SwitchesRefused.words().to_owned();
            (Outcome::Nothing, Standing::Unmet(ServiceReason::SwitchesRefused, words))
        }
        (Wish::NotMade(blocking), _) => {
            let blocking: Vec<_> = blocking.iter().map(KeyProblem::of_service).collect();
            let words = format!("no binding is made before this is corrected: {}", blocking.join("; "));
            (Outcome::Nothing, Standing::NotMade(words))
        }
    };
    let serving = match (&standing, &outcome) {
        (Standing::Served, Outcome::Nothing) => own,
        (Standing::ServedByOther(_), Outcome::Nothing) => made_by_hand(service, bindings),
        _ => None,
    };
    let mut look_at = None;
    match serving.map_or(Trouble::None, |serving| trouble::trouble(serving, now)) {
        Trouble::None => {}
        Trouble::From(due) => look_at = Some(due),
        Trouble::Lasting(reason, motion, words) => standing = Standing::NotReady(reason, motion, words),
    }
    let remarks = remarks(service, intent, serving);
    let bound_by_hand = by_hand::record(service, &intent.wish, bindings);
    let notice = notice(service, &intent.wish, bindings);
    Verdict { outcome, standing, remarks, bound_by_hand, notice, look_at }
}

/// What a Service does not get, beside how it stands as a whole: by its annotations, its config, and its fields.
fn remarks(
    service: &Service,
    intent: &ServiceIntent,
    serving: Option<&DirectAccessBinding>,
) -> Vec<(ServiceReason, String)> {
    let is_blocking = |problem: &&KeyProblem| match &intent.wish {
        Wish::NotMade(blocking) => blocking.contains(problem),
        _ => false,
    };
    let of = |reason| move |problem: &KeyProblem| (reason, problem.of_service());
    let problems = intent.problems.iter().filter(|problem| !is_blocking(problem));
    let of_config = serving.map(|binding| trouble::of_config(service, binding)).unwrap_or_default();
    let of_fields = serving.map(trouble::of_fields).unwrap_or_default();
    problems
        .map(of(ServiceReason::InvalidAnnotation))
        .chain(of_config.into_iter().map(|words| (ServiceReason::ConfigProblems, words)))
        .chain(intent.unheeded.iter().map(of(ServiceReason::NotSupported)))
        .chain(of_fields.into_iter().map(|words| (ServiceReason::NotSupported, words)))
        .collect()
}

/// A Service with words that are for direct access, which does not ask for it. Tools may apply a binding right after it.
fn not_asked(
    service: &Service,
    said: &[String],
    bindings: &[&DirectAccessBinding],
    now: Timestamp,
) -> (Outcome, Standing) {
    if made_by_hand(service, bindings).is_some() {
        return (Outcome::Nothing, Standing::Silent);
    }
    if service.created.is_some_and(|created| now.duration_since(created) < GRACE) {
        return (Outcome::Wait, Standing::Silent);
    }
    (Outcome::Nothing, Standing::Unmet(ServiceReason::NotAsked, lacking(service, said)))
}

/// What a Service lacks that carries these words and does not ask.
fn lacking(service: &Service, said: &[String]) -> String {
    format!(
        "{} without effect: nobody follows them on a Service that does not say service.cloud.tencent.com/direct-access; set that to \
         \"true\", make a DirectAccessBinding with spec.serviceRef.name {}, or set it to \"false\" if none is wanted",
        match said {
            [one] => format!("{one} is"),
            all => format!("{} are", all.join(", ")),
        },
        service.key.name
    )
}

/// What is to be said once to the user of a Service that the controller's flag does not take.
fn notice(service: &Service, wish: &Wish, bindings: &[&DirectAccessBinding]) -> Option<String> {
    let Wish::NotAccepted(acceptance) = wish else { return None };
    let (flag, way) = match acceptance {
        Acceptance::Off | Acceptance::All => ("Off", "--annotated-services=All"),
        Acceptance::OwnClass => (
            "OwnClass",
            "--annotated-services=All, give it spec.loadBalancerClass cloud.tencent.com/direct-access when it is made",
        ),
    };
    let words = format!(
        "service.cloud.tencent.com/direct-access is \"true\" and has no effect: the controller runs with --annotated-services={flag}; start \
         it with {way}, or make a DirectAccessBinding with spec.serviceRef.name {}",
        service.key.name
    );
    made_by_hand(service, bindings).is_none().then_some(words)
}

/// A Service that asks, and is of another type.
fn not_load_balancer(service: &Service, bindings: &[&DirectAccessBinding]) -> Standing {
    if made_by_hand(service, bindings).is_some() {
        return Standing::Silent;
    }
    let (what, way) = if service.is_headless {
        ("it is headless", "make a Service of the type LoadBalancer with the same selector")
    } else {
        ("it is none", "change its type")
    };
    let words = format!(
        "service.cloud.tencent.com/direct-access is followed on Services of the type LoadBalancer, and {what}; {way}, make a \
         DirectAccessBinding with spec.serviceRef.name {}, or remove the annotation",
        service.key.name
    );
    Standing::Unmet(ServiceReason::NotLoadBalancer, words)
}

fn held(words: &str) -> Standing {
    Standing::Unmet(ServiceReason::Held, format!("the binding of this Service stays as it is: {words}"))
}

fn left_to_tke() -> Standing {
    let words = "TKE's own service controller programs this Service; set the annotation service.cloud.tencent.com/mode to skip, and \
                 this controller takes it over";
    Standing::Unmet(ServiceReason::ManagedByTke, words.to_owned())
}

/// The living binding that somebody has made for the Service.
fn made_by_hand<'a>(service: &Service, bindings: &[&'a DirectAccessBinding]) -> Option<&'a DirectAccessBinding> {
    bindings.iter().find(|other| is_live(other) && is_by_hand(service, other)).copied()
}

/// Somebody has made the binding for the Service. One that was made for a former Service of the name is nobody's wish any more.
fn is_by_hand(service: &Service, binding: &DirectAccessBinding) -> bool {
    binding.spec.service_ref.name == service.key.name && made_for(service, binding) == MadeFor::Nobody
}

const fn is_live(binding: &DirectAccessBinding) -> bool {
    binding.metadata.deletion_timestamp.is_none()
}

fn name(binding: &DirectAccessBinding) -> &str {
    binding.metadata.name.as_deref().unwrap_or_default()
}

/// Whether the load balancer of such a binding is made for it, and has to be paid.
fn is_created(spec: &DirectAccessBindingSpec) -> bool {
    spec.load_balancer.as_ref().is_some_and(|balancer| balancer.create.is_some())
}

/// A Service that asks, and has a binding.
fn keep(
    service: &Service,
    own: &DirectAccessBinding,
    spec: &DirectAccessBindingSpec,
    origin: Origin,
    bindings: &[&DirectAccessBinding],
) -> (Outcome, Standing) {
    if let Some(other) = made_by_hand(service, bindings) {
        if parked::is_parked(own) {
            return (Outcome::Nothing, parked::standing(service, own, None));
        }
        let words = format!(
            "DirectAccessBinding '{}' binds this Service, too; delete it, or set service.cloud.tencent.com/direct-access to \
             \"false\" to end this one",
            name(other)
        );
        return (Outcome::Nothing, held(&words));
    }
    let is_parked = parked::is_parked(own);
    let is_same = own.spec == *spec && Origin::recorded(own) == Some(origin) && !is_parked;
    if is_same || !is_live(own) {
        return (Outcome::Nothing, Standing::Served);
    }
    let parked = own.metadata.uid.clone().filter(|_| is_parked);
    (Outcome::Apply(Box::new(Application { spec: spec.clone(), origin, parked })), Standing::Served)
}

/// A Service that asks, and has no binding.
fn make(
    service: &Service,
    spec: &DirectAccessBindingSpec,
    origin: Origin,
    bindings: &[&DirectAccessBinding],
    now: Timestamp,
) -> (Outcome, Standing) {
    if let Some(other) = made_by_hand(service, bindings) {
        let words = format!("DirectAccessBinding '{}' binds this Service, and its spec counts", name(other));
        return (Outcome::Nothing, Standing::ServedByOther(words));
    }
    if is_created(spec) && by_hand::is_gone(service, bindings) {
        return (Outcome::Nothing, by_hand::standing(service));
    }
    if let Some(standing) = bindings.iter().find_map(|other| former::standing(service, other)) {
        return (Outcome::Nothing, standing);
    }
    if bindings.iter().any(|other| name(other) == service.key.name) {
        let words = format!(
            "a DirectAccessBinding '{}' is there already and not of this Service; rename or delete it",
            service.key.name
        );
        return (Outcome::Nothing, Standing::Unmet(ServiceReason::NameTaken, words));
    }
    if service.created.is_some_and(|created| now.duration_since(created) < GRACE) {
        return (Outcome::Wait, Standing::Served);
    }
    (Outcome::Apply(Box::new(Application { spec: spec.clone(), origin, parked: None })), Standing::Served)
}

/// A Service whose user has ended it. A load balancer that was created for it is kept, unless the Service itself goes.
fn release(service: &Service, own: &DirectAccessBinding, proof: &Proof, now: Timestamp) -> (Outcome, Standing) {
    if !is_live(own) {
        return (Outcome::Nothing, Standing::Silent);
    }
    let uid = own.metadata.uid.clone().unwrap_or_default();
    if proof.end() == End::ServiceDeleted || !is_created(&own.spec) {
        return (Outcome::Delete { uid, proof: proof.clone() }, Standing::Silent);
    }
    if parked::is_parked(own) {
        return (Outcome::Nothing, parked::standing(service, own, None));
    }
    let since = now.round(jiff::Unit::Second).unwrap_or(now);
    let mark = Parked { reason: proof.end().as_str().to_owned(), since: Some(since) };
    let standing = parked::standing(service, own, Some(&mark));
    (Outcome::Park { uid, mark: mark.value(), proof: proof.clone() }, standing)
}

/// The condition that a Service should have; `None` when there is nothing to say. `refusal` is what the API server has against the
/// binding.
pub fn condition(verdict: &Verdict, refusal: Option<&str>) -> Option<ServiceCondition> {
    let remarks = &verdict.remarks;
    let incomplete = remarks.first().map(|(reason, _)| *reason);
    let (is_true, reason, lead) = match (&verdict.standing, refusal, incomplete) {
        (Standing::Silent, None, None) => return None,
        // What is parked counts as parked only when the mark is taken.
        (_, Some(refusal), _) => (false, ServiceReason::NotTaken, Some(refusal)),
        (Standing::Unmet(reason, words), ..) => (false, *reason, Some(words.as_str())),
        (Standing::NotMade(words), ..) => (false, ServiceReason::InvalidAnnotation, Some(words.as_str())),
        (Standing::NotReady(.., words), ..) => (false, ServiceReason::NotReady, Some(words.as_str())),
        (Standing::Served, None, None) => (true, ServiceReason::Accepted, Some("the annotations are followed")),
        (Standing::ServedByOther(words), None, None) => (true, ServiceReason::BoundByOther, Some(words.as_str())),
        (Standing::ServedByOther(words), None, Some(reason)) => (false, reason, Some(words.as_str())),
        (Standing::Silent | Standing::Served, None, Some(reason)) => (false, reason, None),
    };
    let rest: Vec<_> = remarks.iter().map(|(_, words)| words.as_str()).collect();
    let message = match (&verdict.standing, lead, rest.join("; ")) {
        (_, None, rest) => rest,
        (_, Some(lead), rest) if rest.is_empty() => lead.to_owned(),
        (Standing::NotMade(_), Some(lead), rest) => format!("{lead}. This does not hold it up: {rest}"),
        (_, Some(lead), rest) => format!("{lead}; {rest}"),
    };
    Some(ServiceCondition { is_true, reason: reason.to_string(), message: clip(&message, MESSAGE_MAX) })
}

/// What of a condition is news to who has read the one before: each thing that the Service does not get.
pub fn news<'a>(verdict: &'a Verdict, before: Option<&ServiceCondition>) -> Vec<(EventWord, &'a str)> {
    let said = before.filter(|before| !before.is_true);
    let is_known = |words: &str| said.is_some_and(|before| before.message.contains(words));
    let standing = match &verdict.standing {
        Standing::Unmet(reason, words) => Some((EventWord::Service(*reason), words.as_str())),
        Standing::NotMade(words) => Some((EventWord::Service(ServiceReason::InvalidAnnotation), words.as_str())),
        Standing::NotReady(reason, motion, words) => Some((EventWord::NotReady(*reason, *motion), words.as_str())),
        Standing::Silent | Standing::Served | Standing::ServedByOther(_) => None,
    };
    let is_news = |(word, words): &(EventWord, &str)| {
        !(said.is_some_and(|before| before.reason == word.reason()) && is_known(cause(*word, words)))
    };
    let remarks = verdict.remarks.iter().map(|(reason, words)| (EventWord::Service(*reason), words.as_str()));
    standing.filter(is_news).into_iter().chain(remarks.filter(|(_, words)| !is_known(words))).collect()
}

/// The part of what is said of a Service that is another cause when it is another one. The rest follows how things go on.
fn cause(word: EventWord, words: &str) -> &str {
    match word {
        // What still serves there becomes less.
        EventWord::Service(ServiceReason::Parked) => "",
        // Behind the reason, the binding counts its Pods.
        EventWord::NotReady(..) => words.split(": ").next().unwrap_or(words),
        _ => words,
    }
}
