//! How a target is probed, and what the cloud says of it.

use crate::model::{Address, Attribute, Attributes, Health};

/// The probe of a listener or rule with these settings, and what has come of it. Settings that the cloud does not show are left out.
pub(in crate::plan) fn probe(check: &Attributes, address: Address, seen: Option<Health>) -> String {
    let port = check.number(Attribute::CheckPort).filter(|port| *port > 0);
    let at = port.map_or_else(|| address.to_string(), |port| format!("port {port} of {}", address.ip));
    let kind = check.text(Attribute::CheckType).map(|kind| format!(" by {kind}")).unwrap_or_default();
    let path = check.text(Attribute::CheckPath).filter(|path| !path.is_empty());
    let request = path.map(|path| {
        let method = check.text(Attribute::CheckMethod).unwrap_or("HEAD");
        let host = check.text(Attribute::CheckDomain).filter(|host| !host.is_empty());
        format!(" with {method} {path}{}", host.map(|host| format!(" of host {host}")).unwrap_or_default())
    });
    let interval = check.number(Attribute::CheckInterval).map(|seconds| format!(" every {seconds} s"));
    let times = check.number(Attribute::CheckHealthyCount).map(|times| format!(", and has to succeed {times} times"));
    let codes = check.number(Attribute::CheckHttpCodes).filter(|_| path.is_some()).map(codes);
    let source = match check.number(Attribute::CheckSource) {
        Some(1) => "100.64.0.0/10",
        _ => "the address of the load balancer",
    };
    let said = match seen {
        Some(Health::Unhealthy) => "CLB finds it unhealthy",
        Some(_) | None => "CLB has not said yet what it finds",
    };
    let parts = [request, interval, times, codes].map(Option::unwrap_or_default).concat();
    format!(
        "{at} is probed{kind}{parts}, and {said}; see that the Pod answers, and that its security groups and network policies let \
         probes from {source} in"
    )
}

/// Where and how a target of this port is probed, as far as the cloud shows it: `port 9000 by HTTP`.
pub(in crate::plan) fn probed_at(check: &Attributes, port: u16) -> String {
    let port = check.number(Attribute::CheckPort).filter(|port| *port > 0).unwrap_or_else(|| i64::from(port));
    let kind = check.text(Attribute::CheckType).map(|kind| format!(" by {kind}")).unwrap_or_default();
    format!("port {port}{kind}")
}

/// The answers that count as success.
fn codes(sum: i64) -> String {
    let classes: Vec<_> = (0..5).filter(|bit| sum & (1 << bit) != 0).map(|bit| format!("{}xx", bit + 1)).collect();
    if classes.is_empty() { String::new() } else { format!(" by answering {}", classes.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use crate::plan::tests::world::address;

    #[test]
    fn a_probe_is_said_as_it_is_set() {
        let said = |all: &[(Attribute, Value)], seen| {
            let mut check = Attributes::default();
            all.iter().for_each(|(attribute, value)| check.set(*attribute, value.clone()));
            probe(&check, address(3), seen)
        };
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(
            said(&[], None),
            "10.1.0.3:8080 is probed, and CLB has not said yet what it finds; see that the Pod answers, and that its security groups and \
             network policies let probes from the address of the load balancer in"
        );
        let http = [
            (Attribute::CheckType, text("HTTP")),
            (Attribute::CheckPort, Value::Number(9000)),
            (Attribute::CheckPath, text("/ready")),
            (Attribute::CheckMethod, text("GET")),
            (Attribute::CheckDomain, text("shop.example")),
            (Attribute::CheckInterval, Value::Number(5)),
            (Attribute::CheckHealthyCount, Value::Number(3)),
            (Attribute::CheckHttpCodes, Value::Number(6)),
            (Attribute::CheckSource, Value::Number(1)),
        ];
        let found = said(&http, Some(Health::Unhealthy));
        assert!(
            found.starts_with(
                "port 9000 of 10.1.0.3 is probed by HTTP with GET /ready of host shop.example every 5 s, and has to succeed 3 times by \
                 answering 2xx or 3xx, and CLB finds it unhealthy; "
            ),
            "{found}"
        );
        assert!(found.ends_with("let probes from 100.64.0.0/10 in"), "{found}");
        let at = |all: &[(Attribute, Value)]| {
            let check: Attributes = all.iter().cloned().collect();
            probed_at(&check, 8080)
        };
        assert_eq!((at(&[]).as_str(), at(&http).as_str()), ("port 8080", "port 9000 by HTTP"));
        let usual = [(Attribute::CheckPort, Value::Number(-1)), (Attribute::CheckType, text("TCP"))];
        assert_eq!(at(&usual), "port 8080 by TCP");
    }
}
