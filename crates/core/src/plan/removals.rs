//! Whether removals are held, and which ones a hold covers: an emergency brake against a mistake that would take away a lot at once.
//!
//! While removals are held, registrations, raised weights, gates, creations and settings go on. Nothing is lowered, deregistered or
//! deleted, but for what serves nobody any more, for Pods that Kubernetes ends anyway, and for a weight of 0 that a user has asked for.

use std::fmt;

use crate::api::condition::{ChangeReason, HoldCause};
use crate::api::names;
use crate::model::{Address, Phase, Pod, Route};

/// Whether removals are held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Removals {
    /// They are not.
    #[default]
    Allowed,
    /// They are.
    Held(Hold),
}

impl Removals {
    /// Why they are held; `None` while they are not.
    pub const fn held(&self) -> Option<&Hold> {
        match self {
            Self::Allowed => None,
            Self::Held(hold) => Some(hold),
        }
    }

    /// What is in force while the ConfigMap cannot be read, in words.
    pub const fn until_then(&self) -> &'static str {
        match self.held() {
            None => "until then removals go on, as before",
            Some(Hold { reason: HoldCause::ConfigMapUnreadable, .. }) => {
                "until then removals are held, because that may have been meant"
            }
            Some(Hold {
                reason: HoldCause::Flag | HoldCause::Mass | HoldCause::ConfigMap | HoldCause::ConfigMapRefused,
                ..
            }) => "until then removals are held, as before",
        }
    }
}

/// A hold of removals that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub reason: HoldCause,
    /// The namespace of the controller's ConfigMap.
    pub namespace: String,
    /// Whether that ConfigMap exists.
    pub config_map: ConfigMapSight,
}

/// Whether the controller's ConfigMap exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConfigMapSight {
    /// It does not.
    #[default]
    Absent,
    /// Nobody knows: the API server has refused to list it since the start.
    Refused,
    /// It does.
    There,
}

impl Hold {
    /// Why, in words.
    pub fn cause(&self) -> String {
        match self.reason {
            HoldCause::Flag => "the controller runs with --hold-removals".to_owned(),
            HoldCause::ConfigMapRefused => format!(
                "the API server refuses to list ConfigMap '{}/{}', which may say {}",
                self.namespace,
                names::CONTROLLER_CONFIG,
                names::HOLD_REMOVALS_KEY
            ),
            HoldCause::ConfigMap => format!(
                "ConfigMap '{}/{}' says {} \"true\"",
                self.namespace,
                names::CONTROLLER_CONFIG,
                names::HOLD_REMOVALS_KEY
            ),
            HoldCause::ConfigMapUnreadable => format!(
                "ConfigMap '{}/{}' says of {} nothing that can be read, and may have been meant to hold them",
                self.namespace,
                names::CONTROLLER_CONFIG,
                names::HOLD_REMOVALS_KEY
            ),
            HoldCause::Mass => format!(
                "within {} s, more than half of the targets of more than {} bindings were to be removed or to lose their weight",
                super::brake::WINDOW.as_secs(),
                super::brake::BINDINGS
            ),
        }
    }

    /// What lets them go on.
    pub fn way_out(&self) -> String {
        match self.reason {
            HoldCause::Flag => "run the controller without --hold-removals".to_owned(),
            HoldCause::ConfigMapRefused => {
                "allow the controller to list and watch it, as deploy/roles.yaml does".to_owned()
            }
            HoldCause::ConfigMap | HoldCause::ConfigMapUnreadable | HoldCause::Mass => {
                format!("run `{}`", self.command())
            }
        }
    }

    /// The command by which the ConfigMap says that removals go on.
    pub fn command(&self) -> String {
        let (namespace, name, key) = (&self.namespace, names::CONTROLLER_CONFIG, names::HOLD_REMOVALS_KEY);
        match self.config_map {
            ConfigMapSight::Absent | ConfigMapSight::Refused => {
                format!("kubectl -n {namespace} create configmap {name} --from-literal={key}=false")
            }
            ConfigMapSight::There => super::brake::HoldWord::GoOn.command(namespace),
        }
    }
}

/// Whether a hold covers that the target of this Pod leaves for this reason. It covers whoever may still serve.
pub(super) fn covers(reason: ChangeReason, pod: Option<&Pod>) -> bool {
    // Of a Pod on a silent node nobody knows that it ends, although its deletion was asked for.
    let ends = pod.is_some_and(|pod| pod.deleting_since.is_some() && pod.phase != Phase::Unknown);
    !ends
        && !matches!(
            reason,
            ChangeReason::PodGone
                | ChangeReason::PodFinished
                | ChangeReason::PodDeleted
                | ChangeReason::AddressReused
                | ChangeReason::AddressChanged
                | ChangeReason::UserWeight
        )
}

/// What a hold keeps of one binding in this round, as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// Targets that would get a lower weight, or be deregistered.
    pub targets: usize,
    /// Rules that would be deleted.
    pub rules: usize,
    /// Listeners that would be deleted.
    pub listeners: usize,
    /// Load balancers that would be deleted: at most one.
    pub load_balancers: usize,
}

impl Withheld {
    /// Nothing is kept.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.targets, "target"),
            (self.rules, "rule"),
            (self.listeners, "listener"),
            (self.load_balancers, "load balancer"),
        ];
        let part = |(number, noun): (usize, &str)| match number {
            0 => None,
            1 => Some(format!("1 {noun}")),
            more => Some(format!("{more} {noun}s")),
        };
        f.write_str(&parts.into_iter().filter_map(part).collect::<Vec<_>>().join(", "))
    }
}

/// How many targets of one binding serve, and which of them a round takes out for a reason that a hold covers, whether it is in
/// force or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Targets of the binding that have weight.
    pub weighted: usize,
    /// Those of them that leave.
    pub leaving: Vec<(Route, Address)>,
}
