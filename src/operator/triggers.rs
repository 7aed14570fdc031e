//! Which load balancers a change concerns. Pure; the reason of a round is dropped on purpose.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::DirectAccessBinding;
use crate::k8s::{BindingRow, Change, Difference, Stores, Word};
use crate::model::{GateState, ObjectKey, Pod, Region};
use crate::plan::config::reference;
use crate::reconcile::{Key, News};

/// The bindings that a machine is about.
pub fn bindings(key: &Key, stores: &Stores, region: &Region) -> Vec<Arc<DirectAccessBinding>> {
    let rows = match key {
        Key::LoadBalancer(_, id) => stores.bindings.found(&Word::LoadBalancer(id.to_string())),
        Key::Unplaced(_, name) => stores.bindings.row(&name.namespace, &name.name).into_iter().collect(),
    };
    rows.iter().map(|row| row.0.clone()).filter(|binding| Key::of(binding, region) == *key).collect()
}

/// The kind of a change.
pub const fn news(change: &Change) -> News {
    match change {
        Change::Pod(_) | Change::Slice(_) => News::Members,
        Change::Binding(_)
        | Change::Service(_)
        | Change::Switches(_)
        | Change::Vpc(_)
        | Change::Hold(_)
        | Change::Config(_) => News::Input,
    }
}

/// The namespace of a change.
pub(super) fn namespace(change: &Change) -> &str {
    fn of<'a, V>(difference: &'a Difference<V>, namespace: fn(&'a V) -> &'a str) -> &'a str {
        difference.after.as_deref().or(difference.before.as_deref()).map_or("", namespace)
    }
    match change {
        Change::Binding(change) => of(change, |row| row.0.metadata.namespace.as_deref().unwrap_or_default()),
        Change::Service(change) => of(change, |service| &service.key.namespace),
        Change::Slice(change) => of(change, |slice| &slice.key.namespace),
        Change::Pod(change) => of(change, |pod| &pod.key.namespace),
        Change::Config(change) => of(change, |config| &config.key.namespace),
        Change::Switches(_) | Change::Vpc(_) | Change::Hold(_) => "",
    }
}

/// It concerns every binding of every namespace.
pub const fn is_of_all(change: &Change) -> bool {
    match change {
        Change::Switches(_) | Change::Vpc(_) | Change::Hold(_) => true,
        // There may be configs by now, or none, where nobody knew.
        Change::Config(change) => change.before.is_none() && change.after.is_none(),
        Change::Binding(_) | Change::Service(_) | Change::Slice(_) | Change::Pod(_) => false,
    }
}

/// The rounds that a change asks for, with what else the stores hold.
pub fn keys(change: &Change, stores: &Stores, region: &Region) -> BTreeSet<Key> {
    let of_service = |service: &ObjectKey| homes(&stores.bindings_of(service), region);
    match change {
        Change::Binding(change) => match (&change.before, &change.after) {
            (Some(before), Some(after)) if before.is_same_input(after) => BTreeSet::new(),
            (before, after) => [before, after].into_iter().flatten().map(|row| Key::of(&row.0, region)).collect(),
        },
        Change::Service(change) => either(change, |service| of_service(&service.key)),
        Change::Slice(change) => {
            either(change, |slice| of_service(&ObjectKey::new(&slice.key.namespace, &slice.service)))
        }
        Change::Pod(change) if is_echo(change) => BTreeSet::new(),
        Change::Pod(change) => either(change, |pod| of_pod(pod, stores, region)),
        // The caller knows by [`is_of_all`].
        Change::Switches(_) | Change::Vpc(_) | Change::Hold(_) => BTreeSet::new(),
        Change::Config(change) => match (&change.before, &change.after) {
            (Some(before), Some(after)) if before.is_same_input(after) => BTreeSet::new(),
            _ => either(change, |config| {
                let namespace = &config.key.namespace;
                let refers = |row: &&Arc<BindingRow>| {
                    let service = stores.services.row(namespace, &row.0.spec.service_ref.name);
                    reference(&row.0, service.as_deref()).is_some_and(|found| found.name == config.key.name)
                };
                // Configs change rarely, and a name may come from the binding or from its Service.
                homes(stores.bindings.rows(namespace).values().filter(refers), region)
            }),
        },
    }
}

/// Nothing but the gate of a Pod has gone on towards open: that is what a round wrote, and no news.
fn is_echo(change: &Difference<Pod>) -> bool {
    let (Some(before), Some(after)) = (change.before.as_deref(), change.after.as_deref()) else { return false };
    let goes_on = before.gate.is_waiting() && !matches!(after.gate, GateState::Unset | GateState::Absent);
    goes_on && Pod { gate: after.gate.clone(), ..before.clone() } == *after
}

fn either<V>(change: &Difference<V>, keys: impl Fn(&V) -> BTreeSet<Key>) -> BTreeSet<Key> {
    [&change.before, &change.after].into_iter().flatten().flat_map(|row| keys(row)).collect()
}

fn homes<'a>(rows: impl IntoIterator<Item = &'a Arc<BindingRow>>, region: &Region) -> BTreeSet<Key> {
    rows.into_iter().map(|row| Key::of(&row.0, region)).collect()
}

fn of_pod(pod: &Pod, stores: &Stores, region: &Region) -> BTreeSet<Key> {
    let mut keys = homes(&stores.bindings.found(&Word::Leaving(pod.key.namespace.clone())), region);
    keys.append(&mut homes(&stores.holding(pod), region));
    keys
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::{Value, json};

    use super::*;
    use crate::k8s::{pod, service};
    use crate::plan::selects;

    const FLEET: usize = 5_000;

    fn object<T: serde::de::DeserializeOwned>(object: Value) -> T {
        serde_json::from_value(object).unwrap()
    }

    /// So many bindings, each with a Service and a load balancer of its own, in one namespace; one of them has targets that leave, and
    /// one has no load balancer.
    fn fleet() -> Stores {
        let stores = Stores::default();
        for number in 0..FLEET {
            let name = format!("web-{number}");
            let of_service = object(json!({"metadata": {"name": name, "namespace": "shop"},
                "spec": {"selector": {"app": name, "tier": "front"}, "ports": [{"port": 80}]}}));
            stores.services.put("shop", &name, service(&of_service));
            let load_balancer = if number == 7 {
                json!({"create": {"network": "Public"}})
            } else {
                json!({"id": format!("lb-{number}")})
            };
            let mut binding: DirectAccessBinding = object(json!({
                "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
                "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{number}"), "resourceVersion": "1"},
                "spec": {"serviceRef": {"name": name}, "loadBalancer": load_balancer},
            }));
            if number == 9 {
                let mut status = crate::api::DirectAccessBindingStatus::default();
                status.targets.get_or_insert_default().retained = 1;
                binding.status = Some(status);
            }
            stores.bindings.put("shop", &name, BindingRow(Arc::new(binding)));
        }
        stores
    }

    fn uids(bindings: impl IntoIterator<Item = Arc<DirectAccessBinding>>) -> BTreeSet<String> {
        bindings.into_iter().filter_map(|binding| binding.metadata.uid.clone()).collect()
    }

    /// The bindings of a key, by looking at all.
    fn scanned(key: &Key, stores: &Stores, region: &Region) -> Vec<Arc<DirectAccessBinding>> {
        let all = stores.bindings.all();
        all.iter().map(|row| row.0.clone()).filter(|binding| Key::of(binding, region) == *key).collect()
    }

    /// The keys of a Pod, by looking at all.
    fn scanned_keys(pod: &Pod, stores: &Stores, region: &Region) -> BTreeSet<Key> {
        let (bindings, services) = (stores.bindings.rows("shop"), stores.services.rows("shop"));
        let concerns = |row: &&Arc<BindingRow>| {
            let leaves = row.0.status.as_ref().and_then(|status| status.targets.as_ref());
            leaves.is_some_and(|targets| targets.retained > 0)
                || services.get(&row.0.spec.service_ref.name).is_some_and(|service| selects(service, pod))
        };
        homes(bindings.values().filter(concerns), region)
    }

    #[test]
    fn what_is_found_by_words_is_what_a_look_at_all_finds_and_costs_less() {
        let (stores, region) = (fleet(), Region::from("ap-guangzhou"));
        let mut found = [(0.0, 0.0); 3];
        let timed = |sums: &mut (f64, f64), slow: &dyn Fn(), fast: &dyn Fn()| {
            for (sum, act) in [(&mut sums.0, slow), (&mut sums.1, fast)] {
                let start = Instant::now();
                act();
                *sum += start.elapsed().as_secs_f64() * 1e6;
            }
        };
        let sampled: Vec<usize> = (0..FLEET).step_by(FLEET / 20).chain([7, 9]).collect();
        for number in &sampled {
            let name = format!("web-{number}");
            let key = Key::of(&stores.bindings.row("shop", &name).unwrap().0, &region);
            assert_eq!(uids(bindings(&key, &stores, &region)), uids(scanned(&key, &stores, &region)), "{key}");
            let pod = Arc::new(pod(&object(json!({"metadata": {"name": "a", "namespace": "shop", "uid": "a",
                "labels": {"app": name, "tier": "front", "version": "1"}}}))));
            let change = Change::Pod(Difference { before: None, after: Some(pod.clone()) });
            assert_eq!(keys(&change, &stores, &region), scanned_keys(&pod, &stores, &region), "{name}");
            timed(&mut found[0], &|| drop(scanned(&key, &stores, &region)), &|| drop(bindings(&key, &stores, &region)));
            timed(&mut found[1], &|| drop(scanned_keys(&pod, &stores, &region)), &|| {
                drop(keys(&change, &stores, &region));
            });
            timed(&mut found[2], &|| drop(uids(stores.bindings.all().iter().map(|row| row.0.clone()))), &|| {
                assert!(stores.bindings.has(&Word::Uid(format!("uid-{number}"))));
            });
        }
        for (what, (slow, fast)) in ["the bindings of a round", "the rounds of a Pod", "who lives"].iter().zip(found) {
            let each = |sum: f64| sum / f64::from(u32::try_from(sampled.len()).unwrap());
            eprintln!("{what}: {:.1} µs, by a look at all {FLEET} {:.1} µs", each(fast), each(slow));
            assert!(fast * 5.0 < slow, "{what}: {fast} {slow}");
        }
    }

    #[test]
    fn when_nobody_knew_of_configs_everything_is_looked_at() {
        let change = Change::Config(Difference { before: None, after: None });
        assert!(is_of_all(&change));
        let stores = Stores::default();
        let binding = object(json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": "web", "namespace": "shop", "uid": "1"},
            "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"},
                "serviceConfigRef": {"name": "tuned"}},
        }));
        stores.bindings.put("shop", "web", BindingRow(Arc::new(binding)));
        let found = crate::operator::marks::configs(&change, &stores);
        assert_eq!(found, BTreeSet::from([ObjectKey::new("shop", "tuned")]));
    }
}
