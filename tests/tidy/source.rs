//! Reads Rust text as far as the checks need it: what is code, what is test, where functions begin and end.

/// A source file.
pub(crate) struct Source {
    /// Its path below the package, with `/` between folders.
    pub(crate) path: String,
    /// Its text as it is.
    pub(crate) text: String,
    /// Its text with comments and the insides of literals blanked; as long as the text, line by line.
    pub(crate) code: String,
    /// The code without what is compiled for tests only; empty for files and folders named `tests` in `src`.
    pub(crate) product: String,
}

impl Source {
    /// Reads a file's text.
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code = blank(&text);
        let is_test =
            below_src(&path).is_some_and(|below| below.trim_end_matches(".rs").split('/').any(|part| part == "tests"));
        let product = if is_test { String::new() } else { without_tests(&code) };
        Self { path, text, code, product }
    }

    /// The names of folders and file below `src/`; empty for other files. `mod.rs` and `lib.rs` do not count.
    pub(crate) fn module(&self) -> Vec<&str> {
        let Some(below) = below_src(&self.path).and_then(|path| path.strip_suffix(".rs")) else {
            return Vec::new();
        };
        below.split('/').filter(|part| !matches!(*part, "mod" | "lib")).collect()
    }

    /// The number of lines that are compiled for the product.
    pub(crate) fn product_lines(&self) -> usize {
        let code = self.product.lines().zip(self.code.lines());
        self.text.lines().zip(code).filter(|(_, (product, code))| product == code).count()
    }
}

/// What follows `src/` in the path of a file of the package or of one of its crates; `None` for other files.
pub(crate) fn below_src(path: &str) -> Option<&str> {
    let in_crate = path.strip_prefix("crates/").and_then(|path| path.split_once('/')).map(|(_, path)| path);
    in_crate.unwrap_or(path).strip_prefix("src/")
}

/// The text with comments and the insides of string and character literals replaced by spaces.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = out.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let (skipped, keep) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), 0),
            '/' if rest.starts_with("/*") => (block_comment(rest), 0),
            'r' | 'b' | 'c' if !after_word => match literal_prefix(rest) {
                Some((quote, hashes, raw)) => (quote + string(&rest[quote..], hashes, raw), quote + 1),
                None => (1, 1),
            },
            '"' => (string(rest, 0, false), 1),
            '\'' => (character(rest), 1),
            _ => (first.len_utf8(), first.len_utf8()),
        };
        out.push_str(&rest[..keep]);
        out.extend(rest[keep..skipped].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[skipped..];
    }
    out
}

/// The length of the block comment that the text begins with; such comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        match rest {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// For a text that begins with a prefixed string literal: where its quote is, its hashes, and whether it is raw.
fn literal_prefix(text: &str) -> Option<(usize, usize, bool)> {
    let prefix = ["br", "cr", "r", "b", "c"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let rest = &text[prefix.len()..];
    let raw = prefix.ends_with('r');
    let hashes = if raw { rest.len() - rest.trim_start_matches('#').len() } else { 0 };
    rest[hashes..].starts_with('"').then_some((prefix.len() + hashes, hashes, raw))
}

/// The length of the string literal that the text begins with, from its opening quote.
fn string(text: &str, hashes: usize, raw: bool) -> usize {
    let end = format!("\"{}", "#".repeat(hashes));
    let mut at = 1;
    while at < text.len() {
        if text[at..].starts_with(&end) {
            return at + end.len();
        }
        let escaped = !raw && text[at..].starts_with('\\');
        at += text[at..].chars().take(1 + usize::from(escaped)).map(char::len_utf8).sum::<usize>();
    }
    text.len()
}

/// The length of the character literal that the text begins with; of a lifetime, only its quote.
fn character(text: &str) -> usize {
    let mut chars = text[1..].char_indices();
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let after = 1 + at + escaped.len_utf8();
            text[after..].find('\'').map_or(text.len(), |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => 1 + at + 1,
        _ => 1,
    }
}

/// The code with every item under `#[cfg(test)]` blanked.
fn without_tests(code: &str) -> String {
    let mark = "#[cfg(test)]";
    let mut out = code.to_owned();
    while let Some(start) = out.find(mark) {
        let end = start + mark.len() + item_end(&out[start + mark.len()..]);
        let blanked: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blanked);
    }
    out
}

/// Where the item that the code begins with ends: after its closing brace, or after its semicolon.
fn item_end(code: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(c, '}' | ';') {
            return at + 1;
        }
    }
    code.len()
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The line of its `fn`, from 1.
    pub(crate) line: usize,
    /// The lines from its `fn` to its closing brace.
    pub(crate) lines: usize,
}

/// Every function of the code that has a body, nested ones too.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    words(code)
        .filter(|(_, word)| *word == "fn")
        .filter_map(|(at, _)| {
            let (_, name) = words(&code[at + 2..]).next()?;
            let whole = &code[at..at + item_end(&code[at..])];
            let named = code[at + 2..].trim_start().starts_with(name);
            (named && whole.ends_with('}')).then(|| Function {
                name: name.to_owned(),
                line: code[..at].matches('\n').count() + 1,
                lines: whole.matches('\n').count() + 1,
            })
        })
        .collect()
}

/// The identifiers and keywords of the code, with their places.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_word)?;
        let end = start + code[start..].find(|c| !is_word(c)).unwrap_or(code.len() - start);
        at = end;
        Some((start, &code[start..end]))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn comments_and_literals_are_no_code() {
    let cases = [
        ("a // b.unwrap()\nc", "a              \nc"),
        ("/* x /* y */ z */ d", "                  d"),
        (r#"f("a\"b", x)"#, r#"f("     , x)"#),
        ("r#\"a\"b\"# + c", "r#\"      + c"),
        ("b\"xy\" 'a' '\\'' 'b fn", "b\"    '   '    'b fn"),
        ("for_\"x\"", "for_\"  "),
    ];
    for (text, code) in cases {
        assert_eq!(blank(text), code);
    }
}

#[test]
fn tests_are_no_product() {
    let source = Source::new("src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { x(); }\n}\nfn c() {}\n");
    let names: Vec<_> = functions(&source.product).into_iter().map(|function| function.name).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(source.product_lines(), 2);
    let outside = Source::new("src/a.rs", "#[cfg(test)]\nmod tests;\nfn c() {}\n");
    assert_eq!(functions(&outside.product).len(), 1);
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let code = "trait T { fn declared(&self); }\nimpl T {\n    fn one(a: [u8; 2]) -> fn(u8) {\n        2;\n    }\n}\n";
    let found: Vec<_> = functions(code).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
    assert_eq!(found, [("one".to_owned(), 3, 3)]);
}

#[test]
fn modules_are_named_by_their_files() {
    assert_eq!(Source::new("src/api/binding/mod.rs", "").module(), ["api", "binding"]);
    assert_eq!(Source::new("src/api/names.rs", "").module(), ["api", "names"]);
    assert!(Source::new("src/lib.rs", "").module().is_empty());
    assert!(Source::new("tests/a.rs", "").module().is_empty());
}
