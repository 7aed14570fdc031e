//! The state of asynchronous jobs.

request! {
    /// Asks for the state of a task, by one of the two ids.
    pub struct DescribeTaskStatus {
        required {}
        optional {
            /// `RequestId` of the call that started it.
            task_id: String,
            /// Order number of a purchase.
            deal_name: String,
        }
    }
}

reply! {
    /// The state of a task.
    pub struct DescribeTaskStatusReply {
        /// 0 succeeded, 1 failed, 2 running.
        status: i64,
        /// Load balancers that the task created.
        load_balancer_ids: Vec<String>,
        /// Why it failed.
        message: String,
    }
}

actions! {
    DescribeTaskStatus reads -> DescribeTaskStatusReply;
}
