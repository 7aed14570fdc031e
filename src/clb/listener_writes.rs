//! Writes to listeners and their rules.

use super::client::checked;
use super::convert::Malformed;
use super::fence::{Fence, Writer};
use super::request::{NewListeners, NewRule};
use super::wire::{self, Action};
use super::{NonEmpty, attributes};
use crate::model::{Attribute, Attributes, Failure, Limits, ListenerId, LoadBalancerId, RuleId, TaskId};

/// Listeners in one `CreateListener` call; the cloud's message says "less than 50".
const LISTENERS_PER_CREATE: usize = 49;

impl<F: Fence> Writer<'_, F> {
    /// Creates listeners. Their ids, in the order asked for, are known at once and usable when the task has ended.
    ///
    /// # Errors
    /// When the call failed. [`Class::Conflict`](crate::model::Class::Conflict) when a port is taken.
    pub async fn create_listeners(
        &self,
        load_balancer: &LoadBalancerId,
        new: &NewListeners,
    ) -> Result<(Vec<ListenerId>, TaskId), Failure> {
        let count = new.listeners.len();
        checked(wire::CreateListener::NAME, (1..=LISTENERS_PER_CREATE).contains(&count), || {
            format!("{count} listeners in one call; 1–{LISTENERS_PER_CREATE} are possible")
        })?;
        let request = create_listener(load_balancer, new);
        self.write(&request, |reply| {
            let ids = created(reply.listener_ids, count, "ListenerIds")?;
            Ok(ids.into_iter().map(ListenerId::new).collect())
        })
        .await
    }

    /// Changes settings of a listener; what is absent stays as it is.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn modify_listener(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
        change: &Attributes,
    ) -> Result<TaskId, Failure> {
        self.task_of(&modify_listener(load_balancer, listener, change)).await
    }

    /// Deletes a listener with its targets.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn delete_listener(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
    ) -> Result<TaskId, Failure> {
        let request =
            wire::DeleteListener { load_balancer_id: load_balancer.to_string(), listener_id: listener.to_string() };
        self.task_of(&request).await
    }

    /// Deletes up to 20 listeners with their targets: all or, when one does not exist, none.
    ///
    /// # Errors
    /// When the call failed; [`Class::NotFound`](crate::model::Class::NotFound) when a listener does not exist.
    pub async fn delete_listeners(
        &self,
        load_balancer: &LoadBalancerId,
        listeners: NonEmpty<ListenerId>,
    ) -> Result<TaskId, Failure> {
        let (count, most) = (listeners.as_slice().len(), Limits::default().listeners_per_delete);
        checked(wire::DeleteLoadBalancerListeners::NAME, count <= most, || {
            format!("{count} listeners in one call; {most} are possible")
        })?;
        let ids = listeners.map(|id| id.to_string());
        self.task_of(&wire::DeleteLoadBalancerListeners::new(load_balancer.to_string(), ids)).await
    }

    /// Creates rules of a layer-7 listener. Their ids, in the order asked for, are usable when the task has ended.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn create_rules(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
        rules: &[NewRule],
    ) -> Result<(Vec<RuleId>, TaskId), Failure> {
        let count = rules.len();
        checked(wire::CreateRule::NAME, count > 0, || "no rules".to_owned())?;
        let input = |rule: &NewRule| attributes::rule_input(&rule.domain, &rule.url, &rule.attributes);
        let request = wire::CreateRule {
            load_balancer_id: load_balancer.to_string(),
            listener_id: listener.to_string(),
            rules: rules.iter().map(input).collect(),
        };
        self.write(&request, |reply| {
            let ids = created(reply.location_ids, count, "LocationIds")?;
            Ok(ids.into_iter().map(RuleId::new).collect())
        })
        .await
    }

    /// Changes settings of a rule; what is absent stays as it is.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn modify_rule(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
        rule: &RuleId,
        change: &Attributes,
    ) -> Result<TaskId, Failure> {
        let request = wire::ModifyRule {
            load_balancer_id: load_balancer.to_string(),
            listener_id: listener.to_string(),
            location_id: rule.to_string(),
            health_check: attributes::health_check(change),
            scheduler: attributes::text(change, Attribute::Scheduler),
            session_expire_time: change.number(Attribute::SessionSeconds),
            forward_type: attributes::text(change, Attribute::ForwardType),
            ..Default::default()
        };
        self.task_of(&request).await
    }

    /// Deletes rules with their targets. `new_default` is needed when the default domain goes and others stay.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn delete_rules(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
        rules: NonEmpty<RuleId>,
        new_default: Option<&str>,
    ) -> Result<TaskId, Failure> {
        let request = wire::DeleteRule {
            load_balancer_id: load_balancer.to_string(),
            listener_id: listener.to_string(),
            location_ids: Some(rules.map(|id| id.to_string()).into_vec()),
            new_default_server_domain: new_default.map(str::to_owned),
            ..Default::default()
        };
        self.task_of(&request).await
    }

    /// Changes settings of a domain of a layer-7 listener; what is absent stays as it is.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn modify_domain(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
        domain: &str,
        change: &Attributes,
    ) -> Result<TaskId, Failure> {
        let request = wire::ModifyDomainAttributes {
            load_balancer_id: load_balancer.to_string(),
            listener_id: listener.to_string(),
            domain: domain.to_owned(),
            certificate: attributes::certificate(change),
            multi_cert_info: attributes::certificates(change),
            http2: change.switch(Attribute::Http2),
            default_server: change.switch(Attribute::DefaultServer),
            ..Default::default()
        };
        self.task_of(&request).await
    }
}

/// Ids of what was created: as many as were asked for, or they could be given to the wrong ones.
fn created(ids: Option<Vec<String>>, count: usize, name: &str) -> Result<Vec<String>, Malformed> {
    let ids = ids.unwrap_or_default();
    if ids.len() == count { Ok(ids) } else { Err(Malformed::new(format!("{name} has {} of {count} items", ids.len()))) }
}

fn create_listener(load_balancer: &LoadBalancerId, new: &NewListeners) -> wire::CreateListener {
    let wish = &new.attributes;
    wire::CreateListener {
        load_balancer_id: load_balancer.to_string(),
        ports: new.listeners.iter().map(|listener| i64::from(listener.port)).collect(),
        protocol: new.protocol.as_str().to_owned(),
        listener_names: Some(new.listeners.iter().map(|listener| listener.name.clone()).collect()),
        health_check: attributes::health_check(wish),
        // Of creation the reference allows only the two others.
        scheduler: attributes::text(wish, Attribute::Scheduler).filter(|scheduler| scheduler != "IP_HASH"),
        session_expire_time: wish.number(Attribute::SessionSeconds),
        certificate: attributes::certificate(wish),
        multi_cert_info: attributes::certificates(wish),
        sni_switch: attributes::flag(wish, Attribute::Sni),
        keepalive_enable: attributes::flag(wish, Attribute::Keepalive),
        snat_enable: wish.switch(Attribute::Snat),
        proxy_protocol: wish.switch(Attribute::ProxyProtocol),
        deregister_target_rst: wish.switch(Attribute::ResetOnDeregister),
        ..Default::default()
    }
}

fn modify_listener(load_balancer: &LoadBalancerId, listener: &ListenerId, change: &Attributes) -> wire::ModifyListener {
    wire::ModifyListener {
        load_balancer_id: load_balancer.to_string(),
        listener_id: listener.to_string(),
        listener_name: attributes::text(change, Attribute::Name),
        health_check: attributes::health_check(change),
        scheduler: attributes::text(change, Attribute::Scheduler),
        session_expire_time: change.number(Attribute::SessionSeconds),
        certificate: attributes::certificate(change),
        multi_cert_info: attributes::certificates(change),
        sni_switch: attributes::flag(change, Attribute::Sni),
        keepalive_enable: attributes::flag(change, Attribute::Keepalive),
        snat_enable: change.switch(Attribute::Snat),
        proxy_protocol: change.switch(Attribute::ProxyProtocol),
        deregister_target_rst: change.switch(Attribute::ResetOnDeregister),
        ..Default::default()
    }
}
