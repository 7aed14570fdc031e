//! The house rules that text alone can show, one function each. Every check takes sources and returns what is wrong.

use std::collections::BTreeSet;

use super::imports::has_path;
use super::source::{Source, below_src, functions, words};

/// Lines of a file for the product: beyond the first a warning is printed, beyond the second the test fails.
const FILE_LINES: (usize, usize) = (300, 450);
/// Lines of a function: nine of ten are within the first, none is beyond the second.
const FUNCTION_LINES: (usize, usize) = (35, 60);

/// Files that are too long, as warnings and as faults.
pub(crate) fn file_sizes(sources: &[Source]) -> (Vec<String>, Vec<String>) {
    let long = |limit: usize| {
        let sized = sources.iter().map(|source| (source, source.product_lines()));
        sized
            .filter(|(_, lines)| *lines > limit)
            .map(|(source, lines)| format!("{}: {lines} lines, more than {limit}", source.path))
            .collect()
    };
    (long(FILE_LINES.0), long(FILE_LINES.1))
}

/// Functions that are too long, and a ninth tenth that is.
pub(crate) fn function_sizes(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sizes = Vec::new();
    for source in sources {
        for function in functions(&source.product) {
            sizes.push(function.lines);
            if function.lines > FUNCTION_LINES.1 {
                faults.push(format!(
                    "{}:{}: fn {} has {} lines",
                    source.path, function.line, function.name, function.lines
                ));
            }
        }
    }
    sizes.sort_unstable();
    let ninth_tenth = sizes.get((sizes.len() * 9).div_ceil(10).saturating_sub(1)).copied().unwrap_or(0);
    if ninth_tenth > FUNCTION_LINES.0 {
        faults.push(format!("one function of ten has more than {ninth_tenth} lines; {} are allowed", FUNCTION_LINES.0));
    }
    faults
}

/// Commands of kubectl that set a label or an annotation, and fail where the key is set already.
pub(crate) fn timid_commands(path: &str, text: &str) -> Vec<String> {
    // Of a text over several lines of source.
    let text = text.split("\\\n").map(str::trim_start).collect::<String>();
    let commands =
        text.split("kubectl ").skip(1).map(|rest| rest.split(['`', '\'', '"', '\n']).next().unwrap_or_default());
    let is_timid = |command: &&str| {
        let words: Vec<_> = command.split_whitespace().collect();
        let verb = words.iter().position(|word| ["label", "annotate"].contains(word));
        let sets = |at: usize| words[at..].iter().any(|word| word.contains('=') && !word.starts_with('-'));
        verb.is_some_and(|at| at <= 2 && sets(at)) && !words.contains(&"--overwrite")
    };
    let faults = commands.filter(is_timid);
    faults.map(|command| format!("{path}: 'kubectl {command}' fails where the key is set: add --overwrite")).collect()
}

/// Errors that the plugin formats itself: those of the API server's client print their whole status, as code.
pub(crate) fn raw_errors(source: &Source) -> Vec<String> {
    let is_shown = source.path.starts_with("src/cli/") || source.path == "src/k8s/list.rs";
    let has = |line: &str| ["{error}", "{error:"].iter().any(|word| line.contains(word));
    let lines = source.text.lines().enumerate().filter(|(_, line)| is_shown && has(line));
    lines
        .map(|(at, _)| format!("{}:{}: an error is printed as it is; say it by `k8s::words`", source.path, at + 1))
        .collect()
}

/// Words that product code must not have, with the reason.
const BANNED: &[(&str, &str)] = &[
    (".unwrap()", "an error is handled or returned"),
    (".expect(", "an error is handled or returned"),
    ("panic!", "nothing panics on bad input"),
    ("todo!", "there are no stubs"),
    ("unimplemented!", "there are no stubs"),
    ("dbg!", "logs go through tracing"),
    ("tokio::spawn", "tasks belong to a JoinSet or TaskTracker that waits for them"),
    ("unbounded_channel", "channels are bounded"),
    ("mpsc::unbounded", "channels are bounded"),
    ("thread_local!", "the library has no global state"),
    ("print!", "it panics when nobody reads on; use stdout::print, or write to a stream"),
    ("println!", "it panics when nobody reads on; use stdout::print, or write to a stream"),
];

/// Which fault is put in is a thread's own, so that stories are played side by side; no product is built with it.
const OF_MUTANTS: (&str, &str) = ("crates/core/src/mutant.rs", "thread_local!");

/// Banned words in product code.
pub(crate) fn banned(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in source.product.lines().enumerate() {
        let is_found =
            |(word, _): &&(&str, &str)| begins_somewhere(line, word) && (source.path.as_str(), *word) != OF_MUTANTS;
        for (word, reason) in BANNED.iter().filter(is_found) {
            faults.push(format!("{}:{}: {word}: {reason}", source.path, number + 1));
        }
    }
    faults
}

/// Whether the line has the text, not as the end of a longer word.
fn begins_somewhere(line: &str, text: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(text).any(|(at, _)| text.starts_with('.') || !line[..at].ends_with(word))
}

/// Sleeping where a deadline or an event is meant; the cloud's client, its simulator and the kit that asks it deal with real time.
pub(crate) fn sleeps(source: &Source) -> Vec<String> {
    if matches!(source.module().first(), Some(&"clb" | &"sim" | &"conformance")) {
        return Vec::new();
    }
    let sleeping = source.product.lines().enumerate().filter(|(_, line)| line.contains("sleep("));
    sleeping.map(|(number, _)| format!("{}:{}: sleeps", source.path, number + 1)).collect()
}

/// Statics of the library that can change.
pub(crate) fn global_state(source: &Source) -> Vec<String> {
    if source.path.starts_with("src/bin/") {
        return Vec::new();
    }
    let changing = ["Mutex", "RwLock", "OnceLock", "LazyLock", "OnceCell", "mut"];
    let is_state = |line: &str| {
        let declares = line.trim_start().trim_start_matches("pub ").starts_with("static ");
        declares && (line.contains("Atomic") || changing.iter().any(|name| has_path(line, name)))
    };
    let found = source.product.lines().enumerate().filter(|(_, line)| is_state(line));
    found.map(|(number, _)| format!("{}:{}: global state", source.path, number + 1)).collect()
}

/// Modules of tests that are compiled for the product, too: their files would not be looked at.
pub(crate) fn tests_in_product(source: &Source) -> Vec<String> {
    let all: Vec<&str> = words(&source.product).map(|(_, word)| word).collect();
    let found = all.windows(2).any(|pair| pair == ["mod", "tests"]);
    found.then(|| format!("{}: mod tests without #[cfg(test)]", source.path)).into_iter().collect()
}

/// Names of files and functions that say nothing.
pub(crate) fn names(source: &Source) -> Vec<String> {
    let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    let mut faults: Vec<String> = ["util", "helper", "manager", "common", "misc"]
        .iter()
        .filter(|bad| stem.split('_').any(|part| part.trim_end_matches('s') == **bad))
        .map(|bad| format!("{}: a file named {bad}", source.path))
        .collect();
    let getters = functions(&source.product).into_iter().filter(|function| function.name.starts_with("get_"));
    faults.extend(
        getters.map(|function| format!("{}:{}: fn {} begins with get_", source.path, function.line, function.name)),
    );
    faults
}

/// Files that no `mod` reaches, and folders whose module is a file beside them.
pub(crate) fn unreachable_files(sources: &[Source]) -> Vec<String> {
    let paths: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let mut reached: BTreeSet<String> =
        paths.iter().filter(|path| is_root(path)).map(|path| (*path).to_owned()).collect();
    let mut open: Vec<String> = reached.iter().cloned().collect();
    while let Some(path) = open.pop() {
        let Some(source) = sources.iter().find(|source| source.path == path) else { continue };
        for child in declared(source) {
            if paths.contains(child.as_str()) && reached.insert(child.clone()) {
                open.push(child);
            }
        }
    }
    let lost = paths.iter().filter(|path| !reached.contains(**path)).map(|path| format!("{path}: no mod reaches it"));
    let twins = paths.iter().filter(|path| {
        let folder = format!("{}/", path.trim_end_matches(".rs"));
        below_src(path).is_some() && paths.iter().any(|other| other.starts_with(&folder))
    });
    lost.chain(twins.map(|path| format!("{path}: a folder's module is its mod.rs"))).collect()
}

fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(
        parts.as_slice(),
        ["src", "lib.rs" | "main.rs"]
            | ["crates", _, "src", "lib.rs"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main.rs"]
            | ["tests" | "examples" | "benches", _]
            | ["tests" | "examples" | "benches", _, "main.rs"]
    )
}

/// The files that a file's `mod name;` may mean.
fn declared(source: &Source) -> Vec<String> {
    let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let holds = matches!(file, "mod.rs" | "lib.rs" | "main.rs") || is_root(&source.path);
    let folder = if holds { folder.to_owned() } else { format!("{folder}/{}", file.trim_end_matches(".rs")) };
    let mut files = Vec::new();
    let mut found = words(&source.code).peekable();
    while let Some((_, word)) = found.next() {
        let Some((at, name)) = found.peek().filter(|_| word == "mod") else { continue };
        if source.code[at + name.len()..].trim_start().starts_with(';') {
            files.extend([format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]);
            // Tests in folders share modules with `#[path = "../support/mod.rs"]`.
            files.extend(folder.strip_prefix("tests/").map(|_| format!("tests/{name}/mod.rs")));
        }
    }
    files
}

/// Paths of one person's machine, in any text file.
pub(crate) fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let places = ["/work/", "/tmp/", "/root/", "/home/", "../shared"];
    let begins = |line: &str, place: &str| {
        line.match_indices(place)
            .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "/._-}$)".contains(c)))
    };
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| places.iter().any(|place| begins(line, place)))
        .map(|(number, _)| format!("{path}:{}: a path of one machine", number + 1))
        .collect()
}

#[cfg(test)]
mod tests;
