//! Plain values: what things are, on the side of the load balancer and on the side of Kubernetes.
//!
//! No decisions, no I/O, no clock. Desired and observed state share one vocabulary, so that a plan is a comparison of like
//! with like. Everything else in the crate may use this module; it uses nothing of ours.

mod account;
mod annotations;
mod attribute;
mod certificate;
mod endpoint;
mod failure;
mod guard;
mod id;
mod known;
mod limits;
mod listener;
mod load_balancer;
mod near;
mod reading;
mod region;
mod skew;
mod target;

pub use account::{Caller, KeyMark};
pub use annotations::{Annotation, Annotations};
pub use attribute::{Attribute, Attributes, Drift, Value};
pub use certificate::ListedCertificate;
pub use endpoint::{
    ClusterNetwork, Containers, Ending, GateState, NamedPort, ObjectKey, Phase, Pod, PodNetwork, PortName, PreStop,
    Service, ServiceCondition, ServicePort, Slice, SliceEndpoint, SlicePort, TargetPort, Workload,
};
pub use failure::{Class, Failure};
pub use guard::{GuardLine, Share, unreadable_lines};
pub use id::{AccountId, ListenerId, LoadBalancerId, Region, RuleId, TaskId};
pub use known::Known;
pub use limits::{Limits, Quotas};
pub use listener::{Listener, ListenerState, Protocol, Rule, Transport};
pub use load_balancer::{IpFamily, LoadBalancer, LoadBalancerStatus, TaskState, Witnesses};
pub use near::nearest;
pub use reading::{KeyProblem, Reading, quoted};
pub use region::{is_unknown_region, nearest_region};
pub use skew::{Answer, ServerTime};
pub use target::{Address, Health, RegisteredTarget, Route, TargetHealth, Weight};
