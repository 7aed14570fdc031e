//! How the simulated cloud departs from what is believed of the real one.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! departures {
    ($($(#[doc = $words:literal])+ $name:ident = $text:literal,)+) => {
        /// One way in which the cloud may differ from what is believed of it. Each has its row in [`beliefs`](super::beliefs).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Departure {
            $($(#[doc = $words])+ $name,)+
        }

        impl Departure {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

departures! {
    /// `BatchRegisterTargets` and `BatchDeregisterTargets` answer at once, and their work is a task.
    BatchTasks = "batch-tasks",
    /// `AttrFlags` of listeners has none of the switches; `Stop` is shown.
    FlagsHidden = "flags-hidden",
    /// `DescribeTargets` shows no tags. They are kept, and can be filtered by.
    TagsHidden = "tags-hidden",
    /// Members of a health check that its type does not have are kept and shown.
    MembersKept = "members-kept",
    /// What a change of a health check leaves out becomes its default.
    ChecksReset = "checks-reset",
    /// Reads show load balancers, listeners, rules, targets and their health as they were some seconds before.
    ReadsLate = "reads-late",
    /// `CreateLoadBalancer` answers without ids; its task names them.
    IdsLate = "ids-late",
    /// The tags of a load balancer are shown, and can be filtered by, some time after it was made.
    LoadBalancerTagsLate = "load-balancer-tags-late",
    /// A token whose load balancers are gone is answered with their ids.
    TokensReplayed = "tokens-replayed",
    /// Names of load balancers and listeners have no dots.
    DotsRefused = "dots-refused",
    /// The account makes load balancers with domain names only: a creation without `DynamicVip` is refused.
    DomainsOnly = "domains-only",
    /// A new target gets traffic before its probes agree; its health is `Unknown` meanwhile.
    NewTargetsServe = "new-targets-serve",
    /// A target whose probes do not agree yet is shown as `Alive`, and gets traffic.
    NewTargetsAlive = "new-targets-alive",
    /// A target whose probes do not agree yet is shown as `Dead`, and gets traffic only where all are dead.
    NewTargetsDead = "new-targets-dead",
    /// `BatchRegisterTargets` with a target that another listener has is refused as a whole.
    ConflictsWhole = "conflicts-whole",
    /// A batch with targets over the quota, or that are not registered, fails on their listeners only.
    BatchesInPart = "batches-in-part",
    /// `BatchModifyTargetWeight` with a target that is not registered is refused, and the weights of the others are changed.
    WeightsInPart = "weights-in-part",
    /// `AttrFlags` of a listener that is stopped does not name `Stop`.
    StopHidden = "stop-hidden",
    /// The health of the targets of a stopped listener is shown as its probes last found it.
    StoppedHealthKept = "stopped-health-kept",
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Departure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Departure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl FromStr for Departure {
    type Err = String;

    /// Reads a name such as `tags-hidden`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|one| one.name() == text);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|one| one.name()).collect();
            format!("'{text}' is none of {}", names.join(", "))
        })
    }
}

/// Departures that no cloud has both of, and why.
pub const EXCLUSIVE: &[(Departure, Departure, &str)] = &[
    (Departure::NewTargetsAlive, Departure::NewTargetsDead, "a target is shown as one of them"),
    (Departure::NewTargetsServe, Departure::NewTargetsDead, "a target that is shown as dead gets no traffic"),
    (Departure::StopHidden, Departure::StoppedHealthKept, "nothing would show that a listener is stopped"),
];

/// All ways in which a cloud departs from what is believed. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialect(BTreeSet<Departure>);

impl Dialect {
    /// Whether the cloud departs in this way.
    pub fn has(&self, departure: Departure) -> bool {
        self.0.contains(&departure)
    }

    /// Makes the cloud depart in this way, too.
    pub fn add(&mut self, departure: Departure) {
        self.0.insert(departure);
    }
}

impl Dialect {
    /// All departures, in order.
    pub fn iter(&self) -> impl Iterator<Item = Departure> {
        self.0.iter().copied()
    }

    /// Whether no cloud can be like this: two of its departures exclude each other.
    pub fn is_impossible(&self) -> bool {
        EXCLUSIVE.iter().any(|(one, other, _)| self.has(*one) && self.has(*other))
    }
}

impl FromIterator<Departure> for Dialect {
    fn from_iter<I: IntoIterator<Item = Departure>>(departures: I) -> Self {
        Self(departures.into_iter().collect())
    }
}

impl<const N: usize> From<[Departure; N]> for Dialect {
    fn from(departures: [Departure; N]) -> Self {
        departures.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for &departure in Departure::ALL {
            assert_eq!(departure.name().parse(), Ok(departure));
        }
        let refused = "shown".parse::<Departure>().expect_err("no such name");
        assert!(refused.starts_with("'shown' is none of batch-tasks, "), "{refused}");
    }
}
