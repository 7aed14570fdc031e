//! Each word of a user is in force, or it is reported by name where that user looks; none shows in what is another's; and a bad one leaves
//! what was in force as it was.

mod binding;
mod config;
mod held;
mod service;
mod table;
mod unsaid;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tke_direct_access_core::api::binding::Mode;
use tke_direct_access_core::api::mark::ListenerName;
use tke_direct_access_core::api::service_config::EntryProblem;
use tke_direct_access_core::api::{DirectAccessBinding, names};
use tke_direct_access_core::model::LoadBalancerId;

use super::Sight;
use crate::users::garbage_text;
use config::{Standing, words};
pub(crate) use held::Held;
pub(crate) use unsaid::Unsaid;

/// The rule that words of users are in force, or reported.
const HEARD: &str = "each word is in force or reported";

/// What is remembered of users' words.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// What Events have said, by kind and name of the object.
    notes: BTreeMap<(String, String), BTreeSet<String>>,
    pub(crate) held: Held,
}

impl Memory {
    /// An Event about an object.
    pub(crate) fn hear_note(&mut self, kind: &str, name: &str, note: &str) {
        self.notes.entry((kind.to_owned(), name.to_owned())).or_default().insert(note.to_owned());
    }

    fn notes(&self, kind: &str, name: &str) -> impl Iterator<Item = &String> {
        self.notes.get(&(kind.to_owned(), name.to_owned())).into_iter().flatten()
    }
}

/// What is wrong with how users' words were taken.
pub(crate) fn faults(sight: &Sight<'_>, memory: &Memory) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    for (name, config) in &sight.objects.configs {
        let spec = config.fields.get("spec").cloned().unwrap_or_default();
        faults.extend(of_config(sight, memory, name, &spec).into_iter().map(|words| (HEARD, words)));
    }
    for bound in sight.objects.bindings.values().filter(|one| is_active(one)) {
        faults.extend(binding::faults(sight, bound).into_iter().map(|words| (HEARD, words)));
    }
    for found in sight.objects.services.values() {
        faults.extend(service::faults(sight, memory, found).into_iter().map(|words| (HEARD, words)));
    }
    faults.extend(strays(sight).into_iter().map(|words| ("what is said stays with whom it is of", words)));
    faults.extend(memory.held.faults(sight).into_iter().map(|words| ("a bad word changes nothing", words)));
    faults
}

/// The controller acts for it: it is not going, not paused, not parked, and not left to TKE.
fn is_active(binding: &DirectAccessBinding) -> bool {
    let is_parked = binding.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(names::PARKED));
    let is_going = binding.metadata.deletion_timestamp.is_some();
    !is_going && !is_parked && !binding.spec.suspend && binding.spec.mode == Mode::Direct
}

/// What the cloud shows of the load balancer of a binding, and of the listeners there that are the binding's own.
fn shown(sight: &Sight<'_>, binding: &DirectAccessBinding) -> (Value, Vec<Value>) {
    let used = binding.status.as_ref().and_then(|status| status.load_balancer.as_ref()).map(|one| one.id.clone());
    let Some(id) = used.map(LoadBalancerId::new) else { return (Value::Null, Vec::new()) };
    let state = sight.cloud.state();
    let load_balancer = state.load_balancer(&id).map(|one| serde_json::to_value(one.shown()).unwrap_or_default());
    let uid = binding.metadata.uid.as_deref().unwrap_or_default();
    // One that was made for a Service, and is made again, finds what the one before had.
    let is_own = |other: &str| {
        other == uid || binding.metadata.owner_references.is_some() && sight.objects.binding_of_uid(other).is_none()
    };
    let all = state
        .shown(&id)
        .into_iter()
        .filter(|listener| listener.listener_name.as_deref().and_then(ListenerName::owner).is_some_and(is_own));
    let all = all.filter_map(|listener| serde_json::to_value(listener).ok()).collect();
    (load_balancer.unwrap_or_default(), all)
}

/// The name of the config that a binding is to use.
fn config_name(sight: &Sight<'_>, binding: &DirectAccessBinding) -> Option<String> {
    if let Some(config) = &binding.spec.service_config_ref {
        return Some(config.name.clone());
    }
    if binding.spec.auto_service_config {
        return binding.metadata.name.as_deref().map(names::auto_config_name);
    }
    let service = sight.objects.services.get(&binding.spec.service_ref.name)?;
    let said = service::annotations(service).get(names::SERVICE_CONFIG)?.trim().to_owned();
    (!names::is_reserved_config(&said)).then_some(said)
}

/// The bindings that are to use a config.
fn users<'a>(sight: &'a Sight<'_>, config: &str) -> Vec<&'a DirectAccessBinding> {
    // What is not accepted is not followed, and says so.
    let is_followed = |one: &&DirectAccessBinding| is_active(one) && !is_false(one, "Accepted");
    naming(sight, config).filter(is_followed).collect()
}

/// The bindings that name a config, whether or not they can use it.
fn naming<'a>(sight: &'a Sight<'_>, config: &str) -> impl Iterator<Item = &'a DirectAccessBinding> {
    let names = move |one: &&DirectAccessBinding| config_name(sight, one).as_deref() == Some(config);
    sight.objects.bindings.values().filter(names)
}

/// The condition of this type says that it is not so.
fn is_false(binding: &DirectAccessBinding, kind: &str) -> bool {
    let conditions = binding.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|found| found.type_ == kind && found.status != "True")
}

fn of_config(sight: &Sight<'_>, memory: &Memory, name: &str, spec: &Value) -> Vec<String> {
    let users = users(sight, name);
    let own: Vec<EntryProblem> = sight
        .objects
        .configs
        .get(name)
        .and_then(|config| config.fields.get("status")?.get("problems").cloned())
        .and_then(|all| serde_json::from_value(all).ok())
        .unwrap_or_default();
    let each: Vec<_> = users
        .iter()
        .map(|user| {
            let (load_balancer, listeners) = shown(sight, user);
            (*user, load_balancer, words(spec, &listeners))
        })
        .collect();
    // What a binding wants that is not in force, nobody knows yet.
    let is_for_others = naming(sight, name).count() > users.len();
    let mut faults = Vec::new();
    let Some((_, _, first)) = each.first() else { return faults };
    for place in 0..first.len() {
        let all = each.iter().filter_map(|(user, shown, words)| {
            let word = words.get(place)?;
            Some((*user, word, word.standing(shown)))
        });
        let all: Vec<_> = all.collect();
        let is_open = all.iter().any(|(user, ..)| is_false(user, "Ready"));
        let is_for_something = all.iter().any(|(.., standing)| *standing != Standing::ForNothing);
        for (user, word, standing) in &all {
            let is_said = word.is_reported(&config::problems(user));
            let is_well = match standing {
                Standing::Idle | Standing::InForce => true,
                // What the binding itself lacks is said by its condition, and nothing is set until then.
                Standing::NotInForce => is_said || is_false(user, "ResolvedRefs"),
                Standing::Unreadable => is_said,
                Standing::ForNothing if is_for_something || is_for_others => true,
                // One of several bindings cannot know it: it is said of the config itself.
                Standing::ForNothing => {
                    let is_noted = memory.notes("TkeServiceConfig", name).any(|note| word.is_of_entry_in(note));
                    is_said || is_noted || word.is_reported(&own) || is_open
                }
            };
            if !is_well {
                let by = user.metadata.name.as_deref().unwrap_or_default();
                let shown = word.entry.shown.as_ref().map(ToString::to_string).unwrap_or_default();
                let problems = config::problems(user);
                faults.push(format!(
                    "config {name}, for {by}: {} {} is {standing:?}, {:?}; there are {shown}",
                    word.path, word.value, problems
                ));
            }
        }
    }
    faults
}

/// Texts that one user has written and that show in the status of what is not that user's.
fn strays(sight: &Sight<'_>) -> Vec<String> {
    let mut owners: Vec<(String, BTreeSet<(&str, String)>)> = Vec::new();
    for name in sight.objects.configs.keys() {
        let mut theirs: BTreeSet<_> = [("config", name.clone())].into();
        for user in naming(sight, name) {
            theirs.insert(("binding", user.metadata.name.clone().unwrap_or_default()));
            theirs.insert(("service", user.spec.service_ref.name.clone()));
        }
        owners.push((garbage_text(&format!("config-{name}")), theirs));
    }
    let of_service = |name: &str| {
        let bindings = sight.objects.bindings.values().filter(|one| one.spec.service_ref.name == name);
        let bindings = bindings.filter_map(|one| Some(("binding", one.metadata.name.clone()?)));
        bindings.chain([("service", name.to_owned())]).collect::<BTreeSet<_>>()
    };
    owners
        .extend(sight.objects.services.keys().map(|name| (garbage_text(&format!("service-{name}")), of_service(name))));
    for (name, binding) in &sight.objects.bindings {
        let mut theirs = of_service(&binding.spec.service_ref.name);
        theirs.insert(("binding", name.clone()));
        owners.push((garbage_text(&format!("binding-{name}")), theirs));
    }
    let mut said: Vec<((&str, String), String)> = Vec::new();
    for (name, one) in &sight.objects.bindings {
        said.push((("binding", name.clone()), serde_json::to_string(&one.status).unwrap_or_default()));
    }
    for (name, one) in &sight.objects.services {
        said.push((("service", name.clone()), serde_json::to_string(&one.status).unwrap_or_default()));
    }
    for (name, one) in &sight.objects.configs {
        let status = one.fields.get("status").map(ToString::to_string);
        said.push((("config", name.clone()), status.unwrap_or_default()));
    }
    let mut faults = Vec::new();
    for (text, theirs) in &owners {
        let strays = said.iter().filter(|(object, words)| !theirs.contains(object) && words.contains(text.as_str()));
        faults.extend(strays.map(|(object, words)| format!("{text} shows in the status of {object:?}: {words}")));
    }
    faults
}
