//! Which networks a Pod may be in to be bound. Source: TKE's pages "Service with direct access" (457/41897) and "Switches of the
//! service controller" (457/131136).

use crate::api::binding::NetworkMode;
use crate::api::condition::ExclusionReason;
use crate::model::{ClusterNetwork, Known, LoadBalancer, Pod, PodNetwork};

use super::vpc::KnownVpc;
use super::{Advice, BindingView, Cluster, problem};

/// What decides whether a Pod's address can be bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Networks {
    /// What the binding asks for.
    pub(super) wanted: NetworkMode,
    /// The cluster.
    pub(super) cluster: Cluster,
    /// The load balancer can bind addresses that are not of its VPC's subnets.
    pub(super) snat_pro: bool,
}

impl Networks {
    /// Why the Pod cannot be bound; `None` when it can.
    pub(super) fn bar(&self, pod: &Pod) -> Option<ExclusionReason> {
        if pod.host_network {
            // The address of a node, which the VPC knows in any case.
            return (!self.cluster.allows_host_network).then_some(ExclusionReason::HostNetwork);
        }
        let network = self.of(pod);
        let is_wanted = match self.wanted {
            NetworkMode::Auto => true,
            NetworkMode::VpcCni => network == ClusterNetwork::VpcCni,
            NetworkMode::GlobalRouter => network == ClusterNetwork::GlobalRouter,
        };
        match network {
            _ if !is_wanted => Some(ExclusionReason::NetworkModeMismatch),
            ClusterNetwork::VpcCni => None,
            ClusterNetwork::GlobalRouter if self.cluster.allows_global_route != Known::Yes => {
                Some(ExclusionReason::GlobalRouteDisabled)
            }
            ClusterNetwork::GlobalRouter => (!self.snat_pro).then_some(ExclusionReason::SnatProRequired),
        }
    }

    /// The network of a Pod. One on a super node has an address of the VPC, as one in VPC-CNI has.
    fn of(&self, pod: &Pod) -> ClusterNetwork {
        match pod.network {
            PodNetwork::VpcCni | PodNetwork::SuperNode => ClusterNetwork::VpcCni,
            PodNetwork::GlobalRouter => ClusterNetwork::GlobalRouter,
            PodNetwork::Usual => self.cluster.network,
        }
    }
}

/// True when what bars a Pod is a switch that may be set again: its target, if it has one, stays as it is.
pub(super) const fn is_switch(reason: ExclusionReason) -> bool {
    matches!(
        reason,
        ExclusionReason::GlobalRouteDisabled | ExclusionReason::SnatProRequired | ExclusionReason::HostNetwork
    )
}

/// What to tell of a workload whose Pods are in two networks.
pub(super) fn advice(view: &BindingView, cluster: Cluster) -> Option<Advice> {
    let service = view.service.as_deref()?;
    let networks = Networks { wanted: view.binding.spec.network, cluster, snat_pro: true };
    let mut found = view.pods.values().filter(|pod| !pod.host_network && super::selects(service, pod));
    let first = networks.of(found.next()?);
    found.any(|pod| networks.of(pod) != first).then(problem::two_networks)
}

/// What to tell of a load balancer whose targets are in another VPC than the cluster. Whether the two are connected, and whether the
/// account may bind across, only the cloud knows, and says when a target is registered (TKE's E4071).
pub(super) fn vpc_advice(load_balancer: &LoadBalancer, cluster: Option<&KnownVpc>) -> Option<Advice> {
    let cluster = cluster.filter(|cluster| cluster.id != load_balancer.vpc_id)?;
    Some(problem::other_vpc(load_balancer, cluster))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::world::pod;

    use ExclusionReason::{GlobalRouteDisabled, HostNetwork, NetworkModeMismatch, SnatProRequired};
    use NetworkMode::{Auto, GlobalRouter, VpcCni};

    const OPEN: Cluster = Cluster {
        network: ClusterNetwork::GlobalRouter,
        allows_global_route: Known::Yes,
        has_tke: Known::No,
        allows_host_network: false,
    };

    fn pod_in(network: PodNetwork) -> Pod {
        Pod { network, ..pod(1) }
    }

    #[test]
    fn a_pod_must_be_in_a_network_that_is_wanted_permitted_and_reachable() {
        let closed = Cluster { allows_global_route: Known::No, ..OPEN };
        let unknown = Cluster { allows_global_route: Known::Unknown, ..OPEN };
        let vpc = Cluster { network: ClusterNetwork::VpcCni, ..closed };
        for (wanted, cluster, snat_pro, network, expected) in [
            (Auto, vpc, false, PodNetwork::Usual, None),
            (Auto, vpc, false, PodNetwork::VpcCni, None),
            (Auto, vpc, true, PodNetwork::GlobalRouter, Some(GlobalRouteDisabled)),
            (VpcCni, vpc, true, PodNetwork::GlobalRouter, Some(NetworkModeMismatch)),
            (Auto, Cluster { allows_global_route: Known::Yes, ..vpc }, true, PodNetwork::GlobalRouter, None),
            (VpcCni, vpc, false, PodNetwork::Usual, None),
            (GlobalRouter, vpc, true, PodNetwork::Usual, Some(NetworkModeMismatch)),
            (Auto, closed, true, PodNetwork::Usual, Some(GlobalRouteDisabled)),
            (Auto, unknown, true, PodNetwork::Usual, Some(GlobalRouteDisabled)),
            (Auto, unknown, true, PodNetwork::VpcCni, None),
            (Auto, closed, false, PodNetwork::VpcCni, None),
            (Auto, closed, false, PodNetwork::SuperNode, None),
            (Auto, OPEN, false, PodNetwork::Usual, Some(SnatProRequired)),
            (Auto, OPEN, true, PodNetwork::Usual, None),
            (GlobalRouter, OPEN, true, PodNetwork::Usual, None),
            (GlobalRouter, OPEN, true, PodNetwork::SuperNode, Some(NetworkModeMismatch)),
            (VpcCni, OPEN, true, PodNetwork::Usual, Some(NetworkModeMismatch)),
        ] {
            let found = Networks { wanted, cluster, snat_pro }.bar(&pod_in(network));
            assert_eq!(found, expected, "{wanted:?} {cluster:?} {snat_pro} {network:?}");
        }
    }

    #[test]
    fn the_address_of_a_node_is_bound_where_that_is_allowed() {
        let pod = Pod { host_network: true, ..pod(1) };
        let bar = |allows_host_network| {
            let cluster = Cluster { allows_host_network, ..OPEN };
            Networks { wanted: Auto, cluster, snat_pro: false }.bar(&pod)
        };
        assert_eq!((bar(false), bar(true)), (Some(HostNetwork), None));
    }
}
