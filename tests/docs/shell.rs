//! Command lines of the pages, taken apart as far as they are used there: words, quotes, comments, continued lines, pipes, text that
//! follows `<<`, and placeholders such as `<name>`.

use super::page::{Block, Page};

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Where its block begins.
    pub(super) place: String,
    /// The program and its arguments, without assignments before and without redirections. Placeholders and expansions are plain
    /// words.
    pub(super) words: Vec<String>,
    /// It is to be typed as it stands. Else it is a mention, which may leave things out.
    pub(super) is_whole: bool,
}

/// Languages of blocks that hold commands.
const LANGUAGES: [&str; 4] = ["console", "sh", "bash", "shell"];

/// The commands of a block; none when it holds something else.
pub(super) fn commands(block: &Block) -> Vec<Command> {
    if !LANGUAGES.contains(&block.info.split_whitespace().next().unwrap_or_default()) {
        return Vec::new();
    }
    let script = script(&block.text);
    let all = split(&script).into_iter().map(without_assignments).filter(|words| !words.is_empty());
    all.map(|words| Command { place: block.place.clone(), words, is_whole: true }).collect()
}

/// Commands that the text of a page mentions.
pub(super) fn mentions(page: &Page) -> Vec<Command> {
    const PROGRAMS: [&str; 6] =
        ["cargo", "clb-conformance", "clb-simulator", "direct-access-controller", "helm", "kubectl"];
    let mut found = Vec::new();
    for (line, code) in page.codes() {
        let is_command = PROGRAMS.contains(&code.split(' ').next().unwrap_or_default()) && code.contains(' ');
        // `[OPTIONS]` and the like describe commands.
        if is_command && !code.contains('[') {
            let place = format!("{}:{line}", page.name);
            let all = split(&code).into_iter().map(without_assignments).filter(|words| !words.is_empty());
            found.extend(all.map(|words| Command { place: place.clone(), words, is_whole: false }));
        }
    }
    found
}

/// The lines that are typed: all, or those behind a prompt where there are prompts.
fn script(text: &str) -> String {
    if !text.lines().any(|line| line.starts_with("$ ")) {
        return text.to_owned();
    }
    let mut script = String::new();
    let mut is_typed = false;
    for line in text.lines() {
        let typed = line.strip_prefix("$ ").or(is_typed.then_some(line));
        if let Some(typed) = typed {
            script.extend([typed, "\n"]);
        }
        is_typed = typed.is_some_and(|line| line.ends_with('\\'));
    }
    script
}

/// Splits a script into the words of its commands.
fn split(script: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = script;
    while let Some(next) = rest.chars().next() {
        let mut taken = next.len_utf8();
        match next {
            '\\' if rest[1..].starts_with('\n') => taken = 2,
            '\\' => {
                let escaped = rest[1..].chars().next().unwrap_or_default();
                word.get_or_insert_default().push(escaped);
                taken += escaped.len_utf8();
            }
            '\'' | '"' => {
                let end = rest[1..].find(next).expect("a quote is closed");
                word.get_or_insert_default().push_str(&rest[1..=end]);
                taken = end + 2;
            }
            '#' if word.is_none() => taken = rest.find('\n').unwrap_or(rest.len()),
            '<' if rest.starts_with("<<") => {
                taken = after_here_document(rest);
            }
            '<' if placeholder(rest).is_some() => {
                let name = placeholder(rest).unwrap();
                word.get_or_insert_default().push_str(&name.replace([' ', '-'], ""));
                taken = name.len() + 2;
            }
            '$' if rest.starts_with("$(") => {
                taken = rest.find(')').expect("an expansion is closed") + 1;
                word.get_or_insert_default().push('x');
            }
            '>' | '<' => {
                // The file is no word of the command.
                let digits = word.take_if(|word| word.chars().all(|c| c.is_ascii_digit()));
                words.extend(word.take());
                drop(digits);
                let target = rest[1..].trim_start_matches(['>', '&', ' ']);
                let file = target.find(|c: char| c.is_whitespace() || "|;&".contains(c)).unwrap_or(target.len());
                taken = rest.len() - target.len() + file;
            }
            '|' | ';' | '&' | '\n' => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
        rest = &rest[taken..];
    }
    words.extend(word);
    commands.push(words);
    commands.into_iter().filter(|words| !words.is_empty()).collect()
}

/// The name in `<name>`.
fn placeholder(text: &str) -> Option<&str> {
    let name = &text[1..text.find('>')?];
    let fits = |c: char| c.is_alphanumeric() || " -_./".contains(c);
    (!name.is_empty() && !name.starts_with(' ') && name.chars().all(fits)).then_some(name)
}

/// What `<<EOF` up to the line `EOF` takes, that line included.
fn after_here_document(text: &str) -> usize {
    let first = text.find('\n').expect("a text follows");
    let mark = text[2..first].split_whitespace().next().unwrap_or_default().trim_matches(['\'', '"', '-']);
    let end = format!("\n{mark}\n");
    text.find(&end).expect("the text ends") + end.len() - 1
}

fn without_assignments(words: Vec<String>) -> Vec<String> {
    let is_assignment = |word: &String| {
        let name = word.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    words.into_iter().skip_while(is_assignment).collect()
}

#[test]
fn commands_are_taken_apart() {
    let words = |text: &str, info: &str| -> Vec<String> {
        let block = Block { place: String::new(), info: info.to_owned(), text: text.to_owned() };
        commands(&block).iter().map(|command| command.words.join("|")).collect()
    };
    for (text, expected) in [
        ("a b # c\n# d\ne\n", &["a|b", "e"][..]),
        ("a \\\n  b\n", &["a|b"]),
        ("$ a \\\n  b\noutput c\n$ d\n", &["a|b", "d"]),
        ("X_Y=1 a 'b c' \"d\"e=f\n", &["a|b c|de=f"]),
        ("a <my name> --b=<c>/d | e -f - && g; h\n", &["a|myname|--b=c/d", "e|-f|-", "g", "h"]),
        ("a -f - <<EOF\nb: c\nEOF\nd\n", &["a|-f|-", "d"]),
        ("a > b.txt 2>&1\nc 2>/dev/null | d\n", &["a", "c", "d"]),
        ("a $(b c) $D\n", &["a|x|$D"]),
    ] {
        assert_eq!(words(text, "console"), expected, "{text}");
    }
    assert!(words("a\n", "text").is_empty());
}
