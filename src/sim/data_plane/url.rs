//! Paths of rules: prefixes, exact ones and regular expressions.

use regex::{Regex, RegexBuilder};

/// What a rule's url matches. `= /path` is exactly that path, `~ expression` and `~* expression` (in any case) are regular
/// expressions, and everything else is a prefix.
#[derive(Clone, Debug)]
pub(super) enum UrlPattern {
    Exact(String),
    Expression(Regex),
    Prefix(String),
    /// An expression that is none: it matches nothing.
    Broken,
}

impl UrlPattern {
    pub(super) fn new(url: &str) -> Self {
        let expression = |text: &str, any_case| {
            let built = RegexBuilder::new(text.trim_start()).case_insensitive(any_case).build();
            built.map_or(Self::Broken, Self::Expression)
        };
        if let Some(rest) = url.strip_prefix("~*") {
            expression(rest, true)
        } else if let Some(rest) = url.strip_prefix('~') {
            expression(rest, false)
        } else if let Some(rest) = url.strip_prefix('=') {
            Self::Exact(rest.trim_start().to_owned())
        } else {
            Self::Prefix(url.to_owned())
        }
    }

    /// How well it matches, the larger the better; `None` when it does not. An exact path beats an expression, which beats
    /// a prefix, and of prefixes the longest wins.
    pub(super) fn rank(&self, path: &str) -> Option<(u8, usize)> {
        match self {
            Self::Exact(exact) => (path == exact).then_some((2, exact.len())),
            Self::Expression(expression) => expression.is_match(path).then_some((1, 0)),
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()).then_some((0, prefix.len())),
            Self::Broken => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_beats_expression_beats_the_longest_prefix() {
        let urls = ["/", "/api", "/api/v1", "= /api", "~ ^/api/v[0-9]+$", "~* \\.PNG$", "~ ("];
        let best = |path: &str| {
            let ranked = urls.iter().filter_map(|url| Some((UrlPattern::new(url).rank(path)?, *url)));
            ranked.max_by_key(|(rank, _)| *rank).map(|(_, url)| url)
        };
        let cases = [
            ("/", Some("/")),
            ("/api", Some("= /api")),
            ("/api/", Some("/api")),
            ("/api/v1", Some("~ ^/api/v[0-9]+$")),
            ("/api/v1/x", Some("/api/v1")),
            ("/logo.png", Some("~* \\.PNG$")),
            ("nothing", None),
        ];
        for (path, expected) in cases {
            assert_eq!(best(path), expected, "{path}");
        }
    }
}
