//! `sessionAffinity: ClientIP` of a Service, which is for kube-proxy: traffic of a load balancer that goes to Pods directly passes it by.

use super::desired::{DesiredListener, ListenerOrigin};
use super::routes::ListenerIntent;
use super::{Advice, BindingView, problem};
use crate::api::binding::Mode;
use crate::model::{Attribute, Attributes, Service};

/// What is said of it where listeners of the binding do not keep a client with one Pod.
pub(super) fn advice(view: &BindingView, service: &Service, listeners: &[ListenerIntent<'_>]) -> Option<Advice> {
    let seconds = service.client_ip_affinity?;
    // TKE's own service controller makes the listeners of the others, and one that is parked follows nothing any more.
    if view.binding.spec.mode != Mode::Direct || view.binding.parked().is_some() {
        return None;
    }
    let own = listeners.iter().filter(|one| matches!(one.desired.origin, ListenerOrigin::Own { .. }));
    let without: Vec<_> = own.filter(|one| !persists(&one.desired)).map(|one| one.desired.route_name(None)).collect();
    (!without.is_empty()).then(|| problem::session_affinity(service, seconds, &without))
}

/// The config asks for session persistence on all of the listener.
fn persists(desired: &DesiredListener) -> bool {
    let is_on = |wish: &Attributes| wish.number(Attribute::SessionSeconds).is_some_and(|seconds| seconds > 0);
    match desired.protocol.is_layer7() {
        true => !desired.shape.rules.is_empty() && desired.shape.rules.iter().all(|rule| is_on(&rule.attributes)),
        false => is_on(&desired.shape.attributes),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::api::advice::AdviceReason;
    use crate::api::service_config::RawServiceConfig;
    use crate::plan::tests::world::World;

    /// What is said of it with this list of entries in the config.
    fn said(listeners: &Value, l4: &Value) -> Option<String> {
        let mut world = World::new(&json!({"listeners": listeners}));
        world.service.as_mut().unwrap().client_ip_affinity = Some(10_800);
        let config = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig",
            "metadata": {"name": "web", "namespace": "shop", "generation": 1}, "spec": {"loadBalancer": {"l4Listeners": l4}},
        });
        world.configs.insert(0, Arc::new(serde_json::from_value::<RawServiceConfig>(config).unwrap().into()));
        let advice = world.plan().bindings.swap_remove(0).advice;
        let mut found = advice.into_iter().filter(|one| one.reason == AdviceReason::SessionAffinity);
        found.next().map(|one| one.message)
    }

    #[test]
    fn a_config_silences_it_only_for_the_listeners_whose_sessions_it_keeps() {
        let tcp = |port: u16| json!({"port": port, "protocol": "TCP", "servicePort": 80});
        let entry = |port: u16, session: &Value| json!({"protocol": "TCP", "port": port, "session": session});
        let (on, off) = (json!({"enable": true, "sessionExpireTime": 60}), json!({"enable": false}));
        let one = json!([tcp(80)]);
        for without in [
            json!([]),
            json!([entry(80, &off)]),
            json!([entry(81, &on)]),
            json!([{"protocol": "TCP", "port": 80, "scheduler": "WRR"}]),
        ] {
            let words = said(&one, &without).unwrap();
            assert!(words.contains("not by listener 80/TCP;") && words.contains("sessionExpireTime: 3600"), "{words}");
        }
        assert_eq!(said(&one, &json!([entry(80, &on)])), None);
        let words = said(&json!([tcp(80), tcp(81)]), &json!([entry(80, &on)])).unwrap();
        assert!(words.contains("not by listener 81/TCP;"), "{words}");
    }
}
