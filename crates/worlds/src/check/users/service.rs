//! Each annotation of a Service that asks for direct access is in force, or it is reported on the Service.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use tke_direct_access_core::api::binding::{DeletionPolicy, DrainAction};
use tke_direct_access_core::api::{DirectAccessBinding, names};
use tke_direct_access_core::plan::annotated::{KEYS, Treatment};

use super::{Memory, Sight, is_active, shown};
use crate::objects::own_annotations;
use crate::slices::selects;

/// The annotations that its users have written.
pub(super) fn annotations(service: &Service) -> BTreeMap<String, String> {
    let ours = own_annotations(&service.metadata);
    let all = service.metadata.annotations.iter().flatten().filter(|(key, _)| !ours.contains(*key));
    all.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The binding that was made for it.
pub(super) fn own<'a>(sight: &'a Sight<'_>, service: &Service) -> Option<&'a DirectAccessBinding> {
    let uid = service.metadata.uid.as_deref();
    sight
        .objects
        .bindings
        .values()
        .find(|binding| binding.metadata.owner_references.iter().flatten().any(|owner| Some(owner.uid.as_str()) == uid))
}

/// A switch.
const SWITCHES: [&str; 7] = [
    names::DIRECT_ACCESS,
    names::SERVICE_CONFIG_AUTO,
    names::PASS_TO_TARGET,
    names::GRACE_SHUTDOWN,
    names::GRACE_SHUTDOWN_NOT_READY,
    names::LOAD_BALANCER_RETAIN,
    names::DELETION_PROTECTION,
];

/// A value can be read: as it is meant by who writes it, to the letter but for white space around it.
pub(super) fn is_readable(key: &str, value: &str) -> bool {
    let value = value.trim();
    let is_id = |prefix: &str| {
        let rest = value.strip_prefix(prefix).unwrap_or_default();
        !rest.is_empty() && rest.bytes().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit())
    };
    match key {
        _ if SWITCHES.contains(&key) => ["true", "false"].contains(&value),
        names::EXISTING_LOAD_BALANCER_ID => is_id("lb-"),
        names::MODE => value == names::MODE_SKIP,
        // As far as it is JSON, its entries are looked at one by one.
        names::SPECIFY_PROTOCOL => serde_json::from_str::<Value>(value).is_ok_and(|value| value.is_object()),
        // None at all is a word, too.
        names::SECURITY_GROUPS => true,
        _ => !value.is_empty(),
    }
}

/// Each annotation can be read, as far as this knows.
pub(super) fn is_all_readable(service: &Service) -> bool {
    annotations(service).iter().all(|(key, value)| is_readable(key, value))
}

/// In how many letters two texts differ.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], place + 1);
        for (at, against) in other.iter().enumerate() {
            let here = (corner + usize::from(letter != *against)).min(row[at] + 1).min(row[at + 1] + 1);
            corner = std::mem::replace(&mut row[at + 1], here);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// A key that is almost this one, and is none that is known.
pub(super) fn near<'a>(said: &'a BTreeMap<String, String>, key: &str) -> Option<&'a String> {
    let is_known = |other: &str| KEYS.iter().any(|known| known.name == other);
    said.keys().find(|other| !is_known(other) && distance(&other.to_lowercase(), &key.to_lowercase()) <= 2)
}

/// The annotations that are neither in force nor reported.
pub(super) fn faults(sight: &Sight<'_>, memory: &Memory, service: &Service) -> Vec<String> {
    let said = annotations(service);
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let asks = said.get(names::DIRECT_ACCESS).map(|value| value.trim().to_owned());
    let own = own(sight, service).filter(|own| is_active(own));
    let words = reports(sight, memory, service);
    let is_reported = |key: &str| words.iter().any(|words| words.contains(key));
    match asks.as_deref() {
        Some("true") => {}
        Some("false") => {
            let fault = own.map(|own| format!("Service {name} says false, and has {:?}", own.metadata.name));
            return fault.into_iter().collect();
        }
        // Nobody knows whether it asks, and what else it says waits.
        Some(_) if is_reported(names::DIRECT_ACCESS) => return Vec::new(),
        Some(odd) => return vec![format!("Service {name}: direct-access {odd:?} is not reported: {words:?}")],
        None => return Vec::new(),
    }
    // All is held, and it is said why.
    if is_reported("stays as it is: ") {
        return Vec::new();
    }
    let look = Look { sight, service, own };
    // One that somebody has made counts more than the annotations, or has counted, and the condition says so.
    let is_of_others = |one: &&DirectAccessBinding| {
        one.spec.service_ref.name == name && own.is_none_or(|own| own.metadata.uid != one.metadata.uid)
    };
    let is_decided =
        sight.objects.bindings.values().any(|one| is_of_others(&one)) || (own.is_none() && look.is_unmet());
    let is_well = |(key, value): &(&String, &String)| {
        let known = KEYS.iter().find(|known| known.name == key.as_str());
        let is_idle = match known.map(|known| (known.treatment, known.usual)) {
            Some((Treatment::Ignored, usual)) => usual.contains(&value.trim()),
            // Controllers write it: a user who does is told, if it is another one than that in use.
            Some((Treatment::Written, _)) => *key != names::LOAD_BALANCER_ID || look.is_used(value.trim()),
            // Which of the two it is to be nobody knows until the other one is spelt right.
            Some((Treatment::Applied, _))
                if *key == names::SERVICE_CONFIG_AUTO && near(&said, names::SERVICE_CONFIG).is_some() =>
            {
                true
            }
            Some((Treatment::Applied, _)) => {
                is_readable(key, value) && (is_decided || look.is_in_force(key, value.trim()))
            }
            None => false,
        };
        // What a controller has written is nobody's word.
        is_idle || is_reported(key)
    };
    let odd = said.iter().filter(|word| !is_well(word));
    odd.map(|(key, value)| format!("Service {name}: {key}: {value:?} has no effect and no report: {words:?}")).collect()
}

/// Everything that the controller says on a Service, and on its bindings.
fn reports(sight: &Sight<'_>, memory: &Memory, service: &Service) -> Vec<String> {
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let conditions = service.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut all: Vec<String> = conditions.map(|one| one.message.clone()).collect();
    all.extend(memory.notes("Service", name).cloned());
    for binding in sight.objects.bindings.values().filter(|one| one.spec.service_ref.name == name) {
        let status = binding.status.iter();
        all.extend(status.flat_map(|status| &status.advice).map(|advice| advice.message.clone()));
    }
    all
}

/// What is looked at.
struct Look<'a> {
    sight: &'a Sight<'a>,
    service: &'a Service,
    own: Option<&'a DirectAccessBinding>,
}

impl Look<'_> {
    fn is_in_force(&self, key: &str, value: &str) -> bool {
        let Some(own) = self.own else { return key == names::MODE };
        let (load_balancer, listeners) = shown(self.sight, own);
        let is_at = |pointer: &str, wanted: &Value| load_balancer.pointer(pointer) == Some(wanted);
        let is_on = value == "true";
        let used = own.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let action = if is_on { DrainAction::WeightZero } else { DrainAction::Deregister };
        match key {
            names::DIRECT_ACCESS | names::MODE => true,
            names::SERVICE_CONFIG => self.sight.objects.configs.contains_key(value) || self.says(own, value),
            names::SERVICE_CONFIG_AUTO => {
                let name = names::auto_config_name(self.service.metadata.name.as_deref().unwrap_or_default());
                !is_on || self.sight.objects.configs.contains_key(&name)
            }
            names::EXISTING_LOAD_BALANCER_ID => {
                used.is_some_and(|used| used.id == value) || (used.is_none() && self.says(own, value))
            }
            names::CROSS_REGION_ID => used.is_none_or(|used| used.region == value),
            names::CROSS_VPC_ID => is_at("/VpcId", &json!(value)),
            names::INTERNAL_SUBNET_ID => is_at("/SubnetId", &json!(value)),
            names::INTERNET_CHARGE_TYPE => is_at("/NetworkAttributes/InternetChargeType", &json!(value)),
            names::INTERNET_MAX_BANDWIDTH_OUT => {
                value.parse::<i64>().is_ok_and(|mbps| is_at("/NetworkAttributes/InternetMaxBandwidthOut", &json!(mbps)))
            }
            names::PASS_TO_TARGET => is_at("/LoadBalancerPassToTarget", &json!(is_on)),
            names::SECURITY_GROUPS => {
                let groups: Vec<_> = value.split(',').filter(|group| !group.is_empty()).collect();
                is_at("/SecureGroups", &json!(groups)) || groups.is_empty() && is_at("/SecureGroups", &Value::Null)
            }
            names::EXTENSIVE_PARAMETERS => parameters(value, &load_balancer),
            names::SPECIFY_PROTOCOL => protocols(value, &listeners) || self.waits(own),
            names::GRACE_SHUTDOWN => own.spec.drain.terminating == action,
            names::GRACE_SHUTDOWN_NOT_READY => own.spec.drain.not_ready == action,
            names::LOAD_BALANCER_RETAIN | names::DELETION_PROTECTION => {
                !is_on || own.spec.deletion_policy != DeletionPolicy::Delete
            }
            // While there are no Pods, nobody knows which there will be.
            names::RS_WEIGHT => !self.sight.objects.pods.values().any(|pod| selects(self.service, pod)),
            _ => false,
        }
    }

    /// The condition of the Service says that it does not get what it asks for.
    fn is_unmet(&self) -> bool {
        let conditions = self.service.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|one| one.type_ == names::SERVICE_CONDITION && one.status != "True")
    }

    /// The load balancer of this id is in use, or none is.
    fn is_used(&self, id: &str) -> bool {
        let used = self.own.and_then(|own| own.status.as_ref()?.load_balancer.as_ref());
        used.is_none_or(|used| used.id == id || used.id.is_empty())
    }

    /// A condition of the binding names a value.
    fn says(&self, own: &DirectAccessBinding, value: &str) -> bool {
        let conditions = own.status.iter().flat_map(|status| &status.conditions);
        conditions.into_iter().any(|one| one.status == "False" && one.message.contains(value))
    }

    /// The binding is not ready, and says why.
    fn waits(&self, own: &DirectAccessBinding) -> bool {
        super::is_false(own, "Ready")
    }
}

fn parameters(value: &str, shown: &Value) -> bool {
    let Ok(Value::Object(all)) = serde_json::from_str(value) else { return false };
    all.iter().all(|(name, value)| match name.as_str() {
        "LoadBalancerName" => shown["LoadBalancerName"] == *value,
        "ZoneId" => shown["MasterZone"]["Zone"] == *value,
        "Tags" => value[0]["TagKey"].as_str().is_some_and(|key| {
            shown["Tags"].as_array().is_some_and(|all| all.iter().any(|tag| tag["TagKey"] == json!(key)))
        }),
        _ => false,
    })
}

/// Each entry has its listeners.
fn protocols(value: &str, listeners: &[Value]) -> bool {
    let Ok(Value::Object(all)) = serde_json::from_str(value) else { return false };
    all.iter().all(|(port, entry)| {
        let is_there = |protocol: &Value| {
            listeners.iter().any(|one| one["Protocol"] == *protocol && one["Port"].as_i64() == port.parse().ok())
        };
        entry["protocol"].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_there))
    })
}
