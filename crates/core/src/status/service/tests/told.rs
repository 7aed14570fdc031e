use super::*;

/// The Events about a Service whose binding looks like each of these, one after the other.
fn told_of(service: &Service, bindings: &[DirectAccessBinding], second: i64) -> Vec<EventWord> {
    let (mut said, mut all) = (None, Vec::new());
    for own in bindings {
        let found = decide(service, &read(service, ALL, Some(own)), &[own], at(second));
        all.extend(news(&found, said.as_ref()).iter().map(|(word, _)| *word));
        said = condition(&found, None);
    }
    all
}

#[test]
fn a_load_balancer_that_is_parked_is_told_of_once_however_it_empties() {
    let left = |targets, listeners| {
        let mut parked = park(made(&[]), "SaidFalse 1970-01-01T00:00:01Z");
        let left = json!({"left": {"targets": targets, "listeners": listeners}});
        parked.status = Some(serde_json::from_value(left).unwrap());
        parked
    };
    let story = [made(&[]), park(made(&[]), "SaidFalse 1970-01-01T00:00:01Z"), left(2, 1), left(0, 1), left(0, 0)];
    let told = told_of(&service(&[(names::DIRECT_ACCESS, "false")]), &story, 1_000);
    assert_eq!(told, [EventWord::Service(ServiceReason::Parked)]);
}

#[test]
fn what_is_told_of_a_binding_that_is_not_ready_is_of_the_type_of_its_reason() {
    let service = service(&[(names::DIRECT_ACCESS, "true")]);
    for &reason in Reason::ALL.iter().filter(|reason| **reason != Reason::Ready) {
        let row = |kind: &str, status: &str, words: &str| {
            let whole = [(kind, status, reason.as_str(), words), ("Stalled", "True", reason.as_str(), words)];
            with_conditions(&whole[..if kind == "Stalled" { 2 } else { 1 }])
        };
        let moving = row("Ready", "False", "2 of 3");
        assert_eq!(told_of(&service, &[moving], 2_000), [EventWord::NotReady(reason, None)]);
        assert_eq!(EventWord::NotReady(reason, None).severity(), reason.severity());
        let stuck = |words| {
            let mut found = row("Stalled", "True", words);
            found.status.as_mut().unwrap().conditions[0].type_ = "Ready".to_owned();
            found.status.as_mut().unwrap().conditions[0].status = "False".to_owned();
            found
        };
        let told = told_of(&service, &[stuck("1 of 3"), stuck("2 of 3")], 2_000);
        let expected = EventWord::NotReady(reason, Some(Motion::Stuck));
        assert_eq!((told.as_slice(), expected.severity().as_str()), (&[expected][..], "Warning"), "it counts its Pods");
    }
}
