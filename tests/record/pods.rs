//! Pods that users delete, and that say that they are not ready.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tke_direct_access_worlds::Act;

use super::objects::{self, is_owned};
use super::tape::{Log, SLOWER};
use crate::support::Request;

/// The annotation by which a Pod fails its probes.
const FAIL_HEALTH: &str = "/metadata/annotations/loopback.tke-direct-access.dev~1fail-health";

/// What is known of the Pods of a test.
#[derive(Default)]
pub(super) struct Pods {
    /// Those that there are.
    here: BTreeSet<String>,
    /// Those that nothing but a user has made.
    single: BTreeSet<String>,
    /// Those that are told to end: when, and their place among all.
    deleted: BTreeMap<String, (Duration, usize)>,
    /// Those that fail their probes, since when.
    unready: BTreeMap<String, (Duration, usize)>,
    /// How long those did that do so no more: since when, their place, and how long.
    were_unready: Vec<(Duration, usize, Duration)>,
}

impl Pods {
    fn place(&self, name: &str) -> usize {
        self.here.iter().take_while(|one| *one != name).count()
    }

    fn healed(&mut self, name: &str, now: Duration) {
        if let Some((since, place)) = self.unready.remove(name) {
            self.were_unready.push((since, place, now - since));
        }
    }

    /// What users have done.
    pub(super) fn acts(&mut self, requests: &[Request], now: Duration) -> Vec<(Duration, Act)> {
        let names: Vec<_> = self.unready.keys().cloned().collect();
        names.iter().for_each(|name| self.healed(name, now));
        let is_asked = |name: &str| {
            let deletes = |request: &&Request| request.verb == "delete" && request.resource == "pods";
            let evicts = |request: &&Request| request.resource == "pods/eviction";
            requests.iter().filter(|one| deletes(one) || evicts(one)).any(|one| one.name == name && one.code < 300)
        };
        let asked = self.deleted.iter().filter(|(name, _)| is_asked(name) && !self.single.contains(*name));
        let deletions = asked.map(|(_, (at, place))| (*at, Act::DeletePod(*place)));
        let unready =
            self.were_unready.iter().map(|(at, place, long)| (*at, Act::Unready(*place, long.as_secs() * SLOWER + 1)));
        deletions.chain(unready).collect()
    }
}

/// A Pod is this now, or is gone.
pub(super) fn see(log: &mut Log, now: Duration, name: &str, object: Option<&Value>) {
    let Some(object) = object else {
        log.pods.healed(name, now);
        if log.pods.single.contains(name) && !log.pods.deleted.contains_key(name) {
            log.acts.push((now, Act::DeleteWorkload(name.to_owned())));
        }
        let place = log.pods.place(name);
        log.pods.deleted.entry(name.to_owned()).or_insert((now, place));
        log.pods.here.remove(name);
        return;
    };
    let (is_new, is_single) = (log.pods.here.insert(name.to_owned()), !is_owned(object));
    let place = log.pods.place(name);
    if is_new && is_single {
        // It is a Deployment of one, which is deleted with it.
        log.pods.single.insert(name.to_owned());
        log.pods.deleted.remove(name);
        match objects::of_template(name, object) {
            Ok(workload) => log.acts.push((now, Act::Workload(workload))),
            Err(words) => log.refuse(words),
        }
    }
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        if is_single && !log.pods.deleted.contains_key(name) {
            log.acts.push((now, Act::DeleteWorkload(name.to_owned())));
        }
        log.pods.deleted.entry(name.to_owned()).or_insert((now, place));
    }
    let fails = object.pointer(FAIL_HEALTH).and_then(Value::as_str).is_some_and(|value| value != "false");
    if fails {
        log.pods.unready.entry(name.to_owned()).or_insert((now, place));
    } else {
        log.pods.healed(name, now);
    }
}

/// What users have asked the API server for that no act says.
pub(super) fn left_out(requests: &[Request]) -> BTreeSet<String> {
    const TOLD: [&str; 5] =
        ["deployments", "deployments/scale", "services", "directaccessbindings", "tkeserviceconfigs"];
    let is_told = |request: &&Request| {
        TOLD.contains(&request.resource.as_str())
            || matches!((&*request.verb, &*request.resource), ("create" | "delete", "pods") | (_, "pods/eviction"))
    };
    let of_users = |request: &&Request| request.user_agent.starts_with("kubectl") && request.code < 300;
    let words = |request: &Request| format!("{} of {}", request.verb, request.resource);
    requests.iter().filter(of_users).filter(|request| !is_told(request)).map(words).collect()
}
