//! Batch sizes and quotas of the cloud.

use std::collections::BTreeMap;

/// Limits that a plan must respect. Sources are in the CLB API reference, "API category" and each action's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Targets in one `BatchRegisterTargets` or `BatchDeregisterTargets` call, over all listeners of a load balancer.
    pub targets_per_batch: usize,
    /// Targets in one `BatchModifyTargetWeight` call.
    pub weights_per_batch: usize,
    /// Targets in one entry of `BatchModifyTargetWeight`.
    pub weights_per_entry: usize,
    /// Entries in one `BatchModifyTargetWeight` call.
    pub weight_entries_per_batch: usize,
    /// Listeners in one `DeleteLoadBalancerListeners` call.
    pub listeners_per_delete: usize,
    /// Targets of one listener or rule: quota `TOTAL_TARGET_BIND_QUOTA`.
    pub targets_per_route: usize,
    /// Listeners of one load balancer: quota `TOTAL_LISTENER_QUOTA`.
    pub listeners_per_load_balancer: usize,
    /// Rules of one layer-7 listener: quota `TOTAL_LISTENER_RULE_QUOTA`.
    pub rules_per_listener: usize,
}

impl Default for Limits {
    /// The documented batch sizes, and the quotas of a new account.
    fn default() -> Self {
        Self {
            targets_per_batch: 500,
            weights_per_batch: 500,
            weights_per_entry: 50,
            weight_entries_per_batch: 100,
            listeners_per_delete: 20,
            targets_per_route: 200,
            listeners_per_load_balancer: 50,
            rules_per_listener: 50,
        }
    }
}

/// Quotas that are raised on demand, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// `TOTAL_TARGET_BIND_QUOTA`.
    pub targets_per_route: Option<usize>,
    /// `TOTAL_LISTENER_QUOTA`.
    pub listeners_per_load_balancer: Option<usize>,
    /// `TOTAL_LISTENER_RULE_QUOTA`.
    pub rules_per_listener: Option<usize>,
}

impl Quotas {
    /// The quotas in a reply of `DescribeQuota`. One that is not positive is no quota.
    pub fn of(reply: &BTreeMap<String, i64>) -> Self {
        let quota = |id: &str| reply.get(id).and_then(|limit| usize::try_from(*limit).ok()).filter(|limit| *limit > 0);
        Self {
            targets_per_route: quota("TOTAL_TARGET_BIND_QUOTA"),
            listeners_per_load_balancer: quota("TOTAL_LISTENER_QUOTA"),
            rules_per_listener: quota("TOTAL_LISTENER_RULE_QUOTA"),
        }
    }

    /// Nothing is left to ask.
    pub const fn is_complete(&self) -> bool {
        self.targets_per_route.is_some()
            && self.listeners_per_load_balancer.is_some()
            && self.rules_per_listener.is_some()
    }
}

impl Limits {
    /// These limits with the quotas that are known.
    #[must_use]
    pub fn with(self, quotas: Quotas) -> Self {
        Self {
            targets_per_route: quotas.targets_per_route.unwrap_or(self.targets_per_route),
            listeners_per_load_balancer: quotas.listeners_per_load_balancer.unwrap_or(self.listeners_per_load_balancer),
            rules_per_listener: quotas.rules_per_listener.unwrap_or(self.rules_per_listener),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_quotas_counts_and_the_rest_is_usual() {
        let reply = [("TOTAL_TARGET_BIND_QUOTA", 300), ("TOTAL_LISTENER_QUOTA", 0), ("TOTAL_OPEN_CLB_QUOTA", 7)];
        let reply = reply.map(|(id, limit)| (id.to_owned(), limit)).into();
        let quotas = Quotas::of(&reply);
        assert!(!quotas.is_complete());
        let limits = Limits::default().with(quotas);
        assert_eq!(
            (limits.targets_per_route, limits.listeners_per_load_balancer, limits.rules_per_listener),
            (300, 50, 50)
        );
        let flags = Quotas { targets_per_route: Some(5), ..Quotas::default() };
        assert_eq!(limits.with(flags).targets_per_route, 5);
    }
}
