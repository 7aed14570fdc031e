//! Source addresses that a load balancer uses towards targets outside its network.

use super::Done;

request! {
    /// Adds source addresses for targets outside the load balancer's network, and switches that feature on. Asynchronous.
    pub struct CreateLoadBalancerSnatIps {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// Subnets, each with or without a certain address.
            snat_ips: Vec<SnatIp>,
        }
        optional {
            /// How many per subnet: 1 by default, 10 at most; not with certain addresses.
            number: i64,
        }
    }

    /// Removes source addresses. Asynchronous.
    pub struct DeleteLoadBalancerSnatIps {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// Up to 20 addresses.
            ips: Vec<String>,
        }
        optional {}
    }
}

shared! {
    /// A source address for targets outside the load balancer's network.
    pub struct SnatIp, SnatIpOutput {
        required {
            /// Subnet of the load balancer's network.
            subnet_id: String,
        }
        optional {
            /// The address; allocated when absent.
            ip: String,
        }
    }
}

actions! {
    CreateLoadBalancerSnatIps writes -> Done, load_balancer_id;
    DeleteLoadBalancerSnatIps writes -> Done, load_balancer_id;
}
