//! Writes on listeners.

use super::super::error::{ApiError, ApiResult};
use super::health_check::{self, Subject};
use super::listener_input::{Choices, certificate, check_listener, check_ports};
use super::load_balancer::check_name;
use super::{Context, Handle, Handled, LoadBalancer, State};
use crate::clb::wire;
use crate::clb::wire::{
    Action, CreateListener, CreateListenerReply, DeleteListener, DeleteLoadBalancerListeners, Done, ModifyListener,
};
use crate::model::{ListenerId, Protocol};

/// Ids in one `DeleteLoadBalancerListeners`.
const MOST_DELETIONS: usize = 20;

impl Handle for CreateListener {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<CreateListenerReply>> {
        let protocol: Protocol = self.protocol.parse().map_err(ApiError::value)?;
        let ports = check_ports(&self)?;
        check_listener(protocol, &Choices::of_creation(&self))?;
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        for &port in &ports {
            if let Some(holder) = load_balancer.holder(protocol.transport(), port) {
                let message = format!("port {port} is used by listener {} ({})", holder.id, holder.protocol);
                return Err(ApiError::new("InvalidParameter.PortCheckFailed", message));
            }
        }
        let limit = state.config.quotas.listeners;
        if load_balancer.listeners.len() + ports.len() > limit {
            return Err(ApiError::quota("TOTAL_LISTENER_QUOTA", limit));
        }
        let (id, is_ipv6) = (load_balancer.id.clone(), load_balancer.is_full_chain());
        let created = state.time_text(context.now);
        let mut listeners = Vec::new();
        for (nth, &port) in ports.iter().enumerate() {
            let name = self.listener_names.as_ref().and_then(|names| names.get(nth)).cloned();
            listeners.push(state.make_listener(protocol, port, name, is_ipv6, &created, &self)?);
        }
        let listener_ids = Some(listeners.iter().map(|listener| listener.id.to_string()).collect());
        state.begin_change(context, Self::NAME, id, move |load_balancer, _| load_balancer.listeners.extend(listeners));
        Ok(CreateListenerReply { listener_ids }.into())
    }
}

impl Handle for ModifyListener {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        check_name(self.listener_name.as_deref())?;
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let listener = load_balancer.expect_listener(&self.listener_id)?;
        check_listener(listener.protocol, &Choices::of_change(&self))?;
        if self.sni_switch == Some(0) && listener.shown.sni_switch == Some(1) {
            return Err(ApiError::value("SniSwitch cannot be switched off"));
        }
        let layer4 = !listener.protocol.is_layer7();
        let check = match self.health_check.as_ref().filter(|_| layer4) {
            Some(input) => {
                let subject =
                    Subject::listener(listener.protocol, &state.config.dialect).of_ipv6(load_balancer.is_full_chain());
                Some(health_check::resolve(&subject, input.clone(), listener.shown.health_check.as_ref())?)
            }
            None => None,
        };
        let id = load_balancer.id.clone();
        state.begin_change(context, Self::NAME, id, move |load_balancer, _| {
            if let Some(listener) = load_balancer.listener_mut(&ListenerId::new(&self.listener_id)) {
                if let Some((check, policy)) = check {
                    listener.shown.health_check = Some(check);
                    listener.policy = policy;
                }
                listener.switches = listener.switches.changed(&self);
                modify(&mut listener.shown, Self { scheduler: self.scheduler.filter(|_| layer4), ..self });
            }
        });
        Ok(Done {}.into())
    }
}

fn modify(shown: &mut wire::Listener, request: ModifyListener) {
    fn set<T>(shown: &mut Option<T>, asked: Option<T>) {
        if asked.is_some() {
            *shown = asked;
        }
    }
    set(&mut shown.certificate, certificate(request.certificate.as_ref(), request.multi_cert_info.as_ref()));
    set(&mut shown.listener_name, request.listener_name);
    set(&mut shown.session_expire_time, request.session_expire_time);
    set(&mut shown.scheduler, request.scheduler);
    set(&mut shown.sni_switch, request.sni_switch);
    set(&mut shown.target_type, request.target_type);
    set(&mut shown.keepalive_enable, request.keepalive_enable);
    set(&mut shown.deregister_target_rst, request.deregister_target_rst);
    set(&mut shown.session_type, request.session_type);
    set(&mut shown.max_conn, request.max_conn);
    set(&mut shown.max_cps, request.max_cps);
    set(&mut shown.idle_connect_timeout, request.idle_connect_timeout);
    set(&mut shown.data_compress_mode, request.data_compress_mode);
    set(&mut shown.reschedule_start_time, request.reschedule_start_time);
    set(&mut shown.reschedule_interval, request.reschedule_interval);
}

impl Handle for DeleteListener {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        load_balancer.expect_listener(&self.listener_id)?;
        let id = load_balancer.id.clone();
        delete(state, context, Self::NAME, id, vec![self.listener_id]);
        Ok(Done {}.into())
    }
}

impl Handle for DeleteLoadBalancerListeners {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        let ids = self.listener_ids();
        if ids.len() > MOST_DELETIONS {
            return Err(ApiError::length("ListenerIds must name at most 20 listeners"));
        }
        let load_balancer = state.writable(self.load_balancer_id(), context.now)?;
        let missing: Vec<&str> =
            ids.iter().map(String::as_str).filter(|id| load_balancer.listener(id).is_none()).collect();
        if !missing.is_empty() {
            return Err(ApiError::invalid(format!("some ListenerId [{}] not found", missing.join(","))));
        }
        // Without ids every listener goes: the service's dangerous default.
        let all = |load_balancer: &LoadBalancer| load_balancer.listeners.iter().map(|l| l.id.to_string()).collect();
        let ids: Vec<String> = if ids.is_empty() { all(load_balancer) } else { ids.to_vec() };
        let id = load_balancer.id.clone();
        delete(state, context, Self::NAME, id, ids);
        Ok(Done {}.into())
    }
}

fn delete(
    state: &mut State,
    context: &Context<'_>,
    action: &'static str,
    id: crate::model::LoadBalancerId,
    listeners: Vec<String>,
) {
    state.begin_change(context, action, id, move |load_balancer, _| {
        load_balancer.listeners.retain(|listener| !listeners.iter().any(|id| listener.id.as_str() == id));
    });
}
