//! Binds the Pods of a Kubernetes Service directly as backends of a Tencent Cloud CLB load balancer.

pub mod api;
pub mod model;
