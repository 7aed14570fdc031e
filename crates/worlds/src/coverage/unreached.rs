//! What worlds cannot reach, and why. A long run of `cargo run --release --example worlds` says which rows are wrong.

const ACCOUNT: &str = "All calls are made by the keys of one account.";
const ADDRESSES: &str = "All load balancers have IPv4 addresses.";
const ALL_HEEDED: &str = "Replicas heed the annotations of all Services.";
const EDGE: &str = "It is said by edges that the world does not have.";
const HAND: &str = "Slices are made by their controller alone.";
const JUDGED: &str = "Every round judges every binding.";
const LISTED: &str = "TkeServiceConfigs can always be listed.";
const NO_FLAG: &str = "The controller runs without --hold-removals, and its ConfigMap can always be listed.";
const NO_HEIR: &str =
    "Nobody asks for the place of another binding; plan/tests/adoption.rs and tests/plugin/recovery.rs do.";
const NO_TKE: &str = "It is known of the world that no controller of TKE's own is there.";
const ONE_NETWORK: &str = "All Pods are in one network, and load balancers in one VPC.";
const PANICS: &str = "No machine is to panic: the world fails where one does.";
const WITHIN: &str = "It is remembered within a machine, and no effect shows it.";

/// Enum, variant, and why no world reaches it.
pub const UNREACHED: &[(&str, &str, &str)] = &[
    ("AdviceReason", "TwoNetworks", ONE_NETWORK),
    ("AdviceReason", "OtherVpc", ONE_NETWORK),
    ("AdviceReason", "DefaultVpc", ONE_NETWORK),
    ("AdviceReason", "NotAdopted", NO_HEIR),
    ("ConfigProblem", "Unlisted", LISTED),
    ("EventReason", "AnnotatedServicesOff", ALL_HEEDED),
    ("EventReason", "Created", EDGE),
    ("EventReason", "Renewed", EDGE),
    ("EventReason", "Repaired", EDGE),
    ("EventReason", "Removed", EDGE),
    ("ExclusionReason", "WrongFamily", ADDRESSES),
    ("ExclusionReason", "HostNetwork", ONE_NETWORK),
    ("ExclusionReason", "GlobalRouteDisabled", ONE_NETWORK),
    ("ExclusionReason", "SnatProRequired", ONE_NETWORK),
    ("ExclusionReason", "NotAPod", HAND),
    ("Frozen", "Parked", ACCOUNT),
    ("Frozen", "OtherAccount", ACCOUNT),
    ("Frozen", "MayBeLeftToTke", NO_TKE),
    ("Frozen", "Unjudged", JUDGED),
    ("HoldCause", "Flag", NO_FLAG),
    ("HoldCause", "ConfigMapRefused", NO_FLAG),
    ("Line", "Panicked", PANICS),
    ("Reason", "SwitchesRefused", NO_TKE),
    ("Reason", "UnsupportedValue", ADDRESSES),
    ("Reason", "ConfigUnreadable", LISTED),
    ("Reason", "OtherAccount", ACCOUNT),
    ("Reason", "NotAdopted", NO_HEIR),
    ("Reason", "Internal", PANICS),
    ("ServiceReason", "SwitchesRefused", NO_TKE),
    ("Step", "Retag", NO_HEIR),
    ("Sighting", "Leaving", WITHIN),
    ("Sighting", "Drained", WITHIN),
];
