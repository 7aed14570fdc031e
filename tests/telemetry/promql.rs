//! As much of PromQL as it takes to tell which series an expression names, and by which labels.

/// One selector: the series, and the labels in its braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) series: String,
    /// Label, and the values that it is compared with.
    pub(crate) labels: Vec<(String, Vec<String>)>,
}

/// What an expression names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) selectors: Vec<Selector>,
    /// The labels that results are grouped by.
    pub(crate) grouped_by: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(expression: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = expression.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '"' {
            found.push(Token::Text(rest.by_ref().take_while(|c| *c != '"').collect()));
        } else if c == '[' {
            // A range, such as 5m or a variable of the dashboard.
            rest.by_ref().find(|c| *c == ']').expect("a range ends");
        } else if c.is_alphanumeric() || c == '_' || c == ':' {
            let mut word = c.to_string();
            while let Some(next) = rest.next_if(|c| c.is_alphanumeric() || "_:.".contains(*c)) {
                word.push(next);
            }
            found.push(Token::Word(word));
        } else if !c.is_whitespace() {
            found.push(Token::Sign(c));
        }
    }
    found
}

const OPERATORS: [&str; 9] = ["and", "or", "unless", "bool", "offset", "group_left", "group_right", "inf", "nan"];
const GROUPING: [&str; 4] = ["by", "without", "on", "ignoring"];

/// Takes an expression apart.
pub(crate) fn names(expression: &str) -> Names {
    let tokens = tokens(expression);
    let mut names = Names::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let Token::Word(word) = token else { continue };
        let next = tokens.get(at);
        if GROUPING.contains(&word.as_str()) {
            let list = tokens[at..].iter().take_while(|token| **token != Token::Sign(')'));
            names.grouped_by.extend(list.clone().filter_map(|token| match token {
                Token::Word(label) => Some(label.clone()),
                _ => None,
            }));
            at += list.count();
        } else if next == Some(&Token::Sign('{')) {
            let inside: Vec<_> = tokens[at + 1..].iter().take_while(|token| **token != Token::Sign('}')).collect();
            at += inside.len() + 2;
            names.selectors.push(Selector { series: word.clone(), labels: labels(&inside) });
        } else if next == Some(&Token::Sign('(')) || is_followed_by_grouping(next) {
            // A function or an aggregation.
        } else if !OPERATORS.contains(&word.as_str()) && !word.starts_with(|c: char| c.is_ascii_digit()) {
            names.selectors.push(Selector { series: word.clone(), labels: Vec::new() });
        }
    }
    names
}

fn is_followed_by_grouping(next: Option<&Token>) -> bool {
    matches!(next, Some(Token::Word(word)) if ["by", "without"].contains(&word.as_str()))
}

fn labels(inside: &[&Token]) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for token in inside {
        match token {
            Token::Word(label) => found.push((label.clone(), Vec::new())),
            Token::Text(value) => {
                let values = value.split('|').map(str::to_owned);
                found.last_mut().expect("a label stands before its value").1.extend(values);
            }
            Token::Sign(_) => {}
        }
    }
    found
}

#[test]
fn selectors_are_told_from_functions_and_labels() {
    let found = names(
        r#"time() - min by (reason) (a_seconds{reason!~"X|Y", job="j"} > 0) > 7 * 24 and sum(rate(b_total[5m])) / on (pod) c"#,
    );
    let selector = |series: &str, labels: &[(&str, &[&str])]| Selector {
        series: series.to_owned(),
        labels: labels
            .iter()
            .map(|(label, values)| ((*label).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()))
            .collect(),
    };
    let a = selector("a_seconds", &[("reason", &["X", "Y"]), ("job", &["j"])]);
    assert_eq!(found.selectors, [a, selector("b_total", &[]), selector("c", &[])]);
    assert_eq!(found.grouped_by, ["reason", "pod"]);
}
