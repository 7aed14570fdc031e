//! The label by which Pods of a namespace get the readiness gate: whether it is there, and as what.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Client};

use super::error::of_api_server;
use crate::api::names;
use crate::model::nearest;

/// What a namespace says of injecting gates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GateLabel {
    /// Its Pods get gates.
    Enabled,
    /// It has no such label.
    Absent,
    /// It has the label with another value, or one that is almost it: as `key=value`.
    Other(String),
    /// The namespace cannot be read, for this reason.
    NotRead(String),
}

impl GateLabel {
    pub(super) fn of(labels: Option<&BTreeMap<String, String>>) -> Self {
        let Some(labels) = labels else { return Self::Absent };
        if labels.get(names::GATES_LABEL).is_some_and(|value| value == names::GATES_ENABLED) {
            return Self::Enabled;
        }
        let own = labels.get_key_value(names::GATES_LABEL);
        let near = || labels.get_key_value(nearest(names::GATES_LABEL, labels.keys().map(String::as_str))?);
        own.or_else(near).map_or(Self::Absent, |(key, value)| Self::Other(format!("{key}={value}")))
    }

    /// Why Pods of the namespace get no gates; `None` where they do, or nobody knows.
    pub(super) fn fault(&self, namespace: &str) -> Option<String> {
        let wanted = format!("{}={}", names::GATES_LABEL, names::GATES_ENABLED);
        match self {
            Self::Enabled | Self::NotRead(_) => None,
            Self::Absent => Some(format!("namespace '{namespace}' has no label {wanted}")),
            Self::Other(label) => Some(format!("namespace '{namespace}' has the label {label}, which is not {wanted}")),
        }
    }
}

/// Reads the label of one namespace.
pub(super) async fn of_namespace(client: &Client, name: &str) -> GateLabel {
    match Api::<Namespace>::all(client.clone()).get_opt(name).await {
        Ok(found) => GateLabel::of(found.and_then(|found| found.metadata.labels).as_ref()),
        Err(error) => GateLabel::NotRead(of_api_server(&error)),
    }
}

/// Reads the labels of all namespaces; why not, where they may not be listed.
pub(super) async fn of_all(client: &Client) -> Result<BTreeMap<String, GateLabel>, String> {
    let found = Api::<Namespace>::all(client.clone()).list(&ListParams::default()).await;
    let found = found.map_err(|error| of_api_server(&error))?.items.into_iter();
    let label = |one: Namespace| (one.metadata.name.unwrap_or_default(), GateLabel::of(one.metadata.labels.as_ref()));
    Ok(found.map(label).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_switches_nothing_on_is_named_as_it_is_written() {
        let key = names::GATES_LABEL;
        for (label, value, expected) in [
            (key, "enabled", None),
            (key, "Enabled", Some("has the label cloud.tencent.com/direct-access-gates=Enabled, which is not")),
            (key, "true", Some("has the label cloud.tencent.com/direct-access-gates=true, which is not")),
            (key, "", Some("has the label cloud.tencent.com/direct-access-gates=, which is not")),
            (
                "cloud.tencent.com/Direct-Access-Gate",
                "enabled",
                Some("has the label cloud.tencent.com/Direct-Access-Gate=enabled, which is not"),
            ),
            ("team", "enabled", Some("has no label cloud.tencent.com/direct-access-gates=enabled")),
        ] {
            let labels = [(label.to_owned(), value.to_owned())].into();
            let fault = GateLabel::of(Some(&labels)).fault("shop");
            assert_eq!(fault.is_some(), expected.is_some(), "{fault:?}");
            assert!(expected.is_none_or(|words| fault.is_some_and(|fault| fault.contains(words))), "{label}={value}");
        }
        assert_eq!(GateLabel::of(None), GateLabel::Absent);
        assert_eq!(
            GateLabel::NotRead("forbidden".to_owned()).fault("shop"),
            None,
            "nothing is said of what nobody knows"
        );
    }
}
