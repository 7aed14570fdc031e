//! What is said to no effect, one by one.

use super::*;

const EXISTING: (&str, &str) = (names::EXISTING_LOAD_BALANCER_ID, "lb-1");
const INTERNAL: (&str, &str) = (names::INTERNAL_SUBNET_ID, "subnet-1");

/// What has no effect in these annotations, which have no other problem.
fn idle(annotations: &[(&str, &str)]) -> Vec<String> {
    let intent = reading(annotations);
    assert_eq!(faults(&intent), [""; 0], "{annotations:?}");
    assert!(matches!(intent.wish, Wish::Serve(..)), "{annotations:?}");
    intent.unheeded.iter().map(ToString::to_string).collect()
}

#[test]
fn words_about_creation_have_no_effect_where_nothing_is_created() {
    for (key, value) in [
        (names::CROSS_VPC_ID, "vpc-1"),
        (names::INTERNAL_SUBNET_ID, "subnet-1"),
        (names::INTERNET_CHARGE_TYPE, "TRAFFIC_POSTPAID_BY_HOUR"),
        (names::INTERNET_MAX_BANDWIDTH_OUT, "5"),
        (names::SECURITY_GROUPS, "sg-1"),
        (names::SECURITY_GROUPS, ""),
        (names::PASS_TO_TARGET, "true"),
        (names::EXTENSIVE_PARAMETERS, r#"{"LoadBalancerName":"shop"}"#),
    ] {
        let found = idle(&[EXISTING, (key, value)]);
        assert!(found.len() == 1 && found[0].starts_with(key) && found[0].contains("tke-existed-lbid"), "{found:?}");
        // The same with the binding that it has.
        let service = asking(&[EXISTING, (key, value)]);
        assert_eq!(unheeded(&read(&service, ALL, Some(&owned(&service)))), [key]);
        assert_eq!(idle(&[(key, value)]), [""; 0], "{key} is followed");
    }
    assert_eq!(
        idle(&[EXISTING, (names::CROSS_REGION_ID, "ap-beijing"), (names::LOAD_BALANCER_RETAIN, "true")]),
        [""; 0]
    );
    for (key, value) in [(names::INTERNET_CHARGE_TYPE, "BANDWIDTH_PACKAGE"), (names::INTERNET_MAX_BANDWIDTH_OUT, "5")] {
        let found = idle(&[INTERNAL, (key, value)]);
        assert!(
            found.len() == 1 && found[0].starts_with(key) && found[0].contains("public load balancers"),
            "{found:?}"
        );
        let service = asking(&[INTERNAL, (key, value)]);
        assert_eq!(unheeded(&read(&service, ALL, Some(&owned(&service)))), [key]);
    }
}

#[test]
fn words_of_protocols_that_nothing_uses_are_named_and_words_said_twice_are_not_followed() {
    for (entry, words) in [
        (r#"{"protocol":["TCP"],"tls":"cert"}"#, "80: tls: only TCP_SSL, QUIC and HTTPS"),
        (r#"{"protocol":["TCP"],"hosts":{"a.example.com":{}}}"#, "80: hosts: only HTTP and HTTPS"),
        (r#"{"protocol":["HTTP"],"hosts":{"a.example.com":{"tls":"a"}}}"#, "80: hosts: only HTTPS has certificates"),
    ] {
        let found = idle(&[(names::SPECIFY_PROTOCOL, &format!(r#"{{"80":{entry}}}"#))]);
        assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
    }
    for entry in [
        r#"{"protocol":["TCP_SSL","UDP"],"tls":"cert"}"#,
        r#"{"protocol":["HTTPS"],"hosts":{"a.example.com":{"tls":"a"}}}"#,
        r#"{"protocol":["HTTP"],"hosts":{"a.example.com":{}}}"#,
    ] {
        assert_eq!(idle(&[(names::SPECIFY_PROTOCOL, &format!(r#"{{"80":{entry}}}"#))]), [""; 0], "{entry}");
    }
    for (key, value) in [
        (names::SPECIFY_PROTOCOL, r#"{"80":{"protocol":["TCP"]},"80":{"protocol":["HTTP"]}}"#),
        (names::EXTENSIVE_PARAMETERS, r#"{"Vip":"10.0.0.1","Vip":"10.0.0.2"}"#),
        (names::RS_WEIGHT, r#"{"defaultWeight":1,"defaultWeight":2}"#),
    ] {
        let intent = reading(&[(key, value)]);
        assert_eq!(faults(&intent), [key]);
        assert!(intent.problems[0].message.contains("is there twice"), "{:?}", intent.problems);
    }
    let zeros = reading(&[(names::SPECIFY_PROTOCOL, r#"{"080":{"protocol":["HTTP"]}}"#)]);
    assert_eq!(faults(&zeros), [names::SPECIFY_PROTOCOL]);
    assert!(matches!(zeros.wish, Wish::NotMade(_)));
}

#[test]
fn words_of_creation_that_the_definition_refuses_are_said_in_words_of_annotations() {
    for (annotations, key, words) in [
        (
            vec![(names::EXTENSIVE_PARAMETERS, r#"{"VipIsp":"CTCC"}"#)],
            names::EXTENSIVE_PARAMETERS,
            "qcloud-loadbalancer-internet-charge-type with BANDWIDTH_PACKAGE",
        ),
        (
            vec![(names::EXTENSIVE_PARAMETERS, r#"{"AddressIPVersion":"IPv6FullChain"}"#)],
            names::EXTENSIVE_PARAMETERS,
            "needs \"SubnetId\" beside it",
        ),
        (
            vec![INTERNAL, (names::EXTENSIVE_PARAMETERS, r#"{"AddressIPVersion":"IPv6FullChain"}"#)],
            names::EXTENSIVE_PARAMETERS,
            "internal load balancers have IPv4 only",
        ),
        (
            vec![
                (names::PASS_TO_TARGET, "true"),
                (names::EXTENSIVE_PARAMETERS, r#"{"AddressIPVersion":"IPv6FullChain","SubnetId":"subnet-1"}"#),
            ],
            names::PASS_TO_TARGET,
            "checks only its own security groups",
        ),
    ] {
        let intent = reading(&annotations);
        assert_eq!(faults(&intent), [key]);
        assert_eq!(intent.wish, Wish::NotMade(intent.problems.clone()));
        assert!(intent.problems[0].message.contains(words), "{:?}", intent.problems);
    }
    // As the message says.
    let ctcc =
        [(names::EXTENSIVE_PARAMETERS, r#"{"VipIsp":"CTCC"}"#), (names::INTERNET_CHARGE_TYPE, "BANDWIDTH_PACKAGE")];
    assert_eq!(idle(&ctcc), [""; 0]);
    let chain = [(names::EXTENSIVE_PARAMETERS, r#"{"AddressIPVersion":"IPv6FullChain","SubnetId":"subnet-1"}"#)];
    assert_eq!(idle(&chain), [""; 0]);
}

#[test]
fn values_of_unheeded_words_that_change_nothing_need_nothing() {
    for key in KEYS {
        for usual in key.usual {
            assert_eq!(idle(&[(key.name, usual)]), [""; 0], "{}: {usual}", key.name);
        }
        if key.treatment == Treatment::Ignored {
            assert_eq!(idle(&[(key.name, "something")]).len(), 1, "{}", key.name);
            assert!(key.meaning.ends_with('.') && key.meaning.len() > 30, "{}: what to do", key.name);
        }
    }
}

#[test]
fn words_of_another_load_balancer_than_the_one_in_use_are_named() {
    let mut own = owned(&asking(&[]));
    let said = |own: &DirectAccessBinding| {
        let service = asking(&[(names::LOAD_BALANCER_ID, "lb-9")]);
        read(&service, ALL, Some(own)).unheeded.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(said(&own), [""; 0], "nobody knows yet which one is in use");
    let mut use_it = |id: &str| {
        let status = own.status.as_mut().unwrap();
        status.load_balancer = Some(serde_json::from_value(json!({"id": id, "region": "ap-guangzhou"})).unwrap());
        said(&own)
    };
    assert_eq!(use_it("lb-9"), [""; 0]);
    let found = use_it("lb-1");
    assert!(found.len() == 1 && found[0].contains("lb-1 is in use; remove it"), "{found:?}");
}

#[test]
fn many_words_that_nobody_knows_are_counted() {
    let keys: Vec<String> = (0..30).map(|number| format!("service.cloud.tencent.com/colour-{number}")).collect();
    let all: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "red")).collect();
    let found = idle(&all);
    assert!(found.len() == 9 && found[8].contains("22 more keys"), "{found:?}");
}

#[test]
fn words_on_a_service_are_in_the_status_of_its_bindings() {
    let mut world = World::new(&json!({}));
    let field = crate::model::KeyProblem::new("spec.loadBalancerIP", "it has no effect");
    world.service.as_mut().unwrap().field_problems = vec![field];
    let notes = format!("{:?}", world.plan().bindings[0].advice);
    assert!(notes.contains("spec.loadBalancerIP: it has no effect (Service 'web')"), "{notes}");
}

#[test]
fn words_on_a_service_are_in_the_status_of_the_binding_that_was_made_for_it() {
    let mut world = World::new(&json!({}));
    let owner = json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "service-uid", "controller": true});
    let binding = std::sync::Arc::make_mut(&mut world.bindings[0]);
    binding.metadata.owner_references = Some(vec![serde_json::from_value(owner).unwrap()]);
    let service = world.service.as_mut().unwrap();
    service.annotations.insert(names::EXISTING_LOAD_BALANCER_ID, "lb-1");
    service.annotations.insert(names::GRACE_SHUTDOWN, "1");
    service.annotations.insert(names::PREVENT_LOOPBACK, "true");
    service.annotations.insert(names::RS_WEIGHT, "{");
    let notes = format!("{:?}", world.plan().bindings[0].advice);
    for key in [names::GRACE_SHUTDOWN, names::PREVENT_LOOPBACK, names::RS_WEIGHT] {
        assert_eq!(notes.matches(&format!("annotation {key}: ")).count(), 1, "{key}: {notes}");
    }
    let owned = std::sync::Arc::make_mut(&mut world.bindings[0]).metadata.annotations.get_or_insert_default();
    owned.insert(names::PARKED.to_owned(), "SaidFalse".to_owned());
    assert!(!format!("{:?}", world.plan().bindings[0].advice).contains("annotation "), "a parked one follows nothing");
}
