mod by_hand;
mod former;
mod remarks;
mod told;

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::api::names;
use crate::model::Known;
use crate::plan::annotated::{Acceptance, KEYS, Setting, Treatment, read};
use crate::plan::tests::world::{World, binding};

const ALL: Setting = Setting { acceptance: Acceptance::All, has_tke: Known::No, is_default: Known::No };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn service(annotations: &[(&str, &str)]) -> Service {
    let mut service = World::new(&json!({})).service.unwrap();
    service.is_load_balancer = true;
    service.annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    service
}

/// The binding that a Service that says `"true"`, and this, gets.
fn made(annotations: &[(&str, &str)]) -> DirectAccessBinding {
    let mut all = vec![(names::DIRECT_ACCESS, "true")];
    all.extend(annotations);
    let service = service(&all);
    let Wish::Serve(spec, origin) = read(&service, ALL, None).wish else { panic!("no binding") };
    let mut own = (*binding(1, &json!({}))).clone();
    own.metadata.name = Some("web".to_owned());
    own.metadata.owner_references = Some(vec![
        serde_json::from_value(
            json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": service.uid, "controller": true}),
        )
        .unwrap(),
    ]);
    own.metadata.annotations = Some(BTreeMap::from([(names::ASKED_BY.to_owned(), origin.as_str().to_owned())]));
    own.spec = *spec;
    own
}

fn park(mut own: DirectAccessBinding, mark: &str) -> DirectAccessBinding {
    own.metadata.annotations.get_or_insert_default().insert(names::PARKED.to_owned(), mark.to_owned());
    own
}

fn verdict(service: &Service, setting: Setting, bindings: &[&DirectAccessBinding]) -> Verdict {
    let own = own_binding(service, bindings);
    decide(service, &read(service, setting, own), bindings, at(1_000))
}

fn told(verdict: &Verdict) -> (bool, String, String) {
    let condition = condition(verdict, None).unwrap();
    (condition.is_true, condition.reason, condition.message)
}

#[test]
fn a_new_service_waits_a_moment_for_a_binding_that_comes_with_it() {
    let service = Service { created: Some(at(100)), ..service(&[(names::DIRECT_ACCESS, "true")]) };
    let intent = read(&service, ALL, None);
    let outcome = |bindings: &[&DirectAccessBinding], second| decide(&service, &intent, bindings, at(second)).outcome;
    assert_eq!(outcome(&[], 104), Outcome::Wait);
    assert!(matches!(outcome(&[], 105), Outcome::Apply(_)));
    assert_eq!(outcome(&[&made(&[])], 104), Outcome::Nothing, "it has one");
}

#[test]
fn no_binding_is_made_while_nobody_knows_whether_tke_programs_the_service() {
    let unknown = Setting { has_tke: Known::Unknown, ..ALL };
    let verdict = verdict(&service(&[(names::DIRECT_ACCESS, "true")]), unknown, &[]);
    assert_eq!(verdict.outcome, Outcome::Nothing);
    let (is_true, reason, message) = told(&verdict);
    assert!(!is_true && reason == "SwitchesRefused" && message.contains(names::SWITCHES_NAME), "{reason}: {message}");
}

#[test]
fn what_the_user_did_not_write_holds_the_binding() {
    let own = made(&[]);
    let on = (names::DIRECT_ACCESS, "true");
    let tke = Setting { has_tke: Known::Yes, ..ALL };
    let off = Setting { acceptance: Acceptance::Off, ..ALL };
    let own_class = Setting { acceptance: Acceptance::OwnClass, ..ALL };
    let marked = service(&[on, (names::CLIENT_TOKEN, "abc")]);
    let finalized = Service { has_tke_finalizer: true, ..service(&[on]) };
    for (service, setting, words) in [
        (service(&[on]), off, "--annotated-services"),
        (service(&[on]), own_class, "--annotated-services"),
        (service(&[on]), tke, "mode to skip"),
        (marked, ALL, "mode to skip"),
        (finalized, ALL, "mode to skip"),
        (service(&[(names::DIRECT_ACCESS, "True")]), ALL, "\"True\" cannot be read"),
        (service(&[(names::DIRECT_ACCESS, "")]), ALL, "\"\" is empty"),
    ] {
        let verdict = verdict(&service, setting, &[&own]);
        assert_eq!(verdict.outcome, Outcome::Nothing, "{words}");
        let (is_true, reason, message) = told(&verdict);
        assert!(!is_true && reason == "Held" && message.contains(words), "{reason}: {message}");
    }
    let ours = Service { our_annotations: vec![names::DIRECT_ACCESS.to_owned()], ..service(&[on]) };
    assert_eq!(told(&verdict(&ours, ALL, &[&own])).1, "Held", "what this controller wrote is no removal");
    // Whether the user or the default had asked counts, too.
    let unsaid = service(&[]);
    for record in [Some(names::ASKED_BY_DEFAULT), None, Some("whoever")] {
        let mut own = own.clone();
        own.metadata.annotations =
            record.map(|record| BTreeMap::from([(names::ASKED_BY.to_owned(), record.to_owned())]));
        let verdict = verdict(&unsaid, ALL, &[&own]);
        assert_eq!(verdict.outcome, Outcome::Nothing, "{record:?}");
        assert_eq!(told(&verdict).1, "Held");
    }
}

#[test]
fn a_binding_made_by_hand_does_not_take_away_the_one_of_the_service() {
    let (own, other) = (made(&[]), binding(2, &json!({})));
    let verdict = verdict(&service(&[(names::DIRECT_ACCESS, "true")]), ALL, &[&own, &other]);
    assert_eq!(verdict.outcome, Outcome::Nothing);
    let (is_true, reason, message) = told(&verdict);
    assert!(!is_true && reason == "Held" && message.contains("'b2'"), "{reason}: {message}");
}

#[test]
fn a_user_who_ends_it_parks_a_load_balancer_that_was_created_and_gets_it_back() {
    let own = made(&[]);
    let cluster_ip = Service { is_load_balancer: false, ..service(&[(names::DIRECT_ACCESS, "true")]) };
    for (service, end) in [
        (service(&[(names::DIRECT_ACCESS, "false")]), "SaidFalse"),
        (service(&[]), "WordRemoved"),
        (cluster_ip, "NotLoadBalancer"),
    ] {
        let verdict = verdict(&service, ALL, &[&own]);
        let Outcome::Park { uid, mark, .. } = &verdict.outcome else { panic!("{verdict:?}") };
        assert_eq!((Some(uid), mark), (own.metadata.uid.as_ref(), &format!("{end} 1970-01-01T00:16:40Z")));
        let (is_true, reason, message) = told(&verdict);
        assert!(!is_true && reason == "Parked", "{reason}");
        for words in ["since 1970-01-01T00:16:40Z", "costs money", "kubectl -n shop delete directaccessbinding web"] {
            assert!(message.contains(words), "{message}");
        }
        let parked = park(own.clone(), mark);
        let again = super::tests::verdict(&service, ALL, &[&parked]);
        assert_eq!((&again.outcome, told(&again)), (&Outcome::Nothing, (is_true, reason, message)));
    }
    let parked = park(own.clone(), "SaidFalse");
    let back = verdict(&service(&[(names::DIRECT_ACCESS, "true")]), ALL, &[&parked]);
    let Outcome::Apply(application) = back.outcome else { panic!("{back:?}") };
    assert_eq!((&application.spec, &application.parked), (&own.spec, &own.metadata.uid));
    let odd = verdict(&service(&[(names::DIRECT_ACCESS, "on")]), ALL, &[&parked]);
    assert_eq!((odd.outcome.clone(), told(&odd).1.as_str()), (Outcome::Nothing, "Parked"));
    let by_default = verdict(&service(&[]), Setting { is_default: Known::Yes, ..ALL }, &[&parked]);
    assert_eq!(by_default.outcome, Outcome::Nothing, "only a word of the user brings it back");
}

#[test]
fn what_a_parked_binding_still_serves_is_said_from_its_status() {
    let service = service(&[(names::DIRECT_ACCESS, "false")]);
    for (status, words, absent) in [
        (None, "is to be parked since", "serves nothing"),
        (Some(json!({"left": {"targets": 0, "listeners": 0}})), "is parked since", "still"),
        (
            Some(json!({"left": {"targets": 2, "listeners": 1}, "removalsHeldBy": "ConfigMap"})),
            "2 targets and 1 listener still serve, because removals are held, and it costs money",
            "serves nothing",
        ),
    ] {
        let mut parked = park(made(&[]), "SaidFalse 1970-01-01T00:00:01Z");
        let before = readiness(&parked).parking;
        parked.status = status.map(|status| serde_json::from_value(status).unwrap());
        let (_, reason, message) = told(&verdict(&service, ALL, &[&parked]));
        assert!(reason == "Parked" && message.contains(words) && !message.contains(absent), "{reason}: {message}");
        assert_eq!(readiness(&parked).parking == before, parked.status.is_none(), "the Service is looked at");
    }
}

#[test]
fn one_that_is_retained_says_what_must_be_set_first() {
    let own = made(&[(names::LOAD_BALANCER_RETAIN, "true")]);
    let message = told(&verdict(&service(&[(names::DIRECT_ACCESS, "false")]), ALL, &[&own])).2;
    assert!(
        message.contains("patch directaccessbinding web --type=merge") && message.contains("and then"),
        "{message}"
    );
}

#[test]
fn what_is_not_paid_for_goes_when_the_user_ends_it_and_all_goes_with_the_service() {
    let existing = made(&[(names::EXISTING_LOAD_BALANCER_ID, "lb-1")]);
    let end = |verdict: &Verdict| match &verdict.outcome {
        Outcome::Delete { uid, proof } => Some((Some(uid.clone()) == existing.metadata.uid, proof.end())),
        _ => None,
    };
    let ended = verdict(&service(&[(names::DIRECT_ACCESS, "false")]), ALL, &[&existing]);
    assert_eq!((end(&ended), condition(&ended, None)), (Some((true, End::SaidFalse)), None));
    let deleted = Service { is_deleting: true, ..service(&[(names::DIRECT_ACCESS, "true")]) };
    assert_eq!(end(&verdict(&deleted, ALL, &[&made(&[])])), Some((true, End::ServiceDeleted)));
    let off = Setting { acceptance: Acceptance::Off, ..ALL };
    let ended = verdict(&service(&[(names::DIRECT_ACCESS, "false")]), off, &[&existing]);
    assert_eq!(end(&ended), Some((true, End::SaidFalse)), "the user's word counts under every flag");
}

#[test]
fn true_means_that_every_annotation_is_followed() {
    let own = made(&[]);
    let on = (names::DIRECT_ACCESS, "true");
    let good = verdict(&service(&[on]), ALL, &[&own]);
    assert_eq!((good.outcome.clone(), told(&good).1.as_str()), (Outcome::Nothing, "Accepted"));
    let odd = service(&[on, (names::GRACE_SHUTDOWN, "1")]);
    let verdict_of_odd = verdict(&odd, ALL, &[&own]);
    assert_eq!(verdict_of_odd.outcome, Outcome::Nothing);
    let (is_true, reason, message) = told(&verdict_of_odd);
    assert!(!is_true && reason == "InvalidAnnotation" && message.contains(names::GRACE_SHUTDOWN), "{message}");
    let other = binding(2, &json!({}));
    let (is_true, reason, message) = told(&verdict(&odd, ALL, &[&other]));
    assert!(!is_true && reason == "InvalidAnnotation" && message.contains("'b2'"), "{message}");
    let refused = condition(&good, Some("no")).unwrap();
    assert!(!refused.is_true && refused.reason == "NotTaken");
    // Its end is refused, by deletion or by parking.
    for own in [made(&[(names::EXISTING_LOAD_BALANCER_ID, "lb-1")]), own] {
        let ended = verdict(&service(&[(names::DIRECT_ACCESS, "false")]), ALL, &[&own]);
        assert!(matches!(ended.outcome, Outcome::Delete { .. } | Outcome::Park { .. }), "{ended:?}");
        let refused = condition(&ended, Some("no")).unwrap();
        assert_eq!((refused.is_true, &*refused.reason, &*refused.message), (false, "NotTaken", "no"));
    }
    let nothing = verdict(&service(&[(names::DIRECT_ACCESS, "yes")]), ALL, &[]);
    assert_eq!((nothing.outcome.clone(), told(&nothing).1.as_str()), (Outcome::Nothing, "InvalidAnnotation"));
    let off = Setting { acceptance: Acceptance::Off, ..ALL };
    assert_eq!(condition(&verdict(&service(&[(names::DIRECT_ACCESS, "yes")]), off, &[]), None), None);
}

#[test]
fn the_default_counts_for_services_that_are_seen_first_and_is_recorded() {
    let default = Setting { is_default: Known::Yes, ..ALL };
    let first = verdict(&service(&[]), default, &[]);
    let Outcome::Apply(application) = first.outcome else { panic!("{first:?}") };
    assert_eq!(application.origin, Origin::Default);
    // A word that is removed where the default says the same: the default goes on, and ends nothing later.
    let changed = verdict(&service(&[]), default, &[&made(&[])]);
    let Outcome::Apply(application) = changed.outcome else { panic!("{changed:?}") };
    assert_eq!(application.origin, Origin::Default);
}

#[test]
fn many_problems_make_a_condition_that_the_service_can_carry() {
    let long = "x".repeat(60);
    let mut odd = service(&[(names::DIRECT_ACCESS, "true")]);
    let read = KEYS.iter().filter(|key| key.treatment == Treatment::Applied);
    let read = read.filter(|key| ![names::DIRECT_ACCESS, names::MODE].contains(&key.name));
    odd.annotations.extend(read.map(|key| (key.name, long.as_str())));
    let verdict = verdict(&odd, ALL, &[]);
    let all =
        verdict.remarks.iter().map(|(_, words)| words.len()).sum::<usize>() + format!("{:?}", verdict.standing).len();
    assert!(all > MESSAGE_MAX, "{verdict:?}");
    let message = told(&verdict).2;
    assert_eq!(
        message.chars().count(),
        MESSAGE_MAX,
        "a longer one would be cut, differ, and be written again and again"
    );
}

/// A binding with these conditions, each as type, status, reason and message, since second 1,000.
fn with_conditions(rows: &[(&str, &str, &str, &str)]) -> DirectAccessBinding {
    let row = |(kind, status, reason, message): &(&str, &str, &str, &str)| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": at(1_000).to_string()})
    };
    let conditions: Vec<_> = rows.iter().map(row).collect();
    let mut own = made(&[]);
    own.status = Some(serde_json::from_value(json!({"conditions": conditions})).unwrap());
    own
}

#[test]
fn a_service_whose_binding_does_not_serve_it_says_so() {
    const CREATED: i64 = 1_700_000_001;
    let service = service(&[(names::DIRECT_ACCESS, "true")]);
    let unhealthy = ("Ready", "False", "Unhealthy", "1 of 3 Pods are healthy");
    let refused = ("Ready", "False", "Failed", "BatchRegisterTargets failed: no such address");
    let missing = ("Ready", "False", "ConfigNotFound", "TkeServiceConfig 'shop' does not exist");
    let stalled = ("Stalled", "True", "ConfigNotFound", "TkeServiceConfig 'shop' does not exist");
    for (conditions, second, is_true, words, look_at) in [
        (vec![], 2_000, true, "followed", Some(CREATED + 60)),
        (vec![], CREATED + 60, false, "'web' has no condition Ready", None),
        (vec![("Ready", "True", "Ready", "")], 2_000, true, "followed", None),
        (vec![unhealthy], 1_059, true, "followed", Some(1_060)),
        (
            vec![unhealthy],
            1_060,
            false,
            "'web' is not ready, Unhealthy: The cloud reports targets as unhealthy. Check that",
            None,
        ),
        (vec![refused], 1_060, false, "Failed: BatchRegisterTargets failed: no such address", None),
        (vec![missing, stalled], 1_001, false, "TkeServiceConfig 'shop' does not exist", None),
    ] {
        let own = with_conditions(&conditions);
        let found = decide(&service, &read(&service, ALL, Some(&own)), &[&own], at(second));
        let (is, reason, message) = told(&found);
        assert!(is == is_true && message.contains(words), "{conditions:?}: {reason} {message}");
        assert_eq!(reason == "NotReady", !is_true);
        assert_eq!(found.look_at, look_at.map(at), "{conditions:?}");
    }
}

#[test]
fn a_service_follows_a_binding_that_somebody_has_made_too() {
    let service = service(&[(names::DIRECT_ACCESS, "true")]);
    let conditions = json!({"conditions": [{"type": "Ready", "status": "False", "reason": "Unhealthy", "message": "",
        "lastTransitionTime": at(1_000).to_string()}]});
    let mut other = (*binding(2, &json!({}))).clone();
    other.status = Some(serde_json::from_value(conditions).unwrap());
    for (second, is_true, words, look_at) in
        [(1_059, true, "its spec counts", Some(at(1_060))), (1_060, false, "'b2' is not ready, Unhealthy", None)]
    {
        let found = decide(&service, &read(&service, ALL, None), &[&other], at(second));
        let (is, _, message) = told(&found);
        assert!(is == is_true && message.contains(words) && found.look_at == look_at, "{message}");
    }
}

#[test]
fn each_thing_that_is_not_followed_is_news_once_and_again_when_its_words_change() {
    let own = made(&[]);
    let on = (names::DIRECT_ACCESS, "true");
    let mut told: Option<ServiceCondition> = None;
    let mut news_of = |annotations: &[(&str, &str)]| {
        let verdict = verdict(&service(annotations), ALL, &[&own]);
        let fresh: Vec<_> =
            news(&verdict, told.as_ref()).iter().map(|(word, words)| format!("{} {words}", word.reason())).collect();
        told = condition(&verdict, None);
        fresh
    };
    let (grace, loopback) = ((names::GRACE_SHUTDOWN, "1"), (names::PREVENT_LOOPBACK, "true"));
    let first = news_of(&[on, grace]);
    assert!(first.len() == 1 && first[0].starts_with("InvalidAnnotation annotation service.cloud"), "{first:?}");
    assert_eq!(news_of(&[on, grace]), [""; 0], "it is known");
    let more = news_of(&[on, grace, loopback]);
    assert!(more.len() == 1 && more[0].starts_with("NotSupported ") && more[0].contains("sourceIpType"), "{more:?}");
    let other = news_of(&[on, (names::GRACE_SHUTDOWN, "2"), loopback]);
    assert!(other.len() == 1 && other[0].contains("\"2\""), "{other:?}");
    assert_eq!(news_of(&[on]), [""; 0], "good news is none");
    assert_eq!(news_of(&[on, loopback]).len(), 1, "it is there again");
}

#[test]
fn what_is_understood_and_has_no_effect_is_said_with_what_to_use_instead() {
    let own = made(&[]);
    let on = (names::DIRECT_ACCESS, "true");
    let field = crate::model::KeyProblem::new("spec.loadBalancerIP", "\"192.0.2.7\" has no effect");
    let chosen = Service { field_problems: vec![field], ..service(&[on]) };
    for (service, words) in [
        (chosen, "spec.loadBalancerIP: \"192.0.2.7\" has no effect"),
        (service(&[on, (names::CUSTOM_WEIGHT, "50")]), "write it into the Pod template"),
        (service(&[on, ("service.cloud.tencent.com/colour", "red")]), "/colour: the key is not known"),
        (service(&[on, ("ingress.cloud.tencent.com/rewrite-support", "true")]), "annotation of Ingresses"),
        (service(&[on, (names::PREVENT_LOOPBACK, "true")]), "set healthCheck.sourceIpType to 1"),
    ] {
        let (is_true, reason, message) = told(&verdict(&service, ALL, &[&own]));
        assert!(!is_true && reason == "NotSupported" && message.contains(words), "{reason}: {message}");
    }
    // A right key counts, and its twin is named.
    let twin = service(&[on, ("service.cloud.tencent.com/direct-acess", "true")]);
    let (is_true, reason, message) = told(&verdict(&twin, ALL, &[&own]));
    assert!(
        !is_true && reason == "InvalidAnnotation" && message.contains("direct-acess: the key is not known"),
        "{message}"
    );
    assert!(message.contains("remove this one"), "{message}");
}

#[test]
fn a_service_of_another_type_that_asks_is_told_why_it_gets_nothing() {
    let asking = |is_headless| {
        let service = service(&[(names::DIRECT_ACCESS, "true")]);
        Service { is_load_balancer: false, is_headless, ..service }
    };
    for (is_headless, words) in [(true, "it is headless; make a Service"), (false, "it is none; change its type")] {
        let (is_true, reason, message) = told(&verdict(&asking(is_headless), ALL, &[]));
        assert!(!is_true && reason == "NotLoadBalancer" && message.contains(words), "{message}");
        let other = binding(2, &json!({}));
        assert_eq!(condition(&verdict(&asking(is_headless), ALL, &[&other]), None), None, "it has a binding");
        for setting in [Setting { has_tke: Known::Yes, ..ALL }, Setting { acceptance: Acceptance::Off, ..ALL }] {
            assert_eq!(condition(&verdict(&asking(is_headless), setting, &[]), None), None, "others may follow it");
        }
    }
}

#[test]
fn a_service_that_asks_where_no_flag_takes_it_is_told_once() {
    let asking = service(&[(names::DIRECT_ACCESS, "true")]);
    let off = Setting { acceptance: Acceptance::Off, ..ALL };
    let found = verdict(&asking, off, &[]);
    assert_eq!(condition(&found, None), None, "its status stays as it is");
    assert!(found.notice.unwrap().contains("--annotated-services=Off; start it with --annotated-services=All"));
    let own_class = verdict(&asking, Setting { acceptance: Acceptance::OwnClass, ..ALL }, &[]);
    assert!(own_class.notice.unwrap().contains("spec.loadBalancerClass"));
    let other = binding(2, &json!({}));
    let of_tke = Setting { has_tke: Known::Yes, ..off };
    let unknown = Setting { has_tke: Known::Unknown, ..off };
    assert_eq!(verdict(&asking, off, &[&other]).notice, None, "it has a binding");
    assert_eq!(verdict(&asking, of_tke, &[]).notice, None, "TKE follows it");
    assert_eq!(verdict(&asking, unknown, &[]).notice, None, "TKE may follow it");
    assert_eq!(verdict(&service(&[(names::DIRECT_ACCESS, "yes")]), off, &[]).notice, None, "it does not plainly ask");
    assert_eq!(verdict(&service(&[]), off, &[]).notice, None);
    let of_class = Service { load_balancer_class: Some("example.com/other".to_owned()), ..asking };
    assert_eq!(verdict(&of_class, off, &[]).notice, None, "it is another controller's");
}
