use serde_json::json;

use super::*;
use crate::plan::tests::world::{World, pod};

const SAMPLE: &str = r#"{"defaultWeight":20,"groups":[
    {"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"web","weights":[
        {"weight":0,"podIndexes":[0]},{"weight":50,"podIndexes":[1,2]}]}]},
    {"key":{"proto":"UDP","port":80},"statefulSets":[{"name":"web","weights":[{"weight":99,"podIndexes":[3]}]}]}]}"#;

fn service(annotation: &str) -> Service {
    let mut service = World::new(&serde_json::json!({})).service.unwrap();
    service.annotations.insert(names::RS_WEIGHT.to_owned(), annotation.to_owned());
    service
}

fn member(number: u32) -> Pod {
    let mut pod = pod(number);
    pod.labels.insert(POD_NAME_LABEL.to_owned(), pod.key.name.clone());
    pod
}

fn custom(mut pod: Pod, weight: &str) -> Pod {
    pod.annotations.insert(names::CUSTOM_WEIGHT.to_owned(), weight.to_owned());
    pod
}

/// The weight of a Pod, or for how much it counts while new.
fn of(service: &Service, is_explicit: bool, pod: &Pod) -> Result<Weight, Option<Weight>> {
    match Weights::new(service, &service.ports[0], 10, is_explicit).of(pod) {
        PodWeight::Known(weight) => Ok(weight),
        PodWeight::Unreadable { newcomer, .. } => Err(newcomer),
        PodWeight::Unsaid { newcomer } => Err(Some(newcomer)),
    }
}

fn advice<'a>(service: &Service, pods: impl Iterator<Item = &'a Pod>) -> Vec<Advice> {
    service_advice(service).into_iter().chain(pod_advice(pods)).collect()
}

/// An annotation with these rows for `web` on port 80.
fn rows(rows: &str) -> Service {
    service(&format!(
        r#"{{"groups":[{{"key":{{"proto":"TCP","port":80}},"statefulSets":[{{"name":"web","weights":[{rows}]}}]}}]}}"#
    ))
}

#[test]
fn the_pod_comes_before_its_ordinal_and_that_before_the_listener() {
    let service = service(SAMPLE);
    for (pod, expected) in [
        (member(0), 0),
        (member(2), 50),
        (member(3), 10),
        (pod(2), 10),
        (custom(member(2), "7"), 7),
        (custom(member(0), "0"), 0),
        (custom(pod(9), " 100 "), 100),
    ] {
        assert_eq!(of(&service, true, &pod), Ok(expected), "{} {:?}", pod.key.name, pod.annotations);
    }
    assert_eq!(of(&service, false, &pod(9)), Ok(20), "the Service's default");
}

#[test]
fn a_weight_of_a_pods_own_that_cannot_be_read_is_held() {
    for odd in ["101", "heavy", "-1", "", "1.5"] {
        assert_eq!(of(&service(SAMPLE), true, &custom(member(0), odd)), Err(None), "{odd}");
    }
    assert!(pod_advice([member(1), custom(pod(2), "5")].iter()).is_empty());
    let told = pod_advice([custom(pod(3), "yes"), custom(pod(2), "200"), pod(1)].iter());
    assert_eq!(told.len(), 1);
    assert!(
        told[0].message.contains("'web-2'") && told[0].message.contains("\"200\"") && told[0].count == 2,
        "{told:?}"
    );
}

#[test]
fn a_row_that_cannot_be_read_holds_the_pods_that_it_may_be_about_and_no_others() {
    let zero = r#"{"weight":0,"podIndexes":[0]}"#;
    for (bad, of_one, path) in [
        (r#"{"weight":150,"podIndexes":[1]}"#, Err(None), "weights[1]: 150 is no weight from 0 to 100"),
        (r#"{"weight":"5","podIndexes":[1]}"#, Err(None), "weights[1]"),
        (r#"{"weight":150,"podIndexes":[7]}"#, Ok(10), "weights[1]"),
        (r#"{"weight":5,"podIndex":[1]}"#, Err(None), "weights[1].podIndexes"),
        ("7", Err(None), "weights[1]"),
    ] {
        let service = rows(&format!("{zero},{bad}"));
        assert_eq!(of(&service, false, &member(0)), Ok(0), "{bad}: its own row is readable");
        assert_eq!(of(&service, false, &member(1)), of_one, "{bad}");
        assert_eq!(of(&service, false, &pod(1)), Ok(10), "{bad}: no Pod of a StatefulSet");
        let problems = service_problems(&service);
        let words = format!("groups[0].statefulSets[0].{path}");
        assert!(problems.len() == 1 && problems[0].message.starts_with(&words), "{problems:?}");
    }
}

#[test]
fn a_group_of_an_unknown_port_or_of_one_that_is_not_there_may_be_about_any() {
    let other = |key: &str| service(&format!(r#"{{"groups":[{{"key":{key},"statefulSets":[7]}}]}}"#));
    assert_eq!(of(&other(r#"{"proto":"TCP"}"#), false, &member(0)), Err(None));
    assert_eq!(of(&other(r#"{"proto":"TCP","port":81}"#), false, &member(0)), Err(None));
    assert_eq!(of(&other(r#"{"proto":"TCP","port":80}"#), false, &member(0)), Err(None));
}

#[test]
fn a_text_that_cannot_be_read_holds_all_and_says_so() {
    for odd in ["heavy", "[]", "null", "7", "", "{\"groups\":[1,]}", &"x".repeat(20_000), r#"{"group":[]}"#] {
        let service = service(odd);
        assert_eq!(of(&service, true, &member(0)), Err(None), "{odd}");
        assert_eq!(of(&service, true, &pod(1)), Ok(10), "{odd}: the listener says it");
        assert_eq!(of(&service, true, &custom(member(0), "3")), Ok(3), "{odd}");
        let told = advice(&service, std::iter::empty());
        assert!(told[0].message.contains("lb-rs-weight") && told[0].message.contains("'web'"), "{told:?}");
    }
    assert_eq!(of(&service("heavy"), false, &pod(1)), Err(Some(10)), "a default may have been said");
    assert_eq!(of(&service(r#"{"defaultWeight":101}"#), false, &member(1)), Err(Some(10)));
    assert_eq!(of(&service("{}"), false, &member(1)), Ok(10));
}

#[test]
fn a_group_of_a_port_that_is_not_there_holds_the_pods_that_it_names_and_no_others() {
    let group = |proto: &str, port: u16| {
        let sets = json!([{"name": "web", "weights": [{"weight": 0, "podIndexes": [0]}]}]);
        json!({"key": {"proto": proto, "port": port}, "statefulSets": sets})
    };
    for stray in [group("TCP", 8080), group("UDP", 80)] {
        let alone = service(&json!({"groups": [stray]}).to_string());
        assert!(of(&alone, true, &member(0)).is_err(), "{stray}");
        assert!(of(&alone, true, &member(1)).is_ok(), "{stray}");
        let beside = service(&json!({"groups": [group("TCP", 80), stray]}).to_string());
        assert_eq!(of(&beside, true, &member(0)), Ok(0), "a group of the port counts: {stray}");
    }
}

#[test]
fn a_misspelt_list_holds_what_it_may_be_about() {
    for text in [
        r#"{"groups":[{"key":{"proto":"TCP","port":80},"statefulsets":[{"name":"web","weights":[]}]}]}"#,
        r#"{"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"web","weight":1}]}]}"#,
        r#"{"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"web","Weights":[]}]}]}"#,
    ] {
        let service = service(text);
        assert!(of(&service, true, &member(0)).is_err(), "{text}");
        assert_eq!(service_problems(&service).len(), 1, "{text}");
    }
}

#[test]
fn what_has_no_effect_is_named_and_holds_nothing() {
    for (text, words) in [
        (SAMPLE, "the Service has no UDP port 80"),
        (r#"{"groups":[{"key":{"proto":"TCP","port":80,"name":"x"},"statefulSets":[]}]}"#, "groups[0].key.\"name\""),
        (
            r#"{"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"web","weights":[],"x":1}]}]}"#,
            "statefulSets[0].\"x\"",
        ),
    ] {
        let service = service(text);
        let (problems, idle) = (service_problems(&service), service_idle(&service));
        assert!(problems.is_empty() && idle.len() == 1 && idle[0].to_string().contains(words), "{problems:?} {idle:?}");
        assert!(service_advice(&service)[0].message.ends_with("(Service 'web')"));
        assert!(of(&service, true, &member(1)).is_ok());
    }
    let row = rows(r#"{"weight":5,"podIndexes":[1],"comment":""}"#);
    assert_eq!((of(&row, false, &member(1)), service_idle(&row).len()), (Ok(5), 1));
    let mut both = custom(pod(4), "7");
    both.annotations.insert("service.cloud.tencent.com/custom-wieght", "0");
    let told = &pod_advice([both].iter())[0];
    assert!(told.message.contains("custom-wieght") && told.message.contains("remove this one"), "{told:?}");
}

#[test]
fn rows_of_stateful_sets_that_the_service_has_no_pods_of_are_named() {
    let of_sets = |names: &[&str]| {
        let sets: Vec<_> = names
            .iter()
            .map(|name| format!(r#"{{"name":"{name}","weights":[{{"weight":5,"podIndexes":[0]}}]}}"#))
            .collect();
        let key = r#"{"proto":"TCP","port":80}"#;
        service(&format!(r#"{{"groups":[{{"key":{key},"statefulSets":[{}]}}]}}"#, sets.join(",")))
    };
    let said = |names: &[&str], pods: &[Pod]| absent_sets(&of_sets(names), pods.iter()).map(|advice| advice.message);
    let words = said(&["wbe", "db", "web"], &[member(0), pod(1)]).unwrap();
    assert!(words.contains("no Pods of the StatefulSet \"db\" and 1 more"), "{words}");
    for (names, pods) in [(&["web"][..], vec![member(3)]), (&["wbe"], Vec::new()), (&[], vec![pod(1)])] {
        assert_eq!(said(names, &pods), None, "{names:?}");
    }
}

#[test]
fn many_problems_are_told_in_few_words() {
    let bad = [r#"{"weight":150,"podIndexes":[1]}"#; 9].join(",");
    let problems = service_problems(&rows(&bad));
    assert_eq!(problems.len(), 4);
    assert!(problems[3].message.starts_with("6 more"), "{problems:?}");
}

#[test]
fn a_drained_pod_stays_drained_when_its_row_is_spoilt() {
    let mut world = World::new(&serde_json::json!({})).with_pods([0, 1]);
    for number in [0, 1] {
        *world.pod(number) = member(number);
    }
    let listener = world.add_own_listener();
    let say = |world: &mut World, rows: &str| {
        let text = format!(
            r#"{{"groups":[{{"key":{{"proto":"TCP","port":80}},"statefulSets":[{{"name":"web","weights":[{rows}]}}]}}]}}"#
        );
        world.service.as_mut().unwrap().annotations.insert(names::RS_WEIGHT.to_owned(), text);
    };
    say(&mut world, r#"{"weight":0,"podIndexes":[0]}"#);
    world.converge();
    let drained = world.targets_of(&listener);
    assert_eq!(drained.iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), [0, 10]);
    for odd in
        [r#"{"weight":0,"podIndexes":[0]},{"weight":150,"podIndexes":[1]}"#, r#"{"weight":-1,"podIndexes":[0]}"#, "["]
    {
        say(&mut world, odd);
        world.converge();
        assert_eq!(world.targets_of(&listener), drained, "{odd}");
    }
}
