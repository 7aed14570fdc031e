//! Writes to load balancers themselves.

use super::client::checked;
use super::convert::load_balancer_ids;
use super::fence::{Fence, Writer};
use super::request::{LoadBalancerChange, NewLoadBalancer};
use super::wire::{self, Action};
use crate::model::{Failure, LoadBalancerId, TaskId};

impl<F: Fence> Writer<'_, F> {
    /// Creates a load balancer. The cloud may not know its id yet: then the list is empty, and the task names it.
    ///
    /// # Errors
    /// When the call failed. After [`Class::Unreachable`](crate::model::Class::Unreachable) or
    /// [`Class::Transient`](crate::model::Class::Transient) repeat it with the same client token.
    pub async fn create_load_balancer(&self, new: &NewLoadBalancer) -> Result<(Vec<LoadBalancerId>, TaskId), Failure> {
        let token = &new.client_token;
        checked(wire::CreateLoadBalancer::NAME, (1..=64).contains(&token.len()) && token.is_ascii(), || {
            "a client token has 1–64 ASCII characters".to_owned()
        })?;
        self.write(&create_request(new), |reply| Ok(load_balancer_ids(reply.load_balancer_ids))).await
    }

    /// Deletes a load balancer with all it holds. Unless forced, the cloud refuses when it has many targets or traffic.
    ///
    /// # Errors
    /// When the call failed; [`Class::NotFound`](crate::model::Class::NotFound) when there is none.
    pub async fn delete_load_balancer(&self, load_balancer: &LoadBalancerId, force: bool) -> Result<TaskId, Failure> {
        let request = wire::DeleteLoadBalancer {
            load_balancer_ids: vec![load_balancer.to_string()],
            force_delete: force.then_some(true),
        };
        self.task_of(&request).await
    }

    /// Changes a load balancer; what is `None` stays as it is.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn modify_load_balancer(
        &self,
        load_balancer: &LoadBalancerId,
        change: &LoadBalancerChange,
    ) -> Result<TaskId, Failure> {
        let change = change.clone();
        let request = wire::ModifyLoadBalancerAttributes {
            load_balancer_id: load_balancer.to_string(),
            load_balancer_name: change.name,
            internet_charge_info: change.internet_accessible,
            load_balancer_pass_to_target: change.pass_to_target,
            snat_pro: change.snat_pro,
            delete_protect: change.delete_protect,
            ..Default::default()
        };
        self.task_of(&request).await
    }

    /// Replaces the security groups of a load balancer; none unbinds all.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn set_security_groups(
        &self,
        load_balancer: &LoadBalancerId,
        security_groups: &[String],
    ) -> Result<TaskId, Failure> {
        let request = wire::SetLoadBalancerSecurityGroups {
            load_balancer_id: load_balancer.to_string(),
            security_groups: Some(security_groups.to_vec()),
        };
        self.task_of(&request).await
    }
}

fn create_request(new: &NewLoadBalancer) -> wire::CreateLoadBalancer {
    let new = new.clone();
    let tags = new.tags.into_iter().map(|(tag_key, tag_value)| wire::TagInfo { tag_key, tag_value });
    let tags: Vec<_> = tags.collect();
    wire::CreateLoadBalancer {
        load_balancer_type: if new.internal { "INTERNAL" } else { "OPEN" }.to_owned(),
        forward: Some(1),
        load_balancer_name: new.name,
        vpc_id: new.vpc_id,
        subnet_id: new.subnet_id,
        vip: new.vip,
        dynamic_vip: new.dynamic_vip,
        vip_isp: new.isp,
        zone_id: new.zone_id,
        master_zone_id: new.master_zone_id,
        slave_zone_id: new.slave_zone_id,
        address_ip_version: new.ip_version,
        internet_accessible: new.internet_accessible,
        bandwidth_package_id: new.bandwidth_package_id,
        charge_type: new.charge_type,
        sla_type: new.sla_type,
        snat_pro: new.snat_pro,
        load_balancer_pass_to_target: new.pass_to_target,
        tags: Some(tags).filter(|tags| !tags.is_empty()),
        client_token: Some(new.client_token),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_creation_is_written_as_in_the_reference() {
        let new = NewLoadBalancer {
            client_token: "0b9c2f4e".into(),
            name: Some("k8s-demo".into()),
            internal: true,
            vpc_id: Some("vpc-aaaa0001".into()),
            subnet_id: Some("subnet-aaaa0001".into()),
            pass_to_target: Some(true),
            tags: vec![("owner".into(), "cls-demo0001".into())],
            ..NewLoadBalancer::default()
        };
        assert_eq!(
            serde_json::to_value(create_request(&new)).unwrap(),
            json!({
                "LoadBalancerType": "INTERNAL", "Forward": 1, "LoadBalancerName": "k8s-demo", "VpcId": "vpc-aaaa0001",
                "SubnetId": "subnet-aaaa0001", "LoadBalancerPassToTarget": true,
                "Tags": [{"TagKey": "owner", "TagValue": "cls-demo0001"}], "ClientToken": "0b9c2f4e",
            })
        );
    }
}
