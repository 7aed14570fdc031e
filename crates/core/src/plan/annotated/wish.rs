//! Whether a Service asks for direct access, and what ends that: only a proof does.

use crate::api::{DirectAccessBinding, names};
use crate::model::{Known, Reading, Service};
use crate::mutant::{self, Mutant};

use super::words::Words;
use super::{Acceptance, KEYS, Key, Setting, Treatment, is_left_to_tke, is_taken_by_tke};

/// Who asked for the binding of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The Service itself, by its annotation. Removing the annotation ends the wish.
    Annotation,
    /// The cluster's default, while the Service said nothing.
    Default,
}

impl Origin {
    /// The word that a binding records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Annotation => names::ASKED_BY_ANNOTATION,
            Self::Default => names::ASKED_BY_DEFAULT,
        }
    }

    /// What a binding records; `None` for one that records nothing that is known.
    pub fn recorded(binding: &DirectAccessBinding) -> Option<Self> {
        let word = binding.metadata.annotations.as_ref()?.get(names::ASKED_BY)?;
        [Self::Annotation, Self::Default].into_iter().find(|origin| origin.as_str() == word)
    }
}

/// How the user has ended the wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The annotation says `"false"`.
    SaidFalse,
    /// The annotation, which the user had written, is removed.
    WordRemoved,
    /// The Service is of another type than LoadBalancer.
    NotLoadBalancer,
    /// The Service is being deleted.
    ServiceDeleted,
}

impl End {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SaidFalse => "SaidFalse",
            Self::WordRemoved => "WordRemoved",
            Self::NotLoadBalancer => "NotLoadBalancer",
            Self::ServiceDeleted => "ServiceDeleted",
        }
    }
}

/// The proof that the user has ended the wish. It is made here and nowhere else, from a Service that says so plainly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof(End);

impl Proof {
    /// How it was ended.
    pub const fn end(&self) -> End {
        self.0
    }
}

/// Why a binding is kept as it is, although its Service does not plainly ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// The annotation that asks cannot be read.
    Unreadable,
    /// The controller's flag does not take the Service, or not any more.
    NotAccepted,
    /// The Service says nothing, and nobody knows that it ever did.
    NothingSaid,
    /// TKE's own service controller programs the Service.
    ManagedByTke,
    /// Nobody knows whether TKE's own service controller programs the Service, or what the cluster's default is.
    SwitchesRefused,
}

impl HoldReason {
    /// What happened, and what to do.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unreadable => "correct the annotation service.cloud.tencent.com/direct-access",
            Self::NotAccepted => {
                "the flag --annotated-services of the controller does not cover this Service; change the flag, or say \
                 service.cloud.tencent.com/direct-access \"false\" on the Service to end it"
            }
            Self::NothingSaid => {
                "the Service does not say service.cloud.tencent.com/direct-access, and it is not the cluster's default; say \
                 \"true\" to go on, or \"false\" to end it"
            }
            Self::ManagedByTke => {
                "TKE's own service controller programs this Service, too; set the annotation service.cloud.tencent.com/mode to \
                 skip to go on, or service.cloud.tencent.com/direct-access to \"false\" to end it"
            }
            Self::SwitchesRefused => {
                "the API server refuses this controller the ConfigMap kube-system/tke-service-controller-config, so that nobody knows \
                 whether TKE's own service controller programs this Service; allow it to list and watch that, as deploy/roles.yaml does"
            }
        }
    }
}

/// Whether a Service asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// It does not, and has nothing.
    No,
    /// Nobody can read whether it does, and it has nothing.
    Unclear,
    /// It does.
    Yes(Origin),
    /// It would, but TKE's own service controller programs it; there is nothing of ours yet.
    LeftToTke,
    /// It would, but nobody knows whether TKE's own service controller programs it; there is nothing of ours yet.
    Undecided,
    /// It does not, and carries words that are for direct access, such as these.
    NotAsked(Vec<String>),
    /// It would, but it is of another type, and nobody else follows it.
    NotLoadBalancer,
    /// It would, but the controller's flag does not take it, and nobody else follows it.
    NotAccepted,
    /// What it has is kept as it is.
    Hold(HoldReason),
    /// It does not any more.
    End(Proof),
}

/// Whether the Service asks for a binding; `own` is the one that it has.
pub(super) fn asks(words: &mut Words<'_>, setting: Setting, own: Option<&DirectAccessBinding>) -> Asks {
    let service = words.service;
    let end = |end| if own.is_some() { Asks::End(Proof(end)) } else { Asks::No };
    if service.is_deleting {
        return end(End::ServiceDeleted);
    }
    if !service.is_load_balancer {
        let is_unable = own.is_none() && setting.acceptance == Acceptance::All && is_plain(words, setting);
        return if is_unable { Asks::NotLoadBalancer } else { end(End::NotLoadBalancer) };
    }
    let is_accepted = is_accepted(service, setting.acceptance);
    if !is_accepted && own.is_none() {
        let is_of_nobody = is_accepted_by_any(service) && is_plain(words, setting);
        return if is_of_nobody { Asks::NotAccepted } else { Asks::No };
    }
    let origin = match words.switch(names::DIRECT_ACCESS) {
        Reading::Said(true) => Origin::Annotation,
        Reading::Said(false) => return end(End::SaidFalse),
        Reading::Unreadable(problem) => {
            words.problems.push(problem);
            if mutant::is(Mutant::UnreadableEndsWish) {
                return end(End::SaidFalse);
            }
            return if own.is_some() { Asks::Hold(HoldReason::Unreadable) } else { Asks::Unclear };
        }
        Reading::Absent => match unsaid(service, setting, own) {
            Ok(origin) => origin,
            Err(asks) => return asks,
        },
    };
    let is_taken = match own {
        Some(own) => is_taken_by_tke(service, setting.has_tke, own),
        None => is_left_to_tke(service, setting.has_tke),
    };
    match (is_accepted, is_taken, own) {
        (true, Known::No, _) => Asks::Yes(origin),
        (false, ..) => Asks::Hold(HoldReason::NotAccepted),
        (true, Known::Yes, Some(_)) => Asks::Hold(HoldReason::ManagedByTke),
        (true, Known::Unknown, Some(_)) => Asks::Hold(HoldReason::SwitchesRefused),
        (true, Known::Yes, None) => Asks::LeftToTke,
        (true, Known::Unknown, None) => Asks::Undecided,
    }
}

/// The Service plainly asks, and nobody else follows it: TKE's own service controller is known not to be at work, or not on it.
fn is_plain(words: &Words<'_>, setting: Setting) -> bool {
    let as_load_balancer = Service { is_load_balancer: true, ..words.service.clone() };
    is_left_to_tke(&as_load_balancer, setting.has_tke) == Known::No
        && words.switch(names::DIRECT_ACCESS) == Reading::Said(true)
}

/// What a Service asks for that does not say.
fn unsaid(service: &Service, setting: Setting, own: Option<&DirectAccessBinding>) -> Result<Origin, Asks> {
    let Some(own) = own else {
        return match setting.is_default {
            Known::Yes => Ok(Origin::Default),
            Known::No => Err(unasked(service, setting)),
            Known::Unknown => Err(Asks::No),
        };
    };
    // One that was parked comes back by the user's word only.
    match setting.is_default {
        Known::Yes if own.parked().is_none() => return Ok(Origin::Default),
        // It is, or was, the default: that goes on. Otherwise the default may be what the user who removed the word relies on.
        Known::Unknown if own.parked().is_none() && Origin::recorded(own) == Some(Origin::Default) => {
            return Ok(Origin::Default);
        }
        Known::Unknown => return Err(Asks::Hold(HoldReason::SwitchesRefused)),
        Known::Yes | Known::No => {}
    }
    // One that this controller wrote for another binding is there, and may be the user's, too: that is no removal.
    let is_removed = !service.annotations.contains_key(names::DIRECT_ACCESS);
    Err(match Origin::recorded(own) {
        Some(Origin::Annotation) if is_removed => Asks::End(Proof(End::WordRemoved)),
        Some(_) | None => Asks::Hold(HoldReason::NothingSaid),
    })
}

/// A Service that does not say whether it asks, although its class or its annotations are for nobody else.
fn unasked(service: &Service, setting: Setting) -> Asks {
    if !is_accepted(service, setting.acceptance) || is_left_to_tke(service, setting.has_tke) != Known::No {
        return Asks::No;
    }
    let is_users = |key: &&Key| {
        key.treatment == Treatment::Applied
            && service.annotations.contains_key(key.name)
            && !service.our_annotations.iter().any(|ours| ours == key.name)
    };
    let class = service.load_balancer_class.as_ref().map(|_| "spec.loadBalancerClass".to_owned());
    let words = KEYS.iter().filter(is_users).map(|key| key.name.to_owned());
    let words: Vec<_> = class.into_iter().chain(words).collect();
    if words.is_empty() { Asks::No } else { Asks::NotAsked(words) }
}

/// Some setting takes the Service.
fn is_accepted_by_any(service: &Service) -> bool {
    is_accepted(service, Acceptance::All)
}

fn is_accepted(service: &Service, acceptance: Acceptance) -> bool {
    let is_own_class = service.load_balancer_class.as_deref() == Some(names::LOAD_BALANCER_CLASS);
    match acceptance {
        Acceptance::Off => false,
        Acceptance::OwnClass => is_own_class,
        Acceptance::All => is_own_class || service.load_balancer_class.is_none(),
    }
}
