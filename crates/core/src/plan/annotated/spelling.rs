//! Keys that nobody knows, and what their users may have meant.

use super::keys::{KEYS, Key, is_known};
use crate::api::names;
use crate::model::{Annotations, KeyProblem};

/// In how many letters a key may differ from one that is known to be taken for a typing error.
const NEAR_MISS: usize = 2;
/// Prefixes that are taken for each other: TKE's of Services and of Pods, and ours.
const PREFIXES: [&str; 5] = [
    "service.cloud.tencent.com",
    "service.kubernetes.io",
    "cloud.tencent.com",
    "tke.cloud.tencent.com",
    "direct-access.cloud.tencent.com",
];
/// How the names of TKE's annotations begin under a prefix that is not TKE's own.
const FOREIGN: [&str; 2] = ["service.kubernetes.io/qcloud-", "service.kubernetes.io/tke-"];
/// Keys of earlier versions, and of pages on the web, for what has another key. Source of the first: examples of TKE.
const OTHER_NAMES: [(&str, &str); 2] = [
    ("kubernetes.io/service.internetChargeType", names::INTERNET_CHARGE_TYPE),
    ("service.cloud.tencent.com/loadbalance-id", names::EXISTING_LOAD_BALANCER_ID),
];

/// What a key that nobody knows may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unknown {
    /// A typing error for this one.
    Meant(&'static Key),
    /// An annotation of Ingresses.
    OfIngress,
    /// One of TKE's, by its prefix.
    OfTke,
    /// Somebody else's.
    Foreign,
}

impl Unknown {
    /// What a key may be that is none of the known ones. What is near one that decides something was more likely meant for that.
    pub(super) fn of(key: &str) -> Self {
        match KEYS.iter().find(|known| is_near(key, known.name)) {
            Some(meant) => Self::Meant(meant),
            None if key.starts_with(names::INGRESS_PREFIX) => Self::OfIngress,
            None if key.starts_with(names::SERVICE_PREFIX) || FOREIGN.iter().any(|head| key.starts_with(head)) => {
                Self::OfTke
            }
            None => Self::Foreign,
        }
    }
}

/// The annotations whose keys nobody knows, and that are almost this one.
pub(in crate::plan) fn near_misses<'a>(annotations: &'a Annotations, key: &str) -> impl Iterator<Item = &'a str> {
    annotations.keys().filter(move |other| is_almost(other, key))
}

/// The key is almost the known one, and is none that is known.
pub fn is_almost(other: &str, key: &str) -> bool {
    !is_known(other) && other != key && is_near(other, key)
}

/// The keys are the same but for letter case, hyphens and the like, two letters at most, or their prefixes.
pub(in crate::plan) fn is_near(other: &str, key: &str) -> bool {
    let distance = || strsim::osa_distance(&other.to_ascii_lowercase(), &key.to_ascii_lowercase());
    let is_close = || other.len().abs_diff(key.len()) <= NEAR_MISS && distance() <= NEAR_MISS;
    let is_under_other = || match (other.split_once('/'), key.split_once('/')) {
        (Some((one, name)), Some((_, meant))) => PREFIXES.contains(&one) && bare(name) == bare(meant),
        _ => false,
    };
    OTHER_NAMES.contains(&(other, key)) || is_close() || bare(other) == bare(key) || is_under_other()
}

/// A key in lower case, without hyphens and underscores.
fn bare(key: &str) -> String {
    key.chars().filter(|c| !"-_".contains(*c)).map(|c| c.to_ascii_lowercase()).collect()
}

/// What is wrong with a key that is near this one, where that is missing.
pub(in crate::plan) fn misspelt(near: &str, key: &str) -> KeyProblem {
    KeyProblem::new(near, format!("the key is not known; write {key} instead, or remove it"))
}

/// What is wrong with a key that is near this one, where that is there, too.
pub(in crate::plan) fn superfluous(near: &str, key: &str) -> KeyProblem {
    KeyProblem::new(near, format!("the key is not known; {key} is there, too, and counts; remove this one"))
}

/// The annotation is read, or may be meant to be.
pub fn is_of_interest(key: &str) -> bool {
    is_known(key) || !matches!(Unknown::of(key), Unknown::Foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_keys_that_nobody_knows_are_told_from_those_of_others() {
        for (key, expected) in [
            ("service.cloud.tencent.com/direct-acess", names::DIRECT_ACCESS),
            ("service.cloud.tencent.com/Direct-Access", names::DIRECT_ACCESS),
            ("service.cloud.tencent.com/directAccess", names::DIRECT_ACCESS),
            ("service.cloud.tencent.com/direct_access", names::DIRECT_ACCESS),
            ("service.cloud.tencent.com/enable_grace_shutdown_tkex", names::GRACE_SHUTDOWN_NOT_READY),
            ("cloud.tencent.com/direct-access", names::DIRECT_ACCESS),
            ("service.kubernetes.io/direct-access", names::DIRECT_ACCESS),
            ("service.cloud.tencent.com/tke-existed-lbid", names::EXISTING_LOAD_BALANCER_ID),
            ("service.cloud.tencent.com/loadbalance-id", names::EXISTING_LOAD_BALANCER_ID),
            ("kubernetes.io/service.internetChargeType", names::INTERNET_CHARGE_TYPE),
            ("ingress.cloud.tencent.com/direct-access", "Ingress"),
            ("ingress.cloud.tencent.com/rewrite-support", "Ingress"),
            ("service.cloud.tencent.com/loadbalance-backends-count", "TKE"),
            ("service.kubernetes.io/qcloud-loadbalancer-health-check-flag", "TKE"),
            ("service.kubernetes.io/topology-mode", "foreign"),
            ("cloud.tencent.com/team", "foreign"),
            ("example.com/direct-access", "foreign"),
            ("kubectl.kubernetes.io/last-applied-configuration", "foreign"),
        ] {
            let found = match Unknown::of(key) {
                Unknown::Meant(meant) => meant.name,
                Unknown::OfIngress => "Ingress",
                Unknown::OfTke => "TKE",
                Unknown::Foreign => "foreign",
            };
            assert_eq!(found, expected, "{key}");
            assert_eq!(is_of_interest(key), expected != "foreign", "{key}");
        }
        for known in KEYS {
            let others = KEYS.iter().filter(|other| other.name != known.name);
            let near: Vec<_> = others.filter(|other| is_near(other.name, known.name)).map(|other| other.name).collect();
            let twins = [names::LOAD_BALANCER_TYPE, names::LOAD_BALANCER_KIND];
            assert!(near.is_empty() || twins.contains(&known.name), "{}: {near:?}", known.name);
        }
    }
}
