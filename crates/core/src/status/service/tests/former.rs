use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;

/// A Service of the same name was made after its deletion, and asks for a load balancer of its own or for one that is there.
#[test]
fn a_service_waits_for_the_binding_of_a_former_one_of_its_name_and_then_gets_its_own() {
    const ON: (&str, &str) = (names::DIRECT_ACCESS, "true");
    let on: [&[(&str, &str)]; 2] = [&[ON], &[ON, (names::EXISTING_LOAD_BALANCER_ID, "lb-1")]];
    let rows = [
        (100, 160, "was made for a former Service of this name", "there is nothing to do"),
        (100, 100, "with another UID, as one from a backup", "condition Ready"),
        (160, 100, "with another UID, as one from a backup", "condition Ready"),
    ];
    for (annotations, (made_at, created, whose, then)) in on.iter().flat_map(|on| rows.map(|row| (on, row))) {
        let mut former = made(&annotations[1..]);
        former.metadata.creation_timestamp = Some(Time(at(made_at)));
        let load_balancer = serde_json::json!({"id": "lb-1", "region": "r"});
        former.status = serde_json::from_value(serde_json::json!({"loadBalancer": load_balancer})).unwrap();
        let mut service = Service { created: Some(at(created)), ..service(annotations) };
        "another".clone_into(&mut service.uid);
        let mut going = former.clone();
        going.metadata.deletion_timestamp = Some(Time(at(170)));
        for former in [&former, &going] {
            let found = verdict(&service, ALL, &[former]);
            let (is_true, reason, message) = told(&found);
            assert_eq!((&found.outcome, is_true, &*reason), (&Outcome::Nothing, false, "FormerBinding"), "{message}");
            assert!(message.contains("'web'") && message.contains(whose) && message.contains(then), "{message}");
            assert_eq!(found.bound_by_hand, None, "nobody has made it by hand");
        }
        let found = verdict(&service, ALL, &[]);
        assert!(matches!(found.outcome, Outcome::Apply(_)), "{found:?}");
    }
    // Whose owner somebody has taken off, or that has another name than the Service, was made by hand.
    for (name, has_owner, reason) in [("web", false, "BoundByOther"), ("b2", true, "BoundByOther")] {
        let mut other = made(&[]);
        other.metadata.name = Some(name.to_owned());
        other.metadata.owner_references = other.metadata.owner_references.filter(|_| has_owner);
        let service = Service { uid: "another".to_owned(), created: Some(at(160)), ..service(&[ON]) };
        assert_eq!(told(&verdict(&service, ALL, &[&other])).1, reason, "{name}");
    }
}
