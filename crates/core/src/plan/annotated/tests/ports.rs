//! Annotations about single ports: each is read for itself.

use super::*;
use crate::api::binding::ListenerProtocol;
use crate::model::{ServicePort, TargetPort, Transport};

#[test]
fn protocols_are_specified_by_port() {
    let mut service = service(&[
        (names::DIRECT_ACCESS, "true"),
        (
            names::SPECIFY_PROTOCOL,
            r#"{"80":{"protocol":["HTTP"],"hosts":{"a.example.com":{}}},
                "443":{"protocol":["HTTPS"],"hosts":{"a.example.com":{"tls":"a"},"b.example.com":{"tls":"b"}}},
                "7000":{"protocol":["TCP","UDP"]},
                "8443":{"protocol":["TCP_SSL","QUIC"],"tls":"cert"}}"#,
        ),
    ]);
    let port = |port| ServicePort {
        name: format!("p{port}"),
        transport: Transport::Tcp,
        port,
        target_port: TargetPort::Number(port),
    };
    service.ports = [80, 443, 7000, 8443, 22].map(port).to_vec();
    let reading = read(&service, ALL, None);
    assert_eq!(faults(&reading), [""; 0]);
    let found: Vec<_> = wished(&reading)
        .listeners
        .iter()
        .map(|listener| {
            let rules: Vec<_> = listener
                .rules
                .iter()
                .map(|rule| {
                    let secret = rule.certificate.as_ref().and_then(|found| found.secret_name.as_deref());
                    (rule.domain.as_str(), secret)
                })
                .collect();
            let secret = listener.certificate.as_ref().and_then(|found| found.secret_name.as_deref());
            (listener.port, listener.protocol, secret, rules)
        })
        .collect();
    let (a, b) = ("a.example.com", "b.example.com");
    assert_eq!(
        found,
        [
            (22, ListenerProtocol::Tcp, None, vec![]),
            (80, ListenerProtocol::Http, None, vec![(a, None)]),
            (443, ListenerProtocol::Https, None, vec![(a, Some("a")), (b, Some("b"))]),
            (7000, ListenerProtocol::Tcp, None, vec![]),
            (7000, ListenerProtocol::Udp, None, vec![]),
            (8443, ListenerProtocol::TcpSsl, Some("cert"), vec![]),
            (8443, ListenerProtocol::Quic, Some("cert"), vec![]),
        ]
    );
}

const TLS: &str = r#"{"443":{"protocol":["TCP_SSL"],"tls":"cert"}}"#;

#[test]
fn a_port_that_the_definition_refuses_harms_only_itself() {
    let mut service = two_ports(r#"{"80":{"protocol":["HTTP"]}}"#);
    service.ports.push(ServicePort {
        name: "vxlan".to_owned(),
        transport: Transport::Udp,
        port: 4789,
        target_port: TargetPort::Number(4789),
    });
    let intent = read(&service, ALL, None);
    assert_eq!(wished(&intent).listeners.len(), 2);
    assert!(intent.problems[0].message.starts_with("4789: the cloud reserves"), "{:?}", intent.problems);
    service.ports = (41..=100)
        .map(|port| ServicePort {
            name: port.to_string(),
            transport: Transport::Tcp,
            port,
            target_port: TargetPort::Number(port),
        })
        .collect();
    let many = read(&service, ALL, None);
    assert!(
        matches!(many.wish, Wish::NotMade(_)) && many.problems[0].message.contains("60 listeners"),
        "{:?}",
        many.problems
    );
}

#[test]
fn a_port_whose_entry_cannot_be_read_keeps_its_listeners_and_the_others_are_followed() {
    let own = owned(&two_ports(TLS));
    for odd in [r#""tls":"""#, r#""tsl":"cert""#, r#""tls":7"#, r#""tls":"cert","hosts":[]"#] {
        let said = format!(r#"{{"443":{{"protocol":["TCP_SSL"],{odd}}},"80":{{"protocol":["HTTP"]}}}}"#);
        let intent = read(&two_ports(&said), ALL, Some(&own));
        assert_eq!(faults(&intent), [names::SPECIFY_PROTOCOL], "{odd}");
        assert!(intent.problems[0].message.starts_with("443: "), "{}", intent.problems[0]);
        let found: Vec<_> = wished(&intent).listeners.iter().map(|one| (one.port, one.protocol)).collect();
        assert_eq!(found, [(80, ListenerProtocol::Http), (443, ListenerProtocol::TcpSsl)], "{odd}");
        // Without a binding, that port gets none.
        let found: Vec<_> = wished(&read(&two_ports(&said), ALL, None)).listeners.iter().map(|one| one.port).collect();
        assert_eq!(found, [80], "{odd}");
    }
}

#[test]
fn an_entry_for_no_port_of_the_service_is_named_and_takes_no_listener_of_another_port() {
    let ports = |said: &str, own| -> Vec<_> {
        let intent = read(&two_ports(said), ALL, own);
        wished(&intent).listeners.iter().map(|one| (one.port, one.protocol)).collect()
    };
    let orphan = r#"{"9000":{"protocol":["HTTPS"],"tls":"cert"},"80":{"protocol":["HTTP"]}}"#;
    let intent = read(&two_ports(orphan), ALL, None);
    assert!(
        intent.problems[0].message.starts_with("9000: the Service has no port of this number"),
        "{:?}",
        intent.problems
    );
    assert_eq!(ports(orphan, None), [(80, ListenerProtocol::Http), (443, ListenerProtocol::Tcp)], "as TKE has it");
    let own = owned(&two_ports(TLS));
    assert_eq!(
        ports(orphan, Some(&own)),
        [(80, ListenerProtocol::Http), (443, ListenerProtocol::TcpSsl)],
        "it is held"
    );
    // One whose port is no number may be meant for a port, and says for which.
    let stray = r#"{"https":{"protocol":["HTTPS"],"tls":"cert"},"80":{"protocol":["HTTP"]}}"#;
    assert_eq!(ports(stray, None), [(80, ListenerProtocol::Http)]);
    let words = &read(&two_ports(stray), ALL, None).problems[0].message;
    assert!(words.contains("It may be meant for port 443, which has no entry"), "{words}");
    let mut signalling = two_ports(r#"{"5000":{"protocol":["TCP"]}}"#);
    signalling.unbindable_ports = vec!["5000 (sig, SCTP)".to_owned()];
    let words = &read(&signalling, ALL, None).problems[0].message;
    assert_eq!(words, "5000: no listener is made for port 5000 (sig, SCTP); remove the entry");
}

#[test]
fn a_protocol_in_lower_case_is_no_protocol_and_the_right_word_is_named() {
    let said = r#"{"80":{"protocol":["http"]},"443":{"protocol":["TCP"]}}"#;
    let own = owned(&two_ports(r#"{"80":{"protocol":["HTTP"]}}"#));
    let intent = read(&two_ports(said), ALL, Some(&own));
    assert!(intent.problems[0].message.contains("write HTTP"), "{:?}", intent.problems);
    assert_eq!(wished(&intent).listeners[0].protocol, ListenerProtocol::Http, "what is served goes on");
}

#[test]
fn a_text_that_cannot_be_read_keeps_all_listeners_and_makes_none() {
    let own = owned(&two_ports(TLS));
    let mut service = two_ports(&format!("{TLS},"));
    service.ports.push(ServicePort {
        name: "new".to_owned(),
        transport: Transport::Tcp,
        port: 8443,
        target_port: TargetPort::Number(8443),
    });
    assert_eq!(wished(&read(&service, ALL, Some(&own))).listeners, own.spec.listeners);
    // One that names no listeners has one for each port that its status shows.
    let mut plain = two_ports("");
    plain.annotations.remove(names::SPECIFY_PROTOCOL);
    let own = owned(&plain);
    assert_eq!(own.spec.listeners, []);
    let found: Vec<_> = wished(&read(&service, ALL, Some(&own))).listeners.iter().map(|one| one.port).collect();
    assert_eq!(found, [80, 443]);
    // The new port gets its listener with a text that says so.
    service.annotations.insert(names::SPECIFY_PROTOCOL.to_owned(), TLS.to_owned());
    assert_eq!(wished(&read(&service, ALL, Some(&own))).listeners.len(), 3);
}

#[test]
fn an_entry_for_a_port_that_is_not_there_may_be_meant_for_one_that_is() {
    let tls = r#"{"80":{"protocol":["HTTP"]},"443":{"protocol":["TCP_SSL"],"tls":"cert"}}"#;
    let own = owned(&two_ports(tls));
    let service = two_ports(&tls.replace("443", "4443"));
    let intent = read(&service, ALL, Some(&own));
    assert_eq!(wished(&intent).listeners, own.spec.listeners, "the TLS listener stays");
    assert!(intent.problems[0].message.starts_with("4443: the Service has no port"), "{:?}", intent.problems);
    let new = read(&service, ALL, None);
    assert!(wished(&new).listeners.iter().all(|listener| listener.port != 443), "nothing is guessed");
    assert!(new.problems[0].message.contains("meant for port 443, which has no entry"), "{:?}", new.problems);
}
