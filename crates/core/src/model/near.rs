//! Words that nobody knows, and the known ones that were probably meant.

/// The part of a word's letters, as one in so many, that may be wrong.
const WRONG_LETTERS: usize = 3;
/// The most letters that may be wrong.
const MOST_WRONG: usize = 3;

/// The known word that is most like this one, whatever the case of letters; `None` when none is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let allowed = (lower.chars().count() / WRONG_LETTERS).clamp(1, MOST_WRONG);
    let distance = |other: &str| strsim::osa_distance(&lower, &other.to_lowercase());
    let near = known.into_iter().map(|other| (distance(other), other)).filter(|(distance, _)| *distance <= allowed);
    near.min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found_and_no_other() {
        let known = ["drain", "listeners", "loadBalancer", "mode", "weight"];
        for (word, expected) in [
            ("drian", Some("drain")),
            ("Listener", Some("listeners")),
            ("loadbalancer", Some("loadBalancer")),
            ("wieght", Some("weight")),
            ("node", Some("mode")),
            ("serviceRef", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
