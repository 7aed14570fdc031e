//! A start over many load balancers that are healthy, under the cloud's own limit of calls.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use tke_direct_access::api::DirectAccessBinding;
use tke_direct_access::operator::USER_AGENT;
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings, Timing};

use crate::stage::{DEADLINE, Stage, deployment, service};
use crate::support::eventually;

/// Load balancers, unless `FLEET` says otherwise: 300 take half a minute more.
const USUAL: u32 = 100;
/// The cloud's default.
const CALLS_PER_SECOND: u32 = 20;
/// A load balancer by the end of the alphabet, for which a Pod waits.
const LATE: &str = "lb-zzzz0001";

fn fleet() -> u32 {
    std::env::var("FLEET").ok().and_then(|count| count.parse().ok()).unwrap_or(USUAL)
}

/// Bindings of Service `web`, one for each load balancer, as one document.
fn bindings(count: u32) -> String {
    let of = |number: u32| {
        json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": format!("web-{number:03}")},
            "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": format!("lb-fleet{number:03}")}},
        })
    };
    let items: Vec<_> = (0..count).map(of).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Service, Deployment and binding `late`, like `web`, but for another load balancer.
fn late() -> String {
    let renamed = |text: String| text.replace("\"web\"", "\"late\"");
    let binding = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "late"},
        "spec": {"serviceRef": {"name": "late"}, "loadBalancer": {"id": LATE}},
    });
    format!("{}\n---\n{}\n---\n{binding}", renamed(service()), renamed(deployment(1)))
}

/// The version of each binding, which every write changes.
async fn versions(stage: &Stage) -> BTreeMap<String, Option<String>> {
    let api: kube::Api<DirectAccessBinding> =
        kube::Api::namespaced(stage.control_plane.client(), &stage.namespace.name);
    let found = api.list(&kube::api::ListParams::default()).await.expect("bindings can be listed");
    let version = |one: DirectAccessBinding| (one.metadata.name.unwrap_or_default(), one.metadata.resource_version);
    found.into_iter().map(version).filter(|(name, _)| name != "late").collect()
}

/// Events about bindings of `web`.
async fn events(stage: &Stage) -> usize {
    let listed =
        stage.ok(&["get", "events", "-o", "jsonpath={range .items[*]}{.involvedObject.name}{'\\n'}{end}"]).await;
    listed.lines().filter(|name| name.starts_with("web-") && name.len() == "web-000".len()).count()
}

/// Writes of the controller but for those about `late`, and for the Lease.
fn writes(stage: &Stage) -> Vec<String> {
    let requests = stage.control_plane.requests().expect("the audit log can be read");
    let ours = requests.iter().filter(|request| {
        request.is_write()
            && request.user_agent == USER_AGENT
            && request.namespace == stage.namespace.name
            && !["leases", "events"].contains(&request.resource.as_str())
            && !request.name.starts_with("late")
    });
    ours.map(|request| format!("{} {} {}", request.verb, request.resource, request.name)).collect()
}

/// Bindings that the controller has looked at and found ready.
async fn ready(stage: &Stage) -> usize {
    let address = stage.admin();
    let metrics = reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    let line = metrics.lines().find(|line| line.starts_with("direct_access_bindings{ready=\"True\""));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_over_many_healthy_load_balancers_is_quiet_and_comes_first_to_those_that_wait() {
    let count = fleet();
    // Nothing takes time, and a health check takes its second: there are many.
    let timing = Timing { health_scale: Some(0.2), ..Timing::instant() };
    let settings = SimulatorSettings { timing, ..SimulatorSettings::instant() };
    let mut stage = Stage::without_controller("fleet", settings).await;
    for id in (0..count).map(|number| format!("lb-fleet{number:03}")).chain([LATE.to_owned()]) {
        stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(&id)).unwrap();
    }
    stage.start_controller(&[]).await;
    stage.apply(&service()).await;
    stage.apply(&deployment(1)).await;
    stage.apply(&bindings(count)).await;
    let all = usize::try_from(count).unwrap();
    eventually("all bindings are ready", DEADLINE, async || ready(&stage).await == all).await;
    stage.ok(&["wait", "--for=condition=Available", "deployment/web", "--timeout=150s"]).await;
    // What moves is written a moment later.
    stage.ok(&["wait", "--for=jsonpath={.status.targets.summary}=1/1", "dab", "--all", "--timeout=150s"]).await;
    stage.take_controller().end().await;
    stage.apply(&late()).await;
    // What is waited for has to be there.
    eventually("its Pods are made", DEADLINE, async || {
        !stage.ok(&["get", "pods", "-l", "app=late", "-o", "name"]).await.trim().is_empty()
    })
    .await;
    stage.ok(&["wait", "--for=condition=ContainersReady", "pod", "-l", "app=late", "--timeout=150s"]).await;

    let before = (versions(&stage).await, events(&stage).await, writes(&stage));
    stage.cloud.set_rate(Some(CALLS_PER_SECOND));
    stage.cloud.reset_calls();
    let start = Instant::now();
    stage.start_controller(&["--clb-rate", &CALLS_PER_SECOND.to_string()]).await;
    eventually("all have been looked at", DEADLINE, async || ready(&stage).await > all).await;
    let elapsed = start.elapsed();
    let calls = stage.cloud.calls();
    let log = stage.cloud.call_log();
    assert_eq!((versions(&stage).await, events(&stage).await, writes(&stage)), before, "nothing is written");

    let refused: Vec<_> = log.iter().filter(|call| call.error.is_some()).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(calls["DescribeQuota"], 1);
    let is_read = |action: &str| action.starts_with("Describe") || action == "GetCallerIdentity";
    let busiest = calls.iter().filter(|(action, _)| is_read(action)).map(|(_, count)| *count).max().unwrap();
    let least = Duration::from_secs_f64(f64::from(u32::try_from(busiest).unwrap()) / f64::from(CALLS_PER_SECOND));
    eprintln!(
        "{all} load balancers verified in {elapsed:.1?}; {busiest} reads of one action take {least:.1?}: {calls:?}"
    );
    assert!(elapsed <= least + Duration::from_secs(5), "{elapsed:.1?}");
    let listed: Vec<_> = log.iter().filter(|call| call.action == "DescribeListeners").collect();
    let place = listed.iter().position(|call| call.load_balancer.as_deref() == Some(LATE)).unwrap();
    // Its finalizer is written before: one second of calls.
    assert!(place < 20, "the one for which a Pod waits was number {place} of {}", listed.len());
    stage.finish().await;
}
