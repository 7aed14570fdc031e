//! What becomes of an annotated Service, and what is said of it there.

use jiff::{SignedDuration, Timestamp};

use crate::api::DirectAccessBinding;
use crate::api::binding::DirectAccessBindingSpec;
use crate::api::event::ServiceReason;
use crate::model::{Service, ServiceCondition};
use crate::plan::annotated::{Reading, Wish};

/// What to do about a Service, and what to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What to do.
    pub outcome: Outcome,
    /// It asks for direct access, or has annotations that cannot be followed.
    is_told: bool,
    /// Why it has no binding of its own although it asks for one: reason and words.
    refusal: Option<(ServiceReason, String)>,
    /// Annotations that cannot be followed, in words.
    faults: Vec<String>,
    /// Annotations that are not acted on.
    ignored: Vec<&'static str>,
}

/// What to do about the binding of a Service.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All is as it should be.
    Nothing,
    /// It is to have this spec.
    Apply(Box<DirectAccessBindingSpec>),
    /// It is to be made, but not yet.
    Wait,
    /// The one of this UID is to go.
    Delete(String),
}

/// How long a new Service waits for its binding to be made: tools apply the objects of one application one after another, and a
/// binding that comes from there counts more. A load balancer made for nothing would have to be paid.
pub const GRACE: SignedDuration = SignedDuration::from_secs(5);

/// Decides on one Service; `bindings` are those of its namespace.
pub fn decide(service: &Service, reading: &Reading, bindings: &[&DirectAccessBinding], now: Timestamp) -> Verdict {
    let is_own = |binding: &&&DirectAccessBinding| {
        let owners = binding.metadata.owner_references.as_deref().unwrap_or_default();
        owners.iter().any(|owner| owner.kind == "Service" && owner.uid == service.uid)
    };
    let own = bindings.iter().find(is_own).copied();
    let is_live = |binding: &DirectAccessBinding| binding.metadata.deletion_timestamp.is_none();
    let name = |binding: &DirectAccessBinding| binding.metadata.name.clone().unwrap_or_default();
    let others = || bindings.iter().filter(|binding| !is_own(binding)).copied();
    let explicit = others().find(|other| is_live(other) && other.spec.service_ref.name == service.key.name);
    let in_the_way = others().find(|other| name(other) == service.key.name);
    let mut refusal = None;
    let wanted = match &reading.wish {
        Wish::None => None,
        Wish::Refused(why) => {
            refusal = Some((ServiceReason::ManagedByTke, why.clone()));
            None
        }
        Wish::Binding(_) if explicit.is_some() => {
            let named = explicit.map(name).unwrap_or_default();
            refusal = Some((
                ServiceReason::BoundByOther,
                format!("DirectAccessBinding '{named}' binds this Service, and its spec counts"),
            ));
            None
        }
        Wish::Binding(_) if in_the_way.is_some() => {
            let named = &service.key.name;
            let words = format!(
                "a DirectAccessBinding '{named}' is there already and not of this Service; rename or delete it"
            );
            refusal = Some((ServiceReason::NameTaken, words));
            None
        }
        Wish::Binding(spec) => Some(spec),
    };
    let outcome = match (own, wanted) {
        (Some(own), Some(spec)) if own.spec == **spec || !is_live(own) => Outcome::Nothing,
        (None, Some(_)) if service.created.is_some_and(|created| now.duration_since(created) < GRACE) => Outcome::Wait,
        (_, Some(spec)) => Outcome::Apply(spec.clone()),
        (Some(own), None) if is_live(own) => Outcome::Delete(own.metadata.uid.clone().unwrap_or_default()),
        (_, None) => Outcome::Nothing,
    };
    Verdict {
        outcome,
        is_told: reading.wish != Wish::None || !reading.faults.is_empty(),
        refusal,
        faults: reading.faults.iter().map(|fault| format!("annotation {}: {}", fault.key, fault.message)).collect(),
        ignored: reading.ignored.clone(),
    }
}

/// The condition that a Service should have; `None` when there is nothing to say. `said` is what the API server has against the
/// binding.
pub fn condition(verdict: &Verdict, said: Option<&str>) -> Option<ServiceCondition> {
    if !verdict.is_told {
        return None;
    }
    let ignored = (!verdict.ignored.is_empty()).then(|| format!("not acted on: {}", verdict.ignored.join(", ")));
    let (is_true, reason, mut words) = match (&verdict.refusal, said, verdict.faults.as_slice()) {
        (Some((reason @ ServiceReason::BoundByOther, words)), ..) => (true, *reason, vec![words.clone()]),
        (Some((reason, words)), ..) => (false, *reason, vec![words.clone()]),
        (None, Some(said), _) => (false, ServiceReason::NotTaken, vec![said.to_owned()]),
        (None, None, []) => (true, ServiceReason::Accepted, vec!["the annotations are followed".to_owned()]),
        (None, None, faults) => (false, ServiceReason::InvalidAnnotation, faults.to_vec()),
    };
    words.extend(ignored);
    Some(ServiceCondition { is_true, reason: reason.to_string(), message: words.join("; ") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::tests::world::World;

    #[test]
    fn a_new_service_waits_a_moment_for_a_binding_that_comes_with_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let snapshot = World::new(&json!({})).snapshot();
        let view = &snapshot.bindings[0];
        let spec = Box::new(view.binding.spec.clone());
        let reading = Reading { wish: Wish::Binding(spec.clone()), faults: Vec::new(), ignored: Vec::new() };
        let service = Service { created: Some(at(100)), ..Service::clone(view.service.as_ref().unwrap()) };
        let outcome =
            |bindings: &[&DirectAccessBinding], second| decide(&service, &reading, bindings, at(second)).outcome;
        assert_eq!(outcome(&[], 104), Outcome::Wait);
        assert_eq!(outcome(&[], 105), Outcome::Apply(spec));
        assert_eq!(outcome(&[&view.binding], 104), Outcome::Nothing, "it has one");
    }
}
