//! Annotations as they are kept: each value that can be read, and of a longer one nothing but its length.

use std::collections::BTreeMap;

use super::reading::{KeyProblem, Reading, TEXT_MAX};

/// The value of an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Annotation {
    /// This text.
    Text(String),
    /// A text of so many bytes, which is more than is read. It is not kept, and it is not absent either.
    TooLong(usize),
}

impl From<String> for Annotation {
    fn from(text: String) -> Self {
        if text.len() <= TEXT_MAX { Self::Text(text) } else { Self::TooLong(text.len()) }
    }
}

impl From<&str> for Annotation {
    fn from(text: &str) -> Self {
        if text.len() <= TEXT_MAX { Self::Text(text.to_owned()) } else { Self::TooLong(text.len()) }
    }
}

impl PartialEq<str> for Annotation {
    fn eq(&self, text: &str) -> bool {
        matches!(self, Self::Text(own) if own == text)
    }
}

impl Annotation {
    /// What is written there; `form` says what to write instead of what cannot be read.
    pub fn reading<'a>(&'a self, key: &str, form: &str) -> Reading<&'a str> {
        match self {
            Self::Text(text) => Reading::text(key, Some(text), form),
            Self::TooLong(bytes) => {
                let message = format!("the value is {bytes} bytes long; at most {TEXT_MAX} are read; write {form}");
                Reading::Unreadable(KeyProblem::new(key, message))
            }
        }
    }
}

/// The annotations of an object, by key. No value in it is longer than what is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations(BTreeMap<String, Annotation>);

impl Annotations {
    /// What is written under a key; `form` says what to write instead of what cannot be read.
    pub fn reading(&self, key: &str, form: &str) -> Reading<&str> {
        self.0.get(key).map_or(Reading::Absent, |value| value.reading(key, form))
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Annotation> {
        self.0.get(key)
    }

    /// The key has exactly this value.
    pub fn is(&self, key: &str, value: &str) -> bool {
        self.0.get(key).is_some_and(|found| found == value)
    }

    /// The key is there, whatever its value.
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &Annotation> {
        self.0.values()
    }

    /// Puts a value under a key.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Annotation>) {
        self.0.insert(key.into(), value.into());
    }

    /// Takes away what is under a key.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// Takes away all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K: Into<String>, V: Into<Annotation>> Extend<(K, V)> for Annotations {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, rows: I) {
        self.0.extend(rows.into_iter().map(|(key, value)| (key.into(), value.into())));
    }
}

impl<K: Into<String>, V: Into<Annotation>> FromIterator<(K, V)> for Annotations {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(rows: I) -> Self {
        let mut all = Self::default();
        all.extend(rows);
        all
    }
}

impl IntoIterator for Annotations {
    type Item = (String, Annotation);
    type IntoIter = std::collections::btree_map::IntoIter<String, Annotation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_too_long_is_not_kept_and_not_absent() {
        let long = "x".repeat(TEXT_MAX + 1);
        let all: Annotations = [("short", "on"), ("long", long.as_str()), ("full", &long[1..])].into_iter().collect();
        assert_eq!(all.get("long"), Some(&Annotation::TooLong(TEXT_MAX + 1)));
        let Reading::Unreadable(problem) = all.reading("long", "a word") else { panic!("it can be read") };
        assert_eq!(
            problem.to_string(),
            "long: the value is 16385 bytes long; at most 16384 are read; write a word",
            "it names key and limit"
        );
        assert_eq!(all.reading("short", "a word"), Reading::Said("on"));
        assert_eq!(all.reading("full", "a word"), Reading::Said(&long[1..]));
        assert_eq!(all.reading("none", "a word"), Reading::Absent);
        assert!(all.is("short", "on") && !all.is("long", &long) && !all.is("none", ""));
    }
}
