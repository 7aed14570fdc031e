//! The misfortune matrix, part *words*: whatever stands in an annotation of a Service that is served, nothing is taken away.

use std::collections::BTreeSet;

use garde::Validate as _;

use super::owned;
use crate::api::DirectAccessBinding;
use crate::api::binding::{DeletionPolicy, DirectAccessBindingSpec, DrainAction, DrainSpec, ListenerSpec};
use crate::api::names;
use crate::model::{Annotation, Known, Pod, Service, ServicePort, TargetPort, Transport};
use crate::plan::annotated::{Acceptance, End, KEYS, ServiceIntent, Setting, Wish, read};
use crate::plan::tests::world::{World, pod};
use crate::plan::weight::{PodWeight, Weights};

const ALL: Setting = Setting { acceptance: Acceptance::All, has_tke: Known::Yes, is_default: Known::No };
const WEIGHTS: &str = r#"{"defaultWeight":20,"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[
    {"name":"web","weights":[{"weight":0,"podIndexes":[0]},{"weight":50,"podIndexes":[1]}]}]}]}"#;
const PROTOCOLS: &str = r#"{"443":{"protocol":["HTTPS"],"hosts":{"a.example.com":{"tls":"a"}}},"8443":{"protocol":["TCP_SSL","QUIC"],"tls":"b"}}"#;

/// One annotation: a valid value, the garbage that is legitimately readable there, with the reason, and what is reported of all other
/// garbage.
pub(super) type Row = (&'static str, &'static str, &'static [&'static str], Told);

/// What is reported of garbage: the reason of the Service's condition and of an Event on it, which both name the key. What is said of a
/// Service that has a binding is in the status of that binding, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// `InvalidAnnotation`: it cannot be followed, and what it is about stays as it is.
    Invalid,
    /// `Held`, on the Service alone: it decides whether there is a binding. Without one, `InvalidAnnotation`.
    Held,
    /// `NotSupported`: nobody follows it. These values say nothing that would be missed.
    NotSupported(&'static [&'static str]),
    /// Nothing: controllers write it, and it decides nothing.
    Nothing,
}

use Told::{Invalid, NotSupported};

/// All annotations.
pub(super) const ROWS: &[Row] = &[
    // Removing the user's own word ends the wish: the load balancer is then parked.
    (names::DIRECT_ACCESS, "true", &[ABSENT], Told::Held),
    (names::SERVICE_CONFIG, "web", &["yes", "0", "null", "8080", "banana", LONG, "99999999999999999999"], Invalid),
    (names::SERVICE_CONFIG_AUTO, "false", &[], Invalid),
    (names::EXISTING_LOAD_BALANCER_ID, "lb-1", &[], Invalid),
    (names::CROSS_REGION_ID, "ap-beijing", &[], Invalid),
    (names::CROSS_VPC_ID, "vpc-1", &[], Invalid),
    (names::INTERNAL_SUBNET_ID, "subnet-1", &[], Invalid),
    (names::INTERNET_CHARGE_TYPE, "TRAFFIC_POSTPAID_BY_HOUR", &[], Invalid),
    (names::INTERNET_MAX_BANDWIDTH_OUT, "100", &[], Invalid),
    // It says nothing, which can be followed where nothing is created.
    (names::EXTENSIVE_PARAMETERS, r#"{"LoadBalancerName":"shop"}"#, &["{}"], Invalid),
    // Ports of which nothing is said have the listener of their own protocol.
    (names::SPECIFY_PROTOCOL, PROTOCOLS, &[ABSENT, "{}"], Invalid),
    (names::SECURITY_GROUPS, "sg-1,sg-2", &[], Invalid),
    (names::PASS_TO_TARGET, "true", &[], Invalid),
    // Pods of which nothing is said have the weight of their listener.
    (names::RS_WEIGHT, WEIGHTS, &[ABSENT, "{}"], Invalid),
    (names::GRACE_SHUTDOWN, "true", &[], Invalid),
    (names::GRACE_SHUTDOWN_NOT_READY, "true", &[], Invalid),
    (names::LOAD_BALANCER_RETAIN, "true", &[], Invalid),
    (names::DELETION_PROTECTION, "true", &[], Invalid),
    (names::MODE, "skip", &[], Invalid),
    (names::GRACE_DELETION, "true", ANYTHING, NotSupported(&["false"])),
    (names::PREVENT_LOOPBACK, "true", ANYTHING, NotSupported(&["false"])),
    (names::MODIFICATION_PROTECTION, "true", ANYTHING, NotSupported(&["false"])),
    (names::TARGET_GROUPS, "[]", ANYTHING, NotSupported(&["[]"])),
    (names::LOAD_BALANCER_TYPE, "yunapiv3_forward_clb", ANYTHING, NotSupported(&["yunapiv3_forward_clb"])),
    (names::BACKENDS_LABEL, "a=b", ANYTHING, NotSupported(&[])),
    (names::LOCAL_BIND, "true", ANYTHING, NotSupported(&["false"])),
    (names::LOCAL_BALANCE, "true", ANYTHING, NotSupported(&["false"])),
    (names::DISCARD_ADDRESS, "true", ANYTHING, NotSupported(&["false"])),
    (names::LOAD_BALANCER_KIND, "INTERNAL", ANYTHING, NotSupported(&["OPEN"])),
    (names::SHARE_EXISTING, "false", ANYTHING, NotSupported(&["true"])),
    (names::LISTENER_PARAMETERS, "{\"a\":1}", ANYTHING, NotSupported(&["", " ", "{}"])),
    (names::SOURCE_ENDPOINTS, r#"{"name":"a"}"#, ANYTHING, NotSupported(&[])),
    (names::CUSTOM_WEIGHT, "50", ANYTHING, NotSupported(&[])),
    (names::NAT_IPV6, "fd00::1", ANYTHING, Told::Nothing),
    (names::IPV6, "fd00::1", ANYTHING, Told::Nothing),
    (names::LOAD_BALANCER_ID, "lb-1", ANYTHING, Told::Nothing),
    (names::CLIENT_TOKEN, "abc", ANYTHING, Told::Nothing),
    (names::SYNC_BEGIN_TIME, "2026-01-01T00:00:00+08:00", ANYTHING, Told::Nothing),
    (names::SYNC_END_TIME, "2026-01-01T00:00:00+08:00", ANYTHING, Told::Nothing),
];

/// The annotation is not there.
pub(super) const ABSENT: &str = "(absent)";
/// The valid value, with an end of line.
pub(super) const WITH_NEWLINE: &str = "(value + \\n)";
/// The key has a typing error.
pub(super) const MISSPELT: &str = "(key misspelt)";
/// The key is in the wrong case.
pub(super) const WRONG_CASE: &str = "(key in wrong case)";
/// Longer than any id or name of the cloud.
const LONG: &str = "a234567890123456789012345678901234567890123456789012345678901234567890";
/// 20 KB of text.
const HUGE: &str = "(20 KB)";
/// Of annotations that are not read.
const ANYTHING: &[&str] = GARBAGE;

pub(super) const GARBAGE: &[&str] = &[
    ABSENT,
    "",
    " ",
    "True",
    "yes",
    "0",
    "-1",
    "null",
    "{}",
    "[]",
    "{",
    "[1,]",
    "a,b",
    "CHANGE_ME",
    HUGE,
    "[www.example.com](http://www.example.com)",
    LONG,
    "99999999999999999999",
    "lb-1,",
    "../../etc",
    "8080",
    "banana",
    WITH_NEWLINE,
    MISSPELT,
    WRONG_CASE,
    "值",
];

/// Which values the annotations have before one is spoilt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Base {
    /// A load balancer is created.
    Created,
    /// One that exists is used.
    Existing,
    /// One is created, and switches that keep something are off.
    Loose,
}

/// A Service with all annotations but those that exclude each other.
fn service(base: Base) -> Service {
    let mut service = World::new(&serde_json::json!({})).service.unwrap();
    let port = |port, transport| ServicePort {
        name: format!("p{port}"),
        transport,
        port,
        target_port: TargetPort::Number(port),
    };
    service.ports = vec![port(80, Transport::Tcp), port(443, Transport::Tcp), port(8443, Transport::Tcp)];
    service.is_load_balancer = true;
    let all = ROWS.iter().filter(|(key, ..)| *key != names::EXISTING_LOAD_BALANCER_ID || base == Base::Existing);
    service.annotations = all.map(|(key, value, ..)| ((*key).to_owned(), (*value).to_owned())).collect();
    if base == Base::Loose {
        let switches = [
            names::LOAD_BALANCER_RETAIN,
            names::DELETION_PROTECTION,
            names::GRACE_SHUTDOWN,
            names::GRACE_SHUTDOWN_NOT_READY,
            names::PASS_TO_TARGET,
        ];
        service.annotations.extend(switches.map(|key| (key.to_owned(), "false".to_owned())));
    }
    service
}

pub(super) fn with(service: &Service, key: &str, valid: &str, garbage: &str) -> Service {
    let mut service = service.clone();
    let value = match garbage {
        ABSENT => None,
        MISSPELT | WRONG_CASE => {
            let value = service.annotations.get(key).cloned().unwrap_or_else(|| valid.into());
            let (head, last) = key.split_at(key.len() - 1);
            let odd = if garbage == MISSPELT {
                format!("{head}{last}{last}")
            } else {
                format!("{head}{}", last.to_uppercase())
            };
            service.annotations.insert(odd, value);
            None
        }
        WITH_NEWLINE => match service.annotations.get(key) {
            Some(Annotation::Text(text)) => Some(format!("{text}\n")),
            _ => Some(format!("{valid}\n")),
        },
        HUGE => Some("x".repeat(20_000)),
        other => Some(other.to_owned()),
    };
    match value {
        Some(value) => service.annotations.insert(key.to_owned(), value),
        None => service.annotations.remove(key),
    };
    service
}

/// What is lost between the binding that serves and what is now wished; nothing, if all is well.
pub(super) fn losses(own: &DirectAccessBinding, intent: &ServiceIntent) -> Vec<String> {
    let spec = match &intent.wish {
        Wish::Serve(spec, _) => spec,
        Wish::Hold(_) => return Vec::new(),
        other => return vec![format!("{other:?}")],
    };
    let mut lost = Vec::new();
    if spec.validate().is_err() || is_refused(spec) {
        lost.push("everything: the definition does not take it".to_owned());
    }
    if spec.load_balancer != own.spec.load_balancer {
        lost.push("the load balancer".to_owned());
    }
    if spec.deletion_policy == DeletionPolicy::Delete && own.spec.deletion_policy != DeletionPolicy::Delete {
        lost.push("the load balancer is not retained any more".to_owned());
    }
    let is_graceful =
        |drain: &DrainSpec| [drain.terminating, drain.not_ready].map(|one| one == DrainAction::WeightZero);
    let drains = is_graceful(&own.spec.drain).into_iter().zip(is_graceful(&spec.drain));
    if drains.into_iter().any(|(old, new)| old && !new) {
        lost.push("draining".to_owned());
    }
    let is_lost = |old: &&ListenerSpec| !spec.listeners.contains(old);
    lost.extend(
        own.spec.listeners.iter().filter(is_lost).map(|old| format!("listener {}/{:?}", old.port, old.protocol)),
    );
    lost
}

/// Whether rules across fields refuse the load balancer.
fn is_refused(spec: &DirectAccessBindingSpec) -> bool {
    let create = spec.load_balancer.as_ref().and_then(|balancer| balancer.create.as_ref());
    create.is_some_and(|create| !create.broken_rules().is_empty())
}

/// What the weights of Pods become: those that are known.
fn weights(service: &Service) -> Vec<Option<u8>> {
    let member = |number: u32| {
        let mut pod: Pod = pod(number);
        pod.labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), pod.key.name.clone());
        pod
    };
    let weights = Weights::new(service, &service.ports[0], 10, false);
    let of = |pod: &Pod| match weights.of(pod) {
        PodWeight::Known(weight) => Some(weight),
        PodWeight::Unreadable { .. } | PodWeight::Unsaid { .. } => None,
    };
    [member(0), member(1), member(2), pod(3)].iter().map(of).collect()
}

#[test]
fn misfortune_words_in_annotations_take_nothing_away() {
    let keys: BTreeSet<&str> = KEYS.iter().map(|key| key.name).collect();
    let rows: BTreeSet<&str> = ROWS.iter().map(|(key, ..)| *key).collect();
    assert_eq!(keys, rows, "every annotation has its row here");
    let mut cells = 0;
    for base in [Base::Created, Base::Existing, Base::Loose] {
        let own = owned(&service(base));
        assert_eq!(own.spec.deletion_policy == DeletionPolicy::Delete, base == Base::Loose);
        for (key, valid, legitimate, _) in ROWS {
            for garbage in GARBAGE {
                let changed = with(&service(base), key, valid, garbage);
                check(&own, base, key, garbage, &changed, legitimate);
                check_new(&own, base, key, garbage, &changed, legitimate);
                cells += 2;
            }
        }
    }
    crate::plan::tests::report(&format!("words: {cells} cells"));
}

/// A problem names the key, as it is or as it was misspelt.
fn names(intent: &ServiceIntent, key: &str) -> bool {
    let head = key[..key.len() - 1].to_ascii_lowercase();
    let all = intent.problems.iter().chain(&intent.unheeded);
    all.into_iter().any(|problem| problem.key.to_ascii_lowercase().starts_with(&head))
}

/// One cell: a binding, and its Service with one annotation spoilt.
fn check(own: &DirectAccessBinding, base: Base, key: &str, garbage: &str, changed: &Service, legitimate: &[&str]) {
    let cell = format!("{base:?}, {key}: {garbage}");
    let intent = read(changed, ALL, Some(own));
    let is_readable = [ABSENT, WITH_NEWLINE].contains(&garbage) || legitimate.contains(&garbage);
    if legitimate.contains(&garbage) && key == names::DIRECT_ACCESS {
        assert!(matches!(&intent.wish, Wish::Release(proof) if proof.end() == End::WordRemoved), "{cell}");
        return;
    }
    if legitimate.contains(&garbage) && [names::SPECIFY_PROTOCOL, names::RS_WEIGHT].contains(&key) {
        // The user says plainly that nothing is special: what the annotation had made goes.
        assert_eq!(intent.problems.iter().filter(|problem| problem.key == key).count(), 0, "{cell}");
        return;
    }
    assert_eq!(losses(own, &intent), [""; 0], "{cell}");
    let usual = [Some(0), Some(50), Some(20), Some(20)];
    let is_held = |(new, old): (&Option<u8>, &Option<u8>)| new.is_none() || new == old;
    assert!(weights(changed).iter().zip(&usual).all(is_held), "{cell}");
    let is_named = names(&intent, key);
    assert!(is_named || is_readable, "{cell}: {:?}", intent.problems);
}

/// One cell: a Service that has nothing yet gets what its annotations say in full, or less, and nothing that is guessed.
fn check_new(own: &DirectAccessBinding, base: Base, key: &str, garbage: &str, changed: &Service, legitimate: &[&str]) {
    let cell = format!("new, {base:?}, {key}: {garbage}");
    // TKE documents an empty list of security groups as none.
    let is_none = key == names::SECURITY_GROUPS && garbage.trim().is_empty();
    if garbage == ABSENT || is_none || legitimate.contains(&garbage) {
        return;
    }
    let intent = read(changed, ALL, None);
    assert!(garbage == WITH_NEWLINE || names(&intent, key), "{cell}");
    let Wish::Serve(spec, _) = &intent.wish else {
        assert!(
            matches!(intent.wish, Wish::NotMade(_) | Wish::NotAsked(_) | Wish::None | Wish::Unclear | Wish::LeftToTke),
            "{cell}: {:?}",
            intent.wish
        );
        return;
    };
    let is_other = key == names::EXISTING_LOAD_BALANCER_ID && garbage == WITH_NEWLINE;
    assert!(spec.load_balancer == own.spec.load_balancer || is_other, "{cell}: {:?}", spec.load_balancer);
    assert!(spec.listeners.iter().all(|listener| own.spec.listeners.contains(listener)), "{cell}");
    assert!(spec.deletion_policy != DeletionPolicy::Delete || base == Base::Loose, "{cell}");
    assert!(spec.validate().is_ok() && !is_refused(spec), "{cell}");
}
