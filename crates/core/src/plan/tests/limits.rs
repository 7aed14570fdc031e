//! The limits that TKE's documentation of direct access names (457/41897), each with a test of its name.

use jiff::SignedDuration;
use serde_json::json;

use super::world::{World, address};
use crate::api::condition::{ExclusionReason, Reason};
use crate::model::{ClusterNetwork, GateState, Health, PodNetwork};
use crate::plan::{Verdict, vpc};

fn reasons(world: &World) -> Vec<ExclusionReason> {
    let plan = world.plan();
    let mut reasons: Vec<_> = plan.bindings[0].exclusions.iter().map(|exclusion| exclusion.reason).collect();
    reasons.dedup();
    reasons
}

fn bound(world: &World) -> usize {
    world.listeners.first().map_or(0, |listener| world.targets_of(&listener.id).len())
}

#[test]
fn vpc_cni_workloads_must_use_vpc_cni() {
    let mut world = World::new(&json!({"network": "VpcCni"})).with_pods(1..=2);
    world.cluster.network = ClusterNetwork::GlobalRouter;
    world.pod(1).network = PodNetwork::VpcCni;
    world.converge();
    assert_eq!(bound(&world), 1);
    assert_eq!(reasons(&world), [ExclusionReason::NetworkModeMismatch]);
}

#[test]
fn a_listener_has_200_targets_at_most_unless_the_quota_is_raised() {
    let mut world = World::new(&json!({})).with_pods(1..=203);
    world.limits.targets_per_route = 200;
    world.converge();
    assert_eq!(bound(&world), 200);
    let plan = world.plan();
    let part = &plan.bindings[0];
    let over = part.exclusions.iter().filter(|found| found.reason == ExclusionReason::OverQuota).count();
    assert_eq!(over, 3);
    let told = part.problems.iter().find(|found| found.reason == Reason::QuotaExceeded).unwrap();
    assert!(told.message.contains("TOTAL_TARGET_BIND_QUOTA"), "{}", told.message);
    world.limits.targets_per_route = 300;
    world.converge();
    assert_eq!((bound(&world), reasons(&world)), (203, vec![]));
}

#[test]
fn rolling_updates_go_at_the_pace_of_the_health_check() {
    let mut world = World::new(&json!({})).with_pods(1..=1);
    world.pod(1).gate = GateState::Unset;
    world.converge();
    let verdict = |world: &World| world.plan().bindings[0].gates[0].verdict.clone();
    assert!(matches!(verdict(&world), Verdict::Wait(..)), "bound, and not yet found healthy");
    world.health.insert(address(1), Health::Healthy);
    assert!(matches!(verdict(&world), Verdict::Open(_)));
}

#[test]
fn host_network_is_not_supported() {
    let mut world = World::new(&json!({})).with_pods(1..=1);
    world.pod(1).host_network = true;
    world.converge();
    assert_eq!((bound(&world), reasons(&world)), (0, vec![ExclusionReason::HostNetwork]));
    world.cluster.allows_host_network = true;
    world.converge();
    assert_eq!(bound(&world), 1, "where the cluster's owner allows it");
}

#[test]
fn a_workload_runs_in_one_network_mode_only() {
    let mut world = World::new(&json!({})).with_pods(1..=2);
    world.cluster.network = ClusterNetwork::GlobalRouter;
    world.pod(1).network = PodNetwork::VpcCni;
    let notes = format!("{:?}", world.plan().bindings[0].advice);
    assert!(notes.contains("let a workload use one network"), "{notes}");
}

#[test]
fn global_router_must_be_switched_on_in_the_config_map() {
    let mut world = World::new(&json!({})).with_pods(1..=1);
    world.cluster.network = ClusterNetwork::GlobalRouter;
    world.converge();
    assert_eq!((bound(&world), reasons(&world)), (0, vec![ExclusionReason::GlobalRouteDisabled]));
}

#[test]
fn global_router_needs_snat_pro() {
    let mut world = World::new(&json!({})).with_pods(1..=1);
    world.cluster.network = ClusterNetwork::GlobalRouter;
    world.cluster.allows_global_route = crate::model::Known::Yes;
    world.converge();
    assert_eq!((bound(&world), reasons(&world)), (0, vec![ExclusionReason::SnatProRequired]));
}

#[test]
fn security_groups_that_bar_the_health_check_are_told_as_unhealthy_targets() {
    let mut world = World::new(&json!({})).with_pods(1..=1);
    world.converge();
    world.health.insert(address(1), Health::Unhealthy);
    assert_eq!(world.plan().bindings[0].counts.unhealthy, 1);
    assert!(Reason::Unhealthy.remedy().contains("security groups"));
}

#[test]
fn the_readiness_gate_stays_closed_without_a_right_health_check() {
    let mut world = World::new(&json!({})).with_pods(1..=1);
    world.pod(1).gate = GateState::Unset;
    world.converge();
    world.health.insert(address(1), Health::Unhealthy);
    world.now += SignedDuration::from_hours(1);
    assert!(matches!(world.plan().bindings[0].gates[0].verdict, Verdict::Wait(..)));
}

#[test]
fn a_load_balancer_of_another_vpc_must_be_connected() {
    let mut world = World::new(&json!({})).with_pods(1..=1);
    world.vpc = vpc::find(Some("vpc-of-the-cluster"), &vpc::NamedVpcs::new(), &vpc::TkeVpc::Absent);
    let notes = format!("{:?}", world.plan().bindings[0].advice);
    assert!(notes.contains("vpc-of-the-cluster") && notes.contains("Cloud Connect Network"), "{notes}");
}
