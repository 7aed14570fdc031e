//! Limits of the account.

request! {
    /// Asks for the account's quotas.
    pub struct DescribeQuota {
        required {}
        optional {}
    }
}

reply! {
    /// The account's quotas.
    pub struct DescribeQuotaReply {
        /// One per quota.
        quota_set: Vec<Quota>,
    }

    /// A quota.
    pub struct Quota {
        /// Such as `TOTAL_TARGET_BIND_QUOTA`.
        quota_id: String,
        /// How much is used; null for quotas that hold per load balancer, listener or rule.
        quota_current: i64,
        /// The limit.
        quota_limit: i64,
    }
}

actions! {
    DescribeQuota reads -> DescribeQuotaReply;
}
