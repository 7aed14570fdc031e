//! What users write and read: the two custom resources, their conditions, and every name that others can see.
//!
//! Pure types without behaviour of their own. The Rust types are the source of the YAML in `crds/`: bounds come from
//! the `garde` attributes of the fields, rules across fields from `binding::rules`, descriptions from the doc comments.
//! A doc comment of a field here is therefore written for the reader of `kubectl explain`.
//!
//! Enums that users write are closed, as the schema is. Reasons in statuses are strings: a controller must be able to
//! read what a newer one wrote. [`condition`] and [`event`] are the only places where their values are spelled,
//! and [`course`] says of each reason what becomes of a binding.

pub mod advice;
pub mod binding;
pub mod condition;
pub mod course;
pub mod event;
mod fragment;
pub mod mark;
pub mod names;
pub mod schema;
pub mod service_config;
pub mod upload_mark;

pub use binding::{DirectAccessBinding, DirectAccessBindingSpec, DirectAccessBindingStatus};
pub use schema::{SchemaError, crd_documents, crd_files, crds, crds_yaml};
pub use service_config::{TkeServiceConfig, TkeServiceConfigSpec, TkeServiceConfigStatus};

/// The longest message of a condition, exclusion or problem, in characters.
pub const MESSAGE_MAX: usize = 1024;

/// The largest `metadata.generation` of the schemas: JSON numbers are exact up to it.
const GENERATION_MAX: i64 = (1 << 53) - 1;

/// A text cut to at most `max` characters, the last of which is `…` when something was cut. Texts of the cloud have no
/// known length, and a status with one that is too long would be refused as a whole.
pub fn clip(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(std::iter::once('…').take(max)).collect()
}

#[cfg(test)]
mod tests {
    use super::clip;

    #[test]
    fn a_text_is_cut_by_characters_not_bytes() {
        assert_eq!(clip("余额不足", 4), "余额不足");
        assert_eq!(clip("余额不足了", 4), "余额不…");
        assert_eq!(clip("abc", 0), "");
    }
}
