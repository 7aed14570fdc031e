//! What becomes of a single Pod, but for its deletion.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a user, or its kubelet, does to a Pod that lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum PodChange {
    /// A user takes the label away by which its Service and its workload select it: it lives on, and the workload makes another one.
    Unlabel,
    /// A user puts that label back, and the workload takes it back.
    Label,
    /// A user writes its annotation for a weight; `None` takes that away.
    Weigh(Option<String>),
    /// Its containers end and are not started again, and its object stays: it has failed, or else it has succeeded.
    Finish(bool),
    /// Its sandbox is made anew: it is the same Pod and gets another address. Whether the one before is shown meanwhile.
    Readdress(bool),
    /// A user deletes it without grace: its object is gone at once.
    Force,
}

impl PodChange {
    /// The sentence, of a Pod at this place.
    pub(crate) fn sentence(&self, place: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlabel => write!(f, "A user takes the label of Pod {place} away"),
            Self::Label => write!(f, "A user puts the label of Pod {place} back"),
            Self::Weigh(Some(weight)) => write!(f, "A user gives Pod {place} the weight \"{weight}\""),
            Self::Weigh(None) => write!(f, "A user takes the weight of Pod {place} back"),
            Self::Finish(true) => write!(f, "Pod {place} fails, and is there on"),
            Self::Finish(false) => write!(f, "Pod {place} comes to its end, and is there on"),
            Self::Readdress(_) => write!(f, "Pod {place} gets another address"),
            Self::Force => write!(f, "A user deletes Pod {place} without grace"),
        }
    }

    /// The Pod stops to serve at its address at once.
    pub(crate) const fn stops(&self) -> bool {
        matches!(self, Self::Finish(_) | Self::Readdress(_) | Self::Force)
    }
}
