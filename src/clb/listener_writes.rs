//! Writes to listeners and their rules.

use super::client::checked;
use super::convert::Malformed;
use super::request::{DomainChange, ListenerAttributes, NewListeners, RuleChange};
use super::wire::{self, Action};
use super::{Clb, NonEmpty};
use crate::model::{Failure, Limits, ListenerId, LoadBalancerId, RuleId, TaskId};

/// Listeners in one `CreateListener` call; the cloud's message says "less than 50".
const LISTENERS_PER_CREATE: usize = 49;

impl Clb {
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

    /// Changes name and attributes of a listener; what is `None` stays as it is.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn modify_listener(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
        name: Option<&str>,
        attributes: &ListenerAttributes,
    ) -> Result<TaskId, Failure> {
        let request = modify_listener(load_balancer, listener, name, attributes.clone());
        self.task_of(&request).await
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
        rules: NonEmpty<wire::RuleInput>,
    ) -> Result<(Vec<RuleId>, TaskId), Failure> {
        let count = rules.as_slice().len();
        let request = wire::CreateRule {
            load_balancer_id: load_balancer.to_string(),
            listener_id: listener.to_string(),
            rules: rules.into_vec(),
        };
        self.write(&request, |reply| {
            let ids = created(reply.location_ids, count, "LocationIds")?;
            Ok(ids.into_iter().map(RuleId::new).collect())
        })
        .await
    }

    /// Changes a rule; its domain is changed by [`Self::modify_domain`].
    ///
    /// # Errors
    /// When the call failed.
    pub async fn modify_rule(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
        rule: &RuleId,
        change: &RuleChange,
    ) -> Result<TaskId, Failure> {
        let change = change.clone();
        let request = wire::ModifyRule {
            load_balancer_id: load_balancer.to_string(),
            listener_id: listener.to_string(),
            location_id: rule.to_string(),
            url: change.url,
            health_check: change.health_check,
            scheduler: change.scheduler,
            session_expire_time: change.session_expire_seconds,
            forward_type: change.forward_type,
            ..Default::default()
        };
        self.task_of(&request).await
    }

    /// Deletes rules with their targets.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn delete_rules(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
        rules: NonEmpty<RuleId>,
    ) -> Result<TaskId, Failure> {
        let request = wire::DeleteRule {
            load_balancer_id: load_balancer.to_string(),
            listener_id: listener.to_string(),
            location_ids: Some(rules.map(|id| id.to_string()).into_vec()),
            ..Default::default()
        };
        self.task_of(&request).await
    }

    /// Changes a domain of a layer-7 listener.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn modify_domain(
        &self,
        load_balancer: &LoadBalancerId,
        listener: &ListenerId,
        domain: &str,
        change: &DomainChange,
    ) -> Result<TaskId, Failure> {
        let change = change.clone();
        let request = wire::ModifyDomainAttributes {
            load_balancer_id: load_balancer.to_string(),
            listener_id: listener.to_string(),
            domain: domain.to_owned(),
            new_domain: change.new_domain,
            certificate: change.certificate,
            http2: change.http2,
            default_server: change.default_server,
            quic: change.quic,
            new_default_server_domain: change.new_default_domain,
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
    let attributes = new.attributes.clone();
    wire::CreateListener {
        load_balancer_id: load_balancer.to_string(),
        ports: new.listeners.iter().map(|listener| i64::from(listener.port)).collect(),
        protocol: new.protocol.as_str().to_owned(),
        listener_names: Some(new.listeners.iter().map(|listener| listener.name.clone()).collect()),
        health_check: attributes.health_check,
        scheduler: attributes.scheduler,
        session_expire_time: attributes.session_expire_seconds,
        certificate: attributes.certificate,
        multi_cert_info: attributes.certificates,
        sni_switch: attributes.sni.map(i64::from),
        keepalive_enable: attributes.keepalive.map(i64::from),
        snat_enable: attributes.snat,
        proxy_protocol: attributes.proxy_protocol,
        deregister_target_rst: attributes.reset_on_deregister,
        idle_connect_timeout: attributes.idle_timeout_seconds,
        max_conn: attributes.max_connections,
        max_cps: attributes.max_connections_per_second,
        ..Default::default()
    }
}

fn modify_listener(
    load_balancer: &LoadBalancerId,
    listener: &ListenerId,
    name: Option<&str>,
    attributes: ListenerAttributes,
) -> wire::ModifyListener {
    wire::ModifyListener {
        load_balancer_id: load_balancer.to_string(),
        listener_id: listener.to_string(),
        listener_name: name.map(str::to_owned),
        health_check: attributes.health_check,
        scheduler: attributes.scheduler,
        session_expire_time: attributes.session_expire_seconds,
        certificate: attributes.certificate,
        multi_cert_info: attributes.certificates,
        sni_switch: attributes.sni.map(i64::from),
        keepalive_enable: attributes.keepalive.map(i64::from),
        snat_enable: attributes.snat,
        proxy_protocol: attributes.proxy_protocol,
        deregister_target_rst: attributes.reset_on_deregister,
        idle_connect_timeout: attributes.idle_timeout_seconds,
        max_conn: attributes.max_connections,
        max_cps: attributes.max_connections_per_second,
        ..Default::default()
    }
}
