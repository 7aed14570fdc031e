//! What users write has no bound but that of the API server, 1.5 MB an object. What is kept of it has one.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::names;
use crate::model::Annotations;

/// The longest text of a condition that is kept. Those that we write are a quarter of it at most.
const WORDS_MAX: usize = 4096;
/// The annotations of bindings and configs that are read.
const OWN: [&str; 4] = [names::ADOPT, names::ASKED_BY, names::PARKED, names::RECONCILE_REQUESTED_AT];
/// The longest of these that is kept. Their own words are shorter; of the time that a round was asked for, the status repeats 256
/// characters.
const OWN_MAX: usize = 1024;

/// The annotations under keys that are read.
pub(super) fn annotations(meta: &ObjectMeta, is_read: impl Fn(&str) -> bool) -> Annotations {
    let all = meta.annotations.iter().flatten();
    all.filter(|(key, _)| is_read(key)).map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// The words of a condition. Words that are too long to be ours are as good as none.
pub(super) fn words(text: &str) -> String {
    if text.len() <= WORDS_MAX { text.to_owned() } else { String::new() }
}

/// Takes away what nobody reads of the metadata of an object that is kept whole: who manages which field, and annotations of others, such
/// as the copy of the object that kubectl keeps. The object is never written back as it is.
pub(super) fn slim(meta: &mut ObjectMeta) {
    meta.managed_fields = None;
    let Some(annotations) = &mut meta.annotations else { return };
    annotations.retain(|key, _| OWN.contains(&key.as_str()));
    for value in annotations.values_mut() {
        // Cut, not taken away: it is there, and asks for something.
        let end = value.floor_char_boundary(OWN_MAX);
        value.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn meta(annotations: &[(&str, usize)]) -> ObjectMeta {
        let all: BTreeMap<_, _> =
            annotations.iter().map(|(key, length)| ((*key).to_owned(), "值".repeat(*length))).collect();
        ObjectMeta { annotations: Some(all), managed_fields: Some(Vec::new()), ..ObjectMeta::default() }
    }

    #[test]
    fn of_metadata_what_is_read_is_kept_and_never_much() {
        let mut meta = meta(&[
            (names::RECONCILE_REQUESTED_AT, 50_000),
            (names::PARKED, 3),
            ("kubectl.kubernetes.io/last-applied-configuration", 50_000),
        ]);
        slim(&mut meta);
        let lengths: Vec<_> =
            meta.annotations.iter().flatten().map(|(key, value)| (key.as_str(), value.len())).collect();
        assert_eq!(lengths, [(names::RECONCILE_REQUESTED_AT, 1023), (names::PARKED, 9)]);
        assert_eq!(meta.managed_fields, None);
    }

    #[test]
    fn of_annotations_those_that_are_read_are_kept_and_a_long_one_is_not_absent() {
        let meta = meta(&[("read", 3), ("long", 50_000), ("other", 3)]);
        let kept = annotations(&meta, |key| key != "other");
        assert!(kept.is("read", "值值值") && kept.contains_key("long") && !kept.contains_key("other"));
        assert!(kept.reading("long", "a word").is_unreadable());
        assert_eq!((words("short").as_str(), words(&"x".repeat(5000)).as_str()), ("short", ""));
    }
}
