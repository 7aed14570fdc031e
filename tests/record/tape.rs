//! What has been heard and seen so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tke_direct_access_worlds::{Act, Fault, Story};

use super::pods::Pods;
use super::replicas::Replicas;
use super::{objects, pods};
use crate::support::Request;

/// What is recorded of one test. Clones are the same tape.
#[derive(Clone)]
pub(crate) struct Tape(Arc<Mutex<Log>>);

pub(super) struct Log {
    begun: Instant,
    pub(super) acts: Vec<(Duration, Act)>,
    /// What could not be said as an act.
    left_out: BTreeSet<String>,
    /// Why the test cannot be recorded.
    foreign: BTreeSet<String>,
    objects: BTreeMap<(String, String), Value>,
    pub(super) pods: Pods,
    pub(super) replicas: Replicas,
    /// What the world calls the load balancers.
    names: BTreeMap<String, &'static str>,
}

/// The load balancers that a world has from the start.
const NAMES: [&str; 2] = ["lb-one", "lb-two"];
/// By how much a world is slower than the clouds of tests: a test that has waited for something has so in the story, too.
pub(super) const SLOWER: u64 = 10;
/// One that it does not have.
const MISSING: &str = "lb-none";

impl Tape {
    pub(super) fn new(load_balancer: &str) -> Self {
        let names = BTreeMap::from([(load_balancer.to_owned(), NAMES[0])]);
        Self(Arc::new(Mutex::new(Log {
            begun: Instant::now(),
            acts: Vec::new(),
            left_out: BTreeSet::new(),
            foreign: BTreeSet::new(),
            objects: BTreeMap::new(),
            pods: Pods::default(),
            replicas: Replicas::default(),
            names,
        })))
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object is this now, or is gone.
    pub(super) fn see(&self, kind: &str, name: &str, object: Option<&Value>) {
        let mut log = self.log();
        let now = log.now();
        if kind == "Pod" {
            return pods::see(&mut log, now, name, object);
        }
        let key = (kind.to_owned(), name.to_owned());
        let before = match object {
            Some(object) => log.objects.insert(key, object.clone()),
            None => log.objects.remove(&key),
        };
        match objects::act(kind, name, before.as_ref(), object) {
            Ok(Some(act)) => log.acts.push((now, act)),
            Ok(None) => {}
            Err(words) => log.refuse(words),
        }
    }

    /// A process of the controller has begun.
    pub(crate) fn started(&self, replica: &str) {
        let mut log = self.log();
        let now = log.now();
        log.replicas.started(replica, now);
    }

    /// It has ended.
    pub(crate) fn stopped(&self, replica: &str) {
        let mut log = self.log();
        let now = log.now();
        log.replicas.stopped(replica, now);
    }

    /// It stands still, or goes on.
    pub(crate) fn signalled(&self, replica: &str, signal: &str) {
        let mut log = self.log();
        let now = log.now();
        match signal {
            "STOP" => log.replicas.frozen(replica, now),
            "CONT" => log.replicas.thawed(replica, now),
            _ => {}
        }
    }

    /// There is one more load balancer.
    pub(super) fn add_load_balancer(&self, id: &str) {
        let mut log = self.log();
        match NAMES.get(log.names.len()) {
            Some(name) => _ = log.names.insert(id.to_owned(), name),
            None => log.refuse("more than two load balancers".to_owned()),
        }
    }

    /// The story so far, as a text.
    pub(super) fn story(&self, requests: &[Request]) -> String {
        let mut log = self.log();
        let now = log.now();
        let mut acts = std::mem::take(&mut log.acts);
        acts.extend(log.replicas.acts(now));
        acts.extend(log.pods.acts(requests, now));
        for words in pods::left_out(requests) {
            log.leave_out(words);
        }
        acts.sort_by_key(|(at, _)| *at);
        // A misfortune for ever ends with the test.
        let is_unlimited = |act: &Act| matches!(act, Act::Fault(Fault::Calls { count: u64::MAX, .. }));
        let is_mended = |act: &Act| matches!(act, Act::Fault(Fault::Mended));
        let open = acts.iter().rposition(|(_, act)| is_unlimited(act) || is_mended(act));
        if open.is_some_and(|place| is_unlimited(&acts[place].1)) {
            acts.push((now, Act::Fault(Fault::Mended)));
        }
        let comments: Vec<String> = match log.foreign.is_empty() {
            true => log.left_out.iter().map(|words| format!("# Left out: {words}\n")).collect(),
            false => log.foreign.iter().map(|words| format!("# Not recordable: {words}\n")).collect(),
        };
        if !log.foreign.is_empty() {
            acts.clear();
        }
        let named = |(at, act): (Duration, Act)| {
            let mut value = serde_json::to_value(act).expect("an act is JSON");
            rename(&mut value, &log.names);
            let at = u64::try_from(at.as_millis()).expect("a test does not last for ever") * SLOWER;
            (at, serde_json::from_value(value).expect("it is an act still"))
        };
        let story = Story { seed: 1, acts: acts.into_iter().map(named).collect() };
        format!("{}{story}", comments.concat())
    }
}

impl Log {
    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn leave_out(&mut self, words: String) {
        self.left_out.insert(words);
    }

    pub(super) fn refuse(&mut self, words: String) {
        self.foreign.insert(words);
    }
}

/// Ids of load balancers become those that the world has.
fn rename(value: &mut Value, names: &BTreeMap<String, &'static str>) {
    match value {
        Value::String(text) if text.starts_with("lb-") => {
            *text = (*names.get(text).unwrap_or(&MISSING)).to_owned();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, names)),
        _ => {}
    }
}
