//! Schemas of types that are not ours, written by hand: tighter than what their crates would print.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::{GENERATION_MAX, MESSAGE_MAX};

/// A time of Kubernetes: RFC 3339.
pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// A port by number or by name.
pub(super) fn port_or_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": 1, "maximum": 65535, "minLength": 1, "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    })
}

/// A value of which only the presence is known.
pub(super) fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"x-kubernetes-preserve-unknown-fields": true})
}

/// The conditions of a status. Bounds of type and reason are those of `meta/v1`; messages are ours and bounded more
/// tightly.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of the current state.",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {
                    "type": "string", "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
                    "description": "The aspect, such as Ready. New ones may appear in later versions.",
                },
                "status": {
                    "type": "string", "enum": ["True", "False", "Unknown"],
                    "description": "Whether the aspect holds; Unknown while it cannot be told.",
                },
                "reason": {
                    "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                    "description": "Why it has this status, in one word for programs. New ones may appear in later versions.",
                },
                "message": {
                    "type": "string", "maxLength": MESSAGE_MAX,
                    "description": "Why it has this status, for people; what to do, when there is something to do.",
                },
                "lastTransitionTime": {
                    "type": "string", "format": "date-time",
                    "description": "When the status last changed from one value to another.",
                },
                "observedGeneration": {
                    "type": "integer", "format": "int64", "minimum": 0, "maximum": GENERATION_MAX,
                    "description": "The metadata.generation that this condition judges.",
                },
            },
        },
    })
}
