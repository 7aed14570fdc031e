//! What is not taken away, and why.

use super::{Problem, unprogrammed};
use crate::api::condition::{ChangeReason, Reason};
use crate::api::mark::OWNER_TAG;
use crate::api::names::SERVICE_CONDITION;
use crate::model::{AccountId, KeyProblem, Listener, LoadBalancerId, Rule};
use crate::plan::annotated::{Obstacle, obstacle};
use crate::plan::deletion::Departure;
use crate::plan::removals::{Hold, Withheld};
use crate::plan::target::LastPod;
use crate::plan::{BindingView, Doubt};

/// The most annotations that one message names.
const NAMED: usize = 3;

pub(in crate::plan) fn load_balancer_not_marked(id: &LoadBalancerId, uid: &str) -> Problem {
    let message = format!(
        "load balancer '{id}' has lost its tag {OWNER_TAG}={uid} and is not deleted without it; put the tag back, or set \
         spec.deletionPolicy to Deregister and delete it yourself"
    );
    unprogrammed(Reason::RemovalHeld, message)
}

pub(in crate::plan) fn load_balancer_in_use(id: &LoadBalancerId, by: &str) -> Problem {
    let message = format!(
        "load balancer '{id}' is not deleted, because {by}; remove that, or set spec.deletionPolicy to Deregister to keep the \
         load balancer"
    );
    unprogrammed(Reason::RemovalHeld, message)
}

pub(in crate::plan) fn foreign_targets(listener: &Listener, rule: Option<&Rule>) -> Problem {
    let rule = rule.map(|rule| format!("rule {}{} of ", rule.domain, rule.url)).unwrap_or_default();
    let message = format!(
        "{rule}listener '{}' ({}/{}) is no longer wanted but holds targets that this controller did not register; remove \
         them and it will be deleted",
        listener.id, listener.port, listener.protocol
    );
    unprogrammed(Reason::RemovalHeld, message)
}

pub(in crate::plan) fn route_held(listener: &Listener) -> Problem {
    let message = format!(
        "listener '{}' ({}/{}) is not in the spec and goes on as it is, because not every listener of the spec is accepted, resolved \
         and there; correct what the other messages name",
        listener.id, listener.port, listener.protocol
    );
    unprogrammed(Reason::RemovalHeld, message)
}

/// `doubt` says why two looks would prove nothing either.
pub(in crate::plan) fn load_balancer_not_shown(id: &LoadBalancerId, doubt: Option<&str>) -> Problem {
    let message = match doubt {
        None => format!(
            "the cloud does not show load balancer '{id}', which is no proof that it is gone; the finalizer waits until two looks, \
             30 s apart, agree. To give up what may be left there, set spec.deletionPolicy to Retain"
        ),
        Some(doubt) => format!(
            "the cloud does not show load balancer '{id}', which is no proof that it is gone, because {doubt}; the finalizer waits. To \
             give up what may be left there, set spec.deletionPolicy to Retain"
        ),
    };
    unprogrammed(Reason::LoadBalancerNotShown, message)
}

/// A load balancer was asked for, and none with the binding's tag is shown.
pub(in crate::plan) fn creation_not_shown(doubt: &str) -> Problem {
    let message = format!(
        "no load balancer with the tag of this binding is shown, which is no proof that none was created, because {doubt}. To give up \
         what may be there, delete the binding with spec.deletionPolicy Retain"
    );
    unprogrammed(Reason::LoadBalancerNotShown, message)
}

pub(in crate::plan) fn other_account(view: &BindingView, recorded: &str, caller: &AccountId) -> Problem {
    let found = view.binding.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let what = match found.filter(|found| !found.id.is_empty()) {
        Some(found) => format!("load balancer '{}' is in account {recorded}", found.id),
        None => format!("the load balancer of this binding was asked for in account {recorded}"),
    };
    let way_out =
        if view.is_deleting() { ", or, to give up what is left there, set spec.deletionPolicy to Retain" } else { "" };
    let message = format!(
        "{what}, and the controller's credentials are of account {caller}: nothing is created, changed or deleted. Give the controller \
         credentials of account {recorded}{way_out}"
    );
    unprogrammed(Reason::OtherAccount, message)
}

pub(in crate::plan) fn not_proven_gone() -> Problem {
    let message = "listeners or targets of this binding are recorded and a read does not show them; the finalizer waits for a second \
                   look after 30 s. To give up what may be left, set spec.deletionPolicy to Retain"
        .to_owned();
    unprogrammed(Reason::RemovalHeld, message)
}

/// Living Pods that are kept because nobody else would serve; those that end need no words.
pub(in crate::plan) fn last_held(route: &str, namespace: &str, last: &[LastPod]) -> Option<Problem> {
    let mut living: Vec<_> = last.iter().filter(|one| one.reason != ChangeReason::PodDeleted).collect();
    living.sort_by(|a, b| a.pod.cmp(&b.pod));
    let first = living.first()?;
    let way_out = match first.reason {
        ChangeReason::NotReady | ChangeReason::NodeLost => {
            "make Pods ready, or set spec.drain.lastNotReady to Follow to send no traffic to Pods that are not"
                .to_owned()
        }
        _ => format!(
            "see that the Service's selector and ports match Pods that become ready, or take these out by 'kubectl direct-access \
             drain --now pod/{} -n {namespace}'",
            first.pod
        ),
    };
    let message = format!(
        "nobody else would serve {route}: {} {} their weight although they should leave, such as '{}' ({}); {way_out}",
        living.len(),
        if living.len() == 1 { "Pod keeps" } else { "Pods keep" },
        first.pod,
        first.reason
    );
    Some(unprogrammed(Reason::RemovalHeld, message))
}

pub(in crate::plan) fn departure_unknown(view: &BindingView, doubt: Doubt) -> Problem {
    let message = match doubt {
        Doubt::Definition => {
            "the API server does not say whether the definition of DirectAccessBindings is being deleted, so nothing \
                              is taken away; allow the controller to get it, or set spec.deletionPolicy to Retain"
                .to_owned()
        }
        Doubt::Service => format!(
            "it is not known whether Service '{}', for which the binding was made, is there and still asks for it, so nothing is taken \
             away until the API server says; allow the controller to list Services, or set spec.deletionPolicy to Retain",
            view.binding.spec.service_ref.name
        ),
    };
    unprogrammed(Reason::RemovalHeld, message)
}

/// What a hold of removals keeps of a binding.
pub(in crate::plan) fn removals_held(hold: &Hold, withheld: Withheld) -> Problem {
    let message = format!(
        "removals are held, because {}: {withheld} that would be removed, or lose weight, stay as they are; to let removals go on, {}",
        hold.cause(),
        hold.way_out()
    );
    unprogrammed(Reason::RemovalsHeld, message)
}

/// What becomes of a binding that does not go although it is being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Meanwhile {
    /// All of it goes on.
    GoesOn,
    /// Nothing is known of its load balancer.
    Unread,
    /// Its load balancer is not shown, and nobody makes another binding.
    Missing,
    /// Its load balancer is not shown, and another binding is made when it is proven that it is gone, for which there may be a doubt.
    NotShown(Option<String>),
    /// Its load balancer is still being created, or found.
    Creation,
    /// It has no load balancer, and none is created.
    NoCreation,
}

pub(in crate::plan) fn deletion_held(view: &BindingView, meanwhile: &Meanwhile) -> Problem {
    let what = match meanwhile {
        Meanwhile::GoesOn => "so everything goes on".to_owned(),
        Meanwhile::Unread => "and its load balancer cannot be read, so nothing is changed until it can".to_owned(),
        Meanwhile::Missing => "and its load balancer is not shown, so nothing can be changed".to_owned(),
        Meanwhile::NotShown(None) => {
            "and its load balancer is not shown, which is no proof that it is gone: another binding takes its \
                                      place when two looks, 30 s apart, agree"
                .to_owned()
        }
        Meanwhile::NotShown(Some(doubt)) => {
            format!(
                "and its load balancer is not shown, which is no proof that it is gone, because {doubt}: nothing is changed"
            )
        }
        Meanwhile::Creation => "so its load balancer is still created, and another binding takes it over".to_owned(),
        Meanwhile::NoCreation => "so it stays, and no load balancer is created for it".to_owned(),
    };
    let (why, correct) = match meanwhile {
        Meanwhile::GoesOn | Meanwhile::Missing | Meanwhile::NoCreation => why_held(view),
        Meanwhile::Unread | Meanwhile::NotShown(_) | Meanwhile::Creation => (String::new(), ""),
    };
    let message = format!(
        "the binding is being deleted, and Service '{}' that owns it still asks for direct access, {what}{why}; {correct}say \
         service.cloud.tencent.com/direct-access \"false\" on the Service, or delete the Service, to end it",
        view.binding.spec.service_ref.name
    );
    unprogrammed(Reason::RemovalHeld, message)
}

/// Why a binding does not make room for another one of its Service, and what there is to correct.
fn why_held(view: &BindingView) -> (String, &'static str) {
    const CORRECT: &str = "correct that to have it made again, or ";
    let obstacle = view.service.as_deref().map(|service| obstacle(service, &view.binding));
    match (view.departure, obstacle) {
        (Departure::MadeAgain, _) => {
            let why = ": nothing shows that the binding which is made in its place would find what this one has";
            (why.to_owned(), "")
        }
        (_, Some(Obstacle::Words(words))) if !words.is_empty() => {
            let named: Vec<_> = words.iter().take(NAMED).map(KeyProblem::of_service).collect();
            let more = words.len().saturating_sub(NAMED);
            let more = if more == 0 { String::new() } else { format!(", and {more} more") };
            (format!(", because no other is made in its place: {}{more}", named.join("; ")), CORRECT)
        }
        (_, Some(Obstacle::OtherPlace)) => {
            (", because the Service names another load balancer than the binding".to_owned(), CORRECT)
        }
        _ => {
            let why = format!(
                ", because no other is made in its place; condition {SERVICE_CONDITION} of the Service says why"
            );
            (why, "")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::names;
    use crate::plan::tests::world::World;

    #[test]
    fn a_deletion_that_is_held_names_what_keeps_another_binding_from_being_made() {
        const TYPO: &str = "service.cloud.tencent.com/pass-to-traget";
        let asks = (names::DIRECT_ACCESS, "true");
        let existing = |id| (names::EXISTING_LOAD_BALANCER_ID, id);
        let subnet = (names::INTERNAL_SUBNET_ID, "nonsense");
        for (annotations, departure, said) in [
            (vec![asks, (TYPO, "true")], Departure::Held, vec![TYPO, "pass-to-target", "correct that"]),
            (vec![asks, subnet], Departure::Held, vec![names::INTERNAL_SUBNET_ID, "correct that"]),
            (
                vec![(names::DIRECT_ACCESS, "maybe"), existing("lb-1")],
                Departure::Held,
                vec!["\"maybe\"", "correct that"],
            ),
            (vec![asks, existing("lb-other")], Departure::Held, vec!["another load balancer", "correct that"]),
            (vec![asks, existing("lb-1")], Departure::Held, vec!["condition cloud.tencent.com/direct-access"]),
            (vec![asks, existing("lb-1")], Departure::MadeAgain, vec!["would find what this one has"]),
        ] {
            let mut world = World::new(&json!({}));
            world.departure = departure;
            let service = world.service.as_mut().unwrap();
            service.is_load_balancer = true;
            service.annotations =
                annotations.iter().map(|(key, word)| ((*key).to_owned(), (*word).to_owned())).collect();
            let view = world.snapshot().bindings.swap_remove(0);
            let message = deletion_held(&view, &Meanwhile::GoesOn).message;
            for part in said {
                assert!(message.contains(part), "{part}: {message}");
            }
        }
    }
}
