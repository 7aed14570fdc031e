//! Binds the Pods of a Kubernetes Service directly as backends of a Tencent Cloud CLB load balancer.

pub mod clb;
pub mod model;
pub mod sim;
