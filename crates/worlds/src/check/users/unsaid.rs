//! Settings that somebody has said once, and that nobody says in the end.

use serde_json::Value;

use super::config::words;
use super::table::{Place, Said, said, setting};
use super::{config_name, shown};
use crate::check::Sight;

/// Settings of listeners and rules, by id, that a config has said once, and that the config of their binding does not say in the end.
/// What is not set is left as it is: what they are depends on whether the listener was there before they were not said any more.
#[derive(Debug, Default)]
pub(crate) struct Unsaid(Vec<(String, Place)>);

impl Unsaid {
    /// Those of the end of a story that has had these configs.
    pub(crate) fn of<'a>(sight: &Sight<'_>, configs: impl Iterator<Item = &'a Value>) -> Self {
        let (mut once, mut now) = (Vec::new(), Vec::new());
        let configs: Vec<_> = configs.collect();
        for binding in sight.objects.bindings.values() {
            let (_, listeners) = shown(sight, binding);
            configs.iter().for_each(|spec| places(spec, &listeners, &mut once));
            let config = config_name(sight, binding).and_then(|name| sight.objects.configs.get(&name));
            let spec = config.and_then(|config| config.fields.get("spec"));
            spec.into_iter().for_each(|spec| places(spec, &listeners, &mut now));
        }
        once.retain(|place| !now.contains(place));
        Self(once)
    }

    /// Takes them out of what the cloud shows of the listener or rule of this id.
    pub(crate) fn hide(&self, id: &str, of: &mut Value) {
        for (_, place) in self.0.iter().filter(|(one, _)| one == id) {
            let pointer = match place {
                // What a check looks like is another thing for each type.
                Place::Member("/HealthCheck/CheckType") => "/HealthCheck",
                Place::Member(pointer) => pointer,
                Place::CheckSwitch => "/HealthCheck/HealthSwitch",
                Place::Session => "/SessionExpireTime",
                Place::Flag(flag) => {
                    if let Some(Value::Array(flags)) = of.pointer_mut("/AttrFlags") {
                        flags.retain(|one| one != flag);
                    }
                    continue;
                }
                Place::DefaultServer | Place::Nowhere | Place::Key | Place::LoadBalancer(_) => continue,
            };
            if let Some(value) = of.pointer_mut(pointer) {
                *value = Value::Null;
            }
        }
    }
}

/// What a config says of these listeners.
fn places(spec: &Value, listeners: &[Value], found: &mut Vec<(String, Place)>) {
    for word in words(spec, listeners) {
        let (Some((form, place)), Some(shown)) = (setting(&word.path), &word.entry.shown) else { continue };
        let id = shown["LocationId"].as_str().or(shown["ListenerId"].as_str()).unwrap_or_default();
        if matches!(said(form, &word.value), Said::This(_)) {
            found.push((id.to_owned(), place));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_said_any_more_is_not_compared_and_all_else_is() {
        let listeners = [json!({"ListenerId": "l", "Protocol": "TCP", "Port": 80})];
        let mut said = Vec::new();
        let entry = |members: Value| json!({"loadBalancer": {"l4Listeners": [members]}});
        let session = json!({"protocol": "tcp", "port": 80, "session": {"sessionExpireTime": 60}, "scheduler": ""});
        places(&entry(session), &listeners, &mut said);
        places(&entry(json!({"protocol": "TCP", "port": 81, "scheduler": "WRR"})), &listeners, &mut said);
        let settings = |session: u32| json!({"SessionExpireTime": session, "Scheduler": "WRR"});
        let hidden = |id: &str| {
            let mut of = settings(60);
            Unsaid(said.clone()).hide(id, &mut of);
            of
        };
        assert_eq!(hidden("l"), json!({"SessionExpireTime": null, "Scheduler": "WRR"}));
        assert_eq!(hidden("m"), settings(60));
    }
}
