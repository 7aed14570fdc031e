//! Writes on the rules of layer-7 listeners.

use super::super::error::{ApiError, ApiResult};
use super::health_check::{self, Subject};
use super::listener_input::certificate;
use super::rule_input::{check_scheduling, check_url, domains_of, quic_status};
use super::{Context, Handle, Handled, Listener, LoadBalancer, Rule, State};
use crate::clb::wire::{Action, CreateRule, CreateRuleReply, DeleteRule, Done, ModifyDomainAttributes, ModifyRule};
use crate::model::{ListenerId, LoadBalancerId};

/// The load balancer and the layer-7 listener of a call.
fn layer7<'a>(
    state: &'a State,
    context: &Context<'_>,
    load_balancer: &str,
    listener: &str,
) -> ApiResult<(&'a LoadBalancer, &'a Listener)> {
    let load_balancer = state.writable(load_balancer, context.now)?;
    let listener = load_balancer.expect_listener(listener)?;
    if listener.protocol.is_layer7() {
        Ok((load_balancer, listener))
    } else {
        Err(ApiError::value("This interface only support HTTP/HTTPS listener."))
    }
}

impl State {
    fn begin_rules(
        &mut self,
        context: &Context<'_>,
        action: &'static str,
        (load_balancer, listener): (LoadBalancerId, ListenerId),
        change: impl FnOnce(&mut Vec<Rule>) + Send + 'static,
    ) {
        self.begin_change(context, action, load_balancer, move |load_balancer, _| {
            if let Some(listener) = load_balancer.listener_mut(&listener) {
                change(&mut listener.rules);
            }
        });
    }
}

impl Handle for CreateRule {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<CreateRuleReply>> {
        if self.rules.is_empty() {
            return Err(ApiError::length("Rules is empty"));
        }
        let (load_balancer, listener) = layer7(state, context, &self.load_balancer_id, &self.listener_id)?;
        let place = (load_balancer.id.clone(), listener.id.clone());
        let (protocol, is_ipv6) = (listener.protocol, load_balancer.is_full_chain());
        let limit = state.config.quotas.rules;
        if listener.rules.len() + self.rules.len() > limit {
            return Err(ApiError::quota("TOTAL_LISTENER_RULE_QUOTA", limit));
        }
        let mut taken: Vec<(String, String)> = listener.rules.iter().flat_map(routes_of).collect();
        let has_default = listener.rules.iter().any(|rule| rule.shown.default_server == Some(true));
        let created = state.time_text(context.now);
        let mut rules = Vec::new();
        for input in self.rules {
            let rule = state.make_rule(&place.1, protocol, is_ipv6, &created, input)?;
            if let Some((domain, url)) = routes_of(&rule).into_iter().find(|route| taken.contains(route)) {
                return Err(ApiError::invalid(format!("a rule for {domain}{url} exists")));
            }
            taken.extend(routes_of(&rule));
            rules.push(rule);
        }
        // The first domain of a listener is its default until another one is made so. There is only one.
        let chosen = rules.iter().find(|rule| rule.shown.default_server == Some(true));
        let chosen = chosen.or_else(|| rules.first().filter(|_| !has_default));
        let default = chosen.and_then(|rule| rule.domains.first()).cloned();
        let location_ids = Some(rules.iter().map(|rule| rule.id.to_string()).collect());
        state.begin_rules(context, Self::NAME, place, move |all| {
            all.extend(rules);
            if let Some(domain) = default {
                make_default(all, &domain);
            }
        });
        Ok(CreateRuleReply { location_ids }.into())
    }
}

/// What a rule matches: each of its domains with its path.
fn routes_of(rule: &Rule) -> Vec<(String, String)> {
    rule.domains.iter().map(|domain| (domain.clone(), rule.url.clone())).collect()
}

impl Handle for ModifyRule {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        if let Some(url) = &self.url {
            check_url(url)?;
        }
        let (load_balancer, listener) = layer7(state, context, &self.load_balancer_id, &self.listener_id)?;
        let rule = listener.rule(&self.location_id).ok_or_else(|| ApiError::rule_not_found(&self.location_id))?;
        let scheduler = self.scheduler.as_deref().or(rule.shown.scheduler.as_deref());
        check_scheduling(scheduler, self.session_expire_time.or(rule.shown.session_expire_time))?;
        let check = match self.health_check {
            Some(input) => {
                let domain = rule.domains.first().map(String::as_str).unwrap_or_default();
                let forward_type = self.forward_type.as_deref().or(rule.shown.forward_type.as_deref());
                let subject = Subject::rule(listener.protocol, domain, forward_type, &state.config.dialect)
                    .of_ipv6(load_balancer.is_full_chain());
                Some(health_check::resolve(&subject, input, rule.shown.health_check.as_ref())?)
            }
            None => None,
        };
        let (place, id) = ((load_balancer.id.clone(), listener.id.clone()), rule.id.clone());
        state.begin_rules(context, Self::NAME, place, move |rules| {
            let Some(rule) = rules.iter_mut().find(|rule| rule.id == id) else { return };
            if let Some((check, policy)) = check {
                rule.shown.health_check = Some(check);
                rule.policy = policy;
            }
            if let Some(url) = self.url {
                rule.shown.url = Some(url.clone());
                rule.url = url;
            }
            let shown = &mut rule.shown;
            shown.scheduler = self.scheduler.or(shown.scheduler.take());
            shown.session_expire_time = self.session_expire_time.or(shown.session_expire_time);
            shown.forward_type = self.forward_type.or(shown.forward_type.take());
            shown.cookie_name = self.cookie_name.or(shown.cookie_name.take());
        });
        Ok(Done {}.into())
    }
}

impl Handle for DeleteRule {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        let (load_balancer, listener) = layer7(state, context, &self.load_balancer_id, &self.listener_id)?;
        let ids = self.location_ids.unwrap_or_default();
        let doomed: Vec<_> = match (&self.domain, ids.is_empty()) {
            (_, false) => {
                if let Some(missing) = ids.iter().find(|id| listener.rule(id).is_none()) {
                    return Err(ApiError::rule_not_found(missing));
                }
                listener.rules.iter().filter(|rule| ids.iter().any(|id| rule.id.as_str() == id)).collect()
            }
            (Some(domain), true) => {
                let matches = |rule: &&Rule| {
                    rule.domains.contains(domain) && self.url.as_ref().is_none_or(|url| rule.url == *url)
                };
                listener.rules.iter().filter(matches).collect()
            }
            (None, true) => return Err(ApiError::missing("LocationIds")),
        };
        if doomed.is_empty() {
            return Err(ApiError::invalid("no rule matches Domain and Url"));
        }
        let doomed: Vec<_> = doomed.into_iter().map(|rule| rule.id.clone()).collect();
        let keeps_others = doomed.len() < listener.rules.len();
        let default_goes = listener.rules.iter().any(|rule| {
            rule.shown.default_server == Some(true) && doomed.contains(&rule.id) && {
                let domain = rule.domains.first();
                !listener.rules.iter().any(|other| other.domains.first() == domain && !doomed.contains(&other.id))
            }
        });
        if keeps_others && default_goes && self.new_default_server_domain.is_none() {
            return Err(ApiError::value("NewDefaultServerDomain is needed when the default domain goes"));
        }
        let place = (load_balancer.id.clone(), listener.id.clone());
        state.begin_rules(context, Self::NAME, place, move |rules| {
            rules.retain(|rule| !doomed.contains(&rule.id));
            if let Some(domain) = self.new_default_server_domain {
                make_default(rules, &domain);
            }
        });
        Ok(Done {}.into())
    }
}

fn make_default(rules: &mut [Rule], domain: &str) {
    for rule in rules {
        rule.shown.default_server = Some(rule.domains.iter().any(|own| own == domain));
    }
}

impl Handle for ModifyDomainAttributes {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        let (load_balancer, listener) = layer7(state, context, &self.load_balancer_id, &self.listener_id)?;
        if !listener.rules.iter().any(|rule| rule.domains.contains(&self.domain)) {
            return Err(ApiError::invalid(format!("domain {} not found", self.domain)));
        }
        let renamed = match (self.new_domain, self.new_domains) {
            (None, None) => None,
            (one, several) => Some(domains_of(one, several)?),
        };
        let certificate = certificate(self.certificate.as_ref(), self.multi_cert_info.as_ref());
        let place = (load_balancer.id.clone(), listener.id.clone());
        state.begin_rules(context, Self::NAME, place, move |rules| {
            if self.default_server == Some(true) {
                make_default(rules, &self.domain);
            } else if let Some(domain) = &self.new_default_server_domain {
                make_default(rules, domain);
            }
            for rule in rules.iter_mut().filter(|rule| rule.domains.contains(&self.domain)) {
                if let Some(domains) = &renamed {
                    rule.domains.clone_from(domains);
                    rule.shown.domain = domains.first().cloned();
                    rule.shown.domains = Some(domains.clone());
                }
                rule.shown.http2 = self.http2.or(rule.shown.http2);
                rule.shown.quic_status = self.quic.map(quic_status).or(rule.shown.quic_status.take());
                if certificate.is_some() {
                    rule.shown.certificate.clone_from(&certificate);
                }
            }
        });
        Ok(Done {}.into())
    }
}
