//! Batch sizes and quotas of the cloud.

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
