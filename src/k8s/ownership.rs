//! What of a Service is ours, by the fields that the API server says our field manager owns. Who changes a field owns it from then on.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

use crate::api::names;
use crate::plan::annotated;

/// The sets of fields that our field manager owns.
fn our_fields(managed: &[ManagedFieldsEntry]) -> impl Iterator<Item = &serde_json::Value> {
    let ours = managed.iter().filter(|entry| entry.manager.as_deref() == Some(names::FIELD_MANAGER));
    ours.filter_map(|entry| entry.fields_v1.as_ref()).map(|fields| &fields.0)
}

/// Our field manager owns the list of addresses, which is owned as a whole (k8s.io/api, core/v1, `LoadBalancerStatus`).
pub(super) fn has_our_ingress(managed: &[ManagedFieldsEntry]) -> bool {
    our_fields(managed).any(|fields| fields.pointer("/f:status/f:loadBalancer/f:ingress").is_some())
}

/// The annotation keys that our field manager owns.
pub(super) fn our_annotations(managed: &[ManagedFieldsEntry]) -> Vec<String> {
    let annotations =
        our_fields(managed).filter_map(|fields| fields.get("f:metadata")?.get("f:annotations")?.as_object());
    let keys = annotations.flat_map(|keys| keys.keys().filter_map(|key| key.strip_prefix("f:")));
    keys.filter(|key| annotated::is_known(key)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn addresses_are_ours_when_we_have_written_them_last() {
        let is_ours = |entries: &[(&str, Value)]| {
            let entry = |(manager, fields): &(&str, Value)| json!({"manager": manager, "fieldsV1": fields});
            let entries: Vec<_> = entries.iter().map(entry).collect();
            has_our_ingress(&serde_json::from_value::<Vec<_>>(json!(entries)).unwrap())
        };
        let addresses = || json!({"f:status": {"f:loadBalancer": {"f:ingress": {}}}});
        assert!(is_ours(&[(names::FIELD_MANAGER, addresses())]));
        assert!(is_ours(&[("tke", addresses()), (names::FIELD_MANAGER, addresses())]), "two say the same");
        assert!(!is_ours(&[
            ("tke", addresses()),
            (names::FIELD_MANAGER, json!({"f:metadata": {"f:annotations": {}}}))
        ]));
        assert!(!is_ours(&[(names::SERVICES_FIELD_MANAGER, json!({"f:status": {"f:conditions": {}}}))]));
        assert!(!is_ours(&[]));
    }
}
