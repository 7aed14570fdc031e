//! Services that carry TKE's annotations, read as the binding that they stand for.
//!
//! A value that cannot be read is held: the part of the spec that it is about stays as the Service's binding has it, and without a
//! binding nothing is guessed that only the creation of a load balancer can set. See [`Reading`](crate::model::Reading).

mod extensive;
pub(in crate::plan) mod json;
pub(in crate::plan) mod keys;
mod listeners;
mod load_balancer;
mod made_for;
mod spelling;
#[cfg(test)]
mod tests;
mod unheeded;
mod wish;
mod words;

use crate::api::DirectAccessBinding;
use crate::api::binding::{
    ConfigRef, DeletionPolicy, DirectAccessBindingSpec, DrainAction, DrainSpec, Mode, ServiceRef,
};
use crate::api::condition::Reason;
use crate::api::names;
use crate::model::{KeyProblem, Known, Reading, Service};
use crate::mutant::{self, Mutant};

use super::weight;
use crate::plan::{Advice, problem};
use wish::Asks;
use words::Words;

pub use extensive::PARAMETERS;
pub use keys::{KEYS, Key, Treatment, is_known};
pub use made_for::{MadeFor, made_for};
pub use spelling::{is_almost, is_of_interest};
pub(in crate::plan) use spelling::{is_near, misspelt, near_misses, superfluous};
pub use wish::{End, HoldReason, Origin, Proof};

/// Which annotated Services get a binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acceptance {
    /// None.
    #[default]
    Off,
    /// Those of our own load balancer class.
    OwnClass,
    /// Those of our own class and of none, unless TKE's own service controller has them.
    All,
}

/// What decides about Services besides their own annotations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Which Services are taken.
    pub acceptance: Acceptance,
    /// TKE's own service controller is there.
    pub has_tke: Known,
    /// Services that do not say are taken to ask for direct access. It counts for those that have no binding yet.
    pub is_default: Known,
}

/// What becomes of the binding of a Service. Nothing but [`Wish::Release`], which needs a proof, takes one away.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// It has none, and asks for none.
    None,
    /// It has none and gets none, because nobody can read whether it asks.
    Unclear,
    /// It has one with this spec.
    Serve(Box<DirectAccessBindingSpec>, Origin),
    /// It has none and gets none, because TKE's own service controller programs it.
    LeftToTke,
    /// It has none and gets none, because nobody knows whether TKE's own service controller programs it.
    Undecided,
    /// It has none and gets none, because these annotations, which only creation can follow, cannot be followed.
    NotMade(Vec<KeyProblem>),
    /// It has none and gets none, because it carries words that are for direct access, such as these, and does not ask for it.
    NotAsked(Vec<String>),
    /// It has none and gets none, because it is of another type than LoadBalancer, although it plainly asks.
    NotLoadBalancer,
    /// It has none and gets none, because the controller's flag does not take it, although it plainly asks, and nobody else is known
    /// to follow it.
    NotAccepted(Acceptance),
    /// It keeps the one that it has, as it is.
    Hold(HoldReason),
    /// The user has ended it.
    Release(Proof),
}

/// What the annotations of a Service say.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceIntent {
    /// What becomes of its binding.
    pub wish: Wish,
    /// Annotations that are not followed; the others are.
    pub problems: Vec<KeyProblem>,
    /// What is said and has no effect, by annotation or field of the Service.
    pub unheeded: Vec<KeyProblem>,
}

/// The binding that was made for a Service, among those of its namespace.
pub fn own_binding<'a>(service: &Service, bindings: &[&'a DirectAccessBinding]) -> Option<&'a DirectAccessBinding> {
    bindings.iter().find(|binding| is_own(service, binding)).copied()
}

/// Whether a binding was made for this Service.
pub fn is_own(service: &Service, binding: &DirectAccessBinding) -> bool {
    made_for(service, binding) == MadeFor::This
}

/// Reads the annotations of a Service. `own` is the binding that was made for it: what cannot be read stays as it is there.
pub fn read(service: &Service, setting: Setting, own: Option<&DirectAccessBinding>) -> ServiceIntent {
    let mut words = Words::new(service);
    let wish = match wish::asks(&mut words, setting, own) {
        Asks::No => Wish::None,
        Asks::Unclear => Wish::Unclear,
        Asks::LeftToTke => {
            words.is_skipped();
            Wish::LeftToTke
        }
        Asks::NotAsked(words) => Wish::NotAsked(words),
        Asks::NotLoadBalancer => Wish::NotLoadBalancer,
        Asks::NotAccepted => Wish::NotAccepted(setting.acceptance),
        Asks::Undecided => {
            words.is_skipped();
            Wish::Undecided
        }
        Asks::Hold(reason) => {
            words.is_skipped();
            Wish::Hold(reason)
        }
        Asks::End(proof) => Wish::Release(proof),
        Asks::Yes(origin) => match spec(&mut words, own) {
            Some(_) if mutant::is(Mutant::OneWordStopsAll) && own.is_some() && !words.problems.is_empty() => {
                Wish::Hold(HoldReason::Unreadable)
            }
            Some(spec) => Wish::Serve(Box::new(spec), origin),
            None => Wish::NotMade(std::mem::take(&mut words.blocking)),
        },
    };
    // What TKE's own service controller programs may be followed there.
    let is_ours = match &wish {
        Wish::Serve(..) | Wish::NotMade(_) => true,
        Wish::Hold(reason) => *reason != HoldReason::ManagedByTke,
        _ => false,
    };
    if is_ours {
        words.find_unheeded(own);
    }
    ServiceIntent { wish, problems: words.problems, unheeded: words.unheeded }
}

/// What the binding of a Service says in its status of the annotations that it stands for.
pub(in crate::plan) fn advice(service: &Service, own: &DirectAccessBinding) -> Vec<Advice> {
    let mut words = Words::new(service);
    // It has what it was made with.
    drop(spec(&mut words, Some(own)));
    words.find_unheeded(Some(own));
    let all = words.problems.iter().chain(&words.unheeded);
    let words = |problem: &KeyProblem| format!("{} (Service '{}')", problem.of_service(), service.key.name);
    all.map(|problem| problem::no_effect(words(problem), [])).collect()
}

/// What would become of a binding of the Service if somebody deleted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remake {
    /// Another one is made at once.
    Made,
    /// The Service has not ended its wish, and another one would not be made.
    Held,
    /// The Service does not ask.
    NotAsked,
}

/// Whether one would find what the other has: nobody would look for it on another load balancer.
fn is_same_place(one: &DirectAccessBindingSpec, other: &DirectAccessBindingSpec) -> bool {
    let place = |spec: &DirectAccessBindingSpec| {
        spec.load_balancer.as_ref().map(|found| (found.id.clone(), found.region.clone()))
    };
    place(one) == place(other)
}

/// Says what would become of a binding of the Service if somebody deleted it.
pub fn remake(service: &Service, setting: Setting, own: &DirectAccessBinding) -> Remake {
    match (read(service, setting, Some(own)).wish, read(service, setting, None).wish) {
        (Wish::Serve(..), Wish::Serve(next, _)) if is_same_place(&own.spec, &next) => Remake::Made,
        (Wish::Serve(..) | Wish::Hold(_), _) => Remake::Held,
        _ => Remake::NotAsked,
    }
}

/// What a Service says that keeps another binding from being made in the place of its own one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Obstacle {
    /// These annotations, without which none is made.
    Words(Vec<KeyProblem>),
    /// It names another load balancer than that on which its binding is.
    OtherPlace,
    /// Nothing: what does is not said by its annotations.
    NotSaid,
}

/// What of a Service's words keeps another binding from being made in the place of this one.
pub(in crate::plan) fn obstacle(service: &Service, own: &DirectAccessBinding) -> Obstacle {
    // Whatever flag, default and TKE say: that is not the Service's.
    let setting = Setting { acceptance: Acceptance::All, has_tke: Known::No, is_default: Known::No };
    let intent = read(service, setting, None);
    match intent.wish {
        Wish::NotMade(blocking) => Obstacle::Words(blocking),
        Wish::Unclear => Obstacle::Words(intent.problems),
        Wish::Serve(next, _) if !is_same_place(&own.spec, &next) => Obstacle::OtherPlace,
        _ => Obstacle::NotSaid,
    }
}

/// Whether TKE's own service controller programs the Service, or would: it has left its marks there, or it is at work in the cluster, and
/// the Service is not kept from it by its class or by `mode: skip`.
pub fn is_left_to_tke(service: &Service, has_tke: Known) -> Known {
    let is_skipped = matches!(service.annotations.reading(names::MODE, ""), Reading::Said(names::MODE_SKIP));
    let is_marked = service.has_tke_finalizer || service.annotations.contains_key(names::CLIENT_TOKEN);
    match service.is_load_balancer && service.load_balancer_class.is_none() && !is_skipped {
        true if is_marked => Known::Yes,
        true => has_tke,
        false => Known::No,
    }
}

/// The same for a Service that has this binding. While nobody knows, the binding goes on as its status says that it was; one that has
/// nothing yet makes nothing.
pub fn is_taken_by_tke(service: &Service, has_tke: Known, binding: &DirectAccessBinding) -> Known {
    let status = binding.status.as_ref();
    let was_left = status.is_some_and(|status| {
        status.conditions.iter().any(|condition| condition.reason == Reason::ManagedByTke.as_str())
    });
    let has_something = status.is_some_and(|status| status.listeners.iter().any(|row| row.listener_id.is_some()));
    match is_left_to_tke(service, has_tke) {
        Known::Unknown if was_left => Known::Yes,
        Known::Unknown if has_something => Known::No,
        found => found,
    }
}

/// The spec that the annotations stand for; `None` when there is no binding yet and what only creation can set cannot be read.
fn spec(words: &mut Words<'_>, own: Option<&DirectAccessBinding>) -> Option<DirectAccessBindingSpec> {
    let last = own.map(|own| &own.spec);
    words.is_skipped();
    words.problems.extend(weight::service_problems(words.service));
    words.unheeded.extend(weight::service_idle(words.service));
    let found = words.problems.len();
    let load_balancer = words.load_balancer(last.and_then(|last| last.load_balancer.as_ref()));
    if load_balancer.is_none() {
        words.blocks_since(found);
    }
    let found = words.problems.len();
    let listeners = words.listeners(own);
    if listeners.is_none() {
        words.blocks_since(found);
    }
    let is_retained = words.is_retained();
    let drain = words.drain(last.map(|last| &last.drain));
    let (service_config_ref, auto_service_config) = words.config(last);
    let load_balancer = load_balancer?;
    let is_deletable = load_balancer.create.is_some() && !is_retained;
    Some(DirectAccessBindingSpec {
        service_ref: ServiceRef { name: words.service.key.name.clone() },
        load_balancer: Some(load_balancer),
        listeners: listeners?,
        drain,
        deletion_policy: if is_deletable { DeletionPolicy::Delete } else { DeletionPolicy::Deregister },
        mode: Mode::default(),
        service_config_ref,
        auto_service_config,
        // What no annotation says is the user's to set on the binding.
        network: last.map(|last| last.network).unwrap_or_default(),
        readiness_gate: last.map(|last| last.readiness_gate.clone()).unwrap_or_default(),
        suspend: last.is_some_and(|last| last.suspend),
    })
}

impl Words<'_> {
    /// Whether the load balancer outlives the Service. What cannot be read counts as said.
    fn is_retained(&mut self) -> bool {
        let [retain, protection] = [names::LOAD_BALANCER_RETAIN, names::DELETION_PROTECTION].map(|key| {
            let reading = self.switch(key);
            self.settle(reading, false, true)
        });
        retain || protection
    }

    fn drain(&mut self, last: Option<&DrainSpec>) -> DrainSpec {
        let usual = DrainSpec::default();
        let last = last.unwrap_or(&usual);
        let action = |is_graceful| if is_graceful { DrainAction::WeightZero } else { DrainAction::Deregister };
        let terminating = self.switch(names::GRACE_SHUTDOWN).map(action);
        let not_ready = self.switch(names::GRACE_SHUTDOWN_NOT_READY).map(action);
        DrainSpec {
            terminating: self.settle(terminating, usual.terminating, last.terminating),
            not_ready: self.settle(not_ready, usual.not_ready, last.not_ready),
            ..last.clone()
        }
    }

    /// The config to use, by name or made for the Service.
    fn config(&mut self, last: Option<&DirectAccessBindingSpec>) -> (Option<ConfigRef>, bool) {
        let name = config_name(self.service).map(|name| Some(ConfigRef { name }));
        let auto = self.switch(names::SERVICE_CONFIG_AUTO);
        let was_auto = last.is_some_and(|last| last.auto_service_config);
        let is_unreadable = name.is_unreadable();
        let other = match name {
            Reading::Said(_) => Some("followed"),
            _ if is_unreadable && !was_auto => Some("not readable"),
            _ => None,
        };
        if let Some(other) = other.filter(|_| auto == Reading::Said(true)) {
            let message = format!("it excludes tke-service-config, which is {other}; remove one of the two");
            self.problem(names::SERVICE_CONFIG_AUTO, message);
        }
        let name = self.settle(name, None, last.and_then(|last| last.service_config_ref.clone()));
        let auto = self.settle(auto, false, was_auto);
        // While nobody knows which config is meant, none is made instead.
        let is_auto = name.is_none() && if is_unreadable { was_auto } else { auto };
        (name, is_auto)
    }
}

/// The name of a TkeServiceConfig in the annotations of a Service. Names of configs that controllers make are refused, as on a binding.
pub fn config_name(service: &Service) -> Reading<String> {
    const FORM: &str = "the name of a TkeServiceConfig of this namespace";
    keys::text(&service.annotations, &service.our_annotations, names::SERVICE_CONFIG, FORM).and_then(|text| {
        if names::is_reserved_config(text) {
            let message = format!(
                "names that end in {} are reserved for configs that controllers make; use tke-service-config-auto, or another name",
                names::RESERVED_CONFIG_SUFFIXES.join(" or ")
            );
            return Err(KeyProblem::at(names::SERVICE_CONFIG, &crate::model::quoted(text), &message));
        }
        let config = ConfigRef { name: text.to_owned() };
        match garde::Validate::validate(&config) {
            Ok(()) => Ok(config.name),
            Err(_) => Err(KeyProblem::unreadable(names::SERVICE_CONFIG, text, FORM)),
        }
    })
}
