//! Binds the Pods of a Kubernetes Service directly as backends of a Tencent Cloud CLB load balancer.

pub mod api;
pub mod clb;
pub mod k8s;
pub mod model;
pub mod operator;
pub mod plan;
pub mod status;
pub mod telemetry;
