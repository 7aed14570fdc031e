//! Wished settings as members of requests. What is not wished is left out, and so stays as it is.

use super::wire;
use crate::model::{Attribute, Attributes, Value};

/// A text member.
pub(super) fn text(wish: &Attributes, attribute: Attribute) -> Option<String> {
    wish.text(attribute).map(str::to_owned)
}

/// A switch that is written as 0 or 1.
pub(super) fn flag(wish: &Attributes, attribute: Attribute) -> Option<i64> {
    wish.switch(attribute).map(i64::from)
}

/// The health check; `None` when nothing of it is wished.
pub(super) fn health_check(wish: &Attributes) -> Option<wire::HealthCheck> {
    let has_any = wish.iter().any(|(attribute, _)| attribute.is_check());
    has_any.then(|| wire::HealthCheck {
        health_switch: flag(wish, Attribute::CheckSwitch),
        interval_time: wish.number(Attribute::CheckInterval),
        time_out: wish.number(Attribute::CheckTimeout),
        health_num: wish.number(Attribute::CheckHealthyCount),
        un_health_num: wish.number(Attribute::CheckUnhealthyCount),
        check_port: wish.number(Attribute::CheckPort),
        check_type: text(wish, Attribute::CheckType),
        context_type: text(wish, Attribute::CheckContextType),
        send_context: text(wish, Attribute::CheckSend),
        recv_context: text(wish, Attribute::CheckReceive),
        http_version: text(wish, Attribute::CheckHttpVersion),
        http_code: wish.number(Attribute::CheckHttpCodes),
        http_check_path: text(wish, Attribute::CheckPath),
        http_check_domain: text(wish, Attribute::CheckDomain),
        http_check_method: text(wish, Attribute::CheckMethod),
        source_ip_type: wish.number(Attribute::CheckSource),
        extended_code: None,
    })
}

/// The ids of the wished server certificates.
fn certificate_ids(wish: &Attributes) -> Vec<&str> {
    match wish.get(Attribute::Certificate) {
        Some(Value::Text(ids)) => ids.split(',').filter(|id| !id.is_empty()).collect(),
        _ => Vec::new(),
    }
}

/// The certificate, when exactly one is wished.
pub(super) fn certificate(wish: &Attributes) -> Option<wire::CertificateInput> {
    match certificate_ids(wish).as_slice() {
        [id] => Some(wire::CertificateInput { cert_id: Some((*id).to_owned()), ..Default::default() }),
        _ => None,
    }
}

/// The certificates, when several are wished. Clients are not asked for theirs.
pub(super) fn certificates(wish: &Attributes) -> Option<wire::MultiCertInfo> {
    let ids = certificate_ids(wish);
    let info = |id: &&str| wire::CertInfo { cert_id: Some((*id).to_owned()), ..Default::default() };
    (ids.len() > 1).then(|| wire::MultiCertInfo {
        ssl_mode: "UNIDIRECTIONAL".to_owned(),
        cert_list: ids.iter().map(info).collect(),
        ssl_verify_client: None,
    })
}

/// A rule to create.
pub(super) fn rule_input(domain: &str, url: &str, wish: &Attributes) -> wire::RuleInput {
    wire::RuleInput {
        url: url.to_owned(),
        domain: Some(domain.to_owned()),
        session_expire_time: wish.number(Attribute::SessionSeconds),
        health_check: health_check(wish),
        certificate: certificate(wish),
        multi_cert_info: certificates(wish),
        scheduler: text(wish, Attribute::Scheduler),
        forward_type: text(wish, Attribute::ForwardType),
        default_server: wish.switch(Attribute::DefaultServer),
        http2: wish.switch(Attribute::Http2),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wish(values: &[(Attribute, Value)]) -> Attributes {
        values.iter().cloned().collect()
    }

    #[test]
    fn nothing_wished_is_nothing_written() {
        let none = wish(&[]);
        assert_eq!((health_check(&none), certificate(&none), certificates(&none)), (None, None, None));
        let rule = serde_json::to_value(rule_input("a.example", "/", &none)).unwrap();
        assert_eq!(rule, json!({"Domain": "a.example", "Url": "/"}));
    }

    #[test]
    fn one_certificate_and_several_are_written_differently() {
        let one = wish(&[(Attribute::Certificate, "one".into())]);
        assert_eq!(certificate(&one).unwrap().cert_id.as_deref(), Some("one"));
        assert!(certificates(&one).is_none());
        let two = wish(&[(Attribute::Certificate, "one,two".into())]);
        assert!(certificate(&two).is_none());
        let written = serde_json::to_value(certificates(&two).unwrap()).unwrap();
        assert_eq!(written, json!({"SSLMode": "UNIDIRECTIONAL", "CertList": [{"CertId": "one"}, {"CertId": "two"}]}));
    }

    #[test]
    fn a_rule_is_written_with_all_that_is_wished() {
        let rule = wish(&[
            (Attribute::Scheduler, "IP_HASH".into()),
            (Attribute::SessionSeconds, 60_i64.into()),
            (Attribute::Http2, true.into()),
            (Attribute::DefaultServer, true.into()),
            (Attribute::ForwardType, "GRPC".into()),
            (Attribute::CheckSwitch, false.into()),
            (Attribute::CheckPath, "/healthz".into()),
        ]);
        assert_eq!(
            serde_json::to_value(rule_input("a.example", "/", &rule)).unwrap(),
            json!({
                "Domain": "a.example", "Url": "/", "Scheduler": "IP_HASH", "SessionExpireTime": 60, "Http2": true,
                "DefaultServer": true, "ForwardType": "GRPC",
                "HealthCheck": {"HealthSwitch": 0, "HttpCheckPath": "/healthz"},
            })
        );
    }
}
