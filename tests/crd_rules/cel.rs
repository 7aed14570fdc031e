//! As much of CEL as the rules of our definitions use, so that they are judged without an API server.

use std::collections::BTreeMap;

use serde_json::Value;

/// An expression.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Literal(Value),
    List(Vec<Expr>),
    Name(String),
    Field(Box<Expr>, String),
    /// A function, or a method whose object comes first.
    Call(String, Vec<Expr>),
    Not(Box<Expr>),
    /// An operator between two.
    Two(Box<Expr>, String, Box<Expr>),
}

/// What the names stand for.
pub(crate) type Names = BTreeMap<String, Value>;

/// Reads a rule.
pub(crate) fn parse(text: &str) -> Expr {
    let mut reader = Reader { words: words(text), place: 0 };
    let found = reader.either(0);
    assert_eq!(reader.place, reader.words.len(), "the whole rule is read: {text}");
    found
}

fn words(text: &str) -> Vec<String> {
    let pattern = regex::Regex::new(r"'[^']*'|[A-Za-z_][A-Za-z_0-9]*|[0-9]+|\|\||&&|[=!<>]=|[^\s]").unwrap();
    pattern.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

/// Operators from the loosest to the tightest.
const LEVELS: [&[&str]; 3] = [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">", "in"]];

struct Reader {
    words: Vec<String>,
    place: usize,
}

impl Reader {
    fn next_is(&self, word: &str) -> bool {
        self.words.get(self.place).is_some_and(|next| next == word)
    }

    fn take(&mut self) -> String {
        self.place += 1;
        self.words[self.place - 1].clone()
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.next_is(word);
        self.place += usize::from(is_next);
        is_next
    }

    fn either(&mut self, level: usize) -> Expr {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.either(level + 1);
        while self.words.get(self.place).is_some_and(|next| operators.contains(&next.as_str())) {
            let operator = self.take();
            left = Expr::Two(Box::new(left), operator, Box::new(self.either(level + 1)));
        }
        left
    }

    fn unary(&mut self) -> Expr {
        if self.takes("!") {
            return Expr::Not(Box::new(self.unary()));
        }
        let mut found = self.primary();
        while self.takes(".") {
            let name = self.take();
            found = if self.takes("(") {
                let mut all = vec![found];
                all.extend(self.list(")"));
                Expr::Call(name, all)
            } else {
                Expr::Field(Box::new(found), name)
            };
        }
        found
    }

    fn list(&mut self, end: &str) -> Vec<Expr> {
        let mut all = Vec::new();
        while !self.takes(end) {
            all.push(self.either(0));
            self.takes(",");
        }
        all
    }

    fn primary(&mut self) -> Expr {
        let word = self.take();
        if word == "(" {
            let found = self.either(0);
            assert!(self.takes(")"));
            return found;
        }
        if word == "[" {
            return Expr::List(self.list("]"));
        }
        if let Some(text) = word.strip_prefix('\'') {
            return Expr::Literal(text.trim_end_matches('\'').into());
        }
        if let Ok(number) = word.parse::<i64>() {
            return Expr::Literal(number.into());
        }
        if self.takes("(") {
            return Expr::Call(word, self.list(")"));
        }
        Expr::Name(word)
    }
}

/// Whether a rule holds. What the API server could not evaluate, it would refuse: here that is a panic.
pub(crate) fn holds(expr: &Expr, names: &Names) -> bool {
    eval(expr, names).as_bool().unwrap_or_else(|| panic!("{expr:?} is neither true nor false"))
}

fn eval(expr: &Expr, names: &Names) -> Value {
    match expr {
        Expr::Literal(value) => value.clone(),
        Expr::List(all) => all.iter().map(|one| eval(one, names)).collect(),
        Expr::Name(name) => names.get(name).unwrap_or_else(|| panic!("{name} is not known")).clone(),
        Expr::Field(object, name) => {
            eval(object, names).get(name).unwrap_or_else(|| panic!("there is no {name}")).clone()
        }
        Expr::Not(one) => (!holds(one, names)).into(),
        Expr::Call(function, arguments) => call(function, arguments, names),
        Expr::Two(left, operator, right) => match operator.as_str() {
            "||" => (holds(left, names) || holds(right, names)).into(),
            "&&" => (holds(left, names) && holds(right, names)).into(),
            operator => compare(&eval(left, names), operator, &eval(right, names)).into(),
        },
    }
}

fn compare(left: &Value, operator: &str, right: &Value) -> bool {
    let numbers = || (left.as_i64().unwrap(), right.as_i64().unwrap());
    match operator {
        "==" => left == right,
        "!=" => left != right,
        "in" => right.as_array().unwrap().contains(left),
        "<=" => numbers().0 <= numbers().1,
        ">=" => numbers().0 >= numbers().1,
        "<" => numbers().0 < numbers().1,
        ">" => numbers().0 > numbers().1,
        other => panic!("{other} is not known"),
    }
}

fn call(function: &str, arguments: &[Expr], names: &Names) -> Value {
    match (function, arguments) {
        ("has", [Expr::Field(object, name)]) => eval(object, names).get(name).is_some().into(),
        ("size", [one]) => match eval(one, names) {
            Value::Array(all) => all.len().into(),
            Value::String(text) => text.chars().count().into(),
            other => panic!("{other} has no size"),
        },
        ("endsWith", [text, end]) => {
            let (text, end) = (eval(text, names), eval(end, names));
            text.as_str().unwrap().ends_with(end.as_str().unwrap()).into()
        }
        ("all" | "exists_one", [list, Expr::Name(name), rule]) => {
            let list = eval(list, names);
            let all = list.as_array().unwrap();
            let of = |item: &&Value| {
                let mut names = names.clone();
                names.insert(name.clone(), (*item).clone());
                holds(rule, &names)
            };
            let holding = all.iter().filter(of).count();
            if function == "all" { holding == all.len() } else { holding == 1 }.into()
        }
        (other, _) => panic!("{other} is not known with {} arguments", arguments.len()),
    }
}
