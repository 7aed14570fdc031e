//! What a user has written under a key: nothing, something, or something that cannot be read.
//!
//! Unreadable is never absent: what is absent may be taken away, and what cannot be read is held. So a [`Reading`] has no
//! shortcut to a default. Whoever needs the value says what each of the three cases means.

use std::fmt;

/// The most characters of a value that a message repeats.
const VALUE_MAX: usize = 64;
/// The most bytes of a value that is read.
pub(super) const TEXT_MAX: usize = 16 * 1024;

/// What a user has written under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reading<T> {
    /// Nothing is written.
    Absent,
    /// This is written.
    Said(T),
    /// What is written cannot be read.
    Unreadable(KeyProblem),
}

/// Why the value of a key is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    /// The key: that of an annotation, or the path of a field.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl KeyProblem {
    /// A problem in words of its own.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }

    /// A value that cannot be read; `form` says what to write instead.
    pub fn unreadable(key: impl Into<String>, value: &str, form: &str) -> Self {
        Self::new(key, format!("{} cannot be read; write {form}", quoted(value)))
    }

    /// The problem in the words of its Service: an annotation is called so, a field is not.
    pub fn of_service(&self) -> String {
        if self.key.starts_with("spec.") { self.to_string() } else { format!("annotation {self}") }
    }

    /// A value of which the part at `path` cannot be followed; `what` says why, and what to write instead.
    pub fn at(key: impl Into<String>, path: &str, what: &str) -> Self {
        Self::new(key, format!("{path}: {what}"))
    }
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// A user's value for a message: in quotes, on one line, cut to a length that can be read.
pub fn quoted(value: &str) -> String {
    let flat = |c: char| if c.is_control() { ' ' } else { c };
    let mut text: String = value.chars().map(flat).take(VALUE_MAX).collect();
    if value.chars().nth(VALUE_MAX).is_some() {
        text.push('…');
    }
    format!("\"{text}\"")
}

impl<'a> Reading<&'a str> {
    /// The text under a key, without white space around it. An empty one and one that is too long cannot be read; `form` says what
    /// to write instead.
    pub fn text(key: &str, value: Option<&'a str>, form: &str) -> Self {
        let Some(value) = value else { return Self::Absent };
        let text = value.trim();
        if text.len() > TEXT_MAX {
            let message =
                format!("{} is {} bytes long; at most {TEXT_MAX} are read; write {form}", quoted(text), text.len());
            return Self::Unreadable(KeyProblem::new(key, message));
        }
        if text.is_empty() {
            let message = format!("\"\" is empty; write {form}, or remove it");
            return Self::Unreadable(KeyProblem::new(key, message));
        }
        Self::Said(text)
    }
}

impl<T> Reading<T> {
    /// Reads further what is said.
    pub fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, KeyProblem>) -> Reading<U> {
        match self {
            Self::Absent => Reading::Absent,
            Self::Said(value) => match read(value) {
                Ok(value) => Reading::Said(value),
                Err(problem) => Reading::Unreadable(problem),
            },
            Self::Unreadable(problem) => Reading::Unreadable(problem),
        }
    }

    /// What is said, in another form.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Reading<U> {
        self.and_then(|value| Ok(change(value)))
    }

    /// One value from all three cases: what absence means, and what is held while the word cannot be read. The problem goes to
    /// `problems`.
    pub fn or_held(self, absent: T, held: T, problems: &mut Vec<KeyProblem>) -> T {
        match self {
            Self::Absent => absent,
            Self::Said(value) => value,
            Self::Unreadable(problem) => {
                problems.push(problem);
                held
            }
        }
    }

    /// It is written and cannot be read.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_neither_absent_nor_said() {
        let text = |value| Reading::text("key", value, "a word");
        assert_eq!(text(None), Reading::Absent);
        assert_eq!(text(Some(" on\n")), Reading::Said("on"));
        for odd in ["", " \n", &"x".repeat(TEXT_MAX + 1)] {
            let Reading::Unreadable(problem) = text(Some(odd)) else { panic!("{odd}") };
            assert!(problem.message.contains("write a word"), "{problem}");
            assert!(problem.message.chars().count() < 200, "{problem}");
        }
    }

    #[test]
    fn a_value_is_decided_with_all_three_cases() {
        let mut problems = Vec::new();
        let read = |value: &str| value.parse::<u8>().map_err(|_| KeyProblem::unreadable("key", value, "a number"));
        let of = |value| Reading::text("key", value, "a number").and_then(read);
        assert_eq!(of(None).or_held(1, 2, &mut problems), 1);
        assert_eq!(of(Some("7")).or_held(1, 2, &mut problems), 7);
        assert_eq!(problems, []);
        assert_eq!(of(Some("many\nmore")).or_held(1, 2, &mut problems), 2);
        assert_eq!(problems[0].to_string(), "key: \"many more\" cannot be read; write a number");
    }
}
