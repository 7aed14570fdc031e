//! The objects that make the API server inject the gate: a webhook configuration, or an admission policy. Pure.
//!
//! Field facts: Kubernetes reference, `admissionregistration.k8s.io/v1`. Defaults of the API server are written out, so that a
//! comparison sees when somebody changes them.

use k8s_openapi::ByteString;
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::settings::Reach;
use crate::api::names::{
    FIELD_MANAGER, GATE, GATE_INJECTION as NAME, GATES_ENABLED, GATES_LABEL, GROUP, PARKED, RESERVED_NAMESPACES,
    VERSION,
};

/// Name of the webhook inside its configuration.
pub const WEBHOOK: &str = "pods.direct-access.cloud.tencent.com";
/// Path that the webhook answers at.
pub(super) const PATH: &str = "/mutate-pods";
/// Label of everything that this module makes. Only what has it is ever removed.
pub(super) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", FIELD_MANAGER);
/// How long the API server waits for an answer, which takes milliseconds from memory. Several slow webhooks add up against
/// the 30 s that a client waits.
const TIMEOUT_SECONDS: i32 = 3;
/// Label and value of the controller's own Pods: they must be able to start without it.
const SELF: (&str, &str) = ("app.kubernetes.io/name", "direct-access-controller");
/// An object as it should be.
pub(super) struct Desired {
    /// Its kind.
    pub(super) resource: ApiResource,
    /// What it is called in metrics.
    pub(super) label: &'static str,
    /// The fields that are ours.
    pub(super) body: Value,
    /// Fields that are set once and then anybody's to edit.
    pub(super) yielding: &'static [&'static [&'static str]],
    /// Fields that must not be there, since they exclude one of ours.
    pub(super) excluded: Option<&'static [&'static str]>,
}

/// A kind of object that this module makes.
pub(super) fn resource(kind: &str, plural: &str) -> ApiResource {
    let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
    ApiResource::from_gvk_with_plural(&kind, plural)
}

/// The kind of the webhook configuration.
pub(super) fn webhook_resource() -> ApiResource {
    resource("MutatingWebhookConfiguration", "mutatingwebhookconfigurations")
}

/// The kind of the policy.
pub(super) fn policy_resource() -> ApiResource {
    resource("MutatingAdmissionPolicy", "mutatingadmissionpolicies")
}

/// The kind of the policy's binding.
pub(super) fn policy_binding_resource() -> ApiResource {
    resource("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings")
}

fn metadata() -> Value {
    json!({"name": NAME, "labels": {MANAGED_BY.0: MANAGED_BY.1}})
}

fn namespace_selector(own: &str) -> Value {
    let mut excluded = RESERVED_NAMESPACES.to_vec();
    if !excluded.contains(&own) {
        excluded.push(own);
    }
    json!({
        "matchLabels": {GATES_LABEL: GATES_ENABLED},
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": excluded}],
    })
}

fn object_selector() -> Value {
    json!({"matchExpressions": [{"key": SELF.0, "operator": "NotIn", "values": [SELF.1]}]})
}

fn rules() -> Value {
    json!([{
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "Namespaced",
    }])
}

/// The webhook's configuration. `bundle` is what the API server trusts, in PEM; `own` is the controller's namespace.
pub(super) fn webhook(reach: &Reach, bundle: &str, own: &str) -> Desired {
    let bundle = ByteString(bundle.as_bytes().to_vec());
    let (client, excluded): (Value, &'static [&'static str]) = match reach {
        Reach::Service { name, port } => {
            let service = json!({"namespace": own, "name": name, "port": port, "path": PATH});
            (json!({"caBundle": bundle, "service": service}), &["webhooks", "clientConfig", "url"])
        }
        Reach::Host(authority) => {
            let url = format!("https://{authority}{PATH}");
            (json!({"caBundle": bundle, "url": url}), &["webhooks", "clientConfig", "service"])
        }
    };
    let resource = webhook_resource();
    let body = json!({
        "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata(),
        "webhooks": [{
            "name": WEBHOOK,
            "admissionReviewVersions": ["v1"],
            "clientConfig": client,
            "rules": rules(),
            "failurePolicy": "Ignore",
            "matchPolicy": "Equivalent",
            "sideEffects": "None",
            "reinvocationPolicy": "Never",
            "timeoutSeconds": TIMEOUT_SECONDS,
            "namespaceSelector": namespace_selector(own),
            "objectSelector": object_selector(),
        }],
    });
    Desired {
        resource,
        label: "configuration",
        body,
        yielding: &[&["webhooks", "namespaceSelector"], &["webhooks", "objectSelector"]],
        excluded: Some(excluded),
    }
}

/// The bindings that select the Pod, in CEL: [`wants_gates`](crate::plan::wants_gates) and the Service's selector, which the
/// controller copies into the binding's status because CEL cannot look Services up.
fn selected() -> String {
    let parked = format!(
        "!(has(params.metadata.annotations) && '{PARKED}' in params.metadata.annotations \
           && has(params.metadata.ownerReferences) && params.metadata.ownerReferences.exists(owner, \
           owner.kind == 'Service' && has(owner.controller) && owner.controller))"
    );
    [
        "!has(params.metadata.deletionTimestamp)",
        "!(has(params.spec.suspend) && params.spec.suspend)",
        "!(has(params.spec.mode) && params.spec.mode == 'Delegate')",
        "!(has(params.spec.readinessGate) && has(params.spec.readinessGate.policy) \
           && params.spec.readinessGate.policy == 'Disabled')",
        &parked,
        "has(params.status) && has(params.status.podSelector) && size(params.status.podSelector) > 0",
        "has(object.metadata.labels) && params.status.podSelector.all(wanted, wanted.key in object.metadata.labels \
           && object.metadata.labels[wanted.key] == wanted.value)",
    ]
    .map(|condition| format!("({condition})"))
    .join(" && ")
}

/// The policy and its binding. `own` is the controller's namespace.
pub(super) fn policy(own: &str) -> [Desired; 2] {
    let gate = format!("Object.spec.readinessGates.item{{conditionType: '{GATE}'}}");
    let add = |path: &str, value: &str| format!("[JSONPatch{{op: 'add', path: '{path}', value: {value}}}]");
    let patch = format!(
        "has(object.spec.readinessGates) ? {} : {}",
        add("/spec/readinessGates/-", &gate),
        add("/spec/readinessGates", &format!("[{gate}]"))
    );
    let is_gated = format!("object.spec.readinessGates.exists(gate, gate.conditionType == '{GATE}')");
    let resource = policy_resource();
    let body = json!({
        "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata(),
        "spec": {
            "paramKind": {"apiVersion": format!("{GROUP}/{VERSION}"), "kind": "DirectAccessBinding"},
            "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": rules()},
            "matchConditions": [
                {"name": "not-gated", "expression": format!("!has(object.spec.readinessGates) || !{is_gated}")},
                {"name": "not-a-mirror", "expression":
                    "!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)"},
                {"name": "own-network", "expression": "!(has(object.spec.hostNetwork) && object.spec.hostNetwork)"},
                {"name": "selected", "expression": selected()},
            ],
            "failurePolicy": "Ignore",
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        },
    });
    let policy = Desired { resource, label: "policy", body, yielding: &[], excluded: None };
    [policy, policy_binding(own)]
}

fn policy_binding(own: &str) -> Desired {
    let resource = policy_binding_resource();
    let body = json!({
        "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata(),
        "spec": {
            "policyName": NAME,
            // Every binding of the Pod's namespace; none is no fault.
            "paramRef": {"selector": {}, "parameterNotFoundAction": "Allow"},
            "matchResources": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": namespace_selector(own),
                "objectSelector": object_selector(),
            },
        },
    });
    Desired {
        resource,
        label: "policy-binding",
        body,
        // Atomic: whoever writes one field of it owns all of them.
        yielding: &[&["spec", "matchResources"]],
        excluded: None,
    }
}
