//! Which config a binding uses: the one of its spec, else the one that its Service asks for by TKE's annotations.

use crate::api::{DirectAccessBinding, names};
use crate::model::{Annotation, Reading, Service};
use crate::plan::annotated::config_name;

/// A config that a binding uses, in its own namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The config's name.
    pub name: String,
    /// The binding has it made, and owns it.
    pub is_auto: bool,
}

/// The config that a binding uses; `None` when it uses none. Annotations that we wrote ourselves tell nothing new.
pub fn reference(binding: &DirectAccessBinding, service: Option<&Service>) -> Option<Reference> {
    if let Some(config) = &binding.spec.service_config_ref {
        return Some(Reference { name: config.name.clone(), is_auto: false });
    }
    if binding.spec.auto_service_config {
        let name = names::auto_config_name(binding.metadata.name.as_deref()?);
        return Some(Reference { name, is_auto: true });
    }
    let service = service?;
    let is_ours = |key: &str| service.our_annotations.iter().any(|ours| ours == key);
    let said = |key: &str| service.annotations.get(key).filter(|_| !is_ours(key));
    match config_name(said(names::SERVICE_CONFIG)) {
        Reading::Said(name) => return Some(Reference { name, is_auto: false }),
        // Nobody knows which config is meant: settings stay as they are.
        Reading::Unreadable(_) => return None,
        Reading::Absent => {}
    }
    said(names::SERVICE_CONFIG_AUTO)
        .is_some_and(|value| matches!(value, Annotation::Text(text) if text.trim() == "true"))
        .then(|| Reference { name: names::auto_config_name(&service.key.name), is_auto: true })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::plan::tests::world::{World, binding};

    fn found(spec: &Value, annotations: &[(&str, &str)], ours: &[&str]) -> Option<(String, bool)> {
        let mut service = World::new(&json!({})).service.unwrap();
        service.annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        service.our_annotations = ours.iter().map(|key| (*key).to_owned()).collect();
        reference(&binding(1, spec), Some(&service)).map(|found| (found.name, found.is_auto))
    }

    #[test]
    fn the_spec_comes_before_annotations_and_a_name_before_auto() {
        let (named, auto) = ((names::SERVICE_CONFIG, "theirs"), (names::SERVICE_CONFIG_AUTO, "true"));
        let other = |name: &str, is_auto| Some((name.to_owned(), is_auto));
        let spec = json!({"serviceConfigRef": {"name": "ours"}});
        assert_eq!(found(&spec, &[named, auto], &[]), other("ours", false));
        assert_eq!(found(&json!({"autoServiceConfig": true}), &[named], &[]), other("b1-auto-service-config", true));
        assert_eq!(found(&json!({}), &[named, auto], &[]), other("theirs", false));
        assert_eq!(found(&json!({}), &[auto], &[]), other("web-auto-service-config", true));
        assert_eq!(found(&json!({}), &[(names::SERVICE_CONFIG_AUTO, "yes")], &[]), None);
        assert_eq!(found(&json!({}), &[named, auto], &[names::SERVICE_CONFIG, names::SERVICE_CONFIG_AUTO]), None);
        for odd in ["", "web-auto-service-config", "web-auto-ingress-config", "Web"] {
            assert_eq!(found(&json!({}), &[(names::SERVICE_CONFIG, odd), auto], &[]), None, "{odd}");
        }
        assert_eq!(reference(&binding(1, &json!({})), None), None);
    }
}
