//! What else a Service does not get is said there, each thing with its reason.

use super::*;

#[test]
fn what_the_binding_says_of_config_and_fields_is_said_on_the_service_and_by_an_event() {
    let service = service(&[(names::DIRECT_ACCESS, "true"), (names::SERVICE_CONFIG, "shop")]);
    let mut own = made(&[(names::SERVICE_CONFIG, "shop")]);
    let ready = json!({"type": "Ready", "status": "True", "reason": "Ready", "message": "",
        "lastTransitionTime": at(1_000).to_string()});
    let status = |rest: &serde_json::Value| {
        let mut status = json!({"conditions": [ready]});
        status.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        Some(serde_json::from_value(status).unwrap())
    };
    let verdict = |own: &DirectAccessBinding| decide(&service, &read(&service, ALL, Some(own)), &[own], at(2_000));
    own.status = status(&json!({}));
    assert!(told(&verdict(&own)).0);
    let before = own.clone();
    let fault = json!({"entry": "TCP:80", "field": "healthCheck.timeout", "reason": "Invalid", "message": "61 is not from 2 to 60"});
    own.status = status(&json!({"configProblems": [fault]}));
    let found = verdict(&own);
    let words = "TkeServiceConfig 'shop', TCP:80 healthCheck.timeout: 61 is not from 2 to 60";
    assert_eq!(told(&found), (false, "ConfigProblems".to_owned(), words.to_owned()));
    assert_eq!(news(&found, None), [(EventWord::Service(ServiceReason::ConfigProblems), words)]);
    assert_ne!(readiness(&before), readiness(&own), "the Service is looked at");
    let advice = json!({"reason": "SessionAffinity", "message": "spec.sessionAffinity: ClientIP", "count": 0});
    own.status = status(&json!({"advice": [advice]}));
    let found = verdict(&own);
    assert_eq!(
        news(&found, None),
        [(EventWord::Service(ServiceReason::NotSupported), "spec.sessionAffinity: ClientIP")]
    );
    assert_ne!(readiness(&before), readiness(&own));
}

#[test]
fn only_what_keeps_a_binding_from_being_made_is_said_to() {
    let service = service(&[
        (names::DIRECT_ACCESS, "true"),
        (names::INTERNET_MAX_BANDWIDTH_OUT, "much"),
        (names::GRACE_SHUTDOWN, "1"),
        (names::PREVENT_LOOPBACK, "true"),
    ]);
    let found = verdict(&service, ALL, &[]);
    let (is_true, reason, message) = told(&found);
    let (blocking, rest) = message.split_once(". This does not hold it up: ").unwrap();
    assert!(!is_true && reason == "InvalidAnnotation", "{reason}");
    assert!(blocking.starts_with("no binding is made before this is corrected: annotation "), "{message}");
    assert!(blocking.contains(names::INTERNET_MAX_BANDWIDTH_OUT) && !rest.contains(names::INTERNET_MAX_BANDWIDTH_OUT));
    for other in [names::GRACE_SHUTDOWN, names::PREVENT_LOOPBACK] {
        assert!(rest.contains(other) && !blocking.contains(other), "{message}");
    }
    assert_eq!(news(&found, None).len(), 3);
    // With a load balancer that exists, words for creation are no hindrance.
    let mut existing = service;
    existing.annotations.insert(names::EXISTING_LOAD_BALANCER_ID, "lb-1");
    existing.annotations.insert(names::CROSS_REGION_ID, "here");
    let (_, _, message) = told(&verdict(&existing, ALL, &[]));
    let (blocking, rest) = message.split_once(". This does not hold it up: ").unwrap();
    assert!(blocking.contains(names::CROSS_REGION_ID) && rest.contains(names::INTERNET_MAX_BANDWIDTH_OUT), "{message}");
}

#[test]
fn a_service_with_words_for_direct_access_that_does_not_ask_is_told_what_is_lacking() {
    let sample = [(names::EXTENSIVE_PARAMETERS, r#"{"AddressIPVersion":"IPV6"}"#)];
    let found = verdict(&service(&sample), ALL, &[]);
    let (is_true, reason, message) = told(&found);
    assert!(!is_true && reason == "NotAsked" && message.contains(names::EXTENSIVE_PARAMETERS), "{message}");
    assert!(
        message.contains("service.cloud.tencent.com/direct-access") && found.outcome == Outcome::Nothing,
        "{message}"
    );
    assert_eq!(news(&found, None).len(), 1);
    // As the message says; and where somebody else follows it, nothing is said.
    let mut asking = sample.to_vec();
    asking.push((names::DIRECT_ACCESS, "false"));
    let is_silent = |service: &Service, setting, bindings: &[&DirectAccessBinding]| {
        condition(&verdict(service, setting, bindings), None).is_none()
    };
    assert!(is_silent(&service(&asking), ALL, &[]));
    assert!(is_silent(&service(&sample), Setting { has_tke: Known::Yes, ..ALL }, &[]));
    assert!(is_silent(&service(&sample), Setting { has_tke: Known::Unknown, ..ALL }, &[]));
    assert!(is_silent(&service(&sample), Setting { acceptance: Acceptance::OwnClass, ..ALL }, &[]));
    assert!(is_silent(&service(&sample), ALL, &[&binding(2, &json!({}))]));
    assert!(is_silent(&service(&[]), ALL, &[]), "a Service that says nothing is nobody's");
    let ours = Service { load_balancer_class: Some(names::LOAD_BALANCER_CLASS.to_owned()), ..service(&[]) };
    assert!(told(&verdict(&ours, ALL, &[])).2.contains("spec.loadBalancerClass is without effect"));
    let fresh = Service { created: Some(at(1)), ..service(&sample) };
    assert_eq!(
        decide(&fresh, &read(&fresh, ALL, None), &[], at(3)).outcome,
        Outcome::Wait,
        "a binding may come with it"
    );
}
