//! What is dark while one listener makes place for another.

use std::collections::HashSet;

use crate::model::{Address, Attribute, Attributes, Listener};

use super::Observed;
use super::desired::DesiredListener;
use super::routes::{BindingIntent, ListenerIntent, Presence};

/// Seconds from one probe to the next where nobody wishes another number.
/// Source: `HealthCheck.IntervalTime` of <https://cloud.tencent.com/document/api/214/30694>.
const CHECK_INTERVAL: i64 = 5;
/// Probes that must succeed, likewise. Source: `HealthCheck.HealthNum` there.
const CHECK_HEALTHY_COUNT: i64 = 3;

/// What is dark once a listener that is still to be made is there: its targets are on one that goes, and leave there first.
pub(super) fn will_leave_first(intent: &BindingIntent<'_>, observed: &Observed, listener: &Listener) -> Option<String> {
    if listener.protocol.is_layer7() {
        return None;
    }
    let there: HashSet<Address> = listener
        .routes()
        .filter_map(|route| observed.targets.get(&route))
        .flat_map(|targets| targets.iter().map(|target| target.address))
        .collect();
    let moves_to = |one: &&ListenerIntent<'_>| {
        let mut wanted = one.desired.endpoints.iter().flat_map(|endpoints| endpoints.candidates.keys());
        matches!(one.presence, Presence::Missing | Presence::Awaited)
            && one.desired.protocol == listener.protocol
            && wanted.any(|address| there.contains(address))
    };
    intent.listeners.iter().find(moves_to).map(|one| leaves_first(listener, &one.desired))
}

/// What is dark while a listener makes place for one of another protocol.
pub(super) fn goes_first(listener: &Listener, desired: &DesiredListener) -> String {
    let (port, old, new) = (listener.port, listener.protocol, desired.protocol);
    format!(
        "listener {port}/{old} is deleted before {port}/{new} is made in its place: nobody serves on port {port} until the targets \
         are healthy there, {}",
        health_time(desired)
    )
}

/// What is dark while targets move from a listener that goes to another one.
pub(super) fn leaves_first(listener: &Listener, desired: &DesiredListener) -> String {
    format!(
        "CLB takes a Pod's port on one {} listener only, so its targets leave listener {}/{} first: nobody serves until they are \
         healthy on {}, {}",
        listener.protocol,
        listener.port,
        listener.protocol,
        desired.route_name(None),
        health_time(desired)
    )
}

/// How long CLB takes to find new targets of a listener healthy.
fn health_time(desired: &DesiredListener) -> String {
    let shape = &desired.shape;
    let rules = shape.rules.iter().map(|rule| &rule.attributes);
    let checks = std::iter::once(&shape.attributes).filter(|_| shape.rules.is_empty()).chain(rules);
    let time = |wish: &Attributes| {
        if wish.switch(Attribute::CheckSwitch) == Some(false) {
            return (0, 0, 0);
        }
        let interval = wish.number(Attribute::CheckInterval).unwrap_or(CHECK_INTERVAL);
        let count = wish.number(Attribute::CheckHealthyCount).unwrap_or(CHECK_HEALTHY_COUNT);
        (interval.saturating_mul(count), interval, count)
    };
    match checks.map(time).max() {
        Some((0, ..)) | None => "for as long as the calls to CLB take".to_owned(),
        Some((seconds, interval, count)) => format!(
            "for about {seconds} s, which its health check takes (intervalTime {interval} s, healthNum {count}), and the calls to CLB"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Protocol, Value};
    use crate::plan::desired::ListenerOrigin;
    use crate::plan::shape::{DesiredRule, Shape};

    #[test]
    fn the_dark_time_is_that_of_the_slowest_health_check() {
        let wish = |all: &[(Attribute, Value)]| {
            let mut wish = Attributes::default();
            all.iter().for_each(|(attribute, value)| wish.set(*attribute, value.clone()));
            wish
        };
        let said = |attributes: Attributes, rules: Vec<Attributes>| {
            let rule = |attributes| DesiredRule { domain: "example.com".to_owned(), url: "/".to_owned(), attributes };
            let rules = rules.into_iter().map(rule).collect();
            let shape = Shape { attributes, rules, ..Shape::default() };
            let origin = ListenerOrigin::Delegated;
            let (protocol, port) = (Protocol::Tcp, 80);
            health_time(&DesiredListener { protocol, port, origin, shape, resolution: None, endpoints: None })
        };
        let quick =
            wish(&[(Attribute::CheckInterval, Value::Number(2)), (Attribute::CheckHealthyCount, Value::Number(2))]);
        let off = wish(&[(Attribute::CheckSwitch, Value::Switch(false))]);
        assert!(
            said(Attributes::default(), vec![])
                .contains("15 s, which its health check takes (intervalTime 5 s, healthNum 3)")
        );
        assert!(
            said(quick.clone(), vec![]).contains("4 s, which its health check takes (intervalTime 2 s, healthNum 2)")
        );
        assert_eq!(said(off.clone(), vec![]), "for as long as the calls to CLB take");
        assert!(said(Attributes::default(), vec![quick, off]).contains("about 4 s"), "those of the rules count");
    }
}
