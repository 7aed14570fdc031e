//! The misfortune matrix, part *words*, second column: what stands in an annotation and is not followed is said where its user looks.

use super::misfortune::{ABSENT, GARBAGE, MISSPELT, ROWS, Told, WITH_NEWLINE, WRONG_CASE, with};
use super::*;
use crate::api::event::{EventWord, ServiceReason};
use crate::model::ServiceCondition;
use crate::status::service::{condition, decide, news};

/// The condition of a Service, and what Events say of it.
fn told(service: &Service, own: Option<&DirectAccessBinding>) -> (ServiceCondition, Vec<(EventWord, String)>) {
    let verdict = decide(service, &read(service, ALL, own), own.as_slice(), jiff::Timestamp::UNIX_EPOCH);
    let events = news(&verdict, None).into_iter().map(|(word, words)| (word, words.to_owned())).collect();
    (condition(&verdict, None).unwrap(), events)
}

/// The binding of a Service, which says that it owns it.
fn own_of(service: &Service) -> DirectAccessBinding {
    let mut own = owned(service);
    own.metadata.name = Some("web".to_owned());
    own.metadata.owner_references = Some(vec![
        serde_json::from_value(
            json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": service.uid, "controller": true}),
        )
        .unwrap(),
    ]);
    own
}

/// How the key begins that is to be named: that of the annotation, or the one that it was misspelt as.
fn head(key: &str) -> String {
    key[..key.len() - 1].to_ascii_lowercase()
}

#[test]
fn misfortune_words_in_annotations_are_said_where_their_user_looks() {
    let mut cells = 0;
    for (key, valid, legitimate, expected) in ROWS {
        let sound = asking(&[(key, valid)]);
        let sound = if *key == names::RS_WEIGHT { sound } else { without_stray(sound, key) };
        let own = own_of(&without(&sound, key, valid, *expected));
        for garbage in GARBAGE {
            if *garbage == WRONG_CASE && key.ends_with(|c: char| c.is_ascii_digit()) {
                continue;
            }
            let is_misspelt = [MISSPELT, WRONG_CASE].contains(garbage);
            let is_silent = match expected {
                Told::Invalid | Told::Held => [ABSENT, WITH_NEWLINE].contains(garbage) || legitimate.contains(garbage),
                Told::NotSupported(usual) => {
                    *garbage == ABSENT || usual.contains(if *garbage == WITH_NEWLINE { valid } else { garbage })
                }
                Told::Nothing => !is_misspelt,
            };
            // What was said of creation, and is not any more, cannot be followed either.
            let is_withdrawn = *garbage == ABSENT || *garbage == "{}";
            let spoilt = with(&sound, key, valid, garbage);
            let cell = format!("{key}: {garbage}");
            cells += 1;
            if is_silent {
                let (said, _) = told(&spoilt, Some(&own));
                let is_unsaid = !said.message.to_ascii_lowercase().contains(&head(key));
                assert!(is_unsaid || is_withdrawn || *expected == Told::Held, "{cell}: {said:?}");
                continue;
            }
            check(&spoilt, &own, key, *expected, is_misspelt, &cell);
        }
    }
    crate::plan::tests::report(&format!("words that are reported: {cells} cells"));
}

/// A Service whose binding can be made: not with what is never followed, which changes nothing.
fn without(sound: &Service, key: &str, valid: &str, expected: Told) -> Service {
    match expected {
        Told::Invalid | Told::Held => with(sound, key, valid, valid),
        Told::NotSupported(_) | Told::Nothing => with(sound, key, valid, ABSENT),
    }
}

/// What a value needs beside it.
fn without_stray(mut service: Service, key: &str) -> Service {
    if key == names::SPECIFY_PROTOCOL {
        let port = |port| ServicePort {
            name: format!("p{port}"),
            transport: Transport::Tcp,
            port,
            target_port: TargetPort::Number(port),
        };
        service.ports = vec![port(80), port(443), port(8443)];
    }
    service
}

/// One cell: what is said of a Service that has a binding, in the status of that, and of a Service that has none.
fn check(spoilt: &Service, own: &DirectAccessBinding, key: &str, expected: Told, is_misspelt: bool, cell: &str) {
    let reason = match expected {
        Told::Invalid => ServiceReason::InvalidAnnotation,
        Told::Held => ServiceReason::Held,
        Told::NotSupported(_) | Told::Nothing => ServiceReason::NotSupported,
    };
    let of_new = if expected == Told::Held { ServiceReason::InvalidAnnotation } else { reason };
    // TKE documents an empty list of security groups as none, which is what a new one has.
    let is_none = key == names::SECURITY_GROUPS && ["", " "].iter().any(|none| spoilt.annotations.is(key, none));
    for (own, reason) in [(Some(own), reason), (None, of_new)].into_iter().take(if is_none { 1 } else { 2 }) {
        let (said, events) = told(spoilt, own);
        let names = |words: &str| words.to_ascii_lowercase().contains(&head(key));
        assert!(!said.is_true && said.reason == reason.as_str() && names(&said.message), "{cell}: {said:?}");
        let of_key = |(told, words): &&(EventWord, String)| {
            names(words) && [reason, ServiceReason::InvalidAnnotation].map(EventWord::Service).contains(told)
        };
        assert_eq!(events.iter().filter(of_key).count().min(1), 1, "{cell}: {events:?}");
    }
    if expected != Told::Held {
        let notes: Vec<_> = advice(spoilt, own).into_iter().map(|one| one.message).collect();
        let is_noted = notes.iter().any(|note| note.to_ascii_lowercase().contains(&head(key)));
        assert!(is_noted, "{cell} (misspelt: {is_misspelt}): {notes:?}");
    }
}
