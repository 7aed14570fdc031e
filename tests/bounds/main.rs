//! The largest annotations that the API server stores, under every key that is read: what they cost in memory, and what becomes of them.

#![allow(clippy::expect_used, reason = "in a test, a failure here is the failure of the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tke_direct_access::api::{DirectAccessBinding, MESSAGE_MAX, names};
use tke_direct_access::k8s::{BindingRow, Stores, pod, service};
use tke_direct_access::model::{
    Attributes, Caller, IpFamily, Limits, LoadBalancer, LoadBalancerId, LoadBalancerStatus, Region, Service,
};
use tke_direct_access::plan::annotated::{Acceptance, KEYS, Setting, Treatment, read};
use tke_direct_access::plan::vpc::ClusterVpc;
use tke_direct_access::plan::{Cloud, Cluster, Observed, Outcome, ReadState, Remembered, Removals, Snapshot, plan};
use tke_direct_access::status::service::{condition, decide};
use tke_direct_access::status::{Round, Visit, binding_status};

/// Bytes of all annotations of an object. Source: `TotalAnnotationSizeLimitB` of Kubernetes' `apimachinery/pkg/api/validation`.
const STORED: usize = 256 * 1024;
/// Bytes of one that is read.
const READ: usize = 16 * 1024;
/// What such an annotation may cost at the peak, in KiB.
const MOST: usize = 64 * 1024;
const PORTS: u16 = 50;
const PODS: u32 = 50;

/// Texts of about so many bytes that are large in different ways.
fn texts(bytes: usize) -> Vec<(&'static str, String)> {
    let numbers = |bytes: usize| (0..bytes / 6).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let set = |name: &str, rows: &str| {
        format!(
            r#"{{"groups":[{{"key":{{"proto":"TCP","port":80}},"statefulSets":[{{"name":"{name}","weights":[{rows}]}}]}}]}}"#
        )
    };
    let half = "x".repeat(bytes / 2 - 200);
    let row = r#"{"weight":1,"podIndexes":[0]}"#;
    let host = |number: usize| format!(r#""h{number}.example.com":{{"tls":"t"}}"#);
    let hosts = (0..bytes / 40).map(host).collect::<Vec<_>>().join(",");
    vec![
        ("one word", "x".repeat(bytes)),
        ("lists of lists", "[".repeat(bytes)),
        ("a list", vec!["sg-1"; bytes / 5].join(",")),
        ("one row of many ordinals", set("web", &format!(r#"{{"weight":1,"podIndexes":[{}]}}"#, numbers(bytes - 200)))),
        ("a long name and many rows", set(&half, &vec![row; bytes / 64].join(","))),
        ("many rows", set(&"w".repeat(253), &vec![row; (bytes - 400) / 32].join(","))),
        ("many bad rows", set("web", &vec!["7"; bytes / 2 - 100].join(","))),
        ("many hosts", format!(r#"{{"80":{{"protocol":["HTTPS"],"hosts":{{{hosts}}}}}}}"#)),
        ("tags", format!(r#"{{"Tags":[{}]}}"#, vec![r#"{"TagKey":"a","TagValue":"b"}"#; bytes / 32].join(","))),
    ]
}

fn object<T: serde::de::DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).expect("the object is well formed")
}

fn service_with(key: &str, text: &str) -> k8s_openapi::api::core::v1::Service {
    let ports: Vec<_> =
        (0..PORTS).map(|one| json!({"name": format!("p{one}"), "port": 80 + one, "targetPort": 8080})).collect();
    object(json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "service-uid",
            "annotations": {names::DIRECT_ACCESS: "true", names::MODE: "skip", key: text, "note": "n".repeat(READ)}},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": ports},
    }))
}

fn binding() -> DirectAccessBinding {
    object(json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": "web", "namespace": "shop", "uid": "binding-uid", "generation": 1,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "service-uid", "controller": true}]},
        "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}},
    }))
}

fn observed() -> Observed {
    let load_balancer = LoadBalancer {
        attributes: Attributes::default(),
        id: LoadBalancerId::new("lb-1"),
        name: String::new(),
        status: LoadBalancerStatus::Running,
        addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        domain: None,
        family: IpFamily::V4,
        vpc_id: "vpc-1".to_owned(),
        snat_pro: false,
        tags: Vec::new(),
    };
    Observed {
        load_balancer,
        listeners: Vec::new(),
        targets: BTreeMap::new(),
        health: Ok(Vec::new()),
        health_basis: None,
    }
}

/// Everything that is done about the Service: it is kept, its annotations are read, its binding is planned, and statuses are made.
/// Returns the longest words of a condition.
fn work(object: &k8s_openapi::api::core::v1::Service, weight: Option<&str>) -> (Service, usize) {
    let (stores, own) = (Stores::default(), binding());
    let kept = service(object);
    stores.services.put("shop", "web", kept.clone());
    stores.bindings.put("shop", "web", BindingRow(Arc::new(own.clone())));
    for number in 0..PODS {
        let name = format!("web-{number}");
        let annotations: BTreeMap<_, _> = weight.map(|weight| (names::CUSTOM_WEIGHT, weight)).into_iter().collect();
        let object = json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "annotations": annotations,
                "labels": {"app": "web", "statefulset.kubernetes.io/pod-name": name}},
            "status": {"phase": "Running", "podIP": format!("10.0.0.{number}"),
                "conditions": [{"type": "ContainersReady", "status": "True"}]}});
        stores.pods.put("shop", &name, pod(&self::object(object)));
    }
    let setting = Setting { acceptance: Acceptance::All, has_tke: true.into(), is_default: false.into() };
    let intent = read(&kept, setting, Some(&own));
    let verdict = decide(&kept, &intent, &[&own], Timestamp::UNIX_EPOCH);
    let said = condition(&verdict, None).map_or(0, |condition| condition.message.chars().count());
    let cloud = Cloud::Observed(observed());
    let view = stores.view(Arc::new(own), BTreeMap::new(), None, setting);
    let snapshot = Snapshot {
        region: tke_direct_access::model::Region::new("ap-guangzhou"),
        load_balancer: LoadBalancerId::new("lb-1"),
        bindings: vec![view.on(&cloud, &Remembered::default(), |_| false, |_| BTreeSet::new())],
        cloud,
        cluster: Cluster::default(),
        vpc: ClusterVpc::Pending,
        caller: Caller::NotAsked,
        reads: ReadState::Settled,
        removals: Removals::Allowed,
        limits: Limits::default(),
        remembered: Remembered::default(),
        now: Timestamp::UNIX_EPOCH,
        at: std::time::Duration::ZERO,
    };
    let decided = plan(&snapshot);
    let round = Round {
        snapshot: &snapshot,
        outcome: &Outcome::default(),
        region: &Region::new("ap-guangzhou"),
        failed_task: None,
        refused_gates: &[],
        refused_writes: &[],
        visit: Visit::Later,
    };
    let (view, part) = (&snapshot.bindings[0], &decided.bindings[0]);
    let status = binding_status(&round, view, part, &[], &tke_direct_access::api::DirectAccessBindingStatus::default());
    let longest = status.conditions.iter().map(|condition| condition.message.chars().count()).max();
    (kept, said.max(longest.unwrap_or_default()))
}

/// A line of the memory of this process, in KiB.
fn memory(line: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux shows the memory of a process");
    let found = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    found.and_then(|found| found.trim().trim_end_matches(" kB").parse().ok()).expect("the line is there")
}

/// How much memory some work takes at its peak, in KiB.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    // Source: proc(5), clear_refs: 5 resets the peak resident set size.
    fs::write("/proc/self/clear_refs", "5").expect("the peak can be reset");
    let before = memory("VmRSS");
    let result = work();
    (result, memory("VmHWM").saturating_sub(before))
}

#[test]
fn the_largest_annotation_under_any_key_costs_little_and_is_not_absent() {
    let read = KEYS.iter().filter(|key| key.treatment != Treatment::Written).map(|key| key.name);
    let keys: Vec<&str> = read.chain([names::LOAD_BALANCER_ID]).collect();
    let mut most = (0, String::new());
    for bytes in [READ - 64, STORED - READ - 1024] {
        for (form, text) in texts(bytes) {
            for key in &keys {
                let own = (*key == names::CUSTOM_WEIGHT).then_some(text.as_str());
                let object = service_with(key, if own.is_some() { "x" } else { &text });
                let ((kept, longest), cost) = peak(|| work(&object, own));
                let case = format!("{key} with {} bytes of {form}", text.len());
                assert!(cost <= MOST, "{case}: {cost} KiB");
                assert!(longest <= MESSAGE_MAX, "{case}: a condition has {longest} characters");
                assert!(!kept.annotations.contains_key("note"), "{case}: what nobody reads is not kept");
                if own.is_none() {
                    assert!(kept.annotations.contains_key(key), "{case}: it is not absent");
                    let is_read = !kept.annotations.reading(key, "a word").is_unreadable();
                    assert_eq!(is_read, text.len() <= READ, "{case}");
                }
                if cost > most.0 {
                    most = (cost, case);
                }
            }
        }
    }
    eprintln!("at most {} KiB more at the peak: {}", most.0, most.1);
}
