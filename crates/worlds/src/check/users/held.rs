//! What was in force before somebody wrote a bad word.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use serde_json::Value;
use tke_direct_access_core::api::condition::Reason;
use tke_direct_access_core::api::{DirectAccessBinding, names};

use super::config::{Standing, words};
use super::table::{Place, setting};
use super::{Sight, config_name, is_active, service, shown};

/// A setting of a listener or rule: their ids, and its path.
type Key = (String, String);

/// After so long what was written is in force.
const SETTLES: Duration = Duration::from_secs(60);

/// What was in force.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Settings that a config has set.
    settings: BTreeMap<Key, Value>,
    /// When something was last about to be changed.
    last: Duration,
    /// What the annotations of a Service have brought about.
    services: BTreeMap<String, OfService>,
}

/// What the annotations of a Service have brought about.
#[derive(Clone, Debug, PartialEq)]
struct OfService {
    annotations: BTreeMap<String, String>,
    uid: String,
    /// The ids of its listeners.
    listeners: BTreeSet<String>,
    drain: String,
}

/// Each word of the config of a binding: where it is in the cloud, how it stands with it, and what the cloud shows there.
fn settings(sight: &Sight<'_>, binding: &DirectAccessBinding) -> Vec<(Key, Standing, Value)> {
    let config = config_name(sight, binding).and_then(|name| sight.objects.configs.get(&name));
    let Some(spec) = config.and_then(|config| config.fields.get("spec")) else { return Vec::new() };
    let (load_balancer, listeners) = shown(sight, binding);
    let found = words(spec, &listeners).into_iter().filter_map(|word| {
        let place = setting(&word.path).map(|(_, place)| place)?;
        let shown = word.entry.shown.as_ref()?;
        let id = shown["LocationId"].as_str().or(shown["ListenerId"].as_str())?.to_owned();
        let value = read(place, shown)?;
        Some(((id, word.path.clone()), word.standing(&load_balancer), value))
    });
    found.collect()
}

fn read(place: Place, shown: &Value) -> Option<Value> {
    match place {
        Place::Member(pointer) => shown.pointer(pointer).cloned(),
        _ => None,
    }
}

/// What the cloud shows of each listener and rule, by its id.
fn all_shown(sight: &Sight<'_>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for load_balancer in sight.cloud.state().load_balancers() {
        for listener in sight.cloud.state().shown(&load_balancer.id) {
            let listener = serde_json::to_value(listener).unwrap_or_default();
            for rule in listener["Rules"].as_array().into_iter().flatten() {
                all.insert(rule["LocationId"].as_str().unwrap_or_default().to_owned(), rule.clone());
            }
            all.insert(listener["ListenerId"].as_str().unwrap_or_default().to_owned(), listener);
        }
    }
    all
}

impl OfService {
    fn now(sight: &Sight<'_>, found: &Service) -> Option<Self> {
        let own = service::own(sight, found).filter(|own| is_active(own))?;
        let (_, listeners) = shown(sight, own);
        let ids = listeners.iter().filter_map(|one| one["ListenerId"].as_str().map(str::to_owned));
        Some(Self {
            annotations: service::annotations(found),
            uid: own.metadata.uid.clone()?,
            listeners: ids.collect(),
            drain: format!("{:?}", own.spec.drain),
        })
    }

    /// What of this is not so any more, although no word has ended it.
    fn lost(&self, sight: &Sight<'_>, found: &Service) -> Option<String> {
        let said = service::annotations(found);
        let is_kept = |key: &str| match (self.annotations.get(key), said.get(key)) {
            (before, now) if before == now => true,
            (Some(_), None) => service::near(&said, key).is_some(),
            (_, Some(now)) => !service::is_readable(key, now),
            (None, None) => true,
        };
        let ends = [names::DIRECT_ACCESS, names::SPECIFY_PROTOCOL, names::EXISTING_LOAD_BALANCER_ID, names::MODE];
        if !ends.into_iter().all(is_kept) {
            return None;
        }
        if service::own(sight, found).is_some_and(|own| own.spec.suspend) {
            // Its user has said so on the binding.
            return None;
        }
        let Some(now) = Self::now(sight, found) else { return Some(format!("{said:?}: its binding is gone")) };
        let gone: Vec<_> = self.listeners.difference(&now.listeners).collect();
        let drains = [names::GRACE_SHUTDOWN, names::GRACE_SHUTDOWN_NOT_READY];
        if now.uid != self.uid || !gone.is_empty() {
            return Some(format!(
                "{said:?}: {gone:?} of {} are gone, and were there with {:?}",
                self.uid, self.annotations
            ));
        }
        let is_drain_held = now.drain == self.drain || !drains.into_iter().all(is_kept);
        (!is_drain_held).then(|| format!("{said:?}: {} was {}", now.drain, self.drain))
    }
}

/// Something is still to be done for it.
fn is_on_its_way(sight: &Sight<'_>, found: &Service) -> bool {
    let status = service::own(sight, found).and_then(|own| own.status.as_ref());
    let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
    conditions.any(|condition| condition.reason == Reason::InProgress.as_str())
}

/// It is asked for by its own key.
fn is_asked(of: &OfService) -> bool {
    of.annotations.get(names::DIRECT_ACCESS).is_some_and(|word| word.trim() == "true")
}

impl Held {
    /// Something is about to be changed: what is in force now is remembered.
    pub(crate) fn remember(&mut self, sight: &Sight<'_>) {
        let since = sight.now.saturating_sub(std::mem::replace(&mut self.last, sight.now));
        if since < SETTLES {
            (self.settings, self.services) = Default::default();
            return;
        }
        for binding in sight.objects.bindings.values().filter(|one| is_active(one)) {
            for (key, standing, value) in settings(sight, binding) {
                match standing {
                    Standing::InForce => drop(self.settings.insert(key, value)),
                    // It is on its way, and what was before counts no more.
                    Standing::NotInForce => drop(self.settings.remove(&key)),
                    Standing::Idle | Standing::Unreadable | Standing::ForNothing => {}
                }
            }
        }
        for (name, found) in &sight.objects.services {
            let now = OfService::now(sight, found).filter(|now| !now.listeners.is_empty());
            // What has listeners that are to be deleted, loses them by an earlier word.
            match now.filter(|_| !is_on_its_way(sight, found)) {
                Some(now) if service::is_all_readable(found) && is_asked(&now) => {
                    drop(self.services.insert(name.clone(), now))
                }
                Some(_) => {}
                None => drop(self.services.remove(name)),
            }
        }
    }

    /// Somebody at the console has changed something.
    pub(crate) fn forget_all(&mut self) {
        *self = Self::default();
    }

    /// A user has taken away what a Service has.
    pub(crate) fn forget(&mut self, service: &str) {
        self.services.remove(service);
        self.settings.clear();
    }

    /// What was in force and is not, although nobody has said anything else that can be read.
    pub(super) fn faults(&self, sight: &Sight<'_>) -> Vec<String> {
        let shown = all_shown(sight);
        let mut said = BTreeMap::new();
        for binding in sight.objects.bindings.values().filter(|one| is_active(one)) {
            said.extend(settings(sight, binding).into_iter().map(|(key, standing, _)| (key, standing)));
        }
        let mut faults = Vec::new();
        for (key, before) in &self.settings {
            let is_free = matches!(said.get(key), None | Some(Standing::Unreadable | Standing::Idle));
            let now = shown.get(&key.0).and_then(|one| match setting(&key.1)?.1 {
                Place::Member(pointer) => one.pointer(pointer),
                _ => None,
            });
            if is_free && now.is_some_and(|now| now != before) {
                faults.push(format!("{} of {} was {before}, and is {now:?}", key.1, key.0));
            }
        }
        for (name, before) in &self.services {
            let found = sight.objects.services.get(name);
            faults.extend(
                found.and_then(|found| before.lost(sight, found)).map(|words| format!("Service {name}: {words}")),
            );
        }
        faults
    }
}
