use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;

/// A step in the life of a Service: its annotation, the setting, whether a binding made by hand is there, and what is to be done and said.
type Step = (&'static str, Setting, Option<&'static DirectAccessBinding>, &'static str, &'static str);

#[test]
fn a_binding_made_by_hand_that_is_deleted_leaves_no_load_balancer_to_pay() {
    let leak = |binding: DirectAccessBinding| -> &'static DirectAccessBinding { Box::leak(Box::new(binding)) };
    let (mut going, mut ill) =
        ((*binding(2, &json!({}))).clone(), with_conditions(&[("Ready", "False", "Denied", "")]));
    going.metadata.deletion_timestamp = Some(Time(at(900)));
    (ill.metadata.owner_references, ill.metadata.name) = (None, Some("b2".to_owned()));
    ill.status.as_mut().unwrap().conditions[0].last_transition_time.0 = at(0);
    let (there, going, ill) = (leak((*binding(2, &json!({}))).clone()), leak(going), leak(ill));
    let (off, default) = (Setting { acceptance: Acceptance::Off, ..ALL }, Setting { is_default: Known::Yes, ..ALL });
    let tke = Setting { has_tke: Known::Yes, ..ALL };
    let stories: [&[Step]; 4] = [
        &[
            ("true", ALL, Some(there), "Nothing", "BoundByOther"),
            ("true", ALL, Some(ill), "Nothing", "NotReady"),
            ("true", ALL, None, "Nothing", "BindingDeleted"),
            ("True", ALL, None, "Nothing", "InvalidAnnotation"),
            ("true", off, None, "Nothing", ""),
            ("true", tke, None, "Nothing", "ManagedByTke"),
            ("true", ALL, None, "Nothing", "BindingDeleted"),
            ("true", ALL, Some(there), "Nothing", "BoundByOther"),
            ("true", ALL, Some(going), "Nothing", "BindingDeleted"),
            ("true", ALL, None, "Nothing", "BindingDeleted"),
            ("false", ALL, None, "Nothing", ""),
            ("true", ALL, None, "Apply", "Accepted"),
        ],
        // It is seen for the first time when it goes.
        &[("true", ALL, Some(going), "Nothing", "BindingDeleted"), ("true", ALL, None, "Nothing", "BindingDeleted")],
        // The default asks.
        &[("", default, Some(there), "Nothing", "BoundByOther"), ("", default, None, "Nothing", "BindingDeleted")],
        // Nobody listened when it was there, and its user turns to the annotations.
        &[("true", off, Some(there), "Nothing", ""), ("true", ALL, None, "Apply", "Accepted")],
    ];
    for story in stories {
        let mut recorded = None;
        for (place, (word, setting, other, outcome, reason)) in story.iter().enumerate() {
            let annotations = [(names::DIRECT_ACCESS, *word)];
            let said = if word.is_empty() { &[][..] } else { &annotations[..] };
            let service = Service { bound_by_hand: recorded, ..service(said) };
            let found = verdict(&service, *setting, other.as_slice());
            let done = format!("{:?}", found.outcome);
            assert!(done.starts_with(outcome), "{place}: {done}");
            assert_eq!(condition(&found, None).map(|one| one.reason).unwrap_or_default(), *reason, "{place}");
            recorded = found.bound_by_hand;
        }
    }
    // One that is there already costs nothing more.
    let gone = verdict(&service(&[(names::DIRECT_ACCESS, "true")]), ALL, &[there]).bound_by_hand;
    let existing = service(&[(names::DIRECT_ACCESS, "true"), (names::EXISTING_LOAD_BALANCER_ID, "lb-1")]);
    let found = verdict(&Service { bound_by_hand: gone, ..existing }, ALL, &[]);
    assert!(matches!(found.outcome, Outcome::Apply(_)), "{found:?}");
}
