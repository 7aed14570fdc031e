//! What is refused is tried again, and told.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn refused(field: Field, code: Option<u16>, seconds: &[i64]) -> RefusedWrites {
    let mut writes = RefusedWrites::default();
    for second in seconds {
        writes.refused(field, "Service 'web'", RefusalKind::of(code), "not allowed.", at(*second));
    }
    writes
}

#[test]
fn what_lasts_is_told_at_once_and_what_may_pass_after_a_while() {
    for (code, at_once) in [
        (Some(400), true),
        (Some(403), true),
        (Some(413), true),
        (Some(422), true),
        (Some(404), false),
        (Some(409), false),
        (Some(429), false),
        (Some(500), false),
        (Some(504), false),
        (None, false),
    ] {
        let writes = refused(Field::Annotations, code, &[0, 29, 30]);
        assert_eq!(writes.sentence(at(0)).is_some(), at_once, "{code:?}");
        assert_eq!(writes.sentence(at(29)).is_some(), at_once, "{code:?}");
        let found = writes.sentence(at(30)).unwrap();
        let expected =
            "the annotations of Service 'web' cannot be written: not allowed; allow the controller to write it, ";
        assert!(found.starts_with(expected), "{code:?}: {found}");
    }
}

#[test]
fn attempts_get_rarer_and_what_has_changed_is_tried_at_once() {
    let due = |code, seconds: &[i64], now| refused(Field::Ingress, code, seconds).is_due(&Field::Ingress, at(now));
    for (code, tried, now, expected) in [
        (Some(403), &[0][..], 1, false),
        (Some(403), &[0], 2, true),
        (Some(403), &[0, 20], 29, false),
        (Some(403), &[0, 20], 30, true),
        (Some(403), &[0, 9_000], 9_029, false),
        (Some(403), &[0, 9_000], 9_030, true),
        (None, &[0], 1, false),
        (Some(409), &[0], 0, true),
        (Some(409), &[0, 1], 2, false),
        (Some(409), &[0, 1], 3, true),
        (Some(403), &[0], -300, true),
    ] {
        assert_eq!(due(code, tried, now), expected, "{code:?} tried at {tried:?}, now {now}");
    }
    let mut writes = refused(Field::Ingress, Some(403), &[0]);
    assert_eq!(writes.wait_of_rounds(at(1)), Some(SignedDuration::from_secs(1)));
    assert_eq!(refused(Field::Config, Some(403), &[0]).wait_of_rounds(at(1)), None, "others write it");
    assert_eq!(refused(Field::Ingress, Some(409), &[0]).wait_of_rounds(at(1)), None, "a change asks for it");
    let outdated = refused(Field::Config, Some(409), &[0]);
    assert_eq!(outdated.wait(at(1)), Some(SignedDuration::from_secs(29)), "or nothing does");
    writes.taken(&Field::Ingress);
    assert!(writes.is_empty() && writes.wait(at(1)).is_none() && writes.is_due(&Field::Ingress, at(1)));
}

#[test]
fn an_event_tells_a_refusal_once_and_again_when_it_has_ended_in_between() {
    let mut writes = refused(Field::Ingress, Some(403), &[0]);
    let news = writes.news(at(0));
    assert_eq!(news.len(), 1);
    assert!(news[0].field == Field::Ingress && news[0].note.contains("not allowed"), "{news:?}");
    writes.refused(Field::Ingress, "Service 'web'", RefusalKind::Lasting, "in other words", at(2));
    assert_eq!(writes.news(at(2)), []);
    assert_eq!(writes.news(at(1_800)).len(), 1, "Events are forgotten");
    writes.taken(&Field::Ingress);
    writes.refused(Field::Ingress, "Service 'web'", RefusalKind::Lasting, "again", at(1_801));
    writes.refused(Field::Gate, "2 Pods", RefusalKind::Lasting, "no", at(1_801));
    writes.refused(Field::Finalizer, "DirectAccessBinding 'web'", RefusalKind::Lasting, "no", at(1_801));
    let told: Vec<_> = writes.news(at(1_801)).iter().map(|news| (news.field, news.field.reason())).collect();
    let expected = [
        (Field::Gate, Reason::GateNotWritten),
        (Field::Finalizer, Reason::NotWritten),
        (Field::Ingress, Reason::NotWritten),
    ];
    assert_eq!(told, expected);
}

#[test]
fn every_field_has_a_sentence_where_it_can_be_read() {
    for field in Field::ALL {
        let writes = refused(field, Some(403), &[0]);
        let elsewhere = matches!(field, Field::Gate | Field::Status);
        assert_eq!(writes.sentence(at(0)).is_none(), elsewhere, "{field:?}");
        assert_eq!(writes.sentence_of_service(at(0)).is_none(), field == Field::ServiceCondition, "{field:?}");
        assert_eq!(writes.clone().news(at(0)).len(), 1, "{field:?}");
        let actions = Field::ALL.iter().filter(|other| other.action() == field.action()).count();
        assert_eq!(actions, 1, "{field:?}: Events of one action are counted together");
    }
    let mut writes = RefusedWrites::default();
    for field in Field::ALL {
        writes.refused(field, "it", RefusalKind::Lasting, &"x".repeat(10_000), at(0));
    }
    let all = writes.sentence(at(0)).unwrap();
    assert!(all.contains("and 6 other writes are refused; allow the controller"), "{all}");
    assert!(all.len() < 1_500, "{}", all.len());
}

#[test]
fn a_binding_that_is_held_back_keeps_what_is_known_and_says_why_it_waits() {
    let binding = |conditions: Vec<Condition>| {
        let mut binding = DirectAccessBinding::new(
            "web",
            serde_json::from_str(r#"{"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}}"#).unwrap(),
        );
        binding.status = Some(DirectAccessBindingStatus { conditions, observed_generation: 3, ..Default::default() });
        binding
    };
    let writes = refused(Field::Finalizer, Some(422), &[0]);
    let first = held_back_status(&binding(Vec::new()), &writes, at(0)).unwrap();
    let told: Vec<_> = first.conditions.iter().map(|one| (&*one.type_, &*one.status, &*one.reason)).collect();
    let expected = [("Programmed", "False"), ("Ready", "False"), ("Stalled", "True")];
    assert_eq!(told, expected.map(|(kind, status)| (kind, status, "NotWritten")));
    let again = held_back_status(&binding(first.conditions.clone()), &writes, at(9)).unwrap();
    assert_eq!(again, DirectAccessBindingStatus { observed_generation: 3, ..first }, "nothing flips");
    assert_eq!(held_back_status(&binding(Vec::new()), &RefusedWrites::default(), at(0)), None);
    let passing = refused(Field::Finalizer, None, &[0]);
    assert_eq!(held_back_status(&binding(Vec::new()), &passing, at(0)), None);
}
